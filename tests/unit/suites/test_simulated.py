"""Results for a team's own tests, and the session that makes every run once."""

from __future__ import annotations

import fcntl
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import simharness.suites
from simharness.errors import NotComparable, RunIncomplete, SimharnessError, UsageError, UsageErrors
from simharness.scenario.load import Loaded
from simharness.suites import session as session_module
from simharness.suites.failure import ExpectationWarning, NotHeld
from simharness.suites.session import LOCKS, Session
from simharness.suites.simulated import Simulate, Simulated, assert_expected

SMALL = {
    "training": {"grooming": 60, "benign": 300, "calibration": 20000},
    "sampling.benign_fraction": 0.002,
    "detectors": {"keyword": {"use": "keyword"}, "never": {"use": "never"}},
    "arms": {"police_communication_offence": {"title": "Police", "law": "communication"}},
    "matched_budget": None,
}
FLAGSHIP = Path(__file__).parents[3] / "scenarios" / "england_wales_2017.yaml"


@pytest.fixture(scope="module")
def simulate(tmp_path_factory: pytest.TempPathFactory) -> Simulate:
    return Simulate(Session(tmp_path_factory.mktemp("results"), 1), FLAGSHIP.parents[1])


@pytest.fixture(scope="module")
def result(simulate: Simulate) -> Simulated:
    return simulate(FLAGSHIP, scale=0.005, replications=6, set=SMALL)


def test_what_it_gives_is_what_the_run_says(result: Simulated) -> None:
    stated = result.summary["estimates"]["detectors"]["keyword"]
    found, wanted = result.estimate("recall", of="keyword"), stated["recall"]
    assert (found.estimate, found.low, found.high) == (wanted["estimate"], wanted["low"], wanted["high"])
    part = result.estimate("recall", of="keyword", where={"age": "12-15"})
    assert part.estimate == stated["recall[age=12-15]"]["estimate"] != found.estimate
    assert {row.replication for row in result.rows} == set(range(6))
    assert json.loads((result.folder / "summary.json").read_text(encoding="utf-8")) == result.summary


def test_a_bar_is_judged_as_in_a_scenario(result: Simulated) -> None:
    assert result.check("recall[keyword] >= 0.0001").outcome == "held"
    assert result.check({"metric": "recall", "of": "keyword", "op": ">=", "value": 0.5}).outcome == "missed"
    differ = result.estimate("recall", of="keyword", versus="never")
    assert differ.estimate == result.estimate("recall", of="keyword").estimate
    assert len(result.judged("recall[*] >= 0.5")) == 2


@pytest.mark.parametrize(
    ("bar", "said"),
    [
        ("recal[keyword] >= 0.5", "'recal[keyword] >= 0.5': expect.0: unknown metric 'recal'"),
        ("recall[keywrd] >= 0.5", "Did you mean 'keyword'?"),
        ("recall[keyword, age=3-4] >= 0.5", "has no stratum 'age=3-4'"),
        ("recall[keyword] => 0.5", "unknown operator '=>'"),
        ("recall[*] >= 0.5", "means 2 numbers"),
    ],
)
def test_a_bar_on_what_is_not_there_is_an_error(result: Simulated, bar: str, said: str) -> None:
    with pytest.raises((UsageError, UsageErrors)) as error:
        result.check(bar)
    assert said in str(error.value)


def test_every_bar_that_did_not_hold_is_named(result: Simulated) -> None:
    result.expect("recall[keyword] >= 0.0001", "recall[never] <= 0.1")
    with pytest.raises(AssertionError) as error:
        assert_expected(result, "recall[keyword] >= 0.5", "recall[never] <= 0.1", "precision[never] >= 0.1")
    text = str(error.value)
    assert "missed: recall[keyword] >= 0.5" in text and "undefined: precision[never] >= 0.1" in text
    assert "recall[never]" not in text and "95 % interval" in text and str(result.folder) in text


def test_what_tells_nothing_is_no_pass(result: Simulated) -> None:
    with pytest.raises(UsageError, match="nothing would be checked"):
        result.expect()
    low, high = result.estimate("recall", of="keyword").low, result.estimate("recall", of="keyword").high
    assert low is not None and high is not None
    with pytest.raises(AssertionError, match="inconclusive"):
        result.expect(f"recall[keyword] >= {(low + high) / 2:.6f}")
    with pytest.raises(AssertionError, match="nothing was checked"):
        result.expect({"metric": "precision", "of": "never", "op": ">=", "value": 0, "on_missing": "skip"})


