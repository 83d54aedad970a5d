"""What every reader of messages must hold. The contract's own rules are asked, and what a whole stream adds to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from simharness.detection.answers import Declared
from simharness.detection.contract.probe import EVENTS, Probe
from simharness.detection.contract.rules import Rule, Trial, order_of_conversations, past_only, renamed
from simharness.detection.contract.samples import Samples, samples
from simharness.detection.faults import DetectorFailed
from simharness.detection.rows import take_events
from simharness.detection.scoring import build_detector, release
from simharness.detection.streams import begin
from simharness.detection.training import fit, sample_contacts
from simharness.outcomes.cell import replication_seed
from simharness.records import EventBatch
from simharness.selftest.context import Context, read
from simharness.selftest.findings import Difference, NotApplicable, Outcome, outcome_of
from simharness.streams import uniform
from simharness.world.events import event_batches
from simharness.world.generate import World

_GROOMING, _HARMLESS = 40, 200  # conversations of the stream, with the accounts they have in the world
_ALL = 1 << 40  # events of a batch: every one
_TOLERANCE = 1e-4  # of the spread of all numbers, as in the contract
_Stream = Callable[[Any, EventBatch], tuple[EventBatch, Any]]


def id_permutation(context: Context) -> Outcome:
    """Names are names: conversations and accounts shuffled and renamed have the risk they had."""
    compared = "each detector on conversations in another order and batches, under other names"
    return _ruled(context, (order_of_conversations, renamed), _renamed, compared)


def future_scramble(context: Context) -> Outcome:
    """Nobody has the next message yet: whatever follows one, in its conversation or others, its risk is the same."""
    return _ruled(
        context, (past_only,), _scrambled, "each detector on conversations cut off or scrambled after a message"
    )


def higher_level_is_subset(context: Context) -> Outcome:
    """A higher alert level alerts on some of the same conversations, and on none of them earlier."""
    if not context.prepared.scorers:
        return NotApplicable("no detector answers")
    compared, seen = "each detector at every level it is measured at", 0
    known = read(context.prepared, 0)
    for batch in known.grooming.world.batches(known.grooming.contacts.take(slice(0, known.grooming.planned))):
        for name, reading in known.readings.items():
            places = reading.scorer.crossings(batch.view, reading.levels.risk)
            seen += places.size
            never = np.iinfo(np.int32).max
            first = np.where(places < 0, never, places).astype(np.int64)
            rows, levels = np.nonzero(np.diff(first, axis=1) < 0)
            if rows.size:
                row, level = int(rows[0]), int(levels[0])
                where = f"conversation {batch.contacts.conversation[row]}, level {reading.levels.risk[level + 1]:.6g}"
                got = f"message {first[row, level + 1] + 1}"
                later = "never" if first[row, level] == never else f"message {first[row, level] + 1}"
                expected = f"not before the lower level {reading.levels.risk[level]:.6g}: {later}"
                return outcome_of(compared, "", Difference(name, "first alert", where, got, expected))
    return outcome_of(compared, f"{seen:,} pairs of a conversation and a level", None)


def _ruled(context: Context, rules: tuple[Rule, ...], change: _Stream, compared: str) -> Outcome:
    """Rules of the contract for every detector, and for a watcher of events a change to a whole stream as well."""
    given, lost = samples(context.loaded, 1), list[DetectorFailed]()
    for name in context.scenario.detectors:
        try:
            found = _detector_broken(context, name, given, rules, change)
        except DetectorFailed as error:
            lost.append(DetectorFailed(error.kind, error.problem, name))
            continue
        if found is not None:
            return outcome_of(compared, "", found)
    if lost:
        raise lost[0]
    detectors = len(context.scenario.detectors)
    return outcome_of(compared, f"{detectors} detector(s), {len(given.batch)} conversations each", None)


def _detector_broken(
    context: Context, name: str, given: Samples, rules: tuple[Rule, ...], change: _Stream
) -> Difference | None:
    made: list[Any] = []

    def probe() -> Probe:
        spec = context.scenario.detectors[name]
        made.append(build_detector(spec, context.loaded.folder, f"detectors.{name}"))
        assert given.privileged.model is not None
        fit(made[-1], given.training, given.privileged.model)
        return Probe(made[-1], Declared.of(made[-1], spec.range, spec.direction))

    try:
        ready = probe()
        trial = Trial(ready, probe, given, ready.risk(given.batch))
        for rule in rules:
            broken = rule(trial)
            if broken is not None:
                return Difference(name, broken.problem, broken.fed, broken.got, broken.expected)
        return _stream_broken(context, name, ready, change) if ready.reads == EVENTS else None
    finally:
        for detector in made:
            release(detector)


def _stream_broken(context: Context, name: str, probe: Probe, change: _Stream) -> Difference | None:
    """A watcher on one stream of the world, in which accounts have several conversations, and on it changed."""
    events = _stream(context)
    other, kept = change(probe, events)
    one, two = (_watched(probe, stream)[kept] for stream in (events, other))
    spread = float(np.ptp(one[np.isfinite(one)])) if np.isfinite(one).any() else 0.0
    with np.errstate(invalid="ignore"):
        near = np.abs(one - two) <= _TOLERANCE * max(spread, 1e-6)
    at = np.flatnonzero(~(near | (one == two) | (np.isnan(one) & np.isnan(two))))
    if not at.size:
        return None
    return Difference(
        name, f"risk in {change.__name__.strip('_')} stream", f"event {at[0] + 1}", *_both(two, one, at[0])
    )


def _both(got: Any, expected: Any, at: int) -> tuple[str, str]:
    return f"{got[at]:g}", f"{expected[at]:g}"


def _stream(context: Context) -> EventBatch:
    model = context.prepared.model
    world = World(model, replication_seed(model.scenario, 0))
    return next(event_batches(world, list(sample_contacts(world, _GROOMING, _HARMLESS)), _ALL))


def _watched(probe: Probe, events: EventBatch) -> Any:
    return np.asarray(begin(probe.detector).watch(events), np.float32)


def _renamed(probe: Probe, events: EventBatch) -> tuple[EventBatch, Any]:
    def anew(stream: str, names: Any) -> Any:
        return (uniform(6, stream, names) * 2.0**52).astype(np.uint64)

    names = {
        "conversation": anew("selftest.conversation", events.conversation),
        "account": anew("selftest.account", events.account),
        "child": anew("selftest.child", events.child),
    }
    return replace(events, **names), slice(None)


def _scrambled(probe: Probe, events: EventBatch) -> tuple[EventBatch, Any]:
    """From the middle of the stream on, some of its events over again and others not at all."""
    half = len(events) // 2
    later = len(events) - half
    order = half + (uniform(7, "selftest.future", np.arange(later)) * later).astype(np.int64)
    shuffled = take_events(events, np.concatenate([np.arange(half), order]))
    return replace(shuffled, time_s=events.time_s), slice(0, half)
