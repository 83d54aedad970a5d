"""A scenario's worlds as lines of JSON, one message each, for a live pipeline; what each line has is in docs/stream.md.

A line never holds the truth, but for ``label`` in the part made for training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simharness.detection.training import (
    benign_sample,
    benign_share,
    calibration_world,
    grooming_sample,
    sample_contacts,
    training_world,
)
from simharness.errors import UsageError
from simharness.outcomes.cell import replication_seed
from simharness.records import EventBatch
from simharness.scenario.model import Scenario
from simharness.scenario.tree import did_you_mean
from simharness.world.contacts import Contacts, conversation_keys
from simharness.world.events import DEFAULT_EVENTS, event_batches
from simharness.world.generate import World
from simharness.world.model import WorldModel

SCHEMA = "simharness.event/1"
ACTION = "message_sent"  # the action's name in the Osprey envelope
SENDERS = ("initiator", "recipient")
TRAINING, CALIBRATION, REPLICATION, ALL = "training", "calibration", "replication-", "all"
SUBSTITUTES = "-substitutes"  # after a replication's name: a part of its own, whose times begin again

Envelope = Literal["plain", "osprey"]


@dataclass(frozen=True, slots=True)
class Part:
    """Conversations that are streamed together, in order of time. ``grooming``: keys, where lines are labelled."""

    name: str
    world: World
    contacts: list[Contacts]
    share: float
    grooming: frozenset[int] | None = None


class Lines(NamedTuple):
    """Some lines, each with its line end, and the wall seconds since the period's first midnight they are due at."""

    part: str
    time_s: NDArray[np.float64]
    lines: list[str]


def part_names(scenario: Scenario, asked: Sequence[str]) -> list[str]:
    """The parts asked for, each once and in that order; ``all`` is what a run needs verdicts on: calibration, then
    every replication. Raises UsageError.
    """
    replications = [f"{REPLICATION}{number}" for number in range(scenario.replications * scenario.nations)]
    known = [TRAINING, CALIBRATION, *replications]
    names: dict[str, None] = {}
    for name in asked:
        if name not in known and name != ALL:
            allowed = f"{TRAINING}, {CALIBRATION}, {replications[0]} to {replications[-1]}, or {ALL}"
            raise UsageError(f"--part {name}", "no such part", allowed=allowed, hint=did_you_mean(name, [*known, ALL]))
        names |= dict.fromkeys(known[1:] if name == ALL else [name])
    return list(names)


def parts(model: WorldModel, names: Sequence[str]) -> Iterator[Part]:
    """The parts of these names, each made when it is its turn; a replication is followed by its substitutes."""
    for name in names:
        if name == TRAINING:
            yield _training(model)
        elif name == CALIBRATION:
            yield _calibration(model)
        else:
            yield from _replication(model, name)


def stream(
    model: WorldModel, names: Sequence[str], envelope: Envelope = "plain", size: int = DEFAULT_EVENTS
) -> Iterator[Lines]:
    """Lines of the parts of these names, at most ``size`` at a time; ``event`` counts through them all from 1."""
    done = 0
    for part in parts(model, names):
        encoder = Encoder(model, part, envelope)
        for batch in event_batches(part.world, part.contacts, size, part.share):
            yield encoder.lines(batch, done + 1)
            done += len(batch)


