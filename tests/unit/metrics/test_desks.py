"""What desks came to and where alerts were lost, worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simharness.metrics.desks import desk_numbers, lost_by_reason
from simharness.response.desk import Ticket
from simharness.response.log import CLEARED, CONFIRMED, DROPPED, EXPIRED, MERGED, WAITING, ArmLog

HOUR = 3600.0
NEVER = math.nan


def log_of(alerts: int, *desks: str) -> ArmLog:
    log = ArmLog()
    for number in range(alerts):
        log.alert(number, 0.0, True, 0.5)
    for name in desks:
        log.desk(name)
    return log


def stay(log: ArmLog, alert: int, desk: str, entered: float, started: float, verdict: int, reason: str = "") -> None:
    ticket = Ticket(None, (entered,), entered * HOUR, started_s=started * HOUR, claimed_s=started * HOUR)
    log.stay(alert, log.desks.index(desk), ticket, NEVER if verdict == WAITING else 99.0 * HOUR, verdict, reason)


def numbers(log: ArmLog, *, staffed: bool = True) -> dict[tuple[str, str], Any]:
    found = list(desk_numbers(log, staffed))
    assert len({(metric, stratum) for metric, stratum, _ in found}) == len(found)
    return {(metric, stratum): value for metric, stratum, value in found}


def test_what_came_in_is_decided_expired_merged_lost_or_waiting() -> None:
    log = log_of(9, "moderators", "hotline")
    verdicts = (CONFIRMED, CONFIRMED, CLEARED, EXPIRED, MERGED, MERGED, DROPPED, WAITING, WAITING)
    for alert, verdict in enumerate(verdicts):
        stay(log, alert, "moderators", 0.0, NEVER, verdict, "queue_full" if verdict == DROPPED else "")
    stay(log, 0, "hotline", 1.0, NEVER, WAITING)
    found = numbers(log)
    parts = ("entered", "decided", "expired", "merged", "dropped", "waiting")
    assert [found[f"desk_{part}", "moderators"] for part in parts] == [9, 3, 1, 2, 1, 2]
    assert [found[f"desk_{part}", "hotline"] for part in parts] == [1, 0, 0, 0, 0, 1]


def test_waits_are_of_those_begun_with_the_percentile_between_two_of_them() -> None:
    """Waits of 1, 2, 3, 4 and 10 hours: mean 4; the 95th percentile at place 3.8 of 0 to 4: 4 + 0.8 x 6."""
    log = log_of(7, "moderators")
    for alert, wait in enumerate((1.0, 2.0, 3.0, 4.0, 10.0)):
        stay(log, alert, "moderators", 5.0, 5.0 + wait, CLEARED if alert else WAITING)  # begun, not yet decided
    stay(log, 5, "moderators", 5.0, NEVER, EXPIRED)
    stay(log, 6, "moderators", 5.0, NEVER, WAITING)
    found = numbers(log)
    assert found["desk_wait_hours", "moderators"] == pytest.approx(4.0)
    assert found["desk_wait_hours_p95", "moderators"] == pytest.approx(8.8)


def test_a_desk_where_nobody_came_or_was() -> None:
    found = numbers(log_of(0, "moderators"))
    assert (found["desk_wait_hours", "moderators"], found["desk_wait_hours_p95", "moderators"]) == (None, None)
    for metric in ("entered", "decided", "worked_hours", "duty_hours", "with_target"):
        assert found[f"desk_{metric}", "moderators"] == 0


def test_hours_and_targets_are_the_desks_own() -> None:
    log = log_of(0, "moderators", "hotline")
    first, second = log.numbers
    first.worked_s, first.duty_s, first.with_target, first.within_target = 2 * HOUR, 8 * HOUR, 5, 4
    second.worked_s, second.duty_s = HOUR, 3 * HOUR
    found = numbers(log)
    names = ("desk_worked_hours", "desk_duty_hours", "desk_with_target", "desk_within_target")
    assert [found[name, "moderators"] for name in names] == [2.0, 8.0, 5, 4]
    assert [found[name, "hotline"] for name in names] == [1.0, 3.0, 0, 0]


def test_lost_before_a_desk_at_one_and_between_two() -> None:
    log = log_of(8, "moderators", "hotline")
    log.drop(0, "over_budget")
    stay(log, 1, "moderators", 0.0, NEVER, DROPPED, "owner_missing")
    stay(log, 2, "moderators", 0.0, NEVER, EXPIRED)
    stay(log, 3, "moderators", 0.0, 1.0, CONFIRMED)
    log.drop(3, "text_only")
    stay(log, 4, "moderators", 0.0, 1.0, CONFIRMED)
    stay(log, 4, "hotline", 1.0, NEVER, DROPPED, "lock_expired")
    stay(log, 5, "moderators", 0.0, NEVER, WAITING)
    stay(log, 6, "moderators", 0.0, 1.0, CLEARED)
    stay(log, 7, "moderators", 0.0, NEVER, MERGED)
    found = numbers(log)
    lost = {stratum: value for (metric, stratum), value in found.items() if metric == "alerts_lost"}
    whole = lost.pop("")
    assert whole == 5
    assert {reason: count for reason, count in lost.items() if count} == dict.fromkeys(
        ("over_budget", "owner_missing", "expired", "text_only", "lock_expired"), 1
    )
    assert {"queue_full", "conversation_ended", "host_lost"} <= set(lost)  # 0, not left out
    # Decided: 3, 4 (by the moderators), 6 and 7 (with another).
    assert found["alerts_undecided", ""] == 4


def test_an_alert_lost_twice_is_one_alert() -> None:
    """Sent to two desks at once and to the police, and lost on every way: three losses of the one alert raised."""
    log = log_of(1, "moderators", "hotline")
    log.drop(0, "text_only")
    stay(log, 0, "moderators", 0.0, NEVER, DROPPED, "queue_full")
    stay(log, 0, "hotline", 0.0, NEVER, EXPIRED)
    found = numbers(log)
    assert found["alerts_lost", ""] == 1
    assert [lost_by_reason(log)[reason] for reason in ("queue_full", "expired", "text_only")] == [1, 1, 1]


def test_an_alert_is_decided_if_anybody_decides() -> None:
    log = log_of(1, "moderators", "police")
    stay(log, 0, "moderators", 0.0, NEVER, EXPIRED)
    stay(log, 0, "police", 0.0, 1.0, CLEARED)
    assert numbers(log)["alerts_undecided", ""] == 0


def test_where_nobody_was_to_decide_undecided_is_undefined() -> None:
    found = numbers(log_of(3), staffed=False)
    assert found["alerts_undecided", ""] is None
    assert found["alerts_lost", ""] == 0


def test_triage_and_targets_by_risk_and_in_all() -> None:
    log = log_of(0)
    for risk, (recorded, due, met) in {"high": (5, 4, 3), "medium": (7, 6, 2), "low": (2, 0, 0)}.items():
        log.counts[f"triaged.{risk}"] = recorded
        log.counts[f"safeguarding_due.{risk}"], log.counts[f"safeguarding_met.{risk}"] = due, met
    found = numbers(log)
    assert [found["triaged", risk] for risk in ("high", "medium", "low")] == [5, 7, 2]
    assert [found["safeguarding_due", risk] for risk in ("high", "medium", "low", "")] == [4, 6, 0, 10]
    assert [found["safeguarding_met", risk] for risk in ("high", "medium", "low", "")] == [3, 2, 0, 5]


def test_values_are_plain_numbers() -> None:
    log = log_of(1, "moderators")
    stay(log, 0, "moderators", 0.0, 1.0, CONFIRMED)
    assert not any(isinstance(value, np.generic) for value in numbers(log).values())


def test_time_to_protection_by_risk() -> None:
    log = ArmLog()
    log.desk("police")
    for risk, days, protected in ((0, 3.0, True), (0, 5.0, True), (0, 9.0, True), (1, 40.0, False)):
        log.case(risk, days * 86_400.0, protected)
    found = {(metric, stratum): value for metric, stratum, value in desk_numbers(log, False)}
    times = [found["safeguarding_days", risk] for risk in ("high", "medium", "low", "")]
    assert times == [5.0, None, None, 5.0]  # of all four, 2/4 still wait after 5 days
