"""What holds under every policy: Hypothesis over random policies, reactions and police on one small world."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simharness.detection.levels import calibrate_levels
from simharness.detection.scoring import build_detectors, prepare
from simharness.metrics.arms import changes
from simharness.metrics.desks import lost_by_reason
from simharness.outcomes import cell as cell_module
from simharness.outcomes.cell import Prepared, run_cell
from simharness.outcomes.tables import actions_table, alerts_table, decisions_table, outcomes_table
from simharness.records import LADDER, Action, Alert, Decision, Outcome
from simharness.response.arm import ArmInput, ArmResult, ArmSimulation
from simharness.response.log import (
    ACTIONS,
    CLEARED,
    CONFIRMED,
    DROPPED,
    ENDED,
    EXPIRED,
    MERGED,
    REASON,
    SHADOW,
    TAKEN,
    WAITING,
)
from simharness.response.state import CLOSED, MEETING, OFFENCE
from simharness.scenario.load import Loaded
from simharness.scenario.policy import POLICE, RECIPIENTS, TO_QUEUE, Arm
from simharness.scenario.response import Response
from simharness.suites.strategies.response import ASSUMED, PLATFORMS, arms, codes, responses
from simharness.world.model import WorldModel, build_model

SMALL = ("training={grooming: 60, benign: 300, calibration: 4000}", "sampling.benign_fraction=0.02")
RATES = (1.0, 4.0, 16.0)  # false alerts per 1,000 child-months: three alert levels, the highest first
EVERYWHERE = ASSUMED | {"coverage": dict.fromkeys(PLATFORMS, 1.0)}
# What decides when alerts are raised: an arm's input is prepared for each.
SEEN: dict[str, dict[str, Any]] = {
    **{str(rate): {"alert_level": {"false_alerts_per_1000_child_months": rate}} for rate in RATES},
    "again": {"trigger": {"rearm_below": {"risk": 0.5}, "cooldown": "2d", "at_most": 3}},
    "sustained": {"trigger": {"s_of_n": {"s": 2, "n": 4}}},
    "accounts": {"trigger": {"account": {"conversations": 2, "within": "60d"}}},
    "encrypted": {"encrypted": ["instagram", "snapchat"]},
    "everything": {
        "trigger": {"cooldown": "1h", "account": {"conversations": 2, "within": "90d"}, "s_of_n": {"s": 1, "n": 3}},
        "encrypted": ["other"],
    },
}
# A policy is too large to be made smaller step by step: that would take minutes.
FEW = settings(max_examples=20, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
MANY = settings(FEW, max_examples=80)


class Small:  # not a dataclass, which Hypothesis would print whole
    """One world: what an arm is given for each way to see it, and without a detector."""

    def __init__(self, model: WorldModel, seed: int, given: dict[str, ArmInput]) -> None:
        self.model, self.seed, self.given = model, seed, given

    def run(self, arm: Arm, response: Response, seen: str) -> Run:
        scenario = self.model.scenario.model_copy(update={"response": response})
        sim = ArmSimulation(replace(self.model, scenario=scenario), self.seed, arm, self.given[seen])
        arrests: dict[int, float] = {}
        sent: list[tuple[int, float]] = []
        arrest = sim.police._arrested

        def arresting(row: int) -> None:
            arrests.setdefault(int(sim.contacts.initiator[row]), sim.env.now)
            arrest(row)

        sim.police._arrested = arresting  # type: ignore[method-assign]
        if sim.watch is not None:
            crossed = sim.watch._after_latency

            def sending(begin: Any, row: int, draws: object) -> None:
                if draws is sim.draws:
                    sent.append((row, sim.env.now))
                crossed(begin, row, draws)

            sim.watch._after_latency = sending  # type: ignore[method-assign]
        asked: Counter[tuple[str, int, int]] = Counter()
        uniform, delay = sim.draws.uniform, sim.draws.delay

        def asking(stream: str, row: int, occasion: int = 0) -> float:
            asked[stream, row, occasion] += 1
            return uniform(stream, row, occasion)

        def asking_how_long(stream: str, distribution: Any, row: int, occasion: int = 0) -> float:
            asked[stream, row, occasion] += not occasion  # for another it asks for a uniform
            return delay(stream, distribution, row, occasion)

        sim.draws.uniform, sim.draws.delay = asking, asking_how_long  # type: ignore[method-assign]
        return Run(self, sim, sim.run(), arrests, sent, asked)


@dataclass(frozen=True, repr=False)
class Run:
    small: Small
    sim: ArmSimulation
    result: ArmResult
    arrests: dict[int, float]  # offender -> wall time
    sent: list[tuple[int, float]]  # right alarms: row, and when the message was sent
    asked: Counter[tuple[str, int, int]]  # draws of grooming conversations: stream, row, occasion

    def rows_of(self, conversations: Any) -> NDArray[np.int64]:
        ids = self.sim.contacts.conversation
        order = np.argsort(ids)
        return np.asarray(order[np.searchsorted(ids, np.array(conversations, np.uint64), sorter=order)])

    def raised(self, right: bool) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
        """Conversations and times of the alerts that are right, or of the others, in order."""
        log = self.result.log
        these = np.array(log.alert_right, bool) == right
        return np.array(log.alert_conversation, np.uint64)[these], np.array(log.alert_raised_s, np.float64)[these]


@pytest.fixture(scope="module")
def small(load: Callable[..., Loaded]) -> Small:
    loaded = load(*SMALL, scale=0.005)
    specs = {"text_model": loaded.scenario.detectors["text_model"]}
    plain = {"title": "test", "law": "communication", "detector": "text_model", "code": EVERYWHERE}
    often = {"alert_level": {"false_alerts_per_1000_child_months": RATES[-1]}}
    arms = {name: Arm.model_validate(plain | often | what) for name, what in SEEN.items()}
    alone = {loaded.scenario.comparator: loaded.scenario.arms[loaded.scenario.comparator]}
    scenario = loaded.scenario.model_copy(update={"detectors": specs, "arms": alone | arms})
    model = build_model(scenario, loaded.folder)
    scorers = prepare(model, build_detectors(specs, loaded.folder))
    noted: list[ArmInput] = []
    simulate = cell_module.simulate_arm

    def noting(model: WorldModel, seed: int, arm: Any, what: ArmInput) -> ArmResult:
        noted.append(what)
        return simulate(model, seed, arm, what)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cell_module, "simulate_arm", noting)
        cell = run_cell(Prepared(model, scorers, calibrate_levels(model, scorers)), 0)
    return Small(model, cell.seed, dict(zip(("none", *arms), noted, strict=True)))


def sight_of(seen: str) -> dict[str, Any]:
    """What decides when an arm alerts, but for its level: of no account, because what alarms is given."""
    return {name: what for name, what in SEEN[seen].items() if name != "alert_level"}


# -- what holds --------------------------------------------------------------------------------------------------------


@MANY
@given(data=st.data(), response=responses(), seen=st.sampled_from(list(SEEN)))
def test_every_policy(small: Small, data: st.DataObject, response: Response, seen: str) -> None:
    run = small.run(data.draw(arms("text_model", sight=sight_of(seen))), response, seen)
    times_lie_within_the_period(run)
    events_keep_their_order(run)
    nothing_follows_a_cut_or_an_arrest(run)
    contacts_never_made_leave_no_trace(run)
    every_alert_is_where_its_actions_led_it(run)
    every_stay_is_whole(run)
    actions_meet_somebody(run)
    records_follow_the_law(run)
    every_decision_is_a_draw_of_its_own(run)
    tables_have_the_columns_of_the_records(run)
    comparator = small.run(small.model.scenario.arms[small.model.scenario.comparator], response, "none")
    every_event_has_one_fate(run, comparator)


def times_lie_within_the_period(run: Run) -> None:
    horizon, result, log = run.sim.horizon_s, run.result, run.result.log
    made = result.cut[result.cut != -np.inf]
    for times in (result.outcomes, result.recorded, made, log.alert_raised_s, log.action_at_s, log.stay_entered_s):
        found = np.asarray(times)[np.isfinite(times)]
        assert np.all((found >= 0) & (found < horizon))
    raised = np.array(log.alert_raised_s)
    assert np.all(np.diff(raised) >= 0) and np.all(np.diff(log.action_at_s) >= 0)
    for alert, times in ((log.stay_alert, log.stay_entered_s), (log.action_alert, log.action_at_s)):
        assert np.all(np.array(times) >= raised[np.array(alert, np.int64)])


def events_keep_their_order(run: Run) -> None:
    """Only who hurries is earlier than in the natural course; only what was done to a conversation changes it."""
    sim, outcomes = run.sim, run.result.outcomes
    planned = np.arange(len(sim.contacts)) < sim.given.planned
    natural = sim.model.clock.wall(np.column_stack([getattr(sim.given.truth, rung) for rung in LADDER]))
    calm = planned & (sim.state.tempo == 1.0)
    assert np.all(outcomes[calm] >= natural[calm] - 1e-5)  # on another clock and back: to a rounding
    untouched = planned & (sim.state.generation == 0) & (run.result.cut == np.inf)
    assert np.array_equal(outcomes[untouched], natural[untouched])
    first, second = outcomes[:, 0], outcomes[:, 1]
    assert np.all(second[np.isfinite(second)] > first[np.isfinite(second)])  # a repeat after the offence, still
    begun = np.where(np.isfinite(run.result.start), run.result.start, np.inf)
    assert np.all(np.isinf(outcomes) | (outcomes >= begun[:, None]))


def nothing_follows_a_cut_or_an_arrest(run: Run) -> None:
    outcomes, cut, sim = run.result.outcomes, run.result.cut, run.sim
    assert np.all(np.isinf(outcomes) | (outcomes < cut[:, None]))
    arrested = np.array([run.arrests.get(int(offender), np.inf) for offender in sim.contacts.initiator])
    assert np.all(np.isinf(outcomes) | (outcomes < arrested[:, None]))
    begun = np.isfinite(run.result.start)
    assert np.all(cut[begun] <= arrested[begun])
    assert np.all((run.result.start[begun] <= arrested[begun]) | (cut[begun] == -np.inf))
    assert all(time <= arrested[row] and time <= cut[row] for row, time in run.sent)
    assert run.result.log.counts["arrests"] == len(run.arrests)
    if sim.watch is not None and sim.watch.latency is None:
        rows = run.rows_of(run.raised(True)[0])
        assert np.all(run.raised(True)[1] <= arrested[rows]) and np.all(run.raised(True)[1] <= cut[rows])


def contacts_never_made_leave_no_trace(run: Run) -> None:
    state = run.sim.state
    never = (run.result.cut == -np.inf) | np.isinf(run.result.start)
    assert np.isinf(run.result.outcomes[never]).all() and np.isinf(run.result.recorded[never]).all()
    assert not np.isin(run.rows_of(run.raised(True)[0]), np.flatnonzero(never)).any()
    assert not state.moves[never].any() and (state.tempo[never] == 1.0).all()


def stays(run: Run) -> Iterator[tuple[str, int, int, int]]:
    """(desk, alert, what it came to, what was decided about it: by its host, if it was merged)."""
    log, decided = run.result.log, dict[int, int]()
    for alert, desk, verdict in zip(log.stay_alert, log.stay_desk, log.stay_verdict, strict=True):
        if verdict != MERGED:
            decided[desk] = verdict
        yield log.desks[desk], alert, verdict, decided[desk]


def every_alert_is_where_its_actions_led_it(run: Run) -> None:
    """Raised = decided + waiting + expired + merged + dropped: one stay in every queue an alert was led to."""
    arm, log = run.sim.arm, run.result.log
    led: defaultdict[int, set[str]] = defaultdict(set)
    handed: defaultdict[int, set[str]] = defaultdict(set)  # on to another desk: what is lost on the way does not arrive
    found: defaultdict[str, Counter[int]] = defaultdict(Counter)
    over_budget, lost = REASON["over_budget"], REASON["text_only"]
    for alert, dropped in enumerate(log.alert_dropped):
        assert dropped in (0, over_budget, lost)
        if dropped != over_budget:
            led[alert] |= set(arm.on_alert)
    for desk, alert, _, decided in stays(run):
        found[desk][alert] += 1
        if desk != POLICE and decided in (CONFIRMED, CLEARED):
            queue = arm.queues[desk]
            handed[alert] |= set(queue.on_confirmed if decided == CONFIRMED else queue.on_cleared)
    for name in arm.queues:
        here = {alert for alert, actions in led.items() if TO_QUEUE + name in actions}
        here |= {a for a, actions in handed.items() if TO_QUEUE + name in actions and log.alert_dropped[a] != lost}
        assert found[name] == Counter(here)
    refers = {alert for alert, actions in (*led.items(), *handed.items()) if "refer_police" in actions}
    assert found[POLICE] == Counter(alert for alert in refers if log.alert_dropped[alert] != lost)
    assert log.counts["referrals"] == sum(found[POLICE].values()) == log.counts["refer_police.taken"]
    on_the_way = {alert for alert, dropped in enumerate(log.alert_dropped) if dropped == lost}
    assert all(
        "refer_police" in led[a] or any(one == "refer_police" or one in _TO for one in handed[a]) for a in on_the_way
    )
    reasons = lost_by_reason(log)
    assert reasons["expired"] == sum(verdict == EXPIRED for verdict in log.stay_verdict)
    assert sum(reasons.values()) - reasons["expired"] == sum(map(bool, (*log.alert_dropped, *log.stay_reason)))


_TO = ("queue.first", "queue.second")


def every_stay_is_whole(run: Run) -> None:
    log, arm = run.result.log, run.sim.arm
    columns = (log.stay_entered_s, log.stay_started_s, log.stay_claimed_s, log.stay_ended_s, log.stay_worked_s)
    whole = zip(log.stay_desk, log.stay_verdict, log.stay_reason, log.stay_claims, *columns, strict=True)
    worked: Counter[str] = Counter()
    for desk, verdict, reason, claims, entered, started, claimed, ended, work in whole:
        queue = arm.queues.get(log.desks[desk])
        worked[log.desks[desk]] += work
        assert bool(reason) == (verdict == DROPPED) and np.isnan(ended) == (verdict == WAITING)
        assert (claims == 0) == np.isnan(started) == np.isnan(claimed) and (claims > 0 or work == 0.0)
        assert not ended < entered and (not claims or entered <= started <= claimed)
        if verdict in (CONFIRMED, CLEARED):
            assert claims and claimed <= ended and work <= ended - started + 1e-3
        if queue is not None:
            joined = verdict == MERGED or reason == REASON["host_lost"]
            assert claims or joined or np.isnan(ended) or ended - entered <= queue.expires + 1e-3
            assert verdict != EXPIRED or (claims == 0 and ended == pytest.approx(entered + queue.expires))
    for name, numbers in zip(log.desks, log.numbers, strict=True):
        if name != POLICE:  # whose officers also investigate
            assert numbers.worked_s == pytest.approx(worked[name])
        assert worked[name] <= numbers.worked_s * (1 + 1e-9) and numbers.worked_s <= numbers.duty_s * (1 + 1e-9)
        assert 0.0 <= numbers.exposed_s <= numbers.worked_s * (1 + 1e-9)
        assert 0 <= numbers.within_target <= numbers.with_target


def actions_meet_somebody(run: Run) -> None:
    """Nobody is told of a conversation that is over; in a shadow nothing is done at all."""
    log, sim = run.result.log, run.sim
    closed = np.minimum(sim.state.cut, sim.state.wall[:, CLOSED])
    false_last: defaultdict[int, float] = defaultdict(float)
    for conversation, last in zip(sim.given.false_alerts.conversation, sim.given.false_alerts.last_s, strict=True):
        false_last[int(conversation)] = max(false_last[int(conversation)], float(last))
    rows = run.rows_of(np.where(np.array(log.alert_right, bool), log.alert_conversation, sim.contacts.conversation[:1]))
    counted: Counter[str] = Counter()
    for alert, kind, at, effect in zip(
        log.action_alert, log.action_kind, log.action_at_s, log.action_effect, strict=True
    ):
        counted[f"{ACTIONS[kind]}.{effect}"] += 1
        assert effect != SHADOW
        if RECIPIENTS[ACTIONS[kind]] not in ("child", "guardian"):
            assert effect != ENDED
            continue
        if log.alert_right[alert]:
            over, start = float(closed[rows[alert]]), float(sim.state.start[rows[alert]])
            assert over <= at if effect == ENDED else start <= at <= over
        else:
            assert effect == ENDED or at <= false_last[int(log.alert_conversation[alert])]
    assert all(counted[f"{name}.{TAKEN}"] == log.counts[f"{name}.taken"] for name in ACTIONS)


def records_follow_the_law(run: Run) -> None:
    recorded = run.result.recorded
    rung = {"meeting": MEETING, "communication": OFFENCE}.get(run.sim.arm.law)
    if rung is None:
        assert np.isinf(recorded).all() and not run.arrests
        return
    known = np.isfinite(recorded)
    assert np.all(run.result.outcomes[known, rung] <= recorded[known])
    counts = run.result.log.counts
    assert sum(counts[f"triaged.{risk}"] for risk in ("high", "medium", "low")) == known.sum()


def every_decision_is_a_draw_of_its_own(run: Run) -> None:
    """What is decided anew each time, or once, never looks at one number twice."""
    anew = ("child.", "guardian.", "offender.", "failure.duplicate", "failure.owner", "review.verdict", "review.second")
    for (stream, row, occasion), times in run.asked.items():
        again = stream == "offender.elsewhere"  # where to: asked before it is decided whether
        assert times == 1 or again or not stream.startswith(anew), (stream, row, occasion)


def tables_have_the_columns_of_the_records(run: Run) -> None:
    cell: Any = SimpleNamespace(contacts=run.sim.contacts)
    log = run.result.log
    for table, record, rows in (
        (outcomes_table(cell, run.result), Outcome, len(run.sim.contacts)),
        (alerts_table(run.result), Alert, len(log.alert_right)),
        (decisions_table(run.result), Decision, len(log.stay_alert)),
        (actions_table(run.result), Action, len(log.action_alert)),
    ):
        assert table.column_names == [column.name for column in fields(record)] and table.num_rows == rows


def every_event_has_one_fate(run: Run, comparator: Run) -> None:
    """Prevented + delayed + unchanged (+ earlier) are the comparator's events."""
    base = comparator.result.outcomes
    fates = changes(base, run.result.outcomes)
    kept = sum(fates[name].sum() for name in ("prevented", "delayed", "unchanged"))
    assert kept + (fates["made_worse"] & np.isfinite(base)).sum() == np.isfinite(base).sum()


