"""What the search works on: trajectories of acts and times, never wording; and the misses it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sender = Literal["initiator", "child"]


@dataclass(frozen=True, slots=True)
class Step:
    """One message, or ``times`` messages alike one after another, each ``gap_s`` waking seconds after the one before.

    ``act``: one of ``world.acts.ACTS`` by name. The gap before a conversation's first message counts for nothing.
    """

    act: str
    sender: Sender
    gap_s: float
    times: int = 1  # more than one only of small talk


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One conversation, and how many others alike run beside it.

    ``moved_at``: place of the first step sent on another platform; None: it stays. Whoever reads follows it there.
    ``beside``: conversations with the same steps, between other accounts, each begun ten minutes before the next; the
    last to begin is the one that is looked at.
    """

    steps: tuple[Step, ...]
    moved_at: int | None = None
    beside: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """What one reader made of the conversation looked at: its risk after each message, shape (messages,), the level it
    alerts at, and the message (counted from 1) at which it alerts; None: never.
    """

    name: str
    risk: tuple[float | None, ...]
    level: float
    alert: int | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One trajectory as both read it. ``harm``: the message (from 1) of the first offence; None: there is none."""

    trajectory: Trajectory
    harm: int | None
    bound: Reader
    detector: Reader

    @property
    def missed(self) -> bool:
        """Whether harm comes before the detector's alert although the bound alerts before it."""
        if self.harm is None or self.bound.alert is None or self.bound.alert >= self.harm:
            return False
        return self.detector.alert is None or self.detector.alert >= self.harm


@dataclass(frozen=True, slots=True)
class Found:
    """A class of misses by its smallest member.

    ``features``: what of the trajectory the miss hangs on, each enough to undo it when taken away (empty: nothing by
    itself does); ``sentence`` says so in words. ``examples``: how many trajectories had been tried when it was found.
    """

    judgement: Judgement
    features: tuple[str, ...]
    sentence: str
    examples: int
