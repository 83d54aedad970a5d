"""Intervals over replications. A replication is the unit of analysis; undefined ones (None, NaN) are dropped, never 0.

Student-t for means and paired differences, percentile bootstrap for ratios, Clopper-Pearson for counts of rare events.
BCa is not used: it is undefined when all paired differences are equal, which common random numbers make frequent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, stdtrit

from simharness.errors import UsageError
from simharness.streams import uniform

Values = Sequence[float | None] | NDArray[np.float64]
Array = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 2000
STREAM = "bootstrap"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval, in the unit of the values. None where undefined; ``n`` counts what it rests on."""

    estimate: float | None
    low: float | None
    high: float | None
    n: int
    method: str


def mean_interval(values: Values, level: float = LEVEL) -> Interval:
    """Student-t interval of the mean over replications (Student 1908, "The probable error of a mean", Biometrika 6).

    ``values`` has shape (replications,). Fewer than two defined values give no interval; equal values give one of width
    zero.
    """
    return _student(_defined(values), level, "student-t", 0.0)


def median_interval(medians: Values, level: float = LEVEL) -> Interval:
    """Student-t interval of the mean of per-replication medians, shape (replications,).

    The median of a replication without any event is undefined (None) and dropped, so read it together with ``n``. The
    mean of medians stands for a typical replication; it is not the median of all subjects pooled.
    """
    return _student(_defined(medians), level, "student-t of medians", 0.0)


def paired_difference(a: Values, b: Values, level: float = LEVEL) -> Interval:
    """Student-t interval of the mean of ``a - b``, replication by replication (Student 1908); shapes (replications,).

    A pair counts only when both sides are defined. Under common random numbers the pairs share their draws, which is
    what makes this narrower than two separate intervals. Raises :class:`UsageError` when the lengths differ.
    """
    left, right = _pairs("paired_difference", a, b)
    return _student(left - right, level, "paired student-t", 0.0)


def prediction_interval(values: Values, level: float = LEVEL) -> Interval:
    """Student-t interval of one further replication, mean +- t s sqrt(1 + 1/n) (Student 1908); for normal values."""
    return _student(_defined(values), level, "student-t prediction", 1.0)


def ratio_interval(
    numerators: Values, denominators: Values, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Percentile bootstrap of sum(numerators) / sum(denominators) (Efron 1979, Annals of Statistics 7, 1-26).

    Whole replications are drawn with replacement, by addressed draws: with one seed, every ratio over the same number
    of replications sees the same resamples. Resamples whose denominator is 0 are left out. Undefined (None) when the
    denominators sum to 0; no interval from fewer than two replications or when no resample is left.
    """
    method = "percentile bootstrap"
    _check_level(level)
    if resamples < 1:
        raise UsageError("resamples", f"got {resamples}", allowed="an integer >= 1")
    above, below = _pairs("ratio_interval", numerators, denominators)
    n = len(above)
    total = float(below.sum())
    if total == 0.0:  # also without any replication
        return Interval(None, None, None, n, method)
    estimate = float(above.sum()) / total
    if n < 2:
        return Interval(estimate, None, None, n, method)
    draws = uniform(seed, STREAM, np.arange(resamples)[:, np.newaxis], np.arange(n)[np.newaxis, :])
    chosen = np.minimum((draws * n).astype(np.intp), n - 1)  # a draw just below 1 may round up to n
    sums = below[chosen].sum(axis=1)
    kept = sums != 0.0
    if not kept.any():
        return Interval(estimate, None, None, n, method)
    ratios = above[chosen].sum(axis=1)[kept] / sums[kept]
    low, high = np.quantile(ratios, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(estimate, float(low), float(high), n, method)


def clopper_pearson(k: int, n: int, level: float = LEVEL) -> Interval:
    """Exact interval of a proportion, ``k`` events in ``n`` trials (Clopper & Pearson 1934, Biometrika 26).

    Its ends are beta quantiles; 0 events still give an upper end above 0. ``n`` = 0 is undefined. Raises
    :class:`UsageError` unless 0 <= k <= n.
    """
    method = "clopper-pearson"
    _check_level(level)
    if not 0 <= k <= n:
        raise UsageError("clopper_pearson", f"got {k} events in {n} trials", allowed="0 <= events <= trials")
    if n == 0:
        return Interval(None, None, None, 0, method)
    tail = (1.0 - level) / 2.0
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1.0 - tail))
    return Interval(k / n, low, high, n, method)


def _student(values: Array, level: float, method: str, further: float) -> Interval:
    """mean +- t s sqrt(further + 1/n); ``further`` is 1 for the interval of one more value, 0 for that of the mean."""
    _check_level(level)
    n = len(values)
    if n == 0:
        return Interval(None, None, None, 0, method)
    if n == 1:
        return Interval(float(values[0]), None, None, 1, method)
    if (values == values[0]).all():  # the sum of equal values may round, and give them a spread they do not have
        same = float(values[0])
        return Interval(same, same, same, n, method)
    mean = float(values.mean())
    half = float(stdtrit(n - 1, (1.0 + level) / 2.0) * values.std(ddof=1)) * (further + 1.0 / n) ** 0.5
    return Interval(mean, mean - half, mean + half, n, method)


def _defined(values: Values) -> Array:
    array = _array(values)
    return array[~np.isnan(array)]


def _pairs(where: str, a: Values, b: Values) -> tuple[Array, Array]:
    left, right = _array(a), _array(b)
    if len(left) != len(right):
        raise UsageError(where, f"got {len(left)} and {len(right)} replications", allowed="two of the same length")
    both = ~np.isnan(left) & ~np.isnan(right)
    return left[both], right[both]


def _array(values: Values) -> Array:
    array = np.asarray(values, dtype=np.float64)  # None becomes nan
    if array.ndim != 1:
        raise UsageError("values", f"got shape {array.shape}", allowed="one value a replication")
    if np.isinf(array).any():
        raise UsageError("values", "got an infinite value", allowed="finite numbers, or None where undefined")
    return array


def _check_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise UsageError("level", f"got {level}", allowed="a number between 0 and 1, both excluded")
