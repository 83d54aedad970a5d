"""Detectors on one small world whose numbers theory ties together: scores mapped in order, alerts on
everybody, and a world without grooming.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pytest

from detectors.always import Always
from detectors.length_only import LengthOnly
from detectors.never import Never
from detectors.text_model import TextModel
from simharness.detection.levels import calibrate_levels, contacts_per_1000_child_months
from simharness.detection.protocol import TrainingSet
from simharness.detection.scoring import prepare
from simharness.metrics.cell import cell_rows
from simharness.metrics.detector_early import early_numbers, early_strata, length_areas
from simharness.metrics.detectors import detector_numbers
from simharness.metrics.summary import summary
from simharness.outcomes.cell import Cell, Prepared, run_cell
from simharness.records import LADDER
from simharness.report.content import Facts, compose
from simharness.report.markdown import markdown
from simharness.scenario.detector import DetectorSpec
from simharness.scenario.load import Loaded
from simharness.scenario.model import MatchedBudget
from simharness.scenario.policy import Arm
from simharness.world.model import WorldModel, build_model

ASSUMED = {"evidence": "assumed", "source": "test"}
SMALL = ("training={grooming: 60, benign: 300, calibration: 4000}", "sampling.benign_fraction=0.02")
CODE = ASSUMED | {"coverage": dict.fromkeys(("facebook", "instagram", "snapchat", "other"), 1.0)}
STEP = 1024.0  # scores in steps that single precision keeps apart under every map below
MAPS: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda score: score,
    "straight": lambda score: 2.0 * score + 1.0,
    "curved": lambda score: score**3 - 5.0,
}


@dataclass
class Mapped:
    """The text model's scores in steps, mapped."""

    how: str

    def fit(self, training: TrainingSet) -> Self:
        self.model = TextModel().fit(training)
        return self

    def score(self, texts: Any) -> Any:
        steps = np.round(np.asarray(self.model.score(texts), np.float64) * STEP) / STEP
        return MAPS[self.how](steps)


def lived(loaded: Loaded, detectors: Mapping[str, Any], specs: Mapping[str, Any]) -> tuple[WorldModel, Cell]:
    """One replication with the comparator and an arm for each detector that alerts the child."""
    scenario = loaded.scenario
    level = {"alert_level": {"false_alerts_per_1000_child_months": 20.0}}
    plain = {"title": "test", "law": "communication", "code": CODE, "on_alert": ["alert_child"]} | level
    arms = {name: Arm.model_validate(plain | {"detector": name}) for name in specs}
    changes = {
        "arms": {scenario.comparator: scenario.arms[scenario.comparator]} | arms,
        "detectors": {name: DetectorSpec.model_validate({"use": "test"} | spec) for name, spec in specs.items()},
        "matched_budget": MatchedBudget(alerts_per_1000_child_months=20.0, baseline=next(iter(specs))),
    }
    model = build_model(scenario.model_copy(update=changes), loaded.folder)
    scorers = prepare(model, detectors)
    return model, run_cell(Prepared(model, scorers, calibrate_levels(model, scorers)), 0)


def numbers(model: WorldModel, cell: Cell, name: str) -> dict[str, Any]:
    """Every number of a detector, but for what stands beside each."""
    found = detector_numbers(model, cell.readings, name) | early_numbers(model, cell.readings[name])
    return found | {f"{metric}[{at}]": value for metric, at, value in early_strata(model, cell.readings[name])}


@pytest.fixture(scope="module", params=["max", "last"])
def mapped(request: pytest.FixtureRequest, load: Callable[..., Loaded]) -> tuple[WorldModel, Cell]:
    spec = {"aggregator": {"kind": request.param}, "alert_level": {"false_alerts_per_1000_child_months": 20.0}}
    detectors = {how: Mapped(how) for how in MAPS}
    return lived(load(*SMALL, scale=0.01), detectors, dict.fromkeys(MAPS, spec))


@pytest.mark.parametrize("how", ["straight", "curved"])
def test_an_increasing_map_of_the_scores_changes_no_number(mapped: tuple[WorldModel, Cell], how: str) -> None:
    model, cell = mapped
    plain, other = (numbers(model, cell, name) for name in ("as it is", how))
    assert other == plain
    assert 0.5 < plain["roc_area"] < 1 and plain["detected"] > 5
    assert plain["recall_before_offence_at_budget"] is not None
    assert not np.array_equal(*(cell.readings[name].traces[0].peak for name in ("as it is", how)))


