"""The table of early-detection measures, cell by cell."""

from __future__ import annotations

from typing import Any

import pytest

from simharness.report.early_table import LENGTH_LABEL, early_table
from simharness.report.wording import BOUND_LABEL, number


def estimate(value: float | None, low: float | None, high: float | None, unit: str) -> dict[str, Any]:
    return {"estimate": value, "low": low, "high": high, "n": 10, "method": "student-t", "unit": unit}


AREA, COST = "area from 0 to 1", "cost from 0 to 1"
MEASURES = {
    "erde_5": estimate(0.0007, 0.0005, 0.0009, COST),
    "erde_50": estimate(0.00012, 0.0001, 0.00014, COST),
    "f_latency": estimate(0.3, 0.25, 0.35, "from 0 to 1 at p = 0.0078"),
    "roc_area": estimate(0.934, 0.93, 0.938, AREA),
    "account_roc_area": estimate(0.99, 0.98, 1.0, AREA),
    "pr_area": estimate(0.55, 0.5, 0.6, AREA),
    "account_pr_area": estimate(None, None, None, AREA),
    "length_roc_area": estimate(0.49, 0.48, 0.5, AREA),
    "length_pr_area": estimate(0.0006, 0.0005, 0.0007, AREA),
    "brier": estimate(0.00031, 0.0003, 0.00032, "score from 0 to 1"),
}


@pytest.fixture
def measured(summary: dict[str, Any]) -> dict[str, Any]:
    detectors = summary["estimates"]["detectors"]
    for name in ("words", "bayes_bound"):
        detectors[name] |= MEASURES
    detectors["words"]["brier"] = estimate(None, None, None, "score from 0 to 1")
    return summary


def test_a_row_by_hand(measured: dict[str, Any]) -> None:
    (table,) = early_table(measured)
    assert [row[0] for row in table.rows] == [("words",), ("bayes_bound", BOUND_LABEL), ("never",), LENGTH_LABEL]
    assert table.rows[0][1:] == (
        ("0.70", "0.50 to 0.90", "50: 0.12", "0.10 to 0.14"),  # for a thousand conversations
        ("0.97", "0.95 to 0.99"),
        ("0.300", "0.250 to 0.350"),
        ("0.934", "0.930 to 0.938", "accounts: 0.990", "0.980 to 1.000"),
        ("0.550", "0.500 to 0.600", "accounts: n/a", "one class only"),
        ("n/a", "no probability"),
    )
    assert table.rows[1][6] == ("0.31", "0.30 to 0.32")
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_length_alone_is_always_shown(measured: dict[str, Any]) -> None:
    (table,) = early_table(measured)
    assert table.rows[-1][1:4] == (("-",),) * 3 and table.rows[-1][6] == ("-",)
    assert table.rows[-1][4:6] == (("0.490", "0.480 to 0.500"), ("0.00060", "0.00050 to 0.00070"))


def test_earliness_is_never_shown_without_false_alerts_or_p(measured: dict[str, Any]) -> None:
    (table,) = early_table(measured)
    assert table.columns[1].startswith("ERDE_5") and table.columns[2].startswith("false alerts")
    assert "p = 0.0078" in table.columns[3]


def test_without_detectors_or_measures(summary: dict[str, Any]) -> None:
    (table,) = early_table(summary)  # a summary that has none of them
    assert table.rows[0][1][0] == "n/a"
    summary["estimates"]["detectors"] = {}
    assert early_table(summary) == ()


def test_what_lies_between_0_and_1_keeps_its_digits() -> None:
    shown = [number(value, AREA) for value in (1.0, 0.5, 0.0123, 0.00452, 0.000451, 0.0)]
    assert shown == ["1.000", "0.500", "0.012", "0.0045", "0.00045", "0"]
