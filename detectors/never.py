"""Never alerts: the floor. With it every policy must come out as the police alone.

input: texts (ignored) · score: 0 · direction: higher is riskier · source: a control, not a proposal
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Never:
    """Never alerts: the floor."""

    abstains = True

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """nan for every text, shape (n,): it abstains."""
        return np.full(len(texts), np.nan, np.float32)
