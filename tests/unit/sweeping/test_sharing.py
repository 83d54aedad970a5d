"""What points share is told apart by content: what a score depends on is made again, what it does not is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from simharness.errors import UsageError
from simharness.outcomes.cell import Prepared, ReadWorld
from simharness.store import list_runs
from simharness.sweeping import engine, living
from simharness.sweeping.engine import run_sweep
from simharness.sweeping.groups import groups_of, units_of
from simharness.sweeping.points import load_sweep
from tests.unit.sweeping.conftest import RATE, SMALL, STAFF

Write = Callable[..., Path]
QUEUE = "arms.trained_moderators.queues.moderators"
ARMS = ["trained_moderators", "grooming_alerts"]
DETECTOR = """
import numpy as np

class Mine:
    def score(self, texts):
        return np.array([{score} for text in texts], np.float32)
"""


def shared(path: Path) -> tuple[int, int, int, int]:
    """Groups, detectors trained, alert signals and lives (all groups together)."""
    groups = groups_of(load_sweep(path).points)
    counts = ((len(g.scenario.detectors), len(g.scenario.arms), len(g.lives)) for g in groups)
    return (len(groups), *map(sum, zip(*counts, strict=True)))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("path", "values", "expected"),
    [
        # Nothing is read again: one group, one detector, one signal for each way to alert.
        (STAFF, [1, 60], (1, 1, 2, 4)),
        (RATE, [0.5, 2.0], (1, 1, 3, 4)),
        (f"{QUEUE}.tiers.trained.sensitivity", [0.5, 0.9], (1, 1, 2, 4)),
        ("arms.trained_moderators.trigger.cooldown", ["1h", "1d"], (1, 1, 3, 4)),
        ("response.reactions.alert_child.leave", [0.1, 0.3], (1, 1, 2, 6)),
        ("response.police.investigators.value", [1, 2], (1, 1, 2, 6)),
        ("world.recording.rate.value", [0.1, 0.3], (1, 1, 2, 6)),
        # Read again by another detector in the same worlds.
        ("detectors.text_model.aggregator.reference", [0.2, 0.3], (1, 2, 4, 5)),
        # Made again from the world on.
        ("world.phrasebook.overlap", [0.2, 0.3], (2, 2, 4, 6)),
        ("world.offenders.contact_rate.value", ["0.02/day", "0.03/day"], (2, 2, 4, 6)),
        ("training.grooming", [200, 300], (2, 2, 4, 6)),
        ("training.calibration", [20_000, 30_000], (2, 2, 4, 6)),
        ("sampling.benign_fraction", [0.01, 0.02], (2, 2, 4, 6)),
        ("stress.overlap", [0.2, 0.3], (2, 2, 4, 6)),
        ("period.end", ["2017-08-31", "2017-09-30"], (2, 2, 4, 6)),
        ("scale", [0.01, 0.02], (2, 2, 4, 6)),
        ("response.reactions.substitution.links", [1, 2], (2, 2, 4, 6)),
        (f"{QUEUE}.priority", ["first_come", "value_of_time"], (2, 2, 4, 6)),
    ],
)
def test_only_what_depends_on_a_parameter_is_made_again(
    write_sweep: Write, path: str, values: list[Any], expected: tuple[int, int, int, int]
) -> None:
    stated = {"stress": {"evidence": "assumed", "source": "test"}, "arms.trained_moderators.trigger": {}}
    settings = SMALL | stated
    file = write_sweep({"moved": {"path": path, "values": values}}, set=settings, arms=ARMS)
    assert shared(file) == expected


def count_readings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The replications read from here on, in this process."""
    found: list[int] = []
    read = living.read_world

    def counted(prepared: Prepared, replication: int) -> ReadWorld:
        found.append(replication)
        return read(prepared, replication)

    monkeypatch.setattr(living, "read_world", counted)
    return found


