"""Distributions sampled by inverse CDF from one addressed uniform; no other way to sample exists.

One uniform a draw is what keeps worlds comparable: a rejection sampler would take a varying number of draws, and two
arms would drift apart. Values are float64 throughout (counts too). Constructors raise ValueError for parameters out of
range; `quantile` takes u of any shape in the open interval (0, 1), returns the same shape (for a scalar a float64 or
an array without dimensions), and raises ValueError outside it. Counts and listed values are in `discrete`, kernels'
look-up tables in `alias` and `quantile_tables`. Formulas: Johnson, Kotz & Balakrishnan, "Continuous Univariate
Distributions" (1994).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from simharness.alias import check_weights
from simharness.streams import uniform

Floats = NDArray[np.float64]

LEAST, GREATEST = 2.0**-53, 1.0 - 2.0**-53  # the smallest and largest value `streams.uniform` can return
_SUM_TOLERANCE = 1e-9


class Distribution(Protocol):
    """What every distribution offers; `mean` and `variance` are exact and finite."""

    @property
    def mean(self) -> float: ...
    @property
    def variance(self) -> float: ...
    def quantile(self, u: ArrayLike) -> Floats: ...


def sample(distribution: Distribution, seed: int, stream: str, entity: ArrayLike, occasion: ArrayLike = 0) -> Floats:
    """The distribution's value at an address: `quantile(uniform(seed, stream, entity, occasion))`, in their shape."""
    return distribution.quantile(uniform(seed, stream, entity, occasion))


@dataclass(frozen=True, slots=True)
class Constant:
    """Always `value`."""

    value: float

    def __post_init__(self) -> None:
        check_finite("Constant.value", [self.value])

    @property
    def mean(self) -> float:
        return self.value

    @property
    def variance(self) -> float:
        return 0.0

    def quantile(self, u: ArrayLike) -> Floats:
        return np.full_like(open_unit(u), self.value)


@dataclass(frozen=True, slots=True)
class Exponential:
    """Memoryless waiting time with the given mean (> 0)."""

    mean: float

    def __post_init__(self) -> None:
        check_positive(self, "mean")
        check_moments(self)

    @property
    def variance(self) -> float:
        return self.mean**2

    def quantile(self, u: ArrayLike) -> Floats:
        return -self.mean * np.log1p(-open_unit(u))


@dataclass(frozen=True, slots=True)
class LogNormal:
    """exp of a normal: `median` (> 0) and `sigma` (> 0), the standard deviation of the logarithm."""

    median: float
    sigma: float

    def __post_init__(self) -> None:
        check_positive(self, "median", "sigma")
        check_moments(self)

    @property
    def mean(self) -> float:
        return self.median * math.exp(self.sigma**2 / 2)

    @property
    def variance(self) -> float:
        return self.mean**2 * math.expm1(self.sigma**2)

    def quantile(self, u: ArrayLike) -> Floats:
        return np.asarray(self.median * np.exp(self.sigma * special.ndtri(open_unit(u))), np.float64)


@dataclass(frozen=True, slots=True)
class Weibull:
    """Survival exp(-(x / scale)**shape); `scale` and `shape` > 0. A shape below 1 is a falling hazard."""

    scale: float
    shape: float

    def __post_init__(self) -> None:
        check_positive(self, "scale", "shape")
        check_moments(self)

    @property
    def mean(self) -> float:
        return self.scale * math.gamma(1 + 1 / self.shape)

    @property
    def variance(self) -> float:
        return self.scale**2 * (math.gamma(1 + 2 / self.shape) - math.gamma(1 + 1 / self.shape) ** 2)

    def quantile(self, u: ArrayLike) -> Floats:
        return np.asarray(self.scale * (-np.log1p(-open_unit(u))) ** (1 / self.shape), np.float64)


@dataclass(frozen=True, slots=True)
class Gamma:
    """Density proportional to x**(shape - 1) exp(-x / scale); `shape` and `scale` > 0."""

    shape: float
    scale: float

    def __post_init__(self) -> None:
        check_positive(self, "shape", "scale")
        check_moments(self)

    @property
    def mean(self) -> float:
        return self.shape * self.scale

    @property
    def variance(self) -> float:
        return self.shape * self.scale**2

    def quantile(self, u: ArrayLike) -> Floats:
        return np.asarray(self.scale * special.gammaincinv(self.shape, open_unit(u)), np.float64)


