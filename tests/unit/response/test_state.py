"""The three rules by which an action changes the future, worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simharness.response.state import (
    CLOSED,
    CONTACT,
    MEETING,
    NEVER_MADE,
    OFFENCE,
    REPEAT,
    REPORTED,
    ArmState,
    new_state,
)
from simharness.world.clock import DAY_S, Clock

H = 3600.0
ALWAYS = Clock(0.0, DAY_S)
WAKING = Clock(7.5 * H, 15 * H)  # 07:30 to 22:30
MONTH_S = 30 * DAY_S
ONE = {"start": 10, "offence": 20, "repeat": 50, "meeting": 60, "contact": 100, "reported": 70, "closed": 80}
MakeState = Callable[..., ArmState]


@pytest.fixture(scope="module")
def state_of(make_contacts: Callable[..., Any]) -> MakeState:
    def made(*rows: dict[str, float], clock: Clock = ALWAYS) -> ArmState:
        contacts, truth, _ = make_contacts(rows or [ONE])
        return new_state(clock, contacts, truth)

    return made


def outcomes(state: ArmState, row: int = 0) -> list[float]:
    return list(state.outcomes(MONTH_S)[row] / H)


def test_the_natural_course_is_the_truth(state_of: MakeState) -> None:
    state = state_of()
    assert outcomes(state) == [20, 50, 60, 100]
    assert state.wall[0, REPORTED] == 70 * H and state.wall[0, CLOSED] == 80 * H
    assert state.start[0] == 10 * H and np.isinf(state.recorded[0]) and np.isinf(state.cut[0])


def test_outcomes_after_the_period_are_not_counted(state_of: MakeState) -> None:
    assert list(state_of().outcomes(60 * H)[0] / H) == [20, 50, np.inf, np.inf]  # the period is half-open


def test_truncating_takes_away_what_lies_after(state_of: MakeState) -> None:
    state = state_of()
    state.truncate(0, 55 * H)
    assert state.cut[0] == 55 * H
    assert outcomes(state) == [20, 50, np.inf, np.inf]
    state.truncate(0, 70 * H)  # a later action changes nothing
    assert state.cut[0] == 55 * H
    state.truncate(0, 15 * H)
    assert outcomes(state) == [np.inf] * 4


def test_what_happens_at_the_moment_of_the_cut_does_not_happen(state_of: MakeState) -> None:
    state = state_of()
    state.truncate(0, 50 * H)
    assert outcomes(state) == [20, np.inf, np.inf, np.inf]
    assert not state.happened(0, REPEAT, 60 * H)


def test_a_conversation_truncated_before_it_begins_is_never_made(state_of: MakeState) -> None:
    early, late = state_of(), state_of()
    early.truncate(0, 10 * H - 1)
    late.truncate(0, 10 * H)
    assert early.cut[0] == NEVER_MADE and late.cut[0] == 10 * H
    assert outcomes(early) == [np.inf] * 4 == outcomes(late)


def test_suppressing_takes_everything_away(state_of: MakeState) -> None:
    state = state_of()
    state.suppress(0)
    assert state.cut[0] == NEVER_MADE and outcomes(state) == [np.inf] * 4
    assert not state.active(0, 15 * H) and not state.happened(0, OFFENCE, MONTH_S)
    state.truncate(0, 15 * H)
    assert state.cut[0] == NEVER_MADE


def test_moving_makes_later_only_what_is_pending(state_of: MakeState) -> None:
    state = state_of()
    state.move(0, 55 * H, 24 * H, 1)
    assert outcomes(state) == [20, 50, 84, 124]
    assert state.wall[0, REPORTED] == 94 * H and state.wall[0, CLOSED] == 104 * H
    assert (state.platform[0], state.moves[0], state.shift[0]) == (1, 1, 24 * H)
    state.move(0, 90 * H, 10 * H, 0)
    assert outcomes(state) == [20, 50, 84, 134]
    assert (state.platform[0], state.moves[0], state.shift[0]) == (0, 2, 34 * H)


def test_a_second_move_in_the_break_delays_once_more_what_the_first_delayed(state_of: MakeState) -> None:
    """Moved at 55 h for 24 h, then at 65 h: the meeting of 60 h fell in the break, so it was and stays pending."""
    state = state_of()
    state.move(0, 55 * H, 24 * H, 1)
    state.move(0, 65 * H, 10 * H, 0)
    assert outcomes(state) == [20, 50, 94, 134]
    assert state.told[0] == pytest.approx(55 * H)  # not 65 - 24 = 41: the message of 50 h has been exchanged


def test_places_in_the_messages_follow_the_moves(state_of: MakeState) -> None:
    state = state_of()
    assert state.told[0] == -np.inf
    state.move(0, 55 * H, 24 * H, 1)
    state.move(0, 100 * H, 24 * H, 0)  # 21 h after the messages went on at 79 h: those up to 76 h of the natural course
    assert state.told[0] == pytest.approx(76 * H, abs=1e-3)


def test_moving_in_waking_time(state_of: MakeState) -> None:
    """Waking days of 15 h: a break of 24 wall hours is one waking day; the events below are in waking hours."""
    row = {"start": 1, "offence": 14, "repeat": 20, "closed": 44}
    state = state_of(row, clock=WAKING)
    assert outcomes(state)[:2] == [21.5, 24 + 12.5]
    state.move(0, 22 * H, 24 * H, 1)  # at 22:00 of the first day
    assert outcomes(state)[:2] == [21.5, 48 + 12.5]
    assert state.waking[0, CLOSED] == 59 * H
    state.move(0, 70 * H, 12 * H, 0)  # at 22:00 of the third day, half a day: 7.5 waking hours
    assert state.waking[0, CLOSED] == 66.5 * H and outcomes(state)[:2] == [21.5, 60.5]


def test_an_event_at_the_very_moment_of_the_move_has_happened(state_of: MakeState) -> None:
    """The message that raises the alert may itself be the offence; turning clocks back and forth must not undo it."""
    waking = [0.1 + place * 1.37 for place in range(200)]  # hours; about a sixth of such times round down on the way
    rows = [{"offence": hours, "closed": 1000.0} for hours in waking]
    state = state_of(*rows, clock=WAKING)
    before = state.wall[:, OFFENCE].copy()
    lost = WAKING.waking(before) < state.waking[:, OFFENCE]
    assert lost.any() and not lost.all()
    for row in range(200):
        state.move(row, float(before[row]), 24 * H, 1)
    assert np.array_equal(state.wall[:, OFFENCE], before)
    assert np.array_equal(state.waking[:, CLOSED], np.full(200, 1015 * H))
    assert np.all(state.told > state.waking[:, OFFENCE]) and np.all(state.told < state.waking[:, OFFENCE] + 0.01)


def test_active_and_happened_at_their_edges(state_of: MakeState) -> None:
    state = state_of()
    assert [state.active(0, hour * H) for hour in (9.99, 10, 79.99, 80)] == [False, True, True, False]
    assert [state.happened(0, OFFENCE, hour * H) for hour in (19.99, 20, 90)] == [False, True, True]
    state.truncate(0, 30 * H)
    assert [state.active(0, hour * H) for hour in (29.99, 30)] == [True, False]
    assert state.happened(0, OFFENCE, 90 * H) and not state.happened(0, MEETING, 90 * H)


def test_rows_of_every_offender(state_of: MakeState) -> None:
    state = state_of(*({"offender": offender} for offender in (3, 1, 3, 2, 1, 3)))
    assert {offender: list(rows) for offender, rows in state.rows_of.items()} == {1: [1, 4], 2: [3], 3: [0, 2, 5]}


def test_a_world_without_contacts(make_contacts: Callable[..., Any]) -> None:
    contacts, truth, _ = make_contacts([])
    state = new_state(ALWAYS, contacts, truth)
    assert state.rows_of == {} and state.outcomes(MONTH_S).shape == (0, 4)


def test_one_row_s_actions_leave_the_others(state_of: MakeState) -> None:
    state = state_of(ONE, ONE, ONE, ONE)
    state.truncate(0, 15 * H)
    state.suppress(1)
    state.move(2, 15 * H, 5 * H, 1)
    assert outcomes(state, 3) == [20, 50, 60, 100]
    assert outcomes(state, 2) == [25, 55, 65, 105] and state.wall[2, CONTACT] == 105 * H
