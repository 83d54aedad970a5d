"""What a detector answered, turned into numbers the harness can use, or into the name of what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from simharness.detection.faults import DetectorFailed, FaultKind

Direction = Literal["higher", "lower"]
_ALLOWED = "allowed: finite numbers, or null (None) to abstain"


@dataclass(frozen=True, slots=True)
class Declared:
    """What is known of a detector's scores before it gives any."""

    range: tuple[float, float] | None = None
    direction: Direction = "higher"  # which scores are riskier
    abstains: bool = False  # whether nan in an array means that it abstains; None in a list always does

    @classmethod
    def of(
        cls, detector: Any, range_: tuple[float, float] | None = None, direction: Direction | None = None
    ) -> Declared:
        """What a detector declares in its attributes ``range``, ``direction`` and ``abstains``; the scenario's word
        goes first. Raises ValueError for a range or direction that is none.
        """
        given = range_ or getattr(detector, "range", None)
        limits = None if given is None else (float(given[0]), float(given[1]))
        if limits is not None and not limits[0] < limits[1]:
            raise ValueError(f"range: expected the lowest score before the highest, got {limits}")
        riskier = direction or getattr(detector, "direction", "higher")
        if riskier not in get_args(Direction):
            raise ValueError(f"direction: expected higher or lower, got {riskier!r}")
        return cls(limits, cast(Direction, riskier), bool(getattr(detector, "abstains", False)))


@dataclass(frozen=True, slots=True)
class Answer:
    """One number for each thing asked, and for which of them the detector said that it abstains; shape (n,)."""

    values: NDArray[np.float32]  # anything where it abstains
    abstained: NDArray[np.bool_]


def numbers(answer: Any, expected: int, noun: str, declared: Declared) -> NDArray[np.float32]:
    """The answer as one float32 for each of ``expected`` things, nan where it abstains, as the detector gave them.

    Raises DetectorFailed: wrong_length, garbage, nan, infinite or out_of_range.
    """
    given = read(answer, expected, noun)
    bad = _faulty(given, declared)
    if bad is not None:
        kind, places, what = bad
        raise DetectorFailed(kind, f"of {expected} {noun}, {places.size} {what}, the first at place {places[0]}")
    return given.values


def usable(
    answer: Any, expected: int, noun: str, declared: Declared
) -> tuple[NDArray[np.float32], DetectorFailed | None, int]:
    """As :func:`numbers`, but numbers that cannot be used become nan. Handed back beside them: the first kind of fault
    among them, and how many numbers were lost (those it abstained from were not).

    Raises DetectorFailed where nothing can be used: wrong_length or garbage.
    """
    given = read(answer, expected, noun)
    first, lost = None, 0
    while (bad := _faulty(given, declared)) is not None:
        kind, places, what = bad
        first = first or DetectorFailed(kind, f"of {expected} {noun}, {places.size} {what}")
        given.values[places] = np.nan
        given.abstained[places] = True
        lost += int(places.size)
    return given.values, first, lost


def _faulty(given: Answer, declared: Declared) -> tuple[FaultKind, NDArray[np.int64], str] | None:
    """The first kind of number that cannot be used, where it stands, and in words; None if all can."""
    values = given.values
    undefined = np.isnan(values) & ~given.abstained
    if undefined.any() and not declared.abstains:
        what = f"are nan; {_ALLOWED} (or set abstains = True if nan is meant)"
        return "nan", np.flatnonzero(undefined), what
    infinite = np.isinf(values)
    if infinite.any():
        return "infinite", np.flatnonzero(infinite), f"are infinite; {_ALLOWED}"
    if declared.range is not None:
        low, high = declared.range
        with np.errstate(invalid="ignore"):
            outside = (values < np.float32(low)) | (values > np.float32(high))
        if outside.any():
            places = np.flatnonzero(outside)
            what = f"are outside the declared range {low:g} to {high:g} (such as {values[places[0]]:g})"
            return "out_of_range", places, what
    return None


def read(answer: Any, expected: int, noun: str) -> Answer:
    """The answer as arrays of its own, whatever the numbers are. Raises DetectorFailed: wrong_length or garbage."""
    if isinstance(answer, Answer):
        array, abstained = answer.values, answer.abstained.copy()
    else:
        array, abstained = _arrays(answer)
    if array.shape != (expected,):
        shape = f"expected one number for each of {expected} {noun}, got shape {array.shape}"
        raise DetectorFailed("wrong_length", shape)
    if array.dtype.kind not in "fiubO":
        raise DetectorFailed("garbage", f"expected one number for each of {expected} {noun}, got {array.dtype.name}")
    if array.dtype.kind == "O" and any(isinstance(item, str | bytes) for item in array):  # numpy would read "0.5"
        problem = f"expected one number for each of {expected} {noun}, got text among them"
        raise DetectorFailed("garbage", problem)
    try:
        with np.errstate(over="ignore"):  # too large for float32 becomes infinite, which is refused by name
            return Answer(array.astype(np.float32), abstained)  # a copy: what the detector keeps must not change
    except (TypeError, ValueError, OverflowError):  # the last: an integer beyond any float
        problem = f"expected one number for each of {expected} {noun}, got something else among them"
        raise DetectorFailed("garbage", problem) from None


def read_scores(answer: Any, texts: Sequence[str]) -> Answer:
    """As :func:`read`, for one number a text; names the mistake of keeping scores by text, which loses repeats."""
    try:
        return read(answer, len(texts), "texts")
    except DetectorFailed as error:
        distinct = len(set(texts))
        if isinstance(answer, Mapping):
            problem = (
                f"got a mapping of {len(answer)} keys for {len(texts)} texts: a text that is sent again has no place"
            )
        elif error.kind == "wrong_length" and np.size(answer) == distinct < len(texts):
            problem = f"{error.problem}: as many as there are different texts"
        else:
            raise
        problem += "; scores are keyed by text: give one for each place in the list, in order"
        raise DetectorFailed("wrong_length", problem) from None


def _arrays(answer: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    if isinstance(answer, Sequence) and any(item is None for item in answer):
        answer = np.array(answer, dtype=object)
    try:
        array = np.asarray(answer)
    except ValueError:  # rows of different lengths
        array = np.empty((), object)
    if array.dtype == object and array.ndim == 1:
        return array, np.array([item is None for item in array], np.bool_)
    return array, np.zeros(array.size, np.bool_)
