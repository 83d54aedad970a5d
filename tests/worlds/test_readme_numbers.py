"""The README's main numbers are those of the flagship as it is now: at full scale, with all its replications."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from simharness.report.headline import block_of, headline
from simharness.run import run_scenario
from simharness.scenario.load import load_scenario
from simharness.store import SUMMARY

ROOT = Path(__file__).parents[2]
RENEW = "make run && .venv/bin/simharness report latest --format headline --into README.md"


def test_the_readme_s_main_numbers_are_those_of_a_run(tmp_path: Path) -> None:
    """Only with the detectors that arms act on: draws are addressed, so the others change no arm."""
    loaded = load_scenario(ROOT / "scenarios" / "england_wales_2017.yaml")
    used = {arm.detector for arm in loaded.scenario.arms.values()}
    kept = {name: spec for name, spec in loaded.scenario.detectors.items() if name in used}
    scenario = loaded.scenario.model_copy(update={"detectors": kept, "matched_budget": None})
    folder = run_scenario(replace(loaded, scenario=scenario), tmp_path, jobs=2)
    made = headline(json.loads((folder.path / SUMMARY).read_text(encoding="utf-8"))).splitlines()
    shown = block_of((ROOT / "README.md").read_text(encoding="utf-8"), "README.md").splitlines()
    assert shown == made, f"README.md does not show the numbers that a run gives now; renew them with: {RENEW}"


def test_the_readme_says_how_its_numbers_are_renewed() -> None:
    assert f"`{RENEW}`" in (ROOT / "README.md").read_text(encoding="utf-8")
