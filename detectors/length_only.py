"""Counts messages and reads nothing: shows how much of a score is length alone.

input: conversation length · score: 1, 2, 3, ... messages · direction: higher is riskier · source: a control; in the
PAN-2012 corpus predatory conversations average 61 to 90 messages and others 12.7, so length leaks the label unless it
is matched
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simharness.records import ConversationBatch


class LengthOnly:
    """Counts messages and reads nothing: how much length alone gives away."""

    def risk(self, batch: ConversationBatch) -> NDArray[np.float32]:
        """The number of messages so far, one per message of the batch."""
        lengths = batch.end - batch.begin
        first = np.repeat(batch.begin, lengths)
        return (np.arange(1, batch.symbol.size + 1) - first).astype(np.float32)
