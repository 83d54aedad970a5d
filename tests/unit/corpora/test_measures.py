"""Numbers worked out by hand, and what is undefined is None."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simharness.corpora.measures import corpus_numbers, f_interval, median_interval
from simharness.corpora.reading import CorpusReading, DetectorReading


def reading(
    place: list[int], positive: list[bool] | None, by: list[int] | None = None, predators: set[int] | None = None
) -> CorpusReading:
    n = len(place)
    named = np.where(np.array(place, np.int64) >= 0, np.array(by or range(n), np.int64), -1)
    detector = DetectorReading(1.0, np.array(place, np.int32), np.zeros(n, np.int64), named)
    return CorpusReading(
        np.full(n, 100),
        None if positive is None else np.array(positive, np.bool_),
        frozenset(predators or ()),
        10,
        {},
        {"mine": detector},
    )


def estimates(found: CorpusReading) -> dict[str, Any]:
    return {name: value["estimate"] for name, value in corpus_numbers(found, "mine").items()}


def test_by_hand() -> None:
    # Five conversations, two with a predator: one caught after 8 messages, one missed; one false alert at once.
    found = reading([7, -1, 0, -1, -1], [True, True, False, False, False], [1, 2, 3, 4, 1], {1, 2})
    numbers = estimates(found)
    assert numbers == {
        "alerted_share": 0.4,
        "messages_to_alert": 4.5,
        "abstained_share": 0.0,
        "recall": 0.5,
        "precision": 0.5,
        "false_alerts_per_1000_conversations": pytest.approx(1000 / 3),
        "erde_5": pytest.approx((1 / (1 + math.exp(5 - 8)) + 1 + 2 / 5) / 5),
        "erde_50": pytest.approx((1 / (1 + math.exp(50 - 8)) + 1 + 2 / 5) / 5),
        "author_recall": 0.5,
        "author_precision": 0.5,
        "author_f_0.5": pytest.approx(0.5),
    }
    interval = corpus_numbers(found, "mine")["recall"]
    assert (interval["low"], interval["high"]) == (pytest.approx(0.01258, abs=1e-4), pytest.approx(0.98742, abs=1e-4))
    assert interval["unit"] == "share" and interval["n"] == 2


def test_an_author_named_twice_counts_once() -> None:
    numbers = estimates(reading([0, 0, 0], [True, True, False], [1, 1, 5], {1}))
    assert (numbers["author_precision"], numbers["author_recall"], numbers["precision"]) == (0.5, 1.0, 2 / 3)


def test_without_labels_only_what_needs_none() -> None:
    assert estimates(reading([-1, -1], None)) == {
        "alerted_share": 0.0,
        "messages_to_alert": None,
        "abstained_share": 0.0,
    }


def test_undefined_is_none() -> None:
    harmless = estimates(reading([0, -1], [False, False]))
    assert (harmless["recall"], harmless["erde_5"], harmless["author_recall"], harmless["author_f_0.5"]) == (None,) * 4
    assert harmless["precision"] == 0.0 and harmless["false_alerts_per_1000_conversations"] == 500.0
    silent = estimates(reading([-1], [True], [1], {1}))
    assert (silent["precision"], silent["author_precision"], silent["author_f_0.5"]) == (None, None, 0.0)
    assert (silent["recall"], silent["erde_5"], silent["false_alerts_per_1000_conversations"]) == (0.0, 1.0, None)
    nothing = estimates(reading([], []))
    assert set(nothing.values()) == {None}


def test_the_interval_of_f() -> None:
    found = f_interval(80, 20, 20, 9880)
    assert found.estimate == pytest.approx(0.8) and found.n == 10_000
    # Precision is 0.8 with a standard error of 0.04, and F_0.5 mostly precision.
    assert found.low is not None and found.high is not None
    assert 0.72 < found.low < 0.75 and 0.85 < found.high < 0.88
    few = f_interval(60, 20, 20, 0)  # a count that is drawn leaves less for the next
    assert few.low is not None and few.high is not None and 0.63 < few.low < 0.70 and 0.80 < few.high < 0.87
    sure = f_interval(50, 0, 0, 100)
    assert (sure.low, sure.high) == (1.0, 1.0)
    nothing = f_interval(0, 0, 3, 5)
    assert (nothing.estimate, nothing.low, nothing.high) == (0.0, None, None)
    assert f_interval(0, 3, 0, 5).estimate is None


def test_the_interval_of_a_median() -> None:
    found = median_interval(np.arange(1, 26))
    assert (found.estimate, found.low, found.high) == (13.0, 8.0, 18.0)  # tables of the sign test, n = 25
    assert median_interval(np.array([4, 8])).low is None and median_interval(np.array([4, 8])).estimate == 6.0
    assert median_interval(np.array([], np.int32)).estimate is None
