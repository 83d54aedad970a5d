"""How much earliness every detector loses under each stress dial, beside what the bound loses under the same.

Each dial is a scenario that differs from the base in ``stress``. Detectors are trained without it and their levels are
set under it, at one rate of false alerts, so that a loss is not bought off with more of them. Replications are paired:
the same seeds in every dial.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from simharness.detection.faults import DetectorFailed
from simharness.detection.levels import LADDER_RATES, REFERENCE
from simharness.detection.scoring import build_detectors
from simharness.errors import UsageError
from simharness.metrics.detectors import false_alert_rates
from simharness.metrics.intervals import LEVEL, Interval, mean_interval, paired_difference
from simharness.outcomes.cell import Prepared, open_readings, replication_seed
from simharness.outcomes.readings import Reading
from simharness.parallel import run_cells
from simharness.run import prepare_cells
from simharness.scenario.load import Loaded
from simharness.scenario.model import Scenario
from simharness.world.generate import World
from simharness.world.model import WorldModel, build_model

SCHEMA_VERSION = 1
SHARE, POINTS, RATE = "share", "percentage points", "per 1,000 child-months"
Number = float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """One detector under one dial: a number a replication, None where undefined."""

    bound: bool
    early: list[Number]  # share of offences alerted on before they happen
    detected: list[Number]  # share of grooming conversations alerted on at all
    false_alerts: list[Number]  # seen, per 1,000 child-months


def robustness(
    base: Loaded,
    dials: Sequence[Loaded],
    *,
    rate: float = LADDER_RATES[REFERENCE],
    jobs: int = 1,
    notify: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Read the base world and that of every dial with every detector; the result is documented in docs/stress.md.

    ``rate``: false alerts per 1,000 child-months at which all are measured, one of ``LADDER_RATES``;
    ``notify(worlds done, worlds in all)``. Raises UsageError for another rate or where a dial cannot be held against
    the base, and DetectorFailed where a detector cannot be read.
    """
    place = _place(rate)
    for dial in dials:
        _require_comparable(base.scenario, dial.scenario)
    names = [dial.scenario.name for dial in dials]
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise UsageError("robustness", f"two dials are named {twice[0]!r}", hint="Give one another name.")
    worlds = [base, *dials]
    found: dict[int, dict[str, Measured]] = {}

    def note(cell: int, measured: dict[str, Measured]) -> None:
        found[cell] = measured
        if notify:
            notify(len(found), len(worlds))

    run_cells(partial(_measure, [(w.scenario, w.folder) for w in worlds], place), range(len(worlds)), jobs, note)
    return table(
        base.scenario,
        [dial.scenario for dial in dials],
        [found[cell] for cell in range(len(worlds))],
        LADDER_RATES[place],
    )


def table(
    base: Scenario, dials: Sequence[Scenario], found: Sequence[Mapping[str, Measured]], rate: float
) -> dict[str, Any]:
    """The table as plain data. ``found``: by detector, of the base and then of each dial."""
    rows = [
        _row(name, world, found[0], measured)
        for name in found[0]
        for world, measured in zip([base, *dials], found, strict=True)
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "synthetic": True,
        "seed": base.seed,
        "scale": base.scale,
        "replications": base.replications,
        "level": LEVEL,
        "false_alerts_per_1000_child_months": rate,
        "base": base.name,
        "dials": [
            {"name": world.name, "title": world.title, "description": world.description, "stress": _settings(world)}
            for world in (base, *dials)
        ],
        "rows": rows,
        "worst": {name: _worst([row for row in rows if row["detector"] == name]) for name in found[0]},
    }


def _place(rate: float) -> int:
    """Place on the ladder of a rate as it is written: 0.7 for 2 ** -0.5."""
    near = [place for place, each in enumerate(LADDER_RATES) if math.isclose(rate, each, rel_tol=0.02)]
    if not near:
        allowed = ", ".join(f"{each:.2g}" for each in LADDER_RATES)
        raise UsageError("--false-alerts", f"no detector is measured at {rate:g}", allowed=allowed)
    return near[0]


