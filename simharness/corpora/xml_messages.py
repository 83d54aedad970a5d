"""The PAN-2012 layout as a stream of raw conversations, on expat itself: constant memory, nothing expanded.

A document type declaration is refused where it begins, so there is no entity to expand and nothing outside to fetch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from simharness.corpora.lines import opened
from simharness.errors import UsageError

_BLOCK = 1 << 16
_PARENTS = {"conversations": (), "conversation": ("conversations",), "message": ("conversations", "conversation")}
_IN_MESSAGE = ("conversations", "conversation", "message")
_FIELDS = ("author", "time", "text")


@dataclass(slots=True, repr=False)
class RawMessage:
    """One message as the file has it; ``where``: file and line at which it begins."""

    where: str
    line: int
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, repr=False)
class RawConversation:
    """One conversation as the file has it."""

    key: str
    messages: list[RawMessage] = field(default_factory=list)


def raw_conversations(path: Path) -> Iterator[RawConversation]:
    """Every conversation of a file in the PAN-2012 layout, in its order. Raises UsageError with file and line."""
    reader = _Reader(path)
    with opened(path) as file:
        while block := file.read(_BLOCK):
            reader.feed(block)
            yield from reader.taken()
        reader.feed(b"", last=True)
        yield from reader.taken()


class _Reader:
    """What expat reports, put together. Elements that the layout does not have are passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open: list[str] = []  # elements around the current place
        self.finished: list[RawConversation] = []
        self.conversation: RawConversation | None = None
        self.message: RawMessage | None = None
        self.parts: list[str] | None = None  # of the text of an author, time or text element
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def feed(self, block: bytes, last: bool = False) -> None:
        """Read the next bytes. Raises UsageError."""
        problem = None
        try:
            self.parser.Parse(block, last)
        except expat.ExpatError as error:
            problem = f"{self.path}:{error.lineno}", f"this is not well-formed XML ({expat.ErrorString(error.code)})"
        except (LookupError, ValueError):  # of the codec that the file declares
            problem = f"{self.path}:1", "the encoding that it declares cannot be read; save the file as UTF-8"
        if problem:
            raise UsageError(*problem)

    def taken(self) -> list[RawConversation]:
        """The conversations that have ended since the last call."""
        done, self.finished = self.finished, []
        return done

    @property
    def where(self) -> str:
        return f"{self.path}:{self.parser.CurrentLineNumber}"

    def _doctype(self, *_: object) -> None:
        hint = "The PAN-2012 layout has none, and one can make a small file expand without end: remove it."
        raise UsageError(self.where, "a document type declaration is refused", hint=hint)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        around = tuple(self.open)
        self.open.append(name)
        if not around and name != "conversations":
            raise UsageError(self.where, "the outermost element is not <conversations>", allowed="the PAN-2012 layout")
        if name in _PARENTS and around != _PARENTS[name]:
            raise UsageError(self.where, f"<{name}> in the wrong place", allowed="the PAN-2012 layout")
        if name == "conversation":
            self.conversation = RawConversation(self._attribute(name, attributes, "id"))
        elif name == "message":
            line = self._attribute(name, attributes, "line")
            if not line.isdecimal():
                raise UsageError(self.where, "the attribute line of <message> is no number", allowed="1, 2, 3, ...")
            self.message = RawMessage(self.where, int(line))
        elif name in _FIELDS and around == _IN_MESSAGE:
            if self.message is not None and name in self.message.fields:
                raise UsageError(self.where, f"a message with two <{name}>", allowed="one")
            self.parts = []

    def _attribute(self, element: str, attributes: dict[str, str], name: str) -> str:
        if not attributes.get(name):
            raise UsageError(self.where, f"<{element}> without the attribute {name}", allowed="the PAN-2012 layout")
        return attributes[name]

    def _text(self, text: str) -> None:
        if self.parts is not None and len(self.open) == len(_IN_MESSAGE) + 1:
            self.parts.append(text)

    def _end(self, name: str) -> None:
        self.open.pop()
        if name in _FIELDS and tuple(self.open) == _IN_MESSAGE:
            assert self.message is not None and self.parts is not None
            self.message.fields[name] = "".join(self.parts)
            self.parts = None
        elif name == "message":
            assert self.message is not None and self.conversation is not None
            self.conversation.messages.append(self.message)
            self.message = None
        elif name == "conversation":
            assert self.conversation is not None
            self.finished.append(self.conversation)
            self.conversation = None
