"""``simharness validate`` and ``simharness schema``: what a scenario may say, checked without running it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from simharness.commands.json_schema import scenario_schema
from simharness.commands.report import write_file
from simharness.detection.scoring import build_detector, release
from simharness.errors import SimharnessError, UsageError, UsageErrors
from simharness.metrics.precision import require_known_metric
from simharness.scenario.load import Loaded, load_scenario, located
from simharness.world.model import build_model


def validate(files: Sequence[Path]) -> None:
    """Say ok for each good file. Raises UsageErrors with every problem of the others."""
    found: list[UsageError] = []
    for file in files:
        problems = problems_of(file)
        found += problems
        if not problems:
            print(f"{file}: ok")
    if found:
        raise UsageErrors(found)


def problems_of(file: Path) -> list[UsageError]:
    """Everything that would keep a scenario from running: in the file, its world, and each of its detectors."""
    try:
        loaded = load_scenario(file)
    except (UsageError, UsageErrors) as error:
        return _several(error)
    return _world_problems(loaded) + _detector_problems(loaded)


def _world_problems(loaded: Loaded) -> list[UsageError]:
    try:
        with located(loaded):
            build_model(loaded.scenario, loaded.folder)
            require_known_metric(loaded.scenario)
    except (UsageError, UsageErrors) as error:
        return _several(error)
    return []


def _detector_problems(loaded: Loaded) -> list[UsageError]:
    found = []
    for name, spec in loaded.scenario.detectors.items():
        try:
            with located(loaded):
                release(build_detector(spec, loaded.folder, f"detectors.{name}"))
        except UsageError as error:
            found.append(error)
    return found


def _several(error: SimharnessError) -> list[UsageError]:
    if isinstance(error, UsageErrors):
        return list(error.errors)
    assert isinstance(error, UsageError)
    return [error]


def schema(output: Path | None) -> None:
    """Print or write the JSON Schema of scenario files."""
    text = json.dumps(scenario_schema(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        write_file(output, text)
