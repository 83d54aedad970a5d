"""Parts of batches: some of their conversations, the beginnings of all, or their messages in order of time."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.records import ConversationBatch, EventBatch

_OF_MESSAGES = ("symbol", "time_s")


def take_rows(batch: ConversationBatch, order: NDArray[np.int64]) -> tuple[ConversationBatch, NDArray[np.int64]]:
    """The conversations ``order`` of a batch, and which message of it each of theirs is."""
    lengths = (batch.end - batch.begin)[order]
    end = np.cumsum(lengths)
    source = np.repeat(batch.begin[order], lengths) + np.arange(lengths.sum()) - np.repeat(end - lengths, lengths)
    columns = {}
    for column in fields(batch):
        values = getattr(batch, column.name)
        if column.name not in ("texts", "begin", "end", "moved") and values.size:
            columns[column.name] = values[source if column.name in _OF_MESSAGES else order]
    return replace(batch, begin=end - lengths, end=end, moved=np.empty(0, np.int64), **columns), source


def place_of(batch: ConversationBatch) -> NDArray[np.int64]:
    """Place (from 0) of every message in its conversation."""
    return np.arange(batch.symbol.size) - np.repeat(batch.begin, batch.end - batch.begin)


def first_messages(batch: ConversationBatch, count: int) -> ConversationBatch:
    """Every conversation cut after its first ``count`` messages."""
    kept, lengths = place_of(batch) < count, np.minimum(batch.end - batch.begin, count)
    end = np.cumsum(lengths)
    return replace(batch, symbol=batch.symbol[kept], time_s=batch.time_s[kept], begin=end - lengths, end=end)


def events_of(batch: ConversationBatch) -> tuple[EventBatch, NDArray[np.int64]]:
    """The messages of a batch in order of time, each conversation between two accounts of its own, and which message of
    the batch each event is.
    """
    row = np.repeat(np.arange(len(batch)), batch.end - batch.begin)
    number = (place_of(batch) + 1).astype(np.int32)
    order = np.lexsort((number, batch.key[row], batch.time_s))
    row = row[order]
    key = batch.key[row]
    events = EventBatch(
        batch.texts,
        batch.symbol[order],
        batch.time_s[order],
        key,
        number[order],
        key * np.uint64(2),
        key * np.uint64(2) + np.uint64(1),
        batch.platform[row],
        batch.declared_adult[row],
    )
    return events, order


def take_events(events: EventBatch, rows: Any) -> EventBatch:
    """The events given by a slice, a mask or an index array."""
    columns = {column.name: getattr(events, column.name)[rows] for column in fields(events) if column.name != "texts"}
    return replace(events, **columns)