def test_a_warning_only_warns(result: Simulated) -> None:
    light = {"metric": "recall", "of": "keyword", "op": ">=", "value": 0.9, "severity": "warn"}
    with pytest.warns(ExpectationWarning, match="missed: recall"):
        result.expect(light, "recall[never] <= 0.1")
    with pytest.warns(ExpectationWarning), pytest.raises(AssertionError, match="nothing was checked"):
        result.expect(light)


def test_no_bar_of_an_incomplete_run_holds(result: Simulated, tmp_path: Path) -> None:
    for file in ("manifest.json", "summary.json", "metrics.parquet", "scenario.resolved.yaml"):
        (tmp_path / file).write_bytes((result.folder / file).read_bytes())
    summary = result.summary | {"status": "partial"}
    (tmp_path / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    with pytest.raises(AssertionError, match="incomplete"):
        Simulated(result.loaded, tmp_path).expect("recall[never] <= 0.1")


def test_each_content_is_run_once(simulate: Simulate, result: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def run(loaded: Loaded, *words: Any, **options: Any) -> Any:
        made.append(loaded.scenario.seed)
        raise RunIncomplete("stopped")

    monkeypatch.setattr(session_module, "run_scenario", run)
    again = simulate("scenarios/england_wales_2017.yaml", scale="0.005", replications=6, set=SMALL)
    assert again.folder == result.folder and made == []
    assert list(again.loaded.scenario.detectors) == ["keyword", "never"]
    for _ in range(2):
        with pytest.raises(NotHeld, match="incomplete: stopped"):
            simulate(FLAGSHIP, seed=4, scale=0.005, replications=6, set=SMALL)
    assert made == [4]
    with pytest.raises(NotHeld):
        simulate(FLAGSHIP, seed=4, scale=0.005, replications=6, set=SMALL, detectors=["always"])
    with pytest.raises(NotHeld):
        simulate(FLAGSHIP, scale=0.005, set=["replications=5", "scale=0.01"])
    assert made == [4, 4, 2017]


def test_a_loaded_scenario_says_all_there_is(simulate: Simulate, result: Simulated) -> None:
    assert simulate(result.loaded).folder == result.folder
    with pytest.raises(UsageError, match="already loaded"):
        simulate(result.loaded, seed=3)


def test_a_base_is_another_run(simulate: Simulate, result: Simulated) -> None:
    bar = "recall[keyword vs base] not_worse 0.01"
    with pytest.raises(NotComparable, match="none was given"):
        result.expect(bar)
    for base in (result.loaded, result.folder):
        simulate(result.loaded, base=base).expect(bar)
    same = simulate(FLAGSHIP, scale=0.005, replications=6, set=SMALL, base=FLAGSHIP)  # the same is set in the base
    assert same.base == result.folder
    with pytest.raises(NotComparable, match="nowhere"):
        simulate(result.loaded, base="nowhere")


def test_public_names_are_imported_when_asked_for() -> None:
    for name in simharness.suites.__all__:
        assert getattr(simharness.suites, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'asert_expected'"):
        simharness.suites.asert_expected  # noqa: B018


# -- several processes --


@pytest.fixture
def shared(tmp_path: Path) -> Callable[[], Session]:
    """A session as another process of it has it."""
    return lambda: Session(tmp_path / "results", 1, tmp_path / "notes")


def test_what_one_process_did_the_others_are_told(shared: Callable[[], Session]) -> None:
    done: list[str] = []

    def work() -> dict[str, Any]:
        done.append("work")
        return {"answer": 0.25}

    def fails() -> dict[str, Any]:
        done.append("fails")
        raise SimharnessError("no such thing")

    for session in (shared(), shared()):
        assert session._once("a", [], work) == {"answer": 0.25}
        with pytest.raises(NotHeld, match="not run: no such thing"):
            session._once("b", [], fails)
    assert done == ["work", "fails"]
    assert Session(shared().results, 1)._once("a", [], work) == {"answer": 0.25}  # of a session of its own
    assert done == ["work", "fails", "work"]


def test_the_same_content_is_waited_for(shared: Callable[[], Session]) -> None:
    session, order = shared(), list[str]()
    locks = session.results / LOCKS
    locks.mkdir(parents=True)

    def work() -> dict[str, Any]:
        order.append("work")
        return {}

    with (locks / "content").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(target=session._once, args=("a", ["content"], work))
        waiting.start()
        shared()._once("b", ["other"], dict)  # what is of other content goes on
        waiting.join(timeout=0.2)
        order.append("released")
    waiting.join()
    assert order == ["released", "work"]
