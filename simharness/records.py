"""Open first: the nouns of the simulation and their units.

Every stage of the arrow (scenario -> world -> scores -> response -> outcomes -> metrics -> report) is a function of
these frozen records. What a platform can see (:class:`ConversationBatch`, :class:`Message`) is kept apart from the
truth (:class:`Truth`), so a detector cannot be handed it by mistake.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

SCHEMA_VERSION = 2  # of everything written to a run's folder (docs/run_folder.md)


@dataclass(frozen=True, slots=True)
class Account:
    """One account as shown to a person: made up, never stored. ``synthetic`` is always true."""

    account: int
    handle: str
    display_name: str
    synthetic: bool = field(default=True, init=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one conversation. ``time_s``: wall seconds since the period's first midnight."""

    conversation: int
    index: int  # 1-based
    time_s: float
    from_initiator: bool
    text: str
    synthetic: bool = field(default=True, init=False)


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation between a child and somebody new, with the two accounts and its messages, to be shown."""

    conversation: int
    platform: str
    initiator: Account
    child: Account
    messages: tuple[Message, ...]
    synthetic: bool = field(default=True, init=False)


@dataclass(frozen=True, slots=True)
class ConversationBatch:
    """What a platform sees of a batch of conversations; conversation i owns messages [begin[i], end[i]).

    ``symbol`` is text id * 2 + sender (0: the one who made contact, 1: the child) and indexes ``texts``; ``time_s``
    is in waking seconds (see ``world/clock.py``), so gaps leave out the night. Account features are as of the first
    message. ``key`` names each conversation without saying what it is: an integer below 2**52, so that any JSON reader
    keeps it exactly; empty in a batch made by hand. ``first`` numbers the first message of each that is
    seen here (1, unless the conversation began where nobody looked); empty where all are seen from the first on.
    ``moved``: place in the batch of the first message that each sent on another platform, its ``end`` where it stayed;
    empty where all stayed. Whoever reads there has seen nothing before (see :meth:`by_platform`).
    """

    texts: tuple[str, ...]
    symbol: NDArray[np.uint16]
    time_s: NDArray[np.float64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    platform: NDArray[np.uint8]
    declared_adult: NDArray[np.bool_]
    new_contacts_7d: NDArray[np.float32]
    key: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    first: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    moved: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return int(self.begin.size)

    def by_platform(self) -> Self:
        """The same messages in the same places, with each conversation that moved as two of one ``key``.

        The second begins at the number of messages that went before, in ``first``. Account features are those of the
        first contact. A batch in which nobody moved is returned as it is.
        """
        rows = np.flatnonzero(self.moved < self.end) if self.moved.size else self.moved
        if not rows.size:
            return self
        number = self.first if self.first.size else np.ones(len(self), np.int32)
        ends = self.end.copy()
        ends[rows] = self.moved[rows]
        order = np.insert(np.arange(len(self)), rows + 1, rows)
        second = np.zeros(order.size, np.bool_)
        second[rows + np.arange(1, rows.size + 1)] = True
        since = (self.moved[order] - self.begin[order]).astype(np.int32)
        return replace(
            self,
            begin=np.where(second, self.moved[order], self.begin[order]),
            end=np.where(second, self.end[order], ends[order]),
            platform=self.platform[order],
            declared_adult=self.declared_adult[order],
            new_contacts_7d=self.new_contacts_7d[order],
            key=self.key[order] if self.key.size else self.key,
            first=np.where(second, number[order] + since, number[order]).astype(np.int32),
            moved=np.empty(0, np.int64),
        )

    def text(self, message: int) -> str:
        """The text of a message given by its place in the batch."""
        return self.texts[int(self.symbol[message]) >> 1]


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Messages of many conversations in order of time, as on a platform's event stream; all arrays of shape (events,).

    ``symbol`` as in :class:`ConversationBatch`. ``conversation``, ``account`` (who made contact) and ``child`` (who was
    contacted) are names like ``ConversationBatch.key``. ``number`` counts a conversation's messages from 1.
    """

    texts: tuple[str, ...]
    symbol: NDArray[np.uint16]
    time_s: NDArray[np.float64]  # wall seconds since the period's first midnight, ascending
    conversation: NDArray[np.uint64]
    number: NDArray[np.int32]
    account: NDArray[np.uint64]
    child: NDArray[np.uint64]
    platform: NDArray[np.uint8]
    declared_adult: NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.symbol.size)


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happened if nobody acts, one row per conversation. Times in waking seconds; inf: never in the
    period.
    """

    messages: NDArray[np.int32]
    offence: NDArray[np.float64]  # first sexual communication with the child (s.15A)
    repeat: NDArray[np.float64]  # a later one, at least the scenario's repeat_after after the first
    meeting: NDArray[np.float64]  # first attempt to meet (s.15)
    contact: NDArray[np.float64]  # contact abuse
    reported: NDArray[np.float64]  # somebody tells the police
    closed: NDArray[np.float64]  # the conversation ends
    reason: NDArray[np.uint8]  # why it ended: see world/messages.py

    def take(self, rows: Any) -> Self:
        return type(self)(*(getattr(self, column.name)[rows] for column in fields(self)))


LADDER = (
    "offence",
    "repeat",
    "meeting",
    "contact",
)  # the rungs of harm, mildest first, as columns of Truth and outcomes


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert on one conversation, a row of the table ``alerts``. Wall seconds since the period's first midnight."""

    alert: int
    conversation: int
    raised_s: float
    right: bool  # truth: the conversation is grooming
    risk: float  # running risk at the message that raised it
    dropped_reason: str | None  # lost on the way to somebody (over_budget, text_only); None: it was not


@dataclass(frozen=True, slots=True)
class Decision:
    """One alert's stay at one desk, a row of the table ``decisions``. Wall seconds; half-open; None: not yet."""

    alert: int
    desk: str  # a queue of the policy, or police: the force's desk that reads referrals
    entered_s: float
    started_s: float | None  # first claim; less entered_s it is the wait for a first reading
    claimed_s: float | None  # last claim
    ended_s: float | None
    verdict: str  # confirmed | cleared | expired (unread) | merged (decided with another) | dropped | waiting
    dropped_reason: str | None  # for dropped: why
    claims: int
    worked_s: float


@dataclass(frozen=True, slots=True)
class Action:
    """One action on an alert, a row of the table ``actions``. Wall seconds."""

    alert: int
    action: str
    recipient: str  # child | guardian | offender | police | other platforms
    at_s: float
    effect: str  # taken | shadow (logged only) | ended (nothing left to act on) | repeated (done before)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one grooming conversation came to under one arm, a row of ``outcomes``. Wall seconds; None: not in the
    period.
    """

    conversation: int
    start_s: float | None  # None: a substitute that nothing brought about
    offence_s: float | None
    repeat_s: float | None
    meeting_s: float | None
    contact_s: float | None
    recorded_s: float | None  # the police record the offence
    cut_s: float | None  # the first action that ended the conversation for good
    never_made: bool  # an action kept the planned contact from being made at all
    closed_s: float | None  # it ends in its own course, cut before or not; None too where no contact was made
