"""Stress dials: how the world in use differs from the one in which detectors were made.

Detectors are trained on the scenario without them; alert levels are set, and everything is measured, under them. What
each dial does is in ``world/stress.py``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simharness.scenario.base import Model, Probability, Sourced
from simharness.units import Duration

AtLeastOne = Annotated[float, Field(ge=1.0)]


class EarlyMove(Model):
    """Conversations that go on on another platform, which has seen nothing of them. It keeps the first one's rules."""

    share: Probability = Field(description="share of conversations, grooming and harmless alike, that move")
    after: AtLeastOne = Field(description="mean messages before the move (geometric)")


class OneHit(Model):
    """A long harmless history before a short approach."""

    history: Annotated[float, Field(ge=2.0)] = Field(description="mean messages of harmless talk that come first")


class Stress(Sourced):
    """Every dial is off unless stated."""

    overlap: Probability | None = Field(
        None, description="instead of world.phrasebook.overlap: share of the words of risk phrases that are common ones"
    )
    drift: Probability | None = Field(
        None, description="instead of world.phrasebook.drift: share of made-up words that changed since training"
    )
    obfuscation: Probability | None = Field(
        None, description="instead of world.phrasebook.obfuscation: share of made-up words that carry character noise"
    )
    split: Probability = Field(0.0, description="share of risk phrases sent in two messages, one right after the other")
    repetition: Probability = Field(
        0.0, description="share of all phrases, risk and small talk alike, sent twice, one right after the other"
    )
    pause: Duration = Field(
        5.0,
        gt=0,
        description="split, repetition: waking time to the second message, at most half of the gap it falls in",
    )
    switching: Probability = Field(0.0, description="share of risk phrases written in the other rendering")
    slow_burn: AtLeastOne = Field(
        1.0, description="factor on the messages of stages before the sexual one, and divisor of the risk acts in them"
    )
    long_gaps: AtLeastOne = Field(1.0, description="factor on the time between sessions, of harmless talk too")
    many_short: AtLeastOne = Field(
        1.0, description="factor on offenders' contact rate, and divisor of the messages of every grooming stage"
    )
    early_move: EarlyMove | None = None
    one_hit: OneHit | None = None
    saturation: Probability | None = Field(
        None, description="instead of world.grammar.background.share, if higher: share of messages that anybody may say"
    )

    @property
    def on(self) -> bool:
        """Whether any dial is not at the value it has when it is not stated."""
        dials = (name for name in Stress.model_fields if name not in Sourced.model_fields)
        return any(getattr(self, name) != Stress.model_fields[name].default for name in dials)
