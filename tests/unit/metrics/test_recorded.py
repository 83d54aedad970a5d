"""Figures as police recording would have produced them, worked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simharness.metrics.recorded import recorded_numbers
from simharness.outcomes.cell import Cell
from simharness.records import Truth
from simharness.response.arm import ArmResult
from simharness.response.coverage import Regulation
from simharness.response.log import ArmLog
from simharness.scenario.model import RecordedFigure
from simharness.world.generate import World
from simharness.world.model import WorldModel

INF = np.inf
SOURCED = {"evidence": "reported", "source": "test", "title": "test", "role": "check", "value": 1.0}
RECORDED = np.array([1.0, 2.0, 3.0, INF, INF])


def figure(measure: str, **more: Any) -> RecordedFigure:
    return RecordedFigure.model_validate(SOURCED | {"measure": measure} | more)


def numbers(
    model: WorldModel, *figures: RecordedFigure, recorded: Any = RECORDED, known: float = 1.0, scale: float = 1.0
) -> list[Any]:
    """Five conversations. Recorded: two girls of 12 and 15 in the first force and a boy of 9 in the second."""
    recording = model.scenario.world.recording
    method = recording.method_known.model_copy(update={"value": known})
    world = model.scenario.world.model_copy(update={"recording": recording.model_copy(update={"method_known": method})})
    update = {"recorded": list(figures), "world": world, "scale": scale}
    changed = replace(model, scenario=model.scenario.model_copy(update=update))
    contacts = replace(
        World(model, 5).grooming_contacts().take(slice(0, 5)),
        age=np.array([12, 15, 9, 7, 13], np.uint8),
        girl=np.array([True, True, False, True, True]),
        force=np.array([0, 0, 1, 1, 1], np.uint8),
        platform=np.array([0, 3, 1, 0, 0], np.uint8),
    )
    never = np.full(5, INF)
    truth = Truth(np.ones(5, np.int32), *(never,) * 6, np.zeros(5, np.uint8))
    arm = ArmResult(np.full((5, 4), INF), np.asarray(recorded), never, np.zeros(5), ArmLog(), Regulation(), never)
    return recorded_numbers(changed, Cell(0, 1, contacts, truth, 5, {}, {changed.scenario.comparator: arm}))


def test_offences_by_area(model: WorldModel) -> None:
    first, second, third = model.children.forces[:3]
    found = numbers(
        model,
        figure("offences"),
        figure("offences", areas=[first]),
        figure("offences", areas=[second]),
        figure("offences", areas=[third]),
        figure("offences", areas=[first, second]),
    )
    assert found == [3, 2, 1, 0, 3]


def test_a_figure_may_speak_of_the_first_days_only(model: WorldModel) -> None:
    """Recorded on the first, third and 181st day; of a day more than the period has nothing is known."""
    times = np.array([0.5, 2.5, 180.5, INF, INF]) * 86_400.0
    figures = [figure("offences", days=days) for days in (1, 2, 3, 180, 181, 182)]
    assert numbers(model, *figures, figure("group_share", sex="boy", days=3), recorded=times) == [
        1,
        1,
        2,
        2,
        3,
        None,
        0,
    ]


def test_offences_are_scaled_to_the_whole_population_and_shares_are_not(model: WorldModel) -> None:
    figures = [figure("offences"), figure("group_share", sex="boy"), figure("youngest_victim")]
    assert numbers(model, *figures, scale=0.02) == pytest.approx([150, 1 / 3, 9])


def test_shares_of_groups(model: WorldModel) -> None:
    found = numbers(
        model,
        figure("group_share", sex="girl", youngest=12, oldest=15),
        figure("group_share", sex="boy"),
        figure("group_share", youngest=13),
        figure("group_share", oldest=11),
        figure("group_share"),
    )
    assert found == pytest.approx([2 / 3, 1 / 3, 1 / 3, 1 / 3, 1.0])


def test_shares_of_platforms_are_of_those_with_the_method_known(model: WorldModel) -> None:
    named = figure("platform_share", platforms=["facebook", "instagram"])
    assert numbers(model, named, figure("platform_share", platforms=["snapchat"])) == pytest.approx([2 / 3, 0.0])
    assert numbers(model, named, known=0.0) == [None]


def test_the_youngest_victim_is_of_recorded_offences(model: WorldModel) -> None:
    assert numbers(model, figure("youngest_victim")) == [9]


def test_without_a_recorded_offence_shares_are_undefined_and_counts_0(model: WorldModel) -> None:
    figures = [figure("offences"), figure("group_share"), figure("platform_share"), figure("youngest_victim")]
    assert numbers(model, *figures, recorded=np.full(5, INF)) == [0, None, None, None]
    assert numbers(model) == []
