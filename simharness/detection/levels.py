"""Alert levels set by what they cost: the risk that gives a stated number of false alerts on a calibration world.

A level belongs to a detector and its trigger (the running risk, or s of n). It is set on conversations whose texts can
be read: platforms on which an arm reads nothing raise fewer alerts, not other ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simharness.detection.faults import DetectorFailed, Fault
from simharness.detection.scoring import Scorer
from simharness.detection.training import benign_sample, benign_share, calibration_world, grooming_sample
from simharness.detection.triggers import Signal, sustained
from simharness.detection.watching import watched
from simharness.detection.worth import Worth, worths
from simharness.scenario.levels import AlertLevel
from simharness.scenario.model import MONTH_DAYS
from simharness.scenario.policy import Arm
from simharness.world.clock import DAY_S
from simharness.world.contacts import Contacts
from simharness.world.generate import World
from simharness.world.model import WorldModel

# False alerts per 1,000 child-months at which every detector is measured, whatever the policies use.
LADDER_RATES = tuple(2.0 ** (half / 2) for half in range(-8, 14))  # 0.06 to 90, with 1 among them
REFERENCE = LADDER_RATES.index(1.0)
_STATED = "a level stated for the detector itself"
UNREACHABLE = np.float32(np.finfo(np.float32).max)  # no finite risk gives so few false alerts: this level never alerts
PLAIN = (1, 1)  # s of n of an arm that alerts on the running risk itself

Window = tuple[int, int]  # s of n
Peaks = dict[Window, NDArray[np.float32]]  # highest risk of every harmless conversation, ascending


@dataclass(frozen=True, slots=True)
class Levels:
    """Ascending alert levels of one detector: those its policies use and those of the ladder of measured rates."""

    risk: NDArray[np.float32]  # (levels,) of the running risk
    of_arm: dict[str, int]  # arm that alerts on the running risk itself -> place in ``risk``
    ladder: NDArray[np.int64]  # place in ``risk`` of each of LADDER_RATES
    stated: int | None = None  # place of the level the scenario states for measuring this detector, if it does
    signal: dict[str, Signal] = field(default_factory=dict)  # arm -> its trigger; every arm of the detector
    urgent: dict[tuple[str, str], float] = field(default_factory=dict)  # (arm, queue) -> risk from which on it is
    worth: dict[str, Worth] = field(default_factory=dict)  # arm with a queue in order of the value of time

    @property
    def measured(self) -> int:
        """Place of the level it is measured at: one false alert per 1,000 child-months, or as stated."""
        return int(self.ladder[REFERENCE]) if self.stated is None else self.stated


def calibrate_levels(
    model: WorldModel, scorers: Mapping[str, Scorer], faults: list[Fault] | None = None
) -> dict[str, Levels]:
    """Levels of every detector, from the peaks of harmless conversations in a world of its own seed stream.

    One that fails is left out and its fault noted in ``faults``; without such a list DetectorFailed is raised.
    """
    world = calibration_world(model)
    contacts = benign_sample(world, model.scenario.training.calibration)
    alive = _on_stream(world, contacts, scorers, faults)
    peaks = _peaks(world, contacts, alive, faults)
    levels = {name: _levels(model, name, found) for name, found in peaks.items()}
    valued = {
        arm: (name, signal)
        for name, found in levels.items()
        for arm, signal in found.signal.items()
        if model.scenario.arms[arm].values_time
    }
    while valued:
        try:
            found = worths(world, contacts, alive, valued)
        except DetectorFailed as error:
            if faults is None:
                raise
            faults += alive.pop(error.detector).guard.faults()
            del levels[error.detector]
            valued = {arm: given for arm, given in valued.items() if given[0] != error.detector}
            continue
        for arm, worth in found.items():
            levels[valued[arm][0]].worth[arm] = worth
        break
    return levels


def _on_stream(
    world: World, contacts: Contacts, scorers: Mapping[str, Scorer], faults: list[Fault] | None
) -> dict[str, Scorer]:
    """The scorers, those that need a stream with that of the calibration world behind them."""
    model, ready = world.model, {}
    blocks = [contacts]
    if any(arm.values_time for arm in model.scenario.arms.values()):  # as ``worths`` will ask
        blocks.append(grooming_sample(world, model.scenario.training.grooming))
    share = benign_share(model, model.scenario.training.calibration)
    for name, scorer in scorers.items():
        valued = [arm for arm in _arms_of(model, name).values() if arm.values_time]
        try:
            ready[name] = watched(scorer, world, [blocks], [_hidden_under(model, arm) for arm in valued], share)
        except DetectorFailed:
            if faults is None:
                raise
            faults += scorer.guard.faults()
    return ready


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


def _arms_of(model: WorldModel, detector: str) -> dict[str, Arm]:
    return {name: arm for name, arm in model.scenario.arms.items() if arm.detector == detector}


def _hidden_under(model: WorldModel, arm: Arm) -> NDArray[np.bool_]:
    """Platforms whose texts an arm's detector does not see, shape (platforms,)."""
    return np.isin(np.array(model.platforms), arm.encrypted)


