"""Watchers of a whole event stream: where a stream begins, a watcher knows what it was trained on and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.detection.guard import Guard
from simharness.detection.rows import events_of
from simharness.records import ConversationBatch, EventBatch


def begin(detector: Any) -> Any:
    """A watcher to ask from the beginning of a stream on, as ``detector`` was after training.

    One that lives elsewhere is told to begin again; of one in this process it is a copy.
    """
    return detector.begin() if hasattr(detector, "begin") else copy.deepcopy(detector)


def watch_alone(detector: Any, guard: Guard, batch: ConversationBatch) -> NDArray[np.float32]:
    """Risk after each message of conversations that are a stream by themselves, every account in it a new one.

    Raises DetectorFailed.
    """
    events, order = events_of(batch)
    out = np.empty(len(events), np.float32)
    out[order] = watch_once(detector, guard, events)
    return out


def watch_once(detector: Any, guard: Guard, events: EventBatch) -> NDArray[np.float32]:
    """Risk after each event of a stream from its beginning to its end. Raises DetectorFailed."""
    return guard.ask_stream(lambda: [(lambda: begin(detector).watch(events), len(events))], "events")
