"""The tables of how the response worked, cell by cell."""

from __future__ import annotations

from typing import Any

import pytest

from simharness.report.response_tables import (
    REASONS,
    answers_table,
    desks_table,
    harms_table,
    lost_table,
    mute,
    police_table,
)
from simharness.report.tables import arms_tables, budget_table
from simharness.report.verdict import verdict
from simharness.report.wording import SHADOW_LABEL
from simharness.response.log import REASONS as LOGGED

ARMS = [("Police alone",), ("Slow code",), ("Fast code",)]


def test_harms_are_a_rate_with_interval_and_the_count(summary: dict[str, Any]) -> None:
    table = harms_table(summary)
    assert [row[0] for row in table.rows] == ARMS
    alarmed, reported, suspended, read, exposed, worse = table.rows[2][1:]
    assert alarmed == ("0.010", "0.005 to 0.020", "in all: 45.0")
    assert reported == ("0.0001", "0.0000 to 0.0001", "in all: 0.3")
    assert suspended == ("0",)
    assert read == ("0.38", "0.19 to 0.76", "in all: 1,700")
    assert exposed == ("0.020", "0.010 to 0.040", "in all: 90")
    assert worse == ("0.0027", "0.0013 to 0.0053", "in all: 12.0")


def test_the_comparator_makes_nobody_worse_than_itself(summary: dict[str, Any]) -> None:
    assert harms_table(summary).rows[0][-1] == ("-",)


def test_a_desk_is_a_row_of_its_own(summary: dict[str, Any]) -> None:
    (table,) = desks_table(summary)
    assert table.dense
    assert [row[0] for row in table.rows] == [
        (title, f"  {desk}") for title in ("Slow code", "Fast code") for desk in ("moderators", "police")
    ]
    assert table.columns == (
        "arm, desk",
        "came in",
        "decided",
        "lost",
        "mean wait, hours",
        "wait, 95th percentile, hours",
        "utilisation",
        "within target",
    )
    assert table.rows[2][1:] == (
        ("50.0", "45.0 to 55.0"),
        ("40.0", "35.0 to 45.0"),
        ("10.0", "in each of 10"),
        ("6.3", "5.0 to 7.6"),
        ("22.8", "18.1 to 27.6"),
        ("12.0 %", "11.0 to 13.0 %"),
        ("100.0 %", "in each of 10"),
    )
    assert table.rows[3][3] == ("0",)
    assert table.rows[3][-1] == ("n/a", "no target")
    assert table.notes[0] == "At no desk: expired, merged, still waiting."


def test_nothing_counted_is_0_alone_but_a_share_of_nothing_keeps_its_interval(summary: dict[str, Any]) -> None:
    metrics = summary["estimates"]["arms"]["fast"]
    metrics["desk_wait_hours[moderators]"].update(zero())
    metrics["desk_within_target_share[moderators]"].update(zero(), high=0.2)
    (table,) = desks_table(summary)
    assert table.rows[2][4] == ("0",)
    assert table.rows[2][7] == ("0.0 %", "0.0 to 20.0 %")


def test_a_desk_that_nothing_came_to_waits_for_nothing(summary: dict[str, Any]) -> None:
    metrics = summary["estimates"]["arms"]["fast"]
    for name in ("desk_wait_hours", "desk_wait_hours_p95", "desk_utilisation"):
        metrics[f"{name}[police]"].update(estimate=None, low=None, high=None, n=0)
    (table,) = desks_table(summary)
    assert table.rows[3][4:7] == (("n/a", "nothing read"), ("n/a", "nothing read"), ("n/a", "nobody on duty"))


def test_without_a_desk_there_is_no_table(summary: dict[str, Any]) -> None:
    for name in ("slow", "fast"):
        summary["arms"][name]["detector"] = None
    assert desks_table(summary) == () == lost_table(summary)


