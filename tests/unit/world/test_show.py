"""One conversation shown to a person is the one that detectors read, under made-up names."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from simharness.errors import UsageError
from simharness.world.contacts import BENIGN_BIT, OCCASION_BITS, Contacts
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel
from simharness.world.show import show_conversation

SEED = 2024


@pytest.fixture(scope="module")
def world(model: WorldModel) -> World:
    return World(model, SEED)


@pytest.fixture(scope="module")
def grooming(world: World, whole: Callable[..., Batch]) -> Batch:
    """Every grooming conversation, read in one pass as detectors read them."""
    return whole(world, world.grooming_contacts())


@pytest.fixture(scope="module")
def harmless(world: World, whole: Callable[..., Batch]) -> Batch:
    """Some hundreds of harmless conversations, of children in the middle of the population."""
    contacts = next(world.benign_contacts())
    return whole(world, contacts.take(slice(len(contacts) // 2, len(contacts) // 2 + 300)))


@pytest.fixture(params=["grooming", "harmless"])
def batch(request: pytest.FixtureRequest) -> Batch:
    read: Batch = request.getfixturevalue(request.param)
    return read


def some(contacts: Contacts) -> list[int]:
    return np.linspace(0, len(contacts) - 1, 12).astype(int).tolist()


def test_every_message_is_the_batch_s_own(world: World, batch: Batch) -> None:
    view, messages = batch.view, 0
    for row in some(batch.contacts):
        shown = show_conversation(world, int(batch.contacts.conversation[row]))
        places = range(int(view.begin[row]), int(view.end[row]))
        assert [m.text for m in shown.messages] == [view.text(place) for place in places]
        assert [m.from_initiator for m in shown.messages] == [int(view.symbol[place]) % 2 == 0 for place in places]
        assert [m.time_s for m in shown.messages] == [world.model.clock.wall(view.time_s[place]) for place in places]
        assert [m.index for m in shown.messages] == list(range(1, len(places) + 1))
        assert {m.conversation for m in shown.messages} <= {shown.conversation}
        assert shown.platform == world.model.platforms[int(view.platform[row])]
        messages += len(places)
    assert messages > 100


def test_times_are_wall_seconds_within_the_period_and_in_order(world: World, grooming: Batch) -> None:
    shown = show_conversation(world, int(grooming.contacts.conversation[np.argmax(grooming.truth.messages)]))
    times = [message.time_s for message in shown.messages]
    assert times == sorted(times)
    assert times[0] >= 0.0 and times[-1] < world.model.scenario.horizon_s
    clock = world.model.clock
    assert all(clock.begins_s <= time % 86_400.0 <= clock.begins_s + clock.lasts_s for time in times)


def test_accounts_are_synthetic_and_named_for_nobody(world: World, batch: Batch) -> None:
    for row in some(batch.contacts):
        shown = show_conversation(world, int(batch.contacts.conversation[row]))
        for account in (shown.initiator, shown.child):
            assert re.fullmatch(rf"[a-z]+_{account.account}_synth", account.handle)
            assert re.fullmatch(r"[A-Z][a-z]+ [A-Z]\.", account.display_name)
        assert shown.child.account == batch.contacts.child[row]
        assert all(part.synthetic for part in (shown, shown.initiator, shown.child, *shown.messages))


def test_an_offender_is_one_account_and_everybody_else_another(world: World, grooming: Batch, harmless: Batch) -> None:
    contacts = grooming.contacts
    busiest = int(np.argmax(np.bincount(contacts.initiator)))
    own = [show_conversation(world, i).initiator for i in contacts.conversation[contacts.initiator == busiest].tolist()]
    assert len(own) > 1
    assert len(set(own)) == 1
    others = [
        show_conversation(world, int(harmless.contacts.conversation[i])).initiator for i in some(harmless.contacts)
    ]
    children = [show_conversation(world, int(contacts.conversation[i])).child for i in some(contacts)]
    accounts = {account.account for account in (own[0], *others, *children)}
    assert len(accounts) == 1 + len(others) + len({child.account for child in children})
    assert min(account.account for account in (own[0], *others)) >= world.model.children.total


def test_showing_is_pure(world: World, model: WorldModel, grooming: Batch, harmless: Batch) -> None:
    """Whatever was shown before, from whichever world of the same seed, in batches of whatever size."""
    ids = [int(batch.contacts.conversation[7]) for batch in (grooming, harmless)]
    first = [show_conversation(world, each) for each in ids]
    other = World(model, SEED, batch_size=1)
    assert [show_conversation(other, each) for each in reversed(ids)] == first[::-1]
    assert show_conversation(World(model, SEED + 1), _any_id(World(model, SEED + 1))) not in first


def _any_id(world: World) -> int:
    return int(world.grooming_contacts().conversation[0])


def test_an_id_the_world_does_not_have_is_refused(world: World, grooming: Batch) -> None:
    offender, child = world.offenders - 1, world.model.children.total - 1
    # Ids that would be right in a world with more people in it.
    offenders = np.arange(world.offenders, world.offenders + 50, dtype=np.uint64)
    children = np.arange(child + 1, child + 20_000, dtype=np.uint64)
    unknown = {
        "too many contacts": offender << OCCASION_BITS | 99_999,
        "too many harmless contacts": BENIGN_BIT | child << OCCASION_BITS | 99_999,
        "no such offender": int(world.grooming_contacts(offenders).conversation[0]),
        "no such child": int(world.benign_contacts_of(children).conversation[0]),
        "not sampled": BENIGN_BIT | _quiet_child(world) << OCCASION_BITS,
        "negative": -1,
        "negative of a real one": -_any_id(world) - 1,
        "beyond 64 bits": _any_id(world) + 2**64,
    }
    for why, conversation in unknown.items():
        with pytest.raises(UsageError) as caught:
            show_conversation(world, conversation)
        assert str(caught.value) == (
            f"conversation {conversation}: this world has no such conversation.\n"
            "  Take an id from a run's tables, and the replication it is listed under."
        ), why


def _quiet_child(world: World) -> int:
    talking = next(world.benign_contacts()).child
    return next(child for child in range(world.model.children.total) if child not in talking)


def test_a_conversation_longer_than_the_first_buffer_is_shown_whole(
    make_model: Callable[..., WorldModel], grooming: Batch
) -> None:
    world = World(make_model(), SEED, batch_size=1)
    row = int(np.argmax(grooming.truth.messages))
    shown = show_conversation(world, int(grooming.contacts.conversation[row]))
    assert len(shown.messages) == grooming.truth.messages[row] > 128
