"""From rows to what the summary says of harm: curves, alerts needed, dominance, worst subgroups."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from simharness.errors import UsageError
from simharness.metrics.course import GRID_DAYS
from simharness.metrics.curves import curve_only, curves
from simharness.metrics.estimates import by_subject
from simharness.metrics.harm_summary import alerts_per_averted, dominances, harm_summary
from simharness.metrics.intervals import clopper_pearson
from simharness.metrics.rows import Row
from simharness.metrics.summary import summary
from simharness.metrics.worst_subgroup import worst_of_arm, worst_subgroup
from simharness.records import LADDER
from simharness.scenario.harm_weights import HarmWeights
from simharness.scenario.load import Loaded


def rows(metric: str, values: Sequence[float | None], arm: str = "a", stratum: str = "") -> list[Row]:
    return [Row(metric, arm, "", stratum, number, value, "") for number, value in enumerate(values)]


def course_rows(arm: str, last: int = 180) -> list[Row]:
    """Two replications: shares of day / 1000 and twice that, the second watched until ``last``; 10 and 20 at risk."""
    found = []
    for rung in LADDER:
        for day in GRID_DAYS:
            second = day / 500 if day <= last else None
            found += rows(f"incidence_{rung}", [day / 1000, second], arm, f"{day}d")
            found += rows("at_risk", [10.0, 20.0], arm, f"{rung}:{day}d")
    return found


def test_curves_by_hand() -> None:
    found = curves([*course_rows("a"), *rows("alerts", [1, 2], "b")])
    assert set(found) == {"a"} and set(found["a"]) == set(LADDER)
    curve, place = found["a"]["meeting"], GRID_DAYS.index(30)
    assert {len(points) for points in curve.values()} == {len(GRID_DAYS)} and curve["days"] == list(GRID_DAYS)
    assert curve["estimate"][place] == pytest.approx(0.045) and curve["at_risk"][place] == 15.0
    half = 12.7062 * 0.015  # t(0.975; 1) x standard error
    assert curve["high"][-1] == 1.0  # 0.27 + 12.7 x 0.09, of shares
    assert curve["low"][place] == 0.0 and curve["high"][place] == pytest.approx(0.045 + half, abs=1e-5)


def test_a_curve_is_of_the_same_replications_from_end_to_end() -> None:
    curve = curves(course_rows("a", last=90))["a"]["offence"]
    assert [share is None for share in curve["estimate"]] == [day > 90 for day in GRID_DAYS]
    assert [share is None for share in curve["high"]] == [day > 90 for day in GRID_DAYS]


def test_only_the_headline_days_stand_among_the_estimates(flagship: Loaded) -> None:
    given = [*course_rows("grooming_alerts"), *rows("harm_free_days", [1.0, 2.0], "grooming_alerts")]
    shown = [row for row in given if not curve_only(row)]
    assert {row.stratum for row in shown} == {"7d", "30d", "90d", ""}
    made = summary(flagship.scenario, given, "partial")
    assert set(made["estimates"]["arms"]["grooming_alerts"]) == {
        "harm_free_days",
        *(f"incidence_{rung}[{day}d]" for rung in LADDER for day in (7, 30, 90)),
    }
    assert set(made["curves"]) == {"grooming_alerts"}


def test_a_desk_may_have_the_name_of_a_day() -> None:
    assert curve_only(rows("at_risk", [1.0], stratum="offence:10d")[0])
    for metric, stratum in (("desk_entered", "10d"), ("offences_prevented", "platform=chat:10d")):
        assert not curve_only(rows(metric, [1.0], stratum=stratum)[0])


def needed(averted: list[float | None], thousands: list[float | None]) -> dict[str, Any]:
    given = [*rows("offences_averted", averted), *rows("alerts_in_thousands", thousands)]
    return alerts_per_averted(by_subject(given)["arm", "a"], "offence")


def test_alerts_needed_by_hand() -> None:
    """300 alerts in all for 30 offences averted: 10 each; the bootstrap's ends are those of the replications."""
    found = needed([9, 10, 11], [0.099, 0.1, 0.101])
    assert (found["estimate"], found["reason"], found["unit"]) == (pytest.approx(10.0), None, "alerts")
    assert (found["low"], found["high"]) == (pytest.approx(101 / 11), pytest.approx(11.0))


