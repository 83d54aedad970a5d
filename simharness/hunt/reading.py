"""The two readers a hunt holds against each other, the bound and a detector, and how they read one trajectory.

Both read a conversation from its first message to its last, on whatever platform, and every trajectory from the state
they were in after training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from simharness.detection.aggregators import running_risk
from simharness.detection.encryption import hide_messages
from simharness.detection.levels import (
    LADDER_RATES,
    REFERENCE,
    Levels,
    calibrate_levels,
    contacts_per_1000_child_months,
)
from simharness.detection.protocol import ConversationDetector, Detector, StreamDetector
from simharness.detection.scoring import Scorer, build_detectors, prepare
from simharness.detection.streams import watch_once
from simharness.detection.training import benign_sample, benign_share, calibration_world
from simharness.detection.triggers import Signal, alarms, sustained
from simharness.detection.watching import watched
from simharness.errors import UsageError
from simharness.hunt.records import Judgement, Reader, Trajectory
from simharness.hunt.trajectory import Sent, harm_of, send
from simharness.scenario.detector import DetectorSpec
from simharness.scenario.levels import AlertLevel
from simharness.scenario.load import Loaded, located
from simharness.scenario.model import Scenario
from simharness.scenario.policy import Arm, Trigger
from simharness.scenario.tree import did_you_mean
from simharness.world.clock import Clock
from simharness.world.model import WorldModel, build_model

Floats = NDArray[np.float32]
BOUND = "bayes_bound"


@dataclass(frozen=True, slots=True)
class Listener:
    """One trained reader and when it alerts."""

    scorer: Scorer
    signal: Signal


@dataclass(frozen=True, slots=True)
class Readers:
    """The bound and a detector, trained, with their levels; ``here`` and ``there``: numbers of the platform on which
    conversations begin and of that to which they move.
    """

    model: WorldModel
    bound: Listener
    detector: Listener
    here: int
    there: int


def readers(loaded: Loaded, detector: str, policy: str | None = None) -> Readers:
    """Train a detector of the scenario and the bound and set their levels as in a run, at one false-alert rate.

    With a policy the detector alerts by that arm's level and s of n, and cannot read texts on its encrypted platforms;
    the bound can. Budgets, repeated alerts and triggers over several conversations do not count: it is the first alert
    of one conversation that matters. Raises UsageError and DetectorFailed.
    """
    with located(loaded):
        scenario = _scenario(loaded.scenario.one_nation(), detector, policy)
        built: dict[str, Detector] = build_detectors(scenario.detectors, loaded.folder)
        return readers_of(build_model(scenario, loaded.folder), built, detector)


def readers_of(model: WorldModel, built: Mapping[str, Detector], detector: str) -> Readers:
    """As :func:`readers`, of detectors that are made already: the one named and the bound, with at most one arm."""
    bound = next(name for name in built if name != detector)
    with threadpool_limits(limits=1):  # training on more threads adds up in another order
        scorers = prepare(model, built)
        rate = _rate(model, scorers[detector])
        specs = model.scenario.detectors
        at_rate = specs[bound].model_copy(update={"alert_level": AlertLevel(false_alerts_per_1000_child_months=rate)})
        model = replace(model, scenario=model.scenario.model_copy(update={"detectors": {**specs, bound: at_rate}}))
        levels = calibrate_levels(model, scorers)
    signal = _signal(model, levels[detector])
    here, there = _platforms(signal.hidden)
    plain = _signal(model, levels[bound])
    return Readers(model, Listener(scorers[bound], plain), Listener(scorers[detector], signal), here, there)


def judge(readers: Readers, trajectory: Trajectory) -> Judgement:
    """One trajectory as both read it, nothing remembered from any before. Raises DetectorFailed, and UsageError for a
    trajectory that cannot be sent.
    """
    model = readers.model
    sent = send(trajectory, model.phrasebooks["use"], readers.here, readers.there)
    bound, detector = (_read(listener, sent, model.clock) for listener in (readers.bound, readers.detector))
    return Judgement(trajectory, harm_of(trajectory), bound, detector)


def _read(listener: Listener, sent: Sent, clock: Clock) -> Reader:
    scorer, signal = listener.scorer, listener.signal
    scorer.guard.faults()  # what it failed to answer before is not held against it
    risk = _risk(scorer, sent, signal.hidden[sent.platform], clock)
    if signal.n > 1:
        risk = sustained(risk, replace(sent.batch, moved=np.empty(0, np.int64)), signal.s, signal.n)
    seen = risk[sent.looked_at]
    reached = np.flatnonzero(seen >= signal.level)
    values = tuple(float(value) if np.isfinite(value) else None for value in seen)
    return Reader(scorer.name, values, float(signal.level), int(reached[0]) + 1 if reached.size else None)


def _risk(scorer: Scorer, sent: Sent, hidden: NDArray[np.bool_], clock: Clock) -> Floats:
    """Running risk after each message, conversations read through where they move. ``hidden``: messages without a
    text to be read.
    """
    batch = sent.batch
    if scorer.reads_texts:
        scores = np.where(hidden, np.float32(np.nan), scorer.scores(batch))
        return running_risk(scorer.aggregator, scores, batch, np.empty(scores.size, np.float32))
    if isinstance(scorer.detector, StreamDetector):
        events, order = sent.events(clock)
        if hidden.any():
            events = hide_messages(events, hidden[order])
        out = np.empty(len(events), np.float32)
        out[order] = watch_once(scorer.detector, scorer.guard, events)
        return out
    assert isinstance(scorer.detector, ConversationDetector)
    question = partial(scorer.detector.risk, hide_messages(batch, hidden) if hidden.any() else batch)
    return scorer.guard.ask(question, batch.symbol.size, "messages")


def _signal(model: WorldModel, levels: Levels) -> Signal:
    """When a detector alerts: by its arm, or where its running risk reaches the level it is measured at."""
    if levels.signal:
        return next(iter(levels.signal.values()))
    return Signal(levels.risk[levels.measured], None, 1, 1, None, 1, np.zeros(len(model.platforms), np.bool_))


def _rate(model: WorldModel, scorer: Scorer) -> float:
    """False alerts per 1,000 child-months of a detector: what is asked of it, or what the risk stated for it gives."""
    level, n = model.scenario.detectors[scorer.name].alert_level, (1, 1)
    for arm in model.scenario.arms.values():
        rule = arm.trigger.s_of_n
        level, n = arm.alert_level, (rule.s, rule.n) if rule else n
    if level is None:
        return float(LADDER_RATES[REFERENCE])
    if level.risk is None:
        assert level.false_alerts_per_1000_child_months is not None
        return float(level.false_alerts_per_1000_child_months)
    readable = np.zeros(len(model.platforms), np.bool_)
    return _measured(model, scorer, Signal(np.float32(level.risk), None, *n, None, 1, readable))


def _measured(model: WorldModel, scorer: Scorer, signal: Signal) -> float:
    """False alerts of a signal on the calibration world, at least the lowest rate at which detectors are measured."""
    world, size = calibration_world(model), model.scenario.training.calibration
    contacts = benign_sample(world, size)
    ready = watched(scorer, world, [[contacts]], share=benign_share(model, size))
    fired = sum(len(alarms(ready, signal, batch.view)) for batch in world.batches(contacts))
    return float(max(fired / len(contacts) * contacts_per_1000_child_months(model), LADDER_RATES[0]))


def _platforms(hidden: NDArray[np.bool_]) -> tuple[int, int]:
    """Where conversations begin, on a platform that can be read if there is one, and where they move, to one that
    cannot if there is one.
    """
    order = np.argsort(hidden, kind="stable")
    here = int(order[0])
    there = int(order[-1]) if hidden[order[-1]] > hidden[here] else int(order[min(1, order.size - 1)])
    return here, there


def _scenario(scenario: Scenario, detector: str, policy: str | None) -> Scenario:
    """The scenario with nothing but the detector, the bound and, if there is a policy, its arm with that detector."""
    if detector not in scenario.detectors:
        raise _unknown("detectors", detector, scenario.detectors)
    if policy is not None and policy not in scenario.arms:
        raise _unknown("arms", policy, scenario.arms)
    arms = {} if policy is None else {policy: _alerting(policy, scenario.arms[policy], detector)}
    bound = BOUND if detector != BOUND else f"{BOUND}_itself"
    detectors = {detector: scenario.detectors[detector], bound: DetectorSpec(use=BOUND)}
    return scenario.model_copy(update={"detectors": detectors, "arms": arms})


def _alerting(policy: str, arm: Arm, detector: str) -> Arm:
    """An arm as far as it says when its detector alerts first."""
    if arm.detector is None:
        hint = "Name a policy with a detector, or leave the policy out."
        raise UsageError(f"arms.{policy}", "the police act alone: nothing in it alerts", hint=hint)
    trigger = Trigger(s_of_n=arm.trigger.s_of_n)
    return arm.model_copy(update={"detector": detector, "trigger": trigger, "queues": {}, "on_alert": []})


def _unknown(where: str, name: str, known: Mapping[str, object]) -> UsageError:
    return UsageError(where, f"unknown name {name!r}", allowed=", ".join(known), hint=did_you_mean(name, known))
