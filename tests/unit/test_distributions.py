"""Distributions: hand-worked quantiles, alias tables counted word by word, look-up tables, and refusals."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simharness.distributions import (
    BoundedPareto,
    Constant,
    Discrete,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    Geometric,
    LogNormal,
    Mixture,
    NegativeBinomial,
    Weibull,
    alias_pick,
    alias_table,
    quantile_table,
    sample,
)
from simharness.streams import uniform

WORDS = 2**32
MONOTONE: list[Distribution] = [
    Constant(2.0),
    Exponential(3.0),
    LogNormal(2.0, 1.5),
    Weibull(2.0, 0.7),
    Gamma(0.4, 2.0),
    BoundedPareto(1.0, 500.0, 1.2),
    Geometric(0.05),
    NegativeBinomial(4.0, 0.3),
    Empirical((3.0, 1.0, 2.0, 2.0)),
]
MIXED = Mixture((0.7, 0.0, 0.3), (Exponential(1.0), Constant(-9.0), LogNormal(50.0, 0.5)))
EVERY: list[Distribution] = [*MONOTONE, Discrete((1.0, 4.0, 9.0), (5.0, 0.0, 3.0)), MIXED]
OPEN_UNIT = st.floats(2.0**-53, 1.0 - 2.0**-53)


def words_of(threshold: NDArray[np.uint32], alias: NDArray[np.int64]) -> list[int]:
    """How many of the 2**32 words give each outcome: a column's own words are multiples of 2**b below the threshold."""
    columns = len(threshold)
    capacity = WORDS // columns
    words = [0] * columns
    for column in range(columns):
        own = -(-int(threshold[column]) // columns)
        words[column] += own
        words[int(alias[column])] += capacity - own
    return words


@pytest.mark.parametrize(
    ("distribution", "u", "value"),
    [
        (Constant(7.5), 0.3, 7.5),
        (Exponential(2.0), 1 - math.exp(-1.5), 3.0),
        (LogNormal(4.0, 0.5), 0.5, 4.0),
        (LogNormal(4.0, 0.5), 0.841344746068543, 4.0 * math.exp(0.5)),  # Phi(1)
        (Weibull(3.0, 2.0), 1 - math.exp(-4.0), 6.0),
        (Gamma(1.0, 2.0), 1 - math.exp(-1.5), 3.0),  # shape 1 is exponential
        (BoundedPareto(1.0, 4.0, 1.0), 2.0 / 3.0, 2.0),  # F(x) = (1 - 1/x) / (1 - 1/4)
        (Geometric(0.5), 0.5, 1.0),
        (Geometric(0.5), 0.51, 2.0),
        (Geometric(1.0), 0.999, 1.0),
        (NegativeBinomial(1.0, 1.0), 0.49, 0.0),  # P(n) = (1/2)**(n + 1)
        (NegativeBinomial(1.0, 1.0), 0.74, 1.0),
        (NegativeBinomial(1.0, 1.0), 0.76, 2.0),
        (Empirical((30.0, 10.0, 20.0)), 0.2, 10.0),
        (Empirical((30.0, 10.0, 20.0)), 0.34, 20.0),
        (Empirical(range(1, 101)), 0.07, 7.0),  # 0.07 x 100 = 7.000000000000001
        (Mixture((0.25, 0.75), (Constant(1.0), Exponential(2.0))), 0.2, 1.0),
        (Mixture((0.25, 0.75), (Constant(1.0), Constant(2.0))), 0.25, 2.0),  # shares are half-open [ )
        (Mixture((0.25, 0.75), (Constant(1.0), Exponential(2.0))), 0.625, 2.0 * math.log(2.0)),
    ],
)
def test_hand_worked_quantiles(distribution: Distribution, u: float, value: float) -> None:
    assert float(distribution.quantile(u)) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("distribution", "mean", "variance"),
    [
        (Constant(7.5), 7.5, 0.0),
        (Exponential(2.0), 2.0, 4.0),
        (LogNormal(1.0, math.sqrt(math.log(4.0))), 2.0, 12.0),
        (Weibull(3.0, 0.5), 6.0, 180.0),  # 3 x 2!; 9 x (4! - (2!)**2)
        (Gamma(3.0, 2.0), 6.0, 12.0),
        (BoundedPareto(1.0, 4.0, 1.0), 4 / 3 * math.log(4.0), 4.0 - (4 / 3 * math.log(4.0)) ** 2),
        (BoundedPareto(1.0, 4.0, 2.0), 1.6, 32 / 15 * math.log(4.0) - 2.56),
        (Geometric(0.25), 4.0, 12.0),
        (NegativeBinomial(6.0, 2.0), 6.0, 24.0),
        (Empirical((1.0, 2.0, 6.0)), 3.0, 14 / 3),
        (Discrete((0.0, 10.0), (3.0, 1.0)), 2.5, 18.75),
        (Mixture((0.5, 0.5), (Constant(0.0), Exponential(2.0))), 1.0, 3.0),  # 2 within, 1 between
    ],
)
def test_hand_worked_moments(distribution: Distribution, mean: float, variance: float) -> None:
    assert distribution.mean == pytest.approx(mean, rel=1e-13)
    assert distribution.variance == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("distribution", MONOTONE, ids=lambda d: type(d).__name__)
