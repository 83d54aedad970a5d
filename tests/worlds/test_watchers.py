"""Runs with a watcher of the event stream beside the same detector of conversations: the same alerts, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simharness.corpora.batches import chunks
from simharness.corpora.reading import read_corpus
from simharness.corpora.records import Corpus, CorpusConversation
from simharness.detection.faults import DetectorFailed
from simharness.detection.levels import LADDER_RATES, Levels
from simharness.detection.scoring import bind, build_detector
from simharness.metrics.detectors import detector_numbers
from simharness.outcomes import cell as cell_module
from simharness.outcomes.cell import Cell, Prepared, run_cell
from simharness.outcomes.tables import alerts_table, outcomes_table
from simharness.provenance import table_digest
from simharness.records import ConversationBatch, EventBatch
from simharness.response.arm import ArmInput
from simharness.robustness import robustness
from simharness.run import prepare_cells, run_scenario
from simharness.scenario.detector import DetectorSpec
from simharness.scenario.load import Loaded, load_scenario
from simharness.scenario.policy import Arm
from simharness.store import TABLES
from simharness.world.model import build_model

ASSUMED = {"evidence": "assumed", "source": "test"}
SMALL = ("training={grooming: 60, benign: 300, calibration: 2400}", "sampling.benign_fraction=0.01", "replications=2")
MOVING = "stress={evidence: assumed, source: test, early_move: {share: 0.5, after: 8}}"
HALF = {"facebook": 0.5, "instagram": 0.5, "snapchat": 0.5, "other": 0.5}
RATE = {"false_alerts_per_1000_child_months": 4.0}
PLAIN: dict[str, Any] = {"matched_budget": None, "recorded": []}
ONE_DARK = ["facebook", "snapchat"]

CODE = """
import numpy as np


class Watcher:
    def __init__(self):
        self.seen = {}

    def watch(self, events):
        return [self.one(events.texts[s >> 1], c) for s, c in zip(events.symbol.tolist(), events.conversation.tolist())]

    def one(self, text, conversation):
        self.seen[conversation] = self.seen.get(conversation, 0) + (2 if text else 1)
        return self.seen[conversation]


class Reader:
    def risk(self, batch):
        weight = np.array([2 if text else 1 for text in batch.texts])[batch.symbol >> 1]
        return np.concatenate([np.cumsum(weight[b:e]) for b, e in zip(batch.begin, batch.end)])
"""


class Watcher:
    """Messages of a conversation so far, those with a text twice."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}

    def watch(self, events: EventBatch) -> list[int]:
        columns = zip(events.symbol.tolist(), events.conversation.tolist(), strict=True)
        return [self.one(events.texts[symbol >> 1], conversation) for symbol, conversation in columns]

    def one(self, text: str, conversation: int) -> int:
        self.seen[conversation] = self.seen.get(conversation, 0) + (2 if text else 1)
        return self.seen[conversation]


class Reader:
    """The same of whole conversations."""

    def risk(self, batch: ConversationBatch) -> NDArray[np.float64]:
        weight = np.array([2.0 if text else 1.0 for text in batch.texts])[batch.symbol >> 1]
        parts = [np.cumsum(weight[begin:end]) for begin, end in zip(batch.begin, batch.end, strict=True)]
        return np.concatenate([np.empty(0), *parts])


def arm(detector: str, **more: Any) -> Arm:
    """Half of the conversations covered, and alerts that make offenders move."""
    code = ASSUMED | {"coverage": HALF, "audits": ASSUMED | {"interval": "60d", "closes": 0.5}}
    actions = ["alert_child", "nudge_child", "suspend_account", "share_signal"]
    plain = {"title": "test", "law": "communication", "detector": detector, "alert_level": RATE}
    return Arm.model_validate(plain | {"code": code, "on_alert": actions} | more)


def arms(detector: str) -> dict[str, Arm]:
    kinds: dict[str, dict[str, Any]] = {
        "plain": {},
        "dark": {"encrypted": ONE_DARK},
        "again": {"trigger": {"cooldown": "1h", "at_most": 3}},
        "sustained": {"trigger": {"s_of_n": {"s": 2, "n": 4}}, "encrypted": ["other"]},
    }
    return {f"{kind}_{detector}": arm(detector, **more) for kind, more in kinds.items()}