@FEW
@given(code=codes(audited=False), response=responses(), law=st.sampled_from(["none", "communication"]))
def test_a_higher_level_alerts_on_fewer(small: Small, code: dict[str, Any], response: Response, law: str) -> None:
    """When nothing is done about alerts: a subset, each alerted on no earlier."""
    arm = {"title": "test", "law": law, "detector": "text_model", "alert_level": {"risk": 1.0}, "code": code}
    higher, *lower = (small.run(Arm.model_validate(arm), response, str(rate)) for rate in RATES)
    for run in lower:
        late, early = (dict(zip(*one.raised(True), strict=True)) for one in (higher, run))
        assert late.keys() <= early.keys() and all(early[row] <= time for row, time in late.items())
        false = [Counter(one.raised(False)[0].tolist()) for one in (higher, run)]
        assert false[0] <= false[1]
        assert np.array_equal(higher.result.outcomes, run.result.outcomes)
        higher = run


def test_the_world_gives_policies_something_to_do(small: Small) -> None:
    """Or the properties above hold of nothing."""
    right = [len(small.given[seen].alarms) for seen in SEEN]
    false = [len(small.given[seen].false_alerts) for seen in SEEN]
    assert 20 < right[0] < right[1] < right[2] and 50 < false[0] < false[1] < false[2]
    assert min(right) > 20 and min(false) > 0
    truth = small.given["none"].truth
    assert all(np.isfinite(getattr(truth, rung)).any() for rung in LADDER) and np.isfinite(truth.reported).sum() > 5