@pytest.mark.parametrize(
    ("averted", "thousands", "reason"),
    [
        ([10, -9, 8], [0.1] * 3, "holds 0"),
        ([-9, -10, -8], [0.1] * 3, "holds 0"),
        ([9], [0.1], "no interval"),
        ([9, 10, 11], [0.0] * 3, "raises no alerts"),
    ],
)
def test_alerts_needed_are_undefined_with_the_reason(averted: Any, thousands: Any, reason: str) -> None:
    found = needed(averted, thousands)
    assert reason in found["reason"] and found["estimate"] is found["low"] is found["high"] is None


def harmed(arm: str, *counts: float) -> list[Row]:
    """Children at or beyond each rung, in six replications of almost these: as many as equal differences need."""
    pairs = zip(LADDER, counts, strict=True)
    return [row for rung, count in pairs for row in rows("children_at_least", [count, count + 0.1] * 3, arm, rung)]


def test_every_arm_is_held_against_the_comparator_and_the_next() -> None:
    given = [*harmed("base", 9, 8, 7, 6), *harmed("x", 5, 4, 3, 2), *harmed("y", 4, 4, 4, 4), *rows("alerts", [1], "z")]
    arms = {name: series for (_, name), series in by_subject(given).items()}
    found = dominances(arms, "base")
    assert [(pair["arm"], pair["over"], pair["verdict"]) for pair in found] == [
        ("y", "base", "dominates"),
        ("x", "base", "dominates"),
        ("y", "x", "crossing"),
    ]
    assert (
        found[0]["rungs"]["contact"]["estimate"] == pytest.approx(-2)
        and found[0]["rungs"]["contact"]["unit"] == "children"
    )
    assert dominances({"x": arms["x"]}, "base") == []


def test_a_replication_that_one_arm_lacks_is_left_out_of_the_pair() -> None:
    given = [*harmed("base", 9, 8, 7, 6), *(row for row in harmed("x", 5, 4, 3, 2) if row.replication == 1)]
    arms = {name: series for (_, name), series in by_subject(given).items()}
    (pair,) = dominances(arms, "base")
    assert pair["rungs"]["offence"]["n"] == 1 and pair["verdict"] == "unclear"


# -- the worst subgroup -----------------------------------------------------------------------------------------------

GROUPS = ("a", "b", "c", "d")
OF = np.array([[10, 20, 30, 1], [10, 20, 30, 1], [10, 20, 30, 1]])
PREVENTED = np.array([[5, 4, 16, 0], [5, 6, 14, 0], [5, 5, 15, 0]])


def test_the_worst_subgroup_by_hand() -> None:
    """Shares 0.5, 0.25, 0.5; the fourth has 3 events only. Of b: 0.2, 0.3, 0.25, so s = 0.05 and s / sqrt(3) = 0.0289;
    t at 1 - 0.05 / 3 two-sided with 2 degrees of freedom is 7.6488. The rest: 21, 19, 20 of 40.
    """
    found = worst_subgroup(PREVENTED, OF, GROUPS)
    assert found is not None
    assert (found.group, found.looked_at, found.too_small) == ("b", ("a", "b", "c"), ("d",))
    half = 7.6488 * 0.05 / 3**0.5
    assert found.share.estimate == pytest.approx(0.25)
    assert found.share.high == pytest.approx(0.25 + half, abs=1e-4) and found.share.low == pytest.approx(
        0.25 - half, abs=1e-4
    )
    assert found.difference.estimate == pytest.approx(-0.25)
    spread = np.std([0.2 - 0.525, 0.3 - 0.475, 0.25 - 0.5], ddof=1)
    assert found.difference.high == pytest.approx(-0.25 + 7.6488 * spread / 3**0.5, abs=1e-4)
    assert "Bonferroni over 3 groups" in found.share.method and "Bonferroni over 3 groups" in found.difference.method


