"""What an arm came to in one replication, conversation by conversation against the comparator."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simharness.outcomes.cell import Cell
from simharness.records import LADDER
from simharness.response.arm import ArmResult
from simharness.response.log import EXPIRED, REVIEW, ArmLog
from simharness.world.clock import DAY_S
from simharness.world.model import WorldModel

HOUR_S = 3600.0
Number = float | None


def arm_numbers(model: WorldModel, cell: Cell, name: str) -> dict[str, Number]:
    """Every metric of one arm in one replication, by name; None where undefined."""
    arm, base = cell.arms[name], cell.arms[model.scenario.comparator]
    log, counts = arm.log, arm.log.counts
    right = np.frombuffer(log.alert_right, np.int8) == 1 if len(log.alert_right) else np.zeros(0, np.bool_)
    review, police = log.seconds["review"] / HOUR_S, log.seconds["police"] / HOUR_S
    numbers: dict[str, Number] = dict(_ladder(cell, arm, base))
    numbers |= lead_time(arm, base, model.scenario.horizon_s)
    numbers |= {
        "recorded_offences": int(np.isfinite(arm.recorded).sum()),
        "alerts": right.size,
        "right_alerts": int(right.sum()),
        "false_alerts": int((~right).sum()),
        "child_months": model.child_months / 1000.0,
        "alerts_before_offence": _before_offence(cell, arm, right),
        "review_hours": review,
        "police_hours": police,
        "human_hours": review + police,
        **_queue(model, name, log),
    }
    for count in ("arrests", "wrong_referrals", "wrong_suspensions", "children_wrongly_alarmed", "benign_read"):
        numbers[count] = counts[count]
    return numbers


def changes(base: NDArray[np.float64], arm: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    """What became of each event (times, inf: never) of the comparator under an arm; arrays of the inputs' shape."""
    before, after = np.isfinite(base), np.isfinite(arm)
    return {
        "prevented": before & ~after,
        "delayed": before & after & (arm > base),
        "unchanged": before & (arm == base),
        "made_worse": after & (arm < base),  # earlier, or an event that the comparator does not have
    }


def lead_time(arm: ArmResult, base: ArmResult, horizon_s: float) -> dict[str, Number]:
    """Median days by which an arm's first protective action comes before the comparator's.

    Over the conversations on which both act in the period, at different times; the share of the arm's conversations on
    which the comparator does not act in the period stands beside it, because for those the lead is longer than the
    period can show. Contacts never made have no time of action and are left out.
    """
    # The same action at the same moment (the police, alerted by the same report) is no lead of either.
    acted = np.isfinite(arm.cut) & (arm.cut != base.cut)
    if not acted.any():
        return {"lead_time_days": None, "only_this_arm_acts": None}
    both = acted & (base.cut < horizon_s) & np.isfinite(base.cut)
    lead = base.cut[both] - arm.cut[both]
    return {
        "lead_time_days": float(np.median(lead) / DAY_S) if lead.size else None,
        "only_this_arm_acts": float(1.0 - both.sum() / acted.sum()),
    }


def _ladder(cell: Cell, arm: ArmResult, base: ArmResult) -> Iterator[tuple[str, Number]]:
    what = changes(base.outcomes, arm.outcomes)
    for place, rung in enumerate(LADDER):
        yield f"{rung}s", int(np.isfinite(arm.outcomes[:, place]).sum())
        yield f"{rung}s_comparator", int(np.isfinite(base.outcomes[:, place]).sum())
        for change, rows in what.items():
            yield f"{rung}s_{change}", int(rows[:, place].sum())
    child = cell.contacts.child
    yield "children_harmed", int(np.unique(child[np.isfinite(arm.outcomes).any(axis=1)]).size)
    yield "children_protected", int(np.unique(child[what["prevented"].any(axis=1)]).size)
    yield "children_made_worse", int(np.unique(child[what["made_worse"].any(axis=1)]).size)


def _before_offence(cell: Cell, arm: ArmResult, right: NDArray[np.bool_]) -> int:
    conversation = np.frombuffer(arm.log.alert_conversation, np.uint64)[right] if right.size else np.zeros(0, np.uint64)
    raised = np.frombuffer(arm.log.alert_raised_s, np.float64)[right] if right.size else np.zeros(0)
    order = np.argsort(cell.contacts.conversation)
    rows = order[np.searchsorted(cell.contacts.conversation, conversation, sorter=order)]
    return int((raised < arm.outcomes[rows, 0]).sum())


def _queue(model: WorldModel, name: str, log: ArmLog) -> dict[str, Number]:
    if model.scenario.arms[name].review is None:
        return {"review_expired": None, "review_waiting": None, "review_wait_hours": None}
    if not len(log.decision_alert):
        return {"review_expired": 0, "review_waiting": len(log.alert_right), "review_wait_hours": None}
    read = np.frombuffer(log.decision_desk, np.int8) == REVIEW
    raised = np.frombuffer(log.alert_raised_s, np.float64)[np.frombuffer(log.decision_alert, np.int64)[read]]
    started = np.frombuffer(log.decision_started_s, np.float64)[read]
    expired = np.frombuffer(log.decision_verdict, np.int8)[read] == EXPIRED
    wait = (started - raised)[~expired]
    return {
        "review_expired": int(expired.sum()),
        "review_waiting": len(log.alert_right) - int(read.sum()),
        "review_wait_hours": float(wait.mean() / HOUR_S) if wait.size else None,
    }
