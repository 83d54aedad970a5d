"""Messages per second and core on the product's real path, and a plain SimPy peer on the same conversations beside it.

    python -m benchmarks.message_path [--conversations N] [--rounds N] [--json]

It measures and does not gate: the exit code is 0 however slow the machine.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.peer_simpy import Counts, Peer, workload
from benchmarks.timing import Laps, Spread, Timed, in_turn
from detectors.keyword import Keyword
from simharness.detection.aggregators import first_crossings, running_risk
from simharness.detection.levels import calibrate_levels
from simharness.detection.scoring import Scorer, bind
from simharness.detection.training import fit, training_set
from simharness.scenario.load import load_scenario
from simharness.world.clock import DAY_S
from simharness.world.contacts import Contacts
from simharness.world.generate import World
from simharness.world.model import WorldModel, build_model

FLAGSHIP = Path(__file__).parents[1] / "scenarios" / "england_wales_2017.yaml"
DETECTOR, ARM = "keyword", "voluntary_code"
AIM_PER_SECOND, AIM_RATIO = 20e6, 50.0


@dataclass(frozen=True, slots=True)
class Bench:
    """The flagship shrunk to some conversations, with its lexicon trained and its alert levels set."""

    world: World
    contacts: list[Contacts]  # the grooming ones, then blocks of harmless ones
    scorer: Scorer
    levels: NDArray[np.float32]  # all those a run of the flagship looks for
    level: int  # place of the arm's own: what the peer looks for, and what is counted


def prepare(conversations: int, assignments: tuple[str, ...] = ()) -> Bench:
    """Train and calibrate on the whole flagship, then shrink it, its mix unchanged, to about ``conversations``."""
    loaded = load_scenario(FLAGSHIP, assignments)
    full = build_model(loaded.scenario, loaded.folder)
    spec = full.scenario.detectors[DETECTOR]
    detector = Keyword(**spec.options)
    fit(detector, training_set(full), full)
    scorer = bind(DETECTOR, spec, detector, full.phrasebooks["use"].texts)
    levels = calibrate_levels(full, {DETECTOR: scorer})[DETECTOR]
    scale = loaded.scenario.scale * conversations / _expected(full)
    model = build_model(loaded.scenario.model_copy(update={"scale": scale}), loaded.folder)
    world = World(model, loaded.scenario.seed)
    return Bench(world, list(make_contacts(world)), scorer, levels.risk, levels.of_arm[ARM])


def _expected(model: WorldModel) -> float:
    scenario = model.scenario
    offenders, benign = scenario.world.offenders, scenario.world.benign
    period_s = scenario.period.days * DAY_S
    grooming = offenders.count.value * scenario.scale * offenders.contact_rate.value * period_s
    harmless = model.children.total * benign.contact_rate * period_s * scenario.sampling.benign_fraction
    return float(grooming + harmless)


def make_contacts(world: World) -> Iterator[Contacts]:
    """Every contact of the workload, as a run makes them."""
    yield world.grooming_contacts()
    yield from world.benign_contacts()


def walk(bench: Bench, contacts: Iterable[Contacts]) -> Counts:
    """Generate, score, aggregate and find crossings, as a run does: batch by batch, nothing kept but counts."""
    counts = Counts()
    for part in contacts:
        for batch in bench.world.batches(part):
            alerted = bench.scorer.crossings(batch.view, bench.levels)[:, bench.level] >= 0
            grooming = batch.contacts.initiator >= 0
            counts.messages += batch.view.symbol.size
            counts.offences += int(np.count_nonzero(np.isfinite(batch.truth.offence) & grooming))
            counts.grooming_alerts += int(np.count_nonzero(alerted & grooming))
            counts.harmless_alerts += int(np.count_nonzero(alerted & ~grooming))
    return counts


def step_seconds(bench: Bench) -> dict[str, float]:
    """CPU seconds of each step of one pass, from contacts to crossings."""
    laps = Laps()
    made = list(make_contacts(bench.world))
    laps.lap("contacts")
    risk = np.empty(0, np.float32)
    for part in made:
        for batch in bench.world.batches(part):
            view = batch.view
            laps.lap("generate")
            scores = bench.scorer.scores(view)
            laps.lap("score")
            risk = risk if risk.size >= scores.size else np.empty(scores.size, np.float32)
            running = running_risk(bench.scorer.aggregator, scores, view, risk[: scores.size])
            crossed = np.empty((len(view), bench.levels.size), np.int32)
            first_crossings(running, view.begin, view.end, bench.levels, crossed)
            laps.lap("aggregate + crossing")
    return laps.seconds


def measure(bench: Bench, rounds: int) -> dict[str, Any]:
    """All figures, as --json gives them. Lists have one entry a round."""
    level = float(bench.levels[bench.level])
    work = workload(bench.world.model, bench.world.seed, bench.contacts, bench.scorer, level)
    timed = in_turn(
        {
            "product": lambda: walk(bench, bench.contacts),
            "peer": lambda: Peer(work).run(),
            "product_with_contacts": lambda: walk(bench, make_contacts(bench.world)),
            "steps": lambda: step_seconds(bench),
        },
        rounds,
    )
    steps = _medians(timed.pop("steps").results)
    speeds = {name: _speeds(job) for name, job in timed.items()}
    ratios = [product / peer for product, peer in zip(speeds["product"], speeds["peer"], strict=True)]
    messages = timed["product"].results[0].messages
    return {
        "conversations": sum(map(len, bench.contacts)),
        "rounds": rounds,
        "python": platform.python_version(),
        "steps": {
            name: {"messages_per_s": messages / seconds, "share": seconds / sum(steps.values())}
            for name, seconds in steps.items()
        },
        "messages_per_s": {name: asdict(Spread.of(values)) | {"all": values} for name, values in speeds.items()},
        "ratio": asdict(Spread.of(ratios)) | {"all": ratios},
        "counts": {name: asdict(timed[name].results[0]) for name in ("product", "peer")},
        "aim": {"messages_per_s": AIM_PER_SECOND, "ratio": AIM_RATIO},
    }


def _medians(passes: list[dict[str, float]]) -> dict[str, float]:
    return {step: median(one[step] for one in passes) for step in passes[0]}


def _speeds(job: Timed) -> list[float]:
    return [counts.messages / seconds for counts, seconds in zip(job.results, job.seconds, strict=True)]


def show(found: dict[str, Any], console: Console) -> None:
    """The figures as tables for a person."""
    counts, rows = found["counts"], found["messages_per_s"]
    title = f"{found['conversations']:,} conversations, {counts['product']['messages']:,} messages, one core"
    steps = Table("step", "M messages/s", "ns a message", "share of time", title=title)
    for name, step in found["steps"].items():
        steps.add_row(name, *_per_message(step["messages_per_s"]), f"{step['share']:.0%}")
    whole = Table(
        "all together", "M messages/s", "ns a message", "min to max", title=f"{found['rounds']} rounds in turn"
    )
    labels = {"product": "contacts given", "product_with_contacts": "contacts made, too", "peer": "plain SimPy"}
    for name, label in labels.items():
        span = f"{rows[name]['min'] / 1e6:.3g} to {rows[name]['max'] / 1e6:.3g}"
        whole.add_row(label, *_per_message(rows[name]["median"]), span)
    ratio = found["ratio"]
    sides = Table("side", *counts["product"], title="the same workload (equal in distribution)")
    for name, side in counts.items():
        sides.add_row(name, *(f"{value:,}" for value in side.values()))
    for table in (steps, whole, sides):
        console.print(table)
    reached = rows["product_with_contacts"]["median"] / 1e6
    console.print(
        f"Aim {found['aim']['messages_per_s'] / 1e6:g} M messages/s, contacts made, too: reached {reached:.3g}."
    )
    console.print(
        f"Aim {found['aim']['ratio']:g} times plain SimPy, contacts given to both: pair by pair "
        f"median {ratio['median']:.0f}, min {ratio['min']:.0f}, max {ratio['max']:.0f}."
    )


def _per_message(speed: float) -> tuple[str, str]:
    return f"{speed / 1e6:.3g}", f"{1e9 / speed:.1f}"


@click.command()
@click.option("--conversations", type=click.IntRange(min=100), default=20_000, show_default=True, help="about how many")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="each side once a round")
@click.option("--json", "as_json", is_flag=True, help="write all figures to stdout as JSON")
def main(conversations: int, rounds: int, as_json: bool) -> None:
    """Measure the message path of the flagship on one core, beside a plain SimPy peer."""
    found = measure(prepare(conversations), rounds)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        show(found, Console())


if __name__ == "__main__":
    main()
