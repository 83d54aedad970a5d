"""A detector's numbers made again from its risk after every message, with scikit-learn and lifelines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, fbeta_score, roc_auc_score

from simharness.detection.levels import calibrate_levels
from simharness.detection.scoring import Scorer, build_detectors, prepare
from simharness.metrics.detector_early import early_numbers, early_strata, length_areas
from simharness.metrics.detectors import detector_numbers
from simharness.outcomes.cell import Prepared, ReadWorld, read_world, replication_seed
from simharness.scenario.load import Loaded
from simharness.world.generate import World
from simharness.world.model import WorldModel, build_model

FRACTION = 0.02  # of harmless conversations that are sampled
SMALL = ("training={grooming: 60, benign: 300, calibration: 4000}", f"sampling.benign_fraction={FRACTION}")
LEVEL = "alert_level={false_alerts_per_1000_child_months: 20.0}"
DETECTORS = ("text_model", "bayes_bound")
P, DAY_S, MONTH_DAYS = 0.0078, 86400.0, 365.25 / 12.0


@dataclass
class Read:
    model: WorldModel
    world: ReadWorld
    scorers: dict[str, Scorer]
    tables: dict[str, pd.DataFrame]  # a row a conversation

    def numbers(self, name: str) -> dict[str, Any]:
        reading = self.world.readings[name]
        found = detector_numbers(self.model, self.world.readings, name) | early_numbers(self.model, reading)
        return found | {f"{metric}[{at}]": value for metric, at, value in early_strata(self.model, reading)}


@pytest.fixture(scope="module")
def read(load: Callable[..., Loaded]) -> Read:
    changes = tuple(f"detectors.{name}.{LEVEL}" for name in DETECTORS)
    loaded = load(*SMALL, *changes, scale=0.01)
    specs = {name: loaded.scenario.detectors[name] for name in DETECTORS}
    comparator = loaded.scenario.comparator
    kept = {"detectors": specs, "arms": {comparator: loaded.scenario.arms[comparator]}, "matched_budget": None}
    model = build_model(loaded.scenario.model_copy(update=kept), loaded.folder)
    scorers = prepare(model, build_detectors(specs, loaded.folder))
    levels = calibrate_levels(model, scorers)
    world = read_world(Prepared(model, scorers, levels), 0)
    tables = {name: table(model, scorers[name], levels[name].risk[levels[name].measured]) for name in DETECTORS}
    return Read(model, world, scorers, tables)


def table(model: WorldModel, scorer: Scorer, level: float) -> pd.DataFrame:
    """What happened in each conversation, message by message; ``k``: number of the message alerted on, 0 for none."""
    world = World(model, replication_seed(model.scenario, 0))
    rows = []
    for grooming, blocks in ((True, [world.grooming_contacts()]), (False, world.benign_contacts())):
        for batch in (batch for block in blocks for batch in world.batches(block)):
            view, risk = batch.view, scorer.risk(batch.view).copy()
            for i in range(len(view)):
                own = slice(int(view.begin[i]), int(view.end[i]))
                reached = np.flatnonzero(risk[own] >= level)
                k = int(reached[0]) + 1 if reached.size else 0
                times = model.clock.wall(view.time_s[own])
                rows.append(
                    {
                        "grooming": grooming,
                        "account": batch.contacts.initiator[i] if grooming else -1 - len(rows),
                        "messages": risk[own].size,
                        "peak": float(risk[own].max()),
                        "last": float(risk[own][-1]),
                        "k": k,
                        "days": (times[k - 1] - model.clock.wall(batch.contacts.start[i : i + 1])[0]) / DAY_S,
                        "early": bool(k) and grooming and view.time_s[own][k - 1] < batch.truth.offence[i] < np.inf,
                        "offence": grooming and bool(np.isfinite(batch.truth.offence[i])),
                        "weight": 1.0 if grooming else 1.0 / FRACTION,
                    }
                )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module", params=DETECTORS)
def both(request: pytest.FixtureRequest, read: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    return read.tables[request.param], read.numbers(request.param)


def test_areas_are_those_of_scikit_learn(both: tuple[pd.DataFrame, dict[str, Any]], read: Read) -> None:
    rows, found = both
    given = {"y_true": rows["grooming"], "sample_weight": rows["weight"]}
    assert found["roc_area"] == pytest.approx(roc_auc_score(y_score=rows["peak"], **given), abs=1e-9)
    assert found["pr_area"] == pytest.approx(average_precision_score(y_score=rows["peak"], **given), abs=1e-9)
    accounts = rows.groupby("account").agg({"grooming": "first", "peak": "max", "weight": "first", "k": "max"})
    given = {"y_true": accounts["grooming"], "sample_weight": accounts["weight"]}
    assert found["account_roc_area"] == pytest.approx(roc_auc_score(y_score=accounts["peak"], **given), abs=1e-9)
    assert found["account_pr_area"] == pytest.approx(average_precision_score(y_score=accounts["peak"], **given))
    assert found["account_f_half"] == pytest.approx(fbeta_score(y_pred=accounts["k"] > 0, beta=0.5, **given))
    lengths = length_areas(read.model, read.world.readings)
    assert lengths["length_roc_area"] == pytest.approx(
        roc_auc_score(rows["grooming"], rows["messages"], sample_weight=rows["weight"]), abs=1e-9
    )
    assert 0.5 < found["account_roc_area"] != found["roc_area"] and rows["grooming"].sum() > 100


def test_lateness_is_that_of_the_messages(both: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    rows, found = both
    share = np.average(rows["grooming"], weights=rows["weight"])
    right = rows[rows["grooming"] & (rows["k"] > 0)]["k"]
    for order in (5, 50):
        costs = np.where(rows["grooming"], 1.0, 0.0)
        costs[rows["grooming"] & (rows["k"] > 0)] = [1.0 - 1.0 / (1.0 + np.exp(k - order)) for k in right]
        costs[~rows["grooming"] & (rows["k"] > 0)] = share
        assert found[f"erde_{order}"] == pytest.approx(np.average(costs, weights=rows["weight"]), rel=1e-9)
    fast = 1.0 - np.median([-1.0 + 2.0 / (1.0 + np.exp(-P * (k - 1))) for k in right])
    f_1 = f1_score(rows["grooming"], rows["k"] > 0, sample_weight=rows["weight"])
    assert (found["speed"], found["f_latency"]) == (pytest.approx(fast, rel=1e-9), pytest.approx(f_1 * fast, rel=1e-9))
    assert found["messages_to_alert"] == right.median() and right.size > 20
    assert found["alerted_within[50]"] == pytest.approx((right <= 50).sum() / rows["grooming"].sum())


def test_censored_medians_are_those_of_lifelines(both: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    rows, found = both
    own = rows[rows["grooming"]]
    messages = own["messages"].where(own["k"] == 0, own["k"])
    for lasted, name in ((messages, "messages_to_alert_censored"), (own["days"], "days_to_alert_censored")):
        median = KaplanMeierFitter().fit(lasted, own["k"] > 0).median_survival_time_
        assert found[name] == (pytest.approx(median, rel=1e-9) if np.isfinite(median) else None)
    assert (own["k"] == 0).any()


def test_net_benefit_weighs_what_was_counted(both: tuple[pd.DataFrame, dict[str, Any]], read: Read) -> None:
    rows, found = both
    scenario = read.model.scenario
    months = read.model.child_months / 1000.0
    alerted = rows[~rows["grooming"]]["k"] > 0
    rate = alerted.mean() * 1000.0 * scenario.world.benign.contact_rate * DAY_S * MONTH_DAYS
    assert found["false_alert_rate"] == pytest.approx(rate, rel=1e-9) and rate > 0
    for count in (10, 100, 1000):
        worth = rows["early"].sum() / months - rate / count
        assert found[f"net_benefit[{count}]"] == pytest.approx(worth, rel=1e-9)
    assert (found["in_time"], found["offences"]) == (rows["early"].sum(), rows["offence"].sum()) and found["in_time"]


def test_the_brier_score_is_that_of_scikit_learn(read: Read) -> None:
    rows, found = read.tables["bayes_bound"], read.numbers("bayes_bound")
    probability = 1.0 / (1.0 + np.exp(-rows["last"]))  # the bound gives log-odds
    wanted = brier_score_loss(rows["grooming"], probability, sample_weight=rows["weight"])
    assert found["brier"] == pytest.approx(wanted, rel=1e-6)
    assert read.numbers("text_model")["brier"] is None
