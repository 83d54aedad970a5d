"""The subgroup an arm protects least, with an interval that allows for having looked at all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simharness.errors import UsageError
from simharness.metrics.estimates import Values, within
from simharness.metrics.intervals import LEVEL, Interval, clopper_pearson, mean_interval

Array = NDArray[np.float64]
FEWEST = 10.0  # events of the comparator over all replications; with fewer, a share says nothing


@dataclass(frozen=True, slots=True)
class Worst:
    """``share`` and ``difference`` (from the rest together) have intervals that hold for all groups at once."""

    group: str
    share: Interval
    difference: Interval
    looked_at: tuple[str, ...]
    too_small: tuple[str, ...]


def worst_subgroup(
    prevented: ArrayLike, of: ArrayLike, groups: tuple[str, ...], level: float = LEVEL, fewest: float = FEWEST
) -> Worst | None:
    """The group with the smallest share of events prevented; None where fewer than two groups are large enough, or
    all shares are the same, so that none is the worst.

    ``prevented`` and ``of``: events prevented and all the comparator's, shape (replications, groups). A share is a
    ratio of sums; its interval is Student's t over replications of the linearised ratio (Cochran 1977, Sampling
    Techniques, 2.11), at 1 - (1 - level) / groups looked at (Bonferroni), because the worst was chosen after looking;
    a bootstrap of few replications cannot reach so far out. The rest are the other groups that were looked at. Groups
    with fewer than ``fewest`` events of the comparator are named and not looked at. Raises :class:`UsageError` for
    shapes that differ.
    """
    above, below = np.asarray(prevented, np.float64), np.asarray(of, np.float64)
    if above.shape != below.shape or above.ndim != 2 or above.shape[1] != len(groups):
        wanted = f"two of shape (replications, {len(groups)})"
        raise UsageError("worst_subgroup", f"got shapes {above.shape} and {below.shape}", allowed=wanted)
    large = below.sum(axis=0) >= max(fewest, 1.0)
    places = np.flatnonzero(large)
    if places.size < 2:
        return None
    shares = above[:, places].sum(axis=0) / below[:, places].sum(axis=0)
    if shares.min() == shares.max():
        return None
    worst = int(places[shares.argmin()])
    rest = places[places != worst]
    own = _linearised(above[:, worst], below[:, worst])
    others = _linearised(above[:, rest].sum(axis=1), below[:, rest].sum(axis=1))
    each = 1.0 - (1.0 - level) / places.size
    share = _named(mean_interval(own, each), "student-t of a linearised ratio", places.size)
    if not above[:, worst].any():  # nothing prevented in any replication: these say nothing of what could have been
        share = _named(clopper_pearson(0, round(below[:, worst].sum()), each), "clopper-pearson", places.size)
    difference = _named(mean_interval(own - others, each), "student-t of linearised ratios", places.size)
    looked_at, too_small = (tuple(np.array(groups, object)[mask].tolist()) for mask in (large, ~large))
    return Worst(groups[worst], within(share, "share"), difference, looked_at, too_small)


def worst_of_arm(series: Mapping[str, Values]) -> dict[str, dict[str, Any]]:
    """By dimension, the worst subgroup of one arm for the share of offences prevented, as plain JSON values.

    ``series``: ``metric[stratum] -> replication -> value``. Dimensions without a worst one are left out.
    """
    found = {}
    for dimension, groups in _strata(series).items():
        above, below = (_counts(series, metric, dimension, groups) for metric in (_PREVENTED, _OF))
        worst = worst_subgroup(above, below, groups)
        if worst is not None:
            found[dimension] = {
                **asdict(worst),
                "share": {**asdict(worst.share), "unit": "share"},
                "difference": {**asdict(worst.difference), "unit": "share"},
                "looked_at": list(worst.looked_at),
                "too_small": list(worst.too_small),
                "fewest": FEWEST,
            }
    return found


_PREVENTED, _OF = "offences_prevented", "offences_comparator"


def _named(interval: Interval, method: str, groups: int) -> Interval:
    return replace(interval, method=f"{method}, Bonferroni over {groups} groups")


def _linearised(above: Array, below: Array) -> Array:
    """Values, one a replication, whose mean is sum(above) / sum(below) and whose spread is that ratio's."""
    ratio = above.sum() / below.sum()
    return np.asarray(ratio + (above - ratio * below) / below.mean())


def _strata(series: Mapping[str, Values]) -> dict[str, tuple[str, ...]]:
    """Dimension -> groups, in the order of the rows."""
    found: dict[str, list[str]] = {}
    for key in series:
        if key.startswith(f"{_OF}["):
            dimension, _, group = key[len(_OF) + 1 : -1].partition("=")
            found.setdefault(dimension, []).append(group)
    return {dimension: tuple(groups) for dimension, groups in found.items()}


def _counts(series: Mapping[str, Values], metric: str, dimension: str, groups: tuple[str, ...]) -> Array:
    columns = [series[f"{metric}[{dimension}={group}]"] for group in groups]
    return np.array([[column[replication] for column in columns] for replication in sorted(columns[0])], np.float64)
