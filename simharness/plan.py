"""What a run will take, before it is started: messages, time, memory, disk, and what it could tell apart.

Counts and mean lengths are exact expectations of the scenario's own processes. Time, memory and disk are scaled up from
a small part of the run measured on this machine. The smallest detectable difference is an approximation.
"""

from __future__ import annotations

import math
import resource
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from simharness.detection.faults import DetectorFailed
from simharness.detection.scoring import build_detectors, release
from simharness.errors import UsageError
from simharness.metrics.precision import require_known_metric
from simharness.outcomes.cell import Prepared
from simharness.run import finish_cell, prepare_cells
from simharness.scenario.load import Loaded, located
from simharness.scenario.model import Scenario
from simharness.scenario.policy import Arm
from simharness.workload import Load, covered_share, loads
from simharness.world.acts import ACT_INDEX
from simharness.world.clock import DAY_S
from simharness.world.grammar import INITIATOR, CompiledGrammar
from simharness.world.model import WorldModel, build_model

POWER = 0.80
LEVEL = 0.95
MEASURED_MESSAGES = 400_000  # of the small part that is measured: about a second
BYTES_A_CONVERSATION = 7_500.0  # memory of a grooming conversation under seven arms, from runs of two sizes
SMALL_TRAINING = {"grooming": 300, "benign": 1200, "calibration": 5000}


@dataclass(frozen=True, slots=True)
class Expected:
    """Expectations for one replication (or one cell of it), and for what a run does once before its first."""

    grooming: float  # conversations
    benign: float  # sampled harmless conversations
    grooming_length: float  # mean messages, were nothing to cut a conversation short
    benign_length: float
    offences: float  # grooming conversations with an offence, likewise
    once: float  # messages of the training and calibration worlds

    @property
    def messages(self) -> float:
        return self.grooming * self.grooming_length + self.benign * self.benign_length


@dataclass(frozen=True, slots=True)
class FalseAlerts:
    """Of one arm in one replication; ``stated`` None: its alert level is a risk, so no rate is promised."""

    stated: float | None  # per 1,000 child-months, on platforms covered in full
    expected: float | None  # alerts in the period, at the coverage of the arm's code


@dataclass(frozen=True, slots=True)
class Measured:
    """What a small part of the run took on this machine."""

    seconds_a_message: float
    setup_s: float  # starting and training, apart from messages
    peak_bytes: int
    bytes_a_conversation: float  # on disk, per grooming conversation


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything ``simharness plan`` shows."""

    scenario: Scenario
    expected: Expected
    false_alerts: Mapping[str, FalseAlerts]
    loads: Mapping[str, Mapping[str, Load]]  # by arm and queue
    detectable: float | None  # share of offences prevented; None with fewer than two replications
    wall_s: float
    memory_bytes: float  # all processes together
    disk_bytes: float
    jobs: int


def make_plan(loaded: Loaded, jobs: int) -> Plan:
    """Plan a run; measures for a second or two. Raises UsageError for what a run would refuse."""
    scenario = loaded.scenario
    with located(loaded):
        model = build_model(scenario.one_nation(), loaded.folder)
        require_known_metric(scenario)
        for detector in build_detectors(scenario.detectors, loaded.folder).values():
            release(detector)
    cell = expectations(model)
    measured = measure(loaded, cell)
    cells, nations = scenario.replications * scenario.nations, scenario.nations
    processes = min(jobs, cells)
    messages = math.ceil(cells / processes) * cell.messages + cell.once
    expected = replace(
        cell, grooming=nations * cell.grooming, benign=nations * cell.benign, offences=nations * cell.offences
    )
    alerting = {name: arm for name, arm in scenario.arms.items() if arm.detector}
    return Plan(
        scenario,
        expected,
        {name: expected_false_alerts(model, arm, nations) for name, arm in alerting.items()},
        {name: expected_loads(model, arm, expected.grooming, nations) for name, arm in alerting.items()},
        smallest_detectable(expected.offences, scenario.replications),
        measured.setup_s + messages * measured.seconds_a_message,
        _memory(processes, measured.peak_bytes, cell.grooming),
        cells * cell.grooming * measured.bytes_a_conversation,
        jobs,
    )


def expectations(model: WorldModel) -> Expected:
    """Exact expectations of one cell: a replication, or one nation of it."""
    scenario, grammar = model.scenario, model.grammar
    world, training = scenario.world, scenario.training
    offenders = round(world.offenders.count.value * scenario.scale)
    period_s = scenario.period.days * DAY_S
    types = np.array([kind.share for kind in world.offenders.types.values()])
    classes = np.array([kind.share for kind in world.benign.classes.values()])
    lengths, offending = mean_lengths(grammar), offence_probabilities(grammar)
    grooming_length = float(types @ lengths[: grammar.grooming])
    benign_length = float(classes @ lengths[grammar.grooming :])
    grooming = offenders * world.offenders.contact_rate.value * period_s
    benign = model.children.total * world.benign.contact_rate * period_s * scenario.sampling.benign_fraction
    once = training.grooming * grooming_length + (training.benign + training.calibration) * benign_length
    offences = grooming * float(types @ offending[: grammar.grooming])
    return Expected(grooming, benign, grooming_length, benign_length, offences, once)


def mean_lengths(grammar: CompiledGrammar) -> NDArray[np.float64]:
    """Mean messages of a conversation of each chain, shape (chains,), if it runs to its own end.

    start (I - step)^-1 1: row sums of the fundamental matrix (Kemeny & Snell 1960, "Finite Markov Chains", 3.3.5).
    The period's end and adults who step in make real ones shorter.
    """
    size = len(grammar.step)
    visits = np.linalg.solve(np.eye(size) - grammar.step, np.ones(size))
    return np.asarray(grammar.start @ visits)


def offence_probabilities(grammar: CompiledGrammar) -> NDArray[np.float64]:
    """Probability that a conversation of each chain comes to an offence if it runs to its own end, shape (chains,).

    The offence is the first sexual message by the one who made contact. With a(s) the probability of one in a state,
    the chance h(s) of one ever solves h = a + (1 - a) step h (first-step analysis).
    """
    sent = grammar.emit[grammar.tables.emission, ACT_INDEX["sexual"] * 2 + INITIATOR]
    size = len(grammar.step)
    ever = np.linalg.solve(np.eye(size) - (1.0 - sent)[:, None] * grammar.step, sent)
    return np.asarray(grammar.start @ ever)


def expected_false_alerts(model: WorldModel, arm: Arm, nations: int = 1) -> FalseAlerts:
    """False alerts of an arm at the rate its level states, on the share of harmless conversations its code covers."""
    assert arm.alert_level is not None
    rate = arm.alert_level.false_alerts_per_1000_child_months
    if rate is None:
        return FalseAlerts(None, None)
    expected = rate * nations * model.child_months / 1000.0
    return FalseAlerts(rate, expected * covered_share(model, arm, model.scenario.world.benign.platforms))


def expected_loads(model: WorldModel, arm: Arm, grooming: float, nations: int = 1) -> dict[str, Load]:
    """Load of an arm's queues, ``grooming`` conversations a replication; empty where its level states no rate."""
    false = expected_false_alerts(model, arm, nations).expected
    if false is None:
        return {}
    shares = model.scenario.world.offenders.platforms.shares
    return loads(model, arm, false, grooming * covered_share(model, arm, shares), nations)


