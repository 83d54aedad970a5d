"""Strategies of worlds, and of what detectors read in them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from simharness.records import ConversationBatch
from simharness.scenario.load import Loaded
from simharness.streams import uniform
from simharness.suites.strategies.scenarios import SCALES, loaded_of
from simharness.world.contacts import Contacts
from simharness.world.generate import World
from simharness.world.model import WorldModel, build_model


@st.composite
def worlds(draw: st.DrawFn, base: Path | Loaded | None = None, *, scales: Sequence[float] = SCALES) -> World:
    """The world of ``base`` in a small size, of any seed, in batches of any size; nobody has acted in it."""
    model = _model(base, draw(st.sampled_from(sorted(scales))))
    return World(model, draw(st.integers(0, 2**32)), batch_size=draw(st.sampled_from([17, 256, 4096])))


@st.composite
def batches(draw: st.DrawFn, base: Path | Loaded | None = None, *, most: int = 40) -> ConversationBatch:
    """What a platform sees of up to ``most`` conversations of a world, grooming and harmless ones mixed by chance.

    For a team's own tests of a detector: it may read any of it. The arrays are its own, so it may be kept.
    """
    world = draw(worlds(base, scales=SCALES[:1]))
    groomed, harmless = world.grooming_contacts(), next(world.benign_contacts())
    grooming = draw(st.integers(0, min(most, len(groomed))))
    others = draw(st.integers(0 if grooming else 1, min(most - grooming, len(harmless))))
    parts = [groomed.take(slice(0, grooming)), harmless.take(slice(0, others))]
    names = [field.name for field in fields(Contacts)]
    contacts = Contacts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    # Keys say nothing of what a conversation is, so neither does their order.
    mixed = contacts.take(np.argsort(uniform(world.seed, "strategies.order", contacts.conversation)))
    view = next(replace(world, batch_size=max(1, len(mixed))).batches(mixed)).view
    return copy.deepcopy(view)


def _model(base: Path | Loaded | None, scale: float) -> WorldModel:
    return _built(base, scale) if isinstance(base, Loaded) else _kept(base, scale)


@lru_cache(maxsize=8)
def _kept(base: Path | None, scale: float) -> WorldModel:
    return _built(loaded_of(base), scale)


def _built(loaded: Loaded, scale: float) -> WorldModel:
    return build_model(loaded.scenario.model_copy(update={"scale": scale}), loaded.folder)
