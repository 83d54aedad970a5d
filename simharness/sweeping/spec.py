"""A sweep's file as data: which scenario, which parameters move how far, and what is asked of the points."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from simharness.scenario.base import Evidence, Model
from simharness.sweeping.values import Scalar, common_unit, plain

Direction = Literal["higher", "lower"]


class Grid(Model):
    """Every combination of the parameters' values."""

    kind: Literal["grid"]


class LatinHypercube(Model):
    """Each parameter's range in as many equal parts as there are points, one point in each (McKay et al. 1979)."""

    kind: Literal["latin_hypercube"]
    points: Annotated[int, Field(ge=2, le=20_000)]
    seed: Annotated[int, Field(ge=1, lt=2**32)] = 1


class Sobol(Model):
    """Saltelli's extension of a Sobol' sequence: base (parameters + 2) points, or base (2 parameters + 2)."""

    kind: Literal["sobol"]
    base: Annotated[int, Field(ge=2, le=65_536)] = Field(description="a power of 2")
    seed: Annotated[int, Field(ge=1, lt=2**32)] = 1
    second_order: bool = False

    @model_validator(mode="after")
    def _power(self) -> Self:
        if self.base & (self.base - 1):
            raise ValueError(f"at base: expected a power of 2, got {self.base}")
        return self


class OneAtATime(Model):
    """The scenario as it is, then every value of each parameter alone: what a tornado chart shows."""

    kind: Literal["one_at_a_time"]


Design = Annotated[Grid | LatinHypercube | Sobol | OneAtATime, Field(discriminator="kind")]


class Swept(Model):
    """One parameter: where it is in the scenario, and its values, listed or as a range."""

    path: str | None = None
    paths: list[str] | None = Field(None, min_length=1, description="several that move together")
    values: list[Scalar] | None = Field(None, min_length=1)
    low: Scalar | None = None
    high: Scalar | None = None
    scale: Literal["linear", "log"] = "linear"
    steps: Annotated[int, Field(ge=2, le=10_000)] | None = Field(
        None, description="grid: so many values from low to high"
    )
    integer: bool = Field(False, description="rounded to a whole number")
    relative: bool = Field(False, description="values are factors on what the scenario states at each path")
    evidence: Evidence | None = Field(None, description="how well founded the range is")
    source: str | None = None

    @property
    def at(self) -> list[str]:
        """Every path it moves."""
        return [self.path] if self.path is not None else list(self.paths or ())

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.path is None) == (self.paths is None):
            raise ValueError("expected exactly one of path and paths")
        if (self.values is None) == (self.low is None) or (self.low is None) != (self.high is None):
            raise ValueError("expected either values, or low and high")
        if self.values is not None:
            self._require_different(self.values)
            return self._require_numbers() if self.relative else self
        assert self.low is not None and self.high is not None
        low, high, _ = common_unit(self.low, self.high)
        if not low < high:
            raise ValueError(f"at high: expected more than low ({self.low}), got {self.high}")
        if self.scale == "log" and low <= 0.0:
            raise ValueError(f"at low: a logarithmic scale needs a number above 0, got {self.low}")
        return self._require_numbers() if self.relative else self

    @staticmethod
    def _require_different(values: list[Scalar]) -> None:
        """A value given twice would count twice wherever points are counted."""
        seen = dict[object, Scalar]()
        for value in values:
            same = plain(value)
            if same in seen:
                raise ValueError(f"at values: expected each value once, got {value!r} after {seen[same]!r}")
            seen[same] = value

    def _require_numbers(self) -> Self:
        for value in self.values or (self.low, self.high):
            if isinstance(value, bool | str):
                raise ValueError(f"at relative: expected plain numbers as factors, got {value!r}")
        return self


class Output(Model):
    """A number of every point: ``metric`` or ``metric[stratum]`` of an arm."""

    metric: str
    arm: str

    @property
    def key(self) -> tuple[str, str]:
        return self.arm, self.metric


class Best(Model):
    """The metric that says which arm is best."""

    metric: str
    direction: Direction | None = Field(None, description="if absent, the way in which the metric itself is better")


class Frontier(Model):
    """Points that no other point beats in every one of these metrics of one arm."""

    arm: str
    metrics: dict[str, Direction | None] = Field(
        min_length=2, description="metric: which way is better; null for the metric's own way"
    )


class SweepSpec(Model):
    """Open first. One YAML file is one SweepSpec."""

    title: str
    scenario: str = Field(description="the scenario's file, from the sweep's folder")
    set: dict[str, Any] = Field(default_factory=dict, description="values by dotted path, as with --set")
    scale: Annotated[float, Field(gt=0.0, le=1000.0)] | None = None
    replications: Annotated[int, Field(ge=1, le=100_000)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    design: Design
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Swept] = Field(min_length=1)
    outputs: list[Output] = Field(min_length=1)
    arms: list[str] | None = Field(None, min_length=1, description="simulated beside the comparator; all if absent")
    best: Best | None = None
    frontier: Frontier | None = None

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        kind = self.design.kind
        for name, swept in self.parameters.items():
            if kind in ("latin_hypercube", "sobol") and swept.values is not None:
                raise ValueError(f"at parameters.{name}.values: a {kind} design needs a range: give low and high")
            if kind == "grid" and swept.values is None and swept.steps is None:
                raise ValueError(f"at parameters.{name}: a grid needs values, or low, high and steps")
            if swept.steps is not None and (kind != "grid" or swept.values is not None):
                raise ValueError(f"at parameters.{name}.steps: only for low and high in a grid")
            if name in RESERVED:
                raise ValueError(f"at parameters.{name}: this is a column of the results: choose another name")
        if kind == "sobol" and len(self.parameters) < 2:
            raise ValueError("at parameters: a sobol design tells several parameters apart: expected at least 2")
        return self


RESERVED = ("point", "arm", "metric", "stratum", "replication", "value", "unit")
