"""How well a score ranks: ROC and precision-recall curves and their areas, with weights and ties.

``positive``, ``score`` and ``weight`` have shape (subjects,); a higher score is riskier. A subject without a score
(nan or -inf: the detector abstained) is ranked below all others, together with the rest of these. ``weight``: how many
each subject stands for (a sampled harmless conversation: 1 / sampling fraction); 1 if it is not given. Equal scores are
one step of a curve, so that their order never counts. All is as scikit-learn has it (``roc_auc_score``,
``average_precision_score``), but for an empty class: there a curve or an area is None.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simharness.errors import UsageError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights ranked at or above each distinct score, highest first; shapes (scores,). Both totals are above 0."""

    level: Array  # the distinct scores; -inf: abstained
    right: Array  # positives
    false: Array  # negatives


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a curve, shapes (points,), from the highest level down. ``level`` inf: nobody is alerted on."""

    level: Array
    x: Array
    y: Array


def ranking(positive: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> Ranking | None:
    """Subjects ranked by score; None where positives or negatives have no weight. Raises UsageError for shapes that
    differ, or a weight below 0.
    """
    known, scores = np.asarray(positive, np.bool_), np.asarray(score)
    weights = np.ones(known.size) if weight is None else np.asarray(weight, np.float64)
    if not known.shape == scores.shape == weights.shape or known.ndim != 1:
        shapes = f"{known.shape}, {scores.shape} and {weights.shape}"
        raise UsageError("subjects", f"got shapes {shapes}", allowed="one label, one score and one weight a subject")
    if (weights < 0).any():
        raise UsageError("weight", f"got {weights.min()}", allowed="weights of 0 or more")
    scores = np.where(np.isnan(scores), -np.inf, scores)
    order = np.argsort(scores)[::-1]
    ordered = scores[order]
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), ordered.size - 1)  # of each run of equal scores
    right = np.cumsum(np.where(known[order], weights[order], 0.0))[last] if known.size else np.zeros(1)
    false = np.cumsum(np.where(known[order], 0.0, weights[order]))[last] if known.size else np.zeros(1)
    if not (right[-1] > 0 and false[-1] > 0):
        return None
    return Ranking(ordered[last].astype(np.float64), right, false)


def roc_curve(found: Ranking) -> Curve:
    """False alerts of all negatives (x) and right ones of all positives (y), from (0, 0) to (1, 1)."""
    return Curve(
        np.insert(found.level, 0, np.inf),
        np.insert(found.false / found.false[-1], 0, 0.0),
        np.insert(found.right / found.right[-1], 0, 0.0),
    )


def precision_recall_curve(found: Ranking) -> Curve:
    """Recall (x) and precision (y) at each level; precision without any alert is undefined and has no point."""
    alerted = found.right + found.false
    some = alerted > 0  # subjects of weight 0 may be ranked first
    return Curve(found.level[some], found.right[some] / found.right[-1], found.right[some] / alerted[some])


def roc_area(found: Ranking | None) -> float | None:
    """Area under the ROC curve by trapezoids: the chance that a positive is ranked above a negative, a tie counting a
    half (Hanley & McNeil 1982, Radiology 143:29). None where a class is empty.
    """
    if found is None:
        return None
    curve = roc_curve(found)
    return float(np.trapezoid(curve.y, curve.x))


def average_precision(found: Ranking | None) -> float | None:
    """The area under the precision-recall curve as average precision: the sum of (step of recall) times precision,
    without interpolation, which would flatter (Davis & Goadrich 2006, ICML). None where a class is empty.
    """
    if found is None:
        return None
    curve = precision_recall_curve(found)
    return float((np.diff(curve.x, prepend=0.0) * curve.y).sum())


def highest_by(group: ArrayLike, score: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The highest score of each group: (groups, ascending; their scores). Both arguments have shape (subjects,); nan
    counts as -inf.
    """
    names, place = np.unique(np.asarray(group, np.int64), return_inverse=True)
    highest = np.full(names.size, -np.inf)
    scores = np.asarray(score, np.float64)
    np.maximum.at(highest, place, np.where(np.isnan(scores), -np.inf, scores))
    return names, highest
