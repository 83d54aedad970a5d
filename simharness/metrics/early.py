"""Early-detection measures of alerts and of windows, as plain functions on arrays.

A subject (a conversation, an author) is alerted on at message ``k``, counted from 1 over the messages of everybody in
it; ``k`` is 0 or nan where it never is. ``weight``: how many each subject stands for; 1 if it is not given.

ERDE and F_latency say little by themselves: who alerts on everybody at once has a small ERDE. Show the false alerts
beside them, and with F_latency its ``p``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from simharness.errors import UsageError

ERISK_P = 0.0078  # what eRisk fixes: a penalty of a half at 141.85 messages
ERDE_ORDERS = (5, 50)
SKEPTICISM = 5
Counts = tuple[float, float, float]  # right, false, missed


def latency_cost(k: ArrayLike, order: float) -> NDArray[np.float64]:
    """lc_o(k) = 1 / (1 + e^(o - k)), shape of ``k`` (Losada & Crestani 2016, CLEF, equation 2); never overflows."""
    return np.asarray(expit(np.asarray(k, np.float64) - order))


def erde_costs(positive: ArrayLike, k: ArrayLike, order: float, weight: ArrayLike | None = None) -> NDArray[np.float64]:
    """Early risk detection error of each subject, shape (subjects,) (Losada & Crestani 2016, section 3).

    A right alert costs lc_o(k), a missed subject 1, a false alert the share of positives among all, nothing else
    anything. All nan where no subject is positive: a false alert would then cost nothing.
    """
    known, when, weights = _subjects(positive, k, weight)
    share = _share(known, weights)
    cost = np.where(known, latency_cost(when, order), share)
    found = np.where(when > 0, cost, known.astype(np.float64))
    return found if share > 0 else np.full(known.size, np.nan)


def erde(positive: ArrayLike, k: ArrayLike, order: float, weight: ArrayLike | None = None) -> float | None:
    """ERDE_o, the weighted mean of :func:`erde_costs`, from 0 to 1; None where no subject is positive."""
    known, when, weights = _subjects(positive, k, weight)
    if not _share(known, weights) > 0:
        return None
    return float((weights * erde_costs(known, when, order, weights)).sum() / weights.sum())


def penalty(k: ArrayLike, p: float) -> NDArray[np.float64]:
    """-1 + 2 / (1 + e^(-p (k - 1))), shape of ``k``: 0 at the first message, towards 1 (Sadeque, Xu & Bethard 2018,
    WSDM, equation 4).
    """
    return np.tanh(p * (np.asarray(k, np.float64) - 1.0) / 2.0)  # the same, and it cannot overflow


def penalty_rate(half_at: float) -> float:
    """The p of :func:`penalty` that makes it a half at message ``half_at``: ln 3 / (m - 1). Raises UsageError up to 1,
    where nothing has been read and no p will do.
    """
    if not half_at > 1:
        raise UsageError("half_at", f"got {half_at}", allowed="a number of messages above 1")
    return math.log(3.0) / (half_at - 1.0)


def latency_tp(k: ArrayLike) -> float | None:
    """latencyTP: median k over true positives, shape (true positives,); those never alerted on are left out, and None
    where nobody is left (Sadeque, Xu & Bethard 2018).
    """
    found = _alerted(k)
    return float(np.median(found)) if found.size else None


def speed(k: ArrayLike, p: float) -> float | None:
    """1 less the median penalty over true positives; with an even count, the mean of the two middle penalties.

    Shape and None as for :func:`latency_tp`. State p beside it: it belongs to the data.
    """
    found = _alerted(k)
    return 1.0 - float(np.median(penalty(found, p))) if found.size else None


def f_beta(right: float, false: float, missed: float, beta: float) -> float | None:
    """F_b = (1 + b^2) P R / (b^2 P + R) of counts, from 0 to 1 (van Rijsbergen 1979, chapter 7).

    None where there was nothing to find. 0 where nothing of it was found, whatever the precision, also without any
    alert, where precision itself is undefined.
    """
    if right + missed == 0:
        return None
    squared = beta * beta
    return (1.0 + squared) * right / ((1.0 + squared) * right + squared * missed + false)


def f_latency(positive: ArrayLike, k: ArrayLike, p: float, weight: ArrayLike | None = None) -> float | None:
    """F_latency = F_1 times speed, from 0 to 1 (Sadeque, Xu & Bethard 2018); state p beside it.

    No true positive: F_latency 0, speed and latencyTP null. None where no subject is positive. Weights count in F_1;
    the median of the penalty takes each true positive once.
    """
    known, when, weights = _subjects(positive, k, weight)
    alerted = when > 0
    right, false, missed = (
        float(weights[rows].sum()) for rows in (known & alerted, ~known & alerted, known & ~alerted)
    )
    f_1, fast = f_beta(right, false, missed, 1.0), speed(when[known], p)
    return f_1 if f_1 is None or fast is None else f_1 * fast


def espd_warning(
    scores: ArrayLike, skepticism: int = SKEPTICISM, threshold: float = 0.5, window: int = 10
) -> int | None:
    """Number (from 1) of the window prediction at which early sexual predator detection warns; None: never.

    ``scores``: one a window of messages, in order, shape (windows,). A warning is raised, for good, once ``skepticism``
    of the last ``window`` scores are at least ``threshold``; before the first all count as below (Vogt, Leser & Akbik
    2021, ACL, section 3). Raises UsageError for a skepticism outside 1 to ``window``.
    """
    if not 1 <= skepticism <= window:
        raise UsageError("skepticism", f"got {skepticism}", allowed=f"an integer from 1 to {window}")
    hits = np.asarray(scores, np.float64) >= threshold
    so_far = np.concatenate([np.zeros(window, np.int64), np.cumsum(hits)])
    reached = np.flatnonzero(so_far[window:] - so_far[: hits.size] >= skepticism)
    return int(reached[0]) + 1 if reached.size else None


def pan_scores(authors: Counts, lines: Counts) -> dict[str, float | None]:
    """The two scores of PAN-2012 from (right, false, missed) counts: F_0.5 over authors, because naming somebody
    wrongly costs more than missing one, and F_3 over lines (Inches & Crestani 2012, CLEF, section 4).
    """
    return {"author_f_0.5": f_beta(*authors, 0.5), "line_f_3": f_beta(*lines, 3.0)}


def precision_at(ranked: Sequence[bool] | NDArray[np.bool_], k: int = 10) -> float:
    """P@k: positives among the k ranked first, over k even where fewer are ranked. ``ranked``: labels by rank.

    Raises UsageError for k below 1.
    """
    if k < 1:
        raise UsageError("k", f"got {k}", allowed="an integer >= 1")
    return int(np.count_nonzero(np.asarray(ranked, np.bool_)[:k])) / k


def _alerted(k: ArrayLike) -> NDArray[np.float64]:
    when = np.asarray(k, np.float64)
    return when[when > 0]


def _subjects(
    positive: ArrayLike, k: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    known, when = np.asarray(positive, np.bool_), np.asarray(k, np.float64)
    weights = np.ones(known.size) if weight is None else np.asarray(weight, np.float64)
    if not known.shape == when.shape == weights.shape or known.ndim != 1:
        shapes = f"{known.shape}, {when.shape} and {weights.shape}"
        raise UsageError("subjects", f"got shapes {shapes}", allowed="one label, one k and one weight a subject")
    return known, when, weights


def _share(positive: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    total = float(weight.sum())
    return float(weight[positive].sum()) / total if total > 0 else 0.0
