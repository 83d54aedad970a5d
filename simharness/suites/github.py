"""What GitHub shows of a job beside its log: a summary of the step, and annotations on the lines of the bars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from simharness.report.expectations import (
    MEANS,
    Each,
    Found,
    expectations_table,
    fails,
    sentence,
    verdict_lines,
    warns,
)
from simharness.report.markdown import grid, plain
from simharness.suites.judging import INCOMPLETE, NOTHING_CHECKED

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"  # names the file that GitHub shows
ACTIONS = "GITHUB_ACTIONS"  # "true" in every job there
MOST_BYTES = 900_000  # GitHub refuses a summary above 1 MiB, and shows nothing of it then
MOST_ANNOTATIONS = 10  # of one kind in one step; GitHub drops what comes after without a word


def expectations_markdown(runs: Mapping[str, Found], title: str) -> str:
    """What every run's bars came to, in Markdown: a table for each, with why a bar did not hold."""
    parts = [f"# {plain(title)}"]
    for name, found in runs.items():
        table = expectations_table(found)
        notes = "\n".join(f"- {plain(note)}" for note in table.notes)
        lines = (plain(line) for line in verdict_lines(found))
        parts += [f"## {plain(name)}", *lines, grid(table.columns, table.rows), notes]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_step_summary(markdown: str, whole: str, environ: Mapping[str, str]) -> bool:
    """Append Markdown to the step's summary where there is one; whether there is.

    Cut at the end of a line (a table's row) where the file would grow beyond MOST_BYTES; ``whole`` says where all of it
    is. Raises OSError where the file cannot be written.
    """
    path = environ.get(STEP_SUMMARY)
    if not path:
        return False
    file = Path(path)
    room = MOST_BYTES - (file.stat().st_size if file.exists() else 0)
    with file.open("a", encoding="utf-8", newline="\n") as out:
        out.write(cut(markdown, room, whole))
    return True


def cut(markdown: str, room: int, whole: str) -> str:
    """The text in at most ``room`` bytes of UTF-8, whole lines of it, the last of which says how many are left out.

    Empty where not even that line fits.
    """
    if len(markdown.encode()) <= room:
        return markdown
    lines = markdown.splitlines(keepends=True)
    kept, used = 0, len(_left_out(len(lines), len(lines), whole).encode())
    if used > room:
        return ""
    while used + len(lines[kept].encode()) <= room:
        used += len(lines[kept].encode())
        kept += 1
    return "".join(lines[:kept]) + _left_out(len(lines) - kept, len(lines), whole)


def annotation_lines(runs: Mapping[str, Found], environ: Mapping[str, str], here: Path) -> list[str]:
    """Commands for stdout, an error for each bar that fails, then warnings, each on its expectation's line.

    Empty outside GitHub's jobs. At most MOST_ANNOTATIONS, the last of which then says how many more there are.
    ``here``: the working directory, from which GitHub counts paths.
    """
    if environ.get(ACTIONS) != "true":
        return []
    items = [(name, each) for name, found in runs.items() for each in found["expectations"]]
    wholes = [_of_whole(name, found) for name, found in runs.items()]
    lines = [
        *(line for line in wholes if line),
        *(_of_item("error", name, each, here) for name, each in items if fails(each)),
        *(_of_item("warning", name, each, here) for name, each in items if warns(each)),
    ]
    if len(lines) <= MOST_ANNOTATIONS:
        return lines
    more = f"{len(lines) - MOST_ANNOTATIONS + 1} more are in the report."
    kind = "error" if lines[MOST_ANNOTATIONS - 1].startswith("::error") else "warning"
    return [*lines[: MOST_ANNOTATIONS - 1], f"::{kind} title=Expectations::{_message(more)}"]


def _of_whole(name: str, found: Found) -> str:
    """What no single item says: that nothing was checked, or that the run is not complete."""
    if found["exit_code"] != NOTHING_CHECKED and not (found["exit_code"] == INCOMPLETE and found["incomplete"]):
        return ""
    return f"::error title={_property(name)}::{_message(MEANS[found['exit_code']])}"


def _of_item(kind: str, name: str, each: Each, here: Path) -> str:
    path = Path(each["file"])
    if path.is_absolute() and path.is_relative_to(here):
        path = path.relative_to(here)
    where = f"file={_property(path.as_posix())},line={each['line']}," if each["line"] else ""  # 0: an option as typed
    title = _property(f"{name}: {each['name']}")
    return f"::{kind} {where}title={title}::{_message(sentence(each))}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _left_out(lines: int, of: int, whole: str) -> str:
    return f"\n{lines} of {of} lines are left out here; all of it: {plain(whole)}\n"
