"""Looks of the stopping rule, worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import t as student_t

from simharness.commands.check import problems_of
from simharness.commands.plan import lines
from simharness.errors import UsageError, UsageErrors
from simharness.metrics.estimates import per_replication
from simharness.metrics.precision import (
    Look,
    half_width,
    level_of_look,
    looks_taken,
    precision_reached,
    replications_needed,
    require_known_metric,
    require_measured,
)
from simharness.metrics.rows import Row
from simharness.plan import Expected, Plan
from simharness.scenario.load import Loaded
from simharness.scenario.model import Scenario
from simharness.scenario.precision import Precision

ARM = "grooming_alerts"


@pytest.fixture
def asked(load: Callable[..., Loaded]) -> Callable[..., Scenario]:
    """``asked(metric, half_width, replications=2, at_most=5, arm=ARM)``: the flagship with a precision."""

    def made(metric: str, wanted: float, replications: int = 2, at_most: int = 5, arm: str = ARM) -> Scenario:
        block = f"precision={{metric: '{metric}', arm: {arm}, half_width: {wanted}, at_most: {at_most}}}"
        return load(block, replications=replications).scenario

    return made


def rows(metric: str, values: list[float | None], arm: str = ARM, stratum: str = "") -> list[Row]:
    """The arm's values, and the comparator's number in every replication."""
    given = [Row(metric, arm, "", stratum, place, value, "x") for place, value in enumerate(values)]
    return given + [Row("alerts", "other", "", "", place, 0.0, "alerts") for place in range(len(values))]


def test_each_look_is_half_as_large_again_up_to_the_largest() -> None:
    """10, 15, 22.5 rounded up, 34.5 rounded up, then 52.5, of which there are at most 50."""
    block = {"metric": "offences", "arm": "a", "half_width": 1.0, "at_most": 50}
    precision = Precision.model_validate(block)
    assert precision.looks(10) == (10, 15, 23, 35, 50)
    assert precision.looks(50) == (50,)
    assert precision.looks(2)[:4] == (2, 3, 5, 8)


def test_the_level_pays_for_every_look() -> None:
    assert level_of_look(1) == pytest.approx(0.95)
    assert level_of_look(5) == pytest.approx(0.99)


def test_the_half_width_is_the_longer_side_and_none_where_nothing_varies() -> None:
    assert half_width({"estimate": 5.0, "low": 4.0, "high": 8.0, "method": "student-t"}) == 3.0
    assert half_width({"estimate": 1.0, "low": 0.0, "high": 1.5, "method": "student-t"}) == 1.0
    assert half_width({"estimate": 5.0, "low": 5.0, "high": 5.0}) is None
    assert half_width({"estimate": 5.0, "low": None, "high": None}) is None


def test_it_stops_at_the_first_look_that_is_narrow_enough(asked: Callable[..., Scenario]) -> None:
    """Looks at 2, 3 and 5: each at 98.33 %. Of 10, 11, 12 the half-width is t(0.99167; 2) / sqrt(3)."""
    width = float(student_t.ppf(1 - 0.05 / 6, 2)) / 3**0.5
    scenario, given = asked("offences", width + 1e-9), rows("offences", [10.0, 11.0, 12.0, 90.0, 1.0])
    first = float(student_t.ppf(1 - 0.05 / 6, 1)) / 2  # of 10 and 11
    taken = looks_taken(scenario, given)
    assert [look.replications for look in taken] == [2, 3]
    assert taken[0].half_width == pytest.approx(first) and taken[1].half_width == pytest.approx(width)
    assert replications_needed(scenario, given) == 3
    found = precision_reached(scenario, given)
    assert found is not None and found["reached"] and found["replications"] == 3 and found["planned"] == [2, 3, 5]
    assert found["interval"]["estimate"] == 11.0 and found["level"] == pytest.approx(1 - 0.05 / 3)


def test_what_has_not_finished_is_not_looked_at(asked: Callable[..., Scenario]) -> None:
    scenario, given = asked("offences", 1e-6), rows("offences", [10.0, 11.0, 12.0, 13.0, 14.0])
    needed = [replications_needed(scenario, [row for row in given if row.replication < done]) for done in range(6)]
    assert needed == [2, 2, 3, 5, 5, 5]
    holed = [row for row in given if row.replication != 1]  # a later one may finish first
    assert replications_needed(scenario, holed) == 2 and looks_taken(scenario, holed) == []


def test_the_most_is_the_end_whether_or_not_it_is_reached(asked: Callable[..., Scenario]) -> None:
    found = precision_reached(asked("offences", 1e-6), rows("offences", [10.0, 11.0, 12.0, 13.0, 14.0]))
    assert found is not None and not found["reached"] and found["replications"] == 5
    assert [look["replications"] for look in found["looks"]] == [2, 3, 5]


def test_equal_values_are_no_precision(asked: Callable[..., Scenario]) -> None:
    """Nothing was seen in two replications: that their interval has no width says nothing of the spread."""
    given = rows("contacts", [0.0, 0.0, 0.0, 3.0, 0.0])
    taken = looks_taken(asked("contacts", 100.0), given)
    assert taken[:2] == [Look(2, None), Look(3, None)] and taken[2].half_width is not None


def test_a_replication_without_the_arm_does_not_count(asked: Callable[..., Scenario]) -> None:
    """Its detector failed in the second of three: two values, one degree of freedom."""
    given = [row for row in rows("offences", [10.0, 11.0, 12.0]) if (row.arm, row.replication) != (ARM, 1)]
    found = precision_reached(asked("offences", 1e9, replications=3, at_most=3), given)
    assert found is not None and found["interval"]["n"] == 2 and found["reached"]


def test_nations_side_by_side_are_one_replication(asked: Callable[..., Scenario]) -> None:
    """Four cells of two nations are two replications: 10 + 11 and 12 + 13; a fifth cell is half of the third."""
    cells = [Row("offences", ARM, "", "", cell, 10.0 + cell, "conversations") for cell in range(5)]
    given = per_replication(cells, 2)
    assert [look.replications for look in looks_taken(asked("offences", 1e-6), given)] == [2]


def test_a_ratio_and_a_stratum_can_be_asked_for(asked: Callable[..., Scenario]) -> None:
    metric = "safeguarding_met_share[high]"
    met = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]
    given = rows("safeguarding_met", met, stratum="high") + rows("safeguarding_due", [4.0] * 6, stratum="high")
    taken = looks_taken(asked(metric, 0.2, at_most=6), given)
    assert [look.half_width for look in taken[:3]] == [None] * 3  # 2, 3 and 5 are too few for a bootstrap
    assert taken[3].replications == 6 and taken[3].half_width is not None
    require_measured(asked(metric, 0.2), given)
    with pytest.raises(UsageError, match=r"is not measured") as caught:
        require_measured(asked("safeguarding_met_share[hgih]", 0.2), given)
    assert caught.value.allowed == "safeguarding_met_share[high]" and "Did you mean" in str(caught.value)
    require_measured(asked(metric, 0.2), [])


def test_without_a_precision_the_number_is_the_stated_one(flagship: Loaded) -> None:
    assert replications_needed(flagship.scenario, []) == flagship.scenario.replications
    assert precision_reached(flagship.scenario, []) is None
    require_known_metric(flagship.scenario)
    require_measured(flagship.scenario, [])


@pytest.mark.parametrize("metric", ["ofences", "recall", "offences[", "offences[a][b]", "recorded"])
def test_an_unknown_metric_is_refused_before_anything_runs(asked: Callable[..., Scenario], metric: str) -> None:
    with pytest.raises(UsageError, match="unknown metric"):
        require_known_metric(asked(metric, 1.0))


def test_validate_says_where_and_what_was_meant(tmp_path: Path, flagship: Loaded) -> None:
    file = tmp_path / "own.yaml"
    base = flagship.folder.resolve() / "england_wales_2017.yaml"
    block = "precision: {metric: ofences, arm: grooming_alerts, half_width: 1, at_most: 20}"
    file.write_text(f"extends: {base}\nname: own\n{block}\n", encoding="utf-8")
    (problem,) = problems_of(file)
    assert str(problem).startswith(f"{file}:3: precision.metric: unknown metric 'ofences'")
    assert "Did you mean 'offences'?" in str(problem)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("metric: offences, half_width: 1, at_most: 20, arm: nobody", "unknown arm 'nobody'; known: no_intervention"),
        ("metric: recall, half_width: 1, at_most: 20, detector: none", "unknown detector 'none'; known: keyword"),
        ("metric: offences, half_width: 1, at_most: 20, arm: voluntary_code, detector: keyword", "one of the two"),
        ("metric: offences, half_width: 1, at_most: 20", "one of the two"),
        ("metric: offences, half_width: 1, at_most: 3, arm: voluntary_code", "at least the 10 replications"),
        ("metric: offences, half_width: 0, at_most: 20, arm: voluntary_code", "half_width: expected a number > 0"),
    ],
)
def test_a_precision_that_makes_no_sense_is_refused(load: Callable[..., Loaded], block: str, said: str) -> None:
    with pytest.raises((UsageError, UsageErrors), match=said):
        load(f"precision={{{block}}}")


def test_plan_shows_the_looks_and_the_most(asked: Callable[..., Scenario]) -> None:
    scenario = asked("offences", 12.5, replications=10, at_most=50)
    found = Plan(scenario, Expected(1.0, 1.0, 1.0, 1.0, 1.0, 1.0), {}, {}, 0.1, 1.0, 1.0, 1.0, 1)
    shown = dict(lines(found))
    assert shown["precision"] == (
        "looks at 10, 15, 23, 35, 50 replications, until the 99 % interval of offences (grooming_alerts) is within "
        "12.5; at most 50 replications, 5.0 times what is planned here"
    )
    assert "10.00 percentage points" in shown["smallest detectable difference"]
    plain = replace(found, scenario=scenario.model_copy(update={"precision": None}))
    assert "precision" not in dict(lines(plain))


def test_one_replication_is_nothing_to_look_at(load: Callable[..., Loaded]) -> None:
    block = "precision={metric: offences, arm: grooming_alerts, half_width: 1, at_most: 20}"
    with pytest.raises((UsageError, UsageErrors), match="at least 2"):
        load(block, replications=1)
