"""From rows to the summary: sums for ratios, null for undefined, and what was assumed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simharness.metrics.catalogue import METRICS
from simharness.metrics.estimates import RECORDED, by_subject, estimates, per_replication
from simharness.metrics.intervals import EXPANDED
from simharness.metrics.metric import UP_TO_1
from simharness.metrics.rows import Row
from simharness.metrics.summary import assumed, recorded_rows, summary
from simharness.scenario.load import Loaded, resolved
from simharness.scenario.model import RecordedFigure, Scenario

KEYS = {"estimate", "low", "high", "n", "method", "unit"}


def rows(metric: str, values: list[float | None], *, arm: str = "", detector: str = "", stratum: str = "") -> list[Row]:
    return [Row(metric, arm, detector, stratum, number, value, "") for number, value in enumerate(values)]


def test_means_over_replications() -> None:
    found = estimates(rows("alerts", [1, 2, 3, 4, 5], arm="a"))["arms"]["a"]["alerts"]
    assert set(found) == KEYS
    assert (found["estimate"], found["n"], found["unit"], found["method"]) == (3.0, 5, "alerts", "student-t")
    assert found["low"] == pytest.approx(3 - 2.776 * (2.5 / 5) ** 0.5, abs=1e-3)


def test_the_order_of_rows_does_not_matter() -> None:
    given = rows("alerts", [1, 2, 9], arm="a") + rows("right_alerts", [1, 1, 0], arm="a")
    assert estimates(given) == estimates(reversed(given))


def test_ratios_are_of_sums_not_means_of_ratios() -> None:
    """8 of 10 and 9 of 90: 17 of 100, not the mean 0.45 of 0.8 and 0.1."""
    given = rows("detected", [8, 9], detector="d") + rows("grooming", [10, 90], detector="d")
    found = estimates(given)["detectors"]["d"]["recall"]
    assert found["estimate"] == pytest.approx(0.17) and found["method"] == EXPANDED and found["n"] == 2
    assert found["low"] == pytest.approx(0.1) and found["high"] == pytest.approx(0.8)


def test_a_share_of_nothing_counted_has_the_interval_of_clopper_and_pearson() -> None:
    """0 of 20: the upper end is 1 - 0.025 ** (1 / 20)."""
    given = rows("detected", [0, 0], detector="d") + rows("grooming", [5, 15], detector="d")
    found = estimates(given)["detectors"]["d"]["recall"]
    assert (found["estimate"], found["low"], found["method"]) == (0.0, 0.0, "clopper-pearson")
    assert found["high"] == pytest.approx(1 - 0.025 ** (1 / 20))


def test_a_weighted_count_is_no_number_of_trials() -> None:
    """Precision's denominator holds harmless conversations at full volume: no Clopper-Pearson from it."""
    given = rows("detected", [0, 0], detector="d") + rows("alerted", [333, 666], detector="d")
    assert estimates(given)["detectors"]["d"]["precision"]["method"] == EXPANDED


def test_a_count_is_never_below_zero_but_a_lead_may_be() -> None:
    given = rows("alerts", [0, 10], arm="a") + rows("lead_time_days", [0.0, 10.0], arm="a")
    found = estimates(given)["arms"]["a"]
    assert found["alerts"]["low"] == 0.0
    assert found["lead_time_days"]["low"] < 0.0


def test_the_interval_of_a_share_stays_within_its_bounds() -> None:
    found = estimates(rows("only_this_arm_acts", [0.01, 0.99], arm="a"))["arms"]["a"]["only_this_arm_acts"]
    assert (found["low"], found["estimate"], found["high"]) == (0.0, pytest.approx(0.5), 1.0)


def test_every_ratio_of_the_catalogue_is_estimated_from_its_own_parts() -> None:
    for subject in ("arm", "detector"):
        ratios = [metric for metric in METRICS.values() if metric.subject == subject and metric.estimator == "ratio"]
        parts = sorted({name for metric in ratios for name in (metric.numerator, metric.denominator) if name})
        value = {name: float(2 + place) for place, name in enumerate(parts)}
        given = [row for name in parts for row in rows(name, [value[name]] * 2, **{subject: "x"})]
        found = estimates(given)[f"{subject}s"]["x"]
        assert ratios
        for metric in ratios:
            expected = value[metric.numerator or ""] / value[metric.denominator or ""]
            assert found[metric.name]["estimate"] == pytest.approx(expected)
            assert found[metric.name]["unit"] == metric.unit


