"""Metrics of detectors, at the level each is measured at and over all levels."""

from __future__ import annotations

from simharness.metrics.metric import UP_TO_1, Metric

_COST, _AREA, _SCORE = f"cost {UP_TO_1}", f"area {UP_TO_1}", f"score {UP_TO_1}"
_ERISK = f"{UP_TO_1} at p = 0.0078"  # the penalty that eRisk fixes; see metrics/early.py

_AT_LEVEL = [
    Metric("recall", "grooming conversations alerted on", "share", "detector", "ratio", "detected", "grooming", better="higher"),
    Metric("detected", "grooming conversations alerted on", "conversations", "detector"),
    Metric("grooming", "grooming conversations", "conversations", "detector"),
    Metric("in_time", "offences alerted on before they happen", "conversations", "detector"),
    Metric("offences", "grooming conversations with an offence", "conversations", "detector"),
    Metric("recall_before_offence", "offences alerted on before they happen", "share", "detector", "ratio", "in_time", "offences", better="higher"),
    Metric("alerted", "conversations alerted on, harmless ones at full volume", "conversations", "detector", weighted=True),
    Metric("precision", "alerts that are right, harmless conversations at full volume", "share", "detector", "ratio", "detected", "alerted", better="higher"),
    Metric("messages_to_alert", "median messages to the alert, where there is one (latencyTP)", "messages", "detector", "median", better="lower"),
    Metric("delay", "mean messages before the alert, or all of them where there is none", "messages", "detector", better="lower"),
    Metric("delay_over_bound", "delay beyond the bound's at the same false-alert rate", "messages", "detector", signed=True, better="lower"),
    Metric("false_alert_rate", "false alerts", "per 1,000 child-months", "detector", better="lower"),
    Metric("recall_before_offence_at_budget", "offences alerted on before they happen, at the matched number of alerts", "share", "detector", better="higher"),
    Metric("recall_before_offence_over_baseline", "offences alerted on before they happen, at the matched number of alerts, beyond the baseline's", "share", "detector", signed=True, better="higher"),
    Metric("stage_at_alert", "alerts by stage of the conversation", "share", "detector"),
]  # fmt: skip

# Early detection, ranking and calibration: conversations or accounts as subjects, harmless ones at full volume.
_EARLY = [
    Metric("erde_5", "early risk detection error, half of the cost of lateness at message 5; read it beside false alerts", _COST, "detector", better="lower"),
    Metric("erde_50", "early risk detection error, half of the cost of lateness at message 50; read it beside false alerts", _COST, "detector", better="lower"),
    Metric("speed", "1 less the median penalty for lateness of right alerts, p = 0.0078 (half at message 142)", _ERISK, "detector", better="higher"),
    Metric("f_latency", "F_1 times speed, p = 0.0078 (half at message 142)", _ERISK, "detector", better="higher"),
    Metric("roc_area", "area under the ROC curve of the highest risk, conversations", _AREA, "detector", better="higher"),
    Metric("pr_area", "average precision of the highest risk, conversations", _AREA, "detector", better="higher"),
    Metric("length_roc_area", "area under the ROC curve of the number of messages alone, conversations; the baseline of every detector", _AREA, "detector"),
    Metric("length_pr_area", "average precision of the number of messages alone, conversations; the baseline of every detector", _AREA, "detector"),
    Metric("account_roc_area", "area under the ROC curve of the highest risk, accounts; each harmless one has one conversation", _AREA, "detector", better="higher"),
    Metric("account_pr_area", "average precision of the highest risk, accounts; each harmless one has one conversation", _AREA, "detector", better="higher"),
    Metric("offenders", "offenders with a conversation", "accounts", "detector"),
    Metric("offenders_detected", "offenders alerted on in any conversation", "accounts", "detector"),
    Metric("accounts_alerted", "accounts alerted on; each harmless one has one conversation", "accounts", "detector", weighted=True),
    Metric("account_recall", "offenders alerted on in any conversation", "share", "detector", "ratio", "offenders_detected", "offenders", better="higher"),
    Metric("account_precision", "accounts alerted on that are offenders; each harmless one has one conversation", "share", "detector", "ratio", "offenders_detected", "accounts_alerted", better="higher"),
    Metric("account_f_half", "F_0.5 over accounts, as in PAN-2012; each harmless one has one conversation", UP_TO_1, "detector", better="higher"),
    Metric("alerts_per_1000_child_months", "alerts, right and false", "per 1,000 child-months", "detector"),
    Metric("reached_stage", "grooming conversations that reach the stage", "conversations", "detector"),
    Metric("alerted_before_stage", "of these, alerted on before its first message", "conversations", "detector"),
    Metric("before_stage", "conversations that reach the stage, alerted on before its first message", "share", "detector", "ratio", "alerted_before_stage", "reached_stage", better="higher"),
    Metric("messages_to_alert_censored", "median messages to the alert, conversations without one censored at their last message", "messages", "detector", "median", better="lower"),
    Metric("days_to_alert_censored", "median time from contact to the alert, conversations without one censored at their last message", "days", "detector", "median", better="lower"),
    Metric("alerted_within", "grooming conversations alerted on within so many messages", "share", "detector", better="higher"),
    Metric("brier", "Brier score of the probability after the last message, conversations", _SCORE, "detector", better="lower"),
    Metric("calibration_reliability", "reliability part of the Brier score in bins: what it says against what is so", _SCORE, "detector", better="lower"),
    Metric("net_benefit", "offences alerted on in time, less false alerts, so many of which weigh as much as one", "per 1,000 child-months", "detector", signed=True, better="higher"),
]  # fmt: skip

DETECTOR_METRICS = [*_AT_LEVEL, *_EARLY]
