"""The command: what it asks the search, what it writes and prints, and its exit codes; the search is made up here."""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simharness.commands import hunt as command
from simharness.commands.hunt import parse_budget
from simharness.detection.faults import DetectorFailed
from simharness.errors import UsageError
from simharness.hunt.case import read_case
from simharness.hunt.records import Found
from simharness.hunt.search import HuntResult, HuntStopped
from simharness.scenario.load import Loaded

Main = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[3]
FILE = "scenarios/england_wales_2017.yaml"
SLOW = "class Slow:\n    def score(self, texts):\n        return [0.0] * len(texts)\n"


class Fake:
    """A search that finds what a test says after so many examples, and remembers what it was asked."""

    def __init__(self) -> None:
        self.found: tuple[Found, ...] = ()
        self.examples = 500
        self.asked: dict[str, Any] = {}
        self.of: tuple[str, str | None] = ("", None)
        self.meanwhile: Callable[[], object] = lambda: None
        self.blocks = 0

    def readers(self, loaded: Loaded, detector: str, policy: str | None = None) -> str:
        self.of = (loaded.scenario.detectors[detector].use, policy)
        return detector

    def search(self, readers: str, *, enough: Callable[[], bool], notify: Any, **asked: Any) -> HuntResult:
        self.asked = asked
        self.meanwhile()
        while not (self.blocks and enough()) and self.blocks < 1000:
            self.blocks += 1
            notify("search", self.blocks, asked["examples"] or self.blocks)
        return HuntResult(self.found, self.examples, 1)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fake:
    made = Fake()
    monkeypatch.setattr(command, "readers", made.readers)
    monkeypatch.setattr(command, "search", made.search)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    (tmp_path / "slow.py").write_text(SLOW)
    return made


def test_what_is_found_is_written_and_shown(main: Main, fake: Fake, found: Callable[..., Found]) -> None:
    fake.found = (found(), found(features=("move", "sender"), detector=7))
    code, out, err = main("hunt", FILE, "--detector", "keyword", "--examples", 500, "--seed", 3)
    assert code == 1
    assert fake.of == ("keyword", None)
    assert fake.asked == {"examples": 500, "seed": 3, "at_most": 5}
    folder = Path("results/hunt/england_wales_2017/keyword")
    names = sorted(path.name for path in folder.iterdir())
    assert [name[:-14] for name in names] == ["gaps", "move-sender"]
    case = read_case(folder / names[0])
    assert case.scenario.model_dump() == {"name": "england_wales_2017", "file": FILE, "set": ()}
    assert (case.detector.name, case.detector.use, case.found_by.seed) == ("keyword", None, 3)
    assert case.replay == f"simharness replay {folder / names[0]}"
    assert case.found_by.versions["python"]
    assert "SYNTHETIC" in out
    first, second = out.index("1. Missed when"), out.index("2. Missed when")
    assert first < out.index("[sexual content withheld] HARM") < out.index(case.replay) < second
    assert "keyword: 2 classes of misses in 500 examples of seed 3. The same again:" in out
    assert f"  simharness hunt {FILE} --detector keyword --examples 500 --seed 3\n" in out
    assert "examples: 1/500" in err or "examples: 500/500" in err


def test_the_same_again_changes_no_file(main: Main, fake: Fake, found: Callable[..., Found]) -> None:
    fake.found = (found(),)
    words = ("hunt", FILE, "--detector", "keyword", "--examples", 500)
    main(*words)
    (path,) = Path("results/hunt/england_wales_2017/keyword").iterdir()
    os.utime(path, ns=(1, 1))
    assert main(*words)[0] == 1
    assert path.stat().st_mtime_ns == 1


def test_nothing_found(main: Main, fake: Fake) -> None:
    code, out, _ = main("hunt", FILE, "--detector", "keyword", "--examples", 500)
    assert code == 0
    assert "keyword: nothing missed in 500 examples of seed 0" in out


def test_the_command_that_does_it_again(main: Main, fake: Fake, found: Callable[..., Found]) -> None:
    fake.found = (found(),)
    given = ["--policy", "trained_moderators", "--set", "scale=0.5", "--set", "title='A b'", "--at-most", "2"]
    _, out, _ = main("hunt", FILE, "--detector", "keyword", *given, "-o", "my cases", "--json")
    *cases, last = map(json.loads, out.splitlines())
    assert fake.of == ("keyword", "trained_moderators")
    asked = ["simharness", "hunt", FILE, "--detector", "keyword", *given, "-o", "my cases"]
    assert shlex.split(last["again"]) == [*asked, "--examples", "500", "--seed", "0"]
    (case,) = cases
    assert case["path"].startswith("my cases/") and shlex.split(case["replay"])[2] == case["path"]
    assert case["scenario"]["set"] == ["scale=0.5", "title='A b'"] and case["policy"] == "trained_moderators"


def test_json_lines(main: Main, fake: Fake, found: Callable[..., Found]) -> None:
    fake.found = (found(),)
    _, out, err = main("hunt", FILE, "--detector", "keyword", "--examples", 500, "--json")
    case, last = map(json.loads, out.splitlines())
    assert (case["type"], case["synthetic"], case["harm"], case["steps"][1]["after"]) == ("case", True, 7, "31min")
    counts = (last["type"], last["classes"], last["examples"], last["interrupted"])
    assert counts == ("hunt", 1, 500, False)
    assert "1. Missed when" in err


