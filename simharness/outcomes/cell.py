"""One cell: one replication. Its world is generated and read once; every arm then replays the same crossings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from simharness.detection.levels import Levels
from simharness.detection.scoring import Scorer
from simharness.outcomes.readings import Reading
from simharness.records import Truth
from simharness.response.arm import ArmInput, ArmResult, simulate_arm
from simharness.response.false_alerts import FalseAlerts, at_full_volume, no_false_alerts
from simharness.scenario.model import Scenario
from simharness.streams import derive_seed, uniform
from simharness.world.contacts import Contacts
from simharness.world.generate import DEFAULT_BATCH, World
from simharness.world.messages import NEVER
from simharness.world.model import WorldModel


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything a cell needs, the same for all of them: the world made ready, detectors trained, levels set."""

    model: WorldModel
    scorers: Mapping[str, Scorer]
    levels: Mapping[str, Levels]
    batch_size: int = DEFAULT_BATCH


@dataclass(frozen=True, slots=True)
class Cell:
    """One replication's results before they are counted."""

    replication: int
    seed: int
    contacts: Contacts
    truth: Truth
    readings: Mapping[str, Reading]
    arms: Mapping[str, ArmResult]


def replication_seed(scenario: Scenario, replication: int) -> int:
    """The seed of one replication's world."""
    return derive_seed(scenario.seed, "replication", replication)


def run_cell(prepared: Prepared, replication: int) -> Cell:
    """Generate, read and live through one replication."""
    model = prepared.model
    seed = replication_seed(model.scenario, replication)
    world = World(model, seed, batch_size=prepared.batch_size)
    stages = len(model.grammar.stage_names)
    readings = {name: Reading(scorer, prepared.levels[name], stages) for name, scorer in prepared.scorers.items()}
    contacts = world.grooming_contacts()
    truth = _read_grooming(world, contacts, readings)
    for block in world.benign_contacts():
        for batch in world.batches(block):
            for reading in readings.values():
                reading.add_benign(batch)
    membership = _membership(model, seed, contacts)
    arms = {}
    for name, arm in model.scenario.arms.items():
        read = readings[arm.detector] if arm.detector else None
        given = _arm_input(world, contacts, truth, membership, name, read)
        arms[name] = simulate_arm(model, seed, arm, given)
    return Cell(replication, seed, contacts, truth, readings, arms)


def run_comparator(model: WorldModel, seed: int) -> Cell:
    """The comparator alone, without harmless traffic or detectors: what recorded figures are fitted to."""
    world, name = World(model, seed), model.scenario.comparator
    contacts = world.grooming_contacts()
    truth = _read_grooming(world, contacts, {})
    given = _arm_input(world, contacts, truth, _membership(model, seed, contacts), name, None)
    return Cell(0, seed, contacts, truth, {}, {name: simulate_arm(model, seed, model.scenario.arms[name], given)})


def _read_grooming(world: World, contacts: Contacts, readings: Mapping[str, Reading]) -> Truth:
    parts = [_NO_TRUTH]
    for batch in world.batches(contacts):
        parts.append(batch.truth)
        for reading in readings.values():
            reading.add_grooming(batch)
    return Truth(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Truth)))


def _membership(model: WorldModel, seed: int, contacts: Contacts) -> NDArray[np.bool_]:
    """Which platforms the child of each conversation is on, shape (n, platforms): the draws that placed the contact."""
    age = contacts.age.astype(np.int64) - model.children.youngest
    child = contacts.child.astype(np.uint64)
    columns = [uniform(seed, f"child.member.{i}", child) < row[age] for i, row in enumerate(model.membership)]
    return np.column_stack(columns)


def _arm_input(
    world: World,
    contacts: Contacts,
    truth: Truth,
    membership: NDArray[np.bool_],
    name: str,
    reading: Reading | None,
) -> ArmInput:
    if reading is None:
        crossing = np.full(len(contacts), NEVER)
        return ArmInput(contacts, truth, crossing, membership, no_false_alerts(), _no_rescan)
    false = _false_alerts(world, name, reading)
    level = reading.levels.risk[[reading.levels.of_arm[name]]]
    scorer = reading.scorer

    def rescan(row: int, natural: float) -> float:
        """The next crossing of a conversation whose messages up to a time (waking, natural course) were never seen."""
        rest = world.messages_of(contacts, truth, row, natural)
        if not rest.symbol.size:
            return NEVER
        place = int(scorer.crossings(rest, level)[0, 0])
        return float(rest.time_s[place]) if place >= 0 else NEVER

    return ArmInput(contacts, truth, reading.crossing_of(name), membership, false, rescan)


def _false_alerts(world: World, name: str, reading: Reading) -> FalseAlerts:
    if not reading.benign:  # a world so small that no harmless conversation was sampled
        return no_false_alerts()
    scenario = world.model.scenario
    sampled, times = reading.false_alerts_of(name)
    weight = 1.0 / scenario.sampling.benign_fraction
    return at_full_volume(world.seed, sampled, world.model.clock.wall(times), weight, scenario.period.days)


def _no_rescan(row: int, natural: float) -> float:
    return NEVER


_NONE = np.empty(0)
_NO_TRUTH = Truth(_NONE.astype(np.int32), *(_NONE,) * 6, _NONE.astype(np.uint8))  # of a world without offenders
