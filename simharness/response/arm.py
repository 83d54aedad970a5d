"""One arm (policy) of one replication, on SimPy: only crossings, reports and actions are events.

The world's scores are fixed until an action changes a conversation; a moved conversation is scored afresh on its new
platform. Arms of one replication share every draw, so what differs between them is what the policies did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import simpy
from numpy.typing import NDArray

from simharness.records import Truth
from simharness.response.coverage import Coverage
from simharness.response.draws import Draws
from simharness.response.false_alerts import FalseAlerts
from simharness.response.log import CLEARED, CONFIRMED, EXPIRED, REVIEW, ArmLog
from simharness.response.police import Police
from simharness.response.queues import Desk, Process, staff_by_time
from simharness.response.state import OFFENCE, REPORTED, ArmState, new_state
from simharness.scenario.base import DelayedEvent
from simharness.scenario.response import Action, Arm
from simharness.streams import uniform
from simharness.world.contacts import Contacts
from simharness.world.model import WorldModel

# From a conversation's row and a place in its messages: waking time (natural course) of the next crossing; inf: none.
Rescan = Callable[[int, float], float]


@dataclass(frozen=True, slots=True)
class ArmInput:
    """What an arm works on: all grooming conversations, and when each is first alerted on (waking seconds; inf:
    never).
    """

    contacts: Contacts
    truth: Truth
    crossing: NDArray[np.float64]
    membership: NDArray[np.bool_]  # (n, platforms): where the child of each conversation could be contacted again
    false_alerts: FalseAlerts
    rescan: Rescan


@dataclass(frozen=True, slots=True)
class ArmResult:
    """Times in wall seconds, one row per grooming conversation; inf: not in the period."""

    outcomes: NDArray[np.float64]  # (n, rungs of the ladder)
    recorded: NDArray[np.float64]
    cut: NDArray[np.float64]  # first protective action; -inf: the contact was never made
    log: ArmLog


def simulate_arm(model: WorldModel, seed: int, arm: Arm, given: ArmInput) -> ArmResult:
    """Live one arm through. ``seed``: the replication's."""
    return ArmSimulation(model, seed, arm, given).run()


@dataclass(frozen=True, slots=True)
class Case:
    """One alert on its way through the desks. ``row`` is one of the grooming conversations, or of the false alerts."""

    alert: int
    row: int
    right: bool
    occasion: int  # how many alerts this conversation had before
    platform: int  # where it was raised: the account on this platform can be suspended
    force: int
    draws: Draws


