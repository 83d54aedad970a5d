"""Messages of many conversations in order of wall time, as they come in on a platform's event stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from simharness.records import EventBatch
from simharness.world.accounts import account_keys, child_keys
from simharness.world.contacts import Contacts, concatenate, conversation_keys
from simharness.world.generate import World

DEFAULT_EVENTS = 1 << 15  # events of a batch: their lines stay in the cache, and pauses between batches short


def event_batches(
    world: World,
    blocks: Iterable[Contacts],
    size: int = DEFAULT_EVENTS,
    share: float | None = None,
    *,
    elsewhere: bool = True,
) -> Iterator[EventBatch]:
    """Every message of the given contacts' conversations, earliest first, ``size`` to a batch (the last has the rest).

    Messages of one moment come in order of conversation key, then number. ``share``: of harmless contacts sampled, if
    not the scenario's. ``elsewhere``: also what is sent after a move to another platform (stress). All of them are in
    memory at once, about 18 bytes a message (and 20 a moment longer, while they are sorted). Substitutes start at 0
    (``World.substitute_contacts``): give them by themselves, not among others.
    Raises ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(f"size: expected at least 1, got {size}")
    parts = list(blocks)
    if sum(map(len, parts)) == 0:
        return
    share = world.model.scenario.sampling.benign_fraction if share is None else share
    contacts = concatenate(parts)
    key = conversation_keys(world.seed, contacts.conversation)
    rows = np.argsort(key, kind="stable")  # laid out by key, a stable sort by time leaves ties by key and number
    contacts, key = contacts.take(rows), key[rows]
    account = account_keys(world.model, world.seed, contacts, share)
    child = child_keys(world.seed, contacts.child)
    texts, symbol, time, end = _messages(world, contacts, elsewhere)
    begin = np.concatenate([np.zeros(1, np.int64), end[:-1]])
    order = np.argsort(time, kind="stable")
    for first in range(0, order.size, size):
        at = order[first : first + size]
        row = np.searchsorted(end, at, side="right")
        yield EventBatch(
            texts=texts,
            symbol=symbol[at],
            time_s=time[at],
            conversation=key[row],
            number=(at - begin[row] + 1).astype(np.int32),
            account=account[row],
            child=child[row],
            platform=contacts.platform[row],
            declared_adult=contacts.declared_adult[row],
        )


def _messages(
    world: World, contacts: Contacts, elsewhere: bool
) -> tuple[tuple[str, ...], NDArray[np.uint16], NDArray[np.float64], NDArray[np.int64]]:
    """Texts, then symbol and wall time of every message, conversation by conversation, and where each of these ends."""
    symbols, times, lengths = [], [], []
    for batch in world.batches(contacts):
        view = batch.view
        end = view.end if elsewhere or not view.moved.size else view.moved
        kept = np.arange(view.symbol.size) < np.repeat(end, view.end - view.begin)
        symbols.append(view.symbol[kept])
        times.append(world.model.clock.wall(view.time_s[kept]))
        lengths.append(end - view.begin)
    texts = world.model.phrasebooks[world.edition].texts
    return texts, np.concatenate(symbols), np.concatenate(times), np.cumsum(np.concatenate(lengths))
