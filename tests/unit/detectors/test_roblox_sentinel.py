"""The adapter for Roblox Sentinel, against a stand-in that answers as its index does: by text, without repeats."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectors.roblox_sentinel import RobloxSentinel
from simharness.detection.protocol import TrainingSet
from simharness.detection.registry import build
from simharness.errors import UsageError

# The stand-in's similarity is the share of words that occur in the examples of a class. Like the original it answers
# with a dictionary by text, cuts off at nought, and aggregates over the texts of one call.
STAND_IN = """
from dataclasses import dataclass


@dataclass
class RareClassAffinityResult:
    rare_class_affinity_score: float
    observation_scores: dict


class SentinelLocalIndex:
    asked = []

    @classmethod
    def from_texts(cls, positive_texts, negative_texts, model_name="all-MiniLM-L6-v2"):
        index = cls()
        index.positive_corpus, index.negative_corpus = list(positive_texts), list(negative_texts)
        index.model_name = model_name
        index.words = [{word for text in texts for word in text.split()} for texts in (positive_texts, negative_texts)]
        return index

    def calculate_rare_class_affinity(self, text_samples):
        self.asked.append(list(text_samples))
        scores = {}
        for text in text_samples:
            parts = text.split() or [""]
            near, far = (sum(part in words for part in parts) / len(parts) for words in self.words)
            scores[text] = max(0.0, near - far)
        return RareClassAffinityResult(sum(scores.values()) / max(1, len(scores)), scores)
"""
SENT = {
    "velmo tarin": (9, 1),
    "tarin sedda": (8, 2),
    "sedda nolri": (3, 0),
    "soup for lunch": (1, 30),
    "rain at lunch": (2, 50),
    "never sent": (0, 0),
}


@pytest.fixture
def forgotten() -> Iterator[None]:
    """No trace of the module in the interpreter, before and after."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "sentinel"]:
            del sys.modules[name]

    forget()
    yield
    forget()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: None) -> Path:
    """A package ``sentinel`` that can be imported and has nothing in it: as on PyPI, another one of the name."""
    folder = tmp_path / "sentinel"
    folder.mkdir()
    (folder / "__init__.py").write_text("def sentinel(name): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


@pytest.fixture
def installed(package: Path) -> Path:
    (package / "sentinel_local_index.py").write_text(STAND_IN)
    importlib.invalidate_caches()
    return package


@pytest.fixture
def taught(training: TrainingSet) -> TrainingSet:
    positive, negative = np.array(list(SENT.values()), np.int64).T
    return replace(training, texts=tuple(SENT), positive=positive, negative=negative)


def refusal(**options: object) -> str:
    with pytest.raises(UsageError) as caught:
        build("detectors.roblox_sentinel:RobloxSentinel", options, "detectors.mine")
    return str(caught.value)


@pytest.mark.usefixtures("installed")
def test_scores_of_repeated_texts_keep_their_places(taught: TrainingSet) -> None:
    detector = RobloxSentinel(model_name="some/folder").fit(taught)
    texts = ["velmo sedda", "lunch", "velmo sedda", "velmo lunch", "", "lunch"]
    scores = detector.score(texts)
    assert scores.tolist() == [1.0, 0.0, 1.0, 0.0, 0.0, 0.0] and scores.dtype == np.float32
    assert detector.score(["velmo nothing"]).tolist() == [0.5]
    assert detector.score(()).shape == (0,)
    low, high = detector.range
    assert low <= scores.min() and scores.max() <= high


@pytest.mark.usefixtures("installed")
def test_each_distinct_text_is_asked_for_once_and_by_itself(taught: TrainingSet) -> None:
    """The observation scores of a call are keyed by text and, encoded together, could move each other's last bits."""
    detector = RobloxSentinel(model_name="some/folder").fit(taught)
    asked = sys.modules["sentinel.sentinel_local_index"].SentinelLocalIndex.asked
    detector.score(["lunch", "velmo", "lunch", "velmo", "soup"])
    assert asked == [["lunch"], ["velmo"], ["soup"]]


@pytest.mark.usefixtures("installed")
def test_examples_are_the_most_sent_of_what_is_typical(taught: TrainingSet) -> None:
    index = RobloxSentinel(model_name="some/folder", examples=2).fit(taught)._index
    assert index.positive_corpus == ["velmo tarin", "tarin sedda"]
    assert index.negative_corpus == ["rain at lunch", "soup for lunch"]
    assert index.model_name == "some/folder"


@pytest.mark.usefixtures("installed")
def test_the_packaged_model_stands_in_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.roblox_sentinel.PACKAGED", "packaged_model_of_a_test")
    text = refusal()
    assert "no model is given" in text and "simharness[embedding]" in text and "model_name" in text
    (tmp_path / "packaged_model_of_a_test.py").write_text("def get_model_path(): return 'its/folder'\n")
    importlib.invalidate_caches()
    assert RobloxSentinel().model_name == "its/folder"


@pytest.mark.usefixtures("package")
def test_another_package_of_the_name_is_told_apart() -> None:
    text = refusal(model_name="some/folder")
    assert "the installed package sentinel is not Roblox Sentinel" in text
    assert "sentinel.sentinel_local_index.SentinelLocalIndex" in text and "the package on PyPI is another one" in text


def test_a_module_without_the_index_is_told_apart(package: Path) -> None:
    (package / "sentinel_local_index.py").write_text("")
    importlib.invalidate_caches()
    assert "is not Roblox Sentinel" in refusal(model_name="some/folder")


def test_what_sentinel_itself_lacks_is_not_blamed_on_the_name(package: Path) -> None:
    (package / "sentinel_local_index.py").write_text("import no_such_package_anywhere\n")
    importlib.invalidate_caches()
    text = refusal(model_name="some/folder")
    assert "no_such_package_anywhere" in text and "is not Roblox Sentinel" not in text


@pytest.mark.usefixtures("forgotten")
def test_where_it_is_not_installed_it_says_where_it_is_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.roblox_sentinel.find_spec", lambda name: None)
    text = refusal(model_name="some/folder")
    assert "Roblox Sentinel is not installed" in text and "Roblox/Sentinel" in text


@pytest.mark.usefixtures("installed")
def test_before_it_is_trained_it_says_what_to_do(taught: TrainingSet) -> None:
    detector = RobloxSentinel(model_name="some/folder")
    with pytest.raises(RuntimeError, match=r"roblox_sentinel must be fitted before it scores: call fit\(training\)"):
        detector.score(["lunch"])
    with pytest.raises(ValueError, match="examples: expected at least 1, got 0"):
        RobloxSentinel(model_name="some/folder", examples=0)
    assert pickle.loads(pickle.dumps(detector.fit(taught)))._index is None, "a worker process was sent the index"
