"""``simharness run``: run or continue a scenario, with progress on stderr and the report on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simharness.commands.options import load
from simharness.errors import RunIncomplete
from simharness.report.content import compose, read_run
from simharness.report.markdown import markdown
from simharness.report.progress import progress
from simharness.report.terminal import console, show
from simharness.run import run_scenario
from simharness.store import RunFolder
from simharness.world.generate import DEFAULT_BATCH

SUMMARY_PAGE = "summary.md"


def run(*, output: Path, jobs: int, batch_size: int | None, as_json: bool, **chosen: Any) -> None:
    """Run, write ``summary.md`` into the run's folder, and report.

    Raises what ``run_scenario`` raises, and RunIncomplete after the report where a detector failed.
    """
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
    _require_whole(summary)


def _require_whole(summary: Mapping[str, Any]) -> None:
    """Raise RunIncomplete where a detector failed: its arms are missing, and asking again may fill them in."""
    failed = [fault for fault in summary.get("faults", []) if fault["effect"] == "failed"]
    if failed:
        said = "\n  ".join(f"{fault['detector']}: {fault['first']} ({fault['kind']})" for fault in failed)
        raise RunIncomplete(
            f"a detector failed; what does not depend on it is complete.\n  {said}\n"
            "  Mend it, then give the same command again (a changed detector begins a run of its own).\n"
            "  To go on without its answers, set on_error: abstain for it; to ask again, on_error: retry."
        )


def _print_cell(cell: int, digest: str) -> None:
    line = {"type": "cell", "synthetic": True, "cell": cell, "digest": digest}
    print(json.dumps(line), flush=True)
