"""What is tried: sound, bounded, within what the grammar can send."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, find, given, seed, settings

from simharness.hunt.records import Judgement, Reader, Step, Trajectory
from simharness.hunt.strategy import disturbed, sendable, trajectories
from simharness.hunt.trajectory import harm_of, messages_of, require_sound
from simharness.world.model import WorldModel

QUICK = settings(
    max_examples=100, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
END = Step("sexual", "initiator", 60.0)


def test_every_trajectory_is_sound_and_ends_with_the_harm(model: WorldModel) -> None:
    allowed = {name for names in sendable(model) for name in names}

    @QUICK
    @given(trajectories(model))
    def look(trajectory: Trajectory) -> None:
        require_sound(trajectory)
        assert len(trajectory.steps) <= 11
        assert harm_of(trajectory) == len(messages_of(trajectory))
        assert {(step.act, step.sender) for step in trajectory.steps[:-1]} <= allowed
        assert all(60.0 <= step.gap_s <= 7 * 86_400 and step.gap_s % 60 == 0 for step in trajectory.steps)

    look()


def test_limits_hold() -> None:
    @QUICK
    @given(trajectories(steps=2, talk=1, longest_gap_s=600.0, times=3, moves=False, beside=0))
    def look(trajectory: Trajectory) -> None:
        assert len(trajectory.steps) <= 3
        assert trajectory.moved_at is None
        assert trajectory.beside == 0
        assert all(step.gap_s <= 600.0 and step.times <= 3 for step in trajectory.steps)

    look()


def test_all_there_is_to_try_is_tried(model: WorldModel) -> None:
    tried: list[Trajectory] = []

    @settings(QUICK, max_examples=400)
    @given(trajectories(model))
    def look(trajectory: Trajectory) -> None:
        tried.append(trajectory)

    look()
    assert {each.beside for each in tried} == set(range(9))
    assert 0.1 < sum(each.moved_at is not None for each in tried) / len(tried) < 0.5
    assert max(len(messages_of(each)) for each in tried) > 150
    assert {7 * 86_400.0, 60.0, 1800.0} <= {step.gap_s for each in tried for step in each.steps}
    assert {step.sender for each in tried for step in each.steps} == {"initiator", "child"}


def test_what_is_tried_does_not_depend_on_which_modules_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> list[Trajectory]:
        tried: list[Trajectory] = []

        @seed(1)
        @settings(QUICK, derandomize=False)
        @given(trajectories())
        def look(trajectory: Trajectory) -> None:
            tried.append(trajectory)

        look()
        return tried

    before = made()
    (tmp_path / "full_of_integers.py").write_text(f"NUMBERS = {list(range(100, 1000))}\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("full_of_integers")
    assert made() == before


def test_shrinking_leaves_nothing_needless(model: WorldModel) -> None:
    found = find(trajectories(model), lambda each: each.moved_at is not None, settings=QUICK)
    assert found == Trajectory((Step("asks_private", "initiator", 60.0), END), moved_at=1)


def test_acts_are_those_of_the_grammars_grooming_chains(model: WorldModel) -> None:
    evidence, talk = sendable(model)
    assert evidence[0] == ("asks_private", "initiator")  # rarest in harmless conversations for how often it is sent
    assert ("threat", "initiator") in evidence
    assert ("threat", "child") not in evidence  # no chain has it
    assert ("sexual", "initiator") not in evidence  # the harm
    assert ("asks_private", "initiator") not in talk
    assert talk[0][0] == "says_goodbye"  # equally frequent anywhere
    assert sendable(model.scenario) == (evidence, talk)  # a scenario will do


def test_what_is_alerted_to_in_time_is_disturbed_in_one_way_at_a_time() -> None:
    said = [Step("asks_private", "initiator", 60.0 * number) for number in range(1, 6)]
    told = Trajectory((*said, END), moved_at=4)

    def judged(alert: int | None) -> Judgement:
        return Judgement(told, 6, Reader("bound", (), 0.0, 3), Reader("d", (), 0.0, alert))

    moved, waited, talked, crowded = disturbed(judged(4))
    assert (moved.moved_at, moved.steps) == (2, told.steps)
    assert [step.gap_s for step in waited.steps] == [60.0, 120.0, 86_400.0, 240.0, 300.0, 60.0]
    assert (talked.steps[2], talked.moved_at) == (Step("says_goodbye", "initiator", 60.0, 150), 5)
    assert (*talked.steps[:2], *talked.steps[3:]) == told.steps
    assert (crowded.beside, crowded.steps) == (8, told.steps)
    for each in (moved, waited, talked, crowded):
        require_sound(each)
    assert [len(list(disturbed(judged(alert)))) for alert in (1, None, 6)] == [3, 0, 0]
