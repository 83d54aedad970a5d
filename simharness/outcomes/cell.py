"""One cell: one replication. Its world is generated and read once; every arm then replays the same crossings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from simharness.detection.faults import DetectorFailed, Fault
from simharness.detection.levels import Levels
from simharness.detection.scoring import Scorer
from simharness.detection.triggers import Signal, alarms, no_alarms
from simharness.detection.watching import afresh, watched
from simharness.outcomes.readings import Reading
from simharness.records import Truth
from simharness.response.arm import ArmInput, ArmResult, Rescan, simulate_arm
from simharness.response.false_alerts import FalseAlerts, at_full_volume, no_false_alerts, on_accounts
from simharness.response.review import QueueGiven
from simharness.response.watch import Alarm
from simharness.scenario.model import Scenario
from simharness.scenario.policy import Arm
from simharness.streams import derive_seed, uniform
from simharness.world.contacts import Contacts, concatenate
from simharness.world.generate import DEFAULT_BATCH, Batch, World
from simharness.world.model import WorldModel


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything a cell needs, the same for all of them: the world made ready, detectors trained, levels set."""

    model: WorldModel
    scorers: Mapping[str, Scorer]
    levels: Mapping[str, Levels]
    batch_size: int = DEFAULT_BATCH
    faults: tuple[Fault, ...] = ()  # while preparing; a detector that failed then is in neither of the above


@dataclass(frozen=True, slots=True)
class Cell:
    """One replication's results before they are counted.

    A detector that failed has no reading here, and the arms that act on it are missing. ``contacts`` and ``truth``
    have one row per grooming conversation: the first ``planned`` are made if nobody acts,
    the others may take the place of these where an action ended one (see ``World.substitute_contacts``).
    """

    replication: int
    seed: int
    contacts: Contacts
    truth: Truth
    planned: int
    readings: Mapping[str, Reading]
    arms: Mapping[str, ArmResult]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class _Grooming:
    """All grooming conversations of a replication, and where their children could be contacted again."""

    world: World
    contacts: Contacts
    truth: Truth
    planned: int
    membership: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ReadWorld:
    """One replication's world, generated and read once. A detector that failed while it read has no reading here."""

    replication: int
    seed: int
    grooming: _Grooming
    readings: dict[str, Reading]


def replication_seed(scenario: Scenario, replication: int) -> int:
    """The seed of one replication's world."""
    return derive_seed(scenario.seed, "replication", replication)


def run_cell(prepared: Prepared, replication: int) -> Cell:
    """Generate, read and live through one replication.

    Raises DetectorFailed only where the comparator's own detector fails: then there is nothing to compare with.
    """
    model, read = prepared.model, read_world(prepared, replication)
    arms = _live_through(model, read)
    found = [fault for scorer in prepared.scorers.values() for fault in scorer.guard.faults()]
    faults = (*prepared.faults, *found)
    if model.scenario.comparator not in arms:
        detector = model.scenario.arms[model.scenario.comparator].detector
        lost = next(fault for fault in faults if fault.detector == detector)
        raise DetectorFailed(lost.kind, f"{lost.first}; the comparator acts on it", lost.detector)
    return cell_of(read, arms, read.readings, faults)


def read_world(prepared: Prepared, replication: int) -> ReadWorld:
    """Generate one replication's world and have every detector read it; harmless traffic only if there is one."""
    seed = replication_seed(prepared.model.scenario, replication)
    world = World(prepared.model, seed, batch_size=prepared.batch_size)
    blocks = _grooming_blocks(world)
    readings = open_readings(prepared, world, blocks)
    grooming = _read_grooming(world, blocks, readings)
    for block in world.benign_contacts() if readings else ():
        for batch in world.batches(block):
            _read_with(readings, Reading.add_benign, batch)
    return ReadWorld(replication, seed, grooming, readings)


def cell_of(
    read: ReadWorld,
    arms: Mapping[str, ArmResult],
    readings: Mapping[str, Reading],
    faults: tuple[Fault, ...] = (),
) -> Cell:
    """What one replication came to under ``arms``, which acted on what was read of its world."""
    known = read.grooming
    return Cell(read.replication, read.seed, known.contacts, known.truth, known.planned, readings, arms, faults)


def _read_with(readings: dict[str, Reading], read: Callable[[Reading, Batch], None], batch: Batch) -> None:
    """Have every detector read; one that fails is left out from here on, and its guard has noted why."""
    for name, reading in list(readings.items()):
        try:
            read(reading, batch)
        except DetectorFailed:
            del readings[name]


def _live_through(model: WorldModel, read: ReadWorld) -> dict[str, ArmResult]:
    """Every arm but those whose detector has failed, or fails while it reads what an arm has changed: then none of its
    arms is kept, and no reading.
    """
    arms, readings = dict[str, ArmResult](), read.readings
    for name, arm in model.scenario.arms.items():
        if arm.detector is not None and arm.detector not in readings:
            continue
        try:
            arms[name] = simulate_arm(model, read.seed, arm, arm_input(read, name, arm))
        except DetectorFailed:
            assert arm.detector is not None
            del readings[arm.detector]
    given_up = {name for name in arms if model.scenario.arms[name].detector not in (None, *readings)}
    return {name: result for name, result in arms.items() if name not in given_up}