def _require_comparable(base: Scenario, dial: Scenario) -> None:
    for name in ("seed", "replications", "scale", "detectors", "training", "sampling", "world"):
        if getattr(dial, name) != getattr(base, name):
            raise UsageError(
                f"{dial.name}: {name}",
                f"differs from that of {base.name}, so what is lost could not be laid to the dial",
                hint="Let the file extend the base and state nothing but stress.",
            )


def _measure(worlds: Sequence[tuple[Scenario, Path]], place: int, cell: int) -> dict[str, Measured]:
    """All replications of one world; runs in a worker process."""
    scenario, folder = worlds[cell]
    model = build_model(scenario.one_nation(), folder)
    prepared = prepare_cells(model, build_detectors(scenario.detectors, folder))
    for fault in prepared.faults:
        if fault.effect == "failed":
            raise DetectorFailed(fault.kind, fault.first, fault.detector)
    parts = [_replicate(prepared, place, replication) for replication in range(scenario.replications)]
    return {
        name: Measured(
            scorer.privileged,
            *(list(column) for column in zip(*(part[name] for part in parts), strict=True)),
        )
        for name, scorer in prepared.scorers.items()
    }


def _replicate(prepared: Prepared, place: int, replication: int) -> dict[str, tuple[Number, Number, Number]]:
    model = prepared.model
    world = World(model, replication_seed(model.scenario, replication))
    readings = open_readings(prepared, world, [world.grooming_contacts()])
    for name, scorer in prepared.scorers.items():
        if name not in readings:  # it failed while it watched the stream
            fault = scorer.guard.faults()[-1]
            raise DetectorFailed(fault.kind, fault.first, name)
    for batch in world.batches(world.grooming_contacts()):
        for reading in readings.values():
            reading.add_grooming(batch)
    for block in world.benign_contacts():
        for batch in world.batches(block):
            for reading in readings.values():
                reading.add_benign(batch)
    return {name: _numbers(model, reading, place) for name, reading in readings.items()}


def _numbers(model: WorldModel, reading: Reading, place: int) -> tuple[Number, Number, Number]:
    level = reading.levels.ladder[place]
    return (
        int(reading.in_time[level]) / reading.offences if reading.offences else None,
        int(reading.alerted[level]) / reading.grooming if reading.grooming else None,
        float(false_alert_rates(model, reading)[place]) if reading.benign else None,
    )


def _row(name: str, world: Scenario, base: Mapping[str, Measured], dial: Mapping[str, Measured]) -> dict[str, Any]:
    """One detector under one dial: estimates with intervals over replications, paired where two worlds are compared."""
    own, bound = dial[name], next((each for each, measured in base.items() if measured.bound), None)
    row: dict[str, Any] = {"detector": name, "bound": own.bound, "dial": world.name}
    row["early"] = _estimate(mean_interval(own.early), SHARE)
    row["detected"] = _estimate(mean_interval(own.detected), SHARE)
    row["false_alerts"] = _estimate(mean_interval(own.false_alerts), RATE)
    loss = beyond = None
    if dial is not base:
        lost = _points(base[name].early, own.early)
        loss = _estimate(mean_interval(lost), POINTS)
        if bound is not None and not own.bound:
            beyond = _estimate(paired_difference(lost, _points(base[bound].early, dial[bound].early)), POINTS)
    return row | {"loss": loss, "loss_beyond_bound": beyond}


def _points(before: Sequence[Number], after: Sequence[Number]) -> list[Number]:
    return [None if b is None or a is None else 100.0 * (b - a) for b, a in zip(before, after, strict=True)]


def _estimate(interval: Interval, unit: str) -> dict[str, Any]:
    return asdict(interval) | {"unit": unit}


def _settings(world: Scenario) -> dict[str, Any] | None:
    return None if world.stress is None else world.stress.model_dump(mode="json", exclude_defaults=True)


def _worst(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The dial that costs most; None where none costs anything that can be measured."""
    lost = {row["dial"]: row["loss"]["estimate"] for row in rows if row["loss"] is not None}
    defined = {dial: loss for dial, loss in lost.items() if loss is not None and loss > 0.0}
    return max(defined, key=lambda dial: defined[dial]) if defined else None
