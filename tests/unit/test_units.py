"""Units: hand-worked values, exact round trips, and messages that say what to write instead."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from simharness.units import (
    DURATION_PATTERN,
    RATE_PATTERN,
    Duration,
    Rate,
    format_duration,
    parse_duration,
    parse_rate,
    write_duration,
    write_rate,
)

FINITE = st.floats(min_value=0.0, allow_nan=False, allow_infinity=False)


class Shift(BaseModel):
    length: Duration
    arrivals: Rate
    limit: Duration | None = None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("48h", 172_800.0),
        ("90 min", 5_400.0),
        ("3.5 s", 3.5),
        ("1d 12h", 129_600.0),
        ("1d12h", 129_600.0),
        ("2w 1 d 3h 4min 5s", 2 * 604_800 + 86_400 + 3 * 3_600 + 4 * 60 + 5),
        ("1e3 s", 1_000.0),
        ("1.5e-3s", 0.0015),
        ("0 s", 0.0),
    ],
)
def test_durations_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert re.search(DURATION_PATTERN, text)


@pytest.mark.parametrize(
    ("text", "seconds_between"),
    [
        ("1/s", 1.0),
        ("1/min", 60.0),
        ("1/h", 3_600.0),
        ("1 / hour", 3_600.0),
        ("1/d", 86_400.0),
        ("1/day", 86_400.0),
        ("1/w", 604_800.0),
        ("1/week", 604_800.0),
        ("1/month", 2_629_800.0),  # 30.4375 x 86,400
        ("1/year", 31_557_600.0),  # 365.25 x 86,400 = 12 months
        ("0.1/day", 864_000.0),
    ],
)
def test_rates_per_second(text: str, seconds_between: float) -> None:
    assert parse_rate(text) == pytest.approx(1.0 / seconds_between, rel=1e-15)
    assert re.search(RATE_PATTERN, text)


def test_no_rate_is_a_rate_of_zero() -> None:
    assert parse_rate("0/day") == 0.0


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (48, "a number without a unit"),
        (48.5, "a number without a unit"),
        ("48", "a number without a unit"),
        (" 1e3 ", "a number without a unit"),
        ("-48h", "negative"),
        ("48 hours", "unknown unit 'hours'"),
        ("5m", "unknown unit 'm'"),
        ("1 d 5 y", "unknown unit 'y'"),
        ("12h 1d", "not readable"),
        ("1h 1h", "not readable"),
        ("h", "not readable"),
        ("", "not readable"),
        ("1e999 s", "too large"),
        (True, "not a text but bool"),
        (None, "not a text but NoneType"),
        ("48h\n", "not readable"),
        ("٤٨h", "unknown unit"),  # digits outside ASCII: an editor's schema check would refuse them
    ],
)
def test_a_refused_duration_says_value_allowed_and_example(value: object, fault: str) -> None:
    with pytest.raises(ValueError, match="expected a duration") as caught:
        parse_duration(value)
    message = str(caught.value)
    assert f"got {value!r} ({fault}" in message
    assert "allowed: a number >= 0 with a unit (w, d, h, min, s)" in message
    assert 'example: "48h"' in message


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (0.1, "a number without a unit"),
        ("0.1", "a number without a unit"),
        ("-0.1/day", "negative"),
        ("0.1/fortnight", "unknown unit 'fortnight'"),
        ("0.1 per day", "no '/' and unit"),
        ("/day", "not readable"),
        ("1e999/s", "too large"),
        (["0.1/day"], "not a text but list"),
    ],
)
def test_a_refused_rate_says_value_allowed_and_example(value: object, fault: str) -> None:
    with pytest.raises(ValueError, match="expected a rate") as caught:
        parse_rate(value)
    message = str(caught.value)
    assert f"got {value!r} ({fault}" in message
    assert "allowed: a number >= 0, a slash and a unit (s, min, h, hour, d, day, w, week, month, year)" in message
    assert 'example: "0.1/day"' in message


@given(FINITE)
def test_a_written_duration_reads_back_as_the_same_float(seconds: float) -> None:
    assert parse_duration(write_duration(seconds)) == seconds
    assert re.search(DURATION_PATTERN, write_duration(seconds))


@given(FINITE)
def test_a_written_rate_reads_back_as_the_same_float(per_second: float) -> None:
    assert parse_rate(write_rate(per_second)) == per_second
    assert re.search(RATE_PATTERN, write_rate(per_second))


def test_negative_zero_is_written_without_its_sign() -> None:
    assert write_duration(-0.0) == "0.0 s"
    assert write_rate(-0.0) == "0.0/s"


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_what_could_not_be_read_back_is_not_written(value: float) -> None:
    with pytest.raises(ValueError, match="finite duration >= 0"):
        write_duration(value)
    with pytest.raises(ValueError, match="finite rate >= 0"):
        write_rate(value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (187_200.0, "2 d 4 h"),
        (2_700.0, "45 min"),
        (3.2, "3.2 s"),
        (0.0, "0 s"),
        (0.00123, "0.00123 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (61.4, "1 min 1 s"),
        (3_599.4, "59 min 59 s"),
        (3_599.6, "1 h"),
        (84_960.0, "23 h 36 min"),
        (86_399.0, "1 d"),
        (86_400.0 * 400, "400 d"),
        (-2_700.0, "-45 min"),
        (math.nan, "undefined"),
        (math.inf, "never"),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_fields_hold_seconds_and_write_units() -> None:
    shift = Shift.model_validate({"length": "8h", "arrivals": "2/min", "limit": None})
    assert (shift.length, shift.arrivals, shift.limit) == (28_800.0, 2.0 / 60.0, None)
    assert shift.model_dump() == {"length": "28800.0 s", "arrivals": "0.03333333333333333/s", "limit": None}
    assert Shift.model_validate(shift.model_dump()) == shift
    assert Shift.model_validate_json(shift.model_dump_json()) == shift


@pytest.mark.parametrize("bad", [{"length": 8, "arrivals": "2/min"}, {"length": "8h", "arrivals": 2.0}])
def test_fields_refuse_bare_numbers(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="a number without a unit"):
        Shift.model_validate(bad)


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_schema_tells_an_editor_what_a_field_looks_like(mode: str) -> None:
    schema = Shift.model_json_schema(mode="validation" if mode == "validation" else "serialization")
    length, arrivals = schema["properties"]["length"], schema["properties"]["arrivals"]
    assert (length["type"], length["pattern"]) == ("string", DURATION_PATTERN)
    assert (arrivals["type"], arrivals["pattern"]) == ("string", RATE_PATTERN)
    for field, parse in ((length, parse_duration), (arrivals, parse_rate)):
        assert all(parse(example) > 0 for example in field["examples"])
