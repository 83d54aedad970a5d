"""Detectors that need a whole stream: it is watched once, in order of time, and what they said is then looked up.

Two kinds do: watchers of events, and aggregators that run over all conversations of an account. Everything is kept
apart by world; substitutes, whose time is not known yet, form a stream of their own. Whoever reads a conversation from
somewhere after its beginning (after a move, or a gap in what is covered) has seen nothing else: see :class:`Alone`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.detection.aggregators import running_risk
from simharness.detection.encryption import hide_events
from simharness.detection.numbered import NOT_THERE, Numbered
from simharness.detection.rows import place_of, take_rows
from simharness.detection.scoring import Scorer
from simharness.detection.streams import begin
from simharness.records import ConversationBatch, EventBatch
from simharness.world.clock import Clock
from simharness.world.contacts import Contacts, concatenate
from simharness.world.events import DEFAULT_EVENTS, event_batches
from simharness.world.generate import World

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_ALL = 1 << 40  # events of a batch: every one
_Rows = tuple[NDArray[np.uint64], NDArray[np.int32], Floats]  # conversation, number and value of each message
_NO_ROWS: _Rows = (np.empty(0, np.uint64), np.empty(0, np.int32), np.empty(0, np.float32))


@dataclass(frozen=True, slots=True)
class Alone:
    """Judges every conversation by a fresh reader, who has seen nothing before it, nor another of the account's."""

    scorer: Scorer
    clock: Clock

    def risk(self, batch: ConversationBatch, hidden: Mask | None = None) -> Floats:
        """Running risk after each message of a batch, whatever else is in it. Raises DetectorFailed."""
        if self.scorer.reads_texts:
            return self.scorer.risk(batch)
        out = np.full(batch.symbol.size, np.nan, np.float32)
        for row in range(len(batch)):
            part, source = take_rows(batch, np.array([row]))
            out[source] = self.scorer.risk(replace(part, time_s=self.clock.wall(part.time_s)))
        return out


@dataclass(frozen=True, slots=True)
class Watched:
    """What a detector said of streams it has seen: one table for each choice of platforms whose texts are hidden."""

    tables: Mapping[tuple[bool, ...], Numbered]
    alone: Alone

    def risk(self, batch: ConversationBatch, hidden: Mask | None) -> Floats:
        """Running risk after each message of a batch. Raises DetectorFailed, and LookupError for a conversation that
        is in none of the streams.
        """
        out, row = self.tables[_choice(hidden)].look_up(batch)
        late = np.flatnonzero(batch.first > 1)
        if late.size:
            part, source = take_rows(batch, late)
            out[source] = self.alone.risk(part)
        unseen = np.unique(row[out == NOT_THERE])
        if unseen.size:
            raise LookupError(f"{unseen.size} of {len(batch)} conversations are in none of the streams watched")
        return out


def watched(
    scorer: Scorer,
    world: World,
    streams: Sequence[Sequence[Contacts]],
    hidden: Iterable[Mask] = (),
    share: float | None = None,
) -> Scorer:
    """A scorer for the conversations of ``streams``, each watched from its beginning; others as they are.

    Texts of all platforms can be read, and once more for each choice of ``hidden`` ones, shape (platforms,). ``share``:
    of harmless contacts sampled, if not the scenario's. Raises DetectorFailed.
    """
    if not scorer.needs_stream:
        return scorer
    nowhere = np.zeros(len(world.model.platforms), np.bool_)
    tables = {}
    for choice, mask in {_choice(mask): mask for mask in (nowhere, *hidden)}.items():
        parts = [_NO_ROWS, *(_seen(scorer, world, blocks, share, mask) for blocks in streams if sum(map(len, blocks)))]
        keys, numbers, risk = (np.concatenate(column) for column in zip(*parts, strict=True))
        tables[choice] = Numbered.of(keys, numbers, risk)[0]
    return replace(scorer, watched=Watched(tables, Alone(scorer, world.model.clock)))


def afresh(scorer: Scorer) -> Scorer:
    """The scorer for who begins to read conversations, wherever that is, knowing nothing of the streams watched."""
    return replace(scorer, watched=scorer.watched.alone) if isinstance(scorer.watched, Watched) else scorer


def _choice(hidden: Mask | None) -> tuple[bool, ...]:
    return tuple(hidden.tolist()) if hidden is not None and hidden.any() else ()


def _seen(scorer: Scorer, world: World, blocks: Sequence[Contacts], share: float | None, hidden: Mask) -> _Rows:
    """Conversation, number and risk of every message of one stream, up to where a conversation moves."""
    if scorer.reads_texts:
        events = next(event_batches(world, blocks, _ALL, share, elsewhere=False))
        scores = _scores(scorer, world, blocks, events)
        scores[hidden[events.platform]] = np.nan  # nothing was read there
        return events.conversation, events.number, _over_accounts(scorer, events, scores)
    names, numbers = [_NO_ROWS[0]], [_NO_ROWS[1]]

    def questions() -> Iterator[tuple[Callable[[], Any], int]]:
        del names[1:], numbers[1:]
        watcher = cache(partial(begin, scorer.detector))  # within the first question, where the guard hears of faults
        for events in event_batches(world, blocks, DEFAULT_EVENTS, share, elsewhere=False):
            names.append(events.conversation)
            numbers.append(events.number)
            yield partial(_watch, watcher, hide_events(events, hidden)), len(events)

    risk = scorer.guard.ask_stream(questions, "events")
    return np.concatenate(names), np.concatenate(numbers), risk


def _watch(watcher: Callable[[], Any], events: EventBatch) -> Any:
    return watcher().watch(events)


def _scores(scorer: Scorer, world: World, blocks: Sequence[Contacts], events: EventBatch) -> Floats:
    """The score of each event by itself."""
    if scorer.table is not None:
        return np.take(scorer.table, events.symbol, mode="clip")
    parts = [_NO_ROWS]
    for batch in world.batches(concatenate(list(blocks))):
        view = batch.view
        scores = scorer.scores(view.by_platform())
        parts.append((np.repeat(view.key, view.end - view.begin), (place_of(view) + 1).astype(np.int32), scores))
    keys, numbers, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    table, _ = Numbered.of(keys, numbers, values)
    at = table.first[np.searchsorted(table.keys, events.conversation)] + events.number - 1
    return np.asarray(table.score[at], np.float32)


def _over_accounts(scorer: Scorer, events: EventBatch, scores: Floats) -> Floats:
    """The aggregator run over each account's messages in order of time, whichever conversation they are in."""
    order = np.argsort(events.account, kind="stable")
    account = events.account[order]
    first = np.flatnonzero(np.append(True, account[1:] != account[:-1]))
    end = np.append(first[1:], account.size)
    none = np.empty(0)
    whole = ConversationBatch(events.texts, events.symbol[order], none, first, end, none, none, none)  # type: ignore[arg-type]
    out = np.empty(account.size, np.float32)
    out[order] = running_risk(scorer.aggregator, scores[order], whole, np.empty(account.size, np.float32))
    return out
