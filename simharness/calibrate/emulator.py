"""A local emulator: simulated figures as smooth functions of the parameters, learnt from those already simulated.

On its own scale (logarithm of a count, log odds of a share) a figure is nearly linear in the logarithm of a rate, so a
regression on a few dozen simulated points says what a thousand more would give. What it says is checked by leaving
points out (:func:`left_out`) and, where it matters, by simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simharness.calibrate.likelihood import Moments, log_likelihood

Array = NDArray[np.float64]
Link = Literal["log", "logit"]

REACH = 0.5  # points this far from the centre, in log units, count with a weight of exp(-1/2)
FAINT = 1e-4  # weight of the farthest: too little to bend the fit, enough to make it unique
NOISE, CURVATURE = 0.02, 0.5  # prior of a figure's bend: 0.5 a log unit squared, against errors of 2 %
SD_NOISE, SD_SLOPE = 0.1, 1.0  # prior of how log standard deviations change, against their errors
_EDGE = 1e-4  # nearest that a share may come to 0 or 1


@dataclass(frozen=True, slots=True)
class Point:
    """One simulated parameter vector: ``position`` (parameters,) on the scale of the search, and what came of it.

    ``without``: log-likelihood from all replications but one, for each of them; (replications,).
    """

    position: Array
    found: Moments
    without: Array


@dataclass(frozen=True, slots=True)
class Emulator:
    """``level``: (1 + 2 x parameters, figures) of constant, slopes and bends; ``spread``: (1 + parameters, figures)."""

    centre: Array
    links: tuple[Link, ...]
    offset: float  # added to a count before its logarithm is taken
    level: Array
    spread: Array
    correlation: Array
    inflation: float

    def moments(self, position: Array) -> Moments:
        """What a simulation at ``position`` would give."""
        away = position - self.centre
        mean = _inverse(np.concatenate([[1.0], away, 0.5 * away**2]) @ self.level, self.links, self.offset)
        sd = np.exp(np.concatenate([[1.0], away]) @ self.spread)
        return Moments(mean, self.correlation * np.outer(sd, sd), self.inflation)

    def log_likelihood(self, position: Array, recorded: Array) -> float:
        return log_likelihood(recorded, self.moments(position))

    def gradient(self, position: Array) -> Array:
        """Change of each mean a unit of each parameter, shape (figures, parameters)."""
        count = len(self.centre)
        slopes = self.level[1 : count + 1] + (position - self.centre)[:, np.newaxis] * self.level[count + 1 :]
        mean = self.moments(position).mean
        rate = [m + self.offset if link == "log" else m * (1.0 - m) for m, link in zip(mean, self.links, strict=True)]
        return np.asarray((slopes * np.array(rate)).T)


def fit_emulator(points: Sequence[Point], centre: Array, links: tuple[Link, ...], offset: float) -> Emulator:
    """Fit by weighted ridge regression (Hoerl & Kennard 1970), nearer points counting more.

    Every parameter must differ somewhere among the points, so at least one more of them than parameters.
    """
    away = np.array([point.position for point in points]) - centre
    weights = np.maximum(np.exp(-0.5 * (away**2).sum(axis=1) / REACH**2), FAINT)
    level = np.array([_forward(point.found.mean, links, offset) for point in points])
    log_sd = np.log([point.found.sd for point in points])
    ones, count = np.ones((len(points), 1)), away.shape[1]
    bends = np.r_[np.full(count + 1, 1e-9), np.full(count, (NOISE / CURVATURE) ** 2)]
    slopes = np.r_[1e-9, np.full(count, (SD_NOISE / SD_SLOPE) ** 2)]
    correlation = sum(w * _correlation(point.found) for w, point in zip(weights, points, strict=True)) / weights.sum()
    return Emulator(
        centre,
        links,
        offset,
        _ridge(np.hstack([ones, away, 0.5 * away**2]), level, weights, bends),
        _ridge(np.hstack([ones, away]), log_sd, weights, slopes),
        np.asarray(correlation),
        points[0].found.inflation,
    )


def left_out(
    points: Sequence[Point], near: Sequence[int], links: tuple[Link, ...], offset: float, recorded: Array
) -> Array:
    """Emulated less simulated log-likelihood of each point of ``near`` (places) when it is left out; (len(near),).

    nan where the points without it are too few to say.
    """
    found = np.full(len(near), np.nan)
    for n, place in enumerate(near):
        rest = [point for other, point in enumerate(points) if other != place]
        if len(rest) > points[0].position.size + 1:
            emulator = fit_emulator(rest, points[place].position, links, offset)
            emulated = emulator.log_likelihood(points[place].position, recorded)
            found[n] = emulated - log_likelihood(recorded, points[place].found)
    return found


def _ridge(design: Array, values: Array, weights: Array, penalty: Array) -> Array:
    weighted = design * weights[:, np.newaxis]
    return np.asarray(np.linalg.solve(weighted.T @ design + np.diag(penalty), weighted.T @ values))


def _correlation(found: Moments) -> Array:
    return np.asarray(found.covariance / np.outer(found.sd, found.sd))


def _forward(mean: Array, links: Sequence[Link], offset: float) -> Array:
    share = np.clip(mean, _EDGE, 1.0 - _EDGE)
    count = np.log(np.maximum(mean + offset, offset))
    return np.where([link == "log" for link in links], count, np.log(share / (1.0 - share)))


def _inverse(level: Array, links: Sequence[Link], offset: float) -> Array:
    # A search may look at absurd rates: their figures are absurd too, but finite.
    level = np.clip(level, -30.0, 30.0)
    return np.where([link == "log" for link in links], np.exp(level) - offset, 1.0 / (1.0 + np.exp(-level)))
