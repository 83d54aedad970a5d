"""The tables of harm: when it comes, whose it is, what is left net, which ranking holds, and who is protected least."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simharness.metrics.course import TAU_DAYS
from simharness.records import LADDER
from simharness.report.tables import Cell, Metrics, Table
from simharness.report.wording import NOT_APPLICABLE, Estimate, arm_label, cell, interval_lines, point

_RUNGS = {"offence": "offences", "meeting": "meeting attempts"}
_LADDER = {"offence": "an offence", "repeat": "a repeat", "meeting": "a meeting attempt", "contact": "contact abuse"}
_UNITS = ("conversations", "children", "offenders")
_CHANGES = {"prevented": "prevented", "made_worse": "made worse"}
_VERDICTS = {
    "dominates": "fewer, at no rung more",
    "dominated": "more, at no rung fewer",
    "crossing": "fewer at one rung, more at another",
    "equal": "the same",
    "unclear": "not settled",
}
_DIMENSIONS = {"offender_type": "type of offender", "force": "police force", "age": "age, years"}
_COMPARATOR: Cell = ("(comparator)",)


def harm_tables(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """All of them; none for a run that an earlier version made without these measures."""
    if "curves" not in summary:
        return ()
    return (
        time_table(summary),
        *units_table(summary),
        *net_table(summary),
        *dominance_table(summary),
        *subgroup_table(summary),
    )


def time_table(summary: Mapping[str, Any]) -> Table:
    """How long conversations stay free of harm, and how many come to harm by when."""
    n, rows = summary["replications"], []
    for name, arm, metrics in _arms(summary):
        own = name == summary["comparator"]
        gained = _COMPARATOR if own else cell("harm_free_days_gained", metrics["harm_free_days_gained"], n)
        lead: Cell = ("-",) if own else _between(metrics, n)
        keys = ("harm_free_days", "incidence_offence[30d]", "incidence_meeting[90d]")
        rows.append((arm_label(arm), *(cell(key, metrics[key], n) for key in keys), gained, lead))
    columns = (
        "arm",
        f"days free of harm, of {TAU_DAYS:g}",
        "offence within 30 days",
        "meeting attempt within 90 days",
        "days free of harm gained",
        "lead, 25th and 75th percentile, days",
    )
    notes = (
        "Over planned contacts, from the moment each was planned. Ends of a conversation compete with harm: one that "
        "was cut off, or came to an end, stays free of it; only the period's end censors (Aalen-Johansen). Days free "
        f"of harm: the mean within {TAU_DAYS:g} days; gained: beyond the comparator's, paired.",
        "Harm to other children contacted instead is not in this table, but in the counts of children. Lead: as above, "
        "its quartiles, each the mean of the replications'.",
    )
    return Table("Time free of harm, and how many come to harm when", columns, tuple(rows), notes)


def units_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """Events prevented and brought about, counted by conversation, by child and by offender."""
    n, rows = summary["replications"], []
    for _, arm, metrics in _arms(summary, others=True):
        keys = [[_key(rung, unit, change) for unit in _UNITS] for rung in _RUNGS for change in _CHANGES]
        cells = [tuple(_one_line(cell(key, metrics[key], n)) for key in units) for units in keys]
        rows.append((arm_label(arm), _UNITS, *cells))
    columns = ("arm", "unit", *(f"{rung} {change}" for rung in _RUNGS.values() for change in _CHANGES.values()))
    note = (
        "A child's or an offender's event is prevented where none of theirs is left in the period, and made worse "
        "where their first one is brought about or comes earlier. Delayed and unchanged ones are in summary.json."
    )
    return (Table("Conversations, children and offenders", columns, tuple(rows), (note,)),) if rows else ()


def net_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """What is left of the events prevented less those brought about, and the alerts that each of them takes."""
    n, weights, rows = summary["replications"], summary["harm_weights"], []
    for name, arm, metrics in _arms(summary, others=True):
        cells: list[Cell] = []
        for rung in _RUNGS:
            needed = summary["alerts_per_averted"][name][rung]
            cells += [cell(f"{rung}s_averted", metrics[f"{rung}s_averted"], n), _needed(needed)]
        if weights:
            cells.append(cell("weighted_harm_averted", metrics["weighted_harm_averted"], n))
        rows.append((arm_label(arm), *cells))
    columns = ["arm"]
    for words in _RUNGS.values():
        columns += [f"{words} averted, net", "alerts for each"]
    notes = [
        "Net: the comparator's events less the arm's, those with other children contacted instead among them. Alerts "
        "for each (number needed to alert): n/a where the interval of the events averted holds 0."
    ]
    if weights:
        columns.append(f"weighted harm averted ({weights['evidence']} weights)")
        shown = ", ".join(f"{_LADDER[rung]} {weights[rung]:g}" for rung in LADDER)
        notes.append(
            f"Weighted harm: each child by its worst rung, with {weights['evidence']} weights: {shown} "
            f"({weights['source']}). No other number rests on them."
        )
    return (Table("Harm averted, net", tuple(columns), tuple(rows), tuple(notes)),) if rows else ()


def dominance_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """Which arm is better than which whatever the rungs weigh."""
    rows = []
    for pair in summary["dominance"]:
        over = "the comparator" if pair["over"] == summary["comparator"] else "the next arm"
        label = (*arm_label(summary["arms"][pair["arm"]]), f"  against {over}")
        differences = [_lines(pair["rungs"][rung]) for rung in LADDER]
        rows.append((label, (_VERDICTS[pair["verdict"]],), *differences))
    columns = ("arm", "children", *(f"{words} or worse" for words in _LADDER.values()))
    notes = (
        "Differences in children who come to a rung or worse, paired. Fewer, at no rung more (first-order dominance): "
        "a ranking that holds for every weighting of the rungs that never falls from a milder to a worse one. The "
        "intervals of all rungs must agree (intersection-union test, 95 % each).",
        "Every arm against the comparator, fewest children harmed first; then each against the next in this order.",
    )
    return (Table("Ranking for every weighting", columns, tuple(rows), notes, dense=True),) if rows else ()


def subgroup_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """The subgroup that each dimension's offences are least prevented in, under the arm with the fewest harmed."""
    arms = summary["estimates"]["arms"]
    found = {arm: worst for arm, worst in summary["subgroups"].items() if worst}
    if not found:
        return ()
    best = min(found, key=lambda arm: arms[arm]["children_harmed"]["estimate"])
    rows = []
    for dimension, worst in found[best].items():
        small = ", ".join(worst["too_small"]) if len(worst["too_small"]) <= _NAMED else str(len(worst["too_small"]))
        cells = ((worst["group"].replace("_", " "),), _lines(worst["share"]), _points(worst["difference"]))
        looked = (str(len(worst["looked_at"])), *((f"too small: {small}",) if worst["too_small"] else ()))
        rows.append(((_DIMENSIONS.get(dimension, dimension),), *cells, looked))
    columns = ("by", "worst subgroup", "offences prevented", "less the rest's, points", "groups looked at")
    fewest = next(iter(found[best].values()))["fewest"]
    notes = (
        "Intervals hold for all groups of a row at once (Bonferroni), because the worst is picked after looking: 95 % "
        f"together. Too small: fewer than {fewest:g} events of the comparator over all replications. Every other arm's "
        "are in summary.json.",
    )
    title = f"Worst subgroup under: {summary['arms'][best]['title']}"
    return (Table(title, columns, tuple(rows), notes),)


