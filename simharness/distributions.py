"""Distributions sampled by inverse CDF from one addressed uniform; no other way to sample exists.

One uniform a draw is what keeps worlds comparable: a rejection sampler would take a varying number of draws, and two
arms would drift apart. Values are float64 throughout (counts too). Constructors raise ValueError for parameters out of
range; `quantile` takes u of any shape in the open interval (0, 1), returns the same shape (for a scalar a float64 or
an array without dimensions), and raises ValueError outside it. Formulas: Johnson, Kotz & Balakrishnan, "Continuous
Univariate Distributions" (1994) and Johnson, Kemp & Kotz, "Univariate Discrete Distributions" (2005).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from simharness.streams import uniform

Floats = NDArray[np.float64]

_LEAST, _GREATEST = 2.0**-53, 1.0 - 2.0**-53  # the smallest and largest value `streams.uniform` can return
_WORDS = 2**32
_MAX_COLUMN_BITS = 20
_POINTS_PER_BIN = 64
_SUM_TOLERANCE = 1e-9
_TABLED_COUNTS = 2**16


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
        _check_finite("Constant.value", [self.value])

    @property
    def mean(self) -> float:
        return self.value

    @property
    def variance(self) -> float:
        return 0.0

    def quantile(self, u: ArrayLike) -> Floats:
        return np.full_like(_open_unit(u), self.value)


@dataclass(frozen=True, slots=True)
class Exponential:
    """Memoryless waiting time with the given mean (> 0)."""

    mean: float

    def __post_init__(self) -> None:
        _check_positive(self, "mean")
        _check_moments(self)

    @property
    def variance(self) -> float:
        return self.mean**2

    def quantile(self, u: ArrayLike) -> Floats:
        return -self.mean * np.log1p(-_open_unit(u))


@dataclass(frozen=True, slots=True)
class LogNormal:
    """exp of a normal: `median` (> 0) and `sigma` (> 0), the standard deviation of the logarithm."""

    median: float
    sigma: float

    def __post_init__(self) -> None:
        _check_positive(self, "median", "sigma")
        _check_moments(self)

    @property
    def mean(self) -> float:
        return self.median * math.exp(self.sigma**2 / 2)

    @property
    def variance(self) -> float:
        return self.mean**2 * math.expm1(self.sigma**2)

    def quantile(self, u: ArrayLike) -> Floats:
        return np.asarray(self.median * np.exp(self.sigma * special.ndtri(_open_unit(u))), np.float64)


@dataclass(frozen=True, slots=True)
class Weibull:
    """Survival exp(-(x / scale)**shape); `scale` and `shape` > 0. A shape below 1 is a falling hazard."""

    scale: float
    shape: float

    def __post_init__(self) -> None:
        _check_positive(self, "scale", "shape")
        _check_moments(self)

    @property
    def mean(self) -> float:
        return self.scale * math.gamma(1 + 1 / self.shape)

    @property
    def variance(self) -> float:
        return self.scale**2 * (math.gamma(1 + 2 / self.shape) - math.gamma(1 + 1 / self.shape) ** 2)

    def quantile(self, u: ArrayLike) -> Floats:
        return np.asarray(self.scale * (-np.log1p(-_open_unit(u))) ** (1 / self.shape), np.float64)


@dataclass(frozen=True, slots=True)
class Gamma:
    """Density proportional to x**(shape - 1) exp(-x / scale); `shape` and `scale` > 0."""

    shape: float
    scale: float

    def __post_init__(self) -> None:
        _check_positive(self, "shape", "scale")
        _check_moments(self)

    @property
    def mean(self) -> float:
        return self.shape * self.scale

    @property
    def variance(self) -> float:
        return self.shape * self.scale**2

    def quantile(self, u: ArrayLike) -> Floats:
        return np.asarray(self.scale * special.gammaincinv(self.shape, _open_unit(u)), np.float64)


@dataclass(frozen=True, slots=True)
class BoundedPareto:
    """Pareto with tail index `alpha` (> 0), truncated to [minimum, maximum], 0 < minimum < maximum."""

    minimum: float
    maximum: float
    alpha: float

    def __post_init__(self) -> None:
        _check_positive(self, "minimum", "maximum", "alpha")
        if self.minimum >= self.maximum:
            raise ValueError(f"BoundedPareto.maximum: expected a number > minimum {self.minimum}, got {self.maximum}")
        _check_moments(self)

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
        value = self.minimum * np.exp(-np.log1p(_open_unit(u) * kept) / self.alpha)
        return np.asarray(np.clip(value, self.minimum, self.maximum), np.float64)


@dataclass(frozen=True, slots=True)
class Geometric:
    """Number of trials up to and including the first success, 1, 2, ...; `p` in (0, 1]."""

    p: float

    def __post_init__(self) -> None:
        _check_positive(self, "p")
        if self.p > 1:
            raise ValueError(f"Geometric.p: expected a probability in (0, 1], got {self.p!r}")
        _check_moments(self)

    @property
    def mean(self) -> float:
        return 1 / self.p

    @property
    def variance(self) -> float:
        return (1 - self.p) / self.p**2

    def quantile(self, u: ArrayLike) -> Floats:
        log_survival = math.log1p(-self.p) if self.p < 1 else -math.inf
        return np.maximum(1.0, np.ceil(np.log1p(-_open_unit(u)) / log_survival))


@dataclass(frozen=True, slots=True)
class NegativeBinomial:
    """Counts 0, 1, ... with variance mean + mean**2 / dispersion; `mean` and `dispersion` > 0.

    A small dispersion is a heavy tail (few offenders with many targets); a large one approaches Poisson.
    """

    mean: float
    dispersion: float
    _cdf: Floats = field(init=False, repr=False, compare=False)  # of the counts 0, 1, ... up to _TABLED_COUNTS
    _top: float = field(init=False, repr=False, compare=False)  # no draw exceeds it

    def __post_init__(self) -> None:
        _check_positive(self, "mean", "dispersion")
        _check_moments(self)
        if not self.cdf(2.0**52) >= _GREATEST:
            raise ValueError(f"NegativeBinomial: counts beyond 2**52 are not exact floats, got {self!r}")
        top = 1.0
        while self.cdf(top) < _GREATEST:
            top *= 2
        object.__setattr__(self, "_top", top)
        tabled = self.cdf(np.arange(min(top, _TABLED_COUNTS) + 1))
        object.__setattr__(self, "_cdf", np.maximum.accumulate(tabled))  # rounding may upset the last digits

    @property
    def variance(self) -> float:
        return self.mean + self.mean**2 / self.dispersion

    def cdf(self, count: ArrayLike) -> Floats:
        """P(X <= count): the regularised incomplete beta function I_p(dispersion, count + 1), p = k / (k + mean)."""
        trials, total = np.asarray(count, np.float64) + 1, self.dispersion + self.mean
        # The smaller of p and 1 - p is the one that floats hold without loss.
        if self.dispersion < self.mean:
            return np.asarray(special.betainc(self.dispersion, trials, self.dispersion / total), np.float64)
        return np.asarray(special.betaincc(trials, self.dispersion, self.mean / total), np.float64)

    def quantile(self, u: ArrayLike) -> Floats:
        """Smallest count with cdf >= u: looked up where tabled, else by bisection.

        Both brackets depend on the distribution alone, so a draw is the same in any batch.
        """
        share = _open_unit(u)
        count = np.asarray(np.searchsorted(self._cdf, share), np.float64)
        beyond = count == self._cdf.size
        if beyond.any():
            count[beyond] = self._bisected(share[beyond])
        return count

    def _bisected(self, share: Floats) -> Floats:
        low, high = np.full_like(share, self._cdf.size - 1.0), np.full_like(share, self._top)
        while np.any(high - low > 1):  # cdf(low) < u <= cdf(high) throughout
            middle = np.floor((low + high) / 2)  # a finished bracket has middle == low and stays as it is
            reached = self.cdf(middle) >= share
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        return high


@dataclass(frozen=True, slots=True)
class Empirical:
    """Recorded values, each equally likely: the inverse of the empirical CDF, a step function.

    `variance` is that of this distribution (divided by n), not the sample estimate.
    """

    values: Sequence[float]  # kept sorted, as a tuple

    def __post_init__(self) -> None:
        _check_finite("Empirical.values", self.values)
        object.__setattr__(self, "values", tuple(sorted(float(value) for value in self.values)))

    @property
    def mean(self) -> float:
        return _weighted_mean(self.values, np.ones(len(self.values)))

    @property
    def variance(self) -> float:
        return _weighted_mean((np.asarray(self.values) - self.mean) ** 2, np.ones(len(self.values)))

    def quantile(self, u: ArrayLike) -> Floats:
        share, size = _open_unit(u), len(self.values)
        rank = np.ceil(share * size).astype(np.int64)
        rank = rank - ((rank - 1) / size >= share)  # 0.07 x 100 is 7.000000000000001 in floats: rank 7, not 8
        return np.asarray(np.asarray(self.values)[rank - 1], np.float64)


@dataclass(frozen=True, slots=True)
class Discrete:
    """`values` with probabilities proportional to `weights`, by alias table (Vose 1991) from one uniform.

    Constant time for any number of values. `quantile` is not monotone in u, and each probability is exact to 2**-31
    (a weight of 0 exactly); `mean` and `variance` are those of the weights as given.
    """

    values: Sequence[float]
    weights: Sequence[float]
    _threshold: NDArray[np.uint32] = field(init=False, repr=False, compare=False)
    _alias: NDArray[np.int64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_finite("Discrete.values", self.values)
        _check_lengths("Discrete", "values", self.values, self.weights)
        columns = 2 ** max(1, (len(self.values) - 1).bit_length())
        threshold, alias = alias_table(np.asarray(self.weights, np.float64), columns)
        object.__setattr__(self, "values", tuple(float(value) for value in self.values))
        object.__setattr__(self, "weights", tuple(float(weight) for weight in self.weights))
        object.__setattr__(self, "_threshold", threshold)
        object.__setattr__(self, "_alias", alias)

    @property
    def mean(self) -> float:
        return _weighted_mean(self.values, self.weights)

    @property
    def variance(self) -> float:
        return _weighted_mean((np.asarray(self.values) - self.mean) ** 2, self.weights)

    def quantile(self, u: ArrayLike) -> Floats:
        words = np.floor(_open_unit(u) * _WORDS).astype(np.uint32)
        return np.asarray(np.asarray(self.values)[alias_pick(self._threshold, self._alias, words)], np.float64)


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
        _check_lengths("Mixture", "components", self.components, self.weights)
        _check_weights("Mixture.weights", np.asarray(self.weights, np.float64))
        total = math.fsum(self.weights)
        if abs(total - 1) > _SUM_TOLERANCE:
            raise ValueError(f"Mixture.weights: expected probabilities with sum 1 (within 1e-9), got sum {total!r}")
        object.__setattr__(self, "weights", tuple(float(weight) for weight in self.weights))
        object.__setattr__(self, "components", tuple(self.components))

    @property
    def mean(self) -> float:
        return _weighted_mean([component.mean for component in self.components], self.weights)

    @property
    def variance(self) -> float:
        """Law of total variance: the mean of the variances plus the variance of the means."""
        within = _weighted_mean([component.variance for component in self.components], self.weights)
        means = np.asarray([component.mean for component in self.components])
        return within + _weighted_mean((means - self.mean) ** 2, self.weights)

    def quantile(self, u: ArrayLike) -> Floats:
        share = _open_unit(u)
        edges = np.concatenate([[0.0], np.cumsum(self.weights)])
        edges /= edges[-1]  # the last edge is exactly 1, and a weight of 0 leaves an empty interval
        picked = np.searchsorted(edges, share, side="right") - 1
        within = (share - edges[picked]) / (edges[picked + 1] - edges[picked])
        within = np.clip(within, _LEAST, _GREATEST)  # u may fall on an edge; components need an open interval
        value = np.empty_like(share)
        for number, component in enumerate(self.components):
            here = picked == number
            value[here] = component.quantile(within[here])
        return value


def alias_table(weights: Floats, columns: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Alias table (Vose 1991, IEEE Trans. Softw. Eng. 17(9), 972-975) read with one 32-bit word; see `alias_pick`.

    `weights` has shape (n,), n <= `columns`, a power of two from 2 to 2**20; missing weights count as zero. Returns
    threshold and alias, both of shape (columns,). The 2**32 words are first shared out as whole numbers (largest
    remainder), then Vose's algorithm runs on integers: every outcome has exactly its number of words, within one word
    (2**-32) of its weight's share, and a weight of zero has none. A column that is never left has itself as alias.
    Raises ValueError for weights that are negative, not finite or all zero, and for wrong columns.
    """
    weights = np.asarray(weights, np.float64)
    _check_weights("alias_table: weights", weights)
    bits = int(columns).bit_length() - 1
    if columns != 1 << max(bits, 0) or not 1 <= bits <= _MAX_COLUMN_BITS or weights.size > columns:
        raise ValueError(
            f"alias_table: columns: expected a power of two from 2 to 2**{_MAX_COLUMN_BITS}, "
            f"at least the {weights.size} weights, got {columns!r}"
        )
    count, capacity = _words_each(weights, columns), _WORDS >> bits
    threshold, alias = np.full(columns, _WORDS - 1, np.uint32), np.arange(columns, dtype=np.int64)
    small = [k for k in range(columns) if count[k] < capacity]
    large = [k for k in range(columns) if count[k] > capacity]
    while small:  # the columns left hold capacity words on average, so one too small means one too large
        short, donor = small.pop(), large[-1]
        threshold[short], alias[short] = count[short] << bits, donor
        count[donor] -= capacity - count[short]
        if count[donor] <= capacity:
            large.pop()
        if count[donor] < capacity:
            small.append(donor)
    return threshold, alias


