"""Behaviour reads senders, times and the account; never a text and never the future."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.behaviour import EVALUATED, FEATURES, Behaviour, features_of
from simharness.detection.protocol import TrainingSet
from simharness.records import ConversationBatch
from simharness.streams import uniform


@pytest.fixture(scope="session")
def fitted(training: TrainingSet) -> Behaviour:
    return Behaviour().fit(training)


def place_of(batch: ConversationBatch) -> NDArray[np.int64]:
    """Place (from 0) of every message in its conversation."""
    return np.arange(batch.symbol.size) - np.repeat(batch.begin, batch.end - batch.begin)


def test_features_by_hand() -> None:
    batch = ConversationBatch(
        texts=("word",),
        symbol=np.array([0, 1, 0, 1], np.uint16),
        time_s=np.array([100.0, 160.0, 280.0, 5.0]),
        begin=np.array([0, 3]),
        end=np.array([3, 4]),
        platform=np.zeros(2, np.uint8),
        declared_adult=np.array([True, False]),
        new_contacts_7d=np.array([3.0, 0.0], np.float32),
    )
    expected = [
        [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, math.log(4)],
        [math.log(2), 1 / 2, math.log(61), math.log(61), math.log(61), 1.0, math.log(4)],
        [math.log(3), 2 / 3, math.log(91), math.log(121), math.log(181), 1.0, math.log(4)],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
    found = features_of(batch)
    assert found.shape == (len(FEATURES), 4)
    np.testing.assert_allclose(found.T, expected, rtol=1e-14)


def test_it_speaks_from_the_eighth_message_on(fitted: Behaviour, some: ConversationBatch) -> None:
    risk = fitted.risk(some)
    assert EVALUATED == 8
    assert np.array_equal(np.isnan(risk), place_of(some) < EVALUATED - 1)
    assert risk.dtype == np.float32 and np.isfinite(risk[place_of(some) >= EVALUATED - 1]).all()


def test_risk_is_the_log_odds_of_its_pipeline(fitted: Behaviour, some: ConversationBatch) -> None:
    assert fitted.pipeline is not None
    spoken = place_of(some) >= EVALUATED - 1
    log_odds = fitted.pipeline.decision_function(features_of(some).T)
    np.testing.assert_allclose(fitted.risk(some)[spoken], log_odds[spoken], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cut", [8, 20])
def test_the_future_is_not_seen(cut: int, fitted: Behaviour, some: ConversationBatch) -> None:
    risk, place = fitted.risk(some), place_of(some)
    past = place < cut
    lengths = np.minimum(some.end - some.begin, cut)
    end = np.cumsum(lengths)
    shorter = replace(some, symbol=some.symbol[past], time_s=some.time_s[past], begin=end - lengths, end=end)
    assert np.array_equal(fitted.risk(shorter), risk[past], equal_nan=True)
    draw = uniform(1, "test.scramble", np.arange(place.size))
    scrambled = replace(
        some,
        symbol=np.where(past, some.symbol, some.symbol ^ (draw < 0.5)).astype(np.uint16),
        time_s=np.where(past, some.time_s, some.time_s + 1e6 * draw),
    )
    found = fitted.risk(scrambled)
    assert np.array_equal(found[past], risk[past], equal_nan=True)
    assert not np.array_equal(found[~past], risk[~past])


def test_no_text_is_read(fitted: Behaviour, some: ConversationBatch) -> None:
    silent = replace(some, texts=("",), symbol=some.symbol & np.uint16(1))
    assert np.array_equal(fitted.risk(silent), fitted.risk(some), equal_nan=True)


def test_a_conversation_is_judged_by_itself(fitted: Behaviour, some: ConversationBatch) -> None:
    risk = fitted.risk(some)
    for row in range(0, len(some), 10):
        own, one = slice(int(some.begin[row]), int(some.end[row])), slice(row, row + 1)
        alone = ConversationBatch(
            some.texts,
            some.symbol[own],
            some.time_s[own],
            np.zeros(1, np.int64),
            some.end[one] - some.begin[one],
            some.platform[one],
            some.declared_adult[one],
            some.new_contacts_7d[one],
        )
        assert np.array_equal(fitted.risk(alone), risk[own], equal_nan=True)


@pytest.mark.parametrize("sign", [1, -1])
def test_it_learns_from_the_account(sign: int, training: TrainingSet, some: ConversationBatch) -> None:
    """Told that the accounts of grooming conversations are the busy ones, or the quiet ones, it goes by that."""
    counts = np.where(training.grooming == (sign > 0), 20, 2) - np.arange(len(training.batch)) % 3
    batch = replace(training.batch, new_contacts_7d=counts.astype(np.float32))
    taught = Behaviour().fit(replace(training, batch=batch))
    quiet = replace(some, new_contacts_7d=np.zeros(len(some), np.float32))
    busy = replace(some, new_contacts_7d=np.full(len(some), 20, np.float32))
    spoken = place_of(some) >= EVALUATED - 1
    assert (sign * (taught.risk(busy)[spoken] - taught.risk(quiet)[spoken]) > 1.0).all()


def test_classes_weigh_the_same_whatever_their_numbers(training: TrainingSet, some: ConversationBatch) -> None:
    """Leaving half of the harmless conversations out moves the mean risk by far less than log 2."""
    assert not training.grooming[300:].any()
    half = np.arange(len(training.batch)) < 900
    batch = training.batch
    last = int(batch.end[899])
    fewer = replace(
        batch,
        symbol=batch.symbol[:last],
        time_s=batch.time_s[:last],
        **{
            name: getattr(batch, name)[half]
            for name in ("begin", "end", "platform", "declared_adult", "new_contacts_7d")
        },
    )
    shifted = Behaviour().fit(replace(training, batch=fewer, grooming=training.grooming[half])).risk(some)
    assert abs(np.nanmean(shifted) - np.nanmean(Behaviour().fit(training).risk(some))) < 0.2


def test_before_it_is_trained_it_says_what_to_do(some: ConversationBatch) -> None:
    with pytest.raises(RuntimeError, match="behaviour must be fitted before it is asked for risk"):
        Behaviour().risk(some)
