"""Digests see content and nothing else; the git revision is never somebody else's."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simharness.errors import UsageError
from simharness.provenance import (
    NOT_INSTALLED,
    combine,
    git_revision,
    source_digest,
    table_digest,
    text_digest,
    versions,
)


def _package(folder: Path, **modules: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_text_digest_is_the_sha256_of_the_text() -> None:
    assert text_digest("é") == hashlib.sha256(b"\xc3\xa9").hexdigest()


def test_combine_ignores_order_and_sees_names() -> None:
    assert combine({"a": "1", "b": "2"}) == combine({"b": "2", "a": "1"})
    assert combine({"a": "1", "b": "2"}) != combine({"a": "2", "b": "1"})


def test_source_digest_ignores_place_order_and_other_files(tmp_path: Path) -> None:
    here = _package(tmp_path / "one" / "pack", a="x = 1\n", b="y = 2\n")
    there = _package(tmp_path / "two" / "pack", b="y = 2\n", a="x = 1\n")
    other = _package(tmp_path / "zoo", a="")
    (there / "notes.txt").write_text("not code")
    assert source_digest([here, other]) == source_digest([other, there])


@pytest.mark.parametrize(
    "modules",
    [
        {"a": "x = 1\n", "c": "y = 2\n"},
        {"a": "x = 3\n", "b": "y = 2\n"},
        {"a": "x = 1\n"},
        {"a": "x = 1\ny = 2\n", "b": ""},
    ],
    ids=["renamed", "edited", "removed", "moved between files"],
)
def test_source_digest_sees_every_change(tmp_path: Path, modules: dict[str, str]) -> None:
    before = _package(tmp_path / "one" / "pack", a="x = 1\n", b="y = 2\n")
    assert source_digest([before]) != source_digest([_package(tmp_path / "two" / "pack", **modules)])


def test_source_digest_takes_a_single_file_and_refuses_nothing(tmp_path: Path) -> None:
    package = _package(tmp_path / "pack", a="x = 1\n")
    assert source_digest([package / "a.py"]) != source_digest([package])
    with pytest.raises(UsageError, match=r"missing: no Python source"):
        source_digest([tmp_path / "missing"])


def test_versions_name_python_and_the_libraries_in_use() -> None:
    found = versions()
    assert found["numpy"] == np.__version__
    assert found["pyarrow"] == pa.__version__
    assert {"python", "simharness", "numba"} <= set(found)
    assert versions(["rich", "no-such-distribution"]) == {
        **found,
        "rich": metadata.version("rich"),
        "no-such-distribution": NOT_INSTALLED,
    }


def _git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {**clean, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True, env=environment)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    root.mkdir()
    _git(root, "init", "-q")
    (root / "code.py").write_text("x = 1\n")
    (root / ".gitignore").write_text("env/\n")
    _git(root, "add", ".")
    _git(root, "commit", "-q", "-m", "first")
    return root


def test_git_revision_is_the_commit_and_says_dirty(checkout: Path) -> None:
    revision = git_revision(checkout)
    assert revision is not None
    assert len(revision) == 40
    (checkout / "untracked.txt").write_text("results")
    assert git_revision(checkout) == revision
    (checkout / "code.py").write_text("x = 2\n")
    assert git_revision(checkout) == revision + "+dirty"


def test_git_revision_is_none_without_a_commit_of_its_own(checkout: Path, tmp_path: Path) -> None:
    installed = checkout / "env" / "site-packages"
    installed.mkdir(parents=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert git_revision(installed) is None
    assert git_revision(empty) is None
    _git(empty, "init", "-q")
    assert git_revision(empty) is None


def test_git_revision_is_none_without_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    assert git_revision(checkout) is None


def test_git_revision_ignores_the_repository_of_a_hook(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(checkout / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(checkout))
    assert git_revision(tmp_path) is None


def _rich_table() -> pa.Table:
    return pa.table(
        {
            "id": pa.array([1, None, 3, 4, 5], pa.uint64()),
            "when": pa.array([10, 20, None, 40, 50], pa.timestamp("us", "UTC")),
            "risk": pa.array([0.5, float("nan"), None, -0.0, 1e300], pa.float64()),
            "small": pa.array([0.5, float("nan"), None, 1.5, 2.5], pa.float32()),
            "arm": pa.array(["early", None, "", "police", "early"]),
            "raw": pa.array([b"a", b"", None, b"bc", b"d"]),
            "kind": pa.array(["x", None, "y", "x", "y"]).dictionary_encode(),
            "hit": pa.array([True, None, False, True, False]),
            "levels": pa.array([[1.0, 2.0], None, [], [3.0, None], [4.0]], pa.list_(pa.float64())),
            "nothing": pa.nulls(5),
        }
    )


def _through_parquet(table: pa.Table, **options: Any) -> pa.Table:
    held = io.BytesIO()
    pq.write_table(table, held, **options)
    return pq.ParquetFile(held).read()


@pytest.mark.parametrize(
    "layout",
    [
        lambda table: pa.concat_tables([table.slice(0, 2), table.slice(2, 0), table.slice(2)]),
        lambda table: pa.concat_tables([table.slice(i, 1) for i in range(5)]).combine_chunks(),
        lambda table: pa.concat_tables([table, table]).slice(5),
        lambda table: table.replace_schema_metadata({"made": "elsewhere"}),
        lambda table: _through_parquet(table, compression="zstd", row_group_size=2),
        lambda table: _through_parquet(table, compression="none", use_dictionary=False, write_statistics=False),
        lambda table: table.set_column(6, "kind", table["kind"].cast(pa.string())),
    ],
    ids=["chunks", "one by one", "slice", "metadata", "zstd", "plain", "dictionary decoded"],
)
def test_table_digest_ignores_layout(layout: Any) -> None:
    table = _rich_table()
    assert table_digest(layout(table)) == table_digest(table)


def test_table_digest_ignores_what_lies_under_nulls() -> None:
    valid = pa.array([True, False]).buffers()[1]
    numbers = [pa.Array.from_buffers(pa.int64(), 2, [valid, pa.array([7, x]).buffers()[1]]) for x in (8, 9)]
    texts = [pa.Array.from_buffers(pa.string(), 2, [valid, *pa.array(["a", x]).buffers()[1:]]) for x in ("bb", "c")]
    for first, second in (numbers, texts):
        assert table_digest(pa.table({"x": first})) == table_digest(pa.table({"x": second}))


def test_table_digest_has_one_nan_and_keeps_the_sign_of_zero() -> None:
    nans = np.array([0x7FF8000000000000, 0xFFF8000000000001], np.uint64).view(np.float64)
    digests = [table_digest(pa.table({"x": [value]})) for value in nans]
    assert digests[0] == digests[1]
    assert table_digest(pa.table({"x": [0.0]})) != table_digest(pa.table({"x": [-0.0]}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": [1, 2]}, {"x": [2, 1]}),
        ({"x": [1, 2]}, {"y": [1, 2]}),
        ({"x": [1], "y": [2]}, {"y": [2], "x": [1]}),
        ({"x": pa.array([1], pa.int32())}, {"x": pa.array([1], pa.int64())}),
        ({"x": pa.array([1], pa.int64())}, {"x": pa.array([1], pa.timestamp("s"))}),
        ({"x": pa.array([0], pa.int64())}, {"x": pa.array([None], pa.int64())}),
        ({"x": pa.array([float("nan")])}, {"x": pa.array([None], pa.float64())}),
        ({"x": ["ab", "c"]}, {"x": ["a", "bc"]}),
        ({"x": pa.array([""])}, {"x": pa.array([None], pa.string())}),
        ({"x": [[1], [2, 3]]}, {"x": [[1, 2], [3]]}),
        ({"x": pa.array([[]], pa.list_(pa.int64()))}, {"x": pa.array([None], pa.list_(pa.int64()))}),
        ({"x": pa.nulls(1)}, {"x": pa.nulls(2)}),
    ],
    ids=["order", "name", "columns", "width", "type", "null", "nan", "split", "empty", "lists", "no list", "rows"],
)
def test_table_digest_sees_content(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert table_digest(pa.table(one)) != table_digest(pa.table(other))


def test_table_digest_of_no_rows() -> None:
    table = _rich_table()
    no_chunks = pa.table([pa.chunked_array([], field.type) for field in table.schema], schema=table.schema)
    assert table_digest(table.slice(0, 0)) == table_digest(no_chunks)
    assert table_digest(table.slice(0, 0)) != table_digest(table)


def test_table_digest_refuses_what_it_does_not_define() -> None:
    with pytest.raises(TypeError, match="struct"):
        table_digest(pa.table({"x": [{"a": 1}]}))
