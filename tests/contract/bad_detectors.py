"""One detector for each way of breaking the contract; all count something harmless."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np


def _place(batch: Any) -> Any:
    return np.arange(batch.symbol.size) - np.repeat(batch.begin, batch.end - batch.begin)


def _length(batch: Any) -> Any:
    """Length of each message's text."""
    return np.array([len(text) for text in batch.texts], float)[batch.symbol >> 1]


class Good:
    """Breaks nothing."""

    def risk(self, batch: Any) -> Any:
        return _place(batch) + 0.0


class GoodScores:
    def score(self, texts: Any) -> Any:
        return [len(text) for text in texts]


class GoodWatcher:
    def __init__(self) -> None:
        self.seen: dict[int, int] = {}

    def watch(self, events: Any) -> Any:
        out = []
        for key in events.conversation.tolist():
            self.seen[key] = self.seen.get(key, 0) + 1
            out.append(self.seen[key])
        return out


class Abstains:
    """Says nothing about every second message."""

    def risk(self, batch: Any) -> Any:
        return [None if place % 2 else float(place) for place in _place(batch).tolist()]


class PeeksAtTheNextMessage:
    def risk(self, batch: Any) -> Any:
        length = _length(batch)
        following = np.append(length[1:], 0.0)
        following[batch.end - 1] = 0.0
        return length + 100.0 * following


class KnowsHowLongItWillLast:
    def risk(self, batch: Any) -> Any:
        return np.repeat((batch.end - batch.begin).astype(float), batch.end - batch.begin)


class PeeksAtTheNextText:
    def score(self, texts: Any) -> Any:
        return [len(text) + len(following) for text, following in zip(texts, [*texts, ""][1:], strict=True)]


class PeeksAtTheNextEvent:
    def watch(self, events: Any) -> Any:
        return np.append(events.time_s[1:] - events.time_s[:-1], 0.0)


class MappingByText:
    def score(self, texts: Any) -> Any:
        return {text: len(text) for text in texts}


class DistinctTextsOnly:
    def score(self, texts: Any) -> Any:
        return list({text: len(text) for text in texts}.values())


class ScoresATextOnce:
    def __init__(self) -> None:
        self.seen: set[str] = set()

    def score(self, texts: Any) -> Any:
        first = [text not in self.seen and not self.seen.add(text) for text in texts]  # type: ignore[func-returns-value]
        return [len(text) if new else 0.0 for text, new in zip(texts, first, strict=True)]


class Random:
    def risk(self, batch: Any) -> Any:
        return np.random.default_rng().random(batch.symbol.size)


class RandomWhenMade:
    def __init__(self) -> None:
        self.offset = 1000.0 * np.random.default_rng().random()

    def risk(self, batch: Any) -> Any:
        return _place(batch) + self.offset


class RemembersOtherConversations:
    def risk(self, batch: Any) -> Any:
        return np.arange(batch.symbol.size) + 0.0


class DependsOnTheSizeOfTheStream:
    def watch(self, events: Any) -> Any:
        return np.arange(len(events)) + 0.0


class ReadsIds:
    def risk(self, batch: Any) -> Any:
        return _place(batch) + np.repeat(batch.key % np.uint64(7), batch.end - batch.begin)


class ReadsTextNumbers:
    def risk(self, batch: Any) -> Any:
        return (batch.symbol >> 1).astype(float)


class NotANumber:
    def risk(self, batch: Any) -> Any:
        return np.where(_place(batch) == 3, np.nan, 0.0)


class Infinite:
    def risk(self, batch: Any) -> Any:
        return np.where(_place(batch) == 3, np.inf, 0.0)


class OutOfItsRange:
    range = (0.0, 1.0)

    def risk(self, batch: Any) -> Any:
        return _place(batch) + 0.0


class TooFew:
    def risk(self, batch: Any) -> Any:
        return np.zeros(batch.symbol.size - 1)


class Words:
    def score(self, texts: Any) -> Any:
        return ["high" for _ in texts]


class UpsideDown:
    """Knows the training set's risk words and says so with low numbers, undeclared."""

    def fit(self, training: Any) -> Any:
        share = training.positive / np.maximum(1, training.positive + training.negative)
        self.known = dict(zip(training.texts, share.tolist(), strict=True))
        return self

    def score(self, texts: Any) -> Any:
        return [-self.known.get(text, 0.0) for text in texts]


class Downward(UpsideDown):
    """The same, declared."""

    direction = "lower"


class FailsOnNothing:
    def risk(self, batch: Any) -> Any:
        if not len(batch):
            raise IndexError("no conversation")
        return _place(batch) + 0.0


class FailsOnLong:
    def risk(self, batch: Any) -> Any:
        if (batch.end - batch.begin).max(initial=0) > 10_000:
            raise MemoryError("too long")
        return _place(batch) + 0.0


class FailsOnOddText:
    def score(self, texts: Any) -> Any:
        return [len(text) / len(text.split()) for text in texts]


class KeepsEverything:
    kept: list[Any] = []  # noqa: RUF012 - the mistake itself

    def risk(self, batch: Any) -> Any:
        self.kept += [np.ones(800_000), batch.symbol]
        return _place(batch) + 0.0


class ForgetsWhenCopied:
    def __init__(self) -> None:
        self.level = 1.0

    def fit(self, training: Any) -> Any:
        self.level = 2.0
        return self

    def __reduce__(self) -> Any:
        return ForgetsWhenCopied, ()

    def risk(self, batch: Any) -> Any:
        return _place(batch) * self.level


class Raises:
    def risk(self, batch: Any) -> Any:
        raise ValueError("as a mistake would")


class Hangs:
    def risk(self, batch: Any) -> Any:
        while True:
            time.sleep(0.01)


class Crashes:
    def risk(self, batch: Any) -> Any:
        os._exit(7)


class CallsHome:
    def score(self, texts: Any) -> Any:
        import socket

        socket.create_connection(("127.0.0.1", 9), timeout=1)
        return [0.0 for _ in texts]
