"""Condition index, correlations and parameters that trade off, of Jacobians small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simharness.calibrate.identified import identified, warnings

WIDE = np.full(2, 1e6)  # bounds so wide that they say nothing


def test_two_figures_one_parameter_each() -> None:
    found = identified(np.diag([2.0, 4.0]), WIDE)
    assert found.condition == pytest.approx(1.0)  # scaled to unit length they are orthogonal
    assert np.diag(found.covariance) == pytest.approx([1 / 4, 1 / 16])
    assert found.correlation == pytest.approx(np.eye(2), abs=1e-9)
    assert warnings(found, ["a", "b"]) == []


def test_two_parameters_at_an_angle() -> None:
    """Columns (1, 0) and (cos 60, sin 60): singular values of the unit columns are sqrt(1 +- 1/2)."""
    found = identified(np.array([[1.0, 0.5], [0.0, 0.75**0.5]]), WIDE)
    assert found.condition == pytest.approx(3**0.5)
    assert found.correlation[0, 1] == pytest.approx(-0.5)


def test_parameters_of_which_only_the_product_shows() -> None:
    """Both figures move alike with a and b; c moves one by itself."""
    jacobian = np.array([[3.0, 3.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 2.0]])
    found = identified(jacobian, np.full(3, 20.0))
    assert found.condition is not None and found.condition > 1e6 and found.trading == (0, 1)
    assert found.correlation[0, 1] < -0.9
    (said,) = warnings(found, ["a", "b", "c"])
    assert said.startswith("a and b trade off") and "product or ratio" in said


def test_more_parameters_than_figures_are_never_identified() -> None:
    assert identified(np.array([[1.0, 2.0]]), WIDE).trading == (0, 1)


def test_a_parameter_that_moves_nothing() -> None:
    """Half a standard deviation between its bounds is nothing; the other is judged without it."""
    found = identified(np.array([[10.0, 0.25]]), np.full(2, 2.0))
    assert found.mute == (1,) and found.condition == pytest.approx(1.0) and found.trading == ()
    assert warnings(found, ["a", "b"]) == ["b moves no fitted figure: they say nothing about it."]
    assert found.covariance[1, 1] == pytest.approx(1 / 3, rel=0.02)  # that of a uniform over its bounds, 2^2 / 12


def test_where_nothing_moves_there_is_no_condition_index() -> None:
    found = identified(np.zeros((1, 2)), np.ones(2))
    assert found.condition is None and found.mute == (0, 1)
