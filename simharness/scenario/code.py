"""The typed code of practice of a scenario: who takes part, from when, and what a regulator does about the rest."""

from __future__ import annotations

import datetime as dt
from typing import Self

from pydantic import Field, model_validator

from simharness.scenario.base import Model, Probability, Sourced
from simharness.units import Duration


class Coverage(Model):
    """Share of a platform's conversations that are covered from a day on."""

    since: dt.date = Field(description="first day")
    share: Probability = Field(description="share of conversations")


class SaferDefaults(Sourced):
    prevented: Probability = Field(description="share of an offender's contacts that cannot be made at all")


class Displacement(Sourced):
    share: Probability = Field(description="share of contacts planned where the code is kept that are made elsewhere")


class Sanction(Sourced):
    """What follows when an audit finds a platform that was found before, as a further share of the gap closed."""

    closes: Probability = Field(description="share of what is still missing")


class Audits(Sourced):
    """A regulator looks every ``interval``; what it detects, the platform puts right after a while, in part."""

    interval: Duration = Field(gt=0, description="time between two audits of a platform")
    detects: Probability = Field(1.0, description="probability that an audit detects that something is missing")
    closes: Probability = Field(description="share of what is missing that a platform then puts right")
    remedy: Duration = Field(0.0, description="time from detection until it is put right")
    sanction: Sanction | None = None


class Code(Sourced):
    """Which platforms do what the arm says, and for what share of conversations, over time."""

    coverage: dict[str, Probability | list[Coverage]] = Field(
        description="a share from the start, or shares from given days on; platforms not named are not covered"
    )
    audits: Audits | None = None
    safer_defaults: SaferDefaults | None = None
    displacement: Displacement | None = None

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        for name, steps in self.coverage.items():
            if isinstance(steps, list):
                days = [step.since for step in steps]
                if not days or sorted(set(days)) != days:
                    raise ValueError(f"at coverage.{name}: expected days in order, each once, at least one")
        return self
