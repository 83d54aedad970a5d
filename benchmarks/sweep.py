"""A sweep of 50 alert levels by 8 team sizes beside one run of its scenario: processor seconds, and what was shared.

    python -m benchmarks.sweep [--scale X] [--rounds N] [--points N] [--json]

The run is the flagship as its file says: ten replications, seven detectors, seven arms. The sweep is
scenarios/sweeps/thresholds_staffing.yaml with the replications its own file says (one), so the two answer different
questions: their replications stand beside the times. Beside them the sweep's points each run by themselves, estimated
from the run: a run with one replication is taken for a tenth of one with ten, apart from what it does once. It measures
and does not gate.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.timing import Spread
from simharness.run import run_scenario
from simharness.scenario.load import load_scenario
from simharness.sweeping.engine import run_sweep
from simharness.sweeping.groups import groups_of, lives_in, units_of
from simharness.sweeping.points import Sweep, load_sweep

SCENARIOS = Path(__file__).parents[1] / "scenarios"
SWEEP = SCENARIOS / "sweeps" / "thresholds_staffing.yaml"
FLAGSHIP = SCENARIOS / "england_wales_2017.yaml"
AIM = 5.0


def every(sweep: Sweep, points: int) -> Sweep:
    """So many of a sweep's points, evenly spread, renumbered."""
    step = len(sweep.points) / points
    chosen = [sweep.points[int(place * step)] for place in range(points)]
    return replace(sweep, points=[replace(point, number=number) for number, point in enumerate(chosen)])


def measure(scale: float, rounds: int, points: int) -> dict[str, Any]:
    """Both in turn, in this process, each time into an empty folder."""
    loaded, whole = load_scenario(FLAGSHIP, scale=scale), load_sweep(SWEEP, scale=scale)
    sweep = every(whole, points)
    groups = groups_of(sweep.points)
    units = units_of(groups)

    def run() -> None:
        with TemporaryDirectory() as folder:
            run_scenario(loaded, Path(folder))

    def swept() -> None:
        with TemporaryDirectory() as folder:
            run_sweep(sweep, Path(folder))

    seconds: dict[str, list[float]] = {"run": [], "sweep": []}
    for _ in range(rounds):
        for name, job in (("run", run), ("sweep", swept)):
            begun = time.process_time()
            job()
            seconds[name].append(time.process_time() - begun)
    ratios = [both[1] / both[0] for both in zip(seconds["run"], seconds["sweep"], strict=True)]
    return {
        "scale": scale,
        "replications": {"run": loaded.scenario.replications, "sweep": sweep.base.scenario.replications},
        "points": points,
        "readings": len(units),
        "lives": sum(len(lives_in(groups[unit.group], unit.points)) for unit in units),
        "seconds": {name: asdict(Spread.of(each)) for name, each in seconds.items()},
        "ratio": asdict(Spread.of(ratios)),
    }


@click.command()
@click.option("--scale", type=float, default=1.0, show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--points", type=click.IntRange(1, 400), default=400, show_default=True, help="of the 400, evenly spread")
@click.option("--json", "as_json", is_flag=True)
def main(scale: float, rounds: int, points: int, as_json: bool) -> None:
    """Measure and print."""
    found = measure(scale, rounds, points)
    if as_json:
        print(json.dumps(found))
        return
    table = Table("", "replications", "CPU s, median", "min to max", title=f"Scale {scale:g}")
    for name, each in found["seconds"].items():
        between = f"{each['min']:.1f} to {each['max']:.1f}"
        table.add_row(name, str(found["replications"][name]), f"{each['median']:.1f}", between)
    console = Console()
    console.print(table)
    console.print(
        f"{found['points']} points, {found['lives']} arms lived, {found['readings']} readings; "
        f"{found['ratio']['median']:.2f} times one run (aim: under {AIM:g})"
    )
    share = found["replications"]["sweep"] / found["replications"]["run"]
    alone = found["points"] * share * found["seconds"]["run"]["median"]
    console.print(f"Each point run by itself: about {alone:,.0f} s (estimate: points x share of replications x run)")


if __name__ == "__main__":
    main()
