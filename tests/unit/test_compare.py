"""Runs held against each other: hand-made rows, pairs, margins, multiplicity, the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from simharness.compare import INCONCLUSIVE, NOTHING_CHECKED, PASSED, REGRESSED, Margin, compare, gate
from simharness.errors import NotComparable, UsageError
from simharness.metrics.rows import Row
from simharness.pairing import Known, differences, said, why_unpaired

SCENARIO: dict[str, Any] = {
    "name": "made_up",
    "seed": 1,
    "scale": 1.0,
    "replications": 6,
    "period": {"start": "2017-04-03", "end": "2017-09-30"},
    "world": {"rate": {"value": "1/day", "evidence": "assumed", "source": "a guess"}, "shares": [0.5, 0.5]},
    "sampling": {"benign_fraction": 0.1, "evidence": "assumed", "source": "speed"},
    "arms": {"a": {"title": "A", "staff": 3}},
}
ALERTS = (10.0, 12.0, 11.0, 13.0, 9.0, 11.0)
HARMED = (100.0, 90.0, 95.0, 105.0, 99.0, 101.0)
Values = Sequence[float | None]


def rows(arm: str, numbers: Mapping[str, Values], first: int = 0) -> list[Row]:
    return [
        Row(name.partition("[")[0], arm, "", name.partition("[")[2].rstrip("]"), place, value, "")
        for name, values in numbers.items()
        for place, value in enumerate(values, first)
    ]


def run(*given: Row, **changes: Any) -> Known:
    return Known("made_up/1", "d", SCENARIO | changes, list(given), data="t", code="c")


BASE = run(*rows("a", {"alerts": ALERTS, "children_harmed": HARMED, "human_hours": (5.0,) * 6}))
A = ("arm", "a", "a")


def less(values: Values, by: float, first: float = 0.0) -> list[float | None]:
    """All lower by something, and the first by a little more, so that they do not all differ alike."""
    return [None if each is None else each - by - (0.0 if place else first) for place, each in enumerate(values)]


def one(found: Mapping[str, Any], metric: str) -> Mapping[str, Any]:
    (row,) = (each for each in found["comparisons"] if each["metric"] == metric)
    return row  # type: ignore[no-any-return]


def test_a_run_against_itself_is_the_same_throughout() -> None:
    found = compare(BASE, BASE, [A], every=True)
    assert found["paired"] and found["compared"] == 0 and found["level_of_each"] == pytest.approx(0.95)
    assert {each["metric"] for each in found["comparisons"]} == {"alerts", "children_harmed", "human_hours"}
    for each in found["comparisons"]:
        assert each["verdict"] == "same" and each["same_throughout"]
        assert each["difference"]["estimate"] == 0.0 and each["difference"]["n"] == 6
    assert gate(found["comparisons"]) == (PASSED, [])


def test_numbers_and_verdict_of_one_metric() -> None:
    candidate = run(*rows("a", {"children_harmed": less(HARMED, 5.0, 1.0)}))
    row = one(compare(BASE, candidate, [A], metrics=["children_harmed"]), "children_harmed")
    # Differences -6, -5, -5, -5, -5, -5: mean -31/6, s^2 = 1/6, t(0.975; 5) = 2.571, half = 2.571 / 6.
    assert row["difference"]["estimate"] == pytest.approx(-31 / 6)
    assert row["difference"]["low"] == pytest.approx(-31 / 6 - 2.571 / 6, abs=1e-4)
    assert row["base_estimate"]["estimate"] == pytest.approx(590 / 6)
    assert row["candidate_estimate"]["estimate"] == pytest.approx(559 / 6)
    assert (row["verdict"], row["better_in"], row["unit"]) == ("better", {"times": 6, "of": 6}, "children")


def test_only_what_differs_counts_as_a_comparison() -> None:
    numbers = {"alerts": less(ALERTS, 1.0, 1.0), "children_harmed": less(HARMED, 5.0, 1.0), "human_hours": (5.0,) * 6}
    found = compare(BASE, run(*rows("a", numbers)), [A], metrics=["alerts", "children_harmed", "human_hours"])
    assert found["compared"] == 2 and found["level_of_each"] == pytest.approx(0.975)
    # t(0.9875; 5) = 3.163: a fortieth on either side of each of two.
    half = one(found, "children_harmed")["difference"]["high"] + 31 / 6
    assert half == pytest.approx(3.163 / 6, abs=1e-3)
    assert one(found, "alerts")["verdict"] == "lower"
    assert one(found, "human_hours")["verdict"] == "same"


def test_a_metric_without_a_value_has_no_verdict() -> None:
    found = compare(BASE, BASE, [A], metrics=["lead_time_days", "wrong_referrals"])
    assert [each["verdict"] for each in found["comparisons"]] == [None, None]
    assert one(found, "lead_time_days")["difference"]["estimate"] is None
    assert gate(found["comparisons"])[0] == NOTHING_CHECKED


def test_ratios_are_of_sums_and_strata_have_their_own() -> None:
    over, under = (1.0, 2.0, 1.0, 2.0, 1.0, 1.0), (10.0, 20.0, 10.0, 20.0, 10.0, 10.0)
    base = run(*rows("a", {"desk_worked_hours[x]": over, "desk_duty_hours[x]": under}))
    double = run(*rows("a", {"desk_worked_hours[x]": [2 * each for each in over], "desk_duty_hours[x]": under}))
    row = one(compare(base, double, [A], metrics=["desk_utilisation[x]"]), "desk_utilisation[x]")
    assert row["difference"]["estimate"] == pytest.approx(0.1)
    assert row["base_estimate"]["estimate"] == pytest.approx(0.1)
    shown = [each["metric"] for each in compare(base, double, [A], every=True)["comparisons"]]
    assert shown == ["desk_worked_hours[x]", "desk_duty_hours[x]", "desk_utilisation[x]"]


def test_replications_that_one_side_lacks_are_left_out_of_both() -> None:
    """A detector that failed in the base's replication 0, and the candidate was stopped after the fourth."""
    base = run(*rows("a", {"alerts": ALERTS[1:]}, first=1))
    candidate = run(*rows("a", {"alerts": [each + 1 for each in ALERTS[:4]]}))
    row = one(compare(base, candidate, [A], metrics=["alerts"]), "alerts")
    assert row["difference"]["n"] == 3 and row["difference"]["estimate"] == 1.0
    assert row["base_estimate"]["estimate"] == pytest.approx(12.0)  # 12, 11 and 13


