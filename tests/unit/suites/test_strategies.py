"""What the public strategies draw: always valid, ready to run, and not all alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import Phase, given, settings

from simharness.run import run_scenario
from simharness.scenario.load import Loaded, resolved
from simharness.scenario.model import Scenario
from simharness.store import RunFolder
from simharness.suites.items import items_of
from simharness.suites.loading import detector_problems, model_of
from simharness.suites.simulated import Simulated
from simharness.suites.strategies import batches, expectations, scenarios, trajectories, worlds
from simharness.world.generate import World

FEW = settings(max_examples=20, deadline=None, derandomize=True, database=None, phases=[Phase.generate])


def test_scenarios_are_valid_and_varied() -> None:
    seen: list[Loaded] = []

    @FEW
    @given(scenarios())
    def drawn(loaded: Loaded) -> None:
        assert Scenario.model_validate(resolved(loaded.scenario)) == loaded.scenario
        assert not detector_problems(loaded)
        seen.append(loaded)

    drawn()
    each = [loaded.scenario for loaded in seen]
    arms = [arm for scenario in each for name, arm in scenario.arms.items() if name != scenario.comparator]
    varied: dict[str, set[Any]] = {
        "scale": {scenario.scale for scenario in each},
        "seed": {scenario.seed for scenario in each},
        "detectors": {tuple(scenario.detectors) for scenario in each},
        "law": {arm.law for arm in arms},
        "queues": {len(arm.queues) for arm in arms},
        "mode": {arm.mode for arm in arms},
    }
    assert {name: len(values) >= 2 for name, values in varied.items()} == dict.fromkeys(varied, True)


def test_scenarios_can_be_run(tmp_path: Path) -> None:
    @settings(FEW, max_examples=2)
    @given(scenarios(scales=[0.002], replications=1))
    def drawn(loaded: Loaded) -> None:
        result = Simulated(loaded, run_scenario(loaded, tmp_path).path)
        assert not result.incomplete and result.rows
        assert RunFolder.at(result.folder).read_manifest()["scenario"] == "drawn"

    drawn()


def test_expectations_fit_their_scenario(flagship: Loaded) -> None:
    result, kinds = Simulated(flagship, Path()), set[str]()

    @settings(FEW, max_examples=60)
    @given(expectations(flagship))
    def drawn(bar: str) -> None:
        (item,) = result._items([bar])
        kinds.add(item.subject)

    drawn()
    assert kinds == {"arm", "detector"}


def test_batches_are_whole_and_mixed() -> None:
    shares: set[bool] = set()

    @FEW
    @given(batches(most=12))
    def drawn(batch: Any) -> None:
        assert 1 <= len(batch) <= 12 and batch.key.size == len(batch)
        owner = np.repeat(np.arange(len(batch)), batch.end - batch.begin)
        assert owner.size == batch.symbol.size and np.all(np.diff(batch.time_s)[np.diff(owner) == 0] >= 0)
        assert batch.symbol.max() >> 1 < len(batch.texts)
        shares.add(len(batch) > 6)

    drawn()
    assert shares == {False, True}


@settings(FEW, max_examples=5)
@given(worlds(), trajectories(steps=3))
def test_worlds_are_small_and_trajectories_end_with_harm(world: World, trajectory: Any) -> None:
    assert 1 <= world.offenders <= 90
    assert trajectory.steps[-1].act == "sexual" and len(trajectory.steps) <= 4


def test_everything_drawn_from_a_scenario_of_ones_own(flagship: Loaded) -> None:
    @settings(FEW, max_examples=3)
    @given(scenarios(flagship, detectors=["detectors.keyword:Keyword"]))
    def drawn(loaded: Loaded) -> None:
        assert [spec.use for spec in loaded.scenario.detectors.values()] == ["detectors.keyword:Keyword"]
        assert items_of(loaded, model_of(loaded), base=False) == ()

    drawn()


def test_levels_can_be_set_in_a_busy_world_too(load: Callable[..., Loaded]) -> None:
    @settings(FEW, max_examples=10)
    @given(scenarios(load("world.benign.contact_rate=2/day")))
    def drawn(loaded: Loaded) -> None:
        assert loaded.scenario.training.calibration > 10_000

    drawn()
