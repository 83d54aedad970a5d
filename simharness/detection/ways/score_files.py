"""Files of scores, read in blocks: JSON lines, CSV or Parquet. What is wrong in one is told with its line.

Arrow reads them fast but does not say where it stopped, so a file with a fault is gone through once more, line by line.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from simharness.errors import UsageError
from simharness.scenario.tree import did_you_mean

TYPES = {"conversation": pa.int64(), "message": pa.int64(), "text": pa.string(), "score": pa.float64()}
LARGEST = float(np.finfo(np.float32).max)  # scores are kept as float32
LAST_MESSAGE = 1 << 24  # tables hold a score for every number up to the highest of its conversation
_BLOCK = 1 << 22  # bytes
_SUFFIXES = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet")
_WANTED = {
    "conversation": "a whole number of 0 or more",
    "message": f"a whole number from 1 to {LAST_MESSAGE}",
    "text": "a string",
    "score": "a finite number, or null (in CSV an empty cell) to abstain",
}


def score_files(given: str | list[str], folder: Path) -> list[Path]:
    """The files meant: one, several, or all in a folder, by name. Raises UsageError where there are none."""
    found: list[Path] = []
    for name in [given] if isinstance(given, str) else given:
        path = folder / name
        inside = sorted(each for each in path.iterdir() if _suffix(each)) if path.is_dir() else [path]
        if not inside:
            raise UsageError(str(path), "the folder has no file of scores", allowed=f"files ending in {_or(_SUFFIXES)}")
        found += inside
    for path in found:
        if not path.is_file():
            raise UsageError(str(path), "no such file of scores", hint="Give the path from the scenario's folder.")
        if not _suffix(path):
            raise UsageError(str(path), "not a kind of file that can be read", allowed=_or(_SUFFIXES))
    if not found:
        raise UsageError("file", "no file of scores is named", allowed="a path, a list of paths, or a folder")
    return found


def blocks(path: Path, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Rows of a file in order, with these columns in the types of TYPES. Raises UsageError, with the line if it can."""
    read = {"parquet": _parquet, "csv": _csv, "jsonl": _json}[_kind(path)]
    rows = 0
    try:
        for block in read(path, columns):
            if wrong := _wrong(block):
                raise fault(path, columns, rows + wrong[0], wrong[1])
            rows += block.num_rows
            yield block
    except pa.ArrowInvalid as error:
        raise _found_again(path, columns) from error
    except OSError as error:
        reason = error.strerror or "it is damaged"
        raise UsageError(str(path), f"the file of scores cannot be read: {reason}") from error
    if rows == 0:
        raise UsageError(str(path), "the file has no scores", allowed=f"rows of {', '.join(columns)}")


def fault(path: Path, columns: tuple[str, ...], row: int, problem: str) -> UsageError:
    """What is wrong with a row, counted from 0 in its file, told with its line."""
    if _kind(path) == "parquet":
        return UsageError(f"{path}: row {row + 1}", problem)
    with closing(_lines(path, columns)) as lines:
        number = next(number for place, (number, _) in enumerate(lines) if place == row)
    return UsageError(f"{path}:{number}", problem)


