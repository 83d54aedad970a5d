"""Profile intervals where they are known: of a normal mean, a Poisson rate, and a normal with a correlated nuisance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import gammaincinv
from scipy.stats import chi2

from simharness.calibrate.profile import CUT, Box, maximise, profile_at, profile_ends

WIDE = Box(np.full(2, -50.0), np.full(2, 50.0), np.ones(2))


def poisson(recorded: float) -> tuple[Box, np.ndarray, object]:
    box = Box(np.array([-3.0]), np.array([9.0]), np.array([0.2]))

    def level(at: np.ndarray) -> float:
        return float(recorded * at[0] - math.exp(at[0]))

    return box, maximise(level, np.array([1.0]), box), level


def test_the_cut() -> None:
    assert pytest.approx(chi2.ppf(0.95, 1) / 2) == CUT


def test_a_poisson_count() -> None:
    """Recorded 20: the likelihood-ratio interval solves 20 log(m / 20) - m + 20 = -1.92; Garwood's is 12.2 to 30.9."""
    box, best, level = poisson(20.0)
    assert math.exp(best[0]) == pytest.approx(20.0, rel=1e-4)
    found = profile_ends(level, best, box, 0)  # type: ignore[arg-type]

    def loss(mean: float) -> float:
        return 20.0 * math.log(mean / 20.0) - mean + 20.0 + CUT

    exact = brentq(loss, 5.0, 20.0), brentq(loss, 20.0, 50.0)
    assert (math.exp(found.low), math.exp(found.high)) == pytest.approx(exact, rel=1e-4)
    garwood = gammaincinv(20.0, 0.025), gammaincinv(21.0, 0.975)
    assert (math.exp(found.low), math.exp(found.high)) == pytest.approx(garwood, rel=0.06)
    assert not found.touches_low and not found.touches_high


def test_nothing_recorded_leaves_the_lower_end_to_the_bound() -> None:
    """Log-likelihood -m: the upper end is where that is 1.92 below that of the bound, exp(-3)."""
    box, best, level = poisson(0.0)
    found = profile_ends(level, best, box, 0)  # type: ignore[arg-type]
    assert found.touches_low and found.low == -3.0 and not found.touches_high
    assert math.exp(found.high) == pytest.approx(CUT + math.exp(-3.0), rel=1e-4)


def test_a_correlated_nuisance_widens_the_interval() -> None:
    """Normal with unit variances and correlation 0.8: the profile is that of the marginal, +- sqrt(2 x 1.92) = 1.96.

    With the other parameter held at its best it would be 0.6 of that.
    """
    precision = np.linalg.inv([[1.0, 0.8], [0.8, 1.0]])
    centre = np.array([1.0, -2.0])

    def level(at: np.ndarray) -> float:
        return float(-0.5 * (at - centre) @ precision @ (at - centre))

    best = maximise(level, np.array([5.0, 5.0]), WIDE)
    assert best == pytest.approx(centre, abs=1e-4)
    for place in (0, 1):
        found = profile_ends(level, best, WIDE, place)
        assert (found.low, found.high) == pytest.approx((centre[place] - 1.95996, centre[place] + 1.95996), abs=1e-3)
    assert found.at_high == pytest.approx(centre + np.array([0.8, 1.0]) * 1.95996, abs=1e-3)
    top, at = profile_at(level, best, WIDE, 0, 2.0)
    assert (top, at[1]) == (pytest.approx(-0.5), pytest.approx(-1.2, abs=1e-4))


def test_a_ridge_is_open_to_the_bounds() -> None:
    """Only the sum shows: each by itself may be anything."""

    def level(at: np.ndarray) -> float:
        return float(-0.5 * (at.sum() - 1.0) ** 2)

    best = maximise(level, np.zeros(2), WIDE)
    found = profile_ends(level, best, Box(np.full(2, -3.0), np.full(2, 5.0), np.ones(2)), 0)
    assert (found.low, found.high) == (-3.0, 5.0) and found.touches_low and found.touches_high


def test_a_maximum_beyond_a_bound_is_at_it() -> None:
    box = Box(np.array([0.0, 0.0]), np.array([1.0, 1.0]), np.full(2, 0.1))
    found = maximise(lambda at: float(-((at[0] - 2.0) ** 2) - (at[1] - 0.5) ** 2), np.full(2, 0.2), box)
    assert found == pytest.approx([1.0, 0.5], abs=1e-5)
