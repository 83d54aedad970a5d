"""What comes of a bar: by the interval, fail-closed wherever the interval cannot say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import pytest

from simharness.errors import NotComparable
from simharness.metrics.difference import difference
from simharness.metrics.intervals import mean_interval, ratio_interval
from simharness.pairing import Known
from simharness.suites.items import Item
from simharness.suites.judging import Judged, as_json, exit_code, judge

Judge = Callable[..., Judged]
DELAY = (8.0, 9.0, 10.0, 11.0, 12.0)
LOW, HIGH = 8.04, 11.96  # of their mean 10, by Student's t: 10 -+ 2.776 * sqrt(2.5 / 5)


def delays(values: Sequence[float | None] = DELAY, name: str = "keyword") -> dict[str, Any]:
    return {f"detector/{name}": {"delay": values, "grooming": [50] * len(values)}}


def shares(over: Sequence[float | None], under: Sequence[float | None], name: str = "keyword") -> dict[str, Any]:
    return {f"detector/{name}": {"detected": over, "grooming": under}}


def test_the_interval_is_that_of_the_report(judged: Judge) -> None:
    found = judged("delay[keyword] <= 20", delays()).found
    assert found == mean_interval(DELAY)
    assert (round(found.low, 2), round(found.high, 2)) == (LOW, HIGH)  # type: ignore[arg-type]
    over, under = (3, 5, 4, 6, 2, 5), (10,) * 6
    assert judged("recall[keyword] >= 0.1", shares(over, under)).found == ratio_interval(over, under)


@pytest.mark.parametrize(
    ("bar", "outcome"),
    [
        (">= 8", "held"),
        (">= 8.1", "inconclusive"),
        (">= 11.9", "inconclusive"),
        (">= 12", "missed"),
        ("> 8", "held"),
        ("> 12", "missed"),
        ("<= 12", "held"),
        ("<= 11.9", "inconclusive"),
        ("<= 8.1", "inconclusive"),
        ("<= 8", "missed"),
        ("< 12", "held"),
        ("< 8", "missed"),
        ("== 10", "inconclusive"),
        ("== 8", "missed"),
        ("== 12", "missed"),
    ],
)
def test_held_only_where_the_whole_interval_keeps_the_bar(judged: Judge, bar: str, outcome: str) -> None:
    found = judged(f"delay[keyword] {bar}", delays())
    assert found.outcome == outcome
    assert bool(found.why) == (outcome == "inconclusive")


@pytest.mark.parametrize(
    ("bar", "outcome"),
    [
        (".ci_low >= 8.1", "inconclusive"),
        (".ci_low >= 8", "held"),
        (".ci_high >= 11.9", "held"),
        (".ci_high >= 12", "missed"),
        (".ci_low <= 8.1", "held"),
        (".ci_low <= 8", "missed"),
        (".ci_high <= 11.9", "inconclusive"),
        (".ci_high <= 12", "held"),
        (".estimate >= 10", "held"),
        (".estimate > 10", "missed"),
        (".estimate <= 9.9", "missed"),
    ],
)
def test_a_bound_that_is_asked_for_decides(judged: Judge, bar: str, outcome: str) -> None:
    assert judged(f"delay[keyword]{bar}", delays()).outcome == outcome


def test_strict_and_lenient_operators_differ_at_the_bar_itself(judged: Judge) -> None:
    same = delays([10.0] * 6)
    outcomes = {op: judged(f"delay[keyword] {op} 10", same).outcome for op in (">=", "<=", "==", ">", "<")}
    assert outcomes == {">=": "held", "<=": "held", "==": "held", ">": "missed", "<": "missed"}


def test_in_how_many_replications_the_bar_holds_alone(judged: Judge) -> None:
    found = judged("delay[keyword] >= 9.5", delays([*DELAY, None]))
    assert (found.held_in, found.of, found.found.n) == (3, 5, 5)


# -- fail-closed -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        (delays([None] * 6), "undefined in every replication"),
        ({"detector/text_model": delays(name="x")["detector/x"]}, "no replication has results of it"),
        ({"detector/keyword": {"grooming": [5] * 6}}, "undefined in every replication"),
    ],
)
@pytest.mark.parametrize("bar", ["<= 1000", ">= 0", ".estimate <= 1000"])
def test_what_is_undefined_is_missed_under_any_bar(judged: Judge, numbers: Any, why: str, bar: str) -> None:
    found = judged(f"delay[keyword]{bar if bar[0] == '.' else ' ' + bar}", numbers)
    assert (found.outcome, found.counts_as, found.found.estimate) == ("undefined", "missed", None)
    assert why in found.why and exit_code([found]) == 1


@pytest.mark.parametrize(
    ("on_missing", "counts", "code"),
    [("fail", "missed", 1), ("inconclusive", "inconclusive", 4), ("skip", "skipped", 5)],
)
def test_on_missing(judged: Judge, on_missing: str, counts: str, code: int) -> None:
    wanted = {"metric": "delay", "of": "keyword", "op": "<=", "value": 9, "on_missing": on_missing}
    found = judged(wanted, delays([None] * 6))
    assert (found.counts_as, exit_code([found])) == (counts, code)
    assert judged(wanted, delays()).outcome == "inconclusive"  # what is defined is no business of on_missing


def test_without_positives_nothing_was_put_to_the_test(judged: Judge) -> None:
    nobody = {"detector/keyword": {"grooming": [0] * 6, "false_alert_rate": [0.5] * 6}}
    found = judged("false_alert_rate[keyword] <= 2", nobody)
    assert (found.outcome, exit_code([found])) == ("undefined", 1) and "no grooming conversation" in found.why
    arms = {"arm/police_meeting_offence": {"children_harmed": [0] * 6, "at_risk[offence:0d]": [0] * 6}}
    assert judged("children_harmed[police_meeting_offence] <= 2", arms).outcome == "undefined"
    arms["arm/police_meeting_offence"]["at_risk[offence:0d]"] = [0, 0, 0, 0, 0, 1]
    assert judged("children_harmed[police_meeting_offence] <= 2", arms).outcome == "held"


def test_a_crashed_detector_holds_no_bar(judged: Judge) -> None:
    numbers = delays() | {"arm/grooming_alerts": {"false_alerts": [1] * 6, "alerts": [9] * 6}}
    for wanted in ("delay[keyword] <= 100", "false_alerts[grooming_alerts] <= 100"):
        failing = {"keyword", "text_model"}  # the arm acts on one of them
        found = judged(wanted, numbers, lost=sorted(failing))
        assert found.outcome == "failed" and "failed in a replication" in found.why
        assert exit_code([found]) == 3
    assert judged("delay[keyword] <= 100", numbers, lost=["behaviour"]).outcome == "held"


def test_the_other_sides_detector_counts_too(judged: Judge) -> None:
    numbers = delays() | delays(name="text_model")
    assert judged("delay[keyword vs text_model] <= 100", numbers, lost=["text_model"]).outcome == "failed"
    police = "arm/police_communication_offence"
    both = {f"arm/{name}": {"children_harmed": DELAY} for name in ("grooming_alerts", "police_communication_offence")}
    wanted = "children_harmed[police_communication_offence vs grooming_alerts] <= 100"
    assert police in both and judged(wanted, both, lost=["text_model"]).outcome == "failed"
    assert judged(wanted, both, lost=["behaviour"]).outcome != "failed"


@pytest.mark.parametrize(
    ("values", "outcome"),
    [([9.0], "inconclusive"), ([9.0] * 5, "inconclusive"), ([9.0] * 6, "held"), ([8, 9.0], "held")],
)
def test_too_few_replications_decide_nothing(judged: Judge, values: list[float], outcome: str) -> None:
    found = judged("delay[keyword] <= 100", delays(values))
    assert found.outcome == outcome
    assert outcome == "held" or "run more" in found.why


def test_a_bootstrap_of_few_decides_nothing(judged: Judge) -> None:
    five, six = ((3, 5, 4, 6, 2, 5)[:n] for n in (5, 6))
    assert judged("recall[keyword] >= 0.01", shares(five, (10,) * 5)).outcome == "inconclusive"
    assert judged("recall[keyword] >= 0.01", shares(six, (10,) * 6)).outcome == "held"


# -- differences -------------------------------------------------------------------------------------------------------
LATER = tuple(value + more for value, more in zip(DELAY, (0.9, 1.0, 1.1, 1.0, 1.0), strict=True))


def test_a_paired_difference_is_narrower_than_either_side(judged: Judge) -> None:
    numbers = delays(LATER) | delays(name="text_model")
    found = judged("delay[keyword vs text_model] <= 1.1", numbers)
    assert (found.outcome, found.paired, found.held_in, found.of) == ("held", True, 5, 5)
    assert found.found.low == pytest.approx(0.9122, abs=1e-4) and found.found.high == pytest.approx(1.0878, abs=1e-4)


@pytest.mark.parametrize(
    ("margin", "outcome", "bar"),
    [
        ("2", "held", 2.0),
        ("1", "inconclusive", 1.0),
        ("0.5", "missed", 0.5),
        ("20%", "held", 2.0),
        ("5%", "missed", 0.5),
    ],
)
def test_not_worse_where_lower_is_better(judged: Judge, margin: str, outcome: str, bar: float) -> None:
    found = judged(f"delay[keyword vs base] not_worse {margin}", delays(LATER), delays())
    assert (found.outcome, found.op) == (outcome, "<=")
    assert found.bar == pytest.approx(bar)


@pytest.mark.parametrize(("margin", "outcome"), [("0.2", "held"), ("0.1", "inconclusive"), ("0.05", "missed")])
def test_not_worse_where_higher_is_better(judged: Judge, margin: str, outcome: str) -> None:
    base, run = (shares(over, (100,) * 6) for over in ((50, 52, 48, 51, 49, 50), (40, 43, 37, 41, 40, 39)))
    found = judged(f"recall[keyword vs base] not_worse {margin}", run, base)
    assert (found.outcome, found.op, found.bar) == (outcome, ">=", -float(margin))


def test_better_is_never_worse(judged: Judge) -> None:
    assert judged("delay[keyword vs base] not_worse 0", delays(), delays(LATER)).outcome == "held"


def test_nothing_differs_anywhere(judged: Judge) -> None:
    found = judged("delay[keyword vs base] not_worse 0", delays(), delays())
    assert (found.outcome, found.found.low, found.found.high) == ("held", 0.0, 0.0)
    assert judged("delay[keyword vs base] < 0", delays(), delays()).outcome == "missed"


def test_a_share_of_what_is_undefined_is_no_bar(judged: Judge) -> None:
    found = judged("recall[keyword vs base] not_worse 10%", shares((1,) * 6, (2,) * 6), shares((0,) * 6, (0,) * 6))
    assert (found.outcome, found.bar, found.counts_as) == ("undefined", None, "missed")


def test_replications_that_only_one_side_has_are_left_out(judged: Judge) -> None:
    found = judged("delay[keyword vs base] <= 5", delays((*LATER, 1000.0)), delays())
    assert (found.outcome, found.found.n) == ("held", 5)


def test_runs_of_other_worlds_are_no_pairs(bars: Callable[..., Any], known: Callable[..., Known]) -> None:
    items = bars("delay[keyword vs base] <= 5")
    (found,) = judge(items, known(delays(LATER)), known(delays(), seed=1))
    unpaired = difference(_counts(LATER), _counts(DELAY), paired=False)
    assert (found.paired, found.of, found.found) == (False, None, unpaired)
    assert found.found.high == pytest.approx(3.33, abs=0.01)


def _counts(values: Sequence[float]) -> Any:
    from simharness.metrics.difference import Counts

    return Counts(tuple(values))


def test_a_base_that_cannot_be_held_against(bars: Callable[..., Any], known: Callable[..., Known]) -> None:
    items = bars("delay[keyword vs base/text_model] <= 5")
    with pytest.raises(NotComparable, match=r"has no results of detector 'text_model'; it has: keyword"):
        judge(items, known(delays()), known(delays()))
    with pytest.raises(NotComparable, match="scale"):
        judge(bars("delay[keyword vs base] <= 5"), known(delays()), known(delays(), scale=0.5))
    own = bars("delay[keyword] <= 50")
    assert (
        judge(own, known(delays()), known(delays(), scale=0.5))[0].outcome == "held"
    )  # no bar of it looks at the base
    with pytest.raises(NotComparable):
        judge(bars("delay[keyword vs base] <= 5"), known(delays()), None)


# -- harmless conversations are sampled --------------------------------------------------------------------------------
WEIGHT = 1.0 / 0.003  # of a sampled conversation, in the flagship
ZERO = {
    "arm/grooming_alerts": {"false_alerts": [0] * 6, "child_months": [0.9] * 6, "alerts": [5] * 6},
    "arm/mandatory_code": {"false_alerts": [0, 0, 0, 333, 0, 0], "child_months": [0.9] * 6, "alerts": [500] * 6},
    "arm/no_intervention": {"false_alerts": [0] * 6, "child_months": [0.9] * 6, "alerts": [0] * 6},
}
MOST = 3.688879 * WEIGHT  # -ln(0.025) conversations: the exact upper limit where none was seen


def test_none_seen_in_a_sample_is_not_none(judged: Judge) -> None:
    found = judged("false_alerts[grooming_alerts] <= 2", ZERO)
    assert (found.outcome, found.found.estimate, found.found.low) == ("inconclusive", 0.0, 0.0)
    assert found.found.high == pytest.approx(MOST / 6, rel=1e-6)
    assert "poisson" in found.found.method and "Poisson" in found.why
    rate = judged("false_alerts_per_1000_child_months[grooming_alerts] <= 200", ZERO)
    assert rate.found.high == pytest.approx(MOST / (6 * 0.9), rel=1e-6) and rate.outcome == "inconclusive"
    roomy = judged("false_alerts[grooming_alerts] <= 206", ZERO)
    assert roomy.outcome == "held" and "Poisson" in roomy.why  # said also where it held


def test_what_was_seen_is_judged_by_its_own_spread(judged: Judge) -> None:
    found = judged("false_alerts[mandatory_code] <= 1000", ZERO)
    assert (found.outcome, found.found.method) == ("held", "student-t")


def test_an_arm_that_cannot_raise_an_alert_has_none(judged: Judge) -> None:
    assert judged("false_alerts[no_intervention] <= 0", ZERO).outcome == "held"


def test_differences_of_what_was_not_seen(judged: Judge) -> None:
    found = judged("false_alerts[grooming_alerts vs base] not_worse 2", ZERO, ZERO)
    assert found.outcome == "inconclusive"
    assert (found.found.low, found.found.high) == (pytest.approx(-MOST / 6), pytest.approx(MOST / 6))
    found = judged("false_alerts[grooming_alerts vs no_intervention] <= 2", ZERO)
    assert (found.found.low, found.found.high) == (0.0, pytest.approx(MOST / 6))
    assert judged("false_alerts[grooming_alerts vs mandatory_code] <= 2", ZERO).found.method == "paired student-t"


def test_counts_of_grooming_conversations_are_no_sample(judged: Judge) -> None:
    arms = {"arm/grooming_alerts": {"children_made_worse": [0] * 6, "alerts": [0] * 6}}
    assert judged("children_made_worse[grooming_alerts] <= 2", arms).outcome == "held"


# -- exit codes --------------------------------------------------------------------------------------------------------
def test_exit_codes_of_every_combination(judged: Judge, bars: Callable[..., tuple[Item, ...]]) -> None:
    from dataclasses import replace

    severe = judged("delay[keyword] <= 100", delays())
    mild = replace(
        severe, item=bars({"metric": "delay", "of": "keyword", "op": "<=", "value": 100, "severity": "warn"})[0]
    )
    outcomes = ("held", "missed", "inconclusive", "undefined", "failed")
    for count in range(3):
        for chosen in product(product((severe, mild), outcomes), repeat=count):
            found = [replace(each, outcome=outcome) for each, outcome in chosen]  # type: ignore[arg-type]
            kinds = {outcome for each, outcome in chosen if each is severe}
            expected = (
                3
                if "failed" in {outcome for _, outcome in chosen}
                else 1
                if kinds & {"missed", "undefined"}
                else 4
                if "inconclusive" in kinds
                else 0
                if "held" in kinds
                else 5
            )
            assert exit_code(found) == expected, chosen
            assert exit_code(found, incomplete=True) == 3


def test_only_warnings_check_nothing(judged: Judge) -> None:
    wanted = {"metric": "delay", "of": "keyword", "op": "<=", "value": 100, "severity": "warn"}
    found = judged(wanted, delays())
    assert (found.outcome, exit_code([found])) == ("held", 5)
    assert exit_code([]) == 5


def test_as_json_says_everything(judged: Judge) -> None:
    found = as_json(judged("delay[keyword vs base] not_worse 20%", delays(LATER), delays()))
    assert found == {
        "name": "delay[keyword vs base] not_worse 20%",
        "file": found["file"],
        "line": found["line"],
        "subject": "detector",
        "of": "keyword",
        "metric": "delay",
        "versus": "keyword",
        "in_base": True,
        "severity": "fail",
        "on_missing": "fail",
        "outcome": "held",
        "counts_as": "held",
        "op": "<=",
        "bar": pytest.approx(2.0),
        "bound": None,
        "unit": "messages",
        "estimate": pytest.approx(1.0),
        "low": pytest.approx(0.9122, abs=1e-4),
        "high": pytest.approx(1.0878, abs=1e-4),
        "n": 5,
        "method": "paired student-t",
        "paired": True,
        "held_in": 5,
        "of_replications": 5,
        "why": "",
    }
