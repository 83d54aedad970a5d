"""Points that no other point beats in everything (Pareto 1906): what can be had at which price."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simharness.errors import UsageError
from simharness.sweeping.spec import Direction


def pareto(points: ArrayLike, directions: Sequence[Direction]) -> NDArray[np.bool_]:
    """Which points are not dominated, shape (points,). ``points``: shape (points, criteria).

    A point dominates another if it is at least as good in every criterion and better in one (Pareto dominance, e.g.
    Deb 2001, "Multi-Objective Optimization using Evolutionary Algorithms", definition 2.5), so equal points stay
    together. A point with an undefined (NaN) criterion neither stays nor dominates. Raises UsageError where the number
    of directions is not that of the criteria.
    """
    values = np.asarray(points, np.float64)
    if values.ndim != 2 or values.shape[1] != len(directions):
        raise UsageError("pareto", f"got shape {values.shape} and {len(directions)} directions", allowed="one a column")
    worth = values * np.array([1.0 if direction == "higher" else -1.0 for direction in directions])
    kept = ~np.isnan(worth).any(axis=1)
    for point in np.flatnonzero(kept):
        others = worth[~np.isnan(worth).any(axis=1)]
        at_least, better = (others >= worth[point]).all(axis=1), (others > worth[point]).any(axis=1)
        kept[point] = not (at_least & better).any()
    return np.asarray(kept, np.bool_)
