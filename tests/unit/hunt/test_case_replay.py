"""Cases judged again, by readers that are made up here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simharness.detection.faults import DetectorFailed
from simharness.errors import UsageError, UsageErrors
from simharness.hunt import replay
from simharness.hunt.case import case_of, write_case
from simharness.hunt.records import Found, Judgement, Trajectory
from simharness.hunt.replay import case_files, replay_cases
from simharness.scenario.load import Loaded

ROOT = Path(__file__).parents[3]
SCENARIO = ROOT / "scenarios" / "england_wales_2017.yaml"
SLOW = "class Slow:\n    def score(self, texts):\n        return [0.0] * len(texts)\n"
Alerts = tuple[int | None, int | None]
Write = Callable[..., Path]


class Fake:
    """Readers whose alerts a test sets: of the bound, then of the detector."""

    def __init__(self, found: Callable[..., Found]) -> None:
        self.found = found
        self.alerts: list[Alerts] = []
        self.built: list[tuple[str, str, str | None]] = []
        self.failing = ""

    def readers(self, loaded: Loaded, detector: str, policy: str | None = None) -> str:
        if self.failing == "readers":
            raise DetectorFailed("crash", "its process ended", detector)
        self.built.append((loaded.scenario.name, loaded.scenario.detectors[detector].use, policy))
        return detector

    def judge(self, readers: str, trajectory: Trajectory) -> Judgement:
        if self.failing == "judge":
            raise DetectorFailed("nan", "not a number", readers)
        bound, detector = self.alerts.pop(0) if self.alerts else (2, None)
        judgement: Judgement = self.found(bound, detector, trajectory=trajectory).judgement
        return judgement


@pytest.fixture
def fake(found: Callable[..., Found], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fake:
    made = Fake(found)
    monkeypatch.setattr(replay, "readers", made.readers)
    monkeypatch.setattr(replay, "judge", made.judge)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "slow.py").write_text(SLOW)
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    return made


@pytest.fixture
def written(found: Callable[..., Found]) -> Write:
    """``written(path, ...)``: a case in the current folder, of a scenario and detector found from there."""

    def write(
        path: str,
        *,
        file: str = "scenarios/england_wales_2017.yaml",
        sets: tuple[str, ...] = (),
        policy: str | None = None,
        **detector: Any,
    ) -> Path:
        scenario = {"name": "england_wales_2017", "file": file, "set": sets}
        write_case(Path(path), case_of(found(), scenario, policy, detector or {"name": "keyword"}, 0, {}))
        return Path(path)

    return write


def test_what_comes_of_each(fake: Fake, written: Write) -> None:
    paths = [written(f"{name}.json") for name in "abcdef"]
    fake.alerts = [(2, None), (2, 7), (2, 6), (7, None), (None, 9), (None, 3)]
    replayed = replay_cases(paths)
    assert [each.outcome for each in replayed] == ["missed", "missed", "fixed", *["says nothing"] * 2, "fixed"]
    assert [each.path for each in replayed] == paths and replayed[0].name == "a"
    assert replayed[0].sentence == "Missed when risk acts are 31 minutes apart."
    assert replayed[0].problem is replayed[2].problem is None
    assert replayed[3].problem == "the bound alerts at message 7, so not before the harm at message 7 either"
    assert "the bound does not alert at all" in (replayed[4].problem or "")


def test_no_harm_says_nothing(fake: Fake, written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    judgement = fake.found().judgement
    harmless = Judgement(judgement.trajectory, None, judgement.bound, judgement.detector)
    monkeypatch.setattr(replay, "judge", lambda readers, trajectory: harmless)
    (each,) = replay_cases([written("a.json")])
    assert (each.outcome, each.problem) == ("says nothing", "there is no harm in it under this scenario")


def test_readers_are_built_once_for_all_cases_alike(fake: Fake, written: Write) -> None:
    shutil.copytree("here", "deep/here")
    slow = {"name": "Slow", "use": "slow.py:Slow", "folder": "here"}
    paths = [
        written("a.json"),
        written("b.json", policy="trained_moderators"),
        written("deep/c.json"),
        written("d.json", sets=("scale=0.5",)),
        written("deep/e.json", file="../scenarios/england_wales_2017.yaml"),
        written("f.json", **slow),
        written("g.json", **slow),
        written("deep/h.json", **slow),
    ]
    told: list[tuple[str, int, int]] = []
    assert len(replay_cases(paths, notify=lambda *words: told.append(words))) == 8
    assert told == [("prepare", 0, 8), *(("case", done, 8) for done in (3, 4, 5, 7, 8))]
    one = ("england_wales_2017", "keyword", None)
    other = ("england_wales_2017", "slow.py:Slow", None)
    assert fake.built == [one, (*one[:2], "trained_moderators"), one, other, other]


def test_files_of_folders_each_once(fake: Fake, written: Write) -> None:
    for name in ("cases/b.json", "cases/a.json", "cases/deep/c.json", "d.json"):
        written(name)
    Path("cases/readme.txt").touch()
    names = [file.name for file in case_files([Path("d.json"), Path("cases"), Path("cases/a.json")])]
    assert names == ["d.json", "a.json", "b.json", "c.json"]
    Path("empty").mkdir()
    assert replay_cases([Path("empty")]) == []


def test_a_scenario_is_found_from_the_case_or_from_here(fake: Fake, written: Write) -> None:
    Path("deep/scenarios").mkdir(parents=True)
    other = f"extends: {SCENARIO}\nname: other\n"
    Path("deep/scenarios/england_wales_2017.yaml").write_text(other, encoding="utf-8")
    replay_cases([written("deep/a.json"), written("b.json")])
    assert [name for name, *_ in fake.built] == ["other", "england_wales_2017"]
    with pytest.raises(UsageError, match=r"a.json: scenario.file: no such file 'gone.yaml'"):
        replay_cases([written("deep/a.json", file="gone.yaml")])


def test_nothing_is_built_where_one_case_is_bad(fake: Fake, written: Write) -> None:
    good, bad, worse = written("a.json"), written("b.json"), written("c.json")
    bad.write_text(bad.read_text().replace('"beside"', '"besides"'))
    worse.write_text("{")
    with pytest.raises(UsageErrors) as raised:
        replay_cases([good, bad, worse])
    assert "b.json:12: besides" in str(raised.value) and "c.json:1: not valid JSON" in str(raised.value)
    for other, what in (
        (written("d.json", name="keywords"), r"no detector 'keywords'.*\n.*'keyword'"),
        (written("e.json", policy="trained_moderator"), r"no policy 'trained_moderator'.*\n.*'trained_moderators'"),
        (written("f.json", name="Slow", use="gone.py:Slow", folder="here"), "file gone.py does not exist"),
        (written("g.json", sets=("scales=1",)), "scales"),
    ):
        with pytest.raises((UsageError, UsageErrors), match=what):
            replay_cases([good, other])
    assert fake.built == []


@pytest.mark.parametrize("where", ["readers", "judge"])
def test_a_detector_that_fails(fake: Fake, written: Write, where: str) -> None:
    paths = [written("a.json"), written("b.json")]
    fake.failing = where
    replayed = replay_cases(paths)
    assert [(each.outcome, each.judgement) for each in replayed] == [("failed", None)] * 2
    assert all(each.problem and each.problem.startswith("detector keyword: ") for each in replayed)


def test_another_scenario_and_detector(fake: Fake, written: Write) -> None:
    Path("mine.yaml").write_text(f"extends: {SCENARIO}\nname: mine\n", encoding="utf-8")
    asked: list[Any] = []

    def choose(scenario: Path, assignments: Any) -> tuple[Loaded, str]:
        asked.append((scenario, tuple(assignments)))
        from simharness.scenario.load import load_scenario

        return load_scenario(scenario, assignments), "length_only"

    path = written("a.json", sets=("scale=0.5",), name="gone", use="gone.py:Gone", folder="here")
    replay_cases([path], scenario=Path("mine.yaml"), detector=choose)
    assert asked == [(Path("mine.yaml"), ("scale=0.5",))]
    assert fake.built == [("mine", "length_only", None)]


def test_no_absolute_path_in_a_case(written: Write, fake: Fake) -> None:
    path = written("here/a.json", name="Slow", use="slow.py:Slow", folder="here")
    assert str(path.resolve().parent) not in path.read_text()
    assert json.loads(path.read_text())["scenario"]["file"] == "scenarios/england_wales_2017.yaml"
