"""Alerts on every first message: the ceiling of earliness, and the price of it in false alerts.

input: texts (ignored) · score: 1 · direction: higher is riskier · source: a control, not a proposal
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Always:
    """Alerts on every first message: the ceiling of earliness."""

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """1 for every text, shape (n,)."""
        return np.ones(len(texts), np.float32)
