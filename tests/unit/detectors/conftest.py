from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simharness.detection.protocol import TrainingSet
from simharness.detection.training import training_set
from simharness.records import ConversationBatch
from simharness.world.contacts import Contacts
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel


@pytest.fixture(scope="session")
def small(make_model: Callable[..., WorldModel]) -> WorldModel:
    """The flagship with a small training world."""
    return make_model("training={grooming: 300, benign: 1200, calibration: 4000}")


@pytest.fixture(scope="session")
def training(small: WorldModel) -> TrainingSet:
    return training_set(small)


@pytest.fixture(scope="session")
def some(small: WorldModel, whole: Callable[[World, Contacts], Batch]) -> ConversationBatch:
    """About 150 grooming conversations, safe to keep."""
    world = World(small, 5)
    return whole(world, world.grooming_contacts(np.arange(40, dtype=np.uint64))).view
