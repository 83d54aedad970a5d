"""Differences and verdicts, worked by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simharness.errors import UsageError
from simharness.metrics.catalogue import METRICS
from simharness.metrics.difference import (
    Counts,
    counts_of,
    difference,
    enough,
    same_throughout,
    times_better,
    verdict,
)
from simharness.metrics.intervals import Interval, ratio_difference, unpaired_difference

T = "paired student-t"


def interval(low: float | None, high: float | None, n: int = 10, method: str = T) -> Interval:
    middle = 0.0 if low is None or high is None else (low + high) / 2
    return Interval(middle, low, high, n, method)


def test_paired_difference_of_five() -> None:
    # Candidate less base 1, 2, 3, 4, 5: mean 3, s^2 = 2.5, t(0.975; 4) = 2.776 (Fisher & Yates, table III).
    found = difference(Counts((11.0, 12, 13, 14, 15)), Counts((10.0, 10, 10, 10, 10)), paired=True)
    assert found.estimate == 3.0 and found.n == 5
    assert found.low == pytest.approx(3 - 2.776 * math.sqrt(2.5 / 5), abs=4e-4)


def test_two_simultaneous_intervals_are_each_at_half_the_error() -> None:
    # t(0.9875; 4) = 3.495 (Bonferroni t for two comparisons at 0.05: Dunn 1961, table 1 has 3.50).
    found = difference(Counts((1.0, 2, 3, 4, 5)), Counts((0.0, 0, 0, 0, 0)), paired=True, compared=2)
    assert found.high == pytest.approx(3 + 3.495 * math.sqrt(2.5 / 5), abs=1e-3)


def test_welch() -> None:
    # 1, 2, 3 and 2, 6: means 2 and 4, s^2/n = 1/3 and 8/2 = 4; df = (13/3)^2 / ((1/9)/2 + 16/1) = 1.1695.
    found = difference(Counts((1.0, 2, 3)), Counts((2.0, 6.0)), paired=False)
    assert found == unpaired_difference([1, 2, 3], [2, 6])
    assert found.estimate == -2.0 and found.n == 2
    assert found.low is not None and found.high is not None
    half = (found.high - found.low) / 2
    assert 4.303 * math.sqrt(13 / 3) < half < 12.706 * math.sqrt(13 / 3)  # between t of 2 and of 1 degrees of freedom


RATIO = Counts((5.0, 6, 4, 7, 5, 6, 8, 4), (10.0, 11, 9, 12, 10, 12, 14, 9))
OTHER = Counts((4.0, 6, 5, 6, 3, 5, 8, 4), (10.0, 11, 9, 12, 10, 12, 14, 9))


def test_a_difference_of_ratios_is_of_sums() -> None:
    found = difference(RATIO, OTHER, paired=True)
    assert found.estimate == pytest.approx(45 / 87 - 41 / 87)
    four = RATIO.over, RATIO.under, OTHER.over, OTHER.under
    assert found == ratio_difference(*four, 0.95, paired=True)  # type: ignore[arg-type]
    assert difference(RATIO, OTHER, paired=False) == ratio_difference(*four, 0.95, paired=False)  # type: ignore[arg-type]


def test_ends_of_a_simultaneous_ratio_are_moved_as_student_s_would_be() -> None:
    # t(0.975; 7) = 2.365, t(0.9975; 7) = 4.029 (Fisher & Yates, table III; ten comparisons at 0.05).
    one, ten = (difference(RATIO, OTHER, paired=True, compared=k) for k in (1, 10))
    assert one.low is not None and one.high is not None and one.estimate is not None
    assert ten.low == pytest.approx(one.estimate - (one.estimate - one.low) * 4.029 / 2.365, rel=1e-3)
    assert ten.high == pytest.approx(one.estimate + (one.high - one.estimate) * 4.029 / 2.365, rel=1e-3)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_is_a_probability(level: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        difference(RATIO, OTHER, paired=True, level=level)


# -- verdicts: interval of candidate less base where more is better, margin 1 or none --

CASES = [
    ((0.1, 2.0), None, "better"),
    ((-2.0, -0.1), None, "worse"),
    ((-0.1, 2.0), None, "unclear"),
    ((0.0, 2.0), None, "unclear"),
    ((-0.5, 0.9), 1.0, "same"),
    ((0.1, 0.9), 1.0, "same"),  # there, but too small to matter
    ((-0.9, -0.1), 1.0, "same"),
    ((-1.0, 1.0), 1.0, "same"),
    ((0.1, 3.0), 1.0, "better"),
    ((-0.9, 3.0), 1.0, "not worse"),
    ((-1.1, 3.0), 1.0, "unclear"),
    ((-3.0, -0.1), 1.0, "unclear"),  # worse, but perhaps within the margin
    ((-3.0, -1.1), 1.0, "worse"),
    ((-0.1, 2.0), 0.0, "unclear"),
    ((0.0, 2.0), 0.0, "not worse"),
]


@pytest.mark.parametrize(("ends", "margin", "expected"), CASES)
def test_verdicts(ends: tuple[float, float], margin: float | None, expected: str) -> None:
    low, high = ends
    assert verdict(interval(low, high), "higher", margin=margin) == expected
    assert verdict(interval(-high, -low), "lower", margin=margin) == expected


@pytest.mark.parametrize(
    ("ends", "margin", "expected"),
    [
        ((0.1, 2.0), None, "higher"),
        ((-2.0, -0.1), None, "lower"),
        ((-1.0, 1.0), None, "unclear"),
        ((0.1, 2.0), 1.0, "unclear"),  # higher, but perhaps by no more than the margin
        ((1.1, 2.0), 1.0, "higher"),
        ((-0.5, 0.9), 1.0, "same"),
        ((-0.5, 3.0), 1.0, "unclear"),
    ],
)
def test_verdicts_where_neither_way_is_better(ends: tuple[float, float], margin: float | None, expected: str) -> None:
    assert verdict(interval(*ends), None, margin=margin) == expected


def test_undefined_has_no_verdict_and_no_interval_an_unclear_one() -> None:
    assert verdict(Interval(None, None, None, 0, T), "higher") is None
    assert verdict(Interval(3.0, None, None, 1, T), "higher", margin=5.0) == "unclear"


def test_a_margin_below_0_is_refused() -> None:
    for margin in (-1.0, math.nan):
        with pytest.raises(UsageError, match="margin"):
            verdict(interval(0.0, 1.0), "higher", margin=margin)


def test_enough_replications_for_a_verdict_without_a_distribution() -> None:
    """All on one side by chance: 2 / 2^5 = 0.0625 for five, 2 / 2^6 = 0.03125 for six (sign test)."""
    assert [enough(n) for n in (2, 5, 6, 10)] == [False, False, True, True]
    assert enough(5, 0.9)
    for n, expected in ((5, "unclear"), (6, "better")):
        assert verdict(interval(0.1, 0.2, n, "percentile bootstrap"), "higher") == expected
        assert verdict(interval(3.0, 3.0, n), "higher") == expected  # the same difference every time
        assert verdict(interval(0.1, 0.2, n), "higher") == "better"  # Student's t has seen to it


# -- what no replication tells apart --


def test_the_same_throughout() -> None:
    one = Counts((1.0, None, 3.0))
    assert same_throughout(one, Counts((1.0, None, 3.0)), paired=True)
    assert not same_throughout(one, Counts((1.0, None, 3.5)), paired=True)
    assert not same_throughout(one, Counts((1.0, None, 3.0)), paired=False)  # another world may make another 1
    assert same_throughout(Counts((0.0, 0.0)), Counts((0.0, 0.0, 0.0)), paired=False)
    assert not same_throughout(Counts((None,)), Counts((None,)), paired=True)
    assert not same_throughout(Counts(()), Counts(()), paired=True)
    # Equal ratios of unequal counts weigh differently in the ratio of sums.
    assert not same_throughout(Counts((1.0, 0.0), (2.0, 1.0)), Counts((2.0, 0.0), (4.0, 1.0)), paired=True)
    assert same_throughout(Counts((0.0, 0.0), (2.0, 1.0)), Counts((0.0,), (7.0,)), paired=False)


def test_times_better_counts_pairs_defined_on_both_sides() -> None:
    ours, theirs = Counts((3.0, 2.0, None, 1.0, 5.0)), Counts((2.0, 2.0, 1.0, 2.0, None))
    assert times_better(ours, theirs, "higher") == (1, 3)
    assert times_better(ours, theirs, "lower") == (1, 3)
    assert times_better(Counts((1.0, 1.0), (2.0, 0.0)), Counts((1.0, 1.0), (4.0, 5.0)), "higher") == (1, 1)


def test_counts_come_from_a_metric_s_own_rows() -> None:
    series = {"detected": {0: 1.0, 1: 2.0}, "grooming": {0: 5.0, 1: 8.0}, "alerts[x]": {1: 4.0}}
    assert counts_of(METRICS["detector", "recall"], "", series, [1, 0]) == Counts((2.0, 1.0), (8.0, 5.0))
    assert counts_of(METRICS["arm", "alerts"], "[x]", series, [0, 1]) == Counts((None, 4.0))
    assert counts_of(METRICS["arm", "alerts"], "", series, [0, 1]) == Counts((None, None))


# -- properties --


@given(values=st.lists(st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)), min_size=2, max_size=12))
def test_swapping_sides_turns_the_interval_round(values: list[tuple[int, int]]) -> None:
    ours, theirs = (Counts(tuple(float(pair[side]) for pair in values)) for side in (0, 1))
    for paired in (True, False):
        there, back = difference(ours, theirs, paired=paired), difference(theirs, ours, paired=paired)
        assert there.low is not None and back.high is not None
        assert there.low == pytest.approx(-back.high, rel=1e-9, abs=1e-6)
        turned = {"better": "worse", "worse": "better", "unclear": "unclear"}
        assert verdict(back, "higher") == turned[str(verdict(there, "higher"))]


@given(low=st.floats(-10, 10), width=st.floats(0.01, 10), margin=st.floats(0, 10))
def test_a_margin_never_makes_a_verdict_harsher(low: float, width: float, margin: float) -> None:
    order = ["worse", "unclear", "not worse", "same", "better"]
    found = interval(low, low + width)
    without, with_margin = (verdict(found, "higher", margin=each) for each in (None, margin))
    if without == "better":
        assert with_margin in ("better", "same")
    else:
        assert order.index(str(with_margin)) >= order.index(str(without))
