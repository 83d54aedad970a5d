"""Who is on duty when: shifts by weekday as a weekly list of changes, and the process that makes them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

import simpy
from simpy.events import URGENT

from simharness.scenario.queues import WEEKDAYS, Hours
from simharness.world.clock import DAY_S

WEEK_S = 7 * DAY_S
Process = Generator[simpy.Event, Any, Any]
Change = tuple[float, int, bool]  # (seconds into the week, number of the shift, on duty from then on)


def on_duty(shift: Hours, first_weekday: int) -> list[tuple[float, float]]:
    """Times of a week on which a shift is on duty, half-open, in order and not touching.

    The week begins at the first midnight of the period, a day numbered ``first_weekday`` (0 is Monday). Days named are
    those on which the shift begins; what runs past midnight ends on the day after. One that runs over the end of the
    week is given in two parts.
    """
    overnight = shift.ends <= shift.begins
    spans: list[list[float]] = []
    for day in range(-1, 7):
        if WEEKDAYS[(first_weekday + day) % 7] not in shift.days:
            continue
        begins = max(0.0, day * DAY_S + shift.begins)
        # Not begin plus length: the shift that follows begins at the same moment to the last bit.
        ends = min(WEEK_S, (day + overnight) * DAY_S + shift.ends)
        if spans and begins <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], ends)
        elif ends > begins:
            spans.append([begins, ends])
    return [(begins, ends) for begins, ends in spans]


def weekly_changes(shifts: Sequence[Hours], first_weekday: int) -> tuple[list[bool], list[Change]]:
    """Who is on duty as the period begins, and every change of a week, those who leave before those who come.

    A shift that is followed by itself (around the clock) never changes.
    """
    at_first, changes = [], []
    for number, shift in enumerate(shifts):
        spans = on_duty(shift, first_weekday)
        at_first.append(bool(spans) and spans[0][0] == 0.0)
        over_the_end = bool(spans) and spans[-1][1] == WEEK_S and at_first[-1]
        for begins, ends in spans:
            if begins > 0.0 or not over_the_end:
                changes.append((begins, number, True))
            if ends < WEEK_S or not over_the_end:
                changes.append((ends % WEEK_S, number, False))
    return at_first, sorted(changes, key=lambda change: (change[0], change[2], change[1]))


class Moment(simpy.Event):
    """Comes before whatever else is due at its moment: nobody takes up work in the moment in which they leave."""

    def __init__(self, env: simpy.Environment, delay: float) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        env.schedule(self, URGENT, delay)


def work_shifts(
    env: simpy.Environment, changes: Sequence[Change], change: Callable[[Iterable[Change]], None]
) -> Process:
    """Make the changes of every week, all of one moment together; those of the very first moment are left out."""
    times = sorted({time for time, _, _ in changes})
    week = 0
    while True:
        for time in times:
            due = week * WEEK_S + time
            if due > 0.0:
                yield Moment(env, due - env.now)
                change([one for one in changes if one[0] == time])
        week += 1
