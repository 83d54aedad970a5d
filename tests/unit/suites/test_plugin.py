"""The plugin for pytest, in sessions of its own: what is collected, how often anything runs, and what fails how."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from junitparser import xunit2

from simharness.hunt import replay as replay_module
from simharness.parallel import Interrupted
from simharness.run import run_scenario
from simharness.scenario import source
from simharness.scenario.load import load_scenario
from simharness.suites import cases
from simharness.suites import session as session_module
from simharness.suites import suite as suite_module
from simharness.suites.running import Done, run_planned
from simharness.suites.suite import Planned

pytest_plugins = ["pytester"]

FLAGSHIP = Path(__file__).parents[3] / "scenarios" / "england_wales_2017.yaml"
TINY = f"""
extends: {FLAGSHIP}
name: NAME
scale: 0.005
replications: 6
training: {{grooming: 60, benign: 300, calibration: 20000}}
sampling: {{benign_fraction: 0.002}}
matched_budget: null
prices: null
recorded: []
detectors:
  keyword: {{use: keyword}}
  never: {{use: never}}
  text_model: null
  behaviour: null
  bayes_bound: null
  length_only: null
  always: null
arms:
  no_intervention: null
  police_meeting_offence: null
  voluntary_code: null
  trained_moderators: null
  mandatory_code: null
  grooming_alerts: {{detector: keyword}}
"""
BARS = """
expect:
  - recall[keyword] >= 0.0001
  - recall[keyword] >= 0.5
  - recall[keyword, age=*] >= 0.05
  - {metric: recall, of: never, op: ">=", value: 0.9, severity: warn}
  - {metric: precision, of: never, op: ">=", value: 0.9, on_missing: skip}
  - precision[never] >= 0.1
"""
HEAVY = ("numpy", "numba", "pyarrow", "pydantic", "scipy", "ruamel", "simharness.run")
PARSE = cache(source.parse)
MADE: dict[str, Done] = {}
Session = Callable[..., pytest.RunResult]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all sessions here write their runs, so that a run that two of them want is made once.

    One is made before the first session: a session inside this process forgets the modules it was the first to import,
    and compiled ones cannot be imported twice.
    """
    folder = tmp_path_factory.mktemp("results")
    file = folder / "tiny.yaml"
    file.write_text(TINY.replace("NAME", "tiny"), encoding="utf-8")
    run_scenario(load_scenario(file), folder)
    return folder


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that every scenario here extends are parsed once."""
    monkeypatch.setattr(source, "parse", PARSE)


@pytest.fixture
def session(pytester: pytest.Pytester, results: Path) -> Session:
    """``session(*words)``: one session of pytest in this process."""

    def run(*words: object) -> pytest.RunResult:
        given = (f"--simharness-results={results}", "--simharness-jobs=1", *map(str, words))
        return pytester.runpytest_inprocess(*given, no_reraise_ctrlc=True)

    return run


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs that are asked for, in order. What an earlier test has made is not even read again."""
    asked: list[str] = []

    def counted(planned: Planned, *words: Any, **options: Any) -> Done:
        asked.append(planned.name)
        key = repr((planned.loaded.scenario, planned.items, getattr(planned.base, "scenario", None), planned.command))
        if key not in MADE:
            MADE[key] = run_planned(planned, *words, **options)
        return MADE[key]

    monkeypatch.setattr(session_module, "run_planned", counted)
    return asked


def written(pytester: pytest.Pytester, text: str, name: str = "tiny", folder: str = "s") -> Path:
    path = pytester.path / folder / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.replace("NAME", name), encoding="utf-8")
    return path


def test_the_entry_point_is_installed() -> None:
    """If not: install simharness again (make test does), as its entry points have changed."""
    assert [each.value for each in entry_points(group="pytest11", name="simharness")] == ["simharness.suites.plugin"]


