"""A suite is carried out to its end whatever becomes of one run, and every way of not knowing is an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simharness.commands import run as command
from simharness.commands.outputs import parse_outputs
from simharness.detection.faults import DetectorFailed
from simharness.errors import RunIncomplete, UsageError
from simharness.parallel import Interrupted
from simharness.suites import cases
from simharness.suites.running import Done, run_planned

ROOT = Path(__file__).parents[3]
TRAINING = "training: {grooming: 60, benign: 300, calibration: 3000}"
SUITE = """
suite: mine
title: Mine
scale: 0.005
replications: 6
runs:
  - name: first
    scenario: small.yaml
    expect: ["recall[never] <= 0.5"]
  - name: second
    scenario: small.yaml
    set: {comparator: no_intervention}
    expect: ["recall[never] <= 0.5"]
"""
SMALL = f"""
extends: {ROOT}/scenarios/england_wales_2017.yaml
name: small
world: {{population: {{table: {ROOT}/scenarios/data/police_force_areas.csv}}}}
{TRAINING}
sampling: {{benign_fraction: 0.01}}
detectors: {{keyword: null, behaviour: null, bayes_bound: null, length_only: null, always: null}}
arms: {{police_meeting_offence: null, voluntary_code: null, trained_moderators: null, mandatory_code: null}}
matched_budget: null
recorded: []
"""
Main = Callable[..., tuple[int, str, str]]


@dataclass(frozen=True)
class Read:
    """A case as it was read again."""

    path: Path
    name: str
    outcome: str
    sentence: str = "Missed when it is long"
    problem: str | None = None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite of two small runs."""
    made = tmp_path_factory.mktemp("suite")
    (made / "small.yaml").write_text(SMALL, encoding="utf-8")
    (made / "mine.yaml").write_text(SUITE, encoding="utf-8")
    (made / "cases").mkdir()
    (made / "cases" / "one.json").write_text("{}", encoding="utf-8")
    (made / "with_cases.yaml").write_text(SUITE + "cases: cases\n", encoding="utf-8")
    return made


def breaking(error: BaseException) -> Callable[..., Done]:
    """``run_planned`` that the first run breaks off in."""

    def ran(planned: Any, *words: Any, **more: Any) -> Done:
        if planned.name == "first":
            raise error
        return run_planned(planned, *words, **more)

    return ran


def test_a_suite_that_holds(folder: Path, main: Main, tmp_path: Path) -> None:
    files = [word for suffix in (".xml", ".md", ".json") for word in ("-o", tmp_path / f"out{suffix}")]
    code, out, err = main("run", folder / "mine.yaml", "-o", folder / "results", *files)
    assert code == 0, err
    assert "mine: 2 runs: exit code 0" in out and "mine: run 2 of 2: second" in err
    text = (tmp_path / "out.xml").read_text("utf-8")
    assert text.count("<testcase") == 2 and "mine.first" in text and "mine.second" in text
    assert "recall" in (tmp_path / "out.md").read_text("utf-8")
    found = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert (found["suite"], found["exit_code"], list(found["runs"])) == ("mine", 0, ["first", "second"])
    lines = [
        json.loads(line)
        for line in main("run", folder / "mine.yaml", "-o", folder / "results", "--json")[1].splitlines()
    ]
    assert [line["type"] for line in lines][-3:] == ["run", "run", "suite"]


@pytest.mark.parametrize("error", [RunIncomplete("no room"), DetectorFailed("hang", "no answer", "keyword")])
def test_a_run_that_breaks_off_keeps_none_of_the_others(
    folder: Path, main: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(command, "run_planned", breaking(error))
    code, out, err = main("run", folder / "mine.yaml", "-o", folder / "results", "-o", tmp_path / "x.xml")
    assert (code, str(error) in err, "second: Expectations: 1 of 1 bar held" in out) == (3, True, True)
    assert 'type="incomplete"' in (tmp_path / "x.xml").read_text("utf-8")


def test_an_interruption_ends_it(folder: Path, main: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "run_planned", breaking(Interrupted("stopped")))
    code, out, _ = main("run", folder / "mine.yaml", "-o", folder / "results", "-o", tmp_path / "x.xml")
    assert (code, "held" in out, (tmp_path / "x.xml").exists()) == (130, False, False)


@pytest.mark.parametrize(("outcome", "code"), [("fixed", 0), ("missed", 1), ("says nothing", 4), ("failed", 3)])
def test_cases_count_as_bars_do(
    folder: Path, main: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: str, code: int
) -> None:
    def read(files: Sequence[Path]) -> list[Read]:
        return [Read(file, file.stem, outcome) for file in files]

    monkeypatch.setattr(cases, "read_case", lambda file: None)
    monkeypatch.setattr(cases, "replay_cases", read)
    said = main("run", folder / "with_cases.yaml", "-o", folder / "results", "-o", tmp_path / "x.xml")
    assert (said[0], f"{outcome.upper()}: one: Missed when it is long" in said[1]) == (code, True), said[2]
    assert ("cases: one" in (tmp_path / "x.xml").read_text("utf-8"), "2 runs and 1 case" in said[1]) == (True, True)


def test_a_run_without_bars_checks_nothing(folder: Path, main: Main) -> None:
    bare = SUITE.rpartition("    expect:")[0]
    (folder / "bare.yaml").write_text(bare, encoding="utf-8")
    assert main("run", folder / "bare.yaml", "-o", folder / "results")[0] == 5
    assert main("run", folder / "bare.yaml", "-o", folder / "results", "--no-check")[0] == 0
    (folder / "empty.yaml").write_text("suite: empty\ntitle: Empty\n", encoding="utf-8")
    assert main("run", folder / "empty.yaml", "-o", folder / "results")[0] == 5


def test_github_is_told(folder: Path, main: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    (folder / "miss.yaml").write_text(SUITE.replace("<= 0.5", ">= 0.5"), encoding="utf-8")
    code, out, _ = main("run", folder / "miss.yaml", "-o", folder / "results")
    assert (code, out.count("::error file="), "MISSED" in (tmp_path / "step.md").read_text("utf-8")) == (1, 2, True)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere" / "step.md"))
    assert main("run", folder / "miss.yaml", "-o", folder / "results")[0] == 2


def test_outputs_by_their_suffix(tmp_path: Path) -> None:
    given = (tmp_path / "a.xml", tmp_path / "b", tmp_path / "deep" / "c.md", tmp_path / "a.xml")
    found = parse_outputs(given)
    assert (found.results, found.files, found.junit) == (tmp_path / "b", (given[0], given[2]), True)
    assert (tmp_path / "deep").is_dir()
    assert parse_outputs(()).results == Path("results") and not parse_outputs(()).junit
    assert parse_outputs((tmp_path / "results-1.2",)).results == tmp_path / "results-1.2"
    (tmp_path / "a").touch()
    for wrong in ((tmp_path / "x.html",), (tmp_path / "b", tmp_path / "c"), (tmp_path / "a" / "x.xml",)):
        with pytest.raises(UsageError):
            parse_outputs(wrong)
    with pytest.raises(UsageError, match="no such output"):
        parse_outputs((tmp_path / "b",), folder=False)
