"""Each distribution's addressed draws against its own theory.

Moments: Johnson, Kotz & Balakrishnan, "Continuous Univariate Distributions" vol. 1, 2nd ed. (1994), written JKB, and
Johnson, Kemp & Kotz, "Univariate Discrete Distributions", 3rd ed. (2005), written JKK; formulas stand beside each case
and are worked here independently of the code under test. Distributions: Kolmogorov-Smirnov against scipy.stats for
continuous ones, cell counts against the probability function for discrete ones.

Tolerances: four standard errors. SE(mean) = sqrt(variance / n); SE(sample variance) = sqrt((m4 - variance**2) / n)
with m4 the fourth central moment (Cramer, "Mathematical Methods of Statistics", 1946, section 27.4), here from theory.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from simharness.discrete import Discrete, Empirical, Geometric, NegativeBinomial
from simharness.distributions import (
    BoundedPareto,
    Distribution,
    Exponential,
    Gamma,
    LogNormal,
    Mixture,
    Weibull,
    sample,
)

DRAWS = 40_000
SEED = 20_111


def _law(value: object) -> str:
    """Test ids: our distributions by name and parameters; the same in every worker process."""
    return repr(value) if hasattr(value, "quantile") else type(value).__name__


# Every line: the distribution, its twin in scipy.stats, mean, variance.
CONTINUOUS: list[tuple[Distribution, Any, float, float]] = [
    # JKB ch. 19: mean m, variance m**2
    (Exponential(3.0), stats.expon(scale=3.0), 3.0, 9.0),
    # JKB ch. 14: m exp(s**2 / 2), m**2 exp(s**2) (exp(s**2) - 1)
    (
        LogNormal(2.0, 0.6),
        stats.lognorm(0.6, scale=2.0),
        2.0 * math.exp(0.18),
        4.0 * math.exp(0.36) * (math.exp(0.36) - 1),
    ),
    # JKB ch. 21: c Gamma(1 + 1/k), c**2 (Gamma(1 + 2/k) - Gamma(1 + 1/k)**2); for k = 1/2: 2 c and 20 c**2
    (Weibull(3.0, 0.5), stats.weibull_min(0.5, scale=3.0), 6.0, 180.0),
    (Weibull(1.0, 2.0), stats.weibull_min(2.0), math.sqrt(math.pi) / 2, 1 - math.pi / 4),
    # JKB ch. 17: k c, k c**2
    (Gamma(0.5, 4.0), stats.gamma(0.5, scale=4.0), 2.0, 8.0),
    (Gamma(7.0, 0.5), stats.gamma(7.0, scale=0.5), 3.5, 1.75),
    # JKB ch. 20, truncated at b = 10, alpha = 1/2: E[X**r] = (b**(r - 1/2) - 1) / ((2 r - 1) (1 - b**(-1/2)))
    (
        BoundedPareto(1.0, 10.0, 0.5),
        stats.truncpareto(0.5, 10.0),
        (10**0.5 - 1) / (1 - 10**-0.5),
        (10**1.5 - 1) / (3 * (1 - 10**-0.5)) - ((10**0.5 - 1) / (1 - 10**-0.5)) ** 2,
    ),
]
# Every line: the distribution, its twin in scipy.stats, mean, variance.
DISCRETE: list[tuple[Distribution, Any, float, float]] = [
    # JKK ch. 5: 1/p, (1 - p) / p**2
    (Geometric(0.2), stats.geom(0.2), 5.0, 20.0),
    # JKK ch. 5: variance = mean + mean**2 / dispersion; scipy's n is the dispersion, p = n / (n + mean)
    (NegativeBinomial(4.0, 0.5), stats.nbinom(0.5, 0.5 / 4.5), 4.0, 36.0),
    (NegativeBinomial(2.0, 50.0), stats.nbinom(50.0, 50.0 / 52.0), 2.0, 2.08),
]


def draws_of(distribution: Distribution, stream: str) -> NDArray[np.float64]:
    return sample(distribution, SEED, stream, np.arange(DRAWS, dtype=np.uint64))


def assert_moments(draws: NDArray[np.float64], mean: float, variance: float, fourth: float) -> None:
    assert abs(draws.mean() - mean) < 4 * math.sqrt(variance / draws.size)
    assert abs(draws.var(ddof=1) - variance) < 4 * math.sqrt((fourth - variance**2) / draws.size)


@pytest.mark.parametrize(("ours", "theirs", "mean", "variance"), [*CONTINUOUS, *DISCRETE], ids=_law)
def test_draws_have_the_moments_of_the_formula(ours: Distribution, theirs: Any, mean: float, variance: float) -> None:
    assert ours.mean == pytest.approx(mean, rel=1e-12)
    assert ours.variance == pytest.approx(variance, rel=1e-12)
    fourth = (float(theirs.stats(moments="k")) + 3) * variance**2
    assert_moments(draws_of(ours, "test.moments"), mean, variance, fourth)


@pytest.mark.parametrize(("ours", "theirs", "mean", "variance"), CONTINUOUS, ids=_law)
def test_draws_follow_the_law(ours: Distribution, theirs: Any, mean: float, variance: float) -> None:
    """Kolmogorov-Smirnov: sqrt(n) D exceeds 1.95 with probability 2 exp(-2 x 1.95**2) = 0.001 (Smirnov 1948)."""
    distance = stats.kstest(draws_of(ours, "test.law"), theirs.cdf).statistic
    assert math.sqrt(DRAWS) * distance < 1.95


@pytest.mark.parametrize(("ours", "theirs", "mean", "variance"), CONTINUOUS, ids=_law)
def test_quantile_inverts_the_cdf(ours: Distribution, theirs: Any, mean: float, variance: float) -> None:
    u = np.asarray([1e-6, 0.01, 0.3, 0.5, 0.9, 0.999, 1 - 1e-6])
    np.testing.assert_allclose(ours.quantile(u), theirs.ppf(u), rtol=1e-9)


@pytest.mark.parametrize(("ours", "theirs", "mean", "variance"), DISCRETE, ids=_law)
def test_counts_follow_the_probability_function(ours: Distribution, theirs: Any, mean: float, variance: float) -> None:
    draws = draws_of(ours, "test.law")
    assert np.all(draws == np.floor(draws))
    for k in range(8):
        p = float(theirs.pmf(k))
        assert abs(np.count_nonzero(draws == k) - DRAWS * p) <= 4 * math.sqrt(DRAWS * p * (1 - p))
    u = (np.arange(20_000) + 0.5) / 20_000
    np.testing.assert_array_equal(ours.quantile(u), theirs.ppf(u))


def test_a_large_dispersion_is_poisson() -> None:
    """The negative binomial tends to Poisson(mean) as the dispersion grows, error O(1/dispersion)."""
    counts = np.arange(20)
    np.testing.assert_allclose(NegativeBinomial(5.0, 1e15).cdf(counts), stats.poisson(5.0).cdf(counts), rtol=1e-12)


@pytest.mark.parametrize(
    "ours",
    [Discrete((2.0, 3.0, 7.0, 11.0), (0.5, 0.3, 0.0, 0.2)), Empirical((2.0,) * 5 + (3.0,) * 3 + (11.0,) * 2)],
    ids=["Discrete", "Empirical"],
)
def test_listed_values_come_with_their_shares(ours: Distribution) -> None:
    """P(2) = 0.5, P(3) = 0.3, P(11) = 0.2: mean 4.1, E[X**2] = 28.9, and 7 never comes."""
    draws = draws_of(ours, "test.listed")
    assert ours.variance == pytest.approx(28.9 - 4.1**2, rel=1e-12)
    fourth = 0.5 * 2.1**4 + 0.3 * 1.1**4 + 0.2 * 6.9**4
    assert_moments(draws, 4.1, 28.9 - 4.1**2, fourth)
    for value, p in ((2.0, 0.5), (3.0, 0.3), (11.0, 0.2)):
        assert abs(np.count_nonzero(draws == value) - DRAWS * p) <= 4 * math.sqrt(DRAWS * p * (1 - p))
    assert set(draws.tolist()) == {2.0, 3.0, 11.0}


def test_a_mixture_of_exponentials_is_hyperexponential() -> None:
    """F(x) = sum of w (1 - exp(-x / m)); E[X**r] = r! sum of w m**r (JKB ch. 19)."""
    weights, means = np.asarray([0.8, 0.15, 0.05]), np.asarray([1.0, 4.0, 30.0])
    ours = Mixture(tuple(weights), tuple(Exponential(float(m)) for m in means))
    raw = [math.factorial(r) * float(weights @ means**r) for r in range(5)]
    variance = raw[2] - raw[1] ** 2
    fourth = raw[4] - 4 * raw[3] * raw[1] + 6 * raw[2] * raw[1] ** 2 - 3 * raw[1] ** 4
    assert (ours.mean, ours.variance) == pytest.approx((raw[1], variance), rel=1e-12)
    draws = draws_of(ours, "test.mixture")
    assert_moments(draws, raw[1], variance, fourth)

    def cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(-np.expm1(-x[:, None] / means) @ weights)

    assert math.sqrt(DRAWS) * stats.kstest(draws, cdf).statistic < 1.95
