"""The police: in every force area a desk that reads platforms' referrals, triage, and a team that investigates."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING

from simharness.response.cases import Case, later
from simharness.response.desk import Desk, Group, Host, Ticket, keep_shifts
from simharness.response.log import CLEARED, CONFIRMED, REPEATED, TAKEN, WAITING
from simharness.response.staff import weekly_changes
from simharness.response.state import CONTACT, MEETING, OFFENCE
from simharness.scenario.police import RISKS
from simharness.scenario.policy import POLICE
from simharness.world.model import WorldModel

if TYPE_CHECKING:
    from simharness.response.arm import ArmSimulation

HIGH, MEDIUM, LOW = range(len(RISKS))


class _Team(Host):
    """The host of one desk whose tickets nobody drops: an effort, and what is done at the end."""

    def __init__(self, effort: Callable[[Ticket], float], done: Callable[[Ticket], None]) -> None:
        self._effort, self._done = effort, done
        self.begun: Callable[[Ticket], None] | None = None

    def effort(self, ticket: Ticket, group: Group) -> float:
        if ticket.claims == 1 and self.begun is not None:
            self.begun(ticket)
        return self._effort(ticket)

    def finished(self, ticket: Ticket, group: Group) -> None:
        self._done(ticket)


class Police:
    """Intake, recording, triage, investigation, protection of the child, arrest, charge."""

    def __init__(self, sim: ArmSimulation, model: WorldModel) -> None:
        settings = model.scenario.response.police
        self.sim = sim
        self.settings = settings
        self.log_desk = sim.log.desk(POLICE)
        forces = [settings.forces.get(name) for name in model.children.forces]
        millions = [
            size / 1e6 * (force.staff if force else 1.0)
            for size, force in zip(model.children.inhabitants.tolist(), forces, strict=True)
        ]
        self.slower = [force.delay if force else 1.0 for force in forces]
        hours = settings.working_time
        at_first, changes = weekly_changes([hours], model.scenario.period.start.weekday())
        readers, investigators = _Team(self._reading_time, self._read), _Team(self._investigation_time, self._closed)
        investigators.begun = self._begun

        def desks(per_million: float, host: _Team) -> list[Desk]:
            sizes = [max(1, round(per_million * each)) for each in millions]
            return [Desk(sim.env, [(hours, size, 0)], at_first, host) for size in sizes]

        self.desks = desks(settings.desk.value, readers)
        self.teams = desks(settings.investigators.value, investigators)
        keep_shifts(sim.env, [*self.desks, *self.teams], changes)
        recording = model.scenario.world.recording
        rates = {name: recording.forces.get(name, recording.rate).value for name in model.children.forces}
        self.recording_rate = [rates[name] for name in model.children.forces]
        self.arrested: set[int] = set()  # offenders: several of their conversations may each lead to the arrest
        self.qualifying = {"meeting": MEETING, "communication": OFFENCE}.get(sim.arm.law)
        self.effort = settings.effort.time.distribution()
        self.referral_effort = settings.referral_effort.time.distribution()
        self.safeguarding = [getattr(settings.safeguarding, risk).distribution() for risk in RISKS]
        self.targets = [getattr(settings.triage.targets, risk) for risk in RISKS]
        self.arrest, self.charge = settings.arrest.delay.distribution(), settings.charge.delay.distribution()
        self.due: dict[int, tuple[int, float]] = {}  # recorded: row -> (risk, when the child is to be protected)
        self.protected: dict[int, float] = {}  # investigated: row -> when the child is, at the latest
        self.referred: set[int] = set()  # alerts
        self.awaited: set[int] = set()  # rows told of before there was an offence

    # -- intake --------------------------------------------------------------------------------------------------------
    def report(self, row: int) -> None:
        """Somebody tells the police. They record it if the law knows an offence, or once there is one."""
        sim, state = self.sim, self.sim.state
        if self.qualifying is None:
            return
        due = float(state.wall[row, self.qualifying])
        if due > sim.env.now:
            self.awaited.add(row)
            if due < sim.horizon_s:
                later(sim.env, due, lambda: self.report(row))
            return
        if not state.happened(row, self.qualifying, sim.env.now):
            return
        rate = self.recording_rate[sim.contacts.force[row]]
        if sim.draws.uniform("police.records", row) < rate:
            self.record(row, referred=False)

    def changed(self, row: int) -> None:
        """A conversation goes on at another time: what the police were told of falls then."""
        if row in self.awaited:
            self.report(row)

    def refer(self, case: Case) -> int:
        """A platform refers an alert, once; an officer will read it. Returns what became of it."""
        if case.alert in self.referred:
            return REPEATED
        self.referred.add(case.alert)
        self.sim.log.counts["referrals"] += 1
        self.sim.log.counts["wrong_referrals"] += not case.right
        now = self.sim.env.now
        self.desks[case.force].put(Ticket(case, (now,), now))
        return TAKEN

    def _reading_time(self, ticket: Ticket) -> float:
        case = ticket.subject
        return float(case.draws.delay("police.referral_effort", self.referral_effort, case.row, case.occasion))

    def _read(self, ticket: Ticket) -> None:
        """An officer clears the referral, or acts on it as the law allows."""
        sim, case = self.sim, ticket.subject
        now, row = sim.env.now, case.row
        self._worked(ticket)
        verdict = CONFIRMED if case.right else CLEARED
        sim.log.stay(case.alert, self.log_desk, ticket, now, verdict, "", ticket.worked_s)
        if not case.right or self.qualifying is None:
            return
        if sim.state.happened(row, self.qualifying, now):
            if sim.draws.uniform("police.records_referral", row) < self.settings.referral_recorded.value:
                self.record(row, referred=True)
        elif (
            sim.draws.uniform("police.acts_before_offence", row, case.occasion)
            < self.settings.acts_before_offence.value
        ):
            self._protect_later(row, MEDIUM)

    # -- investigation -------------------------------------------------------------------------------------------------
    def record(self, row: int, *, referred: bool) -> None:
        """Record the offence, once; triage; when an investigator is free, protect the child and work on the case."""
        sim = self.sim
        now, force = sim.env.now, int(sim.contacts.force[row])
        if isfinite(sim.state.recorded[row]):
            return
        sim.state.recorded[row] = now
        risk = self.triage(row, referred)
        sim.log.counts[f"triaged.{RISKS[risk]}"] += 1
        self.due[row] = (risk, now + self.targets[risk])
        if sim.draws.uniform("police.charges", row) < self.settings.charge.probability:
            delay = sim.draws.delay("police.charge", self.charge, row) * self.slower[force]
            later(sim.env, now + delay, self._charged)
        self.teams[force].put(Ticket((row, risk), (float(risk), now), now))

    def triage(self, row: int, referred: bool) -> int:
        """High, medium or low, from what has happened by now and how old the child is."""
        sim, now = self.sim, self.sim.env.now
        if sim.contacts.age[row] <= self.settings.triage.young:
            return HIGH
        if sim.state.happened(row, MEETING, now) or sim.state.happened(row, CONTACT, now):
            return HIGH
        return MEDIUM if referred or sim.state.active(row, now) else LOW

    def _investigation_time(self, ticket: Ticket) -> float:
        return float(self.sim.draws.delay("police.effort", self.effort, ticket.subject[0]))

    def _begun(self, ticket: Ticket) -> None:
        row, risk = ticket.subject
        sim, force = self.sim, int(self.sim.contacts.force[row])
        self.protected[row] = self._protect_later(row, risk)
        delay = sim.draws.delay("police.arrest", self.arrest, row) * self.slower[force]
        later(sim.env, sim.env.now + delay, lambda: self._arrested(row))

    def _protect_later(self, row: int, risk: int) -> float:
        sim, force = self.sim, int(self.sim.contacts.force[row])
        delay = sim.draws.delay("police.safeguarding", self.safeguarding[risk], row) * self.slower[force]
        time = float(sim.env.now + delay)
        later(sim.env, time, lambda: sim.end(row))
        return time

    def _closed(self, ticket: Ticket) -> None:
        self._worked(ticket)

    def _worked(self, ticket: Ticket) -> None:
        self.sim.log.numbers[self.log_desk].worked_s += ticket.worked_s

    def _charged(self) -> None:
        self.sim.log.counts["charges"] += 1

    def _arrested(self, row: int) -> None:
        """From now on this offender contacts nobody: every conversation ends and none begins."""
        sim = self.sim
        offender = int(sim.contacts.initiator[row])
        sim.log.counts["arrests"] += offender not in self.arrested
        self.arrested.add(offender)
        for other in sim.state.rows_of[offender].tolist():
            sim.state.truncate(other, sim.env.now)

    def close(self) -> None:
        """The period is over: what is still waiting or in hand is written down."""
        now, log = self.sim.env.now, self.sim.log
        numbers = log.numbers[self.log_desk]
        for desk in (*self.desks, *self.teams):
            for ticket in desk.still_here():
                if ticket.group is not None:
                    ticket.worked_s += now - ticket.claimed_s
                self._worked(ticket)
                if isinstance(ticket.subject, Case):
                    log.stay(ticket.subject.alert, self.log_desk, ticket, math.nan, WAITING, "", ticket.worked_s)
            numbers.duty_s += desk.duty_area
        numbers.waited_s = sum(desk.waited_area for desk in self.desks)
        for row, (risk, due) in self.due.items():
            protected = self.protected.get(row, math.inf)
            within = protected < self.sim.horizon_s
            recorded = float(self.sim.state.recorded[row])
            log.case(risk, (protected if within else self.sim.horizon_s) - recorded, within)
            if due < self.sim.horizon_s:
                log.counts[f"safeguarding_due.{RISKS[risk]}"] += 1
                log.counts[f"safeguarding_met.{RISKS[risk]}"] += protected <= due
