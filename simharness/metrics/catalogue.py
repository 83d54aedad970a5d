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


_COUNTED = frozenset(
    {
        "accounts",
        "alerts",
        "arrests",
        "children",
        "conversations",
        "hours in all",
        "offences",
        "referrals",
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
    Metric("alerts", "alerts raised", "alerts", "arm"),
    Metric("right_alerts", "alerts on grooming conversations", "alerts", "arm"),
    Metric("false_alerts", "alerts on harmless conversations", "alerts", "arm"),
    Metric("child_months", "child-months observed", "1,000 child-months", "arm"),
    Metric("false_alerts_per_1000_child_months", "false alerts", "per 1,000 child-months", "arm", "ratio", "false_alerts", "child_months"),
    Metric("alerts_before_offence", "right alerts raised before the offence or without one", "alerts", "arm"),
    Metric("alerts_before_offence_share", "right alerts raised before the offence or without one", "share", "arm", "ratio", "alerts_before_offence", "right_alerts"),
    Metric("wrong_referrals", "harmless conversations referred to the police", "referrals", "arm"),
    Metric("wrong_suspensions", "accounts wrongly suspended", "accounts", "arm"),
    Metric("children_wrongly_alarmed", "children alerted about a harmless contact", "children", "arm"),
    Metric("benign_read", "harmless conversations read by a reviewer", "conversations", "arm"),
    Metric("review_hours", "reviewers' working time", "hours in all", "arm"),
    Metric("police_hours", "police officers' working time", "hours in all", "arm"),
    Metric("human_hours", "reviewers' and officers' working time", "hours in all", "arm"),
    Metric("review_expired", "alerts dropped unread after waiting too long", "alerts", "arm"),
    Metric("review_waiting", "alerts still waiting for review at the end", "alerts", "arm"),
    Metric("review_wait_hours", "mean wait for review", "hours", "arm"),
]  # fmt: skip

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
    Metric("stage_at_alert", "alerts by stage of the conversation", "share", "detector"),
]  # fmt: skip

METRICS: dict[tuple[str, str], Metric] = {
    (metric.subject, metric.name): metric for metric in [*_ladder(), *_ARM, *_DETECTOR]
}
