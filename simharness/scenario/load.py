"""From a file to a checked scenario: load -> resolve (``extends``, arms, ``--set``) -> validate."""

from __future__ import annotations

import copy
import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from simharness.errors import UsageError
from simharness.scenario.model import Scenario
from simharness.scenario.problems import check
from simharness.scenario.source import inherit, override, read_tree
from simharness.scenario.tree import KeyPath, Tree, position_of, positioned

_FILES: tuple[KeyPath, ...] = (("world", "population", "table"), ("detectors", "*", "use"))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A scenario with where each of its values came from. ``folder``: where its relative paths begin."""

    scenario: Scenario
    tree: Tree
    folder: Path


def load_scenario(path: Path, assignments: Sequence[str] = (), **changes: Any) -> Loaded:
    """Load, resolve and validate one scenario file.

    ``assignments`` are ``a.b=c`` as given to ``--set``; ``changes`` replace top-level keys (seed, scale, replications)
    where not None. Raises UsageError or UsageErrors with file and line.
    """
    named = [f"{name}={value}" for name, value in changes.items() if value is not None]
    # After inheritance, so that what an arm inherits can be set for that arm alone.
    tree = override(inherit(read_tree(path)), [*named, *assignments])
    tree = _rebased(tree, path.parent)
    return Loaded(check(Scenario, tree), tree, path.parent)


def _rebased(tree: Tree, folder: Path) -> Tree:
    """Files that an extended scenario names begin at its own folder: written here as they are found from ``folder``."""
    data = copy.deepcopy(tree.data)
    for path in _FILES:
        for steps in _matching(data, path):
            *parents, last = steps
            holder = reduce(operator.getitem, parents, data)
            position, value = position_of(tree, steps), holder[last]
            if not position.line or not isinstance(value, str) or (".py:" not in value and last == "use"):
                continue  # an option as typed, something for validation to refuse, or a detector that is no file
            home = Path(position.file).parent
            if (home / value.partition(":")[0]).exists() and not home.samefile(folder):
                holder[last] = os.path.relpath(home / value, folder)
    return Tree(data, tree.positions)


def _matching(data: Any, path: KeyPath) -> Iterator[KeyPath]:
    """The key paths of a document that a path with stars in it means."""
    if not path:
        yield ()
        return
    first, *rest = path
    for key in data if isinstance(data, dict) else ():
        if first in (key, "*"):
            yield from ((key, *more) for more in _matching(data[key], tuple(rest)))


def resolved(scenario: Scenario) -> Mapping[str, Any]:
    """The scenario with every default written out, as plain YAML values; loading it gives the same scenario."""
    dumped: dict[str, Any] = scenario.model_dump(mode="json", exclude_none=True)
    return dumped


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
