"""A suite: scenarios to run one after another, each with what is expected of it; and cases to read again.

A scenario by itself is planned in the same way, so that whoever runs them need not tell the two apart. Nothing is run
here: :func:`plan_file` finds everything that can be found before.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simharness.errors import NotComparable, UsageError, UsageErrors
from simharness.pairing import Known, require_same_size
from simharness.scenario.load import Loaded, deciding, resolved
from simharness.scenario.problems import check
from simharness.scenario.source import read_tree
from simharness.scenario.tree import (
    KeyPath,
    Tree,
    did_you_mean,
    position_of,
    positioned,
)
from simharness.suites.changes import added, edit, file_at
from simharness.suites.items import Item, items_of
from simharness.suites.loading import (
    SCALES,
    RunOptions,
    detector_problems,
    load_asked,
    model_of,
    several,
)
from simharness.suites.spec import BaseSpec, RunSpec, SuiteSpec

SUFFIXES = (".yaml", ".yml")
_SUITE = re.compile(r"^suite[ \t]*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Planned:
    """One run of a suite, or a scenario by itself, ready to run; nothing has run yet.

    ``suite``: its name, empty for a scenario by itself. ``base``: a scenario to run first, or a run as it was named.
    ``file`` and ``line``: where it stands. ``command``: what a person gives to run it, with the same options.
    """

    suite: str
    name: str
    loaded: Loaded
    items: tuple[Item, ...]
    base: Loaded | str | None
    tags: tuple[str, ...]
    file: Path
    line: int
    command: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What one file asks for. ``suite``: its name, empty for a scenario; ``cases``: the files of its cases."""

    file: Path
    suite: str
    title: str
    runs: tuple[Planned, ...]
    cases: tuple[Path, ...] = ()


def is_suite(path: Path) -> bool:
    """Whether a file is a suite, by its top-level key ``suite``; the file is not parsed. False if it cannot be read."""
    try:
        return _SUITE.search(path.read_text(encoding="utf-8")) is not None
    except (OSError, UnicodeDecodeError):
        return False


def plan_file(path: Path, options: RunOptions | None = None, base: str | None = None) -> Plan:
    """What a scenario or a suite asks for, checked in full. ``base``: a scenario's file or a run, for a scenario only.

    The same options are applied to the base where it is a file. Raises UsageError or UsageErrors with file and line,
    NotComparable where a base is missing or of another size; all before anything runs.
    """
    options = options or RunOptions()
    if is_suite(path):
        if base is not None:
            hint = "Write it into the suite, as `base:` of the run that is held against it."
            raise UsageError(f"--base {base}", f"{path} is a suite, whose runs name their own", hint=hint)
        return _suite(path, options)
    loaded = load_asked(path, options)
    against = None if base is None else _base_of(base, options)
    command = _command(path, options, base)
    planned = Planned("", loaded.scenario.name, loaded, (), against, (), path, 1, command)
    return Plan(path, "", loaded.scenario.title, (_ready(planned, options),))


def _command(path: Path, options: RunOptions, base: str | None) -> str:
    words = ["simharness", "run", str(path)]
    for name, value in (("seed", options.seed), ("replications", options.replications), ("scale", options.scale)):
        words += [] if value is None else [f"--{name}", f"{value:.15g}" if isinstance(value, float) else str(value)]
    words += [word for each in options.assignments for word in ("--set", each)]
    words += [word for each in options.detectors for word in ("--detector", each)]
    return shlex.join([*words, *(["--base", base] if base is not None else [])])


def _base_of(base: str, options: RunOptions) -> Loaded | str:
    if Path(base).suffix not in SUFFIXES:
        return base
    if not Path(base).is_file():
        near = did_you_mean(Path(base).name, (each.name for each in Path(base).parent.glob("*.y*ml")))
        raise NotComparable(f"--base {base}: no such file." + (f"\n  {near}" if near else ""))
    return load_asked(Path(base), options)


def _ready(planned: Planned, options: RunOptions) -> Planned:
    """With its items. Raises UsageError(s) for what would keep it from running, NotComparable for a base that cannot be
    held against it.
    """
    loaded, base = planned.loaded, planned.base
    model = model_of(loaded)
    if not options.check:
        return replace(planned, base=None)
    items = items_of(loaded, model, base=base is not None)
    held = [item for item in items if item.in_base]
    if base is not None and not held:
        hint = "Write metric[NAME vs base] not_worse 10% under expect, or leave the base out."
        raise UsageError(f"{planned.file}:{planned.line}", "no expectation is held against the base", hint=hint)
    if isinstance(base, Loaded):
        model_of(base)
        if problems := detector_problems(base):
            raise UsageErrors(problems)
        require_comparable(held, resolved(loaded.scenario), base.scenario.name, resolved(base.scenario))
    return replace(planned, items=items)


