"""When harm comes, worked by hand: ends compete, the period's end censors. Times in days here."""

from __future__ import annotations

import numpy as np
import pytest

from simharness.metrics.course import (
    CUT,
    ENDED,
    GRID_DAYS,
    HARM,
    HEADLINE_DAYS,
    NEVER_MADE,
    harm_free_time,
    harm_incidence,
    times_and_causes,
)

INF = np.inf


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_what_ends_the_watch_by_hand() -> None:
    """Harm; its own end; cut; never made; period's end; harm at the very end of the conversation; planned for day 4."""
    event = array(3, INF, INF, INF, INF, 5, 9)
    closed = array(8, 6, INF, INF, INF, 5, INF)
    cut = array(INF, 7, 2, -INF, INF, 5, INF)
    start = array(1, 1, 1, 1, 1, 1, 4)
    lasted, cause = times_and_causes(event, start, closed, cut, 10.0)
    assert lasted.tolist() == [2, 5, 1, 0, 9, 4, 5]
    assert cause.tolist() == [HARM, ENDED, CUT, NEVER_MADE, 0, HARM, HARM]


# Four conversations watched for 10 days: harm at 2, cut at 3, the period ends at 4, harm at 6.
LASTED, CAUSE = array(2, 3, 4, 6), np.array([HARM, CUT, 0, HARM])


def test_incidence_by_hand() -> None:
    """1/4 at 2; at 3 one of three is cut, 1/2 left; at 6 the one still watched: 1/2 more, not the 3/4 of 1 - KM."""
    shares = harm_incidence(LASTED, CAUSE, array(0, 1.9, 2, 5.9, 6, 50))
    assert shares == pytest.approx([0, 0, 0.25, 0.25, 0.75, 0.75])


def test_time_free_of_harm_by_hand() -> None:
    """To day 10: 2 whole, 4 at 3/4, 4 at 1/4."""
    assert harm_free_time(LASTED, CAUSE, 10.0) == pytest.approx(2 + 4 * 0.75 + 4 * 0.25)


def test_an_ended_conversation_stays_free_of_harm() -> None:
    """Half come to harm at 1, half end at 1: of 10 days half have 1 and half have all; censored, all would have 1."""
    assert harm_free_time(array(1, 1), np.array([HARM, ENDED]), 10.0) == pytest.approx(5.5)


def test_undefined_where_nobody_was_watched_so_long() -> None:
    """The last is censored at 4 with half unresolved: after it nothing is known; where all are resolved, everything."""
    lasted, cause = array(2, 4), np.array([HARM, 0])
    assert np.isnan(harm_incidence(lasted, cause, array(4, 4.1))).tolist() == [False, True]
    assert harm_free_time(lasted, cause, 5.0) is None and harm_free_time(lasted, cause, 4.0) == pytest.approx(3.0)
    assert np.isnan(harm_incidence(array(), np.array([], np.int64), array(1))).all()
    resolved = array(*range(1, 8))
    assert not np.isnan(harm_incidence(resolved, np.array([1, 2, 2, 1, 2, 1, 2]), array(99))).any()


def test_headlines_are_on_the_grid() -> None:
    assert set(HEADLINE_DAYS) <= set(GRID_DAYS) and list(GRID_DAYS) == sorted(set(GRID_DAYS)) and GRID_DAYS[-1] == 180
