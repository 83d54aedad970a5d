"""A conversation that moves is read as two: by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simharness.detection.scoring import Scorer
from simharness.detection.triggers import sustained
from simharness.records import ConversationBatch
from simharness.scenario.detector import Aggregator


@pytest.fixture
def batch() -> ConversationBatch:
    """Three conversations of 3, 4 and 2 messages; the second moves after its first, all say "b" and then "a"."""
    return ConversationBatch(
        texts=("a", "b"),
        symbol=np.array([2, 0, 0, 2, 0, 2, 0, 2, 0], np.uint16),
        time_s=np.arange(9.0),
        begin=np.array([0, 3, 7]),
        end=np.array([3, 7, 9]),
        platform=np.array([0, 1, 2], np.uint8),
        declared_adult=np.array([True, False, True]),
        new_contacts_7d=np.array([0, 5, 6], np.float32),
        key=np.array([10, 11, 12], np.uint64),
        moved=np.array([3, 4, 9]),
    )


def test_by_platform_by_hand(batch: ConversationBatch) -> None:
    seen = batch.by_platform()
    assert (seen.begin.tolist(), seen.end.tolist()) == ([0, 3, 4, 7], [3, 4, 7, 9])
    assert seen.first.tolist() == [1, 1, 2, 1]
    assert seen.key.tolist() == [10, 11, 11, 12] and seen.platform.tolist() == [0, 1, 1, 2]
    assert seen.declared_adult.tolist() == [True, False, False, True]
    assert seen.new_contacts_7d.tolist() == [0, 5, 5, 6]
    assert seen.symbol is batch.symbol and seen.by_platform() is seen
    later = replace(batch, first=np.array([1, 6, 2], np.int32)).by_platform()
    assert later.first.tolist() == [1, 6, 7, 2]
    two = replace(batch, moved=np.array([2, 4, 8])).by_platform()
    assert two.begin.tolist() == [0, 2, 3, 4, 7, 8] and two.end.tolist() == [2, 3, 4, 7, 8, 9]


def test_nobody_moved(batch: ConversationBatch) -> None:
    stayed = replace(batch, moved=batch.end)
    assert stayed.by_platform() is stayed


class Counts:
    """The running number of messages it has been shown."""

    def risk(self, batch: ConversationBatch) -> np.ndarray:
        return np.concatenate([np.arange(1.0, e - b + 1) for b, e in zip(batch.begin, batch.end, strict=True)])


def test_running_risk_starts_anew_and_crossings_stay_by_conversation(batch: ConversationBatch) -> None:
    table = np.array([0, 0, 8, 8], np.float32)
    by_text = Scorer("max", Counts(), Aggregator(kind="max"), table)
    assert by_text.risk(batch).tolist() == [8, 8, 8, 8, 0, 8, 8, 8, 8]
    whole = Scorer("counts", Counts(), Aggregator(kind="max"), None)
    risk = whole.risk(batch)
    assert risk.tolist() == [1, 2, 3, 1, 1, 2, 3, 1, 2]
    assert whole.crossings(batch, np.array([2.0, 3.0], np.float32)).tolist() == [[1, 2], [2, 3], [1, -1]]
    assert whole.peaks(batch).tolist() == [3, 3, 2]


def test_the_last_n_messages_are_those_of_one_platform(batch: ConversationBatch) -> None:
    risk = np.array([1, 2, 3, 5, 1, 2, 3, 1, 2], np.float32)
    found = sustained(risk, batch, 2, 3)
    assert found.tolist() == [-np.inf, 1, 2, -np.inf, -np.inf, 1, 2, -np.inf, 1]
