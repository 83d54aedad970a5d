"""What detectors are fed by the contract: conversations of a small world, and the odd ones no world makes often."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simharness.detection.protocol import TrainingSet
from simharness.detection.training import sample_contacts, training_set
from simharness.records import ConversationBatch
from simharness.scenario.load import Loaded
from simharness.streams import derive_seed
from simharness.world.generate import Batch, World
from simharness.world.model import build_model

GROOMING, HARMLESS = 30, 60  # conversations of the sample
_TRAINING = {"grooming": 300, "benign": 1200, "calibration": 1000}
LONG = 20_000  # messages of the very long conversation
ODD_TEXTS = (
    "",
    " ",
    "\n\t",
    "x" * 100_000,
    "[small talk: school]",
    "\u00e9\u4e2d\u6587\U0001f600\u200d\u0000",
    '{"id": 1}',
)


@dataclass(frozen=True, slots=True)
class Samples:
    """The training set, conversations with their labels, and other conversations, of which there is no end."""

    training: TrainingSet
    privileged: TrainingSet
    batch: ConversationBatch
    grooming: NDArray[np.bool_]
    rounds: tuple[ConversationBatch, ...]


def samples(loaded: Loaded, rounds: int) -> Samples:
    """Make them from a scenario, small whatever its own sizes are. Raises UsageError as ``build_model`` does."""
    small = loaded.scenario.training.model_copy(update=_TRAINING)
    model = build_model(loaded.scenario.one_nation().model_copy(update={"training": small}), loaded.folder)
    training = training_set(model)
    world = World(model, derive_seed(model.scenario.seed, "contract"))
    grooming, harmless = sample_contacts(world, GROOMING, HARMLESS * (rounds + 1))
    known = next(world.batches(grooming))
    others = [kept(batch) for batch in World(model, world.seed, batch_size=HARMLESS).batches(harmless)]
    batch = joined(kept(known), others[0])
    label = np.arange(len(batch)) < len(known.view)
    return Samples(training, replace(training, model=model), batch, label, tuple(others[1:]))


def kept(batch: Batch) -> ConversationBatch:
    """The view of a batch in arrays of its own: the next batch overwrites those it came in."""
    view = batch.view
    copies = {name: getattr(view, name).copy() for name in ("symbol", "time_s", "begin", "end")}
    return replace(view, **copies)


def joined(first: ConversationBatch, second: ConversationBatch) -> ConversationBatch:
    """Two batches of one phrasebook as one."""
    offset = first.symbol.size
    names = ("symbol", "time_s", "platform", "declared_adult", "new_contacts_7d", "key")
    columns = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names}
    begin, end = (np.concatenate([getattr(first, n), getattr(second, n) + offset]) for n in ("begin", "end"))
    return ConversationBatch(texts=first.texts, begin=begin, end=end, **columns)


def very_long(batch: ConversationBatch) -> ConversationBatch:
    """One conversation of ``LONG`` messages, two minutes apart, with the texts of the batch over and over again."""
    return _one(batch, np.resize(batch.symbol, LONG), np.arange(LONG, dtype=np.float64) * 120.0)


def single(batch: ConversationBatch) -> ConversationBatch:
    """One conversation of one message."""
    return _one(batch, batch.symbol[:1].copy(), batch.time_s[:1].copy())


def empty(batch: ConversationBatch) -> ConversationBatch:
    """No conversation at all."""
    none = replace(batch, symbol=batch.symbol[:0], time_s=batch.time_s[:0], begin=batch.begin[:0], end=batch.end[:0])
    columns = {name: getattr(batch, name)[:0] for name in ("platform", "declared_adult", "new_contacts_7d", "key")}
    return replace(none, **columns)


def odd(batch: ConversationBatch) -> ConversationBatch:
    """One conversation of texts that are empty, blank, very long, or not of this alphabet."""
    symbol = (np.arange(len(ODD_TEXTS)) * 2).astype(np.uint16)
    return replace(_one(batch, symbol, np.arange(len(ODD_TEXTS), dtype=np.float64) * 60.0), texts=ODD_TEXTS)


def _one(batch: ConversationBatch, symbol: NDArray[np.uint16], time_s: NDArray[np.float64]) -> ConversationBatch:
    columns = {name: getattr(batch, name)[:1] for name in ("platform", "declared_adult", "new_contacts_7d", "key")}
    return replace(
        batch, symbol=symbol, time_s=time_s, begin=np.zeros(1, np.int64), end=np.array([symbol.size]), **columns
    )
