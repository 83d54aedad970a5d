"""Encrypted platforms: what is left of messages whose texts nobody but the two can read."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simharness.records import ConversationBatch, EventBatch

_Messages = TypeVar("_Messages", ConversationBatch, EventBatch)


def hide(view: ConversationBatch, hidden: NDArray[np.bool_]) -> ConversationBatch:
    """The view with every text on ``hidden`` platforms (shape (platforms,)) replaced by the empty text.

    That text is one more at the end of ``texts``; senders, times and account features stay. A view without such
    conversations is returned as it is.
    """
    masked = hidden[view.platform]
    if not masked.any():
        return view
    return hide_messages(view, np.repeat(masked, view.end - view.begin))


def hide_events(events: EventBatch, hidden: NDArray[np.bool_]) -> EventBatch:
    """As :func:`hide`, for events: their accounts, children and times stay as well."""
    message = hidden[events.platform]
    return hide_messages(events, message) if message.any() else events


def hide_messages(batch: _Messages, message: NDArray[np.bool_]) -> _Messages:
    """The batch with the texts of the messages given by a mask, shape (messages,), replaced by the empty text."""
    empty = np.uint16(2 * len(batch.texts))
    symbol = np.where(message, empty | batch.symbol & np.uint16(1), batch.symbol)
    return replace(batch, texts=(*batch.texts, ""), symbol=symbol)
