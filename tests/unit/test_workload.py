"""Expected load of queues before a run, by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simharness.scenario.policy import Arm
from simharness.scenario.queues import Queue
from simharness.workload import confirms, covered_share, loads
from simharness.world.model import WorldModel

ASSUMED = {"evidence": "assumed", "source": "test"}
ALWAYS = {"begins": "0h", "ends": "24h"}


def tier(minutes: int, sensitivity: float, specificity: float) -> dict[str, Any]:
    service = {"kind": "constant", "value": f"{minutes}min"}
    return {**ASSUMED, "service": service, "sensitivity": sensitivity, "specificity": specificity}


def queue(
    tiers: dict[str, Any] | None = None, shifts: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    found = tiers or {"trained": tier(6, 0.8, 0.9)}
    return {**ASSUMED, "tiers": found, "shifts": shifts or [{**ALWAYS, "staff": 2}], "expires": "7d", **more}


def arm(queues: dict[str, Any], on_alert: list[str], coverage: float = 1.0) -> Arm:
    return Arm.model_validate(
        {
            "title": "test",
            "law": "communication",
            "detector": "keyword",
            "alert_level": {"false_alerts_per_1000_child_months": 1},
            "code": {**ASSUMED, "coverage": {"facebook": coverage}},
            "on_alert": on_alert,
            "queues": queues,
        }
    )


@pytest.fixture(scope="module")
def whole(make_model: Callable[..., WorldModel]) -> WorldModel:
    """Two weeks at scale one, so that staff is as stated; 3 April 2017 was a Monday."""
    return make_model("period={start: 2017-04-03, end: 2017-04-16}", scale=1.0)


def test_alerts_times_reading_against_staff(whole: WorldModel) -> None:
    """100 false and at most 50 right alerts of 6 minutes: 10 to 15 hours, for two people in 336 hours."""
    load = loads(whole, arm({"first": queue()}, ["queue.first"]), 100.0, 50.0)["first"]
    assert load.alerts == (100.0, 150.0)
    assert load.work_h == pytest.approx((10.0, 15.0))
    assert (load.duty_h, load.on_duty_h) == pytest.approx((672.0, 336.0))
    assert load.utilisation == pytest.approx((10 / 672, 15 / 672))
    assert load.needed == pytest.approx((10 / 336, 15 / 336))


def test_shifts_by_weekday_that_overlap(whole: WorldModel) -> None:
    """Two weeks: 10 days of 3 x 8 hours from 8, and every Sunday 2 x 4 hours from 22 to 2, the last cut off at its end.

    Weekdays from 12 to 14 one more, which adds to the staff and not to the time with anybody there.
    """
    weekdays = ["mon", "tue", "wed", "thu", "fri"]
    shifts = [
        {"begins": "8h", "ends": "16h", "staff": 3, "days": weekdays},
        {"begins": "12h", "ends": "14h", "staff": 1, "days": weekdays},
        {"begins": "22h", "ends": "2h", "staff": 2, "days": ["sun"]},
    ]
    load = loads(whole, arm({"first": queue(shifts=shifts)}, ["queue.first"]), 1.0, 0.0)["first"]
    # Of a week's Sunday night, four hours; the second week's ends with the period, two hours in.
    sundays = 4.0 + 4.0  # staff.on_duty puts the tail of the last night at the week's beginning
    assert load.duty_h == pytest.approx(10 * (24.0 + 2.0) + 2 * sundays)
    assert load.on_duty_h == pytest.approx(10 * 8.0 + sundays)


def test_several_populations_have_as_many_staff(whole: WorldModel) -> None:
    load = loads(whole, arm({"first": queue()}, ["queue.first"]), 100.0, 50.0, nations=3)["first"]
    assert (load.duty_h, load.on_duty_h) == pytest.approx((3 * 672.0, 336.0))


def test_a_smaller_scale_keeps_one_person_a_shift(make_model: Callable[..., WorldModel]) -> None:
    small = make_model("period={start: 2017-04-03, end: 2017-04-16}", scale=0.02)
    load = loads(small, arm({"first": queue()}, ["queue.first"]), 1.0, 0.0)["first"]
    assert load.duty_h == pytest.approx(336.0)


def test_queues_in_sequence_get_what_is_sent_on(whole: WorldModel) -> None:
    """100 false, 50 right. First: confirms 10 and 40. Third: cleared by the first, 90 and 10; and confirmed by the
    second, of 10 and 40 half and all.
    """
    queues = {
        "third": queue(),
        "second": queue({"t": tier(1, 1.0, 0.5)}, on_confirmed=["queue.third", "refer_police"]),
        "first": queue(on_confirmed=["queue.second"], on_cleared=["queue.third"]),
    }
    found = loads(whole, arm(queues, ["queue.first"]), 100.0, 50.0)
    assert found["second"].alerts == pytest.approx((10.0, 50.0))
    assert found["third"].alerts == pytest.approx((95.0, 95.0 + 50.0))
    assert found["second"].work_h == pytest.approx((10 / 60, 50 / 60))


def test_a_second_reading_costs_time_and_its_verdict_stands(whole: WorldModel) -> None:
    """Half of those confirmed are read again by experts (20 minutes): 0.8 - 0.4 + 0.4 x 1; 0.1 - 0.05 + 0.05 x 0."""
    tiers = {"trained": tier(6, 0.8, 0.9), "expert": tier(20, 1.0, 1.0)}
    shifts = [{**ALWAYS, "staff": 2, "tier": "trained"}, {**ALWAYS, "staff": 0 + 1, "tier": "expert", "days": ["mon"]}]
    second = {"of": "confirmed", "share": 0.5, "tier": "expert"}
    made = queue(tiers, shifts, second_review=second)
    # Firsts are read by whoever is there: 14 staff-days a week trained, 1 expert.
    right, false = (14 * 0.8 + 1.0) / 15, 14 * 0.1 / 15
    assert confirms(Queue.model_validate(made)) == pytest.approx((right, false / 2))
    load = loads(whole, arm({"first": made}, ["queue.first"]), 100.0, 0.0)["first"]
    first = 100 * (14 * 6 + 20) / 15
    assert load.work_h[0] == pytest.approx((first + 100 * false * 0.5 * 20) / 60)


@pytest.mark.parametrize(
    ("of", "right", "false"),
    [
        ("confirmed", 0.8 * 0.8, 0.1 * 0.1),  # both readings confirm
        ("cleared", 0.8 + 0.2 * 0.8, 0.1 + 0.9 * 0.1),  # either does
        ("all", 0.8, 0.1),  # the second does
    ],
)
def test_which_are_read_again(of: str, right: float, false: float) -> None:
    made = Queue.model_validate(queue(second_review={"of": of, "share": 1}))
    assert confirms(made) == pytest.approx((right, false))


def test_an_alert_sent_to_two_queues_is_read_in_both(whole: WorldModel) -> None:
    found = loads(whole, arm({"a": queue(), "b": queue()}, ["queue.a", "queue.b"]), 10.0, 0.0)
    assert (found["a"].alerts[0], found["b"].alerts[0]) == (10.0, 10.0)


def test_coverage_is_weighted_by_platform(whole: WorldModel) -> None:
    made = arm({}, ["refer_police"], coverage=0.5)
    assert covered_share(whole, made, {"facebook": 0.25, "other": 0.75}) == pytest.approx(0.125)
