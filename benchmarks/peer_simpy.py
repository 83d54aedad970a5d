"""The peer: the same conversations in plain SimPy, as a competent user would write them in an afternoon.

One process a conversation, one timeout a message, one ``random.Random`` a conversation. It is given the conversations
and the flagship's chains, emissions, phrases, gaps, lexicon scores, half-life and alert level as lists, so a message is
the same work; it draws from its own generators, so the two sides agree in distribution and not message by message.
It is no straw man: weights are summed and texts scored beforehand, and nothing is logged.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from simharness.detection.scoring import Scorer
from simharness.world.contacts import Contacts
from simharness.world.model import WorldModel
from simharness.world.natural import disclosure

ENDED = -1
Steps = Generator[simpy.Event, Any, None]
Choice = tuple[list[float], list[int]]  # cumulative probabilities (the last is 1) and what they choose


class Row(NamedTuple):
    """One conversation to walk. Times in waking seconds; inf: never."""

    number: int
    grooming: bool
    chain: int
    regime: int
    start: float
    tells_at_hazard: float  # cumulative hazard at which the child tells an adult
    notices_at: float  # another adult notices
    ends: bool  # the adult who knows ends it


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything the peer needs, as plain Python values."""

    seed: int
    horizon: float
    rows: list[Row]  # in order of start
    starts: list[Choice]  # chain -> first state
    steps: list[Choice]  # state -> next state, or ENDED
    emits: list[Choice]  # state -> act * 2 + sender
    phrases: list[tuple[int, int]]  # act -> first phrase and how many
    gaps: list[list[float]]  # regime -> equally likely gaps
    hazards: list[float]  # state -> hazard of telling per waking second
    offence: int  # act * 2 + sender of the offence
    scores: list[float]  # phrase * 2 + sender -> score
    keep: float  # weight of the past in the running risk
    level: float


@dataclass(slots=True)
class Counts:
    """What one walk over a workload came to; either side's."""

    messages: int = 0
    offences: int = 0
    grooming_alerts: int = 0
    harmless_alerts: int = 0


class Peer:
    """A simulation of one workload; :meth:`run` it once."""

    def __init__(self, work: Workload) -> None:
        self.env = simpy.Environment()
        self.work = work
        self.counts = Counts()

    def run(self) -> Counts:
        self.env.process(self.arrivals())
        self.env.run(until=self.work.horizon)
        return self.counts

    def arrivals(self) -> Steps:
        # Started as they come: with all of them waiting from the outset, the longer event list cost another tenth.
        for row in self.work.rows:
            yield self.env.timeout(max(0.0, row.start - self.env.now))
            self.env.process(self.conversation(row))

    def conversation(self, row: Row) -> Steps:
        env, work, counts = self.env, self.work, self.counts
        draw = random.Random(work.seed << 64 | row.number).random
        gaps, hazards, left = work.gaps[row.regime], work.hazards, row.tells_at_hazard
        stop = row.notices_at if row.ends else inf
        keep, add = work.keep, 1.0 - work.keep
        risk, alerted, offended = 0.0, False, False
        cumulative, states = work.starts[row.chain]
        state = states[bisect(cumulative, draw())]
        while env.now <= stop:
            cumulative, symbols = work.emits[state]
            act_sender = symbols[bisect(cumulative, draw())]
            first, count = work.phrases[act_sender >> 1]
            phrase = first + int(draw() * count)
            counts.messages += 1
            if act_sender == work.offence and not offended:
                offended = True
                counts.offences += 1
            risk = keep * risk + add * work.scores[phrase * 2 + (act_sender & 1)]
            if risk >= work.level and not alerted:
                alerted = True
                if row.grooming:
                    counts.grooming_alerts += 1
                else:
                    counts.harmless_alerts += 1
            hazard = hazards[state]
            cumulative, states = work.steps[state]
            state = states[bisect(cumulative, draw())]
            if state == ENDED:
                return
            gap = gaps[int(draw() * len(gaps))]
            spent = hazard * gap
            if spent >= left:  # told within this gap
                if row.ends:
                    stop = min(stop, env.now + left / hazard)
                left = inf
            left -= spent
            yield env.timeout(gap)


def workload(model: WorldModel, seed: int, contacts: list[Contacts], scorer: Scorer, level: float) -> Workload:
    """The given conversations of a world and one detector of single messages, spelled out for the peer."""
    grammar, book = model.grammar, model.phrasebooks["use"]
    assert scorer.table is not None and scorer.aggregator.kind == "ewma"
    states = grammar.step.shape[0]
    targets = [*range(states), *[ENDED] * grammar.ending.shape[1]]
    emissions = [_choice(row, list(range(row.size))) for row in grammar.emit]
    return Workload(
        seed,
        model.horizon,
        sorted((row for part in contacts for row in _rows(model, seed, part)), key=lambda row: row.start),
        [_choice(row, list(range(states))) for row in grammar.start],
        [_choice(row, targets) for row in np.hstack([grammar.step, grammar.ending])],
        [emissions[number] for number in grammar.tables.emission],
        list(zip(book.first.tolist(), book.count.tolist(), strict=True)),
        grammar.tables.gaps.tolist(),
        model.rules.hazard[grammar.tables.stage].tolist(),
        model.rules.sexual * 2,
        scorer.table.tolist(),
        0.5 ** (1.0 / scorer.aggregator.half_life),
        # The product adds in single precision: without this slack a risk equal to the level could miss it here.
        level * (1.0 - 1e-6),
    )


def _choice(weights: NDArray[np.float64], outcomes: list[int]) -> Choice:
    some = np.flatnonzero(weights)
    cumulative = np.cumsum(weights[some]) / weights[some].sum()
    cumulative[-1] = 1.0
    return cumulative.tolist(), [outcomes[number] for number in some]


def _rows(model: WorldModel, seed: int, contacts: Contacts) -> Iterator[Row]:
    course = model.scenario.world.natural_course
    known = disclosure(seed, contacts, course, model.clock)
    columns: list[NDArray[Any]] = [
        contacts.conversation,
        contacts.initiator >= 0,
        contacts.kind,
        contacts.regime,
        contacts.start,
        known.tells_at_hazard,
        known.notices_at,
        known.ends,
    ]
    return (Row(*values) for values in zip(*(column.tolist() for column in columns), strict=True))
