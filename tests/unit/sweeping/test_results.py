"""What a sweep says: estimates as in a run, tornado, best arm, frontier, and the same on a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simharness.metrics.intervals import EXPANDED
from simharness.metrics.rows import Row
from simharness.report.sweep_tables import _value, sweep_banner, sweep_notes, sweep_tables
from simharness.sweeping.numbers import Numbers, series_of
from simharness.sweeping.points import Sweep, load_sweep
from simharness.sweeping.results import leaders, results
from tests.unit.sweeping.conftest import RATE, STAFF

Write = Callable[..., Path]
ARM, BASE = "trained_moderators", "police_communication_offence"
PARAMETERS = {"rate": {"path": RATE, "values": [1, 2]}, "staff": {"path": STAFF, "values": [1, 60]}}


def numbers(protected: list[list[float | None]], hours: list[list[float | None]]) -> Numbers:
    """Made-up rows of an arm, by point and replication; the comparator protects nobody in 10 hours."""
    rows: dict[int, list[Row]] = {}
    for point, (children, spent) in enumerate(zip(protected, hours, strict=True)):
        rows[point] = []
        for replication, (child, hour) in enumerate(zip(children, spent, strict=True)):
            own = {"children_protected": child, "human_hours": hour, "false_alerts": 4.0, "child_months": 2.0}
            rows[point].append(Row("children_protected", ARM, "", "girl", replication, 99.0, "u"))
            for arm, values in ((ARM, own), (BASE, dict.fromkeys(own, 0.0) | {"human_hours": 10.0})):
                rows[point] += [Row(name, arm, "", "", replication, value, "u") for name, value in values.items()]
    return Numbers(rows, {point: series_of(found) for point, found in rows.items()})


def found(sweep: Sweep, known: Numbers) -> dict[str, Any]:
    return json.loads(json.dumps(results(sweep, known)))  # type: ignore[no-any-return]


def test_a_grid_by_hand(write_sweep: Write) -> None:
    outputs = [
        {"metric": "children_protected", "arm": ARM},
        {"metric": "false_alerts_per_1000_child_months", "arm": ARM},
    ]
    frontier = {"arm": ARM, "metrics": {"children_protected": None, "human_hours": "lower"}}
    best = {"metric": "human_hours"}
    file = write_sweep(PARAMETERS, outputs=outputs, frontier=frontier, best=best, replications=2)
    known = numbers([[1, 3], [3, 3], [4, 6], [5, 7]], [[5, 5], [9, 9], [9, 11], [20, 30]])
    said = found(load_sweep(file), known)
    first = said["points"][0]["estimates"]
    # Student: mean 2, standard error 1, t[0.975; 1] = 12.706; a count is never below 0.
    assert [first[0][key] for key in ("estimate", "low", "high", "n")] == [2.0, 0.0, pytest.approx(14.706, abs=1e-3), 2]
    assert first[0]["difference"]["low"] == pytest.approx(-10.706, abs=1e-3)
    assert first[1]["estimate"] == 2.0 and first[1]["method"] == EXPANDED
    # Means 2 3 5 6 over rate x staff: rate explains 9 of 10, staff 1 of 10.
    shares = [row["share"] for row in said["effects"]["rows"]]
    assert shares == [pytest.approx(0.9), pytest.approx(0.1), None, None]
    assert [row["point"] for row in said["frontier"]["rows"]] == [0, 1, 2, 3]
    # Fewer hours are better: mean 5, 9, 10 (a tie), 25 against 10; by replication in both, both, one, none.
    assert [each["best"] for each in said["best"]["points"]] == [[ARM], [ARM], [BASE, ARM], [BASE]]
    assert [each["replications"][ARM] for each in said["best"]["points"]] == [1.0, 1.0, 0.5, 0.0]
    assert said["best"]["shares"][ARM]["estimate"] == 0.75 and said["best"]["shares"][BASE]["estimate"] == 0.5
    tables = {table.title: table for table in sweep_tables(said)}
    assert len(tables) == 5
    text = str(tables) + str(sweep_banner(said)) + str(sweep_notes(said))
    assert "SYNTHETIC" in text and "90.0 %" in text and "75.0 %" in text


def test_a_tornado_is_ordered_by_span_and_paired(write_sweep: Write) -> None:
    file = write_sweep(PARAMETERS, design={"kind": "one_at_a_time"}, replications=2)
    known = numbers([[2, 4], [1, 3], [3, 5], [0, 2], [9, 11]], [[1, 1]] * 5)
    (tornado,) = found(load_sweep(file), known)["tornado"]
    assert tornado["base"]["estimate"] == 3.0
    assert [(bar["parameter"], bar["span"]) for bar in tornado["bars"]] == [("staff", 9.0), ("rate", 2.0)]
    low = tornado["bars"][0]["points"][0]
    assert low["value"] == 1 and low["difference"]["estimate"] == -2.0 and low["difference"]["high"] == -2.0
    said = found(load_sweep(file), known)
    (table,) = sweep_tables(said)
    assert [row[0] for row in table.rows] == [("staff",), ("rate",)]
    assert table.rows[0][-1] == ("9.0", "#" * 24) and table.rows[1][-1] == ("2.0", "#" * 5)
    assert said["effects"] is None


def test_undefined_stays_undefined(write_sweep: Write) -> None:
    file = write_sweep(PARAMETERS, best={"metric": "children_protected"}, replications=2)
    known = numbers([[None, None], [1, 2], [1, 2], [1, 2]], [[1, 1]] * 4)
    said = found(load_sweep(file), known)
    assert said["points"][0]["estimates"][0]["estimate"] is None
    assert said["effects"]["rows"][0]["share"] is None
    assert "n/a" in str(sweep_tables(said))


def test_leaders() -> None:
    assert leaders({"a": 1.0, "b": None, "c": 1.0}, "higher") == ["a", "c"]
    assert leaders({"a": 1.0, "b": 0.0}, "lower") == ["b"]
    assert leaders({"a": None}, "lower") == []


def test_the_command_runs_plans_and_reports(write_sweep: Write, tmp_path: Path, main: Callable[..., Any]) -> None:
    file = write_sweep({"staff": {"path": STAFF, "values": [1, 60]}})
    code, out, err = main("sweep", "--plan", file)
    assert code == 0 and "points           2" in out and "arms lived       3 (each point by itself: 4)" in out
    code, out, err = main("sweep", file, "--jobs", 1, "-o", tmp_path / "results", "--json")
    said = json.loads(out)
    assert code == 0 and said["type"] == "sweep" and len(said["points"]) == 2 and "What moves" in err
    assert (tmp_path / "results" / said["scenario"] / said["sweep"] / "sweep.parquet").is_file()
    outputs = [{"metric": "alerts_lost[nowhere]", "arm": ARM}]
    wrong = write_sweep({"staff": {"path": STAFF, "values": [1]}}, outputs=outputs, name="wrong.yaml")
    code, out, err = main("sweep", wrong, "--jobs", 1, "-o", tmp_path / "results")
    assert code == 2 and "no row of trained_moderators is 'alerts_lost[nowhere]'" in err


def test_drawn_values_with_units_are_shown_short() -> None:
    found = {"parameters": {"within": {"unit": "d", "relative": False}, "name": {"unit": "", "relative": False}}}
    assert _value(found, "within", "3.3118314520104857d") == "3.312d"
    assert _value(found, "name", "deadline") == "deadline" and _value(found, "within", None) == "as it is"
