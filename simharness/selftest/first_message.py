"""An alert on every grooming conversation at its first message: no policy can be earlier.

Two things about it are exact. Where nothing that is done changes what follows (mode shadow), its alert on every
conversation is no later than the policy's own. And where all that an alert can do is end conversations for good, at
once and whatever else is going on, what it does not prevent no later alert prevents. In the scenario as it is neither
holds case by case: an offender who notices hurries or moves, another child is contacted instead, a report before there
is an offence is not recorded. There it holds on average, and is looked at over replications.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simharness.metrics.intervals import paired_difference
from simharness.outcomes.cell import Cell, Prepared
from simharness.response.arm import ArmResult
from simharness.scenario.model import Scenario
from simharness.scenario.policy import RECIPIENTS, Arm, Trigger
from simharness.scenario.reactions import Reactions
from simharness.selftest.context import (
    FAMILY_LEVEL,
    FIRST_MESSAGE,
    Context,
    grooming_only,
    live,
    under,
    with_arms,
    with_first_message,
)
from simharness.selftest.findings import Difference, NotApplicable, Outcome, outcome_of

ENDING = ("nudge_child", "suggest_block", "alert_child", "alert_guardian", "suspend_account")  # and nothing else
_FIRST = "{}, first message"
_NO_POLICY = NotApplicable("no arm acts on a detector")


def first_message_is_earliest(context: Context) -> Outcome:
    """An alert on a conversation's first message is no later than a policy's own: it can react to nothing earlier."""
    arms = context.arms()
    if not arms:
        return _NO_POLICY
    quiet = {"mode": "shadow", "on_alert": [], "queues": {}}
    prepared = _beside(context, {name: arm.model_copy(update=quiet) for name, arm in arms.items()})
    compared, alerts = "first alert on every conversation, nothing done about it; exact", 0
    for replication in context.worlds:
        cell = live(prepared, replication)
        for name in arms:
            own, bound = _first_alerts(cell.arms[name]), _first_alerts(cell.arms[_FIRST.format(name)])
            alerts += len(own)
            for conversation, at in own.items():
                if not bound.get(conversation, np.inf) <= at:
                    where, limit = f"conversation {conversation}", bound.get(conversation, np.inf)
                    found = Difference(name, "first alert, s", where, f"{at:.10g}", f"at {limit:.10g} or later")
                    return outcome_of(compared, "", found)
    return outcome_of(compared, f"none of {alerts:,} alerts is earlier, in {len(context.worlds)} worlds", None)


def first_message_prevents_most(context: Context) -> Outcome:
    """Where alerts only end conversations, and at once, a first-message alert prevents all that a policy's prevents."""
    arms = {name: ending(arm) for name, arm in context.arms().items()}
    arms = {name: arm for name, arm in arms.items() if arm.on_alert}
    if not arms:
        return NotApplicable(f"no policy takes an action that ends conversations ({', '.join(ENDING)})")
    prepared = _beside(context, arms)
    prepared = under(prepared, only_ending(prepared.model.scenario))
    compared, prevented = "every event, alerts ending conversations at once and for good; exact", 0
    for replication in context.worlds:
        cell = live(prepared, replication)
        for name in arms:
            own, bound = cell.arms[name], cell.arms[_FIRST.format(name)]
            prevented += int((np.isfinite(own.outcomes) & ~np.isfinite(bound.outcomes)).sum())
            found = _worse(name, cell, own, bound)
            if found is not None:
                return outcome_of(compared, "", found)
    return outcome_of(compared, f"none that a policy prevents happens; {prevented:,} that it does not are spared", None)


def first_message_on_average(context: Context) -> Outcome:
    """On average a first-message alert leaves no more harm than the policy's own alerts, each acted on at once."""
    if len(context.replications) < 2:
        return NotApplicable("an average needs at least 2 replications")
    if backfires(context.scenario.response.reactions):
        return NotApplicable("a warning here is noticed by the offender more often than it ends the contact")
    arms = {name: at_once(arm) for name, arm in context.arms().items()}
    arms = {name: arm for name, arm in arms.items() if arm.on_alert}
    if not arms:
        return NotApplicable("no policy takes an action other than a referral")
    prepared = _beside(context, arms)
    cells = [live(prepared, replication) for replication in context.replications]
    level = 1.0 - 2.0 * (1.0 - FAMILY_LEVEL) / len(arms)  # only one end of each interval is looked at
    compared, told = "events left over, actions at once and no desk in between; on average", []
    for name in arms:
        bound, own = ([_events(cell.arms[one]) for cell in cells] for one in (_FIRST.format(name), name))
        found = paired_difference(bound, own, level)
        assert found.estimate is not None and found.low is not None
        if found.low > 0.0:
            at = Difference(name, "events a replication more than under the policy's own alerts", "", "", "0 or fewer")
            got = f"{found.estimate:+.4g} (at least {found.low:+.4g})"
            return outcome_of(compared, "", Difference(name, at.what, "", got, at.expected))
        told.append(f"{found.estimate:+.4g}")
    return outcome_of(compared, f"events a replication: {', '.join(told)} over {len(cells)} replications", None)


