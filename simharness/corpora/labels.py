"""Who is a predator, from a file beside the corpus: author ids, or the lines of the second task of PAN-2012."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simharness.corpora.lines import lines
from simharness.errors import UsageError

_LAYOUT = "one author id a line, or conversation id and line number with a tab between them, in the whole file alike"


class Labels:
    """What a file of labels says, and whether anything in the corpus answered to it."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises UsageError."""
        self.path = path
        self.authors: set[str] = set()
        self.lines: dict[str, set[int]] = {}  # conversation id -> lines named by the second task
        for number, line in lines(path):
            if line.strip():
                self._add(f"{path}:{number}", line.strip().split("\t"))
        self._found = False

    def _add(self, where: str, fields: list[str]) -> None:
        if len(fields) == 1 and not self.lines and len(fields[0].split()) == 1:
            self.authors.add(fields[0])
        elif len(fields) == 2 and not self.authors and fields[1].isdecimal():
            self.lines.setdefault(fields[0], set()).add(int(fields[1]))
        else:
            raise UsageError(where, "this line is no label", allowed=_LAYOUT)

    def predators(self, conversation: str, authors: Sequence[str], numbers: Sequence[int]) -> set[str]:
        """Predators among the authors of a conversation's messages, whose line numbers are ``numbers``."""
        named = self.lines.get(conversation, set())
        by_line = {author for author, number in zip(authors, numbers, strict=True) if number in named}
        found = self.authors.intersection(authors) | by_line
        self._found |= bool(found)
        return found

    def require_found(self) -> None:
        """Raise UsageError if no label was found in the corpus: it would read as a corpus without predators."""
        if not self._found:
            hint = "Give the labels that belong to this corpus."
            raise UsageError(str(self.path), "nothing that is labelled here occurs in the corpus", hint=hint)
