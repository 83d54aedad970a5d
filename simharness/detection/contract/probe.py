"""Asking a detector of any kind the same question: what is the risk after each message of these conversations?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.detection.answers import Declared, numbers, read_scores
from simharness.detection.protocol import ConversationDetector, MessageDetector
from simharness.detection.rows import events_of, take_events
from simharness.detection.streams import begin
from simharness.records import ConversationBatch, EventBatch

Floats = NDArray[np.float32]
_CHUNK = 997  # events handed to a watcher at a time
MESSAGES, CONVERSATIONS, EVENTS = "texts", "conversations", "events"


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
