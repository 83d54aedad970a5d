"""A run's folder: nothing half written, nothing lost, one writer at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from simharness.errors import RunIncomplete, UsageError
from simharness.provenance import text_digest
from simharness.records import SCHEMA_VERSION
from simharness.store import STATUS, RunFolder, cell_path, find_run, list_runs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFolder]:
    with RunFolder.open(tmp_path / "results", "demo", "key") as folder:
        yield folder


def _child(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_same_key_opens_the_same_folder(tmp_path: Path) -> None:
    paths = []
    for key in ("key", "key", "other"):
        with RunFolder.open(tmp_path, "demo", key) as folder:
            paths.append(folder.path)
    assert paths[0] == paths[1] == tmp_path / "demo" / text_digest("key")[:12]
    assert paths[2] != paths[0]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "two words"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a file"):
        RunFolder.open(tmp_path, name, "key")
    with pytest.raises(UsageError, match="arm"):
        cell_path("alerts", 1, name)


# -- writing --


def test_text_json_and_yaml_come_back(run: RunFolder) -> None:
    value = {"b": [1, 2.5, None, True], "a": {"text": "48h é", "no": "no"}}
    assert run.write_text("sub/notes.md", "é\n").read_bytes() == b"\xc3\xa9\n"
    assert json.loads(run.write_json("summary.json", value).read_text()) == value
    written = run.write_yaml("scenario.resolved.yaml", value).read_text()
    assert YAML(typ="safe").load(written) == value
    assert written.index("b:") < written.index("a:")


def test_a_reader_keeps_the_old_file_while_it_is_replaced(run: RunFolder) -> None:
    with run.write_text("summary.md", "old").open() as reader:
        run.write_text("summary.md", "new")
        assert reader.read() == "old"


def test_undefined_is_null_and_infinity_is_refused(run: RunFolder) -> None:
    path = run.write_json("x.json", {"a": np.float64("nan"), "b": (np.int64(3), float("nan"))})
    assert json.loads(path.read_text()) == {"a": None, "b": [3, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.write_json("x.json", {"a": float("inf")})
    assert json.loads(path.read_text()) == {"a": None, "b": [3, None]}


def test_tables_are_zstd_parquet(run: RunFolder) -> None:
    table = pa.table({"x": [1, None, 3]})
    path = run.write_table("metrics.parquet", table)
    assert pq.ParquetFile(path).read().equals(table)
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np, pyarrow as pa
from simharness.errors import RunIncomplete
from simharness.store import RunFolder
with RunFolder.open(Path(sys.argv[1]), "demo", "key") as run:
    run.write_text("notes.md", "before")
    run.append_status({"state": "started", "replication": 0})
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    table = pa.table({"x": np.arange(100_000) ** 3 % 999_983})
    for write in (
        lambda: run.write_text("notes.md", "x" * 10_000),
        lambda: run.write_cell_table("alerts", 0, table),
        lambda: run.append_status({"state": "x" * 10_000}),
    ):
        try:
            write()
        except RunIncomplete as error:
            print(error)
    run.append_status({"state": "after", "replication": 0})
"""


def test_a_disk_that_refuses_leaves_no_half_file(tmp_path: Path) -> None:
    done = _child(FULL_DISK, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot be written: File too large") == 3
    run = RunFolder.at(next(tmp_path.glob("demo/*")))
    assert sorted(path.name for path in run.path.rglob("*") if path.is_file()) == [".lock", "notes.md", STATUS]
    assert (run.path / "notes.md").read_text() == "before"
    assert [line["state"] for line in run.read_status()] == ["started", "after"]


def test_what_a_killed_writer_left_is_swept_on_opening(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, "demo", "key") as run:
        run.write_text("tables/a/b.txt", "kept")
        left = run.path / "tables" / "a" / ".b.txt.123.aside"
        left.write_text("half")
    with RunFolder.open(tmp_path, "demo", "key"):
        assert not left.exists()
    assert (left.parent / "b.txt").read_text() == "kept"


# -- the output folder --


def test_an_output_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file.demo.*Not a directory") as caught:
        RunFolder.open(tmp_path / "file", "demo", "key")
    assert "--output DIR" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_a_read_only_output_folder_is_a_usage_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="Permission denied"):
        RunFolder.open(tmp_path, "demo", "key")