def smallest_detectable(offences: float, replications: int, power: float = POWER) -> float | None:
    """Smallest difference between two arms in the share of offences prevented that a paired t test finds; approximate.

    (t[0.975, R - 1] + t[power, R - 1]) sqrt(2 p (1 - p) / (n R)), n offences a replication, R replications, with
    p = 1/2 and the two arms as if independent: both on the safe side, because arms share their draws. It leaves out
    that one offender's conversations resemble each other. None with fewer than two replications, or no offence.
    """
    if replications < 2 or offences <= 0:
        return None
    quantiles = stdtrit(replications - 1, 0.5 + LEVEL / 2.0) + stdtrit(replications - 1, power)
    difference = float(quantiles) * math.sqrt(2.0 * 0.25 / (offences * replications))
    return min(1.0, difference)


def _memory(processes: int, peak_bytes: int, conversations: float) -> float:
    """Bytes of all processes; with several, the first only hands out work."""
    return processes * (peak_bytes + BYTES_A_CONVERSATION * conversations) + (processes > 1) * peak_bytes


def measure(loaded: Loaded, cell: Expected) -> Measured:
    """Run a small part for a second or two: one replication of few people, after one that compiles the kernels."""
    began = perf_counter()
    ready = _small(loaded, cell)
    setup = perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        finish_cell(ready, Path(folder), 0)
        began = perf_counter()
        files = finish_cell(ready, Path(folder), 1).files
        seconds = perf_counter() - began
        size = sum((Path(folder) / name).stat().st_size for name in files)
    part = expectations(ready.model)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Measured(seconds / part.messages, setup, peak, size / part.grooming)


def _small(loaded: Loaded, cell: Expected) -> Prepared:
    share = min(1.0, MEASURED_MESSAGES / max(cell.messages, 1.0))
    scenario = loaded.scenario.one_nation()
    training = scenario.training.model_copy(update=SMALL_TRAINING)
    small = scenario.model_copy(update={"scale": scenario.scale * share, "training": training})
    try:
        model = build_model(small, loaded.folder)
    except UsageError:  # too few people are left of some group: measure the whole
        model = build_model(scenario.model_copy(update={"training": training}), loaded.folder)
    prepared = prepare_cells(model, build_detectors(small.detectors, loaded.folder))
    for fault in prepared.faults:
        if fault.effect == "failed":
            raise DetectorFailed(fault.kind, fault.first, fault.detector)
    return prepared
