"""Harm under one arm: when it comes, to how many children and by how many offenders, and net of harm brought about."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simharness.metrics.arms import changes, leads
from simharness.metrics.course import course_numbers
from simharness.outcomes.cell import Cell
from simharness.records import LADDER
from simharness.response.arm import ArmResult
from simharness.world.clock import DAY_S
from simharness.world.model import WorldModel

Array = NDArray[np.float64]
Number = float | None
UNITS = ("children", "offenders")
CHANGES = ("prevented", "delayed", "unchanged", "made_worse")
QUANTILES = (10, 25, 75, 90)
_PER = 1000.0


def harm_numbers(model: WorldModel, cell: Cell, name: str) -> Iterator[tuple[str, str, Number]]:
    """(metric, stratum, value) of every measure of harm of one arm in one replication; None where undefined."""
    arm, base, horizon_s = cell.arms[name], cell.arms[model.scenario.comparator], model.scenario.horizon_s
    yield from course_numbers(cell, arm, base, horizon_s)
    yield from _leads(cell, arm, base, horizon_s)
    for place, rung in enumerate(LADDER):
        happened = [int(np.isfinite(each.outcomes[:, place]).sum()) for each in (base, arm)]
        yield f"{rung}s_averted", "", happened[0] - happened[1]
    yield "alerts_in_thousands", "", len(arm.log.alert_right) / _PER
    for unit, ids in zip(UNITS, (cell.contacts.child, cell.contacts.initiator), strict=True):
        own, other = earliest(ids, arm.outcomes), earliest(ids, base.outcomes)
        for change, which in changes(other, own).items():
            for place, rung in enumerate(LADDER):
                yield f"{rung}_{unit}_{change}", "", int(which[:, place].sum())
        if unit == "offenders":
            yield "offenders_harming", "", int(np.isfinite(own).any(axis=1).sum())
        else:
            yield from _children(model, own, other)


def earliest(ids: NDArray[np.int64], times: Array) -> Array:
    """The earliest time of each event over the rows of a unit, shape (units, events), units in ascending order.

    ``ids``: the unit of each row, shape (n,); ``times``, shape (n, events), inf: never.
    """
    order = np.argsort(ids, kind="stable")
    starts = np.flatnonzero(np.diff(ids[order], prepend=ids[order][:1] - 1))
    return np.asarray(np.minimum.reduceat(times[order], starts, axis=0)) if ids.size else times


def worst_rungs(times: Array) -> NDArray[np.int64]:
    """The worst rung of each unit: 0 none, 1 the mildest, and so on; ``times``, shape (units, rungs), inf: never."""
    numbers = np.arange(1, times.shape[1] + 1)
    return np.asarray(np.where(np.isfinite(times), numbers, 0).max(axis=1, initial=0), np.int64)


def at_least(worst: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many units come to each rung of the ladder or beyond, shape (rungs,), from their worst rungs."""
    return np.array([int((worst >= number).sum()) for number in range(1, len(LADDER) + 1)])


def harm_free_days_gained(arm: Array, base: Array, horizon_s: float) -> float:
    """Days before a unit's first event that an arm adds, summed over units; first events in seconds, inf: never.

    Only days of the period count: an event prevented at its end adds little, however much it would have come to.
    """
    return float((np.minimum(arm, horizon_s) - np.minimum(base, horizon_s)).sum() / DAY_S)


def _children(model: WorldModel, own: Array, other: Array) -> Iterator[tuple[str, str, Number]]:
    worst, before = worst_rungs(own), worst_rungs(other)
    for rung, count in zip(LADDER, at_least(worst).tolist(), strict=True):
        yield "children_at_least", rung, count
    first = [times.min(axis=1) for times in (own, other)]
    yield "harm_free_child_days_gained", "", harm_free_days_gained(first[0], first[1], model.scenario.horizon_s)
    if model.scenario.harm_weights is not None:
        weights = np.array([0.0, *model.scenario.harm_weights.by_rung().values()])
        harm = [float(weights[rungs].sum()) for rungs in (worst, before)]
        yield "weighted_harm", "", harm[0]
        yield "weighted_harm_averted", "", harm[1] - harm[0]


def _leads(cell: Cell, arm: ArmResult, base: ArmResult, horizon_s: float) -> Iterator[tuple[str, str, Number]]:
    found = leads(arm.cut[: cell.planned], base.cut[: cell.planned], horizon_s) / DAY_S
    for percent in QUANTILES:
        yield "lead_time_days", f"p{percent}", float(np.quantile(found, percent / 100.0)) if found.size else None
