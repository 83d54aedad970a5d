"""``simharness run``: run or continue a scenario or a suite, with progress on stderr and the report on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from rich.text import Text

from simharness.commands.gated import ALONE, Finished, Verdict, cases_json, publish, show_suite
from simharness.commands.options import asked_of
from simharness.commands.outputs import Outputs, parse_outputs
from simharness.errors import RunIncomplete, SimharnessError, UsageError
from simharness.report.content import compose, read_run
from simharness.report.expectations import verdict_lines
from simharness.report.markdown import markdown
from simharness.report.progress import Notify, progress
from simharness.report.terminal import console, show
from simharness.run import run_scenario
from simharness.store import RunFolder
from simharness.suites.gate import Gated, gated_json
from simharness.suites.judging import INCOMPLETE
from simharness.suites.junit import Replay, junit
from simharness.suites.running import run_planned, worst
from simharness.suites.suite import Plan, Planned, plan_file
from simharness.world.generate import DEFAULT_BATCH

JUNIT_FILE = "junit.xml"
SUMMARY_PAGE = "summary.md"


@dataclass(frozen=True, slots=True)
class How:
    """How runs are carried out. ``check``: whether they are held against their bars."""

    outputs: Outputs
    jobs: int
    batch_size: int
    as_json: bool
    check: bool


def run(
    scenario: Path,
    *,
    output: Sequence[Path],
    jobs: int,
    batch_size: int | None,
    as_json: bool,
    base: str | None,
    no_check: bool,
    **asked: Any,
) -> int:
    """Run, judge, write what was asked for, report, and return the exit code.

    Raises what ``plan_file`` and ``run_planned`` raise, and RunIncomplete after the report where a detector failed.
    """
    outputs = parse_outputs(output)
    if no_check and (outputs.junit or base is not None):
        what = "--base" if base is not None else "a JUnit file"
        raise UsageError("--no-check", f"given together with {what}, which is about what is expected")
    plan = plan_file(scenario, asked_of(**asked, check=not no_check), base)
    how = How(outputs, jobs, batch_size or DEFAULT_BATCH, as_json, not no_check)
    return _suite(plan, how) if plan.suite else _scenario(plan, how)


def _scenario(plan: Plan, how: How) -> int:
    """A scenario by itself. Without ``expect`` nothing is judged, unless a file is asked for that is about that."""
    (planned,) = plan.runs
    judge = how.check and (planned.loaded.scenario.expect is not None or how.outputs.junit)
    finished = _carried_out(planned, how, judge=judge)
    assert finished.read is not None
    (summary, facts), found = finished.read, finished.found
    target = console(sys.stderr if how.as_json else sys.stdout)
    show(compose(summary, facts, found), facts.path, target)
    publish(Verdict("", facts.name, plan.file, [finished], [], finished.code), how.outputs.files, as_json=how.as_json)
    if how.as_json:
        _print_json("summary", {"run": facts.name, "digest": facts.digest, **finished.as_json()})
    for line in verdict_lines(found) if found is not None else ():
        target.print(Text(line, style="bold"))
    _require_whole(summary)
    return finished.code


def _suite(plan: Plan, how: How) -> int:
    """Every run of a suite; one that cannot be finished keeps none of the others from being tried."""
    finished = []
    for number, planned in enumerate(plan.runs, 1):
        print(f"{plan.suite}: run {number} of {len(plan.runs)}: {planned.name}", file=sys.stderr, flush=True)
        try:
            finished.append(_carried_out(planned, how, judge=how.check))
        except SimharnessError as error:
            if error.exit_code != INCOMPLETE:
                raise
            print(str(error), file=sys.stderr, flush=True)
            finished.append(Finished.broken(planned))
    cases, codes = _replayed(plan) if how.check and plan.cases else ([], [])
    code = worst([*(each.code for each in finished), *codes])
    verdict = Verdict(plan.suite, plan.title, plan.file, finished, cases, code)
    show_suite(verdict, console(sys.stderr if how.as_json else sys.stdout))
    publish(verdict, how.outputs.files, as_json=how.as_json)
    if how.as_json:
        for each in finished:
            _print_json("run", {"name": each.name, **each.as_json()})
        _print_json("suite", {"suite": plan.suite, "exit_code": code, "cases": cases_json(cases)})
    return code


def _replayed(plan: Plan) -> tuple[Sequence[Replay], list[int]]:
    """The suite's cases read again, and the exit code of each."""
    from simharness.suites.cases import replayed  # the search that cases come from is heavy

    return replayed(plan.cases)


def _carried_out(planned: Planned, how: How, *, judge: bool) -> Finished:
    """One run, its pages in its folder, and what came of its bars."""
    began = monotonic()
    with progress(sys.stderr) as notify:
        folder, gated = _executed(planned, how, notify, judge=judge)
    summary, facts = read_run(folder)
    found = None if gated is None else gated_json(gated)
    finished = Finished(planned.name, (summary, facts), found, monotonic() - began)
    folder.write_text(SUMMARY_PAGE, markdown(compose(summary, facts, found)))
    if found is not None:
        folder.write_text(JUNIT_FILE, junit({planned.name: found}, planned.suite or ALONE))
    return finished


def _executed(planned: Planned, how: How, notify: Notify, *, judge: bool) -> tuple[RunFolder, Gated | None]:
    on_cell = _print_cell if how.as_json else None
    if judge:
        done = run_planned(
            planned, how.outputs.results, jobs=how.jobs, notify=notify, batch_size=how.batch_size, on_cell=on_cell
        )
        return done.folder, done.gated
    folder = run_scenario(
        planned.loaded, how.outputs.results, jobs=how.jobs, notify=notify, batch_size=how.batch_size, on_cell=on_cell
    )
    # At the path itself: the folder given back still holds the name of the lock it has released.
    return RunFolder.at(folder.path), None


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
    _print_json("cell", {"synthetic": True, "cell": cell, "digest": digest})


def _print_json(kind: str, fields: Mapping[str, Any]) -> None:
    print(json.dumps({"type": kind, **fields}), flush=True)
