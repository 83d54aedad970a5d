"""What ``summary.json`` says about harm beside the estimates: curves, alerts needed, dominance, worst subgroups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.metrics.curves import curves
from simharness.metrics.dominance import dominance_over
from simharness.metrics.estimates import Values, by_subject
from simharness.metrics.intervals import mean_interval, ratio_interval
from simharness.metrics.rows import Row
from simharness.metrics.worst_subgroup import worst_of_arm
from simharness.records import LADDER
from simharness.scenario.model import Scenario

NEEDED = ("offence", "meeting")  # rungs for which the alerts needed are given
Series = Mapping[str, Values]
Counts = list[float | None]  # children at each rung or beyond, in one replication


def harm_summary(scenario: Scenario, rows: Iterable[Row]) -> dict[str, Any]:
    """The keys ``curves``, ``alerts_per_averted``, ``dominance``, ``subgroups`` and ``harm_weights``."""
    listed = list(rows)
    arms = {name: series for (subject, name), series in by_subject(listed).items() if subject == "arm"}
    return {
        "curves": curves(listed),
        "alerts_per_averted": {
            arm: {rung: alerts_per_averted(series, rung) for rung in NEEDED if f"{rung}s_averted" in series}
            for arm, series in arms.items()
            if arm != scenario.comparator
        },
        "dominance": dominances(arms, scenario.comparator),
        "subgroups": {arm: worst_of_arm(series) for arm, series in arms.items() if arm != scenario.comparator},
        "harm_weights": scenario.harm_weights and scenario.harm_weights.model_dump(),
    }


def alerts_per_averted(series: Series, rung: str) -> dict[str, Any]:
    """Alerts raised for one event averted net, with ``reason`` why it is undefined.

    Given only where the interval of the events averted lies above 0: the reciprocal of a difference that may be 0 has
    no interval that means anything (Altman 1998, BMJ 317, 1309-1312).
    """
    averted, alerts = series[f"{rung}s_averted"], series["alerts_in_thousands"]
    replications = sorted(averted)
    events = [averted[replication] for replication in replications]
    raised = 1000.0 * np.array([alerts[replication] for replication in replications], np.float64)
    found, ratio = mean_interval(events), ratio_interval(raised, events)
    reason = None
    if not raised.any():
        reason = "raises no alerts"
    elif found.low is None:
        reason = "no interval of the events averted"
    elif found.low <= 0:
        reason = "the interval of the events averted holds 0, or lies below it"
    shown = asdict(ratio) if reason is None else {**asdict(ratio), "estimate": None, "low": None, "high": None}
    return {**shown, "unit": "alerts", "reason": reason}


def dominances(arms: Mapping[str, Series], comparator: str) -> list[dict[str, Any]]:
    """Every arm over the comparator, and each over the next in the ranking by children with an event, fewest first."""
    counts = {arm: _at_least(series) for arm, series in arms.items()}
    known = {arm: found for arm, found in counts.items() if found}
    if comparator not in known:
        return []
    ranked = sorted((arm for arm in known if arm != comparator), key=lambda arm: _mean_harmed(known[arm]))
    pairs = [(arm, comparator) for arm in ranked] + list(pairwise(ranked))
    return [_pair(known, arm, over) for arm, over in pairs]


def _pair(known: Mapping[str, dict[int, Counts]], arm: str, over: str) -> dict[str, Any]:
    both = sorted(known[arm].keys() & known[over].keys())  # a detector may have failed in some replications
    own, other = (_table([known[one][replication] for replication in both]) for one in (arm, over))
    found = dominance_over(own, other)
    rungs = {rung: {**asdict(each), "unit": "children"} for rung, each in zip(LADDER, found.differences, strict=True)}
    return {"arm": arm, "over": over, "verdict": found.verdict, "rungs": rungs}


def _table(rows: list[Counts]) -> NDArray[np.float64]:
    return np.array(rows, np.float64).reshape(-1, len(LADDER))


def _at_least(series: Series) -> dict[int, Counts]:
    """Children at each rung or beyond by replication; empty without such rows."""
    columns = [series.get(f"children_at_least[{rung}]", {}) for rung in LADDER]
    return {one: [column[one] for column in columns] for one in sorted(columns[0])}


def _mean_harmed(counts: Mapping[int, Counts]) -> float:
    return float(_table(list(counts.values()))[:, 0].mean())
