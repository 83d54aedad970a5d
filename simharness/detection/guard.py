"""One detector asked, and done with a fault what the scenario's ``on_error`` says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.detection.answers import Declared, numbers, usable
from simharness.detection.faults import DetectorFailed, Effect, Fault, FaultKind
from simharness.scenario.detector import DetectorSpec

GIVE_UP = 3  # unanswered questions in a row after which a detector that may abstain is not asked again in this cell
_BACKOFF_S = 0.1  # before the first repetition; doubles with each
_LONGEST_BACKOFF_S = 5.0
_HALVINGS = 128  # questions spent on finding the texts that a detector cannot answer

Floats = NDArray[np.float32]


@dataclass(slots=True)
class Guard:
    """Asks one detector. Numbers come back turned so that higher is riskier, nan where it did not give any.

    Raises DetectorFailed, with the detector's name, where ``on_error`` is fail, or retry and no repetition helped.
    """

    name: str
    spec: DetectorSpec
    declared: Declared
    _book: dict[tuple[FaultKind, Effect], Fault] = field(default_factory=dict)
    _unanswered: int = 0  # questions in a row
    _last: FaultKind = "exception"  # of these

    def ask(self, question: Callable[[], Any], expected: int, noun: str) -> Floats:
        """The answer to a question about ``expected`` things called ``noun``."""
        if self.spec.on_error == "abstain":
            return self._turned(self._or_nothing(question, expected, noun))
        fault: DetectorFailed | None = None
        for attempt in range(self._tries()):
            self._wait(attempt)
            try:
                values = numbers(question(), expected, noun, self.declared)
            except DetectorFailed as error:
                fault = error
                continue
            if fault is not None:
                self._note(fault, "retried", 0)
            return self._turned(values)
        assert fault is not None
        raise self.failed(fault)

    def ask_texts(self, score: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> Floats:
        """Scores of texts. Where it may abstain, texts that it cannot answer are told from those that it can."""
        if self.spec.on_error != "abstain":
            return self.ask(lambda: score(texts), len(texts), "texts")
        out = np.full(len(texts), np.nan, np.float32)
        left, budget = [(0, len(texts))], _HALVINGS
        while left:
            low, high = left.pop()
            size = high - low
            budget -= 1
            try:
                out[low:high], fault, lost = usable(score(texts[low:high]), size, "texts", self.declared)
            except DetectorFailed as error:
                if size > 1 and budget > 0 and error.kind == "exception":
                    left += [(low + size // 2, high), (low, low + size // 2)]
                else:
                    self._note(error, "abstained", size)
            else:
                if fault is not None:
                    self._note(fault, "abstained", lost)
        return self._turned(out)

    def ask_stream(self, questions: Callable[[], Iterable[tuple[Callable[[], Any], int]]], noun: str) -> Floats:
        """The answers to all questions of a stream, one after the other; each says how many numbers it asks for.

        What a watcher forgot when it failed cannot be asked again: to retry is to begin the whole stream again, and
        where it may abstain, all that follows counts as not scored.
        """
        fault: DetectorFailed | None = None
        for attempt in range(self._tries()):
            self._wait(attempt)
            parts, broken = [np.empty(0, np.float32)], None
            for question, expected in questions():
                if broken is None:
                    try:
                        parts.append(numbers(question(), expected, noun, self.declared))
                        continue
                    except DetectorFailed as error:
                        broken = error
                        if self.spec.on_error != "abstain":
                            break
                parts.append(np.full(expected, np.nan, np.float32))
                self._note(broken, "abstained", expected)
            if broken is None and fault is not None:
                self._note(fault, "retried", 0)
            if broken is None or self.spec.on_error == "abstain":
                return self._turned(np.concatenate(parts))
            fault = broken
        assert fault is not None
        raise self.failed(fault)

    def failed(self, fault: DetectorFailed) -> DetectorFailed:
        """The fault under the detector's name, noted as one that left it without a result."""
        self._note(fault, "failed", 0)
        return DetectorFailed(fault.kind, fault.problem, self.name)

    def faults(self) -> list[Fault]:
        """What went wrong since this was last asked."""
        found, self._unanswered = list(self._book.values()), 0
        self._book.clear()
        return found

    def _tries(self) -> int:
        return 1 + (self.spec.retries if self.spec.on_error == "retry" else 0)

    def _wait(self, attempt: int) -> None:
        if attempt:
            time.sleep(min(_LONGEST_BACKOFF_S, _BACKOFF_S * 2 ** (attempt - 1)))

    def _or_nothing(self, question: Callable[[], Any], expected: int, noun: str) -> Floats:
        if self._unanswered < GIVE_UP:
            try:
                values, fault, lost = usable(question(), expected, noun, self.declared)
            except DetectorFailed as error:
                fault, self._last = error, error.kind
                self._unanswered += 1
            else:
                self._unanswered = 0
                if fault is not None:
                    self._note(fault, "abstained", lost)
                return values
        else:
            fault = DetectorFailed(self._last, f"not asked again after {GIVE_UP} questions in a row without an answer")
        self._note(fault, "abstained", expected)
        return np.full(expected, np.nan, np.float32)

    def _note(self, fault: DetectorFailed, effect: Effect, unscored: int) -> None:
        old = self._book.get((fault.kind, effect))
        times, so_far, first = (old.times, old.unscored, old.first) if old else (0, 0, fault.problem)
        self._book[fault.kind, effect] = Fault(self.name, fault.kind, effect, times + 1, so_far + unscored, first)

    def _turned(self, values: Floats) -> Floats:
        return -values if self.declared.direction == "lower" else values
