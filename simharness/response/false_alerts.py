"""False alerts at full volume: each sampled one stands for many, spread over the period by addressed draws."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from simharness.detection.triggers import Alarms
from simharness.streams import uniform
from simharness.world.clock import DAY_S, Clock
from simharness.world.contacts import WEEK_DAYS, Contacts


@dataclass(frozen=True, slots=True)
class FalseAlerts:
    """One row per false alert that a platform covering everything would see; times in wall seconds."""

    conversation: NDArray[np.uint64]  # of the sampled conversation it stands for
    copy: NDArray[np.uint32]
    time_s: NDArray[np.float64]
    last_s: NDArray[np.float64]  # the conversation's last message
    platform: NDArray[np.uint8]
    force: NDArray[np.uint8]
    risk: NDArray[np.float32]
    pace: NDArray[np.float64]  # messages per waking hour
    others: NDArray[np.float32]  # other children newly contacted by the same account in the seven days before

    def __len__(self) -> int:
        return int(self.time_s.size)

    def take(self, rows: Any) -> Self:
        return type(self)(*(getattr(self, column.name)[rows] for column in fields(self)))


def no_false_alerts() -> FalseAlerts:
    """For arms without a detector."""
    none = np.empty(0)
    kinds = (np.uint64, np.uint32, float, float, np.uint8, np.uint8, np.float32, float, np.float32)
    return FalseAlerts(*(none.astype(kind) for kind in kinds))


def at_full_volume(
    seed: int, contacts: Contacts, alarms: Alarms, clock: Clock, weight: float, days: int
) -> FalseAlerts:
    """Copies of sampled false alerts: ``weight`` of each on average (a whole number plus one by an addressed draw).

    ``alarms.row`` is a place in ``contacts``. A copy of a conversation keeps its times of day and begins to be alerted
    on a day of its own, so that the queue sees arrivals spread as independent conversations would be; what would then
    fall after the period is left out.
    """
    wall, last = clock.wall(alarms.time), clock.wall(alarms.last)
    first = np.searchsorted(alarms.row, alarms.row)  # alarms come in order of row, then time
    extra = uniform(seed, "false_alert.extra", contacts.conversation) < weight % 1.0
    copies = (int(weight) + extra.astype(np.int64))[alarms.row]
    rows = np.repeat(np.arange(alarms.row.size), copies)
    copy = (np.arange(rows.size) - np.repeat(np.cumsum(copies) - copies, copies)).astype(np.uint32)
    of = alarms.row[rows]
    conversation = contacts.conversation[of]
    day = np.floor(uniform(seed, "false_alert.day", conversation, copy) * days)
    later = (day - wall[first[rows]] // DAY_S) * DAY_S
    alerts = FalseAlerts(
        conversation,
        copy,
        wall[rows] + later,
        last[rows] + later,
        contacts.platform[of],
        contacts.force[of],
        alarms.risk[rows],
        alarms.pace[rows],
        contacts.new_contacts_7d[of],
    )
    return alerts.take(alerts.time_s < days * DAY_S)


def on_accounts(seed: int, alerts: FalseAlerts, conversations: int, within_s: float, share: float) -> NDArray[np.bool_]:
    """Which false alerts remain where an account must have several conversations alerted on within a time.

    A harmless account's other conversations are not simulated: as many as it has newly begun in the time (its own
    count, taken to be even over time) are each alerted on with the probability ``share`` of any harmless conversation.
    """
    others = np.rint(alerts.others * within_s / (WEEK_DAYS * DAY_S))
    enough = binom.sf(conversations - 2, others, share)  # at least conversations - 1 of the others
    return np.asarray(uniform(seed, "false_alert.account", alerts.conversation, alerts.copy) < enough)
