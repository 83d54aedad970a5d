"""The natural course: what the child, an adult or somebody else does about a conversation if nobody acts on it.

Every choice is an addressed draw of the conversation, made before any policy is looked at, so all arms share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.records import Truth
from simharness.scenario.base import DelayedEvent
from simharness.scenario.world import NaturalCourse
from simharness.streams import uniform
from simharness.world.clock import Clock
from simharness.world.messages import NEVER, Output


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Who will come to know, per conversation; waking seconds; inf: never."""

    tells_after: NDArray[np.float64]  # from the first offence
    notices_at: NDArray[np.float64]
    ends: NDArray[np.bool_]  # the adult who knows ends the conversation
    reports: NDArray[np.bool_]  # the adult who knows tells the police

    @property
    def stops(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """When an adult ends the conversation: (delay from the offence, time)."""
        return np.where(self.ends, self.tells_after, NEVER), np.where(self.ends, self.notices_at, NEVER)


def delayed(
    seed: int, stream: str, conversation: NDArray[np.uint64], event: DelayedEvent, clock: Clock
) -> NDArray[np.float64]:
    """Delay until an event in waking seconds, inf where it never happens; shape (n,)."""
    happens = uniform(seed, stream, conversation) < event.probability
    delay = clock.waking_span(event.delay.distribution().quantile(uniform(seed, stream + ".delay", conversation)))
    return np.where(happens, delay, NEVER)


def disclosure(
    seed: int, conversation: NDArray[np.uint64], start: NDArray[np.float64], course: NaturalCourse, clock: Clock
) -> Disclosure:
    """Draw who will come to know of each grooming conversation."""
    return Disclosure(
        delayed(seed, "child.tells", conversation, course.child_tells, clock),
        start + delayed(seed, "third_party.notices", conversation, course.third_party_notices, clock),
        uniform(seed, "adult.ends", conversation) < course.adult_ends_contact.value,
        uniform(seed, "adult.reports", conversation) < course.reported_to_police.value,
    )


def truth_of(
    seed: int,
    conversation: NDArray[np.uint64],
    out: Output,
    known: Disclosure,
    course: NaturalCourse,
    clock: Clock,
    horizon: float,
) -> Truth:
    """The truth about a batch just generated. Events at or after the horizon (waking seconds) count as never."""
    n = conversation.size
    offence, meeting = out.offence[:n].copy(), out.meeting[:n].copy()
    told = offence + known.tells_after
    noticed = np.where(known.notices_at <= out.closed[:n], known.notices_at, NEVER)
    reported = np.where(known.reports, np.minimum(told, noticed), NEVER)
    contact = np.full(n, NEVER)
    met = np.flatnonzero(np.isfinite(meeting))
    contact[met] = meeting[met] + delayed(seed, "contact_abuse", conversation[met], course.contact_abuse, clock)

    def within(time: Any) -> NDArray[np.float64]:
        return np.where(time < horizon, time, NEVER)

    return Truth(
        (out.end[:n] - out.begin[:n]).astype(np.int32),
        within(offence),
        within(out.repeat[:n]),
        within(meeting),
        within(contact),
        within(reported),
        within(out.closed[:n]),
        out.reason[:n].copy(),
    )
