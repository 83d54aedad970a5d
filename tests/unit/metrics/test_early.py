"""Early-detection measures: the reference vectors to 1e-9, and what is undefined."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simharness.errors import UsageError
from simharness.metrics.early import (
    ERISK_P,
    erde,
    erde_costs,
    espd_warning,
    f_beta,
    f_latency,
    latency_cost,
    latency_tp,
    pan_scores,
    penalty,
    penalty_rate,
    precision_at,
    speed,
)

# Computed independently with public evaluation code and by hand.
VECTORS = json.loads((Path(__file__).parent / "early_detection_vectors.json").read_text("utf-8"))


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, abs=1e-9)


def alerts_of(vector: dict[str, Any]) -> np.ndarray[Any, Any]:
    return np.where(np.array(vector["decision"]) == 1, vector["k"], 0)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vectors(vector: dict[str, Any]) -> None:
    gold, k, p = np.array(vector["gold"]) == 1, alerts_of(vector), vector["p"]
    # A false alert costs the share of positives; E4, which has none, states another data set's price for it.
    assert vector["c_fp"] == pytest.approx(gold.mean()) or not (k[~gold] > 0).any()
    assert erde(gold, k, 5) == near(vector["ERDE_5"])
    assert erde(gold, k, 50) == near(vector["ERDE_50"])
    hits = k[gold]
    right, false, missed = int((hits > 0).sum()), int((k[~gold] > 0).sum()), int((hits == 0).sum())
    assert f_beta(right, false, missed, 1.0) == near(vector["F1"])
    assert latency_tp(hits) == near(vector["latencyTP"])
    assert speed(hits, p) == near(vector["speed"])
    # E5 has no true positive. Its file leaves F_latency open (null); the rule that goes with it says 0, as its F1 is,
    # with speed and latencyTP null. The rule wins.
    assert f_latency(gold, k, p) == near(0.0 if vector["id"] == "E5" else vector["F_latency"])


def test_the_vector_without_a_true_positive_is_there() -> None:
    e5 = next(vector for vector in VECTORS if vector["id"] == "E5")
    assert e5["F1"] == 0 and e5["F_latency"] is None and e5["speed"] is None and len(VECTORS) == 6


def test_points_of_the_latency_cost() -> None:
    found = latency_cost([1, 2, 4, 5, 6, 10], 5)
    expected = [0.0179862100, 0.0474258732, 0.2689414214, 0.5, 0.7310585786, 0.9933071491]
    assert found == pytest.approx(expected, abs=1e-9)
    assert latency_cost([2_000_001, 1], 5000).tolist() == [1.0, 0.0]  # and nothing overflows


def test_points_of_the_penalty() -> None:
    found = penalty([1, 2, 5, 10, 50, 100, 142, 500], ERISK_P)
    expected = [0, 0.0038999802, 0.0155987347, 0.0350855926, 0.1888072128, 0.3679932113, 0.5004452595, 0.9600148816]
    assert found == pytest.approx(expected, abs=1e-9)
    assert penalty([1e9], 1.0).tolist() == [1.0]


def test_the_rate_of_the_penalty() -> None:
    assert penalty(20, penalty_rate(20)) == pytest.approx(0.5)
    assert penalty_rate(141.85) == pytest.approx(ERISK_P, abs=1e-6)
    for never in (1, 0.5, math.nan):
        with pytest.raises(UsageError, match="above 1"):
            penalty_rate(never)


def test_who_is_never_alerted_on_is_0_or_nan() -> None:
    gold = np.array([True, True, False])
    for never in (0, math.nan):
        assert erde(gold, [3.0, never, never], 5) == pytest.approx((1 / (1 + math.exp(2)) + 1) / 3)
        assert latency_tp([3.0, never]) == 3.0 and speed([3.0, never], 0.1) == pytest.approx(1 - math.tanh(0.1))


def test_a_sampled_subject_stands_for_many() -> None:
    """One positive missed, one found at 5; of two harmless, 4 each, one alerted on: 2 of 10 are positive."""
    gold, k, weight = [True, True, False, False], [0, 5, 1, 0], [1.0, 1.0, 4.0, 4.0]
    assert erde(gold, k, 5, weight) == pytest.approx((1 + 0.5 + 4 * 0.2) / 10)
    in_full = [True] * 2 + [False] * 8
    assert erde(gold, k, 5, weight) == pytest.approx(erde(in_full, [0, 5, 1, 1, 1, 1, 0, 0, 0, 0], 5))
    assert f_latency(gold, k, 0.1, weight) == pytest.approx(2 / (2 + 1 + 4) * (1 - math.tanh(0.2)))
    assert list(erde_costs(gold, k, 5, weight)) == pytest.approx([1, 0.5, 0.2, 0])


def test_nothing_to_find_is_undefined() -> None:
    assert erde([False], [1], 5) is None and erde([], [], 5) is None
    assert np.isnan(erde_costs([False, False], [1, 0], 5)).all()
    assert f_latency([False], [3], 0.1) is None and latency_tp([]) is None and speed([0], 0.1) is None


@pytest.mark.parametrize("shapes", [([True], [1, 2], None), ([True], [1], [1, 1]), ([[True]], [[1]], None)])
def test_shapes_must_agree(shapes: tuple[Any, Any, Any]) -> None:
    gold, k, weight = shapes
    with pytest.raises(UsageError, match="one label, one k and one weight"):
        erde(gold, k, 5, weight)


@pytest.mark.parametrize(
    ("counts", "beta", "expected"),
    [
        ((3, 1, 2), 0.5, 1.25 * 0.75 * 0.6 / (0.25 * 0.75 + 0.6)),
        ((3, 1, 2), 1.0, 2 * 0.75 * 0.6 / (0.75 + 0.6)),
        ((3, 1, 2), 3.0, 10 * 0.75 * 0.6 / (9 * 0.75 + 0.6)),
        ((0, 4, 2), 0.5, 0.0),
        ((5, 0, 0), 0.5, 1.0),
        ((0, 0, 2), 0.5, 0.0),  # no alert: precision is undefined, and F 0 whatever it were
        ((0, 2, 0), 0.5, None),
    ],
)
def test_f_by_precision_and_recall(counts: tuple[int, int, int], beta: float, expected: float | None) -> None:
    assert f_beta(*counts, beta) == near(expected)


def test_pan_ranks_authors_by_half_and_lines_by_three() -> None:
    assert pan_scores((3, 1, 2), (3, 1, 2)) == {
        "author_f_0.5": pytest.approx(0.7142857142857143),
        "line_f_3": pytest.approx(4.5 / 7.35),
    }


FIRST = [0.1, 0.6, 0.7, 0.2, 0.9, 0.5, 0.4, 0.8, *[0.1] * 7]
SECOND = [0.9, *[0.1] * 10, 0.9, *[0.1] * 8, 0.9]


@pytest.mark.parametrize(
    ("scores", "warnings"),
    [
        (FIRST, {1: 2, 2: 3, 3: 5, 4: 6, 5: 8, 6: None}),
        (SECOND, {1: 1, 2: 21, 3: None}),
        ([], {1: None}),
        ([math.nan, 0.5], {1: 2}),
    ],
)
def test_espd_warnings(scores: list[float], warnings: dict[int, int | None]) -> None:
    assert {skepticism: espd_warning(scores, skepticism) for skepticism in warnings} == warnings


def test_espd_settings() -> None:
    assert espd_warning(FIRST) == 8  # skepticism 5: 2, 3, 5, 6 and 8 are at 0.5 or above
    assert espd_warning(FIRST, 1, threshold=0.85) == 5 and espd_warning(SECOND, 2, window=9) is None
    for wrong in (0, 11):
        with pytest.raises(UsageError, match="from 1 to 10"):
            espd_warning(FIRST, wrong)


def test_precision_at_ten_always_divides_by_ten() -> None:
    assert precision_at([True, False, True]) == 0.2
    assert precision_at([True] * 20) == 1.0 and precision_at([False] * 10 + [True]) == 0.0
    assert precision_at(np.array([True, True, False]), 2) == 1.0
    with pytest.raises(UsageError, match=">= 1"):
        precision_at([], 0)


subjects = st.lists(st.tuples(st.booleans(), st.integers(0, 300), st.floats(0.1, 10)), min_size=1, max_size=20)


@given(subjects, st.permutations(range(20)))
def test_the_order_of_subjects_does_not_count_and_costs_stay_in_bounds(rows: list[Any], order: list[int]) -> None:
    gold, k, weight = (np.array(column) for column in zip(*rows, strict=True))
    moved = [place for place in order if place < len(rows)]
    for found, again in (
        (erde(gold, k, 5, weight), erde(gold[moved], k[moved], 5, weight[moved])),
        (f_latency(gold, k, 0.01, weight), f_latency(gold[moved], k[moved], 0.01, weight[moved])),
    ):
        assert found == (None if again is None else pytest.approx(again, rel=1e-12))
        assert found is None or 0.0 <= found <= 1.0
