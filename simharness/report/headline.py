"""The main numbers of a run as one short block of Markdown, and how it is put into a page such as the README."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simharness.errors import UsageError
from simharness.report.faults import fault_lines
from simharness.report.markdown import grid, plain
from simharness.report.tables import Cell
from simharness.report.verdict import verdict
from simharness.report.wording import BANNER, arm_label, cell, counted

BEGIN, END = "<!-- headline: begin -->", "<!-- headline: end -->"
COLUMNS = (
    ("children_protected", "children spared an event"),
    ("children_made_worse", "children made worse"),
    ("meetings_prevented_share", "meeting attempts prevented"),
    ("contacts_prevented_share", "contact abuse prevented"),
    ("lead_time_days", "median lead, days"),
    ("false_alerts_per_1000_child_months", "false alerts per 1,000 child-months"),
    ("human_hours", "human hours"),
)
_AGAINST_ITSELF = 5  # so many of the columns are differences from the comparator
# What no published source gives: named where the scenario says that it is assumed. Part of a path, and its words.
_NAMED = (
    ("response.reactions.alert_child", "the effect of a warning on a child"),
    (".tiers.", "the accuracy of reviewers"),
    ("world.grammar.", "the conversations themselves"),
)


def headline(summary: Mapping[str, Any]) -> str:
    """A table of arms against the comparator, what it rests on, and the command that makes it.

    ``summary``: what is in ``summary.json`` (docs/run_folder.md).
    """
    rows = [_row(summary, name) for name in summary["arms"] if name in summary["estimates"]["arms"]]
    missing = (f"**Missing:** {plain(' '.join(fault_lines(summary)))}",) if any(fault_lines(summary)) else ()
    parts = (
        f"**{BANNER}**",
        plain(verdict(summary)[0]),
        *missing,
        grid(("arm", *(words for _, words in COLUMNS)), rows),
        "Spared and prevented: against the comparator, in the same worlds; made worse: an event brought about, or "
        "earlier. Lead: of the first protective action over the comparator's, where both act, at different times. "
        f"Below each number its 95 % interval over {counted(summary['replications'], 'replication')}, which holds the "
        "chance of one simulated period to the next, not the doubt about the assumptions.",
        _assumed(summary["assumed"]),
        _made_by(summary),
    )
    return "\n\n".join(parts) + "\n"


def put_into(page: str, block: str, where: str) -> str:
    """A page with the text between its markers replaced by the block. Raises UsageError unless each is there once."""
    if page.count(BEGIN) > 1 or page.count(END) > 1:  # which of them is meant, nobody can tell
        raise UsageError(where, "has the markers of the main numbers more than once", allowed=f"one {BEGIN}, one {END}")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UsageError(where, "has no place for the main numbers", allowed=f"a page with {BEGIN} and then {END}")
    return f"{before}{BEGIN}\n{block}{END}{after}"


def block_of(page: str, where: str) -> str:
    """What stands between a page's markers. Raises UsageError where they are not there."""
    put_into(page, "", where)
    return page.partition(BEGIN)[2].partition(END)[0].removeprefix("\n")


def _row(summary: Mapping[str, Any], name: str) -> tuple[Cell, ...]:
    metrics, n = summary["estimates"]["arms"][name], summary["replications"]
    cells = [cell(key, metrics.get(key), n) for key, _ in COLUMNS]
    label = arm_label(summary["arms"][name])
    if name == summary["comparator"]:
        cells[:_AGAINST_ITSELF] = [("-",)] * _AGAINST_ITSELF
        label = (*label, "(comparator)")
    return (label, *cells)


def _assumed(blocks: list[Mapping[str, str]]) -> str:
    assumed = [block["path"] for block in blocks if block["evidence"] == "assumed"]
    named = [words for part, words in _NAMED if any(part in path for path in assumed)]
    among = f" (among them {', '.join(named)})" if named else ""
    verb = "is" if len(assumed) == 1 else "are"
    return (
        f"**Assumed:** {counted(len(assumed), 'block')} of the scenario's numbers{among} {verb} assumed and "
        f"{len(blocks) - len(assumed)} fitted to recorded figures: this is what would follow if the assumptions held, "
        "and no finding about the world."
    )


def _made_by(summary: Mapping[str, Any]) -> str:
    scenario, precision = summary["scenario"], summary.get("precision")
    begun = precision["planned"][0] if precision else summary["replications_asked"]  # the rest follow of themselves
    run = (
        f"simharness run scenarios/{scenario['name']}.yaml --seed {scenario['seed']} --scale {scenario['scale']:g} "
        f"--replications {begun}"
    )
    unfinished = "" if summary["status"] == "complete" else f" Status {summary['status']}."
    return f"Made by `{run}` and then `simharness report latest --format headline`.{unfinished}"
