"""A queue of alerts against queueing theory: Erlang B, C and A, Pollaczek-Khinchine, Cobham, and Little's law.

Every comparison rests on independent replications from an empty desk, the first customers of each left out; the bound
is four standard errors between replications. The queue is the one that arms use; what surrounds it is a stand-in that
knows when conversations end and acts on nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simharness.distributions import Exponential
from simharness.response.cases import Case
from simharness.response.desk import Ticket
from simharness.response.draws import Draws
from simharness.response.log import ArmLog
from simharness.response.review import QueueGiven, ReviewQueue
from simharness.scenario.failures import Failures
from simharness.scenario.queues import WEEKDAYS, Queue
from simharness.streams import uniform
from simharness.world.clock import DAY_S

ASSUMED = {"evidence": "assumed", "source": "test"}
MONDAY = date(2024, 1, 1)
SERVICE_S = 600.0
LOAD = 0.7  # of every person
REPLICATIONS, CUSTOMERS, WARM_UP = 16, 1500, 300
Floats = NDArray[np.float64]

# -- theory ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expected:
    """Of a queue in its steady state."""

    delayed: float  # probability of waiting at all
    wait_s: float  # mean over all who are let in
    lost: float = 0.0  # turned away, or gone before their turn


def stationary(birth: Callable[[int], float], death: Callable[[int], float], most: int) -> Floats:
    """Distribution of a birth and death process on 0..most: p(n+1) death(n+1) = p(n) birth(n), and the sum is one.

    Gross & Harris, "Fundamentals of Queueing Theory", 3rd ed. 1998, chapter 2: the balance equations that all
    Markovian queues below share. Logarithms, since products of hundreds of rates leave the range of floats.
    """
    steps = [math.log(birth(n)) - math.log(death(n + 1)) for n in range(most)]
    weights = np.concatenate([[0.0], np.cumsum(steps)])
    shares = np.exp(weights - weights.max())
    return np.asarray(shares / shares.sum())


def erlang_c(staff: int, load: float = LOAD) -> Expected:
    """M/M/c. Erlang 1917; Gross & Harris, 3rd ed. 1998, equations 2.29 to 2.33.

    C(c, a) = (a^c / c!) (c / (c - a)) / (sum_{k<c} a^k / k! + (a^c / c!) (c / (c - a))); Wq = C / (c mu - lambda).
    """
    offered = load * staff
    full = offered**staff / math.factorial(staff) / (1 - load)
    delayed = full / (sum(offered**k / math.factorial(k) for k in range(staff)) + full)
    return Expected(delayed, delayed * SERVICE_S / (staff * (1 - load)))


def with_capacity(staff: int, load: float, places: int) -> Expected:
    """M/M/c/K, K places in the queue and in hand together. Gross & Harris, 3rd ed. 1998, section 2.4.

    An arrival finds n with probability p(n) (Poisson arrivals see time averages) and is turned away if n = K; those
    let in wait Lq / (lambda (1 - p(K))) by Little's law. K = c is Erlang's loss formula.
    """
    rate = load * staff / SERVICE_S
    p = stationary(lambda n: rate, lambda n: min(n, staff) / SERVICE_S, places)
    queue = sum((n - staff) * p[n] for n in range(staff, places + 1))
    let_in = 1 - p[places]
    return Expected(float(p[staff:places].sum() / let_in), float(queue / (rate * let_in)), float(p[places]))


def erlang_a(staff: int, load: float, patience_s: float) -> Expected:
    """M/M/c+M: those who wait leave at a rate of one over their mean patience.

    Palm 1957; Garnett, Mandelbaum & Reiman, "Designing a call center with impatient customers", Manufacturing &
    Service Operations Management 4(3), 2002, section 2: births lambda, deaths min(n, c) mu + max(0, n - c) theta. Of
    those who arrive, theta Lq / lambda leave (what flows out of the queue so), and the mean wait of all is Lq / lambda.
    """
    rate, most = load * staff / SERVICE_S, 400
    p = stationary(lambda n: rate, lambda n: min(n, staff) / SERVICE_S + max(0, n - staff) / patience_s, most)
    queue = sum((n - staff) * p[n] for n in range(staff, most + 1))
    return Expected(float(p[staff:].sum()), float(queue / rate), float(queue / patience_s / rate))


def pollaczek_khinchine(variance: float) -> Expected:
    """M/G/1: Wq = lambda E[S^2] / (2 (1 - rho)) (Pollaczek 1930, Khinchine 1932; Gross & Harris, section 5.1.1;
    Larson & Odoni, "Urban Operations Research", 1981, equation 4.81).
    """
    return Expected(LOAD, LOAD / SERVICE_S * (variance + SERVICE_S**2) / (2 * (1 - LOAD)))


def cobham(staff: int, loads: Sequence[float]) -> list[float]:
    """Mean waits by class, the first served first, work begun not interrupted; ``loads``: share of all staff's time.

    Cobham, "Priority assignment in waiting line problems", Operations Research 2(1), 1954; for M/M/m Larson & Odoni,
    1981, equation 4.111: W_k = W_0 / ((1 - sigma_{k-1}) (1 - sigma_k)), sigma_k the load of classes 1 to k, and W_0,
    the wait for somebody to become free, C(c, a) / (c mu); with one person rho / mu.
    """
    before = np.concatenate([[0.0], np.cumsum(loads)])
    free = erlang_c(staff, float(before[-1])).delayed * SERVICE_S / staff
    return [free / ((1 - over) * (1 - upto)) for over, upto in pairwise(before)]


def test_the_formulas_by_hand() -> None:
    """c = 1: rho. c = 3, a = 2.1: (9.261/6)/0.3 = 5.145; 1 + 2.1 + 2.205 = 5.305; 5.145 / 10.45 = 0.49234."""
    assert erlang_c(1).delayed == pytest.approx(0.7)
    assert erlang_c(1).wait_s == pytest.approx(1400.0)  # rho / (mu - lambda) = 0.7 / 0.3 services
    assert erlang_c(3).delayed == pytest.approx(0.492344, abs=1e-6)
    assert pollaczek_khinchine(SERVICE_S**2).wait_s == pytest.approx(erlang_c(1).wait_s)
    # One person, two places, a = 1: 0, 1 or 2 are there equally often; half of those let in wait one service.
    assert astuple(with_capacity(1, 1.0, 2)) == pytest.approx((1 / 2, 300.0, 1 / 3))
    # No place to wait, a = 2, c = 2: Erlang's loss formula, (4 / 2) / (1 + 2 + 2).
    assert with_capacity(2, 1.0, 2).lost == pytest.approx(2 / 5)
    assert with_capacity(3, LOAD, 400).wait_s == pytest.approx(erlang_c(3).wait_s)  # places without end
    # Patience as long as a service, one person, a = 1: everybody leaves at one rate, so n is Poisson with mean 1;
    # Lq = E[n] - P(n > 0) = 1/e.
    assert astuple(erlang_a(1, 1.0, SERVICE_S)) == pytest.approx((1 - math.exp(-1), SERVICE_S / math.e, 1 / math.e))
    # One person, loads 0.3 and 0.5: W_0 = 0.8 services; 0.8 / 0.7, 0.8 / (0.7 x 0.2).
    assert cobham(1, [0.3, 0.5]) == pytest.approx([0.8 / 0.7 * SERVICE_S, 0.8 / 0.14 * SERVICE_S])
    # The order changes who waits, not how long all wait together (Kleinrock's conservation law, equal services).
    waits = cobham(2, [0.2, 0.2, 0.3])
    assert np.dot(waits, [2 / 7, 2 / 7, 3 / 7]) == pytest.approx(erlang_c(2).wait_s)


# -- the stand-in ------------------------------------------------------------------------------------------------------


class Log(ArmLog):
    """Keeps the tickets beside what became of them."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets: list[Ticket] = []

    def stay(self, alert: int, desk: int, ticket: Ticket, *rest: Any) -> None:
        self.tickets.append(ticket)
        super().stay(alert, desk, ticket, *rest)