def require_comparable(
    held: Sequence[Item], scenario: Mapping[str, Any], base_name: str, base: Mapping[str, Any]
) -> None:
    """Raise NotComparable where a base is of another size or period, or has not what it is to be held against.

    ``held``: the items that need it; the scenarios are resolved ones.
    """
    require_same_size(Known(base_name, "", base, []), Known(str(scenario["name"]), "", scenario, []))
    for item in held:
        known = list(base[f"{item.subject}s"])
        if item.versus not in known:
            hint = did_you_mean(item.versus, known)
            raise NotComparable(
                f"{item.file}:{item.line}: {item.name}: the base ({base_name}) has no {item.subject} {item.versus!r}; "
                f"it has: {', '.join(known)}." + (f"\n  {hint}" if hint else "")
            )


def _suite(path: Path, options: RunOptions) -> Plan:
    tree = read_tree(path)
    spec = check(SuiteSpec, tree)
    problems: list[UsageError] = []
    runs: list[Planned] = []
    for place, run in enumerate(spec.runs):
        try:
            planned = _run_of(tree, spec, place, run, options)
            problems += detector_problems(planned.loaded)
            runs.append(planned)
        except (UsageError, UsageErrors) as error:
            problems += several(error)
    if problems:
        raise UsageErrors(problems)
    _require_unlike(runs)
    return Plan(path, spec.suite, spec.title, tuple(_shared(runs)), _cases(tree, spec))


def _run_of(tree: Tree, spec: SuiteSpec, place: int, run: RunSpec, options: RunOptions) -> Planned:
    at: KeyPath = ("runs", place)
    scenario = file_at(tree, (*at, "scenario"), run.scenario)
    asked = _options(spec, run, options)
    loaded = load_asked(scenario, asked, edit=edit(tree, [at], expected=True), detectors=added(tree, at, run))
    base = None if run.base is None else _base(tree, at, run, run.base, scenario, asked)
    tags, position = tuple(dict.fromkeys((*spec.tags, *run.tags))), position_of(tree, at)
    file, command = Path(position.file), _command(Path(tree.positions[()].file), options, None)
    return _ready(Planned(spec.suite, run.name, loaded, (), base, tags, file, position.line, command), options)


def _base(tree: Tree, at: KeyPath, run: RunSpec, base: BaseSpec, scenario: Path, asked: RunOptions) -> Loaded:
    """Without a scenario of its own the run's, with what the run sets, changed further; with one that and no more."""
    inside: KeyPath = (*at, "base")
    detectors = added(tree, inside, base)
    if base.scenario is not None:
        other = file_at(tree, (*inside, "scenario"), base.scenario)
        return load_asked(other, asked, edit=edit(tree, [inside]), detectors=detectors)
    more = added(tree, at, run) if base.detectors is None else detectors
    return load_asked(scenario, asked, edit=edit(tree, [at, inside]), detectors=more)


def _options(spec: SuiteSpec, run: RunSpec, options: RunOptions) -> RunOptions:
    """Of a command first, then of the run, then of the suite."""

    def first(name: str) -> float | str | None:
        chosen = (getattr(each, name) for each in (options, run, spec))
        return next((value for value in chosen if value is not None), None)

    scale = first("scale")
    size = SCALES[scale] if isinstance(scale, str) else scale
    return replace(options, seed=first("seed"), replications=first("replications"), scale=size)  # type: ignore[arg-type]


def _cases(tree: Tree, spec: SuiteSpec) -> tuple[Path, ...]:
    """The files of the suite's cases. Raises UsageError or UsageErrors where there are none, or one cannot be read."""
    if not spec.cases:
        return ()
    from simharness.suites.cases import cases_in  # the search that cases come from is heavy

    named = [spec.cases] if isinstance(spec.cases, str) else spec.cases
    places: list[KeyPath] = [("cases",)] if isinstance(spec.cases, str) else [("cases", n) for n in range(len(named))]
    found = (cases_in(file_at(tree, at, name), positioned(tree, at)) for at, name in zip(places, named, strict=True))
    return tuple(dict.fromkeys(file for files in found for file in files))


def _require_unlike(runs: Sequence[Planned]) -> None:
    """Raise UsageError where two runs would be one: one folder holds what came of the bars of one run."""
    seen: dict[str, Planned] = {}
    for run in runs:
        other = seen.setdefault(_same(run.loaded), run)
        if other is not run:
            where, hint = f"{run.file}:{run.line}: {run.name}", "Put what is expected of both under one of them."
            raise UsageError(where, f"the same run as {other.name}: nothing in it differs", hint=hint)


def _shared(runs: Sequence[Planned]) -> list[Planned]:
    """A base that is another run of the suite is that run, bars and all, so that its bars count as set before it."""
    known = {_same(run.loaded): run.loaded for run in runs}
    return [
        replace(run, base=known.get(_same(run.base), run.base)) if isinstance(run.base, Loaded) else run for run in runs
    ]


def _same(loaded: Loaded) -> str:
    return f"{loaded.folder.resolve()} {deciding(loaded.scenario)}"
