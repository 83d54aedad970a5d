"""Numbers with unit and interval, and what stands where there is no number."""

from __future__ import annotations

from typing import Any

import pytest

from simharness.report.wording import cell, counted, days_of, interval, number, period, phrase, point


def estimate(value: float | None, low: float | None, high: float | None, unit: str = "children", n: int = 10) -> Any:
    return {"estimate": value, "low": low, "high": high, "n": n, "method": "student-t", "unit": unit}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.2512, "share", "25.1 %"),
        (0.0, "share", "0.0 %"),
        (10816.4, "children", "10,816"),
        (63.44, "children", "63.4"),
        (0.318, "per 1,000 child-months", "0.32"),
        (0.0, "children", "0"),
        (-11.14, "children", "-11.1"),
        (None, "share", "n/a"),
        (None, "children", "n/a"),
    ],
)
def test_numbers_have_the_decimals_their_size_asks_for(value: float | None, unit: str, text: str) -> None:
    assert number(value, unit) == text


def test_estimate_and_interval_share_their_decimals() -> None:
    found = estimate(98.0, 94.4, 101.6)
    assert (point(found), interval(found)) == ("98", "94 to 102")
    assert interval(estimate(0.25, 0.248, 0.255, "share")) == "24.8 to 25.5 %"


def test_an_interval_of_no_width_is_not_shown_as_certainty() -> None:
    assert interval(estimate(0.0, 0.0, 0.0)) == "in each of 10"
    assert phrase(estimate(0.0, 0.0, 0.0), "children") == "0 children (in each of 10)"


def test_one_replication_has_no_interval_and_says_so() -> None:
    assert phrase(estimate(7.0, None, None, n=1), "children") == "7.0 children (no interval: one replication)"


def test_running_text_carries_unit_and_interval() -> None:
    found = estimate(10816.4, 10629.0, 11002.0)
    assert phrase(found, "children") == "10,816 children (95 % interval 10,629 to 11,002)"


def test_undefined_is_never_zero_and_gives_its_reason() -> None:
    undefined = estimate(None, None, None, n=0)
    assert cell("precision", undefined, 10) == ("n/a", "no alert")
    assert cell("stage_at_alert[approach]", None, 10) == ("n/a", "no alert")
    assert cell("alerts", undefined, 10) == ("n/a",)
    assert phrase(undefined, "days") == "n/a days"


def test_a_number_that_rests_on_fewer_replications_says_so() -> None:
    assert cell("lead_time_days", estimate(5.0, 4.0, 6.0, "days", 7), 10) == ("5.0", "4.0 to 6.0", "in 7 of 10")


def test_periods_count_both_days() -> None:
    assert period("2017-04-03", "2017-09-30") == "181 days (3 April to 30 September 2017)"
    assert period("2017-12-31", "2018-01-01") == "2 days (31 December 2017 to 1 January 2018)"
    assert period("2017-04-03", "2017-04-03").startswith("1 day (")


def test_plurals() -> None:
    assert [counted(n, "process", "processes") for n in (1, 2)] == ["1 process", "2 processes"]
    assert counted(1234, "block") == "1,234 blocks"


def test_a_rate_shows_as_many_decimals_as_it_needs_and_a_count_two() -> None:
    rate = {"estimate": 0.0021, "low": 0.0009, "high": 0.0044, "n": 10, "unit": "per 1,000 child-months"}
    assert (point(rate), interval(rate)) == ("0.0021", "0.0009 to 0.0044")
    assert point({**rate, "high": 0.021}) == "0.002"  # as the largest of the three asks for
    assert point({**rate, "unit": "hours"}) == "0.00"
    assert (number(0.012, "per 1,000 child-months"), number(0.012)) == ("0.012", "0.01")


def test_days_of_a_period_hold_both_ends() -> None:
    assert (days_of("2017-04-03", "2017-09-30"), days_of("2017-04-03", "2017-04-03")) == (181, 1)
