"""A queue of alerts read by people: the order, what is lost on the way, verdicts, and what is then done."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simharness.response.cases import Case, later
from simharness.response.desk import ANYONE, Desk, Group, Host, Key, Ticket, keep_shifts
from simharness.response.draws import OCCASIONS
from simharness.response.log import CLEARED, CONFIRMED, DROPPED, EXPIRED, MERGED, WAITING
from simharness.response.staff import weekly_changes
from simharness.scenario.queues import Queue

if TYPE_CHECKING:
    from simharness.response.arm import ArmSimulation

CLAIMS = 32  # of one alert in one queue that have draws of their own; later ones share the last


@dataclass(frozen=True, slots=True)
class QueueGiven:
    """What a queue needs to know of the detector before it: see ``detection/levels.py``."""

    urgent_above: float  # risk; inf: no alert is urgent
    worth: Callable[[float], float]  # probability that an alert of this risk is right


class ReviewQueue(Host):
    """One queue of an arm, and the host of its desk."""

    def __init__(self, sim: ArmSimulation, name: str, place: int, given: QueueGiven) -> None:
        self.sim = sim
        self.settings: Queue = sim.arm.queues[name]
        self.given = given
        self.place = place
        self.log_desk = sim.log.desk(name)
        self.numbers = sim.log.numbers[self.log_desk]
        tiers = list(self.settings.tiers)
        self.tiers = [self.settings.tiers[tier] for tier in tiers]
        self.services = [tier.service.distribution() for tier in self.tiers]
        second = self.settings.second_review
        self.second_tier = tiers.index(second.tier) if second is not None and second.tier is not None else ANYONE
        scale = sim.model.scenario.scale
        staffed = [
            (shift, max(1, round(shift.staff * scale)), tiers.index(shift.tier or tiers[0]))
            for shift in self.settings.shifts
        ]
        at_first, changes = weekly_changes(self.settings.shifts, sim.model.scenario.period.start.weekday())
        self.desk = Desk(sim.env, staffed, at_first, self)
        self.desk.ageing = math.inf if self.settings.ageing is None else self.settings.ageing
        keep_shifts(sim.env, [self.desk], changes)
        capacity = self.settings.capacity
        self.capacity = math.inf if capacity is None else max(1, round(capacity * scale))
        self.known: set[int] = set()  # alerts that have come into the queue
        self.here = 0  # alerts waiting, locked or in hand; those that joined another take no place
        self.merged: dict[Ticket, list[Ticket]] = {}
        self.undecided: dict[Hashable, Ticket] = {}  # by account, where alerts are merged
        self.unread: deque[Ticket] = deque()  # in order of entry; some are read or gone by now
        self.hours_at_claim: dict[Ticket, float] = {}

    # -- arrival -------------------------------------------------------------------------------------------------------
    def enter(self, case: Case) -> None:
        """An alert comes into the queue, once however many ways lead here: joins another, is turned away, or waits."""
        if case.alert in self.known:
            return
        self.known.add(case.alert)
        sim, settings = self.sim, self.settings
        now = sim.env.now
        ticket = Ticket(case, self._key(case, now), now)
        self._expire()
        host = self._host(case)
        if host is not None:
            self.merged.setdefault(host, []).append(ticket)
            return
        self.here += 1
        if self.here > self.capacity:
            self._lose(ticket, DROPPED, now, "queue_full")
            return
        if settings.merge_by_account:
            self.undecided[case.account] = ticket
        failures = sim.arm.failures
        if (
            failures is not None
            and failures.owner_missing
            and self._draw("failure.owner", case) < failures.owner_missing
        ):
            self._lose(ticket, DROPPED, now, "owner_missing")
            return
        restamp = failures.restamped_late if failures is not None else None
        if restamp is not None and self._draw("failure.restamped", case) < restamp.share:
            ticket.key = (math.inf,)
            later(sim.env, now + restamp.delay, lambda: self.desk.restamp(ticket, self._key(case, sim.env.now)))
        self.unread.append(ticket)
        self.desk.put(ticket)

    def _host(self, case: Case) -> Ticket | None:
        """The undecided alert that this one joins; not one that was lost before without anybody noticing."""
        host = self.undecided.get(case.account) if self.settings.merge_by_account else None
        if host is None or (host.waiting_since < math.inf and self.refuses(host)):
            return None
        return host

    def _key(self, case: Case, stamped: float) -> Key:
        """Smallest first. All rules fall back on the time of stamping."""
        settings = self.settings
        match settings.priority:
            case "score":
                return (-case.risk, stamped)
            case "deadline":
                return (stamped + self._target(case), stamped)
            case "value_of_time":
                # Harm avoided per minute is the probability of being right times the pace of the conversation, up to
                # the hazard of one message, which is the same for all. Service takes equally long for all.
                return (-self.given.worth(case.risk) * case.pace, stamped)
        return (stamped,)

    def _target(self, case: Case) -> float:
        level = self.settings.service_level
        if level is None:
            return math.inf
        urgent = level.urgent_target is not None and case.risk >= self.given.urgent_above
        return level.urgent_target if urgent and level.urgent_target is not None else level.target

    def _draw(self, stream: str, case: Case, number: int = 0) -> float:
        """A draw of this alert in this queue; ``number``: of those it has there of this kind."""
        return case.draws.uniform(stream, case.row, self._occasion(case, number))

    def _occasion(self, case: Case, number: int) -> int:
        return ((case.occasion * len(self.sim.arm.queues) + self.place) * CLAIMS + number) % OCCASIONS

    # -- what the desk asks --------------------------------------------------------------------------------------------
    def effort(self, ticket: Ticket, group: Group) -> float:
        """Working time of this reading: the draw is the alert's, the speed the reader's."""
        case, fatigue = ticket.subject, self.settings.fatigue
        occasion = self._occasion(case, ticket.reading)
        effort: float = case.draws.delay("review.time", self.services[group.tier], case.row, occasion)
        if fatigue is not None:
            hours = self.hours_at_claim[ticket] = group.hours(self.sim.env.now)
            effort *= 1.0 + fatigue.slower_per_hour * hours
        return effort

    def refuses(self, ticket: Ticket) -> bool:
        """Drop what nobody need read any more: its conversation has ended, or it has expired, whichever came first."""
        if ticket.claims:
            return False
        now, expires = self.sim.env.now, ticket.entered_s + self.settings.expires
        if self.settings.drop_when_ended:
            ended = max(self.sim.ended_s(ticket.subject), ticket.entered_s)
            if ended <= min(now, expires):
                self._take_away(ticket, DROPPED, ended, "conversation_ended")
                return True
        if now > expires:
            self._take_away(ticket, EXPIRED, expires, "")
            return True
        return False

    def locked(self, ticket: Ticket) -> float:
        """How long a claim that comes to nothing holds."""
        claim = self.settings.claim
        if claim is None or ticket.left < 1.0:
            return 0.0
        number = min(ticket.claims, CLAIMS - 1)
        return claim.expires if self._draw("review.stalls", ticket.subject, number) < claim.stalls else 0.0

    def unlocked(self, ticket: Ticket) -> bool:
        """The lock is gone; unless nobody sees it, the alert waits again."""
        failures = self.sim.arm.failures
        if failures is None or not failures.lock_expires_unseen:
            return True
        number = min(ticket.claims, CLAIMS - 1)
        if self._draw("failure.lock", ticket.subject, number) >= failures.lock_expires_unseen:
            return True
        self._lose(ticket, DROPPED, self.sim.env.now, "lock_expired")
        return False

    def finished(self, ticket: Ticket, group: Group) -> None:
        """A reading is done: a second one, or the verdict and what follows from it."""
        case: Case = ticket.subject
        confirmed = self._reads(case, ticket, group)
        if ticket.reading == 0 and self._second(case, confirmed):
            ticket.reading, ticket.left, ticket.tier = 1, 1.0, self.second_tier
            self.desk.put(ticket)
            return
        self.hours_at_claim.pop(ticket, None)
        self._decided(ticket, CONFIRMED if confirmed else CLEARED)

    def _reads(self, case: Case, ticket: Ticket, group: Group) -> bool:
        tier, fatigue = self.tiers[group.tier], self.settings.fatigue
        keeps = 1.0
        if fatigue is not None:
            keeps = (1.0 - fatigue.accuracy_lost_per_hour) ** self.hours_at_claim[ticket]
        confirms = tier.sensitivity * keeps if case.right else 1.0 - tier.specificity * keeps
        return self._draw("review.verdict", case, ticket.reading) < confirms

    def _second(self, case: Case, confirmed: bool) -> bool:
        second = self.settings.second_review
        if second is None or second.of not in ("all", "confirmed" if confirmed else "cleared"):
            return False
        return self._draw("review.second", case) < second.share

    # -- the end of a stay ---------------------------------------------------------------------------------------------
    def _decided(self, ticket: Ticket, verdict: int) -> None:
        sim, case, settings = self.sim, ticket.subject, self.settings
        now = sim.env.now
        self._leave(ticket, verdict, now)
        self._measure(ticket, ticket.claimed_s - ticket.entered_s <= self._target(case))
        followers = self.merged.pop(ticket, [])
        for other in followers:
            sim.log.stay(other.subject.alert, self.log_desk, other, now, MERGED)
        if not case.right:  # at several desks, or alerted on several times, it is still one conversation
            sim.log.once("benign_read", case.account)
        actions = settings.on_confirmed if verdict == CONFIRMED else settings.on_cleared
        for one in (case, *(other.subject for other in followers)):
            sim.act(actions, one, handed_over=True)

    def _lose(self, ticket: Ticket, verdict: int, at: float, reason: str) -> None:
        """Nobody decides on this alert, nor on those that joined it."""
        self._leave(ticket, verdict, at, reason)
        self._measure(ticket, False)
        followers = self.merged.pop(ticket, [])
        for other in followers:
            self.sim.log.stay(other.subject.alert, self.log_desk, other, at, DROPPED, "host_lost")

    def _leave(self, ticket: Ticket, verdict: int, at: float, reason: str = "") -> None:
        self.here -= 1
        case, numbers = ticket.subject, self.numbers
        numbers.worked_s += ticket.worked_s
        numbers.exposed_s += ticket.worked_s if case.right else 0.0
        if self.undecided.get(case.account) is ticket:
            del self.undecided[case.account]
        self.sim.log.stay(case.alert, self.log_desk, ticket, at, verdict, reason, ticket.worked_s)

    def _measure(self, ticket: Ticket, within: bool) -> None:
        if self.settings.service_level is not None:
            self.numbers.with_target += 1
            self.numbers.within_target += within

    def _take_away(self, ticket: Ticket, verdict: int, at: float, reason: str) -> None:
        self.desk.take_away(ticket, at)
        self._lose(ticket, verdict, at, reason)

    def _expire(self) -> None:
        """Everything that has waited too long by now is gone, whether or not its turn has come; only unread ones do."""
        while self.unread:
            ticket = self.unread[0]
            waits = ticket.waiting_since < math.inf
            if waits and self.sim.env.now <= ticket.entered_s + self.settings.expires:
                return
            self.unread.popleft()
            if waits:
                self.refuses(ticket)

    def close(self) -> None:
        """The period is over: what has expired is gone, the rest is still waiting or in hand."""
        self._expire()
        for ticket in self.desk.still_here():
            if ticket.waiting_since < math.inf and self.refuses(ticket):
                continue
            now = self.sim.env.now
            if ticket.group is not None:
                ticket.worked_s += now - ticket.claimed_s
            self.numbers.worked_s += ticket.worked_s
            self.numbers.exposed_s += ticket.worked_s if ticket.subject.right else 0.0
            self.sim.log.stay(ticket.subject.alert, self.log_desk, ticket, math.nan, WAITING, "", ticket.worked_s)
            for other in self.merged.pop(ticket, []):
                self.sim.log.stay(other.subject.alert, self.log_desk, other, math.nan, WAITING)
        self.numbers.waited_s, self.numbers.duty_s = self.desk.waited_area, self.desk.duty_area
