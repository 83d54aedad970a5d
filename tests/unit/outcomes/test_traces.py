"""What is kept of single conversations, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simharness.outcomes.traces import Traces, first_places
from simharness.records import ConversationBatch
from simharness.world.contacts import Contacts
from simharness.world.generate import World
from simharness.world.model import WorldModel


def view_of(sizes: list[int]) -> ConversationBatch:
    end, n = np.cumsum(sizes), len(sizes)
    features: Any = (np.zeros(n, np.uint8), np.zeros(n, np.bool_), np.zeros(n, np.float32))
    times = np.arange(10.0, 10.0 * (sum(sizes) + 1), 10.0)
    return ConversationBatch(("a",), np.zeros(sum(sizes), np.uint16), times, end - sizes, end, *features)


@pytest.fixture
def contacts(model: WorldModel) -> Contacts:
    return World(model, 5).grooming_contacts().take(slice(0, 3))


def test_by_hand(contacts: Contacts) -> None:
    """Three, no and two messages; the first is alerted on at its second, the last never."""
    risk = np.array([1, 5, 2, 3, np.nan], np.float32)
    peak, place = np.array([5, -np.inf, 3], np.float32), np.array([1, -1, -1], np.int32)
    found = Traces.of(contacts, view_of([3, 0, 2]), risk, peak, place)
    assert found.messages.tolist() == [3, 0, 2] and found.alert.tolist() == [2, 0, 0]
    assert found.last[:2].tolist() == [2, -np.inf] and np.isnan(found.last[2])
    assert found.until.tolist() == [20, contacts.start[1], 50]  # without a message, nothing was watched
    assert np.array_equal(found.initiator, contacts.initiator) and np.array_equal(found.start, contacts.start)
    both = Traces.joined([found, found])
    assert len(both) == 6 and both.alert.tolist() == [2, 0, 0] * 2 and both.peak.dtype == np.float32


def test_nothing_at_all(contacts: Contacts) -> None:
    empty = np.empty(0, np.float32)
    found = Traces.of(contacts, view_of([0, 0, 0]), empty, np.full(3, -np.inf, np.float32), np.full(3, -1, np.int32))
    assert np.array_equal(found.until, contacts.start) and not found.messages.any()
    assert len(Traces.joined([])) == 0


def test_where_each_stage_begins() -> None:
    """A stage that comes back counts from its first message."""
    found = first_places(np.array([2, 0, 2, 1, 1], np.uint8), view_of([3, 0, 2]), 4)
    assert found.tolist() == [[1, -1, 0, -1], [-1] * 4, [-1, 0, -1, -1]]
