"""``cost_effectiveness`` of ``summary.json``: what every arm costs and averts, from three perspectives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.metrics.cost import Incremental, Standing, acceptability, frontier, incremental_ratio
from simharness.metrics.estimates import Values, by_subject, estimate_of
from simharness.metrics.intervals import mean_interval
from simharness.metrics.rows import Row
from simharness.scenario.model import Scenario
from simharness.scenario.prices import PERSPECTIVES, Prices

EFFECT = "meeting attempts averted"
PER_EFFECT = "currency units per meeting attempt averted"
Array = NDArray[np.float64]


def cost_effectiveness(scenario: Scenario, rows: Iterable[Row]) -> dict[str, Any] | None:
    """Costs and effects over the replications that every measured arm has; None without a price list.

    ``rows``: of replications. Averted: the comparator's conversations with an attempt to meet, less the arm's.
    """
    prices = scenario.prices
    if prices is None:
        return None
    series = by_subject(rows)
    arms = {name: series["arm", name] for name in scenario.arms if ("arm", name) in series}
    common = sorted(set.intersection(*(set(metrics["meetings"]) for metrics in arms.values()))) if arms else []
    willing = prices.willingness.per_meeting_averted
    averted = {name: _averted(metrics, common) for name, metrics in arms.items()}
    views = {
        name: _view(name, prices, arms, averted, common, scenario.comparator)
        for name in PERSPECTIVES
        if common and getattr(prices.perspectives, name)
    }
    return {
        "currency": prices.currency,
        "year": prices.year,
        "evidence": sorted({item.evidence for item in prices.items.values()} | {prices.willingness.evidence}),
        "effect": EFFECT,
        "replications": len(common),
        "willingness": list(willing),
        "perspectives": views,
    }


def _view(
    perspective: str,
    prices: Prices,
    arms: Mapping[str, Mapping[str, Values]],
    averted: Mapping[str, Array],
    common: list[int],
    comparator: str,
) -> dict[str, Any]:
    cost = {name: _column(metrics[f"cost_{perspective}"], common) for name, metrics in arms.items()}
    standing = frontier(
        {name: float(values.mean()) for name, values in cost.items()},
        {name: float(values.mean()) for name, values in averted.items()},
    )
    shown = {}
    for name, metrics in arms.items():
        whole = incremental_ratio(cost[name] - cost[comparator], averted[name])
        shown[name] = {
            "comparator": name == comparator,
            "cost": estimate_of("arm", f"cost_{perspective}", metrics),
            "extra_cost": estimate_of("arm", f"extra_cost_{perspective}", metrics),
            "averted": {**asdict(mean_interval(averted[name])), "unit": "conversations"},
            "cost_per_meeting_averted": None if name == comparator else _ratio(whole),
            "status": standing[name].status,
            "icer": _step(name, standing[name], cost, averted),
        }
    curves: Any = None
    if len(common) > 1:
        willing = prices.willingness.per_meeting_averted
        shares = acceptability(np.stack(list(cost.values())), np.stack(list(averted.values())), willing)
        curves = {name: shares[:, place].tolist() for place, name in enumerate(arms)}
    return {"items": list(getattr(prices.perspectives, perspective)), "arms": shown, "acceptability": curves}


def _step(
    name: str, standing: Standing, cost: Mapping[str, Array], averted: Mapping[str, Array]
) -> dict[str, Any] | None:
    """Cost of one more meeting attempt averted over the next less effective arm on the frontier; None where none is."""
    against = standing.against
    if against is None:
        return None
    return {
        "against": against,
        **_ratio(incremental_ratio(cost[name] - cost[against], averted[name] - averted[against])),
    }


def _ratio(found: Incremental) -> dict[str, Any]:
    """As an estimate, null where undefined, with the reason."""
    ratio = found.ratio
    empty = {"estimate": None, "low": None, "high": None, "n": 0, "method": "none"}
    return {**(empty if ratio is None else asdict(ratio)), "unit": PER_EFFECT, "reason": found.reason}


def _averted(metrics: Mapping[str, Values], common: list[int]) -> Array:
    return _column(metrics["meetings_comparator"], common) - _column(metrics["meetings"], common)


def _column(values: Values, replications: list[int]) -> Array:
    return np.array([values[replication] for replication in replications], np.float64)
