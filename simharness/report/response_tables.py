"""The tables of how the response worked: harms of acting, desks, lost alerts, police, and what others answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simharness.report.tables import Cell, Metrics, Table
from simharness.report.wording import SHARE, Estimate, arm_label, cell, days_of, point

RATE = "_per_1000_child_months"
_HARMS = (
    ("children_wrongly_alarmed", "children wrongly alarmed"),
    ("wrong_referrals", "adults wrongly reported"),
    ("wrong_suspensions", "accounts wrongly suspended"),
    ("benign_read", "harmless conversations read"),
    ("exposure_hours", "reviewers' exposure, hours"),
    ("children_made_worse", "children made worse"),
)
_WENT = (
    ("desk_entered", "came in"),
    ("desk_decided", "decided"),
    ("desk_expired", "expired"),
    ("desk_merged", "merged"),
    ("desk_dropped", "lost"),
    ("desk_waiting", "still waiting"),
)
_WORKED = (
    ("desk_wait_hours", "mean wait, hours"),
    ("desk_wait_hours_p95", "wait, 95th percentile, hours"),
    ("desk_utilisation", "utilisation"),
    ("desk_within_target_share", "within target"),
)
_BACKLOG = (("desk_backlog", "mean over the period, alerts"), ("desk_backlog_largest", "largest, alerts"))
# Every reason of response/log.py, as people say it.
REASONS = {
    "over_budget": "over the day's budget",
    "queue_full": "queue full",
    "conversation_ended": "conversation over",
    "owner_missing": "nobody owned it",
    "lock_expired": "lock expired unseen",
    "text_only": "text only, lost between desks",
    "host_lost": "merged with a lost one",
    "expired": "expired unread",
}
_ANSWERS = (
    ("substitutes", "other children contacted instead"),
    ("new_accounts", "new accounts after suspension"),
    ("tipped_off", "offenders tipped off"),
    ("contacts_displaced", "contacts made outside the code"),
    ("signals_matched", "suspended on a shared signal"),
    ("audits_found", "audits that found a gap"),
    ("sanctions", "sanctions"),
)
_RISKS = ("high", "medium", "low")
SILENT_GAPS, SILENT_DAYS = 20.0, 1.0  # a silence longer than both is no chance: so many mean gaps, and a day


def harms_table(summary: Mapping[str, Any]) -> Table:
    """What acting does to people, every arm: a rate to compare, and the count."""
    n, rows = summary["replications"], []
    for name, arm, metrics in _arms(summary):
        cells = [_harm(metrics, harm, n) for harm, _ in _HARMS]
        if name == summary["comparator"]:
            cells[-1] = ("-",)
        rows.append((arm_label(arm), *cells))
    return Table(
        "Harms of acting, per 1,000 child-months",
        ("arm", *(words for _, words in _HARMS)),
        tuple(rows),
        (
            "Each child, account and conversation once, however many alerts concern it; reports as often as they are "
            "made. In all: in the period, at the run's scale. Exposure: reviewers' time on conversations that were "
            "grooming. Made worse: against the comparator.",
        ),
    )


def _harm(metrics: Metrics, harm: str, n: int) -> Cell:
    rate, count = metrics[harm + RATE], metrics[harm]
    if not count["estimate"]:
        return _quiet(harm, count, n)
    return (*cell(harm + RATE, rate, n), f"in all: {point(count)}")


def desks_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """Every desk of every arm with a detector; what happened at no desk is said below instead."""
    n, labels, found = summary["replications"], [], []
    for _, arm, metrics in _arms(summary, alerting=True):
        for desk in _strata(metrics, "desk_entered"):
            labels.append((*arm_label(arm), f"  {desk}"))
            found.append({key: metrics.get(f"{key}[{desk}]") for key, _ in (*_WENT, *_WORKED)})
    shown = [(key, words) for key, words in _WENT if any(_positive(metrics[key]) for metrics in found)]
    nothing = [words for key, words in _WENT if (key, words) not in shown]
    if not shown:
        return ()
    rows = [
        (label, *(_quiet(key, metrics[key], n) for key, _ in (*shown, *_WORKED)))
        for label, metrics in zip(labels, found, strict=True)
    ]
    notes = [
        "Alerts that came in are decided, expired, merged with another on the same account, lost, or still waiting or "
        "in hand at the end. Waits: until somebody first took it, of alerts that were taken; those that expired or "
        "were lost waited in vain. Within target: of those decided or lost.",
        "police: the force's readers of referrals; its utilisation is theirs and the investigators' together.",
    ]
    if nothing:
        notes.insert(0, f"At no desk: {', '.join(nothing)}.")
    columns = ("arm, desk", *(words for _, words in (*shown, *_WORKED)))
    return (Table("Desks", columns, tuple(rows), tuple(notes), dense=True),)


def backlog_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """How many alerts every desk of every arm with a detector has at once; nothing where that was not counted."""
    n, rows = summary["replications"], []
    for _, arm, metrics in _arms(summary, alerting=True):
        for desk in _strata(metrics, "desk_backlog"):
            cells = (cell(key, metrics[f"{key}[{desk}]"], n) for key, _ in _BACKLOG)
            rows.append(((*arm_label(arm), f"  {desk}"), *cells))
    note = "Alerts waiting or in hand at once, of the country's desk; police: all forces together."
    columns = ("arm, desk", *(words for _, words in _BACKLOG))
    return (Table("Backlog", columns, tuple(rows), (note,), dense=True),) if rows else ()


def lost_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """Where each arm's alerts were lost, by the reasons there were; nothing where none was and no detector was mute."""
    n, arms = summary["replications"], list(_arms(summary, alerting=True))
    if not any(lost(metrics) or mute(summary, metrics) for _, _, metrics in arms):
        return ()
    keys = [f"alerts_lost[{reason}]" for reason in REASONS]
    reasons = [key for key in keys if any(_positive(metrics.get(key)) for _, _, metrics in arms)]
    twice = ["duplicate_alerts"] if any(_positive(metrics["duplicate_alerts"]) for _, _, metrics in arms) else []
    rows = []
    for _, arm, metrics in arms:
        silence = cell("longest_silence_days", metrics["longest_silence_days"], n)
        if mute(summary, metrics):
            silence = (*silence, "no chance")
        counts = [_quiet(key, metrics[key], n) for key in (*reasons, "alerts_undecided", *twice)]
        rows.append((arm_label(arm), _lost(metrics, n), *counts, silence))
    columns = (
        "arm",
        "lost, of alerts raised",
        *(REASONS[key[len("alerts_lost[") : -1]] for key in reasons),
        "without a decision",
        *("raised twice at once" for _ in twice),
        "longest time without an alert, days",
    )
    notes = (
        "Without a decision: by anybody, those still waiting among them; n/a where nobody was to decide. One alert can "
        "be lost for several reasons, at several desks.",
        f"No chance: longer than a day and than {SILENT_GAPS:g} times the mean time between alerts.",
    )
    return (Table("Where alerts were lost", columns, tuple(rows), notes),)


