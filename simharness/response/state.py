"""What an arm has changed so far: cut, moved, held, hastened or never made. One row per grooming conversation.

Actions change the future by exact rules. *Truncate*: what lies after the cut does not happen. *Suppress*: the contact
is never made. *Postpone*: what has not happened yet happens later, on the same platform or, moved, on another that has
seen none of the past. *Hasten*: what has not happened yet comes sooner, by one factor. Between a conversation's natural
course and the arm lies therefore one straight line at a time: arm = tempo * natural + shift, in waking seconds.
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
    """Mutable, of one arm of one replication. Times in wall seconds unless said otherwise.

    Rows from ``planned`` on are substitutes: contacts that are made only if something brings them about.
    """

    clock: Clock
    contacts: Contacts
    planned: int
    start: NDArray[np.float64]  # inf: a substitute that has not been brought about
    waking: NDArray[np.float64]  # (n, columns): events on the arm's waking clock
    wall: NDArray[np.float64]  # the same in wall seconds
    cut: NDArray[np.float64]
    platform: NDArray[np.uint8]
    tempo: NDArray[np.float64]
    shift: NDArray[np.float64]  # waking seconds
    generation: NDArray[np.int32]  # what was planned for a conversation under another number is void
    moves: NDArray[np.int32]
    told: NDArray[np.float64]  # natural course, waking: messages up to here came before the line last changed
    recorded: NDArray[np.float64]
    rows_of: dict[int, NDArray[np.int64]]  # offender -> rows of all its contacts

    def happened(self, row: int, column: int, now: float) -> bool:
        """Whether an event has taken place by now: it was due and nothing had prevented it."""
        due = self.wall[row, column]
        return bool(due <= now and due < self.cut[row])

    def active(self, row: int, now: float) -> bool:
        """Whether messages are still being exchanged."""
        return bool(self.start[row] <= now < self.cut[row] and now < self.wall[row, CLOSED])

    def natural(self, row: int, now: float) -> float:
        """The place in a conversation's natural course (waking seconds) that the arm has reached."""
        # In the break after a delay the line lies behind what had been exchanged before it.
        return max(float(self.told[row]), self._on_line(row, now))

    def _on_line(self, row: int, now: float) -> float:
        return float((self.clock.waking(now) - self.shift[row]) / self.tempo[row])

    def wall_of(self, row: int, natural: float) -> float:
        """When a message of the natural course (waking seconds) that is still to come will come."""
        return float(self.clock.wall(self.tempo[row] * natural + self.shift[row]))

    def truncate(self, row: int, now: float) -> None:
        """Nothing of this conversation, nor what would follow from it, happens from now on."""
        self.cut[row] = min(self.cut[row], now if self.start[row] <= now else NEVER_MADE)

    def suppress(self, row: int) -> None:
        """The contact is never made."""
        self.cut[row] = NEVER_MADE

    def bring_about(self, row: int, now: float) -> None:
        """A substitute is contacted now: its natural course, told from 0, begins here."""
        begins = self.clock.waking(now)
        self.start[row] = now
        self.waking[row] += begins
        self.wall[row] = self.clock.wall(self.waking[row])
        self.shift[row] = begins

    def postpone(self, row: int, now: float, delay_s: float) -> None:
        """What has not happened yet happens later (wall seconds)."""
        self._reached(row, now)
        late = self.clock.waking_span(delay_s)
        self.waking[row, self._pending(row, now)] += late
        self._changed(row)
        self.shift[row] += late

    def move(self, row: int, now: float, delay_s: float, platform: int) -> None:
        """Carry the rest of an active conversation on after a break, on a platform that has seen none of it."""
        self.postpone(row, now, delay_s)
        self.platform[row] = platform
        self.moves[row] += 1

    def hasten(self, row: int, now: float, tempo: float) -> None:
        """What has not happened yet comes sooner: every gap from now on is shorter by this factor."""
        self._reached(row, now)
        here = self.clock.waking(now)
        pending = self._pending(row, now)
        self.waking[row, pending] = here + tempo * (self.waking[row, pending] - here)
        self._changed(row)
        self.shift[row] = here + tempo * (self.shift[row] - here)
        self.tempo[row] *= tempo

    def _reached(self, row: int, now: float) -> None:
        # A second change may fall in the break of the first, when no message has been exchanged since.
        self.told[row] = max(self.told[row], self._on_line(row, now) + INSTANT_S)

    def _pending(self, row: int, now: float) -> NDArray[np.bool_]:
        return np.asarray(self.wall[row] > now + INSTANT_S)  # what happens at this very moment has happened

    def _changed(self, row: int) -> None:
        self.wall[row] = self.clock.wall(self.waking[row])
        self.generation[row] += 1

    def outcomes(self, horizon_s: float) -> NDArray[np.float64]:
        """Times of the ladder's events as they came to be, shape (n, rungs); inf: not in the period."""
        due = self.wall[:, : len(LADDER)]
        made = np.isfinite(self.start)[:, None]
        return np.where(made & (due < self.cut[:, None]) & (due < horizon_s), due, np.inf)

    def cuts(self) -> NDArray[np.float64]:
        """First protective action on each conversation; -inf: never made though planned; inf: none."""
        return np.where(np.isfinite(self.start) | (np.arange(self.start.size) < self.planned), self.cut, np.inf)


def new_state(clock: Clock, contacts: Contacts, truth: Truth, planned: int) -> ArmState:
    """The natural course, nothing changed yet; rows from ``planned`` on have not been brought about."""
    n = len(contacts)
    waking = np.column_stack([getattr(truth, column) for column in COLUMNS])
    order = np.argsort(contacts.initiator, kind="stable")
    offenders, first = np.unique(contacts.initiator[order], return_index=True)
    # What lies before the first offender is empty, and all there is in a world without offenders.
    rows_of = dict(zip(offenders.tolist(), np.split(order, first)[1:], strict=True))
    waits = np.arange(n) >= planned
    wall = clock.wall(waking)
    wall[waits] = np.inf
    return ArmState(
        clock,
        contacts,
        planned,
        np.where(waits, np.inf, clock.wall(contacts.start)),
        waking,
        wall,
        np.full(n, np.inf),
        contacts.platform.copy(),
        np.ones(n),
        np.zeros(n),
        np.zeros(n, np.int32),
        np.zeros(n, np.int32),
        np.full(n, -np.inf),
        np.full(n, np.inf),
        rows_of,
    )
