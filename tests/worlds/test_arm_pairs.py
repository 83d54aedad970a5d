"""Pairs of arms, and of cells, that differ in one thing: what comes before the difference may not move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

from simharness.detection.levels import calibrate_levels
from simharness.detection.scoring import build_detectors, prepare
from simharness.metrics.arms import changes
from simharness.metrics.detectors import detector_numbers
from simharness.metrics.intervals import mean_interval
from simharness.outcomes.cell import Cell, Prepared, run_cell
from simharness.outcomes.tables import conversations_table, outcomes_table
from simharness.records import LADDER
from simharness.response.arm import ArmResult
from simharness.response.log import CONFIRMED
from simharness.scenario.load import Loaded
from simharness.scenario.response import Arm
from simharness.world.clock import DAY_S
from simharness.world.model import build_model

ASSUMED = {"evidence": "assumed", "source": "test"}
SMALL = (
    "training={grooming: 100, benign: 500, calibration: 4000}",
    "sampling.benign_fraction=0.01",
    "world.natural_course.reported_to_police.value=1",  # and recorded, so that a small world gives the police work
    "world.recording.rate.value=1",
)
ALONE = ("no_intervention", "police_meeting_offence", "police_communication_offence")
COMPARATOR = "police_communication_offence"
EVERYWHERE = {"facebook": 1.0, "instagram": 1.0, "snapchat": 1.0, "other": 1.0}
REVIEW = ASSUMED | {
    "shifts": [{"begins": "8h", "ends": "20h", "staff": 60}],
    "service": {"kind": "lognormal", "median": "7min", "sigma": 0.6},
    "sensitivity": 0.85,
    "specificity": 0.9,
    "expires": "7d",
}


def arm(detector: str, **more: Any) -> Arm:
    """Full coverage at four false alerts per 1,000 child-months, so that a small world has alerts to act on."""
    level = {"false_alerts_per_1000_child_months": 4.0}
    plain = {"title": "test", "law": "communication", "detector": detector, "alert_level": level}
    return Arm.model_validate(plain | {"code": ASSUMED | {"coverage": EVERYWHERE}} | more)


@pytest.fixture(scope="module")
def ready(load: Callable[..., Loaded]) -> Callable[..., Prepared]:
    """``ready(arms, *assignments, detectors=...)``: the flagship's police arms and these, prepared at a hundredth."""

    def made(
        arms: Mapping[str, Arm], *assignments: str, detectors: tuple[str, ...] = ("text_model", "never")
    ) -> Prepared:
        loaded = load(*SMALL, *assignments, scale=0.01)
        specs = {name: loaded.scenario.detectors[name] for name in detectors}
        known = {name: loaded.scenario.arms[name] for name in ALONE}
        scenario = loaded.scenario.model_copy(update={"detectors": specs, "arms": known | dict(arms)})
        model = build_model(scenario, loaded.folder)
        scorers = prepare(model, build_detectors(specs, loaded.folder))
        return Prepared(model, scorers, calibrate_levels(model, scorers))

    return made


POLICIES = {
    "silent": arm("never", on_alert=["alert_child", "refer_police"]),
    "loud": arm("text_model", on_alert=["alert_child", "refer_police"]),
    "reviewed": arm("text_model", on_alert=["review"], review=REVIEW, on_confirmed=["alert_child"]),
    "suspended": arm("text_model", on_alert=["review"], review=REVIEW, on_confirmed=["suspend_account"]),
    "half": arm("text_model", on_alert=["alert_child"], code=ASSUMED | {"coverage": dict.fromkeys(EVERYWHERE, 0.5)}),
    "audited": arm(
        "text_model",
        on_alert=["alert_child"],
        code=ASSUMED
        | {"coverage": dict.fromkeys(EVERYWHERE, 0.5), "audits": ASSUMED | {"interval": "60d", "closes": 0.9}},
    ),
}


@pytest.fixture(scope="module")
def lived(ready: Callable[..., Prepared]) -> tuple[Prepared, Cell]:
    prepared = ready(POLICIES)
    return prepared, run_cell(prepared, 0)


