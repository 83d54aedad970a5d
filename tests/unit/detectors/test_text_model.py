"""The text classifier learns the acts, carries no base rate, and gives the same bits every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.text_model import TextModel
from simharness.detection.protocol import TrainingSet
from simharness.world.acts import ACT_INDEX, BENIGN_ACTS
from simharness.world.model import WorldModel


@pytest.fixture(scope="session")
def fitted(training: TrainingSet) -> TextModel:
    return TextModel().fit(training)


def test_fitting_twice_gives_the_same_bits(fitted: TextModel, training: TrainingSet, small: WorldModel) -> None:
    texts = small.phrasebooks["use"].texts
    scores = fitted.score(texts)
    assert scores.dtype == np.float32 and scores.shape == (len(texts),) and np.isfinite(scores).all()
    assert np.array_equal(TextModel().fit(training).score(texts), scores)


def test_a_text_is_scored_by_itself(fitted: TextModel, small: WorldModel) -> None:
    texts = small.phrasebooks["use"].texts
    scores = fitted.score(texts)
    order = np.arange(len(texts))[::-1]
    assert np.array_equal(fitted.score([texts[i] for i in order]), scores[order])
    assert [float(fitted.score((texts[i],))[0]) for i in range(0, len(texts), 400)] == scores[::400].tolist()


def test_it_learns_which_acts_are_risky(fitted: TextModel, training: TrainingSet, small: WorldModel) -> None:
    book = small.phrasebooks["training"]
    scores = fitted.score(book.texts)
    by_act = np.array([scores[book.act_of == act].mean() for act in range(int(book.act_of.max()) + 1)])
    small_talk = by_act[: len(BENIGN_ACTS)]
    for act in ("asks_private", "asks_supervision", "talks_closeness", "sexual"):
        assert by_act[ACT_INDEX[act]] > max(0.0, float(small_talk.max())), act
    # Against what was sent: the higher the scores, the larger the share of grooming among the messages.
    rates = []
    for third in np.array_split(np.argsort(scores), 3):
        sent = [counts[third].sum() / counts.sum() for counts in (training.positive, training.negative)]
        rates.append(sent[0] / sum(sent))
    assert rates[0] < 0.5 < rates[2] and rates == sorted(rates)


def test_words_that_changed_are_recognised_less(fitted: TextModel, small: WorldModel) -> None:
    then, now = small.phrasebooks["training"], small.phrasebooks["use"]
    assert then.texts != now.texts
    for act in ("asks_private", "talks_closeness"):
        rows = then.act_of == ACT_INDEX[act]
        assert fitted.score(now.texts)[rows].mean() < fitted.score(then.texts)[rows].mean()


def test_it_carries_no_base_rate(fitted: TextModel, training: TrainingSet) -> None:
    more_harmless = TextModel().fit(replace(training, negative=training.negative * 16))
    assert np.array_equal(more_harmless.score(training.texts), fitted.score(training.texts))


def test_regularisation_is_an_option(fitted: TextModel, training: TrainingSet) -> None:
    held_back = TextModel(regularisation=0.01).fit(training)
    assert np.abs(held_back.score(training.texts)).max() < 0.5 * np.abs(fitted.score(training.texts)).max()


def test_before_it_is_trained_it_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"text_model must be fitted before it scores: call fit\(training\) first"):
        TextModel().score(("text",))
