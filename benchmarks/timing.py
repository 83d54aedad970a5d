"""Timing jobs in turn, so that a slow minute of the machine hits all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest, median and largest of some values."""

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(min(values), median(values), max(values))


@dataclass(frozen=True, slots=True)
class Timed:
    """One job, one entry a round: CPU seconds of a single pass, and what it returned."""

    seconds: list[float]
    results: list[Any]


def in_turn(jobs: Mapping[str, Callable[[], Any]], rounds: int, at_least_s: float = 0.2) -> dict[str, Timed]:
    """Run every job once a round, A B A B ..., after an untimed pass of each.

    CPU time of the process, all its threads: time per core, however busy the machine is. A job shorter than
    ``at_least_s`` is passed over several times a round, because one stray interrupt would show.
    """
    passes = {name: _passes(job, at_least_s) for name, job in jobs.items()}
    timed = {name: Timed([], []) for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            gc.collect()  # no job pays for what another left behind
            begun = time.process_time()
            for _ in range(passes[name]):
                result = job()
            timed[name].seconds.append((time.process_time() - begun) / passes[name])
            timed[name].results.append(result)
    return timed


def _passes(job: Callable[[], Any], at_least_s: float) -> int:
    job()  # compiles, and fills caches
    begun = time.process_time()
    job()
    return max(1, round(at_least_s / max(time.process_time() - begun, 1e-6)))


class Laps:
    """CPU seconds by step of one pass, the clock read between steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()

    def lap(self, step: str) -> None:
        """Put the time since the last reading down to ``step``."""
        now = time.process_time()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._last
        self._last = now
