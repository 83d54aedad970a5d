"""A fault of a detector becomes what ``on_error`` says: its failure, an abstention, or another try."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from simharness.detection import guard as module
from simharness.detection.answers import Answer, Declared
from simharness.detection.faults import FAULT_KINDS, DetectorFailed, Fault, FaultKind
from simharness.detection.guard import GIVE_UP, Guard
from simharness.scenario.detector import DetectorSpec

NAN = float("nan")
TEXTS = [f"t{n}" for n in range(8)]


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds the guard would have waited, one number a wait; nobody waits."""
    waits: list[float] = []
    monkeypatch.setattr(module.time, "sleep", waits.append)
    return waits


def guard_of(on_error: str, declared: Declared | None = None, **more: Any) -> Guard:
    spec = DetectorSpec.model_validate({"use": "mine", "on_error": on_error, **more})
    return Guard("mine", spec, declared or Declared(range=(0.0, 10.0)))


class Question:
    """Answers with what it was given, one after the other, the last for ever; a fault is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = answers, 0

    def __call__(self) -> Any:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


def fault(kind: FaultKind = "exception", problem: str = "no") -> DetectorFailed:
    return DetectorFailed(kind, problem)


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_fail_passes_every_kind_on_under_the_detectors_name(kind: FaultKind, slept: list[float]) -> None:
    guard, question = guard_of("fail"), Question(fault(kind))
    with pytest.raises(DetectorFailed) as caught:
        guard.ask(question, 2, "messages")
    assert (caught.value.kind, caught.value.detector, question.asked, slept) == (kind, "mine", 1, [])
    assert str(caught.value) == f"detector mine: no ({kind.replace('_', ' ')})"
    assert guard.faults() == [Fault("mine", kind, "failed", 1, 0, "no")]


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_abstain_takes_every_kind_as_no_score(kind: FaultKind, slept: list[float]) -> None:
    guard = guard_of("abstain")
    assert np.isnan(guard.ask(Question(fault(kind)), 2, "messages")).tolist() == [True, True]
    assert guard.faults() == [Fault("mine", kind, "abstained", 1, 2, "no")] and slept == []


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_retry_asks_again_after_every_kind(kind: FaultKind, slept: list[float]) -> None:
    guard, question = guard_of("retry"), Question(fault(kind), fault(kind), [1, 2])
    assert guard.ask(question, 2, "messages").tolist() == [1.0, 2.0] and question.asked == 3
    assert guard.faults() == [Fault("mine", kind, "retried", 1, 0, "no")]
    assert slept == pytest.approx([0.1, 0.2])


def test_retry_gives_up_after_as_many_as_the_scenario_says_and_waits_longer_each_time(slept: list[float]) -> None:
    guard, question = guard_of("retry", retries=8), Question(fault(), fault("hang", "late"))
    with pytest.raises(DetectorFailed, match=r"^detector mine: late \(hang\)$"):  # the last one
        guard.ask(question, 2, "messages")
    assert question.asked == 9
    assert slept == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
    assert guard.faults() == [Fault("mine", "hang", "failed", 1, 0, "late")]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ([1, NAN, 3], "nan"),
        ([1, np.inf, 3], "infinite"),
        ([1, 11, 3], "out_of_range"),
        ([1, 2], "wrong_length"),
        (["a", "b", "c"], "garbage"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_fault_like_any_other(answer: Any, kind: str) -> None:
    with pytest.raises(DetectorFailed) as caught:
        guard_of("fail").ask(Question(answer), 3, "messages")
    assert caught.value.kind == kind and caught.value.detector == "mine"
    again = guard_of("retry")
    assert again.ask(Question(answer, [1, 2, 3]), 3, "messages").tolist() == [1, 2, 3]
    assert [(each.kind, each.effect) for each in again.faults()] == [(kind, "retried")]
    silent = guard_of("abstain")
    whole = kind in ("wrong_length", "garbage")
    values = silent.ask(Question(answer), 3, "messages")
    assert np.isnan(values).tolist() == [whole, True, whole]
    found = silent.faults()
    assert [(each.kind, each.effect, each.unscored) for each in found] == [(kind, "abstained", 3 if whole else 1)]


def test_honest_abstentions_are_no_fault_and_not_counted_with_one() -> None:
    guard = guard_of("abstain")
    assert np.isnan(guard.ask(Question([None, 1, None]), 3, "messages")).tolist() == [True, False, True]
    assert guard.faults() == []
    guard.ask(Question([None, NAN, None]), 3, "messages")
    guard.ask_texts(lambda texts: [None, NAN, 1.0, 99.0], TEXTS[:4])
    found = guard.faults()
    assert [(each.kind, each.times, each.unscored) for each in found] == [("nan", 2, 1 + 2)]


def test_the_book_is_emptied_by_reading_it_and_adds_up_by_kind_and_effect() -> None:
    guard = guard_of("abstain")
    for question in (Question(fault("hang", "first")), Question([NAN, 1]), Question(fault("hang", "second"))):
        guard.ask(question, 2, "messages")
    found = guard.faults()
    assert found[0] == Fault("mine", "hang", "abstained", 2, 4, "first")
    assert (found[1].kind, found[1].times, found[1].unscored) == ("nan", 1, 1) and len(found) == 2
    assert guard.faults() == []


def test_three_unanswered_in_a_row_are_enough_until_the_next_cell() -> None:
    guard, dead = guard_of("abstain"), Question(fault("hang", "late"))
    for _ in range(10):
        assert np.isnan(guard.ask(dead, 2, "messages")).all()
    assert dead.asked == GIVE_UP == 3
    assert guard.faults() == [Fault("mine", "hang", "abstained", 10, 20, "late")]
    guard.ask(dead, 2, "messages")  # another cell
    assert dead.asked == 4


def test_what_is_not_asked_any_more_keeps_the_kind_and_says_so() -> None:
    guard = guard_of("abstain")
    for kind in ("hang", "crash", "crash", "exception"):
        guard.ask(Question(fault(kind)), 1, "messages")
    found = {each.kind: each for each in guard.faults()}
    assert set(found) == {"hang", "crash"} and found["crash"].times == 3  # the fourth was never asked


def test_an_answer_in_between_begins_the_count_anew() -> None:
    guard, question = guard_of("abstain"), Question(fault(), fault(), [NAN], fault(), fault(), [1], fault())
    for _ in range(7):
        guard.ask(question, 1, "messages")
    assert question.asked == 7


class Texts:
    """Scores a text by its number; raises where one of ``bad`` is among those asked."""

    def __init__(self, *bad: str, kind: FaultKind = "exception") -> None:
        self.bad, self.kind = set(bad), kind
        self.asked: list[int] = []

    def __call__(self, texts: Sequence[str]) -> list[float]:
        self.asked.append(len(texts))
        if self.bad & set(texts):
            raise fault(self.kind)
        return [float(text[1:]) for text in texts]


def test_only_the_text_that_fails_counts_as_not_scored() -> None:
    guard, score = guard_of("abstain"), Texts("t5")
    found = guard.ask_texts(score, TEXTS)
    assert np.array_equal(found, [0, 1, 2, 3, 4, NAN, 6, 7], equal_nan=True)
    assert score.asked == [8, 4, 4, 2, 1, 1, 2]
    assert guard.faults() == [Fault("mine", "exception", "abstained", 1, 1, "no")]


def test_several_texts_that_fail_are_each_found() -> None:
    guard = guard_of("abstain")
    assert np.isnan(guard.ask_texts(Texts("t0", "t3", "t7"), TEXTS)).nonzero()[0].tolist() == [0, 3, 7]
    assert guard.faults() == [Fault("mine", "exception", "abstained", 3, 3, "no")]


def test_the_search_ends_and_what_is_left_counts_as_not_scored() -> None:
    many = [f"t{n}" for n in range(4096)]
    guard, score = guard_of("abstain", Declared()), Texts(*many)
    assert np.isnan(guard.ask_texts(score, many)).all()
    assert len(score.asked) < 300
    (found,) = guard.faults()
    assert found.unscored == 4096


@pytest.mark.parametrize("kind", [kind for kind in FAULT_KINDS if kind != "exception"])
def test_texts_are_not_searched_for_where_no_text_can_be_the_cause(kind: FaultKind) -> None:
    """A detector that hangs or crashes is not asked a hundred times."""
    guard, score = guard_of("abstain"), Texts("t5", kind=kind)
    assert np.isnan(guard.ask_texts(score, TEXTS)).all() and score.asked == [8]
    assert guard.faults() == [Fault("mine", kind, "abstained", 1, 8, "no")]


def test_numbers_that_cannot_be_used_are_no_reason_to_search() -> None:
    guard, asked = guard_of("abstain"), []

    def score(texts: Sequence[str]) -> list[float]:
        asked.append(len(texts))
        return [1, NAN, 3, 99, 5, 6, 7, 8]

    assert np.isnan(guard.ask_texts(score, TEXTS)).nonzero()[0].tolist() == [1, 3] and asked == [8]


@pytest.mark.parametrize("on_error", ["fail", "retry"])
def test_texts_are_asked_as_a_whole_where_it_may_not_abstain(on_error: str) -> None:
    guard, score = guard_of(on_error, retries=2), Texts("t5")
    with pytest.raises(DetectorFailed, match=r"^detector mine: no"):
        guard.ask_texts(score, TEXTS)
    assert score.asked == [8] * (3 if on_error == "retry" else 1)


@pytest.mark.parametrize("on_error", ["fail", "abstain", "retry"])
def test_scores_are_turned_where_low_ones_are_the_risky_ones(on_error: str) -> None:
    low = Declared(range=(0.0, 10.0), direction="lower")
    answer = Answer(np.array([1.0, 9.0], np.float32), np.array([False, False]))
    assert guard_of(on_error, low).ask(Question(answer), 2, "messages").tolist() == [-1.0, -9.0]
    assert guard_of(on_error, low).ask_texts(lambda texts: [1, 9], TEXTS[:2]).tolist() == [-1.0, -9.0]
    stream = guard_of(on_error, low).ask_stream(lambda: [(Question([1]), 1), (Question([9]), 1)], "events")
    assert stream.tolist() == [-1.0, -9.0]


def stream_of(*watchers: Sequence[Any]) -> tuple[Callable[[], Iterator[tuple[Callable[[], Any], int]]], list[str]]:
    """Questions of a stream, two events each; the n-th time it is begun, the n-th watcher answers. And what was
    asked: "begin", and the answers given.
    """
    log: list[str] = []
    begun = iter(watchers)

    def questions() -> Iterator[tuple[Callable[[], Any], int]]:
        log.append("begin")
        for answer in next(begun):
            yield (lambda answer=answer: (log.append(str(answer)), Question(answer)())[1]), 2

    return questions, log


def test_a_stream_is_answered_in_order() -> None:
    questions, log = stream_of([[1, 2], [3, None]])
    found = guard_of("fail").ask_stream(questions, "events")
    assert np.array_equal(found, [1, 2, 3, NAN], equal_nan=True) and log.count("begin") == 1
    assert guard_of("fail").ask_stream(lambda: [], "events").size == 0


def test_a_failing_stream_fails_at_once() -> None:
    guard = guard_of("fail")
    questions, log = stream_of([[1, 2], fault("crash"), [5, 6]])
    with pytest.raises(DetectorFailed, match=r"^detector mine: no \(crash\)$"):
        guard.ask_stream(questions, "events")
    assert log == ["begin", "[1, 2]", "no (crash)"]
    assert guard.faults() == [Fault("mine", "crash", "failed", 1, 0, "no")]


def test_a_stream_that_is_asked_again_begins_again(slept: list[float]) -> None:
    guard = guard_of("retry")
    questions, log = stream_of([[1, 2], fault("hang")], [[1, 2], [3, 99]], [[1, 2], [3, 4]])
    assert guard.ask_stream(questions, "events").tolist() == [1, 2, 3, 4]
    assert log.count("begin") == 3 and slept == pytest.approx([0.1, 0.2])
    (found,) = guard.faults()
    assert (found.kind, found.effect, found.times) == ("out_of_range", "retried", 1)


def test_a_stream_that_never_ends_well_fails() -> None:
    guard = guard_of("retry", retries=2)
    questions, log = stream_of(*[[[1, 2], fault("crash")]] * 3)
    with pytest.raises(DetectorFailed, match=r"^detector mine"):
        guard.ask_stream(questions, "events")
    assert log.count("begin") == 3
    assert guard.faults() == [Fault("mine", "crash", "failed", 1, 0, "no")]


def test_all_that_follows_a_fault_of_a_stream_is_not_scored() -> None:
    """The watcher has forgotten what it saw: what it would say from here on is not what it would have said."""
    guard = guard_of("abstain")
    questions, log = stream_of([[1, 2], fault("crash"), [5, 6], [7, 8]])
    assert np.array_equal(guard.ask_stream(questions, "events"), [1, 2] + [NAN] * 6, equal_nan=True)
    assert log == ["begin", "[1, 2]", "no (crash)"]
    assert guard.faults() == [Fault("mine", "crash", "abstained", 3, 6, "no")]


def test_a_fault_survives_the_way_to_another_process() -> None:
    there = pickle.loads(pickle.dumps(DetectorFailed("hang", "late", "mine")))
    assert (there.kind, there.problem, there.detector, str(there)) == (
        "hang",
        "late",
        "mine",
        "detector mine: late (hang)",
    )
