"""A Python detector that is not ours, in a process of its own: it may raise, hang, crash or leak, and the run goes on.

The process is started when it is first needed, in whichever worker needs it; one that is killed is started again with
the state the detector had after training.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import cloudpickle
import numpy as np

from simharness.detection.answers import Answer, Declared
from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import TrainingSet
from simharness.errors import UsageError
from simharness.records import ConversationBatch, EventBatch

START_S = 120.0  # imports of heavy packages; a start that takes longer hangs
_ENDING_S = 2.0
_POLL_S = 0.01
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Isolated:
    """The harness's side of a detector in a process of its own; see the subclasses for what it reads.

    ``timeout`` is in seconds, for one answer; ``training_timeout`` for ``fit``. Every method raises DetectorFailed
    (exception, hang, crash, wrong_length or garbage).
    """

    def __init__(self, spec: str, options: Mapping[str, Any], where: str, folder: Path, about: dict[str, Any]) -> None:
        self.spec, self.options, self.where, self.folder = spec, dict(options), where, folder
        self.timeout, self.training_timeout = 60.0, 600.0
        self.about = about
        self._told = Declared(**about["declared"])
        self._training: bytes | None = None
        self._snapshot: bytes | None = None
        self._child: _Child | None = None

    @property
    def privileged(self) -> bool:
        return bool(self.about["privileged"])

    @property
    def aggregated(self) -> bool:
        return bool(self.about["aggregated"])

    @property
    def range(self) -> tuple[float, float] | None:
        return self._told.range

    @property
    def direction(self) -> str:
        return self._told.direction

    @property
    def abstains(self) -> bool:
        return self._told.abstains

    @property
    def source(self) -> str:
        """The detector's source."""
        return str(self.about["source"])

    @property
    def pid(self) -> int:
        """Of its process, started if it is not running."""
        return self._running().process.pid

    def fit(self, training: TrainingSet) -> Self:
        """Train it, if it wants to be."""
        if self.about["trainable"]:
            payload = cloudpickle.dumps(training)
            self._told = Declared(**self._ask("fit", payload, timeout=self.training_timeout))
            self._snapshot = self._ask("snapshot")
            self._training = payload if self._snapshot is None else None
        return self

    def restart(self) -> None:
        """End its process; the next question starts another, trained as this one was."""
        self.close()

    def close(self) -> None:
        """End its process."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def clone(self) -> Self:
        """Another process with the same trained detector, which remembers nothing else of this one."""
        return cloudpickle.loads(cloudpickle.dumps(self))  # type: ignore[no-any-return]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_child": None}

    def _ask(self, method: str, *arguments: Any, timeout: float | None = None) -> Any:
        child = self._running()
        try:
            return child.ask(method, arguments, self.timeout if timeout is None else timeout)
        except DetectorFailed as error:
            if error.kind in ("hang", "crash"):
                self._child = None
            raise

    def _running(self) -> _Child:
        if self._child is None:
            child = _Child()
            try:
                self._prepare(child)
            except BaseException:
                child.end()
                raise
            self._child = child
        return self._child

    def _prepare(self, child: _Child) -> None:
        if self._snapshot is not None:
            child.ask("restore", (self._snapshot, sys.path), START_S)
            return
        child.ask("make", (self.spec, self.options, self.where, str(self.folder.absolute()), sys.path), START_S)
        if self._training is not None:
            child.ask("fit", (self._training,), self.training_timeout)


class IsolatedMessages(Isolated):
    """A detector with ``score(texts)``."""

    def score(self, texts: tuple[str, ...]) -> Answer:
        return self._ask("score", tuple(texts))  # type: ignore[no-any-return]


class IsolatedConversations(Isolated):
    """A detector with ``risk(batch)``."""

    def risk(self, batch: ConversationBatch) -> Answer:
        child = self._running()
        return self._ask("risk", replace(batch, texts=()), child.new(batch.texts))  # type: ignore[no-any-return]


class IsolatedStream(Isolated):
    """A detector with ``watch(events)``."""

    def fit(self, training: TrainingSet) -> Self:
        """Train it, if it wants to be, and keep how it is now: every stream begins there."""
        super().fit(training)
        if not self.about["trainable"]:
            self._snapshot = self._ask("snapshot")
        return self

    def begin(self) -> Self:
        """Forget what was watched since training: another stream begins."""
        if self._snapshot is None:
            self.restart()
        else:
            self._ask("restore", self._snapshot, sys.path)
        return self

    def watch(self, events: EventBatch) -> Answer:
        child = self._running()
        return self._ask("watch", replace(events, texts=()), child.new(events.texts))  # type: ignore[no-any-return]


_KINDS = {"texts": IsolatedMessages, "conversations": IsolatedConversations, "events": IsolatedStream}


def isolate(spec: str, options: Mapping[str, Any], where: str, folder: Path) -> Isolated:
    """Make a detector in a process of its own. Raises UsageError where it cannot be made or is no detector."""
    child = _Child()
    try:
        about = child.ask("make", (spec, dict(options), where, str(folder.absolute()), sys.path), START_S)
    except DetectorFailed as error:
        child.end()
        problem = f"{spec} cannot be made: {error.problem}"
        raise UsageError(where, problem, hint="Make it once by hand in Python to see what happens.") from None
    except BaseException:
        child.end()
        raise
    detector = _KINDS[about["reads"]](spec, options, where, folder, about)
    detector._child = child
    return detector


class _Child:
    """One process with a detector in it. What it is asked is answered, or its end is noticed."""

    def __init__(self) -> None:
        ours, theirs = Pipe()
        # One thread for libraries that only look once, when they are loaded.
        environment = os.environ | dict.fromkeys(_THREADS, "1")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simharness.detection.host", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the harness to act on
        )
        theirs.close()
        self._connection: Connection[Any, Any] = ours
        self._texts: tuple[str, ...] = ()
        self.end = weakref.finalize(self, _end, self.process, ours)

    def new(self, texts: tuple[str, ...]) -> tuple[str, ...] | None:
        """The texts if the child does not have them yet."""
        if texts is self._texts:
            return None
        self._texts = texts
        return texts

    def ask(self, method: str, arguments: tuple[Any, ...], timeout: float) -> Any:
        """The answer to one request. Raises what the child names, or DetectorFailed hang or crash."""
        late = threading.Event()

        def stop() -> None:
            late.set()
            _kill(self.process)
            _hang_up(self._connection)

        timer = threading.Timer(timeout, stop)
        timer.daemon = True
        timer.start()
        try:
            self._connection.send_bytes(cloudpickle.dumps((method, arguments)))
            header = json.loads(self._connection.recv_bytes())
            payload = self._connection.recv_bytes() if {"numbers", "bytes"} & header.keys() else b""
        except (EOFError, OSError):
            raise self._gone(method, late.is_set(), timeout) from None
        finally:
            timer.cancel()
        return _read(header, payload)

    def _gone(self, method: str, late: bool, timeout: float) -> DetectorFailed:
        self.end()
        if late:
            return DetectorFailed("hang", f"{method} gave no answer within {timeout:g} s; its process was ended")
        code = self.process.returncode
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit status {code}"
        return DetectorFailed("crash", f"its process ended during {method} ({how})")


def _read(header: Mapping[str, Any], payload: bytes) -> Any:
    if "usage" in header:
        parts = header["usage"]
        raise UsageError(parts["where"], parts["problem"], allowed=parts["allowed"], hint=parts["hint"])
    if "fault" in header:
        raise DetectorFailed(header["fault"], header["problem"])
    if "numbers" in header:
        size = header["numbers"]
        values = np.frombuffer(payload, np.float32, size)
        return Answer(values, np.frombuffer(payload, np.bool_, size, offset=values.nbytes))
    return payload if "bytes" in header else header["value"]


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS refuses where only a zombie is left
        os.killpg(process.pid, signal.SIGKILL)  # with whatever the detector started itself


def _hang_up(connection: Connection[Any, Any]) -> None:
    """End a wait for an answer even if something the detector left behind, in a session of its own, holds the line."""
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def _end(process: subprocess.Popen[bytes], connection: Connection[Any, Any]) -> None:
    """End it, and what it started and left behind. It ends by itself when nobody listens any more."""
    connection.close()
    deadline = time.monotonic() + _ENDING_S
    while _runs(process) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    _kill(process)  # until wait() the number stays its own
    process.wait()


def _runs(process: subprocess.Popen[bytes]) -> bool:
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
