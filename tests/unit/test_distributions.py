"""Distributions: hand-worked quantiles and moments, refusals, and what every distribution of either module keeps."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    sample,
)
from simharness.streams import uniform

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
        (lambda: Constant(math.inf), "Constant.value: expected finite numbers, got inf"),
        (lambda: Mixture((0.5, 0.4), (Constant(1.0), Constant(2.0))), "sum 1 .* got sum 0.9"),
        (lambda: Mixture((1.5, -0.5), (Constant(1.0), Constant(2.0))), "Mixture.weights: .* got -0.5"),
        (lambda: Mixture((1.0,), ()), "expected 0, one for each of components, got 1"),
    ],
)
def test_parameters_out_of_range_are_refused(build: Callable[[], Distribution], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
