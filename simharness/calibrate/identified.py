"""What the fitted figures can tell apart: condition index, correlations, and the parameters that trade off.

Belsley, Kuh & Welsch 1980, "Regression diagnostics", chapter 3: columns of the Jacobian scaled to unit length; a
condition index above 30 means that some combination of parameters is as good as unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SINGULAR = 30.0
INVOLVED = 0.3  # least share (in a direction of length 1) of a parameter that is named
MUTE = 1.0  # standard deviations of the figures between a parameter's bounds: less, and they say nothing about it


@dataclass(frozen=True, slots=True)
class Identified:
    """``condition``: index of the parameters that move figures at all (None for none); ``covariance`` of positions,
    ``correlation`` of the estimates, both (parameters, parameters); ``mute`` and ``trading``: places of parameters.
    """

    condition: float | None
    covariance: Array
    correlation: Array
    mute: tuple[int, ...]
    trading: tuple[int, ...]


def identified(jacobian: Array, width: Array) -> Identified:
    """Judge a Jacobian in standard deviations of the figures, shape (figures, parameters); ``width`` of the bounds.

    The covariance is that of the normal approximation, with bounds taken as a prior of a uniform's variance
    (width squared / 12), so that it exists where the figures say nothing.
    """
    moved = np.sqrt((jacobian**2).sum(axis=0))
    loud = np.flatnonzero(moved * width >= MUTE)
    covariance = np.asarray(np.linalg.inv(jacobian.T @ jacobian + np.diag(12.0 / width**2)), np.float64)
    sd = np.sqrt(np.diag(covariance))
    condition, trading = _conditioned(jacobian[:, loud] / moved[loud]) if loud.size else (None, ())
    return Identified(
        condition,
        covariance,
        np.asarray(covariance / np.outer(sd, sd), np.float64),
        tuple(n for n in range(len(width)) if n not in loud),
        tuple(int(loud[n]) for n in trading),
    )


def warnings(found: Identified, names: Sequence[str]) -> list[str]:
    """What to say of it, one sentence a problem; none where every parameter is identified."""
    said = [f"{names[n]} moves no fitted figure: they say nothing about it." for n in found.mute]
    if found.trading:
        traded = " and ".join(names[n] for n in found.trading)
        said.append(
            f"{traded} trade off (condition index {found.condition:.3g}, above {SINGULAR:g}): these figures know "
            "their product or ratio, not each by itself."
        )
    return said


def _conditioned(scaled: Array) -> tuple[float, tuple[int, ...]]:
    _, size, directions = np.linalg.svd(scaled, full_matrices=True)
    size = np.r_[size, np.zeros(scaled.shape[1] - len(size))]
    condition = float(size[0] / max(size[-1], 1e-12 * size[0]))
    if condition <= SINGULAR:
        return condition, ()
    return condition, tuple(int(n) for n in np.flatnonzero(np.abs(directions[-1]) > INVOLVED))
