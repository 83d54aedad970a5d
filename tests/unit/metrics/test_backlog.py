"""How many alerts a desk has before it, worked by hand."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simharness.metrics.backlog import backlog, backlogs
from simharness.response.desk import Ticket
from simharness.response.log import CLEARED, WAITING, ArmLog

NEVER = math.nan


def test_three_stays_by_hand() -> None:
    """[0, 4), [1, 3) and from 3 to the end at 10: 1, 2, then 2 (one leaves as one comes), then 1; 4 + 2 + 7 in 10."""
    mean, largest = backlog(np.array([0.0, 1.0, 3.0]), np.array([4.0, 3.0, NEVER]), 10.0)
    assert (mean, largest) == (1.3, 2)


def test_a_desk_where_nobody_came() -> None:
    assert backlog(np.empty(0), np.empty(0), 10.0) == (0.0, 0)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_the_largest_is_counted_at_every_moment(stays: list[tuple[int, int]]) -> None:
    spans = [(min(stay), max(stay)) for stay in stays]
    counts = [sum(begun <= moment < ended for begun, ended in spans) for moment in range(10)]
    entered, ended = (np.array([span[side] for span in spans], np.float64) for side in (0, 1))
    mean, largest = backlog(entered, ended, 10.0)
    assert largest == max(counts) and mean == sum(counts) / 10.0


def test_every_desk_has_its_own() -> None:
    log = ArmLog()
    for name in ("moderators", "police"):
        log.desk(name)
    for alert, (desk, entered, ended) in enumerate(((0, 0.0, 5.0), (1, 0.0, 10.0), (1, 5.0, NEVER))):
        log.alert(alert, entered, True, 0.5)
        ticket = Ticket(None, (entered,), entered)
        log.stay(alert, desk, ticket, ended, WAITING if math.isnan(ended) else CLEARED)
    assert list(backlogs(log, 20.0)) == [
        ("desk_backlog", "moderators", 0.25),
        ("desk_backlog_largest", "moderators", 1),
        ("desk_backlog", "police", 1.25),
        ("desk_backlog_largest", "police", 2),
    ]
