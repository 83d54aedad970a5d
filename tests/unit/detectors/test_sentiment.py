"""Sentiment is the package's polarity with its sign turned: hostile is risky, by choice and not by evidence."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from detectors.sentiment import Sentiment
from simharness.errors import UsageError
from simharness.world.acts import ACT_INDEX, ACTS
from simharness.world.phrasebook import build_phrasebook

pytest.importorskip("vaderSentiment", reason="needs the extra off_the_shelf")
HOSTILE, FRIENDLY, NEITHER = "this is awful and i hate it", "thank you that is lovely", "[asks how old]"


def test_hostile_is_above_neither_is_above_friendly() -> None:
    hostile, neither, friendly = Sentiment().score([HOSTILE, NEITHER, FRIENDLY])
    assert hostile > 0.5 > neither == 0.0 > -0.5 > friendly


def test_it_is_minus_the_compound_polarity() -> None:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    expected = [-SentimentIntensityAnalyzer().polarity_scores(text)["compound"] for text in (HOSTILE, FRIENDLY)]
    assert Sentiment().score([HOSTILE, FRIENDLY]).tolist() == np.float32(expected).tolist()


def test_no_polarity_is_nought_without_a_sign() -> None:
    assert not np.signbit(Sentiment().score([NEITHER, "", "velmo tarin sedda"])).any()


def test_every_text_is_scored_by_itself_and_in_range() -> None:
    texts = build_phrasebook(1, "gloss", overlap=0.0, drift=0.0, obfuscation=0.0, edition="use").texts
    detector = Sentiment()
    scores = detector.score(texts)
    low, high = detector.range
    assert scores.dtype == np.float32 and scores.shape == (len(texts),)
    assert low <= scores.min() < 0 < scores.max() <= high
    assert np.array_equal(detector.score(texts[::-1]), scores[::-1])
    assert [float(detector.score((texts[i],))[0]) for i in range(0, len(texts), 400)] == scores[::400].tolist()
    assert detector.score(()).shape == (0,)


def test_of_the_glosses_only_the_withheld_threat_reads_as_hostile() -> None:
    """What the documentation says of it."""
    scores = Sentiment().score([act.gloss for act in ACTS])
    assert np.flatnonzero(scores > 0).tolist() == [ACT_INDEX["threat"]]


def test_it_goes_to_a_worker_process_and_back() -> None:
    assert pickle.loads(pickle.dumps(Sentiment())).score([HOSTILE]) == Sentiment().score([HOSTILE])


def test_a_missing_package_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simharness.detection.optional.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="vaderSentiment cannot be found") as caught:
        Sentiment()
    assert caught.value.hint == "Install with: pip install 'simharness[off_the_shelf]'"
