"""The scenarios that come with the project: each asks a question, holds together, and finds something to tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from simharness.detection.scoring import build_detectors
from simharness.metrics.arms import arm_numbers
from simharness.metrics.summary import assumed
from simharness.outcomes.cell import Cell, run_cell
from simharness.run import prepare_cells
from simharness.scenario.load import Loaded, load_scenario
from simharness.world.model import WorldModel, build_model

FOLDER = Path(__file__).parents[3] / "scenarios"
FILES = sorted(FOLDER.glob("*.yaml"))
SMALL = ("training={grooming: 300, benign: 1500, calibration: 30000}", "sampling.benign_fraction=0.05")


def names(path: Path) -> str:
    return path.stem


@pytest.fixture(scope="module", params=FILES, ids=names)
def loaded(request: pytest.FixtureRequest) -> Loaded:
    return load_scenario(request.param, SMALL, scale=0.02)


@pytest.fixture(scope="module")
def lived(loaded: Loaded) -> tuple[WorldModel, Cell]:
    model = build_model(loaded.scenario.one_nation(), loaded.folder)
    return model, run_cell(prepare_cells(model, build_detectors(loaded.scenario.detectors, loaded.folder)), 0)


def test_there_are_those_that_are_asked_for() -> None:
    wanted = {"moderator_capacity", "displacement", "encrypted_platform", "silent_failures", "regulator"}
    assert wanted | {"england_wales_2017"} <= {path.stem for path in FILES}


def test_it_asks_a_question_of_several_policies(loaded: Loaded) -> None:
    scenario = loaded.scenario
    assert scenario.description.strip().endswith("?") and len(scenario.arms) >= 5
    assert scenario.name == scenario.name.lower() and scenario.comparator == "police_communication_offence"
    titles = [arm.title for arm in scenario.arms.values()]
    assert len(set(titles)) == len(titles)


def test_every_policy_differs_from_every_other(lived: tuple[WorldModel, Cell]) -> None:
    model, cell = lived
    policies = [arm.model_dump(exclude={"title"}) for arm in model.scenario.arms.values()]
    assert all(one != other for place, one in enumerate(policies) for other in policies[:place])
    numbers = {name: arm_numbers(model, cell, name) for name in cell.arms}
    spared = {name: found["children_protected"] for name, found in numbers.items()}
    assert spared[model.scenario.comparator] == 0 and max(value or 0 for value in spared.values()) > 10


def test_every_assumed_number_of_the_response_is_listed(loaded: Loaded) -> None:
    """Each block that says assumed is in the summary's list, with why."""
    listed = {block["path"]: block["source"] for block in assumed(loaded.scenario)}
    reactions = loaded.scenario.response.reactions
    for name in type(reactions).model_fields:
        block = getattr(reactions, name)
        if block is not None and block.evidence == "assumed":
            assert listed[f"response.reactions.{name}"] == block.source
    for name, arm in loaded.scenario.arms.items():
        for queue, settings in arm.queues.items():
            place = f"arms.{name}.queues.{queue}"
            assert place in listed and all(f"{place}.tiers.{tier}" in listed for tier in settings.tiers)
        assert arm.failures is None or f"arms.{name}.failures" in listed
