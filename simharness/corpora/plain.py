"""Plain layouts: a CSV file with a header, or JSON lines; one message a row, the messages of a conversation together.

Columns: conversation, author, text; optionally time (ISO 8601, UTC where it names no offset, or seconds) and label
(1: the author of this message is a predator, 0: is not). Other columns are not looked at.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from simharness.corpora.labels import Labels
from simharness.corpora.lines import json_objects, lines
from simharness.corpora.records import AuthorNumbers, CorpusConversation
from simharness.errors import UsageError

REQUIRED, OPTIONAL = ("conversation", "author", "text"), ("time", "label")
_LABELS = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True, repr=False)
class _Row:
    where: str
    conversation: str
    author: str
    text: str
    time: float | None  # seconds
    label: bool | None


def read_csv(path: Path, labels: Labels | None = None) -> Iterator[CorpusConversation]:
    """Every conversation of a CSV file, in its order. ``labels``: predators' ids. Raises UsageError with the line."""
    return _conversations(_csv_rows(path), labels)


def read_jsonl(path: Path, labels: Labels | None = None) -> Iterator[CorpusConversation]:
    """Every conversation of a file of JSON lines, in its order. Raises UsageError with the line."""
    return _conversations(_jsonl_rows(path), labels)


def _conversations(rows: Iterator[_Row], known: Labels | None) -> Iterator[CorpusConversation]:
    numbers, seen = AuthorNumbers(), set[str]()
    labelled: bool | None = None
    for key, group in groupby(rows, key=lambda row: row.conversation):
        messages = list(group)
        if key in seen:
            hint = "Sort the file so that the messages of a conversation stand together."
            raise UsageError(messages[0].where, "a conversation that ended further up goes on here", hint=hint)
        seen.add(key)
        labelled = _require_alike(messages, labelled, known)
        predators = _predators(key, messages, known)
        authors = tuple(numbers[row.author] for row in messages)
        yield CorpusConversation(
            key,
            authors,
            tuple(row.text for row in messages),
            _times(messages),
            None if predators is None else frozenset(numbers[name] for name in predators),
        )
    if known is not None:
        known.require_found()


def _require_alike(messages: list[_Row], labelled: bool | None, known: Labels | None) -> bool:
    """Whether the file has labels; raises UsageError where only some of its rows do, or another file has them too."""
    for row in messages:
        own = row.label is not None
        if own and known is not None:
            raise UsageError(row.where, "a label, and a file of labels as well", hint="Leave out one of the two.")
        if labelled is not None and own != labelled:
            raise UsageError(row.where, "only some messages have a label", allowed="a label for all or for none")
        labelled = own
    return bool(labelled)


def _predators(key: str, messages: list[_Row], known: Labels | None) -> set[str] | None:
    if known is not None:
        return known.predators(key, [row.author for row in messages], range(1, len(messages) + 1))
    if messages[0].label is None:
        return None
    return {row.author for row in messages if row.label}


def _times(messages: list[_Row]) -> tuple[float, ...] | None:
    found: list[float] = []
    for row in messages:
        if row.time is None:
            return None
        if found and row.time < found[-1]:
            hint = "Sort the messages of each conversation by time."
            raise UsageError(row.where, "a time before that of the message before", hint=hint)
        found.append(row.time)
    return tuple(time - found[0] for time in found)


def _jsonl_rows(path: Path) -> Iterator[_Row]:
    for where, values in json_objects(path):
        yield _row(where, {name: value for name, value in values.items() if value is not None}, _AS_IT_IS)


def _csv_rows(path: Path) -> Iterator[_Row]:
    reader = csv.reader((line for _, line in lines(path)), strict=True)
    header = _next(path, reader)
    places = {name.strip().lower(): place for place, name in enumerate(header or [])}
    if missing := [name for name in REQUIRED if name not in places]:
        allowed = f"a header with {', '.join(REQUIRED)}, and optionally {', '.join(OPTIONAL)}"
        raise UsageError(f"{path}:1", f"no column {', '.join(missing)}", allowed=allowed)
    while (fields := _next(path, reader)) is not None:
        where = f"{path}:{reader.line_num}"
        if not fields:
            continue
        if len(fields) != len(header or []):
            raise UsageError(where, f"{len(fields)} fields under a header of {len(header or [])}")
        yield _row(where, {name: fields[place] for name, place in places.items()}, _FROM_TEXT)


def _next(path: Path, reader: Any) -> list[str] | None:
    try:
        row: list[str] | None = next(reader, None)
        return row
    except csv.Error:  # its message may quote the row
        pass
    hint = f"A quote may be open further up; a field holds at most {csv.field_size_limit():,} characters in CSV."
    raise UsageError(f"{path}:{reader.line_num}", "this row cannot be read as CSV", hint=hint)


def _row(where: str, values: Mapping[str, Any], convert: Mapping[str, Callable[[Any], Any]]) -> _Row:
    conversation, author = (_name(where, column, values.get(column)) for column in ("conversation", "author"))
    text = values.get("text")
    if not isinstance(text, str):
        raise UsageError(where, "no text", allowed="text, which may be empty")
    given = {column: convert[column](values[column]) for column in OPTIONAL if column in values}
    seconds, label = _seconds(where, given.get("time")), _label(where, given.get("label"))
    return _Row(where, conversation, author, text, seconds, label)


def _name(where: str, column: str, value: Any) -> str:
    if type(value) is int or (isinstance(value, str) and value.strip()):
        return str(value).strip()
    raise UsageError(where, f"no {column}", allowed="a text or a whole number that names it")


def _seconds(where: str, value: Any) -> float | None:
    if value is None:
        return None
    found = None
    if type(value) in (int, float):
        found = float(value)
    elif isinstance(value, str):
        found = _moment(value)
    if found is None or not math.isfinite(found):
        raise UsageError(where, "this time cannot be read", allowed="ISO 8601 (2020-01-31T12:00:00Z) or seconds")
    return found


def _moment(value: str) -> float | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _label(where: str, value: Any) -> bool | None:
    if value is None:
        return None
    if (found := _LABELS.get(str(value).strip().lower())) is None:
        raise UsageError(where, "this label cannot be read", allowed="1, 0, true or false")
    return found


def _csv_time(value: str) -> Any:
    value = value.strip()
    try:
        return float(value) if value else None
    except ValueError:
        return value


_AS_IT_IS: dict[str, Callable[[Any], Any]] = {"time": lambda value: value, "label": lambda value: value}
_FROM_TEXT: dict[str, Callable[[Any], Any]] = {"time": _csv_time, "label": lambda value: value.strip() or None}
