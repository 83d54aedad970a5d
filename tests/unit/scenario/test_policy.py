"""What a policy may say: each mistake is refused where it stands, with what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simharness.errors import UsageError, UsageErrors
from simharness.scenario.load import Loaded

ARM = "arms.trained_moderators"
QUEUE = f"{ARM}.queues.moderators"
RARE = "{false_alerts_per_1000_child_months: 0.0001}"


@pytest.mark.parametrize(
    ("assignment", "where", "problem"),
    [
        (f"{ARM}.on_alert=[queue.nobody]", f"{ARM}.on_alert.0", "unknown action 'queue.nobody'"),
        (f"{ARM}.on_alert=[phone_somebody]", f"{ARM}.on_alert.0", "known: nudge_child, suggest_block"),
        (f"{ARM}.on_alert=[alert_child]", f"{ARM}.queues.moderators", "no action leads here"),
        (f"{QUEUE}.on_cleared=[queue.moderators]", f"{ARM}.queues.moderators", "could come back"),
        (f"{QUEUE}.priority=deadline", f"{QUEUE}.priority", None),
        (f"{QUEUE}.priority=by_name", f"{QUEUE}.priority", "first_come, score, deadline, value_of_time"),
        (f"{QUEUE}.shifts=[{{begins: 9h, ends: 17h, staff: 0}}]", f"{QUEUE}.shifts.0.staff", ">= 1"),
        (f"{QUEUE}.shifts=[{{begins: 9h, ends: 17h, staff: 1, days: [someday]}}]", f"{QUEUE}.shifts.0.days.0", "mon"),
        (f"{QUEUE}.shifts=[{{begins: 9h, ends: 17h, staff: 1, tier: x}}]", f"{QUEUE}.shifts.0.tier.x", "unknown tier"),
        (f"{QUEUE}.second_review={{of: all, share: 1, tier: x}}", f"{QUEUE}.second_review.tier.x", "unknown tier"),
        (f"{QUEUE}.service_level={{target: 4h, urgent_target: 1h}}", f"{QUEUE}.service_level", "together"),
        (f"{QUEUE}.expires=0h", f"{QUEUE}.expires", "> 0"),
        (f"{ARM}.trigger={{s_of_n: {{s: 5, n: 3}}}}", f"{ARM}.trigger.s_of_n.s", "at most n (3)"),
        (f"{ARM}.trigger={{account: {{conversations: 1, within: 7d}}}}", f"{ARM}.trigger.account", ">= 2"),
        (
            f"{ARM}.trigger={{rearm_below: {{false_alerts_per_1000_child_months: 0.1}}}}",
            f"{ARM}.trigger.rearm_below",
            "not above",
        ),
        (f"{ARM}.trigger={{budget_per_day: 0}}", f"{ARM}.trigger.budget_per_day", ">= 1"),
        (f"{ARM}.encrypted=[nowhere]", f"{ARM}.encrypted.nowhere", "unknown platform"),
        (f"{ARM}.mode=quiet", f"{ARM}.mode", "live, shadow"),
        (f"{ARM}.code.coverage.facebook=[]", f"{ARM}.code.coverage.facebook", "at least one"),
        (
            f"{ARM}.code.coverage.facebook=[{{since: 2017-06-01, share: 1}}, {{since: 2017-05-01, share: 1}}]",
            f"{ARM}.code.coverage.facebook",
            "in order",
        ),
        (f"{ARM}.on_alert=[queue.moderators, nudge_child]", "response.reactions.nudge_child", "add it"),
        (f"{ARM}.failures={{evidence: assumed, source: test, owner_mising: 0.1}}", f"{ARM}.failures", "owner_missing"),
        ("response.reactions.alert_child.leave=0.9", "response.reactions.alert_child", "at most 1"),
        ("response.reactions.tipped_off.moves=0.9", "response.reactions.tipped_off", "at most 1"),
        ("response.reactions.substitution.links=4", "response.reactions.substitution.links", "<= 3"),
        (
            "arms.police_communication_offence.encrypted=[facebook]",
            "arms.police_communication_offence",
            "needs a detector",
        ),
        (
            "matched_budget={alerts_per_1000_child_months: 1, baseline: x}",
            "matched_budget.baseline.x",
            "unknown detector",
        ),
        (
            f"{QUEUE}.service_level={{target: 4h, urgent_target: 1h, urgent_above: {RARE}}}",
            "training.calibration",
            "expected at least",
        ),
    ],
)
def test_a_mistake_is_refused_where_it_stands(
    load: Callable[..., Loaded], assignment: str, where: str, problem: str | None
) -> None:
    extra = ["response.reactions.nudge_child=null"] if "nudge_child]" in assignment else []
    extra += [f"{QUEUE}.service_level=null"] if assignment.endswith("priority=deadline") else []
    with pytest.raises((UsageError, UsageErrors)) as caught:
        load(*extra, assignment)
    told = str(caught.value)
    assert where in told and (problem is None or problem in told)


def test_what_a_policy_leaves_out_does_not_happen(load: Callable[..., Loaded]) -> None:
    arm: Any = load().scenario.arms["trained_moderators"]
    assert arm.mode == "live" and arm.failures is None and not arm.encrypted
    trigger = arm.trigger
    assert (trigger.s_of_n, trigger.rearm_below, trigger.cooldown, trigger.account, trigger.budget_per_day) == (
        None,
    ) * 5
    queue = arm.queues["moderators"]
    assert (queue.claim, queue.second_review, queue.fatigue, queue.ageing, queue.capacity) == (None,) * 5


def test_several_tiers_must_be_named_by_shift(load: Callable[..., Loaded]) -> None:
    tier = "{evidence: assumed, source: test, service: {kind: constant, value: 1min}, sensitivity: 1, specificity: 1}"
    with pytest.raises((UsageError, UsageErrors), match="expected one of a, b"):
        load(f"{QUEUE}.tiers={{a: {tier}, b: {tier}}}")