def run_comparator(model: WorldModel, seed: int) -> Cell:
    """The comparator alone, without harmless traffic or detectors: what recorded figures are fitted to."""
    world, name = World(model, seed), model.scenario.comparator
    arm = model.scenario.arms[name]
    read = ReadWorld(0, seed, _read_grooming(world, _grooming_blocks(world), {}), {})
    return cell_of(read, {name: simulate_arm(model, seed, arm, arm_input(read, name, arm))}, {})


def open_readings(prepared: Prepared, world: World, grooming: Sequence[Contacts]) -> dict[str, Reading]:
    """A reading for every detector, to which the world's conversations are then added; not for one that fails already.

    ``grooming``: the planned contacts, then blocks of substitutes. Detectors that need a stream watch all of it here.
    """
    planned, *substitutes = grooming
    stages, readings = len(world.model.grammar.stage_names), {}
    for name, scorer in prepared.scorers.items():
        streams = [[planned, *world.benign_contacts()], substitutes] if scorer.needs_stream else []
        levels = prepared.levels[name]
        hidden = [signal.hidden for signal in levels.signal.values()]
        with suppress(DetectorFailed):
            readings[name] = Reading(watched(scorer, world, streams, hidden), levels, stages)
    return readings


def _grooming_blocks(world: World) -> list[Contacts]:
    """Planned contacts first, then those that may take their place, each link of the chain as long as the first."""
    planned = world.grooming_contacts()
    substitution = world.model.scenario.response.reactions.substitution
    links = substitution.links if substitution else 0
    return [planned, *(world.substitute_contacts(planned, link) for link in range(1, links + 1))]


def _read_grooming(world: World, blocks: Sequence[Contacts], readings: dict[str, Reading]) -> _Grooming:
    parts = [_NO_TRUTH]
    for link, block in enumerate(blocks):
        for batch in world.batches(block):
            parts.append(batch.truth)
            _read_with(readings, Reading.add_substitutes if link else Reading.add_grooming, batch)
    truth = Truth(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Truth)))
    contacts = concatenate(list(blocks))
    return _Grooming(world, contacts, truth, len(blocks[0]), _membership(world, contacts))


def _membership(world: World, contacts: Contacts) -> NDArray[np.bool_]:
    """Which platforms the child of each conversation is on, shape (n, platforms): the draws that placed the contact."""
    model = world.model
    age = contacts.age.astype(np.int64) - model.children.youngest
    child = contacts.child.astype(np.uint64)
    columns = [uniform(world.seed, f"child.member.{i}", child) < row[age] for i, row in enumerate(model.membership)]
    return np.column_stack(columns)


def arm_input(read: ReadWorld, name: str, arm: Arm) -> ArmInput:
    """What an arm works on. ``name``: under which the arm's levels were set (``Levels.signal``)."""
    grooming, reading = read.grooming, read.readings[arm.detector] if arm.detector else None
    contacts, truth, membership = grooming.contacts, grooming.truth, grooming.membership
    if reading is None:
        return ArmInput(
            contacts, truth, grooming.planned, no_alarms(), membership, no_false_alerts(), lambda row, natural, on: []
        )
    levels = reading.levels
    worth = levels.worth.get(name)
    queues = {
        queue: QueueGiven(levels.urgent.get((name, queue), np.inf), worth.probability if worth else lambda risk: 1.0)
        for queue in arm.queues
    }
    return ArmInput(
        contacts,
        truth,
        grooming.planned,
        reading.alarms_of(name),
        membership,
        _false_alerts(grooming.world, name, arm, reading),
        _rescan(grooming, afresh(reading.scorer), levels.signal[name]),
        queues,
    )


def _rescan(grooming: _Grooming, scorer: Scorer, signal: Signal) -> Rescan:
    def rescan(row: int, natural: float, platform: int) -> list[Alarm]:
        """Alarms of a conversation whose messages up to a place in its natural course were never seen."""
        rest = grooming.world.messages_of(grooming.contacts, grooming.truth, row, natural)
        if not rest.symbol.size:
            return []
        found = alarms(scorer, signal, replace(rest, platform=np.array([platform], np.uint8)))
        return list(zip(found.time.tolist(), found.risk.tolist(), found.pace.tolist(), strict=True))

    return rescan


def _false_alerts(world: World, name: str, arm: Arm, reading: Reading) -> FalseAlerts:
    if not reading.benign:  # a world so small that no harmless conversation was sampled
        return no_false_alerts()
    scenario, account = world.model.scenario, arm.trigger.account
    sampled, found = reading.false_alarms_of(name)
    weight = 1.0 / scenario.sampling.benign_fraction
    alerts = at_full_volume(world.seed, sampled, found, world.model.clock, weight, scenario.period.days)
    if account is None:
        return alerts
    share = len(sampled) / reading.benign
    return alerts.take(on_accounts(world.seed, alerts, account.conversations, account.within, share))


_NONE = np.empty(0)
_NO_TRUTH = Truth(_NONE.astype(np.int32), *(_NONE,) * 6, _NONE.astype(np.uint8))  # of a world without offenders
