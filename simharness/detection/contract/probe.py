"""Asking a detector of any kind the same question: what is the risk after each message of these conversations?"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.detection.answers import Declared, numbers, read_scores
from simharness.detection.protocol import ConversationDetector, MessageDetector
from simharness.detection.streams import begin
from simharness.records import ConversationBatch, EventBatch

Floats = NDArray[np.float32]
_CHUNK = 997  # events handed to a watcher at a time
MESSAGES, CONVERSATIONS, EVENTS = "texts", "conversations", "events"
_OF_MESSAGES = ("symbol", "time_s")


@dataclass(slots=True)
class Probe:
    """A trained detector and what is known of its scores. Raises DetectorFailed whenever an answer cannot be used."""

    detector: Any
    declared: Declared
    _watching: Any = None  # the watcher of the stream under way

    @property
    def reads(self) -> str:
        if isinstance(self.detector, MessageDetector):
            return MESSAGES
        return CONVERSATIONS if isinstance(self.detector, ConversationDetector) else EVENTS

    def risk(self, batch: ConversationBatch, chunk: int = _CHUNK, *, fresh: bool = True) -> Floats:
        """One number per message of the batch, as the detector gave it; of single messages, their scores.

        A watcher of events is asked ``chunk`` events at a time, as at the beginning of a stream unless not ``fresh``.
        """
        if self.reads == MESSAGES:
            return self.score([batch.text(message) for message in range(batch.symbol.size)])
        if self.reads == CONVERSATIONS:
            return numbers(self.detector.risk(batch), batch.symbol.size, "messages", self.declared)
        events, order = events_of(batch)
        if fresh:
            self._watching = begin(self.detector)
        parts = [
            self._watch(take_events(events, slice(first, first + chunk))) for first in range(0, len(events), chunk)
        ]
        out = np.empty(len(events), np.float32)
        out[order] = np.concatenate(parts) if parts else out
        return out

    def score(self, texts: list[str]) -> Floats:
        """One number per text. Only for detectors of single messages."""
        return numbers(read_scores(self.detector.score(tuple(texts)), texts), len(texts), "texts", self.declared)

    def _watch(self, events: EventBatch) -> Floats:
        return numbers(self._watching.watch(events), len(events), "events", self.declared)


def take_rows(batch: ConversationBatch, order: NDArray[np.int64]) -> tuple[ConversationBatch, NDArray[np.int64]]:
    """The conversations ``order`` of a batch, and which message of it each of theirs is."""
    lengths = (batch.end - batch.begin)[order]
    end = np.cumsum(lengths)
    source = np.repeat(batch.begin[order], lengths) + np.arange(lengths.sum()) - np.repeat(end - lengths, lengths)
    columns = {}
    for column in fields(batch):
        values = getattr(batch, column.name)
        if column.name not in ("texts", "begin", "end") and values.size:
            columns[column.name] = values[source if column.name in _OF_MESSAGES else order]
    return replace(batch, begin=end - lengths, end=end, **columns), source


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
