"""The worth of an alert: by hand, and of alerts in a world that it has never seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simharness.detection.levels import calibrate_levels
from simharness.detection.scoring import Scorer
from simharness.detection.training import sample_contacts
from simharness.detection.triggers import Signal, alarms
from simharness.detection.worth import expected_contacts, fit_worth
from simharness.world.generate import World
from simharness.world.model import WorldModel

BY_VALUE = {"queues": {"desk": {"priority": "value_of_time"}}}


def floats(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def test_worth_by_hand() -> None:
    """A right alert stands for one, a false one for three: at 2 one of 1 + 3 is right, at 1 none, at 4 all."""
    worth = fit_worth((floats(1, 2), floats(2, 4)), (3.0, 1.0), 0.5)
    assert worth.probability(1) == 0.0 and worth.probability(2) == 0.25 and worth.probability(4) == 1.0
    assert worth.probability(3) == pytest.approx((0.25 + 1.0) / 2), "a line between"
    assert worth.probability(-9) == 0.0 and worth.probability(float(np.finfo(np.float32).max)) == 1.0


def test_what_falls_with_the_risk_is_pooled() -> None:
    """Isotonic: right at 1 and false at 2 say together that both are right in one of two, weighted."""
    worth = fit_worth((floats(2), floats(1, 3)), (3.0, 1.0), 0.5)
    assert worth.probability(1) == worth.probability(2) == 0.25 and worth.probability(3) == 1.0


@pytest.mark.parametrize(
    ("false", "right", "expected"), [((), (), 0.125), ((1.0, 5.0), (), 0.0), ((), (1.0, 5.0), 1.0), ((), (2.0,), 1.0)]
)
def test_a_past_with_alerts_of_one_kind_or_none(
    false: tuple[float, ...], right: tuple[float, ...], expected: float
) -> None:
    worth = fit_worth((floats(*false), floats(*right)), (3.0, 1.0), 0.125)
    assert [worth.probability(risk) for risk in (-4.0, 1.0, 3.0, 1e30)] == [expected] * 4


def test_contacts_expected_in_a_period(small: WorldModel) -> None:
    world, settings = World(small, 3), small.scenario.world
    harmless, grooming = expected_contacts(world)
    sampled = sum(len(block) for block in world.benign_contacts(0.01)) * 100
    assert abs(sampled - harmless) < 4 * np.sqrt(100 * harmless)
    # Rates are lognormal between offenders: the sum over them errs by far more than a Poisson count.
    spread = np.sqrt((np.exp(settings.offenders.heterogeneity.value**2) - 1) / world.offenders + 1 / grooming)
    assert abs(len(world.grooming_contacts()) - grooming) < 4 * spread * grooming
    assert harmless > 100 * grooming


def test_only_arms_with_a_queue_by_value_of_time_have_a_worth(
    with_arms: Callable[..., WorldModel], scorers: dict[str, Scorer]
) -> None:
    model = with_arms(
        plain={"detector": "text_model", "rate": 20.0, "queues": {"desk": {"priority": "score"}}},
        valued={"detector": "text_model", "rate": 20.0, **BY_VALUE},
        never={"detector": "never", "rate": 20.0, **BY_VALUE},
    )
    some = {name: scorers[name] for name in ("text_model", "never", "behaviour")}
    found = calibrate_levels(model, some)
    assert {name: list(levels.worth) for name, levels in found.items()} == {
        "text_model": ["valued"],
        "never": ["never"],
        "behaviour": [],
    }
    # Nothing has ever been seen of this detector: an alert of it would be worth what any conversation is.
    harmless, grooming = expected_contacts(World(model, 1))
    assert found["never"].worth["never"].probability(3.0) == pytest.approx(grooming / (harmless + grooming))


SIZES = 3_000, 40_000  # grooming and harmless conversations that teach, and as many that check
TRIGGERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "lasting": {"trigger": {"s_of_n": {"s": 3, "n": 6}}},
    "dark": {"encrypted": ["other"]},
}


def with_offenders(model: WorldModel, times: float) -> WorldModel:
    """The same world with so many times the offenders: about as many right alerts as false ones."""
    world = model.scenario.world
    count = world.offenders.count.model_copy(update={"value": world.offenders.count.value * times})
    more = world.model_copy(update={"offenders": world.offenders.model_copy(update={"count": count})})
    return replace(model, scenario=model.scenario.model_copy(update={"world": more}))


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("detector", ["text_model", "bayes_bound"])
def test_worth_rises_and_of_alerts_given_p_a_share_p_is_right(
    detector: str, trigger: str, with_arms: Callable[..., WorldModel], scorers: dict[str, Scorer]
) -> None:
    """Calibration as for the bound (Dawid 1982), in a fresh world: over all alerts, and over each third by risk.

    What taught and what checks err alike, hence the root of two.
    """
    grooming, benign = SIZES
    arm = {"detector": detector, "rate": 30.0, **BY_VALUE, **TRIGGERS[trigger]}
    model = with_offenders(with_arms(calibration=benign, grooming=grooming, arm=arm), 100)
    scorer = scorers[detector]
    levels = calibrate_levels(model, {detector: scorer})[detector]
    worth, signal = levels.worth["arm"], levels.signal["arm"]
    assert (np.diff(worth.risk) > 0).all() and (np.diff(worth.right) >= 0).all()
    assert worth.risk[0] >= signal.level and worth.right[0] >= 0 and worth.right[-1] <= 1

    right, false = (alert_risks(model, scorer, signal, kind) for kind in range(2))
    risk = np.concatenate([right, false])
    p = np.array([worth.probability(float(each)) for each in risk])
    truth = np.repeat([1.0, 0.0], [right.size, false.size])
    harmless, real = expected_contacts(World(model, 1))
    weight = np.where(truth == 1.0, real / grooming, harmless / benign)
    order = np.argsort(risk, kind="stable")
    for rows in [order, *np.array_split(order, 3)]:
        miss = weight[rows] * (truth[rows] - p[rows])
        error = np.sqrt(2 * (miss**2).sum())
        assert abs(miss.sum()) < 4 * error, (rows.size, miss.sum() / error)
        assert error / weight[rows].sum() < 0.04, "too few to tell"
    assert p.std() > 0.1, "it says next to nothing, so being right about it means nothing"


def alert_risks(model: WorldModel, scorer: Scorer, signal: Signal, kind: int) -> NDArray[np.float32]:
    """Risk at every alert of a fresh world's grooming (0) or harmless (1) conversations."""
    world = World(model, 4711)
    contacts = sample_contacts(world, *SIZES)[kind]
    return np.concatenate([alarms(scorer, signal, batch.view).risk for batch in world.batches(contacts)])
