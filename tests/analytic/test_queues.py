"""The review desk against queueing theory: Erlang C, Pollaczek-Khinchine, and Little's law on the sample path.

Every comparison rests on independent replications from an empty desk, the first customers of each left out; the bound
is four standard errors between replications.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import simpy
from numpy.typing import NDArray

from simharness.distributions import Exponential
from simharness.records import Truth
from simharness.response.arm import ArmInput, ArmSimulation
from simharness.response.false_alerts import FalseAlerts
from simharness.response.queues import Desk
from simharness.scenario.response import Arm
from simharness.streams import uniform
from simharness.world.contacts import Contacts
from simharness.world.model import WorldModel

ASSUMED = {"evidence": "assumed", "source": "test"}
SERVICE_S = 600.0
LOAD = 0.7  # of every person
REPLICATIONS, CUSTOMERS, WARM_UP = 24, 2500, 500
Waits = NDArray[np.float64]  # (replications, customers)


@dataclass(frozen=True, slots=True)
class Expected:
    """Of a queue in its steady state."""

    delayed: float  # probability of waiting at all
    wait_s: float  # mean over all


def erlang_c(staff: int) -> Expected:
    """M/M/c. Erlang 1917; Gross & Harris, "Fundamentals of Queueing Theory", 3rd ed. 1998, equations 2.29 to 2.33.

    C(c, a) = (a^c / c!) (c / (c - a)) / (sum_{k<c} a^k / k! + (a^c / c!) (c / (c - a))); Wq = C / (c mu - lambda).
    """
    offered = LOAD * staff
    full = offered**staff / math.factorial(staff) / (1 - LOAD)
    delayed = full / (sum(offered**k / math.factorial(k) for k in range(staff)) + full)
    return Expected(delayed, delayed * SERVICE_S / (staff * (1 - LOAD)))


def pollaczek_khinchine(variance: float) -> Expected:
    """M/G/1: Wq = lambda E[S^2] / (2 (1 - rho)) (Pollaczek 1930, Khinchine 1932; Gross & Harris, section 5.1.1)."""
    return Expected(LOAD, LOAD / SERVICE_S * (variance + SERVICE_S**2) / (2 * (1 - LOAD)))


def arrivals(seed: int, staff: int, customers: int = CUSTOMERS) -> NDArray[np.float64]:
    """Poisson arrivals that keep ``staff`` people busy for LOAD of their time."""
    gaps = Exponential(SERVICE_S / (LOAD * staff)).quantile(uniform(seed, "test.arrivals", np.arange(customers)))
    return np.cumsum(gaps)


def agrees(waits: Waits, expected: Expected) -> None:
    steady = waits[:, WARM_UP:]
    for found, theory in ((steady, expected.wait_s), (steady > 1e-6, expected.delayed)):
        means = found.mean(axis=1)
        assert means.mean() == pytest.approx(theory, abs=4 * means.std(ddof=1) / math.sqrt(len(means)))
        assert means.std(ddof=1) / math.sqrt(len(means)) < 0.06 * theory  # tight enough to tell


def test_erlang_c_by_hand() -> None:
    """c = 1: rho. c = 3, a = 2.1: (9.261/6)/0.3 = 5.145; 1 + 2.1 + 2.205 = 5.305; 5.145 / 10.45 = 0.49234."""
    assert erlang_c(1).delayed == pytest.approx(0.7)
    assert erlang_c(1).wait_s == pytest.approx(1400.0)  # rho / (mu - lambda) = 0.7 / 0.3 services
    assert erlang_c(3).delayed == pytest.approx(0.492344, abs=1e-6)
    assert pollaczek_khinchine(SERVICE_S**2).wait_s == pytest.approx(erlang_c(1).wait_s)


# -- the desk by itself -----------------------------------------------------------------------------------------------


def desk_waits(seed: int, staff: int) -> list[float]:
    env = simpy.Environment()
    desk = Desk(env, [(0.0, staff)])
    services = Exponential(SERVICE_S).quantile(uniform(seed, "test.service", np.arange(CUSTOMERS)))
    waits = []

    def customer(service: float) -> Any:
        came = env.now
        with desk.request() as person:
            yield person
            waits.append(env.now - came)
            yield env.timeout(service)

    def source() -> Any:
        for time, service in zip(arrivals(seed, staff), services.tolist(), strict=True):
            yield env.timeout(time - env.now)
            env.process(customer(service))

    env.process(source())
    env.run()
    return waits


@pytest.mark.parametrize("staff", [1, 3])
def test_erlang_c_at_a_desk(staff: int) -> None:
    agrees(np.array([desk_waits(seed, staff) for seed in range(REPLICATIONS)]), erlang_c(staff))


# -- the whole arm: false alerts as arrivals, the policy's review as the server ----------------------------------------

Desked = Callable[..., ArmSimulation]


@pytest.fixture(scope="module")
def reviewing(model: WorldModel) -> Desked:
    """``reviewing(seed, times, shifts, service)``: an arm that only reviews, no grooming, alerts at ``times``."""

    def made(
        seed: int, times: NDArray[np.float64], shifts: list[dict[str, Any]], service: dict[str, Any]
    ) -> ArmSimulation:
        review = ASSUMED | {
            "shifts": shifts,
            "service": service,
            "expires": "1000d",
            "sensitivity": 1,
            "specificity": 1,
        }
        policy = {"title": "test", "law": "none", "detector": "keyword", "alert_level": {"risk": 1}, "review": review}
        arm = Arm.model_validate(policy | {"code": ASSUMED | {"coverage": {"facebook": 1}}, "on_alert": ["review"]})
        period = model.scenario.period.model_copy(update={"end": model.scenario.period.start + timedelta(days=80)})
        scenario = model.scenario.model_copy(update={"period": period, "scale": 1.0})
        n, no_time = len(times), np.empty(0)
        none = np.empty(0, np.uint8)
        contacts = Contacts(
            *(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64), none, none, none, no_time),
            *(none.astype(np.bool_), none.astype(np.float32), none.astype(np.bool_), none, none),
        )
        truth = Truth(none.astype(np.int32), *(no_time,) * 6, none)
        ids, zeros = np.arange(n, dtype=np.uint64), np.zeros(n, np.uint8)
        alerts = FalseAlerts(ids, zeros.astype(np.uint32), times, zeros, zeros)
        given = ArmInput(contacts, truth, no_time, np.empty((0, 4), np.bool_), alerts, lambda row, after: math.inf)
        return ArmSimulation(replace(model, scenario=scenario), seed, arm, given)

    return made


def around_the_clock(staff: int) -> list[dict[str, Any]]:
    return [{"begins": "0h", "ends": "24h", "staff": staff}]


def arm_waits(sim: ArmSimulation) -> NDArray[np.float64]:
    """Waits in order of arrival; every alert was read."""
    log = sim.run().log
    waits = np.array(log.decision_started_s) - np.array(log.alert_raised_s)[np.array(log.decision_alert)]
    assert len(waits) == len(log.alert_raised_s)
    return np.asarray(waits[np.argsort(log.decision_alert)])


LOGNORMAL = {"kind": "lognormal", "median": f"{SERVICE_S * math.exp(-(0.6**2) / 2)!r}s", "sigma": 0.6}


@pytest.mark.parametrize(
    ("staff", "service", "expected"),
    [
        (1, {"kind": "exponential", "mean": "10min"}, erlang_c(1)),
        (3, {"kind": "exponential", "mean": "10min"}, erlang_c(3)),
        (1, {"kind": "constant", "value": "10min"}, pollaczek_khinchine(0.0)),
        (1, LOGNORMAL, pollaczek_khinchine(SERVICE_S**2 * math.expm1(0.6**2))),
    ],
    ids=["M/M/1", "M/M/3", "M/D/1", "M/G/1"],
)
def test_the_review_of_an_arm(reviewing: Desked, staff: int, service: dict[str, Any], expected: Expected) -> None:
    sims = (reviewing(seed, arrivals(seed, staff), around_the_clock(staff), service) for seed in range(REPLICATIONS))
    agrees(np.array([arm_waits(sim) for sim in sims]), expected)


@pytest.mark.parametrize("shifts", [
    around_the_clock(2),
    [{"begins": "9h", "ends": "17h", "staff": 6}],
    [{"begins": "22h", "ends": "6h", "staff": 4}, {"begins": "4h", "ends": "12h", "staff": 2}],
])  # fmt: skip
def test_little_s_law_on_the_sample_path(reviewing: Desked, shifts: list[dict[str, Any]]) -> None:
    """Little 1961, as an identity of one path that begins and ends empty: the area under N(t) is the sum of times.

    N(t) is read off the desk's own queue between any two events; times come from the log.
    """
    sim = reviewing(4, arrivals(4, 1, 600), shifts, {"kind": "exponential", "mean": "10min"})
    assert sim.review is not None
    desk, env = sim.review.resource, sim.env
    area = {"waiting": 0.0, "in hand": 0.0}

    def step_by_step(until: float) -> None:
        while env.peek() < until:
            span = env.peek() - env.now
            area["waiting"] += span * sum(request.priority == 0 for request in desk.queue)
            area["in hand"] += span * sum(request.priority == 0 for request in desk.users)
            env.step()

    env.run = step_by_step
    waits = arm_waits(sim)
    log = sim.log
    assert area["waiting"] == pytest.approx(waits.sum(), rel=1e-9) and waits.max() > 0
    taken = np.array(log.decision_ended_s) - np.array(log.decision_started_s)
    assert area["in hand"] == pytest.approx(taken.sum(), rel=1e-9)
    assert log.seconds["review"] == pytest.approx(taken.sum(), rel=1e-9)
