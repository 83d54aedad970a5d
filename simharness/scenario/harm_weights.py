"""How much each rung of harm weighs against the others, where a scenario says so. No main result depends on it."""

from __future__ import annotations

from simharness.scenario.base import Factor, Sourced


class HarmWeights(Sourced):
    """One weight a rung of the ladder. A child counts with the weight of the worst rung it comes to."""

    offence: Factor
    repeat: Factor
    meeting: Factor
    contact: Factor

    def by_rung(self) -> dict[str, float]:
        """Weights by rung, mildest first."""
        return {"offence": self.offence, "repeat": self.repeat, "meeting": self.meeting, "contact": self.contact}
