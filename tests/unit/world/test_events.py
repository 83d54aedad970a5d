from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simharness.records import ConversationBatch, EventBatch
from simharness.world.accounts import account_keys, child_keys
from simharness.world.clock import Clock
from simharness.world.contacts import Contacts, concatenate
from simharness.world.events import event_batches
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel

SEED = 7
COLUMNS = [name for name in EventBatch.__slots__ if name != "texts"]


class HourClock(Clock):
    """Wall time by the hour, so that many messages fall on one moment."""

    def wall(self, waking_s: Any) -> Any:
        return np.floor(Clock.wall(self, waking_s) / 3600) * 3600


@pytest.fixture(scope="module")
def world(model: WorldModel) -> World:
    return World(model, SEED, batch_size=20)


@pytest.fixture(scope="module")
def blocks(world: World) -> list[Contacts]:
    return [world.grooming_contacts(np.arange(25, dtype=np.uint64)), *world.benign_contacts(fraction=0.0002)]


@pytest.fixture(scope="module")
def view(world: World, blocks: list[Contacts], whole: Callable[[World, Contacts], Batch]) -> ConversationBatch:
    return whole(world, concatenate(blocks)).view


def joined(batches: list[EventBatch]) -> dict[str, Any]:
    return {name: np.concatenate([getattr(batch, name) for batch in batches]) for name in COLUMNS}


def messages_of(view: ConversationBatch, wall: Callable[[Any], Any]) -> list[tuple[Any, ...]]:
    """(time, key, number, symbol) of every message, in order."""
    rows = np.repeat(np.arange(len(view)), view.end - view.begin)
    number = np.arange(view.symbol.size) - view.begin[rows] + 1
    columns = (wall(view.time_s), view.key[rows], number, view.symbol)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("clock", [Clock, HourClock])
def test_every_message_once_in_order_of_time_then_key_then_number(
    world: World, blocks: list[Contacts], view: ConversationBatch, clock: type[Clock]
) -> None:
    usual = world.model.clock
    other = replace(world, model=replace(world.model, clock=clock(usual.begins_s, usual.lasts_s)))
    found = joined(list(event_batches(other, blocks, 1000)))
    names = ("time_s", "conversation", "number", "symbol")
    events = list(zip(*(found[name].tolist() for name in names), strict=True))
    expected = messages_of(view, other.model.clock.wall)
    assert len(expected) > 5000 and events == expected
    moments = np.unique(found["time_s"]).size
    assert (moments < len(events) / 2) == (clock is HourClock)


@pytest.mark.parametrize("size", [1, 997, 10**9])
def test_the_split_changes_no_event(world: World, blocks: list[Contacts], size: int) -> None:
    few = [block.take(slice(0, 6)) for block in blocks]
    whole_stream = joined(list(event_batches(world, few, 64)))
    batches = list(event_batches(world, few, size))
    assert all(len(batch) == size for batch in batches[:-1]) and 0 < len(batches[-1]) <= size
    for name, column in joined(batches).items():
        assert np.array_equal(column, whole_stream[name]), name
        assert column.dtype == getattr(batches[0], name).dtype


def test_the_order_of_the_contacts_changes_no_event(world: World, blocks: list[Contacts]) -> None:
    backwards = [block.take(slice(None, None, -1)) for block in reversed(blocks)]
    one, other = (joined(list(event_batches(world, given))) for given in (blocks, backwards))
    for name in COLUMNS:
        assert np.array_equal(one[name], other[name]), name


def test_what_belongs_to_the_conversation_is_the_contact_s(
    world: World, blocks: list[Contacts], view: ConversationBatch
) -> None:
    contacts, share = concatenate(blocks), world.model.scenario.sampling.benign_fraction
    accounts = account_keys(world.model, SEED, contacts, share)
    columns = (view.key, accounts, child_keys(SEED, contacts.child), contacts.platform, contacts.declared_adult)
    expected = {key: rest for key, *rest in zip(*(column.tolist() for column in columns), strict=True)}
    found = joined(list(event_batches(world, blocks)))
    names = ("conversation", "account", "child", "platform", "declared_adult")
    seen = {key: rest for key, *rest in zip(*(found[name].tolist() for name in names), strict=True)}
    with_messages = set(view.key[view.end > view.begin].tolist())
    assert seen == {key: rest for key, rest in expected.items() if key in with_messages}


def test_the_share_sampled_decides_the_accounts(world: World, blocks: list[Contacts]) -> None:
    benign = blocks[1:]
    usual, other = (joined(list(event_batches(world, benign, share=share))) for share in (None, 0.0002))
    assert not np.array_equal(usual["account"], other["account"])
    assert np.array_equal(usual["child"], other["child"])


def test_texts_are_those_of_the_edition(model: WorldModel, blocks: list[Contacts]) -> None:
    world = World(model, SEED, edition="training")
    assert next(event_batches(world, blocks)).texts is model.phrasebooks["training"].texts


def test_no_contacts_are_no_events(world: World, blocks: list[Contacts]) -> None:
    assert list(event_batches(world, [])) == []
    assert list(event_batches(world, [blocks[0].take(slice(0, 0))])) == []


def test_a_size_below_one_is_refused(world: World, blocks: list[Contacts]) -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        next(event_batches(world, blocks, 0))