class Sim:
    """What a queue asks of an arm: alerts come at given times, on conversations that end at given times."""

    def __init__(self, seed: int, queue: Queue, failures: Failures | None = None) -> None:
        self.env = simpy.Environment()
        self.log = Log()
        self.arm = SimpleNamespace(queues={"desk": queue}, failures=failures)
        period = SimpleNamespace(start=MONDAY)
        self.model = SimpleNamespace(scenario=SimpleNamespace(scale=1.0, period=period))
        self.ends: list[float] = []
        self.seed = seed
        self.queue = ReviewQueue(self, "desk", 0, QueueGiven(math.inf, lambda risk: risk))  # type: ignore[arg-type]

    def act(self, actions: Sequence[str], case: Case, *, handed_over: bool = False) -> None:
        """Nothing follows."""

    def ended_s(self, case: Case) -> float:
        return self.ends[case.row]

    def run(
        self, times: Floats, *, risks: Floats | None = None, ends: Floats | None = None, until: float = math.inf
    ) -> Sim:
        draws = Draws(self.seed, np.arange(len(times), dtype=np.uint64))
        self.ends = [math.inf] * len(times) if ends is None else ends.tolist()
        risk = np.ones(len(times)) if risks is None else risks

        def source() -> Iterator[Any]:
            for row, time in enumerate(times.tolist()):
                if time > self.env.now:
                    yield self.env.timeout(time - self.env.now)
                self.log.alert(row, time, True, risk[row])
                self.queue.enter(Case(row, row, True, 0, 0, 0, row, float(risk[row]), 1.0, draws))

        self.env.process(source())  # type: ignore[arg-type]
        self.env.run(until=min(until, float(times[-1]) + 500 * DAY_S))
        self.queue.close()
        return self

    def column(self, name: str) -> Floats:
        """A column of the stays, in order of arrival."""
        order = np.argsort(self.log.stay_alert, kind="stable")
        return np.asarray(np.array(getattr(self.log, f"stay_{name}"))[order])


