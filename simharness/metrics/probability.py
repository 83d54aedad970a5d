"""Whether probabilities are what they say: Brier score, its parts, and the table behind a reliability diagram.

``positive``, ``probability`` and ``weight`` have shape (subjects,); ``weight``: how many each subject stands for, 1 if
it is not given. A subject without a probability (nan) is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from simharness.errors import UsageError
from simharness.metrics.intervals import LEVEL, Interval, clopper_pearson
from simharness.metrics.weighted import linearised_share

Array = NDArray[np.float64]
# Tenths, and finer at both ends: where one subject in a thousand is positive, nearly all lie in the first tenth.
EDGES = (0.0, 0.001, 0.01, *(tenth / 10 for tenth in range(1, 10)), 0.99, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class Murphy:
    """Parts of the Brier score: reliability - resolution + uncertainty."""

    reliability: float  # 0: calibrated
    resolution: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Subjects with a probability in [low, high) (the last bin has its high end too): how many, what they were given on
    average, and how many of them were positive, weights counted.
    """

    low: float
    high: float
    subjects: int
    weight: float
    given: float
    observed: Interval


def probability_of(log_odds: ArrayLike) -> Array:
    """1 / (1 + e^-x), shape of the argument; -inf is 0 and nan stays nan."""
    return np.asarray(expit(np.asarray(log_odds, np.float64)))


def brier(positive: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None) -> float | None:
    """Weighted mean of (probability - outcome)^2 (Brier 1950, Monthly Weather Review 78:1), from 0 to 1.

    None without any subject. Raises UsageError for a probability outside [0, 1].
    """
    known, given, weights = _given(positive, probability, weight)
    total = float(weights.sum())
    return float((weights * (given - known) ** 2).sum()) / total if total > 0 else None


def murphy(
    positive: ArrayLike,
    probability: ArrayLike,
    weight: ArrayLike | None = None,
    edges: tuple[float, ...] | None = EDGES,
) -> Murphy | None:
    """The Brier score's parts over groups of like probabilities (Murphy 1973, Journal of Applied Meteorology 12:595).

    With ``edges`` None each distinct probability is a group, and the parts give the Brier score exactly. In bins they
    do so but for the spread within bins; each bin's probability is its mean. None without any subject.
    """
    known, given, weights = _given(positive, probability, weight)
    total = float(weights.sum())
    if not total > 0:
        return None
    group = np.unique(given, return_inverse=True)[1] if edges is None else _bins(given, edges)
    held, given_in, right_in = (np.bincount(group, each) for each in (weights, weights * given, weights * known))
    some = held > 0
    size = np.asarray(held[some], np.float64)
    said, seen = given_in[some] / size, right_in[some] / size
    base = float((size * seen).sum()) / total
    return Murphy(
        float((size * (said - seen) ** 2).sum()) / total,
        float((size * (seen - base) ** 2).sum()) / total,
        base * (1.0 - base),
    )


def reliability_table(
    positive: ArrayLike,
    probability: ArrayLike,
    weight: ArrayLike | None = None,
    edges: tuple[float, ...] = EDGES,
    level: float = LEVEL,
) -> tuple[Bin, ...]:
    """Every bin that holds somebody. The interval of what was observed is exact (Clopper & Pearson 1934) where all
    weigh the same or nobody or everybody was positive, else that of a linearised ratio.
    """
    known, given, weights = _given(positive, probability, weight)
    group = _bins(given, edges)
    found = []
    for place in np.unique(group).tolist():
        of = group == place
        held = float(weights[of].sum())
        mean = float(np.average(given[of], weights=weights[of])) if held > 0 else float(given[of].mean())
        observed = _observed(known[of], weights[of], level)
        found.append(Bin(edges[place], edges[place + 1], int(of.sum()), held, mean, observed))
    return tuple(found)


def _observed(known: NDArray[np.bool_], weights: Array, level: float) -> Interval:
    right = int(known.sum())
    if right in (0, known.size) or (weights == weights[0]).all():
        return clopper_pearson(right, known.size, level)
    return linearised_share(np.where(known, weights, 0.0), weights, level)


def _bins(given: Array, edges: tuple[float, ...]) -> NDArray[np.int64]:
    if edges[0] != 0.0 or edges[-1] != 1.0 or any(b <= a for a, b in pairwise(edges)):
        raise UsageError("edges", f"got {edges}", allowed="ascending numbers from 0 to 1")
    return np.minimum(np.searchsorted(edges, given, side="right") - 1, len(edges) - 2)


def _given(
    positive: ArrayLike, probability: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray[np.bool_], Array, Array]:
    known, given = np.asarray(positive, np.bool_), np.asarray(probability, np.float64)
    weights = np.ones(known.size) if weight is None else np.asarray(weight, np.float64)
    if not known.shape == given.shape == weights.shape or known.ndim != 1:
        shapes = f"{known.shape}, {given.shape} and {weights.shape}"
        allowed = "one label, one probability and one weight a subject"
        raise UsageError("subjects", f"got shapes {shapes}", allowed=allowed)
    some = ~np.isnan(given)
    known, given, weights = known[some], given[some], weights[some]
    if given.size and not (given.min() >= 0 and given.max() <= 1):
        raise UsageError("probability", f"got {given.min()} to {given.max()}", allowed="numbers from 0 to 1")
    return known, given, weights
