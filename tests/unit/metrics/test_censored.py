"""Median times with censoring, by hand."""

from __future__ import annotations

import numpy as np

from simharness.metrics.censored import median_time


def test_the_median_time_to_protection_counts_those_who_still_wait() -> None:
    """By hand: of 5 watched, protected after 2, 4 and 8 days, two watched for 3 and 6 days without.

    Still waiting: 4/5 after 2 days; of the 3 left then, 2/3 after 4 days: 8/15; of the 1 left, none after 8 days.
    """
    lasted = np.array([2.0, 3.0, 4.0, 6.0, 8.0])
    happened = np.array([True, False, True, False, True])
    assert median_time(lasted, happened) == 8.0
    assert median_time(lasted, np.ones(5, np.bool_)) == 4.0  # the median of five
    assert median_time(lasted, np.array([True, False, False, False, False])) is None  # four fifths still wait
    assert median_time(np.empty(0), np.empty(0, np.bool_)) is None
