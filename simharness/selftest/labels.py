"""Whether everything that a scenario names does occur, where there is reason to expect it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from simharness.outcomes.cell import replication_seed
from simharness.outcomes.traces import first_places
from simharness.records import LADDER, Truth
from simharness.response.log import ACTIONS, CLEARED, CONFIRMED, TAKEN, ArmLog
from simharness.scenario.policy import POLICE, RECIPIENTS, TO_QUEUE, Arm
from simharness.scenario.world import Chain
from simharness.selftest import chains
from simharness.selftest.context import Context
from simharness.selftest.findings import Difference, NotApplicable, Outcome, outcome_of
from simharness.world.contacts import Contacts
from simharness.world.generate import REASONS, Batch, World
from simharness.world.model import WorldModel

EXPECTED = 10.0  # of which none is seen by chance once in e^10 times, about 22,000, were they independent
_Label = tuple[str, str]  # arm ("" for the world), label


@dataclass(slots=True)
class Tally:
    """How often each label was to be expected and was seen, in the order in which they were first asked for."""

    expected: defaultdict[_Label, float] = field(default_factory=lambda: defaultdict(float))
    seen: defaultdict[_Label, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, arm: str, label: str, expected: float, seen: int) -> None:
        self.expected[arm, label] += expected
        self.seen[arm, label] += seen


def every_label_reachable(context: Context) -> Outcome:
    """What the scenario names occurs: classes, stages, platforms, pacing, end reasons, rungs, desks, actions, verdicts.

    Expected numbers are those of conversations with time to end, or follow from what was seen one step before.
    """
    tally, conversations = Tally(), 0
    for replication in context.replications:
        for batch in _batches(context, replication):
            conversations += len(batch.contacts)
            _of_batch(context.prepared.model, batch, tally)
        cell = context.cell(replication)
        for name, result in cell.arms.items():
            _of_arm(name, context.scenario.arms[name], result.log, tally)
    return _judged(tally, conversations)


def _judged(tally: Tally, conversations: int) -> Outcome:
    compared = f"labels expected {EXPECTED:g} times or more, in {conversations:,} conversations"
    likely = [label for label, expected in tally.expected.items() if expected >= EXPECTED]
    rare = [label for label, expected in tally.expected.items() if expected < EXPECTED and not tally.seen[label]]
    for arm, label in likely:
        if not tally.seen[arm, label]:
            expected = f"about {tally.expected[arm, label]:.0f} times"
            return outcome_of(compared, "", Difference(arm, label, "", "never seen", expected))
    named = f"; too rare at this scale and not seen: {', '.join(_name(one) for one in rare)}" if rare else ""
    if not likely:
        return NotApplicable(f"no label is expected {EXPECTED:g} times or more at this scale")
    return outcome_of(compared, f"all {len(likely)} are seen{named}", None)


def _name(label: _Label) -> str:
    return " ".join(filter(None, label))


# -- the world ---------------------------------------------------------------------------------------------------------


def _batches(context: Context, replication: int) -> Iterator[Batch]:
    """All grooming conversations of a replication and the harmless ones that are sampled."""
    model = context.prepared.model
    world = World(model, replication_seed(model.scenario, replication))
    yield from world.batches(world.grooming_contacts())
    for block in world.benign_contacts():
        yield from world.batches(block)


def _of_batch(model: WorldModel, batch: Batch, tally: Tally) -> None:
    contacts, world = batch.contacts, model.scenario.world
    if not len(contacts):
        return
    harmless = bool(contacts.initiator[0] < 0)
    kinds: Mapping[str, object] = world.benign.classes if harmless else world.offenders.types
    named: Mapping[str, Chain] = world.grammar.benign if harmless else world.grammar.grooming
    share = {name: kind.share for name, kind in kinds.items()}  # type: ignore[attr-defined]
    pacing = {name: kind.pacing for name, kind in kinds.items()}  # type: ignore[attr-defined]
    group = "harmless" if harmless else "grooming"
    reached = first_places(batch.stage, batch.view, len(model.grammar.stage_names)) >= 0
    for name in kinds:
        rows = contacts.kind == model.grammar.kinds.index(name)
        tally.add("", f"class {name}", share[name] * len(contacts), int(rows.sum()))
        _of_chain(model, name, named[name], rows, reached, batch.truth, tally)
        for regime, part in pacing[name].items():
            seen = rows & (contacts.regime == model.grammar.regimes.index(regime))
            tally.add("", f"pacing {regime} of {name}", part * int(rows.sum()), int(seen.sum()))
    _of_platforms(
        model, contacts, world.benign.platforms if harmless else world.offenders.platforms.shares, group, tally
    )
    if not harmless:
        _of_rungs(model, batch, tally)


def _of_chain(
    model: WorldModel,
    name: str,
    chain: Chain,
    rows: np.ndarray[tuple[int], np.dtype[np.bool_]],
    reached: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    truth: Truth,
    tally: Tally,
) -> None:
    count = int(rows.sum())
    for stage, chance in chains.reaches(chain).items():
        place = model.grammar.stage_names.index(stage)
        tally.add("", f"stage {stage} of {name}", chance * count, int(reached[rows, place].sum()))
    for reason, chance in chains.ends(chain).items():
        if not chance:
            continue
        seen = int((truth.reason[rows] == REASONS.index(reason)).sum())
        tally.add("", f"end {reason} of {name}", chance * count, seen)


def _of_platforms(model: WorldModel, contacts: Contacts, shares: Mapping[str, float], group: str, tally: Tally) -> None:
    for place, name in enumerate(model.platforms):
        seen = int((contacts.platform == place).sum())
        tally.add("", f"platform {name}, {group}", shares.get(name, 0.0) * len(contacts), seen)


def _of_rungs(model: WorldModel, batch: Batch, tally: Tally) -> None:
    grammar, course, truth = model.scenario.world.grammar, model.scenario.world.natural_course, batch.truth
    happened = {rung: np.isfinite(getattr(truth, rung)) for rung in LADDER}
    said = {"offence": "sexual", "meeting": "suggests_meeting"}
    expected = dict.fromkeys(LADDER, 0.0)
    for name in model.scenario.world.offenders.types:
        count = int((batch.contacts.kind == model.grammar.kinds.index(name)).sum())
        for rung, act in said.items():
            expected[rung] += count * min(1.0, chains.acts(grammar, grammar.grooming[name], act))
    ends = np.minimum(truth.closed, model.horizon)
    again = float(model.clock.waking_span(course.repeat_after))
    # Half of those that go on for so long after an offence: a rough figure, and far from none.
    expected["repeat"] = 0.5 * float(
        (happened["offence"] & (ends - np.where(happened["offence"], truth.offence, 0) > again)).sum()
    )
    expected["contact"] = course.contact_abuse.probability * float(happened["meeting"].sum())
    for rung in LADDER:
        tally.add("", f"rung {rung}", expected[rung], int(happened[rung].sum()))


# -- arms --------------------------------------------------------------------------------------------------------------


def _of_arm(name: str, arm: Arm, log: ArmLog, tally: Tally) -> None:
    """Each desk, action and verdict, by what was seen one step before it."""
    if arm.detector is None:
        return
    steps = _steps(arm, log)
    arrives = 1.0 - (arm.failures.text_only_dropped if arm.failures else 0.0)
    for action in RECIPIENTS:
        if any(action in actions for actions, _ in steps):
            expected = sum(times for actions, times in steps if action in actions)
            seen = int((np.array(log.action_kind) == ACTIONS.index(action)).sum())
            tally.add(name, f"action {action}", expected * (arrives if action == "refer_police" else 1.0), seen)
    for queue in arm.queues:
        expected = arrives * sum(times for actions, times in steps if TO_QUEUE + queue in actions)
        tally.add(name, f"desk {queue}", expected, _stays(log, queue))
        _of_verdicts(name, arm, log, queue, tally)
    referred = (np.array(log.action_kind) == ACTIONS.index("refer_police")) & (np.array(log.action_effect) == TAKEN)
    if referred.any():
        tally.add(name, f"desk {POLICE}", float(referred.sum()), _stays(log, POLICE))


def _steps(arm: Arm, log: ArmLog) -> list[tuple[list[str], float]]:
    """Every list of actions, and how often it was due."""
    found = [(arm.on_alert, float((np.array(log.alert_dropped) == 0).sum()))]
    for name, queue in arm.queues.items():
        found += [(queue.on_confirmed, float(_stays(log, name, CONFIRMED)))]
        found += [(queue.on_cleared, float(_stays(log, name, CLEARED)))]
    return found


def _stays(log: ArmLog, desk: str, verdict: int | None = None) -> int:
    at = np.array(log.stay_desk) == log.desks.index(desk)
    return int(at.sum() if verdict is None else (at & (np.array(log.stay_verdict) == verdict)).sum())


def _of_verdicts(name: str, arm: Arm, log: ArmLog, queue: str, tally: Tally) -> None:
    """Confirmed and cleared, by how well the least able of the queue's tiers reads what was decided there."""
    tiers = arm.queues[queue].tiers.values()
    verdict, alert = np.array(log.stay_verdict), np.array(log.stay_alert, np.int64)
    decided = (np.array(log.stay_desk) == log.desks.index(queue)) & np.isin(verdict, (CONFIRMED, CLEARED))
    right = np.array(log.alert_right, np.bool_)[alert[decided]]
    rights, wrongs = float(right.sum()), float((~right).sum())
    confirms = min(tier.sensitivity for tier in tiers) * rights + (1.0 - max(t.specificity for t in tiers)) * wrongs
    clears = (1.0 - max(tier.sensitivity for tier in tiers)) * rights + min(t.specificity for t in tiers) * wrongs
    tally.add(name, f"verdict confirmed at {queue}", confirms, _stays(log, queue, CONFIRMED))
    tally.add(name, f"verdict cleared at {queue}", clears, _stays(log, queue, CLEARED))
