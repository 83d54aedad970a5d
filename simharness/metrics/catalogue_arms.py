"""Metrics of arms: harm by rung of the ladder, time, alerts, actions and their price for people."""

from __future__ import annotations

from simharness.metrics.metric import HOURS, Metric
from simharness.records import LADDER

RUNG_TITLES = {
    "offence": "offences (first sexual communication, s.15A)",
    "repeat": "repeat offences (at least a day later)",
    "meeting": "meeting attempts (s.15)",
    "contact": "contact abuse",
}


def _ladder() -> list[Metric]:
    metrics = []
    for rung in LADDER:
        title = RUNG_TITLES[rung]
        metrics += [
            Metric(f"{rung}s", title, "conversations", "arm", better="lower"),
            Metric(f"{rung}s_comparator", f"{title}, comparator", "conversations", "arm"),
            Metric(f"{rung}s_prevented", f"{title} prevented", "conversations", "arm", better="higher"),
            Metric(f"{rung}s_delayed", f"{title} delayed", "conversations", "arm"),
            Metric(f"{rung}s_unchanged", f"{title} unchanged", "conversations", "arm"),
            Metric(f"{rung}s_made_worse", f"{title} brought about or earlier", "conversations", "arm", better="lower"),
            Metric(
                f"{rung}s_prevented_share",
                f"{title} prevented, of the comparator's",
                "share",
                "arm",
                "ratio",
                f"{rung}s_prevented",
                f"{rung}s_comparator",
                better="higher",
            ),
        ]
    return metrics


_ARM = [
    Metric("children_harmed", "children with at least one event of the ladder", "children", "arm", better="lower"),
    Metric("children_harmed_comparator", "children with at least one event of the ladder, comparator", "children", "arm"),
    Metric("harm_prevented", "children spared at least one event of the ladder, of those the comparator leaves harmed", "share", "arm", "ratio", "children_protected", "children_harmed_comparator", better="higher"),
    Metric("children_protected", "children spared at least one event of the ladder", "children", "arm", better="higher"),
    Metric("children_made_worse", "children with an event brought about or earlier", "children", "arm", better="lower"),
    Metric("lead_time_days", "median lead of the first protective action over the comparator's, where both act, at different times", "days", "arm", "median", signed=True, better="higher"),
    Metric("only_this_arm_acts", "conversations that the comparator does not act on in the period, of those the arm acts on at another moment or alone", "share", "arm"),
    Metric("recorded_offences", "offences recorded by the police", "offences", "arm"),
    Metric("arrests", "offenders arrested", "arrests", "arm"),
    Metric("charges", "offenders charged", "offenders", "arm"),
    Metric("triaged", "recorded offences by risk", "offences", "arm"),
    Metric("safeguarding_due", "recorded offences whose target for protecting the child falls in the period", "offences", "arm"),
    Metric("safeguarding_met", "of these, child protected within the target", "offences", "arm"),
    Metric("safeguarding_met_share", "recorded offences with the child protected within the target", "share", "arm", "ratio", "safeguarding_met", "safeguarding_due", better="higher"),
    Metric("safeguarding_days", "median time from recording to the child protected, those not yet protected censored", "days", "arm", "median", better="lower"),
    Metric("alerts", "alerts raised", "alerts", "arm"),
    Metric("right_alerts", "alerts on grooming conversations", "alerts", "arm"),
    Metric("false_alerts", "alerts on harmless conversations", "alerts", "arm", better="lower"),
    Metric("child_months", "child-months observed", "1,000 child-months", "arm"),
    Metric("false_alerts_per_1000_child_months", "false alerts", "per 1,000 child-months", "arm", "ratio", "false_alerts", "child_months", better="lower"),
    Metric("alerts_before_offence", "right alerts raised before the offence or without one", "alerts", "arm"),
    Metric("alerts_before_offence_share", "right alerts raised before the offence or without one", "share", "arm", "ratio", "alerts_before_offence", "right_alerts", better="higher"),
    Metric("alerts_lost", "alerts that reached nobody, or were lost at a desk or between two; by reason, each loss", "alerts", "arm", better="lower"),
    Metric("alerts_lost_share", "alerts lost, of those raised", "share", "arm", "ratio", "alerts_lost", "alerts", better="lower"),
    Metric("alerts_undecided", "alerts without a decision by anybody, where a person was to decide", "alerts", "arm", better="lower"),
    Metric("duplicate_alerts", "right alerts raised together with another on the same conversation", "alerts", "arm", better="lower"),
    Metric("longest_silence_days", "longest time without an alert", "days", "arm", better="lower"),
    Metric("actions", "actions taken", "actions", "arm"),
    Metric("actions_too_late", "actions that found the conversation ended", "actions", "arm", better="lower"),
    Metric("referrals", "referrals to the police, right and wrong", "referrals", "arm"),
    Metric("wrong_referrals", "referrals of harmless conversations to the police", "referrals", "arm", better="lower"),
    Metric("wrong_suspensions", "accounts wrongly suspended", "accounts", "arm", better="lower"),
    Metric("wrong_restrictions", "accounts wrongly restricted", "accounts", "arm", better="lower"),
    Metric("children_wrongly_alarmed", "children alerted about a harmless contact", "children", "arm", better="lower"),
    Metric("guardians_wrongly_alarmed", "guardians alerted about a harmless contact", "guardians", "arm", better="lower"),
    Metric("benign_contacts_ended", "harmless contacts ended by an alerted child", "conversations", "arm", better="lower"),
    Metric("benign_read", "harmless conversations read by a reviewer", "conversations", "arm", better="lower"),
    Metric("exposure_hours", "reviewers' time on conversations that were grooming", HOURS, "arm", better="lower"),
    Metric("review_hours", "reviewers' working time", HOURS, "arm", better="lower"),
    Metric("police_hours", "police officers' working time", HOURS, "arm", better="lower"),
    Metric("human_hours", "reviewers' and officers' working time", HOURS, "arm", better="lower"),
    Metric("contacts_never_made", "planned contacts that were never made", "contacts", "arm"),
    Metric("contacts_displaced", "planned contacts made on a platform outside the code", "contacts", "arm", better="lower"),
    Metric("substitutes", "contacts with another child in place of one that was lost", "contacts", "arm", better="lower"),
    Metric("tipped_off", "offenders who noticed that a child was warned", "times", "arm", better="lower"),
    Metric("new_accounts", "suspended offenders back with a new account", "accounts", "arm", better="lower"),
    Metric("signals_matched", "accounts suspended on a signal from another platform", "accounts", "arm"),
    Metric("audits", "audits of single platforms", "audits", "arm"),
    Metric("audits_found", "audits that found something missing", "audits", "arm"),
    Metric("sanctions", "sanctions of single platforms", "sanctions", "arm"),
]  # fmt: skip

# What acting does to people, made comparable between scales and scenarios.
_HARMS = [
    Metric(
        f"{name}_per_1000_child_months",
        title,
        "per 1,000 child-months",
        "arm",
        "ratio",
        name,
        "child_months",
        better="lower",
    )
    for name, title in (
        ("children_wrongly_alarmed", "children alerted about a harmless contact"),
        ("wrong_referrals", "reports of adults to the police that were wrong"),
        ("wrong_suspensions", "accounts wrongly suspended"),
        ("benign_read", "harmless conversations read by a reviewer"),
        ("exposure_hours", "hours of reviewers on conversations that were grooming"),
        ("children_made_worse", "children with an event brought about or earlier"),
    )
]

ARM_METRICS = [*_ladder(), *_ARM, *_HARMS]
