"""Who contacts which child, where and when: the columns every conversation begins with.

Grooming contacts are an offender's whole schedule over the period; harmless ones are a Poisson process for every child,
thinned to the sampled fraction. Both are renewal processes of addressed exponential gaps, so a longer period only adds
contacts at the end and another offender changes no one else's.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from simharness.streams import compiled, stream_id, uniform, uniform_at

BENIGN_BIT = 1 << 63
OCCASION_BITS = 20  # contacts per initiator (or sampled contacts per child) in one period: about a million
LINK_SHIFT = 60  # bits 60 to 62: 0 for an offender's own contact, 1.. for those that take its place
LINKS = 3
WEEK_DAYS = 7
_BLOCK = 512  # entities whose first draws are made at once, in vector registers
_SLACK = 1.0 - 1e-9  # far more than the logarithm's rounding, so the shortcut below never loses a contact


@dataclass(frozen=True, slots=True)
class Contacts:
    """One row per conversation, all arrays of shape (n,). Times in waking seconds since the period began.

    This is truth: ``kind`` and ``initiator`` are known to the world and never to a detector.
    """

    conversation: NDArray[np.uint64]  # id; bit 63 set: harmless; bits 60 to 62: link, see world/meet.py
    initiator: NDArray[np.int64]  # offender number; -1 for harmless conversations
    child: NDArray[np.int64]
    kind: NDArray[np.uint8]  # number of the chain in the compiled grammar
    regime: NDArray[np.uint8]  # pacing regime
    platform: NDArray[np.uint8]
    start: NDArray[np.float64]
    declared_adult: NDArray[np.bool_]
    new_contacts_7d: NDArray[np.float32]  # other children newly contacted by the same account in the 7 days before
    girl: NDArray[np.bool_]
    age: NDArray[np.uint8]
    force: NDArray[np.uint8]

    def __len__(self) -> int:
        return int(self.conversation.size)

    def take(self, rows: Any) -> Self:
        """The rows given by a slice, a mask or an index array."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


def concatenate(parts: list[Contacts]) -> Contacts:
    """Contacts one after the other."""
    columns = zip(*([getattr(part, name) for name in Contacts.__slots__] for part in parts), strict=True)
    return Contacts(*(np.concatenate(column) for column in columns))


def conversation_keys(seed: int, conversation: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """What a platform would call each conversation: integers below 2**52 in which its class cannot be read.

    The id itself says whether it is harmless and whose it is, so it is never shown to a detector.
    """
    return np.asarray(uniform(seed, "conversation.key", conversation) * 2.0**52).astype(np.uint64)


@compiled()
def schedule(seed: Any, stream: Any, entities: Any, rates: Any, begin: Any, end: Any, capacity: Any) -> Any:
    """Poisson contact times in [begin, end) of every entity: (row, occasion, time), in order of row and time.

    ``rates`` per waking second, shape as ``entities``. Returns the number needed as well; call again if above capacity.
    """
    row = np.empty(capacity, np.int64)
    occasion = np.empty(capacity, np.uint32)
    time = np.empty(capacity, np.float64)
    draws = np.empty(_BLOCK)
    found = 0
    for i in range(entities.shape[0]):
        if i % _BLOCK == 0:
            for k in range(min(_BLOCK, entities.shape[0] - i)):
                draws[k] = uniform_at(seed, stream, entities[i + k], np.uint32(0))
        # exp(-x) >= 1 - x: most children have no sampled contact, and this tells without taking a logarithm.
        if rates[i] <= 0.0 or draws[i % _BLOCK] < (1.0 - rates[i] * (end - begin)) * _SLACK:
            continue
        n = np.uint32(0)
        t = begin - np.log(draws[i % _BLOCK]) / rates[i]
        while t < end:
            if found < capacity:
                row[found] = i
                occasion[found] = n
                time[found] = t
            found += 1
            n += np.uint32(1)
            t -= np.log(uniform_at(seed, stream, entities[i], n)) / rates[i]
    return row[:found], occasion[:found], time[:found], found


@compiled()
def recent_contacts(row: Any, time: Any, span: Any) -> Any:
    """For contacts in order of row and time: how many of the same row began in the ``span`` before each."""
    count = np.zeros(row.shape[0], np.float32)
    oldest = 0
    for i in range(row.shape[0]):
        while row[oldest] != row[i] or time[oldest] < time[i] - span:
            oldest += 1
        count[i] = i - oldest
    return count


def poisson_contacts(
    seed: int, stream: str, entities: NDArray[np.uint64], rates: NDArray[np.float64], begin: float, end: float
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float64]]:
    """Contact times of every entity in [begin, end): arrays (row into ``entities``, occasion, time)."""
    capacity = int(1.2 * rates.sum() * (end - begin)) + 1000
    while True:
        row, occasion, time, found = schedule(
            np.uint64(seed), np.uint32(stream_id(stream)), entities, rates, begin, end, capacity
        )
        if found <= capacity:
            return row, occasion, time
        capacity = found
