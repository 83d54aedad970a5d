"""Intervals over replications. A replication is the unit of analysis; undefined ones (None, NaN) are dropped, never 0.

Student-t for means and paired differences, Welch's for unpaired ones, the expanded percentile bootstrap for ratios,
Clopper-Pearson for counts of rare events. The plain percentile interval is too narrow for few replications (ten of them
cover 84 to 93 % at a stated 95 %), and BCa is not used: it is undefined when all paired differences are equal, which
common random numbers make frequent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, stdtrit

from simharness.errors import UsageError
from simharness.streams import uniform

Values = Sequence[float | None] | NDArray[np.float64]
Array = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 2000
STREAM = "bootstrap"
EXPANDED = "expanded percentile bootstrap"


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


def unpaired_difference(a: Values, b: Values, level: float = LEVEL) -> Interval:
    """Interval of mean(a) - mean(b) for independent replications (Welch 1947, Biometrika 34, 28-35).

    Shapes (replications of each,), which may differ; degrees of freedom by Satterthwaite (1946, Biometrics Bulletin 2,
    110-114). ``n`` is the smaller number of defined replications; fewer than two on either side give no interval.
    """
    method = "welch"
    _check_level(level)
    left, right = _defined(a), _defined(b)
    n = min(len(left), len(right))
    if n == 0:
        return Interval(None, None, None, 0, method)
    difference = float(left.mean() - right.mean())
    if n == 1:
        return Interval(difference, None, None, 1, method)
    parts = [_variance(side) / len(side) for side in (left, right)]
    squared = sum(part**2 / (len(side) - 1) for part, side in zip(parts, (left, right), strict=True))
    if squared == 0.0:  # equal values on either side
        return Interval(difference, difference, difference, n, method)
    half = float(stdtrit(sum(parts) ** 2 / squared, (1.0 + level) / 2.0)) * sum(parts) ** 0.5
    return Interval(difference, difference - half, difference + half, n, method)


def ratio_interval(
    numerators: Values, denominators: Values, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Expanded percentile bootstrap of sum(numerators) / sum(denominators) over replications (Efron 1979, Annals of
    Statistics 7, 1-26; expanded: :func:`expanded_tail`).

    Whole replications are drawn with replacement, by addressed draws: with one seed, every ratio over the same number
    of replications sees the same resamples. Resamples whose denominator is 0 are left out. Undefined (None) when the
    denominators sum to 0; no interval from fewer than two replications or when no resample is left.
    """
    _check_level(level)
    _check_resamples(resamples)
    above, below = _pairs("ratio_interval", numerators, denominators)
    n = len(above)
    estimate = _ratio(float(above.sum()), float(below.sum()))
    if estimate is None or n < 2:
        return Interval(estimate, None, None, n, EXPANDED)
    chosen = resampled(n, resamples, seed)
    ratios = _ratios(above[chosen].sum(axis=1), below[chosen].sum(axis=1))
    return _expanded(estimate, ratios, n, level)


