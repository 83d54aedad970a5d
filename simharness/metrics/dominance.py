"""Rankings of arms that hold for every weighting of the rungs of harm: first-order stochastic dominance.

One arm dominates another if at no rung more children come to that rung or beyond, and at one fewer do. Then its sum of
harm is lower under every weighting in which a worse rung never weighs less than a milder one (Quirk & Saposnik 1962,
Review of Economic Studies 29, 140-146), so nobody has to agree on weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simharness.errors import UsageError
from simharness.metrics.difference import enough
from simharness.metrics.harm import at_least
from simharness.metrics.intervals import LEVEL, Interval, paired_difference

Verdict = Literal["dominates", "dominated", "crossing", "equal", "unclear"]
Ends = tuple[NDArray[np.float64], NDArray[np.float64]]  # low and high


@dataclass(frozen=True, slots=True)
class Dominance:
    """``differences``: children at or beyond each rung, mildest first, the one arm's less the other's."""

    verdict: Verdict
    differences: tuple[Interval, ...]


def dominance(worst: ArrayLike, other: ArrayLike) -> Verdict:
    """Whether one arm dominates the other in one set of children, without doubt; never ``unclear``.

    ``worst`` and ``other``: the worst rung each child comes to under either arm (0 none, 1 mildest, ... 4), shape
    (children,). Raises :class:`UsageError` where these are not as many: other children's shares are no ranking.
    """
    own, against = np.asarray(worst, np.int64), np.asarray(other, np.int64)
    if own.shape != against.shape or own.ndim != 1:
        raise UsageError("dominance", f"got shapes {own.shape} and {against.shape}", allowed="the same children twice")
    more = (at_least(own) - at_least(against)).astype(np.float64)
    return "equal" if not more.any() else _verdict((more, more), (more, more))


def dominance_over(counts: ArrayLike, others: ArrayLike, level: float = LEVEL) -> Dominance:
    """Dominance over replications: ``counts`` and ``others`` of shape (replications, rungs), children at or beyond.

    An intersection-union test (Berger 1982, Technometrics 24, 295-300): "not more at any rung" is accepted where the
    paired interval of every rung holds nothing above 0, each at the full ``level``, with no correction, since all must
    agree. ``crossing``, one rung clearly better and another clearly worse, may be any two of them, so its intervals are
    widened by Bonferroni. ``equal``: the same at every rung in every replication. Fewer than two replications: unclear,
    unless equal; and so are differences that are all alike and not 0 in too few (:func:`difference.enough`), whose
    interval has no width only because too little was seen. Raises :class:`UsageError` for shapes that differ.
    """
    own, against = np.asarray(counts, np.float64), np.asarray(others, np.float64)
    if own.shape != against.shape or own.ndim != 2:
        raise UsageError("dominance_over", f"got shapes {own.shape} and {against.shape}", allowed="two of one shape")
    if own.size and np.array_equal(own, against):
        return Dominance("equal", _differences(own, against, level))
    found, wide = (_differences(own, against, each) for each in (level, 1.0 - (1.0 - level) / own.shape[1]))
    return Dominance(_verdict(_ends(found, level), _ends(wide, level)), found)


def _verdict(ends: Ends, wide: Ends) -> Verdict:
    (lows, highs), (wide_lows, wide_highs) = ends, wide
    # A rung at which all replications are the same has an interval of 0 alone, and stands in no arm's way.
    if (highs <= 0).all() and (highs < 0).any():
        return "dominates"
    if (lows >= 0).all() and (lows > 0).any():
        return "dominated"
    return "crossing" if (wide_highs < 0).any() and (wide_lows > 0).any() else "unclear"


def _differences(own: NDArray[np.float64], other: NDArray[np.float64], level: float) -> tuple[Interval, ...]:
    return tuple(paired_difference(a, b, level) for a, b in zip(own.T, other.T, strict=True))


def _ends(intervals: Sequence[Interval], level: float) -> Ends:
    """Ends of the intervals; nan, which is on no side of 0, where there is none that says anything."""
    said = [each.low != each.high or each.low == 0 or enough(each.n, level) for each in intervals]
    lows, highs = (np.array([getattr(each, end) for each in intervals], np.float64) for end in ("low", "high"))
    return np.where(said, lows, np.nan), np.where(said, highs, np.nan)
