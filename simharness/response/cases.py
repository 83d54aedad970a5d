"""One alert on its way through the desks, and what has been asked of the simulation around it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import simpy

from simharness.response.draws import Draws


@dataclass(frozen=True, slots=True)
class Case:
    """``row`` is one of the grooming conversations, or of the false alerts."""

    alert: int
    row: int
    right: bool
    occasion: int  # how many alerts this conversation had before
    platform: int  # where it was raised: the account on this platform can be suspended
    force: int
    account: Hashable  # the one who made contact, as this platform knows them
    risk: float
    pace: float  # messages per waking hour
    draws: Draws


def later(env: simpy.Environment, time: float, begin: Callable[[], None]) -> None:
    """Begin something at a time; at once, after what is due at this moment, where that has passed."""
    event = env.timeout(max(0.0, time - env.now))
    assert event.callbacks is not None
    event.callbacks.append(lambda _: begin())
