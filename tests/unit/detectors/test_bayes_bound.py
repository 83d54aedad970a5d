"""The bound where numbers are hardly any: log-odds stay finite whatever was said before."""

from __future__ import annotations

import numpy as np

from detectors.bayes_bound import BayesBound
from simharness.detection.protocol import TrainingSet
from simharness.records import ConversationBatch
from simharness.world.acts import ACT_INDEX
from simharness.world.model import WorldModel


def test_what_only_grooming_says_is_proof_after_however_much_harmless_talk(
    small: WorldModel, training: TrainingSet
) -> None:
    book = small.phrasebooks["use"]
    talk, proof = (2 * int(book.first[ACT_INDEX[act]]) for act in ("family_news", "threat"))
    symbol = np.array([talk + 1] * 800 + [proof], np.uint16)
    none = np.zeros(1)
    one = (np.zeros(1, np.int64), np.array([symbol.size]), none.astype(np.uint8), none.astype(bool), none)
    batch = ConversationBatch(book.texts, symbol, np.arange(symbol.size) * 60.0, *one)  # type: ignore[arg-type]
    bound = BayesBound()
    bound.fit(
        TrainingSet(**{name: getattr(training, name) for name in training.__slots__ if name != "model"}, model=small)
    )
    risk = bound.risk(batch)
    assert np.isfinite(risk).all()
    assert risk[-2] < -100 < 100 < risk[-1]
