"""Counts, recorded values and weighted values, sampled as everything in `distributions` is.

Formulas: Johnson, Kemp & Kotz, "Univariate Discrete Distributions" (2005).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from simharness.alias import WORDS, alias_pick, alias_table
from simharness.distributions import (
    GREATEST,
    Floats,
    check_finite,
    check_lengths,
    check_moments,
    check_positive,
    open_unit,
    weighted_mean,
)

_TABLED_COUNTS = 2**16


@dataclass(frozen=True, slots=True)
class Geometric:
    """Number of trials up to and including the first success, 1, 2, ...; `p` in (0, 1]."""

    p: float

    def __post_init__(self) -> None:
        check_positive(self, "p")
        if self.p > 1:
            raise ValueError(f"Geometric.p: expected a probability in (0, 1], got {self.p!r}")
        check_moments(self)

    @property
    def mean(self) -> float:
        return 1 / self.p

    @property
    def variance(self) -> float:
        return (1 - self.p) / self.p**2

    def quantile(self, u: ArrayLike) -> Floats:
        log_survival = math.log1p(-self.p) if self.p < 1 else -math.inf
        return np.maximum(1.0, np.ceil(np.log1p(-open_unit(u)) / log_survival))


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
        check_positive(self, "mean", "dispersion")
        check_moments(self)
        if not self.cdf(2.0**52) >= GREATEST:
            raise ValueError(f"NegativeBinomial: counts beyond 2**52 are not exact floats, got {self!r}")
        top = 1.0
        while self.cdf(top) < GREATEST:
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
        share = open_unit(u)
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
        check_finite("Empirical.values", self.values)
        object.__setattr__(self, "values", tuple(sorted(float(value) for value in self.values)))

    @property
    def mean(self) -> float:
        return weighted_mean(self.values, np.ones(len(self.values)))

    @property
    def variance(self) -> float:
        return weighted_mean((np.asarray(self.values) - self.mean) ** 2, np.ones(len(self.values)))

    def quantile(self, u: ArrayLike) -> Floats:
        share, size = open_unit(u), len(self.values)
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
        check_finite("Discrete.values", self.values)
        check_lengths("Discrete", "values", self.values, self.weights)
        columns = 2 ** max(1, (len(self.values) - 1).bit_length())
        threshold, alias = alias_table(np.asarray(self.weights, np.float64), columns)
        object.__setattr__(self, "values", tuple(float(value) for value in self.values))
        object.__setattr__(self, "weights", tuple(float(weight) for weight in self.weights))
        object.__setattr__(self, "_threshold", threshold)
        object.__setattr__(self, "_alias", alias)

    @property
    def mean(self) -> float:
        return weighted_mean(self.values, self.weights)

    @property
    def variance(self) -> float:
        return weighted_mean((np.asarray(self.values) - self.mean) ** 2, self.weights)

    def quantile(self, u: ArrayLike) -> Floats:
        words = np.floor(open_unit(u) * WORDS).astype(np.uint32)
        return np.asarray(np.asarray(self.values)[alias_pick(self._threshold, self._alias, words)], np.float64)
