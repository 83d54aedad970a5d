from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from simharness.corpora.records import CorpusConversation
from simharness.detection.levels import LADDER_RATES, Levels

SECRET = "velmo tarin sedda"  # stands for text that must never show

Message = tuple[str, str | None, str]  # author, time, text


@pytest.fixture
def write_xml(tmp_path: Path) -> Callable[..., Path]:
    """``write_xml({conversation: [(author, time, text), ...]})``: a file in PAN-2012 layout."""

    def written(conversations: dict[str, Sequence[Message]], head: str = "", encoding: str = "utf-8") -> Path:
        parts = [head or f'<?xml version="1.0" encoding="{encoding}"?>\n', "<conversations>\n"]
        for key, messages in conversations.items():
            parts.append(f'<conversation id="{key}">\n')
            for line, (author, time, text) in enumerate(messages, start=1):
                clock = "" if time is None else f"<time>{time}</time>"
                parts.append(f'<message line="{line}"><author>{author}</author>{clock}<text>{text}</text></message>\n')
            parts.append("</conversation>\n")
        path = tmp_path / "corpus.xml"
        path.write_text("".join([*parts, "</conversations>\n"]), encoding=encoding)
        return path

    return written


@pytest.fixture
def conversation() -> Callable[..., CorpusConversation]:
    """``conversation(texts, authors=None, times_s=None, predators=None, key="a")``; authors alternate."""

    def made(
        texts: Sequence[str],
        authors: Sequence[int] | None = None,
        times_s: Sequence[float] | None = None,
        predators: Iterable[int] | None = None,
        key: str = "a",
    ) -> CorpusConversation:
        by = tuple(authors) if authors is not None else tuple(place % 2 for place in range(len(texts)))
        known = None if predators is None else frozenset(predators)
        return CorpusConversation(key, by, tuple(texts), None if times_s is None else tuple(times_s), known)

    return made


@pytest.fixture
def level() -> Callable[[float], Levels]:
    """Levels of a detector that is measured at one risk."""
    return lambda risk: Levels(np.array([risk], np.float32), {}, np.zeros(len(LADDER_RATES), np.int64))


@pytest.fixture
def require_silent() -> Callable[[BaseException], None]:
    """Fails where an exception, or one that it carries along, could show the text."""

    def check(error: BaseException) -> None:
        assert SECRET not in "".join(traceback.format_exception(error))
        assert error.__context__ is None and error.__cause__ is None
        assert SECRET not in repr(error) and SECRET not in repr(vars(error))

    return check
