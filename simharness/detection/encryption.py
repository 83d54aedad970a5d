"""Encrypted platforms: what is left of a conversation whose texts nobody but the two can read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simharness.records import ConversationBatch


def hide(view: ConversationBatch, hidden: NDArray[np.bool_]) -> ConversationBatch:
    """The view with every text on ``hidden`` platforms (shape (platforms,)) replaced by the empty text.

    That text is one more at the end of ``texts``; senders, times and account features stay. A view without such
    conversations is returned as it is.
    """
    masked = hidden[view.platform]
    if not masked.any():
        return view
    empty = np.uint16(2 * len(view.texts))
    message = np.repeat(masked, view.end - view.begin)
    symbol = np.where(message, empty | view.symbol & np.uint16(1), view.symbol)
    return replace(view, texts=(*view.texts, ""), symbol=symbol)
