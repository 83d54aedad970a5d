"""``simharness compare``: two runs, or two arms or detectors, with a verdict a metric and an exit code for a gate."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.text import Text

from simharness.compare import (
    ARM,
    DETECTOR,
    INCONCLUSIVE,
    NOTHING_CHECKED,
    PASSED,
    REGRESSED,
    Margin,
    Pair,
    gate,
)
from simharness.compare import compare as measure
from simharness.errors import NotComparable, UsageError
from simharness.known_run import known_of, lived
from simharness.pairing import Known, said
from simharness.report.comparison import banner, closing, tables, title
from simharness.report.terminal import console, show_tables
from simharness.report.wording import counted
from simharness.scenario.tree import did_you_mean
from simharness.store import LATEST, MANIFEST, RunFolder, find_run

_DETECTOR = "detector/"
_FEW = 10  # replications, below which intervals are unsteady


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two things compared, as typed: a run, and an arm or detector of it or (None) all of them."""

    run: str
    subject: str | None
    name: str | None


def compare(
    base: str,
    candidate: str,
    *,
    metrics: Sequence[str],
    every: bool,
    margins: Sequence[str],
    level: float,
    fail_on_regression: bool,
    as_json: bool,
    results: Path,
) -> int:
    """Compare, print, and return the exit code.

    Raises UsageError, or NotComparable where the base is missing or the runs differ in what cannot be compared.
    """
    if every and metrics:
        raise UsageError("--all", "given together with --metric", allowed="one of them")
    allowed = dict(map(parse_margin, margins))
    sides = parse_side(base), parse_side(candidate)
    runs = _found(sides, results)
    known = known_of(runs[0]), known_of(runs[1])
    if known[0].code != known[1].code:  # then only what happened can say whether the worlds are the same
        known = replace(known[0], lived=lived(runs[0])), replace(known[1], lived=lived(runs[1]))
    pairs = pairs_of(sides, known)
    found = measure(*known, pairs, metrics=metrics, every=every, margins=allowed, level=level)
    found["notes"] = notes_of(sides, runs, known, found["settings"])
    for place, side in enumerate(("base", "candidate")):
        named = sides[0].name or sides[1].name
        of = f"{pairs[0][0]} {pairs[0][1 + place]}" if named else "all arms and detectors"
        found[side] = {"run": known[place].name, "digest": known[place].digest, "of": of}
    if as_json:
        _print_json(found)
    target = console(sys.stderr if as_json else sys.stdout)
    show_tables(banner(found), title(found), tables(found), target)
    target.print(*map(Text, closing(found)), sep="\n")
    lost = [] if sides[0].name or sides[1].name else lost_of(known)
    return _gated(found["comparisons"], lost, bool(metrics)) if fail_on_regression else 0


def parse_side(text: str) -> Side:
    """``RUN``, ``RUN:ARM`` or ``RUN:detector/NAME``; no RUN before the colon is the latest one. Raises UsageError."""
    run, colon, name = text.rpartition(":")
    if not colon or (Path(text) / MANIFEST).is_file():
        return Side(text or LATEST, None, None)
    if name in ("", _DETECTOR):
        raise UsageError(text, "names no arm", allowed="RUN, RUN:ARM or RUN:detector/NAME")
    if name.startswith(_DETECTOR):
        return Side(run or LATEST, DETECTOR, name.removeprefix(_DETECTOR))
    return Side(run or LATEST, ARM, name)


def parse_margin(text: str) -> tuple[str, Margin]:
    """``NAME=VALUE`` or ``NAME=10%``. Raises UsageError."""
    name, _, value = text.partition("=")
    relative = value.endswith("%")
    try:
        size = float(value.removesuffix("%")) / (100.0 if relative else 1.0)
    except ValueError:
        size = math.nan
    if not name or not 0.0 <= size < math.inf:
        allowed = "NAME=VALUE in the metric's unit (a share from 0 to 1), or NAME=10% of the base's estimate; from 0 on"
        raise UsageError(f"--margin {text}", "not a margin", allowed=allowed)
    return name, Margin(size, relative)


def _found(sides: tuple[Side, Side], results: Path) -> tuple[RunFolder, RunFolder]:
    try:
        base = find_run(results, sides[0].run)
    except UsageError as error:
        raise NotComparable(f"the base run is missing. {error}") from error
    return base, find_run(results, sides[1].run)


