"""Which replications count, and what is said when too few do."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from simharness.errors import UsageError
from simharness.metrics.intervals import (
    Interval,
    clopper_pearson,
    mean_interval,
    median_interval,
    paired_difference,
    prediction_interval,
    ratio_interval,
)

NAN = float("nan")
SINGLE: list[Callable[..., Interval]] = [mean_interval, median_interval, prediction_interval]


def _ends(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


@pytest.mark.parametrize("interval", SINGLE)
def test_undefined_replications_are_dropped_and_not_zero(interval: Callable[..., Interval]) -> None:
    whole = interval([1.0, 2.0, 4.0])
    assert interval([1.0, None, 2.0, NAN, 4.0]) == whole
    assert interval(np.array([NAN, 1.0, 2.0, 4.0])) == whole
    assert whole.n == 3


@pytest.mark.parametrize("interval", SINGLE)
def test_too_few_replications(interval: Callable[..., Interval]) -> None:
    for nothing in ([], [None, NAN]):
        none = interval(nothing)
        assert (none.estimate, none.low, none.high, none.n) == (None, None, None, 0)
    one = interval([3.0, None])
    assert (one.estimate, one.low, one.high, one.n) == (3.0, None, None, 1)


@pytest.mark.parametrize("interval", SINGLE)
def test_equal_values_give_width_zero_exactly(interval: Callable[..., Interval]) -> None:
    # 0.1 + 0.1 + 0.1 rounds, so mean and deviation computed from sums would not be exact.
    same = interval([0.1, 0.1, 0.1])
    assert (same.estimate, same.low, same.high) == (0.1, 0.1, 0.1)


def test_methods_are_named() -> None:
    names = {interval([1.0, 2.0]).method for interval in SINGLE}
    names |= {paired_difference([1.0], [2.0]).method, ratio_interval([1.0], [2.0]).method, clopper_pearson(0, 1).method}
    assert len(names) == 6


def test_a_pair_needs_both_sides() -> None:
    whole = paired_difference([3.0, 5.0, 9.0], [1.0, 2.0, 3.0])
    assert paired_difference([3.0, None, 5.0, 7.0, 9.0], [1.0, 8.0, 2.0, NAN, 3.0]) == whole
    assert whole.estimate == pytest.approx(11 / 3)
    assert whole.n == 3


def test_constant_differences_give_width_zero() -> None:
    same = paired_difference([3.0, 5.0, 10.0], [1.0, 3.0, 8.0])
    assert (same.estimate, same.low, same.high) == (2.0, 2.0, 2.0)


def test_a_ratio_is_of_sums_not_a_mean_of_ratios() -> None:
    assert ratio_interval([1.0, 3.0], [1.0, 9.0]).estimate == 0.4


def test_a_ratio_over_nothing_is_undefined() -> None:
    for above, below in (([], []), ([0.0, 0.0], [0.0, 0.0]), ([None, 1.0], [1.0, None])):
        nothing = ratio_interval(above, below)
        assert (nothing.estimate, nothing.low, nothing.high) == (None, None, None)
    one = ratio_interval([1.0, None], [4.0, 2.0])
    assert (one.estimate, one.low, one.high, one.n) == (0.25, None, None, 1)


def test_resamples_without_a_denominator_are_left_out() -> None:
    # Of four resamples of two replications, the one with an empty denominator twice is dropped: the others give 0.5.
    some = ratio_interval([1.0, 0.0], [2.0, 0.0])
    assert (some.estimate, some.low, some.high, some.n) == (0.5, 0.5, 0.5, 2)


def test_a_ratio_is_repeatable_and_the_seed_counts() -> None:
    above, below = [1.0, 5.0, 2.0, 7.0], [9.0, 11.0, 4.0, 13.0]
    assert ratio_interval(above, below) == ratio_interval(above, below)
    assert ratio_interval(above, below, 0.5, 50, seed=1) != ratio_interval(above, below, 0.5, 50, seed=2)
    first = ratio_interval(above, below, resamples=1)
    assert first.low == first.high  # one resample has one ratio


def test_a_wider_level_gives_a_wider_interval() -> None:
    values = [1.0, 2.0, 4.0, 8.0]
    every: list[Callable[..., Interval]] = [*SINGLE, partial(ratio_interval, values)]
    for interval in every:
        narrow, wide = _ends(interval(values[::-1], 0.5)), _ends(interval(values[::-1], 0.99))
        assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_no_trials_are_undefined_and_no_events_are_not() -> None:
    assert clopper_pearson(0, 0) == Interval(None, None, None, 0, "clopper-pearson")
    none = clopper_pearson(0, 20)
    assert (none.estimate, none.low, none.n) == (0.0, 0.0, 20)
    assert none.high is not None
    assert none.high > 0.0
    assert clopper_pearson(20, 20).high == 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: mean_interval([1.0, math.inf]),
        lambda: mean_interval(np.ones((2, 2))),
        lambda: mean_interval([1.0], level=1.0),
        lambda: ratio_interval([1.0], [1.0], level=NAN),
        lambda: ratio_interval([1.0], [1.0], resamples=0),
        lambda: paired_difference([1.0], [1.0, 2.0]),
        lambda: clopper_pearson(3, 2),
        lambda: clopper_pearson(-1, 2),
        lambda: clopper_pearson(1, 2, level=0.0),
    ],
)
def test_bad_input_is_a_usage_error(call: Callable[[], Interval]) -> None:
    with pytest.raises(UsageError, match=r"got .*; allowed: "):
        call()
