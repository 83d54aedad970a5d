"""Areas by hand, and as scikit-learn has them, with ties, weights and abstentions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from simharness.errors import UsageError
from simharness.metrics.ranking import (
    Ranking,
    average_precision,
    highest_by,
    precision_recall_curve,
    ranking,
    roc_area,
    roc_curve,
)
from simharness.streams import uniform


def found(*columns: Any) -> Ranking:
    made = ranking(*columns)
    assert made is not None
    return made


def test_by_hand() -> None:
    """Right, false, right, false from the top: of four pairs three are in order; precision 1 and 2/3 at each half."""
    made = found([True, True, False, False], [4.0, 2.0, 3.0, 1.0])
    assert roc_area(made) == 0.75
    assert average_precision(made) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    curve = roc_curve(made)
    assert list(curve.level) == [np.inf, 4, 3, 2, 1]
    assert list(curve.x) == [0, 0, 0.5, 0.5, 1] and list(curve.y) == [0, 0.5, 0.5, 1, 1]
    assert list(precision_recall_curve(made).y) == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])


def test_a_tie_counts_a_half() -> None:
    made = found([True, False], [1.0, 1.0])
    assert roc_area(made) == 0.5 and average_precision(made) == 0.5
    assert list(roc_curve(made).x) == [0, 1]


def test_a_weight_is_so_many_subjects() -> None:
    made = found([True, True, False, False], [4, 2, 3, 2], [1.0, 1.0, 250.0, 2.0])
    in_full = found([True] * 2 + [False] * 252, [4, 2, *[3] * 250, 2, 2])
    assert roc_area(made) == pytest.approx(roc_area(in_full), abs=1e-14)
    assert average_precision(made) == pytest.approx(0.5 + 0.5 * 2 / 254) == average_precision(in_full)


def test_who_abstains_is_ranked_last_and_together() -> None:
    made = found([True, False, True, False], [np.nan, -np.inf, -9.0, -np.inf])
    assert roc_area(made) == pytest.approx((2 + 0.5 + 0.5) / 4)
    assert list(made.level) == [-9.0, -np.inf]
    every = found([True, False], np.array([np.nan, -np.inf], np.float32))
    assert roc_area(every) == 0.5


@pytest.mark.parametrize(
    "columns", [([], []), ([True], [1.0]), ([False, False], [1.0, 2.0]), ([True, False], [1.0, 2.0], [1.0, 0.0])]
)
def test_an_empty_class_is_undefined(columns: Any) -> None:
    assert ranking(*columns) is None
    assert roc_area(ranking(*columns)) is None and average_precision(ranking(*columns)) is None


def test_a_subject_of_no_weight_changes_nothing() -> None:
    made = found([False, True, False], [9.0, 2.0, 1.0], [0.0, 1.0, 1.0])
    assert roc_area(made) == 1.0 and average_precision(made) == 1.0


def test_what_is_refused() -> None:
    with pytest.raises(UsageError, match="weights of 0 or more"):
        ranking([True, False], [1.0, 2.0], [1.0, -1.0])
    with pytest.raises(UsageError, match="one label, one score and one weight"):
        ranking([True, False], [1.0])


@pytest.mark.parametrize("distinct", [3, 40, 100_000])
def test_as_scikit_learn(distinct: int) -> None:
    n, entity = 3000, np.arange(3000)
    positive = uniform(1, "test.positive", entity) < 0.1
    score = np.floor((uniform(2, "test.score", entity) + 0.3 * positive) * distinct)
    weight = np.where(positive, 1.0, 1.0 + 300.0 * uniform(3, "test.weight", entity))
    for weights in (None, weight):
        made = found(positive, score, weights)
        assert roc_area(made) == pytest.approx(sklearn.roc_auc_score(positive, score, sample_weight=weights), abs=1e-12)
        theirs = sklearn.average_precision_score(positive, score, sample_weight=weights)
        assert average_precision(made) == pytest.approx(theirs, abs=1e-12)
        x, y, levels = sklearn.roc_curve(positive, score, sample_weight=weights, drop_intermediate=False)
        curve = roc_curve(made)
        assert curve.x == pytest.approx(x, abs=1e-12) and curve.y == pytest.approx(y, abs=1e-12)
        assert list(curve.level) == list(levels)
        precision, recall, _ = sklearn.precision_recall_curve(positive, score, sample_weight=weights)
        points = precision_recall_curve(made)
        assert points.y[::-1] == pytest.approx(precision[:-1], abs=1e-12) and n == positive.size
        assert points.x[::-1] == pytest.approx(recall[:-1], abs=1e-12)


subjects = st.lists(st.tuples(st.booleans(), st.integers(-5, 5), st.sampled_from([1.0, 2.5])), min_size=2, max_size=30)


@given(subjects, st.permutations(range(30)))
def test_only_the_order_of_scores_counts(rows: list[Any], order: list[int]) -> None:
    """Any increasing map of the scores and any order of the rows give the same areas."""
    positive, score, weight = (np.array(column) for column in zip(*rows, strict=True))
    assume(0 < positive.sum() < positive.size)
    made = found(positive, score, weight)
    moved = [place for place in order if place < len(rows)]
    for again in (
        found(positive, 2.0 * score + 1.0, weight),
        found(positive, np.exp(score), weight),
        found(positive[moved], score[moved], weight[moved]),
    ):
        assert roc_area(again) == pytest.approx(roc_area(made), abs=1e-12)
        assert average_precision(again) == pytest.approx(average_precision(made), abs=1e-12)
    mirrored = found(positive, -score, weight)
    assert roc_area(mirrored) == pytest.approx(1.0 - (roc_area(made) or 0.0), abs=1e-12)


def test_an_account_has_the_highest_score_of_its_own() -> None:
    names, highest = highest_by([7, 3, 7, 9], [1.0, -2.0, 5.0, np.nan])
    assert names.tolist() == [3, 7, 9] and highest.tolist() == [-2.0, 5.0, -np.inf]
    # Other names for the same accounts, in another order: the same scores.
    assert sorted(highest_by([1, 100, 1, 0], [1.0, -2.0, 5.0, np.nan])[1]) == sorted(highest)
    assert highest_by([], [])[0].size == 0