def test_lost_alerts_by_the_reasons_that_occur(summary: dict[str, Any]) -> None:
    (table,) = lost_table(summary)
    assert table.columns == (
        "arm",
        "lost, of alerts raised",
        "nobody owned it",
        "text only, lost between desks",
        "without a decision",
        "longest time without an alert, days",
    )
    slow, fast = table.rows
    assert slow == (("Slow code",), ("0",), ("0",), ("0",), ("0",), ("0.50", "0.40 to 0.60"))
    assert fast[1] == ("20.0 %", "19.0 to 21.0 %", "in all: 10.0")
    assert fast[2:5] == (("2.0", "in each of 10"), ("8.0", "in each of 10"), ("10.0", "in each of 10"))


def test_nothing_lost_anywhere_is_no_table(summary: dict[str, Any]) -> None:
    summary["estimates"]["arms"]["fast"] |= {"alerts_lost": {**zero(), "unit": "alerts"}}
    assert lost_table(summary) == ()


def zero() -> dict[str, Any]:
    return {"estimate": 0.0, "low": 0.0, "high": 0.0, "n": 10, "method": "student-t"}


def test_a_mute_detector_is_shown_though_nothing_was_lost(summary: dict[str, Any]) -> None:
    """181 days, 1,000 alerts: 20 mean gaps are 3.62 days."""
    for name in ("slow", "fast"):
        metrics = summary["estimates"]["arms"][name]
        metrics["alerts_lost"].update(zero())
        metrics["alerts"].update(estimate=1000.0)
    slow = summary["estimates"]["arms"]["slow"]
    slow["longest_silence_days"].update(estimate=3.61)
    assert lost_table(summary) == () and not mute(summary, slow)
    slow["longest_silence_days"].update(estimate=3.63)
    (table,) = lost_table(summary)
    assert [row[-1][-1] for row in table.rows] == ["no chance", "0.40 to 0.60"]
    assert verdict(summary)[-1] == "Without an alert for longer than chance explains: Slow code 3.6 days."


def test_a_night_without_an_alert_is_no_silence(summary: dict[str, Any]) -> None:
    metrics = summary["estimates"]["arms"]["slow"]
    metrics["alerts"].update(estimate=100_000.0)
    metrics["longest_silence_days"].update(estimate=0.99)
    assert not mute(summary, metrics)
    metrics["longest_silence_days"].update(estimate=1.01)
    assert mute(summary, metrics)


def test_an_arm_without_an_alert_has_no_silence_and_no_share(summary: dict[str, Any]) -> None:
    metrics = summary["estimates"]["arms"]["slow"]
    metrics["alerts"].update(estimate=0.0)
    metrics["longest_silence_days"].update(estimate=None, low=None, high=None, n=0)
    assert not mute(summary, metrics)
    assert lost_table(summary)[0].rows[0][-1] == ("n/a", "no alert")


def test_undecided_is_undefined_where_nobody_was_to_decide(summary: dict[str, Any]) -> None:
    metrics = summary["estimates"]["arms"]["slow"]
    metrics["alerts_undecided"].update(estimate=None, low=None, high=None, n=0)
    assert lost_table(summary)[0].rows[0][4] == ("n/a", "nobody was to decide")


def test_alerts_raised_twice_have_a_column_only_where_there_are_some(summary: dict[str, Any]) -> None:
    summary["estimates"]["arms"]["fast"]["duplicate_alerts"].update(estimate=7.0, low=6.0, high=8.0)
    (table,) = lost_table(summary)
    assert table.columns[5] == "raised twice at once"
    assert [row[5] for row in table.rows] == [("0",), ("7.0", "6.0 to 8.0")]


def test_every_reason_for_loss_has_words() -> None:
    assert set(REASONS) == {*LOGGED[1:], "expired"}


