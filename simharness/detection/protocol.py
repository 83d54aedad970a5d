"""What a detector is: one of ``score``, ``risk`` and ``watch``, and ``fit`` if it wants to be trained.

It may say of itself, in attributes, what its scores are: ``range = (low, high)``, ``direction = "lower"`` if low scores
are the risky ones, and ``abstains = True`` if nan in an array means that it abstains (None in a list always does).
``aggregated = True``: what ``risk`` returns are scores of single messages, which the scenario's aggregator turns into
running risk.

A detector sees what a platform sees and nothing else: texts, senders, times, declared ages and counts of new contacts.
The single exception, marked ``privileged = True``, is the bound, which is told the grammar (never the truth).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from simharness.records import ConversationBatch, EventBatch
from simharness.world.model import WorldModel

Floats = Any  # one number for each thing asked: an array, or a list in which None abstains


@runtime_checkable
class MessageDetector(Protocol):
    """Scores single messages, without memory; an aggregator turns scores into running risk."""

    def score(self, texts: Sequence[str]) -> Floats:
        """One number per text, shape (n,)."""


@runtime_checkable
class ConversationDetector(Protocol):
    """Reads whole conversations and keeps its own running risk."""

    def risk(self, batch: ConversationBatch) -> Floats:
        """One number per message of the batch, after seeing that message and nothing later.

        Where an arm reads nothing but metadata, every message has the text "" (``encryption.hide``).
        """


@runtime_checkable
class StreamDetector(Protocol):
    """Reads a platform's whole stream of events and keeps what it likes of accounts and conversations."""

    def watch(self, events: EventBatch) -> Floats:
        """One number per event, after seeing that event and nothing later: the risk of its conversation.

        Batches come in order of time. Each stream is watched by a fresh copy of the trained detector.
        """


@runtime_checkable
class Trainable(Protocol):
    def fit(self, training: TrainingSet) -> Any:
        """Learn from labelled synthetic conversations of a separate world."""


Detector = MessageDetector | ConversationDetector | StreamDetector


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Labelled conversations of the training world.

    ``positive`` and ``negative`` count how often each of ``texts`` was sent in grooming and in harmless conversations:
    the messages as a weighted set. ``batch`` and ``grooming`` are the same conversations whole, with their labels.
    """

    texts: tuple[str, ...]
    positive: NDArray[np.int64]
    negative: NDArray[np.int64]
    batch: ConversationBatch
    grooming: NDArray[np.bool_]
    seed: int
    vocabulary: dict[str, tuple[str, ...]]  # made-up words known for each risk act: what a lexicon's author would list
    model: WorldModel | None = None  # only for a privileged detector
