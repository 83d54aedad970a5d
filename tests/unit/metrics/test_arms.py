"""What an arm came to, worked by hand: conversation by conversation against the comparator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simharness.metrics.arms import COUNTED, arm_numbers, changes, lead_time
from simharness.metrics.catalogue import METRICS
from simharness.metrics.catalogue_costs import COST_METRICS
from simharness.metrics.catalogue_harm import HARM_METRICS
from simharness.metrics.desks import desk_numbers
from simharness.outcomes.cell import Cell
from simharness.records import LADDER, Truth
from simharness.response.arm import ArmResult
from simharness.response.coverage import Regulation
from simharness.response.log import ENDED, REPEATED, SHADOW, TAKEN, ArmLog
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


def result(
    cut: list[float],
    outcomes: Any = None,
    recorded: Any = None,
    log: ArmLog | None = None,
    start: list[float] | None = None,
    regulation: Regulation = Regulation(),  # noqa: B008
) -> ArmResult:
    n = len(cut)
    never = np.full((n, 4), INF)
    ladder = never if outcomes is None else np.array(outcomes)
    seen = np.full(n, INF) if recorded is None else np.array(recorded)
    begun, closed = np.array(start or [0.0] * n), np.full(n, INF)
    return ArmResult(ladder, seen, np.array(cut), begun, log or ArmLog(), regulation, closed)


def days(*numbers: float) -> list[float]:
    return [number * DAY_S for number in numbers]


def test_lead_time_by_hand() -> None:
    """Both act on the first and the last: leads of 5 and -2 days. The comparator never reaches the second."""
    arm = np.array([*days(10, 5), -INF, INF, *days(20)])
    base = np.array([*days(15), INF, *days(30, 1, 18)])
    assert lead_time(arm, base, HORIZON) == {"lead_time_days": 1.5, "only_this_arm_acts": pytest.approx(1 / 3)}


def test_a_contact_the_comparator_never_lets_be_made_has_no_time_of_action() -> None:
    assert lead_time(np.array(days(10)), np.array([-INF]), HORIZON) == {
        "lead_time_days": None,
        "only_this_arm_acts": 1.0,
    }


def test_lead_time_is_undefined_where_an_arm_never_acts() -> None:
    nothing = {"lead_time_days": None, "only_this_arm_acts": None}
    assert lead_time(np.array([INF, -INF]), np.array(days(1, 2)), HORIZON) == nothing
    assert lead_time(np.array([]), np.array([]), HORIZON) == nothing


def test_an_arm_against_itself_has_no_lead() -> None:
    arm = np.array([*days(3), INF])
    assert lead_time(arm, arm, HORIZON) == {"lead_time_days": None, "only_this_arm_acts": None}


def test_actions_at_the_same_moment_are_no_lead() -> None:
    """Two conversations cut by the same report in both arms, one three days earlier, one by this arm alone."""
    found = lead_time(np.array(days(3, 5, 7, 9)), np.array([*days(3, 5, 10), INF]), HORIZON)
    assert found == {"lead_time_days": 3.0, "only_this_arm_acts": 0.5}


def log_of(alerts: list[tuple[int, float, bool]]) -> ArmLog:
    log = ArmLog()
    for conversation, raised, right in alerts:
        log.alert(conversation, raised, right, 0.5)
    return log


@pytest.fixture(scope="module")
def numbers(model: WorldModel) -> Callable[..., dict[str, Any]]:
    """``numbers(arm, base, name="trained_moderators", children=..., planned=all)``: metrics as if of that arm."""

    def made(
        arm: ArmResult,
        base: ArmResult,
        name: str = "trained_moderators",
        children: list[int] | None = None,
        planned: int | None = None,
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
        return arm_numbers(model, Cell(0, 1, contacts, truth, n if planned is None else planned, {}, arms), name)

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


def test_substitutes_are_counted_by_what_becomes_of_them(numbers: Callable[..., dict[str, Any]]) -> None:
    """Two planned contacts, then their substitutes: the first ends and is replaced, with an offence the base has not.

    A substitute that was not brought about has no action, and one that was ended has no lead: it was never planned.
    """
    ladder = [[5.0, INF, INF, INF], *[[INF] * 4] * 3]
    base = result([INF, *days(9, 20), INF], ladder, start=[0.0, 0.0, *days(15), INF])
    arm = result(
        [*days(2), -INF, *days(7), INF],
        [[INF] * 4, [INF] * 4, [8.0, INF, INF, INF], [INF] * 4],
        start=[0.0, INF, 6.0, INF],
    )
    found = numbers(arm, base, planned=2)
    expected = {
        "substitutes": 1,
        "contacts_never_made": 1,
        "offences": 1,
        "offences_prevented": 1,
        "offences_made_worse": 1,
        "children_harmed": 1,
        "children_protected": 1,
        "children_made_worse": 1,
        "lead_time_days": None,
        "only_this_arm_acts": 1.0,
    }
    assert {name: found[name] for name in expected} == expected


def test_a_child_in_two_conversations_can_be_spared_and_made_worse(numbers: Callable[..., dict[str, Any]]) -> None:
    base = result([INF] * 2, [[5.0, INF, INF, INF], [INF] * 4])
    arm = result([INF] * 2, [[INF] * 4, [5.0, INF, INF, INF]])
    found = numbers(arm, base, children=[8, 8])
    assert (found["children_protected"], found["children_made_worse"], found["children_harmed"]) == (1, 1, 1)


def test_hours_of_reviewers_police_and_exposure(numbers: Callable[..., dict[str, Any]]) -> None:
    log = ArmLog()
    for name, worked, exposed in (("moderators", 7200.0, 1800.0), ("hotline", 3600.0, 900.0), ("police", 1800.0, 0.0)):
        each = log.numbers[log.desk(name)]
        each.worked_s, each.exposed_s = worked, exposed
    found = numbers(result([INF], log=log), result([INF]))
    names = ("review_hours", "police_hours", "human_hours", "exposure_hours")
    assert [found[name] for name in names] == [3.0, 0.5, 3.5, 0.75]


def test_only_actions_taken_count_and_those_too_late_beside_them(numbers: Callable[..., dict[str, Any]]) -> None:
    log = log_of([(50, 0.0, True)])
    for effect in (TAKEN, TAKEN, SHADOW, ENDED, ENDED, ENDED, REPEATED):
        log.action(0, "alert_child", 1.0, effect)
    found = numbers(result([INF], log=log), result([INF]))
    assert (found["actions"], found["actions_too_late"]) == (2, 3)


def test_counts_of_the_log_and_the_regulator(numbers: Callable[..., dict[str, Any]]) -> None:
    log = ArmLog()
    for place, name in enumerate(COUNTED):
        log.counts[name] = 10 + place
    found = numbers(result([INF], log=log, regulation=Regulation(6, 4, 2)), result([INF]))
    assert {name: found[name] for name in COUNTED} == {name: 10 + place for place, name in enumerate(COUNTED)}
    assert (found["audits"], found["audits_found"], found["sanctions"]) == (6, 4, 2)


def test_the_longest_silence(model: WorldModel, numbers: Callable[..., dict[str, Any]]) -> None:
    """Between the period's beginning, the alerts, and its end; alerts need not be in order of time."""
    quiet, end = result([INF]), model.scenario.period.days
    assert numbers(quiet, quiet)["longest_silence_days"] is None

    def silence(*raised: float) -> float:
        log = log_of([(1 << 63, day * DAY_S, False) for day in raised])
        return float(numbers(result([INF], log=log), quiet)["longest_silence_days"])

    assert silence(100.0, 90.0) == 90.0
    assert silence(1.0) == end - 1
    assert silence(*np.arange(0.0, end, 2.0), end - 0.5) == 2.0


