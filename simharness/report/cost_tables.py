"""The tables of costs: what every arm costs at the scenario's prices, and which is best at what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simharness.report.tables import Cell, Table
from simharness.report.wording import NOT_APPLICABLE, arm_label, cell, interval_lines, number, point


def cost_tables(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """Nothing where the scenario has no price list, or no replication has finished."""
    found = summary.get("cost_effectiveness")
    if found is None or not found["perspectives"]:
        return ()
    return (_costs(summary, found), *_best(summary, found))


def _costs(summary: Mapping[str, Any], found: Mapping[str, Any]) -> Table:
    views, n = found["perspectives"], summary["replications"]
    money = f"{found['currency']} {found['year']}"
    rows = []
    for name, arm in summary["arms"].items():
        arms = [view["arms"].get(name) for view in views.values()]
        if arms[0] is None:
            continue
        averted: Cell = ("(comparator)",) if arms[0]["comparator"] else cell("averted", arms[0]["averted"], n)
        rows.append((arm_label(arm), averted, *(_view(each, summary) for each in arms)))
    notes = [
        f"Prices: {found['currency']} of {found['year']}; evidence: {', '.join(found['evidence'])}. An item may be "
        "borne in several columns, so they do not add up.",
        "Averted: the comparator's conversations with a meeting attempt, less the arm's. Per meeting averted: extra "
        "cost over the comparator's for each; below 0, it saves money as well. Left out where it is not sure that "
        "anything is averted.",
        "Frontier: no other arm, nor a mix of two, does as much for less; each more: what one more averted meeting "
        "attempt costs than under the next arm on it.",
    ]
    columns = ("arm", "meeting attempts averted", *(f"{name}, {money}" for name in views))
    assumed = " (assumed prices)" if "assumed" in found["evidence"] else ""
    return Table(f"What it costs{assumed}", columns, tuple(rows), tuple(notes))


def _view(found: Mapping[str, Any], summary: Mapping[str, Any]) -> Cell:
    lines = [point(found["cost"]), *interval_lines(found["cost"])]
    if not found["comparator"]:
        lines += _labelled("extra", found["extra_cost"])
        lines += _labelled("per meeting averted", found["cost_per_meeting_averted"])
    lines.append(found["status"])
    step = found["icer"]
    if step is not None and step["against"] != summary["comparator"]:  # then it is what stands above
        lines += [f"beyond {summary['arms'][step['against']]['title']}:", *_labelled("each more", step)]
    return tuple(lines)


def _labelled(label: str, estimate: Mapping[str, Any]) -> list[str]:
    if estimate["estimate"] is None:
        reason = estimate.get("reason")
        return [f"{label}: {NOT_APPLICABLE}", *([f"({reason})"] if reason else [])]
    return [f"{label}: {point(estimate)}", *interval_lines(estimate)]


def _best(summary: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[Table, ...]:
    """Which arm is best most often at each willingness to pay; nothing with one replication."""
    rows = []
    for name, view in found["perspectives"].items():
        curves = view["acceptability"]
        if curves is None:
            continue
        cells = []
        for place in range(len(found["willingness"])):
            share = max(shares[place] for shares in curves.values())
            best = [arm for arm, shares in curves.items() if shares[place] == share]
            named = summary["arms"][best[0]]["title"] if len(best) == 1 else f"{len(best)} arms alike"
            cells.append((named, f"{'in' if len(best) == 1 else 'each in'} {number(share, 'share')}"))
        rows.append(((name,), *cells))
    if not rows:
        return ()
    columns = ("perspective", *(f"{number(worth, '', 0)} {found['currency']}" for worth in found["willingness"]))
    note = (
        "The arm with the highest net benefit (willingness x meeting attempts averted, less cost) in most resamples of "
        "the replications, and the share of them. What an averted attempt may cost is assumed; the share holds the "
        "chance of one simulated period to the next, not the doubt about prices. Every arm's shares: summary.json."
    )
    return (Table("Best arm by what averting one meeting attempt may cost", columns, tuple(rows), (note,)),)
