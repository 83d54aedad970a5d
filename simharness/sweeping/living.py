"""One unit of a sweep: a world is read once, every policy of the unit is lived through from that reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pyarrow as pa

from simharness.detection.faults import DetectorFailed, Fault
from simharness.detection.scoring import build_detectors
from simharness.metrics.cell import cell_rows
from simharness.metrics.estimates import RECORDED
from simharness.metrics.rows import Row
from simharness.outcomes.cell import Prepared, ReadWorld, arm_input, cell_of, read_world
from simharness.outcomes.tables import SYNTHETIC
from simharness.response.arm import ArmInput, ArmResult, simulate_arm
from simharness.run import prepare_cells
from simharness.scenario.model import Scenario
from simharness.sweeping.groups import Group, Life, Unit, lives_in, rest_key
from simharness.world.generate import DEFAULT_BATCH
from simharness.world.model import WorldModel, build_model

Rows = list[tuple[int, Row]]  # point, row
_COLUMNS = {
    "point": pa.int32(),
    "arm": pa.string(),
    "metric": pa.string(),
    "stratum": pa.string(),
    "replication": pa.int32(),
    "value": pa.float64(),
    "unit": pa.string(),
}


@dataclass(frozen=True, slots=True)
class PreparedGroup:
    """A group with its world made ready, its detectors trained and the levels of all its arms set."""

    group: Group
    prepared: Prepared


def prepare_group(group: Group, folder: Path, batch_size: int = DEFAULT_BATCH) -> PreparedGroup:
    """Make a group ready. Raises UsageError, and DetectorFailed where a detector cannot be trained or heard."""
    model = build_model(group.scenario.one_nation(), folder)
    if not group.scenario.detectors:  # nobody reads, so nothing is to be trained
        return PreparedGroup(group, Prepared(model, {}, {}, batch_size))
    prepared = prepare_cells(model, build_detectors(group.scenario.detectors, folder), batch_size)
    _require_whole(prepared.faults)
    return PreparedGroup(group, prepared)


def live_unit(ready: PreparedGroup, unit: Unit, strata: frozenset[str]) -> Rows:
    """Read the unit's world once and live all its points through.

    Rows: every metric of the whole and of desks, and those of ``strata`` (``metric[stratum]``). Raises DetectorFailed.
    """
    group = ready.group
    read = read_world(ready.prepared, unit.cell)
    _require_whole([fault for each in ready.prepared.scorers.values() for fault in each.guard.faults()])
    results = _lived(ready, read, lives_in(group, unit.points))
    members = {point.number: point for point in group.points}
    counted: dict[tuple[str, ...], list[Row]] = {}
    rows: Rows = []
    for number in unit.points:
        scenario, keys = members[number].scenario, group.arms[number]
        model = point_model(ready.prepared.model, scenario)
        cell = cell_of(read, {name: results[key] for name, key in keys.items()}, {})
        # An arm's numbers come from its life, the comparator's, and all the scenario says beside its arms.
        same = rest_key(scenario), keys[scenario.comparator]
        for name, key in keys.items():
            if (name, key, *same) not in counted:
                found = cell_rows(model, cell, [name], subgroups=bool(strata))
                counted[name, key, *same] = [row for row in found if _kept(row, strata)]
            rows += [(number, row) for row in counted[name, key, *same]]
    return rows


def point_model(model: WorldModel, scenario: Scenario) -> WorldModel:
    """The group's world under one point's own scenario: what was read stays, what police and metrics see is its own.

    Stress has been carried out in the group's ``world``, so only recording, which no world looks at, is the point's.
    """
    own = scenario.one_nation()
    world = model.scenario.world.model_copy(update={"recording": own.world.recording})
    return replace(model, scenario=own.model_copy(update={"world": world}))


def rows_table(rows: Rows) -> pa.Table:
    """Tidy rows of points as an Arrow table."""
    columns = {name: [number if name == "point" else getattr(row, name) for number, row in rows] for name in _COLUMNS}
    return pa.table(columns, schema=pa.schema(_COLUMNS)).replace_schema_metadata(SYNTHETIC)


def _lived(ready: PreparedGroup, read: ReadWorld, lives: Mapping[str, Life]) -> dict[str, ArmResult]:
    """Every life's result by key. Arms with one signal are given the same alerts, made once."""
    scenarios = {point.number: point.scenario for point in ready.group.points}
    given: dict[str | None, ArmInput] = {}
    results = {}
    for key, life in lives.items():
        if life.level not in given:
            made = arm_input(read, life.level or "", life.arm)
            # Most lives change the same conversations at the same moments: five in six were read again for nothing.
            given[life.level] = replace(made, rescan=cache(made.rescan))
        model = point_model(ready.prepared.model, scenarios[life.point])
        results[key] = simulate_arm(model, read.seed, life.arm, given[life.level])
    return results


def _kept(row: Row, strata: frozenset[str]) -> bool:
    if row.metric == RECORDED:
        return False
    return not row.stratum or row.metric.startswith("desk_") or f"{row.metric}[{row.stratum}]" in strata


def _require_whole(faults: tuple[Fault, ...] | list[Fault]) -> None:
    for fault in faults:
        if fault.effect == "failed":
            raise DetectorFailed(fault.kind, fault.first, fault.detector)
