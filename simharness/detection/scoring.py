"""From a detector to running risk and crossings, batch by batch. Scores are made, used and dropped.

A detector of single messages scores each text of the phrasebook once; from then on a message costs one look-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simharness.detection.aggregators import first_crossings, highest, running_risk
from simharness.detection.answers import Declared
from simharness.detection.encryption import hide
from simharness.detection.faults import DetectorFailed, Fault
from simharness.detection.guard import Guard
from simharness.detection.protocol import ConversationDetector, Detector, MessageDetector, StreamDetector
from simharness.detection.registry import build
from simharness.detection.streams import watch_alone
from simharness.detection.training import fit, training_set
from simharness.errors import UsageError
from simharness.records import ConversationBatch
from simharness.scenario.detector import Aggregator, DetectorSpec
from simharness.world.model import WorldModel


class Told(Protocol):
    """What a detector said, or says, of conversations that are part of streams (``watching.py``)."""

    def risk(self, batch: ConversationBatch, hidden: NDArray[np.bool_] | None) -> NDArray[np.float32]:
        """As :meth:`Scorer.risk`, of a batch in which texts are hidden already and nobody moves."""


@dataclass(slots=True)
class Scorer:
    """One detector of a scenario, trained and bound to the texts it will read."""

    name: str
    detector: Detector | None  # None: it reads single messages, all of them are in the table, and it was left behind
    aggregator: Aggregator
    table: NDArray[np.float32] | None  # score of each symbol (text id * 2 + sender); None: reads conversations
    guard: Guard = field(default_factory=lambda: Guard("", DetectorSpec(use=""), Declared()))
    privileged: bool = False  # told the grammar: the bound
    watched: Told | None = None  # what it said of the streams of the world at hand
    _scores: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    _risk: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    def __reduce__(self) -> tuple[type[Scorer], tuple[Any, ...]]:
        # A worker needs no detector of messages, which may hold a model of any size; buffers are made again.
        detector = self.detector if self.table is None else None
        return Scorer, (self.name, detector, self.aggregator, self.table, self.guard, self.privileged, self.watched)

    @property
    def needs_stream(self) -> bool:
        """Whether what it says of a conversation depends on others before it: it watches events, or accounts."""
        return isinstance(self.detector, StreamDetector) or self.aggregator.over == "account"

    @property
    def reads_texts(self) -> bool:
        """Whether all it knows of a message is its text: where that is hidden, it has nothing to read."""
        return self.table is not None or bool(getattr(self.detector, "aggregated", False))

    def scores(self, batch: ConversationBatch) -> NDArray[np.float32]:
        """One score per message of the batch, of a detector that reads texts; a table's are in a buffer that is used
        again for the next batch. Raises DetectorFailed.
        """
        if self.table is None:
            return self._asked(batch)
        self._make_room(batch.symbol.size)
        return np.take(self.table, batch.symbol, out=self._scores[: batch.symbol.size], mode="clip")

    def risk(self, batch: ConversationBatch, hidden: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Running risk after each message of a batch (float32, one per message; -inf or nan where it abstains).

        It starts anew where a conversation moves to another platform. ``hidden``: platforms whose texts nobody can
        read, shape (platforms,); who reads nothing else has no use there, and its numbers none. Raises DetectorFailed.
        """
        seen = batch.by_platform()
        if hidden is not None and not self.reads_texts:
            seen = hide(seen, hidden)
        if self.watched is not None:
            return self.watched.risk(seen, hidden)
        if self.reads_texts:
            return self._aggregated(self.scores(seen), seen)
        if isinstance(self.detector, StreamDetector):
            return watch_alone(self.detector, self.guard, seen)
        return self._asked(seen)

    def _asked(self, batch: ConversationBatch) -> NDArray[np.float32]:
        assert isinstance(self.detector, ConversationDetector)
        return self.guard.ask(partial(self.detector.risk, batch), batch.symbol.size, "messages")

    def _aggregated(self, scores: NDArray[np.float32], batch: ConversationBatch) -> NDArray[np.float32]:
        self._make_room(batch.symbol.size)
        return running_risk(self.aggregator, scores, batch, self._risk[: batch.symbol.size])

    def _make_room(self, messages: int) -> None:
        if self._scores.size < messages:
            self._scores, self._risk = np.empty(messages, np.float32), np.empty(messages, np.float32)

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


def bind(name: str, spec: DetectorSpec, detector: Detector, texts: Sequence[str]) -> Scorer:
    """A trained detector made ready for batches of these texts. Raises DetectorFailed."""
    guard = Guard(name, spec, Declared.of(detector, spec.range, spec.direction))
    privileged = bool(getattr(detector, "privileged", False))
    scorer = bound_to(Scorer(name, detector, spec.aggregator, None, guard, privileged), texts)
    if scorer.table is not None:
        release(detector)
    return scorer


def bound_to(scorer: Scorer, texts: Sequence[str]) -> Scorer:
    """The same scorer for batches of other texts; each is scored once, if it reads single messages.

    Raises DetectorFailed.
    """
    table = None
    if isinstance(scorer.detector, MessageDetector):
        table = np.repeat(scorer.guard.ask_texts(scorer.detector.score, texts), 2)
    return replace(scorer, table=table)


def release(detector: Detector) -> None:
    """Let go of a detector's process or connection, if it has one; it is made again if it is needed again."""
    close = getattr(detector, "close", None)
    if close is not None:
        close()


def build_detectors(specs: Mapping[str, DetectorSpec], folder: Path, where: str = "detectors") -> dict[str, Any]:
    """Make every detector a scenario names, untrained; raises UsageError naming the one that cannot be made."""
    return {name: build_detector(spec, folder, f"{where}.{name}") for name, spec in specs.items()}


def build_detector(spec: DetectorSpec, folder: Path, where: str, *, isolated: bool = False) -> Detector:
    """Make one detector, with the time it has for an answer. ``isolated``: even if it comes with simharness.

    Raises UsageError.
    """
    detector = build(spec.use, spec.options, where, folder / (spec.folder or ""), isolated=isolated)
    for name in ("timeout", "training_timeout"):
        if hasattr(detector, name):
            setattr(detector, name, getattr(spec, name))
    aggregated = isinstance(detector, MessageDetector) or getattr(detector, "aggregated", False)
    if spec.aggregator.over == "account" and not aggregated:
        release(detector)
        raise UsageError(
            f"{where}.aggregator.over",
            f"{spec.use} keeps its own running risk, so there are no scores of messages to run over an account",
            allowed="conversation, or a detector of single messages",
            hint="Leave the aggregator out; a detector with watch(events) sees accounts by itself.",
        )
    return detector


def prepare(
    model: WorldModel, detectors: Mapping[str, Detector], faults: list[Fault] | None = None
) -> dict[str, Scorer]:
    """Train the detectors on one training world and bind them. Their order is the scenario's.

    One that fails is left out and its fault noted in ``faults``; without such a list DetectorFailed is raised.
    """
    training = training_set(model)
    scorers = {}
    for name, spec in model.scenario.detectors.items():
        try:
            fit(detectors[name], training, model)
            scorers[name] = bind(name, spec, detectors[name], model.phrasebooks["use"].texts)
        except DetectorFailed as error:
            if faults is None:
                raise DetectorFailed(error.kind, error.problem, name) from error
            faults.append(Fault(name, error.kind, "failed", 1, 0, error.problem))
    return scorers
