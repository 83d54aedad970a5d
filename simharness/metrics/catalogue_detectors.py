"""Metrics of detectors, at the level each is measured at and over all levels."""

from __future__ import annotations

from simharness.metrics.metric import Metric

DETECTOR_METRICS = [
    Metric("recall", "grooming conversations alerted on", "share", "detector", "ratio", "detected", "grooming", better="higher"),
    Metric("detected", "grooming conversations alerted on", "conversations", "detector"),
    Metric("grooming", "grooming conversations", "conversations", "detector"),
    Metric("in_time", "offences alerted on before they happen", "conversations", "detector"),
    Metric("offences", "grooming conversations with an offence", "conversations", "detector"),
    Metric("recall_before_offence", "offences alerted on before they happen", "share", "detector", "ratio", "in_time", "offences", better="higher"),
    Metric("alerted", "conversations alerted on, harmless ones at full volume", "conversations", "detector", weighted=True),
    Metric("precision", "alerts that are right, harmless conversations at full volume", "share", "detector", "ratio", "detected", "alerted", better="higher"),
    Metric("messages_to_alert", "median messages to the alert, where there is one", "messages", "detector", "median", better="lower"),
    Metric("delay", "mean messages before the alert, or all of them where there is none", "messages", "detector", better="lower"),
    Metric("delay_over_bound", "delay beyond the bound's at the same false-alert rate", "messages", "detector", signed=True, better="lower"),
    Metric("false_alert_rate", "false alerts", "per 1,000 child-months", "detector", better="lower"),
    Metric("recall_before_offence_at_budget", "offences alerted on before they happen, at the matched number of alerts", "share", "detector", better="higher"),
    Metric("recall_before_offence_over_baseline", "offences alerted on before they happen, at the matched number of alerts, beyond the baseline's", "share", "detector", signed=True, better="higher"),
    Metric("stage_at_alert", "alerts by stage of the conversation", "share", "detector"),
]  # fmt: skip
