"""Time to an event where some were not seen to have it, with and without competing events.

Plain functions on arrays. Durations may be in any unit of time; all results are in the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simharness.errors import UsageError

Array = NDArray[np.float64]
_T = TypeVar("_T", bound=np.generic)
CENSORED = 0


@dataclass(frozen=True, slots=True)
class Survival:
    """A Kaplan-Meier curve; arrays of shape (times,). Before the first time survival is 1."""

    times: Array  # at which events were seen, ascending
    survival: Array  # from this time on
    variance: Array  # Greenwood's; nan once survival is 0
    at_risk: NDArray[np.int64]  # just before this time
    events: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Incidence:
    """Cumulative incidence of competing causes; ``survival`` is the share that has had none of them."""

    times: Array  # at which any cause was seen, ascending, shape (times,)
    causes: NDArray[np.int64]  # ascending, shape (causes,)
    incidence: Array  # (causes, times), from this time on
    survival: Array
    at_risk: NDArray[np.int64]  # just before this time


def kaplan_meier(durations: ArrayLike, observed: ArrayLike) -> Survival:
    """Share without the event over time (Kaplan & Meier 1958, JASA 53, 457-481).

    ``durations``: how long each was watched, shape (n,); ``observed``: whether the watch ended with the event. Whoever
    is censored at the time of an event was still at risk of it. The variance is S(t)^2 sum d / (n (n - d)) (Greenwood
    1926). Raises :class:`UsageError` for a negative or infinite duration, or other lengths.
    """
    lasted, happened = _watched("kaplan_meier", durations, np.asarray(observed, np.bool_))
    times, events = np.unique(lasted[happened], return_counts=True)
    at_risk = numbers_at_risk(lasted, times)
    left = at_risk - events
    survival = np.cumprod(left / at_risk, dtype=np.float64)
    terms = np.divide(events, at_risk * left, out=np.full(times.size, np.nan), where=left > 0)
    return Survival(times, survival, survival**2 * np.cumsum(terms), at_risk, events)


def aalen_johansen(durations: ArrayLike, cause: ArrayLike) -> Incidence:
    """Cumulative incidence of every cause (Aalen & Johansen 1978, Scand. J. Statist. 5, 141-150).

    The sum over times of S(t-) d_cause / n, with S the Kaplan-Meier share that has had no cause at all. ``cause``,
    shape (n,): 0 where the watch ended without any. The incidences and the survival add up to 1 at every time. Causes
    of one moment share it: no order among them is made up. Raises :class:`UsageError` as :func:`kaplan_meier`, and for
    a negative cause.
    """
    lasted, why = _watched("aalen_johansen", durations, np.asarray(cause, np.int64))
    if (why < CENSORED).any():
        raise UsageError("aalen_johansen", f"got the cause {why.min()}", allowed="0 (censored), 1, 2, ...")
    happened = why != CENSORED
    all_causes = kaplan_meier(lasted, happened)
    before = np.concatenate([np.ones(1), all_causes.survival[:-1]])[: all_causes.times.size]
    causes = np.unique(why[happened])
    counts = np.zeros((causes.size, all_causes.times.size))
    places = np.searchsorted(causes, why[happened]), np.searchsorted(all_causes.times, lasted[happened])
    np.add.at(counts, places, 1.0)
    incidence = np.cumsum(before * counts / all_causes.at_risk, axis=1)
    return Incidence(all_causes.times, causes, incidence, all_causes.survival, all_causes.at_risk)


def numbers_at_risk(durations: ArrayLike, times: ArrayLike) -> NDArray[np.int64]:
    """How many were still watched, and had had no event, just before each time; shape of ``times``."""
    lasted = np.sort(np.asarray(durations, np.float64))
    return np.asarray(lasted.size - np.searchsorted(lasted, np.asarray(times, np.float64), side="left"), np.int64)


def value_at(times: ArrayLike, values: ArrayLike, at: ArrayLike, before: float) -> Array:
    """A step function at the times ``at``: the value of the latest step not after each, ``before`` ahead of the first.

    ``times`` ascending, with ``values`` of the same shape.
    """
    steps = np.concatenate([[before], np.asarray(values, np.float64)])
    return np.asarray(steps[np.searchsorted(np.asarray(times, np.float64), at, side="right")])


def restricted_mean(times: ArrayLike, survival: ArrayLike, tau: float) -> float:
    """Mean time without the event up to ``tau``: the area under the curve (Irwin 1949; Royston & Parmar 2013).

    ``survival`` holds from each of the ascending ``times`` on, as in :class:`Survival`, and is 1 before; after the last
    it stays as it is, which is an estimate only where somebody was watched until ``tau``. Raises :class:`UsageError`
    unless ``tau`` is positive and finite.
    """
    if not 0.0 < tau < np.inf:
        raise UsageError("restricted_mean", f"got tau {tau}", allowed="a positive, finite time")
    steps = np.asarray(times, np.float64)
    ends = np.clip(np.concatenate([[0.0], steps, [np.inf]]), 0.0, tau)
    heights = np.concatenate([[1.0], np.asarray(survival, np.float64)])
    return float((np.diff(ends) * heights).sum())


def _watched(where: str, durations: ArrayLike, what: NDArray[_T]) -> tuple[Array, NDArray[_T]]:
    lasted = np.asarray(durations, np.float64)
    if lasted.ndim != 1 or lasted.shape != what.shape:
        raise UsageError(where, f"got shapes {lasted.shape} and {what.shape}", allowed="two of one length")
    if not (np.isfinite(lasted) & (lasted >= 0.0)).all():
        raise UsageError(where, "got a duration that is negative or not finite", allowed="finite times from 0 on")
    return lasted, what
