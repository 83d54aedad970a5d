"""A calibration as tables and sentences."""

from __future__ import annotations

from typing import Any

import pytest

from simharness.report.calibration import banner, notes, tables
from simharness.report.wording import BANNER


def figure(title: str, role: str, agrees: bool | None, value: float | None = 1300.0) -> dict[str, Any]:
    ends = (None, None) if value is None else (value - 100.0, value + 100.0)
    estimate = {"estimate": value, "low": ends[0], "high": ends[1], "n": 20, "method": "test"}
    common = {"title": title, "role": role, "unit": "offences", "days": 181, "recorded": 1316.0}
    return {**common, "simulated": estimate, "one_period": estimate, "agrees": agrees}


@pytest.fixture
def found() -> dict[str, Any]:
    rate = {"path": "a.rate", "unit": "/day", "estimate": 0.0257312, "low": 0.02, "high": 0.03, "start": 0.025}
    return {
        "scale": 1.0, "evaluations": 21, "replications": 20, "seed": 7, "meaning": "What it means.",
        "parameters": [{**rate, "bounds": [0.01, 0.03], "touches": ["high"], "evidence": "fitted"}],
        "figures": [figure("Total", "fitted", True)],
        "checks": [figure("Year", "check", False), figure("Area", "held out", None, None)],
        "condition_index": 2.345, "emulator_error": None, "warnings": ["One thing."],
    }  # fmt: skip


def test_parameters_with_interval_bounds_and_evidence(found: dict[str, Any]) -> None:
    (row,) = tables(found)[0].rows
    interval = ("0.02/day to 0.03/day", "at the high bound")
    assert row == (("a.rate",), ("0.02573/day",), interval, ("0.01/day", "to 0.03/day"), ("0.025/day",), ("fitted",))


def test_figures_and_checks_with_their_roles(found: dict[str, Any]) -> None:
    _, fitted, checks = tables(found)
    assert fitted.rows[0][1:] == (("fitted",), ("181",), ("1,300",), ("1,200 to 1,400",), ("1,316 offences",), ("yes",))
    assert [row[-1] for row in checks.rows] == [("no",), ("n/a",)] and checks.rows[1][3:5] == (("n/a",), ("n/a",))
    said = " ".join(checks.notes)
    assert "check: neither" in said and "held out: left out" in said and "same rates" in said
    assert len(tables({**found, "checks": []})) == 2


def test_words(found: dict[str, Any]) -> None:
    assert (
        banner(found)[0] == BANNER and "21 parameter vectors" in banner(found)[1] and "never fitted" in banner(found)[1]
    )
    meaning, judged, warning = notes(found)
    assert meaning == "What it means." and "Condition index 2.35" in judged and "off by n/a" in judged
    assert warning == "Warning: One thing."
