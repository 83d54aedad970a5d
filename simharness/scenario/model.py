"""A scenario: the whole typed, frozen description of one run. Loading and checking are in ``load.py``."""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simharness.scenario.base import Model, Sourced, require_known
from simharness.scenario.detector import DetectorSpec
from simharness.scenario.expect import Expectation
from simharness.scenario.harm_weights import HarmWeights
from simharness.scenario.levels import AlertLevel
from simharness.scenario.policy import Arm
from simharness.scenario.precision import Precision
from simharness.scenario.prices import Prices
from simharness.scenario.response import Response
from simharness.scenario.stress import Stress
from simharness.scenario.world import World

DAY_S = 86_400.0
MONTH_DAYS = 30.4375  # 365.25 / 12: the month of "per 1,000 child-months"


class Period(Model):
    """Both days included."""

    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"at end: expected a day not before start ({self.start}), got {self.end}")
        return self


class Sampling(Sourced):
    """Every grooming conversation is simulated; harmless ones are sampled and carry a weight of 1 / fraction."""

    benign_fraction: Annotated[float, Field(gt=0.0, le=1.0)]


class Training(Model):
    """Sizes of the separate worlds on which detectors are trained and alert levels are set."""

    grooming: Annotated[int, Field(ge=50)] = Field(description="grooming conversations to train on")
    benign: Annotated[int, Field(ge=50)] = Field(description="harmless conversations to train on")
    calibration: Annotated[int, Field(ge=1000)] = Field(description="harmless conversations that set alert levels")


class MatchedBudget(Model):
    """Detectors are also compared at one number of alerts, right and false together: at the levels that a team with so
    much time to read would choose.
    """

    alerts_per_1000_child_months: Annotated[float, Field(gt=0.0)]
    baseline: str = Field(description="the detector the others are held against")


class RecordedFigure(Sourced):
    """A published figure to hold the simulation against."""

    measure: Literal["offences", "platform_share", "group_share", "youngest_victim"]
    title: str
    role: Literal["fitted", "input", "check"] = Field(
        description="fitted: a parameter was tuned to it; input: a parameter states it; check: neither"
    )
    value: float
    days: Annotated[int, Field(ge=1)] | None = Field(
        None, description="days from the period's first that the figure speaks of; those of the period if absent"
    )
    tolerance: float | None = Field(None, description="for shares: how far the simulated mean may lie, in points")
    areas: list[str] | None = Field(None, description="force areas counted; all if absent")
    platforms: list[str] | None = None
    sex: Literal["girl", "boy"] | None = None
    youngest: int | None = None
    oldest: int | None = None


class Scenario(Model):
    """Open first. One YAML file (after ``extends``) is one Scenario."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_\-]*$")]
    title: str
    description: str
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    replications: Annotated[int, Field(ge=1, le=100_000)]
    scale: Annotated[float, Field(gt=0.0, le=1000.0)] = 1.0
    period: Period
    world: World
    response: Response
    detectors: dict[str, DetectorSpec] = Field(min_length=1)
    training: Training
    sampling: Sampling
    comparator: str
    arms: dict[str, Arm] = Field(min_length=1)
    matched_budget: MatchedBudget | None = None
    recorded: list[RecordedFigure] = Field(default_factory=list)
    harm_weights: HarmWeights | None = Field(None, description="for one weighted sum of harm; none is made if absent")
    precision: Precision | None = Field(
        None, description="goes on past replications until an interval is narrow enough"
    )
    prices: Prices | None = Field(None, description="costs are counted only where there is a price list")
    stress: Stress | None = Field(None, description="dials that detectors were not trained for; none are on if absent")

    expect: list[Expectation] | None = Field(
        None, description="bars that the results are held against; they decide none"
    )

    @property
    def nations(self) -> int:
        """How many whole populations run side by side: a scale above one is more of them, not a larger one.

        Queues then keep the size they have in the country, and memory does not grow with the scale.
        """
        return max(1, math.ceil(self.scale - 1e-9))

    def one_nation(self) -> Self:
        """The scenario of one of them."""
        return self.model_copy(update={"scale": self.scale / self.nations})

    @property
    def horizon_s(self) -> float:
        """Length of the period in seconds."""
        return self.period.days * DAY_S

    @property
    def months(self) -> float:
        return self.period.days / MONTH_DAYS

    def _require_calibration(self, where: str, level: AlertLevel | None) -> None:
        """A level is set by the few highest harmless conversations: one at the least must lie above it."""
        rate = level.false_alerts_per_1000_child_months if level else None
        if rate is None:
            return
        per_1000 = 1000.0 * self.world.benign.contact_rate * DAY_S * MONTH_DAYS
        if rate / per_1000 * self.training.calibration < 1.0:
            needed = math.ceil(per_1000 / rate)
            raise ValueError(
                f"at training.calibration: expected at least {needed} conversations to set {where} "
                f"({rate:g} false alerts per 1,000 child-months), got {self.training.calibration}"
            )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.comparator not in self.arms:
            raise ValueError(f"at comparator: unknown arm {self.comparator!r}; known: {', '.join(self.arms)}")
        if self.matched_budget is not None:
            require_known("matched_budget.baseline", [self.matched_budget.baseline], self.detectors, "detector")
        for name, arm in self.arms.items():
            if arm.detector is not None and arm.detector not in self.detectors:
                known = ", ".join(self.detectors)
                raise ValueError(f"at arms.{name}.detector: unknown detector {arm.detector!r}; known: {known}")
            for place, level in arm.levels():
                self._require_calibration(f"arms.{name}.{place}", level)
            if arm.code is not None:
                require_known(f"arms.{name}.code.coverage", arm.code.coverage, self.world.platforms, "platform")
            require_known(f"arms.{name}.encrypted", arm.encrypted, self.world.platforms, "platform")
            self._require_reactions(name, arm)
        return self

    @model_validator(mode="after")
    def _check_precision(self) -> Self:
        if self.precision is None:
            return self
        kind, name = self.precision.subject
        known = self.arms if kind == "arm" else self.detectors
        if name not in known:
            raise ValueError(f"at precision.{kind}: unknown {kind} {name!r}; known: {', '.join(known)}")
        if self.replications < 2:
            raise ValueError("at replications: expected at least 2, so that there is an interval to look at, got 1")
        if self.precision.at_most < self.replications:
            raise ValueError(
                f"at precision.at_most: expected at least the {self.replications} replications it begins with, "
                f"got {self.precision.at_most}"
            )
        return self

    def _require_reactions(self, name: str, arm: Arm) -> None:
        """What an action needs to know about the people it concerns must be in the scenario."""
        needed = {
            "nudge_child": "nudge_child",
            "suggest_block": "suggest_block",
            "alert_guardian": "alert_guardian",
            "restrict_messaging": "restriction",
            "share_signal": "signal_sharing",
        }
        for place, actions in arm.action_lists():
            for action in actions:
                if action in needed and getattr(self.response.reactions, needed[action]) is None:
                    where = f"response.reactions.{needed[action]}"
                    raise ValueError(f"at arms.{name}.{place}: the action {action} needs {where}: add it")