_NAMED = 2  # so many small groups are named; of more, their number is given


def _arms(summary: Mapping[str, Any], *, others: bool = False) -> Iterator[tuple[str, Mapping[str, Any], Metrics]]:
    """Name, description and metrics of every arm; ``others``: without the comparator."""
    for name, arm in summary["arms"].items():
        if not others or name != summary["comparator"]:
            yield name, arm, summary["estimates"]["arms"][name]


def _key(rung: str, unit: str, change: str) -> str:
    return f"{rung}s_{change}" if unit == "conversations" else f"{rung}_{unit}_{change}"


def _between(metrics: Metrics, n: int) -> Cell:
    """Both quartiles of the lead, one below the other; what both lack is said once."""
    quartiles = [cell("lead_time_days", metrics[f"lead_time_days[p{percent}]"], n) for percent in (25, 75)]
    return quartiles[0] if quartiles[0][0] == NOT_APPLICABLE else tuple(map(_one_line, quartiles))


def _one_line(lines: Cell) -> str:
    """ "12 (10 to 14)"."""
    first, *others = lines
    return f"{first} ({', '.join(others)})" if others else first


def _lines(estimate: Estimate) -> Cell:
    return (point(estimate), *interval_lines(estimate))


def _points(difference: Estimate) -> Cell:
    """A difference of shares in percentage points."""
    scaled = {**difference, "unit": "percentage points"}
    for key in ("estimate", "low", "high"):
        scaled[key] = None if difference[key] is None else 100.0 * difference[key]
    return _lines(scaled)


def _needed(needed: Mapping[str, Any]) -> Cell:
    return (
        _lines(needed) if needed["reason"] is None else (NOT_APPLICABLE, _WHY.get(needed["reason"], needed["reason"]))
    )


_WHY = {
    "the interval of the events averted holds 0, or lies below it": "not clearly above 0",
    "no interval of the events averted": "no interval",
}
