"""The natural course: what the child, an adult or somebody else does about a conversation if nobody acts on it.

Every choice is an addressed draw of the conversation, made before any policy is looked at, so all arms share it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from simharness.records import Truth
from simharness.scenario.base import DelayedEvent
from simharness.scenario.course import ChildTells, NaturalCourse
from simharness.streams import uniform
from simharness.world.clock import DAY_S, Clock
from simharness.world.contacts import Contacts
from simharness.world.messages import NEVER, Output


@dataclass(frozen=True, slots=True)
class Disclosure:
    """How an adult will come to know, per conversation; inf: never."""

    tells_at_hazard: NDArray[np.float64]  # cumulative hazard at which the child tells, its age counted in
    notices_at: NDArray[np.float64]  # waking seconds: somebody else notices
    ends: NDArray[np.bool_]  # the adult who knows ends the conversation
    reports: NDArray[np.bool_]  # the adult who knows tells the police

    def take(self, rows: slice) -> Self:
        return type(self)(*(getattr(self, column.name)[rows] for column in fields(self)))


def delayed(
    seed: int, stream: str, conversation: NDArray[np.uint64], event: DelayedEvent, clock: Clock
) -> NDArray[np.float64]:
    """Delay until an event in waking seconds, inf where it never happens; shape (n,)."""
    happens = uniform(seed, stream, conversation) < event.probability
    delay = clock.waking_span(event.delay.distribution().quantile(uniform(seed, stream + ".delay", conversation)))
    return np.where(happens, delay, NEVER)


def stage_hazards(tells: ChildTells, stages: tuple[str, ...], clock: Clock) -> NDArray[np.float64]:
    """Hazard of the child telling in each stage, per waking second, at age factor 1; shape (stages,)."""
    return np.array([tells.by_stage.get(name, 0.0) for name in stages]) * (DAY_S / clock.lasts_s)


def age_factors(tells: ChildTells, age: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Factor on the hazard for each child; shape as ``age``."""
    factor = np.ones(np.iinfo(np.uint8).max + 1)
    for band in tells.by_age:
        factor[band.youngest : band.oldest + 1] = band.factor
    return factor[age]


def disclosure(seed: int, contacts: Contacts, course: NaturalCourse, clock: Clock) -> Disclosure:
    """Draw how an adult will come to know of each conversation; nobody needs to find out about a harmless one."""
    n, harmless, conversation = len(contacts), contacts.initiator < 0, contacts.conversation
    if harmless.all():
        never, no = np.full(n, NEVER), np.zeros(n, np.bool_)
        return Disclosure(never, never, no, no)
    with np.errstate(divide="ignore"):  # a factor of 0: never
        tells = -np.log(uniform(seed, "child.tells", conversation)) / age_factors(course.child_tells, contacts.age)
    notices = contacts.start + delayed(seed, "third_party.notices", conversation, course.third_party_notices, clock)
    return Disclosure(
        np.where(harmless, NEVER, tells),
        np.where(harmless, NEVER, notices),
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
    noticed = np.where(known.notices_at <= out.closed[:n], known.notices_at, NEVER)
    reported = np.where(known.reports, np.minimum(out.told[:n], noticed), NEVER)
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
