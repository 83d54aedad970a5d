"""Distributions as look-up tables of equally probable bins, for kernels that cannot call `quantile`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from simharness.discrete import Discrete, Empirical
from simharness.distributions import Constant, Distribution, Exponential, Floats, Mixture

_POINTS_PER_BIN = 64


def quantile_table(distribution: Distribution, bins: int = 4096) -> Floats:
    """Equally probable bins, shape (bins,), each holding the conditional mean of its bin: a kernel's look-up table.

    The table IS the distribution that is simulated: the same mean (1e-9 relative), no integers for counts, a largest
    value of its own and so a smaller variance (with 4096 bins 0.9997 of it for Exponential, 0.91 for LogNormal with
    sigma 1.5). A Mixture gives each component a whole number of bins, and its entries are not sorted. Exponential,
    Discrete, Empirical and Constant are integrated in closed form; others by the midpoint rule, then scaled to the
    exact mean. Raises ValueError for bins < 1, for fewer bins than the
    components of a mixture, and for a mean that no positive scale factor can reach (values of both signs).
    """
    if bins < 1:
        raise ValueError(f"quantile_table: bins: expected an integer >= 1, got {bins!r}")
    match distribution:
        case Exponential():
            survival = np.arange(bins, -1, -1) / bins
            # The integral of -ln(1 - u) is v - v ln v with v = 1 - u; differences run from high v to low v.
            table = -bins * distribution.mean * np.diff(survival - special.xlogy(survival, survival))
        case Constant():
            return np.full(bins, distribution.value)
        case Discrete():
            return _step_table(distribution.values, distribution.weights, bins)
        case Empirical():
            return _step_table(distribution.values, np.ones(len(distribution.values)), bins)
        case Mixture():
            shares = zip(distribution.components, _bins_each(distribution.weights, bins), strict=True)
            table = np.concatenate([quantile_table(component, count) for component, count in shares if count])
        case _:
            points = (np.arange(bins * _POINTS_PER_BIN) + 0.5) / (bins * _POINTS_PER_BIN)
            table = distribution.quantile(points).reshape(bins, _POINTS_PER_BIN).mean(axis=1)
    return _scaled_to(distribution.mean, table)


def _scaled_to(mean: float, table: Floats) -> Floats:
    found = float(table.mean())
    if found == mean:
        return table
    if not found * mean > 0:
        raise ValueError(f"quantile_table: expected a table with the sign of the mean {mean!r}, got mean {found!r}")
    return table * (mean / found)


def _step_table(values: ArrayLike, weights: ArrayLike, bins: int) -> Floats:
    """Bin means of a step quantile: its integral is piecewise linear, so interpolating it is exact."""
    order = np.argsort(values, kind="stable")
    share = np.asarray(weights, np.float64)[order] / np.sum(weights)
    reached = np.concatenate([[0.0], np.cumsum(share)])
    integral = np.concatenate([[0.0], np.cumsum(share * np.asarray(values, np.float64)[order])])
    return np.asarray(bins * np.diff(np.interp(np.arange(bins + 1) / bins, reached, integral)), np.float64)


def _bins_each(weights: ArrayLike, bins: int) -> NDArray[np.int64]:
    """Whole bins nearest to weight x bins, at least one where the weight is positive, `bins` in all."""
    share = np.asarray(weights, np.float64) * bins
    if np.count_nonzero(share) > bins:
        raise ValueError(f"quantile_table: bins: expected at least one a component, got {bins} for {share.size}")
    count = np.where(share > 0, np.maximum(np.floor(share), 1), 0).astype(np.int64)
    while count.sum() < bins:
        count[np.argmax(np.where(share > 0, share - count, -np.inf))] += 1
    while count.sum() > bins:
        count[np.argmin(np.where(count > 1, share - count, np.inf))] -= 1
    return count
