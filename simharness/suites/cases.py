"""The regression cases of a suite: what a detector once missed, read again, and what that comes to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simharness.errors import UsageError
from simharness.hunt.case import read_case
from simharness.hunt.replay import Replayed, case_files, replay_cases
from simharness.suites.judging import INCOMPLETE, INCONCLUSIVE, MISSED, PASSED

_CODES = {"fixed": PASSED, "missed": MISSED, "says nothing": INCONCLUSIVE, "failed": INCOMPLETE}


def cases_in(path: Path, where: str) -> list[Path]:
    """The cases of a file or folder. Raises UsageError or UsageErrors where one cannot be read, or there is none."""
    files = case_files([path])
    if not files:
        hint = "Put some there with simharness promote, or leave the key out."
        raise UsageError(where, f"no case in {path}: nothing would be checked", hint=hint)
    for file in files:
        read_case(file)
    return files


def replayed(files: Sequence[Path]) -> tuple[list[Replayed], list[int]]:
    """Cases read again, and the exit code of each. Raises UsageError or UsageErrors."""
    found = replay_cases(files)
    return found, [_CODES[each.outcome] for each in found]
