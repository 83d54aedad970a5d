"""One detector by every way in: whoever asks it, and however its answers come, each arm has the same alerts."""

from __future__ import annotations

import gzip
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detectors.keyword import Keyword
from simharness.cli import main
from simharness.detection.training import training_set
from simharness.outcomes.cell import replication_seed
from simharness.run import run_scenario
from simharness.scenario.load import load_scenario
from simharness.store import TABLES
from simharness.streaming import part_names, parts
from simharness.world.contacts import LINK_SHIFT
from simharness.world.events import event_batches
from simharness.world.generate import World
from simharness.world.model import WorldModel, build_model

ROOT = Path(__file__).parents[2]
SMALLER = (
    "training={grooming: 50, benign: 200, calibration: 1000}",
    "sampling.benign_fraction=0.03",
    "world.benign.contact_rate=0.2/month",
    "world.offenders.count.value=27000",  # many beside few children: right alerts without hosts of false ones
)
OF_ARM = ("alerts", "outcomes", "decisions", "actions")

# Two mandatory codes, one in-process; every other arm is the same but for the way to its detector.
SCENARIO = f"""
extends: {ROOT / "scenarios" / "england_wales_2017.yaml"}
name: ways
title: One detector by every way
scale: 0.01
replications: 1
training: {{grooming: 100, benign: 400, calibration: 2000}}
matched_budget: null
recorded: []
response:
  reactions:
    substitution: {{links: 2, probability: 0.9, delay: {{median: 1d}}}}
    suspension_recontact: {{probability: 0.9}}
stress: {{evidence: assumed, source: test, early_move: {{share: 0.5, after: 10}}}}
detectors:
  text_model: null
  behaviour: null
  bayes_bound: null
  length_only: null
  never: null
  always: null
arms:
  no_intervention: null
  police_meeting_offence: null
  voluntary_code: null
  grooming_alerts: null
  trained_moderators:
    detector: keyword
    alert_level: {{false_alerts_per_1000_child_months: 25}}
"""

OWN = """
from detectors.keyword import Keyword


class Own(Keyword):
    'The lexicon, as a file of a team would have it.'
"""

# The lexicon outside this process: what it knows came over the wire.
SERVICE = """
from types import SimpleNamespace

from detectors.keyword import Keyword

known = Keyword()

def answer(asked):
    if "train" in asked:
        told = asked["train"]
        known.fit(SimpleNamespace(seed=told["seed"], vocabulary={a: tuple(w) for a, w in told["vocabulary"].items()}))
        return {"id": asked["id"], "ok": True}
    return {"id": asked["id"], "scores": known.score(asked["texts"]).tolist()}
"""

LOOP = """
import json, sys

for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
"""


