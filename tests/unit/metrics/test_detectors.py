"""What a detector did, worked by hand, and how far it is from the bound at the same false-alert rate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pytest

from simharness.detection.levels import LADDER_RATES, REFERENCE, Levels, contacts_per_1000_child_months
from simharness.detection.scoring import Scorer
from simharness.metrics.catalogue import METRICS
from simharness.metrics.detectors import (
    bound_of,
    delay_over_bound,
    detector_numbers,
    false_alert_rates,
    recall_at_budget,
    stage_shares,
)
from simharness.outcomes.readings import Reading
from simharness.scenario.model import MatchedBudget
from simharness.world.model import WorldModel

RUNGS = len(LADDER_RATES)
# Ascending risks; the rate that allows most false alerts has the lowest level.
LEVELS = Levels(np.arange(RUNGS, dtype=np.float32), {}, np.arange(RUNGS)[::-1].copy())
BENIGN = 10_000
AT_BUDGET = ("recall_before_offence_at_budget", "recall_before_offence_over_baseline")


@pytest.fixture(scope="session")
def model(model: WorldModel) -> WorldModel:
    """The flagship without a matched budget, whatever its file says."""
    return replace(model, scenario=model.scenario.model_copy(update={"matched_budget": None}))


@dataclass
class Bound:
    privileged: bool = True


@dataclass
class Plain:
    """No detector is privileged unless it says so."""


@dataclass
class Bearer:
    detector: Any

    @property
    def privileged(self) -> bool:
        return getattr(self.detector, "privileged", False)


def reading_of(model: WorldModel, rates: Any, delays: Any, *, grooming: int = 10, detector: Any = None) -> Reading:
    """A reading that saw these false-alert rates and mean delays at the rates of the ladder."""
    read = Reading(cast(Scorer, Bearer(detector or Plain())), LEVELS, 3)
    read.grooming, read.benign = grooming, BENIGN
    read.false = np.asarray(rates)[::-1] / contacts_per_1000_child_months(model) * BENIGN
    read.delay = np.asarray(delays)[::-1] * grooming
    return read


def line(rates: Any) -> Any:
    """A bound whose delay falls by two messages each time the rate doubles."""
    return 40.0 - 2.0 * np.log2(rates)


@pytest.fixture
def bound(model: WorldModel) -> Reading:
    return reading_of(model, LADDER_RATES, line(LADDER_RATES), detector=Bound())


def at_reference(model: WorldModel, rate: float, delay: float, **more: Any) -> Reading:
    rates, delays = np.full(RUNGS, 7.0), np.full(RUNGS, 1.0)  # other levels do not count
    rates[REFERENCE], delays[REFERENCE] = rate, delay
    return reading_of(model, rates, delays, **more)


def test_rates_are_per_1000_child_months(model: WorldModel, bound: Reading) -> None:
    assert false_alert_rates(model, bound) == pytest.approx(LADDER_RATES)
    assert LADDER_RATES[REFERENCE] == 1.0
    per_month = model.scenario.world.benign.contact_rate * 30.4375 * 86_400
    one_in_a_hundred = Reading(cast(Scorer, Bearer(Plain())), LEVELS, 3)
    one_in_a_hundred.benign = 500
    one_in_a_hundred.false[:] = 5
    assert false_alert_rates(model, one_in_a_hundred) == pytest.approx([1000 * per_month / 100] * RUNGS)


@pytest.mark.parametrize("rate", [1.0, 1.7, 0.07, 64.0])
def test_delay_over_the_bound_at_the_rate_it_really_had(model: WorldModel, bound: Reading, rate: float) -> None:
    """The bound's delay on a line in the logarithm of the rate is matched exactly between its own rates."""
    found = delay_over_bound(model, at_reference(model, rate, 50.0), bound)
    assert found == pytest.approx(50.0 - (40.0 - 2.0 * np.log2(rate)))


