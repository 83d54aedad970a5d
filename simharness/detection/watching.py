"""Detectors that need a whole stream: it is watched once, in order of time, and what they said is then looked up.

Two kinds do: watchers of events, and aggregators that run over all conversations of an account. Everything is kept
apart by world; substitutes, whose time is not known yet, form a stream of their own in which nobody has a past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.detection.aggregators import running_risk
from simharness.detection.numbered import Numbered
from simharness.detection.rows import take_rows
from simharness.detection.scoring import Scorer
from simharness.detection.streams import begin
from simharness.records import ConversationBatch, EventBatch
from simharness.world.contacts import Contacts
from simharness.world.events import DEFAULT_EVENTS, event_batches
from simharness.world.generate import World

Floats = NDArray[np.float32]
_ALL = 1 << 40  # events of a batch: every one


@dataclass(slots=True)
class Watched:
    """What a detector said of streams it has seen. ``alone`` judges conversations it has not seen from the first on: on
    a platform that has seen nothing of what went before, nor of the account.
    """

    table: Numbered
    alone: Callable[[ConversationBatch], Floats]

    def risk(self, batch: ConversationBatch) -> Floats:
        """Running risk after each message of a batch. Raises DetectorFailed."""
        out, _ = self.table.look_up(batch)
        late = np.flatnonzero(batch.first > 1)
        if late.size:
            part, source = take_rows(batch, late)
            out[source] = self.alone(part)
        return out


def watched(scorer: Scorer, world: World, streams: Sequence[Sequence[Contacts]], share: float | None = None) -> Scorer:
    """A scorer for the conversations of ``streams``, each watched from its beginning; others as they are.

    ``share``: of harmless contacts sampled, if not the scenario's. Raises DetectorFailed, also where the detector has a
    part of these conversations only to go by (encrypted platforms: see ``cell``).
    """
    if not scorer.needs_stream:
        return scorer
    parts = [_seen(scorer, world, blocks, share) for blocks in streams]
    columns = zip(*(part for part in parts if part is not None), strict=True)
    keys, numbers, risk = (np.concatenate(column) for column in columns)
    table, _ = Numbered.of(keys, numbers, risk)
    return replace(scorer, watched=Watched(table, scorer.risk))


_Rows = tuple[NDArray[np.uint64], NDArray[np.int32], Floats]


def _seen(scorer: Scorer, world: World, blocks: Sequence[Contacts], share: float | None) -> _Rows | None:
    """Conversation, number and risk of every message of one stream; None if it has none."""
    if not sum(map(len, blocks)):
        return None
    if scorer.table is not None:
        events = next(event_batches(world, blocks, _ALL, share))
        return events.conversation, events.number, _over_accounts(scorer, events)
    kept: list[EventBatch] = []

    def questions() -> Iterator[tuple[Callable[[], Any], int]]:
        watcher = begin(scorer.detector)
        kept.clear()
        for events in event_batches(world, blocks, DEFAULT_EVENTS, share):
            kept.append(events)
            yield partial(watcher.watch, events), len(events)

    risk = scorer.guard.ask_stream(questions, "events")
    names, numbers = ([getattr(events, column) for events in kept] for column in ("conversation", "number"))
    return np.concatenate(names), np.concatenate(numbers), risk


def _over_accounts(scorer: Scorer, events: EventBatch) -> Floats:
    """The aggregator run over each account's messages in order of time, whichever conversation they are in."""
    assert scorer.table is not None
    order = np.argsort(events.account, kind="stable")
    account = events.account[order]
    first = np.flatnonzero(np.append(True, account[1:] != account[:-1]))
    end = np.append(first[1:], account.size)
    scores = np.take(scorer.table, events.symbol[order], mode="clip")
    none = np.empty(0)
    whole = ConversationBatch(events.texts, events.symbol[order], none, first, end, none, none, none)  # type: ignore[arg-type]
    out = np.empty(account.size, np.float32)
    out[order] = running_risk(scorer.aggregator, scores, whole, np.empty(account.size, np.float32))
    return out
