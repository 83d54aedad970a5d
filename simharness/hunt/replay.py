"""Cases judged again: whether a detector still misses what it once missed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from simharness.detection.faults import DetectorFailed
from simharness.detection.scoring import build_detector, release
from simharness.errors import UsageError, UsageErrors
from simharness.hunt.case import SUFFIX, Case, CaseDetector, read_case, relative
from simharness.hunt.reading import Readers, judge, readers
from simharness.hunt.records import Judgement
from simharness.hunt.search import silent
from simharness.report.progress import PREPARE, Notify
from simharness.scenario.load import Loaded, load_scenario, located
from simharness.scenario.tree import did_you_mean

Outcome = Literal["fixed", "missed", "says nothing", "failed"]
Choose = Callable[[Path, Sequence[str]], tuple[Loaded, str]]


@dataclass(frozen=True, slots=True)
class Replayed:
    """One case as it is now. ``judgement``: None where the detector failed; ``problem``: why it failed, or why the case
    says nothing.
    """

    path: Path
    name: str
    outcome: Outcome
    judgement: Judgement | None
    sentence: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class _Setting:
    """What readers are built from: cases with the same one share them. ``folder``: where the detector's files begin."""

    scenario: Path
    assignments: tuple[str, ...]
    name: str
    use: str | None
    folder: Path | None
    policy: str | None


def replay_cases(
    paths: Sequence[Path],
    *,
    scenario: Path | None = None,
    detector: Choose | None = None,
    notify: Notify = silent,
) -> list[Replayed]:
    """Judge the cases of files and folders again, in order of path; none where there are none.

    ``scenario``: instead of each case's own. ``detector``: instead of each case's own; from a scenario's file and the
    values set to the loaded scenario and the name of the detector in it. ``notify`` is told ("prepare", 0, cases), then
    ("case", cases judged, cases). Raises UsageError or UsageErrors, before anything is trained, for what is no case or
    whose scenario, detector or policy is not there.
    """
    files = case_files(paths)
    cases = _all_read(files)
    settings = [_setting(path, case, scenario) for path, case in zip(files, cases, strict=True)]
    found: dict[int, Replayed] = {}
    if files:
        notify(PREPARE, 0, len(files))
    ready = {setting: _chosen(setting, detector) for setting in dict.fromkeys(settings)}
    for setting, (loaded, name) in ready.items():
        make = partial(readers, loaded, name, setting.policy)
        members = [place for place, each in enumerate(settings) if each == setting]
        judged = _judged(make, [cases[place] for place in members])
        for place, (judgement, problem) in zip(members, judged, strict=True):
            found[place] = _replayed(files[place], cases[place], judgement, problem)
        notify("case", len(found), len(files))
    return [found[place] for place in range(len(files))]


def case_files(paths: Sequence[Path]) -> list[Path]:
    """The files named and every ``*.json`` below the folders named, each once, in the order given, then of name."""
    found: dict[Path, Path] = {}
    for path in paths:
        for file in sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def detector_folder(case_path: Path, detector: CaseDetector) -> Path:
    """Where the relative paths of a case's detector begin: from the case's folder if a file it names is there, else
    from here.
    """
    folder = detector.folder or ""
    named = [word for word in re.split(r"[\s:]+", detector.use or "") if word]
    there = case_path.parent / folder
    return there if any((there / word).is_file() for word in named) else Path(folder)


def scenario_file(case_path: Path, case: Case) -> Path:
    """The scenario of a case: from the case's folder if it is there, else from here. Raises UsageError."""
    there, here = case_path.parent / case.scenario.file, Path(case.scenario.file)
    if there.is_file():
        return there
    if not here.is_file():
        raise UsageError(
            f"{case_path}: scenario.file",
            f"no such file '{case.scenario.file}', neither from the case's folder nor from here",
            hint="Go to the folder it was found in, or name the file with --scenario FILE.",
        )
    return here


def _all_read(files: Sequence[Path]) -> list[Case]:
    cases: list[Case] = []
    problems: list[UsageError] = []
    for file in files:
        try:
            cases.append(read_case(file))
        except UsageError as error:
            problems.append(error)
        except UsageErrors as error:
            problems += error.errors
    if problems:
        raise UsageErrors(problems)
    return cases


def _setting(path: Path, case: Case, scenario: Path | None) -> _Setting:
    file = scenario_file(path, case) if scenario is None else scenario
    use = case.detector.use
    folder = None if use is None else detector_folder(path, case.detector).resolve()
    # A path as typed, made plain: two cases that come to the same file by other ways share their readers.
    return _Setting(Path(relative(file)), case.scenario.set, case.detector.name, use, folder, case.policy)


def _chosen(setting: _Setting, detector: Choose | None) -> tuple[Loaded, str]:
    """The loaded scenario and the detector's name in it; what would keep it from being read is found here."""
    loaded, name = _own(setting) if detector is None else detector(setting.scenario, setting.assignments)
    _require("detector", name, loaded.scenario.detectors, setting.scenario)
    if setting.policy is not None:
        _require("policy", setting.policy, loaded.scenario.arms, setting.scenario)
    with located(loaded):
        release(build_detector(loaded.scenario.detectors[name], loaded.folder, f"detectors.{name}"))
    return loaded, name


def _require(what: str, name: str, known: Collection[str], scenario: Path) -> None:
    if name not in known:
        problem, hint = f"the scenario has no {what} '{name}'", did_you_mean(name, known)
        raise UsageError(str(scenario), problem, allowed=", ".join(known), hint=hint)


def _own(setting: _Setting) -> tuple[Loaded, str]:
    more = []
    if setting.use is not None:
        assert setting.folder is not None
        spec = {"use": setting.use, "folder": relative(setting.folder, setting.scenario.parent)}
        more = [f"detectors.{setting.name}={json.dumps(spec)}"]
    return load_scenario(setting.scenario, [*setting.assignments, *more]), setting.name


def _judged(make: Callable[[], Readers], cases: Sequence[Case]) -> list[tuple[Judgement | None, str | None]]:
    """What is made of each case, or why the detector gave no answer."""
    try:
        made = make()
    except DetectorFailed as error:
        return [(None, str(error))] * len(cases)
    judged: list[tuple[Judgement | None, str | None]] = []
    for case in cases:
        try:
            judged.append((judge(made, case.trajectory), None))
        except DetectorFailed as error:
            judged.append((None, str(error)))
    return judged


def _replayed(path: Path, case: Case, judgement: Judgement | None, problem: str | None) -> Replayed:
    outcome: Outcome = "failed"
    if judgement is not None:
        outcome, problem = _outcome(judgement)
    return Replayed(path, path.stem, outcome, judgement, case.sentence, problem)


def _outcome(judgement: Judgement) -> tuple[Outcome, str | None]:
    """What a judgement says of the detector, and where it says nothing any more: why."""
    harm, bound, alert = judgement.harm, judgement.bound.alert, judgement.detector.alert
    if judgement.missed:
        return "missed", None
    if harm is None:
        return "says nothing", "there is no harm in it under this scenario"
    if alert is not None and alert < harm:
        return "fixed", None
    when = "does not alert at all" if bound is None else f"alerts at message {bound}"
    return "says nothing", f"the bound {when}, so not before the harm at message {harm} either"
