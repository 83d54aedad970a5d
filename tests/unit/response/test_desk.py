"""Desks by hand, in hours: who is served when and by whom, and what shifts, hand-overs and locks do to work in hand.

Every path here is stepped through event by event, and what each shift has in hand between two events is noted and held
against the clock: nobody works outside a shift, no one has two cases, and nobody is idle while somebody waits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest
import simpy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simharness.response.cases import later
from simharness.response.desk import ANYONE, Desk, Group, Host, Key, Ticket, keep_shifts
from simharness.response.staff import weekly_changes
from simharness.scenario.queues import WEEKDAYS, Shift

H = 3600.0
MONDAY = 0
Span = tuple[str, int, float, float]  # case, number of the shift, from, to


def shift(begins: float, ends: float, staff: int = 1, days: Sequence[str] = WEEKDAYS) -> Shift:
    return Shift.model_validate({"begins": f"{begins}h", "ends": f"{ends}h", "staff": staff, "days": list(days)})


ALWAYS = shift(0, 24)
NINE_TO_FIVE = shift(9, 17)


@dataclass
class Case:
    """Times in hours; ``takes``: of work, for the best tier."""

    name: str
    arrives: float
    takes: float
    key: Key = ()  # (): first come, first served
    tier: int = ANYONE
    locks: list[float] = field(default_factory=list)  # hours of claims that come to nothing
    unseen: bool = False  # nobody takes it up after a lock
    second: Case | None = None  # its second reading
    gone: float = math.inf  # nobody need read it from then on


class Hosted(Host):
    """A desk and its host. Cases are put at their times; ``spans`` is who had what in hand between events."""

    def __init__(self, shifts: Sequence[Shift], tiers: Sequence[int] = (), slow: float = 1.0) -> None:
        self.env = simpy.Environment()
        self.slow = slow
        at_first, changes = weekly_changes(shifts, MONDAY)
        numbered = [(one, one.staff, tiers[place] if tiers else 0) for place, one in enumerate(shifts)]
        self.desk = Desk(self.env, numbered, at_first, self)
        keep_shifts(self.env, [self.desk], changes)
        self.shifts = shifts
        self.tickets: dict[str, Ticket] = {}
        self.ended: dict[str, float] = {}
        self.spans: list[Span] = []

    def effort(self, ticket: Ticket, group: Group) -> float:
        return float(ticket.subject.takes * H * (self.slow if group.tier else 1.0))

    def refuses(self, ticket: Ticket) -> bool:
        if ticket.claims or ticket.subject.gone * H > self.env.now:
            return False
        self.desk.take_away(ticket, ticket.subject.gone * H)
        self.ended[ticket.subject.name] = ticket.subject.gone
        return True

    def locked(self, ticket: Ticket) -> float:
        locks = ticket.subject.locks
        return locks.pop(0) * H if locks and ticket.left == 1.0 else 0.0

    def unlocked(self, ticket: Ticket) -> bool:
        return not ticket.subject.unseen

    def finished(self, ticket: Ticket, group: Group) -> None:
        second = ticket.subject.second
        self.ended[ticket.subject.name] = self.env.now / H
        if second is not None:
            ticket.subject, ticket.tier, ticket.left = second, second.tier, 1.0
            self.desk.put(ticket)

    # -- a path --------------------------------------------------------------------------------------------------------
    def run(self, cases: Sequence[Case], until: float) -> Hosted:
        def source() -> Any:
            for case in sorted(cases, key=lambda case: case.arrives):
                if case.arrives * H > self.env.now:
                    yield self.env.timeout(case.arrives * H - self.env.now)
                ticket = Ticket(case, case.key or (self.env.now,), self.env.now, tier=case.tier)
                self.tickets[case.name] = ticket
                self.desk.put(ticket)

        self.env.process(source())
        while self.env.peek() < until * H:
            self._note(self.env.now, self.env.peek())
            self.env.step()
        self._note(self.env.now, until * H)
        self.env.run(until=until * H)
        return self

    def _note(self, begins: float, ends: float) -> None:
        if ends - begins < 1e-6:
            return
        desk, middle = self.desk, (begins + ends) / 2
        for number, group in enumerate(desk.groups):
            works = on_duty(self.shifts[number], middle)
            assert len(group.in_hand) <= (self.shifts[number].staff if works else 0)
            assert group.duty == works
            self.spans += [(one.subject.name, number, begins / H, ends / H) for one in group.in_hand]
            may = [one for one in self.tickets.values() if self._waits(one) and one.tier in (ANYONE, group.tier)]
            assert not may or group.free == 0
        assert desk.waiting == sum(map(self._waits, self.tickets.values()))

    def _waits(self, ticket: Ticket) -> bool:
        return ticket.waiting_since < math.inf

    def work(self, name: str) -> list[tuple[int, float, float]]:
        """(number of the shift, from, to) of the work on a case, in hours, joined where it goes on."""
        out: list[tuple[int, float, float]] = []
        for one, number, begins, ends in self.spans:
            if one == name:
                if out and out[-1][0] == number and out[-1][2] == begins:
                    out[-1] = (number, out[-1][1], ends)
                else:
                    out.append((number, begins, ends))
        return out

    def times(self, *names: str) -> list[tuple[float, float]]:
        """(first claim, end) in hours."""
        return [(self.tickets[name].started_s / H, self.ended.get(name, math.nan)) for name in names]


def on_duty(shift: Shift, time: float) -> bool:
    """By the calendar: a shift that began today or yesterday is not over."""
    length = (shift.ends - shift.begins) % 86400 or 86400
    day = int(time // 86400)
    return any(
        WEEKDAYS[began % 7] in shift.days and 0 <= time - (began * 86400 + shift.begins) < length
        for began in (day, day - 1)
    )


def served(shifts: Sequence[Shift], cases: Sequence[tuple[float, float]], until: float = 400) -> Any:
    """(first claim, end) of each case, given as (arrives, takes)."""
    named = [Case(str(number), *case) for number, case in enumerate(cases)]
    return Hosted(shifts).run(named, until).times(*(case.name for case in named))


# -- shifts ------------------------------------------------------------------------------------------------------------


def test_a_case_waits_for_the_shift() -> None:
    assert served([NINE_TO_FIVE], [(3, 2), (10, 1), (18, 1)]) == [(9, 11), (11, 12), (33, 34)]


def test_shifts_by_weekday() -> None:
    weekdays = shift(9, 17, days=["mon", "tue", "fri"])
    assert served([weekdays], [(40.5, 1), (42, 1)], 200) == [(40.5, 105.5), (105.5, 106.5)]  # Tuesday to Friday


def test_past_midnight() -> None:
    night = shift(22, 6)
    assert served([night], [(5, 0.5), (7, 4), (23, 1)]) == [(5, 5.5), (22, 26), (26, 27)]


def test_work_is_handed_back_and_goes_on_where_it_was() -> None:
    desk = Hosted([NINE_TO_FIVE]).run([Case("a", 15, 11), Case("b", 15.5, 1)], 100)
    assert desk.work("a") == [(0, 15, 17), (0, 33, 41), (0, 57, 58)]  # two hours on Monday, eight, one
    ticket = desk.tickets["a"]
    assert (ticket.claims, ticket.started_s, ticket.claimed_s) == (3, 15 * H, 57 * H)
    assert ticket.worked_s == 11 * H
    assert ticket.waited_s == 32 * H  # two nights
    assert desk.times("b") == [(58, 59)]


def test_work_handed_back_takes_its_place_by_its_key() -> None:
    first = Case("a", 15, 4, key=(2.0,))
    desk = Hosted([NINE_TO_FIVE]).run([first, Case("urgent", 18, 1, key=(1.0,)), Case("c", 19, 1, key=(3.0,))], 100)
    assert desk.work("a") == [(0, 15, 17), (0, 34, 36)]
    assert desk.times("urgent", "c") == [(33, 34), (36, 37)]


def test_hand_over_to_the_next_shift_at_the_same_moment() -> None:
    desk = Hosted([shift(17, 24), NINE_TO_FIVE]).run([Case("a", 15, 4), Case("b", 16, 1)], 48)
    assert desk.work("a") == [(1, 15, 17), (0, 17, 19)]
    assert desk.tickets["a"].waited_s == 0.0
    assert desk.times("b") == [(19, 20)]


def test_a_hand_over_is_in_order_of_urgency() -> None:
    """Two hand back, one comes: the more urgent goes on, though the other was in hand first."""
    desk = Hosted([shift(9, 17, 2), shift(17, 24)])
    desk.run([Case("a", 10, 8, key=(2.0,)), Case("b", 11, 8, key=(1.0,))], 24)
    assert desk.work("b") == [(0, 11, 17), (1, 17, 19)]
    assert desk.work("a") == [(0, 10, 17), (1, 19, 20)]


def test_a_shift_that_overlaps_takes_nothing_from_those_at_work() -> None:
    desk = Hosted([shift(9, 17), shift(16, 20)]).run([Case("a", 15, 3), Case("b", 15.5, 2)], 48)
    assert desk.work("b") == [(1, 16, 18)]
    assert desk.work("a") == [(0, 15, 17), (1, 18, 19)]  # handed back at five, when nobody is free


@pytest.mark.parametrize(
    "case",
    [Case("a", 9, 8), Case("a", 8, 8), Case("a", 15, 2)],
    ids=["begun as the shift begins", "waited for it", "begun later"],
)
def test_a_case_that_ends_exactly_at_the_end_of_the_shift(case: Case) -> None:
    """It is done, and whoever did it takes nothing new in the moment in which they leave."""
    desk = Hosted([NINE_TO_FIVE]).run([case, Case("next", 16, 1, key=(99 * H,))], 48)
    assert desk.ended["a"] == 17 and desk.tickets["a"].claims == 1
    assert desk.tickets["a"].worked_s == case.takes * H
    assert desk.times("next") == [(33, 34)] and desk.tickets["next"].claims == 1


def test_shifts_that_end_together_take_nothing_from_each_other() -> None:
    """A first reading ends as everybody leaves; whoever could read it again, and has nothing in hand, leaves too."""
    desk = Hosted([NINE_TO_FIVE, NINE_TO_FIVE], tiers=[1, 0])
    desk.run([Case("other", 15, 1), Case("a", 15, 2, second=Case("a2", 0, 1, tier=0))], 48)
    assert desk.work("a") == [(0, 15, 17)] and desk.work("a2") == [(1, 33, 34)]
    assert desk.tickets["a"].claims == 2


def test_a_case_that_comes_as_the_shift_ends_or_begins() -> None:
    assert served([NINE_TO_FIVE], [(17, 1), (33, 1)]) == [(33, 34), (34, 35)]


def test_round_the_clock_nothing_is_handed_back() -> None:
    desk = Hosted([shift(7, 7)]).run([Case("a", 5, 60)], 100)
    assert desk.work("a") == [(0, 5, 65)] and desk.tickets["a"].claims == 1


def test_the_same_every_day_for_a_month() -> None:
    begun = [one for one, _ in served([NINE_TO_FIVE], [(24 * day + 8, 0.25) for day in range(29)], 29 * 24)]
    assert begun == [24 * day + 9 for day in range(29)]


def test_hours_of_a_shift() -> None:
    night = Group(shift(22, 6), 0, 1, True)
    assert [night.hours(hour * H) for hour in (22, 23.5, 27, 46)] == [0, 1.5, 5, 0]
    # Not a day, where the last bit of a sum of times puts the moment of beginning before itself.
    odd = Group(shift(0.821, 6), 0, 1, True)
    assert max(odd.hours(day * 86400.0 + odd.shift.begins) for day in range(60)) == 0.0


# -- order -------------------------------------------------------------------------------------------------------------


def test_by_key_and_of_equal_keys_by_number() -> None:
    cases = [Case("first", 0, 10, key=(9.0,))]
    cases += [Case(name, 1, 1, key=(key,)) for name, key in (("a", 2.0), ("b", 1.0), ("c", 2.0), ("d", 1.0))]
    desk = Hosted([ALWAYS]).run(cases, 48)
    assert desk.times("first", "a", "b", "c", "d") == [(0, 10), (12, 13), (10, 11), (13, 14), (11, 12)]


def test_what_has_waited_long_enough_goes_first() -> None:
    """From five hours on. Of two of them the older goes first, whatever their keys."""
    cases = [Case("first", 0, 6, key=(0.0,)), Case("old", 1, 1, key=(9.0,)), Case("older", 0.5, 1, key=(8.0,))]
    cases += [Case("urgent", 5, 1, key=(1.0,)), Case("young", 5.5, 1, key=(7.0,))]
    desk = Hosted([ALWAYS])
    desk.desk.ageing = 5 * H
    assert desk.run(cases, 48).times("older", "old", "urgent", "young") == [(6, 7), (7, 8), (8, 9), (9, 10)]
    never = Hosted([ALWAYS]).run(cases, 48)
    assert never.times("urgent", "young", "older", "old") == [(6, 7), (7, 8), (8, 9), (9, 10)]


def test_a_new_stamp_changes_the_place() -> None:
    desk = Hosted([ALWAYS])
    cases = [Case("first", 0, 4, key=(0.0,))]
    cases += [Case(name, 1, 1, key=(float(key),)) for key, name in enumerate("abc", 1)]

    def stamp(name: str, at: float, key: float) -> Any:
        yield desk.env.timeout(at * H)
        desk.desk.restamp(desk.tickets[name], (key,))

    for stamped in (("a", 2, 9.0), ("c", 3, 0.5), ("first", 3, 9.0), ("c", 4.5, 99.0)):  # some of them in hand by then
        desk.env.process(stamp(*stamped))
    desk.run(cases, 48)
    assert desk.times("first", "c", "b", "a") == [(0, 4), (4, 5), (5, 6), (6, 7)]
    assert {ticket.claims for ticket in desk.tickets.values()} == {1}
    assert desk.desk.waited_area == (3 + 4 + 5) * H


def test_a_new_stamp_that_comes_while_in_hand_counts_when_handed_back() -> None:
    desk = Hosted([shift(0, 4)])
    later(desk.env, 2 * H, lambda: desk.desk.restamp(desk.tickets["long"], (9.0,)))
    desk.run([Case("long", 0, 6, key=(0.0,)), Case("other", 1, 1, key=(1.0,))], 48)
    assert desk.times("other", "long") == [(24, 25), (0, 27)]


# -- tiers -------------------------------------------------------------------------------------------------------------


def test_of_several_free_people_the_best_is_asked() -> None:
    desk = Hosted([ALWAYS, ALWAYS], tiers=[1, 0], slow=2.0)
    desk.run([Case("a", 0, 3), Case("b", 1, 3), Case("c", 2, 1), Case("d", 20, 1)], 48)
    assert desk.work("a") == [(1, 0, 3)]
    assert desk.work("b") == [(0, 1, 7)]  # the other takes twice as long
    assert desk.work("c") == [(1, 3, 4)]
    assert desk.work("d") == [(1, 20, 21)]


def test_work_goes_on_at_the_pace_of_whoever_takes_it_up() -> None:
    desk = Hosted([shift(9, 17), shift(17, 24)], tiers=[0, 1], slow=2.0).run([Case("a", 15, 4)], 48)
    assert desk.work("a") == [(0, 15, 17), (1, 17, 21)]  # half done in two hours, the other half in four
    assert desk.tickets["a"].worked_s == 6 * H


def test_a_second_reading_only_for_a_tier() -> None:
    """Whoever reads first takes the next case meanwhile; the expert reads seconds before anything that others could."""
    desk = Hosted([ALWAYS, shift(9, 17)], tiers=[1, 0])
    second = Case("a2", 0, 1, tier=0)
    cases = [Case("a", 0, 2, second=second), Case("b", 1, 9), Case("c", 2, 1)]
    desk.run(cases, 48)
    assert desk.work("a") == [(0, 0, 2)]
    assert desk.work("b") == [(0, 2, 11)]
    assert desk.work("a2") == [(1, 9, 10)]
    assert desk.work("c") == [(1, 10, 11)]
    assert desk.tickets["a"].claims == 2 and desk.tickets["a"].worked_s == 3 * H


# -- leaving, locks, counts --------------------------------------------------------------------------------------------


def test_one_leaves_without_anybody_noticing() -> None:
    """Its turn comes at five, but it left at two: it waited one hour, and the next is asked at once."""
    desk = Hosted([ALWAYS]).run([Case("a", 0, 5), Case("b", 1, 3, gone=2), Case("c", 3, 1)], 48)
    assert desk.times("a", "c") == [(0, 5), (5, 6)]
    assert desk.tickets["b"].waited_s == 1 * H and desk.tickets["b"].claims == 0
    assert desk.desk.waited_area == (1 + 2) * H


def test_a_claim_that_comes_to_nothing() -> None:
    """The lock keeps nobody from the next case; it then waits again, in its place by key."""
    desk = Hosted([ALWAYS]).run([Case("a", 0, 1, locks=[3.0, 0.5]), Case("b", 1, 4), Case("c", 2, 1)], 48)
    assert desk.work("b") == [(0, 1, 5)]
    assert desk.work("c") == [(0, 5, 6)]  # "a" waits from three on and is locked again from five to half past
    assert desk.work("a") == [(0, 6, 7)]
    ticket = desk.tickets["a"]
    assert (ticket.claims, ticket.started_s, ticket.claimed_s) == (3, 0.0, 6 * H)
    assert (ticket.waited_s, ticket.worked_s) == (2.5 * H, 1 * H)


def test_a_lock_outlasts_the_shift() -> None:
    desk = Hosted([NINE_TO_FIVE]).run([Case("a", 16, 1, locks=[3.0])], 48)
    assert desk.work("a") == [(0, 33, 34)]
    assert desk.tickets["a"].waited_s == 14 * H  # from seven in the evening


def test_a_lock_that_nobody_sees_expire() -> None:
    desk = Hosted([ALWAYS]).run([Case("a", 0, 1, locks=[3.0], unseen=True)], 48)
    assert desk.work("a") == [] and desk.desk.still_here() == []


def test_who_is_still_here_and_the_integrals() -> None:
    desk = Hosted([ALWAYS, NINE_TO_FIVE])
    cases = [Case("hand", 1, 99), Case("lock", 10, 1, locks=[50.0]), Case("other", 11, 99), Case("wait", 20, 1)]
    desk.run(cases, 40)
    assert [ticket.subject.name for ticket in desk.desk.still_here()] == ["hand", "lock", "other", "wait"]
    assert (desk.desk.in_hand, desk.desk.waiting, len(desk.desk.locked)) == (2, 1, 1)
    assert desk.desk.duty_area == (40 + 8 + 7) * H
    assert desk.desk.waited_area == (16 + 20) * H  # "other" in the night, "wait" since it came


# -- against a slow and plain simulation -------------------------------------------------------------------------------


@dataclass
class Plain:
    """A case of the plain simulation; times are whole seconds, or fractions of them."""

    case: Case
    arrives: int
    takes: int
    left: Fraction = Fraction(1)
    claimed: Fraction | None = None
    first: Fraction | None = None
    ended: Fraction | None = None
    claims: int = 0
    hand: int | None = None


def plain(
    shifts: Sequence[Shift], tiers: Sequence[int], slow: int, ageing: float, cases: Sequence[Plain], until: int
) -> list[Plain]:
    """The desk again, from its description alone: at every moment look at everything, by exact arithmetic."""
    times = {day * 86400 + int(edge) for day in range(until // 86400 + 1) for one in shifts for edge in _edges(one)}
    now, came = Fraction(-1), set[int]()
    order = sorted(cases, key=lambda one: one.arrives)

    def end(one: Plain) -> Fraction:
        assert one.claimed is not None and one.hand is not None
        return one.claimed + one.left * one.takes * (slow if tiers[one.hand] else 1)

    while True:
        ends = [end(one) for one in cases if one.hand is not None]
        coming = [one.arrives for one in cases if id(one) not in came]
        moments = [time for time in (*ends, *map(Fraction, coming), *map(Fraction, times)) if time > now]
        if not moments or min(moments) >= until:
            return list(cases)
        now = min(moments)
        kinds = [now in ends, now in coming, now in times]
        assume(sum(kinds) < 2 and coming.count(int(now) if now.denominator == 1 else -1) < 2)  # by hand, above
        duty = [on_duty(one, float(now)) for one in shifts]
        for one in cases:
            if one.hand is not None and end(one) == now:
                one.ended, one.hand = now, None
            elif one.hand is not None and not duty[one.hand]:
                assert one.claimed is not None
                speed = slow if tiers[one.hand] else 1
                one.left, one.hand = one.left - (now - one.claimed) / (one.takes * speed), None
        came |= {id(one) for one in cases if one.arrives == now}
        waiting = [one for one in order if id(one) in came and one.ended is None and one.hand is None]
        for place in sorted(range(len(shifts)), key=lambda place: tiers[place]):
            while duty[place] and sum(one.hand == place for one in cases) < shifts[place].staff:
                own = [one for one in waiting if one.case.tier == tiers[place]]
                mine = own or [one for one in waiting if one.case.tier == ANYONE]
                if not mine:
                    break
                aged = [one for one in mine if now - one.arrives >= ageing]
                taken = aged[0] if aged else min(mine, key=lambda one: one.case.key)  # min: the first of equals
                waiting.remove(taken)
                taken.hand, taken.claimed, taken.claims = place, now, taken.claims + 1
                taken.first = now if taken.first is None else taken.first


def _edges(shift: Shift) -> tuple[float, float]:
    return shift.begins, shift.ends % 86400


SHIFTS = st.lists(
    st.tuples(
        st.integers(0, 23),
        st.integers(0, 24),
        st.integers(1, 2),
        st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True) | st.just(list(WEEKDAYS)),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=3,
)
CASES = st.lists(
    st.tuples(st.integers(0, 500), st.integers(1, 120), st.integers(0, 3), st.sampled_from([ANYONE, ANYONE, 0])),
    min_size=1,
    max_size=12,
)
WEEKS = 15 * 86400 - 901  # no shift begins or ends there: which comes first at the very end would be arbitrary


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(SHIFTS, CASES, st.sampled_from([math.inf, 0.0, 30 * H]), st.sampled_from([1, 2]))
def test_against_a_plain_simulation(
    shifts: list[tuple[int, int, int, list[str], int]],
    drawn: list[tuple[int, int, int, int]],
    ageing: float,
    slow: int,
) -> None:
    """Any shifts, cases, keys, tiers and ageing. Odd seconds keep moments apart whose order is arbitrary."""
    staffed, tiers = [shift(*one[:4]) for one in shifts], [one[4] for one in shifts]
    cases = [
        Plain(Case(str(place), 0, 0, (float(key),), tier), 1800 * arrives + 7 + 13 * place, 997 * takes + 1 + place)
        for place, (arrives, takes, key, tier) in enumerate(drawn)
    ]
    for one in cases:
        one.case.arrives, one.case.takes = one.arrives / H, one.takes / H
    expected = plain(staffed, tiers, slow, ageing, cases, WEEKS)
    desk = Hosted(staffed, tiers, float(slow))
    desk.desk.ageing = ageing
    desk.run([one.case for one in cases], WEEKS / H)
    for one in expected:
        if one.arrives >= WEEKS:
            continue
        ticket = desk.tickets[one.case.name]
        assert ticket.claims == one.claims
        assert ticket.started_s == pytest.approx(math.nan if one.first is None else float(one.first), nan_ok=True)
        ended = math.nan if one.ended is None else float(one.ended) / H
        assert desk.ended.get(one.case.name, math.nan) == pytest.approx(ended, nan_ok=True)
        worked = sum(ends - begins for _, begins, ends in desk.work(one.case.name)) * H
        in_hand = WEEKS - ticket.claimed_s if ticket.group is not None else 0.0
        assert ticket.worked_s + in_hand == pytest.approx(worked, abs=1e-3)
    still = sum(WEEKS - ticket.waiting_since for ticket in desk.tickets.values() if ticket.waiting_since < math.inf)
    desk.desk.still_here()
    assert desk.desk.waited_area == pytest.approx(still + sum(one.waited_s for one in desk.tickets.values()))


# -- more staff --------------------------------------------------------------------------------------------------------


def first_come(staff: int, cases: Sequence[tuple[int, int]]) -> list[float]:
    """Waits in order of arrival; cases as (time since the one before, takes)."""
    arrives, named = 0, []
    for place, (gap, takes) in enumerate(cases):
        arrives += gap
        named.append(Case(str(place), float(arrives), float(takes)))
    desk = Hosted([shift(0, 24, staff)]).run(named, 9000)
    return [desk.tickets[case.name].waited_s for case in named]


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 15)), min_size=1, max_size=30),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_more_staff_never_lets_anybody_wait_longer(cases: list[tuple[int, int]], staff: int, more: int) -> None:
    """Ticket by ticket, with the same arrivals and services.

    First come, first served, the waits of G/G/c follow the vector of Kiefer & Wolfowitz 1955: the work that each person
    still has before them, in ascending order. The next case goes to the smallest, which is its wait, adds its service
    there, and time takes the same from all. Each of these steps keeps the order between two such vectors, component by
    component, and one more person is one more component that begins at zero and pushes none up. It needs that every
    case is worked on, in order of arrival, with a service that does not depend on who does it and when. With finite
    patience it fails, as below: those whom more staff save from waiting too long are work that others then wait for.
    """
    fewer = first_come(staff, cases)
    assert all(one <= other + 1e-6 for one, other in zip(first_come(staff + more, cases), fewer, strict=True))


def test_more_staff_can_lose_a_case_where_patience_is_finite() -> None:
    """Patience ten. One person reads a, c and f; two read everything up to e, are busy with long cases, and lose f."""

    def patient(staff: int) -> dict[str, float]:
        given = {"a": (0, 15), "b": (1, 12), "c": (6, 5), "d": (7, 1000), "e": (9, 1000), "f": (21, 1)}
        cases = [Case(name, *times, gone=times[0] + 10) for name, times in given.items()]
        desk = Hosted([shift(0, 24, staff)]).run(cases, 3000)
        return {name: ticket.started_s / H for name, ticket in desk.tickets.items() if ticket.claims}

    assert patient(1) == {"a": 0, "c": 15, "f": 21}
    assert patient(2) == {"a": 0, "b": 1, "c": 13, "d": 15, "e": 18}
