"""``simharness calibrate``: fit parameters to the scenario's recorded figures, and check those that were not fitted."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from simharness.calibrate.fit import calibrate as fit_parameters
from simharness.calibrate.fit import write_back
from simharness.commands.options import load
from simharness.report.calibration import TITLE, banner, notes, tables
from simharness.report.terminal import console, show_tables


def calibrate(
    scenario: Path,
    *,
    fit: Sequence[str],
    figures: Sequence[str],
    hold_out: Sequence[str],
    replications: int,
    scale: str | None,
    assignments: Sequence[str],
    jobs: int,
    output: Path,
    write: bool,
    as_json: bool,
) -> None:
    """Fit, store, print what was found, and with ``write`` put it into the scenario's file."""
    loaded = load(scenario, seed=None, replications=None, scale=scale, assignments=assignments, detectors=())
    found = fit_parameters(
        loaded,
        output,
        fit=fit,
        figures=figures,
        hold_out=hold_out,
        replications=replications,
        jobs=jobs,
        notify=_tell,
    )
    if write:
        write_back(scenario, found)
    if as_json:
        print(json.dumps(found.contents), flush=True)
        return
    target = console(sys.stdout)
    show_tables(banner(found.contents), TITLE.format(**found.contents), tables(found.contents), target)
    for note in notes(found.contents):
        target.print(Text(note))
    kept = f"Written to {scenario}." if write else "Nothing was written; --write puts the estimates into the file."
    target.print(Text(f"{kept} Everything is in {found.folder}."))


def _tell(done: int, purpose: str) -> None:
    print(f"evaluation {done}: {purpose}", file=sys.stderr, flush=True)
