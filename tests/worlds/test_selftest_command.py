"""``simharness selftest`` as a whole: exit codes, JSON lines, what fails and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simharness.cli import main
from simharness.selftest.relations import PREPARED, RELATIONS
from simharness.world import meet

FLAGSHIP = Path(__file__).parents[2] / "scenarios" / "england_wales_2017.yaml"
REMOVED = ["no_intervention", "police_meeting_offence", "grooming_alerts", "trained_moderators", "mandatory_code"]
FEW = {name: None for name in ("text_model", "behaviour", "bayes_bound", "length_only", "never", "always")}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("selftest") / "small.yaml"
    changed: dict[str, Any] = {
        "extends": str(FLAGSHIP),
        "name": "small",
        "period": {"start": "2017-04-03", "end": "2017-05-31"},
        "training": {"grooming": 60, "benign": 300, "calibration": 3000},
        "matched_budget": None,
        "recorded": [],
        "detectors": FEW,
        "arms": dict.fromkeys(REMOVED),
    }
    path.write_text(json.dumps(changed), encoding="utf-8")
    return path


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_everything_holds(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", str(file), "--scale", "0.02", "--replications", "2", "--jobs", "1", "--json"]) == 0
    *rows, result = told(capsys)
    assert [row["relation"] for row in rows] == list(RELATIONS)
    assert result["synthetic"] is True and result["relations"]["holds"] >= 15 and result["exit_code"] == 0
    assert (result["scale"], result["replications"]) == (0.02, 2)


def test_a_broken_one_is_shown_with_where(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = meet._targets
    monkeypatch.setattr(meet, "_targets", lambda model, *given: targets(model, *given) + len(model.platforms))
    words = ["selftest", str(file), "--replications", "2", "--only", "split_platform", "--jobs", "1"]
    assert main(words) == 1
    shown = capsys.readouterr().out
    assert "contacts, child" in shown and "conversation" in shown and "1 broken" in shown
    assert main([*words, "--json"]) == 1
    assert told(capsys)[0]["at"]["what"] == "contacts, child"


def test_what_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", str(file), "--only", "time_units"]) == 2
    assert "Did you mean 'time_unit'?" in capsys.readouterr().err
    assert main(["selftest", str(file), "--scale", "tiny"]) == 2


def test_a_detector_that_fails_is_3_even_if_the_rest_holds(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    detector = tmp_path / "bad.py"
    detector.write_text("class Bad:\n    def score(self, texts):\n        raise ValueError\n", encoding="utf-8")
    words = ["selftest", str(file), "--replications", "2", "--detector", f"{detector}:Bad", "--jobs", "1", "--json"]
    assert main([*words, "--only", "zero_prevalence"]) == 3
    first, second, result = told(capsys)
    assert (first["relation"], first["result"]) == (PREPARED, "failed") and "Bad" in first["seen"]
    assert second["result"] == "holds" and result["exit_code"] == 3


def test_nothing_that_applies_is_no_pass(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["selftest", str(file), "--replications", "1", "--jobs", "1", "--only", "first_message_on_average"]
    assert main(words) == 5
    assert "at least 2 replications" in " ".join(capsys.readouterr().out.split())
