"""What an arm came to in one replication, conversation by conversation against the comparator."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simharness.outcomes.cell import Cell
from simharness.records import LADDER
from simharness.response.arm import ArmResult
from simharness.response.log import ENDED, TAKEN, ArmLog
from simharness.scenario.policy import POLICE
from simharness.world.clock import DAY_S
from simharness.world.model import WorldModel

HOUR_S = 3600.0
Number = float | None


# Counted as they happen, under these names.
COUNTED = (
    "arrests",
    "charges",
    "referrals",
    "wrong_referrals",
    "wrong_suspensions",
    "wrong_restrictions",
    "children_wrongly_alarmed",
    "guardians_wrongly_alarmed",
    "benign_contacts_ended",
    "benign_read",
    "contacts_displaced",
    "tipped_off",
    "new_accounts",
    "signals_matched",
)


def arm_numbers(model: WorldModel, cell: Cell, name: str) -> dict[str, Number]:
    """Every metric of one arm in one replication, by name; None where undefined."""
    arm, base = cell.arms[name], cell.arms[model.scenario.comparator]
    log, planned = arm.log, np.arange(cell.planned)
    right = np.frombuffer(log.alert_right, np.int8) == 1 if len(log.alert_right) else np.zeros(0, np.bool_)
    police = sum(each.worked_s for desk, each in zip(log.desks, log.numbers, strict=True) if desk == POLICE) / HOUR_S
    review = sum(each.worked_s for each in log.numbers) / HOUR_S - police
    numbers: dict[str, Number] = dict(_ladder(cell, arm, base))
    numbers |= lead_time(arm.cut[planned], base.cut[planned], model.scenario.horizon_s)
    numbers |= {
        "recorded_offences": int(np.isfinite(arm.recorded).sum()),
        "alerts": right.size,
        "right_alerts": int(right.sum()),
        "false_alerts": int((~right).sum()),
        "child_months": model.child_months / 1000.0,
        "alerts_before_offence": _before_offence(cell, arm, right),
        "duplicate_alerts": _raised_twice(log),
        "longest_silence_days": _longest_silence(log, model.scenario.horizon_s),
        "actions": sum(effect == TAKEN for effect in log.action_effect),
        "actions_too_late": sum(effect == ENDED for effect in log.action_effect),
        "exposure_hours": sum(each.exposed_s for each in log.numbers) / HOUR_S,
        "review_hours": review,
        "police_hours": police,
        "human_hours": review + police,
        "contacts_never_made": int((arm.cut[planned] == -np.inf).sum()),
        "substitutes": int((np.isfinite(arm.start) & (arm.cut > -np.inf))[cell.planned :].sum()),
        "audits": arm.regulation.audits,
        "audits_found": arm.regulation.found,
        "sanctions": arm.regulation.sanctions,
    }
    return numbers | {count: log.counts[count] for count in COUNTED}


def changes(base: NDArray[np.float64], arm: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    """What became of each event (times, inf: never) of the comparator under an arm; arrays of the inputs' shape."""
    before, after = np.isfinite(base), np.isfinite(arm)
    return {
        "prevented": before & ~after,
        "delayed": before & after & (arm > base),
        "unchanged": before & (arm == base),
        "made_worse": after & (arm < base),  # earlier, or an event that the comparator does not have
    }


def lead_time(arm: NDArray[np.float64], base: NDArray[np.float64], horizon_s: float) -> dict[str, Number]:
    """Median days by which an arm's first protective action comes before the comparator's.

    Arrays of the first action on each planned conversation (wall seconds; inf: none, -inf: the contact was never made).

    Over the conversations on which both act in the period, at different times; the share of the arm's conversations on
    which the comparator does not act in the period stands beside it, because for those the lead is longer than the
    period can show. Contacts never made have no time of action and are left out.
    """
    acted = np.isfinite(arm) & (arm != base)
    if not acted.any():
        return {"lead_time_days": None, "only_this_arm_acts": None}
    lead = leads(arm, base, horizon_s)
    return {
        "lead_time_days": float(np.median(lead) / DAY_S) if lead.size else None,
        "only_this_arm_acts": float(1.0 - lead.size / acted.sum()),
    }


def leads(arm: NDArray[np.float64], base: NDArray[np.float64], horizon_s: float) -> NDArray[np.float64]:
    """Seconds by which an arm's first action comes before the comparator's, where both act in the period; see above."""
    # The same action at the same moment (the police, alerted by the same report) is no lead of either.
    both = np.isfinite(arm) & (arm != base) & (base < horizon_s) & np.isfinite(base)
    return np.asarray(base[both] - arm[both])


def _ladder(cell: Cell, arm: ArmResult, base: ArmResult) -> Iterator[tuple[str, Number]]:
    what = changes(base.outcomes, arm.outcomes)
    for place, rung in enumerate(LADDER):
        yield f"{rung}s", int(np.isfinite(arm.outcomes[:, place]).sum())
        yield f"{rung}s_comparator", int(np.isfinite(base.outcomes[:, place]).sum())
        for change, rows in what.items():
            yield f"{rung}s_{change}", int(rows[:, place].sum())
    child = cell.contacts.child
    for suffix, each in (("", arm), ("_comparator", base)):
        yield f"children_harmed{suffix}", int(np.unique(child[np.isfinite(each.outcomes).any(axis=1)]).size)
    yield "children_protected", int(np.unique(child[what["prevented"].any(axis=1)]).size)
    yield "children_made_worse", int(np.unique(child[what["made_worse"].any(axis=1)]).size)


def _before_offence(cell: Cell, arm: ArmResult, right: NDArray[np.bool_]) -> int:
    conversation = np.frombuffer(arm.log.alert_conversation, np.uint64)[right] if right.size else np.zeros(0, np.uint64)
    raised = np.frombuffer(arm.log.alert_raised_s, np.float64)[right] if right.size else np.zeros(0)
    order = np.argsort(cell.contacts.conversation)
    rows = order[np.searchsorted(cell.contacts.conversation, conversation, sorter=order)]
    return int((raised < arm.outcomes[rows, 0]).sum())


def _raised_twice(log: ArmLog) -> int:
    """Right alerts raised at the very moment of another one on their conversation: they say nothing new.

    Harmless conversations are left out, because several that were not sampled share one id and may share a time.
    """
    raised = zip(log.alert_conversation, log.alert_raised_s, log.alert_right, strict=True)
    moments = [(conversation, time) for conversation, time, right in raised if right]
    return len(moments) - len(set(moments))


def _longest_silence(log: ArmLog, horizon_s: float) -> Number:
    """Longest time in which no alert was raised, days; None where there was none at all."""
    if not log.alert_raised_s:
        return None
    times = np.sort(np.frombuffer(log.alert_raised_s, np.float64))
    return float(np.diff(times, prepend=0.0, append=horizon_s).max() / DAY_S)
