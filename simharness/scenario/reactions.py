"""The typed reactions of a scenario: what children, guardians, offenders and other platforms do about what is done."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from simharness.scenario.base import (
    Delay,
    DelayedEvent,
    Model,
    Probability,
    ProbabilityParameter,
    Sourced,
)
from simharness.units import Duration


class ChildReaction(Sourced):
    """What a child does on being told; what is left over is ignoring it."""

    leave: Probability = Field(description="share who leave the contact for good")
    block: Probability = Field(description="share who block the account")
    tell: Probability = Field(description="share who leave and tell the police or an adult who does")

    @model_validator(mode="after")
    def _sum(self) -> Self:
        total = self.leave + self.block + self.tell
        if total > 1.0 + 1e-9:
            raise ValueError(f"expected leave + block + tell of at most 1, got {total:.6g}")
        return self


class Repetition(Sourced):
    """A message that says again what the child has just been told about the same contact changes nothing."""

    within: Duration = Field(gt=0, description="time since the last message of this kind")


class GuardianReaction(DelayedEvent):
    """With the probability given, a guardian who is told takes it up after the delay."""

    ends_contact: Probability = Field(description="of those who take it up: ends the conversation")
    reports: Probability = Field(description="of those who take it up: tells the police")


class Restriction(Sourced):
    """An account that may not write to children it does not know, for a time."""

    lasts: Duration = Field(gt=0, description="time from the action")
    moves: Probability = Field(description="a conversation is carried on elsewhere instead of waiting")


class TippedOff(Sourced):
    """An offender who notices that a child who has done nothing about it has been warned."""

    notices: Probability = Field(description="share of occasions on which it is noticed")
    speeds_up: Probability = Field(description="share of those who notice")
    goes_silent: Probability = Field(description="share of those who notice")
    moves: Probability = Field(description="these three are shares of those who notice; the rest carry on")
    tempo: Annotated[float, Field(gt=0.0, le=1.0)] = Field(description="of those who speed up: times all gaps to come")
    silence: Delay = Field(description="for how long those who go silent wait")

    @model_validator(mode="after")
    def _sum(self) -> Self:
        total = self.speeds_up + self.goes_silent + self.moves
        if total > 1.0 + 1e-9:
            raise ValueError(f"expected speeds_up + goes_silent + moves of at most 1, got {total:.6g}")
        return self


class Substitution(DelayedEvent):
    """An offender whose conversation was ended by an action contacts another child instead."""

    links: Annotated[int, Field(ge=1, le=3)] = Field(1, description="how often in a row for one original contact")


class SignalSharing(DelayedEvent):
    """Another platform under the code finds the same person's account by a shared signal and suspends it."""


class Reactions(Model):
    """How people answer what is done; every choice is an addressed draw. What is left out does not happen."""

    alert_child: ChildReaction
    nudge_child: ChildReaction | None = None
    suggest_block: ChildReaction | None = None
    habituation: ProbabilityParameter | None = Field(
        None, description="share of a child's readiness to answer that every earlier false alert takes away"
    )
    repetition: Repetition | None = Field(
        None, description="messages of one kind to one child about one contact; if absent, each is answered anew"
    )
    alert_guardian: GuardianReaction | None = None
    block_recontacted: DelayedEvent = Field(description="a child who blocked is contacted again elsewhere")
    restriction: Restriction | None = None
    suspension_recontact: DelayedEvent = Field(description="a suspended offender carries a conversation on elsewhere")
    suspension_displaces: ProbabilityParameter = Field(
        description="a later contact planned on the platform is made on another one instead of not at all"
    )
    new_account: DelayedEvent | None = Field(
        None, description="a suspended offender comes back to the same platform with a new account"
    )
    tipped_off: TippedOff | None = None
    substitution: Substitution | None = None
    signal_sharing: SignalSharing | None = None