def test_levels_of_the_bound_without_a_false_alert_are_left_out(model: WorldModel, bound: Reading) -> None:
    rates = np.where(np.array(LADDER_RATES) < 0.5, 0.0, LADDER_RATES)
    sparse = reading_of(model, rates, line(LADDER_RATES), detector=Bound())
    assert delay_over_bound(model, at_reference(model, 1.7, 50.0), sparse) == pytest.approx(10 + 2 * np.log2(1.7))
    assert delay_over_bound(model, at_reference(model, 0.3, 50.0), sparse) is None  # below what the bound was seen at


def test_delay_over_the_bound_is_undefined_where_rates_cannot_be_matched(model: WorldModel, bound: Reading) -> None:
    silent = reading_of(model, np.zeros(RUNGS), np.zeros(RUNGS), detector=Bound())
    good = at_reference(model, 1.0, 50.0)
    assert delay_over_bound(model, good, None) is None
    assert delay_over_bound(model, good, silent) is None
    assert delay_over_bound(model, at_reference(model, 0.0, 50.0), bound) is None
    assert delay_over_bound(model, at_reference(model, 1000.0, 50.0), bound) is None
    assert delay_over_bound(model, at_reference(model, 0.01, 50.0), bound) is None
    assert delay_over_bound(model, at_reference(model, 1.0, 50.0, grooming=0), bound) is None


def test_the_bound_is_as_good_as_itself_even_where_levels_tie(model: WorldModel, bound: Reading) -> None:
    assert delay_over_bound(model, bound, bound) == 0.0
    rates = np.array(LADDER_RATES)
    rates[REFERENCE - 1 : REFERENCE + 2] = 1.0
    tied = reading_of(model, rates, line(LADDER_RATES), detector=Bound())
    assert delay_over_bound(model, tied, tied) == 0.0


def test_the_bound_is_the_privileged_one(model: WorldModel, bound: Reading) -> None:
    plain = at_reference(model, 1.0, 50.0)
    assert bound_of({"a": plain, "b": bound}) is bound
    assert bound_of({"a": plain}) is None and bound_of({}) is None


def test_numbers_by_hand(model: WorldModel) -> None:
    read = at_reference(model, 2.0, 30.0)
    level = LEVELS.ladder[REFERENCE]
    read.offences = 6
    read.alerted[level], read.in_time[level] = 8, 3
    found = detector_numbers(model, {"a": read}, "a")
    false = 2.0 / contacts_per_1000_child_months(model) * BENIGN / model.scenario.sampling.benign_fraction
    assert found == {
        "detected": 8,
        "grooming": 10,
        "in_time": 3,
        "offences": 6,
        "alerted": pytest.approx(8 + false),
        "delay": pytest.approx(30.0),
        "delay_over_bound": None,
        "false_alert_rate": pytest.approx(2.0),
    }


def test_undefined_numbers(model: WorldModel) -> None:
    nothing = Reading(cast(Scorer, Bearer(Plain())), LEVELS, 3)
    found = detector_numbers(model, {"a": nothing}, "a")
    assert [name for name, number in found.items() if number is None] == ["delay", "delay_over_bound"]
    assert {number for number in found.values() if number is not None} == {0}
    known = {metric.name for metric in METRICS.values() if metric.subject == "detector" and metric.estimator != "ratio"}
    assert set(found) <= known


def matched(model: WorldModel, budget: float) -> WorldModel:
    """The same world with a budget of alerts, held against detector a."""
    settings = MatchedBudget(alerts_per_1000_child_months=budget, baseline="a")
    return replace(model, scenario=model.scenario.model_copy(update={"matched_budget": settings}))


def counted(model: WorldModel, right: Any, rates: Any, in_time: Any, *, offences: int = 50) -> Reading:
    """A reading with so many right alerts per 1,000 child-months and so many offences in time, rate by rate."""
    read = reading_of(model, rates, np.zeros(RUNGS))
    read.offences = offences
    read.alerted = np.asarray(right)[::-1] * model.child_months / 1000.0
    read.in_time = np.asarray(in_time)[::-1]
    return read


