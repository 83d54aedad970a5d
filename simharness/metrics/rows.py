"""Numbers of one replication in tidy form: one row per metric, arm or detector, and stratum."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """``value`` None: undefined in this replication. ``arm`` or ``detector`` is empty where the other is meant."""

    metric: str
    arm: str
    detector: str
    stratum: str
    replication: int
    value: float | None
    unit: str
