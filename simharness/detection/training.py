"""The training world: labelled conversations of its own seed stream, in the older edition of the phrasebook."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simharness.detection.protocol import Detector, Trainable, TrainingSet
from simharness.records import ConversationBatch
from simharness.scenario.model import MONTH_DAYS
from simharness.streams import derive_seed
from simharness.world.acts import RISK_ACTS
from simharness.world.clock import DAY_S
from simharness.world.contacts import Contacts, concatenate
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel
from simharness.world.phrasebook import surrogate_vocabulary


def sample_contacts(world: World, grooming: int, benign: int) -> tuple[Contacts, Contacts]:
    """The first so many grooming contacts and a sample of about so many harmless ones, of one world."""
    return grooming_sample(world, grooming), benign_sample(world, benign)


def grooming_sample(world: World, conversations: int) -> Contacts:
    """The first so many grooming contacts of a world, however many offenders that takes."""
    model = world.model
    per_offender = model.scenario.world.offenders.contact_rate.value * DAY_S * model.scenario.period.days
    offenders = int(1.5 * conversations / per_offender) + 20
    while len(found := world.grooming_contacts(np.arange(offenders, dtype=np.uint64))) < conversations:
        offenders *= 2  # rates are heavy-tailed: so many offenders can make far fewer contacts than expected
    return found.take(slice(0, conversations))


def benign_sample(world: World, conversations: int) -> Contacts:
    """About ``conversations`` harmless contacts of a world, spread over all its children."""
    return concatenate(list(world.benign_contacts(fraction=benign_share(world.model, conversations))))


def benign_share(model: WorldModel, conversations: int) -> float:
    """The share of all harmless contacts that so many of them are, on average."""
    expected = model.child_months * model.scenario.world.benign.contact_rate * DAY_S * MONTH_DAYS
    return conversations / expected


def training_world(model: WorldModel) -> World:
    """The world that detectors learn from, without stress, in the older edition of the phrasebook."""
    model = model.unstressed or model
    return World(model, derive_seed(model.scenario.seed, "training"), edition="training")


def calibration_world(model: WorldModel) -> World:
    """The world that alert levels are set on."""
    return World(model, derive_seed(model.scenario.seed, "calibration"))


def training_set(model: WorldModel) -> TrainingSet:
    """Make the training world's labelled conversations. Equal for every replication of a run.

    Under stress it is the world without it: nobody trained for what came later.
    """
    world = training_world(model)
    model, sizes = world.model, model.scenario.training
    positive, negative = sample_contacts(world, sizes.grooming, sizes.benign)
    groups = [[_kept(batch) for batch in world.batches(contacts)] for contacts in (positive, negative)]
    texts = model.phrasebooks["training"].texts
    counts = [_sent(group, len(texts)) for group in groups]
    whole = _joined([*groups[0], *groups[1]])
    grooming = np.arange(len(whole)) < len(positive)
    return TrainingSet(texts, counts[0], counts[1], whole, grooming, world.seed, _vocabulary(model))


def fit(detector: Detector, training: TrainingSet, model: WorldModel) -> None:
    """Train a detector that wants to be; only a privileged one is told the grammar."""
    if isinstance(detector, Trainable):
        privileged = getattr(detector, "privileged", False)
        detector.fit(replace(training, model=model) if privileged else training)


def _kept(batch: Batch) -> ConversationBatch:
    view = batch.view
    return replace(
        view, symbol=view.symbol.copy(), time_s=view.time_s.copy(), begin=view.begin.copy(), end=view.end.copy()
    )


def _sent(batches: list[ConversationBatch], texts: int) -> NDArray[np.int64]:
    return np.asarray(np.sum([np.bincount(batch.symbol >> 1, minlength=texts) for batch in batches], axis=0))


def _joined(batches: list[ConversationBatch]) -> ConversationBatch:
    offsets = np.cumsum([0, *(batch.symbol.size for batch in batches)])[:-1]
    joined = {
        name: np.concatenate([getattr(batch, name) for batch in batches])
        for name in ("symbol", "time_s", "platform", "declared_adult", "new_contacts_7d", "key")
    }
    for name in ("begin", "end"):
        joined[name] = np.concatenate([getattr(b, name) + o for b, o in zip(batches, offsets, strict=True)])
    return ConversationBatch(texts=batches[0].texts, **joined)


def _vocabulary(model: WorldModel) -> dict[str, tuple[str, ...]]:
    """Words a lexicon's author could list: the training edition's words of each risk act, or its gloss."""
    settings, book = model.scenario.world.phrasebook, model.phrasebooks["training"]
    if settings.rendering == "gloss":
        return {act.name: book.phrases_of(act.name) for act in RISK_ACTS}
    seed = derive_seed(model.scenario.seed, "phrasebook")
    return {act.name: surrogate_vocabulary(seed, act.name, settings.drift, "training") for act in RISK_ACTS}
