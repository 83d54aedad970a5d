"""Desks by hand: staff by time of day, what happens at a shift's end, and who is served first."""

from __future__ import annotations

from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simharness.response.queues import Desk, staff_by_time
from simharness.scenario.response import Shift

H = 3600.0
DAY = 24 * H


def shift(begins: float, ends: float, staff: int) -> Shift:
    return Shift.model_validate({"begins": f"{begins}h", "ends": f"{ends}h", "staff": staff})


def steps(*shifts: Shift, scale: float = 1.0) -> list[tuple[float, int]]:
    return [(time / H, staff) for time, staff in staff_by_time(shifts, scale)]


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ([(9, 17, 20)], [(0, 0), (9, 20), (17, 0)]),
        ([(0, 24, 3)], [(0, 3)]),
        ([(22, 6, 4)], [(0, 4), (6, 0), (22, 4)]),  # over midnight
        ([(16, 24, 5)], [(0, 0), (16, 5)]),
        ([(0, 8, 20), (8, 16, 60), (16, 24, 60)], [(0, 20), (8, 60)]),  # the flagship's; no step where nothing changes
        ([(8, 14, 2), (12, 20, 3)], [(0, 0), (8, 2), (12, 5), (14, 3), (20, 0)]),  # overlapping shifts add up
        ([(20, 4, 2), (0, 8, 1)], [(0, 3), (4, 1), (8, 0), (20, 2)]),
        ([(7, 7, 2)], [(0, 2)]),  # from seven to seven: around the clock
    ],
)
def test_staff_by_time(shifts: list[tuple[float, float, int]], expected: list[tuple[float, int]]) -> None:
    assert steps(*(shift(*one) for one in shifts)) == expected


@pytest.mark.parametrize(("scale", "staff"), [(1.0, 20), (0.5, 10), (0.13, 3), (0.02, 1), (1e-6, 1), (2.0, 40)])
def test_staff_is_scaled_and_at_least_one_a_shift(scale: float, staff: int) -> None:
    assert steps(shift(9, 17, 20), scale=scale) == [(0, 0), (9, staff), (17, 0)]


def served(
    staff: list[tuple[float, int]], cases: list[tuple[float, float]], priorities: list[int] | None = None
) -> list[tuple[float, float]]:
    """(begun, ended) in hours of each case, given as (arrives, takes) in hours."""
    env = simpy.Environment()
    desk = Desk(env, [(time * H, people) for time, people in staff])
    out = [(-1.0, -1.0)] * len(cases)

    def one(number: int, arrives: float, takes: float) -> Any:
        yield env.timeout(arrives * H)
        with desk.request(priorities[number] if priorities else 0) as person:
            yield person
            begun = env.now
            yield env.timeout(takes * H)
        out[number] = (begun / H, env.now / H)

    for number, (arrives, takes) in enumerate(cases):
        env.process(one(number, arrives, takes))
    env.run(until=30 * DAY)
    return out


NINE_TO_FIVE = [(0.0, 0), (9.0, 1), (17.0, 0)]


def test_nobody_begins_outside_a_shift_and_a_case_in_hand_is_finished() -> None:
    cases = [(3, 1), (16.5, 2), (16.6, 1), (23, 1), (40.9, 0.5), (41, 0.5)]
    assert served(NINE_TO_FIVE, cases) == [
        (9, 10),
        (16.5, 18.5),  # finished after the shift
        (33, 34),  # still waiting at 17:00: the next morning, not at 18:30
        (34, 35),
        (pytest.approx(40.9), pytest.approx(41.4)),
        (57, 57.5),  # arrives as the shift ends
    ]


def test_a_case_longer_than_the_night_keeps_its_person_from_the_next_shift() -> None:
    assert served(NINE_TO_FIVE, [(16, 20), (17, 1)]) == [(16, 36), (36, 37)]


def test_staff_is_shared_by_those_on_duty_only() -> None:
    three_then_one = [(0.0, 3), (8.0, 1)]
    assert served(three_then_one, [(7, 4), (7.5, 4), (8, 1), (8, 1), (24, 1), (24, 1), (24, 1)]) == [
        (7, 11),
        (7.5, 11.5),
        # Of three, two are in hand and the third goes home: the one who finishes at 11 follows, the last stays.
        (11.5, 12.5),
        (12.5, 13.5),
        (24, 25),
        (24, 25),
        (24, 25),
    ]


def test_a_night_shift_runs_on_past_midnight() -> None:
    night = [(0.0, 1), (6.0, 0), (22.0, 1)]
    assert served(night, [(5, 2), (5.5, 1), (22.5, 3), (25, 1)]) == [(5, 7), (22, 23), (23, 26), (26, 27)]


def test_first_come_first_served_and_priority_before_that() -> None:
    cases = [(0, 10), (1, 1), (2, 1), (3, 1), (4, 1)]
    assert [begun for begun, _ in served([(0.0, 1)], cases)] == [0, 10, 11, 12, 13]
    assert [begun for begun, _ in served([(0.0, 1)], cases, [1, 1, 1, 0, 0])] == [0, 12, 13, 10, 11]


def test_the_same_every_day_for_a_month() -> None:
    begun = [one for one, _ in served(NINE_TO_FIVE, [(24 * day + 8, 0.25) for day in range(29)])]
    assert begun == [24 * day + 9 for day in range(29)]


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(
    shifts=st.lists(st.tuples(st.integers(0, 23), st.integers(0, 24), st.integers(1, 3)), min_size=1, max_size=3),
    cases=st.lists(st.tuples(st.integers(0, 240), st.integers(1, 60)), min_size=1, max_size=25),
)
def test_any_shifts_and_any_cases(shifts: list[tuple[int, int, int]], cases: list[tuple[int, int]]) -> None:
    """A case begins only with a person on duty who is free, in order of arrival, and as soon as there is one."""
    staff = staff_by_time([shift(*one) for one in shifts], 1.0)
    # In fifths of an hour and a little more, so that nothing but a case that waited begins at the edge of a shift.
    asked = sorted((arrives / 5 + 0.03, takes / 5 + 0.001) for arrives, takes in cases)
    done = served([(time / H, people) for time, people in staff], asked)
    served_ = [(arrives, *times) for (arrives, _), times in zip(asked, done, strict=True) if times[0] >= 0]
    assert [begun for _, begun, _ in served_] == sorted(begun for _, begun, _ in served_)
    assert len(served_) == len(asked) or served_[-1][2] > 28 * 24  # the others are still waiting

    def on_duty(hour: float) -> int:
        return [people for time, people in staff if time <= hour * H % DAY][-1]

    def in_hand(hour: float) -> int:
        return sum(begun <= hour < ended for _, begun, ended in served_)

    for _, begun, _ in served_:
        assert in_hand(begun + 1e-6) <= on_duty(begun + 1e-6)
    moments = [ended for _, _, ended in served_] + [arrives for arrives, _, _ in served_]
    moments += [24 * day + time / H for day in range(12) for time, _ in staff]
    for moment in moments:
        if any(arrives <= moment and begun > moment + 1e-6 for arrives, begun, _ in served_):
            assert in_hand(moment + 1e-6) >= on_duty(moment + 1e-6)
