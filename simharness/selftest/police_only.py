"""Policies that do nothing, for want of alerts or because they are only tried out."""

from __future__ import annotations

from collections.abc import Mapping

from simharness.outcomes.cell import Cell, Prepared
from simharness.outcomes.tables import outcomes_table
from simharness.scenario.policy import Arm
from simharness.selftest.context import Context, alone, live, silenced, with_arms
from simharness.selftest.findings import Difference, NotApplicable, Outcome, differing, outcome_of

_NO_POLICY = NotApplicable("no arm acts on a detector")


def never_is_police_only(context: Context) -> Outcome:
    """A policy whose detector never alerts is the police alone: nothing else may set anything in motion."""
    arms = context.arms()
    if not arms:
        return _NO_POLICY
    without = {f"{name} without a detector": alone(arm) for name, arm in arms.items()}
    silent = with_arms(silenced(context.prepared), arms | without, {})
    return _pairs(context, silent, arms, "each policy with a silent detector, against the same arm without one")


def shadow_is_police_only(context: Context) -> Outcome:
    """A policy that is only tried out (mode shadow) raises and reads alerts, and changes nothing for anybody."""
    arms = context.arms()
    if not arms:
        return _NO_POLICY
    shadows = {name: arm.model_copy(update={"mode": "shadow"}) for name, arm in arms.items()}
    # In a shadow the code is not in force either, so contacts are neither prevented nor displaced.
    without = {f"{name} without a detector": alone(arm, code=None) for name, arm in arms.items()}
    tried = with_arms(context.prepared, shadows | without, {})
    return _pairs(context, tried, arms, "each policy in mode shadow, against the police alone", alerts=True)


def _pairs(
    context: Context, prepared: Prepared, arms: Mapping[str, Arm], compared: str, *, alerts: bool = False
) -> Outcome:
    rows = 0
    for replication in context.worlds:
        cell = live(prepared, replication)
        for name in arms:
            found = _differs(context, cell, name, alerts=alerts)
            if found is not None:
                return outcome_of(compared, "", found)
        rows += len(cell.contacts)
    seen = f"{len(arms)} arm(s) equal, event for event, on {rows:,} conversations in {len(context.worlds)} worlds"
    return outcome_of(compared, seen, None)


def _differs(context: Context, cell: Cell, name: str, *, alerts: bool) -> Difference | None:
    arm, comparator = cell.arms[name], context.scenario.comparator
    raised = len(arm.log.alert_right)
    if raised and not alerts:
        return Difference(name, "alerts", "", str(raised), "0, as no detector gave any number")
    expected = outcomes_table(cell, cell.arms[f"{name} without a detector"])
    found = differing(name, "outcomes", outcomes_table(cell, arm), expected)
    if found is None and not alerts and _is_like(context, name):
        found = differing(name, "outcomes", outcomes_table(cell, arm), outcomes_table(cell, cell.arms[comparator]))
    return found


def _is_like(context: Context, name: str) -> bool:
    """Whether without alerts an arm is the comparator: the same law, no detector there, codes that wait for alerts."""
    arm, comparator = context.scenario.arms[name], context.scenario.arms[context.scenario.comparator]
    idle = all(code is None or not (code.safer_defaults or code.displacement) for code in (arm.code, comparator.code))
    return comparator.detector is None and arm.law == comparator.law and idle