def test_two_arms_of_one_run() -> None:
    both = run(*rows("a", {"children_harmed": HARMED}), *rows("b", {"children_harmed": less(HARMED, -3.0, -1.0)}))
    row = one(compare(both, both, [("arm", "a", "b")], metrics=["children_harmed"]), "children_harmed")
    assert (row["base"], row["candidate"], row["verdict"]) == ("a", "b", "worse")


# -- pairing --


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seed": 2}, "seed 1 against 2"),
        ({"world": {"rate": {"value": "2/day"}, "shares": [0.5, 0.5]}}, "world.rate.value 1/day against 2/day"),
        ({"world": {"rate": {"value": "1/day"}, "shares": [0.6, 0.4]}}, "world.shares differs"),
        ({"sampling": {"benign_fraction": 0.2}}, "sampling.benign_fraction 0.1 against 0.2"),
        ({"stress": {"drift": 0.1}}, "stress differs"),
    ],
)
def test_other_worlds_are_not_paired(changes: dict[str, Any], reason: str) -> None:
    candidate = run(*BASE.rows, **changes)
    assert why_unpaired(BASE, candidate) == [reason]
    found = compare(BASE, candidate, [A], metrics=["children_harmed"])
    assert not found["paired"] and found["why_unpaired"] == [reason]
    row = one(found, "children_harmed")
    assert (row["difference"]["method"], row["better_in"], row["verdict"]) == ("welch", None, "unclear")


@pytest.mark.parametrize(
    "changes",
    [
        {"arms": {"a": {"title": "A", "staff": 4}}},
        {"replications": 60, "title": "another", "recorded": []},
        {"world": SCENARIO["world"] | {"rate": {"value": "1/day", "evidence": "measured", "source": "a count"}}},
    ],
)
def test_what_does_not_touch_the_world_leaves_pairs(changes: dict[str, Any]) -> None:
    assert why_unpaired(BASE, run(*BASE.rows, **changes)) == []


def test_the_table_of_children_and_the_code_are_looked_at() -> None:
    assert why_unpaired(BASE, replace(BASE, data="other")) == ["the population's table differs"]
    newer = replace(BASE, code="newer", lived={0: "x", 1: "y"})
    assert why_unpaired(replace(BASE, lived={0: "x", 1: "y", 2: "z"}), newer) == []
    (reason,) = why_unpaired(replace(BASE, lived={0: "x", 1: "other"}), newer)
    assert reason.startswith("another version")


def test_no_replication_in_common() -> None:
    later = run(*rows("a", {"alerts": ALERTS}, first=6))
    assert why_unpaired(BASE, later) == ["they have no replication in common"]


