"""Pairs of worlds that differ in one thing: nothing else may move (after Starsim's test_worlds)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest

from simharness.records import Truth
from simharness.world.contacts import Contacts
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel

SEED = 404
Make = Callable[..., WorldModel]
Whole = Callable[[World, Contacts], Batch]


def grooming(model: WorldModel, whole: Whole, seed: int = SEED) -> Batch:
    world = World(model, seed)
    return whole(world, world.grooming_contacts())


def benign(model: WorldModel, whole: Whole, seed: int = SEED) -> Batch:
    world = World(model, seed)
    return whole(world, next(iter(world.benign_contacts())).take(slice(0, 1500)))


def differing(one: Batch, two: Batch, without: tuple[str, ...] = ()) -> set[str]:
    """Names of everything in which two batches of the same conversations differ."""
    groups = (
        (Contacts.__slots__, one.contacts, two.contacts),
        (("symbol", "time_s", "begin", "end"), one.view, two.view),
        (tuple(f.name for f in fields(Truth)), one.truth, two.truth),
        (("stage",), one, two),
    )
    return {
        name
        for names, a, b in groups
        for name in names
        if name not in without and not np.array_equal(getattr(a, name), getattr(b, name))
    }


def messages(batch: Batch) -> dict[int, tuple[list[int], list[float]]]:
    """Symbols and times of each conversation by its id."""
    own = zip(batch.contacts.conversation, batch.view.begin, batch.view.end, strict=True)
    return {int(i): (batch.view.symbol[b:e].tolist(), batch.view.time_s[b:e].tolist()) for i, b, e in own}


def test_the_same_world_twice(model: WorldModel, whole: Whole) -> None:
    assert differing(grooming(model, whole), grooming(model, whole)) == set()
    assert differing(benign(model, whole), benign(model, whole)) == set()


def test_one_more_offender_changes_nobody_else(model: WorldModel, make_model: Make, whole: Whole) -> None:
    scenario = model.scenario
    more_model = make_model(f"world.offenders.count.value={scenario.world.offenders.count.value + 1 / scenario.scale}")
    few, more = grooming(model, whole), grooming(more_model, whole)
    added = more.contacts.initiator == round(scenario.world.offenders.count.value * scenario.scale)
    assert added.any() and set(more.contacts.initiator[~added]) == set(few.contacts.initiator)
    world = World(more_model, SEED)
    assert differing(few, whole(world, more.contacts.take(~added))) == set()
    told = messages(more)
    assert all(told[i] == own for i, own in messages(few).items())
    assert differing(benign(model, whole), benign(more_model, whole)) == set()


@pytest.mark.parametrize(
    "assignment",
    [
        "world.benign.contact_rate=2.0/month",
        "world.benign.platforms={facebook: 0.1, instagram: 0.2, snapchat: 0.2, other: 0.5}",
        "world.benign.classes.peers.pacing={direct: 1}",
        "world.benign.classes.family.declared_adult=0.1",
        "world.grammar.benign.peers.stages.lasting.dwell=20",
        "world.grammar.emissions.peer_talk.initiator_share=0.9",
        "sampling.benign_fraction=0.001",
    ],
)
def test_a_harmless_parameter_changes_no_grooming_conversation(
    model: WorldModel, make_model: Make, whole: Whole, assignment: str
) -> None:
    changed = make_model(assignment)
    assert differing(grooming(model, whole), grooming(changed, whole)) == set()
    assert differing(benign(model, whole), benign(changed, whole)) != set()


@pytest.mark.parametrize(
    "assignment",
    [
        "world.offenders.contact_rate.value=0.005/day",
        "world.offenders.types.adaptable.pacing={direct: 1}",
        "world.natural_course.child_tells.by_stage={friendship: 1/day, sexual: 1/day}",
        "world.grammar.grooming.adaptable.stages.friendship.dwell=40",
        "world.victims.groups=[{sex: boy, youngest: 7, oldest: 15, share: 1}]",
    ],
)
def test_a_parameter_of_grooming_changes_no_harmless_conversation(
    model: WorldModel, make_model: Make, whole: Whole, assignment: str
) -> None:
    changed = make_model(assignment)
    assert differing(benign(model, whole), benign(changed, whole)) == set()
    assert differing(grooming(model, whole), grooming(changed, whole)) != set()


def test_another_seed_is_another_world(model: WorldModel, whole: Whole) -> None:
    one, two = grooming(model, whole), grooming(model, whole, SEED + 1)
    told, retold = messages(one), messages(two)
    shared = told.keys() & retold.keys()  # ids are numbers, so many are in both
    assert len(shared) > 20 and not any(told[i] == retold[i] for i in shared)
    _, rows, others = np.intersect1d(one.contacts.conversation, two.contacts.conversation, return_indices=True)
    limits = {
        "child": 0.05,
        "start": 0.05,
        "kind": 0.8,
        "regime": 0.8,
        "platform": 0.8,
        "declared_adult": 0.8,
        "girl": 0.95,
    }
    for name, limit in limits.items():
        assert np.mean(getattr(one.contacts, name)[rows] == getattr(two.contacts, name)[others]) < limit, name
    assert messages(benign(model, whole)).keys() != messages(benign(model, whole, SEED + 1)).keys()


@pytest.mark.parametrize("dial", ["overlap", "drift", "obfuscation"])
def test_a_dial_of_the_phrasebook_changes_wording_only(
    model: WorldModel, make_model: Make, whole: Whole, dial: str
) -> None:
    dialled = make_model(f"world.phrasebook.{dial}=0.9")
    one, two = grooming(model, whole), grooming(dialled, whole)
    assert differing(one, two) == set()
    assert one.view.texts != two.view.texts
    assert np.array_equal(model.phrasebooks["use"].act_of, dialled.phrasebooks["use"].act_of)


def test_another_rendering_keeps_every_act(model: WorldModel, make_model: Make, whole: Whole) -> None:
    gloss = make_model("world.phrasebook.rendering=gloss")
    one, two = grooming(model, whole), grooming(gloss, whole)
    assert differing(one, two, without=("symbol",)) == set()
    acts = [m.phrasebooks["use"].act_of[b.view.symbol >> 1] for m, b in ((model, one), (gloss, two))]
    assert np.array_equal(*acts) and np.array_equal(one.view.symbol & 1, two.view.symbol & 1)


def test_the_training_edition_words_the_same_messages(model: WorldModel, whole: Whole) -> None:
    use, training = World(model, SEED), World(model, SEED, edition="training")
    contacts = use.grooming_contacts()
    one, two = whole(use, contacts), whole(training, contacts)
    assert differing(one, two) == set() and one.view.texts != two.view.texts


def test_whether_adults_report_leaves_every_message(model: WorldModel, make_model: Make, whole: Whole) -> None:
    silent = make_model("world.natural_course.reported_to_police.value=0")
    one, two = grooming(model, whole), grooming(silent, whole)
    assert differing(one, two) == {"reported"} and np.isinf(two.truth.reported).all()


def test_what_children_of_one_age_tell_changes_no_other_child(
    model: WorldModel, make_model: Make, whole: Whole
) -> None:
    one = grooming(model, whole)
    bands = "{youngest: 7, oldest: 11, factor: 1.3}, {youngest: 13, oldest: 13, factor: 40}"  # the first as it is
    two = grooming(make_model(f"world.natural_course.child_tells.by_age=[{bands}]"), whole)
    others = one.contacts.age != 13
    for name in (field.name for field in fields(Truth)):
        assert np.array_equal(getattr(one.truth, name)[others], getattr(two.truth, name)[others]), name
    told, retold = messages(one), messages(two)
    assert all(told[i] == retold[i] for i in one.contacts.conversation[others].tolist())
    moved = one.truth.reported[~others] > two.truth.reported[~others]
    assert np.all(one.truth.closed >= two.truth.closed) and moved.sum() > 20
    assert np.all(one.truth.messages >= two.truth.messages)


def test_adults_who_never_end_it_only_lengthen_conversations(model: WorldModel, make_model: Make, whole: Whole) -> None:
    one = grooming(model, whole)
    two = grooming(make_model("world.natural_course.adult_ends_contact.value=0"), whole)
    longer = one.truth.messages != two.truth.messages
    assert 0 < longer.sum() <= (one.truth.reason == 5).sum()
    full = messages(two)
    for conversation, (symbols, times) in messages(one).items():
        assert full[conversation][0][: len(symbols)] == symbols and full[conversation][1][: len(times)] == times
