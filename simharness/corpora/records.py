"""One conversation of a corpus, in memory only, and the corpus it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class CorpusConversation:
    """One conversation as its corpus has it; ``authors``, ``texts`` and ``times_s`` have one entry a message.

    ``key`` is the corpus's own name for it. Authors are numbers, the same author the same one in the whole corpus.
    ``repr`` shows neither names nor text, so that no traceback, log or failed assertion can.
    """

    key: str
    authors: tuple[int, ...]
    texts: tuple[str, ...]
    times_s: tuple[float, ...] | None  # seconds since its first message, never falling; None: not known
    predators: frozenset[int] | None  # authors known to be predators; None: nobody says

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        label = "" if self.predators is None else f", {len(self.predators)} of them predators"
        return f"<{len(self)} messages by {len(set(self.authors))} authors{label}>"


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus to be read once, conversation by conversation. ``note``: what a reader of its numbers must know."""

    name: str
    conversations: Iterator[CorpusConversation]
    note: str = ""


class AuthorNumbers:
    """Numbers of a corpus's authors, in the order in which they first appear."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))
