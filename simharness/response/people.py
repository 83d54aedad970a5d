"""What children and guardians do about what they are told."""

from __future__ import annotations

from collections.abc import Hashable
from math import exp, inf
from typing import TYPE_CHECKING

from simharness.response.cases import Case, later
from simharness.response.log import ENDED, REPEATED, TAKEN
from simharness.scenario.reactions import ChildReaction
from simharness.streams import draw

if TYPE_CHECKING:
    from simharness.response.arm import ArmSimulation

MOST_FALSE = 64  # earlier false alerts to one child, at most: far more than enough to ignore everything


class Families:
    """Children and their guardians, in one arm."""

    def __init__(self, sim: ArmSimulation) -> None:
        self.sim = sim
        self.settings = sim.model.scenario.response.reactions
        habituation = self.settings.habituation
        self.loses = habituation.value if habituation else 0.0
        self.children = sim.model.children.total
        self.told_falsely = 0  # messages to children about harmless contacts so far
        self.messages_to: dict[tuple[str, int], int] = {}
        self.last_told: dict[Hashable, float] = {}
        self.guardian = self.settings.alert_guardian
        self.guardian_delay = self.guardian.delay.distribution() if self.guardian else None

    def tell_child(self, case: Case, action: str) -> int:
        """A message to the child: a warning, a light prompt, or a suggestion to block. Returns what became of it."""
        sim = self.sim
        reaction: ChildReaction | None = getattr(self.settings, action)
        assert reaction is not None
        if sim.ended(case):
            return ENDED
        if self._just_told(case, action):
            return REPEATED
        stream = (
            "child.alerted"
            if action == "alert_child"
            else "child.nudged"
            if action == "nudge_child"
            else "child.block_suggested"
        )
        occasion = self.messages_to.get((action, case.row), 0) if case.right else case.occasion
        drawn = case.draws.uniform(stream, case.row, occasion)
        if case.right:
            self.messages_to[action, case.row] = occasion + 1
            self._answer(case.row, reaction, drawn)
            return TAKEN
        self.told_falsely += 1
        sim.log.once("children_wrongly_alarmed", case.account)
        if drawn < reaction.leave + reaction.block:
            sim.log.once("benign_contacts_ended", case.account)
        return TAKEN

    def _just_told(self, case: Case, action: str) -> bool:
        """Whether this says again what the child has just been told about the same account."""
        repetition = self.settings.repetition
        if repetition is None:
            return False
        about = (action, case.row if case.right else -1, case.account)
        now, before = self.sim.env.now, self.last_told.get(about, -inf)
        if now - before < repetition.within:
            return True
        self.last_told[about] = now
        return False

    def _readiness(self, row: int) -> float:
        """What earlier false alerts have left of a child's readiness to answer.

        False alerts are sampled, not sent to the children of grooming conversations; how many of them a child has had
        is a Poisson draw of the child with the mean over all children so far.
        """
        if not self.loses or not self.told_falsely:
            return 1.0
        mean = self.told_falsely / self.children
        left = draw(self.sim.draws.seed, "child.false_alerts", int(self.sim.contacts.child[row]))
        had, chance = 0, exp(-mean)
        while left >= chance and had < MOST_FALSE:
            left -= chance
            had += 1
            chance *= mean / had
        return float((1.0 - self.loses) ** had)

    def _answer(self, row: int, reaction: ChildReaction, drawn: float) -> None:
        sim, readiness = self.sim, self._readiness(row)
        drawn = drawn / readiness if readiness else 1.0
        if drawn < reaction.leave:
            sim.end(row)
        elif drawn < reaction.leave + reaction.block:
            sim.offenders.blocked(row)
        elif drawn < reaction.leave + reaction.block + reaction.tell:
            sim.end(row)
            sim.police.report(row)
        else:
            sim.offenders.tip_off(row)

    def tell_guardian(self, case: Case) -> int:
        """A guardian is told; some take it up after a while, and end the contact, or report it, or both."""
        sim, guardian = self.sim, self.guardian
        assert guardian is not None and self.guardian_delay is not None
        if sim.ended(case):
            return ENDED
        if not case.right:
            sim.log.once("guardians_wrongly_alarmed", case.account)
            return TAKEN
        row = case.row
        if ("alert_guardian", row) in self.messages_to:
            return REPEATED
        self.messages_to["alert_guardian", row] = 1
        if sim.draws.uniform("guardian.acts", row) < guardian.probability:
            delay = sim.draws.delay("guardian.delay", self.guardian_delay, row)
            later(sim.env, sim.env.now + delay, lambda: self._guardian_acts(row))
        return TAKEN

    def _guardian_acts(self, row: int) -> None:
        sim, guardian = self.sim, self.guardian
        assert guardian is not None
        if sim.draws.uniform("guardian.ends", row) < guardian.ends_contact and sim.state.active(row, sim.env.now):
            sim.end(row)
        if sim.draws.uniform("guardian.reports", row) < guardian.reports:
            sim.police.report(row)
