"""The typed police of a scenario: intake, triage, investigation, protection, arrest and charge, force by force."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simharness.scenario.base import Delay, DelayedEvent, Model, Parameter, Positive, ProbabilityParameter, Sourced
from simharness.scenario.queues import Hours
from simharness.units import Duration

RISKS = ("high", "medium", "low")  # of triage, most urgent first
Law = Literal["none", "meeting", "communication"]


class WorkingTime(Hours, Sourced):
    """When officers work."""


class Effort(Sourced):
    """Working time of one officer on one case."""

    time: Delay = Field(description="working time")


class Step(Sourced):
    delay: Delay = Field(description="calendar time")


class ByRisk(Sourced):
    """One delay for each outcome of triage."""

    high: Delay = Field(description="calendar time")
    medium: Delay = Field(description="calendar time")
    low: Delay = Field(description="calendar time")


class Targets(Sourced):
    """Within how long after recording the child is to be protected, by triage."""

    high: Duration = Field(description="calendar time from recording")
    medium: Duration = Field(description="calendar time from recording")
    low: Duration = Field(description="calendar time from recording")


class Triage(Sourced):
    """High: a meeting attempt or contact abuse has happened, or the child is young. Medium: the conversation is still
    running, or the report came with the evidence. Low: everything else.
    """

    young: Annotated[int, Field(ge=0, le=17)] = Field(description="a child of this age or younger is at high risk")
    targets: Targets


class ForceDifference(Sourced):
    """How one force differs from the rest."""

    staff: Positive = Field(1.0, description="times the officers per million inhabitants")
    delay: Positive = Field(1.0, description="times the delays from investigation to protection, arrest and charge")


class Police(Model):
    """In every force area a desk that reads platforms' referrals and a team that investigates."""

    investigators: Parameter = Field(description="investigators per million inhabitants of the force area")
    desk: Parameter = Field(description="staff who read referrals, per million inhabitants of the force area")
    working_time: WorkingTime
    effort: Effort
    referral_effort: Effort
    triage: Triage
    safeguarding: ByRisk = Field(description="investigation begun until the child is protected from this offender")
    arrest: Step = Field(description="investigation begun until the offender can contact nobody any more")
    charge: DelayedEvent = Field(description="the offender is charged; delay from recording")
    referral_recorded: ProbabilityParameter = Field(
        description="a right referral of an offence is recorded (reports have rates of their own, by force)"
    )
    acts_before_offence: ProbabilityParameter = Field(
        description="police protect the child on a right referral although no offence has happened yet"
    )
    forces: dict[str, ForceDifference] = Field(default_factory=dict, description="forces that differ")
