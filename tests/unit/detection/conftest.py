from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from simharness.detection.protocol import TrainingSet
from simharness.detection.registry import build
from simharness.detection.scoring import Scorer, prepare
from simharness.detection.training import training_set
from simharness.scenario.policy import Arm
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

ASSUMED = {"evidence": "assumed", "source": "test"}
READER = ASSUMED | {"service": {"kind": "constant", "value": "5min"}, "sensitivity": 0.9, "specificity": 0.9}
QUEUE = ASSUMED | {
    "tiers": {"only": READER},
    "shifts": [{"begins": "9h", "ends": "17h", "staff": 2}],
    "expires": "7d",
    "on_confirmed": ["alert_child"],
}


@pytest.fixture(scope="session")
def small(make_model: Callable[..., WorldModel]) -> WorldModel:
    """The flagship with small training and calibration worlds."""
    return make_model("training={grooming: 300, benign: 2400, calibration: 4000}")


@pytest.fixture(scope="session")
def with_arms(small: WorldModel) -> Callable[..., WorldModel]:
    """``with_arms(calibration=4000, grooming=300, **arms)``: the small flagship with these arms alone.

    Each is {"detector", "rate" or "risk", and what else the arm says}.
    """

    def made(calibration: int = 4000, grooming: int = 300, **arms: dict[str, Any]) -> WorldModel:
        sizes = {"calibration": calibration, "grooming": grooming}
        training = small.scenario.training.model_copy(update=sizes)
        changes = {"arms": {name: arm_of(**arm) for name, arm in arms.items()}, "training": training}
        return replace(small, scenario=small.scenario.model_copy(update=changes))

    return made


def level_of(rate: float | None = None, risk: float | None = None) -> dict[str, float]:
    return {"risk": risk} if risk is not None else {"false_alerts_per_1000_child_months": rate or 1.0}


def arm_of(detector: str, rate: float | None = None, risk: float | None = None, **more: Any) -> Arm:
    required = {"title": "made", "law": "communication", "alert_level": level_of(rate, risk)}
    queues = {name: QUEUE | queue for name, queue in more.pop("queues", {}).items()}
    actions = [f"queue.{name}" for name in queues] or ["alert_child"]
    code = ASSUMED | {"coverage": {}}
    return Arm.model_validate(
        required | {"detector": detector, "code": code, "on_alert": actions, "queues": queues} | more
    )


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
