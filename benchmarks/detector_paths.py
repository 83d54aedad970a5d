"""What the ways in cost: table look-up, a message detector, an isolated Python object, a process, an HTTP service.

    python -m benchmarks.detector_paths [--conversations N] [--rounds N] [--json]

Wall time, because the other side is a process of its own: run it on a quiet machine. It measures and does not gate.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.message_path import ARM, DETECTOR, FLAGSHIP, Bench, prepare, walk
from benchmarks.timing import Spread
from simharness.detection.registry import build
from simharness.detection.scoring import bind, build_detector, release
from simharness.detection.ways.http import http
from simharness.detection.ways.process import process
from simharness.outcomes.cell import run_cell
from simharness.records import ConversationBatch
from simharness.run import prepare_cells
from simharness.scenario.load import load_scenario
from simharness.world.model import build_model

OUTSIDE = Path(__file__).with_name("outside.py")
TEXT_BATCHES, CONVERSATION_BATCHES = (1, 16, 128, 512, 2048), (1, 16, 64, 256)
LEAST_TEXTS, LEAST_CONVERSATIONS = 200, 20  # of a side with one a request, where a pass would take for ever
RUN, RUN_SCALE = (DETECTOR, "behaviour"), 0.1  # one that reads texts, one that is asked batch by batch
AIM = 0.2  # what a message detector may cost beyond table look-up


@dataclass(frozen=True, slots=True)
class Side:
    """One thing to time: requests and units (texts or messages) of one pass, None for paths without requests."""

    run: Callable[[], Any]
    requests: int | None
    units: int


@contextmanager
def served() -> Iterator[str]:
    """The address of the service, in a process of its own, ended afterwards."""
    with subprocess.Popen([sys.executable, str(OUTSIDE), "http"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/"
        finally:
            server.terminate()


def table_sides(bench: Bench) -> dict[str, Side]:
    """A pass over all conversations with the table given, and one that scores the phrases first."""
    model, detector = bench.world.model, bench.scorer.detector
    texts = model.phrasebooks["use"].texts
    assert detector is not None
    messages = walk(bench, bench.contacts).messages

    def from_the_detector() -> None:
        scorer = bind(DETECTOR, model.scenario.detectors[DETECTOR], detector, texts)
        walk(Bench(bench.world, bench.contacts, scorer, bench.levels, bench.level), bench.contacts)

    return {
        "table look-up": Side(lambda: walk(bench, bench.contacts), None, messages),
        "message detector": Side(from_the_detector, None, messages),
    }


def isolated_sides(texts: list[str], whole: ConversationBatch) -> dict[str, Side]:
    """A Python object in a process of its own: texts, asked once in a run, and whole conversations, batch by batch."""
    lengths: Any = build(f"{OUTSIDE}:Lengths", {})
    places: Any = build(f"{OUTSIDE}:Places", {})
    sides = {f"isolated, {len(texts)} texts": Side(_call(lengths.score, tuple(texts)), 1, len(texts))}
    for size in (*CONVERSATION_BATCHES, len(whole)):
        part = _first(whole, size)
        asked = max(1, LEAST_CONVERSATIONS // size)
        messages = asked * int((part.end - part.begin).sum())
        sides[f"isolated, {size} conversations"] = Side(_repeated(places.risk, part, asked), asked, messages)
    return sides


def outside_sides(make: Callable[..., Any], name: str, texts: list[str], whole: ConversationBatch) -> dict[str, Side]:
    """One way in at several sizes of a request."""
    sides = {}
    for size in TEXT_BATCHES:
        asked = texts[: max(LEAST_TEXTS, 8 * size)]
        detector = make(reads="texts", batch=size)
        sides[f"{name}, {size} texts"] = Side(_call(detector.score, asked), -(-len(asked) // size), len(asked))
    for size in CONVERSATION_BATCHES:
        part = _first(whole, max(LEAST_CONVERSATIONS, 4 * size))
        detector = make(reads="conversations", batch=size)
        messages = int((part.end - part.begin).sum())
        sides[f"{name}, {size} conversations"] = Side(_call(detector.risk, part), -(-len(part) // size), messages)
    return sides


def measure(bench: Bench, rounds: int, assignments: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every side once a round, in turn, after a pass of each: units and requests a second, and seconds of runs.

    ``assignments``: to the scenario of the runs.
    """
    used = bench.world.model.phrasebooks["use"].texts
    texts = [used[n % len(used)] for n in range(8 * max(TEXT_BATCHES))]
    whole = next(iter(bench.world.batches(bench.contacts[0]))).view
    with served() as url:
        sides = table_sides(bench) | isolated_sides(texts, whole)
        made = {
            "process": lambda **given: process([sys.executable, str(OUTSIDE)], **given),
            "http": lambda **given: http(url, **given),
        }
        for name, make in made.items():
            sides |= outside_sides(make, name, texts, whole)
        seconds = _in_turn(sides, rounds)
    runs = _in_turn(run_sides(assignments), rounds)
    return {
        "rounds": rounds,
        "sides": {name: _speeds(side, seconds[name]) for name, side in sides.items()},
        "beyond_look_up": _beyond(seconds["message detector"], seconds["table look-up"]),
        "runs_s": {name: asdict(Spread.of(values)) for name, values in runs.items()},
        "isolated_beyond": {
            name: _beyond(runs[f"run, {name} isolated"], runs[f"run, {name} in this process"]) for name in RUN
        },
        "aim": AIM,
    }


