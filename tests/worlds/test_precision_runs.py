"""A run that goes on until it is precise enough: the same cells, the same looks, however it is split or stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simharness.parallel import Interrupted
from simharness.run import run_scenario
from simharness.scenario.load import Loaded
from simharness.store import SUMMARY, RunFolder

SMALL = ("training={grooming: 60, benign: 300, calibration: 3000}", "sampling.benign_fraction=0.01")
ARM = "voluntary_code"


@pytest.fixture(scope="module")
def small(load: Callable[..., Loaded]) -> Callable[..., Loaded]:
    """``small(half_width, replications=3, at_most=8)``: a hundredth of the flagship; None: no precision asked for."""

    def made(half_width: float | None, replications: int = 3, at_most: int = 8) -> Loaded:
        block = f"{{metric: offences, arm: {ARM}, half_width: {half_width}, at_most: {at_most}}}"
        asked = () if half_width is None else (f"precision={block}",)
        loaded = load(*SMALL, *asked, scale=0.01, replications=replications)
        kept = {name: loaded.scenario.arms[name] for name in (loaded.scenario.comparator, ARM)}
        changes = {"arms": kept, "detectors": {"keyword": loaded.scenario.detectors["keyword"]}, "matched_budget": None}
        return replace(loaded, scenario=loaded.scenario.model_copy(update=changes))

    return made


def summary(folder: RunFolder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder.path / SUMMARY).read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def done(small: Callable[..., Loaded], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Half-widths of about 79 at the first look and 32 at the second, at this seed: it stops there. Read-only."""
    return run_scenario(small(40.0), tmp_path_factory.mktemp("done"))


def test_it_stops_at_the_second_look_with_the_cells_of_a_plain_run(
    small: Callable[..., Loaded], done: RunFolder, tmp_path: Path
) -> None:
    found, cells = summary(done), done.read_manifest()["cells"]
    assert [look["replications"] for look in found["precision"]["looks"]] == [3, 5]
    assert found["precision"]["planned"] == [3, 5, 8] and found["precision"]["reached"]
    assert found["replications"] == found["replications_asked"] == len(cells) == 5 and found["status"] == "complete"
    plain = run_scenario(small(None, replications=5), tmp_path)
    assert plain.read_manifest()["cells"] == cells
    assert plain.read_manifest()["digest"] == done.read_manifest()["digest"]
    assert summary(plain)["estimates"] == found["estimates"] and summary(plain)["precision"] is None


def test_costs_are_prices_times_amounts(small: Callable[..., Loaded], done: RunFolder) -> None:
    """Costs are linear, so their means over replications are those of the amounts, priced."""
    prices, found = small(40.0).scenario.prices, summary(done)
    assert prices is not None
    arms = found["estimates"]["arms"]
    of = {item: price.price for item, price in prices.items.items()}
    for metrics in arms.values():
        mean = {metric: each["estimate"] or 0.0 for metric, each in metrics.items()}
        police = of["officer_hour"] * mean["police_hours"] + of["referral"] * mean["referrals"]
        assert mean["cost_police"] == pytest.approx(police)
        harm = of["offence"] * mean["offences"] + of["meeting_attempt"] * mean["meetings"]
        assert mean["cost_society"] > harm > 0.0
        extra = mean["cost_society"] - arms["police_communication_offence"]["cost_society"]["estimate"]
        assert mean["extra_cost_society"] == pytest.approx(extra, abs=1e-6)
    assert arms["police_communication_offence"]["cost_platform"]["estimate"] == 0.0 < arms[ARM]["cost_platform"]["low"]
    shown = found["cost_effectiveness"]["perspectives"]["platform"]["arms"][ARM]
    assert shown["cost"] == arms[ARM]["cost_platform"] and found["cost_effectiveness"]["replications"] == 5


def test_workers_change_nothing(small: Callable[..., Loaded], done: RunFolder, tmp_path: Path) -> None:
    again = run_scenario(small(40.0), tmp_path, jobs=2)
    assert (again.path / SUMMARY).read_bytes() == (done.path / SUMMARY).read_bytes()


def test_stopped_in_the_second_round_it_takes_the_same_looks(
    small: Callable[..., Loaded], done: RunFolder, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []

    def stop_after_four(what: str, count: int, total: int) -> None:
        told.append((what, count, total))
        if count == 4:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        run_scenario(small(40.0), tmp_path, notify=stop_after_four)
    assert told == [("prepare", 0, 3), ("cell", 1, 3), ("cell", 2, 3), ("cell", 3, 3), ("cell", 4, 5)]
    stopped = summary(RunFolder.at(tmp_path / done.scenario / done.run_id))
    assert (stopped["status"], stopped["replications"], stopped["replications_asked"]) == ("partial", 4, 5)
    assert [look["replications"] for look in stopped["precision"]["looks"]] == [3] and not stopped["precision"][
        "reached"
    ]
    told.clear()
    handed: list[int] = []
    again = run_scenario(
        small(40.0), tmp_path, notify=lambda *what: told.append(what), on_cell=lambda cell, _: handed.append(cell)
    )
    assert told == [("prepare", 4, 5), ("cell", 5, 5)] and handed == [0, 1, 2, 3, 4]
    assert (again.path / SUMMARY).read_bytes() == (done.path / SUMMARY).read_bytes()
    assert again.read_manifest()["digest"] == done.read_manifest()["digest"]


def test_the_most_ends_it_and_the_summary_says_that_it_was_not_reached(
    small: Callable[..., Loaded], tmp_path: Path
) -> None:
    found = summary(run_scenario(small(0.1, replications=2, at_most=3), tmp_path))
    assert (found["status"], found["replications"], found["replications_asked"]) == ("complete", 3, 3)
    assert not found["precision"]["reached"] and found["precision"]["half_width"] > 0.1
    assert [look["replications"] for look in found["precision"]["looks"]] == [2, 3]
