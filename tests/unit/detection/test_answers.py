"""What a detector may answer, and the name of what is wrong with anything else."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simharness.detection.answers import Answer, Declared, numbers, read, read_scores, usable
from simharness.detection.faults import DetectorFailed

ANY = Declared()
SHARE = Declared(range=(0.0, 1.0))
NAN = float("nan")
INF = float("inf")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([0.25, None, 1], [0.25, NAN, 1.0]),
        ((1, 2, 3), [1.0, 2.0, 3.0]),
        ([True, False, True], [1.0, 0.0, 1.0]),
        (np.array([True, False, True]), [1.0, 0.0, 1.0]),
        (np.array([1, 2, 3], np.uint8), [1.0, 2.0, 3.0]),
        (np.array([0.5, 1.5, 2.5], np.float16), [0.5, 1.5, 2.5]),
        (np.array([0.5, None, 2], object), [0.5, NAN, 2.0]),
        ([Decimal("0.5"), Decimal(1), Decimal(2)], [0.5, 1.0, 2.0]),
        ([None, None, None], [NAN, NAN, NAN]),
    ],
)
def test_numbers_of_any_kind_are_taken(answer: Any, expected: list[float]) -> None:
    found = numbers(answer, 3, "texts", ANY)
    assert found.dtype == np.float32 and np.array_equal(found, np.array(expected, np.float32), equal_nan=True)


def test_nothing_asked_is_answered_by_nothing() -> None:
    assert numbers([], 0, "texts", SHARE).shape == (0,)
    assert numbers(np.empty(0), 0, "texts", SHARE).shape == (0,)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        ([0.5, NAN, NAN], "nan", "of 3 texts, 2 are nan; allowed: finite numbers, or null (None) to abstain (or set"),
        ([0.5, 0.5, NAN], "nan", "1 are nan; allowed: finite numbers, or null (None) to abstain (or set abstains"),
        ([None, 0.5, NAN], "nan", "1 are nan"),  # None abstains, nan beside it does not
        ([0.5, INF, 0.5], "infinite", "1 are infinite; allowed: finite numbers, or null (None) to abstain, the first"),
        ([-INF, 0.5, 0.5], "infinite", "the first at place 0"),
        ([0.5, 1e39, 0.5], "infinite", "1 are infinite"),  # too large for float32
        (np.array([0.5, -1e300, 0.5]), "infinite", "1 are infinite"),
        ([0.5, -0.01, 1.01], "out_of_range", "2 are outside the declared range 0 to 1 (such as -0.01), the first at"),
        ([0.5, 2, NAN], "nan", "the first at place 2"),  # the order in which they are looked for
        ([INF, 2, 0], "infinite", "the first at place 0"),
        ([0.5, 0.5], "wrong_length", "expected one number for each of 3 texts, got shape (2,)"),
        ([0.5] * 4, "wrong_length", "got shape (4,)"),
        ([], "wrong_length", "got shape (0,)"),
        (0.5, "wrong_length", "got shape ()"),
        (None, "wrong_length", "got shape ()"),
        ("0.5", "wrong_length", "got shape ()"),
        ({"a": 1, "b": 2, "c": 3}, "wrong_length", "got shape ()"),
        ({0.1, 0.2, 0.3}, "wrong_length", "got shape ()"),
        ((score for score in (1, 2, 3)), "wrong_length", "got shape ()"),
        ([[0.5], [0.5], [0.5]], "wrong_length", "got shape (3, 1)"),
        ([[0.5, 1], [0.5], [0.5]], "wrong_length", "got shape ()"),  # ragged
        ([[0.5, 1], None, [0.5]], "garbage", "got something else among them"),
        (["0.5", "0.5", "0.5"], "garbage", "got str96"),
        ([None, "0.5", 0.5], "garbage", "got text among them"),
        (np.array([0.5, b"0.5", 0.5], object), "garbage", "got text among them"),
        ([1j, 0.5, 0.5], "garbage", "got complex128"),
        ([object(), 0.5, 0.5], "garbage", "got something else among them"),
        ([10**400, 0.5, 0.5], "garbage", "got something else among them"),
        (np.array(["2017-01-01"] * 3, "datetime64[D]"), "garbage", "got datetime64[D]"),
    ],
)
def test_anything_else_has_a_name(answer: Any, kind: str, said: str) -> None:
    with pytest.raises(DetectorFailed) as caught:
        numbers(answer, 3, "texts", SHARE)
    assert caught.value.kind == kind and said in caught.value.problem and caught.value.detector == ""


@pytest.mark.parametrize("edge", [0.0, 1.0, 0.1, np.float64(0.1)])
def test_the_ends_of_the_range_are_in_it(edge: float) -> None:
    declared = Declared(range=(float(edge), 1.0)) if edge < 1 else SHARE
    assert numbers([edge], 1, "texts", declared).tolist() == [np.float32(edge)]


def test_nan_abstains_where_the_detector_says_so() -> None:
    silent = Declared(range=(0.0, 1.0), abstains=True)
    assert np.isnan(numbers(np.array([NAN, 0.5]), 2, "texts", silent)).tolist() == [True, False]
    with pytest.raises(DetectorFailed, match="outside"):
        numbers([NAN, 2.0], 2, "texts", silent)


def test_what_the_detector_keeps_is_never_handed_on() -> None:
    own = np.array([0.1, 0.2], np.float32)
    found = numbers(own, 2, "texts", ANY)
    found[0] = 9.0
    assert own[0] == np.float32(0.1)
    answer = Answer(own, np.array([False, False]))
    usable(answer, 2, "texts", Declared(range=(0.0, 0.15)))
    assert own.tolist() == np.array([0.1, 0.2], np.float32).tolist() and answer.abstained.tolist() == [False, False]


def test_an_answer_from_another_process_passes_as_it_was_read_there() -> None:
    buffer = np.frombuffer(np.array([0.5, NAN, NAN], np.float32).tobytes(), np.float32)  # read-only, as from a pipe
    told = Answer(buffer, np.array([False, True, False]))
    with pytest.raises(DetectorFailed, match=r"1 are nan.* the first at place 2"):
        numbers(told, 3, "texts", ANY)
    again = read(told, 3, "texts")
    assert again.abstained.tolist() == [False, True, False] and again.values.flags.writeable
    with pytest.raises(DetectorFailed, match=r"got shape \(3,\)"):
        read(told, 2, "texts")


def test_what_can_be_used_of_an_answer_is_used() -> None:
    """Two of seven are honest abstentions, and not counted among what was lost."""
    answer = [0.25, None, NAN, INF, 7.0, None, 1.0]
    values, fault, lost = usable(answer, 7, "texts", SHARE)
    assert np.isnan(values).tolist() == [False, True, True, True, True, True, False]
    assert values[[0, 6]].tolist() == [0.25, 1.0] and lost == 3
    assert fault is not None and fault.kind == "nan" and "of 7 texts, 1 are nan" in fault.problem


def test_nothing_is_lost_of_a_good_answer() -> None:
    values, fault, lost = usable([0.25, None], 2, "texts", SHARE)
    assert values[0] == 0.25 and np.isnan(values[1]) and fault is None and lost == 0


@pytest.mark.parametrize("answer", [[0.5], ["x", "y"], {"a": 1}])
def test_where_nothing_can_be_used_it_is_a_fault_of_the_whole(answer: Any) -> None:
    with pytest.raises(DetectorFailed):
        usable(answer, 2, "texts", SHARE)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"a": 0.1, "b": 0.2}, "got a mapping of 2 keys for 3 texts: a text that is sent again has no place; scores "),
        ([0.1, 0.2], "got shape (2,): as many as there are different texts; scores are keyed by text: give one for"),
        ([0.1], "expected one number for each of 3 texts, got shape (1,)"),
    ],
)
def test_scores_kept_by_text_are_named(answer: Any, said: str) -> None:
    with pytest.raises(DetectorFailed) as caught:
        read_scores(answer, ["a", "b", "a"])
    assert caught.value.kind == "wrong_length" and said in caught.value.problem
    assert ("keyed by text" in caught.value.problem) == (len(answer) == 2)


def test_as_many_as_different_texts_is_no_hint_where_none_is_sent_twice() -> None:
    with pytest.raises(DetectorFailed) as caught:
        read_scores([0.1, 0.2, 0.3], ["a", "b"])
    assert "keyed by text" not in caught.value.problem
    assert read_scores([0.1, 0.2], ["a", "a"]).values.size == 2


def test_the_scenario_goes_before_what_the_detector_declares() -> None:
    own = SimpleNamespace(range=(0, 5), direction="lower", abstains=True)
    assert Declared.of(own) == Declared((0.0, 5.0), "lower", True)
    assert Declared.of(own, (1.0, 2.0), "higher") == Declared((1.0, 2.0), "higher", True)
    assert Declared.of(object()) == Declared(None, "higher", False)


@pytest.mark.parametrize(
    ("attribute", "value"), [("direction", "down"), ("range", (1, 0)), ("range", (1, 1)), ("range", (NAN, 1))]
)
def test_a_declaration_that_is_none_is_refused(attribute: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{attribute}: expected .*, got "):
        Declared.of(SimpleNamespace(**{attribute: value}))