class ArmSimulation:
    """The processes of one arm and what they share."""

    def __init__(self, model: WorldModel, seed: int, arm: Arm, given: ArmInput) -> None:
        self.env = simpy.Environment()
        self.model = model
        self.arm = arm
        self.given = given
        self.contacts = given.contacts
        self.horizon_s = model.scenario.horizon_s
        self.reactions = model.scenario.response.reactions
        self.state: ArmState = new_state(model.clock, given.contacts, given.truth)
        self.draws = Draws(seed, given.contacts.conversation)
        false = given.false_alerts
        self.false_draws = Draws(seed, false.conversation, false.copy)
        self.log = ArmLog()
        self.alerts_on = np.zeros(len(given.contacts), np.int32)
        self.alerts_to_child = np.zeros(len(given.contacts), np.int32)
        self.displaced = np.zeros(len(given.contacts), np.int32)  # how often a contact has been planned elsewhere
        self.coverage = Coverage(arm.code, model.platforms) if arm.code else None
        self.police = Police(self, model)
        self.review: Desk | None = None
        if arm.review is not None:
            self.review = Desk(self.env, staff_by_time(arm.review.shifts, model.scenario.scale))
            self.review_time = arm.review.service.distribution()
        self.block_again = self.reactions.block_recontacted.delay.distribution()
        self.suspended_again = self.reactions.suspension_recontact.delay.distribution()

    def run(self) -> ArmResult:
        """Run to the end of the period; what lies after it is censored."""
        self._safer_defaults()
        self.env.process(self._source(self._stimuli()))
        self.env.run(until=self.horizon_s)
        state = self.state
        # Protection that came after everything else was over still counts as an action; after the period it does not.
        return ArmResult(state.outcomes(self.horizon_s), state.recorded, state.cut, self.log)

    # -- where events come from ------------------------------------------------------------------------------------
    def _stimuli(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """Reports, crossings and false alerts in order of time, each with what it starts."""
        state, false = self.state, self.given.false_alerts
        crossing = self.model.clock.wall(self.given.crossing) if self.arm.detector else np.empty(0)
        reported = state.wall[:, REPORTED]
        rows = [np.flatnonzero(times < self.horizon_s) for times in (reported, crossing)]
        rows.append(self._covered_false_alerts())
        times = np.concatenate([reported[rows[0]], crossing[rows[1]], false.time_s[rows[2]]])
        kinds = np.repeat([0, 1, 2], [part.size for part in rows])
        subjects = np.concatenate(rows)
        starts = (partial(self._reported, generation=0), partial(self._crossed, generation=0), self._false_alert)
        for place in np.argsort(times, kind="stable"):
            yield float(times[place]), partial(starts[kinds[place]], int(subjects[place]))

    def _covered_false_alerts(self) -> NDArray[np.int64]:
        """The false alerts on conversations that the code covers at the time; all at once, as nothing can change
        them.
        """
        false = self.given.false_alerts
        if self.coverage is None or not len(false):
            return np.empty(0, np.int64)
        draws = uniform(self.draws.seed, "code.covered", false.conversation, false.copy)
        return np.flatnonzero(draws < self.coverage.share(false.platform, false.time_s))

    def _source(self, stimuli: Iterator[tuple[float, Callable[[], None]]]) -> Process:
        """Start each at its time. One source, so that the event list stays short however many there are."""
        for time, begin in stimuli:
            if time > self.env.now:
                yield self.env.timeout(time - self.env.now)
            begin()

    def _safer_defaults(self) -> None:
        if self.coverage is None or not self.coverage.prevented:
            return
        for row in range(len(self.contacts)):
            if self._prevented(row):
                self.state.suppress(row)

    def _prevented(self, row: int) -> bool:
        """Whether safer defaults on the platform keep this contact from being made."""
        assert self.coverage is not None
        share = self.coverage.prevented
        if not share or self.draws.uniform("code.safer_defaults", row) >= share:
            return False
        return self._covered(row, self.state.start[row])

    def _covered(self, row: int, now: float) -> bool:
        """Whether the code covers this conversation where it is now; each platform's share is a draw of its own."""
        assert self.coverage is not None
        platform = int(self.state.platform[row])
        return bool(self.draws.uniform("code.covered", row, platform) < self.coverage.share(platform, now))

    # -- what starts things ----------------------------------------------------------------------------------------
    def _reported(self, row: int, generation: int) -> None:
        state, now = self.state, self.env.now
        if state.moves[row] != generation:  # the conversation has moved: a later report was scheduled in its place
            return
        if state.happened(row, OFFENCE, now) or now < state.cut[row]:
            self.env.process(self.police.report(row))

    def _crossed(self, row: int, generation: int) -> None:
        # Not `active`: the message that ends a conversation can be the one that is alerted on.
        if self.state.moves[row] != generation or self.env.now >= self.state.cut[row]:
            return
        if not self._covered(row, self.env.now):
            return
        alert = self.log.alert(int(self.contacts.conversation[row]), self.env.now, True)
        platform, force = int(self.state.platform[row]), int(self.contacts.force[row])
        case = Case(alert, row, True, int(self.alerts_on[row]), platform, force, self.draws)
        self.alerts_on[row] += 1
        self._act(self.arm.on_alert, case)

    def _false_alert(self, copy: int) -> None:
        false = self.given.false_alerts
        alert = self.log.alert(int(false.conversation[copy]), self.env.now, False)
        platform, force = int(false.platform[copy]), int(false.force[copy])
        self._act(self.arm.on_alert, Case(alert, copy, False, 0, platform, force, self.false_draws))

    # -- what is done ----------------------------------------------------------------------------------------------
    def _act(self, actions: list[Action], case: Case) -> None:
        """Begin actions at once, in the order listed; reviews and referrals then take their time."""
        for action in actions:
            match action:
                case "alert_child":
                    self._alert_child(case)
                case "suspend_account":
                    self._suspend(case)
                case "review":
                    self.env.process(self._reviewed(case))
                case "refer_police":
                    self.env.process(self.police.refer(case))

    def _reviewed(self, case: Case) -> Process:
        review, env = self.arm.review, self.env
        assert review is not None and self.review is not None
        raised = env.now
        with self.review.request() as moderator:
            yield moderator
            started = env.now
            if started - raised > review.expires:
                self.log.decision(case.alert, REVIEW, started, started, EXPIRED)
                return
            effort = case.draws.delay("review.time", self.review_time, case.row, case.occasion)
            yield env.timeout(effort)
        self.log.seconds["review"] += effort
        confirms = review.sensitivity if case.right else 1.0 - review.specificity
        confirmed = case.draws.uniform("review.verdict", case.row, case.occasion) < confirms
        self.log.decision(case.alert, REVIEW, started, env.now, CONFIRMED if confirmed else CLEARED)
        self.log.counts["benign_read"] += not case.right
        if confirmed:
            self._act(self.arm.on_confirmed, case)

    def _alert_child(self, case: Case) -> None:
        row = case.row
        if not case.right:
            self.log.counts["children_wrongly_alarmed"] += 1
            return
        occasion = int(self.alerts_to_child[row])
        self.alerts_to_child[row] += 1
        if not self.state.active(row, self.env.now):
            return
        answer = self.reactions.alert_child
        draw = self.draws.uniform("child.alerted", row, occasion)
        if draw < answer.leave:
            self.state.truncate(row, self.env.now)
        elif draw < answer.leave + answer.block:
            self._end_unless_moved(row, "child.block", self.reactions.block_recontacted)
        elif draw < answer.leave + answer.block + answer.tell:
            self.state.truncate(row, self.env.now)
            self.env.process(self.police.report(row))

    def _suspend(self, case: Case) -> None:
        """Suspend the account: what it does on this platform ends, unless the offender finds another way."""
        if not case.right:
            self.log.counts["wrong_suspensions"] += 1
            return
        state, now = self.state, self.env.now
        for other in state.rows_of[int(self.contacts.initiator[case.row])].tolist():
            if state.platform[other] != case.platform or state.cut[other] <= now:
                continue
            if state.start[other] > now:
                self._displace(other)
            elif state.active(other, now):
                self._end_unless_moved(other, "offender.suspended", self.reactions.suspension_recontact)

    def _displace(self, row: int) -> None:
        """A contact planned on a platform the offender has lost: made elsewhere, or not at all."""
        elsewhere, before = self._elsewhere(row), int(self.displaced[row])
        displaces = self.reactions.suspension_displaces.value
        if elsewhere is None or self.draws.uniform("offender.displaces", row, before) >= displaces:
            self.state.suppress(row)
            return
        self.displaced[row] += 1
        self.state.platform[row] = elsewhere
        if self.coverage is not None and self._prevented(row):
            self.state.suppress(row)

    def _end_unless_moved(self, row: int, stream: str, again: DelayedEvent) -> None:
        """End a conversation; with some probability the offender carries it on elsewhere after a while."""
        moves = int(self.state.moves[row])
        elsewhere = self._elsewhere(row)
        if elsewhere is None or self.draws.uniform(stream, row, moves) >= again.probability:
            self.state.truncate(row, self.env.now)
            return
        delays = self.block_again if again is self.reactions.block_recontacted else self.suspended_again
        delay = self.draws.delay(stream + ".delay", delays, row, moves)
        self._move(row, delay, elsewhere)

    def _move(self, row: int, delay: float, platform: int) -> None:
        state, clock = self.state, self.model.clock
        state.move(row, self.env.now, delay, platform)
        generation = int(state.moves[row])
        reported = float(state.wall[row, REPORTED])
        if self.env.now < reported < self.horizon_s:
            self.env.process(self._later(reported, partial(self._reported, row, generation)))
        if self.coverage is None or self.coverage.share(platform, self.horizon_s) <= 0.0:
            return
        crossing = float(clock.wall(self.given.rescan(row, float(state.told[row])) + state.shift[row]))
        if crossing < self.horizon_s:
            self.env.process(self._later(crossing, partial(self._crossed, row, generation)))

    def _later(self, time: float, begin: Callable[[], None]) -> Process:
        yield self.env.timeout(max(0.0, time - self.env.now))
        begin()

    def _elsewhere(self, row: int) -> int | None:
        """Another platform on which the child can be reached, each equally likely; None where there is none."""
        options = np.flatnonzero(self.given.membership[row])
        options = options[options != self.state.platform[row]]
        if not options.size:
            return None
        pick = self.draws.uniform("offender.elsewhere", row, int(self.state.moves[row] + self.displaced[row]))
        return int(options[int(pick * options.size)])
