"""How much each parameter matters to an output: main effects, rank correlations, Sobol' indices, tornado spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from simharness.errors import UsageError
from simharness.metrics.intervals import LEVEL, Interval
from simharness.sweeping.design import salib, unit_problem

RESAMPLES = 1000
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Index:
    """One parameter's share of an output's variance: alone (``first``) and with everything it interacts with."""

    first: Interval
    total: Interval


def main_effects(levels: Sequence[Sequence[object]], output: ArrayLike) -> list[float | None]:
    """Eta squared of each factor of a full grid: the variance of its level means over that of the output.

    Fisher 1925, "Statistical Methods for Research Workers", chapter 7. ``levels[factor][point]`` names the level of a
    point, ``output`` has shape (points,). With every combination once, the shares add up to at most 1; the rest is
    interaction. It says nothing beyond the grid, so it has no interval. None where the output does not vary or is
    undefined (NaN) anywhere. Raises UsageError where the lengths differ.
    """
    values = np.asarray(output, np.float64)
    if any(len(factor) != values.size for factor in levels):
        raise UsageError("main_effects", "levels and output differ in length", allowed="one level a point and factor")
    if not values.size or np.isnan(values).any() or np.ptp(values) == 0.0:
        return [None] * len(levels)
    return [_between(factor, values) / float(((values - values.mean()) ** 2).sum()) for factor in levels]


def rank_correlations(parameters: ArrayLike, output: ArrayLike, level: float = LEVEL) -> list[Interval]:
    """Partial rank correlation of each parameter with an output, the others' linear part taken out of both ranks.

    Marino, Hogue, Ray & Kirschner 2008, J. Theor. Biol. 254, 178-196, section 2.2; interval by Fisher's z with
    standard error 1 / sqrt(n - p - 2) for p parameters (Fisher 1924, Metron 3, 329-332). ``parameters`` has shape
    (points, parameters), ``output`` (points,). Points with an undefined output (NaN) are left out; undefined (None)
    where the output or a parameter does not vary or too few points are left. Raises UsageError where the lengths
    differ.
    """
    matrix, values = np.asarray(parameters, np.float64), np.asarray(output, np.float64)
    if matrix.ndim != 2 or len(matrix) != values.size:
        raise UsageError("rank_correlations", f"got shapes {matrix.shape} and {values.shape}", allowed="(n, p), (n,)")
    matrix, values = matrix[~np.isnan(values)], values[~np.isnan(values)]
    n, count = matrix.shape
    method, free = "partial rank correlation, Fisher's z", n - count - 2
    varies = n > 0 and np.ptp(values) > 0.0 and bool((np.ptp(matrix, axis=0) > 0.0).all())
    if free < 1 or not varies:
        return [Interval(None, None, None, n, method)] * count
    ranks, ranked = np.column_stack([rankdata(column) for column in matrix.T]), rankdata(values)
    half = float(ndtri((1.0 + level) / 2.0)) / free**0.5
    found = [_partial(ranks, ranked, place) for place in range(count)]
    return [
        Interval(
            r,
            None if r is None else float(np.tanh(np.arctanh(r) - half)),
            None if r is None else float(np.tanh(np.arctanh(r) + half)),
            n,
            method,
        )
        for r in found
    ]


def sobol_indices(output: ArrayLike, parameters: int, second_order: bool, seed: int) -> list[Index]:
    """First-order and total Sobol' indices of an output at the points of ``design.shares``, in their order.

    Saltelli et al. 2010 (Comput. Phys. Commun. 181, 259-270) through SALib, whose intervals are normal with the spread
    of a seeded bootstrap over base points (level 0.95); they may leave 0 to 1, as the estimates may. ``output`` has
    shape (points,), ``seed`` at least 1. None where the output does not vary or is undefined (NaN) at any point: the
    design has no gaps to spare. Raises UsageError for another number of points than the design's.
    """
    values = np.asarray(output, np.float64)
    block = 2 * parameters + 2 if second_order else parameters + 2
    if not values.size or values.size % block:
        raise UsageError("sobol_indices", f"got {values.size} points", allowed=f"a multiple of {block}")
    if seed < 1:
        raise UsageError("sobol_indices", f"got seed {seed}", allowed="at least 1")  # SALib takes 0 for none
    base, method = values.size // block, "normal, bootstrap spread"
    if np.isnan(values).any() or np.ptp(values) == 0.0:
        nothing = Interval(None, None, None, base, method)
        return [Index(nothing, nothing)] * parameters
    found = salib("analyze.sobol").analyze(
        unit_problem([f"x{place}" for place in range(parameters)]),
        values,
        calc_second_order=second_order,
        num_resamples=RESAMPLES,
        conf_level=LEVEL,
        seed=seed,
    )

    def interval(kind: str, place: int) -> Interval:
        at, half = float(found[kind][place]), float(found[f"{kind}_conf"][place])
        return Interval(at, at - half, at + half, base, method)

    return [Index(interval("S1", place), interval("ST", place)) for place in range(parameters)]


def _between(factor: Sequence[object], values: Array) -> float:
    mean, total = float(values.mean()), 0.0
    for each in dict.fromkeys(factor):
        chosen = values[np.array([other == each for other in factor])]
        total += chosen.size * (float(chosen.mean()) - mean) ** 2
    return total


def _partial(ranks: Array, ranked: Array, place: int) -> float | None:
    """Correlation of what the other parameters' ranks leave of both; None where they leave nothing of one."""
    others = np.column_stack([np.ones(len(ranks)), np.delete(ranks, place, axis=1)])
    left = [each - others @ np.linalg.lstsq(others, each, rcond=None)[0] for each in (ranks[:, place], ranked)]
    norms = [float(np.linalg.norm(each)) for each in left]
    if min(norms) < 1e-9 * len(ranks):
        return None
    r = float(left[0] @ left[1]) / (norms[0] * norms[1])
    return min(max(r, -1.0 + 1e-15), 1.0 - 1e-15)
