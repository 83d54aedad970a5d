"""A detector that is a process of its own: any language, any environment, JSON lines on stdin and stdout (wire.py).

It is started when it is first asked something, in the folder of the scenario and a session of its own, and is to go on
until its stdin ends. Its stderr is counted and dropped, because it may quote messages; ``SIMHARNESS_DETECTOR_STDERR=1``
in the environment passes it through to the terminal. POSIX only.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any, NoReturn

from simharness.detection.faults import DetectorFailed
from simharness.detection.ways.external import External, external
from simharness.detection.ways.wire import Request
from simharness.errors import UsageError

STDERR_VARIABLE = "SIMHARNESS_DETECTOR_STDERR"
LONGEST_ANSWER = 64 * 2**20  # bytes
GRACE_S = 1.0  # for a process to end once its stdin has ended, and again once it is told to
_CHUNK = 2**16
_POLL_S = 0.005
_LAST_CHUNKS = 64


def process(
    command: str | list[str],
    reads: str = "texts",
    batch: int | None = None,
    train: bool = False,
    environment: Mapping[str, str] | None = None,
) -> External:
    """A detector that speaks JSON lines on stdin and stdout.

    ``command``: words, or one string in the quoting of a shell (no shell is run). ``reads``: texts, conversations or
    events; ``batch`` of them a request. ``environment``: variables added to those of this process.
    Raises UsageError for options out of range, and for a command that does not exist.
    """
    words = _words(command)
    added = dict(environment or {})
    if not all(isinstance(text, str) for pair in added.items() for text in pair):
        raise UsageError("environment", "a name or value is no text", hint='Quote numbers: {THREADS: "1"}.')
    link = Process(words, added)
    if os.sep not in words[0]:  # other commands begin in the scenario's folder, which is not known yet
        link.settle(Path())
    return external(link, reads, batch, train)


class Process:
    """The link to a process, which is started when it is needed and ends with this object at the latest."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.command = tuple(command)
        self.environment = dict(environment)
        self.folder = Path()
        self._child: _Child | None = None
        self._finalizer: weakref.finalize[..., Any] | None = None

    @property
    def remembers(self) -> bool:
        """Whether it runs, and so knows what it was told before."""
        return self._child is not None

    @property
    def pid(self) -> int | None:
        """Of the process, while it runs."""
        return None if self._child is None else self._child.process.pid

    @property
    def sources(self) -> tuple[Path, ...]:
        """Files that the command names by their way from the folder it starts in."""
        own = [Path(word) for word in self.command if not Path(word).is_absolute()]
        return tuple(self.folder / path for path in own if (self.folder / path).is_file())

    def settle(self, folder: Path) -> None:
        """Start in this folder. Raises UsageError if there is no such command."""
        self.folder = folder
        name = self.command[0]
        found = shutil.which(str(folder.absolute() / name) if os.sep in name else name, path=self._all().get("PATH"))
        if found is None:
            raise UsageError(
                "command",
                f"there is no program {name!r} that can be run",
                hint="Give a program on the PATH, or its path from the scenario's folder; it must be executable.",
            )

    def ask(self, request: Request, timeout: float, repeatable: bool) -> bytes:
        """The answer's line within ``timeout`` seconds. Raises DetectorFailed (hang, crash, garbage)."""
        begun = time.monotonic()
        child = self._child or self._start()
        try:
            return child.ask(request, begun + timeout)
        except _Late as late:
            problem = f"no whole line within {timeout:g} s ({late}); the process was ended"
            self._stop(patient=False)
            raise DetectorFailed("hang", f"{request.what}: {problem}") from None
        except BaseException:  # also Ctrl-C: an answer on its way would be taken for the next one
            self._stop(patient=False)
            raise

    def close(self) -> None:
        """End the process and whatever it started; the next request starts it again."""
        self._stop(patient=True)

    def _stop(self, patient: bool) -> None:
        child, self._child = self._child, None
        if child is not None:
            if self._finalizer is not None:
                self._finalizer.detach()
            child.stop(patient)

    def _start(self) -> _Child:
        try:
            child = _Child(self.command, self.folder, self._all())
        except OSError as error:
            raise UsageError(
                "command", f"{self.command[0]!r} cannot be started in {self.folder}: {error.strerror}"
            ) from None
        self._child = child
        self._finalizer = weakref.finalize(self, child.stop, True)
        return child

    def _all(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_child": None, "_finalizer": None}


class _Late(Exception):  # noqa: N818 - becomes a fault
    """The deadline passed."""


class _Child:
    """One running process, its pipes never waited on without a deadline."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        shown = os.environ.get(STDERR_VARIABLE) == "1"
        self.process = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            cwd=folder,
            env=environment,
            start_new_session=True,  # Ctrl-C goes to the harness alone, and what it starts can be ended with it
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self._stdin, self._stdout = self.process.stdin, self.process.stdout
        self._answer = bytearray()  # what came and was not handed on: a line that nobody asked for stays for the next
        self._searched = 0
        self._unsent = memoryview(b"")
        self._ended = False
        self.errors = 0  # lines on stderr
        self._selector = DefaultSelector()
        for pipe, act in ((self._stdout, self._read), (self.process.stderr, self._read_error)):
            if pipe is not None:
                self._selector.register(pipe, EVENT_READ, act)
        for pipe in (self._stdin, self._stdout, self.process.stderr):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)

    def ask(self, request: Request, deadline: float) -> bytes:
        """Send a line and wait for one. Raises _Late, or DetectorFailed (crash, garbage)."""
        self._unsent = memoryview(request.body + b"\n")
        self._selector.register(self._stdin, EVENT_WRITE, self._write)
        while (line := self._line()) is None:
            if self._ended:
                self._crash(request)
            if len(self._answer) > LONGEST_ANSWER:
                problem = f"the answer's line is longer than {LONGEST_ANSWER} bytes; expected {_EXPECTED}"
                raise DetectorFailed("garbage", f"{request.what}: {problem}")
            wait = deadline - time.monotonic()
            if wait <= 0:
                unread = len(self._unsent)
                raise _Late(f"{unread} bytes of the request not read" if unread else f"got {len(self._answer)} bytes")
            for key, _ in self._selector.select(wait):
                key.data()
        odd = "a line that is none" if not line.lstrip().startswith(b"{") else ""
        odd = odd or ("an answer before it had read the whole request" if self._unsent else "")
        if odd:
            problem = f"the process printed {odd}; expected {_EXPECTED}. Stdout is for answers, all else goes to stderr"
            raise DetectorFailed("garbage", f"{request.what}: {problem}")
        return line

    def stop(self, patient: bool) -> None:
        """End it and all of its session: stdin ends (``patient``: and time is given for that), SIGTERM, SIGKILL."""
        with suppress(OSError):
            self._stdin.close()
        if not (patient and self._gone(GRACE_S)):
            self._signal(signal.SIGTERM)
            self._gone(GRACE_S)
        self._signal(signal.SIGKILL)  # also for what it started and left behind; until wait() the number stays its own
        self.process.wait()
        self._selector.close()
        for pipe in (self._stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def _line(self) -> bytes | None:
        end = self._answer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._answer)
            return None
        line = bytes(self._answer[:end])
        del self._answer[: end + 1]
        self._searched = 0
        return line

    def _write(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._stdin.fileno(), self._unsent[:_CHUNK]) :]
        except BlockingIOError:  # less room than it said
            return
        except BrokenPipeError:  # it ended, or will have to end for want of a request: stdout tells
            self._unsent = memoryview(b"")
        if not self._unsent:
            self._selector.unregister(self._stdin)

    def _read(self) -> None:
        part = os.read(self._stdout.fileno(), _CHUNK)
        self._answer += part
        self._ended = not part

    def _read_error(self) -> None:
        assert self.process.stderr is not None
        part = os.read(self.process.stderr.fileno(), _CHUNK)
        self.errors += part.count(b"\n")
        if not part and self.process.stderr in self._selector.get_map():
            self._selector.unregister(self.process.stderr)

    def _crash(self, request: Request) -> NoReturn:
        raise DetectorFailed("crash", f"{request.what}: the process {self._end()}; expected {_EXPECTED}{self._told()}")

    def _end(self) -> str:
        gone = self._gone(GRACE_S)
        if gone is None:
            return "closed its stdout without ending"
        if gone.si_code == os.CLD_EXITED:
            early = " (it has to go on until its stdin ends)" if gone.si_status == 0 else ""
            return f"ended with exit status {gone.si_status}{early}"
        return f"was ended by signal {gone.si_status} ({signal.Signals(gone.si_status).name})"

    def _told(self) -> str:
        if self.process.stderr is None:
            return ""
        with suppress(BlockingIOError):
            for _ in range(_LAST_CHUNKS):  # something it left behind may go on writing
                self._read_error()
        return f". It wrote {self.errors} lines to stderr: set {STDERR_VARIABLE}=1 to see them" if self.errors else ""

    def _gone(self, within: float) -> os.waitid_result | None:
        """How it ended, or None if it has not within so many seconds; its number is kept until ``wait``."""
        deadline = time.monotonic() + within
        while True:
            found = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is not None or time.monotonic() >= deadline:
                return found
            time.sleep(_POLL_S)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses where only a zombie is left
            os.killpg(self.process.pid, number)


_EXPECTED = "one line with one JSON object"


def _words(command: object) -> list[str]:
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise UsageError("command", f"{command!r} cannot be split into words: {error}") from None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        raise UsageError(
            "command", f"got {command!r}", allowed="a program and its arguments, as a list or one line of text"
        )
    return words
