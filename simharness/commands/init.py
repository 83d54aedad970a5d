"""``simharness init``: a project that works as it is written, with one thing in it to change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from simharness.commands.json_schema import scenario_schema
from simharness.commands.shipped import SHIPPED
from simharness.errors import UsageError

SCHEMA = "scenario.schema.json"  # for editors; the scenario's first line names it
TEMPLATES = Path(__file__).parents[1] / "templates"
_BASE = ("england_wales_2017.yaml", "base/behaviour.yaml", "base/response.yaml", "data/police_force_areas.csv")
_OWN = {
    "scenario.yaml": "scenario.yaml",
    "detector.py": "detector.py",
    "test_detector.py": "test_detector.py",
    "README.md": "README.md",
    "smoke.yaml": "suites/smoke.yaml",
    "cases.md": "suites/cases/README.md",
    "requirements.txt": "requirements.txt",
    "simharness.yml": ".github/workflows/simharness.yml",
    "simharness.gitlab-ci.yml": "simharness.gitlab-ci.yml",  # included: a project may have a .gitlab-ci.yml already
}


def init(folder: Path) -> None:
    """Write the project and say what to do next. Raises UsageError where a file is there, or cannot be written."""
    files = {folder / "base" / name: SHIPPED / name for name in _BASE}
    files |= {folder / target: TEMPLATES / f"{name}.txt" for name, target in _OWN.items()}
    schema = folder / SCHEMA
    there = [str(path) for path in (*files, schema) if path.exists()]
    if there:
        problem = f"is there already: {', '.join(there)}"
        raise UsageError(str(folder), problem, hint="Nothing was written. Give an empty folder: simharness init DIR")
    try:
        for target, source in files.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        schema.write_text(json.dumps(scenario_schema(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(str(folder), f"cannot be written: {error.strerror or error}") from error
    print(f"Wrote {len(files) + 1} files to {folder}. Next:")
    if folder != Path():
        print(f"  cd {folder}")
    print("  simharness check-detector detector.py:Detector   # the contract it must hold")
    print("  simharness run scenario.yaml --scale ci          # beside other detectors, in about a minute")
    print("  simharness run suites/smoke.yaml                 # a small run held against its bars, as CI does")
    print("Then change detector.py and run them again; README.md says how.")
    print("CI: .github/workflows/simharness.yml, or include simharness.gitlab-ci.yml in your .gitlab-ci.yml.")