def test_the_spread_of_a_ratio_allows_for_its_denominator() -> None:
    """As many prevented of as many in every replication, however many there are: no spread at all."""
    of = np.array([[10, 50], [20, 50], [40, 50]])
    found = worst_subgroup(of * [0.25, 0.5], of, ("a", "b"))
    assert found is not None and found.group == "a"
    assert found.share.low == pytest.approx(0.25) and found.share.high == pytest.approx(0.25)


def test_a_share_is_of_sums_not_the_mean_of_shares() -> None:
    """2 of 10 and 12 of 30 are 14 of 40; linearised 0.35 -+ 1.5 / 20, so a standard error of 0.075; t is 12.7062
    at level 0.9, halved for two groups.
    """
    found = worst_subgroup([[2, 9], [12, 27]], [[10, 10], [30, 30]], ("a", "b"), level=0.9)
    assert found is not None and found.share.estimate == pytest.approx(0.35)
    assert found.difference.low == pytest.approx(-0.55 - 12.7062 * 0.075, abs=1e-4)
    assert found.difference.estimate == pytest.approx(0.35 - 0.9)


def test_nothing_prevented_has_the_exact_interval() -> None:
    found = worst_subgroup([[0, 5], [0, 6]], [[9, 9], [11, 9]], ("a", "b"))
    assert found is not None and found.share.method == "clopper-pearson, Bonferroni over 2 groups"
    assert found.share.high == clopper_pearson(0, 20, 0.975).high and found.share.n == 20


def test_where_all_groups_are_alike_none_is_the_worst() -> None:
    of = [[20, 30], [20, 30]]
    assert worst_subgroup([[0, 0], [0, 0]], of, ("a", "b")) is None
    assert worst_subgroup([[10, 15], [10, 15]], of, ("a", "b")) is None
    assert worst_subgroup([[0, 0], [0, 1]], of, ("a", "b")) is not None


def test_one_group_large_enough_is_no_worst_of_several() -> None:
    assert worst_subgroup(PREVENTED[:, [0, 3]], OF[:, [0, 3]], ("a", "d")) is None
    assert worst_subgroup(np.empty((0, 2)), np.empty((0, 2)), ("a", "b")) is None
    with pytest.raises(UsageError, match="shape"):
        worst_subgroup(PREVENTED, OF, ("a", "b"))


def test_worst_subgroups_by_dimension_are_plain_json() -> None:
    given = [Row("alerts", "a", "", "", 0, 1.0, "")]
    for place, group in enumerate(GROUPS):
        for name, counts in (("offences_comparator", OF), ("offences_prevented", PREVENTED)):
            given += rows(name, counts[:, place].tolist(), "a", f"age={group}")
    given += [
        *rows("offences_comparator", [5, 5, 5], "a", "sex=girl"),
        *rows("offences_prevented", [1, 2, 1], "a", "sex=girl"),
    ]
    found = worst_of_arm(by_subject(given)["arm", "a"])
    assert set(found) == {"age"} and found["age"]["group"] == "b" and found["age"]["too_small"] == ["d"]
    assert found["age"]["share"]["unit"] == "share" and found["age"]["fewest"] == 10
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_weights_are_in_the_summary_and_among_the_assumptions(flagship: Loaded) -> None:
    weights = HarmWeights(evidence="assumed", source="test", offence=1, repeat=2, meeting=4, contact=10)
    scenario = flagship.scenario.model_copy(update={"harm_weights": weights})
    made = summary(scenario, rows("alerts", [1.0], "grooming_alerts"), "partial")
    assert made["harm_weights"] == {
        "evidence": "assumed",
        "source": "test",
        "offence": 1,
        "repeat": 2,
        "meeting": 4,
        "contact": 10,
    }
    assert {"path": "harm_weights", "evidence": "assumed", "source": "test"} in made["assumed"]
    assert harm_summary(flagship.scenario, [])["harm_weights"] is None
