"""docs/sweep.md as a user follows it: its files are written and its commands given, in its order, in one folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from simharness.sweeping.design import MOST_POINTS
from simharness.sweeping.groups import groups_of
from simharness.sweeping.points import load_sweep
from simharness.sweeping.results import results
from simharness.sweeping.spec import Design, SweepSpec, Swept

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sweep.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", PAGE, re.M | re.S)


def keys_of(table: str) -> set[str]:
    """The names in the first column of the table that begins after ``table``."""
    after = PAGE.split(table, 1)[1]
    rows = re.search(r"(?:^\|.*\n)+", after, re.M)
    assert rows is not None
    return {name for row in rows[0].splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_page_works_from_beginning_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    said: dict[str, str] = {}
    for language, name, text in BLOCKS:
        if name:
            (tmp_path / name).write_text(text, encoding="utf-8")
        elif language == "sh":
            for line in text.strip().splitlines():
                code, said[line], err = main(*shlex.split(line)[1:])
                assert code == 0, f"{line}\n{said[line]}\n{err}"
        elif language == "python":
            exec(compile(text, "docs/sweep.md", "exec"), {})
            said["python"] = capsys.readouterr().out
    assert "4, 2 replications each" in said["simharness sweep staffing.yaml --plan"]
    table = said["simharness sweep staffing.yaml --jobs 1"]
    assert all(part in table for part in ("Points", "What moves", "How often each arm is best", "Frontier of"))
    assert "Assumed ranges: staff." in table
    assert "as the scenario is" in said["simharness sweep doubts.yaml --jobs 1"] and "x 0.5" in str(said)
    assert len(said["python"].splitlines()) == 4 + 5
    assert len(groups_of(load_sweep(tmp_path / "staffing.yaml").points)) == 1


def test_designs_shown_are_designs() -> None:
    shown = [YAML(typ="safe").load(text) for language, name, text in BLOCKS if language == "yaml" and not name]
    assert len(shown) == 2
    for each in shown:
        TypeAdapter(Design).validate_python(each["design"])


def test_every_key_is_on_the_page() -> None:
    assert keys_of("`--json` prints `sweep.json`.") == set(SweepSpec.model_fields)
    assert keys_of("A parameter has:") == set(Swept.model_fields)
    assert keys_of("- `sweep.json`:") == set(re.findall(r'^        "(\w+)":', source_of_results(), re.M))
    assert f"more than {MOST_POINTS:,} points" in " ".join(PAGE.split())


def source_of_results() -> str:
    import inspect

    return inspect.getsource(results)
