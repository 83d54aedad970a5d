"""Look-up tables: exact means, hand-worked bins, and refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simharness.discrete import Discrete, Empirical, Geometric, NegativeBinomial
from simharness.distributions import (
    BoundedPareto,
    Constant,
    Distribution,
    Exponential,
    Gamma,
    LogNormal,
    Mixture,
    Weibull,
)
from simharness.quantile_tables import quantile_table

SORTED: list[Distribution] = [
    Constant(2.0),
    Exponential(3.0),
    LogNormal(2.0, 1.5),
    Weibull(2.0, 0.7),
    Gamma(0.4, 2.0),
    BoundedPareto(1.0, 500.0, 1.2),
    Geometric(0.05),
    NegativeBinomial(4.0, 0.3),
    Empirical((3.0, 1.0, 2.0, 2.0)),
    Discrete((1.0, 4.0, 9.0), (5.0, 0.0, 3.0)),
]


@pytest.mark.parametrize("distribution", SORTED, ids=lambda d: type(d).__name__)
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
