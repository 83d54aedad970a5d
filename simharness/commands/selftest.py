"""``simharness selftest``: relations tried on a scenario, with what was compared and where a broken one differs."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from simharness.commands.options import load
from simharness.report.terminal import console
from simharness.report.wording import BANNER
from simharness.scenario.load import Loaded
from simharness.selftest.findings import Finding
from simharness.selftest.relations import selftest as try_all

SCALE, REPLICATIONS = "smoke", 6  # unless given: seconds a relation
HELD, BROKEN, FAILED, NOTHING = 0, 1, 3, 5  # exit codes
_COLOURS = {"holds": "green", "broken": "bold red", "failed": "bold red", "not applicable": "dim"}


def selftest(
    *, only: Sequence[str], jobs: int, as_json: bool, scale: str | None, replications: int | None, **chosen: Any
) -> int:
    """Try, print and return the exit code. Raises UsageError or UsageErrors before anything runs, and Interrupted."""
    loaded = load(scale=scale or SCALE, replications=replications or REPLICATIONS, **chosen)
    findings = try_all(loaded, only=only, jobs=jobs, notify=_tell)
    show(loaded, findings, console(sys.stderr if as_json else sys.stdout))
    code = exit_code(findings)
    if as_json:
        for finding in findings:
            print(json.dumps({"type": "relation", **asdict(finding)}))
        print(json.dumps(_result(loaded, findings, code)), flush=True)
    return code


def exit_code(findings: Sequence[Finding]) -> int:
    """3 where a detector failed, for nothing is known of its policies; 1 where one is broken; 5 where none held."""
    results = {finding.result for finding in findings}
    if "failed" in results:
        return FAILED
    if "broken" in results:
        return BROKEN
    return HELD if "holds" in results else NOTHING


def show(loaded: Loaded, findings: Sequence[Finding], target: Console) -> None:
    """Print a line a relation, and below it each broken one in full."""
    scenario = loaded.scenario
    target.print(Text(BANNER, style="bold yellow"))
    target.print(Text(f"{scenario.title}: scale {scenario.scale:g}, {scenario.replications} replications", "bold"))
    table = Table(box=SIMPLE, pad_edge=False)
    for title in ("relation", "compared", "result", "seen"):
        table.add_column(title, overflow="fold")
    for finding in findings:
        seen = "see below" if finding.result == "broken" else finding.seen
        result = Text(finding.result, _COLOURS[finding.result])
        table.add_row(Text(finding.relation), Text(finding.compared), result, Text(seen))
    target.print(table)
    for finding in findings:
        if finding.at is not None:
            _show_broken(finding, target)
    target.print(Text(_counted(findings)))


def _show_broken(finding: Finding, target: Console) -> None:
    at = finding.at
    assert at is not None
    target.print(Text(f"{finding.relation}: {finding.title}", "bold red"))
    lines = {"where": at.subject or "the world", "what": at.what, "row": at.row, "got": at.got, "expected": at.expected}
    for name, words in lines.items():
        if words:
            target.print(Text(f"  {name + ':':10}{words}"))


def _counted(findings: Sequence[Finding]) -> str:
    counts = Counter[str](finding.result for finding in findings)
    return ", ".join(f"{counts[result]} {result}" for result in _COLOURS if counts[result])


def _result(loaded: Loaded, findings: Sequence[Finding], code: int) -> dict[str, Any]:
    scenario, counts = loaded.scenario, Counter(finding.result for finding in findings)
    return {
        "type": "selftest",
        "synthetic": True,
        "scenario": scenario.name,
        "seed": scenario.seed,
        "scale": scenario.scale,
        "replications": scenario.replications,
        "relations": dict(counts),
        "exit_code": code,
    }


def _tell(done: int, total: int) -> None:
    print(f"relation {done} of {total}", file=sys.stderr, flush=True)
