"""Parts of the whole: who is reached, by age, sex, nation, force, platform and type of offender.

Every group gives a number in every replication, 0 where nobody is in it, so that sums over replications are of the same
groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simharness.metrics.arms import changes
from simharness.outcomes.cell import Cell
from simharness.outcomes.readings import Reading
from simharness.outcomes.traces import Traces
from simharness.records import LADDER
from simharness.world.contacts import Contacts
from simharness.world.model import WorldModel
from simharness.world.population import SEXES, Children

Number = float | None
BAND_ENDS = (11, 15)  # the last ages of the younger bands: primary school, and those under the age of consent
COUNTED = ("offence", "meeting")  # rungs counted by group
FORCE = "force"  # the dimension of many groups: fewer numbers each


@dataclass(frozen=True, slots=True)
class Grouping:
    """One dimension: the names of its groups, and the group of every conversation (-1: none), shape (n,)."""

    dimension: str
    groups: tuple[str, ...]
    of: NDArray[np.int64]

    def strata(self) -> tuple[str, ...]:
        return tuple(f"{self.dimension}={group}" for group in self.groups)

    def counts(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> list[int]:
        """How many of the given conversations (a mask or places) are in each group."""
        of = self.of[rows]
        return [int(count) for count in np.bincount(of[of >= 0], minlength=len(self.groups))]


def groupings(model: WorldModel, contacts: Contacts) -> list[Grouping]:
    """Every dimension. Nations are those the population table names, in its order; a force without one is in none."""
    children = model.children
    bands = age_bands(children)
    nations = nations_of(children)
    nation = np.array([nations.index(name) if name else -1 for name in children.nations])
    offenders = model.grammar.kinds[: len(model.scenario.world.offenders.types)]
    return [
        Grouping("age", tuple(f"{low}-{high}" for low, high in bands), _band(bands, contacts.age)),
        Grouping("sex", SEXES, np.where(contacts.girl, SEXES.index("girl"), SEXES.index("boy"))),
        Grouping("nation", nations, nation[contacts.force]),
        Grouping(FORCE, children.forces, contacts.force.astype(np.int64)),
        Grouping("platform", model.platforms, contacts.platform.astype(np.int64)),
        Grouping("offender_type", offenders, contacts.kind.astype(np.int64)),
    ]


def nations_of(children: Children) -> tuple[str, ...]:
    """The nations that the population table names, in its order."""
    return tuple(dict.fromkeys(filter(None, children.nations)))


def age_bands(children: Children) -> list[tuple[int, int]]:
    """Bands of single years of age, both ends included: those of the population's own ages that are not empty."""
    starts, ends = (children.youngest, *(end + 1 for end in BAND_ENDS)), (*BAND_ENDS, children.oldest)
    bands = [(max(low, children.youngest), min(high, children.oldest)) for low, high in zip(starts, ends, strict=True)]
    return [(low, high) for low, high in bands if low <= high]


def arm_subgroups(model: WorldModel, cell: Cell, name: str) -> Iterator[tuple[str, str, Number]]:
    """(metric, stratum, value) of one arm: the comparator's events, those prevented, and children made worse.

    By force only offences, because there are many forces and few events in each. The platform is the planned one.
    """
    arm, base, contacts = cell.arms[name], cell.arms[model.scenario.comparator], cell.contacts
    what, before = changes(base.outcomes, arm.outcomes), np.isfinite(base.outcomes)
    worse = np.flatnonzero(what["made_worse"].any(axis=1))
    for by in groupings(model, contacts):
        for rung in COUNTED[:1] if by.dimension == FORCE else COUNTED:
            column = LADDER.index(rung)
            yield from _each(f"{rung}s_comparator", by, by.counts(before[:, column]))
            yield from _each(f"{rung}s_prevented", by, by.counts(what["prevented"][:, column]))
        if by.dimension != FORCE:
            # A child with several conversations counts once in each group that one of them is in.
            _, first = np.unique(np.column_stack([contacts.child[worse], by.of[worse]]), axis=0, return_index=True)
            yield from _each("children_made_worse", by, by.counts(worse[first]))


def detector_subgroups(model: WorldModel, cell: Cell, reading: Reading) -> Iterator[tuple[str, str, Number]]:
    """(metric, stratum, value) of one detector at its level of measurement, over planned grooming conversations."""
    planned = slice(0, cell.planned)
    alerted = Traces.joined(reading.traces).alert > 0
    early = np.concatenate([np.empty(0, np.bool_), *reading.early])
    offence = np.isfinite(cell.truth.offence[planned])
    everybody = np.ones(cell.planned, np.bool_)
    for by in groupings(model, cell.contacts.take(planned)):
        if by.dimension != FORCE:
            for metric, rows in zip(
                ("grooming", "detected", "offences", "in_time"), (everybody, alerted, offence, early), strict=True
            ):
                yield from _each(metric, by, by.counts(rows))


def _each(metric: str, by: Grouping, counts: list[int]) -> Iterator[tuple[str, str, Number]]:
    for stratum, count in zip(by.strata(), counts, strict=True):
        yield metric, stratum, count


def _band(bands: list[tuple[int, int]], age: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.asarray(np.searchsorted([high for _, high in bands], age, side="left"), np.int64)
