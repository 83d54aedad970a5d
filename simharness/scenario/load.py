"""From a file to a checked scenario: load -> resolve (``extends``, arms, ``--set``) -> validate."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simharness.errors import UsageError
from simharness.scenario.model import Scenario
from simharness.scenario.problems import check
from simharness.scenario.source import inherit, override, read_tree
from simharness.scenario.tree import Step, Tree, position_of, positioned

Edit = Callable[[Tree], Tree]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A scenario with where each of its values came from. ``folder``: where its relative paths begin."""

    scenario: Scenario
    tree: Tree
    folder: Path


def load_scenario(path: Path, assignments: Sequence[str] = (), *, edit: Edit | None = None, **changes: Any) -> Loaded:
    """Load, resolve and validate one scenario file.

    ``edit``: what another file says of it, before any option; ``assignments`` are ``a.b=c`` as given to ``--set``;
    ``changes`` replace top-level keys (seed, scale, replications) where not None.
    Raises UsageError or UsageErrors with file and line.
    """
    named = [f"{name}={value}" for name, value in changes.items() if value is not None]
    # After inheritance, so that what an arm inherits can be set for that arm alone.
    tree = inherit(read_tree(path))
    tree = override(edit(tree) if edit else tree, [*named, *assignments])
    tree = _rebased(tree, path.parent)
    return Loaded(check(Scenario, tree), tree, path.parent)


def _rebased(tree: Tree, folder: Path) -> Tree:
    """Files that an extended scenario names are found from its own folder: said here as they are from ``folder``."""
    data = copy.deepcopy(tree.data)

    def home(*steps: Step) -> Path | None:
        """The other folder that a value was written in; None if it is this one, or an option as typed."""
        position = position_of(tree, steps)
        there = Path(position.file).parent
        return None if not position.line or there.samefile(folder) else there

    world = data.get("world")
    population = world.get("population") if isinstance(world, dict) else None
    if isinstance(population, dict) and isinstance(population.get("table"), str):
        there = home("world", "population", "table")
        if there is not None:
            population["table"] = os.path.relpath(there / population["table"], folder)
    detectors = data.get("detectors")
    for name, spec in detectors.items() if isinstance(detectors, dict) else ():
        if isinstance(spec, dict) and ("folder" in spec or "options" in spec or ":" in str(spec.get("use"))):
            there = home("detectors", name, "folder" if "folder" in spec else "use")
            if there is not None:
                spec["folder"] = os.path.relpath(there / str(spec.get("folder", "")), folder)
    return Tree(data, tree.positions)


def resolved(scenario: Scenario) -> Mapping[str, Any]:
    """The scenario with every default written out, as plain YAML values; loading it gives the same scenario."""
    dumped: dict[str, Any] = scenario.model_dump(mode="json", exclude_none=True)
    return dumped


def deciding(scenario: Scenario) -> Mapping[str, Any]:
    """What of the resolved scenario decides the results: all of it but what is expected of them."""
    return {name: part for name, part in resolved(scenario).items() if name != "expect"}


@contextmanager
def located(loaded: Loaded) -> Iterator[None]:
    """Give file and line to a UsageError about a scenario's value that was found only when the value was used."""
    try:
        yield
    except UsageError as error:
        if error.where.partition(".")[0] not in loaded.tree.data:
            raise
        where = positioned(loaded.tree, error.where)
        raise UsageError(where, error.problem, allowed=error.allowed, hint=error.hint) from error