def ratio_difference(
    over_a: Values,
    under_a: Values,
    over_b: Values,
    under_b: Values,
    level: float = LEVEL,
    paired: bool = True,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Expanded percentile bootstrap of sum(over_a) / sum(under_a) - sum(over_b) / sum(under_b); as ratio_interval.

    Shapes (replications of each side,). Paired: both sides are resampled alike, replication by replication, which needs
    one length, and a replication counts when all four are defined. Unpaired: each side by draws of its own, and the
    tails of the smaller side (Hesterberg 2015 has them by group), its number being ``n``. Undefined (None) when either
    ratio is. Raises :class:`UsageError` when lengths differ that must not.
    """
    _check_level(level)
    _check_resamples(resamples)
    if paired:
        first, second = (
            _pairs("ratio_difference", *side, drop=False) for side in ((over_a, under_a), (over_b, under_b))
        )
        _pairs("ratio_difference", first[0], second[0], drop=False)
        whole = ~np.isnan(np.stack([*first, *second])).any(axis=0)
        sides = [(over[whole], under[whole]) for over, under in (first, second)]
    else:
        sides = [_pairs("ratio_difference", *side) for side in ((over_a, under_a), (over_b, under_b))]
    n = min(len(over) for over, _ in sides)
    one, other = (_ratio(float(over.sum()), float(under.sum())) for over, under in sides)
    if one is None or other is None:
        return Interval(None, None, None, n, EXPANDED)
    if n < 2:
        return Interval(one - other, None, None, n, EXPANDED)
    drawn = []
    for number, (over, under) in enumerate(sides):
        chosen = resampled(len(over), resamples, seed, 0 if paired else number)
        drawn.append(_ratios(over[chosen].sum(axis=1), under[chosen].sum(axis=1)))
    return _expanded(one - other, drawn[0] - drawn[1], n, level)


def resampled(n: int, resamples: int = RESAMPLES, seed: int = 0, side: int = 0) -> NDArray[np.intp]:
    """Places of n replications drawn with replacement, shape (resamples, n); the same for the same arguments.

    ``side``: another one gives independent draws. Raises :class:`UsageError` for ``resamples`` < 1.
    """
    _check_resamples(resamples)
    rows = np.arange(side * resamples, (side + 1) * resamples)
    draws = uniform(seed, STREAM, rows[:, np.newaxis], np.arange(n)[np.newaxis, :])
    return np.minimum((draws * n).astype(np.intp), n - 1)  # a draw just below 1 may round up to n


def expanded_tail(n: int, level: float = LEVEL) -> float:
    """Tail at which a percentile interval from n values ends: Phi(-sqrt(n / (n - 1)) t[(1 + level) / 2, n - 1]).

    Resampling n values divides by n where an unbiased variance divides by n - 1, and takes no account of the spread
    being estimated; for a mean of normal values this tail makes up for both, as Student's t does (Hesterberg 2015, The
    American Statistician 69, 371-386, "expanded percentile interval").
    """
    return float(ndtr(-((n / (n - 1)) ** 0.5) * stdtrit(n - 1, (1.0 + level) / 2.0)))


def widened(found: Interval, level: float, wanted: float) -> Interval:
    """A bootstrap's interval, made at ``level``, for the level ``wanted``.

    So far out as simultaneous intervals go the tails of a bootstrap hold no resample, so its ends are moved away from
    the estimate as Student's t would move them. A few values still bound every resample: see ``difference.enough``.
    """
    if wanted == level or found.estimate is None or found.low is None or found.high is None:
        return found
    far, near = (float(stdtrit(found.n - 1, (1.0 + at) / 2.0)) for at in (wanted, level))
    low, high = (found.estimate + (end - found.estimate) * far / near for end in (found.low, found.high))
    return replace(found, low=low, high=high)


def _expanded(estimate: float, drawn: Array, n: int, level: float) -> Interval:
    """The interval from a statistic's resamples, nan where undefined."""
    kept = drawn[~np.isnan(drawn)]
    if not kept.size:
        return Interval(estimate, None, None, n, EXPANDED)
    tail = expanded_tail(n, level)
    low, high = np.quantile(kept, [tail, 1.0 - tail])
    return Interval(estimate, float(low), float(high), n, EXPANDED)


def _ratio(over: float, under: float) -> float | None:
    return over / under if under != 0.0 else None


def _ratios(over: Array, under: Array) -> Array:
    out = np.full(over.shape, np.nan)
    np.divide(over, under, out=out, where=under != 0.0)
    return out


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


def _variance(values: Array) -> float:
    """Unbiased; 0 for equal values, whose sum may round and give them a spread they do not have."""
    return 0.0 if (values == values[0]).all() else float(values.var(ddof=1))


def _pairs(where: str, a: Values, b: Values, drop: bool = True) -> tuple[Array, Array]:
    left, right = _array(a), _array(b)
    if len(left) != len(right):
        raise UsageError(where, f"got {len(left)} and {len(right)} replications", allowed="two of the same length")
    if not drop:
        return left, right
    both = ~np.isnan(left) & ~np.isnan(right)
    return left[both], right[both]


def _array(values: Values) -> Array:
    array = np.asarray(values, dtype=np.float64)  # None becomes nan
    if array.ndim != 1:
        raise UsageError("values", f"got shape {array.shape}", allowed="one value a replication")
    if np.isinf(array).any():
        raise UsageError("values", "got an infinite value", allowed="finite numbers, or None where undefined")
    return array


def _check_resamples(resamples: int) -> None:
    if resamples < 1:
        raise UsageError("resamples", f"got {resamples}", allowed="an integer >= 1")


def _check_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise UsageError("level", f"got {level}", allowed="a number between 0 and 1, both excluded")
