"""Detectors read a corpus chunk by chunk: where each first alerts, and nothing of what was read.

They are trained, and their alert levels set, on the scenario's synthetic worlds, as in a run. What a corpus does not
have: account features (nobody is a declared adult, nobody has made another contact) and, in some, times (nan). Times
are wall seconds since the first message; in the synthetic worlds nights are left out. Who wrote first stands where the
one who made contact does. Watchers of events get each chunk as a stream of its own, all conversations of which begin
at one moment and are between two accounts that have no other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simharness.corpora.batches import Chunk, chunks, why_unreadable
from simharness.corpora.records import Corpus, CorpusConversation
from simharness.detection.faults import DetectorFailed, FaultKind
from simharness.detection.levels import Levels
from simharness.detection.scoring import Scorer, bound_to
from simharness.errors import causes


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a detector did not finish: the kind of fault and the type of what it raised, never the message."""

    kind: FaultKind
    type: str


@dataclass(slots=True)
class DetectorReading:
    """What one detector made of a corpus, one entry a conversation in each array."""

    alert_level: float  # the measured one; UNREACHABLE where no level gives so few false alerts
    place: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))  # of the alert, from 0; -1: none
    unscored: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # messages abstained on
    named: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # author of the message; -1: none
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class CorpusReading:
    """A corpus as it was read; arrays of shape (conversations,)."""

    messages: NDArray[np.int64]
    positive: NDArray[np.bool_] | None  # a predator takes part; None: the corpus has no labels
    predators: frozenset[int]  # authors
    authors: int
    left_out: Mapping[str, int]  # why -> conversations that no detector can be given
    detectors: Mapping[str, DetectorReading]


def readers(scorers: Mapping[str, Scorer]) -> tuple[dict[str, Scorer], list[str]]:
    """The detectors that can read foreign text, and the names of those that cannot: they are told a grammar."""
    privileged = [name for name, scorer in scorers.items() if scorer.privileged]
    return {name: scorer for name, scorer in scorers.items() if name not in privileged}, privileged


def read_corpus(corpus: Corpus, scorers: Mapping[str, Scorer], levels: Mapping[str, Levels]) -> CorpusReading:
    """Read a corpus once with all detectors. One that fails is stopped there, and the others go on.

    Raises UsageError for what is wrong with the corpus.
    """
    left_out: Counter[str] = Counter()
    tally = _Tally()
    found = {name: DetectorReading(float(levels[name].risk[levels[name].measured])) for name in scorers}
    parts: dict[str, list[_Part]] = {name: [] for name in scorers}
    for chunk in chunks(_readable(corpus.conversations, left_out)):
        tally.add(chunk)
        for name, reading in found.items():
            if reading.failure is None:
                part = _read(scorers[name], reading.alert_level, chunk)
                if isinstance(part, Failure):
                    reading.failure = part
                else:
                    parts[name].append(part)
    for name, reading in found.items():
        if reading.failure is None and parts[name]:
            reading.place, reading.unscored, reading.named = map(np.concatenate, zip(*parts[name], strict=True))
    return tally.reading(left_out, found)


_Part = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]


def _readable(conversations: Iterator[CorpusConversation], left_out: Counter[str]) -> Iterator[CorpusConversation]:
    for conversation in conversations:
        if reason := why_unreadable(conversation):
            left_out[reason] += 1
        else:
            yield conversation


def _read(scorer: Scorer, level: float, chunk: Chunk) -> _Part | Failure:
    try:
        return _crossed(scorer, level, chunk)
    except DetectorFailed as error:
        raised = re.match(r"raised (\w+)", error.problem)  # a type's name; the rest may quote
        return Failure(error.kind, raised.group(1) if raised else type(error).__name__)
    except Exception as error:  # whatever it says may quote the text, so its type is all that is kept
        if any(isinstance(each, KeyboardInterrupt) for each in causes(error)):
            raise KeyboardInterrupt from None
        return Failure("exception", type(error).__name__)


def _crossed(scorer: Scorer, level: float, chunk: Chunk) -> _Part:
    batch = chunk.batch
    bound = bound_to(scorer, batch.texts)
    risk = bound.risk(batch)
    abstained = np.isnan(risk if bound.table is None else bound.scores(batch))
    place = bound.crossings(batch, np.array([level], np.float32), risk)[:, 0]
    alerted = zip(chunk.conversations, place.tolist(), strict=True)
    named = np.array([each.authors[at] if at >= 0 else -1 for each, at in alerted], np.int64)
    return place, np.add.reduceat(abstained.astype(np.int64), batch.begin), named


class _Tally:
    """What is known of a corpus without any detector, added up as it is read."""

    def __init__(self) -> None:
        self.messages: list[int] = []
        self.positive: list[bool] = []
        self.predators: set[int] = set()
        self.authors: set[int] = set()
        self.labelled = True

    def add(self, chunk: Chunk) -> None:
        for conversation in chunk.conversations:
            self.messages.append(len(conversation))
            self.authors.update(conversation.authors)
            self.labelled &= conversation.predators is not None
            self.positive.append(bool(conversation.predators))
            self.predators |= conversation.predators or frozenset()

    def reading(self, left_out: Mapping[str, int], detectors: Mapping[str, DetectorReading]) -> CorpusReading:
        return CorpusReading(
            np.array(self.messages, np.int64),
            np.array(self.positive, np.bool_) if self.labelled and self.positive else None,
            frozenset(self.predators),
            len(self.authors),
            dict(left_out),
            detectors,
        )
