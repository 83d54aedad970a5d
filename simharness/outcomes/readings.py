"""What detectors made of one replication: sums by alert level, and the alarms that policies act on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from simharness.detection.levels import Levels
from simharness.detection.scoring import Scorer
from simharness.detection.triggers import Alarms, alarms, alarms_at, joined
from simharness.outcomes.traces import Traces, first_places
from simharness.records import ConversationBatch
from simharness.world.contacts import Contacts, concatenate
from simharness.world.generate import Batch


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
    # At the level of measurement only, of grooming conversations, shape (stages,): alerts by stage of the message that
    # alerted; conversations that reach a stage; and of these, those alerted on before its first message.
    at_stage: NDArray[np.int64] = field(init=False)
    reached: NDArray[np.int64] = field(init=False)
    before: NDArray[np.int64] = field(init=False)
    traces: list[Traces] = field(default_factory=list)  # of grooming conversations, by batch
    benign_traces: list[Traces] = field(default_factory=list)
    early: list[NDArray[np.bool_]] = field(default_factory=list)  # of each: alerted before its offence
    rows: list[int] = field(default_factory=list)  # conversations of each batch, grooming ones, then substitutes
    alarms: dict[str, list[Alarms]] = field(init=False)  # arm -> by batch
    false_alarms: dict[str, list[tuple[Contacts, Alarms]]] = field(init=False)

    def __post_init__(self) -> None:
        count = self.levels.risk.size
        self.alerted, self.in_time, self.delay, self.false = (np.zeros(count, np.int64) for _ in range(4))
        self.at_stage, self.reached, self.before = (np.zeros(self.stages, np.int64) for _ in range(3))
        self.alarms = {arm: [] for arm in self.levels.signal}
        self.false_alarms = {arm: [] for arm in self.levels.signal}

    def add_grooming(self, batch: Batch) -> None:
        """Read a batch of grooming conversations."""
        view, truth = batch.view, batch.truth
        risk, places = self._read(view)
        hit = places >= 0
        at = view.begin[:, None] + np.maximum(places, 0)
        if view.time_s.size:
            at = np.minimum(at, view.time_s.size - 1)
        offence = np.isfinite(truth.offence)
        self.grooming += len(view)
        self.offences += int(offence.sum())
        self.alerted += hit.sum(axis=0)
        early = hit & offence[:, None] & (view.time_s[at] < truth.offence[:, None])
        self.in_time += early.sum(axis=0)
        self.delay += np.where(hit, places + 1, truth.messages[:, None]).sum(axis=0)
        measured = self.levels.measured
        rows = hit[:, measured]
        self.early.append(early[:, measured].copy())
        self.at_stage += np.bincount(batch.stage[at[rows, measured]], minlength=self.stages)
        first = first_places(batch.stage, view, self.stages)
        self.reached += (first >= 0).sum(axis=0)
        self.before += (rows[:, None] & (places[:, measured, None] < first)).sum(axis=0)
        self.traces.append(self._traces(batch, risk, places))
        self._keep(view, risk, places)

    def add_substitutes(self, batch: Batch) -> None:
        """Read a batch of conversations that may take the place of others: for their alarms only.

        Their rows go on counting after the grooming conversations, which are all added before them.
        """
        self._keep(batch.view, *self._read(batch.view))

    def add_benign(self, batch: Batch) -> None:
        """Read a batch of sampled harmless conversations."""
        view = batch.view
        risk, places = self._read(view)
        self.benign += len(view)
        self.false += (places >= 0).sum(axis=0)
        self.benign_traces.append(self._traces(batch, risk, places))
        for arm, parts in self.false_alarms.items():
            found = self._alarms(arm, view, risk, places)
            rows, row = np.unique(found.row, return_inverse=True)
            parts.append((batch.contacts.take(rows), replace(found, row=row.astype(np.int64))))

    def alarms_of(self, arm: str) -> Alarms:
        """Every alarm on grooming conversations and then on substitutes; row: place in the order they were added."""
        return joined(self.alarms[arm], self.rows)

    def false_alarms_of(self, arm: str) -> tuple[Contacts, Alarms]:
        """The sampled harmless conversations that alarmed, and their alarms; row: place among these contacts.

        Only once harmless conversations have been read.
        """
        contacts, found = zip(*self.false_alarms[arm], strict=True)
        return concatenate(list(contacts)), joined(found, [len(part) for part in contacts])

    def _read(self, view: ConversationBatch) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Running risk, and where it first reaches each level: shape (conversations, levels), -1 for never."""
        risk = self.scorer.risk(view)
        return risk, self.scorer.crossings(view, self.levels.risk, risk)

    def _traces(self, batch: Batch, risk: NDArray[np.float32], places: NDArray[np.int32]) -> Traces:
        peaks = self.scorer.peaks(batch.view, risk)
        return Traces.of(batch.contacts, batch.view, risk, peaks, places[:, self.levels.measured])

    def _keep(self, view: ConversationBatch, risk: NDArray[np.float32], places: NDArray[np.int32]) -> None:
        self.rows.append(len(view))
        for arm, parts in self.alarms.items():
            parts.append(self._alarms(arm, view, risk, places))

    def _alarms(
        self, arm: str, view: ConversationBatch, risk: NDArray[np.float32], places: NDArray[np.int32]
    ) -> Alarms:
        signal = self.levels.signal[arm]
        if not signal.plain:
            return alarms(self.scorer, signal, view, risk)
        place = places[:, self.levels.of_arm[arm]]
        rows = np.flatnonzero(place >= 0)
        return alarms_at(view, risk, rows, view.begin[rows] + place[rows])
