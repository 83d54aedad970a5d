"""The rules by which an action changes the future, worked by hand and against a slow reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simharness.response.state import (
    CLOSED,
    CONTACT,
    INSTANT_S,
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
    def made(*rows: dict[str, float], clock: Clock = ALWAYS, substitutes: int = 0) -> ArmState:
        contacts, truth, _ = make_contacts(rows or [ONE])
        return new_state(clock, contacts, truth, len(contacts) - substitutes)

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


def test_postponing_stays_on_the_platform(state_of: MakeState) -> None:
    state = state_of()
    state.postpone(0, 55 * H, 24 * H)
    assert outcomes(state) == [20, 50, 84, 124] and state.wall[0, CLOSED] == 104 * H
    assert (state.platform[0], state.moves[0], state.generation[0]) == (0, 0, 1)
    assert state.told[0] == pytest.approx(55 * H)


def test_hastening_shortens_every_gap_to_come_by_the_same_factor(state_of: MakeState) -> None:
    state = state_of()
    state.hasten(0, 40 * H, 0.5)
    assert outcomes(state) == [20, 45, 50, 70]
    assert state.wall[0, REPORTED] == 55 * H and state.wall[0, CLOSED] == 60 * H and state.generation[0] == 1
    state.hasten(0, 48 * H, 0.25)  # an eighth of the natural gaps from here on
    assert outcomes(state) == [20, 45, 48.5, 53.5]


def test_hastening_by_one_changes_no_time(state_of: MakeState) -> None:
    state = state_of()
    state.hasten(0, 40 * H, 1.0)
    assert outcomes(state) == [20, 50, 60, 100]


def test_hastening_in_waking_time(state_of: MakeState) -> None:
    """Waking hours 10 to 14 become two: 17:30 to 19:30 of the first day; the night is as long as ever."""
    state = state_of({"start": 1, "offence": 14, "repeat": 24, "closed": 44}, clock=WAKING)
    state.hasten(0, 17.5 * H, 0.5)
    assert outcomes(state)[:2] == [19.5, 24 + 9.5]  # waking hours 12 and 17


def test_a_place_already_passed_stays_passed_in_a_break(state_of: MakeState) -> None:
    """Held up at 30 for 20 hours: the line lies at 10 then, but the messages up to 30 have been sent."""
    state = state_of()
    state.postpone(0, 30 * H, 20 * H)
    assert [state.natural(0, hour * H) for hour in (30, 49)] == pytest.approx([30 * H] * 2)
    assert state.natural(0, 55 * H) == 35 * H and state.wall_of(0, 35 * H) == 55 * H


def test_bringing_a_substitute_about(state_of: MakeState) -> None:
    """Its course is told from 0; until it begins there is nothing of it."""
    told = {"start": 0, "offence": 5, "reported": 20, "closed": 30}
    state = state_of(ONE, told, substitutes=1)
    assert state.start[1] == np.inf and np.isinf(state.wall[1]).all() and outcomes(state, 1) == [np.inf] * 4
    assert not state.active(1, 50 * H) and not state.happened(1, OFFENCE, MONTH_S)
    state.bring_about(1, 40 * H)
    assert state.start[1] == 40 * H and outcomes(state, 1) == [45, np.inf, np.inf, np.inf]
    assert state.wall[1, REPORTED] == 60 * H and state.wall[1, CLOSED] == 70 * H and state.active(1, 69 * H)
    assert state.wall_of(1, 3 * H) == 43 * H and state.natural(1, 43 * H) == 3 * H
    state.postpone(1, 42 * H, 10 * H)
    assert outcomes(state, 1)[0] == 55 and outcomes(state) == [20, 50, 60, 100]


def test_a_substitute_brought_about_at_night_begins_in_the_morning(state_of: MakeState) -> None:
    state = state_of({"offence": 2, "closed": 30}, clock=WAKING, substitutes=1)
    state.bring_about(0, 24 * H)  # midnight
    assert outcomes(state)[0] == 24 + 9.5


def test_cuts_tell_what_was_never_made_from_what_was_never_meant_to_be(state_of: MakeState) -> None:
    state = state_of(ONE, ONE | {"start": 50}, ONE, ONE, ONE, substitutes=3)
    for row in range(4):
        state.truncate(row, 30 * H)  # the offender of all of them is arrested
    assert list(state.cuts() / H) == [30, -np.inf, np.inf, np.inf, np.inf]
    state.bring_about(4, 40 * H)
    state.suppress(4)  # prevented at that very moment
    assert state.cuts()[4] == -np.inf and outcomes(state, 4) == [np.inf] * 4


class Slow:
    """The same changes made to every message, one by one, in waking seconds."""

    def __init__(self, clock: Clock, natural: list[float]) -> None:
        self.clock, self.natural, self.times = clock, natural, list(natural)

    def change(self, now: float, new: Callable[[float], float]) -> None:
        pending = self.pending(now)
        self.times = [new(time) if late else time for time, late in zip(self.times, pending, strict=True)]

    def pending(self, now: float) -> list[bool]:
        return [self.clock.wall(time) > now + INSTANT_S for time in self.times]


CHANGES = st.tuples(
    st.sampled_from(("postpone", "move", "hasten")), st.floats(0.0, 20.0), st.floats(0.1, 40.0), st.floats(0.05, 1.0)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CHANGES, max_size=6), st.sampled_from((ALWAYS, WAKING)))
def test_any_changes_one_after_the_other_against_a_slow_reference(
    make_contacts: Callable[..., Any], changes: list[Any], clock: Clock
) -> None:
    """Events, the messages to come, and the place reached, in and out of breaks."""
    contacts, truth, _ = make_contacts([ONE])
    state = new_state(clock, contacts, truth, 1)
    events, messages = state.waking[0].tolist(), [(10 + number * 0.7) * H for number in range(100)]
    slow_events, slow = Slow(clock, events), Slow(clock, messages)
    now = 12 * H
    for kind, wait, delay, tempo in changes:
        now += wait * H
        late, here = clock.waking_span(delay * H), clock.waking(now)
        for one in (slow_events, slow):
            if kind == "hasten":
                one.change(now, lambda time, here=here, tempo=tempo: here + tempo * (time - here))
            else:
                one.change(now, lambda time, late=late: time + late)
        if kind == "hasten":
            state.hasten(0, now, tempo)
        elif kind == "postpone":
            state.postpone(0, now, delay * H)
        else:
            state.move(0, now, delay * H, 1)
    np.testing.assert_allclose(state.waking[0], slow_events.times, rtol=1e-12)
    assert state.wall[0].tolist() == clock.wall(state.waking[0]).tolist()
    later = now + 3 * H
    for moment in (now, later):
        coming = slow.pending(moment)
        reached = state.natural(0, moment)
        for natural, time, pending in zip(messages, slow.times, coming, strict=True):
            if pending:
                assert clock.waking(state.wall_of(0, natural)) == pytest.approx(time, abs=1e-5)
            assert (natural > reached) == pending or abs(natural - reached) < 1e-3
    assert (state.moves[0], state.generation[0]) == (sum(one[0] == "move" for one in changes), len(changes))


@given(st.floats(1.0, 400.0), st.floats(0.1, 1.0), st.floats(0.0, 200.0))
def test_places_and_times_are_inverse_to_each_other(
    make_contacts: Callable[..., Any], place: float, tempo: float, late: float
) -> None:
    for clock in (ALWAYS, WAKING):
        contacts, truth, _ = make_contacts([ONE])
        state = new_state(clock, contacts, truth, 1)
        state.hasten(0, 8 * H, tempo)
        state.postpone(0, 9 * H, late * H)
        natural = state.natural(0, 9 * H) + place * H
        assert state.natural(0, state.wall_of(0, natural)) == pytest.approx(natural, rel=1e-9)


def test_rounding_does_not_undo_what_happens_at_this_very_moment(state_of: MakeState) -> None:
    state = state_of()
    state.postpone(0, float(np.nextafter(20 * H, 0.0)), 24 * H)
    assert outcomes(state) == [20, 74, 84, 124]


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
    state = new_state(ALWAYS, contacts, truth, 0)
    assert state.rows_of == {} and state.outcomes(MONTH_S).shape == (0, 4)


def test_one_row_s_actions_leave_the_others(state_of: MakeState) -> None:
    state = state_of(ONE, ONE, ONE, ONE)
    state.truncate(0, 15 * H)
    state.suppress(1)
    state.move(2, 15 * H, 5 * H, 1)
    assert outcomes(state, 3) == [20, 50, 60, 100]
    assert outcomes(state, 2) == [25, 55, 65, 105] and state.wall[2, CONTACT] == 105 * H