SECOND = """
import sys
from pathlib import Path
from simharness.errors import UsageError
from simharness.store import RunFolder
try:
    RunFolder.open(Path(sys.argv[1]), "demo", "key").close()
except UsageError as error:
    print(error)
"""


def test_a_second_process_is_told_who_writes_the_run(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, "demo", "key") as run:
        run.path.joinpath(".lock").write_text("pid of an earlier writer\n")
    with RunFolder.open(tmp_path, "demo", "key") as run:
        with pytest.raises(UsageError, match="another process"):
            RunFolder.open(tmp_path, "demo", "key")
        RunFolder.at(run.path).read_status()  # looking at a run must not give its lock away
        assert f"being written by another process (pid {os.getpid()})" in _child(SECOND, str(tmp_path)).stdout
    assert _child(SECOND, str(tmp_path)).stdout == ""


def test_only_the_opener_writes_the_status(run: RunFolder) -> None:
    with pytest.raises(RuntimeError, match="opened the run"):
        RunFolder.at(run.path).append_status({"state": "started"})


# -- status and cells --


@pytest.mark.parametrize("torn", [b'{"state": "fini', b'{"state": "whole but unended"}', b"\0\0\0", b"\xc3"])
def test_a_torn_last_line_is_dropped_and_cut_off(run: RunFolder, torn: bytes) -> None:
    run.append_status({"n": 1})
    with (run.path / STATUS).open("ab") as file:
        file.write(torn)
    assert run.read_status() == [{"n": 1}]
    run.append_status({"n": 2})
    assert (run.path / STATUS).read_bytes() == b'{"n": 1}\n{"n": 2}\n'


def test_damage_elsewhere_is_reported_with_its_line(run: RunFolder) -> None:
    (run.path / STATUS).write_text('{"n": 1}\n{"n": \n{"n": 3}\n')
    with pytest.raises(UsageError, match=r"status\.jsonl:2: damaged"):
        run.read_status()


def test_no_status_is_no_lines(run: RunFolder) -> None:
    assert run.read_status() == []
    assert run.finished_cells() == {}


def test_a_cell_is_finished_by_its_last_line_and_its_files(run: RunFolder) -> None:
    for replication in (2, 0, 1, 3):
        file = run.write_cell_table("alerts", replication, pa.table({"x": [replication]}))
        run.append_status({"state": "started", "replication": replication})
        run.finish_cell(replication, f"digest {replication}", [file], seconds=1.5)
    assert list(run.finished_cells().items()) == [(n, f"digest {n}") for n in range(4)]
    run.append_status({"state": "started", "replication": 1})
    (run.path / cell_path("alerts", 3)).unlink()
    run.append_status({"state": "finished", "replication": 4, "digest": "says not which files"})
    run.append_status({"state": "failed", "replication": 5, "digest": "d", "files": []})
    assert run.finished_cells() == {0: "digest 0", 2: "digest 2"}


# -- tables of cells --


def test_cell_paths() -> None:
    assert cell_path("alerts", 7) == "tables/alerts/replication=0007.parquet"
    assert cell_path("outcomes", 12345, "police_only") == "tables/outcomes/replication=12345-police_only.parquet"


def test_a_table_is_read_in_order_of_replication(run: RunFolder) -> None:
    for replication in (10_000, 2, 0):
        arms = ("police_only", "early")
        files = [run.write_cell_table("alerts", replication, pa.table({"at": [f"{replication}{a}"]}), a) for a in arms]
        run.finish_cell(replication, "d", files)
    run.write_cell_table("alerts", 1, pa.table({"at": ["of a cell that never finished"]}))
    expected = ["0police_only", "0early", "2police_only", "2early", "10000police_only", "10000early"]
    assert run.read_table("alerts")["at"].to_pylist() == expected