def alias_pick(threshold: NDArray[np.uint32], alias: NDArray[np.int64], words: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Outcome of each 32-bit word, in the shape of `words`: the vectorised twin of the kernels' look-up.

    The top b = log2(columns) bits are the column, the rest, moved to the top, is compared with its threshold.
    """
    bits = len(threshold).bit_length() - 1
    words = np.asarray(words, np.uint32)
    column = (words >> np.uint32(32 - bits)).astype(np.int64)
    return np.where((words << np.uint32(bits)) < threshold[column], column, alias[column])


def quantile_table(distribution: Distribution, bins: int = 4096) -> Floats:
    """Equally probable bins, shape (bins,), each holding the conditional mean of its bin: a kernel's look-up table.

    The table IS the distribution that is simulated: the same mean (1e-9 relative), no integers for counts, a largest
    value of its own and so a smaller variance (with 4096 bins 0.9997 of it for Exponential, 0.91 for LogNormal with
    sigma 1.5). A Mixture gives each component a whole number of bins, and its entries are not sorted. Exponential,
    Discrete, Empirical and Constant are integrated in closed form; others by the midpoint rule, then scaled to the
    exact mean. Raises ValueError for bins < 1, for fewer bins than the
    components of a mixture, and for a mean that no positive scale factor can reach (values of both signs).
    """
    if bins < 1:
        raise ValueError(f"quantile_table: bins: expected an integer >= 1, got {bins!r}")
    match distribution:
        case Exponential():
            survival = np.arange(bins, -1, -1) / bins
            # The integral of -ln(1 - u) is v - v ln v with v = 1 - u; differences run from high v to low v.
            table = -bins * distribution.mean * np.diff(survival - special.xlogy(survival, survival))
        case Constant():
            return np.full(bins, distribution.value)
        case Discrete():
            return _step_table(distribution.values, distribution.weights, bins)
        case Empirical():
            return _step_table(distribution.values, np.ones(len(distribution.values)), bins)
        case Mixture():
            shares = zip(distribution.components, _bins_each(distribution.weights, bins), strict=True)
            table = np.concatenate([quantile_table(component, count) for component, count in shares if count])
        case _:
            points = (np.arange(bins * _POINTS_PER_BIN) + 0.5) / (bins * _POINTS_PER_BIN)
            table = distribution.quantile(points).reshape(bins, _POINTS_PER_BIN).mean(axis=1)
    return _scaled_to(distribution.mean, table)


def _scaled_to(mean: float, table: Floats) -> Floats:
    found = float(table.mean())
    if found == mean:
        return table
    if not found * mean > 0:
        raise ValueError(f"quantile_table: expected a table with the sign of the mean {mean!r}, got mean {found!r}")
    return table * (mean / found)


def _step_table(values: ArrayLike, weights: ArrayLike, bins: int) -> Floats:
    """Bin means of a step quantile: its integral is piecewise linear, so interpolating it is exact."""
    order = np.argsort(values, kind="stable")
    share = np.asarray(weights, np.float64)[order] / np.sum(weights)
    reached = np.concatenate([[0.0], np.cumsum(share)])
    integral = np.concatenate([[0.0], np.cumsum(share * np.asarray(values, np.float64)[order])])
    return np.asarray(bins * np.diff(np.interp(np.arange(bins + 1) / bins, reached, integral)), np.float64)


def _bins_each(weights: ArrayLike, bins: int) -> NDArray[np.int64]:
    """Whole bins nearest to weight x bins, at least one where the weight is positive, `bins` in all."""
    share = np.asarray(weights, np.float64) * bins
    if np.count_nonzero(share) > bins:
        raise ValueError(f"quantile_table: bins: expected at least one a component, got {bins} for {share.size}")
    count = np.where(share > 0, np.maximum(np.floor(share), 1), 0).astype(np.int64)
    while count.sum() < bins:
        count[np.argmax(np.where(share > 0, share - count, -np.inf))] += 1
    while count.sum() > bins:
        count[np.argmin(np.where(count > 1, share - count, np.inf))] -= 1
    return count


def _words_each(weights: Floats, columns: int) -> NDArray[np.int64]:
    """2**32 words shared out by weight, shape (columns,), rounded by largest remainder; zero weight, no word."""
    relative = weights / weights.max()  # first to at most 1, so that the sum of huge weights is finite
    share = relative / math.fsum(relative) * _WORDS
    count = np.zeros(columns, np.int64)
    count[: weights.size] = np.floor(share)
    remainder = np.where(weights > 0, share - np.floor(share), -1.0)
    # Rounding in `share` is far below one word in all (2**20 weights at most), so 0 <= left <= positive weights.
    left = _WORDS - int(count.sum())
    count[np.argsort(-remainder, kind="stable")[:left]] += 1
    return count


def _weighted_mean(values: ArrayLike, weights: ArrayLike) -> float:
    products = np.asarray(values, np.float64) * np.asarray(weights, np.float64)
    return math.fsum(products) / math.fsum(np.asarray(weights, np.float64))


def _open_unit(u: ArrayLike) -> Floats:
    share = np.asarray(u, np.float64)
    inside = (share > 0) & (share < 1)
    if not inside.all():
        raise ValueError(f"quantile: expected u in the open interval (0, 1), got {float(share[~inside].flat[0])!r}")
    return share


def _check_positive(distribution: Distribution, *names: str) -> None:
    for name in names:
        value = getattr(distribution, name)
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{type(distribution).__name__}.{name}: expected a finite number > 0, got {value!r}")


def _check_moments(distribution: Distribution) -> None:
    try:
        finite = math.isfinite(distribution.mean) and math.isfinite(distribution.variance)
    except (OverflowError, ZeroDivisionError):
        finite = False
    if not finite:
        raise ValueError(f"{distribution!r}: expected a mean and variance within the range of floats")


def _check_finite(name: str, values: Sequence[float]) -> None:
    if not len(values):
        raise ValueError(f"{name}: expected at least one number, got none")
    for value in values:
        if not math.isfinite(value):
            raise ValueError(f"{name}: expected finite numbers, got {value!r}")


def _check_lengths(kind: str, name: str, items: Sequence[object], weights: Sequence[float]) -> None:
    if len(items) != len(weights):
        raise ValueError(f"{kind}.weights: expected {len(items)}, one for each of {name}, got {len(weights)}")


def _check_weights(name: str, weights: Floats) -> None:
    if weights.ndim != 1 or not weights.size:
        raise ValueError(f"{name}: expected a row of at least one number, got shape {weights.shape}")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        bad = weights[~(np.isfinite(weights) & (weights >= 0))][0]
        raise ValueError(f"{name}: expected finite numbers >= 0, got {float(bad)!r}")
    if not weights.any():
        raise ValueError(f"{name}: expected at least one number > 0, got all zero")
