"""What a sweep asks of its points: arms and metrics that exist, said before anything runs where that can be known."""

from __future__ import annotations

from simharness.errors import UsageError
from simharness.metrics.catalogue import METRICS
from simharness.metrics.metric import Metric
from simharness.scenario.model import Scenario
from simharness.scenario.tree import KeyPath, Tree, did_you_mean, positioned
from simharness.sweeping.spec import Direction, SweepSpec

Asked = tuple[KeyPath, str | None, str]  # where it stands in the sweep's file, arm (None: any), metric
_NEEDS = (("cost_", "prices"), ("extra_cost_", "prices"), ("weighted_harm", "harm_weights"))


def simulated_arms(spec: SweepSpec, scenario: Scenario) -> list[str]:
    """The arms that are simulated, in the scenario's order, the comparator among them."""
    wanted = {*(spec.arms or scenario.arms), scenario.comparator}
    return [name for name in scenario.arms if name in wanted]


def asked_metrics(spec: SweepSpec) -> list[Asked]:
    """Every metric that the outputs, the best arm or the frontier ask for."""
    found: list[Asked] = [(("outputs", n, "metric"), each.arm, each.metric) for n, each in enumerate(spec.outputs)]
    found += [(("best", "metric"), None, spec.best.metric)] if spec.best else []
    if spec.frontier is not None:
        found += [(("frontier", "metrics", name), spec.frontier.arm, name) for name in spec.frontier.metrics]
    return found


def require_arms(spec: SweepSpec, tree: Tree, scenario: Scenario) -> None:
    """Raise UsageError for an arm that does not exist or is not simulated."""
    named: list[tuple[KeyPath, str]] = [(("arms", place), arm) for place, arm in enumerate(spec.arms or ())]
    simulated, known = simulated_arms(spec, scenario), list(scenario.arms)
    named += [(("outputs", place, "arm"), each.arm) for place, each in enumerate(spec.outputs)]
    named += [(("frontier", "arm"), spec.frontier.arm)] if spec.frontier else []
    for path, arm in named:
        where = positioned(tree, path)
        if arm not in known:
            raise UsageError(where, f"unknown arm {arm!r}", allowed=", ".join(known), hint=did_you_mean(arm, known))
        if arm not in simulated:
            raise UsageError(where, f"the arm {arm!r} is not simulated", hint="Add it to arms.")


def require_metrics(spec: SweepSpec, tree: Tree, scenario: Scenario) -> None:
    """Raise UsageError for a metric that does not exist, that the scenario gives no means to count, of a desk that an
    arm does not have, or without a better direction where one is needed.
    """
    for path, arm, name in asked_metrics(spec):
        where = positioned(tree, path)
        metric_of(name, where)
        _require_means(name, scenario, where)
        if arm is not None:
            _require_desk(name, arm, scenario, where)
    if spec.best is not None:
        direction_of(spec.best.metric, spec.best.direction, positioned(tree, ("best", "metric")))
    for name, direction in spec.frontier.metrics.items() if spec.frontier else ():
        direction_of(name, direction, positioned(tree, ("frontier", "metrics", name)))


def metric_of(name: str, where: str = "metric") -> Metric:
    """The metric of an arm that ``metric`` or ``metric[stratum]`` means. Raises UsageError."""
    base, _, stratum = name.partition("[")
    known = [each for subject, each in METRICS if subject == "arm"]
    if base not in known or ("[" in name and not stratum.removesuffix("]")) or ("[" in name and name[-1] != "]"):
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


def _require_means(name: str, scenario: Scenario, where: str) -> None:
    for begins, part in _NEEDS:
        if name.startswith(begins) and getattr(scenario, part) is None:
            raise UsageError(where, f"{name!r} is counted only with {part}", hint=f"The scenario states no {part}.")


def _require_desk(name: str, arm: str, scenario: Scenario, where: str) -> None:
    """The desks of an arm are known before anything runs; other strata when the first unit has run."""
    base, _, stratum = name.partition("[")
    desk, known = stratum.removesuffix("]"), ", ".join([*scenario.arms[arm].queues, "police"])
    if base.startswith("desk_") and not desk:
        raise UsageError(where, f"{name} is counted by desk: write {base}[desk]", allowed=known)
    if base.startswith("desk_") and desk not in known.split(", "):
        raise UsageError(where, f"{arm} has no desk {desk!r}", allowed=known)
