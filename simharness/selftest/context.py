"""What relations work on: a scenario made ready, its worlds as they are, and the same worlds with something changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from simharness.detection.faults import DetectorFailed
from simharness.detection.levels import LADDER_RATES, Levels
from simharness.detection.scoring import Scorer, bind, build_detector
from simharness.detection.triggers import Signal
from simharness.outcomes.cell import Cell, Prepared, ReadWorld, read_world, run_cell
from simharness.scenario.detector import Aggregator, DetectorSpec
from simharness.scenario.load import Loaded
from simharness.scenario.model import Scenario
from simharness.scenario.policy import Arm, Trigger

EXACT_WORLDS = 2  # replications on which what holds exactly is looked at
FAMILY_LEVEL = 0.99  # of all intervals of one relation together (Bonferroni)
NO_HARMLESS = 1e-12  # share of harmless conversations sampled, so small that none is
FIRST_MESSAGE = "selftest.first_message"  # a detector that alerts on every first message
_SILENT = "selftest.never"


@dataclass(slots=True)
class Context:
    """A scenario with its detectors trained and its levels set. Treat what its cells hold as read-only."""

    loaded: Loaded
    prepared: Prepared
    _cells: dict[int, Cell] = field(default_factory=dict)

    @property
    def scenario(self) -> Scenario:
        """Of one nation, as the file says: stress not yet carried out."""
        return self.loaded.scenario.one_nation()

    @property
    def worlds(self) -> range:
        """Replications on which what holds exactly is looked at."""
        return range(min(EXACT_WORLDS, self.scenario.replications))

    @property
    def replications(self) -> range:
        return range(self.scenario.replications)

    def cell(self, replication: int) -> Cell:
        """One replication of the scenario as it is. Raises DetectorFailed."""
        if replication not in self._cells:
            self._cells[replication] = live(self.prepared, replication)
        return self._cells[replication]

    def arms(self) -> dict[str, Arm]:
        """The policies that act on a detector which answers."""
        return {name: arm for name, arm in self.scenario.arms.items() if arm.detector in self.prepared.scorers}


def live(prepared: Prepared, replication: int) -> Cell:
    """One replication. Raises DetectorFailed where any detector fails: what is missing could not be compared."""
    cell = run_cell(prepared, replication)
    for name in prepared.scorers:
        if name not in cell.readings:
            lost = next(fault for fault in cell.faults if fault.detector == name and fault.effect == "failed")
            raise DetectorFailed(lost.kind, lost.first, name)
    return cell


def read(prepared: Prepared, replication: int) -> ReadWorld:
    """One replication's world, read and not yet lived through. Raises DetectorFailed as :func:`live`."""
    known = read_world(prepared, replication)
    for name, scorer in prepared.scorers.items():
        if name not in known.readings:
            lost = scorer.guard.faults()[-1]
            raise DetectorFailed(lost.kind, lost.first, name)
    return known


# -- the same worlds with something changed ---------------------------------------------------------------------------


def under(prepared: Prepared, scenario: Scenario) -> Prepared:
    """The same made ready for a scenario that differs only in what a model's own arrays do not depend on."""
    return replace(prepared, model=replace(prepared.model, scenario=scenario))


def grooming_only(prepared: Prepared) -> Prepared:
    """Without harmless traffic: no false alert, and whatever follows from one."""
    scenario = prepared.model.scenario
    sampling = scenario.sampling.model_copy(update={"benign_fraction": NO_HARMLESS})
    return under(prepared, scenario.model_copy(update={"sampling": sampling}))


def with_arms(prepared: Prepared, arms: Mapping[str, Arm], like: Mapping[str, str]) -> Prepared:
    """With these arms beside the comparator. ``like``: new arm -> the arm of its detector at whose levels it acts."""
    scenario = prepared.model.scenario
    kept = {scenario.comparator: scenario.arms[scenario.comparator]}
    levels = dict(prepared.levels)
    for name, arm in arms.items():
        if arm.detector is not None and name in like:
            levels[arm.detector] = _levels_too(levels[arm.detector], name, like[name], arm)
    model = scenario.model_copy(update={"arms": kept | dict(arms)})
    return replace(under(prepared, model), levels=levels)


def _levels_too(levels: Levels, name: str, like: str, arm: Arm) -> Levels:
    signal = levels.signal[like]
    if arm.trigger.rearm_below is None and arm.trigger.cooldown is None:
        signal = replace(signal, rearm=None, cooldown_s=None, at_most=1)
    of_arm = {name: levels.of_arm[like]} if like in levels.of_arm else {}
    worth = {name: levels.worth[like]} if like in levels.worth else {}
    urgent = {(name, queue): risk for (one, queue), risk in levels.urgent.items() if one == like}
    return replace(
        levels,
        signal=levels.signal | {name: signal},
        of_arm=levels.of_arm | of_arm,
        worth=levels.worth | worth,
        urgent=levels.urgent | urgent,
    )


def silenced(prepared: Prepared) -> Prepared:
    """The same policies at the same levels, with detectors that never give a number."""
    silent = _control(prepared, _SILENT, "never")
    return replace(prepared, scorers=dict.fromkeys(prepared.scorers, silent))


def with_first_message(prepared: Prepared, arms: Mapping[str, Arm]) -> Prepared:
    """With one more detector, on which the new ``arms`` act: it alerts on every first message, wherever it is sent."""
    scenario, nowhere = prepared.model.scenario, np.zeros(len(prepared.model.platforms), np.bool_)
    level = np.ones(1, np.float32)
    signal = Signal(level[0], None, 1, 1, None, 1, nowhere)
    levels = Levels(level, dict.fromkeys(arms, 0), np.zeros(len(LADDER_RATES), np.int64), None)
    levels = replace(levels, signal=dict.fromkeys(arms, signal))
    scorer = _control(prepared, FIRST_MESSAGE, "always")
    more = under(prepared, scenario.model_copy(update={"arms": scenario.arms | dict(arms)}))
    scorers = dict(prepared.scorers) | {FIRST_MESSAGE: scorer}
    return replace(more, scorers=scorers, levels=dict(prepared.levels) | {FIRST_MESSAGE: levels})


def _control(prepared: Prepared, name: str, use: str) -> Scorer:
    spec = DetectorSpec(use=use, aggregator=Aggregator(kind="last"))
    detector = build_detector(spec, Path(), name)
    return bind(name, spec, detector, prepared.model.phrasebooks["use"].texts)


def alone(arm: Arm, **more: Any) -> Arm:
    """The same arm without its detector: the police under its law, and what its code changes of itself."""
    nothing: dict[str, Any] = {
        "detector": None,
        "alert_level": None,
        "on_alert": [],
        "queues": {},
        "failures": None,
        "encrypted": [],
    }
    return arm.model_copy(update=nothing | {"trigger": Trigger()} | more)
