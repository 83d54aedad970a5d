"""Pairs of arms, and of cells, that differ in one thing: what comes before the difference may not move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

from simharness.detection.levels import calibrate_levels
from simharness.detection.scoring import build_detectors, prepare
from simharness.metrics.arms import changes
from simharness.metrics.cell import cell_rows
from simharness.metrics.detectors import detector_numbers
from simharness.metrics.intervals import mean_interval
from simharness.outcomes.cell import Cell, Prepared, run_cell
from simharness.outcomes.tables import conversations_table, outcomes_table
from simharness.records import LADDER
from simharness.response.arm import ArmResult
from simharness.response.log import CONFIRMED
from simharness.run import prepare_cells
from simharness.scenario.load import Loaded, load_scenario
from simharness.scenario.policy import Arm
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
COLUMNS = ("outcomes", "recorded", "cut", "start")
EVERYWHERE = {"facebook": 1.0, "instagram": 1.0, "snapchat": 1.0, "other": 1.0}
TRAINED = ASSUMED | {
    "service": {"kind": "lognormal", "median": "7min", "sigma": 0.6},
    "sensitivity": 0.85,
    "specificity": 0.9,
}


def reviewed(*actions: str) -> dict[str, Any]:
    """One queue, and what is done about what it confirms."""
    queue = {
        "tiers": {"trained": TRAINED},
        "shifts": [{"begins": "8h", "ends": "20h", "staff": 60}],
        "expires": "7d",
        "on_confirmed": list(actions),
    }
    return {"on_alert": ["queue.moderators"], "queues": {"moderators": ASSUMED | queue}}


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
    "reviewed": arm("text_model", **reviewed("alert_child")),
    "suspended": arm("text_model", **reviewed("suspend_account")),
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
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


def until(result: ArmResult, time: float, start: Any) -> ArmResult:
    """What has happened in an arm earlier than a time; ``start``: wall seconds at which each contact is to be made."""

    def seen(times: Any) -> Any:
        return np.where(times < time, times, np.inf)

    # When it was decided that a contact is never made is not kept, only that it was before its start.
    begins = np.where(np.isinf(start), result.start, start)  # of a substitute: when it was brought about
    cut = np.where(begins < time, seen(result.cut), np.inf)
    return replace(
        result, outcomes=seen(result.outcomes), recorded=seen(result.recorded), cut=cut, start=seen(result.start)
    )


def starts(prepared: Prepared, cell: Cell) -> Any:
    """When each contact is planned; inf for a substitute, which is not."""
    planned = np.arange(len(cell.contacts)) < cell.planned
    return np.where(planned, prepared.model.clock.wall(cell.contacts.start), np.inf)


def told(result: ArmResult, before: float) -> tuple[list[Any], list[Any]]:
    """Alerts raised and decisions reached earlier than a time."""
    log = result.log
    alerts = zip(log.alert_conversation, log.alert_raised_s, log.alert_right, strict=True)
    columns = (log.stay_alert, log.stay_desk, log.stay_started_s, log.stay_ended_s, log.stay_verdict, log.stay_worked_s)
    decisions = [row for row in zip(*columns, strict=True) if row[3] < before]
    return [row for row in alerts if row[1] < before], decisions


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
        for alert, ended, verdict in zip(log.stay_alert, log.stay_ended_s, log.stay_verdict, strict=True)
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
    """Where nobody queues for anything: children, guardians and offenders act each by draws of their own."""
    actions = ["alert_child", "nudge_child", "alert_guardian", "restrict_messaging", "suspend_account", "share_signal"]
    arms = {"acting": arm("text_model", law="none", on_alert=actions)}
    few_prepared = ready(arms, "response.reactions.habituation.value=0")
    count = few_prepared.model.scenario.world.offenders.count.value
    one_more = f"world.offenders.count.value={count + 100}"  # one, at a hundredth
    more_prepared = ready(arms, "response.reactions.habituation.value=0", one_more)
    few, more = run_cell(few_prepared, 0), run_cell(more_prepared, 0)
    added = pc.equal(conversations_table(more_prepared.model, more)["offender"], round(count * 0.01))
    others = pc.invert(added)
    assert pc.sum(added).as_py() > 0
    natural = conversations_table(few_prepared.model, few)
    assert conversations_table(more_prepared.model, more).filter(others).combine_chunks().equals(natural)
    for name in ("no_intervention", "acting"):
        outcomes = outcomes_table(few, few.arms[name])
        assert outcomes_table(more, more.arms[name]).filter(others).combine_chunks().equals(outcomes)
    assert not same(few.arms["acting"], few.arms["no_intervention"])
    assert np.isfinite(few.arms["acting"].start[few.planned :]).any()  # substitutes among them


def test_a_longer_period_changes_nothing_within_the_shorter_one(ready: Callable[..., Prepared]) -> None:
    """Neither the natural course, nor what the police do: what comes later does not act backwards on their queues."""
    short_prepared = ready({}, "period.end=2017-07-15", detectors=("never",))
    long_prepared = ready({}, detectors=("never",))
    short, long = run_cell(short_prepared, 0), run_cell(long_prepared, 0)
    rows = np.isin(long.contacts.conversation, short.contacts.conversation)
    horizon = short_prepared.model.horizon
    planned, substitutes = rows[: long.planned], rows[long.planned :]
    assert np.array_equal(planned, long.contacts.start[: long.planned] < horizon) and not rows.all()
    assert np.array_equal(substitutes, planned)
    for column in (*LADDER, "reported", "closed"):
        early = getattr(long.truth, column)[rows]
        assert np.array_equal(np.where(early < horizon, early, np.inf), getattr(short.truth, column))
    assert np.array_equal(long.contacts.take(rows).conversation, short.contacts.conversation)
    for name in ALONE:
        later = long.arms[name]
        cut_short = replace(later, **{column: getattr(later, column)[rows] for column in COLUMNS})
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


# -- silent failures ---------------------------------------------------------------------------------------------------

FAILURES = Path(__file__).parents[2] / "scenarios" / "silent_failures.yaml"
SLOW = "{kind: lognormal, median: 3h, sigma: 0.6}"  # so that the few alerts of a small world have to wait
FAILING = ("text_only", "owner_missing", "lock_expired", "restamped", "outage", "latency", "duplicates", "everything")
Numbers = dict[tuple[str, str], float]


@pytest.fixture(scope="module")
def failed() -> dict[str, Numbers]:
    """Every number of every arm of the scenario about silent failures: arm -> (metric, stratum) -> value."""
    arms = ("trained_moderators", *FAILING)
    sizes = ("training={grooming: 100, benign: 500, calibration: 4000}", "sampling.benign_fraction=0.01")
    levels = [f"arms.{name}.alert_level.false_alerts_per_1000_child_months=4" for name in arms]
    slow = [f"arms.{name}.queues.moderators.tiers.trained.service={SLOW}" for name in arms]
    always = [f"arms.{name}.queues.moderators.shifts=[{{begins: 0h, ends: 24h, staff: 1}}]" for name in arms]
    loaded = load_scenario(FAILURES, [*sizes, *levels, *slow, *always], scale=0.01)
    model = build_model(loaded.scenario, loaded.folder)
    cell = run_cell(prepare_cells(model, build_detectors(loaded.scenario.detectors, loaded.folder)), 0)
    rows = [row for row in cell_rows(model, cell) if row.arm in arms and row.value is not None]
    return {arm: {(row.metric, row.stratum): float(row.value or 0.0) for row in rows if row.arm == arm} for arm in arms}


def test_an_arm_in_which_nothing_fails_loses_nothing(failed: dict[str, Numbers]) -> None:
    none = failed["trained_moderators"]
    lost = {place: value for place, value in none.items() if place[0] == "alerts_lost"}
    assert len(lost) == 9 and not any(lost.values())  # every reason there is, and all of them
    assert none["alerts", ""] > 500 and none["desk_wait_hours", "moderators"] > 0.05
    still_here = none["desk_waiting", "moderators"]
    assert (
        none["alerts_undecided", ""]
        == still_here
        == none["alerts", ""] - (none["desk_decided", "moderators"] + none["desk_merged", "moderators"])
    )


# Each failure with where a reader of the run's numbers meets it, more than without it or less.
SHOWS: dict[str, dict[tuple[str, str], str]] = {
    "text_only": {("alerts_lost", "text_only"): "more", ("desk_entered", "hotline"): "less"},
    "owner_missing": {("alerts_lost", "owner_missing"): "more", ("alerts_undecided", ""): "more"},
    "lock_expired": {("alerts_lost", "lock_expired"): "more", ("alerts_undecided", ""): "more"},
    "restamped": {("desk_wait_hours_p95", "moderators"): "more"},
    "outage": {("alerts", ""): "less", ("right_alerts", ""): "less", ("false_alerts", ""): "less"},
    "latency": {("alerts_before_offence", ""): "less"},
    "duplicates": {("alerts", ""): "more", ("desk_worked_hours", "moderators"): "more"},
}
# Why alerts are then lost; twice as many are more than can be read in time.
REASON_OF = {
    "text_only": "text_only",
    "owner_missing": "owner_missing",
    "lock_expired": "lock_expired",
    "duplicates": "expired",
}


@pytest.mark.parametrize("failure", SHOWS)
def test_a_silent_failure_shows_in_the_numbers_of_its_run(failed: dict[str, Numbers], failure: str) -> None:
    none, one = failed["trained_moderators"], failed[failure]
    for place, how in SHOWS[failure].items():
        assert one[place] > none[place] if how == "more" else one[place] < none[place], place
    # Nothing is lost for a reason that is not there.
    reasons = {stratum for (metric, stratum), value in one.items() if metric == "alerts_lost" and value and stratum}
    assert reasons == ({REASON_OF[failure]} if failure in REASON_OF else set())


def test_all_failures_together_lose_for_every_reason(failed: dict[str, Numbers]) -> None:
    every = failed["everything"]
    assert all(every["alerts_lost", reason] > 0 for reason in ("text_only", "owner_missing", "lock_expired"))
    assert every["alerts_undecided", ""] > failed["trained_moderators"]["alerts_undecided", ""]
