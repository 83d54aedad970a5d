"""Runs in which detectors fail: each fault ends as the scenario says, and nothing else changes by a byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from simharness import cli, run
from simharness.detection import guard
from simharness.detection.faults import FAULT_KINDS, DetectorFailed, FaultKind
from simharness.detection.protocol import TrainingSet
from simharness.outcomes.cell import replication_seed
from simharness.provenance import table_digest
from simharness.records import ConversationBatch, EventBatch
from simharness.report.content import compose, read_run
from simharness.run import run_scenario
from simharness.scenario.detector import DetectorSpec
from simharness.scenario.levels import AlertLevel
from simharness.scenario.load import Loaded
from simharness.scenario.model import Scenario
from simharness.store import STATUS, SUMMARY, TABLES, RunFolder
from simharness.world.generate import World
from simharness.world.model import build_model

SMALL = ("training={grooming: 60, benign: 300, calibration: 3000}", "sampling.benign_fraction=0.01", "replications=2")
ARMS = ("no_intervention", "police_communication_offence", "voluntary_code", "grooming_alerts")
ON_ERROR = ("fail", "abstain", "retry")
OF_ARM = 4  # tables of every arm: outcomes, alerts, decisions and actions
ACTING = ("hang", "nan")  # kinds of which detectors have arms: the fewest, as arms are what takes time
FLAGSHIP = Path(__file__).parents[2] / "scenarios" / "england_wales_2017.yaml"
Made = Callable[..., Loaded]


@dataclass
class Reads:
    """Risk is how many messages so far were more often sent in grooming. Fails, in the way of ``kind``, where ``fails``
    says so of a batch, the first ``times`` times.
    """

    kind: FaultKind = "exception"
    fails: Callable[[ConversationBatch], bool] = lambda batch: False
    times: float = np.inf
    range = (0.0, 1000.0)

    def fit(self, training: TrainingSet) -> None:
        more = training.positive > training.negative
        self.known = {text for text, marked in zip(training.texts, more, strict=True) if marked}

    def risk(self, batch: ConversationBatch) -> Any:
        hits = np.array([text in self.known for text in batch.texts])[batch.symbol >> 1]
        so_far = np.append(0.0, np.cumsum(hits))
        good = so_far[1:] - np.repeat(so_far[batch.begin], batch.end - batch.begin)
        if not good.size or self.times <= 0 or not self.fails(batch):
            return good
        self.times -= 1
        return broken(self.kind, good)


@dataclass
class Scores:
    """Every text has its length as score. Fails always."""

    kind: FaultKind = "exception"
    range = (0.0, 1000.0)

    def score(self, texts: Sequence[str]) -> Any:
        return broken(self.kind, np.array([float(len(text)) for text in texts]))


class Watches:
    """Is gone whenever a stream begins."""

    def begin(self) -> Any:
        raise DetectorFailed("crash", "gone before it began")

    def watch(self, events: EventBatch) -> Any:
        return np.zeros(len(events))


class Learns(Reads):
    """Cannot be trained."""

    def fit(self, training: TrainingSet) -> None:
        raise DetectorFailed(self.kind, "cannot learn")


def broken(kind: FaultKind, good: Any) -> Any:
    """An answer that is no good in this way."""
    numbers = {"nan": np.nan, "infinite": np.inf, "out_of_range": 1001.0}
    if kind in numbers:
        return np.append(good[:-1], numbers[kind])
    if kind == "wrong_length":
        return good[:-1]
    if kind == "garbage":
        return [str(number) for number in good]
    raise DetectorFailed(kind, "made to fail")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before asking again."""
    monkeypatch.setattr(guard, "_BACKOFF_S", 0.0)


