"""Rankings for every weighting, worked by hand: without doubt, and over replications."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simharness.errors import UsageError
from simharness.metrics.dominance import dominance, dominance_over

OTHER_SIDE = {"dominates": "dominated", "dominated": "dominates"}


def test_one_set_of_children_by_hand() -> None:
    """At or beyond each rung: 3, 2, 1, 1 against 4, 2, 2, 1: fewer at the first and third, more at none."""
    assert dominance([1, 2, 4, 0, 0], [1, 1, 3, 4, 0]) == "dominates"
    assert dominance([1, 1, 3, 4, 0], [1, 2, 4, 0, 0]) == "dominated"
    assert dominance([4, 0, 0], [1, 1, 1]) == "crossing"  # fewer harmed, and one of them worse
    assert dominance([0, 3, 1], [3, 1, 0]) == "equal"  # other children, as many at every rung
    assert dominance([], []) == "equal"


def test_other_numbers_of_children_are_no_ranking() -> None:
    with pytest.raises(UsageError, match="the same children twice"):
        dominance([1, 2], [1])
    with pytest.raises(UsageError, match="two of one shape"):
        dominance_over([[1, 1, 1, 1]], [[1, 1, 1, 1]] * 2)


worst = st.lists(st.integers(0, 4), min_size=6, max_size=6)


@given(worst, worst)
def test_dominance_is_antisymmetric_and_holds_for_every_weighting(own: list[int], other: list[int]) -> None:
    verdict = dominance(own, other)
    assert dominance(other, own) == OTHER_SIDE.get(verdict, verdict)
    if verdict in ("dominates", "equal"):
        for weights in ([0, 1, 1, 1, 1], [0, 0, 0, 0, 1], [0, 1, 2, 4, 10], [0, 0, 0, 3, 3], [0, 0, 5, 5, 6]):
            assert sum(weights[rung] for rung in own) <= sum(weights[rung] for rung in other)


def around(*means: float, spread: float = 1.0) -> np.ndarray:
    """Four replications around each mean: a standard error of the mean of ``spread`` / sqrt(3)."""
    return np.array(means) + spread * np.array([[-1.0], [1.0], [-1.0], [1.0]])


NONE = np.zeros((4, 4))


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        ((-9, -9, -9, -9), "dominates"),
        ((9, 9, 9, 9), "dominated"),
        ((-9, -9, -9, -1), "unclear"),  # half a width is 3.18 x 1 / sqrt(3) = 1.84: the last may be more
        ((-9, -9, -9, 9), "crossing"),
        ((-9, -9, -9, 2), "unclear"),  # clearly more by itself, not when it may be any of four (3.46)
        ((-1, 1, 0, 0), "unclear"),
    ],
)
def test_over_replications_by_hand(difference: tuple[float, ...], verdict: str) -> None:
    found = dominance_over(around(*difference), NONE)
    assert found.verdict == verdict
    assert dominance_over(NONE, around(*difference)).verdict == OTHER_SIDE.get(verdict, verdict)
    assert [each.estimate for each in found.differences] == list(difference)
    assert found.differences[0].high == pytest.approx(difference[0] + 3.18245 / 3**0.5, abs=1e-4)


def test_a_rung_at_which_nothing_ever_differs_stands_in_no_ones_way() -> None:
    own = around(-9, -9, -9, 0)
    own[:, 3] = 0.0
    assert dominance_over(own, NONE).verdict == "dominates"
    assert dominance_over(-own, NONE).verdict == "dominated"


def test_equal_only_where_every_replication_is() -> None:
    assert dominance_over(NONE, NONE).verdict == "equal"
    assert dominance_over(NONE[:1], NONE[:1]).verdict == "equal"
    swapped = around(0, 0, 0, 0)
    assert dominance_over(swapped, -swapped).verdict == "unclear"
    assert dominance_over(NONE[:1] - 9, NONE[:1]).verdict == "unclear"  # one replication has no interval
    assert dominance_over(NONE[:0], NONE[:0]).verdict == "unclear"


@pytest.mark.parametrize(("replications", "verdict"), [(5, "unclear"), (6, "dominates")])
def test_differences_all_alike_need_enough_replications(replications: int, verdict: str) -> None:
    """Two replications that happen to agree have an interval of no width: that is no certainty (1/2^5 = 0.031)."""
    nothing = np.zeros((replications, 4))
    found = dominance_over(nothing - [1, 1, 0, 0], nothing)
    assert found.verdict == verdict and found.differences[0].low == found.differences[0].high == -1
    assert dominance_over(nothing, nothing - [1, 1, 0, 0]).verdict == OTHER_SIDE.get(verdict, verdict)
