"""Parts of batches, by hand."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from simharness.detection.encryption import hide_events
from simharness.detection.rows import events_of, first_messages, place_of, take_events, take_rows
from simharness.records import ConversationBatch


@pytest.fixture
def batch() -> ConversationBatch:
    """Three conversations of 3, 4 and 2 messages; the second moves after its first."""
    return ConversationBatch(
        texts=("a", "b", "c", "d", "e"),
        symbol=np.arange(9, dtype=np.uint16),
        time_s=np.array([1, 5, 9, 5, 5, 6, 7, 0, 5], np.float64),
        begin=np.array([0, 3, 7]),
        end=np.array([3, 7, 9]),
        platform=np.array([0, 1, 2], np.uint8),
        declared_adult=np.array([True, False, True]),
        new_contacts_7d=np.array([0, 5, 6], np.float32),
        key=np.array([12, 11, 10], np.uint64),
        moved=np.array([3, 4, 9]),
    )


def test_take_rows(batch: ConversationBatch) -> None:
    part, source = take_rows(batch, np.array([2, 0]))
    assert source.tolist() == [7, 8, 0, 1, 2] == part.symbol.tolist()
    assert part.time_s.tolist() == [0, 5, 1, 5, 9]
    assert (part.begin.tolist(), part.end.tolist()) == ([0, 2], [2, 5])
    assert part.key.tolist() == [10, 12] and part.platform.tolist() == [2, 0]
    assert part.declared_adult.tolist() == [True, True] and part.new_contacts_7d.tolist() == [6, 0]
    assert part.texts is batch.texts and not part.moved.size and not part.first.size
    seen = batch.by_platform()
    late, source = take_rows(seen, np.flatnonzero(seen.first > 1))
    assert source.tolist() == [4, 5, 6] and late.key.tolist() == [11] and late.first.tolist() == [2]
    none, source = take_rows(batch, np.empty(0, np.int64))
    assert len(none) == source.size == none.symbol.size == 0


def test_places_and_beginnings(batch: ConversationBatch) -> None:
    assert place_of(batch).tolist() == [0, 1, 2, 0, 1, 2, 3, 0, 1]
    cut = first_messages(batch, 2)
    assert cut.symbol.tolist() == [0, 1, 3, 4, 7, 8] and cut.time_s.tolist() == [1, 5, 5, 5, 0, 5]
    assert (cut.begin.tolist(), cut.end.tolist()) == ([0, 2, 4], [2, 4, 6])
    assert first_messages(batch, 9).end.tolist() == [3, 7, 9]


def test_events_of_a_batch_are_in_order_of_time_then_key_then_number(batch: ConversationBatch) -> None:
    events, order = events_of(batch)
    assert order.tolist() == [7, 0, 8, 3, 4, 1, 5, 6, 2] == events.symbol.tolist()
    assert events.time_s.tolist() == [0, 1, 5, 5, 5, 5, 6, 7, 9]
    assert events.conversation.tolist() == [10, 12, 10, 11, 11, 12, 11, 11, 12]
    assert events.number.tolist() == [1, 1, 2, 1, 2, 2, 3, 4, 3] and events.number.dtype == np.int32
    assert events.platform.tolist() == [2, 0, 2, 1, 1, 0, 1, 1, 0]
    assert events.declared_adult.tolist() == [True, True, True, False, False, True, False, False, True]
    pairs = set(zip(events.conversation.tolist(), events.account.tolist(), events.child.tolist(), strict=True))
    assert len(pairs) == 3 and len({each for _, account, child in pairs for each in (account, child)}) == 6


def test_unknown_times_leave_every_conversation_in_its_order(batch: ConversationBatch) -> None:
    events, _ = events_of(replace(batch, time_s=np.full(9, np.nan)))
    for key, length in zip((12, 11, 10), (3, 4, 2), strict=True):
        assert events.number[events.conversation == key].tolist() == list(range(1, length + 1))


def test_take_events(batch: ConversationBatch) -> None:
    events, _ = events_of(batch)
    part = take_events(events, slice(2, 5))
    assert len(part) == 3 and part.texts is events.texts
    for column in fields(events):
        if column.name != "texts":
            assert np.array_equal(getattr(part, column.name), getattr(events, column.name)[2:5])


def test_hiding_takes_the_texts_of_events_and_nothing_else(batch: ConversationBatch) -> None:
    events, _ = events_of(batch)
    masked = hide_events(events, np.array([False, True, False]))
    for before, after, platform in zip(events.symbol, masked.symbol, events.platform, strict=True):
        assert after & 1 == before & 1
        assert masked.texts[after >> 1] == ("" if platform == 1 else events.texts[before >> 1])
    assert masked.symbol.dtype == np.uint16
    assert all(
        getattr(masked, column.name) is getattr(events, column.name)
        for column in fields(events)
        if column.name not in ("texts", "symbol")
    )
    assert hide_events(events, np.zeros(3, np.bool_)) is events
