"""The linearised interval of a share, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simharness.metrics.weighted import linearised_share


def test_the_share_of_messages() -> None:
    found = linearised_share(np.array([2, 0, 0, 0]), np.array([10, 10, 10, 10]))
    assert found.estimate == 0.05
    half = 3.18245 * math.sqrt(4 / 3 * (1.5**2 + 3 * 0.5**2)) / 40  # t with 3 degrees of freedom
    assert found.high == pytest.approx(0.05 + half, abs=1e-4) and found.low == 0.0
    weighted = linearised_share(np.array([10, 0]), np.array([10, 30]))
    assert weighted.estimate == 0.25


def test_weights_as_parts_of_all_weight() -> None:
    """Two of weight 1 that count and two of weight 3 that do not: 2 of 8, each weight times what it is off."""
    found = linearised_share(np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 1.0, 3.0, 3.0]))
    spread = math.sqrt(4 / 3 * (2 * 0.75**2 + 2 * 0.75**2)) / 8
    assert found.estimate == 0.25 and found.high == pytest.approx(0.25 + 3.18245 * spread, abs=1e-4)


def test_too_few_to_say() -> None:
    assert linearised_share(np.empty(0), np.empty(0)).estimate is None
    one = linearised_share(np.array([1.0]), np.array([2.0]))
    assert (one.estimate, one.low, one.high) == (0.5, None, None)
