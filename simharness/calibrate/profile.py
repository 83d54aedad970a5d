"""Maximum of a log-likelihood inside bounds, its profile by one parameter, and the interval where that is high enough.

Venzon & Moolgavkar 1988, "A method for computing profile-likelihood-based confidence intervals", Applied Statistics 37,
87-94: all other parameters are chosen best for each value of one; the interval holds the values at which twice the loss
of log-likelihood is below the 0.95 quantile of chi-squared with 1 degree of freedom.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import gammaincinv

Array = NDArray[np.float64]
LogLikelihood = Callable[[Array], float]

LEVEL = 0.95
CUT = float(gammaincinv(0.5, LEVEL))  # half the quantile of chi-squared with 1 degree of freedom: 1.9207
_EPS = 1e-9  # of the distance to a bound


@dataclass(frozen=True, slots=True)
class Box:
    """Bounds ``low`` and ``high`` and a step ``unit`` that means about as much for every parameter; (parameters,)."""

    low: Array
    high: Array
    unit: Array

    def inside(self, position: Array) -> Array:
        return np.clip(position, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Ends:
    """One parameter's profile interval. ``at_low``, ``at_high``: positions of all parameters at its ends.

    ``touches_low``: the likelihood is still high enough at the lower bound, so nothing but the bound ends the interval.
    """

    low: float
    high: float
    at_low: Array
    at_high: Array
    touches_low: bool
    touches_high: bool


def maximise(function: LogLikelihood, start: Array, box: Box, held: int | None = None) -> Array:
    """Where ``function`` is highest in the box, from ``start``, with parameter ``held`` kept as it is."""
    free = np.arange(len(start)) != (-1 if held is None else held)
    if not free.any():
        return start.copy()

    def position(steps: Array) -> Array:
        at = start.copy()
        at[free] += steps * box.unit[free]
        return box.inside(at)

    bounds = np.column_stack([(box.low - start)[free] / box.unit[free], (box.high - start)[free] / box.unit[free]])
    options = {"ftol": 1e-12, "gtol": 1e-6, "maxiter": 200}
    found = minimize(
        lambda steps: -function(position(steps)),
        np.zeros(int(free.sum())),
        jac="3-point",
        method="L-BFGS-B",
        bounds=bounds,
        options=options,
    )
    return position(found.x)


def profile_at(function: LogLikelihood, best: Array, box: Box, place: int, value: float) -> tuple[float, Array]:
    """Profile log-likelihood of parameter ``place`` at ``value``, and the positions of all that reach it."""
    start = best.copy()
    start[place] = value
    at = maximise(function, start, box, held=place)
    return function(at), at


def profile_ends(function: LogLikelihood, best: Array, box: Box, place: int, cut: float = CUT) -> Ends:
    """Profile interval of parameter ``place`` around the maximum ``best``: losses of log-likelihood up to ``cut``."""
    top = function(best)

    def excess(value: float) -> float:
        return top - profile_at(function, best, box, place, value)[0] - cut

    def end(bound: float, way: float) -> tuple[float, bool]:
        here, there = float(best[place]), float(best[place])
        step = float(box.unit[place])
        while way * (bound - there) > _EPS:  # step away, twice as far each time, until the loss is large enough
            here, there, step = there, there + way * min(step, abs(bound - there)), 2.0 * step
            if excess(there) > 0.0:
                return float(brentq(excess, here, there, xtol=1e-5 * float(box.unit[place]))), False
        return bound, True

    low, touches_low = end(float(box.low[place]), -1.0)
    high, touches_high = end(float(box.high[place]), 1.0)
    at = [profile_at(function, best, box, place, value)[1] for value in (low, high)]
    return Ends(low, high, at[0], at[1], touches_low, touches_high)