@pytest.fixture
def made(load: Callable[..., Loaded], monkeypatch: pytest.MonkeyPatch) -> Made:
    """``made({name: (detector, on_error)}, acting=None, **changes)``: two healthy detectors, and these in this process.

    Each of these, or of ``acting``, has an arm of its own, ``by_<name>``.
    """
    usual = run.build_detectors

    def loaded(own: dict[str, tuple[Any, str]], acting: Sequence[str] | None = None, **changes: Any) -> Loaded:
        flagship = load(*SMALL, scale=0.005)
        scenario = flagship.scenario
        policies = {name: scenario.arms[name] for name in ARMS}
        for name in own if acting is None else acting:
            update = {"detector": name, "title": f"By {name}"}
            policies[f"by_{name}"] = scenario.arms["grooming_alerts"].model_copy(update=update)
        specs = {name: scenario.detectors[name] for name in ("text_model", "keyword")}
        faulty = {name: DetectorSpec(use="made", on_error=how) for name, (_, how) in own.items()}  # type: ignore[arg-type]

        def built(named: dict[str, DetectorSpec], *rest: Any) -> dict[str, Any]:
            ours = usual({name: spec for name, spec in named.items() if name not in own}, *rest)
            return ours | {name: detector for name, (detector, _) in own.items()}

        monkeypatch.setattr(run, "build_detectors", built)
        update = {"arms": policies, "detectors": specs | faulty, **changes}
        return replace(flagship, scenario=scenario.model_copy(update=update))

    return loaded


@pytest.fixture(scope="module")
def second(load: Callable[..., Loaded]) -> list[int]:
    """Names of the grooming conversations of the second replication."""
    loaded = load(*SMALL, scale=0.005)
    world = World(build_model(loaded.scenario.one_nation(), loaded.folder), replication_seed(loaded.scenario, 1))
    return [int(key) for batch in world.batches(world.grooming_contacts()) for key in batch.view.key]


@pytest.fixture(scope="module")
def in_the_second(second: list[int]) -> Callable[[ConversationBatch], bool]:
    """Whether a batch has grooming conversations of the second replication."""
    return lambda batch: bool(np.isin(batch.key, np.array(second, np.uint64)).any())


