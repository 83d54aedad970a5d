"""What ``sweep.json`` holds: the design, every point's outputs with intervals, and what the points say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from simharness.metrics.intervals import LEVEL, clopper_pearson
from simharness.sweeping.asked import direction_of, metric_of
from simharness.sweeping.effects import main_effects, rank_correlations, sobol_indices
from simharness.sweeping.frontier import pareto
from simharness.sweeping.numbers import Numbers
from simharness.sweeping.points import Sweep
from simharness.sweeping.spec import Direction, LatinHypercube, OneAtATime, Sobol
from simharness.sweeping.values import as_column

SCHEMA_VERSION = 1
RESULTS_TABLE, RESULTS_JSON = "sweep.parquet", "sweep.json"


def results(sweep: Sweep, numbers: Numbers) -> dict[str, Any]:
    """A sweep's results as plain data; the parts a design does not have are null."""
    spec, scenario = sweep.spec, sweep.base.scenario
    outputs = [{**asdict_of(each.metric), "arm": each.arm} for each in spec.outputs]
    one_at_a_time = isinstance(spec.design, OneAtATime)
    return {
        "schema_version": SCHEMA_VERSION,
        "synthetic": True,
        "title": spec.title,
        "scenario": scenario.name,
        "seed": scenario.seed,
        "scale": scenario.scale,
        "replications": scenario.replications,
        "level": LEVEL,
        "comparator": scenario.comparator,
        "arms": {name: scenario.arms[name].title for name in sweep.arms},
        "design": spec.design.model_dump(mode="json"),
        "parameters": _parameters(sweep),
        "outputs": outputs,
        "points": [_point(sweep, numbers, place) for place in range(len(sweep.points))],
        "effects": None if one_at_a_time else _effects(sweep, numbers),
        "tornado": _tornado(sweep, numbers) if one_at_a_time else None,
        "best": _best(sweep, numbers) if spec.best else None,
        "frontier": _frontier(sweep, numbers) if spec.frontier else None,
    }


def asdict_of(name: str) -> dict[str, Any]:
    """A metric as results name it: name, title, unit and which way is better."""
    metric = metric_of(name)
    return {"metric": name, "title": metric.title, "unit": metric.unit, "better": metric.better}


def _parameters(sweep: Sweep) -> dict[str, Any]:
    found = {}
    for name, swept in sweep.spec.parameters.items():
        column, unit = as_column([point.values[name] for point in sweep.points])
        said = swept.model_dump(mode="json", exclude_none=True)
        found[name] = said | {"unit": unit, "distinct": len({each for each in column if each is not None})}
    return found


def _point(sweep: Sweep, numbers: Numbers, place: int) -> dict[str, Any]:
    """One point: its parameters, and every output with the paired difference from the comparator's."""
    comparator = sweep.base.scenario.comparator
    found = [
        numbers.estimate(place, each.arm, each.metric)
        | {"difference": numbers.difference(place, each.arm, each.metric, (place, comparator))}
        for each in sweep.spec.outputs
    ]
    return {"point": place, "values": sweep.points[place].values, "estimates": found}


def _effects(sweep: Sweep, numbers: Numbers) -> dict[str, Any]:
    """Every parameter's part in every output, by what the design allows: Sobol' indices, correlations, or shares."""
    design, names = sweep.spec.design, list(sweep.spec.parameters)
    rows = []
    for place, output in enumerate(sweep.spec.outputs):
        found = [numbers.estimate(p.number, *output.key)["estimate"] for p in sweep.points]
        values = np.array(found, np.float64)
        if isinstance(design, Sobol):
            kind = "sobol"
            indices = sobol_indices(values, len(names), design.second_order, design.seed)
            parts: list[dict[str, Any]] = [asdict(each) for each in indices]
        elif isinstance(design, LatinHypercube):
            kind = "partial rank correlation"
            columns = [as_column([p.values[name] for p in sweep.points])[0] for name in names]
            matrix = np.array(columns, np.float64).T
            parts = [{"correlation": asdict(each)} for each in rank_correlations(matrix, values)]
        else:
            kind = "eta squared"
            levels = [[p.values[name] for p in sweep.points] for name in names]
            parts = [{"share": each} for each in main_effects(levels, values)]
        rows += [{"output": place, "parameter": name, **part} for name, part in zip(names, parts, strict=True)]
    return {"kind": kind, "rows": rows}