def test_undefined_is_null_and_never_0() -> None:
    given = rows("lead_time_days", [None, None], arm="a") + rows("alerts", [0, 0], arm="a")
    found = estimates(given)["arms"]["a"]
    assert (found["lead_time_days"]["estimate"], found["lead_time_days"]["n"]) == (None, 0)
    assert found["alerts"]["estimate"] == 0.0
    nothing = rows("right_alerts", [0, 0], arm="a") + rows("alerts_before_offence", [0, 0], arm="a")
    assert estimates(nothing)["arms"]["a"]["alerts_before_offence_share"]["estimate"] is None


def test_undefined_replications_are_left_out() -> None:
    found = estimates(rows("lead_time_days", [None, 4.0, 6.0], arm="a"))["arms"]["a"]["lead_time_days"]
    assert (found["estimate"], found["n"]) == (5.0, 2)
    assert found["method"] == "student-t of medians"


def test_an_area_and_a_cost_stay_below_1() -> None:
    for name in ("roc_area", "erde_5", "f_latency"):
        found = estimates(rows(name, [0.9, 1.0], detector="d"))["detectors"]["d"][name]
        assert (found["estimate"], found["high"]) == (pytest.approx(0.95), 1.0)


def test_strata_stand_beside_the_whole() -> None:
    given = rows("stage_at_alert", [0.5, 0.7], detector="d", stratum="friendship")
    assert by_subject(given).keys() == {("detector", "d")}
    assert estimates(given)["detectors"]["d"]["stage_at_alert[friendship]"]["estimate"] == pytest.approx(0.6)


def test_every_unit_of_a_count_adds_up_and_no_other() -> None:
    """What cannot be counted: shares, rates, times of one thing, and detectors' means."""
    averaged = {metric.unit for metric in METRICS.values() if metric.estimator == "mean" and not metric.adds}
    averaged = {unit for unit in averaged if UP_TO_1 not in unit}
    assert averaged == {"alerts at once", "days", "hours", "messages", "per 1,000 child-months", "share"}


def test_ratios_of_strata_are_of_their_own_parts() -> None:
    """Two desks: 3 of 10 hours and 1 of 20; for the whole there are no hours, and no ratio."""
    given = [
        row
        for desk, worked, duty in (("day", [1, 2], [4, 6]), ("night", [1, 0], [10, 10]))
        for row in (
            *rows("desk_worked_hours", worked, arm="a", stratum=desk),  # type: ignore[arg-type]
            *rows("desk_duty_hours", duty, arm="a", stratum=desk),  # type: ignore[arg-type]
        )
    ]
    found = estimates(given)["arms"]["a"]
    assert found["desk_utilisation[day]"]["estimate"] == pytest.approx(0.3)
    assert found["desk_utilisation[night]"]["estimate"] == pytest.approx(0.05)
    assert "desk_utilisation" not in found


def test_a_desk_with_nobody_on_duty_has_no_utilisation() -> None:
    given = rows("desk_worked_hours", [0, 0], arm="a", stratum="x") + rows(
        "desk_duty_hours", [0, 0], arm="a", stratum="x"
    )
    assert estimates(given)["arms"]["a"]["desk_utilisation[x]"]["estimate"] is None


def test_hours_are_no_number_of_trials() -> None:
    """Nobody worked in 2,000 hours on duty: that is no exact interval of 2,000 tries."""
    given = rows("desk_worked_hours", [0, 0], arm="a", stratum="x")
    given += rows("desk_duty_hours", [1000, 1000], arm="a", stratum="x")
    found = estimates(given)["arms"]["a"]["desk_utilisation[x]"]
    assert (found["estimate"], found["low"], found["high"], found["n"]) == (0.0, 0.0, 0.0, 2)
    assert found["method"] == EXPANDED


