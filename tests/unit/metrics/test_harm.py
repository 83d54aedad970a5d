"""Harm by unit, net of harm, and by subgroup, worked by hand on small cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simharness.metrics.catalogue_harm import HARM_METRICS
from simharness.metrics.harm import at_least, earliest, harm_free_days_gained, harm_numbers, worst_rungs
from simharness.metrics.subgroups import age_bands, arm_subgroups, detector_subgroups
from simharness.outcomes.cell import Cell
from simharness.outcomes.readings import Reading
from simharness.outcomes.traces import Traces
from simharness.records import LADDER, Truth
from simharness.response.arm import ArmResult
from simharness.response.coverage import Regulation
from simharness.response.log import ArmLog
from simharness.scenario.harm_weights import HarmWeights
from simharness.world.clock import DAY_S
from simharness.world.generate import World
from simharness.world.model import WorldModel

INF = np.inf
ARM = "trained_moderators"
Numbers = dict[tuple[str, str], Any]


def result(outcomes: Any, alerts: int = 0, **columns: Any) -> ArmResult:
    """Times in days; unless given, contacts begin at 0, nothing closes and nothing is cut."""
    n, log = len(outcomes), ArmLog()
    for _ in range(alerts):
        log.alert(1, 1.0, False, 0.5)
    given = {"start": [0.0] * n, "cut": [INF] * n, "closed": [INF] * n} | columns
    start, cut, closed = (np.array(given[name], np.float64) * DAY_S for name in ("start", "cut", "closed"))
    ladder = np.array(outcomes, np.float64).reshape(n, 4) * DAY_S
    return ArmResult(ladder, np.full(n, INF), cut, start, log, Regulation(), closed)


@pytest.fixture(scope="module")
def cell_of(model: WorldModel) -> Callable[..., Cell]:
    """``cell_of(arm, base, children=, offenders=, planned=, **contacts)``: a cell of two arms."""

    def made(arm: ArmResult, base: ArmResult, planned: int | None = None, **columns: Any) -> Cell:
        n = len(arm.cut)
        contacts = World(model, 5).grooming_contacts().take(slice(0, n))
        changed = {"child": range(n), "initiator": range(n)} | columns
        typed = {name: np.array(value, getattr(contacts, name).dtype) for name, value in changed.items()}
        never = np.full(n, INF)
        truth = Truth(np.ones(n, np.int32), *(never,) * 6, np.zeros(n, np.uint8))
        arms = {model.scenario.comparator: base, ARM: arm}
        return Cell(0, 1, replace(contacts, **typed), truth, n if planned is None else planned, {}, arms)

    return made


@pytest.fixture(scope="module")
def numbers(model: WorldModel, cell_of: Callable[..., Cell]) -> Callable[..., Numbers]:
    def made(*arms: ArmResult, weights: HarmWeights | None = None, **changes: Any) -> Numbers:
        weighted = replace(model, scenario=model.scenario.model_copy(update={"harm_weights": weights}))
        found = list(harm_numbers(weighted, cell_of(*arms, **changes), ARM))
        assert len({(name, stratum) for name, stratum, _ in found}) == len(found)
        return {(name, stratum): value for name, stratum, value in found}

    return made


def test_earliest_and_worst_by_hand() -> None:
    times = np.array([[5.0, INF], [INF, 9.0], [3.0, INF], [INF, INF]])
    first = earliest(np.array([7, 2, 7, 4]), times)
    assert first.tolist() == [[INF, 9.0], [INF, INF], [3.0, INF]]  # units 2, 4, 7
    assert worst_rungs(first).tolist() == [2, 0, 1]
    assert at_least(np.array([0, 1, 3, 4, 4])).tolist() == [4, 3, 3, 2]
    nobody = earliest(np.array([], np.int64), np.empty((0, 4)))
    assert nobody.shape == (0, 4) and worst_rungs(nobody).size == 0


def test_days_gained_by_hand() -> None:
    """From 4 to 9; prevented at 6 of a period of 10: 4 days; brought about at 7: 3 lost; never: none."""
    arm, base = np.array([9.0, INF, 7.0, INF]) * DAY_S, np.array([4.0, 6.0, INF, INF]) * DAY_S
    assert harm_free_days_gained(arm, base, 10 * DAY_S) == 5 + 4 - 3


def test_units_by_hand(numbers: Callable[..., Numbers]) -> None:
    """Children 8 (two conversations) and 9, offenders 1 (the first) and 2 (the others).

    Child 8 keeps its offence, later: of its conversations one is prevented, and the other is left. Offender 2 goes on.
    """
    base = result([[2, INF, INF, INF], [4, INF, 6, INF], [5, INF, INF, INF]])
    arm = result([[INF] * 4, [4, INF, INF, INF], [3, INF, INF, INF]])
    found = numbers(arm, base, child=[8, 8, 9], initiator=[1, 2, 2])

    def of(rung: str, unit: str) -> list[int]:
        return [found[f"{rung}_{unit}_{what}", ""] for what in ("prevented", "delayed", "unchanged", "made_worse")]

    assert of("offence", "children") == [0, 1, 0, 1] and of("offence", "offenders") == [1, 0, 0, 1]
    assert of("meeting", "children") == of("meeting", "offenders") == [1, 0, 0, 0]
    assert found["offenders_harming", ""] == 1
    assert [found["children_at_least", rung] for rung in LADDER] == [2, 0, 0, 0]
    assert (found["offences_averted", ""], found["meetings_averted", ""], found["repeats_averted", ""]) == (1, 1, 0)
    assert found["harm_free_child_days_gained", ""] == 2 - 2  # child 8 from 2 to 4, child 9 from 5 to 3


def test_harm_to_another_child_counts_against_the_arm(numbers: Callable[..., Numbers]) -> None:
    """The second conversation is a substitute: no planned contact, so no incidence, but an event of its child."""
    base = result([[2, INF, INF, INF], [INF] * 4], start=[0, INF])
    arm = result([[INF] * 4, [3, INF, 4, INF]], start=[0, 1], cut=[1, INF])
    found = numbers(arm, base, planned=1)
    assert found["offences_averted", ""] == 0 and found["meetings_averted", ""] == -1
    assert found["incidence_offence", "7d"] == 0.0 and found["at_risk", "offence:0d"] == 1
    assert found["harm_free_days_gained", ""] == 88.0  # of 90: the comparator's child has 2


def test_the_course_by_rung(numbers: Callable[..., Numbers]) -> None:
    """One closed at 5 after a meeting attempt at 4, abuse at 21; one closed at 5 without; one cut at 6; one never made.

    For contact abuse the end of the first is none, because it may follow still; the second can come to none.
    """
    arm = result(
        [[2, INF, 4, 21], [3, INF, INF, INF], [INF] * 4, [INF] * 4], closed=[5, 5, INF, INF], cut=[INF, INF, 6, -INF]
    )
    found = numbers(arm, arm)
    assert [found["incidence_offence", f"{day}d"] for day in (1, 2, 3, 90)] == [0.0, 0.25, 0.5, 0.5]
    assert [found["incidence_contact", f"{day}d"] for day in (17, 21, 90)] == pytest.approx([0.0, 0.25, 0.25])
    assert [found["at_risk", f"contact:{day}d"] for day in (0, 1, 5, 6, 7, 21, 24)] == [4, 3, 3, 2, 1, 1, 0]
    assert found["harm_free_days", ""] == pytest.approx((2 + 3 + 90 + 90) / 4)
    assert found["harm_free_days_gained", ""] == 0.0


def test_any_rung_ends_the_time_free_of_harm(numbers: Callable[..., Numbers]) -> None:
    """A meeting attempt at 4 without an offence before it, and one after an offence at 2."""
    arm = result([[INF, INF, 4, INF], [2, INF, 5, INF]])
    assert numbers(arm, arm)["harm_free_days", ""] == pytest.approx((4 + 2) / 2)


def test_a_period_too_short_leaves_the_time_undefined(numbers: Callable[..., Numbers], model: WorldModel) -> None:
    late = float(model.scenario.period.days - 50)
    quiet = result([[INF] * 4], start=[late])
    found = numbers(quiet, quiet)
    assert found["harm_free_days", ""] is None and found["harm_free_days_gained", ""] is None
    assert found["incidence_offence", "50d"] == 0.0 and found["incidence_offence", "55d"] is None


def test_the_lead_has_a_distribution(numbers: Callable[..., Numbers]) -> None:
    """Leads of 0 (left out), 1, 2, 3, 4 and 5 days: quartiles 2 and 4. A substitute, the last, has none."""
    never = [[INF] * 4] * 7
    arm, base = result(never, cut=[9, 1, 1, 1, 1, 1, 1]), result(never, cut=[9, 2, 3, 4, 5, 6, 90])
    found = numbers(arm, base, planned=6)
    assert [found["lead_time_days", f"p{p}"] for p in (10, 25, 75, 90)] == pytest.approx([1.4, 2.0, 4.0, 4.6])
    assert numbers(arm, arm)["lead_time_days", "p25"] is None


def test_weighted_harm_by_hand(numbers: Callable[..., Numbers]) -> None:
    """Two conversations of child 8, whose worst is a meeting attempt, and child 9 with contact abuse, then spared."""
    weights = HarmWeights(evidence="assumed", source="test", offence=1, repeat=2, meeting=4, contact=10)
    base = result([[1, INF, INF, INF], [2, INF, 3, INF], [1, 2, 3, 4]])
    arm = result([[1, INF, INF, INF], [2, INF, 3, INF], [1, INF, INF, INF]], alerts=3)
    found = numbers(arm, base, weights=weights, child=[8, 8, 9])
    assert (found["weighted_harm", ""], found["weighted_harm_averted", ""]) == (5.0, 9.0)
    assert found["alerts_in_thousands", ""] == 0.003
    assert ("weighted_harm", "") not in numbers(arm, base)


def test_every_metric_of_harm_is_in_the_catalogue_and_the_other_way_round(numbers: Callable[..., Numbers]) -> None:
    quiet = result([[INF] * 4])
    weights = HarmWeights(evidence="assumed", source="test", offence=1, repeat=1, meeting=1, contact=1)
    made = {name for name, _ in numbers(quiet, quiet, weights=weights)} - {"lead_time_days"}
    assert made == {metric.name for metric in HARM_METRICS if metric.estimator != "ratio"}


times = st.one_of(st.just(INF), st.integers(0, 5).map(float))
ladders = st.lists(st.lists(times, min_size=4, max_size=4), min_size=5, max_size=5)
ids = st.lists(st.integers(0, 3), min_size=5, max_size=5)
WHOLE_RUNS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@WHOLE_RUNS
@given(base=ladders, arm=ladders, child=ids, offender=ids)
def test_units_add_up_and_are_never_more_than_conversations(
    numbers: Callable[..., Numbers], base: Any, arm: Any, child: Any, offender: Any
) -> None:
    found = numbers(result(arm), result(base), child=child, initiator=offender)
    before, after = (np.isfinite(np.array(each)) for each in (base, arm))
    for unit, owner in (("children", child), ("offenders", offender)):
        for place, rung in enumerate(LADDER):
            parts = {
                what: found[f"{rung}_{unit}_{what}", ""] for what in ("prevented", "delayed", "unchanged", "made_worse")
            }
            had = set(np.array(owner)[before[:, place]])
            either = had | set(np.array(owner)[after[:, place]])
            assert sum(parts.values()) == len(either) <= int((before | after)[:, place].sum())
            assert sum(parts.values()) - parts["made_worse"] <= len(had)
    counts = [found["children_at_least", rung] for rung in LADDER]
    assert counts == sorted(counts, reverse=True) and counts[0] == len(set(np.array(child)[after.any(axis=1)]))


@WHOLE_RUNS
@given(base=ladders, arm=ladders, child=ids, offender=ids, shift=st.integers(1, 1000))
def test_renaming_children_and_offenders_changes_nothing(
    numbers: Callable[..., Numbers], base: Any, arm: Any, child: Any, offender: Any, shift: int
) -> None:
    renamed = [[(shift + 997 * number) % 1009 for number in numbering] for numbering in (child, offender)]
    here = numbers(result(arm), result(base), child=child, initiator=offender)
    there = numbers(result(arm), result(base), child=renamed[0], initiator=renamed[1])
    assert here == pytest.approx(there, nan_ok=True)


@WHOLE_RUNS
@given(arm=ladders, child=ids)
def test_an_arm_that_is_the_comparator_gains_exactly_nothing(
    numbers: Callable[..., Numbers], arm: Any, child: Any
) -> None:
    found = numbers(result(arm), result(arm), child=child)
    names = ["harm_free_days_gained", "harm_free_child_days_gained", *(f"{rung}s_averted" for rung in LADDER)]
    assert [found[name, ""] for name in names] == [0] * 6


# -- subgroups --------------------------------------------------------------------------------------------------------


def test_subgroups_by_hand(model: WorldModel, cell_of: Callable[..., Cell]) -> None:
    """Three conversations: the first prevented, the second worse, the third left; child 8 is in the first two."""
    base = result([[2, INF, 3, INF], [4, INF, INF, INF], [5, INF, INF, INF]])
    arm = result([[INF] * 4, [1, INF, INF, INF], [5, INF, 6, INF]])
    forces = [model.children.forces.index(name) for name in ("South Wales", "South Wales", "Kent")]
    cell = cell_of(
        arm,
        base,
        child=[8, 8, 9],
        age=[11, 11, 12],
        girl=[True, True, False],
        force=forces,
        platform=[0, 1, 1],
        kind=[0, 0, 2],
    )
    found = {(name, stratum): value for name, stratum, value in arm_subgroups(model, cell, ARM)}
    first, second, _, *_ = model.platforms
    expected = {
        ("offences_comparator", "age=7-11"): 2,
        ("offences_prevented", "age=7-11"): 1,
        ("offences_comparator", "age=12-15"): 1,
        ("offences_prevented", "age=12-15"): 0,
        ("offences_comparator", "age=16-17"): 0,
        ("meetings_prevented", "sex=girl"): 1,
        ("children_made_worse", "sex=girl"): 1,
        ("children_made_worse", "sex=boy"): 1,
        ("offences_comparator", "nation=Wales"): 2,
        ("offences_comparator", "nation=England"): 1,
        ("offences_prevented", "force=South Wales"): 1,
        ("offences_comparator", "force=Kent"): 1,
        ("offences_prevented", f"platform={first}"): 1,
        ("children_made_worse", f"platform={second}"): 2,
        ("children_made_worse", "offender_type=intimacy_seeking"): 1,
        ("offences_comparator", "offender_type=hyper_sexualised"): 1,
    }
    assert {key: found[key] for key in expected} == expected
    assert {stratum.partition("=")[0] for name, stratum in found if name == "meetings_prevented"} == {
        "age", "sex", "nation", "platform", "offender_type"
    }  # fmt: skip
    for dimension in ("age", "sex", "nation", "force", "platform", "offender_type"):
        assert (
            sum(v for (name, s), v in found.items() if name == "offences_comparator" and s.startswith(f"{dimension}="))
            == 3
        )


def test_a_child_in_two_groups_counts_in_both_and_once_in_each(model: WorldModel, cell_of: Callable[..., Cell]) -> None:
    base, arm = result([[INF] * 4] * 3), result([[1, INF, INF, INF]] * 3)
    cell = cell_of(arm, base, child=[8, 8, 8], platform=[0, 0, 1], girl=[True] * 3)
    found = {(name, stratum): value for name, stratum, value in arm_subgroups(model, cell, ARM)}
    made = [found["children_made_worse", f"platform={name}"] for name in model.platforms]
    assert made == [1, 1, *(0 for _ in model.platforms[2:])] and found["children_made_worse", "sex=girl"] == 1


def test_a_force_without_a_nation_is_by_force_only(model: WorldModel, cell_of: Callable[..., Cell]) -> None:
    nations = ("", *model.children.nations[1:])
    silent = replace(model, children=replace(model.children, nations=nations))
    base = result([[1, INF, INF, INF]] * 2)
    found = {(n, s): v for n, s, v in arm_subgroups(silent, cell_of(base, base, force=[0, 1]), ARM)}
    assert sum(found["offences_comparator", f"nation={name}"] for name in ("England", "Wales")) == 1
    assert found["offences_comparator", f"force={model.children.forces[0]}"] == 1


@pytest.mark.parametrize(
    ("youngest", "oldest", "bands"),
    [(7, 17, [(7, 11), (12, 15), (16, 17)]), (5, 12, [(5, 11), (12, 12)]), (13, 15, [(13, 15)])],
)
def test_bands_are_of_the_populations_own_ages(
    model: WorldModel, youngest: int, oldest: int, bands: list[tuple[int, int]]
) -> None:
    assert age_bands(replace(model.children, youngest=youngest, oldest=oldest)) == bands


def test_subgroups_of_a_detector_by_hand(model: WorldModel, cell_of: Callable[..., Cell]) -> None:
    """Three planned: alerted early, alerted late, never; one substitute counts for nothing. In two batches."""
    quiet = result([[INF] * 4] * 4)
    cell = cell_of(quiet, quiet, planned=3, girl=[True, True, False, False])
    cell = replace(cell, truth=replace(cell.truth, offence=np.array([5.0, 6.0, INF, 7.0])))
    none = np.zeros(3)
    alert = np.array([3, 10, 0], np.int32)
    traces = Traces(none.astype(np.int64), none, alert, none.astype(np.float32), none.astype(np.float32), alert, none)
    early = [np.array([True]), np.array([False, False])]
    reading = cast(Reading, SimpleNamespace(traces=[traces], early=early))
    found = {(name, stratum): value for name, stratum, value in detector_subgroups(model, cell, reading)}
    of = {
        sex: [found[name, f"sex={sex}"] for name in ("grooming", "detected", "offences", "in_time")]
        for sex in ("girl", "boy")
    }
    assert of == {"girl": [2, 2, 2, 1], "boy": [1, 0, 0, 0]}
    assert not any(stratum.startswith("force") for _, stratum in found)
