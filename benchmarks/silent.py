"""A detector with a known fault: it stays silent in a stated share of conversations, always the same ones."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.text_model import TextModel
from simharness.detection.protocol import TrainingSet
from simharness.records import ConversationBatch
from simharness.streams import uniform


class SilentInSome:
    """``text_model``, silent in a ``share`` of conversations; ``draw`` chooses which.

    Whether it is silent in a conversation is an addressed draw of its key: the same ones in every run of that world,
    and with one ``draw`` those of a smaller share are among those of a larger one.
    """

    aggregated = True  # what risk() gives are scores of messages
    abstains = True  # in the conversations in which it is silent

    def __init__(self, share: float = 0.0, draw: int = 0) -> None:
        self.share, self.draw = share, draw
        self.model = TextModel()
        self.texts: tuple[str, ...] = ()
        self.scores = np.empty(0, np.float32)

    def fit(self, training: TrainingSet) -> Self:
        self.model.fit(training)
        return self

    def risk(self, batch: ConversationBatch) -> NDArray[np.float32]:
        """A score for each message, nan in conversations in which it is silent."""
        if batch.texts != self.texts:  # every text is scored once
            self.texts, self.scores = batch.texts, self.model.score(batch.texts)
        silent = uniform(self.draw, "bench.silent", batch.key) < self.share
        scores = self.scores[batch.symbol >> 1]
        scores[np.repeat(silent, batch.end - batch.begin)] = np.nan
        return scores