def test_alerts_raised_twice_at_once(numbers: Callable[..., dict[str, Any]]) -> None:
    """Of right alerts: the same conversation and moment; harmless ones share ids and times without being one."""
    right = [(50, 1.0, True), (50, 1.0, True), (50, 1.0, True), (50, 2.0, True), (40, 1.0, True)]
    log = log_of([*right, (1 << 63, 1.0, False), (1 << 63, 1.0, False)])
    assert numbers(result([INF] * 2, log=log), result([INF] * 2))["duplicate_alerts"] == 2


def test_nobody_is_harmed_twice_by_the_same_thing() -> None:
    log = ArmLog()
    assert [log.once("benign_read", whom) for whom in ((1, 0), (1, 0), (1, 1))] == [True, False, True]
    assert log.once("wrong_suspensions", (1, 0))
    assert (log.counts["benign_read"], log.counts["wrong_suspensions"]) == (2, 1)


def test_undefined_is_none_and_nothing_is_0(numbers: Callable[..., dict[str, Any]]) -> None:
    quiet = result([INF])
    found = numbers(quiet, quiet)
    undefined = {"lead_time_days", "only_this_arm_acts", "longest_silence_days"}
    assert {name for name, value in found.items() if value is None} == undefined
    assert {name for name, value in found.items() if value} == {"child_months"}


def test_child_months(model: WorldModel, numbers: Callable[..., dict[str, Any]]) -> None:
    """Thousands: all children for 181 days of months of 30.4375 days."""
    found = numbers(result([INF]), result([INF]))["child_months"]
    assert found == pytest.approx(model.children.total * model.scenario.period.days / 30.4375 / 1000)


def test_every_metric_of_an_arm_is_in_the_catalogue_and_the_other_way_round(
    numbers: Callable[..., dict[str, Any]],
) -> None:
    elsewhere = {metric.name for metric in [*COST_METRICS, *HARM_METRICS]} | {"desk_backlog", "desk_backlog_largest"}
    known = {metric.name for metric in METRICS.values() if metric.subject == "arm" and metric.estimator != "ratio"}
    known -= elsewhere
    by_desk = {name for name, _, _ in desk_numbers(ArmLog(), True)}
    log = ArmLog()
    log.desk("police")
    by_desk |= {name for name, _, _ in desk_numbers(log, True)}
    whole = set(numbers(result([INF]), result([INF])))
    assert whole | by_desk == known and not whole & by_desk
    sums = {
        name
        for metric in METRICS.values()
        if metric.subject == "arm"
        for name in (metric.numerator, metric.denominator)
        if name and metric.name not in elsewhere
    }
    assert sums <= known and {f"{rung}s" for rung in LADDER} <= known
