"""Which conversations a code reaches, over time: who takes part, and what a regulator's audits put right.

The share of a platform's conversations that are covered only ever steps up or down at stated times, so a conversation,
whose own uniform says how early it is reached, knows the moment from which it is read.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.scenario.code import Audits, Code
from simharness.streams import uniform
from simharness.world.clock import DAY_S


@dataclass(frozen=True, slots=True)
class Regulation:
    """What the regulator did in the period."""

    audits: int = 0  # of single platforms
    found: int = 0
    sanctions: int = 0


class Coverage:
    """Share of a platform's conversations that an arm's code covers, as step functions of wall time."""

    def __init__(self, code: Code, platforms: tuple[str, ...], seed: int, start: dt.date, horizon_s: float) -> None:
        """``seed``: the replication's; ``start``: the period's first day."""
        self.prevented = code.safer_defaults.prevented if code.safer_defaults else 0.0
        self.displaced = code.displacement.share if code.displacement else 0.0
        steps = [_steps(code, name, start) for name in platforms]
        found = [Regulation()] * len(platforms)
        if code.audits is not None:
            audited = [_audited(place, one, code.audits, seed, horizon_s) for place, one in enumerate(steps)]
            steps, found = [one for one, _ in audited], [one for _, one in audited]
        self.regulation = Regulation(*(sum(getattr(one, name) for one in found) for name in Regulation.__slots__))
        self.times = [[time for time, _ in one] for one in steps]
        self.shares = [[share for _, share in one] for one in steps]

    def share(self, platform: int, wall_s: float) -> float:
        """Share of one platform's conversations that are covered at a time."""
        return self.shares[platform][bisect_right(self.times[platform], wall_s) - 1]

    def share_of(self, platform: NDArray[np.integer[Any]], wall_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share covered on platforms at times; the two arrays broadcast."""
        platforms, times = np.broadcast_arrays(platform, wall_s)
        out = np.empty(platforms.shape)
        for number in np.unique(platforms).tolist():
            rows = platforms == number
            at = np.searchsorted(self.times[number], times[rows], side="right") - 1
            out[rows] = np.array(self.shares[number])[at]
        return out

    def mean_shares(self, days: int) -> NDArray[np.float64]:
        """Share covered on each platform, mean over so many days at noon; shape (platforms,)."""
        noons = np.asarray((np.arange(days) + 0.5) * DAY_S, np.float64)
        return np.asarray(self.share_of(np.arange(len(self.times))[:, None], noons[None, :]).mean(axis=1))

    def covered_from(self, platform: int, draw: float, wall_s: float) -> float:
        """First time, not before ``wall_s``, at which a conversation with this uniform is covered; inf: never."""
        times, shares = self.times[platform], self.shares[platform]
        now = bisect_right(times, wall_s) - 1
        for place in range(now, len(shares)):
            if draw < shares[place]:
                return max(wall_s, times[place])
        return np.inf

    def ever(self, platform: int) -> bool:
        """Whether the platform takes part at all within the period."""
        return max(self.shares[platform]) > 0.0


def _steps(code: Code, name: str, start: dt.date) -> list[tuple[float, float]]:
    """(wall seconds, share from then on) of one platform as the scenario states it, the first at or before 0."""
    stated = code.coverage.get(name, 0.0)
    if not isinstance(stated, list):
        return [(0.0, stated)]
    steps = [((step.since - start).days * DAY_S, step.share) for step in stated]
    before = [share for time, share in steps if time <= 0.0]
    return [(0.0, before[-1] if before else 0.0), *(step for step in steps if step[0] > 0.0)]


def _audited(
    platform: int, steps: list[tuple[float, float]], audits: Audits, seed: int, horizon_s: float
) -> tuple[list[tuple[float, float]], Regulation]:
    """Audits see what is missing at their time; what they have put right stays right, whatever is stated later.

    One factor on what is missing runs through the period: an audit that detects multiplies it by 1 - closes once the
    remedy is in force, and from the second detection on by 1 - sanction as well.
    """
    rounds = np.arange(1, int(horizon_s // audits.interval) + 1)
    draws: NDArray[np.float64] = uniform(seed, "regulator.detects", platform, rounds)
    factors: list[tuple[float, float]] = []  # (in force from, factor)
    missing, done, found, sanctions = 1.0, 0, 0, 0
    for number, drawn in zip(rounds.tolist(), draws.tolist(), strict=True):
        time = number * audits.interval
        if time >= horizon_s:
            break
        done += 1
        stated = next(share for begins, share in reversed(steps) if begins <= time)
        in_force = next((factor for begins, factor in reversed(factors) if begins <= time), 1.0)
        if drawn >= audits.detects or (1.0 - stated) * in_force <= 0.0:
            continue
        found += 1
        missing *= 1.0 - audits.closes
        if found > 1 and audits.sanction is not None:
            sanctions += 1
            missing *= 1.0 - audits.sanction.closes
        factors.append((time + audits.remedy, missing))
    times = sorted({time for time, _ in (*steps, *factors)})
    merged = []
    for time in times:
        stated = next(share for begins, share in reversed(steps) if begins <= time)
        factor = next((factor for begins, factor in reversed(factors) if begins <= time), 1.0)
        merged.append((time, 1.0 - (1.0 - stated) * factor))
    return merged, Regulation(done, found, sanctions)
