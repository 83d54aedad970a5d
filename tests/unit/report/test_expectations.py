"""What was expected of a run comes first in its report, after the verdict, in every form."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from simharness.commands.report import report
from simharness.report.content import Facts, compose
from simharness.report.expectations import EXPECTATIONS
from simharness.report.markdown import markdown
from simharness.report.terminal import show

FACTS = Facts("results/made_up/0123456789ab", "made_up/0123456789ab", "d" * 64, "0.1.0", None)
ITEM = {
    "name": "recall[words] >= 0.5",
    "file": "made_up.yaml",
    "line": 3,
    "severity": "fail",
    "outcome": "missed",
    "counts_as": "missed",
    "op": ">=",
    "bar": 0.5,
    "bound": None,
    "unit": "share",
    "versus": None,
    "estimate": 0.37,
    "low": 0.36,
    "high": 0.38,
    "n": 10,
    "method": "student-t",
    "held_in": 0,
    "of_replications": 10,
    "why": "",
}
FOUND: dict[str, Any] = {
    "schema_version": 2,
    "run": "made_up/0123456789ab",
    "base": None,
    "exit_code": 1,
    "incomplete": False,
    "bars_set_before_the_run": True,
    "replications": 10,
    "seed": 7,
    "command": "simharness run made_up.yaml",
    "expectations": [ITEM],
}
VERDICT = "Expectations: 0 of 1 bar held; 1 missed: exit code 1 (a bar was missed)."


def test_first_after_the_verdict(summary: dict[str, Any]) -> None:
    plain, expected = compose(summary, FACTS), compose(summary, FACTS, FOUND)
    assert expected.verdict == (*plain.verdict, VERDICT)
    assert expected.tables[0].title == "Expectations" and expected.tables[1:] == plain.tables


def test_in_every_form(summary: dict[str, Any], made_run: Callable[..., Path], capsys: Any, tmp_path: Path) -> None:
    folder = made_run(summary)
    said = {kind: _said(folder, kind, capsys) for kind in ("terminal", "md", "json")}
    assert not any(VERDICT in text for text in said.values()) and "expectations" not in json.loads(said["json"])
    (folder / EXPECTATIONS).write_text(json.dumps(FOUND), encoding="utf-8")
    said = {kind: _said(folder, kind, capsys) for kind in ("terminal", "md", "json", "junit")}
    assert VERDICT in said["terminal"] and "36.0 to 38.0 %" in said["terminal"]
    assert "## Expectations" in said["md"] and said["md"].index("## Expectations") < said["md"].index("## What changes")
    assert json.loads(said["json"]) == json.loads((folder / "summary.json").read_text()) | {"expectations": FOUND}
    assert '<failure type="missed"' in said["junit"]


def _said(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    report(str(folder), kind, None, folder)
    return capsys.readouterr().out


def test_what_was_judged_with_fewer_replications_is_said(summary: dict[str, Any]) -> None:
    stream = io.StringIO()
    composed = compose(summary, FACTS, FOUND | {"replications": 3})
    show(composed, FACTS.path, Console(file=stream, width=120))
    assert "when 3 replications had finished, and there are 10 now" in stream.getvalue()
    assert "when 3 replications had finished" in markdown(composed)
