"""Whole runs behind gates: every way in which nothing, or too little, is known ends in an exit code of its own.

Bars decide no results, so that every test but those about other worlds reads the same run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from simharness import cli
from simharness.report.expectations import EXPECTATIONS
from simharness.store import list_runs

ROOT = Path(__file__).parents[2]
TINY = f"""
extends: {ROOT}/scenarios/england_wales_2017.yaml
name: tiny
scale: 0.005
replications: 6
world: {{population: {{table: {ROOT}/scenarios/data/police_force_areas.csv}}}}
training: {{grooming: 60, benign: 300, calibration: 3000}}
sampling: {{benign_fraction: 0.01}}
detectors: {{behaviour: null, bayes_bound: null, length_only: null, always: null}}
arms: {{police_meeting_offence: null, voluntary_code: null, trained_moderators: null, mandatory_code: null}}
matched_budget: null
recorded: []
"""
BOOM = "class Boom:\n    '''Fails.'''\n    def score(self, texts):\n        raise ValueError('boom')\n"

Said = tuple[int, str, str]
Write = Callable[..., Path]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gated") / "results"


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """``write(*bars, more="")``: a scenario with these bars, in one folder, so that it is always the same run."""
    folder = tmp_path_factory.mktemp("scenarios")

    def written(*bars: str, more: str = "", expect: bool = True, name: str = "tiny.yaml") -> Path:
        lines = "".join(f"  - {bar}\n" for bar in bars)
        block = (f"expect:\n{lines}" if bars else "expect: []\n") if expect else ""
        (folder / name).write_text(TINY + more + block, encoding="utf-8")
        return folder / name

    return written


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], results: Path) -> Callable[..., Said]:
    """``run(file, *words)``: exit code, stdout and stderr of ``simharness run``."""

    def ran(file: Path, *words: object, command: str = "run", into: Path | None = None) -> Said:
        place = ("-o" if command == "run" else "--results", into or results)
        capsys.readouterr()
        code = cli.main([str(word) for word in (command, file, *place, *words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return ran


def problems(text: str) -> list[tuple[str, str | None]]:
    """Kind and type of every failure, error and skip of a JUnit file."""
    found = ElementTree.fromstring(text)
    return [
        (each.tag, each.get("type")) for case in found.iter("testcase") for each in case if each.tag != "system-out"
    ]


# -- nothing runs --


@pytest.mark.parametrize(
    ("bar", "said"),
    [
        ("recal[text_model] >= 0.1", "Did you mean 'recall'?"),
        ("offences[grooming_alert] >= 1", "Did you mean 'grooming_alerts'?"),
        ('"recall[text_model, age=12-51] >= 0.1"', "age=12-15"),
        ("recall[text_model] => 0.1", "unknown operator"),
    ],
)
def test_what_is_mistyped_ends_before_anything_runs(
    run: Callable[..., Said], write: Write, tmp_path: Path, bar: str, said: str
) -> None:
    file = write("recall[text_model] >= 0", bar)
    code, _, err = run(file, into=tmp_path / "results")
    line = file.read_text("utf-8").splitlines().index(f"  - {bar}") + 1
    assert (code, said in err, f"{file}:{line}: " in err) == (2, True, True), err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "none was given"),
        (("--base", "tiny_base.yaml"), "no such file"),
        (("--base", "feedbeef"), "no runs here"),
    ],
)
def test_a_missing_base_is_6_and_nothing_runs(
    run: Callable[..., Said], write: Write, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    code, _, err = run(write("recall[text_model vs base] not_worse 0.1"), *words, into=tmp_path / "results")
    assert (code, said in err) == (6, True), err
    assert not list_runs(tmp_path / "results")


def test_a_base_of_another_size_is_6_and_nothing_runs(run: Callable[..., Said], write: Write, tmp_path: Path) -> None:
    base = write(more="period: {end: 2017-06-30}\n", expect=False, name="shorter.yaml")
    code, _, err = run(write("recall[text_model vs base] not_worse 0.1"), "--base", base, into=tmp_path / "results")
    assert (code, "period.end 2017-06-30 against 2017-09-30" in err) == (6, True), err
    assert not list_runs(tmp_path / "results")


def test_a_base_without_the_name_is_6_and_nothing_runs(run: Callable[..., Said], write: Write, tmp_path: Path) -> None:
    base = write(expect=False, name="plain.yaml")
    asked = write("recall[text_model vs base/text_modle] not_worse 0.1")
    code, _, err = run(asked, "--base", base, into=tmp_path / "results")
    assert (code, "Did you mean 'text_model'?" in err) == (6, True), err
    assert not list_runs(tmp_path / "results")


def test_a_base_that_nothing_is_held_against_is_2(run: Callable[..., Said], write: Write, tmp_path: Path) -> None:
    code, _, err = run(write("recall[text_model] >= 0"), "--base", write(name="b.yaml"), into=tmp_path / "results")
    assert (code, "no expectation is held against the base" in err) == (2, True), err


# -- what comes of bars --


def test_bars_that_hold(run: Callable[..., Said], write: Write, results: Path, tmp_path: Path) -> None:
    junit, page, summary = (tmp_path / f"deep/out{suffix}" for suffix in (".xml", ".md", ".json"))
    file = write("recall[text_model] >= 0.02", "recall[never] <= 0.5")
    code, out, err = run(file, "-o", junit, "-o", page, "-o", summary)
    assert code == 0, err
    assert "2 of 2 bars held" in out and "bars" not in err
    assert problems(junit.read_text("utf-8")) == []
    assert "recall" in page.read_text("utf-8")
    found = json.loads(summary.read_text("utf-8"))["expectations"]
    (folder,) = (each.path for each in list_runs(results) if each.run_id == found["run"].split("/")[1])
    assert json.loads((folder / EXPECTATIONS).read_text("utf-8")) == found
    assert [each["outcome"] for each in found["expectations"]] == ["held", "held"]
    assert problems((folder / "junit.xml").read_text("utf-8")) == []
    assert (folder / "summary.md").read_text("utf-8") == page.read_text("utf-8")


def test_a_bar_that_is_missed_is_1_and_wins_over_an_open_one(
    run: Callable[..., Said], write: Write, tmp_path: Path
) -> None:
    file = write("recall[text_model] >= 0.99", "recall[never] == 0")
    code, out, _ = run(file, "-o", tmp_path / "x.xml")
    assert (code, "MISSED" in out) == (1, True)
    assert problems((tmp_path / "x.xml").read_text("utf-8")) == [("failure", "missed"), ("failure", "inconclusive")]


def test_an_undefined_metric_is_1(run: Callable[..., Said], write: Write) -> None:
    code, out, _ = run(write("precision[never] >= 0"))
    assert (code, "UNDEFINED" in out) == (1, True)
    assert run(write("{metric: precision, of: never, op: '>=', value: 0, on_missing: skip}"))[0] == 5


def test_an_interval_across_the_bar_is_4(run: Callable[..., Said], write: Write) -> None:
    code, out, _ = run(write("recall[text_model] >= 0", "recall[never] == 0"))
    assert (code, "INCONCLUSIVE" in out) == (4, True)


def test_nothing_to_check_is_5(run: Callable[..., Said], write: Write, tmp_path: Path) -> None:
    assert run(write(), "-o", tmp_path / "x.xml")[0] == 5
    assert problems((tmp_path / "x.xml").read_text("utf-8")) == [("error", "nothing checked")]
    assert run(write("{metric: recall, of: never, op: '>=', value: 0.9, severity: warn}"))[0] == 5


def test_without_expectations_a_run_ends_as_it_always_did(
    run: Callable[..., Said], write: Write, tmp_path: Path
) -> None:
    plain = write(expect=False)
    code, out, _ = run(plain)
    assert (code, "Expectations" in out) == (0, False)
    assert run(plain, "-o", tmp_path / "x.xml")[0] == 5  # a file of bars is asked for
    missed = write("recall[text_model] >= 0.99")
    assert run(missed, "--no-check")[0] == 0
    assert run(missed, "--no-check", "-o", tmp_path / "x.xml")[0] == 2


def test_no_offenders_is_no_pass(run: Callable[..., Said], write: Write) -> None:
    nobody = ("--set", "world.offenders.contact_rate.value=0.000001/day", "--replications", 2)
    code, out, _ = run(write("meetings[grooming_alerts] <= 5"), *nobody)
    assert (code, "nothing was put to the test" in out) == (1, True), out


def test_a_detector_that_crashes_is_3_whatever_it_is_held_to(
    run: Callable[..., Said], write: Write, tmp_path: Path
) -> None:
    (tmp_path / "boom.py").write_text(BOOM, encoding="utf-8")
    file = write("false_alert_rate[boom] <= 1000", "recall[text_model] >= 0.99", name="boom.yaml")
    text = file.read_text("utf-8").replace("always: null}", f"always: null, boom: {{use: '{tmp_path}/boom.py:Boom'}}}}")
    file.write_text(text, encoding="utf-8")
    code, out, err = run(file, "--replications", 2, "-o", tmp_path / "x.xml")
    assert (code, "a detector failed" in err, "FAILED" in out) == (3, True, True), err
    assert ("error", "failed") in problems((tmp_path / "x.xml").read_text("utf-8"))


# -- a base --


def test_a_base_is_run_first_in_the_same_worlds(run: Callable[..., Said], write: Write, results: Path) -> None:
    base = write(expect=False, name="base.yaml")
    changed = base.read_text("utf-8").replace(
        "mandatory_code: null", "mandatory_code: null, grooming_alerts: {detector: never}"
    )
    base.write_text(changed, encoding="utf-8")
    bars = ("offences_prevented[grooming_alerts vs base] > 0", "offences[no_intervention vs base] == 0")
    code, out, err = run(write(*bars), "--base", base, "--json")
    assert code == 0, out + err
    found = json.loads(out.splitlines()[-1])["expectations"]
    assert [(each["paired"], each["outcome"]) for each in found["expectations"]] == [(True, "held")] * 2
    assert found["base"] is not None and found["base"] != found["run"]
    # That base is a run now, and can be named as one.
    base_id = found["base"].split("/")[1]
    again = run(write(*bars), "--base", base_id, "--json")
    assert json.loads(again[1].splitlines()[-1])["expectations"]["expectations"] == found["expectations"]
    before = list_runs(results)
    code, _, err = run(write(*bars), "--base", base_id, "--set", "period.end=2017-06-30")
    assert (code, "period.end" in err, list_runs(results)) == (6, True, before), err


# -- interrupted --


def test_after_ctrl_c_the_same_command_goes_on_and_judges(write: Write, tmp_path: Path) -> None:
    file, junit = write("recall[text_model] >= 0.02"), tmp_path / "x.xml"
    words = ["run", file, "--replications", 30, "--jobs", 1, "-o", tmp_path / "results", "-o", junit]
    command = [sys.executable, "-m", "simharness.cli", *map(str, words)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=dict(os.environ)
    )
    assert process.stderr is not None
    while not process.stderr.readline().startswith("cells:"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in err, junit.exists()) == (130, False, False), err
    (info,) = list_runs(tmp_path / "results")
    assert (info.status, (info.path / EXPECTATIONS).exists()) == ("partial", False)
    assert cli.main(["check", str(info.path)]) == 3
    assert cli.main([str(word) for word in words]) == 0
    assert problems(junit.read_text("utf-8")) == []
