"""The benchmarks of statistics at a tiny size: their arithmetic, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.interval_coverage import COLUMNS, QUESTIONS, REPLICATIONS, coverage, covers, side_by_side
from benchmarks.pairing import gain
from simharness.metrics.intervals import Interval


def test_the_gain_of_pairing_by_hand() -> None:
    """1, 2, 3 and 2, 4, 6: variances 1 and 4, differences -1, -2, -3 of variance 1: 5 times."""
    found = gain(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    assert found["ratio"] == pytest.approx(5.0) and found["correlation"] == pytest.approx(1.0)
    assert (found["sd_paired"], found["sd_apart"]) == pytest.approx((1.0, 5**0.5))
    same = gain(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0]))
    assert same["ratio"] is None and same["sd_paired"] == 0.0


def test_an_interval_that_is_not_there_covers_nothing() -> None:
    assert covers(Interval(1.0, 0.0, 2.0, 3, ""), 2.0)
    assert not covers(Interval(1.0, 0.0, 2.0, 3, ""), 2.1)
    assert not covers(Interval(1.0, None, None, 1, ""), 1.0)


def test_populations_side_by_side_are_sums_from_the_pool() -> None:
    """Of ones and tens, with contacts ten times as many: sums of eight, both columns from the same eight."""
    pool = {"contacts": np.array([10.0, 100.0]), "offences": np.array([1.0, 10.0])}
    made = side_by_side(pool, 8, 500)
    assert (made["contacts"] == 10.0 * made["offences"]).all()
    tens = (made["offences"] - 8.0) / 9.0
    assert set(tens.tolist()) <= set(range(9)) and tens.mean() == pytest.approx(4.0, abs=4 * (2.0 / 500) ** 0.5)


def test_coverage_has_a_row_a_question() -> None:
    """Four runs and forty replications of numbers that vary a little around known ones."""
    waves = {name: np.sin(np.arange(80.0) * (place + 1.3)) for place, name in enumerate(COLUMNS)}
    table = {name: 100.0 * (place + 1) + waves[name][:40] for place, name in enumerate(COLUMNS)}
    reference = {name: 100.0 * (place + 1) + waves[name][40:] for place, name in enumerate(COLUMNS)}
    rows = coverage(table, reference, 1e9)
    assert [row["runs"] for row in rows] == [4] * (len(QUESTIONS) + 1) + [2]
    assert rows[0]["coverage"] == 0.0 and rows[1]["answer"] == pytest.approx(200.0, abs=0.5)
    assert len(table["contacts"]) == 4 * REPLICATIONS
