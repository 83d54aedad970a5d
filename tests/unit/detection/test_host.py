"""What a detector's own process does with each request, here without the process."""

from __future__ import annotations

import json
import pickle
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simharness.detection import host
from simharness.detection.answers import Answer
from simharness.detection.faults import FAULT_KINDS, DetectorFailed
from simharness.detection.host import Resident, answer, serve
from simharness.errors import UsageError
from simharness.records import ConversationBatch, EventBatch

OWN = """
class Words:
    range = (0, 100)
    direction = "lower"

    def score(self, texts):
        return [None if not text else len(text.split()) for text in texts]

class Mapped:
    abstains = True

    def score(self, texts):
        return {text: 1.0 for text in texts}

class Learns:
    known = 0

    def fit(self, training):
        self.known += training
        self.range = (0, self.known)

    def risk(self, batch):
        return [len(batch.text(n)) + self.known for n in range(batch.symbol.size)]

class Counts:
    seen = 0

    def watch(self, events):
        self.seen += len(events)
        return [self.seen] * len(events)

class Holds:
    def __init__(self):
        self.kept = (n for n in range(3))  # no generator can be pickled

    def score(self, texts):
        return [next(self.kept) for _ in texts]

class Broken:
    def score(self, texts):
        raise KeyError("no such word")

class Sideways:
    direction = "sideways"

    def score(self, texts):
        return [0.0] * len(texts)
"""


@pytest.fixture
def conversations() -> ConversationBatch:
    """One conversation of six messages, of four texts."""
    none = np.empty(0)
    columns = {"time_s": np.arange(6.0), "begin": np.array([0]), "end": np.array([6])}
    rest: dict[str, Any] = dict.fromkeys(("platform", "declared_adult", "new_contacts_7d"), none)
    texts = ("velmo tarin", "the football was good", "sedda velmo", "homework then dinner")
    return ConversationBatch(texts, np.array([0, 3, 4, 7, 6, 1], np.uint16), **columns, **rest)


@pytest.fixture
def events() -> EventBatch:
    """Three events."""
    columns = ("time_s", "conversation", "number", "account", "child", "platform", "declared_adult")
    rest: dict[str, Any] = dict.fromkeys(columns, np.arange(3))
    return EventBatch(("velmo tarin", "sedda"), np.array([0, 3, 1], np.uint16), **rest)


@pytest.fixture
def resident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Resident, dict[str, Any]]]:
    """``resident(name)``: a class of the file above made in a Resident, and what it was introduced as."""
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.setattr(sys, "path", list(sys.path))  # a Resident sets it for good

    def made(name: str) -> tuple[Resident, dict[str, Any]]:
        here = Resident()
        return here, here.make(f"own.py:{name}", {}, "detectors.mine", str(tmp_path), list(sys.path))

    return made


def said(work: Callable[[], Any]) -> tuple[dict[str, Any], bytes]:
    """Header and bytes that come of a piece of work."""
    here, there = Pipe()
    answer(there, work)
    there.close()
    header = json.loads(here.recv_bytes())
    return header, here.recv_bytes() if here.poll() and {"numbers", "bytes"} & header.keys() else b""


def raising(error: Exception) -> Callable[[], Any]:
    def work() -> Any:
        raise error

    return work


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_a_fault_keeps_its_kind(kind: Any) -> None:
    assert said(raising(DetectorFailed(kind, "no"))) == ({"fault": kind, "problem": "no"}, b"")


def test_what_the_user_has_to_change_comes_in_its_parts() -> None:
    error = UsageError("detectors.mine", "no such file", allowed="a file", hint="Make one.")
    parts = {"where": "detectors.mine", "problem": "no such file", "allowed": "a file", "hint": "Make one."}
    assert said(raising(error)) == ({"usage": parts}, b"")


def test_numbers_bytes_and_anything_else_are_told_apart() -> None:
    header, payload = said(lambda: Answer(np.array([0.5, np.nan], np.float32), np.array([False, True])))
    assert header == {"numbers": 2} and np.array_equal(
        np.frombuffer(payload, np.float32, 2), np.array([0.5, np.nan], np.float32), equal_nan=True
    )
    assert np.frombuffer(payload, np.bool_, 2, offset=8).tolist() == [False, True] and len(payload) == 10
    assert said(lambda: b"\x00\x01") == ({"bytes": 2}, b"\x00\x01")
    assert said(lambda: {"reads": "texts"}) == ({"value": {"reads": "texts"}}, b"")
    assert said(lambda: None) == ({"value": None}, b"")


def test_an_exception_is_told_with_the_place_in_the_detectors_own_code(resident: Any) -> None:
    broken, _ = resident("Broken")
    line = 1 + OWN.splitlines().index('        raise KeyError("no such word")')
    header, _ = said(lambda: broken.score(("a",)))
    assert header == {"fault": "exception", "problem": f"raised KeyError: 'no such word' (own.py:{line})"}


