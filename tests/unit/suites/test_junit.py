"""The JUnit file: of pytest's own schema, read back by junitparser, and never green where the exit code is not 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase

from simharness.commands.report import report
from simharness.errors import UsageError
from simharness.store import RunFolder
from simharness.suites.gate import Gated, gate, gated_json
from simharness.suites.items import Item
from simharness.suites.judging import Judged, exit_code
from simharness.suites.junit import junit

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit-10.xsd")))
DELAYS = {"detector/keyword": {"delay": (8.0, 9.0, 10.0, 11.0, 12.0), "grooming": [9] * 5}}
OUTCOMES = ("held", "missed", "inconclusive", "undefined", "failed")
Bars = Callable[..., tuple[Item, ...]]


@dataclass(frozen=True)
class Replayed:
    path: Path
    name: str
    outcome: str
    sentence: str = "Harm comes at message 5, the alert at message 9."
    problem: str | None = None


def gated(judged: tuple[Judged, ...], incomplete: bool = False, **more: Any) -> dict[str, Any]:
    found = Gated(
        "made_up/0123456789ab",
        None,
        judged,
        exit_code(judged, incomplete=incomplete),
        True,
        "simharness run made_up.yaml --seed 7",
        5,
        7,
        incomplete,
    )
    return gated_json(replace(found, **more))


def cases(text: str) -> list[TestCase]:
    """Every testcase, once the file has been checked."""
    SCHEMA.validate(text)
    return [case for suite in JUnitXml.fromstring(text.encode()) for case in suite]


def results(text: str) -> list[str]:
    """In one word each: the kind of element that stands in a testcase."""
    return [case.result[0]._tag if case.result else "passed" for case in cases(text)]


@pytest.fixture
def every(judged: Callable[..., Judged], bars: Bars) -> list[Judged]:
    """One judged item for each outcome, severity and on_missing that there is."""
    seen = judged("delay[keyword] <= 100", DELAYS)
    made = []
    for number, (outcome, severity, on_missing) in enumerate(
        product(OUTCOMES, ("fail", "warn"), ("fail", "inconclusive", "skip"))
    ):
        wanted = {"metric": "delay", "of": "keyword", "op": "<=", "value": number}
        (item,) = bars(wanted | {"severity": severity, "on_missing": on_missing})
        made.append(replace(seen, item=item, outcome=outcome, why="some reason"))  # type: ignore[arg-type]
    return made


def test_the_schema_and_the_reader_agree_on_everything_at_once(every: list[Judged]) -> None:
    found = gated(tuple(every), incomplete=True)
    text = junit({"one": found, "two": found}, "smoke", seconds={"one": 61.25})
    assert len(cases(text)) == 2 * (len(every) + 1)
    read = JUnitXml.fromstring(text.encode())
    one, two = read
    assert (one.name, one.tests, one.time, two.time) == ("one", len(every) + 1, 61.25, 0.0)
    assert (read.tests, read.failures, read.errors, read.time) == (
        one.tests + two.tests,
        one.failures + two.failures,
        one.errors + two.errors,
        61.25,
    )
    for suite in read:
        kinds = [type(case.result[0]) if case.result else None for case in suite]
        counted = (kinds.count(Failure), kinds.count(Error), kinds.count(Skipped))
        assert (suite.failures, suite.errors, suite.skipped) == counted and min(counted) > 0


def test_the_schema_is_seen_to_refuse() -> None:
    text = junit({}, "smoke")
    for broken in (text.replace('tests="1"', ""), text.replace("<error", "<mistake").replace("</error", "</mistake")):
        with pytest.raises(xmlschema.XMLSchemaValidationError):
            SCHEMA.validate(broken)


def test_each_outcome_has_its_element(every: list[Judged]) -> None:
    (case, *others) = (cases(junit({"one": gated((each,))}, "smoke")) for each in every)
    got = {}
    for each, found in zip(every, (case, *others), strict=True):
        result = found[0].result
        wanted = each.item.expectation
        key = (each.outcome, wanted.severity, wanted.on_missing if each.outcome == "undefined" else "")
        got[key] = (result[0]._tag, result[0].type) if result else None
    assert got == {
        ("held", "fail", ""): None,
        ("held", "warn", ""): None,
        ("missed", "fail", ""): ("failure", "missed"),
        ("missed", "warn", ""): ("skipped", "warning"),
        ("inconclusive", "fail", ""): ("failure", "inconclusive"),
        ("inconclusive", "warn", ""): ("skipped", "warning"),
        ("undefined", "fail", "fail"): ("failure", "missed"),
        ("undefined", "fail", "inconclusive"): ("failure", "inconclusive"),
        ("undefined", "fail", "skip"): ("skipped", "undefined"),
        ("undefined", "warn", "fail"): ("skipped", "warning"),
        ("undefined", "warn", "inconclusive"): ("skipped", "warning"),
        ("undefined", "warn", "skip"): ("skipped", "warning"),
        ("failed", "fail", ""): ("error", "failed"),
        ("failed", "warn", ""): ("error", "failed"),
    }


def test_a_warning_begins_with_the_word(every: list[Judged]) -> None:
    warned = next(e for e in every if e.outcome == "missed" and e.item.expectation.severity == "warn")
    held = next(e for e in every if e.outcome == "held" and e.item.expectation.severity == "fail")
    first, second = cases(junit({"one": gated((warned, held))}, "smoke"))
    assert first.result[0].message.startswith("warning: delay[keyword]") and not second.result


def test_it_is_green_exactly_where_the_exit_code_is_0(every: list[Judged]) -> None:
    chosen = [every[n] for n in range(0, len(every), 2)] + every[-6:-5]
    for first, second in product([None, *every], [None, *chosen]):
        together = tuple(each for each in (first, second) if each is not None)
        for incomplete in (False, True):
            found = gated(together, incomplete)
            text = junit({"one": found}, "smoke")
            red = "<failure" in text or "<error" in text
            assert red == (found["exit_code"] != 0), (together, incomplete)


def test_nothing_checked_is_an_error(every: list[Judged]) -> None:
    for text in (junit({"one": gated(())}, "smoke"), junit({}, "smoke")):
        (case,) = cases(text)
        assert (case.result[0]._tag, case.result[0].type) == ("error", "nothing checked")
    warned = next(each for each in every if each.outcome == "held" and each.item.expectation.severity == "warn")
    assert results(junit({"one": gated((warned,))}, "smoke")) == ["passed", "error"]


def test_an_incomplete_run_is_an_error_beside_what_held(every: list[Judged]) -> None:
    text = junit({"one": gated((every[0],), incomplete=True)}, "smoke")
    assert results(text) == ["passed", "error"]
    assert cases(text)[1].result[0].type == "incomplete" and "not complete" in cases(text)[1].result[0].message


def test_names_are_unique_over_runs_of_one_scenario_and_cases(every: list[Judged]) -> None:
    found = gated(tuple(every))
    replayed = [Replayed(Path("cases/a.json"), "gaps", "missed"), Replayed(Path("cases/b.json"), "gaps", "fixed")]
    text = junit({"quick": found, "slow": found, "cases": found}, "smoke", cases=replayed)
    read = cases(text)
    assert len({case.name for case in read}) == len({(case.classname, case.name) for case in read}) == len(read)
    assert {case.classname for case in read} == {"smoke.quick", "smoke.slow", "smoke.cases"}


def test_regression_cases(every: list[Judged]) -> None:
    outcomes = ("fixed", "missed", "says nothing", "failed")
    replayed = [Replayed(Path(f"cases/{n}.json"), f"case {n}", outcome) for n, outcome in enumerate(outcomes)]
    replayed[3] = replace(replayed[3], problem="the detector raised ValueError")
    text = junit({"one": gated((every[0],))}, "smoke", cases=replayed)
    assert results(text)[1:] == ["passed", "failure", "failure", "error"]
    last = cases(text)[-1]
    assert last.result[0].message == "the detector raised ValueError"
    assert "simharness replay cases/3.json" in last.system_out
    assert [case.result[0].type for case in cases(text)[2:]] == ["missed", "inconclusive", "failed"]
    assert results(junit({}, "smoke", cases=replayed[:1])) == ["passed"]


def test_what_a_testcase_says(judged: Callable[..., Judged]) -> None:
    found = judged("delay[keyword] <= 11.5", DELAYS)
    (case,) = cases(junit({"one": gated((found,), bars_before=False)}, "smoke"))
    assert case.result[0].message == (
        "delay[keyword] <= 11.5: INCONCLUSIVE: found 10.0 messages (95 % interval 8.0 to 12.0), bar <= 11.5 messages; "
        "the interval straddles the bar: run more replications, or set another bar"
    )
    said = dict(line.split(": ", 1) for line in case.system_out.strip().splitlines())
    assert said | {"low": "", "high": "", "written at": ""} == {
        "found": "10.0 messages (95 % interval 8.0 to 12.0)",
        "bar": "<= 11.5 messages",
        "estimate": "10.0",
        "low": "",
        "high": "",
        "n": "5",
        "method": "student-t",
        "unit": "messages",
        "held by itself in": "4 of 5 replications",
        "outcome": "inconclusive",
        "counts as": "inconclusive",
        "severity": "fail",
        "why": "the interval straddles the bar: run more replications, or set another bar",
        "bars set": "after the run was begun",
        "seed": "7",
        "written at": "",
        "to see it again": "simharness run made_up.yaml --seed 7",
    }
    assert (float(said["low"]), float(said["high"])) == (
        pytest.approx(8.0368, abs=1e-4),
        pytest.approx(11.9632, abs=1e-4),
    )


def test_what_a_testsuite_says(every: list[Judged]) -> None:
    (suite,) = JUnitXml.fromstring(junit({"one": gated((every[0],), base="made_up/b")}, "smoke").encode())
    assert {each.name: each.value for each in suite.properties()} == {
        "synthetic": "true",
        "run": "made_up/0123456789ab",
        "base": "made_up/b",
        "seed": "7",
        "replications": "5",
        "bars set": "before the run was begun",
        "exit code": "0",
        "command": "simharness run made_up.yaml --seed 7",
    }


@pytest.mark.parametrize("bad", ["\x00", "\x1b[31m", "\x0b", "\ud800", "\uffff"])
def test_what_xml_cannot_hold_is_replaced(every: list[Judged], bad: str) -> None:
    found = gated((replace(every[6], why=f"<a> & \"b\" ]]> 'c'\n{bad}d"),), command=f"run {bad}")
    text = junit({f"a{bad}b": found}, f"s{bad}", cases=[Replayed(Path("c.json"), f"n{bad}", "missed", f"s{bad}")])
    first, second = cases(text)
    assert (
        bad[0] not in text and "\N{REPLACEMENT CHARACTER}" in first.name and "n\N{REPLACEMENT CHARACTER}" in second.name
    )
    assert "<a> & \"b\" ]]> 'c'" in first.result[0].message


def test_the_same_bytes_every_time(every: list[Judged]) -> None:
    found = gated(tuple(every))
    assert junit({"one": found}, "smoke") == junit({"one": found}, "smoke")


def test_the_report_command_writes_it(bars: Bars, finished: Callable[..., RunFolder], tmp_path: Path) -> None:
    folder, file = finished(DELAYS), tmp_path / "junit.xml"
    with pytest.raises(UsageError, match="never held against any expectation"):
        report(str(folder.path), None, file, tmp_path)
    assert not file.exists()
    gate(folder, bars("delay[keyword] <= 11.5"), command="simharness run made_up.yaml", expect="bars")
    report(str(folder.path), None, file, tmp_path)
    (case,) = cases(file.read_text(encoding="utf-8"))
    assert (case.classname, case.name) == ("simharness.made_up", "made_up: delay[keyword] <= 11.5")
