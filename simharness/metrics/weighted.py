"""Shares of weighted or unequal parts, with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from simharness.metrics.intervals import LEVEL, Interval


def linearised_share(parts: NDArray[Any], wholes: NDArray[Any], level: float = LEVEL) -> Interval:
    """sum(parts) / sum(wholes) with the interval of a linearised ratio (Cochran 1977, section 6.4).

    Shapes (subjects,): parts of wholes of unequal size, or weights of those that count and of all. None where the
    wholes sum to 0; no interval from fewer than two.
    """
    n, total, method = wholes.size, float(wholes.sum()), "linearised ratio"
    if total == 0 or parts.size != n:
        return Interval(None, None, None, n, method)
    share = float(parts.sum()) / total
    if n < 2:
        return Interval(share, None, None, n, method)
    rest = parts - share * wholes
    half = float(stdtrit(n - 1, (1.0 + level) / 2.0) * np.sqrt(n / (n - 1) * (rest * rest).sum())) / total
    return Interval(share, max(0.0, share - half), min(1.0, share + half), n, method)
