"""Shared words of every report: numbers with unit and interval, what "n/a" means, and the standing notes.

An undefined number is "n/a" with the reason where it is known, never 0.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from simharness.metrics.metric import UP_TO_1

Estimate = Mapping[str, Any]  # estimate, low, high, n, method, unit: see docs/run_folder.md

BANNER = "SYNTHETIC: every child, offender, conversation and message here is simulated; no figure counts real people."
BOUND = "bayes_bound"
BOUND_LABEL = "bound (told the grammar; not deployable)"
NOT_APPLICABLE = "n/a"
SHARE = "share"
SHADOW_LABEL = "(shadow: nothing is done)"
EXACT = "clopper-pearson"  # whose n counts what could have been counted, not replications
ROLES = {
    "fitted": "a parameter was tuned to this very figure, so agreement is no evidence",
    "input": "a parameter states this figure, so agreement shows only that the simulation does as it was told",
    "check": "neither tuned nor stated: the only figures that test the model",
}

_RATE = "per "  # begins the unit of a rate, which may lie far below 1 and still say something
_DECIMALS = ((1, 1.0), (2, 0.1), (3, 0.01))  # so many from that size on: two digits that say something
_WHOLE = 100.0  # from here on decimals say nothing that an interval does not
_REASONS = {
    "lead_time_days": "no such case",
    "harm_free_days": "not watched so long",
    "harm_free_days_gained": "not watched so long",
    "incidence_offence": "not watched so long",
    "incidence_meeting": "not watched so long",
    "only_this_arm_acts": "no such case",
    "alerts_before_offence_share": "no right alert",
    "alerts_lost_share": "no alert",
    "alerts_undecided": "nobody was to decide",
    "desk_utilisation": "nobody on duty",
    "desk_wait_hours": "nothing read",
    "desk_wait_hours_p95": "nothing read",
    "desk_within_target_share": "no target",
    "longest_silence_days": "no alert",
    "precision": "no alert",
    "recall_before_offence_at_budget": "not measured at so many alerts",
    "recall_before_offence_over_baseline": "not measured at so many alerts",
    "safeguarding_met_share": "none due",
    "safeguarding_days": "not half protected",
    "messages_to_alert": "no alert",
    "stage_at_alert": "no alert",
    "brier": "no probability",
    "erde_5": "no grooming",
    "erde_50": "no grooming",
    "f_latency": "no grooming",
    "roc_area": "one class only",
    "pr_area": "one class only",
    "account_roc_area": "one class only",
    "account_pr_area": "one class only",
    "length_roc_area": "one class only",
    "length_pr_area": "one class only",
    "delay_over_bound": "unmatched",
}


def number(value: float | None, unit: str = "", decimals: int | None = None) -> str:
    """A number as text: shares in percent with one decimal, others with thousands separated; None is "n/a"."""
    if value is None:
        return NOT_APPLICABLE
    if unit == SHARE:
        return f"{100.0 * value:.1f} %"
    if decimals is None:
        decimals = _decimals(value, unit)
    return f"{value:,.{decimals}f}"


def point(estimate: Estimate | None) -> str:
    """The estimate alone, without unit or interval (except the sign of a percentage)."""
    if estimate is None:
        return NOT_APPLICABLE
    return number(estimate["estimate"], estimate.get("unit", ""), _shared_decimals(estimate))


def interval(estimate: Estimate | None) -> str:
    """ "low to high", or what stands in its place; empty where the estimate itself is undefined."""
    if estimate is None or estimate["estimate"] is None:
        return ""
    if estimate["low"] is None or estimate["high"] is None:
        return "no interval: one replication" if estimate["n"] == 1 else "no interval"
    if estimate["low"] == estimate["high"]:
        # "0 to 0" would read as certainty; it says only that nothing else was seen.
        return f"in each of {estimate['n']}"
    if estimate.get("unit") == SHARE:
        return f"{100.0 * estimate['low']:.1f} to {100.0 * estimate['high']:.1f} %"
    decimals = _shared_decimals(estimate)
    return f"{number(estimate['low'], '', decimals)} to {number(estimate['high'], '', decimals)}"


def interval_lines(estimate: Estimate | None) -> tuple[str, ...]:
    """The interval as lines of a table's cell; none where there is nothing to say."""
    between = interval(estimate)
    return tuple(between.split(": ")) if between else ()


def phrase(estimate: Estimate | None, unit: str = "") -> str:
    """For running text: "10,817 children (95 % interval 10,630 to 11,004)"."""
    words = f"{point(estimate)} {unit}".rstrip()
    between = interval(estimate)
    if not between:
        return words
    return f"{words} ({between})" if between.startswith(("no ", "in ")) else f"{words} (95 % interval {between})"


def cell(name: str, estimate: Estimate | None, replications: int) -> tuple[str, ...]:
    """Lines of a table's cell: the estimate, its interval, and how many replications it rests on if not all."""
    if estimate is None or estimate["estimate"] is None:
        return (NOT_APPLICABLE, reason(name)) if reason(name) else (NOT_APPLICABLE,)
    lines = [point(estimate), *interval_lines(estimate)]
    if estimate["n"] < replications and estimate["method"] != EXACT:
        lines.append(f"in {estimate['n']} of {replications}")
    return tuple(lines)


def reason(name: str) -> str:
    """Why a metric is undefined, if that is known."""
    return _REASONS.get(name.partition("[")[0], "")


def period(start: str, end: str) -> str:
    """ "181 days (3 April to 30 September 2017)" from two ISO dates, both included."""
    first, last, days = dt.date.fromisoformat(start), dt.date.fromisoformat(end), days_of(start, end)
    return f"{days} {'day' if days == 1 else 'days'} ({_day(first)}{_year(first, last)} to {_day(last)} {last.year})"


def days_of(start: str, end: str) -> int:
    """Days of a period given by two ISO dates, both included."""
    return (dt.date.fromisoformat(end) - dt.date.fromisoformat(start)).days + 1


def arm_label(arm: Mapping[str, Any]) -> tuple[str, ...]:
    """An arm's name in a table: whose actions are only logged is said beside it."""
    return (arm["title"], SHADOW_LABEL) if arm["mode"] == "shadow" else (arm["title"],)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """ "1 block", "78 blocks"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B}"


def _year(first: dt.date, last: dt.date) -> str:
    return "" if first.year == last.year else f" {first.year}"


def _shared_decimals(estimate: Estimate) -> int | None:
    """Decimals for an estimate and both ends of its interval: as the largest of the three asks for."""
    values = [abs(estimate[key]) for key in ("estimate", "low", "high") if estimate[key] is not None]
    return _decimals(max(values), estimate.get("unit", "")) if values else None


def _decimals(value: float, unit: str) -> int:
    size = abs(value)
    if size == 0 or size >= _WHOLE:
        return 0
    if UP_TO_1 in unit:  # areas are told apart by their third decimal, and a cost can be far smaller
        return max(3, 1 - math.floor(math.log10(size)))
    decimals = next((decimals for decimals, least in _DECIMALS if size >= least), 4)
    return decimals if unit.startswith(_RATE) else min(2, decimals)
