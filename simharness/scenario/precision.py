"""How precise a run is to be: it goes on until one interval is narrow enough, and looks only at stated numbers."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from simharness.scenario.base import Model, Positive

GROWTH = 1.5  # replications at a look, over those at the look before it


class Precision(Model):
    """A run first does ``replications``, then goes on until the interval of one metric is no wider than asked for."""

    metric: Annotated[str, Field(min_length=1)] = Field(description="any metric, or metric[stratum]")
    arm: str | None = Field(None, description="whose metric it is; either this or detector")
    detector: str | None = None
    half_width: Positive = Field(description="in the metric's unit; a share of 0.02 is two percentage points")
    at_most: Annotated[int, Field(ge=2, le=100_000)] = Field(description="replications, whatever is reached by then")

    @property
    def subject(self) -> tuple[str, str]:
        """("arm" or "detector", its name)."""
        return ("arm", self.arm) if self.arm is not None else ("detector", self.detector or "")

    def looks(self, first: int) -> tuple[int, ...]:
        """Replications at each planned look: ``first``, then each 1.5 times the one before (rounded up), to at_most."""
        found = [first]
        while found[-1] < self.at_most:
            found.append(min(self.at_most, math.ceil(GROWTH * found[-1])))
        return tuple(found)

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.arm is None) == (self.detector is None):
            raise ValueError("at arm: expected an arm or a detector, one of the two")
        return self