@contextmanager
def served(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[str]:
    """The address of a service on this machine that answers so."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.dumps(answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(source: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """``answer`` of a script, in this process."""
    names: dict[str, Any] = {}
    exec(source, names)
    return names["answer"]  # type: ignore[no-any-return]


def with_ways(detectors: dict[str, dict[str, Any]], levels: dict[str, float] | None = None) -> str:
    """The scenario with these detectors and an arm for each, like the mandatory code; ``levels``: risks that alert."""
    for spec in detectors.values():
        spec.setdefault("aggregator", {"kind": "ewma", "half_life": 10})  # the in-process detector's own
    more = "".join(f"  {name}: {json.dumps(spec)}\n" for name, spec in detectors.items())
    arms = ""
    for name in detectors:
        arm: dict[str, Any] = {"extends": "mandatory_code", "detector": name}
        if levels:
            arm["alert_level"] = {"risk": levels[name], "false_alerts_per_1000_child_months": None}
        arms += f"  {name}: {json.dumps(arm)}\n"
    return SCENARIO.replace("arms:\n", f"{more}arms:\n") + arms


def tables(run: Path) -> dict[str, dict[str, pa.Table]]:
    """Every table of every cell by arm, then by kind and cell."""
    found: dict[str, dict[str, pa.Table]] = {}
    for kind in OF_ARM:
        for file in sorted((run / TABLES / kind).glob("replication=*.parquet")):
            cell, _, arm = file.stem.partition("-")
            found.setdefault(arm, {})[f"{kind} {cell}"] = pq.read_table(file)
    return found


def written_verdicts(folder: Path, scenario: Path) -> Keyword:
    """All files of scores, the one for ``stream`` out of its own lines. The lexicon, trained as the run trains it."""
    loaded = load_scenario(scenario)
    model = build_model(loaded.scenario.one_nation(), loaded.folder)
    lexicon = Keyword().fit(training_set(model))
    texts = model.phrasebooks["use"].texts
    pq.write_table(pa.table({"text": texts, "score": lexicon.score(texts)}), folder / "by_text.parquet")
    pq.write_table(by_message(model, lexicon), folder / "by_message.parquet")
    assert main(["stream", str(scenario), "-o", str(folder / "events.jsonl.gz")]) == 0
    with gzip.open(folder / "events.jsonl.gz", "rt") as events, (folder / "verdicts.jsonl").open("w") as verdicts:
        known: dict[str, float] = {}
        for event in map(json.loads, events):
            score = known.setdefault(event["text"], float(lexicon.score([event["text"]])[0]))
            row = {"conversation": event["conversation"], "message": event["message"], "score": score}
            verdicts.write(json.dumps(row) + "\n")
    return lexicon


def by_message(model: WorldModel, lexicon: Keyword) -> pa.Table:
    """A row for every message of every world of the run, without the stream."""
    keys, numbers, scores = [], [], []
    for part in parts(model, part_names(model.scenario, ["all"])):
        for batch in event_batches(part.world, part.contacts, 1 << 30, part.share):
            table = lexicon.score(batch.texts)
            keys.append(batch.conversation.astype(np.int64))
            numbers.append(batch.number)
            scores.append(table[batch.symbol >> 1])
    columns = {"conversation": keys, "message": numbers, "score": scores}
    return pa.table({name: np.concatenate(values) for name, values in columns.items()})


@pytest.fixture(scope="module")
def lexicons(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, pa.Table]]]:
    """The scenario's file, and the tables of its run with the lexicon in-process and by every other way."""
    folder = tmp_path_factory.mktemp("ways")
    (folder / "own.py").write_text(OWN)
    (folder / "service.py").write_text(SERVICE + LOOP)
    file = folder / "ways.yaml"
    with served(answering(SERVICE)) as url:
        ways = {
            "isolated": {"use": "own.py:Own"},
            "process": {"use": "process", "options": {"command": [sys.executable, "service.py"], "train": True}},
            "http": {"use": url, "options": {"train": True}},
            "by_text": {"use": "scores:by_text.parquet", "options": {"per": "text"}},
            "by_message": {"use": "scores:by_message.parquet"},
            "stream": {"use": "scores:verdicts.jsonl"},
        }
        file.write_text(with_ways(ways))
        written_verdicts(folder, file)
        run = run_scenario(load_scenario(file), folder / "results")
    assert run.read_manifest()["status"] == "complete"
    return file, tables(run.path)


@pytest.mark.parametrize("way", ["isolated", "process", "http", "by_text", "by_message", "stream"])
def test_the_lexicon_gives_the_same_alerts(lexicons: tuple[Path, dict[str, dict[str, pa.Table]]], way: str) -> None:
    arms = lexicons[1]
    assert len(arms["mandatory_code"]) == len(OF_ARM)
    for name, table in arms["mandatory_code"].items():
        assert table.num_rows > 0
        assert arms[way][name].equals(table), name


def test_these_alerts_are_of_every_kind(lexicons: tuple[Path, dict[str, dict[str, pa.Table]]]) -> None:
    """Right and false ones, on substitutes, on conversations read anew, and after a move of their own."""
    file, arms = lexicons
    alerts = arms["mandatory_code"]["alerts replication=0000"].to_pylist()
    right = [alert for alert in alerts if alert["right"]]
    assert len(right) > 30 and len(alerts) - len(right) > 30
    assert len({alert["risk"] for alert in right}) > 10  # the aggregator matters: scores are 0 or 1
    assert sum(alert["conversation"] >> LINK_SHIFT > 0 for alert in right) > 2
    # A reading fires once: another alert means that the rest was read anew, where nothing of it was known.
    assert sum(times > 1 for times in Counter(alert["conversation"] for alert in right).values()) > 2
    moved = move_times(file)
    assert sum(alert["raised_s"] >= moved.get(alert["conversation"], np.inf) for alert in right) > 5


def move_times(file: Path) -> dict[int, float]:
    """When each planned conversation moves to another platform by itself, wall seconds."""
    loaded = load_scenario(file)
    model = build_model(loaded.scenario.one_nation(), loaded.folder)
    world = World(model, replication_seed(loaded.scenario, 0))
    found = {}
    for batch in world.batches(world.grooming_contacts()):
        view = batch.view
        for row in np.flatnonzero(view.moved < view.end).tolist():
            at = model.clock.wall(view.time_s[view.moved[row] : view.moved[row] + 1])
            found[int(batch.contacts.conversation[row])] = float(at[0])
    return found


# -- whole conversations, and the stream of events --------------------------------------------------------------------

READERS = """
import numpy as np


class Counter:
    'Counts long messages of the one who made contact, and takes in all that is known of a conversation.'

    def risk(self, batch):
        long = np.array([len(text.split()) > 3 for text in batch.texts])
        hits = long[batch.symbol >> 1] & ((batch.symbol & 1) == 0)
        risk = np.full(batch.symbol.size, np.nan)
        for row, (begin, end) in enumerate(zip(batch.begin, batch.end)):
            known = 0.5 * batch.declared_adult[row] + 0.125 * float(batch.new_contacts_7d[row])
            known += 0.0625 * int(batch.platform[row]) + 0.001 * (int(batch.first[row]) - 1)
            hours = (batch.time_s[begin:end] - batch.time_s[begin]) / 3600.0
            risk[begin:end] = np.cumsum(hits[begin:end]) + known + 0.001 * hours
        return risk


class Watcher:
    'Counts what each account has sent so far, and to how many; what is new in a stream is not known from another.'

    def __init__(self):
        self.sent, self.met = {}, {}

    def watch(self, events):
        risk = []
        columns = (events.symbol, events.account, events.child, events.number, events.platform, events.declared_adult)
        for symbol, account, child, number, platform, adult in zip(*(column.tolist() for column in columns)):
            if not symbol & 1:
                self.sent[account] = self.sent.get(account, 0) + len(events.texts[symbol >> 1].split())
            met = self.met.setdefault(account, set())
            met.add(child)
            risk.append(0.0625 * self.sent.get(account, 0) + len(met) + 0.001 * number + 0.25 * platform + 0.5 * adult)
        return risk
"""

COUNTER = """
def counted(conversation):
    messages, hits, risk = conversation["messages"], 0, []
    known = 0.5 * conversation["declared_adult"] + 0.125 * conversation["new_contacts_7d"]
    known += 0.0625 * conversation["platform"] + 0.001 * (conversation["first"] - 1)
    for message in messages:
        hits += message["from"] == "initiator" and len(message["text"].split()) > 3
        risk.append(hits + known + 0.001 * ((message["time_s"] - messages[0]["time_s"]) / 3600.0))
    return risk

def answer(asked):
    return {"id": asked["id"], "scores": [counted(each) for each in asked["conversations"]]}
"""

WATCHER = """
stream, sent, met = None, {}, {}

def seen(event):
    account = event["account"]
    if event["from"] == "initiator":
        sent[account] = sent.get(account, 0) + len(event["text"].split())
    met.setdefault(account, set()).add(event["recipient"])
    risk = 0.0625 * sent.get(account, 0) + len(met[account]) + 0.001 * event["number"]
    return risk + 0.25 * event["platform"] + 0.5 * event["declared_adult"]

def answer(asked):
    global stream
    if asked["stream"] != stream:
        stream = asked["stream"]
        sent.clear(), met.clear()
    return {"id": asked["id"], "scores": [seen(event) for event in asked["events"]]}
"""


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, pa.Table]]:
    """Tables of a run on two worker processes, with detectors that are asked in the workers, batch by batch."""
    folder = tmp_path_factory.mktemp("readers")
    (folder / "readers.py").write_text(READERS)
    (folder / "counter.py").write_text(COUNTER + LOOP)
    (folder / "watcher.py").write_text(WATCHER + LOOP)

    def process(script: str, reads: str) -> dict[str, Any]:
        return {"use": "process", "options": {"command": [sys.executable, "-S", script], "reads": reads}}

    with served(answering(COUNTER)) as url:
        ways = {
            "counter": {"use": "readers.py:Counter"},
            "counter_process": process("counter.py", "conversations"),
            "counter_http": {"use": url, "options": {"reads": "conversations", "batch": 50}},
            "watcher": {"use": "readers.py:Watcher"},
            "watcher_process": process("watcher.py", "events"),
        }
        file = folder / "readers.yaml"
        levels = {name: 16.0 if name.startswith("counter") else 14.0 for name in ways}
        file.write_text(with_ways(ways, levels))
        loaded = load_scenario(file, SMALLER, scale=0.001, replications=2)
        run = run_scenario(loaded, folder / "results", jobs=2)
    assert run.read_manifest()["status"] == "complete" and not any(run.faults().values())
    return tables(run.path)


@pytest.mark.parametrize(
    ("here", "there"),
    [("counter", "counter_process"), ("counter", "counter_http"), ("watcher", "watcher_process")],
)
def test_readers_give_the_same_alerts(readers: dict[str, dict[str, pa.Table]], here: str, there: str) -> None:
    assert len(readers[here]) == 2 * len(OF_ARM)
    for name, table in readers[here].items():
        assert table.num_rows > 0
        assert readers[there][name].equals(table), name


@pytest.mark.parametrize("detector", ["counter", "watcher"])
def test_the_readers_alerts_are_of_every_kind(readers: dict[str, dict[str, pa.Table]], detector: str) -> None:
    alerts = [alert for cell in (0, 1) for alert in readers[detector][f"alerts replication={cell:04d}"].to_pylist()]
    right = [alert for alert in alerts if alert["right"]]
    assert len(right) > 10 and len(alerts) - len(right) > 10
    assert len({alert["risk"] for alert in alerts}) > 100
    assert sum(alert["conversation"] >> LINK_SHIFT > 0 for alert in right) > 0
    assert sum(times > 1 for times in Counter(alert["conversation"] for alert in right).values()) > 0
