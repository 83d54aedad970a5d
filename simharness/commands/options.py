"""From options to a loaded scenario, shared by the commands that load one."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from simharness.detection.registry import build, registered
from simharness.detection.scoring import release
from simharness.errors import UsageError
from simharness.scenario.load import Loaded, load_scenario
from simharness.scenario.tree import did_you_mean

SCALES = {"smoke": 0.02, "ci": 0.1, "full": 1.0}
LARGEST_SCALE = 1000.0


def load(
    scenario: Path,
    *,
    seed: int | None,
    replications: int | None,
    scale: str | None,
    assignments: Sequence[str],
    detectors: Sequence[str],
) -> Loaded:
    """The scenario with everything the options say about it. Raises UsageError or UsageErrors."""
    changes = {"seed": seed, "replications": replications, "scale": None if scale is None else parse_scale(scale)}
    loaded = load_scenario(scenario, assignments, **changes)
    if not detectors:
        return loaded
    added: dict[str, str] = {}
    for spec in detectors:
        release(build(spec, {}, f"--detector {spec}", _begins(spec, loaded.folder)))
        added[_name(spec, [*loaded.scenario.detectors, *added])] = spec
    more = []
    for name, spec in added.items():
        folder = (
            {"folder": os.path.relpath(_begins(spec, loaded.folder).resolve(), loaded.folder.resolve())}
            if ":" in spec
            else {}
        )
        more.append(f"detectors.{name}={json.dumps({'use': spec} | folder)}")
    return load_scenario(scenario, [*assignments, *more], **changes)


class Chosen(NamedTuple):
    """A scenario and the name of one of its detectors. ``added``: by its spec; otherwise it is the scenario's own."""

    loaded: Loaded
    name: str
    added: bool


def load_with(scenario: Path, assignments: Sequence[str], detector: str) -> Chosen:
    """A scenario, and its own detector of that name or else one added by its spec. Raises UsageError or UsageErrors."""

    def loaded(*detectors: str) -> Loaded:
        return load(scenario, seed=None, replications=None, scale=None, assignments=assignments, detectors=detectors)

    own = loaded()
    if detector in own.scenario.detectors:
        return Chosen(own, detector, added=False)
    names = [*own.scenario.detectors, *(name for name in registered() if name not in own.scenario.detectors)]
    if ":" not in detector and detector not in names:
        allowed, hint = f"{', '.join(names)}, package:Object, file.py:Object, ...", did_you_mean(detector, names)
        raise UsageError(f"--detector {detector}", "unknown detector", allowed=allowed, hint=hint)
    more = loaded(detector)
    name = next(name for name in more.scenario.detectors if name not in own.scenario.detectors)
    return Chosen(more, name, added=True)


def _begins(spec: str, scenario: Path) -> Path:
    """Where relative paths of a detector as typed begin: here, or at the scenario if only it has such a file."""
    file = spec.partition(":")[0]
    there = file.endswith(".py") and not Path(file).exists() and (scenario / file).exists()
    return scenario if there else Path()


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


def _name(spec: str, taken: Sequence[str]) -> str:
    """What the report calls a detector: the object's name, with a number where the scenario has one of that name."""
    base = re.sub(r"[^A-Za-z0-9_-]", "_", spec.rpartition(":")[2])
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name