@pytest.mark.parametrize("how", ["straight", "curved"])
def test_an_increasing_map_of_the_scores_changes_no_alert(mapped: tuple[WorldModel, Cell], how: str) -> None:
    _, cell = mapped
    plain, other = cell.arms["as it is"], cell.arms[how]
    for column in ("alert_conversation", "alert_raised_s", "alert_right"):
        assert list(getattr(plain.log, column)) == list(getattr(other.log, column))
    assert np.array_equal(plain.outcomes, other.outcomes) and len(plain.log.alert_right) > 20


SILLY = {"never": Never, "always": Always, "length_only": LengthOnly}
SPECS = {name: {"aggregator": {"kind": "last"}} for name in SILLY} | {
    "always": {"aggregator": {"kind": "last"}, "alert_level": {"risk": 1}}
}


@pytest.fixture(scope="module")
def silly(load: Callable[..., Loaded]) -> tuple[WorldModel, Cell]:
    return lived(load(*SMALL, scale=0.01), {name: made() for name, made in SILLY.items()}, SPECS)


def test_alerting_on_everybody_shows_its_price(silly: tuple[WorldModel, Cell]) -> None:
    model, cell = silly
    found, never = (numbers(model, cell, name) for name in ("always", "never"))
    assert found["detected"] == found["grooming"] > 100 and found["speed"] == 1.0
    # ERDE alone would praise it over who never alerts.
    assert found["erde_50"] < never["erde_50"] < 0.01
    # The price: every harmless conversation, at full volume.
    reading = cell.readings["always"]
    assert reading.false[reading.levels.measured] == reading.benign
    assert found["false_alert_rate"] == pytest.approx(contacts_per_1000_child_months(model))
    assert found["alerted"] == pytest.approx(found["grooming"] + reading.benign / 0.02)
    assert found["net_benefit[10]"] < found["net_benefit[100]"] < 0 < found["f_latency"] < 0.05
    assert found["alerts_per_1000_child_months"] > found["false_alert_rate"]
    assert never["net_benefit[10]"] == 0.0 == never["f_latency"] and never["speed"] is None
    assert found["roc_area"] == never["roc_area"] == 0.5


def test_the_baseline_of_length_is_that_of_who_reads_nothing_else(silly: tuple[WorldModel, Cell]) -> None:
    model, cell = silly
    lengths, found = length_areas(model, cell.readings), numbers(model, cell, "length_only")
    assert lengths == {"length_roc_area": found["roc_area"], "length_pr_area": found["pr_area"]}
    assert lengths["length_roc_area"] != 0.5


def test_a_world_without_grooming(load: Callable[..., Loaded]) -> None:
    """No harm, nothing but false alerts, and null for whatever speaks of grooming; the report is made all the same."""
    loaded = load(*SMALL, "world.offenders.count.value=0", scale=0.01)
    model, cell = lived(loaded, {name: made() for name, made in SILLY.items()}, SPECS)
    assert len(cell.contacts) == 0
    rows = cell_rows(model, cell)
    of_arms = {(row.arm, row.metric): row.value for row in rows if row.arm and not row.stratum}
    for arm in cell.arms:
        assert [of_arms[arm, f"{rung}s"] for rung in LADDER] == [0] * len(LADDER)
        assert of_arms[arm, "right_alerts"] == 0 and not any(cell.arms[arm].log.alert_right)
    assert of_arms["length_only", "false_alerts"] == of_arms["length_only", "alerts"] > 0
    found = numbers(model, cell, "always") | length_areas(model, cell.readings)
    undefined = {name for name, value in found.items() if value is None}
    areas = {f"{of}{area}_area" for of in ("", "account_", "length_") for area in ("roc", "pr")}
    assert undefined >= areas | {"erde_5", "erde_50", "f_latency", "account_f_half", "alerted_within[10]", "delay"}
    assert found["detected"] == 0 < found["false_alert_rate"]
    made = summary(model.scenario, [replace(row, replication=0) for row in rows], "complete")
    estimates = made["estimates"]["detectors"]["always"]
    assert estimates["precision"]["estimate"] == 0.0 and estimates["recall"]["estimate"] is None
    text = markdown(compose(made, Facts("x", "x/y", "d", "0", None)))
    assert "Early-detection measures" in text and "n/a" in text
