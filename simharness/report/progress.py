"""Progress of a run on stderr: a live bar on a terminal, otherwise one line per 5 % or 30 seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import IO

from simharness.units import format_duration

EVERY_SHARE = 0.05
EVERY_S = 30.0
PREPARE = "prepare"
_PREPARING = "training detectors and setting alert levels"
CELLS = "cells"  # each a replication, or one nation of it
_NOTHING_LEFT = "all cells were finished before"

Notify = Callable[[str, int, int], None]


@contextmanager
def progress(stream: IO[str], live: bool | None = None, counted: str = CELLS) -> Iterator[Notify]:
    """Show progress while the context is open. ``live``: a bar instead of lines; by default on a terminal only.
    ``counted``: what is counted when nothing is prepared any more.
    """
    bar = stream.isatty() if live is None else live
    with _bar(stream, counted) if bar else _lines(stream, counted) as notify:
        yield notify


@contextmanager
def _bar(stream: IO[str], counted: str) -> Iterator[Notify]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(_PREPARING, total=None)

        def notify(what: str, done: int, total: int) -> None:
            bar.update(task, description=_doing(what, done, total, counted), completed=done, total=total)

        yield notify


@contextmanager
def _lines(stream: IO[str], counted: str) -> Iterator[Notify]:
    lines = Lines(stream, counted=counted)
    stop = threading.Event()

    def beat() -> None:
        # A long replication must not look like a hung one: CI systems end jobs that say nothing.
        while not stop.wait(EVERY_S):
            lines.beat()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield lines.notify
    finally:
        stop.set()
        thread.join()


class Lines:
    """Decides which notices become lines. ``clock`` in seconds, from any beginning."""

    def __init__(self, stream: IO[str], clock: Callable[[], float] = monotonic, counted: str = CELLS) -> None:
        self._stream, self._clock, self._counted = stream, clock, counted
        self._began = self._told_at = clock()
        self._told_share = 0.0
        self._last: tuple[str, int, int] = (PREPARE, 0, 0)
        self._lock = threading.Lock()

    def notify(self, what: str, done: int, total: int) -> None:
        """Something was done: a line if it is the first or last notice, or 5 % or 30 s after the last line."""
        with self._lock:
            self._last = (what, done, total)
            share = done / total if total else 0.0
            ended = done == total and what != PREPARE
            if what == PREPARE or ended or share - self._told_share >= EVERY_SHARE - 1e-9 or self._due():
                self._tell(share)

    def beat(self) -> None:
        """Nothing was done for a while: a line if the last is 30 s old."""
        with self._lock:
            if self._due():
                _, done, total = self._last
                self._tell(done / total if total else 0.0)

    def _due(self) -> bool:
        return self._clock() - self._told_at >= EVERY_S

    def _tell(self, share: float) -> None:
        what, done, total = self._last
        now = self._clock()
        count = f"{done}/{total} ({100 * share:.0f} %)"
        line = f"{_doing(what, done, total, self._counted)}: {count}, {format_duration(now - self._began)}"
        print(line, file=self._stream, flush=True)
        self._told_share, self._told_at = share, now


def _doing(what: str, done: int, total: int, counted: str) -> str:
    if what != PREPARE:
        return counted
    return _NOTHING_LEFT if done == total else _PREPARING
