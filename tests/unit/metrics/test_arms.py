"""What an arm came to, worked by hand: conversation by conversation against the comparator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simharness.metrics.arms import arm_numbers, changes, lead_time
from simharness.metrics.catalogue import METRICS
from simharness.outcomes.cell import Cell
from simharness.records import LADDER, Truth
from simharness.response.arm import ArmResult
from simharness.response.log import CLEARED, CONFIRMED, EXPIRED, REFERRAL, REVIEW, ArmLog
from simharness.world.clock import DAY_S
from simharness.world.generate import World
from simharness.world.model import WorldModel

INF = np.inf
HORIZON = 100 * DAY_S


def test_changes_by_hand() -> None:
    """Never before and never after is no event at all."""
    base = np.array([10.0, 10.0, 10.0, INF, INF, 10.0])
    arm = np.array([INF, 20.0, 10.0, INF, 5.0, 8.0])
    found = {name: np.flatnonzero(rows).tolist() for name, rows in changes(base, arm).items()}
    assert found == {"prevented": [0], "delayed": [1], "unchanged": [2], "made_worse": [4, 5]}


times = st.lists(st.one_of(st.just(INF), st.integers(0, 5).map(float)), min_size=6, max_size=6)


@given(base=times, arm=times)
def test_every_event_has_one_fate(base: list[float], arm: list[float]) -> None:
    before, after = np.array(base), np.array(arm)
    found = changes(before, after)
    fates = sum(rows.astype(int) for rows in found.values())
    assert np.array_equal(fates, (np.isfinite(before) | np.isfinite(after)).astype(int))
    lost_or_kept = (
        found["prevented"] | found["delayed"] | found["unchanged"] | found["made_worse"] & np.isfinite(before)
    )
    assert np.array_equal(lost_or_kept, np.isfinite(before))


def result(cut: list[float], outcomes: Any = None, recorded: Any = None, log: ArmLog | None = None) -> ArmResult:
    n = len(cut)
    never = np.full((n, 4), INF)
    ladder = never if outcomes is None else np.array(outcomes)
    return ArmResult(
        ladder, np.full(n, INF) if recorded is None else np.array(recorded), np.array(cut), log or ArmLog()
    )


def days(*numbers: float) -> list[float]:
    return [number * DAY_S for number in numbers]


def test_lead_time_by_hand() -> None:
    """Both act on the first and the last: leads of 5 and -2 days. The comparator never reaches the second."""
    arm = result([*days(10, 5), -INF, INF, *days(20)])
    base = result([*days(15), INF, *days(30, 1, 18)])
    assert lead_time(arm, base, HORIZON) == {"lead_time_days": 1.5, "only_this_arm_acts": pytest.approx(1 / 3)}


def test_a_contact_the_comparator_never_lets_be_made_has_no_time_of_action() -> None:
    assert lead_time(result(days(10)), result([-INF]), HORIZON) == {"lead_time_days": None, "only_this_arm_acts": 1.0}


def test_lead_time_is_undefined_where_an_arm_never_acts() -> None:
    nothing = {"lead_time_days": None, "only_this_arm_acts": None}
    assert lead_time(result([INF, -INF]), result(days(1, 2)), HORIZON) == nothing
    assert lead_time(result([]), result([]), HORIZON) == nothing


def test_an_arm_against_itself_has_no_lead() -> None:
    arm = result([*days(3), INF])
    assert lead_time(arm, arm, HORIZON) == {"lead_time_days": None, "only_this_arm_acts": None}


def test_actions_at_the_same_moment_are_no_lead() -> None:
    """Two conversations cut by the same report in both arms, one three days earlier, one by this arm alone."""
    found = lead_time(result(days(3, 5, 7, 9)), result([*days(3, 5, 10), INF]), HORIZON)
    assert found == {"lead_time_days": 3.0, "only_this_arm_acts": 0.5}


def log_of(alerts: list[tuple[int, float, bool]], decisions: list[tuple[int, int, float, int]] = ()) -> ArmLog:  # type: ignore[assignment]
    log = ArmLog()
    for conversation, raised, right in alerts:
        log.alert(conversation, raised, right)
    for alert, desk, started, verdict in decisions:
        log.decision(alert, desk, started, started + 60.0, verdict)
    return log


@pytest.fixture(scope="module")
def numbers(model: WorldModel) -> Callable[..., dict[str, Any]]:
    """``numbers(arm, base, name="trained_moderators", children=...)``: the metrics of a result as if of that arm."""

    def made(
        arm: ArmResult, base: ArmResult, name: str = "trained_moderators", children: list[int] | None = None
    ) -> dict[str, Any]:
        n = len(arm.cut)
        contacts = World(model, 5).grooming_contacts().take(slice(0, n))
        ids = np.array([50, 40, 30, 20, 10, 5], np.uint64)[
            :n
        ]  # out of order: an alert finds its conversation by its id
        contacts = replace(contacts, conversation=ids, child=np.array(children or range(n)))
        never = np.full(n, INF)
        truth = Truth(np.ones(n, np.int32), *(never,) * 6, np.zeros(n, np.uint8))
        arms = {name: arm, model.scenario.comparator: base}
        return arm_numbers(model, Cell(0, 1, contacts, truth, {}, arms), name)

    return made


def test_the_ladder_counts_by_hand(numbers: Callable[..., dict[str, Any]]) -> None:
    base = result([INF] * 3, [[1, 5, INF, INF], [2, INF, 9, 10], [INF] * 4])
    arm = result([INF] * 3, [[1, INF, INF, INF], [4, INF, 9, INF], [3, INF, INF, INF]], recorded=[7, INF, INF])
    found = numbers(arm, base)
    expected = {
        "offences": 3,
        "offences_comparator": 2,
        "offences_prevented": 0,
        "offences_delayed": 1,
        "offences_unchanged": 1,
        "offences_made_worse": 1,
        "repeats": 0,
        "repeats_comparator": 1,
        "repeats_prevented": 1,
        "meetings_unchanged": 1,
        "contacts_prevented": 1,
        "contacts_comparator": 1,
        "children_protected": 2,
        "children_made_worse": 1,
        "recorded_offences": 1,
    }
    assert {name: found[name] for name in expected} == expected


def test_children_are_counted_once(numbers: Callable[..., dict[str, Any]]) -> None:
    base = result([INF] * 3, [[1, 5, 6, 7], [2, INF, INF, INF], [3, INF, INF, INF]])
    arm = result([INF] * 3, [[INF] * 4] * 3)
    assert numbers(arm, base, children=[8, 8, 9])["children_protected"] == 2


def test_alerts_before_the_offence(numbers: Callable[..., dict[str, Any]]) -> None:
    """Before it, at the same moment, after it, and without one: of right alerts, under this arm."""
    ladder = [[time, INF, INF, INF] for time in (10.0, 10.0, 10.0, INF)]
    log = log_of([(50, 9, True), (40, 10, True), (30, 11, True), (20, 99, True), (1 << 63, 1, False), (50, 20, True)])
    found = numbers(result([INF] * 4, ladder, log=log), result([INF] * 4))
    assert found["alerts_before_offence"] == 2
    assert (found["alerts"], found["right_alerts"], found["false_alerts"]) == (6, 5, 1)


def test_the_queue_by_hand(numbers: Callable[..., dict[str, Any]]) -> None:
    """Five alerts at 0: read after one and three hours, expired after eight, two still there; one referred as well."""
    alerts = [(50, 0.0, True)] * 2 + [(1 << 63, 0.0, False)] * 3
    decisions = [
        (0, REVIEW, 3600.0, CONFIRMED),
        (2, REVIEW, 3 * 3600.0, CLEARED),
        (3, REVIEW, 8 * 3600.0, EXPIRED),
        (0, REFERRAL, 9 * 3600.0, CONFIRMED),
    ]
    log = log_of(alerts, decisions)
    log.seconds.update(review=7200.0, police=1800.0)
    found = numbers(result([INF], log=log), result([INF]))
    assert (found["review_expired"], found["review_waiting"], found["review_wait_hours"]) == (1, 2, 2.0)
    assert (found["review_hours"], found["police_hours"], found["human_hours"]) == (2.0, 0.5, 2.5)


def test_undefined_is_none_and_nothing_is_0(numbers: Callable[..., dict[str, Any]]) -> None:
    quiet = result([INF])
    found = numbers(quiet, quiet)
    assert (found["review_expired"], found["review_waiting"], found["review_wait_hours"]) == (0, 0, None)
    assert found["lead_time_days"] is None and found["alerts_before_offence"] == 0 == found["alerts"]
    waiting = numbers(result([INF], log=log_of([(50, 0.0, True)])), quiet)
    assert (waiting["review_expired"], waiting["review_waiting"], waiting["review_wait_hours"]) == (0, 1, None)
    expired = numbers(result([INF], log=log_of([(50, 0.0, True)], [(0, REVIEW, 5.0, EXPIRED)])), quiet)
    assert (expired["review_expired"], expired["review_waiting"], expired["review_wait_hours"]) == (1, 0, None)
    without = numbers(result([INF], log=log_of([(50, 0.0, True)])), quiet, "grooming_alerts")  # has no review
    assert {without[name] for name in ("review_expired", "review_waiting", "review_wait_hours")} == {None}


def test_child_months(model: WorldModel, numbers: Callable[..., dict[str, Any]]) -> None:
    """Thousands: all children for 181 days of months of 30.4375 days."""
    found = numbers(result([INF]), result([INF]))["child_months"]
    assert found == pytest.approx(model.children.total * model.scenario.period.days / 30.4375 / 1000)


def test_every_metric_of_an_arm_is_in_the_catalogue_and_the_other_way_round(
    numbers: Callable[..., dict[str, Any]],
) -> None:
    known = {metric.name for metric in METRICS.values() if metric.subject == "arm" and metric.estimator != "ratio"}
    assert set(numbers(result([INF]), result([INF]))) == known
    sums = {
        name
        for metric in METRICS.values()
        if metric.subject == "arm"
        for name in (metric.numerator, metric.denominator)
        if name
    }
    assert sums <= known and {f"{rung}s" for rung in LADDER} <= known
