"""A comparison of real runs worked out a second time: from metrics.parquet, with numpy and scipy alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from scipy import stats

from simharness.cli import main
from simharness.run import run_scenario
from simharness.scenario.load import Loaded
from simharness.store import METRICS, RunFolder

SMALL = ("training={grooming: 60, benign: 300, calibration: 3000}", "sampling.benign_fraction=0.002")
BASE, CAND = "voluntary_code", "grooming_alerts"
MEANS = ("children_harmed", "offences", "contacts", "human_hours")
Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def made(load: Callable[..., Loaded], tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], RunFolder]:
    """``made(seed, replications)``: a run of three arms and two detectors over a two-hundredth of the flagship."""
    root = tmp_path_factory.mktemp("by_hand")

    def run(seed: int, replications: int) -> RunFolder:
        loaded = load(*SMALL, scale=0.005, seed=seed, replications=replications)
        kept = {name: loaded.scenario.arms[name] for name in ("police_communication_offence", BASE, CAND)}
        specs = {name: loaded.scenario.detectors[name] for name in ("text_model", "keyword")}
        update = {"arms": kept, "detectors": specs}
        return run_scenario(replace(loaded, scenario=loaded.scenario.model_copy(update=update)), root)

    return run


@pytest.fixture(scope="module")
def runs(made: Callable[[int, int], RunFolder]) -> tuple[RunFolder, RunFolder]:
    return made(2017, 6), made(2018, 3)


def values(run: RunFolder, of: str, metric: str) -> Array:
    """By replication; of an arm or detector, the whole."""
    rows = pq.read_table(run.path / METRICS).to_pylist()
    found = {
        row["replication"]: row["value"]
        for row in rows
        if of in (row["arm"], row["detector"]) and row["metric"] == metric and row["stratum"] == ""
    }
    return np.array([found[place] for place in sorted(found)], np.float64)


def compared(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    capsys.readouterr()
    assert main(["compare", *map(str, words), "--json"]) == 0
    head, *metrics = map(json.loads, capsys.readouterr().out.splitlines())
    return head, {each["metric"]: each for each in metrics}


def asking(*metrics: str) -> list[str]:
    return [word for metric in metrics for word in ("--metric", metric)]


def expanded(drawn: Array, n: int) -> tuple[float, float]:
    """Ends of the expanded percentile interval at 95 % (Hesterberg 2015)."""
    tail = float(stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1)))
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return float(low), float(high)


def test_paired_t_with_bonferroni(capsys: pytest.CaptureFixture[str], runs: tuple[RunFolder, RunFolder]) -> None:
    run = runs[0]
    head, metrics = compared(capsys, f"{run.path}:{BASE}", f"{run.path}:{CAND}", *asking(*MEANS))
    away = {name: values(run, CAND, name) - values(run, BASE, name) for name in MEANS}
    differing = sum(bool(each.any()) for each in away.values())
    assert head["paired"] and head["compared"] == differing > 2
    assert head["level_of_each"] == pytest.approx(1 - 0.05 / differing)
    for name, each in away.items():
        found = metrics[name]["difference"]
        low, high = stats.t.interval(1 - 0.05 / differing, len(each) - 1, each.mean(), stats.sem(each))
        assert (found["estimate"], found["n"]) == (pytest.approx(each.mean()), 6), name
        assert (found["low"], found["high"]) == (pytest.approx(low), pytest.approx(high)), name
        expected = "better" if high < 0 else "worse" if low > 0 else "unclear"
        assert metrics[name]["verdict"] == expected, name
    assert {metrics[name]["verdict"] for name in ("children_harmed", "human_hours")} == {"better", "worse"}


def test_welch_where_seeds_differ(capsys: pytest.CaptureFixture[str], runs: tuple[RunFolder, RunFolder]) -> None:
    head, metrics = compared(capsys, f"{runs[0].path}:{BASE}", f"{runs[1].path}:{CAND}", *asking(*MEANS), "--level=0.9")
    assert not head["paired"] and head["compared"] == 4
    for name in MEANS:
        ours, theirs, found = values(runs[1], CAND, name), values(runs[0], BASE, name), metrics[name]["difference"]
        interval = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(1 - 0.1 / 4)
        assert found["estimate"] == pytest.approx(ours.mean() - theirs.mean()), name
        assert (found["low"], found["high"]) == (pytest.approx(interval.low), pytest.approx(interval.high)), name


def test_a_difference_of_ratios(capsys: pytest.CaptureFixture[str], runs: tuple[RunFolder, RunFolder]) -> None:
    """Recall: sums over sums, replications resampled whole and alike on both sides, by another generator."""
    run = runs[0]
    words = (f"{run.path}:detector/keyword", f"{run.path}:detector/text_model", *asking("recall"))
    found = compared(capsys, *words)[1]["recall"]["difference"]
    sides = [(values(run, name, "detected"), values(run, name, "grooming")) for name in ("text_model", "keyword")]
    places = np.random.default_rng(1).integers(0, 6, (20_000, 6))
    ours, theirs = (over[places].sum(axis=1) / under[places].sum(axis=1) for over, under in sides)
    low, high = expanded(ours - theirs, 6)
    whole = [over.sum() / under.sum() for over, under in sides]
    assert found["estimate"] == pytest.approx(whole[0] - whole[1])
    assert found["low"] == pytest.approx(low, abs=0.08 * (high - low))
    assert found["high"] == pytest.approx(high, abs=0.08 * (high - low))


def test_non_inferiority(capsys: pytest.CaptureFixture[str], runs: tuple[RunFolder, RunFolder]) -> None:
    """Human hours are more; by how much at most decides. A share of the base is a share of its mean."""
    run = runs[0]
    hours, theirs = values(run, CAND, "human_hours"), values(run, BASE, "human_hours")
    away = hours - theirs
    low, high = stats.t.interval(0.95, 5, away.mean(), stats.sem(away))
    share = 100.0 * high / theirs.mean()
    for margin, expected in (
        (f"{(low + high) / 2}", "unclear"),
        (f"{low - 1}", "worse"),
        (f"{share + 0.1}%", "same"),
    ):
        words = (
            f"{run.path}:{BASE}",
            f"{run.path}:{CAND}",
            *asking("human_hours"),
            "--margin",
            f"human_hours={margin}",
        )
        _, metrics = compared(capsys, *words)
        assert metrics["human_hours"]["verdict"] == expected, margin