def test_a_missing_table_and_unlike_parts_are_usage_errors(run: RunFolder) -> None:
    with pytest.raises(UsageError, match="allowed: nothing yet"):
        run.read_table("alerts")
    run.finish_cell(0, "d", [run.write_cell_table("alerts", 0, pa.table({"x": [1]}))])
    with pytest.raises(UsageError, match="Did you mean 'alerts'"):
        run.read_table("alert")
    run.finish_cell(1, "d", [run.write_cell_table("alerts", 1, pa.table({"x": ["a"]}))])
    with pytest.raises(UsageError, match="cannot be read as one table"):
        run.read_table("alerts")


# -- manifest and finding runs --


def test_the_manifest_comes_back_with_its_head(run: RunFolder) -> None:
    run.write_manifest("running", {"seed": 7, "status": "not this one"})
    manifest = run.read_manifest()
    assert list(manifest) == ["schema_version", "status", "updated_at", "seed"]
    assert (manifest["schema_version"], manifest["status"], manifest["seed"]) == (SCHEMA_VERSION, "running", 7)
    with pytest.raises(ValueError, match="got 'done'"):
        run.write_manifest("done", {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "damaged"), ("[]", "expected a JSON object"), ('{"schema_version": 1}', r"schema_version is 1; allowed: 2")],
)
def test_a_manifest_that_cannot_be_used_is_a_usage_error(run: RunFolder, text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=r"manifest\.json: cannot be read"):
        run.read_manifest()
    run.write_text("manifest.json", text)
    with pytest.raises(UsageError, match=problem):
        run.read_manifest()
    assert [info.status for info in list_runs(run.path.parents[1])] == ["unreadable"]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    root = tmp_path / "results"
    for scenario, key in (("beta", "1"), ("alpha", "2"), ("beta", "3")):
        with RunFolder.open(root, scenario, key) as folder:
            folder.write_manifest("complete", {})
    (root / "alpha" / "notarun").mkdir()
    return root


def test_runs_are_listed_newest_first(results: Path) -> None:
    runs = list_runs(results)
    assert [info.run_id for info in runs] == [text_digest(key)[:12] for key in "321"]
    assert [(info.scenario, info.status) for info in runs] == [(name, "complete") for name in ("beta", "alpha", "beta")]
    assert list_runs(results / "missing") == []


def test_a_run_is_found_by_latest_id_beginning_and_path(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = text_digest("2")[:12]
    expected = results / "alpha" / run_id
    for run in (run_id, run_id[:6], str(expected)):
        assert find_run(results, run).path == expected
    assert find_run(results, "latest").run_id == text_digest("3")[:12]
    monkeypatch.chdir(expected)
    assert (find_run(results, ".").run_id, find_run(results, ".").scenario) == (run_id, "alpha")


def test_a_run_not_found_names_the_nearest(results: Path) -> None:
    run_id = text_digest("2")[:12]
    typed = "x" + run_id[1:]
    with pytest.raises(UsageError, match=f"no run {typed!r}.*\n.*Did you mean {run_id!r}"):
        find_run(results, typed)
    with pytest.raises(UsageError, match="no run ''"):
        find_run(results, "")
    with pytest.raises(UsageError, match="there are no runs here"):
        find_run(results / "missing", "latest")


def test_an_id_that_means_two_runs_is_refused(results: Path) -> None:
    with RunFolder.open(results, "alpha", "1") as folder:
        folder.write_manifest("complete", {})
    with pytest.raises(UsageError, match="more than one run") as caught:
        find_run(results, text_digest("1")[:12])
    assert "alpha" in str(caught.value)
    assert "beta" in str(caught.value)


def test_a_write_that_fails_is_incomplete_not_usage(run: RunFolder) -> None:
    (run.path / "tables").write_text("in the way")
    with pytest.raises(RunIncomplete, match="same command again") as caught:
        run.write_cell_table("alerts", 0, pa.table({"x": [1]}))
    assert caught.value.exit_code == 3