def _lost(metrics: Metrics, n: int) -> Cell:
    if not lost(metrics):
        return ("0",)
    return (*cell("alerts_lost_share", metrics["alerts_lost_share"], n), f"in all: {point(metrics['alerts_lost'])}")


def lost(metrics: Metrics) -> bool:
    """Whether any of an arm's alerts was lost."""
    return _positive(metrics["alerts_lost"])


def mute(summary: Mapping[str, Any], metrics: Metrics) -> bool:
    """Whether an arm's detector was silent for longer than chance explains."""
    silence, alerts = metrics["longest_silence_days"]["estimate"], metrics["alerts"]["estimate"]
    days = days_of(summary["scenario"]["start"], summary["scenario"]["end"])
    return bool(alerts) and silence > max(SILENT_DAYS, SILENT_GAPS * days / alerts)


def police_table(summary: Mapping[str, Any]) -> Table:
    """What the police came to under every arm."""
    n, rows = summary["replications"], []
    keys = [f"safeguarding_met_share[{risk}]" for risk in _RISKS]
    for _, arm, metrics in _arms(summary):
        counts = [_quiet(key, metrics[key], n) for key in ("recorded_offences", "arrests")]
        counts[1] = (*counts[1], f"charged: {point(metrics['charges'])}")
        targets = [cell(key, metrics.get(key), n) for key in ("safeguarding_days", *keys)]
        rows.append((arm_label(arm), *counts, *targets, cell("desk_utilisation", metrics.get(_POLICE_BUSY), n)))
    columns = (
        "arm",
        "offences recorded",
        "offenders arrested; charged",
        "days to protection, median",
        *(f"protected in time, {risk} risk" for risk in _RISKS),
        "utilisation",
    )
    note = (
        "Protected in time: of recorded offences whose target falls in the period, those with the child protected from "
        "this offender by then. Days to protection: from recording, those not protected by the end counted as waiting "
        "(Kaplan-Meier). Utilisation: of readers of referrals and investigators, all forces together."
    )
    return Table("Police", columns, tuple(rows), (note,))


_POLICE_BUSY = "desk_utilisation[police]"


def answers_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """What offenders and platforms answered; only what occurs under some arm."""
    n, arms = summary["replications"], list(_arms(summary))
    shown = [(key, words) for key, words in _ANSWERS if any(_positive(metrics[key]) for _, _, metrics in arms)]
    if not shown:
        return ()
    rows = [(arm_label(arm), *(_quiet(key, metrics[key], n) for key, _ in shown)) for _, arm, metrics in arms]
    return (Table("What offenders and platforms answered", ("arm", *(words for _, words in shown)), tuple(rows)),)


def _arms(summary: Mapping[str, Any], *, alerting: bool = False) -> Iterator[tuple[str, Mapping[str, Any], Metrics]]:
    for name, arm in summary["arms"].items():
        if arm["detector"] or not alerting:
            yield name, arm, summary["estimates"]["arms"][name]


def _strata(metrics: Metrics, name: str) -> Sequence[str]:
    return [key[len(name) + 1 : -1] for key in metrics if key.startswith(f"{name}[")]


def _positive(estimate: Estimate | None) -> bool:
    return estimate is not None and bool(estimate["estimate"])


def _quiet(name: str, estimate: Estimate | None, n: int) -> Cell:
    """A count or time; where it was 0 in every replication, that alone, so that what is not 0 stands out."""
    zero = estimate is not None and estimate["estimate"] == 0 and estimate["unit"] != SHARE
    return ("0",) if zero else cell(name, estimate, n)
