"""A missed trajectory as a file: readable JSON, one step a line, checked strictly when it is read (docs/hunt.md)."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from simharness.detection.levels import UNREACHABLE
from simharness.errors import RunIncomplete, UsageError
from simharness.hunt.records import Found, Reader, Sender, Step, Trajectory
from simharness.hunt.trajectory import HARM, harm_of
from simharness.provenance import text_digest
from simharness.scenario.base import Model
from simharness.scenario.problems import check
from simharness.scenario.tree import did_you_mean, tree_of
from simharness.scenario.yaml_text import parse, read_text
from simharness.store import RunFolder
from simharness.units import Duration, write_duration
from simharness.world.acts import ACT_INDEX, ACTS

CASE_VERSION = 1
SUFFIX = ".json"
_NO_FEATURE = "other"  # in a file's name
_DIGITS = 8  # of the digest in a file's name


def gap_text(seconds: float) -> str:
    """The exact text of a gap in hours, minutes and seconds: "31min", "26h 5min"; never days, which have a night."""
    if not seconds.is_integer():
        return write_duration(seconds)
    minutes, rest = divmod(int(seconds), 60)
    parts = ((minutes // 60, "h"), (minutes % 60, "min"), (rest, "s"))
    return " ".join(f"{count}{unit}" for count, unit in parts if count) or "0min"


def _known(act: str) -> str:
    if act not in ACT_INDEX:
        raise ValueError(f"unknown act '{act}'; allowed: {', '.join(ACT_INDEX)}\n{did_you_mean(act, ACT_INDEX) or ''}")
    return act


def _portable(path: str) -> str:
    if PurePath(path).is_absolute():
        raise ValueError(f"expected a path relative to the case's folder or to where it is replayed, got '{path}'")
    return path


Gap = Annotated[Duration, PlainSerializer(gap_text, return_type=str)]
ActName = Annotated[str, AfterValidator(_known)]
Portable = Annotated[str, AfterValidator(_portable)]
Number = Annotated[int, Field(ge=1)]


class CaseStep(Model):
    """One step, and what both made of the conversation so far; null where one says nothing, or nothing finite."""

    after: Gap
    sender: Sender = Field(alias="from")
    act: ActName
    times: Number = 1
    bound: float | None
    detector: float | None

    @model_validator(mode="after")
    def _repeats(self) -> Self:
        if self.times > 1 and ACTS[ACT_INDEX[self.act]].kind != "benign":
            raise ValueError(f"at times: expected 1, got {self.times}: only small talk is repeated in one step")
        return self


class CaseScenario(Model):
    """The scenario by file and name. ``set``: values set as with ``--set``."""

    name: str
    file: Portable
    set: tuple[str, ...] = ()


class CaseBound(Model):
    """The bound's level, null where no finite one gives so few false alerts, and the message it alerts at."""

    level: float | None
    alert: Number | None


class CaseDetector(CaseBound):
    """The detector by its name in the scenario; ``use`` and ``folder`` where it is not the scenario's own."""

    name: str
    use: str | None = None
    folder: Portable | None = None


class FoundBy(Model):
    """The search that found it, which the same seed and number of examples repeat."""

    seed: int
    examples: Number
    versions: dict[str, str]


class Case(Model):
    """One case. Messages and steps are counted from 1; ``moved_at``: the first step sent on another platform.

    ``beside``: how many conversations alike run beside it. ``harm``: the message of the first offence.
    """

    schema_version: Literal[1]
    synthetic: Literal[True]
    sentence: str
    features: tuple[str, ...]
    scenario: CaseScenario
    policy: str | None
    detector: CaseDetector
    bound: CaseBound
    harm: Number
    moved_at: Annotated[int, Field(ge=2)] | None
    beside: Annotated[int, Field(ge=0)]
    steps: Annotated[tuple[CaseStep, ...], Field(min_length=1)]
    found_by: FoundBy
    replay: str

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        messages = sum(step.times for step in self.steps)
        harm = harm_of(self.trajectory)
        if harm is None:
            raise ValueError(f"at steps: no harm: no step is '{HARM[0]}' from the {HARM[1]}")
        if self.harm != harm:
            raise ValueError(f"at harm: expected {harm}, the first message that is harm, got {self.harm}")
        if self.moved_at is not None and self.moved_at > len(self.steps):
            raise ValueError(f"at moved_at: expected a step from 2 to {len(self.steps)}, got {self.moved_at}")
        for who, alert in (("bound", self.bound.alert), ("detector", self.detector.alert)):
            if alert is not None and alert > messages:
                raise ValueError(f"at {who}.alert: expected a message from 1 to {messages}, got {alert}")
        return self

    @property
    def trajectory(self) -> Trajectory:
        """What is judged again."""
        steps = tuple(Step(step.act, step.sender, step.after, step.times) for step in self.steps)
        return Trajectory(steps, None if self.moved_at is None else self.moved_at - 1, self.beside)

    @property
    def file_name(self) -> str:
        """A name by its class and a digest of what is judged: the same for the same case, whenever it is found."""
        judged = self.model_dump(mode="json", by_alias=True, include={"detector", "moved_at", "beside", "policy"})
        judged["detector"] = self.detector.name
        judged["scenario"] = [self.scenario.name, *self.scenario.set]
        judged["steps"] = [[gap_text(step.after), step.sender, step.act, step.times] for step in self.steps]
        words = re.sub(r"[^a-z0-9]+", "-", "-".join(self.features).lower()).strip("-")
        return f"{words or _NO_FEATURE}-{text_digest(json.dumps(judged, sort_keys=True))[:_DIGITS]}{SUFFIX}"


