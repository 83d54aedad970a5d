"""One cell: what an arm is given, scoring afresh after a move, and worlds with nothing in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simharness.detection.levels import calibrate_levels
from simharness.detection.scoring import build_detectors, prepare
from simharness.metrics.arms import arm_numbers
from simharness.metrics.desks import desk_numbers
from simharness.metrics.detectors import detector_numbers, stage_shares
from simharness.metrics.recorded import recorded_numbers
from simharness.outcomes import cell as cell_module
from simharness.outcomes.cell import Cell, Prepared, run_cell
from simharness.outcomes.tables import (
    actions_table,
    alerts_table,
    conversations_table,
    decisions_table,
    outcomes_table,
)
from simharness.outcomes.traces import Traces
from simharness.records import LADDER
from simharness.response.arm import ArmInput
from simharness.response.watch import Alarm
from simharness.scenario.load import Loaded
from simharness.world.contacts import LINK_SHIFT, Contacts
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel, build_model

SMALL = (
    "training={grooming: 60, benign: 300, calibration: 3000}",
    "sampling.benign_fraction=0.02",
    "detectors.text_model.aggregator={kind: cusum, reference: 0.3}",
    "detectors.keyword.aggregator={kind: ewma, half_life: 10}",
    *(
        f"arms.{arm}.alert_level.false_alerts_per_1000_child_months=4"  # so that a small world has some
        for arm in ("voluntary_code", "grooming_alerts", "trained_moderators", "mandatory_code")
    ),
)
DETECTORS = ("text_model", "keyword")
Given = dict[str, ArmInput]


@pytest.fixture(scope="module")
def ready(load: Callable[..., Loaded]) -> Callable[..., Prepared]:
    """``ready(*assignments)``: a flagship of a two-hundredth with two detectors, prepared."""

    def made(*assignments: str) -> Prepared:
        loaded = load(*SMALL, *assignments, scale=0.005)
        specs = {name: loaded.scenario.detectors[name] for name in DETECTORS}
        arms = {name: arm for name, arm in loaded.scenario.arms.items() if arm.detector in (None, *DETECTORS)}
        scenario = loaded.scenario.model_copy(update={"detectors": specs, "arms": arms})
        model = build_model(scenario, loaded.folder)
        scorers = prepare(model, build_detectors(specs, loaded.folder))
        return Prepared(model, scorers, calibrate_levels(model, scorers))

    return made


def inputs(prepared: Prepared) -> tuple[Cell, Given]:
    """The first cell, and what each arm was given."""
    given: Given = {}
    simulate = cell_module.simulate_arm

    def noting(model: WorldModel, seed: int, arm: Any, what: ArmInput) -> Any:
        given[next(name for name, one in model.scenario.arms.items() if one is arm)] = what
        return simulate(model, seed, arm, what)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cell_module, "simulate_arm", noting)
        return run_cell(prepared, 0), given


@pytest.fixture(scope="module")
def lived(ready: Callable[..., Prepared]) -> tuple[Prepared, Cell, Given]:
    prepared = ready()
    return prepared, *inputs(prepared)


@pytest.fixture(scope="module")
def told(lived: tuple[Prepared, Cell, Given], whole: Callable[[World, Contacts], Batch]) -> Batch:
    """Every grooming conversation of that cell, message by message."""
    prepared, cell, _ = lived
    return whole(World(prepared.model, cell.seed), cell.contacts)


def alarm_by_hand(prepared: Prepared, arm: str, batch: Batch, row: int, after: float) -> list[Alarm]:
    """Risk from zero over the messages later than ``after``, the aggregators' sums written out in single precision."""
    scorer = prepared.scorers[prepared.model.scenario.arms[arm].detector or ""]
    levels = prepared.levels[scorer.name]
    level = levels.risk[levels.of_arm[arm]]
    assert scorer.table is not None
    risk, read = np.float32(0), []
    half = np.float32(0.5 ** (1 / scorer.aggregator.half_life))
    for place in range(batch.view.begin[row], batch.view.end[row]):
        time = float(batch.view.time_s[place])
        if time <= after:
            continue
        read.append(time)
        score = scorer.table[batch.view.symbol[place]]
        if scorer.aggregator.kind == "cusum":
            risk = max(np.float32(0), risk + (score - np.float32(scorer.aggregator.reference)))
        else:
            assert scorer.aggregator.kind == "ewma"
            risk = half * risk + np.float32(1 - 0.5 ** (1 / scorer.aggregator.half_life)) * score
        if risk >= level:
            hours = max(1.0, (time - read[0]) / 3600.0)
            return [(time, float(risk), len(read) / hours)]
    return []


