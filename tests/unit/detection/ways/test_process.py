"""Detectors that are processes: a real one for every way to go wrong; nothing hangs and nothing is left behind."""

from __future__ import annotations

import gc
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.keyword import Keyword
from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import ConversationDetector, MessageDetector, Trainable, TrainingSet
from simharness.detection.ways import process as module
from simharness.detection.ways.process import process
from simharness.errors import UsageError
from simharness.records import ConversationBatch, EventBatch

TEXTS = ("velmo tarin", "", "sedda velmo \u00fc", "homework then dinner")
SCORES = np.array([0.5, np.nan, 0.75, 0.75], np.float32)
Child = Callable[[str], list[str]]


@pytest.fixture
def made(child: Child, tmp_path: Path) -> Any:
    """``made(mode, **options)``: a detector in ``tmp_path``, closed at the end."""
    kept = []

    def make(mode: str, **options: Any) -> Any:
        detector = process(child(mode), **options)
        detector.folder = tmp_path
        kept.append(detector)
        return detector

    yield make
    for detector in kept:
        detector.close()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be seen does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "child.pid").read_text().split()]


def failed(detector: Any, texts: tuple[str, ...] = TEXTS) -> DetectorFailed:
    with pytest.raises(DetectorFailed) as caught:
        detector.score(texts)
    return caught.value


def test_texts_are_scored_in_batches(made: Any, tmp_path: Path) -> None:
    detector = made("log", batch=3)
    np.testing.assert_array_equal(detector.score(TEXTS * 2), np.tile(SCORES, 2))
    sent = [json.loads(line) for line in (tmp_path / "log.txt").read_text().splitlines()]
    assert [(each["id"], len(each["texts"])) for each in sent] == [(1, 3), (2, 3), (3, 2)]
    assert len(pids(tmp_path)) == 1
    assert detector.score(()).shape == (0,)
    assert detector.abstains


def test_conversations_keep_their_places(made: Any, conversations: ConversationBatch) -> None:
    detector = made("good", reads="conversations", batch=2)
    assert isinstance(detector, ConversationDetector) and not isinstance(detector, MessageDetector | Trainable)
    expected = np.array([0.5, 1.0, 0.75, np.nan, 0.75, 0.5], np.float32)  # the fourth belongs to none
    np.testing.assert_array_equal(detector.risk(conversations), expected)


def test_events_name_their_stream(made: Any, events: EventBatch, tmp_path: Path) -> None:
    detector = made("log", reads="events", batch=2)
    np.testing.assert_array_equal(detector.watch(events), np.array([0.5, 1.0, 0.75], np.float32))
    detector.watch(events)
    detector.restart()
    detector.watch(events)
    streams = [json.loads(line)["stream"] for line in (tmp_path / "log.txt").read_text().splitlines()]
    assert len(set(streams[:4])) == len(set(streams[4:])) == 1
    assert streams[0] != streams[4]


@pytest.mark.parametrize(
    ("mode", "kind", "says"),
    [
        ("error", "exception", "error of its own"),
        ("nan", "nan", "null to abstain"),
        ("infinite", "infinite", "null to abstain"),
        ("too_large", "infinite", "null to abstain"),
        ("short", "wrong_length", "got 3 where expected 4"),
        ("long", "wrong_length", "got 5 where expected 4"),
        ("not_json", "garbage", "cannot be read"),
        ("banner", "garbage", "all else goes to stderr"),
        ("early", "garbage", "all else goes to stderr"),
        ("list", "garbage", "one JSON object"),
        ("wrong_id", "garbage", "expected 1"),
        ("id_true", "garbage", "expected 1"),
        ("no_id", "garbage", "expected 1"),
        ("no_scores", "garbage", 'expected "scores"'),
        ("no_list", "garbage", "expected a list"),
        ("strings", "garbage", "score 4 is a string"),
        ("truths", "garbage", "score 2 is a truth value"),
        ("deep", "garbage", "cannot be read"),
        ("exit", "crash", "exit status 3"),
        ("start", "crash", "wrote 3 lines to stderr"),
        ("signal", "crash", "SIGKILL"),
        ("half_exit", "crash", "exit status 0"),
    ],
)
def test_every_fault_has_its_name_and_quotes_nothing(made: Any, mode: str, kind: str, says: str) -> None:
    found = failed(made(mode))
    assert found.kind == kind
    assert says in str(found)
    assert "request 1 (4 texts)" in str(found)
    assert not any(word in str(found) for text in TEXTS for word in text.split() if word != "then")


