"""The police: in every force area a desk that reads platforms' referrals and a team that investigates recorded
offences.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from simharness.response.log import CLEARED, CONFIRMED, REFERRAL
from simharness.response.queues import Desk, Process
from simharness.response.state import MEETING, OFFENCE
from simharness.world.model import WorldModel

if TYPE_CHECKING:
    from simharness.response.arm import ArmSimulation, Case

URGENT, ROUTINE = 0, 1
WORKING_SHARE = 3.0  # a working hour takes three hours of calendar: eight hours a day


class Police:
    """Intake, recording, investigation, protection of the child, arrest."""

    def __init__(self, sim: ArmSimulation, model: WorldModel) -> None:
        settings = model.scenario.response.police
        millions = model.children.inhabitants / 1e6
        self.sim = sim
        self.settings = settings
        self.teams = [Desk(sim.env, [(0.0, max(1, round(settings.investigators.value * m)))]) for m in millions]
        self.desks = [Desk(sim.env, [(0.0, max(1, round(settings.desk.value * m)))]) for m in millions]
        recording = model.scenario.world.recording
        rates = {name: recording.forces.get(name, recording.rate).value for name in model.children.forces}
        self.recording_rate = [rates[name] for name in model.children.forces]
        self.arrested: set[int] = set()  # offenders: several of their conversations may each lead to the arrest
        self.qualifying = {"meeting": MEETING, "communication": OFFENCE}.get(sim.arm.law)
        self.effort = settings.effort.time.distribution()
        self.referral_effort = settings.referral_effort.time.distribution()
        self.delays = {
            name: getattr(settings, name).delay.distribution()
            for name in ("safeguarding", "urgent_safeguarding", "arrest")
        }

    def report(self, row: int) -> Process:
        """Somebody tells the police. They record it if the law knows an offence, or once there is one."""
        sim = self.sim
        if self.qualifying is None:
            return
        generation = sim.state.moves[row]
        due = sim.state.wall[row, self.qualifying]
        if due > sim.env.now:
            if due >= sim.horizon_s:
                return
            yield sim.env.timeout(due - sim.env.now)
            if sim.state.moves[row] != generation:  # carried on elsewhere meanwhile: the offence falls later
                yield from self.report(row)
                return
        if not sim.state.happened(row, self.qualifying, sim.env.now):
            return
        rate = self.recording_rate[sim.contacts.force[row]]
        if sim.draws.uniform("police.records", row) < rate:
            yield from self.investigate(row, ROUTINE)

    def refer(self, case: Case) -> Process:
        """A platform refers an alert: an officer reads it and clears it, or acts on it as the law allows."""
        sim, env, row = self.sim, self.sim.env, case.row
        sim.log.counts["referrals"] += 1
        sim.log.counts["wrong_referrals"] += not case.right
        with self.desks[case.force].request() as officer:
            yield officer
            started = env.now
            effort = case.draws.delay("police.referral_effort", self.referral_effort, row, case.occasion)
            yield env.timeout(effort * WORKING_SHARE)
        sim.log.seconds["police"] += effort
        sim.log.decision(case.alert, REFERRAL, started, env.now, CONFIRMED if case.right else CLEARED)
        if not case.right or self.qualifying is None:
            return
        if sim.state.happened(row, self.qualifying, env.now):
            yield from self.investigate(row, URGENT)
        elif sim.draws.uniform("police.acts_before_offence", row) < self.settings.acts_before_offence.value:
            delay = sim.draws.delay("police.urgent_safeguarding", self.delays["urgent_safeguarding"], row)
            yield env.timeout(delay)
            sim.state.truncate(row, env.now)

    def investigate(self, row: int, priority: int) -> Process:
        """Record the offence once; when an investigator is free, protect the child and work towards the arrest."""
        sim, env = self.sim, self.sim.env
        if isfinite(sim.state.recorded[row]):
            return
        sim.state.recorded[row] = env.now
        with self.teams[sim.contacts.force[row]].request(priority) as team:
            yield team
            protects = "urgent_safeguarding" if priority == URGENT else "safeguarding"
            env.process(self._protect(row, sim.draws.delay(f"police.{protects}", self.delays[protects], row)))
            env.process(self._arrest(row, sim.draws.delay("police.arrest", self.delays["arrest"], row)))
            effort = sim.draws.delay("police.effort", self.effort, row)
            yield env.timeout(effort * WORKING_SHARE)
        sim.log.seconds["police"] += effort

    def _protect(self, row: int, delay: float) -> Process:
        yield self.sim.env.timeout(delay)
        self.sim.state.truncate(row, self.sim.env.now)

    def _arrest(self, row: int, delay: float) -> Process:
        """From now on this offender contacts nobody: every conversation ends and none begins."""
        sim = self.sim
        yield sim.env.timeout(delay)
        offender = int(sim.contacts.initiator[row])
        sim.log.counts["arrests"] += offender not in self.arrested
        self.arrested.add(offender)
        for other in sim.state.rows_of[offender]:
            sim.state.truncate(int(other), sim.env.now)
