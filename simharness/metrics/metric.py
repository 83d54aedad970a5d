"""One metric: what it measures, its unit, which way is better, and how it is estimated over replications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HOURS = "hours in all"
MONEY = "currency units"
UP_TO_1 = "from 0 to 1"  # part of the unit of what lies between, but is no share of anything
_COUNTED = frozenset(
    {
        "accounts",
        "actions",
        "alerts",
        "arrests",
        "audits",
        "child-days",
        "children",
        "contacts",
        "conversations",
        "guardians",
        HOURS,
        MONEY,
        "offenders",
        "offences",
        "referrals",
        "sanctions",
        "times",
        "weighted harm",
        "1,000 alerts",
        "1,000 child-months",
    }
)


@dataclass(frozen=True, slots=True)
class Metric:
    """``estimator``: mean over replications (Student-t), ratio of sums (bootstrap), or mean of medians (Student-t)."""

    name: str
    title: str
    unit: str
    subject: Literal["arm", "detector", "recorded"]
    estimator: Literal["mean", "ratio", "median"] = "mean"
    numerator: str | None = None  # for ratios: two other metrics' names
    denominator: str | None = None
    weighted: bool = False  # sampled conversations count as many as they stand for
    signed: bool = False  # may be negative
    better: Literal["higher", "lower"] | None = None  # None: neither, or it depends on what else happens

    @property
    def adds(self) -> bool:
        """Whether the values of populations side by side add up; shares, medians and means are averaged."""
        return self.estimator == "mean" and self.unit in _COUNTED
