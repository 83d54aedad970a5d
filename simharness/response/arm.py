"""One arm (policy) of one replication, on SimPy: only crossings, reports, shifts, work and actions are events.

The world's scores are fixed until an action changes a conversation; where another platform reads on, the rest is scored
afresh. Arms of one replication share every draw, so what differs between them is what the policies did.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import simpy
from numpy.typing import NDArray

from simharness.detection.triggers import Alarms
from simharness.records import Truth
from simharness.response.cases import Case, later
from simharness.response.coverage import Coverage, Regulation
from simharness.response.draws import Draws
from simharness.response.false_alerts import FalseAlerts
from simharness.response.log import SHADOW, ArmLog
from simharness.response.offenders import Offenders
from simharness.response.people import Families
from simharness.response.police import Police
from simharness.response.review import QueueGiven, ReviewQueue
from simharness.response.staff import Process
from simharness.response.state import CLOSED, OFFENCE, REPORTED, ArmState, new_state
from simharness.response.watch import Alarm, Watch
from simharness.scenario.policy import TO_QUEUE, Arm
from simharness.world.contacts import Contacts
from simharness.world.model import WorldModel

# From a conversation's row, a place in its natural course (waking seconds) and the number of the platform that reads
# on from there: the alarms to come.
Rescan = Callable[[int, float, int], list[Alarm]]


@dataclass(frozen=True, slots=True)
class ArmInput:
    """What an arm works on: all grooming conversations, the first ``planned`` of them made if nobody acts, the others
    substitutes for these; and when each would be alerted on.
    """

    contacts: Contacts
    truth: Truth
    planned: int
    alarms: Alarms
    membership: NDArray[np.bool_]  # (n, platforms): where the child of each conversation could be contacted again
    false_alerts: FalseAlerts
    rescan: Rescan
    queues: Mapping[str, QueueGiven] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArmResult:
    """Times in wall seconds, one row per grooming conversation; inf: not in the period."""

    outcomes: NDArray[np.float64]  # (n, rungs of the ladder)
    recorded: NDArray[np.float64]
    cut: NDArray[np.float64]  # first protective action; -inf: the contact was never made
    start: NDArray[np.float64]  # contact is made; inf: a substitute that nothing brought about
    log: ArmLog
    regulation: Regulation
    closed: NDArray[np.float64]  # the conversation ends in its own course, whether or not it was cut before


def simulate_arm(model: WorldModel, seed: int, arm: Arm, given: ArmInput) -> ArmResult:
    """Live one arm through. ``seed``: the replication's."""
    with _no_collection():
        return ArmSimulation(model, seed, arm, given).run()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Leave the collector of cycles out: events come and go in great numbers without one, and it took a fifth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class ArmSimulation:
    """The parts of one arm and what they share."""

    def __init__(self, model: WorldModel, seed: int, arm: Arm, given: ArmInput) -> None:
        self.env = simpy.Environment()
        self.model = model
        self.arm = arm
        self.given = given
        self.contacts = given.contacts
        self.horizon_s = model.scenario.horizon_s
        self.state: ArmState = new_state(model.clock, given.contacts, given.truth, given.planned)
        self.draws = Draws(seed, given.contacts.conversation)
        false = given.false_alerts
        self.false_draws = Draws(seed, false.conversation, false.copy)
        self.log = ArmLog()
        self.live = arm.mode == "live"
        period = model.scenario.period
        self.coverage = Coverage(arm.code, model.platforms, seed, period.start, self.horizon_s) if arm.code else None
        self.queues = {
            name: ReviewQueue(self, name, place, given.queues.get(name, QueueGiven(np.inf, lambda risk: 1.0)))
            for place, name in enumerate(arm.queues)
        }
        self.police = Police(self, model)
        self.families = Families(self)
        self.offenders = Offenders(self)
        self.watch = Watch(self) if arm.detector else None
        self._handlers: dict[str, Callable[[Case], int]] = {
            **{name: partial(self._tell_child, name) for name in ("nudge_child", "suggest_block", "alert_child")},
            "alert_guardian": self.families.tell_guardian,
            "restrict_messaging": self.offenders.restrict,
            "suspend_account": self.offenders.suspend,
            "share_signal": self.offenders.share_signal,
            "refer_police": self.police.refer,
        }

    def run(self) -> ArmResult:
        """Run to the end of the period; what lies after it is censored."""
        if self.coverage is not None and self.live:
            self._code_in_force(self.coverage)
        self.env.process(self._source(self._stimuli()))
        self.env.run(until=self.horizon_s)
        for queue in self.queues.values():
            queue.close()
        self.police.close()
        state = self.state
        regulation = self.coverage.regulation if self.coverage is not None else Regulation()
        outcomes = state.outcomes(self.horizon_s)
        closed = np.where(state.wall[:, CLOSED] < self.horizon_s, state.wall[:, CLOSED], np.inf)
        return ArmResult(outcomes, state.recorded, state.cuts(), state.start, self.log, regulation, closed)

    # -- where events come from ------------------------------------------------------------------------------------
    def _stimuli(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """Reports, crossings and false alerts in order of time, each with what it starts."""
        reported = self.state.wall[: self.given.planned, REPORTED]
        rows = np.flatnonzero(reported < self.horizon_s)
        due: list[tuple[NDArray[np.float64], list[Callable[[], None]]]] = [
            (reported[rows], [partial(self._reported, row, 0) for row in rows.tolist()])
        ]
        if self.watch is not None:
            crossings = [one for one in self.watch.first_crossings() if one[0] < self.horizon_s]
            due.append(
                (
                    np.array([time for time, _, _ in crossings]),
                    [partial(self.watch.crossed, row, place) for _, row, place in crossings],
                )
            )
            false = self.watch.false_alerts_in_reach()
            due.append(
                (
                    self.given.false_alerts.time_s[false],
                    [partial(self.watch.false_alert, place) for place in false.tolist()],
                )
            )
        times = np.concatenate([part for part, _ in due])
        starts = [begin for _, part in due for begin in part]
        for place in np.argsort(times, kind="stable").tolist():
            yield float(times[place]), starts[place]

    def _source(self, stimuli: Iterator[tuple[float, Callable[[], None]]]) -> Process:
        """Start each at its time. One source, so that the event list stays short however many there are."""
        for time, begin in stimuli:
            if time > self.env.now:
                yield self.env.timeout(time - self.env.now)
            begin()

    def _code_in_force(self, coverage: Coverage) -> None:
        """What the code changes before anybody is contacted: contacts made elsewhere, or not at all."""
        if coverage.displaced or coverage.prevented:
            for row in range(self.given.planned):
                self.planned_elsewhere(row)
                self.prevented(row)

    def planned_elsewhere(self, row: int) -> None:
        """Plan a contact on a platform outside the code instead, if the offender avoids it and can."""
        coverage, state = self.coverage, self.state
        if coverage is None or not coverage.displaced or not self.live:
            return
        start = float(state.start[row])
        drawn = self.draws.uniform("offender.avoids", row)
        if drawn >= coverage.displaced * coverage.share(int(state.platform[row]), start):
            return
        options = [
            platform
            for platform in np.flatnonzero(self.given.membership[row]).tolist()
            if coverage.share(platform, start) == 0.0
        ]
        if options:
            pick = self.draws.uniform("offender.avoids_to", row)
            state.platform[row] = options[int(pick * len(options))]
            self.log.counts["contacts_displaced"] += 1

    def prevented(self, row: int) -> bool:
        """Whether safer defaults on its platform keep this contact from being made; if so, it is not."""
        coverage, state = self.coverage, self.state
        if coverage is None or not coverage.prevented or not self.live:
            return False
        platform = int(state.platform[row])
        if self.draws.on_platform("code.safer_defaults", row, platform) >= coverage.prevented:
            return False
        if self.draws.on_platform("code.covered", row, platform) >= coverage.share(platform, float(state.start[row])):
            return False
        state.suppress(row)
        return True

    # -- what parts of the arm tell each other -----------------------------------------------------------------------
    def account_of(self, offender: int, platform: int) -> tuple[int, int, int]:
        """An offender's account on a platform, as long as it is not suspended."""
        return offender, platform, self.offenders.suspended[offender, platform]

    def account(self, row: int) -> tuple[int, int, int]:
        """The account behind a grooming conversation where it is now."""
        return self.account_of(int(self.contacts.initiator[row]), int(self.state.platform[row]))

    def ended_s(self, case: Case) -> float:
        """When the conversation of an alert ends, as far as it is known now; its last message counts as within it."""
        if case.right:
            return float(min(self.state.cut[case.row], self.state.wall[case.row, CLOSED]))
        return float(self.given.false_alerts.last_s[case.row])

    def ended(self, case: Case) -> bool:
        """Whether there is no conversation left to act on."""
        if case.right:
            return not self.state.active(case.row, self.env.now)
        return self.ended_s(case) < self.env.now

    def end(self, row: int) -> None:
        """An action ends a conversation for good; the offender may turn to another child."""
        was_active = self.state.active(row, self.env.now)
        self.state.truncate(row, self.env.now)
        if was_active:
            self.offenders.substitutes(row)

    def changed(self, row: int, *, platform_new: bool) -> None:
        """A conversation goes on at other times: what was planned for it is planned again."""
        self.changed_reports(row)
        self.police.changed(row)
        if self.watch is not None:
            self.watch.changed(row, platform_new=platform_new)

    def changed_reports(self, row: int) -> None:
        """Somebody tells the police of a conversation at its own time, if that is still to come."""
        reported = float(self.state.wall[row, REPORTED])
        if self.env.now < reported < self.horizon_s:
            later(self.env, reported, partial(self._reported, row, int(self.state.generation[row])))

    def _reported(self, row: int, generation: int) -> None:
        state, now = self.state, self.env.now
        if state.generation[row] != generation:  # it goes on at another time: a later report was planned in its place
            return
        if state.happened(row, OFFENCE, now) or now < state.cut[row]:
            self.police.report(row)

    # -- what is done ----------------------------------------------------------------------------------------------
    def act(self, actions: Sequence[str], case: Case, *, handed_over: bool = False) -> None:
        """Begin actions at once, in the order listed; reviews and referrals then take their time.

        ``handed_over``: the case comes from another desk.
        """
        for action in actions:
            to_desk = action == "refer_police" or (handed_over and action.startswith(TO_QUEUE))
            if to_desk and self._lost_on_the_way(case):
                self.log.drop(case.alert, "text_only")
            elif action.startswith(TO_QUEUE):
                self.queues[action.removeprefix(TO_QUEUE)].enter(case)
            else:
                effect = self._handlers[action](case) if self.live else SHADOW
                self.log.action(case.alert, action, self.env.now, effect)

    def _lost_on_the_way(self, case: Case) -> bool:
        """Whether this is one of the cases of text alone that never reach another desk."""
        share = self.arm.failures.text_only_dropped if self.arm.failures else 0.0
        return bool(share) and case.draws.uniform("failure.text_only", case.row, case.occasion) < share

    def _tell_child(self, action: str, case: Case) -> int:
        return self.families.tell_child(case, action)
