"""docs/detectors.md as a user follows it: its files are written and its commands given, in its order, in one folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "detectors.md"
BLOCK = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)
SMALL = ("training={grooming: 300, benign: 1200, calibration: 4000}", "matched_budget=null")
LONGEST_S = 300.0


def blocks() -> Iterator[tuple[str, str, str]]:
    """Language, file name (empty where there is none) and text of every block."""
    yield from BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def smaller(words: list[str]) -> list[str]:
    """The same command on a world as small as a test's; everything else is as the page has it."""
    settings = SMALL if words[:2] == ["simharness", "run"] else ()
    return [*words, *(part for setting in settings for part in ("--set", setting))]


def given(line: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Give one command line of the page, with this Python's simharness; a redirection is a redirection."""
    command, _, target = line.partition(" > ")
    command, _, source = command.partition(" < ")
    words = smaller(shlex.split(command))
    if words[0] == "simharness":
        words = [sys.executable, "-m", "simharness.cli", *words[1:]]
    with ExitStack() as files:
        stdin = files.enter_context((folder / source).open("rb")) if source else subprocess.DEVNULL
        stdout = files.enter_context((folder / target).open("wb")) if target else subprocess.PIPE
        streams: dict[str, Any] = {"stdin": stdin, "stdout": stdout, "stderr": subprocess.PIPE}
        return subprocess.run(words, cwd=folder, env=environment, text=True, timeout=LONGEST_S, check=False, **streams)


def test_the_page_works_from_beginning_to_end(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SIMHARNESS_RUN_JOBS": "1"}
    folder, done = tmp_path, []
    for language, name, text in blocks():
        if name:
            (folder / name).write_text(text, encoding="utf-8")
        elif language == "sh":
            for line in text.strip().splitlines():
                if line.startswith("cd "):
                    folder = folder / line.removeprefix("cd ")
                    continue
                result = given(line, folder, environment)
                assert result.returncode == 0, f"{line}\n{result.stdout}\n{result.stderr}"
                done.append((line, result.stdout or ""))
    shown = dict(done)
    assert sum("check-detector" in line for line, _ in done) == 6
    assert all("BROKEN" not in out and "held" in out for line, out in done if "check-detector" in line)
    report = shown["simharness run scenario.yaml --scale smoke --replications 2"]
    assert "mine" in report and "bayes_bound" in report and "Alert to child and police on my detector" in report
    assert (folder / "report.md").stat().st_size > 1000 and (folder / "bayes.skops").exists()
    assert "pipeline" in shown["simharness run verdicts.yaml --scale 0.01"]
    assert any("recall" in out for line, out in done if "corpus read" in line)


@pytest.mark.parametrize("number", range(sum(language == "yaml" and not name for language, name, _ in blocks())))
def test_examples_of_settings_are_settings(number: int) -> None:
    from ruamel.yaml import YAML

    from simharness.scenario.detector import DetectorSpec

    text = [text for language, name, text in blocks() if language == "yaml" and not name][number]
    for spec in YAML(typ="safe").load(text)["detectors"].values():
        DetectorSpec.model_validate(spec)


def test_the_rules_are_the_real_ones() -> None:
    from simharness.detection.contract.rules import RULES

    table = PAGE.read_text(encoding="utf-8").split("## The contract", 1)[1].split("## Faults", 1)[0]
    assert re.findall(r"^\| ([a-z ]+) \|", table, re.M)[1:] == ["answers", *RULES]
