"""Survival curves worked by hand, with ties; lifelines and closed forms are in tests/analytic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simharness.errors import UsageError
from simharness.metrics.survival import aalen_johansen, kaplan_meier, numbers_at_risk, restricted_mean, value_at

# Freireich et al. 1963, remission times under 6-MP, as in Kalbfleisch & Prentice 2002, 1.1.1: weeks, 0 for censored.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_the_remissions_of_freireich() -> None:
    """The published curve: 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448; Greenwood at 6: 0.857^2 x 3 / (21 x 18)."""
    found = kaplan_meier(WEEKS, RELAPSED)
    assert list(found.times) == [6, 7, 10, 13, 16, 22, 23]
    assert np.round(found.survival, 3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert list(found.at_risk) == [21, 17, 15, 12, 11, 7, 6] and list(found.events) == [3, 1, 1, 1, 1, 1, 1]
    assert found.variance[0] == pytest.approx((18 / 21) ** 2 * 3 / (21 * 18))
    assert found.variance[1] == pytest.approx(found.survival[1] ** 2 * (3 / (21 * 18) + 1 / (17 * 16)))


def test_everybody_had_the_event_and_greenwood_has_nothing_to_say() -> None:
    found = kaplan_meier([1.0, 2.0], [True, True])
    assert list(found.survival) == [0.5, 0.0] and found.variance[0] == pytest.approx(1 / 8)
    assert np.isnan(found.variance[1])


def test_competing_causes_by_hand_with_ties() -> None:
    """Five watched: at 1 a cause 1 and a cause 2 at once, at 2 one censored, at 3 a cause 1, at 4 one censored.

    At 1: 1/5 each, 3/5 left. At 3, of 2 still watched: 3/5 x 1/2 = 3/10 more of cause 1, 3/10 left.
    """
    found = aalen_johansen([1, 1, 2, 3, 4], [1, 2, 0, 1, 0])
    assert list(found.times) == [1, 3] and list(found.causes) == [1, 2] and list(found.at_risk) == [5, 2]
    np.testing.assert_allclose(found.incidence, [[0.2, 0.5], [0.2, 0.2]])
    np.testing.assert_allclose(found.survival, [0.6, 0.3])


def test_causes_need_not_be_numbered_without_gaps() -> None:
    found = aalen_johansen([1.0, 2.0], [4, 2])
    assert list(found.causes) == [2, 4] and found.incidence.tolist() == [[0.0, 0.5], [0.5, 0.5]]


def test_nobody_watched_or_nothing_seen() -> None:
    for lasted, cause in (([], []), ([3.0], [0])):
        found = aalen_johansen(lasted, cause)
        assert found.times.size == found.survival.size == 0 and found.incidence.shape == (0, 0)


def test_who_is_censored_at_an_event_was_at_risk_of_it() -> None:
    assert numbers_at_risk([1.0, 2.0, 2.0, 5.0], [0.0, 2.0, 2.1, 9.0]).tolist() == [4, 3, 1, 0]
    assert kaplan_meier([2.0, 2.0], [True, False]).survival.tolist() == [0.5]


def test_the_area_under_the_curve_by_hand() -> None:
    """1 until 2, 0.5 until 3, 0.25 from then on."""
    times, survival = [2.0, 3.0], [0.5, 0.25]
    assert [restricted_mean(times, survival, tau) for tau in (1.0, 2.0, 2.5, 5.0)] == [1.0, 2.0, 2.25, 3.0]
    assert restricted_mean([], [], 7.0) == 7.0


def test_steps_hold_from_their_time_on() -> None:
    assert value_at([1.0, 3.0], [0.4, 0.2], [0.5, 1.0, 2.9, 3.0, 9.0], 1.0).tolist() == [1.0, 0.4, 0.4, 0.2, 0.2]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: kaplan_meier([1.0, -1.0], [True, True]), "negative or not finite"),
        (lambda: kaplan_meier([1.0, np.inf], [True, True]), "negative or not finite"),
        (lambda: kaplan_meier([1.0], [True, False]), "shapes"),
        (lambda: aalen_johansen([1.0], [-1]), "cause -1"),
        (lambda: restricted_mean([1.0], [0.5], 0.0), "tau 0.0"),
    ],
)
def test_what_is_no_duration_is_refused(call: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        call()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=25))
def test_shares_add_up_and_never_fall(pairs: list[tuple[int, int]]) -> None:
    lasted, cause = zip(*pairs, strict=True)
    found = aalen_johansen(lasted, cause)
    np.testing.assert_allclose(found.incidence.sum(axis=0) + found.survival, 1.0)
    assert (np.diff(found.incidence, axis=1, prepend=0.0) >= -1e-12).all()
    if 0 not in cause:  # nobody censored: plain shares
        np.testing.assert_allclose(
            found.survival, [np.mean(np.array(lasted) > time) for time in found.times], atol=1e-12
        )
