"""An emulator learns what is exactly log-linear exactly, and says how far off it is where it is not."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from simharness.calibrate.emulator import Point, fit_emulator, left_out
from simharness.calibrate.likelihood import Moments, log_likelihood

RECORDED = np.array([100.0, 0.4])
LINKS = ("log", "logit")


def point(first: float, second: float, bend: float = 0.0) -> Point:
    """A count of 100 exp(first + second) with a Poisson's spread, a share with log odds second, correlated by 0.3."""
    count = 100.0 * np.exp(first + second + 0.5 * bend * first**2)
    sd = np.array([np.sqrt(count), 0.02])
    covariance = np.outer(sd, sd) * np.array([[1.0, 0.3], [0.3, 1.0]])
    found = Moments(np.array([count, 1.0 / (1.0 + np.exp(-second))]), covariance, 1.05)
    return Point(np.array([first, second]), found, np.empty(0))


def test_what_is_log_linear_is_learnt() -> None:
    """Three points of two parameters are enough; elsewhere means, covariance and gradient are as by hand."""
    points = [point(0.0, 0.0), point(0.2, 0.0), point(0.0, 0.2)]
    emulator = fit_emulator(points, np.zeros(2), LINKS, 0.0)
    there = point(-0.3, 0.1)
    found = emulator.moments(there.position)
    assert found.mean == pytest.approx(there.found.mean, rel=4e-3)
    # Slopes of standard deviations are drawn towards none: three points with one error each cannot be sure of them.
    assert found.covariance == pytest.approx(there.found.covariance, rel=0.2)
    count, share = there.found.mean
    by_hand = np.array([[count, count], [0.0, share * (1 - share)]])
    assert emulator.gradient(there.position) == pytest.approx(by_hand, rel=0.01, abs=1e-3)
    emulated = emulator.log_likelihood(there.position, RECORDED)
    assert emulated == pytest.approx(log_likelihood(RECORDED, found))


def test_a_bend_is_learnt_from_more_points() -> None:
    points = [point(first, second, bend=0.5) for first, second in product((-0.4, 0.0, 0.4), repeat=2)]
    emulator = fit_emulator(points, np.zeros(2), LINKS, 0.0)
    between = point(0.2, -0.2, bend=0.5)
    assert emulator.moments(between.position).mean == pytest.approx(between.found.mean, rel=4e-3)


def test_left_out_points_say_how_far_off_it_is() -> None:
    straight = [point(first, second) for first, second in product((-0.2, 0.0, 0.2), repeat=2)]
    bent = [point(first, second, bend=8.0) for first, second in product((-0.2, 0.0, 0.2), repeat=2)]
    sure, unsure = (left_out(points, range(9), LINKS, 0.0, RECORDED) for points in (straight, bent))
    assert np.abs(sure).max() < 0.5 and np.abs(unsure).max() > 1.5
    assert np.isnan(left_out(straight[:3], [0], LINKS, 0.0, RECORDED)).all()  # two points know nothing of two slopes


def test_counts_of_0_have_a_logarithm() -> None:
    empty = Point(np.zeros(1), Moments(np.zeros(1), np.eye(1), 1.0), np.empty(0))
    some = Point(np.ones(1), Moments(np.array([3.0]), np.eye(1), 1.0), np.empty(0))
    emulator = fit_emulator([empty, some], np.zeros(1), ("log",), 0.5)
    assert emulator.moments(np.zeros(1)).mean == pytest.approx([0.0], abs=0.05)
