"""The search on simulators that are functions written down here: bent, and one that no emulator can follow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simharness.calibrate.emulator import Point
from simharness.calibrate.likelihood import Moments
from simharness.calibrate.profile import CUT
from simharness.calibrate.search import Found, Target, search


def found(mean: Callable[[float, str], float]) -> tuple[Found, list[str]]:
    """A search for one parameter between -2 and 2; 100 were recorded, with a standard deviation of 10.

    ``mean`` of the simulated figure by position and purpose.
    """
    purposes: list[str] = []

    def evaluate(position: np.ndarray, purpose: str) -> Point:
        purposes.append(purpose)
        moments = Moments(np.array([mean(float(position[0]), purpose)]), np.eye(1) * 100.0, 1.0)
        return Point(position, moments, np.zeros(5))

    target = Target(np.array([100.0]), ("log",), 0.1)
    return search(evaluate, np.array([0.05]), np.array([-2.0]), np.array([2.0]), target), purposes


def test_ends_that_simulation_does_not_confirm_are_sought_again() -> None:
    """A figure that levels off, 100 + 22 tanh(z / 0.3): where a straight line through the first points has lost 1.92
    of log-likelihood, (22 tanh / 10)^2 / 2 is still less than 1.4.
    """

    def level(z: float) -> float:
        return float(100.0 + 22.0 * np.tanh(z / 0.3))

    result, purposes = found(lambda z, purpose: level(z))
    (ends,) = result.ends
    for end in (ends.low, ends.high):
        assert 0.5 * ((level(end) - 100.0) / 10.0) ** 2 == pytest.approx(CUT, abs=0.3)
    assert result.verified and result.converged and purposes.count("end") > 2


def test_what_cannot_be_confirmed_is_said() -> None:
    """A simulator that is 40 off whenever an end is tried: a loss of 8 there, whatever the emulator learns."""
    result, purposes = found(lambda z, purpose: 140.0 if purpose == "end" else float(100.0 * np.exp(z)))
    assert not result.verified and purposes.count("end") == 6
