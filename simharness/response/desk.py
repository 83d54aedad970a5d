"""A desk with staff: who is free takes what is most urgent. On SimPy, with events only where something changes.

An alert (or a case of the police) stays at a desk as a :class:`Ticket`. Work is handed back when a shift ends and goes
on, from where it was, with whoever takes it up: nobody works outside a shift, and no work is lost.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any

import simpy

from simharness.response.staff import Change, work_shifts
from simharness.scenario.queues import Hours
from simharness.world.clock import DAY_S

Key = tuple[float, ...]  # order of service: the smallest first
ANYONE = -1
NEVER = math.inf


@dataclass(slots=True, eq=False)
class Ticket:
    """One subject's stay at one desk. Times in wall seconds; nan: not yet."""

    subject: Any
    key: Key
    entered_s: float
    number: int = 0
    tier: int = ANYONE  # only staff of this tier may take it
    left: float = 1.0  # share of the reading still to be done
    reading: int = 0  # 0: the first
    claims: int = 0
    started_s: float = math.nan  # first claim
    claimed_s: float = math.nan  # last claim
    effort_s: float = 0.0  # of the whole reading, for whoever has it in hand
    worked_s: float = 0.0
    waited_s: float = 0.0
    waiting_since: float = NEVER  # inf: not waiting
    version: int = 0  # entries of the heaps, and ends of work, that carry another are void
    group: Group | None = None  # who has it in hand


@dataclass(slots=True, eq=False)
class Group:
    """The staff of one shift."""

    shift: Hours
    tier: int
    staff: int
    duty: bool
    in_hand: dict[Ticket, None] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.staff - len(self.in_hand) if self.duty else 0

    def hours(self, now: float) -> float:
        """Hours since this shift last began."""
        # Rounded: just before its beginning, by an error of the last bit, would be a whole day into the one before.
        return round(now - self.shift.begins, 6) % DAY_S / 3600.0


class Host(ABC):
    """Whoever keeps a desk: how long work takes and what follows from it; as it stands, nothing is lost on the way."""

    @abstractmethod
    def effort(self, ticket: Ticket, group: Group) -> float:
        """Working seconds of the whole reading, begun by this group now."""

    @abstractmethod
    def finished(self, ticket: Ticket, group: Group) -> None:
        """The reading is done."""

    def refuses(self, ticket: Ticket) -> bool:
        """A ticket's turn has come: true if it has been taken away instead of being worked on."""
        return False

    def locked(self, ticket: Ticket) -> float:
        """Seconds for which a claim comes to nothing; 0: it is worked on."""
        return 0.0

    def unlocked(self, ticket: Ticket) -> bool:
        """A claim that came to nothing has expired: true if the ticket waits again."""
        return True


