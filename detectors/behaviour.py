"""Account and conversation features without any text: what can be seen where messages are encrypted.

input: senders, times, declared age, how many other children the account newly contacted in the last seven days · score:
log-odds that the conversation is grooming, classes weighted equally · direction: higher is riskier · source: logistic
regression (Pedregosa et al. 2011) on features of the kind used for accounts (Sentinel-like rates, gaps and turn-taking)
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from simharness.detection.protocol import TrainingSet
from simharness.records import ConversationBatch
from simharness.streams import compiled

FEATURES = (
    "messages so far (log)",
    "share sent by the one who made contact",
    "mean gap (log s)",
    "longest gap (log s)",
    "waking time since the first message (log s)",
    "declared adult",
    "other children newly contacted in 7 days (log)",
)
EVALUATED = 8  # messages from which on it speaks; before, too little has been seen
_PER_CONVERSATION = 4  # training rows taken from one conversation, evenly spaced: neighbours say the same


class Behaviour:
    """Account and conversation features without any text; ``regularisation`` is the C of its logistic regression."""

    abstains = True  # for its first few messages

    def __init__(self, regularisation: float = 1.0) -> None:
        self.regularisation = regularisation
        self.pipeline: Pipeline | None = None
        self.weights = np.zeros(len(FEATURES))
        self.intercept = 0.0

    def fit(self, training: TrainingSet) -> Self:
        """Learn from a few moments of every conversation, labelled as the conversation is."""
        features, rows = features_of(training.batch), _moments(training.batch)
        label = np.repeat(training.grooming, training.batch.end - training.batch.begin)[rows]
        model = LogisticRegression(C=self.regularisation, class_weight="balanced", max_iter=500)
        self.pipeline = make_pipeline(StandardScaler(), model).fit(features[:, rows].T, label)
        scaler, model = self.pipeline[0], self.pipeline[1]
        self.weights = model.coef_[0] / scaler.scale_
        self.intercept = float(model.intercept_[0] - (self.weights * scaler.mean_).sum())
        return self

    def risk(self, batch: ConversationBatch) -> NDArray[np.float32]:
        """Log-odds of grooming after each message, nan for the first few. Raises RuntimeError before ``fit``."""
        if self.pipeline is None:
            raise RuntimeError("behaviour must be fitted before it is asked for risk: call fit(training) first")
        features = features_of(batch)
        # Column by column instead of a matrix product, whose last bits depend on how many rows are in the batch.
        risk = np.full(batch.symbol.size, self.intercept)
        for weight, column in zip(self.weights, features, strict=True):
            risk += weight * column
        risk[features[0] < np.log(EVALUATED - 0.5)] = np.nan  # two logarithms may differ in the last bit
        return risk.astype(np.float32)


def features_of(batch: ConversationBatch) -> NDArray[np.float64]:
    """Features after every message, shape (features, messages), in the order of ``FEATURES``."""
    out = np.empty((len(FEATURES), batch.symbol.size))
    _features(batch.symbol, batch.time_s, batch.begin, batch.end, batch.declared_adult, batch.new_contacts_7d, out)
    return out


@compiled()
def _features(symbol: Any, time: Any, begin: Any, end: Any, adult: Any, recent: Any, out: Any) -> None:
    for i in range(begin.shape[0]):
        sent, longest = 0, 0.0
        for j in range(begin[i], end[i]):
            seen = j - begin[i] + 1
            sent += 1 - (symbol[j] & 1)
            if seen > 1:
                longest = max(longest, time[j] - time[j - 1])
            since = time[j] - time[begin[i]]
            out[0, j] = np.log(seen)
            out[1, j] = sent / seen
            out[2, j] = np.log(1.0 + since / max(1, seen - 1))
            out[3, j] = np.log(1.0 + longest)
            out[4, j] = np.log(1.0 + since)
            out[5, j] = adult[i]
            out[6, j] = np.log(1.0 + recent[i])


def _moments(batch: ConversationBatch) -> NDArray[np.int64]:
    lengths = batch.end - batch.begin
    long = lengths >= EVALUATED
    steps = np.arange(1, _PER_CONVERSATION + 1) / _PER_CONVERSATION
    places = EVALUATED - 1 + np.floor((lengths[long, None] - EVALUATED) * steps).astype(np.int64)
    return (batch.begin[long, None] + places).ravel()
