"""From a sweep's file to its points: each a whole checked scenario, as if it had been written out by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simharness.errors import UsageError, UsageErrors
from simharness.scenario.load import Loaded, load_scenario
from simharness.scenario.model import Scenario
from simharness.scenario.problems import check
from simharness.scenario.source import existing_path, read_tree
from simharness.scenario.tree import KeyPath, Position, Tree, did_you_mean, position_of, positioned
from simharness.sweeping.asked import require_arms, require_metrics
from simharness.sweeping.design import Values, design_values, require_few
from simharness.sweeping.moved import require_movable, require_settable, require_used
from simharness.sweeping.spec import SweepSpec
from simharness.sweeping.values import Scalar, times


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the design: a value of every parameter (None: the scenario's own), and the scenario it makes."""

    number: int
    values: Values
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep made ready. ``base``: the scenario as it is with the sweep's ``set``; every point differs from it."""

    spec: SweepSpec
    tree: Tree
    base: Loaded
    points: list[Point]

    @property
    def arms(self) -> list[str]:
        """The arms that are simulated, in the scenario's order, the comparator among them."""
        return list(self.points[0].scenario.arms)


def load_sweep(path: Path, **changes: Any) -> Sweep:
    """Load and check a sweep and every point of it. ``changes`` (seed, scale, replications) count where not None.

    Raises UsageError or UsageErrors with file and line.
    """
    tree = read_tree(path)
    spec = check(SweepSpec, tree)
    require_few(spec, positioned(tree, ("design",)))
    own = {name: getattr(spec, name) for name in ("seed", "scale", "replications")}
    given = {name: value for name, value in changes.items() if value is not None}
    scenario = path.parent / spec.scenario
    if not scenario.is_file():
        near = did_you_mean(scenario.name, (file.name for file in scenario.parent.glob("*.yaml")))
        raise UsageError(positioned(tree, "scenario"), f"no such file {spec.scenario!r}", hint=near)
    loaded = load_scenario(scenario, **(own | given))
    base_tree = loaded.tree
    for name, value in spec.set.items():
        require_settable(tree, name)
        steps = existing_path(base_tree, name, positioned(tree, ("set", name)))
        base_tree = placed(base_tree, steps, value, position_of(tree, ("set", name)))
    base = Loaded(check(Scenario, base_tree), base_tree, loaded.folder)
    require_arms(spec, tree, base.scenario)
    require_metrics(spec, tree, base.scenario)
    places = {
        name: [existing_path(base_tree, each, positioned(tree, ("parameters", name))) for each in swept.at]
        for name, swept in spec.parameters.items()
    }
    require_movable(spec, tree, base.scenario, places)
    points = [
        Point(number, values, _sharing(_simulated(spec, _made(spec, tree, base_tree, places, values)), base.scenario))
        for number, values in enumerate(design_values(spec))
    ]
    require_used(tree, places, [point.scenario for point in points])
    return Sweep(spec, tree, base, points)


def placed(tree: Tree, path: KeyPath, value: Any, position: Position) -> Tree:
    """The tree with another value at a path, said to stand at ``position``; nothing of ``tree`` itself is changed."""
    data = dict(tree.data)
    holder: Any = data
    for step in path[:-1]:
        inside = holder[step]
        holder[step] = list(inside) if isinstance(inside, list) else dict(inside)
        holder = holder[step]
    holder[path[-1]] = value
    return Tree(data, tree.positions | {path: position})


def _made(spec: SweepSpec, tree: Tree, base: Tree, places: dict[str, list[KeyPath]], values: Values) -> Scenario:
    made = base
    for name, value in values.items():
        for path in places[name] if value is not None else ():
            stands = position_of(tree, ("parameters", name))
            made = placed(made, path, _moved(spec, tree, base, name, path, value), stands)
    try:
        return check(Scenario, made)
    except UsageErrors as error:
        said = ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)
        where = positioned(tree, ("parameters",))
        raise UsageError(where, f"the point with {said} is no valid scenario", hint=f"{error}{_whole(error)}") from None


def _whole(error: UsageErrors) -> str:
    """What to do where a range gave a fraction of something that is counted."""
    return "\n  For whole numbers of a range state integer: true." if "expected an integer" in str(error) else ""


def _moved(spec: SweepSpec, tree: Tree, base: Tree, name: str, path: KeyPath, value: Scalar | None) -> Any:
    """The value as it goes into the scenario: itself, or as a factor on what stands there."""
    swept = spec.parameters[name]
    if not swept.relative:
        return value
    stated = stated_at(base, path)
    try:
        if not isinstance(stated, bool | int | float | str):
            raise ValueError("the scenario states no number here; state one under set")
        assert isinstance(value, int | float)
        return times(stated, value, swept.integer)
    except ValueError as error:
        raise UsageError(f"{positioned(tree, ('parameters', name))}: {'.'.join(map(str, path))}", str(error)) from None


def stated_at(tree: Tree, path: KeyPath) -> Any:
    """What a document states at a path; None for nothing."""
    inside: Any = tree.data
    for step in path[:-1]:
        inside = inside[step]
    known = dict(enumerate(inside)) if isinstance(inside, list) else inside
    return known.get(path[-1])


def _simulated(spec: SweepSpec, scenario: Scenario) -> Scenario:
    """The scenario with the arms that are asked for and the detectors they act on: others would change nothing."""
    wanted = {*(spec.arms or scenario.arms), scenario.comparator}
    arms = {name: arm for name, arm in scenario.arms.items() if name in wanted}
    used = {arm.detector for arm in arms.values()}
    detectors = {name: each for name, each in scenario.detectors.items() if name in used}
    unasked: dict[str, Any] = {"matched_budget": None, "recorded": [], "precision": None}
    return scenario.model_copy(update=unasked | {"arms": arms, "detectors": detectors})


def _sharing(scenario: Scenario, base: Scenario) -> Scenario:
    """The same scenario, with what is equal in the base taken from there: a thousand points then fit into memory."""
    same = {name: getattr(base, name) for name in type(base).model_fields if _equal(scenario, base, name)}
    arms = {name: base.arms[name] if arm == base.arms[name] else arm for name, arm in scenario.arms.items()}
    return scenario.model_copy(update=same | {"arms": arms})


def _equal(scenario: Scenario, base: Scenario, name: str) -> bool:
    return bool(getattr(scenario, name) == getattr(base, name))
