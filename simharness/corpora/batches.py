"""Conversations of a corpus as the batches that detectors read, chunk by chunk, each with a table of its texts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simharness.corpora.records import CorpusConversation
from simharness.records import ConversationBatch

MOST_TEXTS = 1 << 15  # different texts of a chunk: a symbol is text id * 2 + sender in 16 bits
_KEY_BITS = 52  # see ConversationBatch.key


@dataclass(frozen=True, slots=True, repr=False)
class Chunk:
    """Conversations read at once. ``batch`` is all that a detector sees of them."""

    conversations: tuple[CorpusConversation, ...]
    batch: ConversationBatch


def chunks(conversations: Iterable[CorpusConversation], most_texts: int = MOST_TEXTS) -> Iterator[Chunk]:
    """Conversations in their order, as many at a time as have ``most_texts`` different texts or fewer.

    Only for conversations that :func:`why_unreadable` has nothing against.
    """
    pending: list[CorpusConversation] = []
    numbers: dict[str, int] = {}
    for conversation in conversations:
        new = set(conversation.texts) - numbers.keys()
        if pending and len(numbers) + len(new) > most_texts:
            yield Chunk(tuple(pending), _batch(pending, numbers))
            pending, numbers = [], {}
        for text in conversation.texts:
            numbers.setdefault(text, len(numbers))
        pending.append(conversation)
    if pending:
        yield Chunk(tuple(pending), _batch(pending, numbers))


def why_unreadable(conversation: CorpusConversation) -> str | None:
    """Why no batch can hold a conversation; None if one can."""
    if not len(conversation):
        return "without a message"
    if len(set(conversation.texts)) > MOST_TEXTS:
        return f"with more than {MOST_TEXTS:,} different texts"
    return None


def _batch(conversations: list[CorpusConversation], numbers: dict[str, int]) -> ConversationBatch:
    """No account is known in a corpus: nobody is declared an adult and nobody has made another contact."""
    n = len(conversations)
    ends = np.cumsum([len(conversation) for conversation in conversations], dtype=np.int64)
    return ConversationBatch(
        texts=tuple(numbers),
        symbol=np.fromiter(_symbols(conversations, numbers), np.uint16, count=int(ends[-1])),
        time_s=np.concatenate([_times(conversation) for conversation in conversations]),
        begin=np.concatenate([np.zeros(1, np.int64), ends[:-1]]),
        end=ends,
        platform=np.zeros(n, np.uint8),
        declared_adult=np.zeros(n, np.bool_),
        new_contacts_7d=np.zeros(n, np.float32),
        key=np.array([_key(conversation.key) for conversation in conversations], np.uint64),
    )


def _symbols(conversations: list[CorpusConversation], numbers: dict[str, int]) -> Iterator[int]:
    for conversation in conversations:
        first = conversation.authors[0]
        for author, text in zip(conversation.authors, conversation.texts, strict=True):
            yield numbers[text] * 2 + (author != first)


def _times(conversation: CorpusConversation) -> NDArray[np.float64]:
    if conversation.times_s is None:
        return np.full(len(conversation), np.nan)
    return np.array(conversation.times_s)


def _key(name: str) -> int:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - _KEY_BITS)
