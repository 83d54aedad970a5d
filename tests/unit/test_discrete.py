"""Counts and listed values: hand-worked quantiles and moments, counts beyond the table, and refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simharness.discrete import Discrete, Empirical, Geometric, NegativeBinomial
from simharness.distributions import Distribution


@pytest.mark.parametrize(
    ("distribution", "u", "value"),
    [
        (Geometric(0.5), 0.5, 1.0),
        (Geometric(0.5), 0.51, 2.0),
        (Geometric(1.0), 0.999, 1.0),
        (NegativeBinomial(1.0, 1.0), 0.49, 0.0),  # P(n) = (1/2)**(n + 1)
        (NegativeBinomial(1.0, 1.0), 0.74, 1.0),
        (NegativeBinomial(1.0, 1.0), 0.76, 2.0),
        (Empirical((30.0, 10.0, 20.0)), 0.2, 10.0),
        (Empirical((30.0, 10.0, 20.0)), 0.34, 20.0),
        (Empirical(range(1, 101)), 0.07, 7.0),  # 0.07 x 100 = 7.000000000000001
    ],
)
def test_hand_worked_quantiles(distribution: Distribution, u: float, value: float) -> None:
    assert float(distribution.quantile(u)) == value


@pytest.mark.parametrize(
    ("distribution", "mean", "variance"),
    [
        (Geometric(0.25), 4.0, 12.0),
        (NegativeBinomial(6.0, 2.0), 6.0, 24.0),
        (Empirical((1.0, 2.0, 6.0)), 3.0, 14 / 3),
        (Discrete((0.0, 10.0), (3.0, 1.0)), 2.5, 18.75),
    ],
)
def test_hand_worked_moments(distribution: Distribution, mean: float, variance: float) -> None:
    assert distribution.mean == pytest.approx(mean, rel=1e-13)
    assert distribution.variance == pytest.approx(variance, rel=1e-12)


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
        (lambda: Geometric(1.5), r"Geometric.p: expected a probability in \(0, 1\], got 1.5"),
        (lambda: NegativeBinomial(1e14, 0.1), "counts beyond 2"),
        (lambda: Empirical(()), "Empirical.values: expected at least one number"),
        (lambda: Discrete((1.0, 2.0), (1.0,)), "Discrete.weights: expected 2, one for each of values, got 1"),
        (lambda: Discrete((1.0, 2.0), (1.0, -1.0)), "expected finite numbers >= 0, got -1.0"),
    ],
)
def test_parameters_out_of_range_are_refused(build: Callable[[], Distribution], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
