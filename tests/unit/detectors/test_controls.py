"""Controls do exactly what their name says."""

from __future__ import annotations

import numpy as np

from detectors.always import Always
from detectors.length_only import LengthOnly
from detectors.never import Never
from simharness.records import ConversationBatch


def test_always_and_never_read_nothing() -> None:
    texts = ("one", "", "[asks how old]")
    assert Always().score(texts).tolist() == [1.0, 1.0, 1.0]
    assert np.isnan(Never().score(texts)).all() and Never().score(texts).shape == (3,)
    assert Always().score(()).shape == Never().score(()).shape == (0,)


def test_length_only_counts_messages() -> None:
    batch = ConversationBatch(
        texts=("word",),
        symbol=np.zeros(6, np.uint16),
        time_s=np.arange(6.0),
        begin=np.array([0, 3, 3, 4]),
        end=np.array([3, 3, 4, 6]),
        platform=np.zeros(4, np.uint8),
        declared_adult=np.zeros(4, np.bool_),
        new_contacts_7d=np.zeros(4, np.float32),
    )
    assert LengthOnly().risk(batch).tolist() == [1, 2, 3, 1, 1, 2]


def test_length_only_is_blind_to_what_is_said(some: ConversationBatch) -> None:
    risk = LengthOnly().risk(some)
    assert np.array_equal(risk[some.end - 1], (some.end - some.begin).astype(np.float32))
