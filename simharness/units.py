"""Quantities with units: "48h" and "0.1/day" in scenario files, seconds and per-second floats in the code.

A bare number is refused: nobody can tell from `72` whether hours, minutes or days were meant. What is written
back is exact: parsing the written text gives the same float.
"""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_MINUTE, _HOUR, _DAY, _WEEK = 60.0, 3600.0, 86400.0, 604800.0

DURATION_UNITS = MappingProxyType({"w": _WEEK, "d": _DAY, "h": _HOUR, "min": _MINUTE, "s": 1.0})
"""Seconds in each unit of a duration, largest first: the order in which a compound duration is written."""

RATE_UNITS = MappingProxyType(
    {
        "s": 1.0,
        "min": _MINUTE,
        "h": _HOUR,
        "hour": _HOUR,
        "d": _DAY,
        "day": _DAY,
        "w": _WEEK,
        "week": _WEEK,
        "month": 30.4375 * _DAY,  # a twelfth of the Julian year
        "year": 365.25 * _DAY,  # the Julian year
    }
)
"""Seconds in each unit a rate may be given per."""

# [0-9] and a plain space, not \d and \s: Python reads these in all of Unicode, JSON Schema (ECMA-262) does not,
# and an editor must accept exactly what the parser accepts.
_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
DURATION_PATTERN = "^(?=[0-9])" + "".join(rf"(?:({_NUMBER}) *{unit} *)?" for unit in DURATION_UNITS) + "$"
RATE_PATTERN = rf"^({_NUMBER}) */ *({'|'.join(RATE_UNITS)})$"
_DURATION, _RATE, _BARE = re.compile(DURATION_PATTERN), re.compile(RATE_PATTERN), re.compile(_NUMBER)

_DURATION_ALLOWED = (
    f"a number >= 0 with a unit ({', '.join(DURATION_UNITS)}), several of them largest unit first",
    '"48h" or "1d 12h"',
)
_RATE_ALLOWED = (f"a number >= 0, a slash and a unit ({', '.join(RATE_UNITS)})", '"0.1/day"')


def parse_duration(text: object) -> float:
    """Seconds of a text such as "48h", "90 min", "1.5 d" or "1d 12h" (units w, d, h, min, s; largest first).

    Raises ValueError for anything else, with the value, what is allowed and an example.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(_refusal("duration", text, _duration_fault(text), _DURATION_ALLOWED))
    parts = zip(match.groups(), DURATION_UNITS.values(), strict=True)
    seconds = sum(float(number) * size for number, size in parts if number is not None)
    return _finite(seconds, "duration", text, _DURATION_ALLOWED)


def parse_rate(text: object) -> float:
    """Events per second of a text such as "0.1/day" (per s, min, h, hour, d, day, w, week, month, year).

    A month is 30.4375 days and a year 365.25 days. Raises ValueError for anything else, as `parse_duration`.
    """
    match = _RATE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(_refusal("rate", text, _rate_fault(text), _RATE_ALLOWED))
    return _finite(float(match[1]) / RATE_UNITS[match[2]], "rate", text, _RATE_ALLOWED)


def write_duration(seconds: float) -> str:
    """The exact text of a duration: `parse_duration(write_duration(x)) == x`. ValueError if negative or not finite."""
    return f"{_writable(seconds, 'duration')!r} s"


def write_rate(per_second: float) -> str:
    """The exact text of a rate: `parse_rate(write_rate(x)) == x`. ValueError if negative or not finite."""
    return f"{_writable(per_second, 'rate')!r}/s"


def format_duration(seconds: float) -> str:
    """A duration for people, in at most two units: "2 d 4 h", "45 min", "3.2 s"; rounded, so not for reading back.

    A negative duration (a difference) has a leading minus; nan is "undefined", infinity "never".
    """
    if not math.isfinite(seconds):
        return "undefined" if math.isnan(seconds) else "never"
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if float(f"{seconds:.3g}") < _MINUTE:
        return f"{float(f'{seconds:.3g}'):g} s"
    # A tier is left only when the ROUNDED value reaches its end: 59 min 59.9 s is "1 h", not "60 min",
    # and 23 h 36 min is not "1 d".
    if (whole_seconds := round(seconds)) < _HOUR:
        return _two_units(whole_seconds, "min", "s")
    if (whole_minutes := round(seconds / _MINUTE)) < _DAY / _MINUTE:
        return _two_units(whole_minutes, "h", "min")
    return _two_units(round(seconds / _HOUR), "d", "h")


def _two_units(steps: int, unit: str, below: str) -> str:
    whole, rest = divmod(steps, round(DURATION_UNITS[unit] / DURATION_UNITS[below]))
    return f"{whole} {unit}" + (f" {rest} {below}" if rest else "")


def _refusal(kind: str, got: object, fault: str, allowed_and_example: tuple[str, str]) -> str:
    allowed, example = allowed_and_example
    return f"expected a {kind}, got {got!r} ({fault}); allowed: {allowed}; example: {example}"


def _finite(value: float, kind: str, got: object, allowed: tuple[str, str]) -> float:
    if not math.isfinite(value):
        raise ValueError(_refusal(kind, got, "too large", allowed))
    return value


def _common_fault(text: object) -> str | None:
    if isinstance(text, int | float) and not isinstance(text, bool):
        return "a number without a unit"
    if not isinstance(text, str):
        return f"not a text but {type(text).__name__}"
    if text.lstrip().startswith("-"):
        return "negative"
    return "a number without a unit" if _BARE.fullmatch(text.strip()) else None


def _duration_fault(text: object) -> str:
    return _common_fault(text) or _unknown_unit(re.sub(_NUMBER, " ", str(text)), DURATION_UNITS)


def _rate_fault(text: object) -> str:
    fault = _common_fault(text)
    if fault is None and "/" not in str(text):
        return "no '/' and unit"
    return fault or _unknown_unit(str(text).rpartition("/")[2], RATE_UNITS)


def _unknown_unit(words: str, units: MappingProxyType[str, float]) -> str:
    unknown = [word for word in words.split() if word not in units]
    return f"unknown unit {unknown[0]!r}" if unknown else "not readable: number missing, or units out of order"


def _writable(value: float, kind: str) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"expected a finite {kind} >= 0 to write, got {value!r}")
    return float(value) + 0.0  # -0.0 becomes 0.0: a sign could not be read back


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(write_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["48h", "1d 12h"]}),
]
"""A pydantic field read from "48h", held in seconds, written back exactly. A bare number is refused."""

Rate = Annotated[
    float,
    BeforeValidator(parse_rate),
    PlainSerializer(write_rate, return_type=str),
    WithJsonSchema({"type": "string", "pattern": RATE_PATTERN, "examples": ["0.1/day", "3/week"]}),
]
"""A pydantic field read from "0.1/day", held as events per second, written back exactly. A bare number is refused."""
