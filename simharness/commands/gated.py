"""What came of the bars of one run or several: for people, for CI, and in files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from simharness.commands.outputs import JUNIT, PAGE
from simharness.commands.report import write_file
from simharness.errors import UsageError
from simharness.report.content import Facts, compose
from simharness.report.expectations import Found, expectations_table, verdict_lines
from simharness.report.markdown import markdown, plain
from simharness.report.terminal import show_tables
from simharness.report.wording import BANNER, counted
from simharness.suites.gate import Gated, gated_json
from simharness.suites.github import annotation_lines, expectations_markdown, write_step_summary
from simharness.suites.judging import INCOMPLETE, PASSED
from simharness.suites.junit import Replay, junit
from simharness.suites.suite import Planned

ALONE = "simharness"  # what the JUnit file of a scenario by itself is called


@dataclass(frozen=True, slots=True)
class Finished:
    """A run and what came of its bars. ``name``: the scenario's, or the suite's for the run. ``read``: its summary and
    facts, None where it broke off. ``found``: what ``expectations.json`` holds, None where nothing was judged.
    """

    name: str
    read: tuple[dict[str, Any], Facts] | None
    found: Found | None
    seconds: float = 0.0

    @classmethod
    def broken(cls, planned: Planned) -> Finished:
        """A run that could not be finished: it has bars, and nothing to hold against them."""
        seed = planned.loaded.scenario.seed
        gated = Gated(planned.name, None, (), INCOMPLETE, None, planned.command, 0, seed, incomplete=True)
        return cls(planned.name, None, gated_json(gated))

    @property
    def code(self) -> int:
        """The exit code of this run by itself."""
        if self.found is not None:
            return int(self.found["exit_code"])
        return PASSED if self.read is not None and self.read[0]["status"] == "complete" else INCOMPLETE

    def as_json(self) -> dict[str, Any]:
        """The summary, where there is one, and what came of the bars, where there were any."""
        summary = self.read[0] if self.read is not None else {}
        return summary | ({"expectations": self.found} if self.found is not None else {})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one command came to. ``suite``: its name, or empty; ``file``: what it was given."""

    suite: str
    title: str
    file: Path
    finished: Sequence[Finished]
    cases: Sequence[Replay]
    code: int

    @property
    def runs(self) -> Mapping[str, Found]:
        """What came of the bars, by run."""
        return {each.name: each.found for each in self.finished if each.found is not None}


def publish(verdict: Verdict, files: Sequence[Path], *, as_json: bool) -> None:
    """Write the files that were asked for, and tell GitHub where a job of its runs this. Raises UsageError."""
    for file in files:
        kind = file.suffix
        write_file(file, _junit(verdict) if kind == JUNIT else _page(verdict) if kind == PAGE else _summary(verdict))
    if not verdict.runs and not verdict.cases:
        return
    try:
        write_step_summary(_expectations(verdict), "in the files of this job", os.environ)
    except OSError as error:
        raise UsageError("GITHUB_STEP_SUMMARY", f"cannot be written: {error.strerror}") from error
    for line in annotation_lines(verdict.runs, os.environ, Path.cwd()):
        print(line, file=sys.stderr if as_json else sys.stdout, flush=True)


def show_suite(verdict: Verdict, target: Console) -> None:
    """One table a run, the cases, and a line that says what it all came to."""
    tables = [expectations_table(found, name) for name, found in verdict.runs.items() if found["expectations"]]
    show_tables([BANNER], verdict.title, tables, target)
    for name, found in verdict.runs.items():
        for line in verdict_lines(found):
            target.print(Text(f"{name}: {line}"))
    for line in _case_lines(verdict.cases):
        target.print(Text(line))
    for each in verdict.finished:
        if each.read is not None:
            target.print(Text(f"{each.name}: {each.read[1].path}", style="dim", overflow="fold"))
    target.print(Text(closing(verdict), style="bold"))


def closing(verdict: Verdict) -> str:
    """The last line of a suite."""
    parts = [counted(len(verdict.finished), "run")]
    parts += [counted(len(verdict.cases), "case")] if verdict.cases else []
    return f"{verdict.suite}: {' and '.join(parts)}: exit code {verdict.code}"


def _junit(verdict: Verdict) -> str:
    seconds = {each.name: each.seconds for each in verdict.finished}
    return junit(verdict.runs, verdict.suite or ALONE, cases=verdict.cases, seconds=seconds)


def _page(verdict: Verdict) -> str:
    """Of a scenario by itself the whole report, of a suite what came of its bars."""
    if verdict.suite:
        return _expectations(verdict)
    (finished,) = verdict.finished
    assert finished.read is not None
    return markdown(compose(*finished.read, finished.found))


def _expectations(verdict: Verdict) -> str:
    lines = "".join(f"- {plain(line)}\n" for line in _case_lines(verdict.cases))
    return expectations_markdown(verdict.runs, verdict.title) + (f"\n## Cases\n\n{lines}" if lines else "")


def _summary(verdict: Verdict) -> str:
    if not verdict.suite:
        found: dict[str, Any] = verdict.finished[0].as_json()
    else:
        found = {
            "synthetic": True,
            "suite": verdict.suite,
            "exit_code": verdict.code,
            "runs": {each.name: each.as_json() for each in verdict.finished},
            "cases": cases_json(verdict.cases),
        }
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def cases_json(cases: Sequence[Replay]) -> list[dict[str, str | None]]:
    """Cases as plain JSON values."""
    return [
        {"name": each.name, "path": each.path.as_posix(), "outcome": each.outcome, "problem": each.problem}
        for each in cases
    ]


def _case_lines(cases: Sequence[Replay]) -> list[str]:
    return [
        f"{each.outcome.upper()}: {each.name}: {each.sentence}" + (f" ({each.problem})" if each.problem else "")
        for each in cases
    ]