def case_of(
    found: Found,
    scenario: Mapping[str, Any],
    policy: str | None,
    detector: Mapping[str, Any],
    seed: int,
    versions: Mapping[str, str],
) -> Case:
    """A miss as a case without its replay command. ``scenario``: its name, file and set; ``detector``: its name and,
    unless it is the scenario's own, use and folder.
    """
    judgement = found.judgement
    trajectory, moved = judgement.trajectory, judgement.trajectory.moved_at
    written = {
        "schema_version": CASE_VERSION,
        "synthetic": True,
        "sentence": found.sentence,
        "features": found.features,
        "scenario": dict(scenario),
        "policy": policy,
        "detector": {**detector, **_heard(judgement.detector)},
        "bound": _heard(judgement.bound),
        "harm": judgement.harm,
        "moved_at": None if moved is None else moved + 1,
        "beside": trajectory.beside,
        "steps": _steps(trajectory, judgement.bound, judgement.detector),
        "found_by": {"seed": seed, "examples": found.examples, "versions": dict(versions)},
        "replay": "",
    }
    return Case.model_validate(written)


def _steps(trajectory: Trajectory, bound: Reader, detector: Reader) -> list[dict[str, Any]]:
    steps, message = [], 0
    for step in trajectory.steps:
        message += step.times
        told = {"after": gap_text(step.gap_s), "from": step.sender, "act": step.act, "times": step.times}
        risk = {"bound": finite(bound.risk[message - 1]), "detector": finite(detector.risk[message - 1])}
        steps.append(told | risk)
    return steps


def _heard(reader: Reader) -> dict[str, Any]:
    return {"level": level_of(reader), "alert": reader.alert}


def level_of(reader: Reader) -> float | None:
    """The level a reader alerts at; None where no finite risk gives so few false alerts."""
    return None if reader.level >= UNREACHABLE else finite(reader.level)


def finite(risk: float | None) -> float | None:
    """A risk as its shortest text that is the same 32-bit number; None where it is none, or not finite."""
    return float(str(np.float32(risk))) if risk is not None and math.isfinite(risk) else None


def case_json(case: Case) -> dict[str, Any]:
    """The case as plain JSON values, in the file's order."""
    return case.model_dump(mode="json", by_alias=True)


def case_text(case: Case) -> str:
    """The file's text: JSON, one key a line and one step a line."""
    lines = []
    for key, value in case_json(case).items():
        if key == "steps":
            inside = ",\n".join(f"    {json.dumps(step, ensure_ascii=False)}" for step in value)
            lines.append(f'  "{key}": [\n{inside}\n  ]')
        else:
            lines.append(f'  "{key}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_case(path: Path) -> Case:
    """The case of a file. Raises UsageError or UsageErrors with file, line and path where it is none."""
    if not path.is_file():
        near = did_you_mean(path.name, (other.name for other in path.parent.glob(f"*{SUFFIX}")))
        raise UsageError(str(path), "no such file", allowed="a case written by simharness hunt", hint=near)
    text = read_text(path, str(path))
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}", f"not valid JSON: {error.msg}") from None
    root = parse(text, str(path))  # JSON is YAML, and this reader knows lines and refuses a key given twice
    if root is None or not isinstance(root.value, dict):
        raise UsageError(f"{path}:1", "expected an object", allowed="a case written by simharness hunt")
    return check(Case, tree_of(root))


def placed(case: Case, path: Path) -> Case:
    """The case with the command that replays it once it is at ``path``, as typed here."""
    return case.model_copy(update={"replay": shlex.join(["simharness", "replay", relative(path)])})


def relative(path: Path, start: Path | None = None) -> str:
    """A path as it is from here, or from folder ``start``: no file says how a machine's folders are called."""
    if start is not None:  # resolved: from a folder that is a link, .. leads to where it links to
        path, start = path.resolve(), start.resolve()
    return Path(os.path.relpath(path, start)).as_posix()


def as_given(path: Path) -> str:
    """A path as it was typed; from here if it was typed in full."""
    return relative(path) if path.is_absolute() else path.as_posix()


def write_case(path: Path, case: Case) -> None:
    """Write a case in one step, unless it is there as it is. Raises UsageError where that cannot be done."""
    text = case_text(case)
    try:
        if not path.is_file() or path.read_bytes() != text.encode():
            RunFolder.at(path.parent).write_text(path.name, text)
    except (OSError, RunIncomplete) as error:
        cause = error.__cause__ if isinstance(error, RunIncomplete) else error
        why = getattr(cause, "strerror", None) or cause
        raise UsageError(str(path), f"cannot be written: {why}", hint="Choose another folder.") from error
