"""From a detector to running risk and crossings, batch by batch. Scores are made, used and dropped.

A detector of single messages scores each text of the phrasebook once; from then on a message costs one look-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.detection.aggregators import first_crossings, highest, running_risk
from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import ConversationDetector, Detector, MessageDetector
from simharness.detection.registry import build
from simharness.detection.training import fit, training_set
from simharness.records import ConversationBatch
from simharness.scenario.detector import Aggregator, DetectorSpec
from simharness.world.model import WorldModel


@dataclass(slots=True)
class Scorer:
    """One detector of a scenario, trained and bound to the texts it will read."""

    name: str
    detector: Detector
    aggregator: Aggregator
    table: NDArray[np.float32] | None  # score of each symbol (text id * 2 + sender); None: reads conversations
    _scores: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    _risk: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    def scores(self, batch: ConversationBatch) -> NDArray[np.float32]:
        """One score per message of the batch; the buffer is used again for the next batch."""
        assert self.table is not None
        if self._scores.size < batch.symbol.size:
            self._scores = np.empty(batch.symbol.size, np.float32)
            self._risk = np.empty(batch.symbol.size, np.float32)
        return np.take(self.table, batch.symbol, out=self._scores[: batch.symbol.size], mode="clip")

    def risk(self, batch: ConversationBatch) -> NDArray[np.float32]:
        """Running risk after each message of a batch (float32, one per message; -inf or nan where it abstains)."""
        if self.table is not None:
            scores = self.scores(batch)
            return running_risk(self.aggregator, scores, batch, self._risk[: batch.symbol.size])
        assert isinstance(self.detector, ConversationDetector)
        risk = np.asarray(self.detector.risk(batch), np.float32)
        return _checked(self.name, risk, batch.symbol.size, "messages")

    def crossings(
        self, batch: ConversationBatch, levels: NDArray[np.float32], risk: NDArray[np.float32] | None = None
    ) -> NDArray[np.int32]:
        """Place (from 0) of the message at which each conversation first reaches each ascending level; -1: never.

        Shape (conversations, levels). ``risk``: the batch's running risk, if already known.
        """
        out = np.empty((len(batch), levels.size), np.int32)
        first_crossings(self.risk(batch) if risk is None else risk, batch.begin, batch.end, levels, out)
        return out

    def peaks(self, batch: ConversationBatch, risk: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """The highest risk each conversation ever reaches, shape (conversations,). ``risk``: if already known."""
        out = np.empty(len(batch), np.float32)
        highest(self.risk(batch) if risk is None else risk, batch.begin, batch.end, out)
        return out


def _checked(name: str, values: NDArray[np.float32], expected: int, noun: str) -> NDArray[np.float32]:
    if values.shape != (expected,):
        expectation = f"expected one number for each of {expected} {noun}"
        raise DetectorFailed("wrong_length", f"{expectation}, got shape {values.shape}", name)
    if np.isinf(values).any():
        raise DetectorFailed("infinite", "gave an infinite score; allowed: finite numbers, or nan to abstain", name)
    return values


def bind(name: str, spec: DetectorSpec, detector: Detector, model: WorldModel) -> Scorer:
    """Score every text of the scenario's phrasebook once, if the detector reads single messages."""
    table = None
    if isinstance(detector, MessageDetector):
        texts = model.phrasebooks["use"].texts
        scores = np.asarray(detector.score(texts), np.float32)
        table = np.repeat(_checked(name, scores, len(texts), "texts"), 2)
    return Scorer(name, detector, spec.aggregator, table)


def build_detectors(specs: Mapping[str, DetectorSpec], folder: Path, where: str = "detectors") -> dict[str, Any]:
    """Make every detector a scenario names, untrained; raises UsageError naming the one that cannot be made."""
    return {name: build(spec.use, spec.options, f"{where}.{name}", folder) for name, spec in specs.items()}


def prepare(model: WorldModel, detectors: Mapping[str, Detector]) -> dict[str, Scorer]:
    """Train the detectors on one training world and bind them. Their order is the scenario's."""
    training = training_set(model)
    scorers = {}
    for name, spec in model.scenario.detectors.items():
        fit(detectors[name], training, model)
        scorers[name] = bind(name, spec, detectors[name], model)
    return scorers
