"""The arms (policies) of a scenario, as data: when an alert is raised, what is done, by whom, and what fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simharness.scenario.base import Model
from simharness.scenario.code import Code
from simharness.scenario.failures import Failures
from simharness.scenario.levels import AlertLevel
from simharness.scenario.police import Law
from simharness.scenario.queues import Queue
from simharness.units import Duration

# Each action with the one it goes to.
RECIPIENTS = {
    "nudge_child": "child",
    "suggest_block": "child",
    "alert_child": "child",
    "alert_guardian": "guardian",
    "restrict_messaging": "offender",
    "suspend_account": "offender",
    "share_signal": "other platforms",
    "refer_police": "police",
}
TO_QUEUE = "queue."  # the action "queue.moderators" puts an alert into that queue
POLICE = "police"  # the desk of the force, which no queue may be called


class Sustained(Model):
    """s of n: the alert is raised when s of the last n messages left the risk at or above the level."""

    s: Annotated[int, Field(ge=1, le=64)] = Field(description="messages at or above the level")
    n: Annotated[int, Field(ge=1, le=64)] = Field(description="of the last so many messages")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.s > self.n:
            raise ValueError(f"at s: expected at most n ({self.n}), got {self.s}")
        return self


class AccountTrigger(Model):
    """Only when so many conversations of one account have crossed the level within a time."""

    conversations: Annotated[int, Field(ge=2)] = Field(description="different conversations of one account")
    within: Duration = Field(gt=0, description="time before the crossing")


class Trigger(Model):
    """When a risk at the alert level raises an alert. As it stands: once a conversation and platform, at once."""

    s_of_n: Sustained | None = None
    rearm_below: AlertLevel | None = Field(
        None, description="hysteresis: another alert only after the risk has fallen below this level"
    )
    cooldown: Duration | None = Field(None, description="another alert on the same conversation not before")
    at_most: Annotated[int, Field(ge=2, le=1000)] = Field(
        16, description="alerts on one conversation and platform, where rearm_below or cooldown allow several"
    )
    account: AccountTrigger | None = None
    budget_per_day: Annotated[int, Field(ge=1)] | None = Field(
        None, description="alerts raised a day at scale 1; what comes after is dropped"
    )


class Arm(Model):
    """One policy. Without a detector it is police alone under ``law``."""

    title: str = Field(description="what reports call it")
    law: Law = Field(description="none: police never act; meeting: from a meeting attempt on; communication: s.15A")
    detector: str | None = Field(None, description="one of the scenario's detectors; without one the police act alone")
    alert_level: AlertLevel | None = None
    trigger: Trigger = Trigger()
    mode: Literal["live", "shadow"] = Field(
        "live", description="shadow: alerts are raised and read, and every action is logged but none is taken"
    )
    code: Code | None = None
    encrypted: list[str] = Field(default_factory=list, description="platforms on which no text can be read")
    on_alert: list[str] = Field(default_factory=list, description="actions on every alert, in this order")
    queues: dict[str, Queue] = Field(default_factory=dict, max_length=8)
    failures: Failures | None = None

    def action_lists(self) -> Iterator[tuple[str, list[str]]]:
        """Every list of actions with its place in the arm."""
        yield "on_alert", self.on_alert
        for name, queue in self.queues.items():
            yield f"queues.{name}.on_confirmed", queue.on_confirmed
            yield f"queues.{name}.on_cleared", queue.on_cleared

    def levels(self) -> Iterator[tuple[str, AlertLevel | None]]:
        """Every level of risk with its place in the arm."""
        yield "alert_level", self.alert_level
        yield "trigger.rearm_below", self.trigger.rearm_below
        for name, queue in self.queues.items():
            if queue.service_level is not None:
                yield f"queues.{name}.service_level.urgent_above", queue.service_level.urgent_above

    @property
    def values_time(self) -> bool:
        """Whether a queue of it orders alerts by what time is worth to them, for which the past must be known."""
        return any(queue.priority == "value_of_time" for queue in self.queues.values())

    @model_validator(mode="after")
    def _rearms_below(self) -> Self:
        level, rearm = self.alert_level, self.trigger.rearm_below
        if level is None or rearm is None:
            return self
        above = level.risk is not None and rearm.risk is not None and rearm.risk > level.risk
        rate, rearm_rate = level.false_alerts_per_1000_child_months, rearm.false_alerts_per_1000_child_months
        above = above or (rate is not None and rearm_rate is not None and rearm_rate < rate)
        if above:
            raise ValueError("at trigger.rearm_below: expected a risk not above alert_level, got a higher one")
        return self

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.detector is None:
            names = ("alert_level", "on_alert", "queues", "failures", "encrypted")
            extra = [name for name in names if getattr(self, name)]
            if extra:
                raise ValueError(f"at {extra[0]}: needs a detector: name one of the scenario's detectors, or remove it")
            return self
        for name in ("alert_level", "code"):
            if getattr(self, name) is None:
                raise ValueError(f"at detector: an arm with a detector needs {name}")
        return self

    @model_validator(mode="after")
    def _desks_told_apart(self) -> Self:
        if POLICE in self.queues:
            raise ValueError(f"at queues.{POLICE}: the desk of the police force is called so: choose another name")
        return self

    @model_validator(mode="after")
    def _actions_known(self) -> Self:
        """Every action exists, every queue is reached, and no alert can come back to a queue it has left."""
        after: dict[str, set[str]] = {name: set() for name in ("on_alert", *self.queues)}
        for place, actions in self.action_lists():
            for number, action in enumerate(actions):
                if action in RECIPIENTS:
                    continue
                queue = action.removeprefix(TO_QUEUE)
                if queue == action or queue not in self.queues:
                    known = ", ".join([*RECIPIENTS, *(TO_QUEUE + name for name in self.queues)])
                    raise ValueError(f"at {place}.{number}: unknown action {action!r}; known: {known}")
                after[place.split(".")[1] if "." in place else place].add(queue)
        reached, frontier = set[str](), {"on_alert"}
        while frontier:
            reached |= frontier
            frontier = set().union(*(after[name] for name in frontier)) - reached
        for name in self.queues:
            if name not in reached:
                raise ValueError(
                    f"at queues.{name}: no action leads here: add {TO_QUEUE}{name} to on_alert, or remove it"
                )
            if _leads_to(name, name, after):
                raise ValueError(f"at queues.{name}: an alert decided here could come back: remove the circle")
        return self


def _leads_to(start: str, goal: str, after: dict[str, set[str]]) -> bool:
    """Whether a queue's actions can lead an alert to a queue, directly or through others."""
    seen, frontier = set[str](), set(after[start])
    while frontier:
        if goal in frontier:
            return True
        seen |= frontier
        frontier = set().union(*(after[name] for name in frontier)) - seen
    return False
