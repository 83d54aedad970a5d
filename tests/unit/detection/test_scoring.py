"""Scores come from one table, refuse what cannot be used, and do not depend on how conversations are batched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simharness.detection.faults import DetectorFailed
from simharness.detection.scoring import Scorer, bind, build_detectors
from simharness.errors import UsageError
from simharness.records import ConversationBatch
from simharness.scenario.detector import Aggregator, DetectorSpec
from simharness.world.contacts import Contacts
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel

NAMES = ["keyword", "text_model", "behaviour", "bayes_bound", "length_only", "never", "always"]
LAST = DetectorSpec(use="mine", aggregator=Aggregator(kind="last"))


class Fixed:
    """A message detector that gives what it was told."""

    abstains = True  # nan is meant

    def __init__(self, values: Callable[[int], Any]) -> None:
        self.values = values

    def score(self, texts: Sequence[str]) -> Any:
        return self.values(len(texts))


class FixedRisk:
    """A conversation detector that gives what it was told."""

    abstains = True  # nan is meant

    def __init__(self, values: Callable[[int], Any]) -> None:
        self.values = values

    def risk(self, batch: ConversationBatch) -> Any:
        return self.values(batch.symbol.size)


def texts_of(model: WorldModel) -> tuple[str, ...]:
    return model.phrasebooks["use"].texts


@pytest.fixture(scope="session")
def mixed(small: WorldModel, whole: Callable[[World, Contacts], Batch]) -> ConversationBatch:
    """A few hundred conversations of both kinds."""
    world = World(small, 5)
    parts = [world.grooming_contacts(np.arange(60, dtype=np.uint64)), next(world.benign_contacts(0.001))]
    views = [whole(world, part).view for part in parts]
    assert all(len(view) > 50 for view in views)
    columns = {
        name: np.concatenate([getattr(view, name) for view in views])
        for name in ("symbol", "time_s", "platform", "declared_adult", "new_contacts_7d")
    }
    shift = views[0].symbol.size
    for name in ("begin", "end"):
        columns[name] = np.concatenate([getattr(views[0], name), getattr(views[1], name) + shift])
    return ConversationBatch(views[0].texts, **columns)


def part(batch: ConversationBatch, rows: slice) -> ConversationBatch:
    """Some conversations of a batch, as a batch of their own that begins at its first message."""
    begin, end = batch.begin[rows], batch.end[rows]
    own = slice(int(begin[0]), int(end[-1]))
    rest = {name: getattr(batch, name)[rows] for name in ("platform", "declared_adult", "new_contacts_7d")}
    return replace(
        batch, symbol=batch.symbol[own], time_s=batch.time_s[own], begin=begin - begin[0], end=end - begin[0], **rest
    )


@pytest.mark.parametrize("name", ["keyword", "text_model", "never", "always"])
def test_the_table_scores_as_if_every_message_were_read(
    name: str, scorers: dict[str, Scorer], mixed: ConversationBatch
) -> None:
    scorer, some = scorers[name], part(mixed, slice(90, 150))
    read = scorer.detector.score([some.text(j) for j in range(some.symbol.size)])  # type: ignore[union-attr]
    assert some.symbol.size > 1000 and np.array_equal(scorer.scores(some), read, equal_nan=True)
    if name in ("keyword", "text_model"):
        assert np.unique(read).size > 1


@pytest.mark.parametrize("name", ["behaviour", "bayes_bound", "length_only"])
def test_a_reader_of_conversations_has_no_table(
    name: str, scorers: dict[str, Scorer], mixed: ConversationBatch
) -> None:
    scorer = scorers[name]
    assert scorer.table is None
    assert np.array_equal(scorer.risk(mixed), scorer.detector.risk(mixed), equal_nan=True)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", NAMES)
def test_risk_and_crossings_do_not_depend_on_the_batch(
    name: str, scorers: dict[str, Scorer], mixed: ConversationBatch
) -> None:
    scorer = scorers[name]
    risk, peaks = scorer.risk(mixed).copy(), scorer.peaks(mixed)
    # Levels at risks that occur, so that the last bit of any risk decides a crossing.
    levels = np.unique(risk[np.isfinite(risk)][::97])
    together = scorer.crossings(mixed, levels)
    assert (together >= 0).any() or name == "never"
    for size in (1, 7, 64):
        parts = [part(mixed, slice(first, first + size)) for first in range(0, len(mixed), size)]
        assert np.array_equal(np.concatenate([scorer.risk(some).copy() for some in parts]), risk, equal_nan=True)
        assert np.array_equal(np.concatenate([scorer.crossings(some, levels) for some in parts]), together)
        assert np.array_equal(np.concatenate([scorer.peaks(some) for some in parts]), peaks)


@pytest.mark.parametrize("name", NAMES)
def test_crossings_of_a_world_do_not_depend_on_its_batch_size(
    name: str, scorers: dict[str, Scorer], small: WorldModel
) -> None:
    contacts = World(small, 6).grooming_contacts(np.arange(40, dtype=np.uint64))
    levels = np.array([-3.0, 0.0, 0.05, 0.1, 0.3, 1.0, 2.0, 30.0], np.float32)
    worlds = [World(small, 6, batch_size=size) for size in (3, 50, 2000)]
    found = [
        np.concatenate([scorers[name].crossings(batch.view, levels) for batch in world.batches(contacts)])
        for world in worlds
    ]
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_crossing_is_the_first_message_at_the_level(scorers: dict[str, Scorer], mixed: ConversationBatch) -> None:
    crossed = scorers["length_only"].crossings(mixed, np.array([1.0, 10.0, 10.5], np.float32))
    long = mixed.end - mixed.begin
    assert crossed[:, 0].tolist() == [0] * len(mixed)
    assert np.array_equal(crossed[:, 1], np.where(long >= 10, 9, -1))
    assert np.array_equal(crossed[:, 2], np.where(long >= 11, 10, -1))


def test_an_empty_conversation_crosses_nothing(scorers: dict[str, Scorer], mixed: ConversationBatch) -> None:
    # What a new platform has seen of a conversation that moved to it and then stopped.
    one = part(mixed, slice(0, 1))
    none = replace(one, symbol=one.symbol[:0], time_s=one.time_s[:0], end=np.zeros(1, np.int64))
    for scorer in scorers.values():
        assert scorer.crossings(none, np.array([-5.0, 0.0], np.float32)).tolist() == [[-1, -1]]
        assert scorer.peaks(none).tolist() == [-np.inf]


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        (lambda n: np.zeros(n - 1), "({less},)"),
        (lambda n: np.zeros((n, 1)), "({n}, 1)"),
        (lambda n: 0.0, "()"),
        (lambda n: [], "(0,)"),
    ],
)
def test_one_number_for_each(
    values: Callable[[int], Any], shape: str, small: WorldModel, mixed: ConversationBatch
) -> None:
    texts = len(small.phrasebooks["use"].texts)
    with pytest.raises(DetectorFailed) as caught:
        bind("mine", LAST, Fixed(values), texts_of(small))
    expected = shape.format(n=texts, less=texts - 1)
    said = f"expected one number for each of {texts} texts, got shape {expected}"
    assert str(caught.value) == f"detector mine: {said} (wrong length)"
    with pytest.raises(DetectorFailed, match=rf"detector mine: .* {mixed.symbol.size} messages, got shape"):
        bind("mine", LAST, FixedRisk(values), texts_of(small)).risk(mixed)


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_infinity_is_refused(infinite: float, small: WorldModel, mixed: ConversationBatch) -> None:
    def one_infinite(n: int) -> NDArray[np.float64]:
        return np.where(np.arange(n) == 3, infinite, 0.0)

    with pytest.raises(
        DetectorFailed, match=r"detector mine: of \d+ texts, 1 are infinite; allowed: finite numbers, or null"
    ):
        bind("mine", LAST, Fixed(one_infinite), texts_of(small))
    with pytest.raises(DetectorFailed, match=r"detector mine: of \d+ messages, 1 are infinite"):
        bind("mine", LAST, FixedRisk(one_infinite), texts_of(small)).risk(mixed)
    assert DetectorFailed.exit_code == 3


def test_nan_abstains(small: WorldModel, mixed: ConversationBatch) -> None:
    """Scoring only some texts: the risk stays where the last scored message left it, and begins at nothing."""
    scored = np.arange(len(small.phrasebooks["use"].texts)) % 3 == 0
    scorer = bind("mine", LAST, Fixed(lambda n: np.where(scored, np.arange(n), np.nan)), texts_of(small))
    risk = scorer.risk(mixed)
    for begin, end in zip(mixed.begin[:40], mixed.end[:40], strict=True):
        last = -np.inf
        for j in range(begin, end):
            last = float(mixed.symbol[j] >> 1) if scored[mixed.symbol[j] >> 1] else last
            assert risk[j] == last


def test_a_detector_that_always_abstains_never_alerts(small: WorldModel, mixed: ConversationBatch) -> None:
    for silent in (Fixed(lambda n: np.full(n, np.nan)), FixedRisk(lambda n: np.full(n, np.nan))):
        scorer = bind("mine", LAST, silent, texts_of(small))
        lowest = np.array([np.finfo(np.float32).min], np.float32)
        assert (scorer.crossings(mixed, lowest) == -1).all() and (scorer.peaks(mixed) == -np.inf).all()


def test_a_detector_that_cannot_be_made_is_named_as_the_scenario_does(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match=r"^detectors\.words: unknown detector 'keywrod'"):
        build_detectors({"words": DetectorSpec(use="keywrod")}, tmp_path)
    whole_list = DetectorSpec(use="detectors.keyword:Keyword", options={"coverage": 1.0})
    made = build_detectors({"words": whole_list}, tmp_path)
    assert made["words"].coverage == 1.0
