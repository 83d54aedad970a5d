"""A lexicon of grooming language: what the charity asked for in 2018, techniques in use for images and hate speech.

input: one text · score: 1 if any listed word occurs, else 0 · direction: higher is riskier · source: word lists as used
against hate speech; the list holds a stated share of the made-up words of the training edition, as an author would know
them, so words that changed since (the scenario's drift) are missed
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from simharness.detection.protocol import TrainingSet
from simharness.streams import uniform


class Keyword:
    """A lexicon of grooming language; ``coverage`` is the share of words its author knows."""

    def __init__(self, coverage: float = 0.6) -> None:
        if not 0.0 <= coverage <= 1.0:
            raise ValueError(f"coverage: expected a share from 0 to 1, got {coverage}")
        self.coverage = coverage
        self.words: frozenset[str] = frozenset()
        self.fragments: tuple[str, ...] = ()

    def fit(self, training: TrainingSet) -> Self:
        """List words: whole words are matched as words, entries with spaces as fragments."""
        entries = [entry for words in training.vocabulary.values() for entry in words]
        known = uniform(training.seed, "keyword.known", np.arange(len(entries))) < self.coverage
        listed = [entry for entry, is_known in zip(entries, known, strict=True) if is_known]
        self.words = frozenset(entry for entry in listed if " " not in entry)
        self.fragments = tuple(entry for entry in listed if " " in entry)
        return self

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """1 where a listed word occurs, else 0; shape (n,)."""
        return np.array([self._hit(text) for text in texts], np.float32)

    def _hit(self, text: str) -> bool:
        return not self.words.isdisjoint(text.split()) or any(fragment in text for fragment in self.fragments)
