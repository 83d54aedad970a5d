"""Which metrics count harmless conversations, of which only a sample is simulated, and what is not ruled out where none
of them was counted.

Each sampled conversation stands for many (1 / ``sampling.benign_fraction``). Where none was counted in any replication,
the values have no spread, and their interval would be 0 to 0, although one more sampled conversation would have counted
as all those it stands for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from simharness.metrics.catalogue import METRICS
from simharness.metrics.estimates import Values
from simharness.metrics.intervals import LEVEL, Interval
from simharness.metrics.metric import Metric
from simharness.scenario.policy import TO_QUEUE

NOTHING_SEEN = "poisson, nothing seen in the sample"
_TO_CHILD = ("nudge_child", "suggest_block", "alert_child")
_REFERRED = ("refer_police",)

# Counts of harmless conversations, their accounts, children and alerts, with the actions by one of which an arm comes
# to any (queue.: a queue); none: an alert is enough.
COUNTED: Mapping[tuple[str, str], tuple[str, ...]] = {
    **{("arm", name): () for name in ("alerts", "alerts_in_thousands", "false_alerts")},
    ("arm", "benign_contacts_ended"): _TO_CHILD,
    ("arm", "benign_read"): (TO_QUEUE,),
    ("arm", "children_wrongly_alarmed"): _TO_CHILD,
    ("arm", "guardians_wrongly_alarmed"): ("alert_guardian",),
    ("arm", "referrals"): _REFERRED,
    ("arm", "wrong_referrals"): _REFERRED,
    ("arm", "wrong_restrictions"): ("restrict_messaging",),
    ("arm", "wrong_suspensions"): ("suspend_account", "share_signal"),
    ("detector", "accounts_alerted"): (),
    ("detector", "alerted"): (),
    ("detector", "alerts_per_1000_child_months"): (),
    ("detector", "false_alert_rate"): (),
}
# What becomes of alerts, right and false: nothing was put to the test where there was no alert at all.
HANDLED = frozenset(
    ("arm", name)
    for name in (
        *("actions", "actions_too_late", "alerts_lost", "alerts_undecided"),
        *("desk_entered", "desk_decided", "desk_expired", "desk_merged", "desk_dropped", "desk_waiting"),
        *("desk_with_target", "desk_within_target"),
    )
)
_IN_SHADOW = ((), (TO_QUEUE,))  # alerts are raised and read; what would be done on them is only logged
_RATE, _SHARE = "per 1,000 child-months", "share"
Series = Mapping[tuple[str, str], Mapping[str, Values]]


def not_ruled_out(
    subject: str,
    name: str,
    key: str,
    series: Series,
    scenario: Mapping[str, Any],
    level: float = LEVEL,
) -> Interval | None:
    """The interval of a metric for which no harmless conversation was counted in any replication; None if one was.

    Zero events in all leave up to -ln((1 - level) / 2) of them possible (the exact Poisson limit: Garwood 1936,
    Biometrika 28, 437-442), each of the weight of a sampled conversation: divided by the replications for a count, by
    the sum of what is counted below for a rate. Of a share of all alerts that is 1 because none was false, the lower
    end. 0 to 0 where the arm cannot come to any. ``key``: ``metric`` or ``metric[stratum]``; ``scenario``: resolved.
    """
    base, bracket, rest = key.partition("[")
    metric, values = METRICS[subject, base], series[subject, name]
    above, weight = (subject, metric.numerator or base), 1.0 / scenario["sampling"]["benign_fraction"]
    most = weight * -math.log((1.0 - level) / 2.0)
    if above not in COUNTED and above not in HANDLED:
        return _of_right_alerts(metric, values, most)
    counted = _defined(values.get(above[1] + bracket + rest, {}))
    if not counted or any(counted.values()) or (above in HANDLED and any(values.get("alerts", {}).values())):
        return None
    if subject == "arm" and not _comes_to(scenario["arms"][name], COUNTED.get(above, ())):
        return Interval(0.0, 0.0, 0.0, len(counted), NOTHING_SEEN)
    size = _size(metric, counted, series)
    return Interval(0.0, 0.0, most / size, len(counted), NOTHING_SEEN) if size else None


def _size(metric: Metric, counted: Mapping[int, float], series: Series) -> float:
    """What a count over all replications is divided by; 0 of a share of what there was none of."""
    if metric.unit == _RATE:
        return sum(value or 0.0 for replication, value in _child_months(series).items() if replication in counted)
    if metric.estimator == "ratio":
        return 0.0
    return len(counted) * (1000.0 if metric.name == "alerts_in_thousands" else 1.0)


def _of_right_alerts(metric: Metric, values: Mapping[str, Values], most: float) -> Interval | None:
    """Of a share of alerts that is 1 throughout (precision): what one that is not ruled out would make of it."""
    if metric.unit != _SHARE or (metric.subject, metric.denominator) not in COUNTED:
        return None
    right, alerts = (_defined(values.get(name or "", {})) for name in (metric.numerator, metric.denominator))
    total = sum(alerts.values())
    if right != alerts or not total:
        return None
    return Interval(1.0, total / (total + most), 1.0, len(alerts), NOTHING_SEEN)


def _comes_to(arm: Mapping[str, Any], by: tuple[str, ...]) -> bool:
    """Whether an arm acts on alerts, and takes one of these actions, or needs none."""
    if arm.get("detector") is None:
        return False
    if arm.get("mode") == "shadow" and by not in _IN_SHADOW:
        return False
    queues = arm.get("queues", {}).values()
    lists = [arm.get("on_alert", []), *(queue.get(on, []) for queue in queues for on in ("on_confirmed", "on_cleared"))]
    return not by or any(action.startswith(by) for actions in lists for action in actions)


def _child_months(series: Series) -> Values:
    """Thousands of child-months by replication; the same for every arm."""
    return next((each["child_months"] for each in series.values() if "child_months" in each), {})


def _defined(values: Values) -> dict[int, float]:
    return {replication: value for replication, value in values.items() if value is not None}