@pytest.fixture(scope="module")
def prepared(load: Callable[..., Loaded]) -> Callable[..., Prepared]:
    """``prepared(*assignments, **detectors)``: the comparator, and four arms for each detector."""

    def made(*assignments: str, batch_size: int = 2000, **detectors: Any) -> Prepared:
        loaded = load(*SMALL, *assignments, scale=0.005)
        scenario = loaded.scenario
        kept = {scenario.comparator: scenario.arms[scenario.comparator]}
        for name in detectors:
            kept |= arms(name)
        specs = {name: DetectorSpec(use="mine") for name in detectors}
        scenario = scenario.model_copy(update=PLAIN | {"arms": kept, "detectors": specs})
        return prepare_cells(build_model(scenario, loaded.folder), detectors, batch_size)

    return made


def digests(cell: Cell, detector: str) -> dict[str, tuple[str, str]]:
    """Of each arm of a detector, the digests of its alerts and of what came of them."""
    results = {name: cell.arms[name] for name in arms(detector)}
    return {
        name.removesuffix(detector): (table_digest(alerts_table(result)), table_digest(outcomes_table(cell, result)))
        for name, result in results.items()
    }


@pytest.mark.parametrize("world", [(), (MOVING,)], ids=["as it is", "moving"])
def test_a_watcher_of_conversations_raises_the_alerts_of_a_reader_of_them(
    prepared: Callable[..., Prepared], world: tuple[str, ...]
) -> None:
    both = prepared(*world, watcher=Watcher(), reader=Reader())
    cells = [run_cell(replace(both, batch_size=size), 0) for size in (2000, 37)]
    found = [digests(cell, detector) for cell in cells for detector in ("watcher", "reader")]
    assert all(each == found[0] for each in found)
    assert len({alerts for alerts, _ in found[0].values()}) == len(found[0]) == 4
    for name in found[0]:
        assert len(alerts_table(cells[0].arms[f"{name}watcher"])) > 5
    numbers = [detector_numbers(both.model, cell.readings, name) for cell in cells for name in ("watcher", "reader")]
    assert all(each == numbers[0] for each in numbers)
    assert all(scorer.watched is None for scorer in both.scorers.values())  # nothing is left of the replication


def test_replications_are_watched_apart(prepared: Callable[..., Prepared]) -> None:
    """The second is what it is whether or not the first came before it."""
    ready = prepared(watcher=Watcher())
    first, second = run_cell(ready, 0), run_cell(ready, 1)
    fresh = run_cell(prepared(watcher=Watcher()), 1)
    assert digests(second, "watcher") == digests(fresh, "watcher") != digests(first, "watcher")


class Anybody(Watcher):
    """The same of everybody's messages together."""

    def one(self, text: str, conversation: int) -> int:
        return super().one(text, 0)


