"""Brier score and its parts by hand, and as scikit-learn has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from simharness.errors import UsageError
from simharness.metrics.probability import EDGES, brier, murphy, probability_of, reliability_table

# Ten subjects given 0.2, of whom 1 is positive, and ten given 0.6, of whom 7 are.
GIVEN = np.repeat([0.2, 0.6], 10)
KNOWN = np.isin(np.arange(20), [0, *range(10, 17)])


def test_by_hand() -> None:
    assert brier(KNOWN, GIVEN) == pytest.approx((0.8**2 + 9 * 0.2**2 + 7 * 0.4**2 + 3 * 0.6**2) / 20)
    parts = murphy(KNOWN, GIVEN, edges=None)
    assert parts is not None
    assert parts.reliability == pytest.approx((10 * 0.1**2 + 10 * 0.1**2) / 20)
    assert parts.resolution == pytest.approx((10 * 0.3**2 + 10 * 0.3**2) / 20)
    assert parts.uncertainty == pytest.approx(0.4 * 0.6)
    assert murphy(KNOWN, GIVEN) == parts  # each in a bin of its own


def test_a_weight_is_so_many_subjects() -> None:
    given, known, weight = np.array([0.2, 0.2, 0.6, 0.6]), [True, False, True, False], [1.0, 9.0, 7.0, 3.0]
    assert brier(known, given, weight) == pytest.approx(brier(KNOWN, GIVEN))
    weighted, full = murphy(known, given, weight), murphy(KNOWN, GIVEN)
    assert weighted is not None and full is not None
    assert (weighted.reliability, weighted.resolution) == pytest.approx((full.reliability, full.resolution))
    assert brier(known, given, weight) == pytest.approx(brier_score_loss(known, given, sample_weight=weight))


def test_no_probability_is_left_out() -> None:
    assert brier([True, False], [0.5, np.nan]) == 0.25
    assert brier([True], [np.nan]) is None and murphy([], []) is None and reliability_table([], []) == ()


def test_log_odds() -> None:
    assert probability_of([0.0, np.log(3.0), -np.inf, 800.0]).tolist() == [0.5, 0.75, 0.0, 1.0]


def test_the_table_behind_a_reliability_diagram() -> None:
    low, high = reliability_table(KNOWN, GIVEN)
    assert (low.low, low.high, low.subjects, low.weight) == (0.2, 0.3, 10, 10.0) and low.given == pytest.approx(0.2)
    # Clopper & Pearson: 1 of 10.
    assert (low.observed.estimate, low.observed.method) == (0.1, "clopper-pearson")
    assert (low.observed.low, low.observed.high) == (pytest.approx(0.00253, abs=1e-5), pytest.approx(0.44502, abs=1e-5))
    assert high.observed.estimate == 0.7
    assert [row.subjects for row in reliability_table([True, False], [1.0, 0.0])] == [1, 1]  # both ends are inside
    assert reliability_table([False], [0.1])[0].low == 0.1  # a bin begins at its low edge


def test_weighted_bins_have_a_linearised_interval() -> None:
    (row,) = reliability_table([True, False], [0.25, 0.27], [1.0, 3.0])
    assert row.observed.estimate == 0.25 and row.observed.method == "linearised ratio"
    assert row.given == pytest.approx(0.265) and row.weight == 4.0
    (none,) = reliability_table([False, False], [0.25, 0.27], [1.0, 3.0])
    assert none.observed.estimate == 0.0 and none.observed.method == "clopper-pearson" and none.observed.high


@pytest.mark.parametrize("edges", [(0.1, 1.0), (0.0, 0.9), (0.0, 0.5, 0.5, 1.0)])
def test_bins_go_from_0_to_1(edges: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="ascending numbers from 0 to 1"):
        reliability_table(KNOWN, GIVEN, edges=edges)


def test_what_is_no_probability_is_refused() -> None:
    for none in ([1.2], [-0.1]):
        with pytest.raises(UsageError, match="numbers from 0 to 1"):
            brier([True], none)
    with pytest.raises(UsageError, match="one label, one probability and one weight"):
        brier([True], [0.5, 0.6])


rows = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.05, 0.3, 0.31, 0.9, 1.0]), st.sampled_from([1.0, 250.0])),
    min_size=1,
    max_size=25,
)


@given(rows)
def test_the_parts_make_the_whole(rows: list[Any]) -> None:
    """Murphy 1973, equation 18: exact where each probability is a group of its own."""
    known, given, weight = (np.array(column) for column in zip(*rows, strict=True))
    parts = murphy(known, given, weight, edges=None)
    assert parts is not None
    made = parts.reliability - parts.resolution + parts.uncertainty
    assert made == pytest.approx(brier(known, given, weight), abs=1e-12)
    table = reliability_table(known, given, weight)
    assert sum(row.subjects for row in table) == len(rows) and len(table) <= len(EDGES) - 1
    assert all(row.low - 1e-12 <= row.given <= row.high + 1e-12 for row in table)
