"""Cost against effect: which options are worth considering, what more effect costs, and how sure the ranking is.

Plain functions on numbers and arrays. Effects count what is gained (events averted): more is better. After Drummond et
al. 2015, "Methods for the Economic Evaluation of Health Care Programmes", 4th ed., chapters 4 and 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simharness.errors import UsageError
from simharness.metrics.intervals import LEVEL, RESAMPLES, Interval, Values, mean_interval, ratio_interval, resampled

Status = Literal["frontier", "dominated", "extendedly dominated"]


@dataclass(frozen=True, slots=True)
class Incremental:
    """Extra cost for one more unit of effect. ``reason``: why ``ratio`` is None."""

    ratio: Interval | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an option stands. ``icer``: cost of one more unit of effect over ``against``, the next less effective one
    on the frontier; None off the frontier, and for the least costly option on it.
    """

    status: Status
    icer: float | None = None
    against: str | None = None


def incremental_ratio(costs: Values, effects: Values, level: float = LEVEL) -> Incremental:
    """Sum of extra costs over sum of extra effects, shapes (replications,), with its bootstrap interval.

    Both are differences between the same two options, replication by replication. Only where the interval of the mean
    effect lies above 0: a ratio whose denominator may be 0 or below has no interval that means anything (its sign says
    neither better nor worse), and is None with the reason.
    """
    effect = mean_interval(effects, level)
    if effect.estimate is None:
        return Incremental(None, "no replication")
    if effect.low is None:
        return Incremental(None, "one replication: whether anything is gained is not known")
    if effect.low <= 0.0:
        sure = "nothing is gained" if effect.estimate <= 0.0 else "the interval of what is gained includes 0"
        return Incremental(None, sure)
    return Incremental(ratio_interval(costs, effects, level), None)


def frontier(costs: Mapping[str, float], effects: Mapping[str, float]) -> dict[str, Standing]:
    """Where every option stands by its mean cost and mean effect.

    Dominated: another costs no more and does no less, and is better in one of the two. Extendedly dominated: a mix of
    two others is better (Johannesson & Weinstein 1993, Journal of Health Economics 12, 459-467), so the cost of one
    more unit of effect never falls along the frontier. Options equal in both stand alike. Raises :class:`UsageError`
    unless both name the same options.
    """
    if costs.keys() != effects.keys():
        raise UsageError("frontier", "costs and effects name different options", allowed="the same names")
    points = {name: (float(costs[name]), float(effects[name])) for name in costs}
    first: dict[tuple[float, float], str] = {}
    for name, point in points.items():
        first.setdefault(point, name)
    left = sorted(point for point in first if not any(_dominates(other, point) for other in first))
    edge: list[tuple[float, float]] = []
    for point in left:
        while len(edge) > 1 and _slope(edge[-2], edge[-1]) > _slope(edge[-1], point):
            edge.pop()
        edge.append(point)
    found: dict[tuple[float, float], Standing] = {edge[0]: Standing("frontier")} if edge else {}
    for one, other in pairwise(edge):
        found[other] = Standing("frontier", _slope(one, other), first[one])
    extended = dict.fromkeys(left, Standing("extendedly dominated"))
    return {name: {**extended, **found}.get(point, Standing("dominated")) for name, point in points.items()}


def net_monetary_benefit(costs: ArrayLike, effects: ArrayLike, willingness: ArrayLike) -> NDArray[np.float64]:
    """willingness x effects - costs, in currency units; the arrays broadcast (Stinnett & Mullahy 1998, Medical Decision
    Making 18, S68-S80).
    """
    worth = np.asarray(willingness, np.float64) * np.asarray(effects, np.float64)
    return np.asarray(worth - np.asarray(costs, np.float64))


def acceptability(
    costs: ArrayLike, effects: ArrayLike, willingness: Sequence[float], resamples: int = RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """Share of bootstrap resamples of replications in which each option has the highest mean net benefit.

    ``costs`` and ``effects``: shape (options, replications); the result: shape (willingness, options), rows that sum to
    1 (cost-effectiveness acceptability curves: van Hout et al. 1994, Health Economics 3, 309-319). All options see the
    same resamples; options that are equally good share one. It holds the chance of one simulated period to the next and
    not the doubt about prices or parameters. Raises :class:`UsageError` for other shapes, or fewer than two
    replications.
    """
    cost, effect = np.asarray(costs, np.float64), np.asarray(effects, np.float64)
    if cost.shape != effect.shape or cost.ndim != 2 or cost.shape[1] < 2:
        problem = f"got shapes {cost.shape} and {effect.shape}"
        raise UsageError("acceptability", problem, allowed="two alike: (options, replications), 2 or more replications")
    chosen = resampled(cost.shape[1], resamples, seed)
    mean_cost, mean_effect = cost[:, chosen].mean(axis=2), effect[:, chosen].mean(axis=2)  # (options, resamples)
    rows = []
    for worth in willingness:
        benefit = net_monetary_benefit(mean_cost, mean_effect, worth)
        best = benefit == benefit.max(axis=0)
        rows.append((best / best.sum(axis=0)).mean(axis=1))
    return np.array(rows, np.float64).reshape(len(rows), cost.shape[0])


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Points are (cost, effect)."""
    return one != other and one[0] <= other[0] and one[1] >= other[1]


def _slope(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Extra cost for one more unit of effect; points on the edge differ in both."""
    return (other[0] - one[0]) / (other[1] - one[1])
