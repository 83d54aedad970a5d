"""The typed queues of a scenario: who reads alerts, when, in which order, how well, and what is lost on the way."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from simharness.scenario.base import Delay, Model, Probability, Sourced, require_known
from simharness.scenario.levels import AlertLevel
from simharness.units import Duration

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
Priority = Literal["first_come", "score", "deadline", "value_of_time"]


class Hours(Model):
    """Between two times of day, on the days on which it begins; it may run past midnight."""

    begins: Duration = Field(lt=86400, description="time of day")
    ends: Duration = Field(le=86400, description="time of day")
    days: list[Weekday] = Field(
        default_factory=lambda: list(WEEKDAYS), min_length=1, description="days on which it begins; every day if absent"
    )


class Shift(Hours):
    """Reviewers on duty at these hours."""

    staff: Annotated[int, Field(ge=1)] = Field(description="people, at scale 1")
    tier: str | None = Field(None, description="skill tier of its staff; may be left out where there is only one")


class Tier(Sourced):
    """How fast and how well people of one skill read."""

    service: Delay = Field(description="working time on one alert")
    sensitivity: Probability = Field(description="share of right alerts confirmed")
    specificity: Probability = Field(description="share of false alerts cleared")


class Claim(Sourced):
    """A reviewer who takes an alert locks it. Some then leave it: the lock holds until it expires."""

    stalls: Probability = Field(description="share of claims that are left without a decision")
    expires: Duration = Field(gt=0, description="time for which a claim holds without a decision")


class ServiceLevel(Model):
    """Within how long an alert is to be claimed for the last time before its decision."""

    target: Duration = Field(gt=0, description="time from coming to the desk")
    urgent_target: Duration | None = Field(None, description="for alerts at or above urgent_above")
    urgent_above: AlertLevel | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.urgent_target is None) != (self.urgent_above is None):
            raise ValueError("expected urgent_target and urgent_above together, or neither")
        return self


class SecondReview(Model):
    """A second, independent reading; its verdict stands."""

    of: Literal["confirmed", "cleared", "all"] = Field(description="which first verdicts are read again")
    share: Probability = Field(description="share of these")
    tier: str | None = Field(None, description="only people of this tier; anyone if absent")


class Fatigue(Sourced):
    """What every hour of a shift takes away; it begins afresh with the next shift."""

    accuracy_lost_per_hour: Probability = Field(description="share of sensitivity and of specificity lost each hour")
    slower_per_hour: Annotated[float, Field(ge=0.0)] = Field(description="added share of the service time each hour")


class Queue(Sourced):
    """A staffed queue. Whoever is free takes the alert that the priority rule puts first."""

    tiers: dict[str, Tier] = Field(min_length=1, description="best first: of several free people the best is asked")
    shifts: list[Shift] = Field(min_length=1)
    priority: Priority = Field(
        "first_come",
        description=(
            "which alert is taken first: the oldest, the one with the highest risk, the one due first, or the one "
            "where a minute of delay costs most (probability of being right times messages an hour)"
        ),
    )
    ageing: Duration | None = Field(None, description="what has waited this long goes before everything younger")
    service_level: ServiceLevel | None = None
    expires: Duration = Field(gt=0, description="an alert that has waited this long is dropped unread")
    capacity: Annotated[int, Field(ge=1)] | None = Field(
        None, description="at most so many alerts in the queue and in hand, at scale 1; more are turned away"
    )
    claim: Claim | None = None
    merge_by_account: bool = Field(False, description="an alert joins one on the same account that is not yet decided")
    drop_when_ended: bool = Field(False, description="an alert whose conversation has ended is dropped unread")
    second_review: SecondReview | None = None
    fatigue: Fatigue | None = None
    on_confirmed: list[str] = Field(default_factory=list, description="actions on an alert that was confirmed")
    on_cleared: list[str] = Field(default_factory=list, description="actions on an alert that was cleared")

    @model_validator(mode="after")
    def _tiers_known(self) -> Self:
        for place, shift in enumerate(self.shifts):
            if shift.tier is None and len(self.tiers) > 1:
                raise ValueError(f"at shifts.{place}.tier: expected one of {', '.join(self.tiers)}, got none")
            if shift.tier is not None:
                require_known(f"shifts.{place}.tier", [shift.tier], self.tiers, "tier")
        second = self.second_review
        if second is not None and second.tier is not None:
            require_known("second_review.tier", [second.tier], self.tiers, "tier")
            if not any((shift.tier or next(iter(self.tiers))) == second.tier for shift in self.shifts):
                raise ValueError(f"at second_review.tier: no shift has staff of tier {second.tier!r}")
        if self.priority == "deadline" and self.service_level is None:
            raise ValueError("at priority: the rule deadline needs service_level: add it, or choose another rule")
        return self
