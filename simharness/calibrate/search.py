"""Find the best parameters and their profile intervals with few simulations: emulate, look, simulate there, again.

The search knows parameters by position only. It simulates the start and one step in each parameter, fits an emulator,
goes to its maximum, and again, until the maximum has been simulated. Then the ends of every profile interval are
simulated; where the loss of log-likelihood there is not what was emulated, the emulator learns it and the ends are
sought anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from simharness.calibrate.emulator import Emulator, Link, Point, fit_emulator, left_out
from simharness.calibrate.likelihood import log_likelihood
from simharness.calibrate.profile import Box, Ends, maximise, profile_ends

Array = NDArray[np.float64]
Evaluate = Callable[[Array, str], Point]  # (position, why) -> what was simulated there

STEP = 0.2  # of each parameter at first, in log units: a fifth
LEAP = 1.5  # the farthest from the best so far that an emulator is followed
ROUNDS = 15
NEAR = 0.1  # standard errors: a maximum this near to a simulated point has been simulated
END_ROUNDS = 3
TOLERANCE = (0.3, 1.0)  # emulated and simulated loss may differ by two standard errors, within these, against 1.92
AROUND = 6.0  # of log-likelihood below the best: the points near enough to judge the emulator by


@dataclass(frozen=True, slots=True)
class Target:
    """The fitted figures: ``recorded`` values and ``links``, one each; ``offset`` of counts (see Emulator)."""

    recorded: Array
    links: tuple[Link, ...]
    offset: float


@dataclass(frozen=True, slots=True)
class Found:
    """Where the likelihood is highest, and how sure that is.

    ``ends``: one a parameter; ``losses`` (parameters, 2): log-likelihood lost at them by simulation, with standard
    errors ``loss_errors``, and ``emulated``; ``errors``: of the log-likelihood of points near the best, each emulated
    without itself.
    """

    best: Array
    emulator: Emulator
    points: tuple[Point, ...]
    ends: tuple[Ends, ...]
    losses: Array
    loss_errors: Array
    emulated: Array
    errors: Array
    converged: bool

    @property
    def verified(self) -> bool:
        """Whether simulation confirms every end."""
        return _confirmed(self.losses, self.loss_errors, self.emulated)


def search(evaluate: Evaluate, start: Array, low: Array, high: Array, target: Target) -> Found:
    """Maximise the synthetic likelihood inside the bounds and profile it; all arrays of shape (parameters,)."""
    box = Box(low, high, np.full(len(start), STEP))
    points = [evaluate(start, "start")]
    for place in range(len(start)):
        points.append(evaluate(_stepped(start, box, place), "step"))
    converged = False
    for _ in range(ROUNDS):
        best, emulator = _next(points, box, target)
        if _simulated(points, best, emulator):
            converged = True
            break
        points.append(evaluate(best, "climb"))
    for _ in range(END_ROUNDS):
        best, emulator = _next(points, box, target)
        unit = _unit(emulator, best, box)
        box = Box(low, high, unit)
        ends, emulated = _profile(emulator, best, box, target)
        top = evaluate(best, "estimate")
        there = [(evaluate(one.at_low, "end"), evaluate(one.at_high, "end")) for one in ends]
        losses = _level(top, target) - np.array([[_level(point, target) for point in pair] for pair in there])
        loss_errors = np.array([[_loss_error(top, point) for point in pair] for pair in there])
        known = tuple(points)
        points += [top, *(point for pair in there for point in pair)]
        if _confirmed(losses, loss_errors, emulated):
            break
    errors = _errors([*known, top], target)
    return Found(best, emulator, tuple(points), ends, losses, loss_errors, emulated, errors, converged)


def whitened(emulator: Emulator, position: Array) -> Array:
    """Change of the figures, in standard deviations of one period, a unit of each parameter; (figures, parameters)."""
    found = emulator.moments(position)
    root = np.linalg.cholesky(found.covariance * found.inflation)
    return np.asarray(solve_triangular(root, emulator.gradient(position), lower=True))


def _confirmed(losses: Array, errors: Array, emulated: Array) -> bool:
    return bool((np.abs(losses - emulated) <= np.clip(2.0 * errors, *TOLERANCE)).all())


def _loss_error(top: Point, end: Point) -> float:
    """Standard error of the loss between two points over their common replications (jackknife; Efron & Stein 1981)."""
    away = top.without - end.without
    return float(np.sqrt((len(away) - 1) / len(away) * ((away - away.mean()) ** 2).sum()))


def _level(point: Point, target: Target) -> float:
    return log_likelihood(target.recorded, point.found)


def _stepped(start: Array, box: Box, place: int) -> Array:
    at = start.copy()
    up, down = box.high[place] - start[place], start[place] - box.low[place]
    at[place] += min(STEP, up) if up >= min(STEP, down) else -min(STEP, down)
    return at


def _next(points: list[Point], box: Box, target: Target) -> tuple[Array, Emulator]:
    """The emulator's maximum within a leap of the best point, and the emulator fitted around that point."""
    top = max(points, key=lambda point: _level(point, target))
    emulator = fit_emulator(points, top.position, target.links, target.offset)
    near = Box(box.inside(top.position - LEAP), box.inside(top.position + LEAP), _unit(emulator, top.position, box))
    return maximise(lambda at: emulator.log_likelihood(at, target.recorded), top.position, near), emulator


def _unit(emulator: Emulator, position: Array, box: Box) -> Array:
    """About one standard error of each parameter, the others known; less where its bounds are closer."""
    moved = np.sqrt((whitened(emulator, position) ** 2).sum(axis=0))
    return np.asarray(np.minimum(1.0 / np.maximum(moved, 1e-3), 0.25 * (box.high - box.low)))


def _simulated(points: list[Point], best: Array, emulator: Emulator) -> bool:
    root = whitened(emulator, best)
    return any(np.sqrt(((root @ (point.position - best)) ** 2).sum()) < NEAR for point in points)


def _profile(emulator: Emulator, best: Array, box: Box, target: Target) -> tuple[tuple[Ends, ...], Array]:
    def level(at: Array) -> float:
        return emulator.log_likelihood(at, target.recorded)

    ends = tuple(profile_ends(level, best, box, place) for place in range(len(best)))
    return ends, level(best) - np.array([[level(one.at_low), level(one.at_high)] for one in ends])


def _errors(points: list[Point], target: Target) -> Array:
    levels = [_level(point, target) for point in points]
    near = [place for place, level in enumerate(levels) if level > max(levels) - AROUND]
    return left_out(points, near, target.links, target.offset, target.recorded)
