"""``simharness calibrate``: fit contact and recording rates to the scenario's recorded figures."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from simharness.calibrate import calibrate as fit
from simharness.calibrate import write_back, written
from simharness.report.terminal import WIDTH
from simharness.scenario.load import load_scenario


def calibrate(scenario: Path, replications: int, jobs: int, write: bool) -> None:
    """Fit, print what was found, and with ``write`` put it into the scenario's file."""
    loaded = load_scenario(scenario)

    def tell(done: int, rounds: int) -> None:
        print(f"round {done} of {rounds}", file=sys.stderr)

    fits = fit(loaded, replications=replications, jobs=jobs, notify=tell)
    table = Table(box=None)
    table.add_column("parameter", no_wrap=True)  # a path to copy
    for name in ("fitted value", "figure", "recorded", "simulated (standard error)"):
        table.add_column(name)
    for found in fits:
        simulated = f"{found.simulated:.1f} ({found.standard_error:.1f})"
        table.add_row(found.path, str(written(found)), found.title, f"{found.recorded:g}", simulated)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(table)
    console.print(
        f"\nFitted on {replications} replications of their own seed stream. Only the product of contacts, reporting "
        "and recording is identified: everything else in it stays assumed."
    )
    if write:
        write_back(scenario, fits)
        console.print(f"Written to {scenario}.")
    else:
        console.print("Nothing was written; add --write to put these values into the file.")