def queue(staff: int, **changes: Any) -> Queue:
    """Round the clock, but for one moment of each day at which everything goes on; exponential services."""
    service = changes.pop("service", {"kind": "exponential", "mean": "10min"})
    tier = ASSUMED | {"service": service, "sensitivity": 1.0, "specificity": 1.0}
    shifts = [{"begins": "0h", "ends": "24h", "staff": staff}]
    return Queue.model_validate(ASSUMED | {"tiers": {"any": tier}, "shifts": shifts, "expires": "9999d"} | changes)


def draws_of(name: str, seed: int, mean: float, customers: int = CUSTOMERS) -> Floats:
    return np.asarray(Exponential(mean).quantile(uniform(seed, f"test.{name}", np.arange(customers))))


def arrivals(seed: int, staff: int, load: float = LOAD) -> Floats:
    """Poisson arrivals that keep ``staff`` people busy for ``load`` of their time."""
    return np.cumsum(draws_of("arrivals", seed, SERVICE_S / (load * staff)))


def waits(sim: Sim) -> Floats:
    """Time to the first claim, or until an alert was lost; in order of arrival."""
    started, ended = sim.column("started_s"), sim.column("ended_s")
    return np.asarray(np.where(np.isnan(started), ended, started) - sim.column("entered_s"))


def agrees(means: Sequence[float], theory: float, tight: float = 0.06) -> None:
    """``means``: one of each replication. ``tight``: standard error against theory at most, or nothing is shown."""
    error = float(np.std(means, ddof=1)) / math.sqrt(len(means))
    assert np.mean(means) == pytest.approx(theory, abs=4 * error)
    assert error < tight * theory


# -- against the theory ------------------------------------------------------------------------------------------------

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
def test_waits_first_come_first_served(staff: int, service: dict[str, Any], expected: Expected) -> None:
    steady = [
        waits(Sim(seed, queue(staff, service=service)).run(arrivals(seed, staff)))[WARM_UP:]
        for seed in range(REPLICATIONS)
    ]
    agrees([float(one.mean()) for one in steady], expected.wait_s, tight=0.07)
    agrees([float((one > 1e-6).mean()) for one in steady], expected.delayed)


@pytest.mark.parametrize(("staff", "places"), [(1, 3), (3, 5), (2, 2)])
def test_places_without_end_and_few_of_them(staff: int, places: int) -> None:
    """M/M/c/K, as many alerts coming as could just be read."""
    expected = with_capacity(staff, 1.0, places)
    lost, wait = [], []
    for seed in range(REPLICATIONS):
        sim = Sim(seed, queue(staff, capacity=places)).run(arrivals(seed, staff, 1.0))
        turned_away = np.isnan(sim.column("started_s"))[WARM_UP:]
        lost.append(float(turned_away.mean()))
        wait.append(float(waits(sim)[WARM_UP:][~turned_away].mean()))
    agrees(lost, expected.lost)
    if places > staff:
        agrees(wait, expected.wait_s)
    else:
        assert max(wait) == 0.0


@pytest.mark.parametrize(("staff", "load", "patience_s"), [(1, 0.9, 600.0), (3, 1.2, 900.0)])
def test_conversations_that_end_before_anybody_reads(staff: int, load: float, patience_s: float) -> None:
    """M/M/c+M: conversations end after an exponential time; the second desk could not keep up with all."""
    expected = erlang_a(staff, load, patience_s)
    lost, wait, delayed = [], [], []
    for seed in range(REPLICATIONS):
        times = arrivals(seed, staff, load)
        sim = Sim(seed, queue(staff, drop_when_ended=True))
        sim.run(times, ends=times + draws_of("patience", seed, patience_s))
        steady = waits(sim)[WARM_UP:]
        lost.append(float(np.isnan(sim.column("started_s"))[WARM_UP:].mean()))
        wait.append(float(steady.mean()))
        delayed.append(float((steady > 1e-6).mean()))
    agrees(lost, expected.lost)
    agrees(wait, expected.wait_s)
    agrees(delayed, expected.delayed)