def test_a_session_that_has_nothing_to_do_with_it_stays_light(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(f"""
        import sys
        def pytest_unconfigure(config):
            print("PLUGIN", config.pluginmanager.has_plugin("simharness"))
            print("HEAVY", *sorted(set(sys.modules) & set({HEAVY!r})))
    """)
    pytester.makefile(".yaml", other="jobs: [1, 2]")
    found = pytester.runpytest_subprocess("-p", "no:hypothesispytest")
    assert found.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "PLUGIN True" in found.outlines and "HEAVY" in found.outlines


def test_what_is_not_ours_is_left_alone(
    pytester: pytest.Pytester, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned(*words: Any) -> None:
        raise AssertionError("it was planned")

    monkeypatch.setattr(suite_module, "plan_file", planned)
    others = {
        "ci": "jobs:\n  test:\n    extends: .base\n    expect: [1]\n",
        "broken": "suite: [unclosed\n  - {",
        "only_expect": "expect: [a]\n",
        "no_bars": TINY,
        "nested": "a:\n  suite: x\n  runs: []\n",
        "list": "- suite: x\n  runs: []\n",
    }
    for name, text in others.items():
        written(pytester, text, name)
    assert session("s").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    written(pytester, '"suite": x\r\nruns : []\r\n', "ours")  # seen to be ours where it is
    assert session("s").ret == pytest.ExitCode.INTERRUPTED


def test_every_outcome_and_one_run(pytester: pytest.Pytester, session: Session, runs: list[str]) -> None:
    written(pytester, TINY + BARS)
    found = session("s", "-v")
    found.assert_outcomes(passed=2, failed=5, skipped=1, warnings=1)
    assert runs == ["tiny"]
    text = found.stdout.str()
    found.stdout.fnmatch_lines([
        "s/tiny.yaml::tiny::recall?keyword? >= 0.0001 PASSED*",
        "s/tiny.yaml::tiny::recall?keyword, age=12-15? >= 0.05 FAILED*",
        "missed: recall?keyword? >= 0.5",
        "  recall of keyword: * % (95 % interval * to * %)",
        "  bar: >= 50.0 %; n = 6; held in 0 of 6 replications by themselves",
        "  at s/tiny.yaml:*; again: simharness run s/tiny.yaml",
    ])  # fmt: skip
    assert "inconclusive: recall[keyword, age=12-15] >= 0.05" in text
    assert "undefined: precision[never] >= 0.1" in text
    assert "ExpectationWarning: missed: recall[never] >= 0.9" in text
    assert "Traceback" not in text and ".py:" not in text


def test_what_is_not_asked_for_is_not_run(pytester: pytest.Pytester, session: Session, runs: list[str]) -> None:
    written(pytester, TINY + BARS)
    assert session("s", "-k", "nothing_of_this").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert session("s", "--collect-only", "-q").ret == 0
    assert runs == []
    session("s", "-x", "-k", "0.05").assert_outcomes(failed=1, deselected=5)
    one = session("s/tiny.yaml::tiny::recall[keyword] >= 0.0001")
    one.assert_outcomes(passed=1)
    assert runs == ["tiny", "tiny"]


def test_mistakes_are_errors_of_collection(pytester: pytest.Pytester, session: Session, runs: list[str]) -> None:
    written(pytester, TINY + "expect:\n  - recal[keyword] >= 0.5\n  - recall[keywrd] >= 0.5\n", "wrong")
    written(pytester, TINY + BARS)
    found = session("s")
    assert found.ret == pytest.ExitCode.INTERRUPTED and runs == []
    line = 1 + (TINY + "expect:\n").count("\n")
    found.stdout.fnmatch_lines([
        f"s/wrong.yaml:{line}: expect.0: unknown metric 'recal'*",
        "*Did you mean 'recall'?*",
        f"s/wrong.yaml:{line + 1}: expect.1: unknown detector 'keywrd'*",
    ])  # fmt: skip
    assert "Traceback" not in found.stdout.str()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("empty", TINY + "expect: []\n"),
        ("only_warns", TINY + 'expect: [{metric: recall, of: keyword, op: ">=", value: 0, severity: warn}]\n'),
        ("no_runs", "suite: no_runs\ntitle: t\nruns: []\n"),
        ("no_bars", "suite: no_bars\ntitle: t\nruns: [{name: one, scenario: plain.yml}]\n"),
        ("skips", TINY + 'expect: [{metric: precision, of: never, op: ">=", value: 0, on_missing: skip}]\n'),
    ],
)
def test_what_checks_nothing_fails(pytester: pytest.Pytester, session: Session, name: str, text: str) -> None:
    (pytester.path / "s").mkdir()
    (pytester.path / "s" / "plain.yml").write_text(TINY.replace("NAME", "plain"), encoding="utf-8")
    written(pytester, text, name)
    found = session("s")
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    assert found.parseoutcomes()["failed"] == 1
    assert "nothing was checked" in found.stdout.str()