@settings(max_examples=50, deadline=None)
@given(us=st.lists(OPEN_UNIT, min_size=2, max_size=20))
def test_quantile_is_monotone(distribution: Distribution, us: list[float]) -> None:
    assert np.all(np.diff(distribution.quantile(np.sort(us))) >= 0)


@pytest.mark.parametrize("distribution", EVERY, ids=lambda d: type(d).__name__)
def test_shape_is_kept_and_a_draw_is_the_same_in_any_batch(distribution: Distribution) -> None:
    u = np.asarray([[2.0**-53, 0.2, 0.7], [0.69999, 0.999999, 1 - 2.0**-53]])
    together = distribution.quantile(u)
    assert together.shape == (2, 3)
    assert together.dtype == np.float64
    assert np.isfinite(together).all()
    for place in np.ndindex(2, 3):
        alone = distribution.quantile(float(u[place]))
        assert np.shape(alone) == ()
        assert alone == together[place]
    assert distribution.quantile(np.empty(0)).shape == (0,)


@pytest.mark.parametrize("distribution", EVERY, ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("u", [0.0, 1.0, -0.1, math.nan])
def test_a_closed_end_is_refused(distribution: Distribution, u: float) -> None:
    with pytest.raises(ValueError, match=r"open interval \(0, 1\), got"):
        distribution.quantile([0.5, u])


@pytest.mark.parametrize("distribution", EVERY, ids=lambda d: type(d).__name__)
def test_sample_is_the_quantile_of_the_addressed_uniform(distribution: Distribution) -> None:
    entity = np.arange(5, dtype=np.uint64)
    expected = distribution.quantile(uniform(3, "test.draw", entity, 2))
    np.testing.assert_array_equal(sample(distribution, 3, "test.draw", entity, 2), expected)
    assert pickle.loads(pickle.dumps(distribution)) == distribution
    assert hash(distribution) == hash(pickle.loads(pickle.dumps(distribution)))


def test_counts_beyond_the_table_are_the_smallest_that_reach_u() -> None:
    far = NegativeBinomial(1e6, 0.5)
    u = np.asarray([0.3, 0.9, 0.999, 1 - 1e-9])
    count = far.quantile(u)
    assert count[-1] > 2**16
    assert np.all(far.cdf(count) >= u)
    assert np.all(far.cdf(count - 1) < u)


def test_a_tiny_dispersion_keeps_nearly_all_at_zero() -> None:
    """P(0) = (k / (k + 1))**k = 1 - 4e-17 for k = 1e-18, where 1 / (1 + k) is 1 in floats."""
    assert NegativeBinomial(1.0, 1e-18).quantile(0.999) == 0.0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Exponential(-1.0), "Exponential.mean: expected a finite number > 0, got -1.0"),
        (lambda: Exponential(math.nan), "Exponential.mean: .* got nan"),
        (lambda: LogNormal(1.0, 0.0), "LogNormal.sigma: .* got 0.0"),
        (lambda: LogNormal(1.0, 40.0), "within the range of floats"),
        (lambda: Weibull(1.0, 0.001), "within the range of floats"),
        (lambda: Gamma(math.inf, 1.0), "Gamma.shape: .* got inf"),
        (lambda: BoundedPareto(2.0, 2.0, 1.0), "BoundedPareto.maximum: expected a number > minimum 2.0, got 2.0"),
        (lambda: Geometric(1.5), r"Geometric.p: expected a probability in \(0, 1\], got 1.5"),
        (lambda: NegativeBinomial(1e14, 0.1), "counts beyond 2"),
        (lambda: Constant(math.inf), "Constant.value: expected finite numbers, got inf"),
        (lambda: Empirical(()), "Empirical.values: expected at least one number"),
        (lambda: Discrete((1.0, 2.0), (1.0,)), "Discrete.weights: expected 2, one for each of values, got 1"),
        (lambda: Discrete((1.0, 2.0), (1.0, -1.0)), "expected finite numbers >= 0, got -1.0"),
        (lambda: Mixture((0.5, 0.4), (Constant(1.0), Constant(2.0))), "sum 1 .* got sum 0.9"),
        (lambda: Mixture((1.5, -0.5), (Constant(1.0), Constant(2.0))), "Mixture.weights: .* got -0.5"),
        (lambda: Mixture((1.0,), ()), "expected 0, one for each of components, got 1"),
    ],
)
def test_parameters_out_of_range_are_refused(build: Callable[[], Distribution], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_hand_worked_alias_table() -> None:
    threshold, alias = alias_table(np.asarray([3.0, 1.0]), 2)
    # 2**31 words a column; outcome 1 has 2**30 of them, so half of column 1 goes to outcome 0.
    assert alias.tolist() == [0, 0]
    assert int(threshold[1]) == 2**31
    words = np.asarray([0, 2**31 - 1, 2**31, 2**31 + 2**30 - 1, 2**31 + 2**30, WORDS - 1], np.uint32)
    assert alias_pick(threshold, alias, words).tolist() == [0, 0, 1, 1, 0, 0]


@settings(max_examples=100, deadline=None)
@given(
    weights=st.lists(st.floats(0.0, 1e308), min_size=1, max_size=40).filter(any),
    spare=st.integers(0, 2),
)
def test_alias_table_gives_every_outcome_its_words(weights: list[float], spare: int) -> None:
    columns = 2 ** (max(1, (len(weights) - 1).bit_length()) + spare)
    threshold, alias = alias_table(np.asarray(weights), columns)
    words = words_of(threshold, alias)
    total = sum(Fraction(weight) for weight in weights)
    for weight, got in zip([*weights, *[0.0] * (columns - len(weights))], words, strict=True):
        assert abs(Fraction(got, WORDS) - Fraction(weight) / total) <= Fraction(1, 2**31)
        assert weight > 0 or got == 0
    assert sum(words) == WORDS
    assert threshold.dtype == np.uint32
    assert alias.dtype == np.int64


def test_a_column_that_keeps_all_its_words_is_its_own_alias() -> None:
    threshold, alias = alias_table(np.ones(8), 8)
    assert alias.tolist() == list(range(8))
    every_corner = np.asarray([k * 2**29 + offset for k in range(8) for offset in (0, 2**29 - 1)], np.uint32)
    assert alias_pick(threshold, alias, every_corner).tolist() == [k for k in range(8) for _ in range(2)]


def test_alias_pick_agrees_with_the_words_counted_in_the_table() -> None:
    threshold, alias = alias_table(np.asarray([1.0, 2.0, 0.0, 4.0, 0.5]), 8)
    words = (np.arange(2**16, dtype=np.uint64) * 2**16 + 7).astype(np.uint32)
    found = np.bincount(alias_pick(threshold, alias, words), minlength=8) * 2**16
    # A grid of one word in 2**16 misses each column's cut by less than one step.
    assert np.all(np.abs(found - words_of(threshold, alias)) <= 8 * 2**16)
    assert found[2] == found[5] == found[6] == found[7] == 0


@pytest.mark.parametrize(
    ("weights", "columns", "message"),
    [
        ([1.0, -0.1], 2, "expected finite numbers >= 0, got -0.1"),
        ([1.0, math.nan], 2, "got nan"),
        ([0.0, 0.0], 2, "got all zero"),
        ([], 2, "at least one number"),
        ([1.0, 1.0, 1.0], 2, "at least the 3 weights, got 2"),
        ([1.0, 1.0], 3, "power of two from 2 to"),
        ([1.0], 1, "power of two from 2 to"),
        ([1.0], 0, "power of two from 2 to"),
        ([1.0], -4, "power of two from 2 to"),
        ([1.0], 2**21, "power of two from 2 to"),
    ],
)
def test_alias_table_refuses(weights: list[float], columns: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        alias_table(np.asarray(weights), columns)


@pytest.mark.parametrize("distribution", EVERY[:-1], ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("bins", [7, 256])
def test_quantile_table_has_the_exact_mean(distribution: Distribution, bins: int) -> None:
    table = quantile_table(distribution, bins)
    assert table.shape == (bins,)
    assert table.mean() == pytest.approx(distribution.mean, rel=1e-9)
    assert np.all(np.diff(table) >= -1e-9)


def test_hand_worked_quantile_tables() -> None:
    # Exponential, two bins: the mean below the median is 1 - ln 2, above it (memoryless) 1 + ln 2.
    np.testing.assert_allclose(quantile_table(Exponential(1.0), 2), [1 - math.log(2), 1 + math.log(2)], rtol=1e-12)
    np.testing.assert_allclose(quantile_table(Discrete((8.0, 2.0), (1.0, 3.0)), 2), [2.0, 5.0], rtol=1e-12)
    np.testing.assert_allclose(quantile_table(Empirical((4.0, 1.0)), 4), [1.0, 1.0, 4.0, 4.0], rtol=1e-12)
    np.testing.assert_array_equal(quantile_table(Constant(0.0), 3), np.zeros(3))


def test_quantile_table_of_a_continuous_distribution_is_near_its_quantile() -> None:
    middle = (np.arange(1024) + 0.5) / 1024
    for distribution in (Exponential(3.0), LogNormal(2.0, 0.8), Gamma(2.0, 1.0), Weibull(1.0, 1.5)):
        table = quantile_table(distribution, 1024)
        np.testing.assert_allclose(table[50:-50], distribution.quantile(middle)[50:-50], rtol=2e-3)


def test_quantile_table_of_a_mixture_has_whole_bins_and_the_exact_mean() -> None:
    mixture = Mixture((0.7, 0.0, 0.3), (Constant(1.0), Constant(99.0), Constant(5.0)))
    table = quantile_table(mixture, 16)  # 11.2 and 4.8 bins: 11 and 5
    values, counts = np.unique(table, return_counts=True)
    assert counts.tolist() == [11, 5]
    assert values[1] / values[0] == pytest.approx(5.0)
    assert table.mean() == pytest.approx(2.2, rel=1e-12)
    rare = quantile_table(Mixture((1e-6, 1.0 - 1e-6), (Exponential(1e6), Exponential(1.0))), 64)
    assert np.count_nonzero(rare > 100 * np.median(rare)) == 1
    assert rare.mean() == pytest.approx(2.0 - 1e-6, rel=1e-9)
    crowded = Mixture((0.5, 0.44, 0.02, 0.02, 0.02), tuple(Constant(float(k)) for k in range(1, 6)))
    table = quantile_table(crowded, 6)  # 3, 2.64 and 0.12 bins each: 3, 2, 1, 1, 1 is two too many
    assert np.unique(table, return_counts=True)[1].tolist() == [2, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("distribution", "bins", "message"),
    [
        (Exponential(1.0), 0, "expected an integer >= 1, got 0"),
        (Mixture((0.5, 0.5), (Constant(1.0), Constant(2.0))), 1, "at least one a component, got 1 for 2"),
        (Mixture((0.5, 0.5), (Constant(1.0), Constant(-1.0))), 3, "with the sign of the mean 0.0"),
    ],
)
def test_quantile_table_refuses(distribution: Distribution, bins: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quantile_table(distribution, bins)