@pytest.mark.parametrize(
    ("staff", "loads"), [(1, [0.3, 0.45]), (1, [0.2, 0.2, 0.3]), (3, [0.4, 0.35])], ids=["two", "three", "three staff"]
)
def test_who_is_at_greater_risk_goes_first(staff: int, loads: list[float]) -> None:
    """Non-preemptive priority by score: as many risks as classes."""
    by_class: list[list[float]] = [[] for _ in loads]
    for seed in range(REPLICATIONS):
        share = uniform(seed, "test.class", np.arange(CUSTOMERS))
        class_ = np.searchsorted(np.cumsum(loads) / sum(loads), share)
        sim = Sim(seed, queue(staff, priority="score")).run(arrivals(seed, staff, sum(loads)), risks=1.0 - class_ / 4)
        wait = waits(sim)
        for number, means in enumerate(by_class):
            means.append(float(wait[WARM_UP:][class_[WARM_UP:] == number].mean()))
    for means, theory in zip(by_class, cobham(staff, loads), strict=True):
        agrees(means, theory, tight=0.12)


def test_ageing_at_once_is_first_come_first_served() -> None:
    """With ageing 0s everything has waited long enough to go before everything younger: M/M/1, whatever the risks."""
    aged = {"priority": "score", "ageing": "0s"}
    means = []
    for seed in range(REPLICATIONS):
        times, risks = arrivals(seed, 1), uniform(seed, "test.risks", np.arange(CUSTOMERS))
        wait = waits(Sim(seed, queue(1, **aged)).run(times, risks=risks))
        if seed == 0:
            assert wait.tolist() == waits(Sim(seed, queue(1)).run(times, risks=risks)).tolist()
            assert wait.tolist() != waits(Sim(seed, queue(1, priority="score")).run(times, risks=risks)).tolist()
        means.append(float(wait[WARM_UP:].mean()))
    agrees(means, erlang_c(1).wait_s, tight=0.07)


# -- Little's law, on every path ---------------------------------------------------------------------------------------

SHIFTS = st.fixed_dictionaries(
    {
        "begins": st.integers(0, 23).map("{}h".format),
        "ends": st.integers(0, 24).map("{}h".format),
        "staff": st.integers(1, 3),
        "days": st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True),
    }
)
SERVICES = st.sampled_from(
    [{"kind": "exponential", "mean": "5h"}, {"kind": "constant", "value": "2h"}, LOGNORMAL | {"median": "3h"}]
)
QUEUES = st.fixed_dictionaries(
    {
        "service": SERVICES,
        "shifts": st.lists(SHIFTS, min_size=1, max_size=3),
        "priority": st.sampled_from(["first_come", "score", "value_of_time"]),
        "expires": st.sampled_from(["3h", "20h", "300d"]),
        "ageing": st.sampled_from([None, "0s", "8h"]),
        "capacity": st.sampled_from([None, 4]),
        "claim": st.sampled_from([None, ASSUMED | {"stalls": 0.5, "expires": "90min"}]),
        "drop_when_ended": st.booleans(),
        "second_review": st.sampled_from([None, {"of": "all", "share": 0.5}]),
    }
)
UNSEEN = Failures.model_validate(
    ASSUMED | {"lock_expires_unseen": 0.3, "restamped_late": {"share": 0.4, "delay": "5h"}, "owner_missing": 0.1}
)
ALERTS = st.lists(st.tuples(st.integers(0, 150), st.integers(1, 5), st.integers(0, 60)), min_size=1, max_size=25)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(QUEUES, ALERTS, st.booleans(), st.integers(0, 3))
def test_little_s_law(changes: dict[str, Any], alerts: list[tuple[int, int, int]], fails: bool, seed: int) -> None:
    """Little 1961, as an identity of one path: the area under the number waiting is the sum of all waits.

    The area comes from the counts of the desk, the waits from its tickets, and from the log: whoever is not waiting is
    in hand or locked.
    """
    hours = np.array(sorted(alerts), float)
    times, until = hours[:, 0] * 3600.0, 240 * 3600.0
    sim = Sim(seed, queue(1, **changes), UNSEEN if fails else None)
    sim.run(times, risks=hours[:, 1] / 5, ends=times + hours[:, 2] * 3600.0, until=until)
    tickets = sim.log.tickets
    assert sorted(ticket.subject.alert for ticket in tickets) == list(range(len(times)))
    still = [until - one.waiting_since if one.waiting_since < math.inf else 0.0 for one in tickets]
    every = [one.waited_s + more for one, more in zip(tickets, still, strict=True)]
    assert sim.log.numbers[0].waited_s == pytest.approx(math.fsum(every), rel=1e-9, abs=1e-6)
    ended = np.nan_to_num(np.array(sim.log.stay_ended_s), nan=until)
    stay = ended - np.array(sim.log.stay_entered_s)
    locked = stay - np.array(every) - np.array(sim.log.stay_worked_s)
    if changes["claim"] is None:
        assert locked == pytest.approx(0.0, abs=1e-5)
    else:
        assert (locked > -1e-5).all()
        assert (locked <= 5400.0 * np.array(sim.log.stay_claims) + 1e-5).all()
