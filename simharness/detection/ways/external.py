"""Detectors on the other side of a link (a process, an HTTP service): what they read, in batches, and training."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, get_args

import numpy as np

from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import TrainingSet
from simharness.detection.ways.wire import (
    Reads,
    Request,
    Scores,
    conversation_request,
    event_request,
    read_answer,
    text_request,
    training_requests,
)
from simharness.errors import UsageError
from simharness.records import ConversationBatch, EventBatch
from simharness.scenario.tree import did_you_mean

BATCHES: dict[Reads, int] = {"texts": 512, "conversations": 64, "events": 512}  # see benchmarks/README.md
_READS: tuple[Reads, ...] = get_args(Reads)


class Link(Protocol):
    """A way to the other side. Pickles without its connection."""

    def ask(self, request: Request, timeout: float, repeatable: bool) -> bytes:
        """The answer to one request within ``timeout`` seconds. ``repeatable``: asking twice does no harm.

        Raises DetectorFailed.
        """

    @property
    def remembers(self) -> bool:
        """Whether the other side still knows what it was told before."""

    def settle(self, folder: Path) -> None:
        """Relative paths begin here. Raises UsageError if something is not found there."""

    def close(self) -> None:
        """End the connection or process; the next request makes a new one."""

    @property
    def sources(self) -> tuple[Path, ...]:
        """Files the detector is made of, as far as they can be seen from here."""


class External:
    """A detector behind a link. Not for two threads at once; None in an answer is nan here.

    Everything raises DetectorFailed with one of the kinds of ``faults.py``. After an answer that cannot be read the
    link is closed: what else is on its way belongs to a request nobody waits for any more.
    """

    reads: ClassVar[Reads]
    abstains = True
    timeout: float = 60.0  # seconds for one answer, the start of the process or connection included
    training_timeout: float = 600.0  # seconds for one part of the training

    def __init__(self, link: Link, batch: int) -> None:
        self.link = link
        self.batch = batch
        self._folder = Path()
        self._number = 0
        self._training: TrainingSet | None = None
        self._taught = False
        self._stream = ""

    @property
    def folder(self) -> Path:
        """Where relative paths begin. Raises UsageError when set to where they do not lead."""
        return self._folder

    @folder.setter
    def folder(self, folder: Path) -> None:
        self._folder = folder
        self.link.settle(folder)

    @property
    def sources(self) -> tuple[Path, ...]:
        """Files the detector is made of, as far as they can be seen from here."""
        return self.link.sources

    @property
    def pid(self) -> int | None:
        """Of its process on this machine, while it runs; None of a service."""
        return getattr(self.link, "pid", None)

    def close(self) -> None:
        """End the connection or process; the next request makes a new one."""
        self.link.close()

    def restart(self) -> None:
        """Begin afresh: a new connection or process, the training told again, a new stream."""
        self.link.close()
        self._taught, self._stream = False, ""

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_stream": ""}  # two copies must not go on with one stream

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _ready(self) -> None:
        """Tell the training, and begin a stream, if the other side does not know them."""
        if not self.link.remembers:
            self._taught, self._stream = False, ""
        if not self._stream:
            self._stream = f"{os.getpid()}-{time.monotonic_ns()}"
        if self._training is not None and not self._taught:
            for request in training_requests(self._training, self.reads, self.batch):
                self._answer(request, self.training_timeout)
            self._taught = True

    def _answer(self, request: Request, timeout: float | None = None) -> Scores:
        try:
            return read_answer(request, self.link.ask(request, timeout or self.timeout, self.reads != "events"))
        except DetectorFailed as fault:
            if fault.kind == "garbage":
                self.link.close()
            raise


class Texts(External):
    """Scores single messages."""

    reads = "texts"

    def score(self, texts: Sequence[str]) -> Scores:
        """One number per text, shape (n,); nan abstains. Raises DetectorFailed."""
        parts = [np.empty(0, np.float32)]
        for start in range(0, len(texts), self.batch):
            self._ready()
            parts.append(self._answer(text_request(self._next(), texts[start : start + self.batch])))
        return np.concatenate(parts)


class Conversations(External):
    """Reads whole conversations."""

    reads = "conversations"

    def risk(self, batch: ConversationBatch) -> Scores:
        """One number per message, shape (messages,), given what came up to it; nan abstains. Raises DetectorFailed."""
        risk = np.full(batch.symbol.size, np.nan, np.float32)
        for start in range(0, len(batch), self.batch):
            rows = range(start, min(start + self.batch, len(batch)))
            self._ready()
            found = self._answer(conversation_request(self._next(), batch, rows))
            used = 0
            for begin, end in zip(batch.begin[start : rows.stop], batch.end[start : rows.stop], strict=True):
                risk[begin:end] = found[used : used + end - begin]
                used += end - begin
        return risk


class Events(External):
    """Reads a platform's whole stream of events."""

    reads = "events"

    def begin(self) -> Self:
        """Another stream begins: what was watched is to be forgotten."""
        self._stream = ""
        return self

    def watch(self, events: EventBatch) -> Scores:
        """One number per event, shape (events,), given all before it, in earlier calls, too; nan abstains.

        Raises DetectorFailed. After a crash or a restart the other side knows nothing of what came before.
        """
        parts = [np.empty(0, np.float32)]
        for start in range(0, len(events), self.batch):
            rows = range(start, min(start + self.batch, len(events)))
            self._ready()
            parts.append(self._answer(event_request(self._next(), self._stream, events, rows)))
        return np.concatenate(parts)


class _Learning(External):
    def fit(self, training: TrainingSet) -> Self:
        """Send the training world, now and whenever the other side has lost it. Raises DetectorFailed."""
        kept = replace(training, model=None)
        if self.reads == "texts":  # every worker process is sent a copy
            kept = replace(kept, batch=_NOTHING, grooming=np.empty(0, np.bool_))
        self._training, self._taught = kept, False
        self._ready()
        return self


class LearningTexts(_Learning, Texts):
    """Scores single messages, once trained."""


class LearningConversations(_Learning, Conversations):
    """Reads whole conversations, once trained."""


class LearningEvents(_Learning, Events):
    """Reads a platform's whole stream of events, once trained."""


def external(link: Link, reads: str, batch: int | None, train: bool) -> External:
    """The detector behind a link, by what it reads. ``batch``: texts, conversations or events a request.

    Raises UsageError for options out of range.
    """
    if reads not in _READS:
        raise UsageError("reads", f"got {reads!r}", allowed=", ".join(_READS), hint=did_you_mean(reads, _READS))
    if not isinstance(train, bool):
        raise UsageError("train", f"got {train!r}", allowed="true or false")
    size = BATCHES[reads] if batch is None else whole_number("batch", batch, least=1)
    return _MADE[reads, train](link, size)


def whole_number(name: str, value: object, least: int) -> int:
    """An option that counts something. Raises UsageError."""
    if type(value) is not int or value < least:
        raise UsageError(name, f"got {value!r}", allowed=f"an integer >= {least}")
    return value


_NOTHING = ConversationBatch(
    (),
    np.empty(0, np.uint16),
    np.empty(0),
    np.empty(0, np.int64),
    np.empty(0, np.int64),
    np.empty(0, np.uint8),
    np.empty(0, np.bool_),
    np.empty(0, np.float32),
)
_MADE: dict[tuple[Reads, bool], type[External]] = {
    ("texts", False): Texts,
    ("conversations", False): Conversations,
    ("events", False): Events,
    ("texts", True): LearningTexts,
    ("conversations", True): LearningConversations,
    ("events", True): LearningEvents,
}