@pytest.mark.parametrize(
    ("changes", "said_so"),
    [
        ({"scale": 0.1}, r"scale 1.0 against 0.1"),
        ({"period": {"start": "2017-04-03", "end": "2017-10-31"}}, "period.end 2017-09-30 against 2017-10-31"),
    ],
)
def test_another_size_or_period_cannot_be_compared(changes: dict[str, Any], said_so: str) -> None:
    with pytest.raises(NotComparable, match=said_so) as error:
        compare(BASE, run(*BASE.rows, **changes), [A])
    assert error.value.exit_code == 6


def test_settings_that_differ_are_named_with_their_path() -> None:
    other = SCENARIO | {"arms": {"a": {"title": "other", "staff": 4}, "b": {"staff": 1}}}
    found = differences(SCENARIO, other)
    assert found == [("arms.a.staff", 3, 4), ("arms.b", None, {"staff": 1})]
    assert said(found) == "arms.a.staff 3 against 4, arms.b differs"
    assert said([("x", 1, None)] * 9).endswith("x 1 against none, and 1 more")


# -- margins, names and the gate --


def test_margins_in_units_and_as_a_share_of_the_base() -> None:
    candidate = run(*rows("a", {"children_harmed": less(HARMED, -5.0, -1.0)}))  # 5.17 more, interval 4.7 to 5.6
    for margin, held, expected in (
        (Margin(6.0), 6.0, "same"),
        (Margin(5.0), 5.0, "unclear"),
        (Margin(4.0), 4.0, "worse"),
        (Margin(0.06, relative=True), 5.9, "same"),
        (Margin(0.04, relative=True), 3.933, "worse"),
    ):
        found = compare(BASE, candidate, [A], metrics=["children_harmed"], margins={"children_harmed": margin})
        row = one(found, "children_harmed")
        assert (row["margin"], row["verdict"]) == (pytest.approx(held, abs=1e-3), expected)


def test_a_share_of_what_is_undefined_is_no_margin_and_no_pass() -> None:
    candidate = run(*rows("a", {"children_harmed": HARMED, "lead_time_days": [1.0] * 6}))
    margins = {"lead_time_days": Margin(0.1, relative=True)}
    found = compare(BASE, candidate, [A], metrics=["lead_time_days", "children_harmed"], margins=margins)
    assert one(found, "lead_time_days")["margin"] is None and one(found, "lead_time_days")["verdict"] is None
    assert gate(found["comparisons"]) == (INCONCLUSIVE, ["a lead_time_days"])


def test_unknown_names() -> None:
    with pytest.raises(UsageError, match=r"--metric childrn_harmed") as error:
        compare(BASE, BASE, [A], metrics=["childrn_harmed"])
    assert error.value.hint == "Did you mean 'children_harmed'?"
    with pytest.raises(UsageError, match="unknown metric"):
        compare(BASE, BASE, [A], metrics=["recall"])  # of detectors, and none is compared
    with pytest.raises(UsageError, match="not a metric's name"):
        compare(BASE, BASE, [A], metrics=["alerts[x"])
    with pytest.raises(UsageError, match="no such metric is compared") as error:
        compare(BASE, BASE, [A], metrics=["alerts"], margins={"offences": Margin(1.0)})
    assert error.value.hint == "Add --metric offences, so that it is compared."


def row(verdict: str | None, better: str | None = "lower", margin: bool = False) -> dict[str, Any]:
    return {"candidate": "a", "metric": str(verdict), "better": better, "margin_given": margin, "verdict": verdict}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([row("better"), row("unclear"), row("same")], PASSED),
        ([row("better"), row("worse"), row("unclear", margin=True)], REGRESSED),
        ([row("better"), row("unclear", margin=True)], INCONCLUSIVE),
        ([row("better"), row(None, margin=True)], INCONCLUSIVE),
        ([row("not worse", margin=True)], PASSED),
        ([row(None), row("higher", better=None)], NOTHING_CHECKED),
        ([], NOTHING_CHECKED),
    ],
)
def test_the_gate(given: list[dict[str, Any]], expected: int) -> None:
    code, named = gate(given)
    assert code == expected
    assert bool(named) == (expected in (REGRESSED, INCONCLUSIVE))


def test_what_the_candidate_lost_is_no_pass_but_worse_comes_first() -> None:
    assert gate([row("better")], ["arm b"]) == (INCONCLUSIVE, ["arm b"])
    assert gate([], ["arm b"]) == (INCONCLUSIVE, ["arm b"])
    assert gate([row("worse")], ["arm b"]) == (REGRESSED, ["a worse"])
