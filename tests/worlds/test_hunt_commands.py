"""The whole way: a miss is found, replayed, promoted, and fixed by a better detector."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simharness import cli

ROOT = Path(__file__).parents[2]
FILE = "scenarios/england_wales_2017.yaml"
QUICK = ("--set", "training={grooming: 100, benign: 400, calibration: 5000}", "--set", "scale=0.01")


def test_a_miss_from_beginning_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")

    def run(*words: str) -> tuple[int, list[dict[str, object]], str]:
        code = cli.main([*words])
        said = capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines() if line.startswith("{")], said.err

    hunt = ("hunt", FILE, "--detector", "length_only", *QUICK, "--examples", "250", "--at-most", "1", "--json")
    code, (case, hunted), shown = run(*hunt)
    assert (code, hunted["classes"]) == (1, 1)
    assert "1. Missed" in shown and "HARM" in shown
    path = str(case["path"])
    code, (missed,), shown = run("replay", path, "--json")
    assert (code, missed["outcome"]) == (1, "missed")
    assert (missed["harm"], missed["bound_alert"]) == (case["harm"], case["bound"]["alert"])  # type: ignore[index]
    assert run("promote", path, "--into", "cases")[0] == 0
    code, (fixed,), _ = run("replay", "cases", "--detector", "bayes_bound", "--json")
    assert (code, fixed["outcome"], fixed["detector_alert"]) == (0, "fixed", fixed["bound_alert"])
