"""A trajectory as readers get it: acts become phrases by a fixed rule, steps become messages, others run beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from simharness.detection.rows import events_of
from simharness.errors import UsageError
from simharness.hunt.records import Step, Trajectory
from simharness.records import ConversationBatch, EventBatch
from simharness.world.acts import ACT_INDEX, ACTS
from simharness.world.clock import Clock
from simharness.world.grammar import CHILD, INITIATOR
from simharness.world.phrasebook import Phrasebook

SENDERS = {"initiator": INITIATOR, "child": CHILD}
HARM = ("sexual", "initiator")  # what the message kernel counts as an offence
BESIDE_S = 600.0  # between the beginnings of two conversations that run side by side
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """The messages of a trajectory and of those beside it; the conversation looked at is the last of ``batch``.

    ``batch.time_s`` is in waking seconds. ``platform``: number of the platform each message is sent on, shape
    (messages,); ``batch.platform`` has those the conversations begin on.
    """

    batch: ConversationBatch
    platform: NDArray[np.uint8]

    @property
    def looked_at(self) -> slice:
        """Messages of the conversation looked at."""
        return slice(int(self.batch.begin[-1]), int(self.batch.end[-1]))

    def events(self, clock: Clock) -> tuple[EventBatch, NDArray[np.int64]]:
        """All messages as a stream, in order of time, and which message of the batch each event is."""
        wall = replace(self.batch, time_s=clock.wall(self.batch.time_s), moved=np.empty(0, np.int64))
        events, order = events_of(wall)
        return replace(events, platform=self.platform[order]), order


def messages_of(trajectory: Trajectory) -> list[Step]:
    """Each message as a step of its own."""
    return [replace(step, times=1) for step in trajectory.steps for _ in range(step.times)]


def harm_of(trajectory: Trajectory) -> int | None:
    """The message (from 1) of the first offence; None: there is none."""
    sent = ((step.act, step.sender) for step in messages_of(trajectory))
    return next((number for number, message in enumerate(sent, 1) if message == HARM), None)


def send(trajectory: Trajectory, book: Phrasebook, here: int, there: int) -> Sent:
    """The messages of a trajectory that begins on platform ``here`` and, if it moves, goes on on platform ``there``.

    Accounts state no adult age and have contacted nobody else. Raises UsageError for one that is none.
    """
    require_sound(trajectory)
    steps, rows = messages_of(trajectory), trajectory.beside + 1
    gaps = np.array([0.0, *(step.gap_s for step in steps[1:])])
    size, begun = len(steps), np.arange(rows, dtype=np.float64) * BESIDE_S
    begin = np.arange(rows, dtype=np.int64) * size
    stays = _messages_before(trajectory)
    platform = np.where(np.arange(size) < stays, here, there).astype(np.uint8)
    batch = ConversationBatch(
        book.texts,
        np.tile(_symbols(steps, book), rows),
        (begun[:, None] + np.cumsum(gaps)).ravel(),
        begin,
        begin + size,
        np.full(rows, here, np.uint8),
        np.zeros(rows, np.bool_),
        np.zeros(rows, np.float32),
        key=np.arange(1, rows + 1, dtype=np.uint64),
        moved=begin + stays if stays < size else np.empty(0, np.int64),
    )
    return Sent(batch, np.tile(platform, rows))


def require_sound(trajectory: Trajectory) -> None:
    """Raise UsageError for a trajectory that cannot be sent."""
    if not trajectory.steps:
        raise UsageError("steps", "a trajectory without a step", allowed="one step or more")
    for number, step in enumerate(trajectory.steps):
        where = f"steps.{number}"
        if step.act not in ACT_INDEX:
            raise UsageError(f"{where}.act", f"unknown act {step.act!r}", allowed=", ".join(ACT_INDEX))
        if step.sender not in SENDERS:
            raise UsageError(f"{where}.sender", f"unknown sender {step.sender!r}", allowed=", ".join(SENDERS))
        if not 0.0 <= step.gap_s < math.inf:
            raise UsageError(f"{where}.gap_s", f"a gap of {step.gap_s} s", allowed="0 s or more")
        if step.times < 1 or (step.times > 1 and not small_talk(step.act)):
            allowed = "1 or more of small talk, 1 of any other act"
            raise UsageError(f"{where}.times", f"{step.act} sent {step.times} times in one step", allowed=allowed)
    if trajectory.moved_at is not None and not 0 < trajectory.moved_at < len(trajectory.steps):
        allowed = f"1 to {len(trajectory.steps) - 1}, or none"
        raise UsageError("moved_at", f"no move at step {trajectory.moved_at}", allowed=allowed)
    if trajectory.beside < 0:
        raise UsageError("beside", f"{trajectory.beside} conversations beside it", allowed="0 or more")


def small_talk(act: str) -> bool:
    """Whether an act is one of everyday talk."""
    return ACTS[ACT_INDEX[act]].kind == "benign"


def _messages_before(trajectory: Trajectory) -> int:
    """How many messages are sent before the move; all where it stays."""
    return sum(step.times for step in trajectory.steps[: trajectory.moved_at])


def _symbols(steps: list[Step], book: Phrasebook) -> NDArray[np.uint16]:
    """Texts and senders. The k-th time an act is used takes its k-th phrase in an order spread over all of them."""
    used: dict[int, int] = {}
    out = np.empty(len(steps), np.uint16)
    for place, step in enumerate(steps):
        act = ACT_INDEX[step.act]
        number = used[act] = used.get(act, -1) + 1
        count = int(book.count[act])
        out[place] = 2 * (int(book.first[act]) + number * _stride(count) % count) + SENDERS[step.sender]
    return out


@cache
def _stride(count: int) -> int:
    """A step near the golden section of ``count`` that comes to every place before it repeats one."""
    return next(step for step in range(max(1, round(count * _GOLDEN)), count + 1) if math.gcd(step, count) == 1)
