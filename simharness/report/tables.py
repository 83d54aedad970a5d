"""The tables of a report, laid out by nobody yet: titles, columns, cells of one or more lines, and notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simharness.report.wording import (
    BOUND,
    BOUND_LABEL,
    NOT_APPLICABLE,
    ROLES,
    Estimate,
    arm_label,
    cell,
    interval_lines,
    number,
    point,
)

Cell = tuple[str, ...]
Metrics = Mapping[str, Estimate]
STAGE = "stage_at_alert["
_AT_BUDGET, _OVER = "recall_before_offence_at_budget", "recall_before_offence_over_baseline"


@dataclass(frozen=True, slots=True)
class Table:
    """``rows``: one tuple of cells a row; a cell is its lines. The first column names the row. ``dense``: no blank line
    between rows.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    dense: bool = False


_RUNGS = (
    ("offence", "offences prevented"),
    ("meeting", "meeting attempts prevented"),
    ("contact", "contact abuse prevented"),
)
_PRICE = (
    ("lead_time_days", "median lead, days (where both act)"),
    ("alerts", "alerts"),
    ("alerts_before_offence_share", "right alerts before an offence"),
    ("false_alerts_per_1000_child_months", "false alerts per 1,000 child-months"),
    ("actions_too_late", "actions too late (conversation over)"),
    ("human_hours", "human hours (reviewers and police)"),
)
# Two numbers share a column, one below the other, so that the table fits a terminal of 120 columns.
_DETECTOR = (
    (("recall", "recall_before_offence"), "recall; before offence"),
    (("precision",), "precision"),
    (("false_alert_rate",), "false alerts /1,000 child-months"),
    (("messages_to_alert",), "median messages to alert"),
    ((STAGE,), "main stage at alert"),
    (("delay", "delay_over_bound"), "delay, messages; over the bound"),
)
_SECOND = {"recall_before_offence": "before", "delay_over_bound": "over"}


def arms_tables(summary: Mapping[str, Any]) -> tuple[Table, Table]:
    """Every arm against the comparator: what changes for children, and what it takes."""
    arms, estimates, comparator = summary["arms"], summary["estimates"]["arms"], summary["comparator"]
    n, title = summary["replications"], arms[comparator]["title"]
    harm, price = [], []
    for name, arm in arms.items():
        metrics = estimates[name]
        label = arm_label(arm) + (("(comparator)",) if name == comparator else ())
        row = _happens(metrics) if name == comparator else _changes(metrics, n)
        harm.append((label, *row))
        lead: Cell = (
            ("is compared", "with itself")
            if name == comparator
            else cell("lead_time_days", metrics["lead_time_days"], n)
        )
        price.append((label, lead, *(cell(key, metrics.get(key), n) for key, _ in _PRICE[1:])))
    columns = (
        "arm",
        *(f"{words}, conversations" for _, words in _RUNGS),
        "spared an event, children",
        "made worse, children",
    )
    return (
        Table(
            f"What changes for children, against: {title}",
            columns,
            tuple(harm),
            (
                "Prevented: events of the comparator that do not happen in the period, and their share of all of the "
                "comparator's. The comparator's own row counts the events that happen.",
                "Made worse: an event brought about, or earlier than under the comparator.",
            ),
        ),
        Table(
            "How early, and at what price",
            ("arm", *(words for _, words in _PRICE)),
            tuple(price),
            (
                "Lead: the first protective action against the comparator's, over the conversations on which both act "
                "in the period, at different times; conversations that only the arm reaches have a longer one that the "
                "period cannot show. Before an offence: or without one.",
            ),
        ),
    )


def _happens(metrics: Metrics) -> list[Cell]:
    events = [metrics[f"{rung}s"] for rung, _ in _RUNGS]
    rungs: list[Cell] = [(f"{point(event)} happen", *interval_lines(event)) for event in events]
    return [*rungs, ("-",), ("-",)]


def _changes(metrics: Metrics, n: int) -> list[Cell]:
    cells: list[Cell] = []
    for rung, _ in _RUNGS:
        count, share = metrics[f"{rung}s_prevented"], metrics[f"{rung}s_prevented_share"]
        shown = [point(count), *interval_lines(count)]
        if count["estimate"] != 0:
            shown += [point(share), *interval_lines(share)]
        cells.append(tuple(shown))
    return [*cells, *(cell(key, metrics[key], n) for key in ("children_protected", "children_made_worse"))]


