"""A nation's alerts through the response system: seconds, memory, and events per second beside plain SimPy's own.

    python -m benchmarks.response [--alerts N] [--rounds N] [--json]

The arm is the flagship's trained moderators at the alert level that gives about ``--alerts`` alerts in its six
months: every alert is read, and what is confirmed warns the child, suspends the account and is referred to the police.
Beside it, in turn, the same alerts at the same times with the same working times go through one ``simpy.Resource``, one
process an alert: what SimPy itself can do where nothing else happens. It measures and does not gate: the exit code is 0
however slow the machine.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import simpy
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.timing import Spread, in_turn
from simharness.detection.scoring import build_detectors
from simharness.outcomes import cell
from simharness.response.arm import ArmInput, ArmResult, ArmSimulation
from simharness.run import prepare_cells
from simharness.scenario.load import load_scenario
from simharness.scenario.policy import Arm
from simharness.world.model import WorldModel, build_model

FLAGSHIP = Path(__file__).parents[1] / "scenarios" / "england_wales_2017.yaml"
DETECTOR, ARM = "text_model", "trained_moderators"
ALERTS_AT_ONE = 28_000  # harmless conversations alerted on by the arm at 1 in 1,000 child-months, about
AIM_S, AIM_MIB = 60.0, 1024.0


@dataclass(frozen=True, slots=True)
class Workload:
    """One arm of one replication, ready to be lived through again and again."""

    model: WorldModel
    seed: int
    arm: Arm
    given: ArmInput


def prepare(alerts: int) -> Workload:
    """Make a world and read it, up to the point where the arm begins."""
    level = f"arms.{ARM}.alert_level={{false_alerts_per_1000_child_months: {alerts / ALERTS_AT_ONE:.3g}}}"
    loaded = load_scenario(FLAGSHIP, [level])
    scenario = loaded.scenario
    kept = {name: scenario.arms[name] for name in (scenario.comparator, ARM)}
    scenario = scenario.model_copy(update={"arms": kept, "detectors": {DETECTOR: scenario.detectors[DETECTOR]}})
    model = build_model(scenario, loaded.folder)
    found: list[Workload] = []
    simulate = cell.simulate_arm

    def caught(model: WorldModel, seed: int, arm: Arm, given: ArmInput) -> ArmResult:
        found.append(Workload(model, seed, arm, given))
        return simulate(model, seed, arm, given)

    cell.simulate_arm = caught  # type: ignore[assignment]
    try:
        cell.run_cell(prepare_cells(model, build_detectors(scenario.detectors, loaded.folder)), 0)
    finally:
        cell.simulate_arm = simulate
    return found[-1]


def live(work: Workload) -> tuple[int, ArmResult]:
    """Live the arm through: (SimPy events, what came of it)."""
    sim = ArmSimulation(work.model, work.seed, work.arm, work.given)
    result = sim.run()
    return next(sim.env._eid), result


def plain(times: NDArray[np.float64], service: NDArray[np.float64], staff: int) -> int:
    """The same alerts through one resource in plain SimPy: its events."""
    env = simpy.Environment()
    moderators = simpy.Resource(env, staff)

    def read(effort: float) -> Any:
        with moderators.request() as moderator:
            yield moderator
            yield env.timeout(effort)

    def source() -> Any:
        for time, effort in zip(times.tolist(), service.tolist(), strict=True):
            yield env.timeout(time - env.now)
            env.process(read(effort))

    env.process(source())
    env.run()
    return next(env._eid)


def measure(work: Workload, rounds: int) -> dict[str, Any]:
    """All figures, as --json gives them. Lists have one entry a round; seconds are CPU seconds."""
    _, result = live(work)
    log = result.log
    times = np.sort(np.array(log.alert_raised_s))
    service = np.resize(np.array(log.stay_worked_s), times.size)
    staff = max(shift.staff for queue in work.arm.queues.values() for shift in queue.shifts)
    jobs: dict[str, Callable[[], Any]] = {"arm": lambda: live(work)[0], "plain": lambda: plain(times, service, staff)}
    timed = in_turn(jobs, rounds)
    rates = {
        name: [events / seconds for events, seconds in zip(job.results, job.seconds, strict=True)]
        for name, job in timed.items()
    }
    return {
        "alerts": len(log.alert_right),
        "stays": len(log.stay_alert),
        "actions": len(log.action_alert),
        "events": timed["arm"].results[0],
        "rounds": rounds,
        "arm_s": timed["arm"].seconds,
        "plain_s": timed["plain"].seconds,
        "arm_events_per_s": rates["arm"],
        "plain_events_per_s": rates["plain"],
        **{f"{name}_alerts_per_s": [times.size / seconds for seconds in job.seconds] for name, job in timed.items()},
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


_SHOWN = {
    "arm_s": "CPU s",
    "arm_alerts_per_s": "",
    "arm_events_per_s": "",
    "plain_alerts_per_s": "",
    "plain_events_per_s": "",
}


def _number(value: float) -> str:
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


@click.command(help=__doc__)
@click.option("--alerts", default=200_000, show_default=True, help="Wanted in the six months, about.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Every figure, every round.")
def main(alerts: int, rounds: int, as_json: bool) -> None:
    figures = measure(prepare(alerts), rounds)
    if as_json:
        click.echo(json.dumps(figures))
        return
    table = Table(box=None)
    for name in ("figure", "median", "min to max"):
        table.add_column(name)
    for name, unit in _SHOWN.items():
        spread = Spread.of(figures[name])
        table.add_row(
            name.replace("_", " "),
            f"{_number(spread.median)} {unit}",
            f"{_number(spread.min)} to {_number(spread.max)}",
        )
    console = Console()
    console.print(
        f"{figures['alerts']:,} alerts, {figures['stays']:,} stays at desks, {figures['actions']:,} actions, "
        f"{figures['events']:,} SimPy events (aim: {AIM_S:g} s)"
    )
    console.print(table)
    console.print(f"peak memory of the process, world and arm: {figures['peak_mib']:,.0f} MiB (aim: {AIM_MIB:g})")


if __name__ == "__main__":
    main()
