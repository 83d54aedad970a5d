"""``simharness robustness``: what each stress dial costs each detector."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.text import Text

from simharness.commands.options import load
from simharness.commands.report import write_file
from simharness.commands.shipped import SHIPPED
from simharness.errors import UsageError
from simharness.report.robustness import notes, page, tables
from simharness.report.terminal import console, in_parts
from simharness.robustness import robustness as measure
from simharness.scenario.load import Loaded

BASE = "base.yaml"  # beside the files given, where none of them is without stress
_WRITERS = {".json": lambda found: json.dumps(found, indent=1) + "\n", ".md": page}


def robustness(
    paths: Sequence[Path],
    *,
    detectors: Sequence[str],
    replications: int | None,
    seed: int | None,
    false_alerts: float,
    jobs: int,
    as_json: bool,
    output: Path | None,
) -> None:
    """Measure, print, and write ``output`` if there is one. No ``paths``: the dials that come with simharness.

    Raises UsageError or UsageErrors.
    """
    if output is not None and output.suffix not in _WRITERS:
        raise UsageError(f"--output {output}", "unknown type of file", allowed=", ".join(_WRITERS))

    def loaded(path: Path) -> Loaded:
        return load(path, seed=seed, replications=replications, scale=None, assignments=(), detectors=detectors)

    base, dials = base_and_dials(files(paths or [SHIPPED / "stress"]), loaded)
    found = measure(base, dials, rate=false_alerts, jobs=jobs, notify=_tell)
    if output is not None:
        write_file(output, _WRITERS[output.suffix](found))
    if as_json:
        print(json.dumps(found), flush=True)
        return
    target = console(sys.stdout)
    for table in tables(found):
        target.print(*in_parts(table, target.width), sep="\n")
    for note in notes(found):
        target.print(Text(note))


def files(paths: Sequence[Path]) -> list[Path]:
    """The scenario files named, and those in the folders named, in order of name. Raises UsageError for none."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not inside:
            raise UsageError(str(path), "there is no scenario in this folder", allowed="a folder with *.yaml files")
        found += inside
    return found


def base_and_dials(paths: Sequence[Path], loaded: Callable[[Path], Loaded]) -> tuple[Loaded, list[Loaded]]:
    """The one scenario without stress, or else ``base.yaml`` beside the first file, and all the others.

    Raises UsageError where there are several without stress, or none with it.
    """
    scenarios = [loaded(path) for path in paths]
    plain = [each for each in scenarios if each.scenario.stress is None]
    dials = [each for each in scenarios if each.scenario.stress is not None]
    if len(plain) > 1:
        names = ", ".join(each.scenario.name for each in plain)
        raise UsageError("robustness", f"several scenarios have no stress: {names}", allowed="one: the base")
    if not dials:
        hint = "Give scenarios/stress, or a file that extends its base.yaml and states a dial under stress."
        raise UsageError("robustness", "no scenario states any stress", hint=hint)
    return (plain[0] if plain else loaded(paths[0].parent / BASE)), dials


def _tell(done: int, total: int) -> None:
    print(f"world {done} of {total}", file=sys.stderr, flush=True)
