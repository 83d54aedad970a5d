"""``simharness hunt``: search for what a detector misses although the bound would not; each class becomes a case."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from simharness.commands.options import Chosen, load_with
from simharness.errors import UsageError
from simharness.hunt.case import Case, as_given, case_json, case_of, placed, relative, write_case
from simharness.hunt.reading import readers
from simharness.hunt.search import HuntResult, HuntStopped
from simharness.hunt.search import hunt as search
from simharness.hunt.timeline import INDENT, SYNTHETIC, timeline
from simharness.parallel import Interrupted
from simharness.provenance import versions
from simharness.report.progress import PREPARE, Notify, progress
from simharness.report.terminal import console
from simharness.report.wording import counted
from simharness.units import parse_duration

NOTHING, MISSED, INTERRUPTED = 0, 1, 130
AT_MOST = 5
BUDGET = "5min"
_SEARCH = "search"
_NOTICE = (
    b"\nStopping when this block of examples is done. Ctrl-C again stops at once, without what this block would show.\n"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed. ``budget_s``: seconds of searching, None where ``examples`` says how many to try."""

    scenario: Path
    detector: str
    policy: str | None
    assignments: tuple[str, ...]
    seed: int
    at_most: int
    output: Path | None
    examples: int | None
    budget_s: float | None

    def again(self, examples: int) -> str:
        """The command that tries just these examples."""
        words = ["simharness", "hunt", str(self.scenario), "--detector", self.detector]
        words += ["--policy", self.policy] if self.policy is not None else []
        words += [word for each in self.assignments for word in ("--set", each)]
        words += ["--at-most", str(self.at_most)] if self.at_most != AT_MOST else []
        words += ["-o", str(self.output)] if self.output is not None else []
        return shlex.join([*words, "--examples", str(examples), "--seed", str(self.seed)])


def hunt(*, budget: str | None, as_json: bool, assignments: Sequence[str], **typed: Any) -> int:
    """Search, write the cases, print them, and return the exit code.

    ``typed``: the rest of :class:`Asked`. Raises UsageError, UsageErrors, DetectorFailed or Interrupted.
    """
    if budget is not None and typed["examples"] is not None:
        raise UsageError("--budget", "given together with --examples", allowed="one of them")
    seconds = parse_budget(budget or BUDGET) if typed["examples"] is None else None
    asked = Asked(assignments=tuple(assignments), budget_s=seconds, **typed)
    chosen = load_with(asked.scenario, asked.assignments, asked.detector)
    folder = _writable(asked.output or Path("results") / "hunt" / chosen.loaded.scenario.name / chosen.name)
    result, interrupted = _searched(asked, chosen)
    cases = _cases(asked, chosen, result, folder)
    for path, case in cases.items():
        write_case(path, case)
    if as_json:
        _print_json(asked, cases, result, interrupted)
    _show(asked, cases, result, console(sys.stderr if as_json else sys.stdout))
    return INTERRUPTED if interrupted else MISSED if cases else NOTHING


def parse_budget(text: str) -> float:
    """Seconds of "5min", "90s" or, as it is often typed, "5m". Raises UsageError."""
    try:
        seconds = parse_duration(re.sub(r"(?<=[0-9])( *)m$", r"\1min", text))
    except ValueError as error:
        raise UsageError(f"--budget {text}", str(error)) from None
    if seconds <= 0.0:
        raise UsageError(f"--budget {text}", "no time to search in", allowed="a duration above 0, as 5min")
    return seconds


