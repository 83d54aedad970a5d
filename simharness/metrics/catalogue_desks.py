"""Metrics of an arm's desks, each with the desk as its stratum: the queues of the policy, and police."""

from __future__ import annotations

from simharness.metrics.metric import HOURS, Metric

DESK_METRICS = [
    Metric("desk_entered", "alerts that came to the desk", "alerts", "arm"),
    Metric("desk_decided", "alerts decided at the desk", "alerts", "arm"),
    Metric("desk_expired", "alerts dropped unread after waiting too long", "alerts", "arm", better="lower"),
    Metric("desk_merged", "alerts decided with another on the same account", "alerts", "arm"),
    Metric("desk_dropped", "alerts lost at the desk", "alerts", "arm", better="lower"),
    Metric("desk_waiting", "alerts waiting or in hand at the end", "alerts", "arm", better="lower"),
    Metric("desk_backlog", "alerts waiting or in hand, mean over the period", "alerts at once", "arm", better="lower"),
    Metric("desk_backlog_largest", "alerts waiting or in hand, most at any time", "alerts at once", "arm", better="lower"),
    Metric("desk_wait_hours", "mean wait for the first reading, of those begun", "hours", "arm", better="lower"),
    Metric("desk_wait_hours_p95", "95th percentile of the wait for the first reading, of those begun", "hours", "arm", better="lower"),
    Metric("desk_worked_hours", "working time", HOURS, "arm"),
    Metric("desk_duty_hours", "time on duty", HOURS, "arm"),
    Metric("desk_utilisation", "working time of the time on duty", "share", "arm", "ratio", "desk_worked_hours", "desk_duty_hours"),
    Metric("desk_with_target", "alerts decided or lost, where there is a target", "alerts", "arm"),
    Metric("desk_within_target", "of these, last claim before the decision within the target", "alerts", "arm"),
    Metric("desk_within_target_share", "alerts with the last claim before the decision within the target", "share", "arm", "ratio", "desk_within_target", "desk_with_target", better="higher"),
]  # fmt: skip
