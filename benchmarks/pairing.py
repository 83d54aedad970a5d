"""What common random numbers are worth: the variance of a paired difference between two arms of the flagship, against
that of arms with seeds of their own.

    python -m benchmarks.pairing [--replications N] [--jobs N] [--json]

Arms with independent seeds have var(a) + var(b), which the same replications estimate; so one set of them gives both
sides. It measures and does not gate.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from simharness.detection.scoring import build_detectors
from simharness.metrics.arms import arm_numbers
from simharness.metrics.intervals import expanded_tail, resampled
from simharness.outcomes.cell import Prepared, run_cell
from simharness.parallel import run_cells
from simharness.run import prepare_cells
from simharness.scenario.load import load_scenario
from simharness.world.model import build_model

FLAGSHIP = Path(__file__).parents[1] / "scenarios" / "england_wales_2017.yaml"
PAIRS = (("grooming_alerts", "police_communication_offence"), ("trained_moderators", "grooming_alerts"))
METRICS = ("offences", "meetings", "children_harmed")
AIM = 10.0
Numbers = dict[str, list[float]]


def prepare(scale: float = 1.0, *assignments: str) -> Prepared:
    """The flagship with the arms compared here and the one detector they need."""
    loaded = load_scenario(FLAGSHIP, assignments, scale=scale)
    names = dict.fromkeys(name for pair in PAIRS for name in pair)
    arms = {name: loaded.scenario.arms[name] for name in names}
    detectors = {
        arm.detector: loaded.scenario.detectors[arm.detector] for arm in arms.values() if arm.detector is not None
    }
    changes = {"arms": arms, "detectors": detectors, "matched_budget": None}
    scenario = loaded.scenario.model_copy(update=changes)
    return prepare_cells(build_model(scenario, loaded.folder), build_detectors(scenario.detectors, loaded.folder))


def replicate(prepared: Prepared, replication: int) -> Numbers:
    """Metrics of every arm in one replication, in the order of METRICS."""
    cell = run_cell(prepared, replication)
    found = {name: arm_numbers(prepared.model, cell, name) for name in cell.arms}
    return {name: [float(numbers[metric] or 0.0) for metric in METRICS] for name, numbers in found.items()}


def gain(a: NDArray[np.float64], b: NDArray[np.float64]) -> dict[str, float | None]:
    """(var a + var b) / var(a - b) over replications, shape (replications,), with its expanded percentile interval.

    None where every difference is the same.
    """
    chosen = resampled(len(a))
    paired, apart = (a - b).var(ddof=1), a.var(ddof=1) + b.var(ddof=1)
    drawn_paired = (a - b)[chosen].var(axis=1, ddof=1)
    drawn = (a[chosen].var(axis=1, ddof=1) + b[chosen].var(axis=1, ddof=1))[drawn_paired > 0.0]
    drawn /= drawn_paired[drawn_paired > 0.0]
    if paired == 0.0:
        return {"ratio": None, "low": None, "high": None, "correlation": None, "sd_paired": 0.0, "sd_apart": apart**0.5}
    tail = expanded_tail(len(a))
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return {
        "ratio": float(apart / paired),
        "low": float(low),
        "high": float(high),
        "correlation": float(np.corrcoef(a, b)[0, 1]),
        "sd_paired": float(paired**0.5),
        "sd_apart": float(apart**0.5),
    }


def measure(prepared: Prepared, replications: int, jobs: int) -> list[dict[str, Any]]:
    """One row for every pair of arms and metric."""
    found: dict[int, Numbers] = {}
    run_cells(partial(replicate, prepared), range(replications), jobs, found.__setitem__)
    rows = []
    for one, other in PAIRS:
        for place, metric in enumerate(METRICS):
            a, b = (np.array([found[r][name][place] for r in range(replications)]) for name in (one, other))
            rows.append(
                {"arms": f"{one} - {other}", "metric": metric, "difference": float((a - b).mean()), **gain(a, b)}
            )
    return rows


@click.command(help=__doc__)
@click.option("--replications", type=click.IntRange(3), default=30, show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True)
@click.option("--scale", type=float, default=1.0, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(replications: int, jobs: int, scale: float, as_json: bool) -> None:
    rows = measure(prepare(scale), replications, jobs)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(f"variance of independent seeds over that of pairs (aim: {AIM:g}), {replications} replications")
    for row in rows:
        shown = "no difference varies"
        if row["ratio"] is not None:
            shown = f"{row['ratio']:6.1f} ({row['low']:.1f} to {row['high']:.1f}), correlation {row['correlation']:.3f}"
        deviations = f"sd {row['sd_paired']:.1f} paired, {row['sd_apart']:.1f} apart"
        click.echo(f"{row['arms']:55s} {row['metric']:16s} {row['difference']:9.1f} {shown}, {deviations}")


if __name__ == "__main__":
    main()
