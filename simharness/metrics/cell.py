"""Every number of one cell, in tidy form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from simharness.metrics.arms import arm_numbers
from simharness.metrics.backlog import backlogs
from simharness.metrics.catalogue import METRICS
from simharness.metrics.cost_numbers import cost_numbers
from simharness.metrics.desks import desk_numbers
from simharness.metrics.detector_early import early_numbers, early_strata, length_areas
from simharness.metrics.detectors import detector_numbers, stage_shares
from simharness.metrics.estimates import RECORDED
from simharness.metrics.harm import harm_numbers
from simharness.metrics.recorded import recorded_numbers
from simharness.metrics.rows import Row
from simharness.metrics.subgroups import arm_subgroups, detector_subgroups
from simharness.outcomes.cell import Cell
from simharness.world.model import WorldModel


def cell_rows(model: WorldModel, cell: Cell, arms: Iterable[str] | None = None, *, subgroups: bool = True) -> list[Row]:
    """Every number of one cell in tidy form. ``arms``: those to count; all if absent. ``subgroups``: of arms."""
    rows = []

    def add(subject: str, arm: str, detector: str, numbers: Mapping[str, float | None], stratum: str = "") -> None:
        for name, value in numbers.items():
            unit = METRICS[subject, name].unit
            rows.append(Row(name, arm, detector, stratum, cell.replication, value, unit))

    shown = list(cell.arms) if arms is None else list(arms)
    priced = [model.scenario.comparator] if model.scenario.prices else []  # extra costs are over the comparator's
    numbers = {arm: arm_numbers(model, cell, arm) for arm in dict.fromkeys([*shown, *priced])}
    for arm in shown:
        add("arm", arm, "", numbers[arm])
        add("arm", arm, "", cost_numbers(model, cell, arm, numbers))
        for name, desk, size in backlogs(cell.arms[arm].log, model.scenario.horizon_s):
            add("arm", arm, "", {name: size}, desk)
        for name, stratum, value in desk_numbers(cell.arms[arm].log, bool(model.scenario.arms[arm].queues)):
            add("arm", arm, "", {name: value}, stratum)
        for name, stratum, value in harm_numbers(model, cell, arm):
            add("arm", arm, "", {name: value}, stratum)
        for name, stratum, value in arm_subgroups(model, cell, arm) if subgroups else ():
            add("arm", arm, "", {name: value}, stratum)
    lengths = length_areas(model, cell.readings)
    for detector, reading in cell.readings.items():
        add("detector", "", detector, detector_numbers(model, cell.readings, detector) | lengths)
        add("detector", "", detector, early_numbers(model, reading))
        for name, stratum, value in early_strata(model, reading):
            add("detector", "", detector, {name: value}, stratum)
        for stage, share in stage_shares(reading, model.grammar).items():
            add("detector", "", detector, {"stage_at_alert": share}, stage)
        for name, stratum, value in detector_subgroups(model, cell, reading):
            add("detector", "", detector, {name: value}, stratum)
    comparator = model.scenario.comparator
    for place, value in enumerate(recorded_numbers(model, cell)):
        rows.append(Row(RECORDED, comparator, "", str(place), cell.replication, value, "as the figure's"))
    return rows
