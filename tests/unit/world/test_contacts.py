from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simharness.streams import stream_id, uniform
from simharness.world import contacts
from simharness.world.contacts import Contacts, poisson_contacts, recent_contacts, schedule

SEED, STREAM = 11, "test.contacts"


def drawn(n: int = 4000, rate: float = 0.05, begin: float = -20.0, end: float = 80.0) -> tuple[NDArray[Any], ...]:
    return poisson_contacts(SEED, STREAM, np.arange(n, dtype=np.uint64), np.full(n, rate), begin, end)


def test_counts_are_poisson() -> None:
    # Mean and variance lambda, fourth central moment lambda + 3 lambda**2 (Johnson, Kemp & Kotz 2005, section 4.3).
    n, mean = 4000, 5.0
    count = np.bincount(drawn(n)[0], minlength=n)
    assert abs(count.mean() - mean) < 4 * np.sqrt(mean / n)
    assert abs(count.var(ddof=1) - mean) < 4 * np.sqrt((mean + 3 * mean**2 - mean**2) / n)


def test_times_are_uniform_over_the_span() -> None:
    _, _, time = drawn()
    place = (time + 20.0) / 100.0
    assert place.min() >= 0 and place.max() < 1
    assert abs(place.mean() - 0.5) < 4 * np.sqrt(1 / 12 / time.size)
    assert abs((place**2).mean() - 1 / 3) < 4 * np.sqrt(4 / 45 / time.size)


def test_contacts_are_sums_of_addressed_exponential_gaps() -> None:
    row, occasion, time = drawn(n=30, rate=0.2)
    assert np.all(np.diff(row) >= 0)
    for entity in range(30):
        mine = row == entity
        gaps = -np.log(uniform(SEED, STREAM, entity, np.arange(mine.sum() + 1))) / 0.2
        assert occasion[mine].tolist() == list(range(mine.sum()))
        np.testing.assert_allclose(time[mine], -20.0 + np.cumsum(gaps)[:-1], rtol=1e-12)
        assert -20.0 + gaps.sum() >= 80.0


def test_the_shortcut_for_entities_without_contacts_loses_none() -> None:
    """More entities than one block, whose first gap decides alone: found are those whose gap ends within the period."""
    entities = np.arange(1 << 40, (1 << 40) + 2000, dtype=np.uint64)
    rates = np.tile([0.0, 0.0002, 0.002, 0.02], 500)
    row, occasion, time = poisson_contacts(SEED, STREAM, entities, rates, 0.0, 100.0)
    with np.errstate(divide="ignore"):
        first = -np.log(uniform(SEED, STREAM, entities)) / rates
    assert row[occasion == 0].tolist() == np.flatnonzero(first < 100.0).tolist()
    np.testing.assert_allclose(time[occasion == 0], first[first < 100.0], rtol=1e-12)


def test_rates_are_each_entity_s_own() -> None:
    n = 3000
    rates = np.tile([0.0, 0.1, 1.0], n // 3)
    row, _, _ = poisson_contacts(SEED, STREAM, np.arange(n, dtype=np.uint64), rates, 0.0, 10.0)
    count = np.bincount(row, minlength=n).reshape(-1, 3)
    assert count[:, 0].sum() == 0
    for column, mean in ((1, 1.0), (2, 10.0)):
        assert abs(count[:, column].mean() - mean) < 4 * np.sqrt(mean / (n // 3))
    nobody = poisson_contacts(SEED, STREAM, np.empty(0, np.uint64), np.empty(0), 0.0, 10.0)
    assert [column.size for column in nobody] == [0, 0, 0]


def test_one_more_entity_changes_no_other() -> None:
    few, more = drawn(n=500), drawn(n=501)
    others = more[0] < 500
    assert (~others).any()
    for one, two in zip(few, more, strict=True):
        assert np.array_equal(one, two[others])


def test_a_longer_period_only_adds_at_the_end() -> None:
    short, long = drawn(n=500, end=80.0), drawn(n=500, end=130.0)
    earlier = long[2] < 80.0
    assert (~earlier).any()
    for one, two in zip(short, long, strict=True):
        assert np.array_equal(one, two[earlier])


def split(given: Any) -> tuple[tuple[Any, ...], int]:
    return tuple(given[:-1]), int(given[-1])


def test_too_small_a_capacity_tells_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = drawn(n=50)
    arguments = (np.uint64(SEED), np.uint32(stream_id(STREAM)), np.arange(50, dtype=np.uint64), np.full(50, 0.05))
    first, found = split(schedule(*arguments, -20.0, 80.0, 7))
    assert found == expected[0].size
    for part, whole in zip(first, expected, strict=True):
        assert np.array_equal(part, whole[:7])
    asked: list[int] = []

    def short_once(*given: Any) -> Any:
        asked.append(given[-1])
        if len(asked) > 1:
            return schedule(*given)
        columns, count = split(schedule(*given[:-1], 7))
        return *columns, given[-1] + count

    monkeypatch.setattr(contacts, "schedule", short_once)
    for part, whole in zip(drawn(n=50), expected, strict=True):
        assert np.array_equal(part, whole)
    assert asked[1] == asked[0] + found


def test_recent_contacts_against_counting_pairs() -> None:
    row, _, time = drawn(n=60, rate=0.3)
    found = recent_contacts(row, time, 7.0)
    expected = [
        sum(1 for j in range(i) if row[j] == row[i] and time[i] - 7.0 <= time[j] < time[i]) for i in range(row.size)
    ]
    assert found.tolist() == expected and max(expected) > 5


def test_recent_contacts_by_hand() -> None:
    row = np.array([0, 0, 0, 0, 2, 2])
    time = np.array([0.0, 1.0, 8.0, 8.5, 8.6, 8.7])  # 8 - 7 = 1: just within
    assert recent_contacts(row, time, 7.0).tolist() == [0, 1, 1, 1, 0, 1]
    assert recent_contacts(row[:0], time[:0], 7.0).size == 0


def test_take_keeps_rows_together() -> None:
    columns: list[Any] = [np.arange(4) * 10 + number for number in range(len(Contacts.__slots__))]
    made = Contacts(*columns)
    for rows in (slice(1, 3), np.array([False, True, True, False]), np.array([1, 2])):
        taken = made.take(rows)
        assert len(taken) == 2
        assert [getattr(taken, name).tolist() for name in Contacts.__slots__] == [c[1:3].tolist() for c in columns]
