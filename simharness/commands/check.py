"""``simharness validate`` and ``simharness schema``: what scenarios and suites may say, checked without running it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from simharness.commands.json_schema import scenario_schema, suite_schema
from simharness.commands.report import write_file
from simharness.errors import UsageError, UsageErrors
from simharness.scenario.load import Loaded, load_scenario
from simharness.suites.items import items_of
from simharness.suites.loading import detector_problems, model_of, several
from simharness.suites.suite import is_suite, plan_file


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
    """What would keep a scenario or a suite from running: in the file, the worlds, any detector, what is expected."""
    try:
        if is_suite(file):
            plan_file(file)
            return []
        loaded = load_scenario(file)
    except (UsageError, UsageErrors) as error:
        return several(error)
    return _expect_problems(loaded) + detector_problems(loaded)


def _expect_problems(loaded: Loaded) -> list[UsageError]:
    try:
        items_of(loaded, model_of(loaded), base=True)
    except (UsageError, UsageErrors) as error:
        return several(error)
    return []


def schema(output: Path | None, suite: bool) -> None:
    """Print or write the JSON Schema of scenario files, or of suites."""
    text = json.dumps(suite_schema() if suite else scenario_schema(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        write_file(output, text)
