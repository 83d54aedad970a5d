"""Every metric by name: what it measures, its unit, and how it is estimated over replications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simharness.records import LADDER

RUNG_TITLES = {
    "offence": "offences (first sexual communication, s.15A)",
    "repeat": "repeat offences (at least a day later)",
    "meeting": "meeting attempts (s.15)",
    "contact": "contact abuse",
}


HOURS = "hours in all"
_COUNTED = frozenset(
    {
        "accounts",
        "actions",
        "alerts",
        "arrests",
        "audits",
        "children",
        "contacts",
        "conversations",
        "guardians",
        HOURS,
        "offenders",
        "offences",
        "referrals",
        "sanctions",
        "times",
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

    @property
    def adds(self) -> bool:
        """Whether the values of populations side by side add up; shares, medians and means are averaged."""
        return self.estimator == "mean" and self.unit in _COUNTED


def _ladder() -> list[Metric]:
    metrics = []
    for rung in LADDER:
        title = RUNG_TITLES[rung]
        metrics += [
            Metric(f"{rung}s", title, "conversations", "arm"),
            Metric(f"{rung}s_comparator", f"{title}, comparator", "conversations", "arm"),
            Metric(f"{rung}s_prevented", f"{title} prevented", "conversations", "arm"),
            Metric(f"{rung}s_delayed", f"{title} delayed", "conversations", "arm"),
            Metric(f"{rung}s_unchanged", f"{title} unchanged", "conversations", "arm"),
            Metric(f"{rung}s_made_worse", f"{title} brought about or earlier", "conversations", "arm"),
            Metric(
                f"{rung}s_prevented_share",
                f"{title} prevented, of the comparator's",
                "share",
                "arm",
                "ratio",
                f"{rung}s_prevented",
                f"{rung}s_comparator",
            ),
        ]
    return metrics


_ARM = [
    Metric("children_harmed", "children with at least one event of the ladder", "children", "arm"),
    Metric("children_protected", "children spared at least one event of the ladder", "children", "arm"),
    Metric("children_made_worse", "children with an event brought about or earlier", "children", "arm"),
    Metric("lead_time_days", "median lead of the first protective action over the comparator's, where both act, at different times", "days", "arm", "median", signed=True),
    Metric("only_this_arm_acts", "conversations acted on otherwise than by the comparator that it does not reach in the period", "share", "arm"),
    Metric("recorded_offences", "offences recorded by the police", "offences", "arm"),
    Metric("arrests", "offenders arrested", "arrests", "arm"),
    Metric("charges", "offenders charged", "offenders", "arm"),
    Metric("triaged", "recorded offences by risk", "offences", "arm"),
    Metric("safeguarding_due", "recorded offences whose target for protecting the child falls in the period", "offences", "arm"),
    Metric("safeguarding_met", "of these, child protected within the target", "offences", "arm"),
    Metric("safeguarding_met_share", "recorded offences with the child protected within the target", "share", "arm", "ratio", "safeguarding_met", "safeguarding_due"),
    Metric("safeguarding_days", "median time from recording to the child protected, those not yet protected censored", "days", "arm", "median"),
    Metric("alerts", "alerts raised", "alerts", "arm"),
    Metric("right_alerts", "alerts on grooming conversations", "alerts", "arm"),
    Metric("false_alerts", "alerts on harmless conversations", "alerts", "arm"),
    Metric("child_months", "child-months observed", "1,000 child-months", "arm"),
    Metric("false_alerts_per_1000_child_months", "false alerts", "per 1,000 child-months", "arm", "ratio", "false_alerts", "child_months"),
    Metric("alerts_before_offence", "right alerts raised before the offence or without one", "alerts", "arm"),
    Metric("alerts_before_offence_share", "right alerts raised before the offence or without one", "share", "arm", "ratio", "alerts_before_offence", "right_alerts"),
    Metric("alerts_lost", "alerts that reached nobody, or were lost at a desk or between two; by reason, each loss", "alerts", "arm"),
    Metric("alerts_lost_share", "alerts lost, of those raised", "share", "arm", "ratio", "alerts_lost", "alerts"),
    Metric("alerts_undecided", "alerts without a decision by anybody, where a person was to decide", "alerts", "arm"),
    Metric("duplicate_alerts", "right alerts raised together with another on the same conversation", "alerts", "arm"),
    Metric("longest_silence_days", "longest time without an alert", "days", "arm"),
    Metric("actions", "actions taken", "actions", "arm"),
    Metric("actions_too_late", "actions that found the conversation ended", "actions", "arm"),
    Metric("wrong_referrals", "referrals of harmless conversations to the police", "referrals", "arm"),
    Metric("wrong_suspensions", "accounts wrongly suspended", "accounts", "arm"),
    Metric("wrong_restrictions", "accounts wrongly restricted", "accounts", "arm"),
    Metric("children_wrongly_alarmed", "children alerted about a harmless contact", "children", "arm"),
    Metric("guardians_wrongly_alarmed", "guardians alerted about a harmless contact", "guardians", "arm"),
    Metric("benign_contacts_ended", "harmless contacts ended by an alerted child", "conversations", "arm"),
    Metric("benign_read", "harmless conversations read by a reviewer", "conversations", "arm"),
    Metric("exposure_hours", "reviewers' time on conversations that were grooming", HOURS, "arm"),
    Metric("review_hours", "reviewers' working time", HOURS, "arm"),
    Metric("police_hours", "police officers' working time", HOURS, "arm"),
    Metric("human_hours", "reviewers' and officers' working time", HOURS, "arm"),
    Metric("contacts_never_made", "planned contacts that were never made", "contacts", "arm"),
    Metric("contacts_displaced", "planned contacts made on a platform outside the code", "contacts", "arm"),
    Metric("substitutes", "contacts with another child in place of one that was lost", "contacts", "arm"),
    Metric("tipped_off", "offenders who noticed that a child was warned", "times", "arm"),
    Metric("new_accounts", "suspended offenders back with a new account", "accounts", "arm"),
    Metric("signals_matched", "accounts suspended on a signal from another platform", "accounts", "arm"),
    Metric("audits", "audits of single platforms", "audits", "arm"),
    Metric("audits_found", "audits that found something missing", "audits", "arm"),
    Metric("sanctions", "sanctions of single platforms", "sanctions", "arm"),
]  # fmt: skip

_DESK = [  # by desk, as a stratum: the queues of the policy, and police
    Metric("desk_entered", "alerts that came to the desk", "alerts", "arm"),
    Metric("desk_decided", "alerts decided at the desk", "alerts", "arm"),
    Metric("desk_expired", "alerts dropped unread after waiting too long", "alerts", "arm"),
    Metric("desk_merged", "alerts decided with another on the same account", "alerts", "arm"),
    Metric("desk_dropped", "alerts lost at the desk", "alerts", "arm"),
    Metric("desk_waiting", "alerts waiting or in hand at the end", "alerts", "arm"),
    Metric("desk_wait_hours", "mean wait for the first reading, of those begun", "hours", "arm"),
    Metric("desk_wait_hours_p95", "95th percentile of the wait for the first reading, of those begun", "hours", "arm"),
    Metric("desk_worked_hours", "working time", HOURS, "arm"),
    Metric("desk_duty_hours", "time on duty", HOURS, "arm"),
    Metric("desk_utilisation", "working time of the time on duty", "share", "arm", "ratio", "desk_worked_hours", "desk_duty_hours"),
    Metric("desk_with_target", "alerts decided or lost, where there is a target", "alerts", "arm"),
    Metric("desk_within_target", "of these, last claim before the decision within the target", "alerts", "arm"),
    Metric("desk_within_target_share", "alerts with the last claim before the decision within the target", "share", "arm", "ratio", "desk_within_target", "desk_with_target"),
]  # fmt: skip

# What acting does to people, made comparable between scales and scenarios.
_HARMS = [
    Metric(f"{name}_per_1000_child_months", title, "per 1,000 child-months", "arm", "ratio", name, "child_months")
    for name, title in (
        ("children_wrongly_alarmed", "children alerted about a harmless contact"),
        ("wrong_referrals", "reports of adults to the police that were wrong"),
        ("wrong_suspensions", "accounts wrongly suspended"),
        ("benign_read", "harmless conversations read by a reviewer"),
        ("exposure_hours", "hours of reviewers on conversations that were grooming"),
        ("children_made_worse", "children with an event brought about or earlier"),
    )
]

_DETECTOR = [
    Metric("recall", "grooming conversations alerted on", "share", "detector", "ratio", "detected", "grooming"),
    Metric("detected", "grooming conversations alerted on", "conversations", "detector"),
    Metric("grooming", "grooming conversations", "conversations", "detector"),
    Metric("in_time", "offences alerted on before they happen", "conversations", "detector"),
    Metric("offences", "grooming conversations with an offence", "conversations", "detector"),
    Metric("recall_before_offence", "offences alerted on before they happen", "share", "detector", "ratio", "in_time", "offences"),
    Metric("alerted", "conversations alerted on, harmless ones at full volume", "conversations", "detector", weighted=True),
    Metric("precision", "alerts that are right, harmless conversations at full volume", "share", "detector", "ratio", "detected", "alerted"),
    Metric("messages_to_alert", "median messages to the alert, where there is one", "messages", "detector", "median"),
    Metric("delay", "mean messages before the alert, or all of them where there is none", "messages", "detector"),
    Metric("delay_over_bound", "delay beyond the bound's at the same false-alert rate", "messages", "detector", signed=True),
    Metric("false_alert_rate", "false alerts", "per 1,000 child-months", "detector"),
    Metric("recall_before_offence_at_budget", "offences alerted on before they happen, at the matched number of alerts", "share", "detector"),
    Metric("recall_before_offence_over_baseline", "offences alerted on before they happen, at the matched number of alerts, beyond the baseline's", "share", "detector", signed=True),
    Metric("stage_at_alert", "alerts by stage of the conversation", "share", "detector"),
]  # fmt: skip

METRICS: dict[tuple[str, str], Metric] = {
    (metric.subject, metric.name): metric for metric in [*_ladder(), *_ARM, *_DESK, *_HARMS, *_DETECTOR]
}
