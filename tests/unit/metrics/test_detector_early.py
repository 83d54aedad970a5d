"""Early-detection measures of one detector in one replication, by hand: five grooming conversations of three offenders
and four harmless ones, each of which stands for many.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simharness.detection.answers import Declared
from simharness.detection.guard import Guard
from simharness.detection.levels import LADDER_RATES, Levels, contacts_per_1000_child_months
from simharness.detection.scoring import Scorer
from simharness.metrics.catalogue import METRICS
from simharness.metrics.detector_early import early_numbers, early_strata, length_areas
from simharness.metrics.detectors import detector_numbers
from simharness.outcomes.readings import Reading
from simharness.outcomes.traces import Traces
from simharness.scenario.detector import Aggregator, DetectorSpec
from simharness.world.clock import DAY_S
from simharness.world.model import WorldModel

LEVELS = Levels(np.array([1.0], np.float32), {}, np.zeros(len(LADDER_RATES), np.int64))
GROOMING = {
    "initiator": [4, 4, 7, 7, 9],
    "peak": [9.0, 2.0, 8.0, 0.5, -np.inf],
    "last": [2.0, 1.0, 3.0, -3.0, -np.inf],
    "alert": [5, 12, 30, 0, 0],
    "messages": [40, 20, 60, 11, 100],
}
HARMLESS = {
    "initiator": [-1] * 4,
    "peak": [2.0, 0.1, 0.2, np.nan],
    "last": [1.0, -2.0, -5.0, np.nan],
    "alert": [3, 0, 0, 0],
    "messages": [30, 20, 10, 5],
}


def traces(columns: dict[str, list[Any]], model: WorldModel) -> Traces:
    """Contact at noon of some day; a message an hour, on the waking clock, so all within it where they are few."""
    n, clock = len(columns["alert"]), model.clock
    start = np.full(n, 2.0 * clock.lasts_s)
    days = np.array(columns["messages"]) // 10 if 0 in columns["alert"] else np.ones(n)
    names = {name: np.array(values) for name, values in columns.items()}
    kept = names["peak"].astype(np.float32), names["last"].astype(np.float32), names["alert"].astype(np.int32)
    return Traces(names["initiator"], start, names["messages"].astype(np.int32), *kept, start + days * clock.lasts_s)


def scorer(**more: Any) -> Scorer:
    known = {"range": None, "direction": "higher"} | {k: more.pop(k) for k in ("range", "direction") if k in more}
    guard = Guard("a", DetectorSpec(use="a"), Declared(**known))  # type: ignore[arg-type]
    return Scorer("a", object(), Aggregator(kind="last"), guard=guard, **({"table": None} | more))  # type: ignore[arg-type]


@pytest.fixture
def read(model: WorldModel) -> Reading:
    made = Reading(scorer(), LEVELS, len(model.grammar.stage_names))
    made.traces, made.benign_traces = [traces(GROOMING, model)], [traces(HARMLESS, model)]
    made.grooming, made.offences, made.benign = 5, 4, 4
    made.alerted[:], made.in_time[:], made.false[:], made.delay[:] = 3, 2, 1, 158
    return made


@pytest.fixture
def weight(model: WorldModel) -> float:
    return 1.0 / model.scenario.sampling.benign_fraction


def test_lateness(model: WorldModel, read: Reading, weight: float) -> None:
    found, total = early_numbers(model, read), 5 + 4 * weight
    cost = sum(1 / (1 + np.exp(50.0 - k)) for k in (5, 12, 30)) + 2 + weight * 5 / total
    assert found["erde_50"] == pytest.approx(cost / total) and found["messages_to_alert"] == 12.0
    assert found["erde_5"] == pytest.approx(
        (0.5 + sum(1 / (1 + np.exp(5.0 - k)) for k in (12, 30)) + 2 + 5 * weight / total) / total
    )
    speed = 1 - np.tanh(0.0078 * 11 / 2)
    assert found["speed"] == pytest.approx(speed)
    assert found["f_latency"] == pytest.approx(6 / (6 + 2 + weight) * speed)


def test_areas_of_conversations(model: WorldModel, read: Reading, weight: float) -> None:
    """Of 5 x 4 pairs, ranked 9, 8, (2, 2), 0.5, 0.2, 0.1, (none, none): 4 + 4 + 3.5 + 3 + 0.5 in order."""
    found = early_numbers(model, read)
    assert found["roc_area"] == pytest.approx(15 / 20)
    shares = (1, 1, 3 / (3 + weight), 4 / (4 + weight), 5 / (5 + 4 * weight))
    assert found["pr_area"] == pytest.approx(sum(shares) / 5)


def test_accounts(model: WorldModel, read: Reading, weight: float) -> None:
    """Offenders have 9, 8 and nothing; two of three are alerted on, one of them twice."""
    found = early_numbers(model, read)
    assert found["account_roc_area"] == pytest.approx((4 + 4 + 0.5) / 12)
    assert found["account_pr_area"] == pytest.approx((1 + 1 + 3 / (3 + 4 * weight)) / 3)
    assert (found["offenders"], found["offenders_detected"], found["accounts_alerted"]) == (3, 2, 2 + weight)
    assert found["account_f_half"] == pytest.approx(1.25 * 2 / (1.25 * 2 + 0.25 + weight))


def test_names_and_order_of_accounts_change_nothing(model: WorldModel, read: Reading) -> None:
    before, order = early_numbers(model, read), [3, 0, 4, 2, 1]
    mixed = {name: [values[place] for place in order] for name, values in GROOMING.items()}
    mixed["initiator"] = [{4: 0, 7: 99, 9: 3}[name] for name in mixed["initiator"]]
    original = read.traces[0]
    until = {"start": original.start[order], "until": original.until[order]}
    read.traces = [replace(traces(mixed, model), **until)]
    again = early_numbers(model, read)
    for name, value in before.items():
        assert again[name] == (None if value is None else pytest.approx(value, rel=1e-12)), name
    # In two batches as in one.
    whole = read.traces[0]
    columns = [getattr(whole, name) for name in Traces.__slots__]
    read.traces = [Traces(*(column[part] for column in columns)) for part in (slice(0, 2), slice(2, 5))]
    assert early_numbers(model, read) == again


def test_times_with_censoring(model: WorldModel, read: Reading) -> None:
    """Alerts after 5, 12 and 30 messages, censored at 11 and 100: still waiting 4/5, 8/15 and then 4/15."""
    found = early_numbers(model, read)
    assert found["messages_to_alert_censored"] == 30.0
    # Days 2, 4 and 6 with an alert, 1 and 10 without: 3/4 and then 1/2.
    assert found["days_to_alert_censored"] == pytest.approx(4.0)
    assert model.clock.lasts_s < DAY_S


def test_alerts_by_exposure(model: WorldModel, read: Reading) -> None:
    found, false = early_numbers(model, read), 0.25 * contacts_per_1000_child_months(model)
    months = model.child_months / 1000
    assert found["alerts_per_1000_child_months"] == pytest.approx(3 / months + false)
    benefit = {stratum: value for name, stratum, value in early_strata(model, read) if name == "net_benefit"}
    assert benefit == {str(worth): pytest.approx(2 / months - false / worth) for worth in (10, 100, 1000)}


def test_by_stage_and_by_messages(model: WorldModel, read: Reading) -> None:
    stage = model.grammar.stage_names.index("sexual")
    read.reached[stage], read.before[stage] = 4, 3
    found = {(name, stratum): value for name, stratum, value in early_strata(model, read)}
    assert (found["reached_stage", "sexual"], found["alerted_before_stage", "sexual"]) == (4, 3)
    assert [found["alerted_within", most] for most in ("10", "50", "100")] == pytest.approx([0.2, 0.6, 0.6])
    read.traces = [replace(read.traces[0], alert=np.array([10, 50, 51, 0, 0], np.int32))]
    within = [value for name, _, value in early_strata(model, read) if name == "alerted_within"]
    assert within == pytest.approx([0.2, 0.4, 0.6]), "the message itself counts"
    grooming = {model.grammar.stage_names[number] for number in model.grammar.grooming_stages}
    assert {stratum for name, stratum in found if name == "reached_stage"} == grooming


def test_length_alone(model: WorldModel, read: Reading) -> None:
    """Lengths 100, 60, 40, 20 and 11 against 30, 20, 10 and 5, whatever the detector says."""
    found = length_areas(model, {"a": read})
    assert found["length_roc_area"] == pytest.approx((4 * 3 + 2.5 + 2) / 20)
    silent = replace(read.traces[0], peak=np.full(5, -np.inf, np.float32), alert=np.zeros(5, np.int32))
    read.traces = [silent]
    assert length_areas(model, {"a": read, "b": read}) == found and length_areas(model, {}) == {}


def test_the_brier_score_of_what_was_said_last(model: WorldModel, read: Reading, weight: float) -> None:
    """Log-odds of the bound; who was given none is left out."""
    read.scorer = scorer(privileged=True)
    odds = np.array([2.0, 1.0, 3.0, -3.0, 1.0, -2.0, -5.0])
    given, known = 1 / (1 + np.exp(-odds)), np.arange(7) < 4
    weights = np.where(known, 1.0, weight)
    expected = (weights * (given - known) ** 2).sum() / weights.sum()
    found = early_numbers(model, read)
    assert found["brier"] == pytest.approx(expected, rel=1e-6)
    assert found["calibration_reliability"] is not None and 0 < found["calibration_reliability"] < expected


@pytest.mark.parametrize(
    ("about", "defined"),
    [
        ({}, False),
        ({"range": (0.0, 1.0)}, True),
        ({"range": (0.0, 1.0), "direction": "lower"}, False),
        ({"range": (0.0, 100.0)}, False),
        ({"range": (0.0, 1.0), "table": np.zeros(1, np.float32)}, False),  # a score of single messages
    ],
)
def test_a_probability_is_what_says_so(model: WorldModel, read: Reading, about: dict[str, Any], defined: bool) -> None:
    read.scorer = scorer(**about)
    read.traces, read.benign_traces = (
        [replace(part, last=np.where(np.isfinite(part.last), np.float32(0.25), part.last)) for part in parts]
        for parts in (read.traces, read.benign_traces)
    )
    found = early_numbers(model, read)
    assert (found["brier"] is not None) == defined == (found["calibration_reliability"] is not None)
    if defined:
        share = 4 / (4 + 3 / model.scenario.sampling.benign_fraction)
        assert found["brier"] == pytest.approx(share * 0.75**2 + (1 - share) * 0.25**2)
        assert found["calibration_reliability"] == pytest.approx((0.25 - share) ** 2)


def test_without_grooming_what_speaks_of_it_is_undefined(model: WorldModel, read: Reading) -> None:
    read.traces, read.grooming = [], 0
    read.alerted[:], read.in_time[:] = 0, 0
    found = early_numbers(model, read) | length_areas(model, {"a": read})
    assert {name for name, value in found.items() if value is not None} == {
        "offenders",
        "offenders_detected",
        "accounts_alerted",
        "alerts_per_1000_child_months",
    }
    strata = {(name, stratum): value for name, stratum, value in early_strata(model, read)}
    assert {value for (name, _), value in strata.items() if name == "alerted_within"} == {None}
    assert all((value or 0) < 0 for (name, _), value in strata.items() if name == "net_benefit")


def test_nothing_read_at_all(model: WorldModel) -> None:
    nothing = Reading(scorer(privileged=True), LEVELS, len(model.grammar.stage_names))
    assert not {value for value in early_numbers(model, nothing).values() if value is not None} - {0}


def test_every_metric_of_detectors_is_made(model: WorldModel, read: Reading) -> None:
    known = {metric.name for metric in METRICS.values() if metric.subject == "detector" and metric.estimator != "ratio"}
    budget = {"recall_before_offence_at_budget", "recall_before_offence_over_baseline"}
    whole = [detector_numbers(model, {"a": read}, "a"), early_numbers(model, read), length_areas(model, {"a": read})]
    strata = {name for name, _, _ in early_strata(model, read)} | {"stage_at_alert"}
    assert set().union(*whole, budget, strata) == known
    assert sum(map(len, whole)) == len(set().union(*whole)), "one number is made twice"
