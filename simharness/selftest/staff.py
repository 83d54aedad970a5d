"""Queues and police desks with more people than there is work."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simharness.outcomes.cell import arm_input
from simharness.response.arm import ArmSimulation
from simharness.response.desk import Desk
from simharness.response.log import EXPIRED, VERDICTS, ArmLog
from simharness.scenario.model import Scenario
from simharness.scenario.policy import Arm
from simharness.scenario.queues import WEEKDAYS, Queue
from simharness.selftest.context import Context, read, under
from simharness.selftest.findings import Difference, NotApplicable, Outcome, outcome_of

PEOPLE = 10**9  # of every tier, and per million inhabitants


def infinite_staff_no_wait(context: Context) -> Outcome:
    """With more people on duty than there can ever be work, at all hours, nobody waits and nothing expires."""
    model = context.prepared.model
    scenario = endless_police(model.scenario)
    arms = {name: endless(arm) for name, arm in scenario.arms.items() if name in _living(context)}
    if all(arm.law == "none" and not arm.queues for arm in arms.values()):
        return NotApplicable("no arm has a queue, and none a law for the police to act on")
    compared, stays = f"{PEOPLE:,} people at every desk around the clock", 0
    for replication in context.worlds:
        known, changed = read(context.prepared, replication), under(context.prepared, scenario).model
        for name, arm in arms.items():
            simulation = ArmSimulation(changed, known.seed, arm, arm_input(known, name, arm))
            simulation.run()
            stays += len(simulation.log.stay_alert)
            found = _waited(name, simulation)
            if found is not None:
                return outcome_of(compared, "", found)
    return outcome_of(compared, f"no wait in {stays:,} stays at desks of {len(arms)} arm(s)", None)


def _living(context: Context) -> set[str]:
    return {name for name, arm in context.scenario.arms.items() if arm.detector is None} | set(context.arms())


def endless(arm: Arm) -> Arm:
    """The arm with queues that take in everything and have everybody on duty."""
    return arm.model_copy(update={"queues": {name: _endless_queue(queue) for name, queue in arm.queues.items()}})


def _endless_queue(queue: Queue) -> Queue:
    always = {"begins": 0.0, "ends": 86_400.0, "days": list(WEEKDAYS), "staff": PEOPLE}
    shifts = [queue.shifts[0].model_copy(update=always | {"tier": tier}) for tier in queue.tiers]
    return queue.model_copy(update={"shifts": shifts, "capacity": None})


def endless_police(scenario: Scenario) -> Scenario:
    """The scenario with as many officers in every force."""
    police = scenario.response.police
    hours = police.working_time.model_copy(update={"begins": 0.0, "ends": 86_400.0, "days": list(WEEKDAYS)})
    many = {name: getattr(police, name).model_copy(update={"value": PEOPLE}) for name in ("investigators", "desk")}
    changed = police.model_copy(update=many | {"working_time": hours})
    return scenario.model_copy(
        update={"response": scenario.response.model_copy(update={"police": changed})},
    )


def _waited(name: str, simulation: ArmSimulation) -> Difference | None:
    log = simulation.log
    for alert, desk, entered, started, verdict in _stays(log):
        where = f"alert {alert} at the desk {log.desks[desk]}"
        if verdict == EXPIRED:
            return Difference(name, "decisions.verdict", where, VERDICTS[verdict], "read at once")
        if not math.isnan(started) and started != entered:
            return Difference(name, "decisions.started_s", where, f"{started:.10g}", f"{entered:.10g}, as it came in")
    for place, one in _desks(simulation):
        if one.waited_area:
            return Difference(name, "time waited, alerts times seconds", place, f"{one.waited_area:.10g}", "0")
    return None


def _stays(log: ArmLog) -> zip[tuple[int, int, float, float, int]]:
    columns = (log.stay_alert, log.stay_desk, log.stay_entered_s, log.stay_started_s, log.stay_verdict)
    return zip(*columns, strict=True)


def _desks(simulation: ArmSimulation) -> Iterator[tuple[str, Desk]]:
    """Every queue's desk, and every force's for referrals and for investigations."""
    yield from ((name, queue.desk) for name, queue in simulation.queues.items())
    police, forces = simulation.police, simulation.model.children.forces
    yield from ((f"referrals, {force}", desk) for force, desk in zip(forces, police.desks, strict=True))
    yield from ((f"investigations, {force}", desk) for force, desk in zip(forces, police.teams, strict=True))
