"""A comparison laid out: a table for each pair in which anything differs, one sentence for all the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from simharness.report.tables import Cell, Table
from simharness.report.wording import (
    BANNER,
    NOT_APPLICABLE,
    SHARE,
    cell,
    counted,
    interval_lines,
    number,
    point,
    reason,
)

Found = Mapping[str, Any]  # as commands.compare puts it together from simharness.compare


def title(found: Found) -> str:
    """What is held against what."""
    base, candidate = (f"{side['run']}, {side['of']}" for side in (found["base"], found["candidate"]))
    return f"Candidate {candidate}, against base {base}"


def banner(found: Found) -> tuple[str, ...]:
    """On which footing, and what to know before reading any number."""
    return (BANNER, _footing(found), *found["notes"])


def tables(found: Found) -> tuple[Table, ...]:
    """One table a pair, but for pairs of which nothing differs in any replication where there are several pairs."""
    pairs = _pairs(found)
    shown = [rows for rows in pairs if len(pairs) == 1 or not _alike(rows)]
    return tuple(_table(rows, found) for rows in shown)


def closing(found: Found) -> tuple[str, ...]:
    """Pairs without a table, and how the intervals were made."""
    pairs = _pairs(found)
    alike = [rows[0] for rows in pairs if len(pairs) > 1 and _alike(rows)]
    parts = []
    for subject in ("arm", "detector"):
        names = [_names(row) for row in alike if row["subject"] == subject]
        if names:
            parts.append(f"{counted(len(names), subject)} ({', '.join(names)})")
    same = (f"The same in every replication: {' and '.join(parts)}.",) if parts else ()
    return (*same, _intervals(found))


def _footing(found: Found) -> str:
    if found["paired"]:
        return "Paired: replication r of one lived through the same world as replication r of the other."
    return f"Not paired, so intervals are wider: {'; '.join(found['why_unpaired'])}."


def _intervals(found: Found) -> str:
    if not found["compared"]:
        return "No metric has an interval of the difference: none differs in any replication, or there is one at most."
    share, each = f"{100.0 * found['level']:g} %", f"{100.0 * found['level_of_each']:.4g} %"
    made = "paired differences" if found["paired"] else "differences (Welch)"
    return (
        f"{found['compared']} of {counted(len(found['comparisons']), 'comparison')} differ in some replication. "
        f"Intervals of the difference hold for all of these together at {share}, each at {each} (Bonferroni): "
        f"Student-t of {made}, or a bootstrap of ratios. Each side's own interval is 95 %."
    )


def _pairs(found: Found) -> list[list[Found]]:
    pair = itemgetter("subject", "base", "candidate")
    return [list(rows) for _, rows in groupby(found["comparisons"], key=pair)]


def _alike(rows: Sequence[Found]) -> bool:
    """Whether nothing differs anywhere; what is undefined on both sides tells nothing."""
    return all(row["same_throughout"] or _undefined(row) for row in rows) and any(r["same_throughout"] for r in rows)


def _undefined(row: Found) -> bool:
    sides = (row["base_estimate"], row["candidate_estimate"])
    return all(side is None or side["estimate"] is None for side in sides)


def _names(row: Found) -> str:
    same = row["base"] == row["candidate"]
    return str(row["candidate"]) if same else f"{row['candidate']} against {row['base']}"


def _table(rows: Sequence[Found], found: Found) -> Table:
    columns = ("metric", "base", "candidate", "difference", "replications", "verdict")
    name = f"{rows[0]['subject'].capitalize()} {_names(rows[0])}"
    return Table(name, columns, tuple(_row(row, found["paired"]) for row in rows), _margins(rows))


def _row(row: Found, paired: bool) -> tuple[Cell, ...]:
    sides = (cell(row["metric"], row[f"{side}_estimate"], 0) for side in ("base", "candidate"))
    return (
        (row["metric"], row["unit"] + (f", {row['better']} is better" if row["better"] else "")),
        *sides,
        _difference(row),
        _replications(row, paired),
        (row["verdict"] or NOT_APPLICABLE,),
    )


def _replications(row: Found, paired: bool) -> Cell:
    n, times = row["difference"]["n"], row["better_in"]
    if not paired:
        return (f"{n} or more", "on each side")
    return (counted(n, "pair"), *((f"better in {times['times']}",) if times and times["of"] else ()))


def _difference(row: Found) -> Cell:
    found, share = row["difference"], row["unit"] == SHARE
    if found["estimate"] is None:
        why = reason(row["metric"])
        return (NOT_APPLICABLE, why) if why else (NOT_APPLICABLE,)
    ends = {key: found[key] if found[key] is None or not share else 100.0 * found[key] for key in _ENDS}
    scaled = {**ends, "n": found["n"], "unit": "" if share else row["unit"]}
    sign = "+" if found["estimate"] > 0 else ""
    return (f"{sign}{point(scaled)}{' points' if share else ''}", *interval_lines(scaled))


def _margins(rows: Sequence[Found]) -> tuple[str, ...]:
    given = [row for row in rows if row["margin_given"]]
    if not given:
        return ()
    parts = [f"{row['metric']} {_margin(row)}" for row in given]
    return (f"Margins, within which a difference does not matter: {', '.join(parts)}.",)


def _margin(row: Found) -> str:
    if row["unit"] == SHARE and row["margin"] is not None:
        return f"{100.0 * row['margin']:.3g} points"
    return f"{number(row['margin'])} {row['unit']}"


_ENDS = ("estimate", "low", "high")