class Encoder:
    """Writes events as lines: what is the same for a part, a conversation or a text is written once and looked up."""

    def __init__(self, model: WorldModel, part: Part, envelope: Envelope) -> None:
        self.part = part.name
        self.grooming = part.grooming
        self.platforms = [json.dumps(name) for name in model.platforms]
        self.start = np.datetime64(model.scenario.period.start, "ms")
        texts = model.phrasebooks[part.world.edition].texts
        self.tails = [f',"from":"{who}","text":{json.dumps(text)}' for text in texts for who in SENDERS]
        self.wrap = _osprey if envelope == "osprey" else _plain
        self.head = f'{{"schema":"{SCHEMA}","synthetic":true,"part":{json.dumps(part.name)},"event":'
        self.conversations: dict[int, str] = {}  # about 250 bytes for each conversation of the part

    def lines(self, batch: EventBatch, first: int) -> Lines:
        """The lines of a batch, whose first event has the number ``first``."""
        self._meet(batch)
        milliseconds = np.rint(batch.time_s * 1000.0).astype(np.int64)
        columns = zip(
            range(first, first + len(batch)),
            np.datetime_as_string(self.start + milliseconds.astype("timedelta64[ms]")).tolist(),
            (milliseconds / 1000.0).tolist(),
            batch.number.tolist(),
            map(self.conversations.__getitem__, batch.conversation.tolist()),
            map(self.tails.__getitem__, batch.symbol.tolist()),
            strict=True,
        )
        return Lines(self.part, batch.time_s, self.wrap(self.head, columns))

    def _meet(self, batch: EventBatch) -> None:
        """Write down what is the same in all lines of every conversation that is new."""
        keys, rows = np.unique(batch.conversation, return_index=True)
        for key, row in zip(keys.tolist(), rows.tolist(), strict=True):
            if key in self.conversations:
                continue
            label = "" if self.grooming is None else f',"label":{json.dumps(key in self.grooming)}'
            self.conversations[key] = (
                f',"conversation":{key},"platform":{self.platforms[batch.platform[row]]},'
                f'"account":{batch.account[row]},"recipient":{batch.child[row]},'
                f'"declared_adult":{json.dumps(bool(batch.declared_adult[row]))}{label}'
            )


_Columns = Iterator[tuple[int, str, float, int, str, str]]  # event, at, time_s, message, conversation, text


def _plain(head: str, columns: _Columns) -> list[str]:
    return [
        f'{head}{event},"at":"{at}Z","time_s":{time},"message":{number}{conversation}{tail}}}\n'
        for event, at, time, number, conversation, tail in columns
    ]


def _osprey(head: str, columns: _Columns) -> list[str]:
    """As ROOST Osprey's worker reads actions from a Kafka topic: send_time, and data with the action in it."""
    before = f'"action_name":"{ACTION}","data":{head}'
    return [
        f'{{"send_time":"{at}Z","data":{{"action_id":{event},{before}'
        f'{event},"at":"{at}Z","time_s":{time},"message":{number}{conversation}{tail}}}}}}}\n'
        for event, at, time, number, conversation, tail in columns
    ]


def _training(model: WorldModel) -> Part:
    """The conversations of ``training_set``."""
    world, sizes = training_world(model), model.scenario.training
    positive, negative = sample_contacts(world, sizes.grooming, sizes.benign)
    grooming = conversation_keys(world.seed, positive.conversation)
    share = benign_share(model, sizes.benign)
    return Part(TRAINING, world, [positive, negative], share, frozenset(grooming.tolist()))


def _calibration(model: WorldModel) -> Part:
    """The conversations of ``calibrate_levels``: grooming ones are there only where an arm needs to know the past."""
    world, sizes = calibration_world(model), model.scenario.training
    contacts = [benign_sample(world, sizes.calibration)]
    if any(arm.values_time for arm in model.scenario.arms.values()):
        contacts.append(grooming_sample(world, sizes.grooming))
    return Part(CALIBRATION, world, contacts, benign_share(model, sizes.calibration))


def _replication(model: WorldModel, name: str) -> Iterator[Part]:
    """The conversations of ``run_cell``: those that are made if nobody acts, then those that may take their place."""
    scenario = model.scenario
    world = World(model, replication_seed(scenario, int(name.removeprefix(REPLICATION))))
    planned, share = world.grooming_contacts(), scenario.sampling.benign_fraction
    yield Part(name, world, [planned, *world.benign_contacts()], share)
    substitution = scenario.response.reactions.substitution
    if substitution:
        links = [world.substitute_contacts(planned, link) for link in range(1, substitution.links + 1)]
        yield Part(name + SUBSTITUTES, world, links, share)
