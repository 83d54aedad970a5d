"""What an arm has changed so far: cut, moved or never made. One row per grooming conversation.

Actions change the future by three exact rules. *Truncate*: what lies after the cut does not happen. *Suppress*: the
contact is never made. *Move*: what has not happened yet happens later by a shift, on another platform that has seen
none of the past.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simharness.records import LADDER, Truth
from simharness.world.clock import Clock
from simharness.world.contacts import Contacts

COLUMNS = (*LADDER, "reported", "closed")
OFFENCE, REPEAT, MEETING, CONTACT, REPORTED, CLOSED = range(len(COLUMNS))
NEVER_MADE = -np.inf  # the cut of a contact that is never made
INSTANT_S = 1e-6  # far above the rounding of a time turned into another clock, far below the gap between two messages


@dataclass(slots=True)
class ArmState:
    """Mutable, of one arm of one replication. Times in wall seconds unless said otherwise."""

    clock: Clock
    contacts: Contacts
    start: NDArray[np.float64]
    waking: NDArray[np.float64]  # (n, columns): events on the arm's waking clock
    wall: NDArray[np.float64]  # the same in wall seconds
    cut: NDArray[np.float64]
    platform: NDArray[np.uint8]
    shift: NDArray[np.float64]  # waking seconds by which the rest of a moved conversation is late
    moves: NDArray[np.int32]  # doubles as the generation of a conversation's pending events
    told: NDArray[np.float64]  # natural course, waking: messages up to here came before the last move; -inf: not moved
    recorded: NDArray[np.float64]
    rows_of: dict[int, NDArray[np.int64]]  # offender -> rows of all its contacts

    def happened(self, row: int, column: int, now: float) -> bool:
        """Whether an event has taken place by now: it was due and nothing had prevented it."""
        due = self.wall[row, column]
        return bool(due <= now and due < self.cut[row])

    def active(self, row: int, now: float) -> bool:
        """Whether messages are still being exchanged."""
        return bool(self.start[row] <= now < self.cut[row] and now < self.wall[row, CLOSED])

    def truncate(self, row: int, now: float) -> None:
        """Nothing of this conversation, nor what would follow from it, happens from now on."""
        self.cut[row] = min(self.cut[row], now if self.start[row] <= now else NEVER_MADE)

    def suppress(self, row: int) -> None:
        """The contact is never made."""
        self.cut[row] = NEVER_MADE

    def move(self, row: int, now: float, delay_s: float, platform: int) -> None:
        """Carry the rest of an active conversation on elsewhere after a break (wall seconds)."""
        late = self.clock.waking_span(delay_s)
        pending = self.wall[row] > now + INSTANT_S  # what happens at this very moment has happened
        # A second move may fall in the break of the first, when no message has been exchanged since.
        self.told[row] = max(self.told[row], self.clock.waking(now) - self.shift[row] + INSTANT_S)
        self.waking[row, pending] += late
        self.wall[row] = self.clock.wall(self.waking[row])
        self.shift[row] += late
        self.platform[row] = platform
        self.moves[row] += 1

    def outcomes(self, horizon_s: float) -> NDArray[np.float64]:
        """Times of the ladder's events as they came to be, shape (n, rungs); inf: not in the period."""
        due = self.wall[:, : len(LADDER)]
        return np.where((due < self.cut[:, None]) & (due < horizon_s), due, np.inf)


def new_state(clock: Clock, contacts: Contacts, truth: Truth) -> ArmState:
    """The natural course, nothing changed yet."""
    n = len(contacts)
    waking = np.column_stack([getattr(truth, column) for column in COLUMNS])
    order = np.argsort(contacts.initiator, kind="stable")
    offenders, first = np.unique(contacts.initiator[order], return_index=True)
    # What lies before the first offender is empty, and all there is in a world without offenders.
    rows_of = dict(zip(offenders.tolist(), np.split(order, first)[1:], strict=True))
    return ArmState(
        clock,
        contacts,
        clock.wall(contacts.start),
        waking,
        clock.wall(waking),
        np.full(n, np.inf),
        contacts.platform.copy(),
        np.zeros(n),
        np.zeros(n, np.int32),
        np.full(n, -np.inf),
        np.full(n, np.inf),
        rows_of,
    )
