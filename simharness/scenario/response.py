"""The typed response of a scenario: police, platforms, people's reactions, and the arms (policies) compared."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simharness.scenario.base import Delay, DelayedEvent, Model, Parameter, Probability, ProbabilityParameter, Sourced
from simharness.units import Duration

Action = Literal["alert_child", "review", "refer_police", "suspend_account"]
Law = Literal["none", "meeting", "communication"]


class Police(Model):
    """One desk and one team of investigators per force area."""

    investigators: Parameter = Field(description="investigators per million inhabitants of the force area")
    desk: Parameter = Field(description="staff who read referrals, per million inhabitants of the force area")
    effort: Effort
    referral_effort: Effort
    safeguarding: Step = Field(description="investigation begun until the child is protected from this offender")
    urgent_safeguarding: Step = Field(description="the same where a platform's referral came with the evidence")
    arrest: Step = Field(description="investigation begun until the offender can contact nobody any more")
    acts_before_offence: ProbabilityParameter = Field(
        description="police protect the child on a right referral although no offence has happened yet"
    )


class Effort(Sourced):
    """Working time of one officer on one case."""

    time: Delay


class Step(Sourced):
    delay: Delay


class Reactions(Model):
    """How children and offenders answer what is done; every choice is an addressed draw."""

    alert_child: AlertReaction
    block_recontacted: DelayedEvent = Field(description="a child who blocked is contacted again elsewhere")
    suspension_recontact: DelayedEvent = Field(description="a suspended offender carries a conversation on elsewhere")
    suspension_displaces: ProbabilityParameter = Field(
        description="a later contact planned on the platform is made on another one instead of not at all"
    )


class AlertReaction(Sourced):
    """What a child does on an alert; what is left over is ignoring it."""

    leave: Probability
    block: Probability
    tell: Probability

    @model_validator(mode="after")
    def _sum(self) -> Self:
        total = self.leave + self.block + self.tell
        if total > 1.0 + 1e-9:
            raise ValueError(f"expected leave + block + tell of at most 1, got {total:.6g}")
        return self


class SaferDefaults(Sourced):
    prevented: Probability = Field(description="share of an offender's contacts that cannot be made at all")


class Audits(Sourced):
    """A regulator looks every ``interval`` and closes a share of what is still missing."""

    interval: Duration = Field(gt=0)
    closes: Probability


class Code(Sourced):
    """Which platforms do what the arm says, and for what share of conversations."""

    coverage: dict[str, Probability] = Field(description="share of a platform's conversations covered at the start")
    audits: Audits | None = None
    safer_defaults: SaferDefaults | None = None


class Shift(Model):
    """Reviewers on duty every day between two times of day; a shift may run past midnight."""

    begins: Duration = Field(lt=86400)
    ends: Duration = Field(le=86400)
    staff: Annotated[int, Field(ge=1)]


class Review(Sourced):
    """A staffed queue at the platforms, first come first served."""

    shifts: list[Shift] = Field(min_length=1)
    service: Delay
    sensitivity: Probability = Field(description="share of right alerts confirmed")
    specificity: Probability = Field(description="share of false alerts cleared")
    expires: Duration = Field(gt=0, description="an alert that has waited this long is dropped unread")


class AlertLevel(Model):
    """Where an alert is raised: a risk, or the risk that gives this many false alerts on a calibration world."""

    risk: float | None = None
    false_alerts_per_1000_child_months: Annotated[float, Field(gt=0.0)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.risk is None) == (self.false_alerts_per_1000_child_months is None):
            raise ValueError("expected exactly one of risk and false_alerts_per_1000_child_months")
        return self


class Arm(Model):
    """One policy. Without a detector it is police alone under ``law``."""

    title: str
    law: Law = Field(description="none: police never act; meeting: from a meeting attempt on; communication: s.15A")
    detector: str | None = None
    alert_level: AlertLevel | None = None
    code: Code | None = None
    on_alert: list[Action] = Field(default_factory=list)
    review: Review | None = None
    on_confirmed: list[Action] = Field(default_factory=list)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.detector is None:
            extra = [name for name in ("alert_level", "on_alert", "review", "on_confirmed") if getattr(self, name)]
            if extra:
                raise ValueError(f"at {extra[0]}: needs a detector: name one of the scenario's detectors, or remove it")
            return self
        for name in ("alert_level", "code"):
            if getattr(self, name) is None:
                raise ValueError(f"at detector: an arm with a detector needs {name}")
        if ("review" in self.on_alert) != (self.review is not None):
            raise ValueError("at on_alert: the action 'review' and the block review: go together; add or remove both")
        if "review" in self.on_confirmed:
            raise ValueError("at on_confirmed: a review cannot be sent to review again; remove 'review'")
        if self.on_confirmed and self.review is None:
            raise ValueError("at on_confirmed: nothing is ever confirmed without review: add review:, or use on_alert")
        return self


class Response(Model):
    police: Police
    reactions: Reactions
