"""What is kept of each conversation a detector has read: how risky it looked, and when it was alerted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from simharness.records import ConversationBatch
from simharness.streams import compiled
from simharness.world.contacts import Contacts

NEVER = -1  # the place of a stage that a conversation does not reach


@dataclass(frozen=True, slots=True)
class Traces:
    """One row per conversation, in the order they were read; arrays of shape (n,).

    Alerts are those at the level the detector is measured at. Times in waking seconds since the period began.
    """

    initiator: NDArray[np.int64]  # offender number; -1 for harmless conversations
    start: NDArray[np.float64]  # contact was made
    messages: NDArray[np.int32]
    peak: NDArray[np.float32]  # highest running risk; -inf: it never had one
    last: NDArray[np.float32]  # running risk after the last message; -inf or nan: none
    alert: NDArray[np.int32]  # number of the message alerted on, from 1; 0: never
    until: NDArray[np.float64]  # of the alert, or of the last message where there is none

    def __len__(self) -> int:
        return int(self.messages.size)

    @classmethod
    def of(
        cls,
        contacts: Contacts,
        view: ConversationBatch,
        risk: NDArray[np.float32],
        peak: NDArray[np.float32],
        place: NDArray[np.int32],
    ) -> Self:
        """Traces of a batch. ``risk``: after each message; ``peak``, and ``place`` of the alert (from 0, -1: never):
        one a conversation. Nothing of it lies in the view's buffers.
        """
        messages = view.end - view.begin
        some = messages > 0
        final = np.where(some, view.end - 1, 0)
        last, until = np.full(messages.size, -np.inf, np.float32), contacts.start.copy()
        if view.time_s.size:
            last[some] = risk[final[some]]
            until[some] = view.time_s[np.where(place >= 0, view.begin + place, final)[some]]
        kept = contacts.initiator, contacts.start, messages.astype(np.int32), peak, last
        return cls(*kept, (place + 1).astype(np.int32), until)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Traces one after the other; of none, none."""
        return cls(*(np.concatenate([_EMPTY[name], *(getattr(part, name) for part in parts)]) for name in _EMPTY))


def first_places(stage: NDArray[np.uint8], view: ConversationBatch, stages: int) -> NDArray[np.int32]:
    """Place (from 0) of the first message of each stage in each conversation, shape (conversations, stages); -1: none.

    ``stage``: of each message of the view.
    """
    out = np.full((len(view), stages), NEVER, np.int32)
    _first_places(stage, view.begin, view.end, out)
    return out


@compiled()
def _first_places(stage: Any, begin: Any, end: Any, out: Any) -> None:
    for i in range(begin.shape[0]):
        for j in range(begin[i], end[i]):
            if out[i, stage[j]] < 0:
                out[i, stage[j]] = j - begin[i]


_TYPES = (np.int64, np.float64, np.int32, np.float32, np.float32, np.int32, np.float64)
_EMPTY = {column.name: np.empty(0, kind) for column, kind in zip(fields(Traces), _TYPES, strict=True)}
