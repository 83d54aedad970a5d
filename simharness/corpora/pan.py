"""The layout of the PAN-2012 sexual predator identification task (https://pan.webis.de), read as a stream.

XML with one element a conversation, times as HH:MM; predators in a text file of their own; optionally a side file of
absolute times in the order of the XML, one JSON object a message: conversation, line, time in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from simharness.corpora.labels import Labels
from simharness.corpora.lines import json_objects
from simharness.corpora.records import AuthorNumbers, CorpusConversation
from simharness.corpora.xml_messages import RawConversation, RawMessage, raw_conversations
from simharness.errors import UsageError

DAY_S, HOUR_S, MINUTE_S = 86_400.0, 3_600.0, 60.0
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def read_pan(path: Path, labels: Labels | None = None, times: Path | None = None) -> Iterator[CorpusConversation]:
    """Every conversation of a corpus in PAN-2012 layout, in its order.

    HH:MM gives times to the minute, and a time lower than the one before lies past midnight; longer pauses are lost,
    unless ``times`` has them. Text is taken as XML gives it. Raises UsageError with file and line.
    """
    side = _SideTimes(times) if times else None
    numbers = AuthorNumbers()
    for raw in raw_conversations(path):
        authors = [_field(message, "author").strip() for message in raw.messages]
        numbered, predators = tuple(numbers[name] for name in authors), None
        if labels is not None:
            found = labels.predators(raw.key, authors, [message.line for message in raw.messages])
            predators = frozenset(numbers[name] for name in found)
        texts = tuple(_field(message, "text", empty=True) for message in raw.messages)
        times_s = side.of(raw) if side else _clock_times(raw.messages)
        yield CorpusConversation(raw.key, numbered, texts, times_s, predators)
    if labels is not None:
        labels.require_found()
    if side is not None:
        side.require_ended()


def _field(message: RawMessage, name: str, empty: bool = False) -> str:
    value = message.fields.get(name)
    if value is None or not (empty or value.strip()):
        raise UsageError(message.where, f"a message without <{name}>", allowed="the PAN-2012 layout")
    return value


def _clock_times(messages: list[RawMessage]) -> tuple[float, ...] | None:
    """Seconds since the first message; None where a message has no time."""
    found: list[float] = []
    days = 0.0
    for message in messages:
        written = message.fields.get("time", "").strip()
        if not written:
            return None
        match = _TIME.fullmatch(written)
        if match is None:
            raise UsageError(
                message.where, "the <time> of this message cannot be read", allowed="HH:MM, 00:00 to 23:59"
            )
        time = days + int(match[1]) * HOUR_S + int(match[2]) * MINUTE_S
        if found and time < found[-1]:
            days += DAY_S
            time += DAY_S
        found.append(time)
    return tuple(time - found[0] for time in found)


class _SideTimes:
    """Absolute times read side by side with the XML, so that neither is ever held whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = self._rows()
        self.next = next(self.rows, None)

    def _rows(self) -> Iterator[tuple[str, str, int, float]]:
        for where, row in json_objects(self.path):
            key, line, time = row.get("conversation"), row.get("line"), row.get("time")
            if not isinstance(key, str) or type(line) is not int or not isinstance(time, int | float):
                allowed = "conversation (text), line (a whole number) and time (seconds)"
                raise UsageError(where, "this line does not say which message has which time", allowed=allowed)
            yield where, key, line, float(time)

    def of(self, raw: RawConversation) -> tuple[float, ...] | None:
        """Seconds since the first message of a conversation; None where the file has nothing on it."""
        if self.next is None or self.next[1] != raw.key:
            return None
        found: list[float] = []
        for message in raw.messages:
            if self.next is None or self.next[1:3] != (raw.key, message.line):
                at = self.next[0] if self.next else str(self.path)
                raise UsageError(at, "this is not the next message of the XML", hint="Keep the order of the XML.")
            where, _, _, time = self.next
            if not (found[-1] if found else time) <= time < float("inf"):
                raise UsageError(where, "a time before that of the message before", hint="Keep the order of the XML.")
            found.append(time)
            self.next = next(self.rows, None)
        return tuple(time - found[0] for time in found)

    def require_ended(self) -> None:
        """Raise UsageError if times are left over: they are of another corpus, or in another order."""
        if self.next is not None:
            raise UsageError(self.next[0], "no conversation of the XML is left for it", hint="Keep the XML's order.")
