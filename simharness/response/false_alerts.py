"""False alerts at full volume: each sampled one stands for many, spread over the period by addressed draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simharness.streams import uniform
from simharness.world.clock import DAY_S
from simharness.world.contacts import Contacts


@dataclass(frozen=True, slots=True)
class FalseAlerts:
    """One row per false alert that a platform covering everything would see; times in wall seconds."""

    conversation: NDArray[np.uint64]  # of the sampled conversation it stands for
    copy: NDArray[np.uint32]
    time_s: NDArray[np.float64]
    platform: NDArray[np.uint8]
    force: NDArray[np.uint8]

    def __len__(self) -> int:
        return int(self.time_s.size)


def no_false_alerts() -> FalseAlerts:
    """For arms without a detector."""
    return FalseAlerts(
        np.empty(0, np.uint64), np.empty(0, np.uint32), np.empty(0), np.empty(0, np.uint8), np.empty(0, np.uint8)
    )


def at_full_volume(seed: int, contacts: Contacts, time_s: NDArray[np.float64], weight: float, days: int) -> FalseAlerts:
    """Copies of sampled false alerts: ``weight`` of each on average (a whole number plus one by an addressed draw).

    ``time_s``: wall seconds of each sampled alert. A copy keeps its time of day and falls on a day of its own, so
    that the queue sees arrivals spread as independent conversations would be.
    """
    extra = uniform(seed, "false_alert.extra", contacts.conversation) < weight % 1.0
    copies = int(weight) + extra.astype(np.int64)
    rows = np.repeat(np.arange(len(contacts)), copies)
    copy = (np.arange(rows.size) - np.repeat(np.cumsum(copies) - copies, copies)).astype(np.uint32)
    conversation = contacts.conversation[rows]
    day = np.floor(uniform(seed, "false_alert.day", conversation, copy) * days)
    return FalseAlerts(
        conversation, copy, day * DAY_S + time_s[rows] % DAY_S, contacts.platform[rows], contacts.force[rows]
    )