@dataclass(frozen=True, slots=True)
class BoundedPareto:
    """Pareto with tail index `alpha` (> 0), truncated to [minimum, maximum], 0 < minimum < maximum."""

    minimum: float
    maximum: float
    alpha: float

    def __post_init__(self) -> None:
        check_positive(self, "minimum", "maximum", "alpha")
        if self.minimum >= self.maximum:
            raise ValueError(f"BoundedPareto.maximum: expected a number > minimum {self.minimum}, got {self.maximum}")
        check_moments(self)

    @property
    def mean(self) -> float:
        return self._moment(1)

    @property
    def variance(self) -> float:
        return max(0.0, self._moment(2) - self._moment(1) ** 2)

    def _moment(self, order: int) -> float:
        """E[X**order] = alpha L**order / (1 - (L/H)**alpha) x integral of t**(order - alpha - 1) over [1, H/L]."""
        span, rise = math.log(self.maximum / self.minimum), order - self.alpha
        integral = span if rise == 0 else math.expm1(rise * span) / rise
        return self.alpha * self.minimum**order * integral / -math.expm1(-self.alpha * span)

    def quantile(self, u: ArrayLike) -> Floats:
        kept = math.expm1(-self.alpha * math.log(self.maximum / self.minimum))
        value = self.minimum * np.exp(-np.log1p(open_unit(u) * kept) / self.alpha)
        return np.asarray(np.clip(value, self.minimum, self.maximum), np.float64)


@dataclass(frozen=True, slots=True)
class Mixture:
    """One of `components`, with probabilities `weights` (sum 1 within 1e-9).

    One uniform does both steps: it picks the component by inverse CDF of the weights, and its position within that
    component's share, again uniform on (0, 1), is the component's own u. The draw has exactly the mixture's
    distribution, but `quantile` is not the mixture's monotone quantile: it restarts with each component. A component
    of weight w is drawn with a resolution of 2**-52 / w.
    """

    weights: Sequence[float]
    components: Sequence[Distribution]

    def __post_init__(self) -> None:
        check_lengths("Mixture", "components", self.components, self.weights)
        check_weights("Mixture.weights", np.asarray(self.weights, np.float64))
        total = math.fsum(self.weights)
        if abs(total - 1) > _SUM_TOLERANCE:
            raise ValueError(f"Mixture.weights: expected probabilities with sum 1 (within 1e-9), got sum {total!r}")
        object.__setattr__(self, "weights", tuple(float(weight) for weight in self.weights))
        object.__setattr__(self, "components", tuple(self.components))

    @property
    def mean(self) -> float:
        return weighted_mean([component.mean for component in self.components], self.weights)

    @property
    def variance(self) -> float:
        """Law of total variance: the mean of the variances plus the variance of the means."""
        within = weighted_mean([component.variance for component in self.components], self.weights)
        means = np.asarray([component.mean for component in self.components])
        return within + weighted_mean((means - self.mean) ** 2, self.weights)

    def quantile(self, u: ArrayLike) -> Floats:
        share = open_unit(u)
        edges = np.concatenate([[0.0], np.cumsum(self.weights)])
        edges /= edges[-1]  # the last edge is exactly 1, and a weight of 0 leaves an empty interval
        picked = np.searchsorted(edges, share, side="right") - 1
        within = (share - edges[picked]) / (edges[picked + 1] - edges[picked])
        within = np.clip(within, LEAST, GREATEST)  # u may fall on an edge; components need an open interval
        value = np.empty_like(share)
        for number, component in enumerate(self.components):
            here = picked == number
            value[here] = component.quantile(within[here])
        return value


def weighted_mean(values: ArrayLike, weights: ArrayLike) -> float:
    """Mean of `values` under `weights` (same shape), each sum rounded once."""
    products = np.asarray(values, np.float64) * np.asarray(weights, np.float64)
    return math.fsum(products) / math.fsum(np.asarray(weights, np.float64))


def open_unit(u: ArrayLike) -> Floats:
    """`u` as float64, in its shape. Raises ValueError unless all of it lies in the open interval (0, 1)."""
    share = np.asarray(u, np.float64)
    inside = (share > 0) & (share < 1)
    if not inside.all():
        raise ValueError(f"quantile: expected u in the open interval (0, 1), got {float(share[~inside].flat[0])!r}")
    return share


def check_positive(distribution: Distribution, *names: str) -> None:
    """Raise ValueError unless each named parameter is a finite number > 0."""
    for name in names:
        value = getattr(distribution, name)
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{type(distribution).__name__}.{name}: expected a finite number > 0, got {value!r}")


def check_moments(distribution: Distribution) -> None:
    """Raise ValueError unless mean and variance are floats, neither too large nor undefined."""
    try:
        finite = math.isfinite(distribution.mean) and math.isfinite(distribution.variance)
    except (OverflowError, ZeroDivisionError):
        finite = False
    if not finite:
        raise ValueError(f"{distribution!r}: expected a mean and variance within the range of floats")


def check_finite(name: str, values: Sequence[float]) -> None:
    """Raise ValueError unless there is a value and all are finite; `name` stands first in the message."""
    if not len(values):
        raise ValueError(f"{name}: expected at least one number, got none")
    for value in values:
        if not math.isfinite(value):
            raise ValueError(f"{name}: expected finite numbers, got {value!r}")


def check_lengths(kind: str, name: str, items: Sequence[object], weights: Sequence[float]) -> None:
    """Raise ValueError unless the `kind` of distribution has one weight for each of its items, called `name`."""
    if len(items) != len(weights):
        raise ValueError(f"{kind}.weights: expected {len(items)}, one for each of {name}, got {len(weights)}")
