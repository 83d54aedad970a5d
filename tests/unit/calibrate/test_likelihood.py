"""The synthetic likelihood against the normal density written out by hand, and against scipy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from simharness.calibrate.likelihood import log_likelihood, moments
from simharness.errors import UsageError

VALUES = np.array([[10.0, 1.0], [14.0, 3.0], [12.0, 5.0]])  # means 12 and 3; variances 4 and 4; covariance 2


def test_moments_by_hand() -> None:
    found = moments(VALUES, np.array([0.5, 0.0]))
    assert found.mean.tolist() == [12.0, 3.0]
    assert found.covariance.tolist() == [[4.25, 2.0], [2.0, 4.0]]
    assert found.inflation == pytest.approx(4 / 3)
    assert found.sd == pytest.approx([math.sqrt(4.25), 2.0])


def test_a_period_at_a_fifth_of_the_size_varies_five_times_as_much() -> None:
    """The covariance of the whole population is a fifth of it; the mean is known from 3/5 of a population only."""
    found = moments(VALUES, np.zeros(2), scale=0.2)
    assert found.covariance == pytest.approx(np.array([[0.8, 0.4], [0.4, 0.8]]))
    assert found.inflation == pytest.approx(1 + 1 / 0.6)


def test_one_figure_by_hand() -> None:
    """Normal density of 13 with mean 12 and variance 4 x 4/3: -(1/2) (log(2 pi 16/3) + 3/16)."""
    found = moments(VALUES[:, :1], np.zeros(1))
    expected = -0.5 * (math.log(2 * math.pi * 16 / 3) + 3 / 16)
    assert log_likelihood(np.array([13.0]), found) == pytest.approx(expected, abs=1e-12)


def test_several_figures_as_scipy() -> None:
    found = moments(VALUES, np.array([0.5, 0.5]))
    expected = multivariate_normal(found.mean, found.covariance * 4 / 3).logpdf([13.0, 1.0])
    assert log_likelihood(np.array([13.0, 1.0]), found) == pytest.approx(expected, abs=1e-12)


def test_equal_replications_keep_the_spread_of_rounding() -> None:
    found = moments(np.full((4, 1), 7.0), np.array([0.5]))
    assert found.sd.tolist() == [0.5] and math.isfinite(log_likelihood(np.array([9.0]), found))


@pytest.mark.parametrize("values", [np.ones((1, 2)), np.array([[1.0], [np.nan]])])
def test_too_little_is_refused(values: np.ndarray) -> None:
    with pytest.raises(UsageError, match="two or more, all defined"):
        moments(values, np.zeros(values.shape[1]))