SUITE = """
suite: two
title: Two of one scenario
tags: [ci]
replications: 2
runs:
  - {name: quick, scenario: tiny.yml, expect: ["recall[keyword].estimate >= 0"]}
  - name: slow
    scenario: tiny.yml
    seed: 5
    tags: [nightly]
    base: {set: {arms.grooming_alerts.title: Other}}
    expect: ["recall[keyword vs base].estimate >= 0"]
"""


def test_a_suite_with_tags_and_a_base(pytester: pytest.Pytester, session: Session, runs: list[str]) -> None:
    written(pytester, SUITE, "suite")
    (pytester.path / "s" / "tiny.yml").write_text(TINY.replace("NAME", "tiny"), encoding="utf-8")
    session("s", "--strict-markers", "-m", "ci and not nightly").assert_outcomes(passed=1, deselected=1)
    assert runs == ["quick"]
    session("s", "--strict-markers", "-m", "nightly").assert_outcomes(passed=1, deselected=1)
    assert runs == ["quick", "slow"]


def test_options_and_a_base_are_handed_on(pytester: pytest.Pytester, session: Session) -> None:
    written(pytester, TINY + "expect: ['recall[keyword vs base] not_worse 10%']\n")
    (pytester.path / "base.yaml").write_text(TINY.replace("NAME", "base"), encoding="utf-8")
    assert "none was given" in session("s").stdout.str()
    options = ("--simharness-replications=3", "--simharness-scale=0.002", "--simharness-base=base.yaml")
    found = session("s", *options, "--junitxml=x.xml")
    command = "simharness run s/tiny.yaml --replications 3 --scale 0.002 --base base.yaml"
    assert f"command: {command}" in (pytester.path / "x.xml").read_text(encoding="utf-8")
    assert found.parseoutcomes() in ({"passed": 1}, {"failed": 1})


@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_junit_carries_the_numbers(pytester: pytest.Pytester, session: Session, family: str) -> None:
    written(pytester, TINY + BARS)
    pytester.makepyfile("def test_other(record_property):\n    record_property('mine', 1)\n")
    session(".", "--junitxml=x.xml", "-o", f"junit_family={family}")
    cases = [case for suite in xunit2.JUnitXml.fromfile(str(pytester.path / "x.xml")) for case in suite]
    held = next(case for case in cases if case.name.startswith("recall[keyword] >= 0.0001"))
    own = next(case for case in cases if case.name == "test_other")
    assert isinstance(held, xunit2.TestCase) and isinstance(own, xunit2.TestCase)
    assert held.classname == "s.tiny.yaml.tiny" and len({(case.classname, case.name) for case in cases}) == 9
    assert [each.name for each in own.properties()] == ["mine"]
    if family == "xunit1":
        found = {each.name.removeprefix("simharness."): each.value for each in held.properties()}
    else:
        assert list(held.properties()) == []  # the schema of xunit2 has none
        found = dict(line.split(": ", 1) for line in held.system_out.splitlines())
    assert found["outcome"] == "held" and found["bar"] == ">= 0.0001" and found["n"] == "6"
    low, _, high = found["interval"].partition(" to ")
    assert float(low) <= float(found["value"]) <= float(high)
    assert found["command"] == "simharness run s/tiny.yaml"
    assert ElementTree.parse(pytester.path / "x.xml").getroot().tag == "testsuites"


CRASHING = """
class Crashing:
    def score(self, texts):
        raise RuntimeError("no answer")
"""


