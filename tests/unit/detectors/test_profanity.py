"""The profanity filter answers as its package does, and says which package is missing where it is."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

from detectors.profanity import Profanity
from simharness.detection.registry import build
from simharness.errors import UsageError
from simharness.world.acts import ACTS
from simharness.world.phrasebook import build_phrasebook

pytest.importorskip("profanity_check", reason="needs the extra off_the_shelf")
RUDE, CLEAN = "what a stupid idiot", "we had soup for lunch"
TEXTS = build_phrasebook(1, "gloss", overlap=0.0, drift=0.0, obfuscation=0.0, edition="use")


def test_it_answers_as_its_package_does() -> None:
    from profanity_check import predict_prob

    rude, clean = Profanity().score([RUDE, CLEAN])
    assert rude > 0.9 and clean < 0.3
    assert Profanity().score([RUDE, CLEAN]).tolist() == np.float32(predict_prob([RUDE, CLEAN])).tolist()


def test_scores_are_probabilities_of_each_text_by_itself() -> None:
    detector, texts = Profanity(), TEXTS.texts
    scores = detector.score(texts)
    low, high = detector.range
    assert scores.dtype == np.float32 and scores.shape == (len(texts),)
    assert low <= scores.min() and scores.max() <= high
    order = np.arange(len(texts))[::-1]
    assert np.array_equal(detector.score([texts[i] for i in order]), scores[order])
    assert [float(detector.score((texts[i],))[0]) for i in range(0, len(texts), 400)] == scores[::400].tolist()


def test_no_texts_and_an_empty_text() -> None:
    assert Profanity().score(()).shape == (0,)
    assert np.isfinite(Profanity().score(["", ""])).all()


def test_what_it_was_made_for_is_not_in_a_gloss() -> None:
    """What the documentation says of it: it rates some small talk above every gloss."""
    scores, kinds = Profanity().score(TEXTS.texts), np.array([ACTS[act].kind for act in TEXTS.act_of])
    assert scores[kinds == "benign"].max() > scores[kinds != "benign"].max()


def test_it_goes_to_a_worker_process_and_back() -> None:
    assert pickle.loads(pickle.dumps(Profanity())).score([RUDE]) == Profanity().score([RUDE])


def test_the_package_is_not_imported_before_it_scores() -> None:
    """Listing and validating need none of it, and nothing is unpickled by naming a detector."""
    code = (
        "import json, sys; from detectors.profanity import Profanity; made = Profanity();"
        "before = 'profanity_check' in sys.modules; made.score(['x']);"
        "print(json.dumps([before, 'profanity_check' in sys.modules]))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == [False, True]


def test_a_missing_package_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simharness.detection.optional.find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        build("detectors.profanity:Profanity", {}, "detectors.mine")
    text = str(caught.value)
    assert text.startswith("detectors.mine: detectors.profanity:Profanity: the package alt-profanity-check cannot be")
    assert "pip install 'simharness[off_the_shelf]'" in text and "UsageError" not in text
