"""The synthetic likelihood: recorded figures under a normal distribution whose moments are those of simulated periods.

Wood 2010, "Statistical inference for noisy nonlinear ecological dynamic systems", Nature 466, 1102-1104, equation 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from simharness.errors import UsageError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Simulated figures: ``mean`` (figures,), ``covariance`` (figures, figures) of one period of the whole population.

    ``inflation``: by how much the covariance grows because the mean itself is simulated.
    """

    mean: Array
    covariance: Array
    inflation: float

    @property
    def sd(self) -> Array:
        """Standard deviations of one period, shape (figures,)."""
        return np.sqrt(np.diag(self.covariance))


def moments(values: Array, floor: Array, scale: float = 1.0) -> Moments:
    """Moments of simulated figures ``values``, shape (replications, figures), each as if of the whole population.

    A period simulated at ``scale`` (at most 1) varies more than one of the whole population, by 1 / scale, because it
    is made of so many fewer independent parts: its covariance is multiplied by the scale. ``floor``, shape (figures,):
    the spread that a printed figure has at the least, which keeps the covariance regular where all replications are
    equal. ``inflation`` is 1 + 1 / (scale x replications): with it the error of the simulated mean is in the
    likelihood. Raises UsageError for fewer than two replications, or a value that is not finite.
    """
    count = len(values)
    if count < 2 or not np.isfinite(values).all():
        raise UsageError("values", f"{count} replications, or undefined figures", allowed="two or more, all defined")
    covariance = np.atleast_2d(np.cov(values, rowvar=False, ddof=1)) * scale + np.diag(floor**2)
    return Moments(values.mean(axis=0), covariance, 1.0 + 1.0 / (scale * count))


def log_likelihood(recorded: Array, found: Moments) -> float:
    """Log density of the ``recorded`` figures, shape (figures,), under Normal(mean, covariance x inflation)."""
    factor = cho_factor(found.covariance * found.inflation, lower=True)
    away = recorded - found.mean
    log_determinant = 2.0 * np.log(np.diag(factor[0])).sum()
    return float(-0.5 * (away @ cho_solve(factor, away) + log_determinant + len(away) * np.log(2.0 * np.pi)))
