"""Scores made beforehand: the verdicts of a live pipeline, looked up where a detector would be asked.

What a pipeline is fed is written by ``simharness stream``; its verdicts name conversations and messages as that does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from simharness.detection.faults import DetectorFailed
from simharness.detection.numbered import NOT_THERE, Numbered
from simharness.detection.protocol import Detector
from simharness.detection.ways.score_files import blocks, fault, score_files
from simharness.records import ConversationBatch

Per = Literal["message", "conversation", "text"]
Missing = Literal["fail", "abstain"]

_NUMBERED, _TEXTS = ("conversation", "message", "score"), ("text", "score")
_NAMED = 3  # conversations named where something is missing


def scores(file: str | list[str], per: Per = "message", missing: Missing = "fail") -> Detector:
    """A detector that looks its answers up in files (.jsonl, .csv, either with .gz, or .parquet; a folder of them).

    ``per`` message: rows of conversation, message and score of that message by itself; conversation: the same, but
    scores are the running risk after the message; text: rows of text and score. An empty score abstains. ``missing``:
    what happens where something is asked that is in none of the files. Raises ValueError for another ``per`` or
    ``missing``. Files are read by ``open``, or when first asked.
    """
    if per not in get_args(Per):
        raise ValueError(f"per: expected one of {', '.join(get_args(Per))}, got {per!r}")
    if missing not in get_args(Missing):
        raise ValueError(f"missing: expected one of {', '.join(get_args(Missing))}, got {missing!r}")
    if per == "text":
        return TextScores(file, missing)
    return NumberedScores(file, missing, aggregated=per == "message")


class NumberedScores:
    """Scores by conversation and number of the message.

    ``aggregated``: ``risk`` gives scores of single messages, still to be turned into running risk.
    """

    abstains = True
    folder = Path()

    def __init__(self, file: str | list[str], missing: Missing, *, aggregated: bool) -> None:
        self.file = file
        self.missing = missing
        self.aggregated = aggregated
        self._table: Numbered | None = None

    @property
    def sources(self) -> list[Path]:
        """The files that decide the answers. Raises UsageError where there are none."""
        return score_files(self.file, self.folder)

    def open(self) -> None:
        """Read the files, if that has not been done. Raises UsageError, with the line if it can."""
        if self._table is None:
            self._table = _read_numbered(self.sources)

    def risk(self, batch: ConversationBatch) -> NDArray[np.float32]:
        """One number per message of the batch, nan where it abstains. Messages without a text count as not scored.

        Raises DetectorFailed (missing) and, when first asked, UsageError.
        """
        self.open()
        assert self._table is not None
        if batch.key.size != len(batch):
            raise DetectorFailed("missing", f"{len(batch)} conversations have no keys to look scores up by")
        out, owner = self._table.look_up(batch)
        out[_hidden(batch)] = np.nan
        gone = out == NOT_THERE
        if gone.any():
            if self.missing == "fail":
                keys = np.unique(batch.key[owner[gone]])
                named = ", ".join(map(str, keys[:_NAMED].tolist())) + (", ..." if keys.size > _NAMED else "")
                asked = f"{gone.sum()} of {gone.size} messages asked for"
                problem = (
                    f"{asked}, in {keys.size} of {len(batch)} conversations (keys {named}), are in none of the files"
                )
                raise DetectorFailed("missing", problem)
            out[gone] = np.nan
        return out


class TextScores:
    """Scores by text: every message with the same text has the same score."""

    abstains = True
    folder = Path()

    def __init__(self, file: str | list[str], missing: Missing) -> None:
        self.file = file
        self.missing = missing
        self._table: dict[str, float] | None = None

    @property
    def sources(self) -> list[Path]:
        """The files that decide the answers. Raises UsageError where there are none."""
        return score_files(self.file, self.folder)

    def open(self) -> None:
        """Read the files, if that has not been done. Raises UsageError, with the line if it can."""
        if self._table is None:
            self._table = _read_texts(self.sources)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One number per text, nan where it abstains; an empty text counts as not scored unless a file has it.

        Raises DetectorFailed (missing) and, when first asked, UsageError.
        """
        self.open()
        assert self._table is not None
        if self.missing == "fail":
            gone = sum(text not in self._table for text in texts if text)
            if gone:
                raise DetectorFailed("missing", f"{gone} of {len(texts)} texts asked for are in none of the files")
        return np.array([self._table.get(text, np.nan) for text in texts], np.float32)


def _hidden(batch: ConversationBatch) -> NDArray[np.bool_]:
    """Messages whose text nobody could read: it is the empty one at the end of the texts (``encryption.hide``)."""
    last = len(batch.texts) - 1
    if last < 0 or batch.texts[last]:
        return np.zeros(batch.symbol.size, np.bool_)
    return np.asarray(batch.symbol >> 1 == last)


def _read_numbered(files: list[Path]) -> Numbered:
    keys, numbers, values, ends = [], [], [], []
    for path in files:
        for block in blocks(path, _NUMBERED):
            keys.append(block["conversation"].to_numpy().astype(np.uint64))
            numbers.append(block["message"].to_numpy().astype(np.int32))
            values.append(block["score"].to_numpy(zero_copy_only=False).astype(np.float32))
        ends.append(sum(part.size for part in keys))
    key, number, value = np.concatenate(keys), np.concatenate(numbers), np.concatenate(values)
    del keys, numbers, values
    table, differs = Numbered.of(key, number, value)
    if differs.size:
        worst = int(differs[0])
        place = int(np.searchsorted(ends, worst, side="right"))
        start = ends[place - 1] if place else 0
        problem = f"message {number[worst]} of conversation {key[worst]} has another score elsewhere"
        raise fault(files[place], _NUMBERED, worst - start, problem)
    return table


def _read_texts(files: list[Path]) -> dict[str, float]:
    table: dict[str, float] = {}
    for path in files:
        rows = 0
        for block in blocks(path, _TEXTS):
            value = block["score"].to_numpy(zero_copy_only=False).astype(np.float32).tolist()
            for place, (text, score) in enumerate(zip(block["text"].to_pylist(), value, strict=True)):
                if (kept := table.setdefault(text, score)) != score and not (np.isnan(kept) and np.isnan(score)):
                    raise fault(path, _TEXTS, rows + place, "this text has another score above or in another file")
            rows += block.num_rows
    return table
