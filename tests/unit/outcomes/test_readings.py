"""What is added up about a detector, worked by hand: three conversations, two levels, a detector that is a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from simharness.detection.levels import LADDER_RATES, REFERENCE, Levels
from simharness.detection.scoring import Scorer
from simharness.outcomes.readings import Reading
from simharness.records import ConversationBatch, Truth
from simharness.world.contacts import Contacts
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel

NEVER = np.inf
LEVELS = Levels(
    np.array([1.0, 2.0], np.float32),
    {"low": 0, "high": 1},
    np.array([1 if place <= REFERENCE else 0 for place in range(len(LADDER_RATES))]),  # the reference is the high one
)


class Told:
    """Stands for a scorer: says where each conversation, named by its platform, crosses the two levels."""

    def __init__(self, places: list[tuple[int, int]]) -> None:
        self.places = np.array(places, np.int32)

    def crossings(self, view: ConversationBatch, levels: Any) -> Any:
        assert np.array_equal(levels, LEVELS.risk)
        return self.places[view.platform]


@pytest.fixture
def contacts(model: WorldModel) -> Contacts:
    return replace(World(model, 5).grooming_contacts().take(slice(0, 3)), platform=np.arange(3, dtype=np.uint8))


def batch_of(contacts: Contacts) -> Batch:
    """Conversations of 3, 2 and 4 messages at seconds 10, 20, ..., 90; offences at 30 and 45, none in the third."""
    view = ConversationBatch(
        ("a",),
        np.zeros(9, np.uint16),
        np.arange(10.0, 100.0, 10.0),
        np.array([0, 3, 5]),
        np.array([3, 5, 9]),
        contacts.platform,
        contacts.declared_adult,
        contacts.new_contacts_7d,
    )
    never = np.full(3, NEVER)
    offence, sizes = np.array([30.0, 45.0, NEVER]), np.array([3, 2, 4], np.int32)
    truth = Truth(sizes, offence, never, never, never, never, never, np.zeros(3, np.uint8))
    return Batch(contacts, view, truth, np.array([0, 0, 1, 0, 1, 0, 1, 2, 2], np.uint8))


def part_of(batch: Batch, row: int) -> Batch:
    """One conversation as a batch of its own."""
    begin, end = int(batch.view.begin[row]), int(batch.view.end[row])
    only = slice(row, row + 1)
    view = replace(
        batch.view,
        symbol=batch.view.symbol[begin:end],
        time_s=batch.view.time_s[begin:end],
        begin=np.array([0]),
        end=np.array([end - begin]),
        platform=batch.view.platform[only],
    )
    return Batch(batch.contacts.take(only), view, batch.truth.take(only), batch.stage[begin:end])


def reading(places: list[tuple[int, int]]) -> Reading:
    return Reading(cast(Scorer, Told(places)), LEVELS, 3)


PLACES = [(1, 2), (1, -1), (0, 2)]  # place of the message that crosses (low, high); -1: never


def check_grooming(read: Reading) -> None:
    assert (read.grooming, read.offences) == (3, 2)
    assert list(read.alerted) == [3, 2]
    # Low: at 20 before 30, but at 50 after 45. High: at 30, which is the offence itself.
    assert list(read.in_time) == [1, 0]
    # Low: 2 + 2 + 1 messages. High: 3, all 2 as it never alerts, 3.
    assert list(read.delay) == [5, 8]
    assert list(np.concatenate(read.messages)) == [3, 3]  # the high level is the reference
    assert list(read.at_stage) == [0, 1, 1]
    assert list(read.crossing_of("low")) == [20, 50, 60] and list(read.crossing_of("high")) == [30, NEVER, 80]


def test_grooming_by_hand(contacts: Contacts) -> None:
    read = reading(PLACES)
    read.add_grooming(batch_of(contacts))
    check_grooming(read)
    assert not read.false.any() and read.benign == 0


def test_the_split_into_batches_does_not_matter(contacts: Contacts) -> None:
    read = reading(PLACES)
    for row in range(3):
        read.add_grooming(part_of(batch_of(contacts), row))
    check_grooming(read)


def test_harmless_by_hand(contacts: Contacts) -> None:
    read = reading(PLACES)
    for row in (slice(0, 3), None):
        read.add_benign(batch_of(contacts) if row else part_of(batch_of(contacts), 1))
    assert read.benign == 4 and list(read.false) == [4, 2]
    low, low_times = read.false_alerts_of("low")
    high, high_times = read.false_alerts_of("high")
    assert list(low.conversation) == [*contacts.conversation, contacts.conversation[1]]
    assert list(low_times) == [20, 50, 60, 50]
    assert list(high.conversation) == [contacts.conversation[0], contacts.conversation[2]]
    assert list(high_times) == [30, 80]
    assert read.grooming == 0 and not read.alerted.any() and not read.delay.any()


def test_no_alert_at_all(contacts: Contacts) -> None:
    read = reading([(-1, -1)] * 3)
    read.add_grooming(batch_of(contacts))
    read.add_benign(batch_of(contacts))
    assert not read.alerted.any() and not read.false.any() and not read.at_stage.any()
    assert list(read.delay) == [9, 9] and len(np.concatenate(read.messages)) == 0
    assert np.isinf(read.crossing_of("low")).all() and len(read.false_alerts_of("low")[0]) == 0


def test_nothing_read(contacts: Contacts) -> None:
    assert reading(PLACES).crossing_of("low").size == 0
