"""What a suite's file may say. Paths in it begin at the file's own folder."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from simharness.scenario.base import Model
from simharness.scenario.expect import Expectation

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]*$")]
Tag = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]  # also the name of a mark of pytest
Settings = Annotated[
    dict[str, Any], Field(description="values of the scenario by dotted path, as with --set: {training.benign: 500}")
]
Specs = Annotated[list[str], Field(description="detectors to measure beside the scenario's own: see docs/detectors.md")]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Replications = Annotated[int, Field(ge=1, le=100_000)]
Scale = Annotated[float, Field(gt=0.0, le=1000.0)] | Literal["smoke", "ci", "full"]
_OWN_KEYS = ("seed", "replications", "scale", "expect")


def _require_settable(where: str, settings: dict[str, Any]) -> None:
    for name in _OWN_KEYS:
        if name in settings:
            raise ValueError(f"at {where}.{name}: {name} is not set here: it is a key of the run itself")


class BaseSpec(Model):
    """What a run is held against: the run itself, changed; or another scenario. Seed and size are the run's."""

    scenario: str | None = Field(None, description="a scenario's file; if absent the run's own, with what the run sets")
    set: Settings = Field(default_factory=dict)
    detectors: Specs | None = Field(None, description="instead of the run's")

    @model_validator(mode="after")
    def _differs(self) -> Self:
        _require_settable("set", self.set)
        if self.scenario is None and self.detectors is None and not self.set:
            raise ValueError("expected scenario, set or detectors: a run is never worse than itself")
        return self


class RunSpec(Model):
    """One scenario, changed or not, and what is expected of it."""

    name: Name
    scenario: str = Field(description="the scenario's file")
    set: Settings = Field(default_factory=dict)
    detectors: Specs = Field(default_factory=list)
    seed: Seed | None = None
    replications: Replications | None = None
    scale: Scale | None = None
    base: BaseSpec | None = None
    expect: list[Expectation] = Field(default_factory=list, description="bars, added to the scenario's own")
    tags: list[Tag] = Field(default_factory=list)

    @model_validator(mode="after")
    def _settable(self) -> Self:
        _require_settable("set", self.set)
        return self


class SuiteSpec(Model):
    """A suite. ``seed``, ``replications`` and ``scale`` are those of every run that states none."""

    suite: Name
    title: str
    description: str | None = None
    tags: list[Tag] = Field(default_factory=list, description="of every run")
    seed: Seed | None = None
    replications: Replications | None = None
    scale: Scale | None = None
    runs: list[RunSpec] = Field(default_factory=list)
    cases: str | list[str] | None = Field(None, description="files or folders of promoted cases (simharness promote)")

    @model_validator(mode="after")
    def _names(self) -> Self:
        seen: set[str] = set()
        for place, run in enumerate(self.runs):
            if run.name in seen:
                raise ValueError(f"at runs.{place}.name: two runs are called {run.name!r}; each needs its own name")
            seen.add(run.name)
        return self
