"""What detectors made of one replication: sums by alert level, and the crossings that policies act on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simharness.detection.levels import Levels
from simharness.detection.scoring import Scorer
from simharness.detection.training import concatenate
from simharness.world.contacts import Contacts
from simharness.world.generate import Batch
from simharness.world.messages import NEVER


@dataclass(slots=True)
class Reading:
    """One detector's reading of one replication, added up in integers, so that the split into batches never matters.

    Arrays of shape (levels,) follow ``levels.risk``.
    """

    scorer: Scorer
    levels: Levels
    stages: int
    grooming: int = 0  # conversations
    offences: int = 0
    benign: int = 0  # sampled harmless conversations
    alerted: NDArray[np.int64] = field(init=False)  # grooming conversations alerted on
    in_time: NDArray[np.int64] = field(init=False)  # of those with an offence: alerted before it
    delay: NDArray[np.int64] = field(init=False)  # messages up to the alert, or all of them if there was none
    false: NDArray[np.int64] = field(init=False)  # sampled harmless conversations alerted on
    # At the level of measurement only: stage of the message that alerted, shape (stages,), and messages to the alert.
    at_stage: NDArray[np.int64] = field(init=False)
    messages: list[NDArray[np.int32]] = field(default_factory=list)
    crossing: dict[str, list[NDArray[np.float64]]] = field(init=False)  # arm -> waking time of each alert; inf: never
    false_alerts: dict[str, list[tuple[Contacts, NDArray[np.float64]]]] = field(init=False)

    def __post_init__(self) -> None:
        count = self.levels.risk.size
        self.alerted, self.in_time, self.delay, self.false = (np.zeros(count, np.int64) for _ in range(4))
        self.at_stage = np.zeros(self.stages, np.int64)
        self.crossing = {arm: [] for arm in self.levels.of_arm}
        self.false_alerts = {arm: [] for arm in self.levels.of_arm}

    def add_grooming(self, batch: Batch) -> None:
        """Read a batch of grooming conversations."""
        view, truth = batch.view, batch.truth
        places = self.scorer.crossings(view, self.levels.risk)
        hit = places >= 0
        at = view.begin[:, None] + np.maximum(places, 0)
        if view.time_s.size:
            at = np.minimum(at, view.time_s.size - 1)
        offence = np.isfinite(truth.offence)
        self.grooming += len(view)
        self.offences += int(offence.sum())
        self.alerted += hit.sum(axis=0)
        self.in_time += (hit & offence[:, None] & (view.time_s[at] < truth.offence[:, None])).sum(axis=0)
        self.delay += np.where(hit, places + 1, truth.messages[:, None]).sum(axis=0)
        measured = self.levels.measured
        rows = hit[:, measured]
        self.messages.append(places[rows, measured] + 1)
        self.at_stage += np.bincount(batch.stage[at[rows, measured]], minlength=self.stages)
        for arm, level in self.levels.of_arm.items():
            self.crossing[arm].append(np.where(hit[:, level], view.time_s[at[:, level]], NEVER))

    def add_benign(self, batch: Batch) -> None:
        """Read a batch of sampled harmless conversations."""
        view = batch.view
        places = self.scorer.crossings(view, self.levels.risk)
        hit = places >= 0
        self.benign += len(view)
        self.false += hit.sum(axis=0)
        for arm, level in self.levels.of_arm.items():
            rows = np.flatnonzero(hit[:, level])
            times = view.time_s[view.begin[rows] + places[rows, level]]
            self.false_alerts[arm].append((batch.contacts.take(rows), times))

    def crossing_of(self, arm: str) -> NDArray[np.float64]:
        """Waking time of the first alert of every grooming conversation, in the order they were added; inf: never."""
        return np.concatenate([np.empty(0), *self.crossing[arm]])

    def false_alerts_of(self, arm: str) -> tuple[Contacts, NDArray[np.float64]]:
        """The sampled false alerts: whose they are, and their waking times."""
        contacts, times = zip(*self.false_alerts[arm], strict=True)
        return concatenate(list(contacts)), np.concatenate(times)
