"""What holds under every policy: Hypothesis over random policies, reactions and police on one small world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simharness.detection.levels import calibrate_levels
from simharness.detection.scoring import build_detectors, prepare
from simharness.metrics.arms import changes
from simharness.outcomes import cell as cell_module
from simharness.outcomes.cell import Prepared, run_cell
from simharness.records import LADDER
from simharness.response.arm import ArmInput, ArmResult, ArmSimulation
from simharness.response.log import CLEARED, CONFIRMED, EXPIRED, REFERRAL, REVIEW
from simharness.response.state import MEETING, OFFENCE
from simharness.scenario.load import Loaded
from simharness.scenario.response import Arm, Response
from simharness.world.model import WorldModel, build_model

ASSUMED = {"evidence": "assumed", "source": "test"}
SMALL = ("training={grooming: 60, benign: 300, calibration: 4000}", "sampling.benign_fraction=0.02")
RATES = (1.0, 4.0, 16.0)  # false alerts per 1,000 child-months: three alert levels, the highest first
PLATFORMS = ("facebook", "instagram", "snapchat", "other")
EVERYWHERE = ASSUMED | {"coverage": dict.fromkeys(PLATFORMS, 1.0)}
FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None)
MANY = settings(FEW, max_examples=120)


@dataclass(frozen=True)
class Small:
    """One world: what an arm is given at each alert level, and without a detector."""

    model: WorldModel
    seed: int
    given: dict[str, ArmInput]

    def run(self, arm: Arm, response: Response, level: str) -> Run:
        scenario = self.model.scenario.model_copy(update={"response": response})
        sim = ArmSimulation(replace(self.model, scenario=scenario), self.seed, arm, self.given[level])
        arrests: dict[int, float] = {}
        arrest = sim.police._arrest

        def noting(row: int, delay: float) -> Any:
            yield from arrest(row, delay)
            arrests.setdefault(int(sim.contacts.initiator[row]), sim.env.now)

        sim.police._arrest = noting  # type: ignore[method-assign]
        return Run(self, sim, sim.run(), arrests)


@dataclass(frozen=True)
class Run:
    small: Small
    sim: ArmSimulation
    result: ArmResult
    arrests: dict[int, float]  # offender -> wall time

    def rows_alerted(self) -> NDArray[np.int64]:
        """Rows of the right alerts, in order."""
        ids = self.sim.contacts.conversation
        order = np.argsort(ids)
        log = self.result.log
        right = np.array(log.alert_right, bool)
        return np.asarray(order[np.searchsorted(ids, np.array(log.alert_conversation, np.uint64)[right], sorter=order)])

    def raised(self, right: bool) -> NDArray[np.float64]:
        log = self.result.log
        return np.array(log.alert_raised_s, np.float64)[np.array(log.alert_right, bool) == right]


@pytest.fixture(scope="module")
def small(load: Callable[..., Loaded]) -> Small:
    loaded = load(*SMALL, scale=0.005)
    specs = {"text_model": loaded.scenario.detectors["text_model"]}
    plain = {"title": "test", "law": "communication", "detector": "text_model", "code": EVERYWHERE}
    arms = {
        str(rate): Arm.model_validate(plain | {"alert_level": {"false_alerts_per_1000_child_months": rate}})
        for rate in RATES
    }
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


# -- random policies --------------------------------------------------------------------------------------------------

chances = st.sampled_from([0.0, 0.3, 0.7, 1.0])


@st.composite
def delays(draw: st.DrawFn) -> dict[str, Any]:
    length = f"{draw(st.sampled_from([1, 30, 600, 6000]))}h"
    return draw(
        st.sampled_from(
            [
                {"kind": "constant", "value": length},
                {"kind": "exponential", "mean": length},
                {"kind": "lognormal", "median": length, "sigma": 1.0},
            ]
        )
    )


@st.composite
def codes(draw: st.DrawFn, audits: bool = True) -> dict[str, Any]:
    code = ASSUMED | {
        "coverage": {name: draw(chances) for name in draw(st.sets(st.sampled_from(PLATFORMS), min_size=1))}
    }
    if audits and draw(st.booleans()):
        code["audits"] = ASSUMED | {"interval": f"{draw(st.sampled_from([1, 20, 300]))}d", "closes": draw(chances)}
    if draw(st.booleans()):
        code["safer_defaults"] = ASSUMED | {"prevented": draw(chances)}
    return code


@st.composite
def policies(draw: st.DrawFn) -> Arm:
    actions = st.lists(st.sampled_from(["alert_child", "suspend_account", "refer_police"]), max_size=3, unique=True)
    arm: dict[str, Any] = {
        "title": "random",
        "law": draw(st.sampled_from(["none", "meeting", "communication"])),
        "detector": "text_model",
        "alert_level": {"risk": 1.0},  # of no account: what crosses is given
        "code": draw(codes()),
        "on_alert": draw(actions),
    }
    if draw(st.booleans()):
        shift = {"begins": f"{draw(st.integers(0, 23))}h", "ends": f"{draw(st.integers(0, 24))}h"}
        arm["on_alert"] = draw(st.permutations([*arm["on_alert"], "review"]))
        arm["review"] = ASSUMED | {
            "shifts": [shift | {"staff": draw(st.sampled_from([1, 400, 4000]))}],
            "service": {"kind": "lognormal", "median": f"{draw(st.sampled_from([5, 60, 600]))}min", "sigma": 0.6},
            "sensitivity": draw(chances),
            "specificity": draw(chances),
            "expires": f"{draw(st.sampled_from([1, 48, 5000]))}h",
        }
        arm["on_confirmed"] = draw(actions)
    return Arm.model_validate(arm)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    leave, block, tell = draw(st.sampled_from([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0.2, 0.5, 0.1)]))
    steps = {name: ASSUMED | {"delay": draw(delays())} for name in ("safeguarding", "urgent_safeguarding", "arrest")}
    work = {name: ASSUMED | {"time": draw(delays())} for name in ("effort", "referral_effort")}
    again = {
        name: ASSUMED | {"probability": draw(chances), "delay": draw(delays())}
        for name in ("block_recontacted", "suspension_recontact")
    }
    one = {
        name: ASSUMED | {"value": draw(values)}
        for name, values in (
            ("investigators", st.sampled_from([1, 1000])),
            ("desk", st.sampled_from([1, 1000])),
            ("acts_before_offence", chances),
        )
    }
    displaces = {"suspension_displaces": ASSUMED | {"value": draw(chances)}}
    alerted = {"alert_child": ASSUMED | {"leave": leave, "block": block, "tell": tell}}
    return Response.model_validate({"police": steps | work | one, "reactions": alerted | again | displaces})


# -- what holds -------------------------------------------------------------------------------------------------------


@MANY
@given(arm=policies(), response=responses(), level=st.sampled_from([str(rate) for rate in RATES]))
def test_every_policy(small: Small, arm: Arm, response: Response, level: str) -> None:
    run = small.run(arm, response, level)
    times_lie_within_the_period(run)
    events_only_get_later_or_lost(run)
    nothing_follows_a_cut_or_an_arrest(run)
    contacts_never_made_leave_no_trace(run)
    every_alert_is_somewhere(run)
    records_follow_the_law(run)
    comparator = small.run(small.model.scenario.arms[small.model.scenario.comparator], response, "none")
    every_event_has_one_fate(run, comparator)


def times_lie_within_the_period(run: Run) -> None:
    horizon, result, log = run.sim.horizon_s, run.result, run.result.log
    for times in (result.outcomes, result.recorded, result.cut[result.cut != -np.inf], log.alert_raised_s):
        found = np.asarray(times)[np.isfinite(times)]
        assert np.all((found >= 0) & (found < horizon))
    started, ended = np.array(log.decision_started_s), np.array(log.decision_ended_s)
    raised = np.array(log.alert_raised_s)[np.array(log.decision_alert, np.int64)]
    assert np.all(raised <= started) and np.all(started <= ended) and np.all(ended < horizon)
    assert np.all(np.diff(log.alert_raised_s) >= 0)


def events_only_get_later_or_lost(run: Run) -> None:
    sim, outcomes = run.sim, run.result.outcomes
    natural = sim.model.clock.wall(np.column_stack([getattr(sim.given.truth, rung) for rung in LADDER]))
    assert np.all(outcomes >= natural)
    stayed = sim.state.moves == 0
    assert np.all((outcomes == natural) | np.isinf(outcomes) | ~stayed[:, None])
    untouched = stayed & (run.result.cut == np.inf)
    assert np.array_equal(outcomes[untouched], natural[untouched])
    later = np.isfinite(outcomes[:, 0:1]) & np.isfinite(outcomes[:, 1:2])
    assert np.all(outcomes[:, 1:2][later] > outcomes[:, 0:1][later])  # a repeat after the offence, still


def nothing_follows_a_cut_or_an_arrest(run: Run) -> None:
    outcomes, cut = run.result.outcomes, run.result.cut
    assert np.all(np.isinf(outcomes) | (outcomes < cut[:, None]))
    arrested = np.array([run.arrests.get(int(offender), np.inf) for offender in run.sim.contacts.initiator])
    assert np.all(np.isinf(outcomes) | (outcomes < arrested[:, None]))
    assert np.all(cut <= arrested)
    rows, raised = run.rows_alerted(), run.raised(True)
    assert np.all(raised <= arrested[rows]) and np.all(raised <= cut[rows])
    assert run.result.log.counts["arrests"] == len(run.arrests)


def contacts_never_made_leave_no_trace(run: Run) -> None:
    never = run.result.cut == -np.inf
    assert np.isinf(run.result.outcomes[never]).all() and np.isinf(run.result.recorded[never]).all()
    assert not np.isin(run.rows_alerted(), np.flatnonzero(never)).any()
    assert not run.sim.state.moves[never].any() and not run.sim.alerts_to_child[never].any()


def every_alert_is_somewhere(run: Run) -> None:
    """Alerts = decided + expired + waiting for review or in hand; each is read at most once at a desk."""
    sim, log = run.sim, run.result.log
    read = [row for row in zip(log.decision_alert, log.decision_desk, strict=True) if row[1] == REVIEW]
    assert len(set(read)) == len(read)
    counts = np.bincount(run.rows_alerted(), minlength=len(sim.contacts))
    assert np.all(counts <= sim.state.moves + 1)  # once on each platform
    if sim.review is None:
        assert not read and log.seconds["review"] == 0.0
        return
    desk = sim.review.resource
    pending = sum(request.priority == 0 for request in (*desk.queue, *desk.users))
    assert len(log.alert_right) == len(read) + pending
    assert sim.arm.review is not None
    for alert, desk_, started, verdict in zip(
        log.decision_alert, log.decision_desk, log.decision_started_s, log.decision_verdict, strict=True
    ):
        if desk_ == REVIEW:
            assert (started - log.alert_raised_s[alert] > sim.arm.review.expires) == (verdict == EXPIRED)
        else:
            assert desk_ == REFERRAL and verdict == (CONFIRMED if log.alert_right[alert] else CLEARED)


def records_follow_the_law(run: Run) -> None:
    recorded = run.result.recorded
    rung = {"meeting": MEETING, "communication": OFFENCE}.get(run.sim.arm.law)
    if rung is None:
        assert np.isinf(recorded).all() and not run.arrests
        return
    known = np.isfinite(recorded)
    assert np.all(run.result.outcomes[known, rung] <= recorded[known])


def every_event_has_one_fate(run: Run, comparator: Run) -> None:
    """Prevented + delayed + unchanged (+ earlier) are the comparator's events."""
    base = comparator.result.outcomes
    fates = changes(base, run.result.outcomes)
    kept = sum(fates[name].sum() for name in ("prevented", "delayed", "unchanged"))
    assert kept + (fates["made_worse"] & np.isfinite(base)).sum() == np.isfinite(base).sum()