def same(one: ArmResult, other: ArmResult) -> bool:
    """Whether two arms agree on everything, event for event."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("outcomes", "recorded", "cut"))


def until(result: ArmResult, time: float, start: Any) -> ArmResult:
    """What has happened in an arm earlier than a time; ``start``: wall seconds at which each contact is to be made."""

    def seen(times: Any) -> Any:
        return np.where(times < time, times, np.inf)

    # When it was decided that a contact is never made is not kept, only that it was before its start.
    cut = np.where(start < time, seen(result.cut), np.inf)
    return replace(result, outcomes=seen(result.outcomes), recorded=seen(result.recorded), cut=cut)


def starts(prepared: Prepared, cell: Cell) -> Any:
    return prepared.model.clock.wall(cell.contacts.start)


def told(result: ArmResult, before: float) -> tuple[list[Any], list[Any]]:
    """Alerts raised and decisions reached earlier than a time."""
    log = result.log
    alerts = zip(log.alert_conversation, log.alert_raised_s, log.alert_right, strict=True)
    columns = (
        log.decision_alert,
        log.decision_desk,
        log.decision_started_s,
        log.decision_ended_s,
        log.decision_verdict,
    )
    decisions = zip(*columns, strict=True)
    return [row for row in alerts if row[1] < before], [row for row in decisions if row[3] < before]


# -- arms of one cell -------------------------------------------------------------------------------------------------


def test_a_policy_whose_detector_never_alerts_is_the_police_alone(lived: tuple[Prepared, Cell]) -> None:
    _, cell = lived
    base = cell.arms[COMPARATOR]
    assert same(cell.arms["silent"], base) and np.isfinite(base.recorded).any() and np.isfinite(base.cut).any()
    assert not len(cell.arms["silent"].log.alert_right)
    assert not same(cell.arms["loud"], base)  # the same policy with a detector that alerts


def test_the_laws_differ_only_after_the_first_record(lived: tuple[Prepared, Cell]) -> None:
    prepared, cell = lived
    none, meeting, communication = (cell.arms[name] for name in ALONE)
    first, start = min(meeting.recorded.min(), communication.recorded.min()), starts(prepared, cell)
    for law in (meeting, communication):
        assert same(until(none, first, start), until(law, first, start))
    assert not same(none, meeting) and not same(meeting, communication)


def test_an_audit_changes_nothing_before_it(lived: tuple[Prepared, Cell]) -> None:
    prepared, cell = lived
    half, audited = cell.arms["half"], cell.arms["audited"]
    audit, start = 60 * DAY_S, starts(prepared, cell)
    assert same(until(half, audit, start), until(audited, audit, start))
    assert told(half, audit) == told(audited, audit)
    assert len(told(half, audit)[0]) > 20
    assert not same(half, audited) and len(audited.log.alert_right) > len(half.log.alert_right)


def test_two_policies_share_everything_before_their_first_difference(lived: tuple[Prepared, Cell]) -> None:
    """What is done about a confirmed alert differs; so nothing may, before the first right one is confirmed."""
    prepared, cell = lived
    one, other = cell.arms["reviewed"], cell.arms["suspended"]
    log = one.log
    right = [
        ended
        for alert, ended, verdict in zip(log.decision_alert, log.decision_ended_s, log.decision_verdict, strict=True)
        if verdict == CONFIRMED and log.alert_right[alert]
    ]
    first, start = min(right), starts(prepared, cell)
    assert same(until(one, first, start), until(other, first, start)) and told(one, first) == told(other, first)
    assert len(told(one, first)[0]) > 10 and not same(one, other)


def test_false_alerts_are_shared_by_arms_that_cover_the_same(lived: tuple[Prepared, Cell]) -> None:
    _, cell = lived

    def false(name: str) -> list[tuple[int, float]]:
        log = cell.arms[name].log
        rows = zip(log.alert_conversation, log.alert_raised_s, log.alert_right, strict=True)
        return [(conversation, raised) for conversation, raised, right in rows if not right]

    assert false("loud") == false("reviewed") == false("suspended") and len(false("loud")) > 500
    assert set(false("half")) < set(false("audited")) < set(false("loud"))


def test_every_event_of_the_comparator_has_one_fate_in_every_arm(lived: tuple[Prepared, Cell]) -> None:
    _, cell = lived
    base = cell.arms[COMPARATOR].outcomes
    for result in cell.arms.values():
        fates = changes(base, result.outcomes)
        kept = fates["prevented"].sum() + fates["delayed"].sum() + fates["unchanged"].sum()
        assert kept + (fates["made_worse"] & np.isfinite(base)).sum() == np.isfinite(base).sum()


# -- cells of two scenarios -------------------------------------------------------------------------------------------


def test_another_arm_or_detector_leaves_every_arm(lived: tuple[Prepared, Cell], ready: Callable[..., Prepared]) -> None:
    _, cell = lived
    more = {"added": arm("bayes_bound", on_alert=["alert_child"]), **POLICIES}
    with_more = run_cell(ready(more, detectors=("bayes_bound", "text_model", "never")), 0)
    assert len(with_more.arms["added"].log.alert_right)
    for name, result in cell.arms.items():
        assert same(result, with_more.arms[name])
        assert told(result, np.inf) == told(with_more.arms[name], np.inf)


def test_one_more_offender_changes_no_conversation_of_another(ready: Callable[..., Prepared]) -> None:
    few_prepared = ready({}, detectors=("never",))
    count = few_prepared.model.scenario.world.offenders.count.value
    more_prepared = ready({}, f"world.offenders.count.value={count + 100}", detectors=("never",))  # one, at a hundredth
    few, more = run_cell(few_prepared, 0), run_cell(more_prepared, 0)
    added = pc.equal(conversations_table(more_prepared.model, more)["offender"], round(count * 0.01))
    others = pc.invert(added)
    assert pc.sum(added).as_py() > 0
    natural = conversations_table(few_prepared.model, few)
    assert conversations_table(more_prepared.model, more).filter(others).combine_chunks().equals(natural)
    outcomes = outcomes_table(few, few.arms["no_intervention"])
    assert outcomes_table(more, more.arms["no_intervention"]).filter(others).combine_chunks().equals(outcomes)


def test_a_longer_period_changes_nothing_within_the_shorter_one(ready: Callable[..., Prepared]) -> None:
    """Neither the natural course, nor what the police do: what comes later does not act backwards on their queues."""
    short_prepared = ready({}, "period.end=2017-07-15", detectors=("never",))
    long_prepared = ready({}, detectors=("never",))
    short, long = run_cell(short_prepared, 0), run_cell(long_prepared, 0)
    rows = np.isin(long.contacts.conversation, short.contacts.conversation)
    horizon = short_prepared.model.horizon
    assert np.array_equal(rows, long.contacts.start < horizon) and not rows.all()
    for column in (*LADDER, "reported", "closed"):
        early = getattr(long.truth, column)[rows]
        assert np.array_equal(np.where(early < horizon, early, np.inf), getattr(short.truth, column))
    assert np.array_equal(long.contacts.take(rows).conversation, short.contacts.conversation)
    for name in ALONE:
        later = long.arms[name]
        cut_short = replace(later, outcomes=later.outcomes[rows], recorded=later.recorded[rows], cut=later.cut[rows])
        end = short_prepared.model.scenario.horizon_s
        assert same(until(cut_short, end, starts(short_prepared, short)), short.arms[name])
        assert not same(cut_short, short.arms[name])


# -- the bound --------------------------------------------------------------------------------------------------------


def test_no_detector_that_reads_text_beats_the_bound(ready: Callable[..., Prepared]) -> None:
    """At the same false-alert rate, beyond sampling error; the bound is the best that any reader of the text can do."""
    readers = ("keyword", "text_model")
    sizes = ("training={grooming: 300, benign: 1500, calibration: 40000}", "sampling.benign_fraction=0.05")
    prepared = ready({}, *sizes, detectors=(*readers, "length_only", "bayes_bound"))
    cells = [run_cell(prepared, replication) for replication in range(5)]
    for name in (*readers, "length_only"):
        over = [detector_numbers(prepared.model, cell.readings, name)["delay_over_bound"] for cell in cells]
        found = mean_interval(over)
        assert found.n >= 4 and found.high is not None and found.high >= 0
        assert found.low is not None and found.low > 0  # and with these sizes the difference is plain to see
    bound = [detector_numbers(prepared.model, cell.readings, "bayes_bound") for cell in cells]
    assert {numbers["delay_over_bound"] for numbers in bound} == {0.0}
