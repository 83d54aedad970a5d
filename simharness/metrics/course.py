"""When planned conversations come to harm: the time from the planned contact to each rung, with competing ends.

Whatever ends a conversation keeps what has not happened yet from happening, for good. Such ends are therefore events
that compete with harm, and no censoring: to censor them would be to suppose that an ended conversation goes on to harm
as often as one that still runs. Only the period's end censors, because it says nothing about the conversation. Plain
functions on arrays; times in seconds, one element a conversation; inf: never.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simharness.metrics.survival import CENSORED, Incidence, aalen_johansen, numbers_at_risk, restricted_mean, value_at
from simharness.outcomes.cell import Cell
from simharness.records import LADDER
from simharness.response.arm import ArmResult
from simharness.world.clock import DAY_S

Array = NDArray[np.float64]
Number = float | None
CAUSES = ("harm", "ended", "cut", "never_made")  # the conversation came to its end, was ended, or was never begun
HARM, ENDED, CUT, NEVER_MADE = range(1, len(CAUSES) + 1)
HEADLINE_DAYS = (7, 30, 90)
# Close together at first, where most happens; the last ones are days that few contacts of a half-year are watched for.
GRID_DAYS = (*range(8), 10, 12, 14, 17, 21, 24, 28, *range(30, 95, 5), *range(100, 190, 10))
TAU_DAYS = 90.0
_OFFENCE, _MEETING, _CONTACT = LADDER.index("offence"), LADDER.index("meeting"), LADDER.index("contact")


def times_and_causes(
    event: Array, start: Array, closed: Array, cut: Array, horizon: float
) -> tuple[Array, NDArray[np.int64]]:
    """How long each conversation was watched from its planned contact on, and what ended the watch.

    ``event``: the harm; ``closed``: the end of the conversation in its own course, after which this harm cannot follow
    any more; ``cut``: the protective action that ended it (-inf: the contact was never made); ``horizon``: the period's
    end. The watch ends with the earliest, a harm before an end of the same moment; causes are numbered as in CAUSES,
    0 for the period's end.
    """
    ends = np.stack([event, closed, cut, np.full(event.shape, horizon)])
    first = ends.argmin(axis=0)  # of equal times the one that stands first
    cause = np.array([HARM, ENDED, CUT, CENSORED])[first]
    return np.maximum(0.0, ends.min(axis=0) - start), np.where(np.isneginf(cut), NEVER_MADE, cause)


def harm_incidence(lasted: Array, cause: NDArray[np.int64], at: Array) -> Array:
    """Share of conversations that have come to harm by each time ``at``; nan where nobody was watched for so long.

    The cumulative incidence of Aalen & Johansen 1978, ends competing.
    """
    found = aalen_johansen(lasted, cause)
    shares = value_at(found.times, _of_harm(found), at, 0.0)
    return np.where(_known(found, lasted, at), shares, np.nan)


def harm_free_time(lasted: Array, cause: NDArray[np.int64], tau: float) -> Number:
    """Restricted mean time free of harm within ``tau`` of the planned contact: the integral of 1 - incidence up to it.

    A conversation that ended without harm stays free of it until ``tau`` (Andersen 2013, Statistics in Medicine 32,
    5278-5285: the time lost to one of several causes is the area under its cumulative incidence). None where nobody
    was watched for so long.
    """
    found = aalen_johansen(lasted, cause)
    if not _known(found, lasted, np.array([tau]))[0]:
        return None
    return restricted_mean(found.times, 1.0 - _of_harm(found), tau)


def course_numbers(cell: Cell, arm: ArmResult, base: ArmResult, horizon_s: float) -> Iterator[tuple[str, str, Number]]:
    """(metric, stratum, value) of one arm: incidence and number at risk by rung and day, and days free of harm."""
    days = np.array(GRID_DAYS, np.float64)
    for rung, column in enumerate(LADDER):
        lasted, cause = _watched(cell.planned, arm, arm.outcomes[:, rung], rung, horizon_s)
        shares, watched = harm_incidence(lasted, cause, days), numbers_at_risk(lasted, days)
        for day, share, count in zip(GRID_DAYS, shares.tolist(), watched.tolist(), strict=True):
            yield f"incidence_{column}", f"{day}d", None if np.isnan(share) else share
            yield "at_risk", f"{column}:{day}d", count
    own, other = (_free_days(cell.planned, each, horizon_s) for each in (arm, base))
    yield "harm_free_days", "", own
    yield "harm_free_days_gained", "", None if own is None or other is None else own - other


def _free_days(planned: int, arm: ArmResult, horizon_s: float) -> Number:
    lasted, cause = _watched(planned, arm, arm.outcomes.min(axis=1), _OFFENCE, horizon_s)
    return harm_free_time(lasted, cause, TAU_DAYS)


def _watched(
    planned: int, arm: ArmResult, event: Array, rung: int, horizon_s: float
) -> tuple[Array, NDArray[np.int64]]:
    """Days and causes of the planned conversations of an arm."""
    closed = arm.closed
    if rung == _CONTACT:  # it follows a meeting attempt after a delay, also when no message is exchanged any more
        closed = np.where(arm.outcomes[:, _MEETING] <= closed, np.inf, closed)
    rows = slice(0, planned)
    lasted, cause = times_and_causes(event[rows], arm.start[rows], closed[rows], arm.cut[rows], horizon_s)
    return lasted / DAY_S, cause


def _of_harm(found: Incidence) -> Array:
    rows = found.incidence[found.causes == HARM]
    return np.asarray(rows[0] if rows.size else np.zeros(found.times.size))


def _known(found: Incidence, lasted: Array, at: Array) -> NDArray[np.bool_]:
    """Whether the curve is known at a time: somebody was watched until then, or everybody has come to some end."""
    return np.asarray((numbers_at_risk(lasted, at) > 0) | (value_at(found.times, found.survival, at, 1.0) == 0.0))
