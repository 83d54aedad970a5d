"""What holds in every world: Hypothesis over small random grammars, paces and natural courses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from simharness.scenario.world import END_REASONS, Chain, Grammar, PacingRegime
from simharness.streams import uniform
from simharness.suites.strategies.grammar import chains, courses, paces
from simharness.world.contacts import BENIGN_BIT, Contacts
from simharness.world.generate import REASONS, Batch, World
from simharness.world.grammar import compile_grammar
from simharness.world.messages import ADULT, CENSORED
from simharness.world.model import WorldModel

EMISSIONS: dict[str, Any] = {
    "friendship": {"initiator_share": 0.5, "initiator": {"school": 1}, "child": {"games": 1}},
    "sexual": {"initiator_share": 0.7, "initiator": {"sexual": 1, "agrees": 2}, "child": {"declines": 1, "sexual": 1}},
    "approach": {"initiator_share": 0.6, "initiator": {"suggests_meeting": 1, "sexual": 1}, "child": {"agrees": 1}},
}
CONVERSATIONS = 60


def contacts(seed: int, horizon: float) -> Contacts:
    """Contacts at any time of the period, every third one harmless."""
    n = CONVERSATIONS
    number = np.arange(n)
    kind = (number % 3 == 2).astype(np.uint8)
    harmless = kind == 1
    ids = number.astype(np.uint64) | np.where(harmless, np.uint64(BENIGN_BIT), np.uint64(0))
    initiator = np.where(harmless, -1, number)
    zeros = np.zeros(n, np.uint8)
    start = uniform(seed, "test.start", number.astype(np.uint64)) * horizon
    adult, recent = zeros.astype(bool), zeros.astype(np.float32)
    age = (9 + number % 2).astype(np.uint8)
    return Contacts(ids, initiator, number, kind, zeros, zeros, start, adult, recent, adult, age, zeros)


def world_of(
    model: WorldModel, grammar: Grammar, pace: PacingRegime, course: dict[str, Any], days: int, seed: int
) -> World:
    compiled = compile_grammar(grammar, {"only": pace}, ("adaptable", "peers"))
    natural = model.scenario.world.natural_course.model_copy(update=course)
    scenario = model.scenario.model_copy(
        update={"world": model.scenario.world.model_copy(update={"natural_course": natural})}
    )
    changed = replace(model, scenario=scenario, grammar=compiled, horizon=days * model.clock.lasts_s)
    return World(changed, seed, batch_size=17)


# No shrinking: it takes minutes here, and the grammars are small enough to read as they are.
@settings(max_examples=60, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
@given(
    seed=st.integers(0, 2**32),
    grooming=chains(),
    benign=chains(),
    pace=paces(),
    course=courses(),
    days=st.integers(1, 20),
)
def test_every_world_is_in_order(
    model: WorldModel,
    small_grammar: Callable[..., Grammar],
    whole: Callable[[World, Contacts], Batch],
    seed: int,
    grooming: dict[str, Any],
    benign: dict[str, Any],
    pace: PacingRegime,
    course: dict[str, Any],
    days: int,
) -> None:
    grammar = small_grammar({"adaptable": grooming}, {"peers": benign}, EMISSIONS)
    world = world_of(model, grammar, pace, course, days, seed)
    horizon = world.model.horizon
    batch = whole(world, contacts(seed, horizon))
    times_are_in_order(batch, horizon)
    stages_follow_arcs(batch, world, (grammar.grooming["adaptable"], grammar.benign["peers"]))
    events_are_in_order(batch, horizon, course["repeat_after"] * world.model.clock.lasts_s / 86_400)
    every_conversation_is_accounted_for(batch)
    only_who_can_tell_tells(batch, course)


def times_are_in_order(batch: Batch, horizon: float) -> None:
    view = batch.view
    owner = np.repeat(np.arange(len(view)), view.end - view.begin)
    same = np.diff(owner) == 0
    assert np.all(np.diff(view.time_s)[same] >= 0)
    assert np.array_equal(view.time_s[view.begin], batch.contacts.start)
    assert view.time_s.max() < horizon


def stages_follow_arcs(batch: Batch, world: World, chains: tuple[Chain, Chain]) -> None:
    names, view = world.model.grammar.stage_names, batch.view
    for kind, begin, end, reason in zip(batch.contacts.kind, view.begin, view.end, batch.truth.reason, strict=True):
        chain = chains[kind]
        path = [names[stage] for stage in batch.stage[begin:end]]
        assert chain.start.get(path[0], 0) > 0
        for here, there in pairwise(path):
            assert here == there or chain.stages[here].next.get(there, 0) > 0
        if REASONS[reason] in END_REASONS:
            assert chain.stages[path[-1]].next.get(f"end.{REASONS[reason]}", 0) > 0


def events_are_in_order(batch: Batch, horizon: float, repeat_after: float) -> None:
    truth, harmless, start = batch.truth, batch.contacts.initiator < 0, batch.contacts.start
    last = batch.view.time_s[batch.view.end - 1]
    assert np.all(truth.offence >= start) and np.all(truth.meeting >= start)
    happened = np.isfinite(truth.repeat)
    assert np.all(truth.repeat[happened] >= truth.offence[happened] + repeat_after - 1e-6)
    assert np.all(np.isfinite(truth.meeting[np.isfinite(truth.contact)])) and np.all(truth.contact >= truth.meeting)
    for event_, within in ((truth.offence, last), (truth.repeat, last), (truth.meeting, last)):
        assert np.all(event_[np.isfinite(event_)] <= within[np.isfinite(event_)])  # messages, so in the conversation
    told = np.isfinite(truth.reported)
    assert np.all(truth.reported >= start) and not told[harmless].any()
    ended = told & (truth.reason == ADULT)  # by the first adult who knew, and that one told the police
    assert np.array_equal(truth.reported[ended], truth.closed[ended])
    assert np.all(truth.closed >= last)
    for event_ in (truth.offence, truth.repeat, truth.meeting, truth.contact, truth.reported, truth.closed):
        assert np.all((event_ < horizon) | np.isinf(event_))


def only_who_can_tell_tells(batch: Batch, course: dict[str, Any]) -> None:
    tells, truth = course["child_tells"], batch.truth
    late = np.isfinite(truth.reported) & (truth.reported > truth.closed)  # nobody notices what is over
    silent = (batch.contacts.age <= 9) & (tells.by_age[0].factor == 0.0)
    assert not late[silent].any() and (tells.after_end > 0.0 or not late.any())
    if not any(tells.by_stage.values()):
        assert not late.any()


def every_conversation_is_accounted_for(batch: Batch) -> None:
    truth, harmless = batch.truth, batch.contacts.initiator < 0
    last = batch.view.time_s[batch.view.end - 1]
    open_, adult = truth.reason == CENSORED, truth.reason == ADULT
    assert truth.reason.max() < len(REASONS)
    assert np.array_equal(open_, np.isinf(truth.closed))
    assert not adult[harmless].any()
    itself = ~open_ & ~adult
    assert np.array_equal(truth.closed[itself], last[itself])  # ends with its last message
    assert open_.sum() + adult.sum() + itself.sum() == len(batch.contacts) == len(batch.view)
    assert truth.messages.sum() == batch.view.symbol.size and truth.messages.min() >= 1
