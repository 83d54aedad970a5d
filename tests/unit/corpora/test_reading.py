"""Detectors read a corpus: each where it first alerts, whatever the chunks, and nothing of the text gets out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from simharness.corpora.batches import MOST_TEXTS, chunks
from simharness.corpora.measures import failures
from simharness.corpora.reading import CorpusReading, Failure, read_corpus, readers
from simharness.corpora.records import Corpus, CorpusConversation
from simharness.detection.answers import Declared
from simharness.detection.faults import DetectorFailed
from simharness.detection.guard import Guard
from simharness.detection.levels import Levels
from simharness.detection.scoring import Scorer
from simharness.records import ConversationBatch
from simharness.scenario.detector import Aggregator, DetectorSpec

SECRET = "velmo tarin sedda"
Make = Callable[..., CorpusConversation]
MAX = Aggregator(kind="max")


class Counting:
    """Scores a text by its number of words; remembers what it was asked. The word "unsure" makes it abstain."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def score(self, texts: Sequence[str]) -> Any:
        self.asked.append(list(texts))
        return np.array([np.nan if "unsure" in text else len(text.split()) for text in texts], np.float32)


class Following:
    """Risk of a message: what it was given does, on the batch."""

    def __init__(self, does: Callable[[ConversationBatch], Any]) -> None:
        self.does = does

    def risk(self, batch: ConversationBatch) -> Any:
        return self.does(batch)


def scorer(detector: Any, aggregator: Aggregator = MAX) -> Scorer:
    guard = Guard("mine", DetectorSpec(use="mine"), Declared(abstains=True))
    return Scorer("mine", detector, aggregator, None, guard, getattr(detector, "privileged", False))


def read(
    conversations: Sequence[CorpusConversation], level: Callable[[float], Levels], at: float, **detectors: Any
) -> CorpusReading:
    scorers = {name: scorer(each) for name, each in detectors.items()}
    return read_corpus(Corpus("made", iter(conversations)), scorers, {name: level(at) for name in scorers})


def test_where_it_first_alerts(conversation: Make, level: Callable[[float], Levels]) -> None:
    detector = Counting()
    given = [
        conversation(["a", "a b c", "a b c d"], key="1"),
        conversation(["a", "a", "unsure a b c d", "a"], [7, 7, 8, 9], predators=None, key="2"),
        conversation(["a b c d"], [9], key="3"),
    ]
    found = read(given, level, 3.0, mine=detector)
    reading = found.detectors["mine"]
    assert reading.place.tolist() == [1, -1, 0] and reading.unscored.tolist() == [0, 1, 0]
    assert reading.named.tolist() == [1, -1, 9]  # who wrote the message that alerted
    assert found.messages.tolist() == [3, 4, 1]
    assert (found.positive, found.authors, found.left_out) == (None, 5, {})
    assert len(detector.asked) == 1 and sorted(detector.asked[0]) == sorted({*given[0].texts, *given[1].texts})


def test_the_aggregator_is_the_scenarios(conversation: Make, level: Callable[[float], Levels]) -> None:
    texts = ["a b c"] * 5
    sums = scorer(Counting(), Aggregator(kind="cusum", reference=1.0))
    found = read_corpus(Corpus("made", iter([conversation(texts)])), {"m": sums}, {"m": level(8.0)})
    assert found.detectors["m"].place.tolist() == [3]  # 2, 4, 6, 8


def test_a_batch_says_what_is_known_and_no_more(conversation: Make) -> None:
    given = [conversation(["x", "y", "x"], [4, 2, 3], [0.0, 5.0, 9.0], key="1"), conversation(["y"], [2], key="2")]
    (chunk,) = chunks(given)
    batch = chunk.batch
    assert batch.texts == ("x", "y") and [batch.text(j) for j in range(4)] == ["x", "y", "x", "y"]
    assert (batch.symbol & 1).tolist() == [0, 1, 1, 0]  # 0: who wrote first
    assert batch.time_s[:3].tolist() == [0.0, 5.0, 9.0] and np.isnan(batch.time_s[3])
    assert batch.begin.tolist() == [0, 3] and batch.end.tolist() == [3, 4]
    assert not batch.declared_adult.any() and not batch.new_contacts_7d.any()
    assert batch.key[0] != batch.key[1] and batch.key.max() < 2**52
    assert SECRET not in repr(next(chunks([conversation([SECRET])])))