def test_police_by_risk(summary: dict[str, Any]) -> None:
    table = police_table(summary)
    assert [row[0] for row in table.rows] == ARMS
    assert table.rows[0][1:] == (
        ("1,300", "1,250 to 1,350"),
        ("400", "390 to 410", "charged: 0"),
        ("31.5", "29.0 to 34.0"),
        ("50.0 %", "40.0 to 60.0 %"),
        ("40.0 %", "30.0 to 50.0 %"),
        ("n/a", "none due"),
        ("12.0 %", "11.0 to 13.0 %"),
    )


def test_only_answers_that_occur(summary: dict[str, Any]) -> None:
    (table,) = answers_table(summary)
    assert table.columns == ("arm", "other children contacted instead", "new accounts after suspension")
    assert table.rows[2][1:] == (("7.0", "5.0 to 9.0"), ("20.0", "18.0 to 22.0"))
    summary["estimates"]["arms"]["slow"]["sanctions"].update(estimate=1.0, low=0.5, high=1.5)
    (table,) = answers_table(summary)
    assert [row[-1] for row in table.rows] == [("0",), ("1.0", "0.5 to 1.5"), ("0",)]


def test_no_answer_no_table(summary: dict[str, Any]) -> None:
    for metrics in summary["estimates"]["arms"].values():
        for name in ("substitutes", "new_accounts"):
            metrics[name].update(estimate=0.0)
    assert answers_table(summary) == ()


def test_a_shadow_arm_is_marked_wherever_it_is_named(summary: dict[str, Any]) -> None:
    summary["arms"]["fast"]["mode"] = "shadow"
    label = ("Fast code", SHADOW_LABEL)
    for table in (*arms_tables(summary), harms_table(summary), *lost_table(summary), police_table(summary)):
        assert table.rows[-1][0] == label, table.title
    assert desks_table(summary)[0].rows[-1][0] == (*label, "  police")
    assert answers_table(summary)[0].rows[-1][0] == label
    assert f"Fast code {SHADOW_LABEL} 20.0 %" in verdict(summary)[-1]


def test_the_verdict_names_what_was_lost_most_first(summary: dict[str, Any]) -> None:
    slow = summary["estimates"]["arms"]["slow"]
    slow["alerts_lost"].update(estimate=20.0)
    slow["alerts_lost_share"].update(estimate=0.4)
    slow["alerts_lost[expired]"].update(estimate=20.0)
    assert verdict(summary)[-1] == (
        "Alerts lost, of those raised, and mostly why: Slow code 40.0 % (expired unread); "
        "Fast code 20.0 % (text only, lost between desks)."
    )


def test_the_verdict_names_the_price(summary: dict[str, Any]) -> None:
    price = verdict(summary)[3]
    assert "45.0 children (95 % interval 40.0 to 50.0) alarmed" in price
    assert "1,700 conversations (95 % interval 1,600 to 1,800) read" in price


@pytest.mark.parametrize("budget", [2.5])
def test_detectors_at_one_number_of_alerts(summary: dict[str, Any], budget: float) -> None:
    assert budget_table(summary) == ()
    summary["matched_budget"] = {"alerts_per_1000_child_months": budget, "baseline": "words"}
    detectors = summary["estimates"]["detectors"]
    for name, own, over in (("words", 0.2, 0.0), ("bayes_bound", 0.5, 0.3)):
        for key, value in (("at_budget", own), ("over_baseline", over)):
            detectors[name][f"recall_before_offence_{key}"] = {
                **zero(),
                "estimate": value,
                "low": value - 0.01,
                "high": value + 0.01,
                "unit": "share",
            }
    (table,) = budget_table(summary)
    words, bound, never = table.rows
    assert words == (("words",), ("20.0 %", "19.0 to 21.0 %"), ("(baseline)",))
    assert bound[1:] == (("50.0 %", "49.0 to 51.0 %"), ("30.0 %", "29.0 to 31.0 %"))
    assert never[1:] == (("n/a", "not measured at so many alerts"),) * 2
    assert "raises 2.5 alerts per 1,000 child-months" in table.notes[0]