def test_a_ratio_without_its_other_part_is_left_out() -> None:
    found = estimates(rows("alerts_lost", [1, 2], arm="a", stratum="expired"))["arms"]["a"]
    assert set(found) == {"alerts_lost[expired]"}


def test_one_replication_has_no_interval() -> None:
    found = estimates(rows("alerts", [3], arm="a"))["arms"]["a"]["alerts"]
    assert (found["estimate"], found["low"], found["high"], found["n"]) == (3.0, None, None, 1)


# -- several nations side by side, for a scale above one --------------------------------------------------------------


def nations(metric: str, values: list[float | None], **more: str) -> dict[int, float | None]:
    """What becomes of the values of cells, two nations a replication."""
    return {row.replication: row.value for row in per_replication(rows(metric, values, **more), 2)}


def test_counts_of_nations_add_up_and_everything_else_is_averaged() -> None:
    assert nations("alerts", [3, 4, 10, 20], arm="a") == {0: 7, 1: 30}
    assert nations("police_hours", [1.5, 2, 0, 0], arm="a") == {0: 3.5, 1: 0}
    assert nations("child_months", [1, 1], arm="a") == {0: 2}
    assert nations("desk_wait_hours", [1, 2, None, 4], arm="a", stratum="police") == {0: 1.5, 1: 4}
    assert nations("desk_duty_hours", [10, 20], arm="a", stratum="police") == {0: 30}
    assert nations("longest_silence_days", [1, 3], arm="a") == {0: 2}
    assert nations("lead_time_days", [None, None], arm="a") == {0: None}
    assert nations("delay", [40, 50], detector="d") == {0: 45}
    assert nations("stage_at_alert", [0.2, 0.4], detector="d", stratum="friendship") == {0: pytest.approx(0.3)}
    assert nations(RECORDED, [1000, 1200], arm="a", stratum="0") == {0: 1100}  # each is scaled to the whole population


def test_a_replication_without_all_its_nations_is_left_out() -> None:
    assert nations("alerts", [3, 4, 10], arm="a") == {0: 7}


def test_one_nation_a_replication_changes_nothing() -> None:
    given = rows("alerts", [3, None, 4], arm="a") + rows("delay", [1.5], detector="d")
    assert per_replication(given[:2], 1) == given[:2]
    assert {(row.metric, row.replication, row.value) for row in per_replication(given, 1)} == {
        (row.metric, row.replication, row.value) for row in given
    }


# -- recorded figures -------------------------------------------------------------------------------------------------


def with_figures(scenario: Scenario, *figures: dict[str, Any]) -> Scenario:
    common = {"evidence": "reported", "source": "test", "title": "test", "role": "check"}
    made = [RecordedFigure.model_validate(common | one) for one in figures]
    return scenario.model_copy(update={"recorded": made})


def test_recorded_against_simulated(flagship: Loaded) -> None:
    """Simulated 8, 10, 12: mean 10; for one further period 10 +- t(0.975; 2) x 2 x sqrt(1 + 1/3) = 10 +- 9.937."""
    scenario = with_figures(
        flagship.scenario,
        {"measure": "offences", "value": 19.9},
        {"measure": "offences", "value": 20.0},
        {"measure": "group_share", "value": 0.5, "tolerance": 0.02},
        {"measure": "group_share", "value": 0.5, "tolerance": 0.02},
        {"measure": "youngest_victim", "value": 7},
    )
    values: list[list[float | None]] = [[8, 10, 12], [8, 10, 12], [0.4, 0.6, 0.55], [0.5, 0.53, 0.54], [None] * 3]
    given = [row for place, one in enumerate(values) for row in rows(RECORDED, one, arm="x", stratum=str(place))]
    found = recorded_rows(scenario, given)
    assert [row["agrees"] for row in found] == [True, False, True, False, None]
    assert found[0]["simulated"]["estimate"] == 10.0 and found[0]["recorded"] == 19.9
    half = 4.303 * 2 * (1 + 1 / 3) ** 0.5  # for one further period
    assert found[0]["one_period"]["high"] == pytest.approx(10 + half, abs=0.01)
    assert [row["unit"] for row in found] == ["offences", "offences", "share", "share", "years"]
    assert found[4]["simulated"]["estimate"] is None


