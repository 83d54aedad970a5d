"""From a sweep's file to its points: each a whole checked scenario, as if it had been written out by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simharness.errors import UsageError, UsageErrors
from simharness.metrics.catalogue import METRICS
from simharness.metrics.metric import Metric
from simharness.scenario.load import Loaded, load_scenario
from simharness.scenario.model import Scenario
from simharness.scenario.problems import check
from simharness.scenario.source import existing_path, read_tree
from simharness.scenario.tree import KeyPath, Position, Tree, did_you_mean, position_of, positioned
from simharness.sweeping.design import Values, design_values
from simharness.sweeping.spec import Direction, Output, SweepSpec
from simharness.sweeping.values import Scalar, times

OWN_FIELDS = ("seed", "replications")  # of the sweep itself: points that differ in them could not be paired


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
    own = {name: getattr(spec, name) for name in ("seed", "scale", "replications")}
    given = {name: value for name, value in changes.items() if value is not None}
    scenario = path.parent / spec.scenario
    if not scenario.is_file():
        near = did_you_mean(scenario.name, (file.name for file in scenario.parent.glob("*.yaml")))
        raise UsageError(positioned(tree, "scenario"), f"no such file {spec.scenario!r}", hint=near)
    loaded = load_scenario(scenario, **(own | given))
    base_tree = loaded.tree
    for name, value in spec.set.items():
        steps = existing_path(base_tree, name, positioned(tree, ("set", name)))
        base_tree = placed(base_tree, steps, value, position_of(tree, ("set", name)))
    base = Loaded(check(Scenario, base_tree), base_tree, loaded.folder)
    _require_arms(spec, tree, base.scenario)
    _require_metrics(spec, tree, base.scenario)
    places = {name: [_place(tree, base_tree, name, each) for each in s.at] for name, s in spec.parameters.items()}
    points = [
        Point(number, values, _sharing(_simulated(spec, _made(spec, tree, base_tree, places, values)), base.scenario))
        for number, values in enumerate(design_values(spec))
    ]
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


def _place(tree: Tree, base: Tree, name: str, path: str) -> KeyPath:
    where = positioned(tree, ("parameters", name))
    if path.partition(".")[0] in OWN_FIELDS:
        raise UsageError(where, f"{path} cannot be swept", hint=f"State {path} for the whole sweep, at its top level.")
    return existing_path(base, path, where)


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
        raise UsageError(where, f"the point with {said} is no valid scenario", hint=str(error)) from None


def _moved(spec: SweepSpec, tree: Tree, base: Tree, name: str, path: KeyPath, value: Scalar | None) -> Any:
    """The value as it goes into the scenario: itself, or as a factor on what stands there."""
    swept = spec.parameters[name]
    if not swept.relative:
        return value
    stated = stated_at(base, path)
    try:
        if stated is None:
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


def _require_arms(spec: SweepSpec, tree: Tree, scenario: Scenario) -> None:
    named: list[tuple[KeyPath, str]] = [(("arms", place), arm) for place, arm in enumerate(spec.arms or ())]
    simulated = {*(spec.arms or scenario.arms), scenario.comparator}
    named += [(("outputs", place, "arm"), each.arm) for place, each in enumerate(spec.outputs)]
    named += [(("frontier", "arm"), spec.frontier.arm)] if spec.frontier else []
    for path, arm in named:
        if arm not in scenario.arms:
            known = list(scenario.arms)
            raise UsageError(
                positioned(tree, path), f"unknown arm {arm!r}", allowed=", ".join(known), hint=did_you_mean(arm, known)
            )
        if arm not in simulated:
            raise UsageError(positioned(tree, path), f"the arm {arm!r} is not simulated", hint="Add it to arms.")


def _require_metrics(spec: SweepSpec, tree: Tree, scenario: Scenario) -> None:
    for place, output in enumerate(spec.outputs):
        metric_of(output.metric, positioned(tree, ("outputs", place, "metric")))
        _require_stratum(output, scenario, positioned(tree, ("outputs", place, "metric")))
    if spec.best is not None:
        direction_of(spec.best.metric, spec.best.direction, positioned(tree, ("best", "metric")))
    for name, direction in spec.frontier.metrics.items() if spec.frontier else ():
        direction_of(name, direction, positioned(tree, ("frontier", "metrics", name)))


def metric_of(name: str, where: str = "metric") -> Metric:
    """The metric of an arm that ``metric`` or ``metric[stratum]`` means. Raises UsageError."""
    base, _, stratum = name.partition("[")
    known = [each for subject, each in METRICS if subject == "arm"]
    if base not in known or (stratum and not stratum.endswith("]")):
        hint = did_you_mean(base, known) or "simharness list metrics names them all."
        raise UsageError(where, f"unknown metric of an arm {name!r}", hint=hint)
    return METRICS["arm", base]


def direction_of(name: str, stated: Direction | None, where: str = "direction") -> Direction:
    """Which way a metric is better: as stated, or its own way. Raises UsageError where neither is known."""
    metric = metric_of(name, where)
    direction = stated or metric.better
    if direction is None:
        raise UsageError(where, f"{name} is neither better high nor low by itself", allowed="higher, lower")
    return direction


def _require_stratum(output: Output, scenario: Scenario, where: str) -> None:
    """The desks of an arm are known before anything runs; other strata when the first unit has run."""
    base, bracket, stratum = output.metric.partition("[")
    if bracket and base.startswith("desk_"):
        known = [*scenario.arms[output.arm].queues, "police"]
        if stratum.removesuffix("]") not in known:
            raise UsageError(where, f"{output.arm} has no desk {stratum.removesuffix(']')!r}", allowed=", ".join(known))
