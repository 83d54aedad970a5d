"""``simharness check-detector``: the contract every detector must hold, and what a broken rule means."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from simharness.commands.shipped import SHIPPED
from simharness.detection.contract.check import Checked, check_detector
from simharness.errors import SimharnessError
from simharness.scenario.detector import DetectorSpec
from simharness.scenario.load import Loaded, load_scenario


class ContractBroken(SimharnessError):  # noqa: N818 - the answer to what was asked
    """At least one rule does not hold. Exit code 1, as for an expectation that is missed."""

    exit_code = 1


def check(spec: str, scenario: Path | None, as_json: bool) -> None:
    """Try a detector and print what came of it. Raises ContractBroken, and UsageError where it cannot be made."""
    loaded = load_scenario(scenario or SHIPPED / "england_wales_2017.yaml")
    checked = check_detector(_named(spec, loaded), loaded)
    if as_json:
        print(json.dumps({"type": "contract", "held": not checked.broken, **asdict(checked)}))
    else:
        _show(checked, Console(file=sys.stdout, highlight=False))
    if checked.broken:
        rules = ", ".join(finding.rule for finding in checked.broken)
        raise ContractBroken(
            f"{spec}: refused, {len(checked.broken)} of {len(checked.findings)} rules broken: {rules}."
        )


def _named(spec: str, loaded: Loaded) -> DetectorSpec:
    """The scenario's own detector of that name, with its options; otherwise what the spec itself says."""
    here = os.path.relpath(Path(), loaded.folder)
    return loaded.scenario.detectors.get(spec) or DetectorSpec(use=spec, folder=here)


def _show(checked: Checked, console: Console) -> None:
    console.print(f"Contract of {escape(checked.detector)}, tried on a small synthetic world\n")
    for finding in checked.findings:
        state = "[green]held  [/]" if finding.broken is None else "[bold red]BROKEN[/]"
        console.print(f"{state}  [bold]{finding.rule}[/]: {escape(finding.title)}", soft_wrap=True)
        if finding.broken is not None:
            broken = finding.broken
            for name, words in (
                ("", broken.problem),
                ("fed", broken.fed),
                ("got", broken.got),
                ("expected", broken.expected),
            ):
                console.print(f"        {name + ': ' if name else ''}{escape(words)}", soft_wrap=True)
    console.print()
    for note in checked.notes:
        console.print(escape(note), soft_wrap=True)
