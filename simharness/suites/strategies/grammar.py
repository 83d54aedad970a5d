"""Strategies of how conversations go: chains of stages, paces of writing, and the natural course of what happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from simharness.scenario.base import DelayedEvent, ProbabilityParameter
from simharness.scenario.course import ChildTells
from simharness.scenario.world import END_REASONS, PacingRegime

ASSUMED = {"evidence": "assumed", "source": "drawn"}
STAGES = ("friendship", "sexual", "approach")  # the last has to be called so: only there a meeting is attempted
_ENDS = tuple(f"end.{reason}" for reason in END_REASONS)


@st.composite
def shares(draw: st.DrawFn, names: Sequence[str]) -> dict[str, float]:
    """Up to four of the names with shares that add up to 1."""
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
    weights = draw(st.lists(st.integers(1, 9), min_size=len(chosen), max_size=len(chosen)))
    return {name: weight / sum(weights) for name, weight in zip(chosen, weights, strict=True)}


@st.composite
def chains(draw: st.DrawFn) -> dict[str, Any]:
    """A chain of one to three stages, which emit what is called like them; one that never ends by itself is allowed."""
    names = draw(st.sampled_from([STAGES[:1], STAGES[1:], STAGES]))
    stages = {}
    for name in names:
        phases = draw(st.integers(1, 4))
        dwell = phases * draw(st.floats(1.0, 4.0))
        onward = draw(shares((*names, *_ENDS)))
        stages[name] = {"emits": name, "dwell": dwell, "phases": phases, "next": onward}
    return {"start": draw(shares(names)), "stages": stages}


@st.composite
def paces(draw: st.DrawFn) -> PacingRegime:
    """How fast people write, within sessions and between them."""
    inside, between = draw(st.integers(60, 7200)), draw(st.integers(3600, 200_000))
    ends = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    given_ = {"in_session": f"{inside}s", "session_ends": ends, "between_sessions": f"{between}s"}
    return PacingRegime.model_validate(ASSUMED | given_)


def _event(probability: float, hours: int) -> DelayedEvent:
    delay = {"kind": "exponential", "mean": f"{hours}h"}
    return DelayedEvent.model_validate(ASSUMED | {"probability": probability, "delay": delay})


@st.composite
def courses(draw: st.DrawFn) -> dict[str, Any]:
    """Parts of a natural course, by their names in the scenario."""
    chance = st.sampled_from([0.0, 0.5, 1.0])
    events = {
        name: _event(draw(chance), draw(st.integers(1, 100))) for name in ("third_party_notices", "contact_abuse")
    }
    hazards = {name: f"{draw(st.sampled_from([0, 0.2, 5]))}/day" for name in STAGES}
    band = {"youngest": 0, "oldest": 9, "factor": draw(st.sampled_from([0, 0.5, 3]))}
    block = ASSUMED | {"by_stage": hazards, "by_age": [band], "after_end": draw(st.sampled_from([0, 0.1, 1]))}
    tells, repeat_after = ChildTells.model_validate(block), float(draw(st.integers(0, 200_000)))
    choices = {
        name: ProbabilityParameter.model_validate(ASSUMED | {"value": draw(chance)})
        for name in ("adult_ends_contact", "reported_to_police")
    }
    return {**events, **choices, "child_tells": tells, "repeat_after": repeat_after}
