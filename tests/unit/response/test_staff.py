"""Shifts by hand: who is on duty when in a week, and the process that makes the changes of every week."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simharness.response.staff import WEEK_S, Change, on_duty, weekly_changes, work_shifts
from simharness.scenario.queues import WEEKDAYS, Shift

H = 3600.0
DAY, WEEK = 24, 168
MON, WED, SUN = 0, 2, 6


def shift(begins: float, ends: float, *days: str) -> Shift:
    given = {"begins": f"{begins}h", "ends": f"{ends}h", "staff": 1}
    return Shift.model_validate(given | ({"days": list(days)} if days else {}))


def every_day(begins: float, ends: float) -> list[tuple[float, float]]:
    return [(DAY * day + begins, DAY * day + ends) for day in range(7)]


@pytest.mark.parametrize(
    ("one", "first_weekday", "expected"),
    [
        (shift(9, 17), MON, every_day(9, 17)),
        (shift(9, 17, "mon", "wed"), MON, [(9, 17), (57, 65)]),
        (shift(9, 17, "mon", "wed"), WED, [(9, 17), (129, 137)]),  # the period begins on a Wednesday
        (shift(22, 6, "fri"), MON, [(118, 126)]),  # past midnight: the day named is the one it begins on
        (shift(22, 6, "sun"), MON, [(0, 6), (166, 168)]),  # over the end of the week, in two parts
        (shift(22, 6, "tue"), WED, [(0, 6), (166, 168)]),  # the same where the week begins on a Wednesday
        (shift(22, 6), MON, [(0, 6), *((DAY * day + 22, DAY * day + 30) for day in range(6)), (166, 168)]),
        (shift(0, 24), MON, [(0, WEEK)]),
        (shift(0, 0), MON, [(0, WEEK)]),
        (shift(7, 7), MON, [(0, WEEK)]),  # from seven to seven, every day: around the clock
        (shift(7, 7, "mon", "tue"), MON, [(7, 55)]),  # followed by itself: no break between
        (shift(7, 7, "sun"), MON, [(0, 7), (151, 168)]),
        (shift(16, 24, "sun"), MON, [(160, 168)]),
        (shift(0, 24, "mon"), SUN, [(24, 48)]),
    ],
)
def test_on_duty(one: Shift, first_weekday: int, expected: list[tuple[float, float]]) -> None:
    assert [(begins / H, ends / H) for begins, ends in on_duty(one, first_weekday)] == expected


HOURS = st.integers(0, 4 * DAY)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    begins=st.integers(0, 4 * DAY - 1),
    ends=HOURS,
    days=st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True),
    first=st.integers(0, 6),
)
def test_on_duty_against_the_clock(begins: int, ends: int, days: list[str], first: int) -> None:
    """In quarters of an hour: a moment is on duty if a shift that began today or yesterday is not over."""
    spans = on_duty(shift(begins / 4, ends / 4, *days), first)
    length = (ends - begins) % 96 or 96

    def works(quarter: int) -> bool:
        return any(
            WEEKDAYS[(first + day) % 7] in days and day * 96 + begins <= quarter < day * 96 + begins + length
            for day in (quarter // 96, quarter // 96 - 1)
        )

    for quarter in range(4 * WEEK):
        assert any(one <= (quarter + 0.5) * 900 < other for one, other in spans) == works(quarter)
    assert all(ends < begins for (_, ends), (begins, _) in pairwise(spans))


def changes(*shifts: Shift, first_weekday: int = MON) -> tuple[list[bool], list[tuple[float, int, bool]]]:
    at_first, found = weekly_changes(shifts, first_weekday)
    return at_first, [(time / H, number, duty) for time, number, duty in found]


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ([shift(0, 24)], ([True], [])),  # around the clock: nothing ever changes
        ([shift(7, 7)], ([True], [])),
        ([shift(9, 17, "tue")], ([False], [(33, 0, True), (41, 0, False)])),
        ([shift(22, 6, "sun")], ([True], [(6, 0, False), (166, 0, True)])),  # midnight on Sunday is no change
        ([shift(16, 24, "sun")], ([False], [(0, 0, False), (160, 0, True)])),  # over as the next week begins
        ([shift(0, 8, "mon")], ([True], [(0, 0, True), (8, 0, False)])),
        # Of one moment, those who leave come before those who come, whatever their numbers.
        (
            [shift(17, 20, "mon"), shift(9, 17, "mon")],
            ([False, False], [(9, 1, True), (17, 1, False), (17, 0, True), (20, 0, False)]),
        ),
        (
            [shift(0, 24, "mon"), shift(0, 24, "tue", "wed", "thu", "fri", "sat", "sun")],
            ([True, False], [(0, 1, False), (0, 0, True), (24, 0, False), (24, 1, True)]),
        ),
    ],
)
def test_weekly_changes(shifts: list[Shift], expected: tuple[list[bool], list[Any]]) -> None:
    assert changes(*shifts) == expected


@pytest.mark.parametrize("second", [2807.1, 2814.1, 54000.3])
def test_a_hand_over_is_one_moment_to_the_last_bit(second: float) -> None:
    """Otherwise those who come look late by a rounding error, and work in hand is handed back in between."""
    days = [shift(1.3 / H, second / H), shift(second / H, 1.3 / H)]
    assert days[0].ends == days[1].begins
    _, found = weekly_changes(days, MON)
    assert len({time for time, _, _ in found}) == 2 * 7


def made(shifts: list[Shift], until: float, first_weekday: int = MON) -> list[tuple[float, list[tuple[int, bool]]]]:
    """(hour, changes made at once) until an hour."""
    env = simpy.Environment()
    _, found = weekly_changes(shifts, first_weekday)
    out: list[tuple[float, list[tuple[int, bool]]]] = []

    def note(due: Iterable[Change]) -> None:
        out.append((env.now / H, [(number, duty) for _, number, duty in due]))

    env.process(work_shifts(env, found, note))
    env.run(until=until * H)
    return out


def test_every_week_is_made_alike_but_for_the_first_moment() -> None:
    assert made([shift(0, 8, "mon")], 2 * WEEK + 1) == [
        (8, [(0, False)]),
        (WEEK, [(0, True)]),
        (WEEK + 8, [(0, False)]),
        (2 * WEEK, [(0, True)]),
    ]


def test_changes_of_one_moment_are_made_together() -> None:
    hand_over = [shift(9, 17, "mon"), shift(17, 20, "mon")]
    assert made(hand_over, 2 * DAY) == [(9, [(0, True)]), (17, [(0, False), (1, True)]), (20, [(1, False)])]


def test_a_month_of_days() -> None:
    nine_to_five = made([shift(9, 17)], 28 * DAY)
    assert [hour for hour, _ in nine_to_five] == [DAY * day + hour for day in range(28) for hour in (9, 17)]


def test_changes_come_before_whatever_else_is_due_at_their_moment() -> None:
    """Also what was planned before them: nobody may take up a case in the moment in which they leave."""
    env = simpy.Environment()
    order: list[str] = []

    def plan(at: float, what: str) -> None:
        event = env.timeout(at - env.now)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: order.append(what))

    def change(due: Iterable[Change]) -> None:
        order.append("change")
        if env.now < 17 * H:
            plan(17 * H, "planned at nine")

    _, found = weekly_changes([shift(9, 17, "mon")], MON)
    plan(17 * H, "planned at first")
    env.process(work_shifts(env, found, change))
    env.run(until=DAY * H)
    assert order == ["change", "change", "planned at first", "planned at nine"]


def test_a_week_is_seven_days() -> None:
    assert WEEK_S == WEEK * H
