"""``simharness promote``: cases that were found become part of a regression suite."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from simharness.errors import UsageError, UsageErrors
from simharness.hunt.case import Case, case_text, placed, read_case, relative, write_case
from simharness.hunt.replay import detector_folder, scenario_file


def promote(paths: Sequence[Path], into: Path) -> None:
    """Copy cases into a folder, their paths rewritten to begin there, and say what to commit.

    Nothing is written where one of them cannot be. Raises UsageError or UsageErrors.
    """
    moved: dict[Path, Case] = {}
    problems: list[UsageError] = []
    for path in paths:
        target = into / path.name
        try:
            case = placed(_from(path, read_case(path), into), target)
            _refuse_another(target, case, moved)
            moved[target] = case
        except UsageError as error:
            problems.append(error)
        except UsageErrors as error:
            problems += error.errors
    if problems:
        raise UsageErrors(problems)
    for target, case in moved.items():
        write_case(target, case)
        print(f"{target}: {case.sentence}")
    print(f"Commit:\n  {shlex.join(['git', 'add', *map(str, moved)])}")
    print(f"Try them: simharness replay {shlex.quote(str(into))}")
    print(f"A suite beside that folder replays them with the line `cases: {into.name}`.")


def _from(path: Path, case: Case, into: Path) -> Case:
    """The case with its paths as they are from its new folder. Raises UsageError where the scenario is not there."""
    scenario = case.scenario.model_copy(update={"file": relative(scenario_file(path, case), into)})
    detector = case.detector
    if detector.folder is not None:
        detector = detector.model_copy(update={"folder": relative(detector_folder(path, detector), into)})
    return case.model_copy(update={"scenario": scenario, "detector": detector})


def _refuse_another(target: Path, case: Case, moved: Mapping[Path, Case]) -> None:
    """Raise UsageError where another case has the name already, in the folder or among those given."""
    text = case_text(case)
    there = target.read_bytes() if target.is_file() else text.encode()
    if there != text.encode() or case_text(moved.get(target, case)) != text:
        raise UsageError(
            str(target),
            "a case of this name with other content is there",
            hint="Remove or rename one of the two, or choose another folder with --into DIR.",
        )