def test_no_rows_agree_with_nothing(flagship: Loaded) -> None:
    scenario = with_figures(flagship.scenario, {"measure": "offences", "value": 5})
    assert [row["agrees"] for row in recorded_rows(scenario, [])] == [None]


def test_recorded_rows_do_not_pass_for_metrics_of_the_arm() -> None:
    given = rows(RECORDED, [3.0], arm="x", stratum="0") + rows("alerts", [1], arm="x")
    assert "recorded[0]" not in estimates(given)["arms"]["x"]


# -- the whole --------------------------------------------------------------------------------------------------------


def test_assumed_lists_every_assumed_or_fitted_block_of_the_flagship(flagship: Loaded) -> None:
    """Counted in the resolved file's own text, so that no walk of the test can go the same wrong way."""
    text = json.dumps(resolved(flagship.scenario))
    found = assumed(flagship.scenario)
    for evidence in ("assumed", "fitted"):
        assert sum(block["evidence"] == evidence for block in found) == text.count(f'"evidence": "{evidence}"') > 0
    paths = [block["path"] for block in found]
    assert len(set(paths)) == len(paths)
    assert {
        "world.offenders.count",
        "world.platforms.facebook",
        "arms.trained_moderators.queues.moderators.tiers.trained",
        "sampling",
    } <= set(paths)
    assert not {"world.population", "world.recording.method_known"} & set(paths)  # measured, reported
    assert all(block["source"] for block in found)


def test_assumed_looks_into_lists(flagship: Loaded) -> None:
    scenario = with_figures(flagship.scenario, {"measure": "offences", "value": 1, "evidence": "assumed"})
    assert {"path": "recorded.0", "evidence": "assumed", "source": "test"} in assumed(scenario)


@pytest.fixture(scope="module")
def everything(flagship: Loaded) -> Callable[[], dict[str, Any]]:
    def made() -> dict[str, Any]:
        """One defined and one undefined value of every metric."""
        given: list[Row] = []
        for (subject, name), metric in METRICS.items():
            if metric.estimator != "ratio":
                given += rows(name, [1.5, None], **{subject: "x"})
        given += rows(RECORDED, [1.0, None], arm="y", stratum="0")
        return summary(flagship.scenario, given, "partial")

    return made


def test_the_summary_is_plain_json_without_nan(everything: Callable[[], dict[str, Any]]) -> None:
    made = everything()
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["synthetic"] is True and made["status"] == "partial"


def test_the_summary_says_what_it_rests_on(flagship: Loaded, everything: Callable[[], dict[str, Any]]) -> None:
    made = everything()
    assert made["replications"] == 2 and made["replications_asked"] == flagship.scenario.replications
    assert made["comparator"] in made["arms"] and set(made["arms"]) == set(flagship.scenario.arms)
    assert f"each stands for {1 / flagship.scenario.sampling.benign_fraction:g}" in made["weighting"]
    assert {arm["mode"] for arm in made["arms"].values()} == {"live"}
    assert made["matched_budget"] == {"alerts_per_1000_child_months": 2.0, "baseline": "keyword"}
    assert len(made["recorded"]) == len(flagship.scenario.recorded)
    known = {name for subject, name in METRICS if subject == "arm"}
    assert set(made["estimates"]["arms"]["x"]) == known


def test_shadow_arms_and_the_matched_budget_are_said(load: Callable[..., Loaded]) -> None:
    budget = "matched_budget={alerts_per_1000_child_months: 2, baseline: keyword}"
    scenario = load("arms.grooming_alerts.mode=shadow", budget).scenario
    made = summary(scenario, rows("alerts", [1.0], arm="grooming_alerts"), "complete")
    assert [name for name, arm in made["arms"].items() if arm["mode"] == "shadow"] == ["grooming_alerts"]
    assert made["matched_budget"] == {"alerts_per_1000_child_months": 2.0, "baseline": "keyword"}


def test_numbers_of_numpy_are_plain_too() -> None:
    given = rows("alerts", [np.float64(1.0), np.float64(2.0)], arm="a")  # type: ignore[list-item]
    json.dumps(estimates(given), allow_nan=False)
