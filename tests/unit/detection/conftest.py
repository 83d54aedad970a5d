from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simharness.detection.protocol import TrainingSet
from simharness.detection.registry import build
from simharness.detection.scoring import Scorer, prepare
from simharness.detection.training import training_set
from simharness.world.model import WorldModel

BUILT_IN = {
    "keyword": "Keyword",
    "text_model": "TextModel",
    "behaviour": "Behaviour",
    "bayes_bound": "BayesBound",
    "length_only": "LengthOnly",
    "never": "Never",
    "always": "Always",
}


@pytest.fixture(scope="session")
def small(make_model: Callable[..., WorldModel]) -> WorldModel:
    """The flagship with small training and calibration worlds."""
    return make_model("training={grooming: 300, benign: 2400, calibration: 4000}")


@pytest.fixture(scope="session")
def training(small: WorldModel) -> TrainingSet:
    return training_set(small)


@pytest.fixture(scope="session")
def detectors(small: WorldModel) -> dict[str, Any]:
    """The scenario's detectors by name, whatever is installed."""
    specs = small.scenario.detectors
    return {name: build(f"detectors.{spec.use}:{BUILT_IN[spec.use]}", spec.options) for name, spec in specs.items()}


@pytest.fixture(scope="session")
def scorers(small: WorldModel, detectors: dict[str, Any]) -> dict[str, Scorer]:
    """The scenario's detectors, trained and bound."""
    return prepare(small, detectors)
