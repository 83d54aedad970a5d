"""Intervals against theory: tables, exact cases worked by hand, and coverage under the model each one assumes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import binom, ttest_ind
from scipy.stats import t as student_t

from simharness.errors import UsageError
from simharness.metrics.intervals import (
    clopper_pearson,
    expanded_tail,
    mean_interval,
    paired_difference,
    prediction_interval,
    ratio_difference,
    ratio_interval,
    unpaired_difference,
)
from simharness.streams import uniform


def test_t_interval_of_1_to_5() -> None:
    # Mean 3, s^2 = 10/4 = 2.5; t(0.975; 4) = 2.776, t(0.95; 4) = 2.132 (Fisher & Yates, Statistical Tables, table III).
    for level, t in ((0.95, 2.776), (0.90, 2.132)):
        found = mean_interval([1.0, 2.0, 3.0, 4.0, 5.0], level)
        half = t * math.sqrt(2.5 / 5)
        assert found.estimate == 3.0
        assert found.low == pytest.approx(3 - half, abs=4e-4)
        assert found.high == pytest.approx(3 + half, abs=4e-4)


def test_prediction_interval_of_1_to_5() -> None:
    # The next value adds its own variance: s^2 (1 + 1/n) = 2.5 * 1.2 = 3.
    found = prediction_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.high == pytest.approx(3 + 2.776 * math.sqrt(3), abs=1e-3)
    assert found.low == pytest.approx(3 - 2.776 * math.sqrt(3), abs=1e-3)


def test_student_s_own_example() -> None:
    # Student (1908), section IX: additional hours of sleep under two drugs, ten patients; mean difference 1.58, its
    # standard deviation 1.23 (Student divides by n: 1.17); t(0.975; 9) = 2.262.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = paired_difference(second, first)
    assert found.estimate == pytest.approx(1.58)
    assert found.low == pytest.approx(1.58 - 2.262 * 1.2299 / math.sqrt(10), abs=1e-3)
    assert found.high == pytest.approx(1.58 + 2.262 * 1.2299 / math.sqrt(10), abs=1e-3)


@pytest.mark.parametrize("n", [2, 10])
def test_coverage_of_the_t_interval_on_normal_data(n: int) -> None:
    """Student (1908): exact for normal values at every n, so hits are binomial with p = 0.95; four standard errors."""
    rounds = 4000
    values = 5.0 + 2.0 * ndtri(uniform(11, "test.coverage", np.arange(rounds)[:, None], np.arange(n)[None, :]))
    intervals = [mean_interval(row) for row in values]
    hits = sum(
        found.low <= 5.0 <= found.high for found in intervals if found.low is not None and found.high is not None
    )
    assert hits / rounds == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / rounds))


def test_coverage_of_the_prediction_interval_on_normal_data() -> None:
    """The next value falls inside with probability 0.8, exactly, for normal values; four standard errors."""
    rounds, n = 4000, 5
    draws = ndtri(uniform(12, "test.coverage", np.arange(rounds)[:, None], np.arange(n + 1)[None, :]))
    intervals = [prediction_interval(row[:n], 0.8) for row in draws]
    hits = sum(
        found.low <= row[n] <= found.high
        for found, row in zip(intervals, draws, strict=True)
        if found.low is not None and found.high is not None
    )
    assert hits / rounds == pytest.approx(0.8, abs=4 * math.sqrt(0.8 * 0.2 / rounds))


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (2, 20, 0.0123, 0.3170),
    ],
)
def test_clopper_pearson_against_tables(k: int, n: int, low: float, high: float) -> None:
    """95 % limits as tabled (Clopper & Pearson 1934; Geigy Scientific Tables, exact binomial limits)."""
    found = clopper_pearson(k, n)
    assert found.low == pytest.approx(low, abs=6e-5)
    assert found.high == pytest.approx(high, abs=6e-5)
    assert found.estimate == k / n


def test_clopper_pearson_solves_its_defining_equations() -> None:
    """P(X >= k | low) = P(X <= k | high) = (1 - level) / 2 (Clopper & Pearson 1934); k = 0 gives 1 - tail^(1/n)."""
    found = clopper_pearson(7, 50, 0.9)
    assert binom.sf(6, 50, found.low) == pytest.approx(0.05)
    assert binom.cdf(7, 50, found.high) == pytest.approx(0.05)
    assert clopper_pearson(0, 50, 0.9).high == pytest.approx(1 - 0.05 ** (1 / 50))


def test_bootstrap_of_two_replications() -> None:
    """Efron (1979): two replications have resamples aa, ab, ba, bb; here their ratios are 2/8, 4/8, 4/8 and 6/8.

    Each extreme has probability 1/4, so both tails end on them at 95 %. At 20 % the tail is Phi(-sqrt(2) tan(18
    degrees)) = 0.32, more than 1/4, so both ends are the estimate (t with one degree of freedom is Cauchy's).
    """
    found = ratio_interval([1.0, 3.0], [4.0, 4.0])
    assert (found.low, found.estimate, found.high) == (0.25, 0.5, 0.75)
    middle = ratio_interval([1.0, 3.0], [4.0, 4.0], level=0.2)
    assert (middle.low, middle.high) == (0.5, 0.5)


def test_bootstrap_width_of_a_mean_approaches_the_plug_in_deviation() -> None:
    """With denominators 1 the ratio is the mean, whose resamples have variance sum((x - mean)^2) / n^2 (Efron 1979)."""
    n = 60
    values = uniform(13, "test.bootstrap", np.arange(n))
    found = ratio_interval(values, np.ones(n), level=0.6827, resamples=4000)
    assert found.low is not None
    assert found.high is not None
    deviation = float(values.std()) / math.sqrt(n)
    # A quantile at one deviation of 4000 normal values has standard error sqrt(p (1 - p) / 4000) / density, p = 0.1587.
    error = deviation * math.sqrt(0.1587 * 0.8413 / 4000) / (math.exp(-0.5) / math.sqrt(2 * math.pi))
    assert (found.high - found.low) / 2 == pytest.approx(deviation, abs=4 * error)


def test_the_expanded_tail_by_hand() -> None:
    """Hesterberg (2015): n = 10 at 95 %: t(0.975; 9) = 2.262, times sqrt(10 / 9) is 2.384; Phi(-2.384) = 0.00856."""
    assert expanded_tail(10) == pytest.approx(0.00856, abs=2e-5)
    assert expanded_tail(10_000) == pytest.approx(0.025, abs=2e-5)
    assert expanded_tail(10, 0.9) == pytest.approx(float(ndtr(-1.833 * math.sqrt(10 / 9))), abs=1e-5)


def test_the_expanded_bootstrap_of_a_mean_is_as_wide_as_student_s() -> None:
    """Resamples of a mean have deviation sqrt((n - 1) / n) s / sqrt(n), so this tail ends at t s / sqrt(n) if they are
    normal, as they nearly are for evenly spread values. A plain percentile interval ends at 1.96 sqrt(9 / 10) = 1.86 of
    them instead of 2.26, and is a fifth too narrow.
    """
    values = np.arange(10.0)
    found, exact = ratio_interval(values, np.ones(10), resamples=20_000), mean_interval(values)
    assert found.low is not None and found.high is not None and exact.low is not None and exact.high is not None
    assert (found.high - found.low) / (exact.high - exact.low) == pytest.approx(1.0, abs=0.05)


def test_welch_by_hand() -> None:
    """1, 2, 3 (mean 2, s^2 1) against 4, 6, 8, 10 (mean 7, s^2 20/3): variances of the means 1/3 and 5/3, so 2 in all;
    degrees of freedom 4 / ((1/9) / 2 + (25/9) / 3) = 4.075 (Welch 1947; Satterthwaite 1946); t(0.975) = 2.7588.
    """
    found = unpaired_difference([1.0, 2.0, 3.0], [4.0, 6.0, 8.0, 10.0])
    degrees = 4 / ((1 / 9) / 2 + (25 / 9) / 3)
    half = float(student_t.ppf(0.975, degrees)) * math.sqrt(2)
    assert (found.estimate, found.n, found.method) == (-5.0, 3, "welch")
    assert found.low == pytest.approx(-5 - half) and found.high == pytest.approx(-5 + half)
    theirs = ttest_ind([1.0, 2.0, 3.0], [4.0, 6.0, 8.0, 10.0], equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_welch_without_a_spread_or_a_replication() -> None:
    third = [0.1 + 0.2, 0.3 + 1e-17]
    same = unpaired_difference([third[0]] * 7, [0.1] * 3)
    assert same.low == same.high == same.estimate == pytest.approx(0.2)
    one = unpaired_difference([3.0, None], [1.0, 2.0])
    assert (one.estimate, one.low, one.high, one.n) == (1.5, None, None, 1)
    assert unpaired_difference([], [1.0]).estimate is None


def test_a_paired_difference_of_ratios_sees_the_same_resamples() -> None:
    """The ratios of both sides differ by 1/4 in every replication, so by 1/4 in every resample; unpaired they vary."""
    over, under = [1.0, 3.0, 2.0, 4.0], [4.0, 4.0, 4.0, 4.0]
    more = [value + 1.0 for value in over]
    paired = ratio_difference(more, under, over, under)
    assert (paired.estimate, paired.low, paired.high, paired.n) == (0.25, 0.25, 0.25, 4)
    apart = ratio_difference(more, under, over, under, paired=False)
    assert apart.low is not None and apart.high is not None and apart.estimate == 0.25
    assert apart.low < 0.0 < 0.5 < apart.high


def test_a_difference_of_ratios_by_hand() -> None:
    """Ratios of resamples of two: 1/4, 2/4 or 3/4 on one side, 0, 1/4 or 2/4 on the other. Drawn apart, the difference
    lies between 1/4 - 2/4 and 3/4 - 0, each once in sixteen, and the tails of two replications end there.
    """
    found = ratio_difference([1.0, 3.0], [4.0, 4.0], [0.0, 2.0], [4.0, 4.0], paired=False)
    assert (found.estimate, found.low, found.high) == (0.25, -0.25, 0.75)


def test_a_replication_counts_when_all_four_are_defined() -> None:
    found = ratio_difference([1.0, None, 3.0], [4.0, 4.0, 4.0], [0.0, 2.0, None], [4.0, 4.0, 4.0])
    assert (found.estimate, found.n, found.low) == (0.25, 1, None)
    apart = ratio_difference([1.0, None, 3.0], [4.0, 4.0, 4.0], [0.0, 2.0], [4.0, 4.0], paired=False)
    assert (apart.estimate, apart.n) == (0.25, 2)
    assert ratio_difference([1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0]).estimate is None
    with pytest.raises(UsageError, match="2 and 3 replications"):
        ratio_difference([1.0, 2.0], [1.0, 2.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
