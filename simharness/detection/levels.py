"""Alert levels set by what they cost: the risk that gives a stated number of false alerts on a calibration world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simharness.detection.scoring import Scorer
from simharness.detection.training import benign_sample
from simharness.scenario.model import MONTH_DAYS
from simharness.scenario.response import AlertLevel
from simharness.streams import derive_seed
from simharness.world.clock import DAY_S
from simharness.world.generate import World
from simharness.world.model import WorldModel

# False alerts per 1,000 child-months at which every detector is measured, whatever the policies use.
LADDER_RATES = tuple(2.0 ** (half / 2) for half in range(-8, 14))  # 0.06 to 90, with 1 among them
REFERENCE = LADDER_RATES.index(1.0)
_STATED = "a level stated for the detector itself"
UNREACHABLE = np.float32(np.finfo(np.float32).max)  # no finite risk gives so few false alerts: this level never alerts


@dataclass(frozen=True, slots=True)
class Levels:
    """Ascending alert levels of one detector: those its policies use and those of the ladder of measured rates."""

    risk: NDArray[np.float32]  # (levels,)
    of_arm: dict[str, int]  # arm -> place in ``risk``
    ladder: NDArray[np.int64]  # place in ``risk`` of each of LADDER_RATES
    stated: int | None = None  # place of the level the scenario states for measuring this detector, if it does

    @property
    def measured(self) -> int:
        """Place of the level it is measured at: one false alert per 1,000 child-months, or as stated."""
        return int(self.ladder[REFERENCE]) if self.stated is None else self.stated


def calibrate_levels(model: WorldModel, scorers: Mapping[str, Scorer]) -> dict[str, Levels]:
    """Levels of every detector, from the peaks of harmless conversations in a world of its own seed stream."""
    world = World(model, derive_seed(model.scenario.seed, "calibration"))
    contacts = benign_sample(world, model.scenario.training.calibration)
    peaks: dict[str, list[NDArray[np.float32]]] = {name: [] for name in scorers}
    for batch in world.batches(contacts):
        for name, scorer in scorers.items():
            peaks[name].append(scorer.peaks(batch.view))
    return {name: _levels(model, name, np.sort(np.concatenate(found))) for name, found in peaks.items()}


def contacts_per_1000_child_months(model: WorldModel) -> float:
    """Harmless conversations per 1,000 child-months: turns a share of conversations into a rate of false alerts."""
    return 1000.0 * model.scenario.world.benign.contact_rate * DAY_S * MONTH_DAYS


def level_for(rate: float, sorted_peaks: NDArray[np.float32], per_1000: float) -> np.float32:
    """The lowest risk at which at most ``rate`` false alerts per 1,000 child-months are raised."""
    # Conversations that never had a risk (-inf) do not count: a level there would alert on having seen nothing.
    allowed = min(int(rate / per_1000 * sorted_peaks.size), sorted_peaks.size)
    below = sorted_peaks[sorted_peaks.size - allowed - 1] if allowed < sorted_peaks.size else np.float32(-np.inf)
    threshold = np.nextafter(below, np.float32(np.inf))
    # At a tie (a detector with few distinct risks) the next distinct risk above is the lowest that keeps the promise.
    above = np.searchsorted(sorted_peaks, threshold)
    return np.float32(sorted_peaks[above]) if above < sorted_peaks.size else UNREACHABLE


def _levels(model: WorldModel, name: str, sorted_peaks: NDArray[np.float32]) -> Levels:
    per_1000 = contacts_per_1000_child_months(model)
    wanted: dict[object, np.float32] = {rate: level_for(rate, sorted_peaks, per_1000) for rate in LADDER_RATES}
    arms = {arm_name: arm for arm_name, arm in model.scenario.arms.items() if arm.detector == name}
    for arm_name, arm in arms.items():
        assert arm.alert_level is not None
        wanted[arm_name] = _level(arm.alert_level, sorted_peaks, per_1000)
    stated = model.scenario.detectors[name].alert_level
    if stated is not None:
        wanted[_STATED] = _level(stated, sorted_peaks, per_1000)
    risk = np.unique(np.array(list(wanted.values()), np.float32))
    place = {key: int(np.searchsorted(risk, value)) for key, value in wanted.items()}
    ladder = np.array([place[rate] for rate in LADDER_RATES])
    return Levels(risk, {arm: place[arm] for arm in arms}, ladder, place.get(_STATED))


def _level(level: AlertLevel, sorted_peaks: NDArray[np.float32], per_1000: float) -> np.float32:
    if level.risk is not None:
        return np.float32(level.risk)
    rate = level.false_alerts_per_1000_child_months
    assert rate is not None
    return level_for(rate, sorted_peaks, per_1000)
