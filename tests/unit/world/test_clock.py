from __future__ import annotations

import math

import numpy as np
import pytest

from simharness.streams import uniform
from simharness.world.clock import DAY_S, Clock

HOUR = 3600.0
FLAGSHIP = Clock(7.5 * HOUR, 15 * HOUR)  # 07:30 to 22:30
LATE = Clock(10 * HOUR, 15 * HOUR)  # 10:00 to 01:00 of the next day
ALWAYS = Clock(0.0, DAY_S)
CLOCKS = [FLAGSHIP, LATE, ALWAYS, Clock(7 * HOUR + 1, 1234.567)]


@pytest.mark.parametrize(
    ("waking", "wall"),
    [
        (0.0, 7.5 * HOUR),
        (1.0, 7.5 * HOUR + 1),
        (15 * HOUR - 1, 22.5 * HOUR - 1),
        (15 * HOUR, DAY_S + 7.5 * HOUR),  # the last moment of a day is the first of the next
        (31 * HOUR, 2 * DAY_S + 8.5 * HOUR),
    ],
)
def test_hand_worked_times(waking: float, wall: float) -> None:
    assert FLAGSHIP.wall(waking) == wall
    assert FLAGSHIP.waking(wall) == waking


def test_a_waking_day_may_go_on_past_midnight() -> None:
    assert LATE.wall(14.5 * HOUR) == DAY_S + 0.5 * HOUR
    assert LATE.waking(DAY_S + 0.5 * HOUR) == 14.5 * HOUR
    assert LATE.waking(DAY_S + 5 * HOUR) == 15 * HOUR == LATE.waking(DAY_S + 10 * HOUR)


@pytest.mark.parametrize("clock", CLOCKS)
def test_wall_and_waking_are_inverse_and_keep_order(clock: Clock) -> None:
    waking = np.sort(uniform(3, "test.clock", np.arange(2000)) * clock.lasts_s * 200)
    wall = clock.wall(waking)
    assert np.all(np.diff(wall)[np.diff(waking) > 0] > 0)
    np.testing.assert_allclose(clock.waking(wall), waking, rtol=0, atol=1e-6)
    since_begin = (wall - clock.begins_s) % DAY_S
    assert np.all((since_begin <= clock.lasts_s + 1e-6) | (since_begin > DAY_S - 1e-6))


@pytest.mark.parametrize("clock", CLOCKS)
def test_waking_never_runs_backwards(clock: Clock) -> None:
    wall = np.arange(0.0, 4 * DAY_S, 97.0)
    assert np.all(np.diff(clock.waking(wall)) >= 0)


@pytest.mark.parametrize(
    ("wall", "waking"),
    [
        (0.0, 0.0),  # before the first waking day
        (7 * HOUR, 0.0),
        (22.5 * HOUR, 15 * HOUR),  # both ends of a night, and all between, are one waking moment
        (23 * HOUR, 15 * HOUR),
        (DAY_S + 3 * HOUR, 15 * HOUR),
        (DAY_S + 7.5 * HOUR, 15 * HOUR),
    ],
)
def test_night_is_the_nearer_end_of_a_waking_day(wall: float, waking: float) -> None:
    assert FLAGSHIP.waking(wall) == waking


def test_never_stays_never() -> None:
    assert FLAGSHIP.wall(math.inf) == math.inf == FLAGSHIP.waking(math.inf)
    mixed = np.array([0.0, np.inf, 1.0])
    assert FLAGSHIP.wall(mixed).tolist() == [27_000.0, np.inf, 27_001.0]
    assert FLAGSHIP.waking(FLAGSHIP.wall(mixed)).tolist() == [0.0, np.inf, 1.0]


def test_a_number_gives_a_number_and_an_array_an_array() -> None:
    assert type(FLAGSHIP.wall(5.0)) is float and type(FLAGSHIP.waking(5.0)) is float
    assert FLAGSHIP.wall(np.zeros((2, 3))).shape == FLAGSHIP.waking(np.zeros((2, 3))).shape == (2, 3)


def test_a_span_of_days_is_as_many_waking_days() -> None:
    assert FLAGSHIP.waking_span(3 * DAY_S) == 3 * 15 * HOUR
    assert FLAGSHIP.waking_span(HOUR) == HOUR * 15 / 24
    start = 100.0
    moved = FLAGSHIP.wall(start + FLAGSHIP.waking_span(7 * DAY_S))
    assert moved == FLAGSHIP.wall(start) + 7 * DAY_S  # seven days on, at the same time of day
