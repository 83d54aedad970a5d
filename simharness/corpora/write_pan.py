"""A synthetic world written in the PAN-2012 layout, so that research code made for that corpus can be fed.

Three files, each marked synthetic: the conversations (a comment, and every author id begins with "synthetic-"), the ids
of the predators (the same ids), and a side file of absolute times, since the layout has hours and minutes only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from simharness.corpora.pan import DAY_S, HOUR_S, MINUTE_S
from simharness.detection.training import sample_contacts
from simharness.errors import UsageError
from simharness.records import ConversationBatch
from simharness.streams import derive_seed, uniform
from simharness.world.contacts import Contacts, concatenate
from simharness.world.generate import World
from simharness.world.model import Edition, WorldModel

MARK = "synthetic: true - every person and message here is simulated; risk acts are made-up words or neutral glosses"
EDITIONS: tuple[Edition, ...] = ("training", "use")  # PAN's training and test corpus


@dataclass(frozen=True, slots=True)
class Written:
    """Files of one corpus and what is in them."""

    corpus: Path
    predators: Path
    times: Path
    conversations: int
    messages: int
    grooming: int  # conversations
    named: int  # predators


def write_pan(model: WorldModel, folder: Path, grooming: int, benign: int, edition: Edition) -> Written:
    """Write a corpus of ``grooming`` and about ``benign`` conversations; the training and the use edition are different
    worlds. Raises UsageError where a file cannot be written.
    """
    world = World(model, derive_seed(model.scenario.seed, "pan", EDITIONS.index(edition)), edition=edition)
    contacts = concatenate(list(sample_contacts(world, grooming, benign)))
    # In one order for both kinds, or the place in the file would be the label.
    contacts = contacts.take(np.argsort(uniform(world.seed, "pan.order", contacts.conversation), kind="stable"))
    paths = [folder / f"synthetic-pan12-{edition}-{name}" for name in ("corpus.xml", "predators.txt", "times.jsonl")]
    offenders = sorted({_author(world.seed, "offender", int(each)) for each in contacts.initiator if each >= 0})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            corpus, predators, times = (stack.enter_context(_aside(path).open("w", encoding="utf-8")) for path in paths)
            predators.writelines(f"{name}\n" for name in offenders)
            conversations, messages = _write(world, contacts, corpus, times)
        for path in paths:
            os.replace(_aside(path), path)
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise UsageError(str(folder), problem, hint="Choose another folder.") from error
    known = int((contacts.initiator >= 0).sum())
    return Written(paths[0], paths[1], paths[2], conversations, messages, known, len(offenders))


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _write(world: World, contacts: Contacts, corpus: IO[str], times: IO[str]) -> tuple[int, int]:
    corpus.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- {MARK} -->\n<conversations>\n')
    conversations = messages = 0
    for batch in world.batches(contacts):
        view, wall = batch.view, world.model.clock.wall(batch.view.time_s)
        for row in range(len(view)):
            key = f"{int(view.key[row]):013x}"
            authors = _authors(world.seed, batch.contacts, row)
            corpus.write(f'  <conversation id="{key}">\n')
            for line, place, time in _messages(view, wall, row):
                corpus.write(_message(line, authors[int(view.symbol[place]) & 1], time, view.text(place)))
                times.write(json.dumps({"conversation": key, "line": line, "time": time, "synthetic": True}) + "\n")
                messages += 1
            corpus.write("  </conversation>\n")
            conversations += 1
    corpus.write("</conversations>\n")
    return conversations, messages


def _messages(view: ConversationBatch, wall: NDArray[np.float64], row: int) -> Iterator[tuple[int, int, float]]:
    """Line (from 1), place in the batch and wall time of every message of a conversation."""
    for line, place in enumerate(range(int(view.begin[row]), int(view.end[row])), start=1):
        yield line, place, float(wall[place])


def _message(line: int, author: str, time: float, text: str) -> str:
    hour, minute = int(time % DAY_S // HOUR_S), int(time % HOUR_S // MINUTE_S)
    return (
        f'    <message line="{line}">\n      <author>{author}</author>\n      <time>{hour:02d}:{minute:02d}</time>\n'
        f"      <text>{escape(text)}</text>\n    </message>\n"
    )


def _authors(seed: int, contacts: Contacts, row: int) -> tuple[str, str]:
    """Ids of the one who made contact and of the child. A harmless account is in one conversation only."""
    offender = int(contacts.initiator[row])
    made = ("offender", offender) if offender >= 0 else ("harmless", int(contacts.conversation[row]))
    return _author(seed, *made), _author(seed, "child", int(contacts.child[row]))


def _author(seed: int, kind: str, number: int) -> str:
    """A name in which neither kind nor number can be read."""
    digest = hashlib.blake2b(f"{kind} {number}".encode(), digest_size=16, key=seed.to_bytes(8, "big"))
    return f"synthetic-{digest.hexdigest()}"
