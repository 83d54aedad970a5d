"""What a suite says of a scenario, put into the scenario's tree: each value keeps the file and line it stands on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simharness.errors import UsageError
from simharness.scenario.load import Edit
from simharness.scenario.source import existing_path
from simharness.scenario.tree import (
    Branch,
    KeyPath,
    Tree,
    branch_of,
    did_you_mean,
    position_of,
    positioned,
    tree_of,
)
from simharness.suites.loading import Added
from simharness.suites.spec import BaseSpec, RunSpec


def edit(tree: Tree, places: Sequence[KeyPath], *, expected: bool = False) -> Edit:
    """What a suite sets in a scenario, and with ``expected`` adds to its bars; each keeps the line it stands on."""

    def edited(scenario: Tree) -> Tree:
        for at in places:
            for name, branch in branch_at(tree, (*at, "set")).items():
                where = positioned(tree, (*at, "set", name))
                scenario = grafted(scenario, existing_path(scenario, str(name), where), branch)
        more = branch_at(tree, (*places[0], "expect")) if expected else None
        if not more:
            return scenario
        own = branch_of(scenario).value.get("expect")
        before = own.value if own is not None and isinstance(own.value, list) else []
        position = position_of(tree, (*places[0], "expect"))
        return grafted(scenario, ("expect",), Branch(position, [*before, *more]))

    return edited


def branch_at(tree: Tree, path: KeyPath) -> Any:
    """The branches below a path of a document, a dict or a list; empty where there is nothing."""
    found = branch_of(tree)
    for step in path:
        if isinstance(found.value, dict) and step not in found.value:
            return {}
        found = found.value[step]
    return found.value or {}


def grafted(tree: Tree, path: KeyPath, branch: Branch) -> Tree:
    """The tree with another branch at a path; a null takes away a key that is there, as it does between files.

    Nothing of ``tree`` itself is changed.
    """
    root = holder = branch_of(tree)
    for step in path[:-1]:
        holder = holder.value[step]
    if branch.value is None and isinstance(holder.value, dict) and path[-1] in holder.value:
        del holder.value[path[-1]]
    else:
        holder.value[path[-1]] = branch
    return tree_of(root)


def added(tree: Tree, at: KeyPath, asking: RunSpec | BaseSpec) -> list[Added]:
    """The detectors that a run or a base adds; their files begin at the folder of the suite."""
    folder = Path(position_of(tree, (*at, "detectors")).file).parent
    specs = enumerate(asking.detectors or ())
    return [Added(spec, positioned(tree, (*at, "detectors", place)), folder) for place, spec in specs]


def file_at(tree: Tree, at: KeyPath, name: str) -> Path:
    """A path as it stands in the suite: from the folder of the file it was written in. Raises UsageError."""
    found = Path(position_of(tree, at).file).parent / name
    if not found.exists():
        near = did_you_mean(found.name, (each.name for each in found.parent.glob("*")))
        raise UsageError(positioned(tree, at), f"no such file or folder {name!r}", hint=near)
    return found
