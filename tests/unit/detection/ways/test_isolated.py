"""A detector in a process of its own may raise, hang, crash or leave things behind: the harness goes on, and no process
stays.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import ConversationDetector, MessageDetector, StreamDetector, TrainingSet
from simharness.detection.ways import isolated as module
from simharness.detection.ways.isolated import Isolated, isolate
from simharness.errors import UsageError
from simharness.records import ConversationBatch, EventBatch

OWN = '''
import os, signal, socket, subprocess, sys, time

def helper():
    """Something a detector starts itself; its number goes into a file."""
    started = subprocess.Popen(["sleep", "60"])
    with open("helper.pid", "w") as file:
        file.write(str(started.pid))

def far_helper():
    """The same in a session of its own, with every file it inherits kept open."""
    if os.fork():
        return
    os.setsid()
    with open("helper.pid", "w") as file:
        file.write(str(os.getpid()))
    time.sleep(60)
    os._exit(0)

class Odd:
    """Does what the first text says, and gives the length of every text."""

    def __init__(self, folder):
        os.chdir(folder)

    def score(self, texts):
        for word in texts[0].split() if texts else ():
            getattr(self, word, str)()
        return [len(text) for text in texts]

    def prints(self):
        print("printed", flush=True)
        os.write(1, b"written\\n")

    def raises(self):
        raise LookupError("not here")

    def hangs(self):
        open("hanging", "w").close()
        time.sleep(60)

    def helps(self):
        helper()

    def helps_far(self):
        far_helper()

    def exits(self):
        os._exit(7)

    def leaves(self):
        sys.exit(8)

    def dies(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def connects(self):
        socket.create_connection(("127.0.0.1", 9), 1)

class Refused:
    def __init__(self):
        raise ValueError("no such model")

class Sudden:
    def __init__(self):
        os._exit(3)

class Learns:
    """Knows how many texts it was trained on, and counts what it was asked since; each training leaves a line."""

    def __init__(self, folder):
        self.file, self.known, self.asked = folder + "/fits.txt", 0, 0

    def fit(self, training):
        self.known = len(training.texts)
        with open(self.file, "a") as file:
            file.write("x")

    def score(self, texts):
        self.asked += 1
        if texts[0] == "exits":
            os._exit(7)
        return [self.known, self.asked]

class Holds(Learns):
    def fit(self, training):
        super().fit(training)
        self.kept = (n for n in range(3))  # no generator can be pickled

class FailsToLearn:
    def fit(self, training):
        raise ArithmeticError("singular")

    def score(self, texts):
        return [0.0] * len(texts)

class Same:
    """1 where the texts of a batch are those of the last batch, the same object."""

    last = None

    def risk(self, batch):
        same, self.last = batch.texts is self.last, batch.texts
        return [float(same)] * batch.symbol.size

class Counts:
    """How many events it has seen; with a training, from 100 on."""

    seen = 0

    def watch(self, events):
        self.seen += len(events)
        return [self.seen] * len(events)

class CountsOn(Counts):
    def fit(self, training):
        self.seen = 100
'''


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """``made(name, **options)``: a class of the file above, isolated; its process is ended after the test."""
    (tmp_path / "own.py").write_text(OWN)
    detectors: list[Isolated] = []

    def make(name: str, **options: Any) -> Any:
        detectors.append(isolate(f"own.py:{name}", options, "detectors.mine", tmp_path))
        return detectors[-1]

    yield make
    for detector in detectors:
        detector.close()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be seen does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends(pid: int) -> bool:
    """Whether a process ends; the system takes its own time for it."""
    deadline = time.monotonic() + 20
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def failed(question: Callable[[], Any]) -> DetectorFailed:
    with pytest.raises(DetectorFailed) as caught:
        question()
    assert caught.value.detector == ""  # the harness names it
    return caught.value


def helper_of(folder: Path) -> int:
    return int((folder / "helper.pid").read_text())


def test_what_a_detector_prints_raises_or_may_not_do_changes_nothing_for_the_next_question(
    made: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    detector = made("Odd", folder=str(tmp_path))
    assert isinstance(detector, MessageDetector)
    first = detector.pid
    assert detector.score(("prints", "velmo")).values.tolist() == [6.0, 5.0]
    printed = capfd.readouterr()
    assert printed.out == "" and printed.err == "printed\nwritten\n"
    line = 1 + OWN.splitlines().index('        raise LookupError("not here")')
    fault = failed(lambda: detector.score(("raises",)))
    assert (fault.kind, fault.problem) == ("exception", f"raised LookupError: not here (own.py:{line})")
    assert (
        "raised PermissionError: no detector may use the network"
        in failed(lambda: detector.score(("connects",))).problem
    )
    many = tuple(str(n) for n in range(400_000))
    answer = detector.score(many)
    assert answer.values.size == answer.abstained.size == 400_000 and answer.values[[9, 10, -1]].tolist() == [1, 2, 6]
    assert detector.score(()).values.size == 0
    assert detector.pid == first  # all of it in one process
    detector.close()
    assert ends(first)
    assert detector.score(("velmo",)).values.tolist() == [5.0] and detector.pid != first


def test_a_hanging_process_is_ended_with_what_it_started_and_another_answers(made: Any, tmp_path: Path) -> None:
    detector = made("Odd", folder=str(tmp_path))
    detector.timeout = 0.5
    first, begun = detector.pid, time.monotonic()
    fault = failed(lambda: detector.score(("helps hangs",)))
    assert time.monotonic() - begun < 20
    assert (fault.kind, fault.problem) == ("hang", "score gave no answer within 0.5 s; its process was ended")
    assert ends(first) and ends(helper_of(tmp_path))
    detector.timeout = 60.0
    assert detector.score(("velmo",)).values.tolist() == [5.0] and detector.pid != first


def test_what_a_detector_leaves_behind_cannot_hold_the_line(made: Any, tmp_path: Path) -> None:
    """It is in a session of its own, so it lives on; but nobody waits for it."""
    detector = made("Odd", folder=str(tmp_path))
    detector.timeout = 0.5
    begun = time.monotonic()
    try:
        assert failed(lambda: detector.score(("helps_far hangs",))).kind == "hang"
        assert time.monotonic() - begun < 20
    finally:
        os.kill(helper_of(tmp_path), signal.SIGKILL)


def test_a_crash_is_told_with_how_it_ended_and_takes_what_it_started_with_it(made: Any, tmp_path: Path) -> None:
    detector = made("Odd", folder=str(tmp_path))
    seen = set()
    for word, how in [
        ("helps exits", "exit status 7"),
        ("leaves", "exit status 8"),
        ("dies", "signal SIGKILL"),
    ]:
        seen.add(pid := detector.pid)
        fault = failed(lambda word=word: detector.score((word,)))
        assert (fault.kind, fault.problem) == ("crash", f"its process ended during score ({how})")
        assert ends(pid)
    assert len(seen) == 3 and ends(helper_of(tmp_path))
    os.kill(detector.pid, signal.SIGKILL)  # between two questions
    assert failed(lambda: detector.score(("velmo",))).kind == "crash"


def test_a_normal_end_leaves_nothing_behind(made: Any, tmp_path: Path) -> None:
    detector = made("Odd", folder=str(tmp_path))
    detector.score(("helps",))
    assert alive(helper_of(tmp_path))
    detector.close()
    detector.close()  # a second time is nothing
    assert ends(helper_of(tmp_path))


@pytest.mark.parametrize(
    ("name", "problem", "hint"),
    [
        ("Refused", "own.py:Refused cannot be made with options {}: ValueError: no such model", "options"),
        ("Sudden", "own.py:Sudden cannot be made: its process ended during make (exit status 3)", "by hand"),
    ],
)
def test_a_start_that_fails_is_the_users_to_mend(made: Any, name: str, problem: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        made(name)
    assert caught.value.where == "detectors.mine" and caught.value.problem.startswith(problem)
    assert hint in str(caught.value.hint)


def test_a_start_that_hangs_is_ended(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_S", 0.05)  # less than any import takes
    with pytest.raises(UsageError, match=r"cannot be made: make gave no answer within 0\.05 s"):
        made("Odd", folder=".")


def test_training_is_kept_over_a_crash_and_goes_along_with_a_clone(
    made: Any, tmp_path: Path, training: TrainingSet
) -> None:
    detector = made("Learns", folder=str(tmp_path))
    assert detector.fit(training) is detector
    assert [detector.score(("a", "b")).values.tolist() for _ in range(2)] == [[4, 1], [4, 2]]
    assert failed(lambda: detector.score(("exits", ""))).kind == "crash"
    assert detector.score(("a", "b")).values.tolist() == [4, 1]  # as it was after training, and asked nothing yet
    clone = detector.clone()
    there = cloudpickle.loads(cloudpickle.dumps(detector))  # as a worker gets it
    assert there.about == detector.about and there._child is None
    assert clone.score(("a", "b")).values.tolist() == [4, 1]
    assert detector.score(("a", "b")).values.tolist() == [4, 2]
    pid = clone.pid
    assert pid != detector.pid
    del clone
    gc.collect()
    assert ends(pid) and alive(detector.pid)
    assert (tmp_path / "fits.txt").read_text() == "x"


def test_what_cannot_be_pickled_is_trained_again(made: Any, tmp_path: Path, training: TrainingSet) -> None:
    detector = made("Holds", folder=str(tmp_path)).fit(training)
    assert detector.score(("a", "b")).values.tolist() == [4, 1]
    detector.restart()
    assert detector.score(("a", "b")).values.tolist() == [4, 1]
    assert (tmp_path / "fits.txt").read_text() == "xx"


def test_training_that_fails_is_a_fault(made: Any, training: TrainingSet) -> None:
    fault = failed(lambda: made("FailsToLearn").fit(training))
    assert fault.kind == "exception" and fault.problem.startswith("raised ArithmeticError: singular (own.py:")


def test_texts_of_batches_travel_once(made: Any, conversations: ConversationBatch) -> None:
    detector = made("Same")
    assert isinstance(detector, ConversationDetector)
    others = replace(conversations, texts=tuple([*conversations.texts]))  # equal, but not known to be
    batches = [conversations, conversations, others, others, conversations]
    assert [detector.risk(batch).values[0] for batch in batches] == [0, 1, 0, 1, 0]
    detector.restart()
    assert detector.risk(conversations).values.tolist() == [0] * 6  # another process knows none yet


def test_each_stream_is_watched_as_after_training(made: Any, events: EventBatch, training: TrainingSet) -> None:
    plain, trained = made("Counts"), made("CountsOn").fit(training)
    assert isinstance(plain, StreamDetector)
    pids = plain.pid, trained.pid
    for detector, before in ((plain, 0), (trained, 100)):
        seen = [detector.watch(events).values.tolist() for _ in range(2)]
        assert seen == [[before + 3] * 3, [before + 6] * 3]
        assert detector.begin().watch(events).values.tolist() == [before + 3] * 3
    assert plain.pid != pids[0] and trained.pid == pids[1]  # only a state that was never taken needs another process


def test_two_files_of_one_name_are_two_detectors(made: Any, tmp_path: Path) -> None:
    for place, score in (("one", 1), ("two", 2)):
        (tmp_path / place).mkdir()
        code = f"class Mine:\n    def score(self, texts):\n        return [{score}] * len(texts)\n"
        (tmp_path / place / "mine.py").write_text(code)
    detectors = [isolate("mine.py:Mine", {}, "w", tmp_path / place) for place in ("one", "two")]
    found = [detector.score(("a",)).values.tolist() for detector in detectors]
    for detector in detectors:
        detector.close()
    assert found == [[1], [2]] and len({detector.source for detector in detectors}) == 2


PARENT = """
import sys, time
from pathlib import Path
from simharness.detection.ways.isolated import isolate

detector = isolate("own.py:Odd", {"folder": sys.argv[1]}, "w", Path(sys.argv[1]))
print(detector.pid, flush=True)
detector.score(("hangs",))
"""


def test_a_hanging_detector_ends_with_the_harness(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while not (tmp_path / "hanging").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert alive(pid)
    parent.kill()
    parent.wait()
    assert ends(pid)
