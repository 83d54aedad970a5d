"""The CI files that ``simharness init`` writes: what they may do, what they keep, and that their steps work."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
GITHUB, GITLAB = ".github/workflows/simharness.yml", "simharness.gitlab-ci.yml"
LONGEST_S = 300.0
ALWAYS = {"always()", "${{ always() }}"}
# For speed, the suite's bars as they are: fewer replications than its file says, and less to train on.
QUICKER = {"SIMHARNESS_RUN_REPLICATIONS": "6", "SIMHARNESS_RUN_SET": "training.benign=3000 training.calibration=20000"}
Main = Callable[..., tuple[int, str, str]]


@pytest.fixture
def project(main: Main, tmp_path: Path) -> Path:
    assert main("init", tmp_path)[0] == 0
    return tmp_path


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def steps(project: Path) -> list[dict[str, Any]]:
    (job,) = read(project / GITHUB)["jobs"].values()
    return list(job["steps"])


def commands(project: Path) -> list[str]:
    """The commands of the GitHub job, those that install apart."""
    return [each["run"] for each in steps(project) if re.match(r"simharness |pytest", each.get("run", ""))]


def outputs(lines: list[str]) -> set[str]:
    """Files that commands write beside the results."""
    return {path for line in lines for path in re.findall(r"(?:-o |--junitxml=)(\S+)", line)}


def test_the_github_job_may_read_and_ends_by_itself(project: Path) -> None:
    whole = read(project / GITHUB)
    assert whole["permissions"] == {"contents": "read"}
    assert {"push", "pull_request"} <= set(whole["on"])
    assert "github.ref" in whole["concurrency"]["group"]
    for job in whole["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 30 and "permissions" not in job
        used = [step["uses"] for step in job["steps"] if "uses" in step]
        assert used and all(re.fullmatch(r"actions/[a-z-]+@v\d+", each) for each in used)


def test_github_keeps_every_report_also_of_a_job_that_failed(project: Path) -> None:
    (upload,) = [step for step in steps(project) if "upload-artifact" in step.get("uses", "")]
    assert upload["if"] in ALWAYS and steps(project)[-1] == upload  # nothing is written after it
    kept = set(upload["with"]["path"].split())
    assert outputs(commands(project)) == {"junit.xml", "pytest.xml", "summary.md"}
    assert kept == {"results", *outputs(commands(project))}


def test_gitlab_runs_the_same_and_keeps_the_same(project: Path) -> None:
    (job,) = read(project / GITLAB).values()
    assert job["script"] == commands(project)
    assert job["artifacts"]["when"] == "always" and re.fullmatch(r"\d+ minutes", job["timeout"])
    assert set(job["artifacts"]["paths"]) == {"results/", *outputs(job["script"])}
    assert set(job["artifacts"]["reports"]["junit"]) == {"junit.xml", "pytest.xml"}
    assert job["before_script"] == [step["run"] for step in steps(project) if step.get("run", "").startswith("pip ")]


@pytest.mark.parametrize("file", [GITHUB, GITLAB])
def test_no_job_can_pass_when_a_step_fails(project: Path, file: str) -> None:
    text = (project / file).read_text(encoding="utf-8")
    assert not re.search(r"\|\||continue-on-error|allow_failure|set \+e", text)
    assert "simharness run suites/smoke.yaml --jobs 2" in text and "--no-check" not in text


@pytest.mark.parametrize("file", [GITHUB, GITLAB])
def test_every_file_that_is_read_is_there(project: Path, file: str) -> None:
    text = (project / file).read_text(encoding="utf-8")
    code = "\n".join(line.partition("#")[0] for line in text.splitlines())
    named = set(re.findall(r"[\w./-]+\.(?:yaml|py|txt)\b", code))
    assert {"scenario.yaml", "suites/smoke.yaml", "detector.py", "requirements.txt"} <= named
    assert [name for name in named if not (project / name).is_file()] == []


def test_the_suite_names_what_is_there(project: Path) -> None:
    suite, text = read(project / "suites/smoke.yaml"), (project / "suites/smoke.yaml").read_text(encoding="utf-8")
    (cases,) = re.findall(r"^# cases: (\S+)$", text, re.M)  # a folder without a case would be nothing checked
    assert (project / "suites" / cases).is_dir() and "cases" not in suite
    (run,) = suite["runs"]
    assert (project / "suites" / run["scenario"]).resolve() == project / "scenario.yaml"
    assert len(run["expect"]) >= 5


def run(command: str, project: Path) -> subprocess.CompletedProcess[str]:
    """A step in a shell of its own, as CI gives it; ``simharness`` and ``pytest`` are this checkout's."""
    tool, *rest = shlex.split(command)
    module = {"simharness": "simharness.cli", "pytest": "pytest"}[tool]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SIMHARNESS_", "GITHUB_", "PYTEST_"))
    }
    environment |= {"PYTHONPATH": str(ROOT), "GITHUB_STEP_SUMMARY": "step.md", **QUICKER}
    words = [sys.executable, "-m", module, *rest]
    return subprocess.run(
        words, cwd=project, env=environment, text=True, timeout=LONGEST_S, check=False, capture_output=True
    )


def cases(project: Path) -> dict[str, str]:
    """What the JUnit file of the suite says: each case, and how it did not pass (empty: it passed)."""
    tree = ElementTree.parse(project / "junit.xml")
    return {each.attrib["name"]: "".join(child.tag for child in each) for each in tree.iter("testcase")}


def test_the_steps_pass_as_written_and_the_suite_stops_a_detector_that_sees_nothing(project: Path) -> None:
    for command in commands(project):
        done = run(command, project)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "recall[mine] >= 0.15" in str(cases(project))
    assert not any("failure" in how or "error" in how for how in cases(project).values())
    assert "recall" in (project / "summary.md").read_text(encoding="utf-8")
    assert "recall" in (project / "step.md").read_text(encoding="utf-8")

    detector = project / "detector.py"
    detector.write_text(
        detector.read_text(encoding="utf-8").replace("return max(known) if known else None", "return 0.0")
    )
    (project / "junit.xml").unlink()
    stopped = run(commands(project)[-1], project)
    assert stopped.returncode == 1, stopped.stdout + stopped.stderr
    assert any("recall[mine] >= 0.15" in name and "failure" in how for name, how in cases(project).items())
