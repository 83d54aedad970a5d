"""What every detector that comes with simharness promises: the past only, the same bits, each conversation by itself.

Opt-outs are by name and say why.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import always
from simharness.detection.protocol import ConversationDetector, MessageDetector
from simharness.detection.rows import first_messages, place_of, take_rows
from simharness.detection.scoring import Scorer
from simharness.records import ConversationBatch
from simharness.scenario.model import Scenario
from simharness.streams import uniform
from simharness.world.model import WorldModel

OFF_THE_SHELF = ("profanity", "sentiment")  # not among the flagship's detectors
NAMES = ["keyword", "text_model", "behaviour", "bayes_bound", "length_only", "never", "always", *OFF_THE_SHELF]
ELSEWHERE = {
    "sentence_embedding": "needs an extra, and a minute for a phrasebook: tests/unit/detectors holds the same promises",
    "roblox_sentinel": "is not on PyPI: tests/unit/detectors runs it with a stand-in",
}
READS_TEXT_BY_NUMBER = {"bayes_bound": "it is told the grammar, which numbers the texts"}
PER_CONVERSATION = ("platform", "declared_adult", "new_contacts_7d")

every = pytest.mark.parametrize("name", NAMES)


def same(left: NDArray[np.float32], right: NDArray[np.float32]) -> bool:
    return np.array_equal(left, right, equal_nan=True)


def test_no_built_in_detector_is_left_out(flagship: object, scorers: dict[str, Scorer]) -> None:
    scenario: Scenario = flagship.scenario  # type: ignore[attr-defined]
    files = Path(always.__file__).parent.glob("[!_]*.py")
    assert sorted(scorers) == sorted(NAMES) and {*NAMES, *ELSEWHERE} == {file.stem for file in files}
    assert {spec.use for spec in scenario.detectors.values()} == {*NAMES} - {*OFF_THE_SHELF}


@every
@pytest.mark.parametrize("cut", [1, 2, 9, 30])
def test_only_the_past_is_read(name: str, cut: int, scorers: dict[str, Scorer], grooming: ConversationBatch) -> None:
    scorer, past = scorers[name], place_of(grooming) < cut
    risk = scorer.risk(grooming).copy()
    assert same(scorer.risk(first_messages(grooming, cut)), risk[past])
    draw = uniform(2, "test.future", np.arange(past.size))
    other = (draw * 2 * len(grooming.texts)).astype(np.uint16)
    scrambled = replace(
        grooming,
        symbol=np.where(past, grooming.symbol, other).astype(np.uint16),
        time_s=np.where(past, grooming.time_s, grooming.time_s + 1e6 * draw),
    )
    assert same(scorer.risk(scrambled)[past], risk[past])


@every
def test_it_is_deterministic(
    name: str, make_scorers: Callable[[], dict[str, Scorer]], scorers: dict[str, Scorer], grooming: ConversationBatch
) -> None:
    risk = scorers[name].risk(grooming).copy()
    assert same(scorers[name].risk(grooming), risk), "asked twice"
    assert same(make_scorers()[name].risk(grooming), risk), "made and trained again"


@every
def test_the_order_of_conversations_is_irrelevant(
    name: str, scorers: dict[str, Scorer], grooming: ConversationBatch
) -> None:
    risk = scorers[name].risk(grooming).copy()
    order = np.argsort(uniform(3, "test.order", np.arange(len(grooming))))
    shuffled, source = take_rows(grooming, order)
    assert same(scorers[name].risk(shuffled), risk[source])


@every
def test_other_conversations_are_irrelevant(name: str, scorers: dict[str, Scorer], grooming: ConversationBatch) -> None:
    risk = scorers[name].risk(grooming).copy()
    for row in range(0, len(grooming), 20):
        alone, source = take_rows(grooming, np.array([row]))
        assert same(scorers[name].risk(alone), risk[source])


@every
def test_numbers_of_texts_and_platforms_are_irrelevant(
    name: str, scorers: dict[str, Scorer], grooming: ConversationBatch
) -> None:
    """A name is a name: texts, platforms and conversations may be numbered in any way."""
    scorer = scorers[name]
    risk = scorer.risk(grooming).copy()
    assert same(scorer.risk(replace(grooming, platform=grooming.platform + np.uint8(7))), risk)
    if name in READS_TEXT_BY_NUMBER:
        return
    order = np.argsort(uniform(4, "test.texts", np.arange(len(grooming.texts))))
    texts = tuple(grooming.texts[i] for i in order)
    number = np.argsort(order)[grooming.symbol >> 1]
    renamed = replace(grooming, texts=texts, symbol=(number * 2 + (grooming.symbol & 1)).astype(np.uint16))
    if isinstance(scorer.detector, MessageDetector):
        again = np.repeat(np.asarray(scorer.detector.score(texts), np.float32), 2)
        scorer = Scorer(name, scorer.detector, scorer.aggregator, again)
    assert same(scorer.risk(renamed), risk)


@every
def test_risk_is_finite_or_it_abstains(
    name: str, scorers: dict[str, Scorer], small: WorldModel, grooming: ConversationBatch
) -> None:
    detector, texts = scorers[name].detector, small.phrasebooks["use"].texts
    if isinstance(detector, MessageDetector):
        given = np.asarray(detector.score(texts))
        assert given.shape == (len(texts),)
    else:
        assert isinstance(detector, ConversationDetector)
        given = np.asarray(detector.risk(grooming))
        assert given.shape == grooming.symbol.shape
    assert given.dtype == np.float32 and not np.isinf(given).any()
    assert np.isnan(given).all() == (name == "never")


@every
def test_conversations_of_one_message_and_of_none(
    name: str, scorers: dict[str, Scorer], grooming: ConversationBatch
) -> None:
    risk = scorers[name].risk(grooming).copy()
    one = first_messages(grooming, 1)
    assert one.symbol.size == len(one)
    found = scorers[name].risk(one).copy()
    assert same(found, risk[grooming.begin]) and not np.isposinf(found).any()
    # A conversation that moved to another platform and ended there: the new platform has seen nothing of it.
    twice = {column: np.repeat(getattr(one, column), 2) for column in PER_CONVERSATION}
    begin, end = np.column_stack([one.begin, one.end]).ravel(), np.repeat(one.end, 2)
    assert same(scorers[name].risk(replace(one, begin=begin, end=end, **twice)), found)
    nothing = replace(one, symbol=one.symbol[:0], time_s=one.time_s[:0], begin=one.begin * 0, end=one.end * 0)
    assert scorers[name].risk(nothing).size == 0


@every
def test_what_it_is_given_stays_as_it_was(name: str, scorers: dict[str, Scorer], grooming: ConversationBatch) -> None:
    before = {column.name: np.array(getattr(grooming, column.name)) for column in fields(grooming)}
    scorers[name].risk(grooming)
    for column, value in before.items():
        assert np.array_equal(getattr(grooming, column), value), column


@every
def test_its_card_says_what_it_reads_and_what_its_score_means(name: str, scorers: dict[str, Scorer]) -> None:
    card = " ".join((importlib.import_module(f"detectors.{name}").__doc__ or "").split())
    for entry in ("input:", "score:", "direction: higher is riskier", "source:"):
        assert entry in card
    assert type(scorers[name].detector).__doc__
