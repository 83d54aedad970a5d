"""The same network of queues run here and in Ciw (Palmer, Knight, Harper & Hawa 2019, Journal of Simulation 13(1)).

Two desks in sequence, a platform's and then a hotline's for what it confirms, with two classes of which one goes before
the other, nobody interrupted; and M/M/c by itself. Ciw is an independent program, so this also covers what no closed
form does: the waits at the second desk, whose arrivals come off a priority queue. Both begin empty and stop at the same
time, so they agree in law from the first customer on; each draws its own numbers.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ciw
import numpy as np
import pytest
import simpy

from simharness.response.desk import Desk, Group, Host, Ticket
from simharness.scenario.queues import Shift

Means = dict[tuple[str, str], float]  # (what, where and who)
REPLICATIONS = 24
UNTIL, COUNTED = 750.0, 650.0  # services; waits are of those who came before COUNTED, all of whom are served


@dataclass(frozen=True, slots=True)
class Network:
    """Rates a unit of time. Class 0 goes before class 1; both take equally long."""

    arrivals: tuple[float, float]
    staff: tuple[int, int]
    service: tuple[float, float]  # mean at each station
    confirmed: float  # share that goes on to the second


NETWORK = Network((0.6, 1.4), (3, 1), (1.0, 0.8), 0.4)
ALONE = Network((2.1, 0.0), (3, 1), (1.0, 1.0), 0.0)  # M/M/3
ALWAYS = Shift.model_validate({"begins": "0h", "ends": "24h", "staff": 1})


# -- here --------------------------------------------------------------------------------------------------------------


class Station(Host):
    """The host of one desk: passes a share on, and notes waits by class."""

    def __init__(self, env: simpy.Environment, rng: np.random.Generator, staff: int, mean: float) -> None:
        self.desk = Desk(env, [(ALWAYS, staff, 0)], [True], self)
        self.env, self.rng, self.mean = env, rng, mean
        self.next: tuple[Station, float] | None = None
        self.tickets: list[Ticket] = []

    def enter(self, class_: int) -> None:
        ticket = Ticket(class_, (float(class_), self.env.now), self.env.now)
        self.tickets.append(ticket)
        self.desk.put(ticket)

    def effort(self, ticket: Ticket, group: Group) -> float:
        return float(self.rng.exponential(self.mean))

    def finished(self, ticket: Ticket, group: Group) -> None:
        if self.next is not None and self.rng.random() < self.next[1]:
            self.next[0].enter(ticket.subject)


def here(network: Network, seed: int) -> Means:
    env, rng = simpy.Environment(), np.random.default_rng(seed)
    stations = [Station(env, rng, *each) for each in zip(network.staff, network.service, strict=True)]
    stations[0].next = stations[1], network.confirmed

    def source(class_: int, rate: float) -> Iterator[Any]:
        while True:
            yield env.timeout(rng.exponential(1 / rate))
            stations[0].enter(class_)

    for class_, rate in enumerate(network.arrivals):
        if rate:
            env.process(source(class_, rate))  # type: ignore[arg-type]
    env.run(until=UNTIL)
    means: Means = {}
    for place, station in enumerate(stations):
        in_hand = sum(UNTIL - ticket.claimed_s for group in station.desk.groups for ticket in group.in_hand)
        worked = sum(ticket.worked_s for ticket in station.tickets) + in_hand
        means["used", f"station {place}"] = worked / (network.staff[place] * UNTIL)
        waits = defaultdict(list)
        for ticket in station.tickets:
            if ticket.entered_s < COUNTED:
                waits[ticket.subject].append(ticket.waited_s)
        means |= {("wait", f"station {place}, class {one}"): float(np.mean(each)) for one, each in waits.items()}
    return means


# -- there -------------------------------------------------------------------------------------------------------------


def in_ciw(network: Network, seed: int) -> Means:
    ciw.seed(seed)
    exponential = ciw.dists.Exponential
    names = [f"class {place}" for place in range(2)]
    services = [exponential(1 / mean) for mean in network.service]
    simulation = ciw.Simulation(
        ciw.create_network(
            arrival_distributions={
                name: [exponential(rate) if rate else None, None]
                for name, rate in zip(names, network.arrivals, strict=True)
            },
            service_distributions={name: services for name in names},
            number_of_servers=list(network.staff),
            routing={name: [[0.0, network.confirmed], [0.0, 0.0]] for name in names},
            priority_classes={name: place for place, name in enumerate(names)},
        )
    )
    simulation.simulate_until_max_time(UNTIL)
    waits = defaultdict(list)
    for record in simulation.get_all_records():
        if record.arrival_date < COUNTED:
            waits[f"station {record.node - 1}, {record.customer_class}"].append(record.waiting_time)
    means: Means = {("wait", where): float(np.mean(each)) for where, each in waits.items()}
    for place, node in enumerate(simulation.transitive_nodes):
        means["used", f"station {place}"] = node.server_utilisation
    return means


# -- together ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("network", "known"), [(ALONE, 3), (NETWORK, 6)], ids=["M/M/3", "two desks, two classes"])
def test_the_same_network_in_ciw(network: Network, known: int) -> None:
    """Means of replications agree within four standard errors of their difference, which are small enough to tell."""
    ours = [here(network, seed) for seed in range(REPLICATIONS)]
    theirs = [in_ciw(network, seed) for seed in range(REPLICATIONS)]
    assert ours[0].keys() == theirs[0].keys() and len(ours[0]) == known
    for what in ours[0]:
        one, other = (np.array([means[what] for means in all_means]) for all_means in (ours, theirs))
        error = math.sqrt((one.var(ddof=1) + other.var(ddof=1)) / REPLICATIONS)
        assert one.mean() == pytest.approx(other.mean(), abs=4 * error), what
        assert error <= 0.12 * other.mean(), what