@FEW
@given(code=codes(audits=False), response=responses(), law=st.sampled_from(["none", "communication"]))
def test_a_higher_level_alerts_on_fewer(small: Small, code: dict[str, Any], response: Response, law: str) -> None:
    """When nothing is done about alerts and coverage is constant: a subset, each alerted on no earlier."""
    fields = {"title": "test", "law": law, "detector": "text_model", "alert_level": {"risk": 1.0}, "code": code}
    higher, *lower = (small.run(Arm.model_validate(fields), response, str(rate)) for rate in RATES)
    for run in lower:
        late, early = (dict(zip(one.rows_alerted(), one.raised(True), strict=True)) for one in (higher, run))
        assert late.keys() <= early.keys() and all(early[row] <= time for row, time in late.items())
        false = [
            Counter(np.array(one.result.log.alert_conversation)[~np.array(one.result.log.alert_right, bool)].tolist())
            for one in (higher, run)
        ]
        assert false[0] <= false[1]
        assert np.array_equal(higher.result.outcomes, run.result.outcomes)
        higher = run


def test_the_world_gives_policies_something_to_do(small: Small) -> None:
    """Or the properties above hold of nothing."""
    crossed = [int(np.isfinite(small.given[str(rate)].crossing).sum()) for rate in RATES]
    false = [len(small.given[str(rate)].false_alerts) for rate in RATES]
    assert 20 < crossed[0] < crossed[1] < crossed[2] and 50 < false[0] < false[1] < false[2]
    truth = small.given["none"].truth
    assert all(np.isfinite(getattr(truth, rung)).any() for rung in LADDER) and np.isfinite(truth.reported).sum() > 5
