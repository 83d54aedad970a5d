"""What the ways in cost: table look-up, a message detector on the table path, a process and an HTTP service.

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

from benchmarks.message_path import DETECTOR, Bench, prepare, walk
from benchmarks.timing import Spread
from simharness.detection.scoring import bind
from simharness.detection.ways.http import http
from simharness.detection.ways.process import process
from simharness.records import ConversationBatch

OUTSIDE = Path(__file__).with_name("outside.py")
TEXT_BATCHES, CONVERSATION_BATCHES = (1, 16, 128, 512, 2048), (1, 16, 64, 256)
LEAST_TEXTS, LEAST_CONVERSATIONS = 200, 20  # of a side with one a request, where a pass would take for ever
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
    messages = walk(bench, bench.contacts).messages

    def from_the_detector() -> None:
        scorer = bind(DETECTOR, model.scenario.detectors[DETECTOR], detector, model)
        walk(Bench(bench.world, bench.contacts, scorer, bench.levels, bench.level), bench.contacts)

    return {
        "table look-up": Side(lambda: walk(bench, bench.contacts), None, messages),
        "message detector": Side(from_the_detector, None, messages),
    }


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


def measure(bench: Bench, rounds: int) -> dict[str, Any]:
    """Every side once a round, in turn, after a pass of each: units and requests a second."""
    used = bench.world.model.phrasebooks["use"].texts
    texts = [used[n % len(used)] for n in range(8 * max(TEXT_BATCHES))]
    whole = next(iter(bench.world.batches(bench.contacts[0]))).view
    with served() as url:
        sides = table_sides(bench)
        made = {
            "process": lambda **given: process([sys.executable, str(OUTSIDE)], **given),
            "http": lambda **given: http(url, **given),
        }
        for name, make in made.items():
            sides |= outside_sides(make, name, texts, whole)
        seconds = _in_turn(sides, rounds)
    pairs = zip(seconds["message detector"], seconds["table look-up"], strict=True)
    return {
        "rounds": rounds,
        "sides": {name: _speeds(side, seconds[name]) for name, side in sides.items()},
        "beyond_look_up": asdict(Spread.of([detector / table - 1 for detector, table in pairs])),
        "aim": AIM,
    }


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


def _first(whole: ConversationBatch, count: int) -> ConversationBatch:
    end = whole.end[:count]
    messages = slice(0, int(end[-1]))
    cut = {name: getattr(whole, name)[:count] for name in ("platform", "declared_adult", "new_contacts_7d", "key")}
    return ConversationBatch(
        whole.texts, whole.symbol[messages], whole.time_s[messages], whole.begin[:count], end, **cut
    )


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
