"""What is said of a metric's strata before a run is what a run then measures, in both directions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pytest

from simharness.detection.scoring import build_detectors
from simharness.metrics.catalogue import METRICS
from simharness.metrics.cell import cell_rows
from simharness.metrics.estimates import RECORDED, by_subject, estimate_of
from simharness.metrics.rows import Row
from simharness.metrics.strata import measured_whole, strata_of
from simharness.outcomes.cell import run_cell
from simharness.run import prepare_cells
from simharness.scenario.load import Loaded
from simharness.world.model import WorldModel, build_model

SMALL_TRAINING = ("training.grooming=200", "training.benign=400", "training.calibration=20000")


@pytest.fixture(scope="module")
def lived(load: Callable[..., Loaded]) -> tuple[WorldModel, list[Row]]:
    """The flagship, lived through once; scored at little expense."""
    loaded = load(*SMALL_TRAINING, "sampling.benign_fraction=0.0003")
    model = build_model(loaded.scenario, loaded.folder)
    prepared = prepare_cells(model, build_detectors(loaded.scenario.detectors, loaded.folder))
    return model, cell_rows(model, run_cell(prepared, 0))


def test_strata_known_before_are_those_measured(lived: tuple[WorldModel, list[Row]]) -> None:
    model, rows = lived
    measured: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in rows:
        if row.metric != RECORDED:
            measured["arm" if row.arm else "detector", row.arm or row.detector, row.metric].add(row.stratum)
    assert len(measured) > 300
    for (subject, name, metric), strata in measured.items():
        assert set(strata_of(model, subject, name, metric)) == strata - {""}, (subject, name, metric)
        assert measured_whole(subject, metric) == ("" in strata), (subject, name, metric)


def test_every_ratio_has_the_strata_said(lived: tuple[WorldModel, list[Row]]) -> None:
    model, rows = lived
    ratios = [(subject, metric) for subject, metric in METRICS if METRICS[subject, metric].estimator == "ratio"]
    looked_at = 0
    for (subject, name), series in by_subject(rows).items():
        for of, metric in ratios:
            if of == subject:
                whole = estimate_of(subject, metric, series) is not None
                assert whole == measured_whole(subject, metric), (name, metric)
                for stratum in strata_of(model, subject, name, metric):
                    assert estimate_of(subject, f"{metric}[{stratum}]", series) is not None, (name, metric, stratum)
                    looked_at += 1
    assert looked_at > 100