@pytest.mark.parametrize("most", [1, 2, 3, 1000])
def test_chunks_change_nothing(conversation: Make, most: int) -> None:
    given = [conversation([f"t{n % 3}", f"t{n % 4}"] if most > 1 else [f"t{n % 3}"], key=str(n)) for n in range(20)]
    parts = list(chunks(given, most))
    assert [each for part in parts for each in part.conversations] == given
    assert all(len(part.batch.texts) <= most for part in parts)
    for part in parts:
        texts = [part.batch.text(j) for j in range(part.batch.symbol.size)]
        assert texts == [text for each in part.conversations for text in each.texts]


def test_the_largest_table_of_texts_still_fits(conversation: Make, level: Callable[[float], Levels]) -> None:
    most = [f"t{n}" for n in range(MOST_TEXTS)]
    given = [conversation(most, [0] * MOST_TEXTS), conversation([*most, "one more"]), conversation([])]
    seen: list[str] = []

    def look(batch: ConversationBatch) -> Any:
        seen.append(batch.text(batch.symbol.size - 1))
        return np.zeros(batch.symbol.size)

    found = read(given, level, 1.0, mine=Following(look))
    assert seen == [most[-1]] and found.messages.tolist() == [MOST_TEXTS]
    assert found.left_out == {"with more than 32,768 different texts": 1, "without a message": 1}


def test_unknown_times_are_nan_to_a_detector_and_it_may_abstain(
    conversation: Make, level: Callable[[float], Levels]
) -> None:
    found = read([conversation(["x"] * 3)], level, 1.0, mine=Following(lambda batch: batch.time_s))
    assert found.detectors["mine"].place.tolist() == [-1] and found.detectors["mine"].unscored.tolist() == [3]


def test_labels(conversation: Make, level: Callable[[float], Levels]) -> None:
    given = [conversation(["a"], [3], predators={3}), conversation(["a", "b"], [1, 3], predators=())]
    found = read(given, level, 1.0, mine=Counting())
    assert found.positive is not None and found.positive.tolist() == [True, False]
    assert found.predators == {3} and found.authors == 2


def raising(error: Exception) -> Callable[[ConversationBatch], Any]:
    def does(batch: ConversationBatch) -> Any:
        raise error

    return does


@pytest.mark.parametrize(
    ("does", "failure"),
    [
        (raising(ValueError(f"cannot read {SECRET}")), Failure("exception", "ValueError")),
        (raising(DetectorFailed("hang", f"no answer to {SECRET}")), Failure("hang", "DetectorFailed")),
        (lambda batch: np.zeros(1), Failure("wrong_length", "DetectorFailed")),
        (lambda batch: np.full(batch.symbol.size, np.inf), Failure("infinite", "DetectorFailed")),
        (lambda batch: batch.texts, Failure("wrong_length", "DetectorFailed")),
    ],
)
def test_one_that_fails_is_named_by_type_alone(
    conversation: Make, level: Callable[[float], Levels], does: Any, failure: Failure, capfd: pytest.CaptureFixture[str]
) -> None:
    given = [conversation([SECRET, "a"], key=str(n)) for n in range(3)]
    found = read(given, level, 3.0, bad=Following(does), good=Counting())
    assert found.detectors["bad"].failure == failure
    assert found.detectors["good"].place.tolist() == [0, 0, 0]
    assert SECRET not in repr(found) + repr(failures(found)) + "".join(capfd.readouterr())


def test_an_interrupt_is_no_fault_of_the_detector(conversation: Make, level: Callable[[float], Levels]) -> None:
    error = SystemError("in a kernel")
    error.__cause__ = KeyboardInterrupt()
    for each in (error, KeyboardInterrupt()):
        with pytest.raises(KeyboardInterrupt):
            read([conversation(["a"])], level, 1.0, mine=Following(raising(each)))  # type: ignore[arg-type]


def test_a_privileged_detector_is_not_asked() -> None:
    told, plain = Counting(), Counting()
    told.privileged = True  # type: ignore[attr-defined]
    kept, left = readers({"told": scorer(told), "plain": scorer(plain)})
    assert list(kept) == ["plain"] and left == ["told"]
