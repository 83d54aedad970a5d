"""What made a result: digests of code, text and tables, package versions, and the git revision."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simharness.errors import UsageError

DISTRIBUTIONS = (
    "simharness",
    "numpy",
    "numba",
    "scipy",
    "scikit-learn",
    "simpy",
    "pydantic",
    "ruamel.yaml",
    "pyarrow",
    "joblib",
    "threadpoolctl",
)
NOT_INSTALLED = "not installed"
_GIT_SECONDS = 10.0
_SIGNED = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}


def text_digest(text: str) -> str:
    """SHA-256 of the UTF-8 bytes of ``text``, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def combine(digests: Mapping[str, str]) -> str:
    """One digest of named digests; the order of the mapping does not matter, the names do."""
    return text_digest(json.dumps(dict(digests), sort_keys=True))


def source_digest(packages: Sequence[Path]) -> str:
    """Digest of every ``*.py`` file of the given packages (folders, or single files): relative names and bytes.

    Names start at the package's own name, so moving a checkout changes nothing and renaming a module does. Raises
    :class:`UsageError` when a package does not exist or holds no Python file: an empty digest would match anything.
    """
    entries: list[tuple[str, bytes]] = []
    for package in packages:
        root = package.resolve()
        files = [root] if root.is_file() else sorted(root.rglob("*.py"))
        if not files:
            raise UsageError(str(package), "no Python source to digest", allowed="a package folder or a .py file")
        entries += [(path.relative_to(root.parent).as_posix(), path.read_bytes()) for path in files]
    total = hashlib.sha256()
    for name, content in sorted(entries):
        # Lengths are written too: otherwise the end of one file could pass for the start of the next.
        total.update(f"{len(name.encode())}:{name}:{len(content)}:".encode())
        total.update(content)
    return total.hexdigest()


def versions(also: Iterable[str] = ()) -> dict[str, str]:
    """Versions of Python, simharness, its main dependencies and ``also``; read from metadata, nothing is imported."""
    found = {"python": platform.python_version()}
    for name in (*DISTRIBUTIONS, *also):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = NOT_INSTALLED
    return found


def git_revision(root: Path) -> str | None:
    """The commit checked out at ``root``, with ``+dirty`` when a tracked file below it was changed.

    None when git is missing, or ``root`` is not in a checkout, has no commit, or is not tracked by it: a package
    installed inside somebody else's checkout must not be given that project's revision.
    """
    revision = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    tracked = _git(root, "ls-files", "--", ".")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".")
    if not revision or not tracked or changes is None:
        return None
    return revision + ("+dirty" if changes else "")


def _git(root: Path, *arguments: str) -> str | None:
    # Inside a git hook GIT_DIR and friends point at the hook's repository and would override -C.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    clean["GIT_OPTIONAL_LOCKS"] = "0"
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def table_digest(table: pa.Table) -> str:
    """Digest of a table's logical content: column names, types, and values in row order.

    Independent of chunking, batch size, parquet encoding and compression, and dictionary encoding (a dictionary column
    counts as its value type). A null equals only a null; every NaN equals every other NaN and no null; other floats
    count by their bits, so 0.0 and -0.0 differ. Schema metadata is not content. Raises TypeError for a type other than
    null, boolean, integer, float, date/time, string, binary, and lists of these.
    """
    streams: dict[str, Any] = {}
    for index, column in enumerate(table.columns):
        for chunk in column.chunks:
            _feed(streams, f"{index}", chunk)
    content = {path: stream.hexdigest() for path, stream in streams.items()}
    schema = [[field.name, _type_name(field.type)] for field in table.schema]
    return text_digest(json.dumps([schema, content], sort_keys=True))


def _type_name(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return _type_name(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        # The child's field name ("item" or "element") is the file format's, not the data's.
        return f"{'large_' if pa.types.is_large_list(kind) else ''}list<{_type_name(kind.value_type)}>"
    return str(kind)


def _feed(streams: dict[str, Any], path: str, array: pa.Array) -> None:
    """Add one chunk to the byte streams of its column, so that chunk borders leave no trace."""
    kind = array.type
    if len(array) == 0:
        return  # a table may hold empty chunks, or none at all: both are the same content
    if pa.types.is_dictionary(kind):
        _feed(streams, path, array.dictionary_decode())
        return
    _add(streams, path + "/valid", np.asarray(pc.is_valid(array)).astype(np.uint8))
    if pa.types.is_null(kind):
        return
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        _add(streams, path + "/length", np.asarray(pc.fill_null(pc.list_value_length(array), 0)).astype("<i8"))
        _feed(streams, path + "/item", array.flatten())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        _add_bytes(streams, path, array.cast(pa.large_string()).view(pa.large_binary()))
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        _add_bytes(streams, path, array.cast(pa.large_binary()))
    elif pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or _is_time(kind):
        _add(streams, path + "/value", _bits(array))
    else:
        raise TypeError(f"no digest is defined for columns of type {kind}")


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind)) and kind.bit_width in _SIGNED


def _add(streams: dict[str, Any], path: str, values: np.ndarray[Any, Any]) -> None:
    streams.setdefault(path, hashlib.sha256()).update(np.ascontiguousarray(values).data)


def _add_bytes(streams: dict[str, Any], path: str, array: pa.Array) -> None:
    array = pc.fill_null(array, b"")  # what lies under a null is left over from whoever built the array
    _, offsets, content = array.buffers()
    ends = np.frombuffer(offsets, "<i8")[array.offset : array.offset + len(array) + 1]
    _add(streams, path + "/length", np.diff(ends))
    held = np.frombuffer(content, np.uint8) if content is not None else np.zeros(0, np.uint8)
    _add(streams, path + "/value", held[ends[0] : ends[-1]])


def _bits(array: pa.Array) -> np.ndarray[Any, Any]:
    """The values of a fixed-width array as little-endian integers: 0 under nulls, one pattern for every NaN."""
    kind = array.type
    if pa.types.is_boolean(kind):
        return np.asarray(pc.fill_null(array, False)).astype(np.uint8)
    width = kind.bit_width
    bits = np.array(pc.fill_null(array.view(_SIGNED[width]), 0), dtype=f"<i{width // 8}")
    if pa.types.is_floating(kind):
        floats = bits.view(f"<f{width // 8}")
        floats[np.isnan(floats)] = np.nan
    return bits