@pytest.fixture(scope="module")
def healthy(load: Callable[..., Loaded], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digest of every table of a run without a faulty detector."""
    loaded = load(*SMALL, scale=0.005)
    scenario = loaded.scenario
    kept = {
        "arms": {name: scenario.arms[name] for name in ARMS},
        "detectors": {name: scenario.detectors[name] for name in ("text_model", "keyword")},
    }
    alone = replace(loaded, scenario=scenario.model_copy(update=kept))
    return tables(run_scenario(alone, tmp_path_factory.mktemp("healthy")))


def tables(folder: RunFolder) -> dict[str, str]:
    """Digest of every table that finished cells hold by its relative path; metrics aside, which name every arm."""
    files = [file for file in (folder.path / TABLES).rglob("*.parquet") if file.parent.name != "metrics"]
    return {str(file.relative_to(folder.path)): table_digest(pq.ParquetFile(file).read()) for file in files}


def assert_intact(folder: RunFolder, healthy: dict[str, str]) -> None:
    found = tables(folder)
    assert {name: found.get(name) for name in healthy} == healthy and len(healthy) == 2 * (1 + OF_ARM * len(ARMS))


def of_arm(folder: RunFolder, arm: str) -> dict[tuple[str, int], str]:
    """Digests of an arm's tables by kind and replication."""
    places = {
        f"{TABLES}/{kind}/replication={n:04d}-{arm}.parquet": (kind, n)
        for kind in ("outcomes", "alerts", "decisions", "actions")
        for n in range(2)
    }
    return {places[name]: digest for name, digest in tables(folder).items() if name in places}


def summary_of(folder: RunFolder) -> dict[str, Any]:
    read = json.loads((folder.path / SUMMARY).read_text())
    assert isinstance(read, dict)
    return read


def status_of(folder: RunFolder) -> dict[int, list[dict[str, Any]]]:
    """Faults by cell, from the lines of the file itself."""
    lines = [json.loads(line) for line in (folder.path / STATUS).read_text().splitlines()]
    return {line["replication"]: line["faults"] for line in lines if "faults" in line}


def test_every_kind_ends_as_the_scenario_says_and_nothing_else_changes(
    made: Made, healthy: dict[str, str], in_the_second: Any, tmp_path: Path
) -> None:
    """Four detectors of each kind that fail in the second replication alone, and a good one; some have arms."""
    own: dict[str, tuple[Any, str]] = {"good": (Reads(), "fail")}
    for kind in FAULT_KINDS:
        own |= {f"{kind}-{how}": (Reads(kind, in_the_second), how) for how in ON_ERROR}
        own[f"{kind}-recovers"] = Reads(kind, in_the_second, times=2), "retry"
    acting = ["good", *(name for name in own if name.startswith(ACTING))]
    folder = run_scenario(made(own, acting), tmp_path)
    assert_intact(folder, healthy)
    assert folder.read_manifest()["status"] == "partial" and set(folder.read_manifest()["cells"]) == {"0", "1"}
    good = of_arm(folder, "by_good")
    first = {place: digest for place, digest in good.items() if place[1] == 0}
    assert len(good) == 2 * OF_ARM
    faults = status_of(folder)
    assert faults[0] == [] and len(faults[1]) == 4 * len(FAULT_KINDS)
    by_detector = {fault["detector"]: fault for fault in faults[1]}
    of_summary = {fault["detector"]: fault for fault in summary_of(folder)["faults"]}
    estimates = summary_of(folder)["estimates"]
    for kind in FAULT_KINDS:
        for how, effect in [("fail", "failed"), ("abstain", "abstained"), ("retry", "failed"), ("recovers", "retried")]:
            name = f"{kind}-{how}"
            fault, n = by_detector[name], 1 if effect == "failed" else 2
            assert (fault["kind"], fault["effect"]) == (kind, effect)
            assert fault["times"] == 1 or how == "abstain"
            assert bool(fault["unscored"]) == (how == "abstain")
            assert estimates["detectors"][name]["delay"]["n"] == n
            arms = [f"by_{name}"] if name in acting else []
            assert of_summary[name] == fault | {"replications": [1], "arms": arms}
            for arm in arms:
                found = of_arm(folder, arm)
                assert {place: found.get(place) for place in first} == first
                assert len(found) == OF_ARM * n
                assert found == good if how == "recovers" else found != good or kind == "nan"  # of one message
                assert estimates["arms"][arm]["offences"]["n"] == n
    assert estimates["arms"]["grooming_alerts"]["offences"]["n"] == 2


def test_once_the_fault_is_gone_only_what_failed_is_run_again(made: Made, in_the_second: Any, tmp_path: Path) -> None:
    broken_once = run_scenario(made({"mine": (Reads("crash", in_the_second), "fail")}), tmp_path / "one")
    assert broken_once.read_manifest()["status"] == "partial"
    told: list[tuple[str, int, int]] = []
    mended = made({"mine": (Reads(), "fail")})
    again = run_scenario(mended, tmp_path / "one", notify=lambda *what: told.append(what))
    assert again.path == broken_once.path and told == [("prepare", 1, 2), ("cell", 2, 2)]
    never = run_scenario(mended, tmp_path / "two")
    assert again.read_manifest()["status"] == "complete" and again.faults() == {0: [], 1: []}
    assert again.read_manifest()["digest"] == never.read_manifest()["digest"] and tables(again) == tables(never)
    assert (again.path / SUMMARY).read_bytes() == (never.path / SUMMARY).read_bytes()


PREPARING: dict[str, tuple[Any, str]] = {
    "learns": (Learns("hang"), "retry"),
    "learns_not": (Learns("crash"), "abstain"),
    "table": (Scores("out_of_range"), "fail"),
    "table_again": (Scores("garbage"), "retry"),
    "table_silent": (Scores("nan"), "abstain"),
    "calibration": (Reads("exception", lambda batch: True), "fail"),
    "calibration_again": (Reads("infinite", lambda batch: True), "retry"),
    "calibration_silent": (Reads("wrong_length", lambda batch: True), "abstain"),
}
LEFT = {"table_silent", "calibration_silent"}


def test_a_detector_that_fails_while_preparing_is_left_out_of_every_replication(
    made: Made, healthy: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_scenario(made(PREPARING), tmp_path)
    assert_intact(folder, healthy)
    assert {name for name in PREPARING if of_arm(folder, f"by_{name}")} == LEFT
    assert folder.read_manifest()["status"] == "partial"
    found = {fault["detector"]: fault for fault in summary_of(folder)["faults"]}
    assert set(found) == set(PREPARING)
    for name, fault in found.items():
        assert fault["effect"] == ("abstained" if name in LEFT else "failed"), name
        assert fault["replications"] == [0, 1] and fault["arms"] == [f"by_{name}"]
        assert fault["kind"] == PREPARING[name][0].kind
    arms = summary_of(folder)["arms"]
    assert {name.removeprefix("by_") for name in arms if name.startswith("by_")} == LEFT
    banner = compose(*read_run(RunFolder.at(folder.path))).banner
    lost = "Detector learns, in 2 of 2 replications: gave no answer in time; no result of it there, nor of the arms by_"
    silent = (
        "Detector table_silent, in 2 of 2 replications: gave numbers that are none; what it did not score counts as"
    )
    assert f"{lost}learns." in banner and f"{silent} not scored." in banner


def test_a_watcher_that_fails_before_its_stream_begins_is_no_silent_loss(made: Made, tmp_path: Path) -> None:
    folder = run_scenario(made({how: (Watches(), how) for how in ON_ERROR}), tmp_path)
    assert folder.read_manifest()["status"] == "partial"
    found = {fault["detector"]: (fault["kind"], fault["effect"]) for fault in summary_of(folder)["faults"]}
    assert found == {"fail": ("crash", "failed"), "abstain": ("crash", "abstained"), "retry": ("crash", "failed")}


def test_a_detector_that_abstains_from_everything_alerts_on_nothing(made: Made, tmp_path: Path) -> None:
    silent = {"silent": (Reads("hang", lambda batch: True), "abstain")}
    folder = run_scenario(made(silent), tmp_path)
    assert folder.read_manifest()["status"] == "complete"  # nothing is missing: it was not scored
    assert summary_of(folder)["estimates"]["detectors"]["silent"]["recall"]["estimate"] == 0
    assert summary_of(folder)["estimates"]["arms"]["by_silent"]["alerts"]["estimate"] == 0


def test_a_detector_that_fails_on_what_an_arm_has_changed_has_no_result_at_all(
    made: Made, load: Callable[..., Loaded], healthy: dict[str, str], tmp_path: Path
) -> None:
    """A conversation that has moved is read again, alone. The arm that never alerts never asks for that, and is left
    out with the other.
    """
    alone = Reads("crash", lambda batch: len(batch) == 1)
    loaded = made({"good": (Reads(), "fail"), "alone": (alone, "fail")})
    arms = dict(loaded.scenario.arms)
    moving = load(*SMALL, scale=0.005).scenario.arms["mandatory_code"]
    arms |= {f"by_{name}": moving.model_copy(update={"detector": name}) for name in ("good", "alone")}
    # First of them, so that it is done before the other fails.
    arms = {"never": arms["by_alone"].model_copy(update={"alert_level": AlertLevel(risk=1e9)}), **arms}
    loaded = replace(loaded, scenario=loaded.scenario.model_copy(update={"arms": arms}))
    folder = run_scenario(loaded, tmp_path)
    assert_intact(folder, healthy)
    assert len(of_arm(folder, "by_good")) == 2 * OF_ARM
    faults = status_of(folder)
    lost = {cell for cell, found in faults.items() if found}
    assert lost, "no conversation moved in either replication"
    for cell in lost:
        assert [(each["detector"], each["kind"], each["effect"]) for each in faults[cell]] == [
            ("alone", "crash", "failed")
        ]
    for arm in ("by_alone", "never"):
        assert {replication for _, replication in of_arm(folder, arm)} == {0, 1} - lost
    rows = folder.read_table("metrics").to_pylist()
    assert {row["replication"] for row in rows if row["detector"] == "alone"} == {0, 1} - lost


def test_without_the_comparator_there_is_nothing_to_compare(made: Made, in_the_second: Any, tmp_path: Path) -> None:
    own = {"mine": (Reads("garbage", in_the_second), "fail")}
    loaded = made(own, comparator="by_mine")
    with pytest.raises(DetectorFailed, match=r"^detector mine: .*; the comparator acts on it \(garbage\)") as caught:
        run_scenario(loaded, tmp_path)
    assert caught.value.exit_code == 3
    (path,) = tmp_path.glob("*/*/manifest.json")
    folder = RunFolder.at(path.parent)
    manifest = folder.read_manifest()
    assert manifest["status"] == "failed" and list(manifest["cells"]) == ["0"]  # the first was finished and is kept
    assert len(of_arm(folder, "by_mine")) == OF_ARM


def test_a_baseline_that_fails_leaves_the_others_their_own_numbers(
    made: Made, in_the_second: Any, tmp_path: Path
) -> None:
    own = {"mine": (Reads("hang", in_the_second), "fail")}
    loaded = made(own)
    matched = loaded.scenario.matched_budget
    assert matched is not None
    update = {"matched_budget": matched.model_copy(update={"baseline": "mine"})}
    loaded = replace(loaded, scenario=loaded.scenario.model_copy(update=update))
    numbers = summary_of(run_scenario(loaded, tmp_path))["estimates"]["detectors"]["text_model"]
    assert numbers["recall_before_offence_at_budget"]["n"] == 2
    assert numbers["recall_before_offence_over_baseline"]["n"] <= 1


def test_one_nation_that_fails_takes_the_replication_of_its_arm(
    made: Made, in_the_second: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nations make a replication; in the second of the first one's, a detector fails."""
    own = {"mine": (Reads("nan", in_the_second), "fail")}
    loaded = made(own)
    monkeypatch.setattr(Scenario, "nations", property(lambda scenario: 2 if scenario.scale == 0.01 else 1))
    loaded = replace(loaded, scenario=loaded.scenario.model_copy(update={"scale": 0.01}))
    folder = run_scenario(loaded, tmp_path)
    rows = folder.read_table("metrics").to_pylist()
    assert {row["replication"] for row in rows} == {0, 1, 2, 3}
    assert {row["replication"] for row in rows if row["arm"] == "by_mine"} == {0, 2, 3}
    combined = pq.ParquetFile(folder.path / "metrics.parquet").read().to_pylist()
    for subject, name, left in [("arm", "by_mine", {1}), ("detector", "mine", {1}), ("arm", "grooming_alerts", {0, 1})]:
        assert {row["replication"] for row in combined if row[subject] == name} == left
    (fault,) = summary_of(folder)["faults"]
    assert fault["replications"] == [0]  # of replications, not of nations


OWN = """
import os, time
import numpy as np

class Reads:
    \"\"\"Fails in one way where one of some conversations is read, as long as a file is there.\"\"\"

    def __init__(self, way, flag, keys):
        self.way, self.flag, self.keys = way, flag, np.array(keys, np.uint64)

    def risk(self, batch):
        if os.path.exists(self.flag) and np.isin(batch.key, self.keys).any():
            getattr(self, self.way)()
        return np.arange(batch.symbol.size) - np.repeat(batch.begin, batch.end - batch.begin) + 1.0

    def raises(self):
        raise LookupError("no [bold]such[/bold] thing")

    def hangs(self):
        time.sleep(60)

    def exits(self):
        os._exit(7)
"""
WAYS = {"raises": ("fail", "exception"), "hangs": ("abstain", "hang"), "exits": ("retry", "crash")}


KEPT = ("keyword", "text_model")


@pytest.fixture
def project(tmp_path: Path, flagship: Loaded, second: list[int]) -> Path:
    """A scenario with three detectors in processes of their own. Each fails in the second replication, in a way of its
    own, while the file ``flag`` is there.
    """
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "flag").touch()
    scenario = flagship.scenario
    detectors: dict[str, Any] = {name: None for name in scenario.detectors if name not in KEPT}
    arms: dict[str, Any] = {name: None for name in scenario.arms if name not in ARMS}
    for way, (on_error, _) in WAYS.items():
        options = {"way": way, "flag": str(tmp_path / "flag"), "keys": second[:1]}
        detectors[way] = {
            "use": "own.py:Reads",
            "options": options,
            "on_error": on_error,
            "timeout": "1s",
            "retries": 1,
        }
    arms["by_raises"] = {"extends": "grooming_alerts", "title": "By a detector that raises", "detector": "raises"}
    content = {"extends": str(FLAGSHIP), "name": "faulty", "detectors": detectors, "arms": arms}
    (tmp_path / "faulty.yaml").write_text(json.dumps(content))
    return tmp_path


def run_command(project: Path, output: str, *options: str) -> tuple[int, RunFolder]:
    given = [option for assignment in SMALL for option in ("--set", assignment)]
    where = ["--output", str(project / output)]
    code = cli.main(["run", str(project / "faulty.yaml"), "--scale", "0.005", *given, *where, *options])
    (manifest,) = (project / output).glob("*/*/manifest.json")
    return code, RunFolder.at(manifest.parent)


def test_detectors_that_raise_hang_and_crash_leave_a_run_that_is_continued_when_they_are_mended(
    project: Path, healthy: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, folder = run_command(project, "out", "--jobs", "1")
    printed = capsys.readouterr()
    assert code == 3 and folder.read_manifest()["status"] == "partial"
    assert_intact(folder, healthy)
    faults = status_of(folder)
    effects = {"fail": "failed", "abstain": "abstained", "retry": "failed"}
    expected = {way: (kind, effects[on_error]) for way, (on_error, kind) in WAYS.items()}
    assert faults[0] == []
    assert {each["detector"]: (each["kind"], each["effect"]) for each in faults[1]} == expected
    told = "Detector raises, in 1 of 2 replications: raised an exception; no result of it there, nor of the arms by_rai"
    assert told in " ".join(printed.out.replace("│", " ").split())
    assert "no [bold]such[/bold] thing" in printed.out  # nothing in it is taken for markup
    assert "raises: raised LookupError: no [bold]such[/bold] thing (own.py:" in printed.err
    assert "give the same command again" in printed.err
    assert "\\[bold\\]such" in (folder.path / "summary.md").read_text()

    code, workers = run_command(project, "workers", "--jobs", "2")
    assert code == 3 and tables(workers) == tables(folder) and status_of(workers) == faults
    assert summary_of(workers) == summary_of(folder)
    assert workers.read_manifest()["digest"] == folder.read_manifest()["digest"]

    (project / "flag").unlink()
    before = (folder.path / f"{TABLES}/alerts/replication=0000-by_raises.parquet").stat().st_mtime_ns
    code, again = run_command(project, "out", "--jobs", "1")
    assert code == 0 and again.path == folder.path and again.read_manifest()["status"] == "complete"
    assert (again.path / f"{TABLES}/alerts/replication=0000-by_raises.parquet").stat().st_mtime_ns == before
    assert status_of(again) == {0: [], 1: []} and "faults" not in again.read_manifest()
    assert len(of_arm(again, "by_raises")) == 2 * OF_ARM
    assert_intact(again, healthy)
