"""From running risk to alerts: what a policy's platforms read, when its trigger fires, and what becomes an alert.

A conversation is read from its beginning, or from when the code first covers it, the platform it has moved to begins,
or a detector comes back from an outage; whatever came before is unknown to the reader, so the rest is scored afresh,
at that moment, since a conversation may be held up or hurried before it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simharness.response.cases import Case, later
from simharness.response.draws import COPIES, Draws
from simharness.response.state import CLOSED
from simharness.scenario.policy import Trigger
from simharness.streams import uniform
from simharness.world.clock import DAY_S

if TYPE_CHECKING:
    from simharness.response.arm import ArmSimulation

Alarm = tuple[float, float, float]  # waking seconds of the natural course, risk, pace


class Watch:
    """The detector's side of one arm."""

    def __init__(self, sim: ArmSimulation) -> None:
        assert sim.coverage is not None and sim.arm.detector is not None
        self.sim = sim
        self.coverage = sim.coverage
        self.trigger: Trigger = sim.arm.trigger
        self.failures = sim.arm.failures
        self.outages = [(one.begins, one.begins + one.lasts) for one in self.failures.outages] if self.failures else []
        for _, ends in self.outages:
            later(sim.env, ends, self._back)
        latency = self.failures.latency if self.failures else None
        self.latency = latency.distribution() if latency else None
        self.hidden = [name in sim.arm.encrypted for name in sim.model.platforms]
        budget = self.trigger.budget_per_day
        self.budget = np.inf if budget is None else max(1, round(budget * sim.model.scenario.scale))
        given = sim.given.alarms
        self.first = np.searchsorted(given.row, np.arange(len(sim.contacts) + 1))
        self.afresh: dict[int, list[Alarm]] = {}  # rows that are not read from their beginning where they began
        self.since = np.full(len(sim.contacts), np.inf)  # from when each is read (wall); inf: never, as things stand
        self.plans = np.zeros(len(sim.contacts), np.int32)  # crossings planned under another number are void
        self.alerts_on = np.zeros(len(sim.contacts), np.int32)
        self.repeats: Counter[Hashable] = Counter()  # alerts on one harmless conversation, where there can be several
        self.raised_on: Counter[int] = Counter()  # by day
        self.lately: defaultdict[Hashable, dict[int, float]] = defaultdict(dict)  # account -> row -> when

    # -- what is read --------------------------------------------------------------------------------------------------
    def begin(self, row: int) -> None:
        """Watch a conversation that begins now or later, from its beginning or from when it is covered."""
        sim, start = self.sim, float(self.sim.state.start[row])
        platform = int(sim.state.platform[row])
        since = self._covered_from(row, platform, start)
        elsewhere = platform != sim.contacts.platform[row] and (self.hidden[platform] or self._hidden_at_first(row))
        self._read(row, since, fresh=since > start or elsewhere)

    def changed(self, row: int, *, platform_new: bool) -> None:
        """A conversation goes on at other times, perhaps where nothing of it has been read."""
        sim, now = self.sim, self.sim.env.now
        if platform_new:
            self._read(row, self._covered_from(row, int(sim.state.platform[row]), now), fresh=True)
        else:
            self._schedule(row)

    def _hidden_at_first(self, row: int) -> bool:
        return self.hidden[int(self.sim.contacts.platform[row])]

    def _covered_from(self, row: int, platform: int, wall_s: float) -> float:
        """Each platform's share of conversations is a draw of its own."""
        return self.coverage.covered_from(platform, self.sim.draws.on_platform("code.covered", row, platform), wall_s)

    def _down(self, now: float) -> bool:
        return any(begins <= now < ends for begins, ends in self.outages)

    def _back(self) -> None:
        """A detector that comes back from an outage begins what is being read anew."""
        state, now = self.sim.state, self.sim.env.now
        reading = (self.since <= now) & (now < np.minimum(state.cut, state.wall[:, CLOSED]))
        for row in np.flatnonzero(reading).tolist():
            self._read(row, now, fresh=True)

    def _given(self, row: int) -> list[Alarm]:
        alarms, part = self.sim.given.alarms, slice(self.first[row], self.first[row + 1])
        columns = (alarms.time[part], alarms.risk[part], alarms.pace[part])
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def _read(self, row: int, since: float, *, fresh: bool) -> None:
        """Read a conversation from a moment on (wall), afresh or as if from its beginning."""
        sim, state = self.sim, self.sim.state
        self.since[row] = since
        self.afresh.pop(row, None)
        if fresh and since <= max(sim.env.now, state.start[row]):
            # What is sent at this very moment is what the last platform read.
            natural = state.natural(row, since) if since > state.start[row] else float(state.told[row])
            self.afresh[row] = sim.given.rescan(row, natural, int(state.platform[row]))
        elif fresh:
            self.afresh[row] = []
            if since < sim.horizon_s:
                later(sim.env, since, partial(self._reach, row, since))
        self._schedule(row)

    def _reach(self, row: int, since: float) -> None:
        """The code comes to cover a conversation that has begun."""
        if self.since[row] == since and self.sim.state.active(row, since):
            self._read(row, self.sim.env.now, fresh=True)

    def _schedule(self, row: int) -> None:
        sim, state = self.sim, self.sim.state
        self.plans[row] += 1
        if self.since[row] == np.inf:
            return
        for natural, risk, pace in self.afresh[row] if row in self.afresh else self._given(row):
            if natural > state.told[row]:
                time = state.wall_of(row, natural)
                if time < sim.horizon_s:
                    later(sim.env, time, partial(self._crossed, row, int(self.plans[row]), risk, pace))

    # -- what becomes an alert -----------------------------------------------------------------------------------------
    def first_crossings(self) -> Iterator[tuple[float, int, int]]:
        """(time, row, place in the given alarms) of conversations that nothing yet keeps from being read throughout."""
        sim, state, given = self.sim, self.sim.state, self.sim.given.alarms
        rows = np.arange(state.planned)
        platform = state.platform[rows].astype(np.int64)
        draws = uniform(sim.draws.seed, "code.covered", sim.draws.conversation[rows], platform * COPIES)
        # Whatever was planned elsewhere instead is where nobody reads as it begins.
        plain = draws < self.coverage.share_of(platform, state.start[rows])
        self.since[rows] = np.where(plain, state.start[rows], np.inf)
        made = state.cut[rows] != -np.inf
        ever = np.array([self.coverage.ever(number) for number in range(len(self.hidden))])
        for row in np.flatnonzero(made & ~plain & ever[platform]).tolist():
            self.begin(row)
        for place in np.flatnonzero(given.row < state.planned).tolist():
            row = int(given.row[place])
            if plain[row] and made[row]:
                yield state.wall_of(row, float(given.time[place])), row, place

    def crossed(self, row: int, place: int) -> None:
        """One of the given alarms is due."""
        given = self.sim.given.alarms
        self._crossed(row, 0, float(given.risk[place]), float(given.pace[place]))

    def _crossed(self, row: int, plan: int, risk: float, pace: float) -> None:
        sim, now = self.sim, self.sim.env.now
        # Not `active`: the message that ends a conversation can be the one that is alerted on.
        if self.plans[row] != plan or now >= sim.state.cut[row] or self._down(now):
            return
        if self._covered_from(row, int(sim.state.platform[row]), now) > now:  # the platform has left the code
            return
        account = sim.account(row)
        if not self._account_enough(account, row, now):
            return
        self._after_latency(
            partial(self._raise_right, row, account, int(sim.state.platform[row]), risk, pace), row, sim.draws
        )

    def _account_enough(self, account: Hashable, row: int, now: float) -> bool:
        rule = self.trigger.account
        if rule is None:
            return True
        times = self.lately[account]
        times[row] = now
        return sum(time > now - rule.within for time in times.values()) >= rule.conversations

    def _after_latency(self, begin: Callable[[], None], row: int, draws: Draws) -> None:
        sim = self.sim
        if self.latency is None:
            begin()
            return
        delay = draws.delay("failure.latency", self.latency, row)
        later(sim.env, sim.env.now + delay, begin)

    def _raise_right(self, row: int, account: Hashable, platform: int, risk: float, pace: float) -> None:
        sim, force = self.sim, int(self.sim.contacts.force[row])
        for _ in range(self._copies(row, sim.draws, int(self.alerts_on[row]))):
            alert = sim.log.alert(int(sim.contacts.conversation[row]), sim.env.now, True, risk)
            case = Case(alert, row, True, int(self.alerts_on[row]), platform, force, account, risk, pace, sim.draws)
            self.alerts_on[row] += 1
            self._handle(case)

    def false_alert(self, place: int) -> None:
        """The next of the false alerts is due."""
        self._after_latency(partial(self._raise_false, place), place, self.sim.false_draws)

    def _raise_false(self, place: int) -> None:
        sim, false = self.sim, self.sim.given.false_alerts
        conversation, copy = int(false.conversation[place]), int(false.copy[place])
        account = (conversation, copy)
        several = self.trigger.rearm_below is not None or self.trigger.cooldown is not None or self.failures is not None
        occasion = self.repeats[account] if several else 0
        platform, force = int(false.platform[place]), int(false.force[place])
        risk, pace = float(false.risk[place]), float(false.pace[place])
        for _ in range(self._copies(place, sim.false_draws, occasion)):
            alert = sim.log.alert(conversation, sim.env.now, False, risk)
            case = Case(alert, place, False, occasion, platform, force, account, risk, pace, sim.false_draws)
            occasion += 1
            self._handle(case)
        if several:
            self.repeats[account] = occasion

    def _copies(self, row: int, draws: Draws, occasion: int) -> int:
        share = self.failures.duplicates if self.failures else 0.0
        return 2 if share and draws.uniform("failure.duplicate", row, occasion) < share else 1

    def _handle(self, case: Case) -> None:
        """Act on an alert, unless the day's budget is spent."""
        day = int(self.sim.env.now // DAY_S)
        self.raised_on[day] += 1
        if self.raised_on[day] > self.budget:
            self.sim.log.drop(case.alert, "over_budget")
            return
        self.sim.act(self.sim.arm.on_alert, case)

    def false_alerts_in_reach(self) -> NDArray[np.int64]:
        """The false alerts on conversations that the code covers at the time, outside outages; all at once, as nothing
        can change them.
        """
        sim, false = self.sim, self.sim.given.false_alerts
        if not len(false):
            return np.empty(0, np.int64)
        draws = uniform(sim.draws.seed, "code.covered", false.conversation, false.copy)
        reached = draws < self.coverage.share_of(false.platform, false.time_s)
        for begins, ends in self.outages:
            reached &= (false.time_s < begins) | (false.time_s >= ends)
        return np.flatnonzero(reached)
