"""``simharness replay``: whether a detector still misses the cases of files and folders, as an exit code for a gate."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from simharness.commands.options import load_with
from simharness.hunt.replay import Choose, Outcome, Replayed, replay_cases
from simharness.hunt.timeline import INDENT, SYNTHETIC, timeline
from simharness.report.progress import progress
from simharness.report.terminal import console
from simharness.scenario.load import Loaded

NO_CASE = 5
# In the order in which one decides: a detector that gave no answer may hide misses, and a miss is one whatever else is.
CODES: dict[Outcome, int] = {"failed": 3, "missed": 1, "says nothing": 4, "fixed": 0}
_STYLES: dict[Outcome, str] = {"failed": "red", "missed": "bold red", "says nothing": "yellow", "fixed": "green"}


def replay(paths: Sequence[Path], *, scenario: Path | None, detector: str | None, verbose: bool, as_json: bool) -> int:
    """Judge the cases, print what came of each, and return the exit code. Raises UsageError or UsageErrors."""
    choose = None if detector is None else _instead(detector)
    with progress(sys.stderr, counted="cases") as notify:
        replayed = replay_cases(paths, scenario=scenario, detector=choose, notify=notify)
    if as_json:
        for each in replayed:
            print(json.dumps(_plain(each)), flush=True)
    _show(replayed, verbose, console(sys.stderr if as_json else sys.stdout))
    outcomes = {each.outcome for each in replayed}
    return next((code for outcome, code in CODES.items() if outcome in outcomes), NO_CASE)


def _instead(detector: str) -> Choose:
    def choose(scenario: Path, assignments: Sequence[str]) -> tuple[Loaded, str]:
        chosen = load_with(scenario, assignments, detector)
        return chosen.loaded, chosen.name

    return choose


def _plain(each: Replayed) -> dict[str, object]:
    judgement = each.judgement
    return {
        "type": "replay",
        "synthetic": True,
        "path": str(each.path),
        "name": each.name,
        "outcome": each.outcome,
        "sentence": each.sentence,
        "problem": each.problem,
        "harm": judgement and judgement.harm,
        "bound_alert": judgement and judgement.bound.alert,
        "detector_alert": judgement and judgement.detector.alert,
    }


def _show(replayed: Sequence[Replayed], verbose: bool, target: Console) -> None:
    if not replayed:
        target.print("No case found: nothing was checked.")
        return
    target.print(Text(SYNTHETIC, style="bold yellow"))
    for each in replayed:
        line = Text(each.outcome.upper(), style=_STYLES[each.outcome])
        target.print(line.append(f"  {each.path}", style="default"), soft_wrap=True)
        target.print(Padding(Text(f"Found as: {each.sentence}"), (0, 0, 0, INDENT), expand=False))
        if each.problem is not None:
            target.print(Padding(Text(f"Now: {each.problem}"), (0, 0, 0, INDENT), expand=False))
        if each.judgement is not None and (verbose or each.outcome == "missed"):
            target.print()
            target.print(Padding(timeline(each.judgement, target.width - INDENT), (0, 0, 0, INDENT), expand=False))
            target.print()
    found = Counter(each.outcome for each in replayed)
    target.print(", ".join(f"{found[outcome]} {outcome}" for outcome in CODES if found[outcome]))
