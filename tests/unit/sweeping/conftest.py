"""Small sweeps over the flagship, written to files as a user would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

FLAGSHIP = Path(__file__).parents[3] / "scenarios" / "england_wales_2017.yaml"
SMALL = {
    "training.grooming": 200,
    "training.benign": 1000,
    "training.calibration": 20_000,
    "sampling.benign_fraction": 0.02,
}
RATE = "arms.trained_moderators.alert_level.false_alerts_per_1000_child_months"
STAFF = "arms.trained_moderators.queues.moderators.shifts.1.staff"
OUTPUTS = [{"metric": "children_protected", "arm": "trained_moderators"}]

BASE = f"""
extends: {FLAGSHIP}
detectors: {{behaviour: null, bayes_bound: null, length_only: null, never: null, always: null}}
matched_budget: null
recorded: []
arms: {{no_intervention: null, police_meeting_offence: null, mandatory_code: null}}
"""

Write = Callable[..., Path]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The flagship with two detectors and four arms."""
    path = tmp_path / "base.yaml"
    path.write_text(BASE, encoding="utf-8")
    return path


@pytest.fixture
def write_sweep(tmp_path: Path, base: Path) -> Write:
    """``write_sweep(parameters, **more)``: the file of a small sweep; ``more`` are keys of its top level."""

    def write(parameters: dict[str, Any], name: str = "sweep.yaml", **more: Any) -> Path:
        whole: dict[str, Any] = {
            "title": "A small sweep",
            "scenario": base.name,
            "scale": 0.01,
            "replications": 1,
            "set": SMALL,
            "arms": ["trained_moderators"],
            "design": {"kind": "grid"},
            "parameters": parameters,
            "outputs": OUTPUTS,
        }
        path = tmp_path / name
        with path.open("w", encoding="utf-8") as file:
            YAML().dump({key: value for key, value in (whole | more).items() if value is not None}, file)
        return path

    return write
