"""Detectors with a planted blind spot each, and the bound's own filter otherwise. None is named to the search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.bayes_bound import BayesBound
from simharness.records import ConversationBatch, EventBatch
from simharness.world.acts import ACTS
from simharness.world.clock import DAY_S

NOTHING = np.float32(-30.0)  # before it has seen anything
CAP, ALARMING = 5, -1.5  # conversations a day that it warns of, from this risk on
WINDOW, MINUTES, WARM_UP = 50, 30, 20
RISK_ACT = np.array([act.kind != "benign" for act in ACTS] + [False])


class Selective(BayesBound):
    """Reads some messages only; its risk stays as it was after others."""

    def __init__(self, seen: Callable[[Any, ConversationBatch], NDArray[np.bool_]]) -> None:
        super().__init__()
        self.seen = seen

    def risk(self, batch: ConversationBatch) -> NDArray[np.float32]:
        seen = self.seen(self, batch)
        before = np.concatenate([[0], np.cumsum(seen)])
        begin, end = before[batch.begin], before[batch.end]
        read = replace(batch, symbol=batch.symbol[seen], begin=begin, end=end, time_s=batch.time_s[seen])
        risk = np.append(super().risk(replace(read, moved=np.empty(0, np.int64))), NOTHING)
        last = before[1:] - 1  # message read last
        return np.where(last >= np.repeat(begin, batch.end - batch.begin), risk[last], NOTHING)


def initiator_unseen(detector: Any, batch: ConversationBatch) -> NDArray[np.bool_]:
    return (batch.symbol & 1) == 1


def child_unseen(detector: Any, batch: ConversationBatch) -> NDArray[np.bool_]:
    return (batch.symbol & 1) == 0


def warming_up(detector: Any, batch: ConversationBatch) -> NDArray[np.bool_]:
    return np.arange(batch.symbol.size) - np.repeat(batch.begin, batch.end - batch.begin) >= WARM_UP


def private_unread(detector: Any, batch: ConversationBatch) -> NDArray[np.bool_]:
    act = detector.filter.act_of[batch.symbol >> 1]
    return act != next(number for number, each in enumerate(ACTS) if each.name == "asks_private")


def loses_the_thread(detector: Any, batch: ConversationBatch) -> NDArray[np.bool_]:
    """No risk act that comes more than half an hour after the one before."""
    telling = RISK_ACT[detector.filter.act_of[batch.symbol >> 1]]
    row = np.repeat(np.arange(len(batch)), batch.end - batch.begin)
    places = np.flatnonzero(telling)
    late = (np.diff(batch.time_s[places]) > 60.0 * MINUTES) & (np.diff(row[places]) == 0)
    seen = np.ones(telling.size, np.bool_)
    seen[places[1:][late]] = False
    return seen


class Pieces(BayesBound):
    """Reads each stretch of ``WINDOW`` messages as if it were a conversation of its own."""

    def risk(self, batch: ConversationBatch) -> NDArray[np.float32]:
        place = np.arange(batch.symbol.size) - np.repeat(batch.begin, batch.end - batch.begin)
        begin = np.flatnonzero(place % WINDOW == 0)
        end = np.append(begin[1:], batch.symbol.size)
        return super().risk(replace(batch, begin=begin, end=end, first=np.empty(0, np.int32)))


class Restarts(BayesBound):
    """Begins afresh on another platform."""

    def risk(self, batch: ConversationBatch) -> NDArray[np.float32]:
        return super().risk(replace(batch.by_platform(), first=np.empty(0, np.int32)))


class Capped:
    """Warns of five conversations a day, and has no risk for others."""

    privileged = True

    def __init__(self) -> None:
        self.bound = BayesBound()
        self.conversation: NDArray[np.uint64] = np.empty(0, np.uint64)
        self.symbol: NDArray[np.uint16] = np.empty(0, np.uint16)
        self.warned: dict[int, int] = {}  # conversation -> day
        self.silenced: set[int] = set()

    def fit(self, training: Any) -> Capped:
        self.bound.fit(training)
        return self

    def watch(self, events: EventBatch) -> NDArray[np.float32]:
        known = self.symbol.size
        self.conversation = np.append(self.conversation, events.conversation)
        self.symbol = np.append(self.symbol, events.symbol)
        order = np.argsort(self.conversation, kind="stable")
        key, begin = np.unique(self.conversation[order], return_index=True)
        none = np.zeros(key.size)
        end = np.append(begin[1:], order.size)
        batch = ConversationBatch(events.texts, self.symbol[order], none, begin, end, none, none, none)  # type: ignore[arg-type]
        risk = np.empty(order.size, np.float32)
        risk[order] = self.bound.risk(batch)
        out = risk[known:]
        for place in np.flatnonzero(out >= ALARMING).tolist():
            conversation, day = int(events.conversation[place]), int(events.time_s[place] // DAY_S)
            if conversation not in self.warned and list(self.warned.values()).count(day) >= CAP:
                out[place] = NOTHING
                continue
            self.warned.setdefault(conversation, day)
        return out


class Crashes(BayesBound):
    """Cannot read anybody's move."""

    def risk(self, batch: ConversationBatch) -> NDArray[np.float32]:
        if batch.moved.size:
            raise ValueError("moved")
        return super().risk(batch)