@pytest.mark.parametrize("mode", ["silent", "half_line", "drip", "stubborn"])
def test_what_does_not_answer_is_ended(made: Any, mode: str, tmp_path: Path) -> None:
    detector = made(mode)
    detector.timeout = 0.5
    begun = time.monotonic()
    assert failed(detector).kind == "hang"
    assert time.monotonic() - begun < 20
    assert not any(alive(pid) for pid in pids(tmp_path))


@pytest.mark.parametrize("mode", ["deaf", "sip"])
def test_a_process_that_does_not_read_cannot_hold_the_writer(made: Any, mode: str) -> None:
    detector = made(mode)
    detector.timeout = 0.5
    begun = time.monotonic()
    found = failed(detector, ("velmo " * 100_000,) * 4)
    assert found.kind == "hang" and "not read" in str(found)
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("end", ["hang", "close"])
def test_helpers_of_the_process_end_with_it(made: Any, tmp_path: Path, end: str) -> None:
    detector = made("helper")
    detector.score(TEXTS)
    helper = int((tmp_path / "helper.pid").read_text())
    assert alive(helper)
    if end == "hang":
        detector.timeout = 0.3
        assert failed(detector).kind == "hang"
    detector.close()
    deadline = time.monotonic() + 20
    while alive(helper) and time.monotonic() < deadline:  # the system ends it in its own time
        time.sleep(0.01)
    assert not alive(helper)


def test_a_crash_between_requests_is_told_and_the_next_request_starts_again(made: Any, tmp_path: Path) -> None:
    detector = made("exit_later")
    detector.score(TEXTS)
    found = failed(detector)
    assert found.kind == "crash" and "wrote 1 lines to stderr" in str(found)
    np.testing.assert_array_equal(detector.score(TEXTS), SCORES)
    assert len(set(pids(tmp_path))) == 2


def test_a_process_that_answers_once_and_ends_is_told_to_go_on(made: Any) -> None:
    detector = made("once")
    detector.score(TEXTS)
    assert "go on until its stdin ends" in str(failed(detector))


