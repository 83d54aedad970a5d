"""From the name a user gives to a corpus: ``chitchat``, or a file whose suffix tells its layout."""

from __future__ import annotations

from pathlib import Path

from simharness.corpora.chitchat import NOTE, installed_file, read_chitchat
from simharness.corpora.labels import Labels
from simharness.corpora.lines import opened
from simharness.corpora.pan import read_pan
from simharness.corpora.plain import read_csv, read_jsonl
from simharness.corpora.records import Corpus
from simharness.errors import UsageError

CHITCHAT = "chitchat"
SUFFIXES = (".xml", ".csv", ".jsonl")


def open_corpus(source: str, labels: Path | None = None, times: Path | None = None) -> Corpus:
    """The corpus of a source, which is read while it is gone through.

    Raises UsageError for what is missing, at once, and for what is wrong inside, while it is read.
    """
    if times is not None and Path(source).suffix != ".xml":
        raise UsageError("--times", "only the PAN-2012 layout (.xml) takes a side file of times")
    if source == CHITCHAT:
        if labels is not None:
            raise UsageError("--labels", "chitchat needs no labels: nobody in it is a predator")
        installed_file()
        return Corpus(CHITCHAT, read_chitchat(), NOTE)
    path = Path(source)
    if path.suffix not in SUFFIXES:
        allowed = f"{CHITCHAT}, or a file ending in {', '.join(SUFFIXES)}"
        raise UsageError(source, "no corpus of this kind", allowed=allowed)
    for file in (path, times):
        if file is not None:
            opened(file).close()
    known = Labels(labels) if labels else None
    if path.suffix == ".xml":
        return Corpus(path.name, read_pan(path, known, times))
    return Corpus(path.name, (read_csv if path.suffix == ".csv" else read_jsonl)(path, known))