def test_a_world_is_read_once_for_all_policies_and_a_finished_sweep_never_again(
    write_sweep: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = count_readings(monkeypatch)
    file = write_sweep({"rate": {"path": RATE, "values": [0.5, 2]}, "staff": {"path": STAFF, "values": [1, 60]}})
    whole = run_sweep(load_sweep(file, replications=2), tmp_path / "results")
    assert readings == [0, 1]
    assert run_sweep(load_sweep(file, replications=2), tmp_path / "results").path == whole.path
    assert readings == [0, 1]
    assert list_runs(tmp_path / "results") == []  # no run, so that nothing takes it for the latest


def test_a_detectors_file_that_has_changed_is_read_anew(
    write_sweep: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in the scenario says so: only the file's content does."""
    readings = count_readings(monkeypatch)
    alerts = []
    settings = SMALL | {"detectors.text_model": {"use": "mine.py:Mine"}}
    file = write_sweep({"staff": {"path": STAFF, "values": [1, 60]}}, set=settings)
    for score in ("0.0", "float(len(text))"):
        (tmp_path / "mine.py").write_text(DETECTOR.format(score=score), encoding="utf-8")
        folder = run_sweep(load_sweep(file), tmp_path / "results")
        rows = pq.ParquetFile(folder.path / "sweep.parquet").read().to_pylist()
        alerts.append([r["value"] for r in rows if r["metric"] == "alerts" and r["arm"] == "trained_moderators"])
    assert readings == [0, 0]
    assert alerts[0] == [0.0, 0.0] and min(alerts[1]) > 0.0


def test_an_interrupted_sweep_goes_on_and_ends_on_the_same_digest(
    write_sweep: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = load_sweep(write_sweep({"staff": {"path": STAFF, "values": [1, 3, 60]}}))
    monkeypatch.setattr(engine, "units_of", lambda groups: units_of(groups, 2))  # a point a unit
    whole = run_sweep(sweep, tmp_path / "whole")
    lived, live = [], engine.live_unit

    def dies(*given: Any) -> Any:
        lived.append(given[1].number)
        if len(lived) == 2:
            raise UsageError("here", "the disk is full")
        return live(*given)

    monkeypatch.setattr(engine, "live_unit", dies)
    with pytest.raises(UsageError, match="the disk is full"):
        run_sweep(sweep, tmp_path / "parts")
    parts = run_sweep(sweep, tmp_path / "parts")
    assert lived == [0, 1, 1, 2]
    said = [json.loads((each.path / "manifest.json").read_text()) for each in (whole, parts)]
    assert said[0]["digest"] == said[1]["digest"] and [each["status"] for each in said] == ["complete"] * 2
    results = [(each.path / "sweep.json").read_text() for each in (whole, parts)]
    assert results[0] == results[1]


def test_what_is_asked_in_vain_is_said_again_each_time(write_sweep: Write, tmp_path: Path) -> None:
    """The rows of finished units stay; they must not pass for an answer to what none of them holds."""
    parameters = {"staff": {"path": STAFF, "values": [1]}}
    asked: list[dict[str, Any]] = [
        {"outputs": [{"metric": "alerts_lost[nowhere]", "arm": ARMS[0]}]},
        {"frontier": {"arm": ARMS[0], "metrics": {"alerts_lost[nobody]": "lower", "human_hours": None}}},
        {"best": {"metric": "alerts_lost[never]", "direction": "lower"}},
    ]
    for more in asked:
        for _ in range(2):
            with pytest.raises(UsageError, match=r"no row of .+ is 'alerts_lost\[n"):
                run_sweep(load_sweep(write_sweep(parameters, **more)), tmp_path / "results")


def test_what_lives_read_again_is_read_once_for_one_signal(
    write_sweep: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two teams that differ in nothing that binds change the same conversations at the same moments."""
    read: list[tuple[int, float, int]] = []
    made = living.arm_input

    def counted(*given: Any) -> Any:
        one = made(*given)
        rescan = one.rescan
        return replace(one, rescan=lambda *what: [read.append(what), rescan(*what)][1])

    monkeypatch.setattr(living, "arm_input", counted)
    file = write_sweep({"staff": {"path": STAFF, "values": [500, 600, 700]}}, set=SMALL, scale=0.05)
    run_sweep(load_sweep(file), tmp_path / "results")
    assert read and len(set(read)) == len(read)


def test_how_units_are_cut_changes_no_number(write_sweep: Write) -> None:
    sweep = load_sweep(
        write_sweep({"rate": {"path": RATE, "values": [0.5, 2]}, "s": {"path": STAFF, "values": [1, 60]}})
    )
    group = groups_of(sweep.points)[0]
    assert [unit.points for unit in units_of([group], 3)] == [(0, 1), (2, 3)]
    ready = living.prepare_group(group, sweep.base.folder)
    parts = [row for unit in units_of([group], 3) for row in living.live_unit(ready, unit, frozenset())]
    assert parts == living.live_unit(ready, units_of([group])[0], frozenset())