def _json(path: Path, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([(name, TYPES[name]) for name in columns])
    parse = pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    with path.open("rb") as start:
        if not start.read(1):  # Arrow has no word for it
            return
    with _opened(path) as stream, pa_json.open_json(stream, pa_json.ReadOptions(block_size=_BLOCK), parse) as reader:
        for block in reader:
            yield block.select(list(columns))


def _csv(path: Path, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    with _text(path) as text:
        header = next(csv.reader(text), None)
    if header is None:
        return
    _require_columns(f"{path}:1", header, columns)
    convert = pa_csv.ConvertOptions(
        column_types={name: TYPES[name] for name in columns},
        include_columns=columns,
        null_values=[""],
        strings_can_be_null=False,
    )
    parse = pa_csv.ParseOptions(newlines_in_values="text" in columns)
    read = pa_csv.ReadOptions(block_size=_BLOCK)
    with _opened(path) as stream, pa_csv.open_csv(stream, read, parse, convert) as reader:
        yield from reader


def _parquet(path: Path, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        _require_columns(str(path), file.schema_arrow.names, columns)
        for block in file.iter_batches(columns=list(columns)):
            for name in columns:
                if not _castable(block.schema.field(name).type, name):
                    found = block.schema.field(name).type
                    raise UsageError(str(path), f"column {name} has type {found}", allowed=_WANTED[name])
            yield pa.RecordBatch.from_arrays([block[name].cast(TYPES[name]) for name in columns], names=list(columns))


def _castable(found: pa.DataType, name: str) -> bool:
    if name == "text":
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found))
    number = pa.types.is_integer(found) or (name == "score" and pa.types.is_floating(found))
    return bool(number or (name == "score" and pa.types.is_null(found)))


def _wrong(block: pa.RecordBatch) -> tuple[int, str] | None:
    """The first row of a block that has a value it may not have, and what is wrong with it."""
    found = []
    for name in block.schema.names:
        column = block[name]
        if name == "text":
            bad = np.asarray(column.is_null())
        elif name == "score":
            with np.errstate(invalid="ignore"):
                values = np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
                bad = ~(np.abs(values) <= LARGEST) & ~np.asarray(column.is_null())
        else:
            highest = LAST_MESSAGE if name == "message" else np.iinfo(np.int64).max
            values = np.asarray(column.fill_null(-1))
            bad = (values < (name == "message")) | (values > highest)
        if bad.any():
            row = int(np.argmax(bad))
            found.append((row, _problem(name, column[row].as_py())))
    return min(found, default=None)


def _problem(name: str, value: object) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # Never a string as it is: where columns were mixed up, it may be a message.
    shown = str(value) if number else {str: "a string", bool: "true or false"}.get(type(value), "nothing")
    return f"{name}: expected {_WANTED[name]}, got {shown}"


def _found_again(path: Path, columns: tuple[str, ...]) -> UsageError:
    """The first line that is not as it should be, read slowly."""
    if _kind(path) == "parquet":
        return UsageError(str(path), "cannot be read as Parquet")
    with closing(_lines(path, columns)) as lines:
        for number, row in lines:
            where = f"{path}:{number}"
            if not isinstance(row, dict):
                return UsageError(where, "not a JSON object", allowed=f"one object a line, with {', '.join(columns)}")
            try:
                _require_columns(where, list(row), columns)
            except UsageError as error:
                return error
            for name in columns:
                if not _allowed(name, row[name]):
                    return UsageError(where, _problem(name, row[name]))
    return UsageError(str(path), "cannot be read", allowed=f"one row a line, with {', '.join(columns)}")


def _allowed(name: str, value: Any) -> bool:
    if name == "text":
        return isinstance(value, str)
    if isinstance(value, bool) or (name != "score" and not isinstance(value, int)):
        return False
    if name == "score":
        return value is None or (isinstance(value, int | float) and abs(value) <= LARGEST)
    return bool((name == "message") <= value <= (LAST_MESSAGE if name == "message" else np.iinfo(np.int64).max))


def _lines(path: Path, columns: tuple[str, ...]) -> Generator[tuple[int, Any], None, None]:
    """Every row of a text file with the number of its (last) line, as Arrow counts rows: blank lines are none."""
    with _text(path) as text:
        if _kind(path) == "csv":
            reader = csv.DictReader(text, restkey="(more)")
            for row in reader:
                yield reader.line_num, {name: _cell(name, value) for name, value in row.items()}
            return
        for number, line in enumerate(text, start=1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError:
                    yield number, None


def _cell(name: str, value: Any) -> Any:
    """A CSV cell as the number it holds, if it does."""
    if name == "text":
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except (ValueError, TypeError):
            continue
    return value or None


def _require_columns(where: str, found: list[str], columns: tuple[str, ...]) -> None:
    allowed = ", ".join(columns)
    for name in found:
        if name not in columns:
            raise UsageError(where, f"unknown column {name!r}", allowed=allowed, hint=did_you_mean(name, columns))
    for name in columns:
        if name not in found:
            raise UsageError(where, f"no column {name}", allowed=allowed)


def _opened(path: Path) -> Any:
    return pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None)


def _text(path: Path) -> TextIO:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    return cast(TextIO, opener(path, "rt", encoding="utf-8-sig", errors="replace", newline=""))


def _suffix(path: Path) -> str | None:
    return next((suffix for suffix in _SUFFIXES if path.name.endswith(suffix)), None)


def _kind(path: Path) -> str:
    return cast(str, _suffix(path)).split(".")[1]


def _or(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1]