def test_a_detector_of_a_file(main: Main, fake: Fake, found: Callable[..., Found], tmp_path: Path) -> None:
    fake.found = (found(),)
    for spec in ("slow.py:Slow", f"{tmp_path}/slow.py:Slow"):
        assert main("hunt", f"{tmp_path}/{FILE}", "--detector", spec, "--examples", 1, "-o", tmp_path / "deep")[0] == 1
        (path,) = (tmp_path / "deep").iterdir()
        case = read_case(path)
        assert case.detector.model_dump(include={"name", "use", "folder"}) == {
            "name": "Slow",
            "use": "slow.py:Slow",
            "folder": ".",
        }
        assert case.scenario.file == FILE and case.replay == f"simharness replay deep/{path.name}"
        assert str(tmp_path) not in path.read_text()


def test_a_budget_counts_seconds_between_blocks(main: Main, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 130.0, 159.0, 160.0])
    monkeypatch.setattr(command, "monotonic", lambda: next(times))
    code, _, err = main("hunt", FILE, "--detector", "keyword", "--budget", "1m")
    assert (code, fake.blocks, fake.asked["examples"]) == (0, 3, None)
    assert "seconds of searching: 30/60 (50 %)" in err and "60/60 (100 %)" in err and "1/1" not in err


def test_five_minutes_if_nothing_is_said(main: Main, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 299.0, 300.0])
    monkeypatch.setattr(command, "monotonic", lambda: next(times))
    assert main("hunt", FILE, "--detector", "keyword")[0] == 0
    assert fake.blocks == 2


def test_ctrl_c_keeps_what_was_found(main: Main, fake: Fake, found: Callable[..., Found]) -> None:
    fake.found = (found(),)
    fake.meanwhile = lambda: os.kill(os.getpid(), signal.SIGINT)
    before = signal.getsignal(signal.SIGINT)
    code, out, _ = main("hunt", FILE, "--detector", "keyword", "--examples", 500, "--json")
    assert (code, fake.blocks) == (130, 1)
    assert json.loads(out.splitlines()[-1])["interrupted"] is True
    assert len(list(Path("results/hunt/england_wales_2017/keyword").iterdir())) == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_ends_a_budget_too(main: Main, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "monotonic", lambda: 0.0)
    fake.meanwhile = lambda: os.kill(os.getpid(), signal.SIGINT)
    assert main("hunt", FILE, "--detector", "keyword", "--budget", "1h")[0] == 130
    assert fake.blocks == 1


def test_ctrl_c_twice_stops_at_once_and_keeps_what_blocks_before_found(
    main: Main, fake: Fake, found: Callable[..., Found]
) -> None:
    def stop() -> None:
        try:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise HuntStopped(HuntResult((found(),), 250, 1)) from None

    fake.meanwhile = stop
    code, out, _ = main("hunt", FILE, "--detector", "keyword", "--examples", 500, "--json")
    assert (code, fake.blocks) == (130, 0)
    case, last = map(json.loads, out.splitlines())
    assert (last["interrupted"], last["classes"], last["examples"]) == (True, 1, 250)
    assert Path(case["path"]).is_file()


def test_ctrl_c_before_a_block_is_done_says_that_nothing_is_known(main: Main, fake: Fake) -> None:
    def stop() -> None:
        raise HuntStopped(HuntResult((), 0, 0))

    fake.meanwhile = stop
    code, out, err = main("hunt", FILE, "--detector", "keyword", "--examples", 500)
    assert (code, out) == (130, "")
    assert "Interrupted before a block of examples was done: nothing is known yet." in err


def test_a_detector_that_fails(main: Main, fake: Fake) -> None:
    def fail() -> None:
        raise DetectorFailed("crash", "its process ended", "keyword")

    fake.meanwhile = fail
    code, _, err = main("hunt", FILE, "--detector", "keyword", "--examples", 500)
    assert code == 3
    assert "detector keyword: its process ended" in err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--examples", 5, "--budget", "1min"], "--budget: given together with --examples"),
        (["--budget", "5"], "--budget 5: expected a duration"),
        (["--budget", "0s"], "--budget 0s: no time to search in"),
        (["--set", "scales=1"], "Did you mean 'scale'?"),
        (["-o", "slow.py"], "slow.py: cases cannot be written here"),
    ],
)
def test_usage(main: Main, fake: Fake, words: list[object], what: str) -> None:
    code, _, err = main("hunt", FILE, "--detector", "keyword", *words)
    assert code == 2
    assert what in err
    assert fake.of == ("", None)


def test_an_unknown_detector(main: Main, fake: Fake) -> None:
    code, _, err = main("hunt", FILE, "--detector", "keywort")
    assert code == 2
    assert "--detector keywort: unknown detector; allowed: " in err and "Did you mean 'keyword'?" in err


def test_budgets() -> None:
    assert [parse_budget(text) for text in ("5min", "5m", "90 s", "1h 5m", "2 m")] == [300, 300, 90, 3900, 120]
    for bad in ("5", "-5min", "m", "5 months"):
        with pytest.raises(UsageError):
            parse_budget(bad)