def test_the_place_is_told_whatever_the_folder_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout of this project is called simharness, too."""
    folder = tmp_path / "simharness"
    folder.mkdir()
    (folder / "own.py").write_text(OWN)
    monkeypatch.setattr(sys, "path", list(sys.path))
    here = Resident()
    here.make("own.py:Broken", {}, "w", str(folder), list(sys.path))
    assert "(own.py:" in said(lambda: here.score(("a",)))[0]["problem"]


def test_a_place_within_the_harness_is_none_of_the_detectors() -> None:
    said_of = said(lambda: Resident().score(("a",)))[0]["problem"]  # no detector yet: raised in host.py
    assert said_of.startswith("raised AttributeError") and "(host.py" not in said_of


@pytest.mark.parametrize(
    ("name", "reads", "trainable", "declared"),
    [
        ("Words", "texts", False, {"range": (0.0, 100.0), "direction": "lower", "abstains": False}),
        ("Mapped", "texts", False, {"range": None, "direction": "higher", "abstains": True}),
        ("Learns", "conversations", True, {"range": None, "direction": "higher", "abstains": False}),
        ("Counts", "events", False, {"range": None, "direction": "higher", "abstains": False}),
    ],
)
def test_a_detector_is_introduced(
    resident: Any, name: str, reads: str, trainable: bool, declared: dict[str, Any]
) -> None:
    _, about = resident(name)
    assert about["source"] == OWN
    del about["source"]
    flags = {"trainable": trainable, "privileged": False, "aggregated": False}
    assert about == {"reads": reads, "declared": declared, "name": name} | flags


def test_a_declaration_that_is_none_is_told_when_it_is_made(resident: Any) -> None:
    header, _ = said(lambda: resident("Sideways")[1])
    assert header["fault"] == "exception"
    assert header["problem"].startswith("raised ValueError: direction: expected higher or lower, got 'sideways'")


def test_answers_are_read_where_they_are_given(resident: Any) -> None:
    words, _ = resident("Words")
    given = words.score(("a b", "", "c"))
    assert given.values[[0, 2]].tolist() == [2, 1] and given.abstained.tolist() == [False, True, False]
    mapped, _ = resident("Mapped")
    header, _ = said(lambda: mapped.score(("a", "b", "a")))
    assert header["fault"] == "wrong_length" and "keyed by text" in header["problem"]


def test_texts_are_kept_until_others_come(resident: Any, conversations: ConversationBatch) -> None:
    learns, _ = resident("Learns")
    bare = replace(conversations, texts=())
    first = learns.risk(bare, conversations.texts).values
    assert first.tolist() == [len(conversations.text(n)) for n in range(6)]
    assert learns.risk(bare, None).values.tolist() == first.tolist()
    others = tuple("x" * n for n in range(4))
    assert learns.risk(bare, others).values.tolist() == [0, 1, 2, 3, 3, 0]
    assert learns.risk(bare, None).values.tolist() == [0, 1, 2, 3, 3, 0]


def test_training_changes_what_is_declared_and_goes_along_with_the_state(
    resident: Any, conversations: ConversationBatch
) -> None:
    learns, _ = resident("Learns")
    told = learns.fit(pickle.dumps(5))
    assert told["range"] == (0.0, 5.0)
    other = Resident()
    other.restore(learns.snapshot(), list(sys.path))
    bare = replace(conversations, texts=())
    assert (
        other.risk(bare, conversations.texts).values.tolist() == learns.risk(bare, conversations.texts).values.tolist()
    )


def test_a_state_that_cannot_be_pickled_is_none(resident: Any) -> None:
    assert resident("Holds")[0].snapshot() is None


def test_a_watcher_keeps_what_it_has_seen(resident: Any, events: EventBatch) -> None:
    counts, _ = resident("Counts")
    bare = replace(events, texts=())
    assert [counts.watch(bare, texts).values[0] for texts in (events.texts, None)] == [3, 6]


def test_it_serves_until_nobody_asks_any_more(resident: Any, tmp_path: Path) -> None:
    resident("Words")
    here, there = Pipe()
    make = ("make", ("own.py:Words", {}, "w", str(tmp_path), list(sys.path)))
    for request in (make, ("score", (("a b",),))):
        here.send_bytes(pickle.dumps(request))
    server = threading.Thread(target=serve, args=(there,), daemon=True)
    server.start()
    assert json.loads(here.recv_bytes())["value"]["name"] == "Words"
    assert json.loads(here.recv_bytes()) == {"numbers": 1} and len(here.recv_bytes()) == 5
    assert server.is_alive()
    here.close()
    server.join(20)
    assert not server.is_alive()


def test_nobody_waiting_for_the_answer_is_no_error() -> None:
    here, there = Pipe()
    here.send_bytes(pickle.dumps(("snapshot", ())))
    here.close()
    serve(there)


def test_no_detector_opens_a_connection_where_the_harness_is_offline() -> None:
    for event in ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"):
        with pytest.raises(PermissionError, match="no detector may use the network here"):
            host._offline(event, ())
    host._offline("open", ("file", "r", 0))


def test_it_ends_when_its_parent_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    parents, ended = iter([4, 4, 4, 1]), []
    monkeypatch.setattr(host.os, "getppid", lambda: next(parents))
    monkeypatch.setattr(host.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(host.os, "_exit", ended.append)
    host._end_with(4)
    assert ended == [1]