# -- arms and scenarios ------------------------------------------------------------------------------------------------


def _beside(context: Context, arms: dict[str, Arm]) -> Prepared:
    """These arms on their own detectors, and each once more on the first message, without harmless traffic."""
    own = with_arms(grooming_only(context.prepared), arms, {name: name for name in arms})
    plain = {"detector": FIRST_MESSAGE, "trigger": Trigger(), "failures": None, "encrypted": []}
    return with_first_message(own, {_FIRST.format(name): arm.model_copy(update=plain) for name, arm in arms.items()})


def ending(arm: Arm) -> Arm:
    """The arm with those of its actions that only end conversations, taken on every alert; no police, one alert each.

    One alert on a conversation and platform, so that a later one cannot have a second draw that an earlier one has not.
    """
    once = arm.trigger.model_copy(update={"rearm_below": None, "cooldown": None})
    plain: dict[str, Any] = {"law": "none", "queues": {}, "failures": None, "trigger": once}
    return arm.model_copy(update=plain | {"on_alert": [one for one in ENDING if one in _actions(arm)]})


def at_once(arm: Arm) -> Arm:
    """The arm with all its actions but the referral taken on every alert."""
    actions = [one for one in RECIPIENTS if one in _actions(arm) and one != "refer_police"]
    return arm.model_copy(update={"queues": {}, "failures": None, "on_alert": actions})


def _actions(arm: Arm) -> set[str]:
    """Every action it can come to, but on a case that was cleared."""
    return {one for place, actions in arm.action_lists() if not place.endswith("on_cleared") for one in actions}


def only_ending(scenario: Scenario) -> Scenario:
    """The scenario in which whoever is told either ends the contact for good or does nothing."""
    reactions = scenario.response.reactions
    never = {"probability": 0.0}
    calm = {
        **dict.fromkeys(("habituation", "repetition", "tipped_off", "substitution", "new_account")),
        "block_recontacted": reactions.block_recontacted.model_copy(update=never),
        "suspension_recontact": reactions.suspension_recontact.model_copy(update=never),
        "suspension_displaces": reactions.suspension_displaces.model_copy(update={"value": 0.0}),
    }
    response = scenario.response.model_copy(update={"reactions": reactions.model_copy(update=calm)})
    return scenario.model_copy(update={"response": response})


def backfires(reactions: Reactions) -> bool:
    """Whether a warning tips an offender off more often than it ends the contact; then earlier need not be better."""
    told, tipped = reactions.alert_child, reactions.tipped_off
    ends = told.leave + told.tell + told.block * (1.0 - reactions.block_recontacted.probability)
    ignored = 1.0 - told.leave - told.block - told.tell
    return tipped is not None and ignored * tipped.notices * (tipped.speeds_up + tipped.moves) > ends


# -- what came of it ---------------------------------------------------------------------------------------------------


def _first_alerts(arm: ArmResult) -> dict[int, float]:
    found: dict[int, float] = {}
    for conversation, at in zip(arm.log.alert_conversation, arm.log.alert_raised_s, strict=True):
        found[conversation] = min(at, found.get(conversation, np.inf))
    return found


def _worse(name: str, cell: Cell, own: ArmResult, bound: ArmResult) -> Difference | None:
    rows, rungs = np.nonzero(~(bound.outcomes >= own.outcomes))
    if not rows.size:
        return None
    row, rung = int(rows[0]), int(rungs[0])
    times = [f"{arm.outcomes[row, rung]:.10g}" for arm in (bound, own)]
    where = f"conversation {cell.contacts.conversation[row]}, rung {rung + 1}"
    return Difference(name, "event under a first-message alert, s", where, times[0], f"{times[1]} or later")


def _events(arm: ArmResult) -> float:
    return float(np.isfinite(arm.outcomes).sum())