def _beyond(one: list[float], other: list[float]) -> dict[str, float]:
    """How much more time one side takes than the other, pair by pair: 0.1 is a tenth more."""
    return asdict(Spread.of([a / b - 1 for a, b in zip(one, other, strict=True)]))


def _in_turn(sides: dict[str, Side], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for each in range(rounds + 1):
        for name, side in sides.items():
            begun = time.perf_counter()
            side.run()
            if each:  # the first starts processes and fills caches
                seconds[name].append(time.perf_counter() - begun)
    return seconds


def _speeds(side: Side, seconds: list[float]) -> dict[str, Any]:
    found: dict[str, Any] = {"units_per_s": asdict(Spread.of([side.units / each for each in seconds]))}
    if side.requests is not None:
        found["requests_per_s"] = asdict(Spread.of([side.requests / each for each in seconds]))
    return found


def _call(method: Callable[[Any], Any], given: Any) -> Callable[[], Any]:
    return lambda: method(given)


def _repeated(method: Callable[[Any], Any], given: Any, times: int) -> Callable[[], Any]:
    def run() -> None:
        for _ in range(times):
            method(given)

    return run


def _first(whole: ConversationBatch, count: int) -> ConversationBatch:
    end = whole.end[:count]
    messages = slice(0, int(end[-1]))
    cut = {name: getattr(whole, name)[:count] for name in ("platform", "declared_adult", "new_contacts_7d", "key")}
    return ConversationBatch(
        whole.texts, whole.symbol[messages], whole.time_s[messages], whole.begin[:count], end, **cut
    )


def run_sides(assignments: tuple[str, ...]) -> dict[str, Side]:
    """A whole replication, training and levels included, with one detector as it comes and the same one isolated."""
    loaded = load_scenario(FLAGSHIP, assignments, scale=RUN_SCALE)

    def side(name: str, isolated: bool) -> Side:
        spec, arms = loaded.scenario.detectors[name], loaded.scenario.arms
        comparator = loaded.scenario.comparator
        acting = arms[ARM].model_copy(update={"detector": name})
        changes = {"detectors": {name: spec}, "arms": {comparator: arms[comparator], ARM: acting}}
        scenario = loaded.scenario.model_copy(update=changes | {"matched_budget": None})

        def run() -> None:
            detector = build_detector(spec, loaded.folder, name, isolated=isolated)
            cell = run_cell(prepare_cells(build_model(scenario, loaded.folder), {name: detector}), 0)
            release(detector)
            assert not cell.faults

        return Side(run, None, 1)

    how = {"in this process": False, "isolated": True}
    return {f"run, {name} {where}": side(name, isolated) for name in RUN for where, isolated in how.items()}


def show(found: dict[str, Any], console: Console) -> None:
    """The figures as a table for a person."""
    table = Table(
        "way", "requests/s", "texts or messages/s", "min to max", title=f"{found['rounds']} rounds in turn, wall time"
    )
    for name, side in found["sides"].items():
        units, requests = side["units_per_s"], side.get("requests_per_s")
        span = f"{units['min']:,.0f} to {units['max']:,.0f}"
        table.add_row(name, f"{requests['median']:,.0f}" if requests else "", f"{units['median']:,.0f}", span)
    console.print(table)
    beyond = found["beyond_look_up"]
    console.print(
        f"A message detector costs {beyond['median']:+.1%} beyond table look-up, pair by pair "
        f"({beyond['min']:+.1%} to {beyond['max']:+.1%}); aim: at most {found['aim']:.0%}."
    )
    for name, spent in found["runs_s"].items():
        console.print(f"{name}: {spent['median']:.2f} s ({spent['min']:.2f} to {spent['max']:.2f})")
    for name, more in found["isolated_beyond"].items():
        console.print(f"{name} isolated: {more['median']:+.1%} ({more['min']:+.1%} to {more['max']:+.1%}) of a run")


@click.command()
@click.option(
    "--conversations", type=click.IntRange(min=2000), default=20_000, show_default=True, help="about how many"
)
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="each side once a round")
@click.option("--json", "as_json", is_flag=True, help="write all figures to stdout as JSON")
def main(conversations: int, rounds: int, as_json: bool) -> None:
    """Measure what the ways in for detectors cost, side by side."""
    found = measure(prepare(conversations), rounds)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        show(found, Console())


if __name__ == "__main__":
    main()
