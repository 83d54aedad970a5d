"""What a detector is. One required method; a second one, ``fit``, if it wants to be trained.

A detector sees what a platform sees and nothing else: texts, senders, times, declared ages and counts of new contacts.
The single exception, marked ``privileged = True``, is the bound, which is told the grammar (never the truth).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from simharness.records import ConversationBatch
from simharness.world.model import WorldModel

Floats = NDArray[np.float32] | NDArray[np.float64]


@runtime_checkable
class MessageDetector(Protocol):
    """Scores single messages, without memory; an aggregator turns scores into running risk."""

    def score(self, texts: Sequence[str]) -> Floats:
        """One number per text, shape (n,), higher is riskier; nan abstains."""


@runtime_checkable
class ConversationDetector(Protocol):
    """Reads whole conversations and keeps its own running risk."""

    def risk(self, batch: ConversationBatch) -> Floats:
        """One number per message of the batch, after seeing that message and nothing later; nan abstains.

        Where an arm reads nothing but metadata, every message has the text "" (``encryption.hide``).
        """


@runtime_checkable
class Trainable(Protocol):
    def fit(self, training: TrainingSet) -> Any:
        """Learn from labelled synthetic conversations of a separate world."""


Detector = MessageDetector | ConversationDetector


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