def detectors_table(summary: Mapping[str, Any]) -> Table:
    """Every detector at the level it is measured at, and how far each is from what is possible."""
    rows, silent = [], []
    for name, metrics in summary["estimates"]["detectors"].items():
        label: Cell = (name, BOUND_LABEL) if name == BOUND else (name,)
        rows.append((label, *(_stacked(name, keys, metrics, summary["replications"]) for keys, _ in _DETECTOR)))
        if metrics["recall"]["estimate"] == 0:
            silent.append(name)
    notes = [
        "Every detector at the alert level that gave 1 false alert per 1,000 child-months on a separate calibration "
        "world, unless the scenario states another for it; recall and delay over all grooming conversations, precision "
        "with harmless ones at full volume.",
        "Delay: messages before the alert, or all messages of a conversation without one. Over the bound: at the "
        "false-alert rate the detector really had; n/a where the bound was not measured at such a rate.",
    ]
    if silent:
        why = "no level of theirs gives so few false alerts, or none is ever reached"
        notes.append(f"No alert at this level from: {', '.join(silent)} ({why}).")
    return Table("Detectors", ("detector", *(words for _, words in _DETECTOR)), tuple(rows), tuple(notes))


def budget_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """Detectors held against one another at one number of alerts; nothing where the scenario states none."""
    matched = summary["matched_budget"]
    if matched is None:
        return ()
    budget, baseline = matched["alerts_per_1000_child_months"], matched["baseline"]
    n, rows = summary["replications"], []
    for name, metrics in summary["estimates"]["detectors"].items():
        label: Cell = (name, BOUND_LABEL) if name == BOUND else (name,)
        over: Cell = cell(_OVER, metrics.get(_OVER), n) if name != baseline else ("(baseline)",)
        rows.append((label, cell(_AT_BUDGET, metrics.get(_AT_BUDGET), n), over))
    columns = ("detector", "offences alerted on before they happen", f"beyond {baseline}, points")
    note = (
        f"Every detector at the level at which it raises {budget:g} alerts per 1,000 child-months, right and false "
        f"together: what one team could read. Differences from {baseline} are paired."
    )
    return (Table("Detectors at the same number of alerts", columns, tuple(rows), (note,)),)


def _stacked(name: str, keys: tuple[str, ...], metrics: Metrics, n: int) -> Cell:
    lines: list[str] = []
    for key in keys:
        first, *others = _detector_cell(name, key, metrics, n)
        lines += [f"{_SECOND[key]}: {first}" if key in _SECOND else first, *others]
    return tuple(lines)


def _detector_cell(name: str, key: str, metrics: Metrics, n: int) -> Cell:
    if name == BOUND and key == "delay_over_bound":
        return ("(bound)",)
    if key != STAGE:
        return cell(key, metrics.get(key), n)
    stages = {
        name: found for name, found in metrics.items() if name.startswith(STAGE) and found["estimate"] is not None
    }
    if not stages:
        return cell(key, None, n)
    main = max(stages, key=lambda name: stages[name]["estimate"])
    return (main.removeprefix(STAGE).rstrip("]").replace("_", " "), *cell(main, stages[main], n))


def recorded_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """Simulated against recorded figures; nothing where the scenario names none."""
    figures, scale = summary["recorded"], summary["scenario"]["scale"]
    if not figures:
        return ()
    rows = tuple(_recorded_row(figure) for figure in figures)
    columns = ("figure", "role", "simulated mean", "95 % interval of one period", "recorded", "agrees")
    return (Table("Simulated against recorded", columns, rows, _recorded_notes(figures, scale)),)


def _recorded_row(figure: Mapping[str, Any]) -> tuple[Cell, ...]:
    unit = figure["unit"]
    simulated, one_period = ({**figure[key], "unit": unit} for key in ("simulated", "one_period"))
    agrees = {True: "yes", False: "no", None: NOT_APPLICABLE}[figure["agrees"]]
    tolerance = figure["tolerance"]
    within = () if tolerance is None else (f"within {number(tolerance, unit).replace(' %', ' points')}",)
    recorded = number(figure["recorded"], unit, 0 if float(figure["recorded"]).is_integer() else None)
    return (
        (figure["title"],),
        (figure["role"],),
        (NOT_APPLICABLE,) if simulated["estimate"] is None else (point(simulated),),
        interval_lines(one_period) or (NOT_APPLICABLE,),
        (recorded if unit == "share" else f"{recorded} {unit}",),
        (agrees, *within),
    )


def _recorded_notes(figures: list[Mapping[str, Any]], scale: float) -> tuple[str, ...]:
    roles = [figure["role"] for figure in figures]
    notes = [f"{role} ({roles.count(role)}): {meaning}." for role, meaning in ROLES.items()]
    if not any(figure["role"] == "check" and figure["agrees"] is not None for figure in figures):
        notes.append(
            "With no figure to check against, this table does not validate the model: it shows how it was set."
        )
    notes.append(
        "Agrees: the mean within the stated tolerance, or, where none is stated, the figure inside the interval for "
        "one period: it was one period that was recorded. The narrower interval of the mean is in summary.json."
    )
    if any(figure["days"] is not None and figure["simulated"]["estimate"] is None for figure in figures):
        notes.append(
            "n/a: a figure of more days than this run's period. `simharness calibrate` lives them through and shows it "
            "as a check."
        )
    if scale != 1 and any(figure["unit"] == "offences" for figure in figures):
        notes.append(
            f"Simulated offences are divided by the scale ({scale:g}), as if everybody had been simulated once."
        )
    return tuple(notes)
