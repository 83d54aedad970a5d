"""What the report says of costs, and of a precision that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simharness.report.content import Report
from simharness.report.cost_tables import cost_tables
from simharness.report.response_tables import backlog_table

NONE = {
    "estimate": None,
    "low": None,
    "high": None,
    "n": 0,
    "method": "none",
    "unit": "x",
    "reason": "nothing is gained",
}


def estimate(value: float, low: float, high: float, unit: str) -> dict[str, Any]:
    return {"estimate": value, "low": low, "high": high, "n": 10, "method": "student-t", "unit": unit}


def arm(cost: float, status: str, per: dict[str, Any] | None, icer: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "comparator": per is None,
        "cost": estimate(cost, cost - 100.0, cost + 100.0, "currency units"),
        "extra_cost": estimate(cost - 1000.0, cost - 1100.0, cost - 900.0, "currency units"),
        "averted": estimate(11.0, 10.0, 12.0, "conversations"),
        "cost_per_meeting_averted": per,
        "status": status,
        "icer": icer,
    }


def with_costs(summary: dict[str, Any], evidence: list[str]) -> dict[str, Any]:
    per = {**estimate(250.0, 240.0, 260.0, "x"), "reason": None}
    arms = {
        "police": arm(1000.0, "frontier", None, None),
        "slow": arm(5000.0, "frontier", per, {"against": "police", **per}),
        "fast": arm(9000.0, "frontier", NONE, {"against": "slow", **per}),
    }
    curves = {"police": [1.0, 0.0], "slow": [0.0, 0.75], "fast": [0.0, 0.25]}
    return summary | {
        "cost_effectiveness": {
            "currency": "GBP",
            "year": 2017,
            "evidence": evidence,
            "effect": "meeting attempts averted",
            "replications": 10,
            "willingness": [0.0, 20000.0],
            "perspectives": {"platform": {"items": ["alert"], "arms": arms, "acceptability": curves}},
        }
    }


def test_costs_stand_beside_what_they_avert(summary: dict[str, Any]) -> None:
    costs, best = cost_tables(with_costs(summary, ["assumed"]))
    assert costs.title == "What it costs (assumed prices)"
    assert costs.columns == ("arm", "meeting attempts averted", "platform, GBP 2017")
    assert costs.rows == (
        (("Police alone",), ("(comparator)",), ("1,000", "900 to 1,100", "frontier")),
        (
            ("Slow code",),
            ("11.0", "10.0 to 12.0"),
            (
                *("5,000", "4,900 to 5,100", "extra: 4,000", "3,900 to 4,100"),
                *("per meeting averted: 250", "240 to 260", "frontier"),
            ),
        ),
        (
            ("Fast code",),
            ("11.0", "10.0 to 12.0"),
            (
                *("9,000", "8,900 to 9,100", "extra: 8,000", "7,900 to 8,100"),
                *("per meeting averted: n/a", "(nothing is gained)", "frontier"),
                *("beyond Slow code:", "each more: 250", "240 to 260"),
            ),
        ),
    )
    assert best.columns == ("perspective", "0 GBP", "20,000 GBP")
    assert best.rows == ((("platform",), ("Police alone", "in 100.0 %"), ("Slow code", "in 75.0 %")),)


def test_of_arms_that_are_alike_none_is_called_the_best(summary: dict[str, Any]) -> None:
    made = with_costs(summary, ["assumed"])
    shares = {"police": [0.5, 0.25], "slow": [0.5, 0.5], "fast": [0.0, 0.25]}
    made["cost_effectiveness"]["perspectives"]["platform"]["acceptability"] = shares
    _, best = cost_tables(made)
    assert best.rows == ((("platform",), ("2 arms alike", "each in 50.0 %"), ("Slow code", "in 50.0 %")),)


def test_only_assumed_prices_are_called_so(summary: dict[str, Any]) -> None:
    costs, _ = cost_tables(with_costs(summary, ["measured"]))
    assert costs.title == "What it costs" and "evidence: measured" in costs.notes[0]


def test_without_prices_or_replications_there_is_no_table(summary: dict[str, Any]) -> None:
    assert cost_tables(summary) == () == cost_tables(summary | {"cost_effectiveness": None})
    empty = with_costs(summary, ["assumed"])
    empty["cost_effectiveness"]["perspectives"] = {}
    assert cost_tables(empty) == ()


def test_one_replication_ranks_nothing(summary: dict[str, Any]) -> None:
    found = with_costs(summary, ["assumed"])
    found["cost_effectiveness"]["perspectives"]["platform"]["acceptability"] = None
    assert len(cost_tables(found)) == 1


def test_the_report_shows_costs_and_why_it_stopped(
    summary: dict[str, Any], composed: Callable[[dict[str, Any]], Report]
) -> None:
    found = with_costs(summary, ["assumed"])
    assert "What it costs (assumed prices)" in [table.title for table in composed(found).tables]
    assert len(composed(summary).notes) == 3
    found["precision"] = {
        "metric": "offences",
        "name": "fast",
        "wanted": 12.5,
        "reached": False,
        "half_width": None,
        "level": 1 - 0.05 / 3,
        "looks": [{"replications": 10, "half_width": None}],
        "planned": [10, 15, 20],
        "replications": 10,
        "rule": "So it is.",
    }
    assert composed(found).notes[-1] == (
        "Precision asked for: offences of fast within 12.5; not reached with n/a (half-width of the 98.33 % interval) "
        "at 10 replications. Looks taken: 10; planned: 10, 15, 20. So it is."
    )


def test_backlogs_by_desk(summary: dict[str, Any]) -> None:
    assert backlog_table(summary) == ()
    metrics = summary["estimates"]["arms"]["fast"]
    metrics["desk_backlog[moderators]"] = estimate(1.5, 1.0, 2.0, "alerts at once")
    metrics["desk_backlog_largest[moderators]"] = estimate(11.0, 9.0, 13.0, "alerts at once")
    (table,) = backlog_table(summary)
    assert table.rows == ((("Fast code", "  moderators"), ("1.5", "1.0 to 2.0"), ("11.0", "9.0 to 13.0")),)