STEPS = np.arange(RUNGS)


def test_recall_at_a_budget_by_hand(model: WorldModel) -> None:
    """Right alerts 0, 1, 2, ... and false ones 0, 2, 4, ... per 1,000 child-months; offences in time 10, 11, 12, ..."""
    read = counted(model, STEPS, 2 * STEPS, 10 + STEPS)
    for budget, in_time in ((0.0, 10), (3.0, 11), (6.0, 12), (7.0, 12 + 1 / 3), (3 * (RUNGS - 1), 10 + RUNGS - 1)):
        assert recall_at_budget(model, read, budget) == pytest.approx(in_time / 50), budget
    assert recall_at_budget(model, read, 3 * (RUNGS - 1) + 0.1) is None, "more alerts than any level raised"
    some = counted(model, STEPS + 1, 2 * STEPS, 10 + STEPS)
    assert recall_at_budget(model, some, 0.9) is None, "fewer alerts than any level raised"
    assert recall_at_budget(model, some, 1.0) == pytest.approx(10 / 50)
    assert recall_at_budget(model, counted(model, STEPS, STEPS, STEPS, offences=0), 3.0) is None


def test_between_two_levels_that_tie_with_others_the_nearest_are_matched(model: WorldModel) -> None:
    """A detector of few risks: no alert, then 6 per 1,000 child-months with 6 in time, then 12 with 9."""
    step = np.repeat([0, 1, 2], [8, 8, RUNGS - 16])
    read = counted(model, 2 * step, 4 * step, np.array([0, 6, 9])[step])
    assert recall_at_budget(model, read, 3.0) == pytest.approx(3 / 50)
    assert recall_at_budget(model, read, 8.0) == pytest.approx(7 / 50)


def test_detectors_are_held_against_the_baseline_at_one_budget(model: WorldModel) -> None:
    readings = {
        "a": counted(model, STEPS, 2 * STEPS, STEPS),
        "b": counted(model, 2 * STEPS, STEPS, 2 * STEPS),
        "worse": counted(model, 0 * STEPS, 3 * STEPS, 0 * STEPS),
        "silent": counted(model, 0 * STEPS, 0 * STEPS, 0 * STEPS),
    }
    budget = matched(model, 6.0)
    expected = {"a": (2 / 50, 0.0), "b": (4 / 50, 2 / 50), "worse": (0.0, -2 / 50), "silent": (None, None)}
    for name, pair in expected.items():
        found = detector_numbers(budget, readings, name)
        assert tuple(found[metric] for metric in AT_BUDGET) == pytest.approx(pair), name
        assert {metric: found[metric] for metric in found if metric not in AT_BUDGET} == detector_numbers(
            model, readings, name
        ), "a budget changes no other number"
    unmatched = readings | {"a": readings["silent"]}
    found = detector_numbers(budget, unmatched, "b")
    assert found[AT_BUDGET[0]] == pytest.approx(4 / 50) and found[AT_BUDGET[1]] is None
    assert not METRICS["detector", AT_BUDGET[0]].signed and METRICS["detector", AT_BUDGET[1]].signed


def test_stage_shares_by_hand(model: WorldModel) -> None:
    """A stage that no alert fell in has a share of 0, or its mean over replications would leave those out."""
    read, grammar = at_reference(model, 1.0, 1.0), model.grammar
    read.at_stage = np.zeros(len(grammar.stage_names), np.int64)
    assert stage_shares(read, grammar) == {}
    read.at_stage[grammar.stage_names.index("friendship")] = 1
    read.at_stage[grammar.stage_names.index("sexual")] = 3
    found = stage_shares(read, grammar)
    assert {name: share for name, share in found.items() if share} == {"friendship": 0.25, "sexual": 0.75}
    grooming = ("friendship", "relationship", "risk_assessment", "exclusivity", "sexual", "approach")
    assert set(found) == set(grooming) and set(grammar.stage_names) > set(grooming)
