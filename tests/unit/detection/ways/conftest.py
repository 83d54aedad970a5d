"""A small labelled world made by hand, and a detector outside Python that counts words, with every way to go wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simharness.detection.protocol import TrainingSet
from simharness.records import ConversationBatch, EventBatch

TEXTS = ("velmo tarin", "the football was good", "sedda velmo \u00fc", "homework then dinner")

SCRIPT = '''
import json, os, signal, sys, time

def number(text):
    return None if text == "" else len(text.split()) / 4

def answer(asked):
    if "train" in asked:
        return {"id": asked["id"], "ok": True}
    if "conversations" in asked:
        scores = [[number(m["text"]) for m in c["messages"]] for c in asked["conversations"]]
    else:
        scores = [number(e if isinstance(e, str) else e["text"]) for e in asked.get("texts", asked.get("events"))]
    return {"id": asked["id"], "scores": scores}

def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()

def odd(mode, asked):
    """What goes wrong instead of an answer; None: nothing."""
    good, n = answer(asked), asked["id"]
    words = json.dumps(asked)
    odd = {
        "error": json.dumps({"id": n, "error": "cannot do " + words}),
        "nan": '{"id": %d, "scores": [NaN, 1, 1, 1]}' % n,
        "infinite": '{"id": %d, "scores": [1, -Infinity, 1, 1]}' % n,
        "too_large": '{"id": %d, "scores": [1, 1e39, 1, 1]}' % n,
        "short": json.dumps({"id": n, "scores": [1, 2, 3]}),
        "long": json.dumps({"id": n, "scores": [1] * 5}),
        "not_json": "{" + words,
        "banner": "model " + words,
        "list": "[1, 2]",
        "wrong_id": json.dumps({**good, "id": n + 1}),
        "id_true": json.dumps({**good, "id": True}),
        "no_id": json.dumps({"scores": good.get("scores")}),
        "no_scores": json.dumps({"id": n, "risk": [1, 1, 1, 1]}),
        "no_list": json.dumps({"id": n, "scores": words}),
        "strings": json.dumps({"id": n, "scores": [1, 1, 1, "0.5"]}),
        "truths": json.dumps({"id": n, "scores": [1, True, 1, 1]}),
        "huge": '{"id": %d, "scores": [1, 1, 1, 1], "more": "%s"}' % (n, "x" * 3_000_000),
        "deep": "{" + '"a":' + "[" * 100_000,
    }
    return odd.get(mode)
'''

CHILD = (
    SCRIPT
    + """
mode = sys.argv[1]
if mode == "start":
    sys.stderr.write("no model\\n" * 3)
    sys.exit(4)
if mode == "early":
    say("loading\\n")
if mode == "helper":
    import subprocess
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    open("helper.pid", "w").write(str(helper.pid))
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
open("child.pid", "a").write(str(os.getpid()) + "\\n")
if mode in ("deaf", "sip"):
    if mode == "sip":
        os.read(0, 8192)
    time.sleep(60)
for line in sys.stdin:
    asked = json.loads(line)
    if mode == "log":
        open("log.txt", "a").write(line)
    if mode == "silent" or mode == "stubborn" or (mode == "helper" and asked["id"] == 2):
        while True:
            time.sleep(60)
    if mode == "half_line":
        say('{"id": 1, "scores": [1')
        time.sleep(60)
    if mode == "drip":
        for _ in range(1000):
            say(" ")
            time.sleep(0.02)
    if mode == "exit" or (mode == "exit_later" and asked["id"] == 2):
        sys.stderr.write(line)
        sys.exit(3)
    if mode == "signal":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "half_exit":
        say('{"id": 1')
        sys.exit(0)
    if mode == "once":
        say(json.dumps(answer(asked)) + "\\n")
        sys.exit(0)
    if mode == "loud":
        sys.stderr.write("x" * 300_000 + "\\n")
    say((odd(mode, asked) or json.dumps(answer(asked))) + "\\n")
"""
)


@pytest.fixture
def child(tmp_path: Path) -> Callable[[str], list[str]]:
    """``child(mode)``: the command of the script, good or going wrong in one way, to be run in ``tmp_path``."""
    path = tmp_path / "child.py"
    path.write_text(CHILD)

    def command(mode: str) -> list[str]:
        return [sys.executable, "-E", "-S", path.name, mode]

    return command


@pytest.fixture(scope="session")
def conversations() -> ConversationBatch:
    """Three conversations of 3, 0 and 2 messages, the child's last message first seen as the fourth; one unowned."""
    return ConversationBatch(
        texts=TEXTS,
        symbol=np.array([0, 3, 4, 7, 6, 1], np.uint16),
        time_s=np.array([1.5, 2.0, 3.25, 0.0, 4.0, 5.0]),
        begin=np.array([0, 3, 4]),
        end=np.array([3, 3, 6]),
        platform=np.array([0, 1, 2], np.uint8),
        declared_adult=np.array([True, False, False]),
        new_contacts_7d=np.array([2.0, 0.0, 1.0], np.float32),
        key=np.array([11, 2**52 - 1, 13], np.uint64),
        first=np.array([1, 1, 4], np.int32),
    )


@pytest.fixture(scope="session")
def events() -> EventBatch:
    """Three events of two conversations."""
    return EventBatch(
        texts=TEXTS,
        symbol=np.array([0, 3, 4], np.uint16),
        time_s=np.array([1.0, 2.0, 3.0]),
        conversation=np.array([11, 12, 11], np.uint64),
        number=np.array([1, 1, 2], np.int32),
        account=np.array([5, 6, 5], np.uint64),
        child=np.array([7, 8, 7], np.uint64),
        platform=np.array([0, 1, 0], np.uint8),
        declared_adult=np.array([True, False, True]),
    )


@pytest.fixture(scope="session")
def training(conversations: ConversationBatch) -> TrainingSet:
    """The four texts with counts, the three conversations with labels."""
    return TrainingSet(
        texts=TEXTS,
        positive=np.array([30, 5, 20, 0]),
        negative=np.array([0, 40, 2, 60]),
        batch=conversations,
        grooming=np.array([True, False, True]),
        seed=7,
        vocabulary={"asks_age": ("velmo", "sedda"), "asks_area": ("tarin velmo",)},
    )


LEXICON = """
import json, sys

known = set()

def answer(asked):
    if "train" in asked:
        known.update(entry for words in asked["train"]["vocabulary"].values() for entry in words)
        return {"id": asked["id"], "ok": True}
    words, fragments = {e for e in known if " " not in e}, [e for e in known if " " in e]
    hits = [bool(words & set(t.split())) or any(f in t for f in fragments) for t in asked["texts"]]
    return {"id": asked["id"], "scores": [int(hit) for hit in hits]}
"""


@pytest.fixture(scope="session")
def lexicon() -> str:
    """Source of ``answer(request)``: detectors/keyword.py once more, from the vocabulary of the training."""
    return LEXICON


@pytest.fixture(scope="session")
def script() -> str:
    """Source of ``answer(request)`` and ``odd(mode, request)``: a detector that counts words, and what goes wrong."""
    return SCRIPT
