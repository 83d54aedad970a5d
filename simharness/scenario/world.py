"""The typed world of a scenario: who there is, how conversations run, what happens if nobody acts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simharness.scenario.base import (
    Age,
    Model,
    Parameter,
    Probability,
    ProbabilityParameter,
    Sourced,
    Weights,
    require_known,
    require_shares,
)
from simharness.scenario.course import NaturalCourse, Recording
from simharness.units import Duration, Rate

END_REASONS = ("fades", "leaves", "blocks", "concludes")
OFFENDER_TYPES = ("intimacy_seeking", "adaptable", "hyper_sexualised")
MAX_STAGES = 8


class Population(Sourced):
    """Children by single year of age, sex and police force area. Five-year age bands are split evenly by year."""

    table: str = Field(description="CSV of force areas, path relative to the scenario file")
    youngest: Age
    oldest: Age
    girls_share: ProbabilityParameter

    @model_validator(mode="after")
    def _ages(self) -> Self:
        if self.youngest > self.oldest:
            raise ValueError(f"at youngest: expected at most oldest ({self.oldest}), got {self.youngest}")
        return self


class AgeBand(Model):
    youngest: Age
    oldest: Age
    share: Probability


class Platform(Sourced):
    """One platform: which children are on it."""

    membership: list[AgeBand] = Field(min_length=1, description="share of children of an age band with an account")


class VictimGroup(Model):
    """A group of children as a share of those contacted (offence victims are under 16 by law)."""

    sex: Literal["girl", "boy"]
    youngest: Age
    oldest: Age
    share: Probability


class Victims(Sourced):
    groups: list[VictimGroup] = Field(min_length=1)

    @model_validator(mode="after")
    def _shares(self) -> Self:
        require_shares("groups", {str(i): group.share for i, group in enumerate(self.groups)})
        return self


class OffenderType(Sourced):
    share: Probability
    pacing: Weights = Field(description="share of conversations in each pacing regime")


class PlatformShares(Sourced):
    shares: Weights


class ContactRate(Sourced):
    value: Rate = Field(description="mean new children contacted by an offender")


class Offenders(Model):
    """Adults who contact children with intent. Each has a rate of new contacts; rates are heavy-tailed."""

    count: Parameter = Field(description="active offenders at scale 1")
    contact_rate: ContactRate
    heterogeneity: Parameter = Field(description="sigma of the log-normal spread of contact rates between offenders")
    platforms: PlatformShares = Field(description="platform of contact, as a share of contacts")
    declared_adult: ProbabilityParameter = Field(description="share of offenders whose account states an adult age")
    types: dict[str, OffenderType]

    @model_validator(mode="after")
    def _check(self) -> Self:
        require_known("types", self.types, OFFENDER_TYPES, "offender type")
        require_shares("types", {name: kind.share for name, kind in self.types.items()})
        require_shares("platforms.shares", self.platforms.shares)
        return self


class BenignClass(Sourced):
    """A class of harmless conversations between a child and somebody new."""

    share: Probability
    pacing: Weights
    declared_adult: Probability
    new_contacts_7d: Annotated[float, Field(gt=0.0)] = Field(
        description="mean other children the same account newly contacted in the seven days before"
    )


class Benign(Sourced):
    contact_rate: Rate = Field(description="new harmless contacts of one child")
    platforms: Weights
    classes: dict[str, BenignClass] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        require_shares("classes", {name: kind.share for name, kind in self.classes.items()})
        require_shares("platforms", self.platforms)
        return self


class Emission(Sourced):
    """What is said in a stage: relative weights of acts by the one who made contact and by the child."""

    initiator_share: Probability = Field(description="share of messages sent by the one who made contact")
    initiator: Weights
    child: Weights


class Stage(Model):
    """A stage lasts ``phases`` geometric sub-states, together ``dwell`` messages on average, then goes on."""

    emits: str
    dwell: Annotated[float, Field(ge=1.0)] = Field(description="mean messages")
    phases: Annotated[int, Field(ge=1, le=4)] = 2
    next: Weights = Field(description="where it goes on: a stage, or end.fades, end.leaves, end.blocks, end.concludes")

    @model_validator(mode="after")
    def _check(self) -> Self:
        require_shares("next", self.next)
        if self.dwell < self.phases:
            raise ValueError(f"at dwell: expected at least one message a phase ({self.phases}), got {self.dwell:g}")
        return self


class Chain(Sourced):
    """One class of conversations as a semi-Markov chain over stages, with skips and returns."""

    start: Weights
    stages: dict[str, Stage] = Field(min_length=1, max_length=MAX_STAGES)

    @model_validator(mode="after")
    def _check(self) -> Self:
        require_shares("start", self.start)
        require_known("start", self.start, self.stages, "stage")
        known = [*self.stages, *(f"end.{reason}" for reason in END_REASONS)]
        for name, stage in self.stages.items():
            require_known(f"stages.{name}.next", stage.next, known, "stage")
        return self


class Background(Emission):
    """What anybody may say at any time, mixed into every emission: no act but the withheld ones is proof."""

    share: Probability = Field(description="share of messages that are background, whatever the stage")


class Grammar(Model):
    background: Background
    emissions: dict[str, Emission]
    grooming: dict[str, Chain]
    benign: dict[str, Chain]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for kind, chains in (("grooming", self.grooming), ("benign", self.benign)):
            for name, chain in chains.items():
                for stage_name, stage in chain.stages.items():
                    if stage.emits not in self.emissions:
                        known = ", ".join(self.emissions)
                        path = f"{kind}.{name}.stages.{stage_name}.emits"
                        raise ValueError(f"at {path}: unknown emission {stage.emits!r}; known: {known}")
        return self


class PacingRegime(Sourced):
    """Messages come in sessions: short gaps inside one, and a long gap where a session ends."""

    in_session: Duration = Field(gt=0, description="mean gap inside a session (exponential)")
    session_ends: Probability = Field(description="probability that a gap is one between sessions")
    between_sessions: Duration = Field(gt=0, description="mean waking time between sessions (exponential)")


class Day(Sourced):
    """The waking day: all messages fall inside it."""

    begins: Duration = Field(lt=86400, description="time of day")
    lasts: Duration = Field(gt=0, le=86400)


class PhrasebookSettings(Sourced):
    rendering: Literal["surrogate", "gloss"]
    overlap: Probability
    drift: Probability
    obfuscation: Probability


class World(Model):
    population: Population
    platforms: dict[str, Platform] = Field(min_length=1, max_length=8)
    victims: Victims
    offenders: Offenders
    benign: Benign
    grammar: Grammar
    pacing: dict[str, PacingRegime] = Field(min_length=1, max_length=16)
    day: Day
    natural_course: NaturalCourse
    recording: Recording
    phrasebook: PhrasebookSettings

    @model_validator(mode="after")
    def _check(self) -> Self:
        require_known("offenders.platforms.shares", self.offenders.platforms.shares, self.platforms, "platform")
        require_known("benign.platforms", self.benign.platforms, self.platforms, "platform")
        require_known("offenders.types", self.offenders.types, self.grammar.grooming, "grooming chain")
        require_known("benign.classes", self.benign.classes, self.grammar.benign, "benign chain")
        kinds = [("offenders.types", self.offenders.types), ("benign.classes", self.benign.classes)]
        for path, group in kinds:
            for name, kind in group.items():  # type: ignore[attr-defined]
                require_known(f"{path}.{name}.pacing", kind.pacing, self.pacing, "pacing regime")
                require_shares(f"{path}.{name}.pacing", kind.pacing)
        stages = dict.fromkeys(stage for chain in self.grammar.grooming.values() for stage in chain.stages)
        told = self.natural_course.child_tells.by_stage
        require_known("natural_course.child_tells.by_stage", told, stages, "stage of a grooming conversation")
        return self