class Desk:
    """Waiting tickets, staff by shift, and the work in hand."""

    def __init__(
        self, env: simpy.Environment, shifts: Sequence[tuple[Hours, int, int]], at_first: Sequence[bool], host: Host
    ) -> None:
        """``shifts``: (shift, staff, tier); ``at_first``: who is on duty at time 0. The best tier has the number 0."""
        self.env = env
        self.host = host
        self.groups = [
            Group(shift, tier, staff, duty) for (shift, staff, tier), duty in zip(shifts, at_first, strict=True)
        ]
        self._by_tier = sorted(self.groups, key=lambda group: group.tier)
        self.ageing = NEVER
        self.waiting = 0
        self.locked: dict[Ticket, None] = {}
        self.waited_area = 0.0  # integral of the number waiting over time, ticket-seconds
        self.duty_area = 0.0  # integral of the number on duty, staff-seconds
        self._since = 0.0
        self._on_duty = self._staff_on_duty()
        self._changing = False
        self._numbers = count()
        # Tickets by whom they may be taken: by key, and by time of entry for ageing.
        self._urgent: dict[int, list[Any]] = {}
        self._oldest: dict[int, list[Any]] = {}

    @property
    def in_hand(self) -> int:
        return sum(len(group.in_hand) for group in self.groups)

    def put(self, ticket: Ticket) -> None:
        """A ticket comes to the desk, or comes back to it; it is taken up at once if somebody is free."""
        if ticket.version == 0:
            ticket.number = next(self._numbers)
        self._wait(ticket)
        self._dispatch()

    def restamp(self, ticket: Ticket, key: Key) -> None:
        """Change a ticket's place, if it is still waiting."""
        ticket.key = key
        if ticket.waiting_since < NEVER:
            self._push(ticket)

    def take_away(self, ticket: Ticket, since: float) -> None:
        """A waiting ticket leaves, or left at an earlier time ``since`` without anybody noticing until now."""
        self._count(self.env.now)
        self.waited_area -= self.env.now - since
        self._stop_waiting(ticket, since)

    def change(self, changes: Iterable[Change]) -> None:
        """Shifts end and begin. Work in hand is handed back first, then taken up in order of urgency."""
        self._count(self.env.now)
        self._changing = True
        for _, number, duty in changes:
            group = self.groups[number]
            group.duty = duty
            if not duty:
                for ticket in list(group.in_hand):
                    self._hand_back(ticket, group)
        self._changing = False
        self._on_duty = self._staff_on_duty()
        self._dispatch()

    def still_here(self) -> list[Ticket]:
        """Every ticket waiting, locked or in hand, in order of entry. Brings the integrals up to date."""
        self._count(self.env.now)
        waiting = {entry[-1]: None for heap in self._oldest.values() for entry in heap if _valid(entry)}
        in_hand = (ticket for group in self.groups for ticket in group.in_hand)
        return sorted([*waiting, *self.locked, *in_hand], key=lambda ticket: (ticket.entered_s, ticket.number))

    # -- waiting -------------------------------------------------------------------------------------------------------
    def _wait(self, ticket: Ticket) -> None:
        self._count(self.env.now)
        ticket.waiting_since = self.env.now
        self.waiting += 1
        self._push(ticket)

    def _push(self, ticket: Ticket) -> None:
        ticket.version += 1
        tail = (ticket.number, ticket.version, ticket)
        heappush(self._urgent.setdefault(ticket.tier, []), (ticket.key, *tail))
        heappush(self._oldest.setdefault(ticket.tier, []), (ticket.entered_s, *tail))

    def _stop_waiting(self, ticket: Ticket, at: float) -> None:
        ticket.waited_s += at - ticket.waiting_since
        ticket.waiting_since = NEVER
        ticket.version += 1
        self.waiting -= 1

    def _count(self, now: float) -> None:
        if now > self._since:
            span = now - self._since
            self.waited_area += self.waiting * span
            self.duty_area += self._on_duty * span
            self._since = now

    def _staff_on_duty(self) -> int:
        return sum(group.staff for group in self.groups if group.duty)

    def _next(self, tier: int) -> Ticket | None:
        if tier not in self._urgent:
            return None
        oldest = _top(self._oldest[tier])
        if oldest is not None and self.env.now - oldest.entered_s >= self.ageing:
            return oldest
        return _top(self._urgent[tier])

    # -- working -------------------------------------------------------------------------------------------------------
    def _dispatch(self) -> None:
        if not self.waiting or self._changing:  # while shifts change, some who still look free are about to leave
            return
        for group in self._by_tier:
            while self.waiting and group.free > 0:
                # What only they can do comes first.
                ticket = self._next(group.tier) or self._next(ANYONE)
                if ticket is None:
                    break
                if not self.host.refuses(ticket):
                    self._claim(ticket, group)

    def _claim(self, ticket: Ticket, group: Group) -> None:
        now = self.env.now
        self._count(now)
        self._stop_waiting(ticket, now)
        ticket.claims += 1
        ticket.claimed_s = now
        if ticket.claims == 1:
            ticket.started_s = now
        if (lock := self.host.locked(ticket)) > 0.0:
            self.locked[ticket] = None
            self._at_end(lock, self._unlock, ticket)
            return
        ticket.group = group
        group.in_hand[ticket] = None
        ticket.effort_s = self.host.effort(ticket, group)
        self._at_end(ticket.left * ticket.effort_s, self._finish, ticket)

    def _at_end(self, delay: float, then: Callable[[Ticket], None], ticket: Ticket) -> None:
        version = ticket.version
        event = self.env.timeout(delay)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: then(ticket) if ticket.version == version else None)

    def _unlock(self, ticket: Ticket) -> None:
        del self.locked[ticket]
        ticket.version += 1
        if self.host.unlocked(ticket):
            self.put(ticket)

    def _finish(self, ticket: Ticket) -> None:
        group = ticket.group
        assert group is not None
        self._put_down(ticket, group)
        ticket.left = 0.0
        self.host.finished(ticket, group)
        self._dispatch()  # after what is done about it: its second reading may be the most urgent

    def _put_down(self, ticket: Ticket, group: Group) -> None:
        ticket.version += 1
        ticket.worked_s += self.env.now - ticket.claimed_s
        ticket.group = None
        del group.in_hand[ticket]

    def _hand_back(self, ticket: Ticket, group: Group) -> None:
        left = ticket.left * ticket.effort_s - (self.env.now - ticket.claimed_s)
        if left <= 1e-9 * ticket.effort_s:  # it is done at this very moment
            self._finish(ticket)
            return
        self._put_down(ticket, group)
        ticket.left = left / ticket.effort_s
        self._wait(ticket)


def _valid(entry: Any) -> bool:
    return bool(entry[-1].version == entry[-2])


def _top(heap: list[Any]) -> Ticket | None:
    while heap and not _valid(heap[0]):
        heappop(heap)
    return heap[0][-1] if heap else None


def keep_shifts(env: simpy.Environment, desks: Sequence[Desk], changes: Sequence[Change]) -> None:
    """Let one process change the shifts of desks that keep the same hours."""

    def change(due: Iterable[Change]) -> None:
        for desk in desks:
            desk.change(due)

    if changes:
        env.process(work_shifts(env, changes, change))