def _tornado(sweep: Sweep, numbers: Numbers) -> list[dict[str, Any]]:
    """Per output: every parameter's points beside the base, the widest span of the output first."""
    found = []
    for place, output in enumerate(sweep.spec.outputs):
        base = numbers.estimate(0, *output.key)
        bars = [_bar(sweep, numbers, name, output.key) for name in sweep.spec.parameters]
        bars.sort(key=lambda bar: -1.0 if bar["span"] is None else bar["span"], reverse=True)
        found.append({"output": place, "base": base, "bars": bars})
    return found


def _bar(sweep: Sweep, numbers: Numbers, name: str, output: tuple[str, str]) -> dict[str, Any]:
    moved = [point for point in sweep.points if point.values[name] is not None]
    ends = [
        {
            "value": point.values[name],
            **numbers.estimate(point.number, *output),
            "difference": numbers.difference(point.number, *output, (0, output[0])),
        }
        for point in moved
    ]
    known = [each["estimate"] for each in [numbers.estimate(0, *output), *ends] if each["estimate"] is not None]
    return {"parameter": name, "points": ends, "span": max(known) - min(known) if len(known) > 1 else None}


def _best(sweep: Sweep, numbers: Numbers) -> dict[str, Any]:
    """Which arm is best at each point, by its estimate and by replication, and at what share of all points."""
    asked = sweep.spec.best
    assert asked is not None
    direction = direction_of(asked.metric, asked.direction)
    points: list[dict[str, Any]] = []
    for point in sweep.points:
        means = {arm: numbers.estimate(point.number, arm, asked.metric)["estimate"] for arm in sweep.arms}
        series = {arm: numbers.values(point.number, arm, asked.metric) for arm in sweep.arms}
        rounds = [dict(zip(series, each, strict=True)) for each in zip(*series.values(), strict=False)]
        winners = [leaders(each, direction) for each in rounds]
        shares = {arm: sum(arm in each for each in winners) / len(winners) for arm in sweep.arms} if winners else {}
        points.append({"point": point.number, "best": leaders(means, direction), "replications": shares})
    # A grid's points are all there are; those of a drawn design stand for the whole range.
    drawn = isinstance(sweep.spec.design, LatinHypercube)
    counts = {arm: sum(arm in each["best"] for each in points) for arm in sweep.arms}
    over = {arm: _of_points(count, len(points), drawn) for arm, count in counts.items()}
    return {**asdict_of(asked.metric), "direction": direction, "points": points, "shares": over}


def _of_points(count: int, points: int, drawn: bool) -> dict[str, Any]:
    found = asdict(clopper_pearson(count, points))
    bare: dict[str, Any] = {} if drawn else {"low": None, "high": None, "method": "all points of the design"}
    return found | bare | {"unit": "share"}


def leaders(values: dict[str, float | None], direction: Direction) -> list[str]:
    """The arms with the best value, several where they are equal, none where all are undefined."""
    known = {arm: value for arm, value in values.items() if value is not None}
    if not known:
        return []
    best = max(known.values()) if direction == "higher" else min(known.values())
    return [arm for arm, value in known.items() if value == best]


def _frontier(sweep: Sweep, numbers: Numbers) -> dict[str, Any]:
    """The points that no other beats in all the metrics asked for, by their estimates, in order of the first."""
    asked = sweep.spec.frontier
    assert asked is not None
    directions = {name: direction_of(name, stated) for name, stated in asked.metrics.items()}
    found = [[numbers.estimate(point.number, asked.arm, name) for name in directions] for point in sweep.points]
    values = np.array([[each["estimate"] for each in row] for row in found], np.float64)
    kept: Sequence[int] = np.flatnonzero(pareto(values, list(directions.values()))).tolist()
    rows = [
        {"point": place, "values": sweep.points[place].values, "estimates": found[place]}
        for place in sorted(kept, key=lambda place: (values[place, 0], place))
    ]
    metrics = [asdict_of(name) | {"direction": direction} for name, direction in directions.items()]
    return {"arm": asked.arm, "metrics": metrics, "of": len(sweep.points), "rows": rows}
