"""A point's numbers are exactly those of running its scenario by itself; nothing stale is ever used, and what can be
shared is made once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from simharness.run import run_scenario
from simharness.scenario.load import load_scenario
from simharness.store import METRICS, RunFolder
from simharness.sweeping.engine import run_sweep
from simharness.sweeping.points import Sweep, load_sweep
from tests.unit.sweeping.conftest import RATE, SMALL, STAFF

Numbers = dict[tuple[str, str, str, int], Any]
LEAVE = "response.reactions.alert_child.leave"
CUSUM = "detectors.text_model.aggregator.reference"
MODERATORS = "arms.trained_moderators.queues.moderators"


def by_itself(base: Path, assignments: list[str], scale: float) -> Numbers:
    folder = run_scenario(load_scenario(base, assignments, scale=scale, replications=1), base.parent / "alone")
    rows = pq.ParquetFile(folder.path / METRICS).read().to_pylist()
    return {(r["arm"], r["metric"], r["stratum"], r["replication"]): r["value"] for r in rows if r["arm"]}


def of_point(folder: RunFolder, point: int) -> Numbers:
    rows = pq.ParquetFile(folder.path / "sweep.parquet").read().to_pylist()
    found = [row for row in rows if row["point"] == point]
    return {(r["arm"], r["metric"], r["stratum"], r["replication"]): r["value"] for r in found}


def assigned(sweep: Sweep, point: int) -> list[str]:
    values = sweep.points[point].values
    return [f"{p}={json.dumps(v)}" for n, v in values.items() if v is not None for p in sweep.spec.parameters[n].at]


FEW = SMALL | {
    "sampling.benign_fraction": 0.002,
    "world.offenders.count.value": 200,
    "period": {"start": "2017-04-03", "end": "2017-04-12"},
}
STRESSED = SMALL | {"stress": {"evidence": "assumed", "source": "test", "overlap": 0.4}}
CASES = {
    "policies": ({RATE: [0.1, 2.0], STAFF: [1, 60], LEAVE: [0.1, 0.7], CUSUM: [0.3, 0.6]}, SMALL, (0, 5, 15)),
    "nations": ({"scale": [0.01, 1.2]}, FEW, (1,)),
    "what the past was worth": ({f"{MODERATORS}.priority": ["first_come", "value_of_time"]}, SMALL, (0, 1)),
    "more substitutes to read": ({"response.reactions.substitution.links": [1, 2]}, SMALL, (1,)),
    "recording under stress": ({"world.recording.rate.value": [0.3, 0.9]}, STRESSED, (1,)),
}


@pytest.mark.parametrize(("paths", "settings", "points"), list(CASES.values()), ids=list(CASES))
def test_a_point_is_what_its_scenario_is_by_itself(
    write_sweep: Callable[..., Path],
    base: Path,
    paths: dict[str, list[Any]],
    settings: dict[str, Any],
    points: tuple[int, ...],
) -> None:
    parameters = {f"p{place}": {"path": path, "values": values} for place, (path, values) in enumerate(paths.items())}
    arms = ["trained_moderators", "grooming_alerts"]
    sweep = load_sweep(write_sweep(parameters, set=settings, arms=arms))
    folder = run_sweep(sweep, base.parent / "results")
    stated = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    for point in points:
        scale = sweep.points[point].scenario.scale
        alone = by_itself(base, [*stated, *assigned(sweep, point)], scale)
        found = of_point(folder, point)
        assert {key[0] for key in found} == {"police_communication_offence", *arms} and len(found) > 100
        assert found == {key: alone[key] for key in found}
        left_out = {key for key in alone if key[0] in sweep.arms} - set(found)
        assert all(stratum and not metric.startswith("desk_") for _, metric, stratum, _ in left_out)
