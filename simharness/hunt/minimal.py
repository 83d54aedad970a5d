"""The smallest trajectory that is missed for the same reason, by steps that always go the same way.

Hypothesis has shrunk it before; what it works on are the choices behind a trajectory, so that a gap between two of its
table's, or a pair of steps that only go together, is left to this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from simharness.hunt.classes import waited, without
from simharness.hunt.records import Sender, Step, Trajectory
from simharness.hunt.strategy import GAPS_MIN, MINUTE_S
from simharness.hunt.trajectory import small_talk

Holds = Callable[[Trajectory], bool]


def minimal(trajectory: Trajectory, holds: Holds, evidence: Sequence[tuple[str, Sender]] = ()) -> Trajectory:
    """The smallest trajectory that ``holds`` still says yes to, by dropping and lowering one thing at a time.

    ``evidence``: acts and who sends them, those first that tell most, and so take the fewest messages.
    """
    while True:
        before = trajectory
        trajectory = _told(trajectory, holds, evidence)
        for smaller in (_stays, _alone, _fewer, _shorter, _sooner):
            trajectory = smaller(trajectory, holds)
        if trajectory == before:
            return trajectory


def _told(trajectory: Trajectory, holds: Holds, evidence: Sequence[tuple[str, Sender]]) -> Trajectory:
    """With an act that tells more in all places of one that tells less."""
    for old in reversed(evidence):
        for act, sender in evidence[: evidence.index(old)]:
            steps = tuple(
                replace(step, act=act, sender=sender) if (step.act, step.sender) == old else step
                for step in trajectory.steps
            )
            other = replace(trajectory, steps=steps)
            if other != trajectory and holds(other):
                trajectory = other
                break
    return trajectory


def _stays(trajectory: Trajectory, holds: Holds) -> Trajectory:
    if trajectory.moved_at is None:
        return trajectory
    places = (None, *range(1, trajectory.moved_at))
    return next(filter(holds, (replace(trajectory, moved_at=place) for place in places)), trajectory)


def _alone(trajectory: Trajectory, holds: Holds) -> Trajectory:
    fewer = (replace(trajectory, beside=others) for others in range(trajectory.beside))
    return next(filter(holds, fewer), trajectory)


def _fewer(trajectory: Trajectory, holds: Holds) -> Trajectory:
    """Without single steps, small talk whose time is waited out, and pairs of steps; the last is the harm."""
    while (found := next(filter(holds, _dropped(trajectory)), None)) is not None:
        trajectory = found
    return trajectory


def _dropped(trajectory: Trajectory) -> Iterator[Trajectory]:
    places = range(len(trajectory.steps) - 1)
    yield from (without(trajectory, [place]) for place in places)
    yield from (waited(trajectory, [place]) for place in places if small_talk(trajectory.steps[place].act))
    yield from (without(trajectory, pair) for pair in combinations(places, 2))


def _shorter(trajectory: Trajectory, holds: Holds) -> Trajectory:
    """Runs of small talk by single messages: what is missed at 48 and at 98 need not be in between."""
    for place, step in enumerate(trajectory.steps):
        fewer = (_with(trajectory, place, replace(step, times=times)) for times in range(1, step.times))
        trajectory = next(filter(holds, fewer), trajectory)
    return trajectory


def _sooner(trajectory: Trajectory, holds: Holds) -> Trajectory:
    """Gaps in whole minutes; that before the first message counts for nothing."""
    trajectory = _with_gap(trajectory, 0, 1)
    for place in range(1, len(trajectory.steps)):
        trajectory = _lowered(trajectory, place, holds)
    return trajectory


def _lowered(trajectory: Trajectory, place: int, holds: Holds) -> Trajectory:
    """One gap at its least: the first of the table's that holds, then by bisection down to the one before."""
    now = int(trajectory.steps[place].gap_s // MINUTE_S)
    low = 0
    for high in [*(gap for gap in GAPS_MIN if gap < now), now]:
        if high == now or holds(_with_gap(trajectory, place, high)):
            break
        low = high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(_with_gap(trajectory, place, middle)) else (middle, high)
    return _with_gap(trajectory, place, high)


def _with_gap(trajectory: Trajectory, place: int, minutes: int) -> Trajectory:
    return _with(trajectory, place, replace(trajectory.steps[place], gap_s=minutes * MINUTE_S))


def _with(trajectory: Trajectory, place: int, step: Step) -> Trajectory:
    return replace(trajectory, steps=(*trajectory.steps[:place], step, *trajectory.steps[place + 1 :]))
