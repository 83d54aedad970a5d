"""The folder of a run, ``results/<scenario>/<run id>/``: what is in it, and how nothing in it is ever half written.

The run id is derived from a key (everything that decides the results), so the same command finds the same folder again.
Files are written aside and renamed. ``status.jsonl`` only grows; a cell (one replication) counts as finished when its
line is there and the files it names are too, so a run can stop at any moment and be continued.
"""

from __future__ import annotations

import difflib
import fcntl
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, Literal, Self, cast, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from simharness.errors import RunIncomplete, UsageError
from simharness.provenance import text_digest
from simharness.records import SCHEMA_VERSION

MANIFEST = "manifest.json"
RESOLVED_SCENARIO = "scenario.resolved.yaml"
POPULATION = "population.csv"  # the scenario's table, so that the folder alone says what was simulated
STATUS = "status.jsonl"
TABLES = "tables"
METRICS = "metrics.parquet"
SUMMARY = "summary.json"
LOCK = ".lock"
LATEST = "latest"
SWEEP = "sweep-"  # begins the name of a sweep's folder
RUN_ID_LENGTH = 12
FINISHED = "finished"

RunStatus = Literal["running", "complete", "partial", "failed"]
_ASIDE = ".aside"
_SHOWN = 10  # names listed in an error
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One line of ``simharness list runs``; ``status`` is "unreadable" for a damaged manifest or another version's."""

    path: Path
    scenario: str
    run_id: str
    status: str
    updated_at: str  # UTC, ISO 8601; empty when unreadable


