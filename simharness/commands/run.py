"""``simharness run``: run or continue a scenario, with progress on stderr and the report on stdout."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from simharness.commands.options import load
from simharness.report.content import compose, read_run
from simharness.report.markdown import markdown
from simharness.report.progress import progress
from simharness.report.terminal import console, show
from simharness.run import run_scenario
from simharness.store import RunFolder
from simharness.world.generate import DEFAULT_BATCH

SUMMARY_PAGE = "summary.md"


def run(*, output: Path, jobs: int, batch_size: int | None, as_json: bool, **chosen: Any) -> None:
    """Run, write ``summary.md`` into the run's folder, and report. Raises what ``run_scenario`` raises."""
    loaded = load(**chosen)
    with progress(sys.stderr) as notify:
        folder = run_scenario(
            loaded,
            output,
            jobs=jobs,
            batch_size=batch_size or DEFAULT_BATCH,
            notify=notify,
            on_cell=_print_cell if as_json else None,
        )
    # At the path itself: the folder given back still holds the name of the lock it has released.
    finished = RunFolder.at(folder.path)
    summary, facts = read_run(finished)
    report = compose(summary, facts)
    finished.write_text(SUMMARY_PAGE, markdown(report))
    show(report, facts.path, console(sys.stderr if as_json else sys.stdout))
    if as_json:
        print(json.dumps({"type": "summary", "run": facts.name, "digest": facts.digest, **summary}), flush=True)


def _print_cell(cell: int, digest: str) -> None:
    line = {"type": "cell", "synthetic": True, "cell": cell, "digest": digest}
    print(json.dumps(line), flush=True)
