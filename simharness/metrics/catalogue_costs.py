"""Metrics of what an arm costs, by perspective; measured only where the scenario has a price list."""

from __future__ import annotations

from simharness.metrics.metric import MONEY, Metric
from simharness.scenario.prices import PERSPECTIVES

COST_METRICS = [
    metric
    for name in PERSPECTIVES
    for metric in (
        Metric(f"cost_{name}", f"cost at the scenario's prices, {name}", MONEY, "arm", better="lower"),
        Metric(
            f"extra_cost_{name}",
            f"cost beyond the comparator's, {name}",
            MONEY,
            "arm",
            signed=True,
            better="lower",
        ),
    )
]
