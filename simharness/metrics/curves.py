"""Curves of harm over time since the planned contact, by arm and rung, from tidy rows, with pointwise intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from simharness.metrics.course import GRID_DAYS, HEADLINE_DAYS
from simharness.metrics.estimates import Values, by_subject, within
from simharness.metrics.intervals import Interval, mean_interval
from simharness.metrics.rows import Row
from simharness.records import LADDER

_HEADLINES = frozenset(f"{day}d" for day in HEADLINE_DAYS)
_OF_CURVES = frozenset({"at_risk", *(f"incidence_{rung}" for rung in LADDER)})
_DAYS = frozenset(f"{day}d" for day in GRID_DAYS)


def curve_only(row: Row) -> bool:
    """Whether a row is a point of a curve that does not stand among the estimates as well."""
    if row.metric not in _OF_CURVES:  # a desk or a platform may have a day's name
        return False
    _, _, day = row.stratum.rpartition(":")
    return day in _DAYS and row.stratum not in _HEADLINES


def curves(rows: Iterable[Row]) -> dict[str, dict[str, dict[str, Any]]]:
    """``{arm: {rung: {"days", "estimate", "low", "high", "at_risk"}}}``; lists of one length, null where undefined.

    ``estimate``: mean over replications of the share of planned conversations that have come to the rung by the day;
    ``low`` and ``high``: Student-t over replications, pointwise: each day by itself, not the whole curve at once.
    ``at_risk``: mean number still watched just before the day. Null from the day on for which a replication watched
    nobody. Arms without such rows are left out.
    """
    found = {}
    for (subject, arm), series in by_subject(rows).items():
        if subject == "arm" and f"at_risk[{LADDER[0]}:{GRID_DAYS[0]}d]" in series:
            found[arm] = {rung: _curve(series, rung) for rung in LADDER}
    return found


def _curve(series: Mapping[str, Values], rung: str) -> dict[str, Any]:
    points = [_point(_of(series, f"incidence_{rung}[{day}d]")) for day in GRID_DAYS]
    watched = [mean_interval(_of(series, f"at_risk[{rung}:{day}d]")) for day in GRID_DAYS]
    return {
        "days": list(GRID_DAYS),
        "estimate": [point.estimate for point in points],
        "low": [point.low for point in points],
        "high": [point.high for point in points],
        "at_risk": [point.estimate for point in watched],
    }


def _point(values: Sequence[float | None]) -> Interval:
    """A curve is of the same replications from end to end: otherwise it could fall where one of them is left out."""
    return within(mean_interval(values if None not in values else []), "share")


def _of(series: Mapping[str, Values], key: str) -> Sequence[float | None]:
    return list(series[key].values())
