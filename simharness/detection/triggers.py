"""From running risk to alarms: when an arm's trigger fires, once or several times a conversation.

Everything about an alarm but ``Alarms.last`` is a function of the messages up to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from simharness.detection.aggregators import NO_EVIDENCE
from simharness.detection.scoring import Scorer
from simharness.records import ConversationBatch
from simharness.streams import compiled

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Signal:
    """An arm's trigger, with every level set."""

    level: np.float32
    rearm: np.float32 | None  # another alarm only after the risk was below
    s: int  # s of the last n messages left the risk at or above the level; both 1: the risk itself
    n: int
    cooldown_s: float | None  # waking seconds before another alarm
    at_most: int  # alarms on one conversation: 1 unless rearm or cooldown is given
    hidden: NDArray[np.bool_]  # (platforms,) on which the arm's detector sees no text

    @property
    def plain(self) -> bool:
        """Whether it fires once, where the running risk first reaches the level, whatever the platform."""
        return self.n == 1 and self.at_most == 1 and not self.hidden.any()


@dataclass(frozen=True, slots=True)
class Alarms:
    """One row an alarm, in order of row, then time; all arrays of shape (alarms,)."""

    row: NDArray[np.int64]  # place of the conversation
    time: NDArray[np.float64]  # waking seconds
    risk: NDArray[np.float32]  # what reached the level: the running risk, or the sustained one if s of n
    pace: NDArray[np.float64]  # messages per waking hour so far, the first hour counted whole
    last: NDArray[np.float64]  # truth: waking time of the conversation's last message within the period

    def __len__(self) -> int:
        return int(self.row.size)

    def take(self, alarms: Any) -> Self:
        """The alarms given by a slice, a mask or an index array."""
        return type(self)(*(getattr(self, column.name)[alarms] for column in fields(self)))


def no_alarms() -> Alarms:
    """Of nothing read, or nothing found."""
    return Alarms(np.empty(0, np.int64), np.empty(0), np.empty(0, np.float32), np.empty(0), np.empty(0))


def joined(parts: Sequence[Alarms], sizes: Sequence[int]) -> Alarms:
    """Alarms of batches one after the other; ``sizes``: how many rows (conversations) each of them has."""
    first = np.cumsum([0, *sizes])
    rows = [part.row + offset for part, offset in zip(parts, first[:-1], strict=True)]
    whole = [no_alarms(), *parts]
    rest = [np.concatenate([getattr(part, column.name) for part in whole]) for column in fields(Alarms)[1:]]
    return Alarms(np.concatenate([no_alarms().row, *rows]), *rest)


def alarms(scorer: Scorer, signal: Signal, batch: ConversationBatch, risk: NDArray[np.float32] | None = None) -> Alarms:
    """Every alarm of a signal on a batch. ``risk``: the scorer's running risk of the batch, if already known."""
    hidden = signal.hidden[batch.platform]
    mute = hidden & scorer.reads_texts  # who reads single messages has nothing to read
    # What is hidden elsewhere counts for a conversation, too, where its account's others do.
    if signal.hidden.any() if scorer.needs_stream else hidden.any() and not scorer.reads_texts:
        risk = scorer.risk(batch, signal.hidden)
    elif risk is None:
        risk = scorer.risk(batch)
    if signal.n > 1:
        risk = sustained(risk, batch, signal.s, signal.n)
    row, place = _fired(signal, batch, risk, mute)
    return alarms_at(batch, risk, row, place)


def alarms_at(
    batch: ConversationBatch, risk: NDArray[np.float32], row: NDArray[np.int64], message: NDArray[np.int64]
) -> Alarms:
    """Alarms at messages given by their place in the batch, each of the conversation ``row``."""
    time, first = batch.time_s[message], batch.begin[row]
    so_far = np.maximum(time - batch.time_s[first], HOUR_S)
    pace = (message - first + 1) / (so_far / HOUR_S)
    return Alarms(row, time, risk[message], pace, batch.time_s[batch.end[row] - 1])


def sustained(risk: NDArray[np.float32], batch: ConversationBatch, s: int, n: int) -> NDArray[np.float32]:
    """After each message, the s-th largest of its conversation's last n running risks, shape as ``risk``.

    It is at or above a level exactly when s of the last n messages left the risk there; -inf before s were seen, on
    each platform by itself.
    """
    out, seen = np.empty_like(risk), batch.by_platform()
    _sustained(risk, seen.begin, seen.end, s, n, out)
    return out


def _fired(
    signal: Signal, batch: ConversationBatch, risk: NDArray[np.float32], mute: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and message of every alarm."""
    most = int(np.minimum(batch.end - batch.begin, signal.at_most).sum())
    row, message = np.empty(most, np.int64), np.empty(most, np.int64)
    rearm = np.float32(np.nan) if signal.rearm is None else signal.rearm
    again = rearm, signal.cooldown_s or 0.0, signal.at_most
    found = _fire(risk, batch.time_s, batch.begin, batch.end, mute, signal.level, again, row, message)
    return row[:found], message[:found]


@compiled()
def _fire(risk: Any, time: Any, begin: Any, end: Any, mute: Any, level: Any, again: Any, row: Any, message: Any) -> Any:
    """Fill ``row`` and ``message``; return how many. ``again`` = (rearm: nan for none, cooldown, at most)."""
    rearm, cooldown, at_most = again
    found = 0
    for i in range(begin.shape[0]):
        if mute[i]:
            continue
        count, armed, ready = 0, True, -np.inf
        for j in range(begin[i], end[i]):
            if armed and risk[j] >= level and time[j] >= ready:
                row[found] = i
                message[found] = j
                found += 1
                count += 1
                if count == at_most:
                    break
                armed, ready = rearm != rearm, time[j] + cooldown
            elif risk[j] < rearm:
                armed = True
    return found


@compiled()
def _sustained(risk: Any, begin: Any, end: Any, s: Any, n: Any, out: Any) -> None:
    window = np.empty(n, np.float32)  # the last n, oldest at ``place``
    ranked = np.empty(n, np.float32)  # the same, highest first
    for i in range(begin.shape[0]):
        window[:] = NO_EVIDENCE
        ranked[:] = NO_EVIDENCE
        place = 0
        for j in range(begin[i], end[i]):
            new = risk[j] if risk[j] == risk[j] else NO_EVIDENCE
            rank = 0
            while ranked[rank] != window[place]:
                rank += 1
            while rank > 0 and ranked[rank - 1] < new:
                ranked[rank] = ranked[rank - 1]
                rank -= 1
            while rank + 1 < n and ranked[rank + 1] > new:
                ranked[rank] = ranked[rank + 1]
                rank += 1
            ranked[rank] = new
            window[place] = new
            place = place + 1 if place + 1 < n else 0
            out[j] = ranked[s - 1]
