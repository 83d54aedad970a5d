"""Alert levels keep their promise: at most the stated number of false alerts on the world they were set on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simharness.detection.levels import (
    LADDER_RATES,
    REFERENCE,
    UNREACHABLE,
    Levels,
    calibrate_levels,
    contacts_per_1000_child_months,
    level_for,
)
from simharness.detection.scoring import Scorer
from simharness.detection.training import benign_sample
from simharness.streams import derive_seed
from simharness.world.generate import World
from simharness.world.model import WorldModel

FIVE = np.array([1, 2, 2, 3, 5], np.float32)  # peaks of five conversations; at 10 contacts a rate of 2 is one alert


@pytest.fixture(scope="session")
def levels(small: WorldModel, scorers: dict[str, Scorer]) -> dict[str, Levels]:
    return calibrate_levels(small, scorers)


@pytest.mark.parametrize(
    ("rate", "level"),
    [
        (1.9, UNREACHABLE),  # not one alert is allowed
        (2.0, 5.0),  # one: the conversation that peaks at 5
        (3.9, 5.0),
        (4.0, 3.0),  # two
        (6.0, 3.0),  # three are allowed, but 2 would alert on four
        (8.0, 2.0),
        (9.9, 2.0),
        (10.0, 1.0),  # everything is allowed
        (50.0, 1.0),
    ],
)
def test_level_by_hand(rate: float, level: float) -> None:
    assert level_for(rate, FIVE, per_1000=10.0) == level


@pytest.mark.parametrize("rate", [0.01, 1.0, 9.9])
def test_a_detector_that_says_one_thing_has_no_level_below_its_price(rate: float) -> None:
    always = np.ones(100, np.float32)
    assert level_for(rate, always, per_1000=10.0) == UNREACHABLE
    assert level_for(10.0, always, per_1000=10.0) == 1.0


@pytest.mark.parametrize("rate", [0.01, 1.0, 10.0, 1000.0])
def test_a_detector_that_never_speaks_never_alerts(rate: float) -> None:
    never = np.full(100, -np.inf, np.float32)
    assert level_for(rate, never, per_1000=10.0) == UNREACHABLE
    some = np.array([-np.inf] * 4 + [2.0], np.float32)
    assert level_for(10.0, some, per_1000=10.0) == 2.0, "a conversation without a risk was counted as an alert"


def test_a_level_without_a_single_conversation_is_out_of_reach() -> None:
    assert level_for(1.0, np.empty(0, np.float32), per_1000=10.0) == UNREACHABLE


peaks_of = st.lists(st.one_of(st.integers(-4, 4), st.just(-np.inf)), min_size=1, max_size=30)


@given(peaks=peaks_of, rate=st.floats(0.001, 30.0))
def test_a_level_keeps_its_promise_and_no_lower_one_does(peaks: list[float], rate: float) -> None:
    ordered = np.sort(np.array(peaks, np.float32))
    level = level_for(rate, ordered, per_1000=10.0)

    def false_alerts(risk: Any) -> float:
        return 10.0 * np.count_nonzero(ordered >= risk) / ordered.size

    assert np.isfinite(level) and false_alerts(level) <= rate * (1 + 1e-12)
    lower = ordered[(ordered < level) & np.isfinite(ordered)]
    if lower.size:
        # Dividing may lose the last bit of a whole number of alerts, on either side.
        assert false_alerts(lower[-1]) > rate * (1 - 1e-12)


@pytest.mark.parametrize(("rate", "per_1000"), [("1.2/month", 1200.0), ("0.5/day", 500.0 * 30.4375)])
def test_rates_are_per_1000_child_months(rate: str, per_1000: float, make_model: Callable[..., WorldModel]) -> None:
    model = make_model(f"world.benign.contact_rate={rate}")
    assert contacts_per_1000_child_months(model) == pytest.approx(per_1000)


def test_on_its_own_sample_every_level_gives_at_most_its_rate(
    small: WorldModel, scorers: dict[str, Scorer], levels: dict[str, Levels]
) -> None:
    world = World(small, derive_seed(small.scenario.seed, "calibration"))
    sample = benign_sample(world, small.scenario.training.calibration)
    assert abs(len(sample) - 4000) < 5 * np.sqrt(4000)
    per_1000 = contacts_per_1000_child_months(small)
    alerts = {name: np.zeros(len(LADDER_RATES)) for name in scorers}
    for batch in world.batches(sample):
        for name, scorer in scorers.items():
            crossed = scorer.crossings(batch.view, levels[name].risk) >= 0
            alerts[name] += crossed.sum(axis=0)[levels[name].ladder]
    for name, found in alerts.items():
        assert (found / len(sample) * per_1000 <= LADDER_RATES).all(), name
    # Where risks are all different the promise is used up to the last alert.
    allowed = np.floor(np.array(LADDER_RATES) / per_1000 * len(sample))
    assert np.array_equal(alerts["bayes_bound"], allowed) and allowed[-1] > 200


def test_levels_ascend_and_know_their_rate(levels: dict[str, Levels]) -> None:
    assert (np.diff(LADDER_RATES) > 0).all()
    for name, found in levels.items():
        assert (np.diff(found.risk) > 0).all() and found.risk.dtype == np.float32, name
        assert found.ladder.size == len(LADDER_RATES) and (np.diff(found.ladder) <= 0).all(), name
    assert levels["never"].risk.tolist() == [UNREACHABLE]
    # Always at risk 1: no rate of the ladder reaches it, only the level stated for it.
    assert levels["always"].risk.tolist() == [1.0, UNREACHABLE]
    assert set(levels["always"].ladder.tolist()) == {1}


def test_a_detector_is_measured_at_one_false_alert_unless_a_level_is_stated_for_it(levels: dict[str, Levels]) -> None:
    assert LADDER_RATES[REFERENCE] == 1.0
    for name, found in levels.items():
        assert (found.stated is None) == (name != "always"), name
        assert found.measured == (0 if name == "always" else found.ladder[REFERENCE]), name
    assert levels["always"].risk[levels["always"].measured] == 1.0


@pytest.mark.parametrize("kind", ["risk", "rate"])
def test_a_stated_level_moves_the_measurement_and_no_arm(
    kind: str, make_model: Callable[..., WorldModel], scorers: dict[str, Scorer], levels: dict[str, Levels]
) -> None:
    usual = levels["keyword"]
    level = "{risk: 0.3125}" if kind == "risk" else "{false_alerts_per_1000_child_months: 90}"
    stated = make_model(
        "training={grooming: 300, benign: 2400, calibration: 4000}", f"detectors.keyword.alert_level={level}"
    )
    found = calibrate_levels(stated, {"keyword": scorers["keyword"]})["keyword"]
    measured = found.risk[found.measured]
    if kind == "risk":
        assert measured == np.float32(0.3125)
    else:
        # Just under the highest rate of the ladder (90.5): never above it, and far below the usual level.
        assert found.risk[found.ladder[-1]] <= measured < found.risk[found.ladder[REFERENCE]]
    assert measured != usual.risk[usual.measured]
    assert np.array_equal(found.risk[found.ladder], usual.risk[usual.ladder])
    assert {arm: found.risk[place] for arm, place in found.of_arm.items()} == {
        arm: usual.risk[place] for arm, place in usual.of_arm.items()
    }


def test_each_arm_has_the_level_its_policy_states(
    small: WorldModel, make_model: Callable[..., WorldModel], scorers: dict[str, Scorer], levels: dict[str, Levels]
) -> None:
    arms = {name: arm for name, arm in small.scenario.arms.items() if arm.detector}
    assert arms
    for name, found in levels.items():
        assert list(found.of_arm) == [arm_name for arm_name, arm in arms.items() if arm.detector == name]
        rates = {arm: arms[arm].alert_level.false_alerts_per_1000_child_months for arm in found.of_arm}  # type: ignore[union-attr]
        by_rate = [float(found.risk[found.of_arm[arm]]) for arm in sorted(rates, key=lambda arm: rates[arm] or 0.0)]
        assert by_rate == sorted(by_rate, reverse=True), "more false alerts allowed, and yet a higher level"
        assert (len(set(by_rate)) > 1) == (len(set(rates.values())) > 1)
    stated = make_model(
        "training={grooming: 300, benign: 1200, calibration: 3000}", "arms.voluntary_code.alert_level={risk: 0.375}"
    )
    found = calibrate_levels(stated, {"keyword": scorers["keyword"]})["keyword"]
    assert found.risk[found.of_arm["voluntary_code"]] == np.float32(0.375)


def test_calibration_has_a_world_of_its_own() -> None:
    seeds = {derive_seed(2017, purpose) for purpose in ("calibration", "training", "replication")} | {2017}
    assert len(seeds) == 4
