"""Times to an event of which some were not seen to happen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import CensoredData, ecdf


def median_time(lasted: NDArray[np.float64], happened: NDArray[np.bool_]) -> float | None:
    """Median time to an event of which some were not seen to happen (``lasted``: how long they were watched).

    Kaplan & Meier 1958: the first time at which the estimated share still waiting is a half or less; None if never.
    Shapes (n,); in the unit of ``lasted``.
    """
    if not happened.any():
        return None
    still = ecdf(CensoredData(uncensored=lasted[happened], right=lasted[~happened])).sf
    reached = np.flatnonzero(still.probabilities <= 0.5)
    return float(still.quantiles[reached[0]]) if reached.size else None
