"""What GitHub shows: annotations in its own form, and a summary that never grows beyond what it takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from simharness.suites.github import (
    MOST_ANNOTATIONS,
    MOST_BYTES,
    annotation_lines,
    cut,
    expectations_markdown,
    write_step_summary,
)
from simharness.suites.judging import Judged, as_json, exit_code

DELAYS = {"detector/keyword": {"delay": (8.0, 9.0, 10.0, 11.0, 12.0), "grooming": [9] * 5}}
JOB = {"GITHUB_ACTIONS": "true"}
LINE = re.compile(r"::(error|warning) (?:file=([^,]*),line=(\d+),)?title=([^:,]*)::(.*)")


@pytest.fixture
def runs(judged: Callable[..., Judged]) -> Callable[..., dict[str, Any]]:
    """``runs(expectation, ..., file=..., line=...)``: a run of that name with what came of each."""

    def made(*expectations: Any, file: str = "mine.yaml", line: int = 7, **more: Any) -> dict[str, Any]:
        found = [judged(each, DELAYS) for each in expectations]
        items = [as_json(each) | {"file": file, "line": line} for each in found]
        whole = {"expectations": items, "exit_code": exit_code(found), "incomplete": False}
        return {"quick": whole | {"bars_set_before_the_run": True, "replications": 5} | more}

    return made


def read(lines: list[str]) -> list[tuple[str, ...]]:
    """Kind, file, line, title and message of each, as GitHub reads them."""
    found = []
    for line in lines:
        match = LINE.fullmatch(line)
        assert match is not None, line
        found.append(tuple("" if part is None else unquote(part) for part in match.groups()))
    return found


MISSED = "delay[keyword] <= 5"
WARNED = {"metric": "delay", "of": "keyword", "op": "<=", "value": 6, "severity": "warn"}


def test_outside_github_there_is_none(runs: Any) -> None:
    for environ in ({}, {"GITHUB_ACTIONS": "false"}, {"GITHUB_ACTIONS": ""}):
        assert annotation_lines(runs(MISSED), environ, Path.cwd()) == []


def test_what_does_not_hold_is_on_its_line(runs: Any) -> None:
    found = read(annotation_lines(runs(WARNED, MISSED, "delay[keyword] <= 100"), JOB, Path.cwd()))
    assert [each[:4] for each in found] == [
        ("error", "mine.yaml", "7", "quick: delay[keyword] <= 5"),
        ("warning", "mine.yaml", "7", "quick: delay[keyword] <= 6"),
    ]
    assert found[0][4].startswith("delay[keyword] <= 5: MISSED: found 10.0 messages (95 % interval 8.0 to 12.0)")


def test_escaped_as_github_asks(runs: Any) -> None:
    made = runs(MISSED, file="a:b,c%.yaml")
    made["quick"]["expectations"][0]["why"] = "100 %,\r\n::error::x"
    (line,) = annotation_lines({"a,b:c%": made["quick"]}, JOB, Path.cwd())
    assert line.startswith("::error file=a%3Ab%2Cc%25.yaml,line=7,title=a%2Cb%3Ac%25%3A delay[keyword] <= 5::")
    assert line.endswith("; 100 %25,%0D%0A::error::x") and "\n" not in line and "\r" not in line
    assert read([line])[0][1:4] == ("a:b,c%.yaml", "7", "a,b:c%: delay[keyword] <= 5")


def test_paths_are_counted_from_the_working_directory(runs: Any, tmp_path: Path) -> None:
    inside, outside = str(tmp_path / "suites" / "mine.yaml"), "/elsewhere/mine.yaml"
    assert read(annotation_lines(runs(MISSED, file=inside), JOB, tmp_path))[0][1] == "suites/mine.yaml"
    assert read(annotation_lines(runs(MISSED, file=outside), JOB, tmp_path))[0][1] == outside
    assert read(annotation_lines(runs(MISSED, file="--set expect=[]", line=0), JOB, tmp_path))[0][1:3] == ("", "")


def test_at_most_ten_errors_first(runs: Any) -> None:
    bars = [f"delay[keyword] <= {n / 10}" for n in range(8)]
    warned = [WARNED | {"value": n / 10} for n in range(3)]
    for count, shown in ((2, 10), (3, 10)):
        lines = annotation_lines(runs(*warned[:count], *bars), JOB, Path.cwd())
        assert len(lines) == shown == MOST_ANNOTATIONS
        assert [line.startswith("::error ") for line in lines[:8]] == [True] * 8
    assert read(lines)[-1] == ("warning", "", "", "Expectations", "2 more are in the report.")
    many = annotation_lines(runs(*(f"delay[keyword] <= {n / 100}" for n in range(40))), JOB, Path.cwd())
    assert len(many) == 10 and read(many)[-1] == ("error", "", "", "Expectations", "31 more are in the report.")


@pytest.mark.parametrize(
    ("more", "words"),
    [({"exit_code": 5}, "nothing that could fail was checked"), ({"exit_code": 3, "incomplete": True}, "not complete")],
)
def test_what_no_item_says(runs: Any, more: dict[str, Any], words: str) -> None:
    (found,) = read(annotation_lines(runs("delay[keyword] <= 100", **more), JOB, Path.cwd()))
    assert found[:4] == ("error", "", "", "quick") and words in found[4]


def test_all_held_is_silent(runs: Any) -> None:
    assert annotation_lines(runs("delay[keyword] <= 100"), JOB, Path.cwd()) == []


# -- the step's summary ------------------------------------------------------------------------------------------------
def test_without_a_file_nothing_is_written() -> None:
    assert not write_step_summary("text", "all", {})
    assert not write_step_summary("text", "all", {"GITHUB_STEP_SUMMARY": ""})


def test_appended_to_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    file.write_text("before\n", encoding="utf-8")
    assert write_step_summary("text\n", "all", {"GITHUB_STEP_SUMMARY": str(file)})
    assert file.read_text(encoding="utf-8") == "before\ntext\n"


def test_never_more_than_github_takes(tmp_path: Path, runs: Any) -> None:
    file, row = tmp_path / "summary", "| é | held |\n"
    file.write_bytes(b"x" * 100_000)
    write_step_summary("# Title\n" + row * 80_000, "results/a_run/summary.md", {"GITHUB_STEP_SUMMARY": str(file)})
    size, text = file.stat().st_size, file.read_text(encoding="utf-8")
    assert MOST_BYTES - 30 <= size <= MOST_BYTES
    *rows, empty, last = text.splitlines()
    assert set(rows[1:]) == {row.strip()} and empty == ""
    left = 80_001 - len(rows)
    assert last == f"{left} of 80001 lines are left out here; all of it: results/a\\_run/summary.md"
    write_step_summary(row * 10, "all", {"GITHUB_STEP_SUMMARY": str(file)})
    assert file.stat().st_size <= MOST_BYTES


@pytest.mark.parametrize("room", range(0, 140))
def test_cut_at_a_line_whatever_the_room(room: int) -> None:
    lines = [f"| {'é' * n} |\n" for n in range(10)]
    got = cut("".join(lines), room, "all")
    assert len(got.encode()) <= max(room, 0)
    kept = [line for line in got.splitlines(keepends=True) if line.startswith("|")]
    assert kept == lines[: len(kept)] or got == "".join(lines)
    if got and got != "".join(lines):
        assert got.splitlines()[-1] == f"{10 - len(kept)} of 10 lines are left out here; all of it: all"


def test_the_markdown_has_every_item(runs: Any) -> None:
    text = expectations_markdown(runs(MISSED, WARNED, "delay[keyword] <= 100"), "A suite | of two")
    assert text.startswith("# A suite \\| of two\n\n## quick\n\nExpectations: 1 of 2 bars held; 1 missed; 1 warning")
    table = [line for line in text.splitlines() if line.startswith("| delay")]
    assert [re.split(r" \| ", line)[1] for line in table] == ["MISSED", "warning<br>missed", "held"]
