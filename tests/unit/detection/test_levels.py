"""Alert levels keep their promise: at most the stated number of false alerts on the world they were set on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

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
from simharness.detection.triggers import alarms
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
    with_arms: Callable[..., WorldModel], scorers: dict[str, Scorer]
) -> None:
    model = with_arms(
        many={"detector": "keyword", "rate": 30.0},
        few={"detector": "keyword", "rate": 1.0},
        stated={"detector": "keyword", "risk": 0.375},
        other={"detector": "behaviour", "rate": 30.0},
    )
    found = calibrate_levels(model, {name: scorers[name] for name in ("keyword", "behaviour")})
    keyword = found["keyword"]
    assert list(keyword.of_arm) == list(keyword.signal) == ["many", "few", "stated"]
    assert list(found["behaviour"].of_arm) == list(found["behaviour"].signal) == ["other"]
    assert keyword.signal["stated"].level == np.float32(0.375)
    assert keyword.signal["few"].level == keyword.risk[keyword.ladder[REFERENCE]] > keyword.signal["many"].level
    for name, levels in found.items():
        for arm, signal in levels.signal.items():
            assert signal.level == levels.risk[levels.of_arm[arm]] and signal.plain, (name, arm)
        assert not levels.urgent and not levels.worth


def test_a_trigger_has_every_level_set(with_arms: Callable[..., WorldModel], scorers: dict[str, Scorer]) -> None:
    """Levels below which it rearms and above which an alert is urgent are set on the same peaks as its own."""
    queue = {"service_level": {"target": "2d", "urgent_target": "4h", "urgent_above": {RATE: 2.0}}}
    stated = {"service_level": {"target": "2d", "urgent_target": "4h", "urgent_above": {"risk": 7.5}}}
    lasting = {"s_of_n": {"s": 3, "n": 8}}
    model = with_arms(
        plain={"detector": "text_model", "rate": 20.0, "queues": {"desk": queue, "later": {}, "stated": stated}},
        rearms={"detector": "text_model", "rate": 20.0, "trigger": {"rearm_below": {RATE: 60.0}, "at_most": 5}},
        waits={"detector": "text_model", "rate": 20.0, "trigger": {"cooldown": "2d"}},
        lasting={"detector": "text_model", "rate": 20.0, "trigger": lasting, "queues": {"desk": queue}},
        fixed={"detector": "text_model", "risk": 3.0, "trigger": lasting | {"rearm_below": {"risk": 1.25}}},
        dark={"detector": "text_model", "rate": 20.0, "encrypted": ["snapchat", "facebook"]},
    )
    found = calibrate_levels(model, {"text_model": scorers["text_model"]})["text_model"]
    assert list(found.of_arm) == ["plain", "rearms", "waits", "dark"], "s of n has no level of the running risk"
    assert list(found.signal) == list(model.scenario.arms)
    level = {arm: signal.level for arm, signal in found.signal.items()}
    assert level["plain"] == level["rearms"] == level["waits"] == level["dark"]
    shape = {arm: (each.s, each.n, each.cooldown_s, each.at_most) for arm, each in found.signal.items()}
    two_days = 2 * model.clock.lasts_s  # waking seconds
    assert shape == {
        "plain": (1, 1, None, 1),
        "rearms": (1, 1, None, 5),
        "waits": (1, 1, two_days, 16),
        "lasting": (3, 8, None, 1),
        "fixed": (3, 8, None, 16),
        "dark": (1, 1, None, 1),
    }
    assert model.platforms == ("facebook", "instagram", "snapchat", "other")
    for arm, signal in found.signal.items():
        assert signal.hidden.tolist() == [arm == "dark", False, arm == "dark", False]
    peaks = calibration_peaks(model, scorers["text_model"])
    below = found.signal["rearms"].rearm
    assert below is not None and below < level["rearms"]
    assert level["plain"] == at_rate(model, 20.0, peaks["plain"]) and below == at_rate(model, 60.0, peaks["plain"])
    assert level["lasting"] == at_rate(model, 20.0, peaks["lasting"]) < level["plain"]
    assert (level["fixed"], found.signal["fixed"].rearm) == (3.0, 1.25)
    assert found.urgent == {
        ("plain", "desk"): at_rate(model, 2.0, peaks["plain"]),
        ("plain", "stated"): 7.5,
        ("lasting", "desk"): at_rate(model, 2.0, peaks["lasting"]),
    }
    assert len(set(found.urgent.values())) == 3


RATE = "false_alerts_per_1000_child_months"


def at_rate(model: WorldModel, rate: float, peaks: NDArray[np.float32]) -> float:
    return float(level_for(rate, np.sort(peaks), contacts_per_1000_child_months(model)))


def calibration_peaks(model: WorldModel, scorer: Scorer) -> dict[str, NDArray[np.float32]]:
    """The highest running risk and the highest risk that 3 of 8 messages left, conversation by conversation."""
    world = World(model, derive_seed(model.scenario.seed, "calibration"))
    found: dict[str, list[float]] = {"plain": [], "lasting": []}
    for batch in world.batches(benign_sample(world, model.scenario.training.calibration)):
        view, risk = batch.view, scorer.risk(batch.view)
        for begin, end in zip(view.begin, view.end, strict=True):
            own = risk[begin:end]
            found["plain"].append(own.max())
            padded = np.concatenate([np.full(7, -np.inf, np.float32), own])
            windows = np.lib.stride_tricks.sliding_window_view(padded, 8)
            found["lasting"].append(np.sort(windows, axis=1)[:, -3].max())
    return {name: np.array(peaks, np.float32) for name, peaks in found.items()}


@pytest.mark.parametrize("detector", ["text_model", "bayes_bound"])
def test_levels_of_s_of_n_keep_their_promise_on_a_fresh_world(
    detector: str, with_arms: Callable[..., WorldModel], scorers: dict[str, Scorer]
) -> None:
    """Alerts of as many fresh conversations as set the level: both samples err, hence the root of two."""
    rates, size = (15.0, 60.0), 30_000
    lasting = {
        f"at {rate:g}": {"detector": detector, "rate": rate, "trigger": {"s_of_n": {"s": 4, "n": 9}}} for rate in rates
    }
    model = with_arms(calibration=size, **lasting)
    scorer = scorers[detector]
    signals = calibrate_levels(model, {detector: scorer})[detector].signal
    world = World(model, 99)
    sample = benign_sample(world, size)
    count = dict.fromkeys(signals, 0)
    for batch in world.batches(sample):
        for arm, signal in signals.items():
            count[arm] += len(alarms(scorer, signal, batch.view))
    per_1000 = contacts_per_1000_child_months(model)
    for rate, found in zip(rates, count.values(), strict=True):
        expected = rate / per_1000 * len(sample)
        assert expected > 300 and abs(found - expected) < 4 * np.sqrt(2 * expected), (rate, found, expected)


def test_calibration_has_a_world_of_its_own() -> None:
    seeds = {derive_seed(2017, purpose) for purpose in ("calibration", "training", "replication")} | {2017}
    assert len(seeds) == 4
