"""A made-up simulator in place of the real one: Poisson counts whose means are known functions of the scenario."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson

from simharness.scenario.load import Loaded, load_scenario
from simharness.scenario.model import Scenario
from simharness.streams import uniform

FLAGSHIP = Path(__file__).parents[3] / "scenarios" / "england_wales_2017.yaml"
SOURCED = "evidence: reported, source: test"


@pytest.fixture
def with_figures() -> Callable[..., Loaded]:
    """``with_figures((title, role, value, more), ..., sets=(), scale=1)``: the flagship with these counts."""

    def loaded(*figures: tuple[str, str, float, str], sets: Sequence[str] = (), scale: float = 1.0) -> Loaded:
        rows = ", ".join(
            f"{{measure: offences, title: {title}, role: {role}, value: {value}, {SOURCED}{more}}}"
            for title, role, value, more in figures
        )
        return load_scenario(FLAGSHIP, [f"recorded=[{rows}]", *sets], scale=scale)

    return loaded


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """``counted(means)``: simulate counts with ``means(scenario, days)``; to the list returned each adds its days."""

    def install(means: Callable[[Scenario, int], Sequence[float]]) -> list[int]:
        calls: list[int] = []

        def simulate(scenario: Scenario, folder: Path, days: int, replications: int, jobs: int) -> NDArray[np.float64]:
            calls.append(days)
            expected = np.asarray(means(scenario, days), np.float64)
            rows, columns = np.arange(replications)[:, np.newaxis], np.arange(expected.size)[np.newaxis, :]
            made: Any = poisson.ppf(uniform(scenario.seed, "test", rows, columns), expected)
            return np.asarray(made, np.float64)

        monkeypatch.setattr("simharness.calibrate.trace.simulate", simulate)
        return calls

    return install
