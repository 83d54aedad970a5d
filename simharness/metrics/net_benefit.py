"""What alerts are worth when false ones cost: net benefit and decision curves (Vickers & Elkin 2006, Medical Decision
Making 26:565).

A threshold probability pt says how many false alerts one right one is worth: (1 - pt) / pt. Whoever would read a
hundred harmless conversations to find one has pt = 1 / 101.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simharness.errors import UsageError
from simharness.metrics.ranking import ranking

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DecisionCurve:
    """Net benefit by threshold, in right alerts a subject; shapes (thresholds,). Never alerting has 0 everywhere."""

    threshold: Array
    alert_on_risk: Array
    alert_on_all: Array
    alert_on_none: Array


def threshold_of(false_per_right: float) -> float:
    """The threshold probability at which so many false alerts weigh as much as one right one. Raises UsageError unless
    it is above 0.
    """
    if not false_per_right > 0:
        raise UsageError("false_per_right", f"got {false_per_right}", allowed="a number above 0")
    return 1.0 / (1.0 + false_per_right)


def net_benefit(right: float, false: float, total: float, threshold: float) -> float | None:
    """right / total - false / total * pt / (1 - pt), in right alerts for each of ``total``; None for a total of 0.

    ``total`` may be subjects or an exposure, thousands of child-months for example. Raises UsageError unless
    0 < threshold < 1.
    """
    if not 0.0 < threshold < 1.0:
        raise UsageError("threshold", f"got {threshold}", allowed="a number between 0 and 1, both excluded")
    return (right - false * threshold / (1.0 - threshold)) / total if total else None


def decision_curve(
    positive: ArrayLike, probability: ArrayLike, thresholds: ArrayLike, weight: ArrayLike | None = None
) -> DecisionCurve | None:
    """Alerting wherever the probability is at least the threshold, beside alerting on all and on nobody.

    ``positive``, ``probability``, ``weight``: shape (subjects,); nan: never alerted on. Scores that are no
    probabilities have no such curve: see :func:`at_budget`. None where a class is empty.
    """
    found = ranking(positive, probability, weight)
    if found is None:
        return None
    at = np.asarray(thresholds, np.float64)
    # How many distinct probabilities reach each threshold: the last of these has the sums.
    reached = np.searchsorted(-found.level, -at, side="right")
    sums = [np.concatenate([[0.0], each])[reached] for each in (found.right, found.false)]
    return _curve(at, (sums[0], sums[1]), float(found.right[-1]), float(found.false[-1]))


def at_budget(
    positive: ArrayLike, score: ArrayLike, thresholds: ArrayLike, budget: float, weight: ArrayLike | None = None
) -> DecisionCurve | None:
    """The same where only so many can be alerted on: the ``budget`` (in weight) with the highest scores, whatever the
    threshold. Any score will do. Of equal scores at the end of the budget, the same share of each is taken.

    None where a class is empty. Raises UsageError for a budget below 0.
    """
    if not budget >= 0:
        raise UsageError("budget", f"got {budget}", allowed="0 alerts or more")
    found = ranking(positive, score, weight)
    if found is None:
        return None
    alerts = np.insert(found.right + found.false, 0, 0.0)
    right, false = (float(np.interp(budget, alerts, np.insert(each, 0, 0.0))) for each in (found.right, found.false))
    at = np.asarray(thresholds, np.float64)
    sums = np.full(at.shape, right), np.full(at.shape, false)
    return _curve(at, sums, float(found.right[-1]), float(found.false[-1]))


def _curve(at: Array, sums: tuple[Array, Array], positives: float, negatives: float) -> DecisionCurve:
    total = positives + negatives
    given = [net_benefit(right, false, total, pt) for right, false, pt in zip(*sums, at.tolist(), strict=True)]
    everybody = [net_benefit(positives, negatives, total, pt) for pt in at.tolist()]
    return DecisionCurve(at, np.array(given, np.float64), np.array(everybody, np.float64), np.zeros(at.size))
