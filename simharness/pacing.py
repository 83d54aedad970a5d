"""Lines handed on at full speed, or as fast as the simulated clock runs times a factor; always whole lines."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import numpy as np
from numpy.typing import NDArray

from simharness.errors import UsageError

LATE_S = 1.0  # a line this late is worth telling
TELL_EVERY_S = 30.0

Write = Callable[[bytes], object]
Timed = tuple[str, NDArray[np.float64], list[str]]  # part, simulated seconds at which its lines are due, lines


def parse_speed(text: str) -> float:
    """Simulated seconds in a second, from ``60x``. Raises UsageError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)x", text.strip())
    if found is None or float(found[1]) <= 0.0:
        raise UsageError(
            f"--speed {text}", "no such speed", allowed="a number above 0 and x, as in 60x: a minute in a second"
        )
    return float(found[1])


@dataclass(slots=True)
class Pace:
    """When lines are due: simulated time runs ``speed`` times as fast as ``clock`` (seconds), from a part's first line.

    Deadlines count from there, not from the line before, so delays do not add up. ``tell`` is given a sentence where
    the reader is too slow.
    """

    speed: float
    clock: Callable[[], float]
    sleep: Callable[[float], object]
    tell: Callable[[str], object]
    latest_s: float = 0.0  # how late any line was
    _part: str | None = None
    _start: float = 0.0  # of the clock, at simulated time 0
    _told: float = field(default=-np.inf)

    def due(self, part: str, times: NDArray[np.float64]) -> Iterator[slice]:
        """Slices of the lines in order, each as soon as it is due."""
        if part != self._part:
            self._part, self._start = part, self.clock() - float(times[0]) / self.speed
        done = 0
        while done < times.size:
            wait = self._start + float(times[done]) / self.speed - self.clock()
            if wait > 0.0:
                self.sleep(wait)
                continue
            self._note(-wait)
            elapsed = (self.clock() - self._start) * self.speed
            ready = max(done + 1, int(np.searchsorted(times, elapsed, side="right")))
            yield slice(done, ready)
            done = ready

    def _note(self, late: float) -> None:
        self.latest_s = max(self.latest_s, late)
        now = self.clock()
        if late >= LATE_S and now - self._told >= TELL_EVERY_S:
            self._told = now
            self.tell(f"{late:.1f} s behind: the reader takes less than {self.speed:g}x")


def deliver(lines: Iterable[Timed], write: Write, pace: Pace | None = None, limit: int | None = None) -> int:
    """Write lines until they end or there are ``limit``; how many were written.

    Ctrl-C while lines are written takes effect after the last of them is whole.
    """
    done = 0
    for part, times, texts in lines:
        left = len(texts) if limit is None else min(len(texts), limit - done)
        for ready in pace.due(part, times[:left]) if pace and left else [slice(0, left)]:
            data = "".join(texts[ready]).encode("ascii")
            with undivided():
                write(data)
        done += left
        if done == limit:
            break
    return done


@contextmanager
def undivided() -> Iterator[None]:
    """Puts Ctrl-C off to the end of the block. A second one ends it at once: whoever reads may have stopped."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread is interrupted
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
