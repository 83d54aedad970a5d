"""From what is asked for to a loaded scenario, and everything that would keep it from running, found before it runs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simharness.detection.registry import build
from simharness.detection.scoring import build_detector, release
from simharness.errors import SimharnessError, UsageError, UsageErrors
from simharness.metrics.precision import require_known_metric
from simharness.scenario.load import Edit, Loaded, load_scenario, located
from simharness.scenario.tree import did_you_mean
from simharness.world.model import WorldModel, build_model

SCALES = {"smoke": 0.02, "ci": 0.1, "full": 1.0}
LARGEST_SCALE = 1000.0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What is said for a whole command, over what files say.

    ``assignments``: ``a.b=c``; ``detectors``: specs to add; ``check``: whether runs are held against their bars.
    """

    seed: int | None = None
    replications: int | None = None
    scale: float | None = None
    assignments: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    check: bool = True


@dataclass(frozen=True, slots=True)
class Added:
    """A detector to measure beside the scenario's own. ``where``: who asks; ``folder``: where its files begin."""

    spec: str
    where: str
    folder: Path


def load_asked(
    scenario: Path, options: RunOptions, *, edit: Edit | None = None, detectors: Sequence[Added] = ()
) -> Loaded:
    """The scenario with everything that is asked of it: ``edit`` first, then the options, then more detectors.

    Raises UsageError or UsageErrors, also where a detector to be added cannot be built.
    """
    changes = {"seed": options.seed, "replications": options.replications, "scale": options.scale}
    loaded = load_scenario(scenario, options.assignments, edit=edit, **changes)
    more = [*detectors, *(Added(spec, f"--detector {spec}", Path()) for spec in options.detectors)]
    if not more:
        return loaded
    added: dict[str, str] = {}
    for each in more:
        folder = _begins(each, loaded.folder)
        release(build(each.spec, {}, each.where, folder))
        name = _name(each.spec, [*loaded.scenario.detectors, *added])
        here = {"folder": os.path.relpath(folder.resolve(), loaded.folder.resolve())} if ":" in each.spec else {}
        added[name] = f"detectors.{name}={json.dumps({'use': each.spec} | here)}"
    return load_scenario(scenario, [*options.assignments, *added.values()], edit=edit, **changes)


def parse_scale(text: str) -> float:
    """A named scale or a number. Raises UsageError."""
    if text in SCALES:
        return SCALES[text]
    allowed = f"{', '.join(SCALES)}, or a number above 0 and at most {LARGEST_SCALE:g}"
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"--scale {text}", "no such scale", allowed=allowed, hint=did_you_mean(text, SCALES)) from None
    if not 0.0 < value <= LARGEST_SCALE:
        raise UsageError(f"--scale {text}", "out of range", allowed=allowed)
    return value


def model_of(loaded: Loaded) -> WorldModel:
    """The scenario's world made ready. Raises UsageError with file and line."""
    with located(loaded):
        model = build_model(loaded.scenario.one_nation(), loaded.folder)
        require_known_metric(loaded.scenario)
    return model


def detector_problems(loaded: Loaded) -> list[UsageError]:
    """What keeps the scenario's detectors from being built, one by one."""
    found = []
    for name, spec in loaded.scenario.detectors.items():
        try:
            with located(loaded):
                release(build_detector(spec, loaded.folder, f"detectors.{name}"))
        except UsageError as error:
            found.append(error)
    return found


def several(error: SimharnessError) -> list[UsageError]:
    """One usage error or several as a list."""
    if isinstance(error, UsageErrors):
        return list(error.errors)
    assert isinstance(error, UsageError)
    return [error]


def _begins(added: Added, scenario: Path) -> Path:
    """Where a detector's relative paths begin: where it was asked for, or at the scenario if only it has the file."""
    file = added.spec.partition(":")[0]
    there = file.endswith(".py") and not (added.folder / file).exists() and (scenario / file).exists()
    return scenario if there else added.folder


def _name(spec: str, taken: Sequence[str]) -> str:
    """What the report calls a detector: the object's name, with a number where the scenario has one of that name."""
    base = re.sub(r"[^A-Za-z0-9_-]", "_", spec.rpartition(":")[2])
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name
