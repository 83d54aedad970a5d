"""Pairs of runs into folders: the same digest however the work is split, stopped and continued."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from simharness.parallel import Interrupted
from simharness.provenance import table_digest
from simharness.run import run_scenario
from simharness.scenario.load import Loaded
from simharness.store import STATUS, SUMMARY, TABLES, RunFolder

SMALL = ("training={grooming: 60, benign: 300, calibration: 3000}", "sampling.benign_fraction=0.01", "replications=2")
ARMS = ("no_intervention", "police_communication_offence", "grooming_alerts", "mandatory_code")


@pytest.fixture(scope="module")
def small(load: Callable[..., Loaded]) -> Callable[..., Loaded]:
    """``small(*assignments, arms=ARMS)``: two detectors, two replications, a two-hundredth of the flagship."""

    def made(*assignments: str, arms: tuple[str, ...] = ARMS) -> Loaded:
        loaded = load(*SMALL, *assignments, scale=0.005)
        kept = {name: loaded.scenario.arms[name] for name in arms}
        specs = {name: loaded.scenario.detectors[name] for name in ("text_model", "keyword")}
        return replace(loaded, scenario=loaded.scenario.model_copy(update={"arms": kept, "detectors": specs}))

    return made


def digest(folder: RunFolder) -> str:
    manifest = folder.read_manifest()
    assert manifest["status"] == "complete" and len(manifest["cells"]) == 2
    return str(manifest["digest"])


@pytest.fixture(scope="module")
def done(small: Callable[..., Loaded], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The run that the others are held against. Read-only."""
    return run_scenario(small(), tmp_path_factory.mktemp("done"))


def tables(folder: RunFolder) -> dict[str, str]:
    """Digest of every table of every cell by its relative path."""
    files = sorted((folder.path / TABLES).rglob("*.parquet"))
    return {str(file.relative_to(folder.path)): table_digest(pq.ParquetFile(file).read()) for file in files}


@pytest.mark.parametrize("how", [{"jobs": 2}, {"batch_size": 50}, {"batch_size": 1000}, {"batch_size": 50_000}])
def test_workers_and_batches_change_nothing(
    small: Callable[..., Loaded], done: RunFolder, tmp_path: Path, how: dict[str, int]
) -> None:
    again = run_scenario(small(), tmp_path, **how)  # type: ignore[arg-type]
    assert digest(again) == digest(done) and tables(again) == tables(done)
    assert (again.path / SUMMARY).read_bytes() == (done.path / SUMMARY).read_bytes()
    assert again.run_id == done.run_id


def test_another_seed_is_another_run(small: Callable[..., Loaded], done: RunFolder, tmp_path: Path) -> None:
    other = run_scenario(small("seed=2018"), tmp_path)
    assert digest(other) != digest(done) and other.run_id != done.run_id
    of_cells = [set(folder.read_manifest()["cells"].values()) for folder in (done, other)]
    assert len(of_cells[0] | of_cells[1]) == 4  # no cell is like another
    worlds = [
        tables(folder)[f"{TABLES}/conversations/replication={n:04d}.parquet"]
        for folder in (done, other)
        for n in (0, 1)
    ]
    assert len(set(worlds)) == 4  # and no world, before anybody acts


def test_another_arm_leaves_the_tables_of_every_arm(
    small: Callable[..., Loaded], done: RunFolder, tmp_path: Path
) -> None:
    more = tables(run_scenario(small(arms=(*ARMS[:2], "voluntary_code", "trained_moderators", *ARMS[2:])), tmp_path))
    before = tables(done)
    kept = {name for name in before if not name.startswith(f"{TABLES}/metrics/")}
    assert {name: more[name] for name in kept} == {name: before[name] for name in kept}
    of_arm = 4  # tables of every arm: outcomes, alerts, decisions and actions
    assert len(kept) == 2 * (1 + of_arm * len(ARMS)) and len(more) == len(before) + 2 * of_arm * 2


def test_a_run_that_is_there_is_not_run_again(small: Callable[..., Loaded], done: RunFolder, tmp_path: Path) -> None:
    copied = copy_of(done, tmp_path)
    written = {file: file.stat().st_mtime_ns for file in (copied / TABLES).rglob("*.parquet")}
    told: list[tuple[str, int, int]] = []
    again = run_scenario(small(), tmp_path, notify=lambda *what: told.append(what))
    assert told == [("prepare", 2, 2)] and digest(again) == digest(done)
    assert written == {file: file.stat().st_mtime_ns for file in (copied / TABLES).rglob("*.parquet")}


def copy_of(run: RunFolder, root: Path) -> Path:
    target = root / run.scenario / run.run_id
    shutil.copytree(run.path, target)
    return target


def drop_the_last_line(run: Path) -> None:
    lines = (run / STATUS).read_bytes().splitlines(keepends=True)
    (run / STATUS).write_bytes(b"".join(lines[:-1]))


def tear_the_last_line(run: Path) -> None:
    text = (run / STATUS).read_bytes()
    (run / STATUS).write_bytes(text[: len(text) - 20])


def delete_a_table(run: Path) -> None:
    next((run / TABLES / "outcomes").glob("replication=0000-*.parquet")).unlink()


def delete_what_is_only_a_summary(run: Path) -> None:
    (run / SUMMARY).unlink()
    (run / "metrics.parquet").unlink()


@pytest.mark.parametrize(
    ("damage", "left"),
    [(drop_the_last_line, 1), (tear_the_last_line, 1), (delete_a_table, 1), (delete_what_is_only_a_summary, 2)],
)
def test_what_is_missing_is_made_again(
    small: Callable[..., Loaded], done: RunFolder, tmp_path: Path, damage: Callable[[Path], None], left: int
) -> None:
    damage(copy_of(done, tmp_path))
    told: list[tuple[str, int, int]] = []
    again = run_scenario(small(), tmp_path, notify=lambda *what: told.append(what))
    assert told[0] == ("prepare", left, 2) and len(told) == 3 - left
    assert digest(again) == digest(done) and tables(again) == tables(done)
    assert (again.path / SUMMARY).read_bytes() == (done.path / SUMMARY).read_bytes()


def test_an_interrupted_run_keeps_what_is_finished_and_goes_on(
    small: Callable[..., Loaded], done: RunFolder, tmp_path: Path
) -> None:
    def stop_after_one(what: str, *_: Any) -> None:
        if what == "cell":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        run_scenario(small(), tmp_path, notify=stop_after_one)
    stopped = RunFolder.at(tmp_path / done.scenario / done.run_id)
    manifest = stopped.read_manifest()
    assert manifest["status"] == "partial" and list(manifest["cells"]) == ["0"]
    assert manifest["cells"]["0"] == done.read_manifest()["cells"]["0"]
    assert digest(run_scenario(small(), tmp_path)) == digest(done)
