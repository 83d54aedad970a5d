"""What reviewers are asked to read and what they can: expected alerts, work and staff of every queue, before a run.

The fewest alerts are the false ones of the arm's stated rate; the most have one more for every grooming conversation
that its code covers. Between the two lies what a detector finds, which nobody knows before it is trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simharness.outcomes.cell import replication_seed
from simharness.response.coverage import Coverage
from simharness.response.staff import WEEK_S, on_duty
from simharness.scenario.policy import TO_QUEUE, Arm
from simharness.scenario.queues import Queue
from simharness.world.model import WorldModel

HOUR_S = 3600.0
MOST_CELLS = 20  # audits are drawn: coverage is averaged over the run's own first cells, at most so many


@dataclass(frozen=True, slots=True)
class Flow:
    """Alerts, right and false."""

    right: float
    false: float

    def __add__(self, other: Flow) -> Flow:
        return Flow(self.right + other.right, self.false + other.false)

    def times(self, right: float, false: float) -> Flow:
        """The part of them that goes a way that right and false ones take with these probabilities."""
        return Flow(self.right * right, self.false * false)

    @property
    def all(self) -> float:
        return self.right + self.false


@dataclass(frozen=True, slots=True)
class Load:
    """One queue in one replication: (fewest, most) alerts and hours of reading, and the hours on duty."""

    alerts: tuple[float, float]
    work_h: tuple[float, float]
    duty_h: float
    on_duty_h: float  # hours in which anybody is

    @property
    def utilisation(self) -> tuple[float, float]:
        low, high = (work / self.duty_h for work in self.work_h)
        return low, high

    @property
    def needed(self) -> tuple[float, float]:
        """Reviewers kept busy all the time that the queue is staffed: fewer than these, and it never keeps up."""
        low, high = (work / self.on_duty_h for work in self.work_h)
        return low, high


def covered_share(model: WorldModel, arm: Arm, weights: Mapping[str, float]) -> float:
    """Share of conversations an arm's code covers over the period. ``weights``: platforms' shares of them, 1 in all.

    Audits are those of the run's own cells.
    """
    assert arm.code is not None
    scenario = model.scenario
    shares = np.array([weights.get(name, 0.0) for name in model.platforms])
    cells = min(MOST_CELLS, scenario.replications) if arm.code.audits is not None else 1
    covered = [
        Coverage(
            arm.code, model.platforms, replication_seed(scenario, cell), scenario.period.start, scenario.horizon_s
        ).mean_shares(scenario.period.days)
        for cell in range(cells)
    ]
    return float(shares @ np.mean(covered, axis=0))


def loads(model: WorldModel, arm: Arm, false: float, grooming: float, nations: int = 1) -> dict[str, Load]:
    """Every queue's load, by name. ``false`` and ``grooming``: false alerts and covered grooming conversations a
    replication.
    """
    few, many = (_flows(arm, Flow(right, false)) for right in (0.0, grooming))
    return {name: _load(model, queue, few[name], many[name], nations) for name, queue in arm.queues.items()}


def _load(model: WorldModel, queue: Queue, few: Flow, many: Flow, nations: int) -> Load:
    work = (_work_s(queue, few) / HOUR_S, _work_s(queue, many) / HOUR_S)
    duty, open_h = _hours(model, queue)
    return Load((few.all, many.all), work, nations * duty, open_h)


def _flows(arm: Arm, raised: Flow) -> dict[str, Flow]:
    """What comes into every queue. No queue leads back to itself, so as many rounds as there are queues reach all."""
    into = {name: Flow(0.0, 0.0) for name in arm.queues}
    for _ in arm.queues:
        after = {name: _entering(arm.on_alert, name, raised) for name in arm.queues}
        for name, queue in arm.queues.items():
            right, false = confirms(queue)
            confirmed, cleared = into[name].times(right, false), into[name].times(1.0 - right, 1.0 - false)
            for other in arm.queues:
                after[other] += _entering(queue.on_confirmed, other, confirmed)
                after[other] += _entering(queue.on_cleared, other, cleared)
        into = after
    return into


def _entering(actions: list[str], queue: str, flow: Flow) -> Flow:
    times = actions.count(TO_QUEUE + queue)
    return flow.times(times, times)


def _of_tiers(queue: Queue, second: bool) -> dict[str, float]:
    """Share of readings by each tier: as its share of the staff's hours; of a second reading, the tier asked for."""
    asked = queue.second_review.tier if second and queue.second_review is not None else None
    if asked is not None:
        return {asked: 1.0}
    hours = dict.fromkeys(queue.tiers, 0.0)
    for shift in queue.shifts:
        hours[shift.tier or next(iter(queue.tiers))] += shift.staff * sum(
            end - begin for begin, end in on_duty(shift, 0)
        )
    total = sum(hours.values())
    return {name: each / total for name, each in hours.items()}


def _first(queue: Queue, *, second: bool = False) -> tuple[float, float]:
    """Probability that one reading confirms a right alert, and a false one."""
    shares = _of_tiers(queue, second)
    right = sum(share * queue.tiers[name].sensitivity for name, share in shares.items())
    return right, sum(share * (1.0 - queue.tiers[name].specificity) for name, share in shares.items())


def _read_again(queue: Queue, confirmed: float) -> tuple[float, float]:
    """Of alerts confirmed at the first reading with this probability: share confirmed, or cleared, and read again."""
    again = queue.second_review
    if again is None:
        return 0.0, 0.0
    share = again.share
    return share * confirmed * (again.of != "cleared"), share * (1.0 - confirmed) * (again.of != "confirmed")


def confirms(queue: Queue) -> tuple[float, float]:
    """Probability that a queue confirms a right alert, and a false one: after a second reading, where there is one."""
    found = []
    for once, twice in zip(_first(queue), _first(queue, second=True), strict=True):
        of_confirmed, of_cleared = _read_again(queue, once)
        found.append(once - of_confirmed + (of_confirmed + of_cleared) * twice)
    return found[0], found[1]


def _work_s(queue: Queue, flow: Flow) -> float:
    """Seconds of reading, without fatigue."""
    first, second = (
        sum(share * queue.tiers[name].service.distribution().mean for name, share in _of_tiers(queue, again).items())
        for again in (False, True)
    )
    again = sum(
        count * sum(_read_again(queue, once))
        for count, once in zip((flow.right, flow.false), _first(queue), strict=True)
    )
    return float(flow.all * first + again * second)


def _hours(model: WorldModel, queue: Queue) -> tuple[float, float]:
    """Staff-hours on duty in the period, and hours in which anybody is, in one population."""
    scenario = model.scenario
    day, scale, horizon = scenario.period.start.weekday(), scenario.scale, scenario.horizon_s
    duty, edges = 0.0, []
    for shift in queue.shifts:
        for begins, ends in on_duty(shift, day):
            for week in np.arange(0.0, horizon, WEEK_S):
                span = (min(week + begins, horizon), min(week + ends, horizon))
                duty += max(1, round(shift.staff * scale)) * (span[1] - span[0])
                edges.append(span)
    covered, reached = 0.0, 0.0
    for begins, ends in sorted(edges):
        covered += max(0.0, ends - max(begins, reached))
        reached = max(reached, ends)
    return duty / HOUR_S, covered / HOUR_S