def _writable(folder: Path) -> Path:
    """The folder, made if need be: a search must not end with nowhere to write. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        problem, hint = f"cases cannot be written here: {error.strerror}", "Choose a folder with --output DIR."
        raise UsageError(str(folder), problem, hint=hint) from error
    return folder


def _searched(asked: Asked, chosen: Chosen) -> tuple[HuntResult, bool]:
    """What was found, and whether Ctrl-C ended the search."""
    whole = asked.examples if asked.budget_s is None else max(1, int(asked.budget_s))
    assert whole is not None
    noun = "examples" if asked.budget_s is None else "seconds of searching"
    with progress(sys.stderr, counted=noun) as notify:
        notify(PREPARE, 0, whole)
        made = readers(chosen.loaded, chosen.name, asked.policy)
        with _first_interrupt() as interrupted:
            budget = asked.budget_s
            enough = interrupted if budget is None else _deadline(budget, interrupted, notify)
            told = notify if budget is None else _untold
            try:
                result = search(
                    made,
                    examples=asked.examples,
                    seed=asked.seed,
                    at_most=asked.at_most,
                    enough=enough,
                    notify=told,
                )
            except HuntStopped as stopped:
                if not stopped.result.examples:
                    raise Interrupted(
                        "Interrupted before a block of examples was done: nothing is known yet."
                    ) from None
                return stopped.result, True
            return result, interrupted()


def _untold(what: str, done: int, total: int) -> None:
    """Where the time is what counts, examples are not told."""


def _deadline(seconds: float, interrupted: Callable[[], bool], notify: Notify) -> Callable[[], bool]:
    """Whether the time from now on is over. It is asked between blocks, so it decides only how many there are."""
    began, whole = monotonic(), max(1, int(seconds))

    def enough() -> bool:
        spent = monotonic() - began
        notify(_SEARCH, min(int(spent), whole), whole)
        return interrupted() or spent >= seconds

    return enough


@contextmanager
def _first_interrupt() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; the second time it stops at once. Only the main thread may handle signals."""
    pressed = False
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        with suppress(OSError):
            os.write(2, _NOTICE)  # not print: the signal may have arrived in the middle of one

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _cases(asked: Asked, chosen: Chosen, result: HuntResult, folder: Path) -> dict[Path, Case]:
    """The case of every class by the path it is written to, in the order found."""
    scenario = {
        "name": chosen.loaded.scenario.name,
        "file": as_given(asked.scenario),
        "set": asked.assignments,
    }
    detector, made_by = _where(asked.detector, chosen), versions()
    cases = {}
    for found in result.found:
        case = case_of(found, scenario, asked.policy, detector, asked.seed, made_by)
        path = folder / case.file_name
        cases[path] = placed(case, path)
    return cases


def _where(typed: str, chosen: Chosen) -> dict[str, str | None]:
    """A detector's name and, where it was added, its spec and where its relative paths begin, from here."""
    if not chosen.added:
        return {"name": chosen.name}
    folder = chosen.loaded.scenario.detectors[chosen.name].folder
    begins = None if folder is None else relative((chosen.loaded.folder / folder).resolve())
    file, colon, attribute = typed.rpartition(":")
    use = f"{as_given(Path(file))}{colon}{attribute}" if file.endswith(".py") else typed
    return {"name": chosen.name, "use": use, "folder": begins}


def _print_json(asked: Asked, cases: Mapping[Path, Case], result: HuntResult, interrupted: bool) -> None:
    for path, case in cases.items():
        print(json.dumps({"type": "case", "path": str(path), **case_json(case)}))
    print(
        json.dumps(
            {
                "type": "hunt",
                "synthetic": True,
                "scenario": str(asked.scenario),
                "detector": asked.detector,
                "policy": asked.policy,
                "classes": len(cases),
                "examples": result.examples,
                "seed": asked.seed,
                "interrupted": interrupted,
                "again": asked.again(result.examples),
            }
        ),
        flush=True,
    )


def _show(asked: Asked, cases: Mapping[Path, Case], result: HuntResult, target: Console) -> None:
    target.print(Text(SYNTHETIC, style="bold yellow"))
    target.print()
    for number, (case, found) in enumerate(zip(cases.values(), result.found, strict=True), start=1):
        target.print(Text(f"{number}. {case.sentence}", style="bold"))
        target.print()
        target.print(Padding(timeline(found.judgement, target.width - INDENT), (0, 0, 0, INDENT), expand=False))
        target.print(Text(f"{' ' * INDENT}Replay: {case.replay}"), soft_wrap=True)
        target.print()
    tried = f"{counted(result.examples, 'example')} of seed {asked.seed}"
    found_of = counted(len(cases), "class of misses", "classes of misses") if cases else "nothing missed"
    target.print(Text(f"{asked.detector}: {found_of} in {tried}. The same again:"))
    target.print(Text(f"  {asked.again(result.examples)}"), soft_wrap=True)