def test_who_reads_on_another_platform_has_seen_nothing(
    prepared: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where it reads a conversation from its first message on: its texts may be hidden there."""
    given: list[tuple[Arm, ArmInput]] = []

    def noting(model: Any, seed: int, arm: Arm, what: ArmInput) -> None:
        given.append((arm, what))

    monkeypatch.setattr(cell_module, "simulate_arm", noting)
    ready = prepared(anybody=Anybody())
    levels = ready.levels["anybody"]
    for name, signal in levels.signal.items():
        levels.signal[name] = replace(signal, level=np.float32(1), n=1, s=1)
    run_cell(ready, 0)
    dark = next(what for arm, what in given if arm.encrypted == ONE_DARK)
    hidden = [name in ONE_DARK for name in ready.model.platforms]
    for platform, unread in enumerate(hidden):
        for row in (5, 40, len(dark.contacts) - 1):
            assert dark.rescan(row, -np.inf, platform)[0][1] == (1.0 if unread else 2.0)


# -- in processes of their own -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("detectors") / "mine.py"
    path.write_text(CODE)
    return path


def test_workers_and_batches_change_nothing(load: Callable[..., Loaded], file: Path, tmp_path: Path) -> None:
    loaded = load(*SMALL, scale=0.005)
    scenario = loaded.scenario
    kept = {scenario.comparator: scenario.arms[scenario.comparator]}
    for name in ("watcher", "reader"):
        kept |= {key: each for key, each in arms(name).items() if key.startswith(("plain", "dark"))}
    specs = {name: DetectorSpec(use=f"{file}:{name.capitalize()}") for name in ("watcher", "reader")}
    loaded = replace(loaded, scenario=scenario.model_copy(update=PLAIN | {"arms": kept, "detectors": specs}))
    runs = [run_scenario(loaded, tmp_path / "one"), run_scenario(loaded, tmp_path / "two", jobs=2, batch_size=41)]
    assert runs[0].read_manifest()["digest"] == runs[1].read_manifest()["digest"]
    for run in runs:
        found = sorted((run.path / TABLES / "alerts").rglob("*.parquet"))
        alerts = {str(path.relative_to(run.path)): path.read_bytes() for path in found}
        watchers = [name for name in alerts if "watcher" in name]
        assert len(watchers) == 4 and len(alerts) == 10
        for name in watchers:
            assert alerts[name] == alerts[name.replace("watcher", "reader")]


def test_a_watcher_begins_again_without_another_process(file: Path) -> None:
    """Also one that cannot be trained: what it was before it had watched anything is kept."""
    detector: Any = build_detector(DetectorSpec(use=f"{file}:Watcher"), Path(), "mine")
    try:
        detector.fit(None)
        pid = detector.pid
        none = np.zeros(2, np.uint64)
        events = EventBatch(
            ("a",),
            np.zeros(2, np.uint16),
            np.arange(2.0),
            none,
            np.array([1, 2], np.int32),
            none,
            none,
            np.zeros(2, np.uint8),
            np.zeros(2, np.bool_),
        )
        for _ in range(3):
            begun = detector.begin()
            assert [begun.watch(events).values.tolist() for _ in range(2)] == [[2.0, 4.0], [6.0, 8.0]]
            assert begun.pid == pid
    finally:
        detector.close()


# -- the robustness table and corpora ----------------------------------------------------------------------------------


def stressed(name: str, use: str) -> Loaded:
    folder = Path(__file__).parents[2] / "scenarios" / "stress"
    sizes = ("training={grooming: 60, benign: 100, calibration: 2400}", "sampling.benign_fraction=0.005")
    loaded = load_scenario(folder / f"{name}.yaml", sizes, scale=0.005, replications=1)
    specs = {name: DetectorSpec(use=f"{use}:{name.capitalize()}") for name in ("watcher", "reader")}
    return replace(loaded, scenario=loaded.scenario.model_copy(update={"detectors": specs}))


def test_a_watcher_has_a_row_for_every_dial(file: Path) -> None:
    found = robustness(stressed("base", str(file)), [stressed("early_move", str(file))], rate=LADDER_RATES[-1])
    rows = [[row for row in found["rows"] if row["detector"] == name] for name in ("watcher", "reader")]
    assert [{**row, "detector": ""} for row in rows[0]] == [{**row, "detector": ""} for row in rows[1]]
    assert rows[0][1]["loss"]["estimate"] != 0.0


def test_one_that_fails_in_a_replication_is_named(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    streams = iter(["calibration"])

    class Late(Watcher):
        """Watches the calibration world, and no longer."""

        def watch(self, events: EventBatch) -> list[int]:
            if not self.seen and next(streams, None) is None:
                raise DetectorFailed("hang", "gone")
            return super().watch(events)

    monkeypatch.setattr("simharness.robustness.build_detectors", lambda specs, folder: {"watcher": Late()})
    loaded = stressed("base", str(file))
    specs = {"watcher": DetectorSpec(use="mine")}
    loaded = replace(loaded, scenario=loaded.scenario.model_copy(update={"detectors": specs}))
    with pytest.raises(DetectorFailed, match="gone") as caught:
        robustness(loaded, [])
    assert (caught.value.kind, caught.value.detector) == ("hang", "watcher")


def test_each_chunk_of_a_corpus_is_a_stream_of_its_own() -> None:
    texts = [("a", "b", "c"), ("d", "e"), ("f", "g", "h", "i")]
    told = [CorpusConversation(str(n), (0, 1) * 2, each, None, None) for n, each in enumerate(texts)]
    told = [replace(each, authors=each.authors[: len(each.texts)]) for each in told]
    one = np.zeros(len(LADDER_RATES), np.int64)
    levels = {"mine": Levels(np.array([9.5], np.float32), {}, one)}
    scorers = {"mine": bind("mine", DetectorSpec(use="mine"), Anybody(), ())}
    together = read_corpus(Corpus("made", iter(told)), scorers, levels).detectors["mine"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simharness.corpora.reading.chunks", lambda each: chunks(each, 4))
        apart = read_corpus(Corpus("made", iter(told)), scorers, levels).detectors["mine"]
    assert (together.place >= 0).sum() == 2 and (apart.place >= 0).sum() == 0
