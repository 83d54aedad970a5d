"""The child process in which a detector that is not ours lives: what it breaks, breaks here.

Started by :mod:`simharness.detection.ways.isolated` as ``python -m simharness.detection.host FD``. Requests come over
one connection as pickles of the harness's own making; answers go back as a JSON line and plain bytes, so that nothing
made by a detector is ever unpickled outside a child like this one.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cloudpickle
from threadpoolctl import ThreadpoolController

from simharness.detection.answers import Answer, Declared, read, read_scores
from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import ConversationDetector, MessageDetector, StreamDetector, Trainable
from simharness.detection.registry import make, source_of
from simharness.errors import UsageError
from simharness.records import ConversationBatch, EventBatch

NO_NETWORK = "SIMHARNESS_DETECTORS_OFFLINE"  # if set, no detector in a process of its own may open a connection
_NETWORK = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"})
_PARENT_CHECK_S = 1.0
_LOADS = ("make", "restore", "fit")  # what loads a detector's libraries
_OURS = Path(__file__).parents[1]


@dataclass(slots=True)
class Resident:
    """The detector of this process, and the texts that batches number."""

    detector: Any = None
    texts: tuple[str, ...] = ()

    def make(self, spec: str, options: Mapping[str, Any], where: str, folder: str, path: list[str]) -> dict[str, Any]:
        """Import and make the detector; what it is and says of itself. Raises UsageError."""
        sys.path[:] = path
        return self._introduce(make(spec, options, where, Path(folder)))

    def restore(self, snapshot: bytes, path: list[str]) -> None:
        """Take over the state of a child that ran the same detector before."""
        sys.path[:] = path
        self.detector = pickle.loads(snapshot)

    def fit(self, training: bytes) -> dict[str, Any]:
        """Train it."""
        self.detector.fit(pickle.loads(training))
        return asdict(Declared.of(self.detector))

    def snapshot(self) -> bytes | None:
        """Its whole state, for another child; None if it cannot be pickled."""
        try:
            return bytes(cloudpickle.dumps(self.detector))
        except Exception:
            return None

    def score(self, texts: tuple[str, ...]) -> Answer:
        return read_scores(self.detector.score(texts), texts)

    def risk(self, batch: ConversationBatch, texts: tuple[str, ...] | None) -> Answer:
        return read(self.detector.risk(self._whole(batch, texts)), batch.symbol.size, "messages")

    def watch(self, events: EventBatch, texts: tuple[str, ...] | None) -> Answer:
        return read(self.detector.watch(self._whole(events, texts)), events.symbol.size, "events")

    def _whole(self, batch: Any, texts: tuple[str, ...] | None) -> Any:
        """Texts travel only when they change: a few thousand strings would cost more than the messages."""
        if texts is not None:
            self.texts = texts
        return replace(batch, texts=self.texts)

    def _introduce(self, detector: Any) -> dict[str, Any]:
        self.detector = detector
        kinds = {"texts": MessageDetector, "conversations": ConversationDetector, "events": StreamDetector}
        return {
            "reads": next(name for name, kind in kinds.items() if isinstance(detector, kind)),
            "trainable": isinstance(detector, Trainable),
            "privileged": bool(getattr(detector, "privileged", False)),
            "aggregated": bool(getattr(detector, "aggregated", False)),
            "declared": asdict(Declared.of(detector)),
            "name": type(detector).__name__,
            "source": source_of(detector),
        }


def answer(connection: Connection, work: Callable[[], Any]) -> None:
    """Do one piece of work and send what came of it: a header, and bytes where it says so."""
    try:
        result = work()
    except UsageError as error:
        parts = {"where": error.where, "problem": error.problem, "allowed": error.allowed, "hint": error.hint}
        _send(connection, {"usage": parts})
    except DetectorFailed as error:
        _send(connection, {"fault": error.kind, "problem": error.problem})
    except Exception as error:
        _send(connection, {"fault": "exception", "problem": f"raised {_told(error)}"})
    else:
        if isinstance(result, Answer):
            _send(connection, {"numbers": result.values.size}, result.values.tobytes() + result.abstained.tobytes())
        elif isinstance(result, bytes):
            _send(connection, {"bytes": len(result)}, result)
        else:
            _send(connection, {"value": result})


def _told(error: Exception) -> str:
    """The error and where the detector's own code raised it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _OURS not in Path(frame.filename).parents]
    at = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{at}"


def _send(connection: Connection, header: Mapping[str, Any], payload: bytes | None = None) -> None:
    connection.send_bytes(json.dumps(header).encode())
    if payload is not None:
        connection.send_bytes(payload)


def serve(connection: Connection) -> None:
    """Answer requests until the harness goes away."""
    resident, threads = Resident(), ThreadpoolController()
    while True:
        try:
            method, arguments = pickle.loads(connection.recv_bytes())
            with threads.limit(limits=1):  # sums split over threads round differently
                answer(connection, partial(getattr(resident, method), *arguments))
        except (EOFError, OSError):  # nobody asks, or waits for the answer, any more
            return
        if method in _LOADS:  # to look for libraries takes longer than most answers
            threads = ThreadpoolController()


def _end_with(parent: int) -> None:
    """End when the harness does, even while a detector never comes back."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)
    os._exit(1)


def _offline(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _NETWORK:
        raise PermissionError("no detector may use the network here")


def main() -> None:
    """Serve over the file descriptor given as the argument."""
    connection = Connection(int(sys.argv[1]))
    os.dup2(2, 1)  # what a detector prints must not be lost among the harness's own output
    if os.environ.get(NO_NETWORK):
        sys.addaudithook(_offline)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    serve(connection)


if __name__ == "__main__":
    main()
