"""Cells (replications) on one or more processes: same bytes for any number of jobs, and nothing finished is ever lost.

Ctrl-C once: running cells finish and are handed to ``on_done``, no other starts. Ctrl-C twice: stop at once.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, ClassVar, Generic, TypeVar

from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_limits

from simharness.errors import RunIncomplete, SimharnessError, UsageError

T = TypeVar("T")

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_NOTICE = b"\nStopping: the running cells are being finished. Press Ctrl-C again to stop at once.\n"
_AGAIN = "Finished cells are kept: give the same command again to continue."


class Interrupted(SimharnessError):  # noqa: N818 - asked for by the user, nothing went wrong
    """Ctrl-C; every cell handed to ``on_done`` is complete."""

    exit_code: ClassVar[int] = 130


@dataclass(slots=True)
class _Progress:
    """What the parent knows of the run. ``running`` holds cells handed to a worker and not come back yet."""

    total: int
    done: int = 0
    interrupted: bool = False
    failure: BaseException | None = None
    running: set[int] = field(default_factory=set)

    @property
    def stopping(self) -> bool:
        return self.interrupted or self.failure is not None


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[T]):
    """What came back for a cell: a value, or an error with its traceback as text; neither when it was not started."""

    cell: int
    started: bool = True
    value: T | None = None
    error: Exception | None = None
    trace: str = ""


class _Task(Generic[T]):
    """One cell on its way to a worker.

    joblib reads its input ``jobs`` cells ahead, so ending the input is too late to hold back the next cells. A task is
    pickled at the moment it is sent: whether it still starts is decided there.
    """

    def __init__(self, work: Callable[[int], T], cell: int, progress: _Progress) -> None:
        self._work = work
        self._cell = cell
        self._progress = progress

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self._progress.stopping:
            return _Skipped, (self._cell,)
        self._progress.running.add(self._cell)
        return _Attempt, (self._work, self._cell)


@dataclass(frozen=True, slots=True)
class _Skipped:
    cell: int

    def __call__(self) -> _Outcome[Any]:
        return _Outcome(self.cell, started=False)


@dataclass(frozen=True, slots=True)
class _Attempt(Generic[T]):
    work: Callable[[int], T]
    cell: int

    def __call__(self) -> _Outcome[T]:
        try:
            with threadpool_limits(limits=1):
                return _Outcome(self.cell, value=self.work(self.cell))
        except Exception as error:
            return _Outcome(self.cell, error=_portable(error), trace=traceback.format_exc())


def run_cells(work: Callable[[int], T], cells: Sequence[int], jobs: int, on_done: Callable[[int, T], None]) -> None:
    """Call ``work(cell)`` for every cell on ``jobs`` processes, and ``on_done(cell, result)`` here as each completes.

    At most ``jobs`` cells run at a time; results wait here only while ``on_done`` is slower than the workers. BLAS and
    OpenMP get one thread, in this process (``jobs=1``) as in workers, because a sum split differently rounds
    differently. ``work`` and its results are pickled; ``work`` must not depend on the order of the cells.

    Raises :class:`UsageError` for ``jobs`` < 1; :class:`Interrupted` after Ctrl-C; whatever ``work`` raised, with a
    note naming the cell, once the cells beside it are done; :class:`RunIncomplete` when a worker was killed.
    """
    if jobs < 1:
        raise UsageError("--jobs", f"got {jobs}", allowed="an integer >= 1")
    progress = _Progress(total=len(cells))
    jobs = min(jobs, len(cells))
    run = _here if jobs <= 1 else _on_workers
    with _one_thread(), _first_interrupt(progress):
        try:
            run(work, cells, jobs, on_done, progress)
        except KeyboardInterrupt:
            raise Interrupted(_stopped(progress, "at once")) from None
    if progress.failure is not None:
        raise progress.failure
    if progress.interrupted:
        raise Interrupted(_stopped(progress, "by Ctrl-C"))


def _here(
    work: Callable[[int], T], cells: Sequence[int], jobs: int, on_done: Callable[[int, T], None], progress: _Progress
) -> None:
    for cell in cells:
        if progress.interrupted:
            return
        try:
            with threadpool_limits(limits=1):
                result = work(cell)
        except Exception as error:
            error.add_note(f"while running cell {cell}")
            raise
        on_done(cell, result)
        progress.done += 1


def _on_workers(
    work: Callable[[int], T], cells: Sequence[int], jobs: int, on_done: Callable[[int, T], None], progress: _Progress
) -> None:
    tasks = (delayed(_Task(work, cell, progress))() for cell in cells)
    try:
        # max_nbytes=None: a large array must not arrive as a read-only memory map in a worker and as an array here.
        with parallel_config(backend="loky", inner_max_num_threads=1, initializer=_ignore_interrupt):
            pool = Parallel(
                n_jobs=jobs, return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1, max_nbytes=None
            )
            outcomes = pool(tasks)
    except BrokenExecutor as error:  # the first task can break its worker before the second one has been sent
        raise _killed(progress, error) from error
    try:
        for outcome in outcomes:
            progress.running.discard(outcome.cell)
            if outcome.error is not None:
                _note_failure(progress, outcome)
            elif outcome.started:
                on_done(outcome.cell, outcome.value)
                progress.done += 1
    except BrokenExecutor as error:
        raise _killed(progress, error) from error
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib warns of unused results when it is stopped, which is the intention
            outcomes.close()


def _note_failure(progress: _Progress, outcome: _Outcome[Any]) -> None:
    if progress.failure is None and outcome.error is not None:
        outcome.error.add_note(f"while running cell {outcome.cell}; in the worker:\n{outcome.trace}")
        progress.failure = outcome.error


def _killed(progress: _Progress, error: BrokenExecutor) -> SimharnessError:
    # All workers are ended when one is killed, so which of the running cells was the cause cannot be told.
    named = " or ".join(f"cell {cell}" for cell in sorted(progress.running)) or "a cell"
    if progress.interrupted:
        return Interrupted(_stopped(progress, f"with {named} unfinished"))
    if "un-serialize" in str(error):  # loky's words for a task that a worker could not unpickle
        reason = str(error.__cause__ or error).strip('" \n').splitlines()[-1]
        return RunIncomplete(
            f"a worker process could not load what {named} needs (often a detector that cannot be imported there): "
            f"{reason}; {progress.done} of {progress.total} cells are done.\n  {_AGAIN} "
            "With --jobs 1 nothing has to be sent to another process."
        )
    return RunIncomplete(
        f"a worker process was killed while running {named}, most often because memory ran out; "
        f"{progress.done} of {progress.total} cells are done.\n  {_AGAIN} Fewer --jobs need less memory."
    )


def _stopped(progress: _Progress, how: str) -> str:
    return f"stopped {how}: {progress.done} of {progress.total} cells are done.\n  {_AGAIN}"


def _portable(error: Exception) -> Exception:
    """The error itself when it survives pickling; one that does not would take the whole pool down with it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _ignore_interrupt() -> None:
    # A terminal sends Ctrl-C to every process of the group; whether a worker goes on is for the parent to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _first_interrupt(progress: _Progress) -> Iterator[None]:
    """Note the first SIGINT, let the second raise KeyboardInterrupt. Only the main thread may handle signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if progress.interrupted:
            raise KeyboardInterrupt
        progress.interrupted = True
        with suppress(OSError):
            os.write(2, _NOTICE)  # not print: the signal may have arrived in the middle of one

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread also for libraries first loaded inside ``work``, which ``threadpool_limits`` cannot know yet."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
