"""A sweep laid out: tornado bars, indices, how often each arm is best, and the points that none other beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simharness.report.tables import Cell, Table
from simharness.report.wording import BANNER, NOT_APPLICABLE, counted, interval, number, point

MOST_ROWS = 20
_BAR = 24  # characters of the longest bar
_INDICES = (
    ("first", "first-order index"),
    ("total", "total index"),
    ("correlation", "partial rank correlation"),
    ("share", "share of the variance over the grid"),
)
_KINDS = {
    "sobol": "Sobol' indices (Saltelli 2010): the share of an output's variance that a parameter brings alone, and "
    "with everything it interacts with; intervals 95 %, normal, bootstrap over the design's base points.",
    "partial rank correlation": "Partial rank correlation (Marino et al. 2008) of a parameter with an output, the "
    "other parameters taken out; intervals 95 %, Fisher's z over points.",
    "eta squared": "Share of an output's variance over the grid that a parameter's own levels explain (eta squared); "
    "all points of the grid are in it, so it has no interval. What is missing to 100 % is interaction.",
}


def sweep_tables(found: Mapping[str, Any]) -> tuple[Table, ...]:
    """Every table of a sweep; ``found`` as ``sweep.json`` holds it."""
    tables = []
    if found["tornado"] is not None:
        tables += [_tornado(found, each) for each in found["tornado"]]
    elif len(found["points"]) <= MOST_ROWS:
        tables.append(_points(found))
    if found["effects"] is not None:
        tables += [_effects(found, place) for place in range(len(found["outputs"]))]
    if found["best"] is not None:
        tables.append(_best(found))
    if found["frontier"] is not None:
        tables.append(_frontier(found))
    return tuple(tables)


def sweep_banner(found: Mapping[str, Any]) -> tuple[str, ...]:
    """What stands above the tables."""
    points, replications = counted(len(found["points"]), "point"), counted(found["replications"], "replication")
    return (
        BANNER,
        f"{points} of {found['scenario']} at scale {found['scale']:g}, {replications} each, seed {found['seed']}.",
    )


def sweep_notes(found: Mapping[str, Any]) -> tuple[str, ...]:
    """What the numbers rest on."""
    assumed = [name for name, each in found["parameters"].items() if each.get("evidence") == "assumed"]
    ranges = f"Assumed ranges: {', '.join(assumed)}. " if assumed else ""
    few = "" if found["replications"] > 1 else " One replication gives no interval: raise --replications for one."
    return (
        f"{ranges}A range says what was tried, not how likely it is: nothing here is a result about the world.",
        "All points share their draws, so differences between points are paired. Intervals of outputs are 95 % over "
        f"replications.{few}",
    )


def _tornado(found: Mapping[str, Any], each: Mapping[str, Any]) -> Table:
    widest = max((bar["span"] or 0.0 for bar in each["bars"]), default=0.0)
    rows: list[tuple[Cell, ...]] = []
    for bar in each["bars"]:
        values = [_value(found, bar["parameter"], end["value"]) for end in bar["points"]]
        outputs = [_in_words(end) for end in bar["points"]]
        changes = [_in_words(end["difference"]) for end in bar["points"]]
        span = NOT_APPLICABLE if bar["span"] is None else number(bar["span"], each["base"]["unit"])
        drawn = "#" * round(_BAR * (bar["span"] or 0.0) / widest) if widest else ""
        rows.append(((bar["parameter"],), tuple(values), tuple(outputs), tuple(changes), (span, drawn)))
    output = found["outputs"][each["output"]]
    base = f"as the scenario is: {_in_words(each['base'])}"
    columns = ("parameter", "value", output["unit"], "against the scenario, paired", "span")
    return Table(f"{_of_arm(output)}; {base}", columns, tuple(rows))


def _points(found: Mapping[str, Any]) -> Table:
    columns = (*found["parameters"], *(_of_arm(each) for each in found["outputs"]))
    rows = tuple(
        (*_values(found, each["values"]), *((_in_words(one),) for one in each["estimates"])) for each in found["points"]
    )
    return Table("Points", columns, rows, dense=True)


def _effects(found: Mapping[str, Any], place: int) -> Table:
    """What moves one output; the last of these tables says what the numbers are."""
    effects, last = found["effects"], place + 1 == len(found["outputs"])
    kinds = [(key, title) for key, title in _INDICES if key in effects["rows"][0]]
    rows = tuple(
        ((row["parameter"],), *((_index(row[key]),) for key, _ in kinds))
        for row in effects["rows"]
        if row["output"] == place
    )
    columns = ("parameter", *(title for _, title in kinds))
    notes = (_KINDS[effects["kind"]],) if last else ()
    return Table(f"What moves {_of_arm(found['outputs'][place])}", columns, rows, notes, dense=True)


def _best(found: Mapping[str, Any]) -> Table:
    best = found["best"]
    rows = tuple(((found["arms"][arm],), (_in_words(each),)) for arm, each in best["shares"].items())
    note = "By the estimate at each point; equally good arms are best together, so shares may exceed 100 %."
    title = f"How often each arm is best: {best['title']} ({best['direction']} is better)"
    return Table(title, ("arm", "share of the points"), rows, (note,), dense=True)


def _frontier(found: Mapping[str, Any]) -> Table:
    frontier = found["frontier"]
    every = frontier["rows"]
    rows = tuple(
        (*_values(found, row["values"]), *((_in_words(each),) for each in row["estimates"]))
        for row in _spread(every, MOST_ROWS)
    )
    metrics = [f"{each['title']}, {each['unit']} ({each['direction']} is better)" for each in frontier["metrics"]]
    shown = "" if len(every) <= MOST_ROWS else f" {len(rows)} of them, evenly spread, are shown; sweep.json has all."
    note = f"{len(every)} of {frontier['of']} points: no other is at least as good in all and better in one.{shown}"
    title = f"Frontier of {found['arms'][frontier['arm']]}"
    return Table(title, (*found["parameters"], *metrics), rows, (note,), dense=True)


def _spread(rows: Sequence[Any], most: int) -> list[Any]:
    """At most so many rows, evenly spread, the first and the last among them."""
    if len(rows) <= most:
        return list(rows)
    return [rows[round(place * (len(rows) - 1) / (most - 1))] for place in range(most)]


def _values(found: Mapping[str, Any], values: Mapping[str, Any]) -> list[Cell]:
    return [(_value(found, name, values[name]),) for name in found["parameters"]]


def _value(found: Mapping[str, Any], name: str, value: Any) -> str:
    """A parameter's value as the scenario has it, factors as such."""
    if value is None:
        return "as it is"
    unit = found["parameters"][name]["unit"]
    if isinstance(value, str) and unit:  # a drawn one has as many digits as a computer keeps; four are read
        return f"{float(value.removesuffix(unit)):.4g}{unit}"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"x {text}" if found["parameters"][name]["relative"] else text


def _in_words(estimate: Mapping[str, Any]) -> str:
    between = interval(estimate)
    return f"{point(estimate)} ({between})" if between else point(estimate)


def _index(index: Mapping[str, Any] | float | None) -> str:
    if not isinstance(index, Mapping):
        return number(index, "share")
    if index["estimate"] is None:
        return NOT_APPLICABLE
    return f"{index['estimate']:.2f} ({index['low']:.2f} to {index['high']:.2f})"


def _of_arm(output: Mapping[str, Any]) -> str:
    return f"{output['metric']}, {output['arm']}"
