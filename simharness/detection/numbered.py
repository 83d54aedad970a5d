"""Numbers by conversation and message, stored compactly and looked up for a batch."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simharness.records import ConversationBatch

NOT_THERE = np.float32(np.inf)  # scores are finite, and nan is an abstention


class Numbered(NamedTuple):
    """Message n of conversation keys[i] has score[first[i] + n - 1], up to first[i + 1]: 4 bytes each."""

    keys: NDArray[np.uint64]  # ascending
    first: NDArray[np.int64]
    score: NDArray[np.float32]

    def look_up(self, batch: ConversationBatch) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The score of each message of a batch, inf where there is none, and the row of its conversation."""
        if not self.keys.size:
            return np.full(batch.symbol.size, NOT_THERE), np.repeat(np.arange(len(batch)), batch.end - batch.begin)
        place = np.minimum(np.searchsorted(self.keys, batch.key), self.keys.size - 1)
        known = self.keys[place] == batch.key
        length = batch.end - batch.begin
        owner = np.repeat(np.arange(len(batch)), length)
        within = np.arange(owner.size) - np.repeat(np.cumsum(length) - length, length)
        number = within + (batch.first[owner] if batch.first.size else 1)
        at = self.first[place][owner] + number - 1
        there = known[owner] & (at < self.first[place + 1][owner])
        out = np.full(batch.symbol.size, np.nan, np.float32)
        row = np.zeros(batch.symbol.size, np.int64)
        message = batch.begin[owner] + within
        out[message] = np.where(there, self.score[np.where(there, at, 0)], NOT_THERE)
        row[message] = owner
        return out, row

    @classmethod
    def of(
        cls, key: NDArray[np.uint64], number: NDArray[np.int32], value: NDArray[np.float32]
    ) -> tuple[Self, NDArray[np.int64]]:
        """The table of rows (conversation, number of the message from 1, value), and the rows that it contradicts:
        those with another value than a later row for the same message.
        """
        known, row = _ranked(key)
        length = np.zeros(known.size, np.int64)
        np.maximum.at(length, row, number)
        first = np.concatenate([np.zeros(1, np.int64), np.cumsum(length)])
        score = np.full(int(first[-1]), NOT_THERE)
        at = first[row] + number - 1
        score[at] = value
        kept = score[at]
        differs = np.flatnonzero((kept != value) & ~(np.isnan(kept) & np.isnan(value)))
        return cls(known, first, score), differs


def _ranked(key: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The distinct keys, ascending, and the place of each of ``key`` among them; ten times as fast as ``np.unique``."""
    coded = pa.array(key).dictionary_encode()
    distinct = coded.dictionary.to_numpy()
    order = np.argsort(distinct)
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    return distinct[order], place[coded.indices.to_numpy()]
