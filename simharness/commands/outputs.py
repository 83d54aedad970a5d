"""``-o``: where results go, and which files are written for others to read; its type is in the suffix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simharness.errors import UsageError

JUNIT, PAGE, SUMMARY = ".xml", ".md", ".json"
_KINDS = (JUNIT, PAGE, SUMMARY)
_OTHER_FILES = (".csv", ".htm", ".html", ".jsonl", ".parquet", ".txt", ".yaml", ".yml")
RESULTS = Path("results")


@dataclass(frozen=True, slots=True)
class Outputs:
    """``results``: the folder runs are written into; ``files``: what is written besides, in the order given."""

    results: Path
    files: tuple[Path, ...]

    @property
    def junit(self) -> bool:
        """Whether a file asks for expectations, so that there must be some."""
        return any(file.suffix == JUNIT for file in self.files)


def parse_outputs(given: Sequence[Path], *, folder: bool = True) -> Outputs:
    """What the options mean; folders that files are to go into are made. ``folder``: whether one may be a folder.

    Raises UsageError for a file of no such type, two folders, or a place that cannot be written.
    """
    files = tuple(dict.fromkeys(path for path in given if path.suffix in _KINDS and not path.is_dir()))
    folders = [path for path in given if path not in files]
    allowed = f"{'a folder, ' if folder else ''}a JUnit file (.xml), a page (.md) or a summary (.json)"
    for path in folders:
        if not folder or (path.suffix in _OTHER_FILES and not path.is_dir()):
            raise UsageError(f"-o {path}", "no such output", allowed=allowed)
    if len(folders) > 1:
        raise UsageError("-o", f"got {' and '.join(map(str, folders))}", allowed="one folder, and files")
    for file in files:
        _require_place(file)
    return Outputs(folders[0] if folders else RESULTS, files)


def _require_place(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"its folder cannot be made: {error.strerror}"
        raise UsageError(f"-o {file}", problem, hint="Choose another place.") from error
