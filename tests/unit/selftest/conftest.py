"""A small scenario with one policy that acts at once and one that reads first, made ready once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simharness.scenario.load import Loaded, load_scenario
from simharness.selftest.context import Context
from simharness.selftest.relations import made_ready

FLAGSHIP = Path(__file__).parents[3] / "scenarios" / "england_wales_2017.yaml"
TEXT = """
extends: {flagship}
name: small
title: Two policies
description: Small enough for a test
scale: 0.01
replications: 6
period: {{start: 2017-04-03, end: 2017-06-30}}
training: {{grooming: 60, benign: 300, calibration: 3000}}
sampling: {{benign_fraction: 0.005}}
world: {{natural_course: {{reported_to_police: {{value: 1}}}}, recording: {{rate: {{value: 1}}}}}}
matched_budget: null
recorded: []
detectors: {{text_model: null, behaviour: null, bayes_bound: null, length_only: null, never: null, always: null}}
arms:
  no_intervention: null
  police_meeting_offence: null
  grooming_alerts: null
  trained_moderators: null
  mandatory_code: null
  at_once:
    title: At once
    law: communication
    detector: keyword
    alert_level: {{false_alerts_per_1000_child_months: 4}}
    code: {{evidence: assumed, source: test, coverage: {{facebook: 1, instagram: 1, snapchat: 0.5, other: 0.5}}}}
    on_alert: [alert_child, refer_police]
  voluntary_code:
    alert_level: {{false_alerts_per_1000_child_months: 4}}
    queues: {{moderators: {{shifts: [{{begins: 9h, ends: 17h, staff: 100}}], on_confirmed: [alert_child]}}}}
"""


@pytest.fixture(scope="session")
def scenario_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("selftest") / "small.yaml"
    path.write_text(TEXT.format(flagship=FLAGSHIP), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def small(scenario_file: Path) -> Callable[..., Loaded]:
    """``small(*assignments, **changes)``: the scenario so changed."""
    return lambda *assignments, **changes: load_scenario(scenario_file, assignments, **changes)


@pytest.fixture(scope="session")
def context(small: Callable[..., Loaded]) -> Context:
    """Made ready, and its first worlds lived through before anything is broken. Read-only."""
    made = made_ready(small())
    for replication in made.replications:
        made.cell(replication)
    return made