def crashing(pytester: pytest.Pytester) -> None:
    bars = "expect: ['recall[keyword] >= 0', 'recall[mine] <= 1', 'precision[keyword] >= 0']\n"
    text = TINY.replace("  never: {use: never}", "  mine: {use: 'mine.py:Crashing'}\n  never: null")
    written(pytester, text.replace("replications: 6", "replications: 2") + bars)
    (pytester.path / "s" / "mine.py").write_text(CRASHING, encoding="utf-8")


def test_no_bar_of_an_incomplete_run_is_a_pass(pytester: pytest.Pytester, session: Session) -> None:
    crashing(pytester)
    found = session("s")
    found.assert_outcomes(failed=3)
    found.stdout.fnmatch_lines(["incomplete: a detector failed in tiny/*", "failed: recall?mine? <= 1"])


def test_several_processes_run_it_once(pytester: pytest.Pytester, tmp_path: Path) -> None:
    """A failed replication is tried again by whoever continues a run: here by nobody, so it is read, not run."""
    crashing(pytester)
    found = pytester.runpytest_subprocess("s", "-n2", "--dist=load", f"--simharness-results={tmp_path}", "-v")
    found.assert_outcomes(failed=3)
    assert {"[gw0]", "[gw1]"} <= {word for line in found.outlines for word in line.split()}
    (status,) = tmp_path.glob("tiny/*/status.jsonl")
    assert len(status.read_text(encoding="utf-8").splitlines()) == 2
    assert list((tmp_path / ".sessions").iterdir()) == []


def test_an_interrupted_run_ends_the_session(
    pytester: pytest.Pytester, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*words: Any, **options: Any) -> None:
        raise Interrupted("stopped")

    written(pytester, TINY + BARS)
    monkeypatch.setattr(session_module, "run_planned", interrupted)
    assert session("s").ret == pytest.ExitCode.INTERRUPTED


def test_cases_are_items_read_together(
    pytester: pytest.Pytester, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(pytester, "suite: old\ntitle: t\ncases: cases\n", "old")
    folder = pytester.path / "s" / "cases"
    folder.mkdir()
    asked: list[list[str]] = []

    def replay(files: list[Path]) -> list[SimpleNamespace]:
        asked.append([file.stem for file in files])
        outcomes = {"a": "fixed", "b": "missed", "c": "says nothing"}
        return [
            SimpleNamespace(path=file, outcome=outcomes[file.stem], sentence=f"about {file.stem}", problem=None)
            for file in files
        ]

    monkeypatch.setattr(cases, "read_case", lambda file: None)
    monkeypatch.setattr(replay_module, "replay_cases", replay)
    assert session("s").ret == pytest.ExitCode.INTERRUPTED  # no case: nothing would be checked
    for name in "abc":
        (folder / f"{name}.json").write_text(json.dumps({}), encoding="utf-8")
    found = session("s")
    found.assert_outcomes(passed=1, failed=2)
    assert asked == [["a", "b", "c"]]
    found.stdout.fnmatch_lines(["missed: about b", "says nothing: about c"])
    session("s", "-k", "a.json").assert_outcomes(passed=1, deselected=2)
    assert asked[1:] == [["a"]]


def test_a_fixture_gives_results(pytester: pytest.Pytester, session: Session) -> None:
    written(pytester, TINY)
    pytester.makepyfile("""
        import pytest
        from simharness.suites import assert_expected

        @pytest.fixture(scope="session")
        def tiny(simulated):
            return simulated("s/tiny.yaml")

        def test_it(tiny, simulated):
            assert 0 < tiny.estimate("recall", of="keyword").estimate < 1
            assert_expected(tiny, "recall[keyword] >= 0.0001")
            assert simulated("s/tiny.yaml").folder == tiny.folder

        def test_it_fails(tiny):
            assert_expected(tiny, "recall[keyword] >= 0.5", "recall[never] <= 0.5")
    """)
    found = session(".", "-q")
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(["E*AssertionError: missed: recall?keyword? >= 0.5"])
    assert "recall[never] <= 0.5" not in "".join(line for line in found.outlines if line.startswith("E "))