@pytest.mark.parametrize("arm", ["grooming_alerts", "voluntary_code"])
def test_alarms_and_scoring_afresh_are_scoring_by_hand(
    lived: tuple[Prepared, Cell, Given], told: Batch, arm: str
) -> None:
    prepared, cell, given = lived
    what, view = given[arm], told.view
    columns = (what.alarms.time, what.alarms.risk, what.alarms.pace)
    alarms: list[list[Alarm]] = [[] for _ in range(len(cell.contacts))]
    for row, *alarm in zip(what.alarms.row.tolist(), *(column.tolist() for column in columns), strict=True):
        alarms[row].append((alarm[0], alarm[1], alarm[2]))
    found: dict[str, int] = {"same": 0, "later": 0, "none": 0}
    for row, platform in enumerate(cell.contacts.platform.tolist()):
        assert alarms[row] == alarm_by_hand(prepared, arm, told, row, -np.inf)
        assert what.rescan(row, -np.inf, platform) == alarms[row]
        size = int(view.end[row] - view.begin[row])
        for place in {0, size // 4, size // 2, size - 1}:
            after = float(view.time_s[view.begin[row] + place])
            again = what.rescan(row, after, platform)
            assert again == alarm_by_hand(prepared, arm, told, row, after)
            assert all(time > after for time, _, _ in again)  # never from a message before the move
            if alarms[row]:
                found["none" if not again else "same" if again[0][0] == alarms[row][0][0] else "later"] += 1
        assert what.rescan(row, float(view.time_s[view.end[row] - 1]), platform) == []
    assert found["later"] > 0 and found["none"] > 0 and (arm != "grooming_alerts" or min(found.values()) > 0)


def test_scoring_afresh_does_not_depend_on_what_was_asked_before(lived: tuple[Prepared, Cell, Given]) -> None:
    """One buffer serves every scan."""
    _, cell, given = lived
    rescan = given["grooming_alerts"].rescan
    rows = range(0, len(cell.contacts), 5)
    once = {row: rescan(row, cell.contacts.start[row], 0) for row in rows}
    assert once == {row: rescan(row, cell.contacts.start[row], 0) for row in reversed(rows)}
    assert any(once.values())


def test_an_arm_without_a_detector_is_given_no_alerts(lived: tuple[Prepared, Cell, Given]) -> None:
    _, _, given = lived
    what = given["police_communication_offence"]
    assert len(what.alarms) == 0 and len(what.false_alerts) == 0 and what.rescan(0, 0.0, 0) == []


def test_substitutes_are_as_many_as_may_be_needed_and_come_last(lived: tuple[Prepared, Cell, Given]) -> None:
    _, cell, given = lived
    planned, link = cell.planned, cell.contacts.conversation >> np.uint64(LINK_SHIFT)
    assert len(cell.contacts) == 2 * planned > 0  # one link: each may be followed once
    assert (link[:planned] == 0).all() and (link[planned:] == 1).all()
    assert np.array_equal(cell.contacts.initiator[:planned], cell.contacts.initiator[planned:])
    assert all(what.planned == planned for what in given.values())
    assert (given["grooming_alerts"].alarms.row >= planned).any()


def test_queues_are_given_what_is_urgent_and_what_an_alert_is_worth(ready: Callable[..., Prepared]) -> None:
    target = "{target: 2d, urgent_target: 2h, urgent_above: {false_alerts_per_1000_child_months: 1}}"
    queue = "arms.trained_moderators.queues.moderators"
    prepared = ready(f"{queue}.service_level={target}", f"{queue}.priority=value_of_time")
    given = inputs(prepared)[1]
    known, other = (given[name].queues["moderators"] for name in ("trained_moderators", "voluntary_code"))
    of_arm = prepared.levels["text_model"]
    level = float(of_arm.risk[of_arm.of_arm["trained_moderators"]])
    assert known.urgent_above > level
    risk = np.linspace(level, 3 * known.urgent_above, 5)
    worth = [known.worth(float(one)) for one in risk]
    assert worth == sorted(worth) and 0.0 <= worth[0] < worth[-1] <= 1.0
    assert other.urgent_above == np.inf and other.worth(0.0) == other.worth(9.0) == 1.0


def test_arms_of_one_detector_and_level_are_given_the_same(lived: tuple[Prepared, Cell, Given]) -> None:
    _, _, given = lived
    one, other = given["trained_moderators"], given["mandatory_code"]
    for column in ("row", "time", "risk", "pace"):
        assert np.array_equal(getattr(one.alarms, column), getattr(other.alarms, column))
    assert np.array_equal(one.false_alerts.time_s, other.false_alerts.time_s)


def test_membership_is_where_the_contact_could_have_been_made(lived: tuple[Prepared, Cell, Given]) -> None:
    prepared, cell, given = lived
    member = given["no_intervention"].membership
    rows = np.arange(len(cell.contacts))
    assert member[rows, cell.contacts.platform].all()
    assert member[:, prepared.model.platforms.index("other")].all() and not member.all()
    of_child: dict[int, list[bool]] = {}
    for row in rows:
        assert of_child.setdefault(int(cell.contacts.child[row]), member[row].tolist()) == member[row].tolist()


def test_without_intervention_outcomes_are_the_natural_course(lived: tuple[Prepared, Cell, Given]) -> None:
    prepared, cell, _ = lived
    result, clock = cell.arms["no_intervention"], prepared.model.clock
    natural = np.column_stack([clock.wall(getattr(cell.truth, rung)) for rung in LADDER])
    natural[cell.planned :] = np.inf  # nothing brings a substitute about
    assert np.array_equal(result.outcomes, natural) and np.isfinite(natural).any(axis=0).all()
    assert np.array_equal(np.isfinite(result.start), np.arange(len(cell.contacts)) < cell.planned)
    assert np.isinf(result.recorded).all() and np.all(result.cut == np.inf)
    natural_table = conversations_table(prepared.model, cell).select([f"{rung}_s" for rung in LADDER])
    assert outcomes_table(cell, result).select(natural_table.column_names).equals(natural_table)


def test_false_alerts_stand_for_the_whole_volume(lived: tuple[Prepared, Cell, Given]) -> None:
    prepared, cell, given = lived
    reading = cell.readings["text_model"]
    sampled, found = reading.false_alarms_of("grooming_alerts")
    assert len(given["grooming_alerts"].false_alerts) == 50 * len(found) > 0  # a fiftieth is sampled
    assert reading.false[reading.levels.of_arm["grooming_alerts"]] == len(sampled) == len(found)
    times = given["grooming_alerts"].false_alerts
    assert np.all(times.time_s <= times.last_s) and np.all(times.time_s < prepared.model.scenario.horizon_s)


def test_the_batch_size_changes_nothing(lived: tuple[Prepared, Cell, Given]) -> None:
    prepared, cell, _ = lived
    again = run_cell(replace(prepared, batch_size=37), 0)
    for name, arm in cell.arms.items():
        for column in ("outcomes", "recorded", "cut", "start"):
            assert np.array_equal(getattr(arm, column), getattr(again.arms[name], column))
        for made in (alerts_table, decisions_table, actions_table):
            assert made(arm).equals(made(again.arms[name]))
    for name, reading in cell.readings.items():
        other = again.readings[name]
        for column in ("alerted", "in_time", "delay", "false", "at_stage"):
            assert np.array_equal(getattr(reading, column), getattr(other, column))
        assert (reading.grooming, reading.offences, reading.benign) == (other.grooming, other.offences, other.benign)
        assert np.array_equal(reading.reached, other.reached) and np.array_equal(reading.before, other.before)
        for kept in ("traces", "benign_traces"):
            whole, split = (Traces.joined(getattr(each, kept)) for each in (reading, other))
            for column in Traces.__slots__:
                assert np.array_equal(getattr(whole, column), getattr(split, column), equal_nan=True), column


def test_replications_are_different_worlds(lived: tuple[Prepared, Cell, Given]) -> None:
    prepared, cell, _ = lived
    other = run_cell(prepared, 1)
    assert other.seed != cell.seed and not np.array_equal(other.truth.offence, cell.truth.offence)


def every_number(model: WorldModel, cell: Cell) -> list[Any]:
    numbers: list[Any] = [number for name in cell.arms for number in arm_numbers(model, cell, name).values()]
    for name, result in cell.arms.items():
        numbers += [number for _, _, number in desk_numbers(result.log, bool(model.scenario.arms[name].queues))]
    for name, reading in cell.readings.items():
        numbers += detector_numbers(model, cell.readings, name).values()
        numbers += stage_shares(reading, model.grammar).values()
    return numbers + recorded_numbers(model, cell)


@pytest.mark.parametrize("nothing", ["world.offenders.count.value=0", "sampling.benign_fraction=1e-12"])
def test_a_world_without_offenders_or_without_a_sampled_conversation(
    ready: Callable[..., Prepared], nothing: str
) -> None:
    """Both can happen at a small enough scale. Nothing is then 0 or undefined; nothing fails."""
    prepared = ready(nothing)
    cell = run_cell(prepared, 0)
    reading = cell.readings["text_model"]
    assert len(cell.contacts) == 0 or reading.benign == 0
    numbers = every_number(prepared.model, cell)
    assert numbers and all(number is None or np.isfinite(number) for number in numbers)
    for arm in cell.arms.values():
        assert outcomes_table(cell, arm).num_rows == conversations_table(prepared.model, cell).num_rows
