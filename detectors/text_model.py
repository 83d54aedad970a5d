"""A scikit-learn text classifier trained on a separate synthetic world: the everyday supervised approach.

input: one text · score: log-odds that its conversation is grooming, classes weighted equally (about -5 to 5) ·
direction: higher is riskier · source: tf-idf of words and word pairs with logistic regression (Pedregosa et al. 2011)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from simharness.detection.protocol import TrainingSet


class TextModel:
    """A scikit-learn text classifier; ``regularisation`` is the C of its logistic regression."""

    def __init__(self, regularisation: float = 10.0) -> None:
        self.regularisation = regularisation
        self.pipeline: Pipeline | None = None

    def fit(self, training: TrainingSet) -> Self:
        """Learn from every message, labelled as its conversation is; equal texts are one row with a weight."""
        texts = [*training.texts, *training.texts]
        label = np.repeat([1, 0], len(training.texts))
        # Each class weighs as many rows as there are texts: the intercept then carries no base rate.
        weights = [counts / counts.sum() * len(training.texts) for counts in (training.positive, training.negative)]
        weight = np.concatenate(weights)
        vectoriser = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
        pipeline = make_pipeline(vectoriser, LogisticRegression(C=self.regularisation, max_iter=500))
        self.pipeline = pipeline.fit(texts, label, logisticregression__sample_weight=weight)
        return self

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Log-odds of grooming for each text, shape (n,). Raises RuntimeError before ``fit``."""
        if self.pipeline is None:
            raise RuntimeError("text_model must be fitted before it scores: call fit(training) first")
        return np.asarray(self.pipeline.decision_function(list(texts)), np.float32)
