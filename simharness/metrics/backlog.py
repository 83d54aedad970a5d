"""How many alerts a desk has before it: waiting, or in hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simharness.metrics.desks import column
from simharness.response.log import ArmLog


def backlogs(log: ArmLog, horizon_s: float) -> Iterator[tuple[str, str, float]]:
    """(metric, desk, value): mean and largest backlog of every desk of an arm."""
    desks = column(log.stay_desk, np.int8)
    entered, ended = column(log.stay_entered_s, np.float64), column(log.stay_ended_s, np.float64)
    for place, name in enumerate(log.desks):
        mean, largest = backlog(entered[desks == place], ended[desks == place], horizon_s)
        yield "desk_backlog", name, mean
        yield "desk_backlog_largest", name, largest


def backlog(entered: NDArray[np.float64], ended: NDArray[np.float64], horizon_s: float) -> tuple[float, int]:
    """Mean over a period, and largest, number of alerts at a desk at once; those waiting and those in hand together.

    Shapes (alerts,), seconds since the period's beginning; ``ended`` nan: still there at ``horizon_s``. Stays are half
    open: one that begins as another ends is not beside it. The mean is the arrival rate times the mean stay (Little
    1961, Operations Research 9, 383-387).
    """
    left = np.where(np.isnan(ended), horizon_s, ended)
    steps = np.concatenate([np.ones(entered.size, np.int64), -np.ones(left.size, np.int64)])
    order = np.lexsort((steps, np.concatenate([entered, left])))  # at one moment, whoever leaves first
    largest = int(np.cumsum(steps[order]).max(initial=0))
    return float((left - entered).sum() / horizon_s), largest