class RunFolder:
    """A run's folder. :meth:`open` holds the writer's lock until :meth:`close`; :meth:`at` only looks at a run."""

    def __init__(self, path: Path, lock: IO[str] | None = None) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, root: Path, scenario_name: str, key: str, prefix: str = "") -> RunFolder:
        """Create or continue the run of ``key`` and lock it against other processes; ``prefix`` begins its id.

        Raises :class:`UsageError` when the folder cannot be written or another process is writing it.
        """
        run_id = prefix + text_digest(key)[:RUN_ID_LENGTH]
        path = root / _checked_name("scenario name", scenario_name) / run_id
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = _locked(path)
            for left_over in path.rglob(f".*{_ASIDE}"):  # of a process that was killed while writing
                left_over.unlink()
        except OSError as error:
            raise UsageError(
                str(path),
                f"cannot write the results here: {error.strerror or error}",
                hint="Choose a folder that can be written with --output DIR.",
            ) from error
        return cls(path, lock)

    @classmethod
    def at(cls, path: Path) -> RunFolder:
        """An existing run, unlocked: for reading it and for rendering reports into it."""
        return cls(path)

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def scenario(self) -> str:
        return self.path.parent.name

    def close(self) -> None:
        """Release the lock; the folder can still be read."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- writing: every name is relative to the run's folder; RunIncomplete when the disk refuses --

    def write_text(self, name: str, text: str) -> Path:
        """Write UTF-8 text under ``name`` in one step: either all of it is there or what was there before."""
        return self._write(name, lambda file: file.write(text.encode()))

    def write_json(self, name: str, value: object) -> Path:
        """Write JSON, keys in the given order. NaN becomes null (undefined); infinity raises ValueError."""
        return self.write_text(name, json.dumps(_plain(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n")

    def write_yaml(self, name: str, value: object) -> Path:
        """Write YAML 1.2 in block style, keys in the given order."""
        yaml = YAML()
        yaml.default_flow_style = False
        yaml.width = 120
        return self._write(name, lambda file: yaml.dump(_plain(value), file))

    def write_table(self, name: str, table: pa.Table) -> Path:
        """Write a parquet file (zstd)."""
        return self._write(name, lambda file: pq.write_table(table, file, compression="zstd"))

    def write_cell_table(self, name: str, replication: int, table: pa.Table, arm: str | None = None) -> str:
        """Write one cell's part of table ``name``; returns its relative path, to be listed by :meth:`finish_cell`."""
        relative = cell_path(name, replication, arm)
        self.write_table(relative, table)
        return relative

    def _write(self, name: str, write: Callable[[IO[bytes]], object]) -> Path:
        target = self.path / name
        aside = target.with_name(f".{target.name}.{os.getpid()}{_ASIDE}")
        with self._writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with aside.open("wb") as file:
                    write(file)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(aside, target)
            finally:
                aside.unlink(missing_ok=True)
        return target

    @contextmanager
    def _writing(self, target: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunIncomplete(
                f"{target}: cannot be written: {error.strerror or error}.\n"
                "  Finished cells are kept. Make room, then give the same command again to continue."
            ) from error

    # -- status: append-only JSON lines --

    def append_status(self, line: Mapping[str, object]) -> None:
        """Add one line to ``status.jsonl`` and wait until it is on disk; a torn last line is cut off first."""
        if self._lock is None:
            raise RuntimeError(f"{self.path}: the status is written by the process that opened the run")
        text = json.dumps(_plain(line), allow_nan=False) + "\n"
        target = self.path / STATUS
        with self._writing(target), target.open("a+b") as file:
            file.truncate(_whole_lines(file))
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    def finish_cell(self, replication: int, digest: str, files: Sequence[str], **more: object) -> None:
        """Record that a cell is complete: its digest and the relative paths of every file it wrote."""
        line = {"state": FINISHED, "replication": replication, "digest": digest, "files": list(files)}
        self.append_status({**line, **more})

    def read_status(self) -> list[dict[str, Any]]:
        """All lines, oldest first, without a torn last line. Raises :class:`UsageError` for damage anywhere else."""
        path = self.path / STATUS
        if not path.exists():
            return []
        with path.open("rb") as file:
            length = _whole_lines(file)
            file.seek(0)
            rows = file.read(length).splitlines()
        return [_object(row, f"{path}:{number}") for number, row in enumerate(rows, start=1)]

    def finished_cells(self) -> dict[int, str]:
        """Replication to cell digest, sorted. The last line of a replication decides, and its files must exist."""
        return {replication: str(line["digest"]) for replication, line in self._finished().items()}

    def faults(self) -> dict[int, list[dict[str, Any]]]:
        """Faults of detectors by finished cell; an empty list where there were none."""
        return {replication: list(line.get("faults", [])) for replication, line in self._finished().items()}

    def _finished(self) -> dict[int, dict[str, Any]]:
        last = {line["replication"]: line for line in self.read_status() if isinstance(line.get("replication"), int)}
        return {
            replication: line
            for replication, line in sorted(last.items())
            if line.get("state") == FINISHED
            and "digest" in line
            and isinstance(line.get("files"), list)
            and all((self.path / name).is_file() for name in line["files"])
        }

    # -- reading --

    def read_table(self, name: str) -> pa.Table:
        """All parts of table ``name`` that finished cells wrote, in order of replication, then as the cell listed them.

        Raises :class:`UsageError` when no finished cell has such a table or the parts do not have one schema.
        """
        parts: dict[str, list[str]] = {}
        for line in self._finished().values():
            for file in map(PurePosixPath, line["files"]):
                if file.parent.parent == PurePosixPath(TABLES):
                    parts.setdefault(file.parent.name, []).append(str(file))
        if name not in parts:
            suggestion = _suggest(name, sorted(parts))
            raise UsageError(str(self.path), f"no finished cell holds a table {name!r}", **suggestion)
        try:
            return pa.concat_tables([pq.ParquetFile(self.path / file).read() for file in parts[name]])
        except pa.ArrowInvalid as error:
            where = str(self.path / TABLES / name)
            raise UsageError(where, f"the parts cannot be read as one table: {error}") from error

    def write_manifest(self, status: RunStatus, fields: Mapping[str, object]) -> Path:
        """Replace the manifest: ``schema_version``, ``status`` and ``updated_at`` (UTC), then ``fields``."""
        if status not in get_args(RunStatus):
            raise ValueError(f"status: expected one of {get_args(RunStatus)}, got {status!r}")
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        head: dict[str, object] = {"schema_version": SCHEMA_VERSION, "status": status, "updated_at": now}
        return self.write_json(MANIFEST, head | dict(fields) | head)

    def read_manifest(self) -> dict[str, Any]:
        """The manifest. Raises :class:`UsageError` when it is missing, damaged or of another schema version."""
        path = self.path / MANIFEST
        try:
            manifest = _object(path.read_bytes(), str(path))
        except OSError as error:
            raise UsageError(str(path), f"cannot be read: {error.strerror}") from error
        version = manifest.get("schema_version")
        if version != SCHEMA_VERSION:
            raise UsageError(
                str(path),
                f"schema_version is {version}",
                allowed=str(SCHEMA_VERSION),
                hint="Use the version of simharness that wrote this run, or run the scenario again.",
            )
        return manifest


def cell_path(name: str, replication: int, arm: str | None = None) -> str:
    """Relative path of one cell's part of a table: ``tables/<name>/replication=<nnnn>[-<arm>].parquet``."""
    suffix = "" if arm is None else f"-{_checked_name('arm', arm)}"
    return f"{TABLES}/{_checked_name('table', name)}/replication={replication:04d}{suffix}.parquet"


def list_runs(root: Path) -> list[RunInfo]:
    """Every run below ``root``, newest first by the manifest's ``updated_at``; without a manifest it is not a run,
    and neither is a sweep.
    """
    folders = [path.parent for path in root.glob(f"*/*/{MANIFEST}")]
    runs = [_info(folder) for folder in folders if not folder.name.startswith(SWEEP)]
    return sorted(runs, key=lambda run: (run.updated_at, run.scenario, run.run_id), reverse=True)


def find_run(root: Path, run: str) -> RunFolder:
    """The run meant by "latest", an id (or its unambiguous beginning), or a path.

    Raises :class:`UsageError` naming the nearest id when there is none.
    """
    if run != LATEST and (Path(run) / MANIFEST).is_file():
        return RunFolder.at(Path(run).resolve())
    runs = list_runs(root)
    if not runs:
        raise UsageError(str(root), "there are no runs here", hint="Start one with: simharness run FILE")
    matches = runs[:1] if run == LATEST else [info for info in runs if run and info.run_id.startswith(run)]
    if not matches:
        raise UsageError("RUN", f"no run {run!r} in {root}", **_suggest(run, [info.run_id for info in runs]))
    if len(matches) > 1:
        names = ", ".join(str(info.path) for info in matches)
        problem = f"{run!r} means more than one run"
        raise UsageError("RUN", problem, allowed=names, hint="Give more of the id, or the path.")
    return RunFolder.at(matches[0].path)


def _info(path: Path) -> RunInfo:
    try:
        manifest = RunFolder.at(path).read_manifest()
    except UsageError:
        return RunInfo(path, path.parent.name, path.name, "unreadable", "")
    return RunInfo(path, path.parent.name, path.name, str(manifest.get("status")), str(manifest.get("updated_at", "")))


def _suggest(value: str, known: Sequence[str]) -> dict[str, str]:
    near = difflib.get_close_matches(value, known, n=1)
    found = {"allowed": (", ".join(known[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")) or "nothing yet"}
    return {**found, "hint": f"Did you mean {near[0]!r}?"} if near else found


def _checked_name(where: str, name: str) -> str:
    """Names become file names; anything else could leave the run's folder or overwrite a neighbour's file."""
    if not _NAME.fullmatch(name):
        allowed = "letters, digits and . _ + -, beginning with a letter or digit"
        raise UsageError(where, f"{name!r} cannot name a file", allowed=allowed)
    return name


def _locked(path: Path) -> IO[str]:
    lock = (path / LOCK).open("a+")
    try:
        # flock, not lockf: the latter is lost as soon as this process closes any other handle of the file.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise UsageError(
            str(path),
            f"this run is being written by another process (pid {holder})",
            hint="Wait for it to end, then give the same command again; or choose another folder with --output DIR.",
        ) from None
    except BaseException:
        lock.close()
        raise
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _whole_lines(file: IO[bytes]) -> int:
    """Length in bytes up to the last newline: what lies behind it was being written when its process died."""
    file.seek(0)
    return file.read().rfind(b"\n") + 1


def _object(text: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        hint = "Remove the run's folder and run the scenario again."
        raise UsageError(where, f"damaged: {error}", hint=hint) from error
    if not isinstance(value, dict):
        raise UsageError(where, f"expected a JSON object, got {type(value).__name__}")
    return value


def _plain(value: object) -> object:
    """The same value in types that JSON and YAML know. Undefined numbers (NaN) become null, never 0."""
    if isinstance(value, np.generic):
        value = cast(object, value.item())
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
