"""The typed natural course of a scenario: who comes to know of a conversation if nobody acts, and what is recorded."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from simharness.scenario.base import Age, DelayedEvent, Factor, Model, ProbabilityParameter, Sourced
from simharness.units import Duration, Rate


class AgeFactor(Model):
    youngest: Age = Field(description="age in years")
    oldest: Age = Field(description="age in years, included")
    factor: Factor = Field(description="times every hazard")

    @model_validator(mode="after")
    def _ages(self) -> Self:
        if self.youngest > self.oldest:
            raise ValueError(f"at youngest: expected at most oldest ({self.oldest}), got {self.youngest}")
        return self


class ChildTells(Sourced):
    """The hazard of the child telling an adult: so much a day in each stage, whatever has been said."""

    by_stage: dict[str, Rate] = Field(
        description="hazard while the latest message is of this stage; stages not named: 0"
    )
    by_age: list[AgeFactor] = Field(
        default_factory=list, description="factor on every hazard for these ages of the child; ages not named: 1"
    )
    after_end: Factor = Field(description="factor on the last stage's hazard once the conversation has ended")

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for number, band in enumerate(self.by_age):
            for before, other in enumerate(self.by_age[:number]):
                if band.youngest <= other.oldest and other.youngest <= band.oldest:
                    ages, others = (f"{b.youngest} to {b.oldest}" for b in (band, other))
                    raise ValueError(f"at by_age.{number}: ages {ages} overlap those of by_age.{before} ({others})")
        return self


class NaturalCourse(Model):
    """What happens around a grooming conversation if neither platform nor police act."""

    child_tells: ChildTells = Field(description="child tells an adult, during the conversation or after it")
    third_party_notices: DelayedEvent = Field(description="somebody notices; delay from the first message")
    adult_ends_contact: ProbabilityParameter = Field(description="the adult who knows ends the conversation")
    reported_to_police: ProbabilityParameter = Field(description="the adult who knows tells the police")
    contact_abuse: DelayedEvent = Field(description="follows a meeting attempt; delay from the attempt")
    repeat_after: Duration = Field(description="a sexual communication at least this long after the first is a repeat")


class Recording(Model):
    """From a report to a recorded offence."""

    rate: ProbabilityParameter = Field(description="share of reported offences that a force records")
    forces: dict[str, ProbabilityParameter] = Field(default_factory=dict, description="forces that differ")
    method_known: ProbabilityParameter = Field(description="share of recorded offences with the platform recorded")
