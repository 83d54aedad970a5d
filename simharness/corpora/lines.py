"""Text files line by line, and what is wrong with a line told without showing it.

Errors are raised outside the handlers that find them: the parser's own exception holds the line, and would otherwise
travel along as the context of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from simharness.errors import UsageError

_BOM = "\ufeff"


def opened(path: Path) -> IO[bytes]:
    """The file, open for reading. Raises UsageError."""
    try:
        return path.open("rb")
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    raise UsageError(str(path), problem, hint="Give the path of a file that exists.")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of every line of a UTF-8 file, a byte order mark left out. Raises UsageError."""
    with opened(path) as file:
        for number, raw in enumerate(file, start=1):
            text = _decoded(raw)
            if text is None:
                hint = "Save the file as UTF-8."
                raise UsageError(f"{path}:{number}", "this line is not UTF-8 text", allowed="UTF-8", hint=hint)
            yield number, text.removeprefix(_BOM) if number == 1 else text


def json_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where (``file:line``) and value of every line of a file of JSON objects; empty lines are left out.

    Raises UsageError.
    """
    for number, line in lines(path):
        if not line.strip():
            continue
        where, value = f"{path}:{number}", _parsed(line)
        if not isinstance(value, dict):
            hint = "The layout has one message a line."
            raise UsageError(where, "this line is no JSON object", allowed="one JSON object a line", hint=hint)
        yield where, value


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