def test_an_answer_without_end_is_garbage(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    np.testing.assert_array_equal(made("huge").score(TEXTS), np.ones(4, np.float32))
    monkeypatch.setattr(module, "LONGEST_ANSWER", 2_000_000)
    assert failed(made("huge")).kind == "garbage"


def test_large_requests_and_loud_processes_do_not_block(made: Any) -> None:
    detector = made("loud", batch=50_000)
    assert detector.score(TEXTS * 10_000).shape == (40_000,)


def test_stderr_can_be_shown(made: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    failed(made("start"))
    assert capfd.readouterr().err == ""
    monkeypatch.setenv(module.STDERR_VARIABLE, "1")
    assert "stderr" not in str(failed(made("start")))
    assert capfd.readouterr().err == "no model\n" * 3


@pytest.mark.parametrize("end", ["close", "collect"])
def test_no_process_is_left(child: Child, tmp_path: Path, end: str) -> None:
    detector: Any = process(child("good"))
    detector.folder = tmp_path
    detector.score(TEXTS)
    (pid,) = pids(tmp_path)
    assert alive(pid)
    if end == "close":
        detector.close()
        detector.close()
    del detector
    gc.collect()
    assert not alive(pid)


def test_no_process_is_left_when_the_harness_ends(child: Child, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from simharness.detection.ways.process import process\n"
        f"detector = process({child('deaf')!r}); detector.folder = Path(sys.argv[1]); detector.timeout = 60\n"
        "detector.link._start(); import time\n"
        "while not (Path(sys.argv[1]) / 'child.pid').exists(): time.sleep(0.01)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    assert not any(alive(pid) for pid in pids(tmp_path))


def test_a_copy_starts_a_process_of_its_own(made: Any, tmp_path: Path) -> None:
    detector = made("good", train=False)
    detector.timeout = 30.0
    detector.score(TEXTS)
    copy = pickle.loads(pickle.dumps(detector))
    assert copy.timeout == 30.0 and copy.folder == tmp_path
    np.testing.assert_array_equal(copy.score(TEXTS), SCORES)
    assert len(set(pids(tmp_path))) == 2
    copy.close()


def test_training_is_told_again_after_a_restart_a_crash_and_a_copy(
    made: Any, training: TrainingSet, conversations: ConversationBatch, tmp_path: Path
) -> None:
    detector = made("log", reads="conversations", train=True, batch=2)
    assert isinstance(detector, Trainable)
    detector.fit(training)
    detector.risk(conversations)
    detector.restart()
    detector.risk(conversations)
    os.kill(pids(tmp_path)[-1], 9)
    with pytest.raises(DetectorFailed):
        detector.risk(conversations)
    detector.risk(conversations)
    copy = pickle.loads(pickle.dumps(detector))
    copy.risk(conversations)
    copy.close()
    ids = [json.loads(line)["id"] for line in (tmp_path / "log.txt").read_text().splitlines()]
    assert [bool(number) for number in ids] == [False, False, False, True, True] * 4


def test_copies_of_a_detector_of_texts_carry_no_conversations(made: Any, training: TrainingSet) -> None:
    detector = made("good", train=True)
    detector.fit(training)
    assert len(detector._training.batch) == 0
    np.testing.assert_array_equal(detector.score(TEXTS), SCORES)


LINES = """
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
"""


def test_the_keyword_detector_scores_the_same_in_a_process(training: TrainingSet, lexicon: str, tmp_path: Path) -> None:
    (tmp_path / "lexicon.py").write_text(lexicon + LINES)
    outside: Any = process([sys.executable, "lexicon.py"], train=True, batch=2)
    outside.folder = tmp_path
    assert outside.sources == (tmp_path / "lexicon.py",)
    inside = Keyword(coverage=1.0).fit(training)
    found = outside.fit(training).score(training.texts)
    outside.close()
    np.testing.assert_array_equal(found, inside.score(training.texts))
    assert set(found.tolist()) == {0.0, 1.0}


def test_the_environment_is_added(tmp_path: Path) -> None:
    (tmp_path / "env.py").write_text(
        "import json, os, sys\n"
        "for line in sys.stdin:\n"
        "    print(json.dumps({'id': json.loads(line)['id'], 'scores': [int(os.environ['LEVEL'])]}), flush=True)\n"
    )
    detector: Any = process(f"{sys.executable} env.py", environment={"LEVEL": "5"})
    detector.folder = tmp_path
    assert detector.score(["a"]).tolist() == [5.0]
    detector.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"command": "no-such-program-here --fast"}, "no program 'no-such-program-here'"),
        ({"command": ""}, "command"),
        ({"command": []}, "command"),
        ({"command": "a 'b"}, "split"),
        ({"command": ["python3", 3]}, "command"),
        ({"command": sys.executable, "reads": "text"}, "Did you mean 'texts'?"),
        ({"command": sys.executable, "batch": 0}, "an integer >= 1"),
        ({"command": sys.executable, "batch": True}, "an integer >= 1"),
        ({"command": sys.executable, "train": "yes"}, "true or false"),
        ({"command": sys.executable, "environment": {"THREADS": 1}}, "Quote numbers"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        process(**options)
    assert says in str(caught.value)


def test_a_program_of_the_scenario_s_folder_is_looked_for_there(tmp_path: Path) -> None:
    detector = process("./detector.sh")
    with pytest.raises(UsageError, match=r"no program './detector.sh'"):
        detector.folder = tmp_path
    (tmp_path / "detector.sh").write_text("#!/bin/sh\nexit 7\n")
    with pytest.raises(UsageError, match="executable"):
        detector.folder = tmp_path
    (tmp_path / "detector.sh").chmod(0o755)
    detector.folder = tmp_path
    assert "exit status 7" in str(failed(detector))


def test_a_folder_that_is_gone_is_named(child: Child, tmp_path: Path) -> None:
    detector = process(child("good"))
    detector.folder = tmp_path / "gone"
    with pytest.raises(UsageError, match="cannot be started in"):
        detector.score(TEXTS)  # type: ignore[attr-defined]
