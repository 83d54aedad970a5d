"""Readers of the flagship with small training worlds, made once each and shared."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from detectors.bayes_bound import BayesBound
from simharness.hunt.reading import Readers, readers, readers_of
from simharness.scenario.detector import DetectorSpec
from simharness.scenario.load import Loaded
from simharness.world.model import WorldModel, build_model

TRAINING = "training={grooming: 200, benign: 800, calibration: 10000}"


@pytest.fixture(scope="session")
def small(load: Callable[..., Loaded]) -> Loaded:
    return load(TRAINING)


@pytest.fixture(scope="session")
def own(small: Loaded) -> Callable[[str], Readers]:
    """``own(name)``: readers of one of the scenario's detectors."""
    return cache(lambda name: readers(small, name))


@pytest.fixture(scope="session")
def alone(small: Loaded) -> WorldModel:
    """The model with nothing but a detector called ``planted`` and the bound."""
    specs = {"planted": DetectorSpec(use="planted"), "bayes_bound": DetectorSpec(use="bayes_bound")}
    scenario = small.scenario.one_nation().model_copy(update={"detectors": specs, "arms": {}})
    return build_model(scenario, small.folder)


@pytest.fixture(scope="session")
def planted(alone: WorldModel) -> Callable[[Any], Readers]:
    """``planted(detector)``: readers of an object made in this process."""
    return lambda detector: readers_of(alone, {"planted": detector, "bayes_bound": BayesBound()}, "planted")
