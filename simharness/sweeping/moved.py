"""Which parameters of a scenario a sweep may move: those that a point's numbers come from, each by one parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simharness.errors import UsageError
from simharness.scenario.model import Scenario
from simharness.scenario.tree import KeyPath, Tree, did_you_mean, dotted, positioned
from simharness.sweeping.asked import simulated_arms
from simharness.sweeping.spec import SweepSpec

# Points that differ in these could not be paired, or would not differ in any number.
FIXED = {
    "seed": "State it for the whole sweep, at its top level.",
    "replications": "State it for the whole sweep, at its top level.",
    "comparator": "All points are held against one comparator: state it under set.",
    "precision": "Every point has as many replications as the sweep states at its top level.",
    "matched_budget": "It is about detectors; a sweep counts what arms come to.",
    "recorded": "It holds a run against published figures; no arm depends on it.",
    "name": "It changes no number.",
    "title": "It changes no number.",
    "description": "It changes no number.",
}
TOP = ("seed", "replications", "scale")  # the command line's count against these, so they stand in one place


def require_settable(tree: Tree, name: str) -> None:
    """Raise UsageError for a value under ``set`` that has a place of its own in the sweep."""
    if name in TOP:
        where = positioned(tree, ("set", name))
        raise UsageError(where, f"{name} cannot be set here", hint="State it at the sweep's top level.")


def require_movable(spec: SweepSpec, tree: Tree, scenario: Scenario, places: Mapping[str, Sequence[KeyPath]]) -> None:
    """Raise UsageError where a parameter moves what no point may differ in, what no simulated arm has, or what another
    parameter moves too. ``places``: every parameter's paths.
    """
    simulated, taken = simulated_arms(spec, scenario), list[tuple[KeyPath, str]]()
    for name, path in ((name, path) for name, paths in places.items() for path in paths):
        where, said = positioned(tree, ("parameters", name)), dotted(path)
        if path[0] in FIXED:
            raise UsageError(where, f"{said} cannot be swept", hint=FIXED[str(path[0])])
        if path[0] == "arms" and path[1] not in simulated:
            near = did_you_mean(path[1], simulated) or "Add the arm to arms."
            raise UsageError(where, f"{said} is of an arm that is not simulated", hint=near)
        for other, owner in taken:
            if path[: len(other)] == other[: len(path)]:
                hint = "Each path is moved once, by one parameter."
                raise UsageError(where, f"{said} is moved by {owner} already", hint=hint)
        taken.append((path, name))


def require_used(tree: Tree, places: Mapping[str, Sequence[KeyPath]], scenarios: Sequence[Scenario]) -> None:
    """Raise UsageError for a parameter of a detector that no arm of any point acts on."""
    used = {name for scenario in scenarios for name in scenario.detectors}
    for name, path in ((name, path) for name, paths in places.items() for path in paths):
        if path[0] == "detectors" and len(path) > 1 and path[1] not in used:
            where, known = positioned(tree, ("parameters", name)), ", ".join(sorted(used)) or "none"
            raise UsageError(where, f"no simulated arm acts on the detector {path[1]!r}", allowed=known)
