"""Gaps, sessions, runs and words of conversations worked out by hand, and distances that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from simharness.corpora.pacing import compare, corpus_pacing, synthetic_pacing
from simharness.corpora.records import CorpusConversation
from simharness.detection.training import benign_sample
from simharness.streams import derive_seed
from simharness.world.generate import World
from simharness.world.model import WorldModel

Make = Callable[..., CorpusConversation]


@pytest.fixture
def three(conversation: Make) -> list[CorpusConversation]:
    return [
        conversation(["a b", "c", "", "d e f"], [1, 1, 2, 1], [0.0, 9.0, 1809.0, 3610.0]),
        conversation(["x"], [5], [0.0]),
        conversation(["x", "y"], [1, 2]),
    ]


def test_by_hand(three: list[CorpusConversation]) -> None:
    found, left_out = corpus_pacing(three)
    assert left_out == 0
    assert found.gaps_s.tolist() == [9.0, 1800.0, 1801.0]  # none from the conversation without times
    assert found.session_messages.tolist() == [3.0, 1.0, 1.0]  # cut only where the gap is longer than 1,800 s
    assert found.run_messages.tolist() == [2.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert found.alternation.tolist() == [pytest.approx(2 / 3), 1.0]
    assert found.words.tolist() == [2.0, 1.0, 0.0, 3.0, 1.0, 1.0, 1.0]
    assert found.messages.tolist() == [4.0, 1.0, 2.0]


def test_chunks_of_the_corpus_change_nothing(three: list[CorpusConversation], monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = corpus_pacing(three)
    monkeypatch.setattr("simharness.corpora.pacing._CONVERSATIONS", 1)
    single, _ = corpus_pacing(three)
    assert all(np.array_equal(getattr(whole, name), getattr(single, name)) for name in whole.__slots__)


def test_conversations_with_a_predator_are_left_out(conversation: Make) -> None:
    found, left_out = corpus_pacing([conversation(["x", "y"], predators={0}), conversation(["x"], predators=())])
    assert left_out == 1 and found.messages.tolist() == [1.0]


def test_distances(three: list[CorpusConversation]) -> None:
    one, _ = corpus_pacing(three)
    gaps, *_ = compare(replace(one, gaps_s=np.array([0.0, 9.0])), replace(one, gaps_s=np.array([99.0, 999.0])))
    assert gaps.kolmogorov_smirnov == 1.0
    assert gaps.wasserstein == pytest.approx(2.0)  # 0, 1 against 2, 3 on the log scale
    assert gaps.corpus == pytest.approx((0.9, 4.5, 8.1)) and gaps.unit == "s"
    for row in compare(one, one):
        assert (row.kolmogorov_smirnov, row.wasserstein) == (0.0, 0.0)
    longer = replace(one, messages=one.messages + 5.0)
    assert compare(one, longer)[-1].wasserstein == pytest.approx(5.0)


def test_an_empty_side_is_undefined(three: list[CorpusConversation]) -> None:
    one, _ = corpus_pacing(three)
    for row in compare(corpus_pacing([])[0], one):
        assert (row.corpus, row.kolmogorov_smirnov, row.wasserstein, row.n_corpus) == (None, None, None, 0)


def test_the_synthetic_side_is_harmless_and_in_wall_time(model: WorldModel) -> None:
    found = synthetic_pacing(model, 1000)
    assert 900 < found.messages.size < 1100 and found.messages.min() >= 1
    assert found.gaps_s.size == found.messages.sum() - found.messages.size
    assert (found.gaps_s >= 0).all()
    world = World(model, derive_seed(model.scenario.seed, "pacing"))
    waking = 0.0
    for view in (batch.view for batch in world.batches(benign_sample(world, 1000))):
        waking += float((view.time_s[view.end - 1] - view.time_s[view.begin]).sum())
    # Over many days the nights between add their share of the day.
    assert found.gaps_s.sum() / waking == pytest.approx(86_400.0 / model.clock.lasts_s, rel=0.02)
    assert found.session_messages.sum() == found.run_messages.sum() == found.messages.sum() == found.words.size
    assert 3 < found.words.mean() < 10