def pairs_of(sides: tuple[Side, Side], known: tuple[Known, Known]) -> list[Pair]:
    """The one pair named, or all arms and detectors of the same name; a name on one side is meant on the other too.

    Raises UsageError for an unknown name, NotComparable where the runs have none in common.
    """
    there = [_names(each) for each in known]
    if sides[0].name is None and sides[1].name is None:
        both = [(subject, name, name) for subject, name in there[0] if (subject, name) in there[1]]
        if not both:
            raise NotComparable(f"{known[1].name} and {known[0].name} have no arm or detector of the same name.")
        return both
    named = [(side.subject, side.name) for side in sides if side.subject is not None and side.name is not None]
    ours, theirs = named[0], named[-1]
    if ours[0] != theirs[0]:
        raise UsageError("CAND", "an arm cannot be compared with a detector", allowed="two arms, or two detectors")
    for where, (subject, name), names, each in zip(("BASE", "CAND"), (ours, theirs), there, known, strict=True):
        if (subject, name) not in names:
            others = [other for of, other in names if of == subject]
            problem, hint = f"{each.name} has no results of {subject} {name!r}", did_you_mean(name, others)
            raise UsageError(where, problem, allowed=", ".join(others), hint=hint)
    return [(ours[0], ours[1], theirs[1])]


def lost_of(known: tuple[Known, Known]) -> list[str]:
    """What the base has results of, and the candidate has in its scenario but no results of: its detector failed."""
    missing = [pair for pair in _names(known[0]) if pair not in _names(known[1])]
    return [f"{subject} {name}" for subject, name in missing if name in (known[1].scenario.get(f"{subject}s") or {})]


def notes_of(
    sides: tuple[Side, Side], runs: tuple[RunFolder, RunFolder], known: tuple[Known, Known], settings: Any
) -> list[str]:
    """What to know before reading any number of the comparison."""
    notes = []
    if settings:
        notes.append(f"Settings that differ, base against candidate: {said([tuple(each) for each in settings])}.")
    if known[0].scenario["comparator"] != known[1].scenario["comparator"]:
        notes.append("The runs have different comparators: what is prevented, made worse or led by is not one measure.")
    if known[0].scenario["scale"] != 1:
        notes.append(f"Scale {known[0].scenario['scale']:g}: counts are of that much of the population.")
    for each, other in ((0, 1), (1, 0)):
        alone = [name for _, name in _names(known[each]) if (_, name) not in _names(known[other])]
        if alone and sides[0].name is None and sides[1].name is None:
            notes.append(f"Only in {('the base', 'the candidate')[each]}: {', '.join(alone)}.")
    for folder, which in zip(runs, ("base", "candidate"), strict=True):
        if (status := folder.read_manifest()["status"]) != "complete":
            notes.append(f"The {which} run is {status}: only its finished replications are compared.")
    few = min(len({row.replication for row in each.rows}) for each in known)
    if few < _FEW:
        notes.append(f"Only {counted(few, 'replication')}: intervals are wide and unsteady; use {_FEW} or more.")
    return notes


def _names(known: Known) -> list[tuple[str, str]]:
    """Arms and detectors with results, in the order of the scenario."""
    return list(dict.fromkeys((ARM, row.arm) if row.arm else (DETECTOR, row.detector) for row in known.rows))


def _print_json(found: Mapping[str, Any]) -> None:
    head = {"type": "comparison", "synthetic": True, **found}
    del head["comparisons"]
    for line in (head, *({"type": "metric", "synthetic": True, **each} for each in found["comparisons"])):
        print(json.dumps(line), flush=True)


def _gated(comparisons: Sequence[Mapping[str, Any]], lost: Sequence[str], asked: bool) -> int:
    """The exit code of the check on regressions, with what decided it on stderr; and, where metrics were asked for by
    name, those that could not be looked at.
    """
    code, named = gate(comparisons, lost)
    said_of = {
        REGRESSED: "worse",
        INCONCLUSIVE: "nothing is worse, but without results or not settled within its margin",
        NOTHING_CHECKED: "nothing that could have been worse was compared",
        PASSED: "nothing is worse",
    }
    print(f"compare: {said_of[code]}{': ' if named else ''}{', '.join(named)}", file=sys.stderr, flush=True)
    undefined = [f"{each['candidate']} {each['metric']}" for each in comparisons if each["verdict"] is None]
    if asked and undefined and code != NOTHING_CHECKED:
        print(f"compare: undefined, so not checked: {', '.join(undefined)}", file=sys.stderr, flush=True)
    return code