def _window(arm: Arm) -> Window:
    rule = arm.trigger.s_of_n
    return (rule.s, rule.n) if rule else PLAIN


def _peaks(world: World, contacts: Contacts, alive: dict[str, Scorer], faults: list[Fault] | None) -> dict[str, Peaks]:
    """Of every detector: the peaks of its running risk, and of each s of n that its arms use. Those that fail are
    taken out of ``alive``.
    """
    found: dict[str, dict[Window, list[NDArray[np.float32]]]] = {}
    for name in alive:
        found[name] = {window: [] for window in {PLAIN, *map(_window, _arms_of(world.model, name).values())}}
    for batch in world.batches(contacts):
        view = batch.view
        for name, scorer in list(alive.items()):
            try:
                risk = scorer.risk(view)
            except DetectorFailed:
                if faults is None:
                    raise
                faults += scorer.guard.faults()
                del alive[name], found[name]
                continue
            for (s, n), parts in found[name].items():
                parts.append(scorer.peaks(view, sustained(risk, view, s, n) if n > 1 else risk))
    return {
        name: {window: np.sort(np.concatenate(parts)) for window, parts in windows.items()}
        for name, windows in found.items()
    }


def _levels(model: WorldModel, name: str, peaks: Peaks) -> Levels:
    per_1000 = contacts_per_1000_child_months(model)
    wanted: dict[object, np.float32] = {rate: level_for(rate, peaks[PLAIN], per_1000) for rate in LADDER_RATES}
    arms = _arms_of(model, name)
    signals = {arm_name: _signal(model, arm, peaks[_window(arm)]) for arm_name, arm in arms.items()}
    direct = [arm_name for arm_name, arm in arms.items() if _window(arm)[1] == 1]
    wanted |= {arm_name: signals[arm_name].level for arm_name in direct}
    stated = model.scenario.detectors[name].alert_level
    if stated is not None:
        wanted[_STATED] = _level(stated, peaks[PLAIN], per_1000)
    risk = np.unique(np.array(list(wanted.values()), np.float32))
    place = {key: int(np.searchsorted(risk, value)) for key, value in wanted.items()}
    ladder = np.array([place[rate] for rate in LADDER_RATES])
    urgent = _urgent(arms, peaks, per_1000)
    return Levels(risk, {arm: place[arm] for arm in direct}, ladder, place.get(_STATED), signals, urgent)


def _urgent(arms: Mapping[str, Arm], peaks: Peaks, per_1000: float) -> dict[tuple[str, str], float]:
    found = {}
    for arm_name, arm in arms.items():
        for queue_name, queue in arm.queues.items():
            if queue.service_level is not None and queue.service_level.urgent_above is not None:
                level = _level(queue.service_level.urgent_above, peaks[_window(arm)], per_1000)
                found[arm_name, queue_name] = float(level)
    return found


def _signal(model: WorldModel, arm: Arm, sorted_peaks: NDArray[np.float32]) -> Signal:
    per_1000, trigger = contacts_per_1000_child_months(model), arm.trigger
    assert arm.alert_level is not None
    several = trigger.rearm_below is not None or trigger.cooldown is not None
    s, n = _window(arm)
    return Signal(
        level=_level(arm.alert_level, sorted_peaks, per_1000),
        rearm=None if trigger.rearm_below is None else _level(trigger.rearm_below, sorted_peaks, per_1000),
        s=s,
        n=n,
        cooldown_s=None if trigger.cooldown is None else float(model.clock.waking_span(trigger.cooldown)),
        at_most=trigger.at_most if several else 1,
        hidden=_hidden_under(model, arm),
    )


def _level(level: AlertLevel, sorted_peaks: NDArray[np.float32], per_1000: float) -> np.float32:
    if level.risk is not None:
        return np.float32(level.risk)
    rate = level.false_alerts_per_1000_child_months
    assert rate is not None
    return level_for(rate, sorted_peaks, per_1000)
