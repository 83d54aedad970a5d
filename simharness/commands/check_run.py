"""``simharness check``: a finished run held against its bars again."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from simharness.commands.gated import Finished, Verdict, publish
from simharness.commands.outputs import parse_outputs
from simharness.report.content import read_run
from simharness.report.expectations import expectations_table, verdict_lines
from simharness.report.terminal import console, show_tables
from simharness.report.wording import BANNER
from simharness.store import find_run
from simharness.suites.gate import gated_json
from simharness.suites.running import base_run, judged, require_base, run_again


def check_run(
    run: str, *, base: str | None, expect: Path | None, output: Sequence[Path], as_json: bool, results: Path
) -> int:
    """Judge, write what was asked for, show it, and return the exit code.

    Raises UsageError or UsageErrors for an unknown run or an expectation that means nothing, NotComparable for a base
    that is missing or cannot be held against the run.
    """
    outputs = parse_outputs(output, folder=False)
    folder = find_run(results, run)
    against = None if base is None else base_run(base, results)
    planned = run_again(folder, expect, _command(run, base, expect), base=base is not None)
    if against is not None:
        require_base(planned, against)
    found = gated_json(judged(planned, folder, against).gated)
    read = read_run(folder)
    finished = Finished(planned.name, read, found)
    target = console(sys.stderr if as_json else sys.stdout)
    tables = [expectations_table(found)] if found["expectations"] else []
    show_tables([BANNER], f"{read[0]['scenario']['title']} ({read[1].name})", tables, target)
    for line in verdict_lines(found):
        target.print(Text(line, style="bold"))
    name = planned.loaded.scenario.title
    publish(Verdict("", name, folder.path, [finished], [], finished.code), outputs.files, as_json=as_json)
    if as_json:
        print(json.dumps({"type": "expectations", **found}), flush=True)
    return finished.code


def _command(run: str, base: str | None, expect: Path | None) -> str:
    words = ["simharness", "check", run, *(["--base", base] if base is not None else [])]
    return shlex.join([*words, *(["--expect", str(expect)] if expect is not None else [])])
