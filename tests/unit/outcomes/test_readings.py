"""What is added up about a detector, worked by hand: three conversations, two levels, risks that were told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from simharness.detection.levels import LADDER_RATES, REFERENCE, Levels
from simharness.detection.scoring import Scorer
from simharness.detection.triggers import Alarms, Signal
from simharness.outcomes import readings
from simharness.outcomes.readings import Reading
from simharness.outcomes.traces import Traces
from simharness.records import ConversationBatch, Truth
from simharness.scenario.detector import Aggregator
from simharness.world.contacts import Contacts
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel

NEVER = np.inf
SEEN = np.zeros(3, np.bool_)
LOW = Signal(np.float32(1), None, 1, 1, None, 1, SEEN)
LEVELS = Levels(
    np.array([1.0, 2.0], np.float32),
    {"low": 0, "high": 1},
    np.array([1 if place <= REFERENCE else 0 for place in range(len(LADDER_RATES))]),  # the reference is the high one
    signal={
        "low": LOW,
        "high": replace(LOW, level=np.float32(2)),
        "again": replace(LOW, rearm=np.float32(1), at_most=5),
        "lasting": replace(LOW, s=2, n=3),
        "dark": replace(LOW, hidden=np.array([False, False, True])),
    },
)
Risks = list[list[float]]
RISKS: Risks = [[0, 1, 2], [0, 1], [1, 0, 2, 0]]  # low and high are first reached at (1, 2), (1, never), (0, 2)


class Told:
    """A detector that was told the risks of each conversation, named by its platform, and counts how often it is asked.

    Of hidden texts it says 0.
    """

    def __init__(self, risks: Risks) -> None:
        self.risks = risks
        self.asked = 0

    def risk(self, batch: ConversationBatch) -> Any:
        self.asked += 1
        told = np.array([risk for platform in batch.platform for risk in self.risks[platform]], np.float32)
        return np.where(batch.symbol >> 1 == 1, np.float32(0), told)


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


def reading(risks: Risks = RISKS) -> Reading:
    return Reading(Scorer("told", Told(risks), Aggregator(kind="last"), None), LEVELS, 3)


def rows(found: Alarms) -> list[tuple[int, float, float]]:
    return list(zip(found.row.tolist(), found.time.tolist(), found.risk.tolist(), strict=True))


def check_grooming(read: Reading) -> None:
    assert (read.grooming, read.offences) == (3, 2)
    assert list(read.alerted) == [3, 2]
    # Low: at 20 before 30, but at 50 after 45. High: at 30, which is the offence itself.
    assert list(read.in_time) == [1, 0]
    # Low: 2 + 2 + 1 messages. High: 3, all 2 as it never alerts, 3.
    assert list(read.delay) == [5, 8]
    found = Traces.joined(read.traces)
    assert list(found.alert) == [3, 0, 3]  # the high level is the reference
    assert list(found.messages) == [3, 2, 4]
    assert list(found.peak) == [2, 1, 2] and list(found.last) == [2, 1, 0]
    assert list(found.until) == [30, 50, 80]  # of the alert, and of the last message of the one without
    assert list(read.reached) == [3, 3, 1] and not read.before.any()  # none is alerted on before a stage begins
    assert not np.concatenate(read.early).any()
    assert list(read.at_stage) == [0, 1, 1]
    assert rows(read.alarms_of("low")) == [(0, 20, 1), (1, 50, 1), (2, 60, 1)]
    assert rows(read.alarms_of("high")) == [(0, 30, 2), (2, 80, 2)]
    assert rows(read.alarms_of("again")) == [(0, 20, 1), (1, 50, 1), (2, 60, 1), (2, 80, 2)]
    assert rows(read.alarms_of("lasting")) == [(0, 30, 1), (2, 80, 1)]
    assert rows(read.alarms_of("dark")) == [(0, 20, 1), (1, 50, 1)]
    for arm in LEVELS.signal:
        found = read.alarms_of(arm)
        assert list(found.last) == [[30, 50, 90][row] for row in found.row]
        assert list(found.pace) == [place + 1 for place in (found.time - np.array([10, 40, 60])[found.row]) // 10]


def test_grooming_by_hand(contacts: Contacts) -> None:
    read = reading()
    read.add_grooming(batch_of(contacts))
    check_grooming(read)
    assert not read.false.any() and read.benign == 0


def test_who_was_alerted_in_time_at_the_measured_level(contacts: Contacts) -> None:
    """Measured at the low one: at 20 before an offence at 30, at 50 after one at 45, at 60 without one."""
    read = replace(reading(), levels=replace(LEVELS, ladder=np.zeros_like(LEVELS.ladder)))
    for row in range(3):
        read.add_grooming(part_of(batch_of(contacts), row))
    assert list(np.concatenate(read.early)) == [True, False, False]
    assert np.concatenate(read.early).sum() == read.in_time[0]


def test_the_split_into_batches_does_not_matter(contacts: Contacts) -> None:
    read = reading()
    for row in range(3):
        read.add_grooming(part_of(batch_of(contacts), row))
    check_grooming(read)


def test_harmless_by_hand(contacts: Contacts) -> None:
    read = reading()
    for row in (slice(0, 3), None):
        read.add_benign(batch_of(contacts) if row else part_of(batch_of(contacts), 1))
    assert read.benign == 4 and list(read.false) == [4, 2]
    kept = Traces.joined(read.benign_traces)
    assert list(kept.alert) == [3, 0, 3, 0] and list(kept.peak) == [2, 1, 2, 1] and not read.traces
    expected = {
        "low": ([0, 1, 2, 1], [(0, 20, 1), (1, 50, 1), (2, 60, 1), (3, 50, 1)]),
        "high": ([0, 2], [(0, 30, 2), (1, 80, 2)]),
        "again": ([0, 1, 2, 1], [(0, 20, 1), (1, 50, 1), (2, 60, 1), (2, 80, 2), (3, 50, 1)]),
        "lasting": ([0, 2], [(0, 30, 1), (1, 80, 1)]),
        "dark": ([0, 1, 1], [(0, 20, 1), (1, 50, 1), (2, 50, 1)]),
    }
    for arm, (whose, found) in expected.items():
        alarmed, raised = read.false_alarms_of(arm)
        assert list(alarmed.conversation) == list(contacts.conversation[whose]) and rows(raised) == found, arm
        assert raised.row.dtype == np.int64
    assert read.grooming == 0 and not read.alerted.any() and not read.delay.any()


def test_alerted_before_a_stage(contacts: Contacts) -> None:
    """Stages begin at places 0 and 2, 0 and 1, and 0, 1 and 2; alerts are at 0, at 1, which is not before, and at 1."""
    read = reading([[2, 0, 0], [0, 2], [0, 2, 0, 0]])
    for row in range(3):
        read.add_grooming(part_of(batch_of(contacts), row))
    assert list(read.reached) == [3, 3, 1] and list(read.before) == [0, 1, 1]


def test_substitutes_alarm_and_count_for_nothing(contacts: Contacts) -> None:
    """Their rows go on after the grooming conversations, batch by batch."""
    read = reading()
    read.add_grooming(batch_of(contacts))
    for row in (2, 0):
        read.add_substitutes(part_of(batch_of(contacts), row))
    assert rows(read.alarms_of("high")) == [(0, 30, 2), (2, 80, 2), (3, 80, 2), (4, 30, 2)]
    assert rows(read.alarms_of("again"))[4:] == [(3, 60, 1), (3, 80, 2), (4, 20, 1)]
    read.alarms = {arm: parts[:1] for arm, parts in read.alarms.items()}
    read.rows = read.rows[:1]
    check_grooming(read)


def test_a_plain_trigger_reads_what_was_read_already(contacts: Contacts) -> None:
    """One pass of the detector, and one more for the arm from which texts are hidden, in batches that have such."""
    for row, asked in ((0, 1), (2, 2)):
        read = reading()
        read.add_grooming(part_of(batch_of(contacts), row))
        assert cast(Told, read.scorer.detector).asked == asked


def test_a_plain_trigger_costs_no_pass_of_its_own(contacts: Contacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "alarms", lambda *_: pytest.fail("the risks were walked once more"))
    plain = {name: signal for name, signal in LEVELS.signal.items() if signal.plain}
    assert list(plain) == ["low", "high"]
    read = replace(reading(), levels=replace(LEVELS, signal=plain))
    read.add_grooming(batch_of(contacts))
    assert rows(read.alarms_of("high")) == [(0, 30, 2), (2, 80, 2)]


def test_no_alert_at_all(contacts: Contacts) -> None:
    read = reading([[0, 0, 0], [0, 0], [0, 0, 0, 0]])
    read.add_grooming(batch_of(contacts))
    read.add_benign(batch_of(contacts))
    assert not read.alerted.any() and not read.false.any() and not read.at_stage.any()
    assert list(read.delay) == [9, 9] and not Traces.joined(read.traces).alert.any()
    for arm in LEVELS.signal:
        alarmed, raised = read.false_alarms_of(arm)
        assert len(read.alarms_of(arm)) == len(alarmed) == len(raised) == 0


def test_nothing_read(contacts: Contacts) -> None:
    assert len(reading().alarms_of("low")) == 0
