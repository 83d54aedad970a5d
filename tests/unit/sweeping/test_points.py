"""From a sweep's file to its points: values, units, factors, and every mistake named by file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simharness.errors import UsageError, UsageErrors
from simharness.sweeping import design, points
from simharness.sweeping.points import load_sweep
from simharness.sweeping.values import as_column, between, quantity, times, written
from tests.unit.sweeping.conftest import RATE, STAFF

Write = Callable[..., Path]
SWEEPS = Path(__file__).parents[3] / "scenarios" / "sweeps"
LEAVE = "response.reactions.alert_child.leave"
QUEUE = "arms.trained_moderators.queues"
WITHIN = "response.reactions.repetition.within"


@pytest.mark.parametrize(
    ("value", "expected"), [(3, (3.0, "")), ("24h", (24.0, "h")), ("0.1/day", (0.1, "/day")), ("1.5 min", (1.5, "min"))]
)
def test_quantities(value: Any, expected: tuple[float, str]) -> None:
    assert quantity(value) == expected


@pytest.mark.parametrize("value", [True, "1d 12h", "fast", "", "-"])
def test_what_is_no_single_number(value: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        quantity(value)


def test_times_and_written() -> None:
    assert times("5min", 2.0) == "10.0min" and times(20, 0.25) == 5.0 and times(3, 0.5, integer=True) == 2
    assert written(2.6, "h", integer=True) == "3h"


@given(st.floats(0.001, 10.0), st.floats(11.0, 1e4), st.floats(0.0, 1.0), st.sampled_from(["linear", "log"]))
def test_what_lies_between_lies_between(low: float, high: float, share: float, scale: str) -> None:
    assert low * (1 - 1e-12) <= between(low, high, share, scale) <= high * (1 + 1e-12)
    assert (between(low, high, 0.0, scale), between(low, high, 1.0, scale)) == (low, high)


def test_the_middle_of_a_logarithmic_scale_is_the_geometric_mean() -> None:
    assert between(1.0, 100.0, 0.5, "log") == pytest.approx(10.0)


def test_columns_are_numbers_where_one_unit_is_theirs() -> None:
    assert as_column(["1h", None, "2h"]) == ([1.0, None, 2.0], "h")
    assert as_column(["1h", "2d"]) == (["1h", "2d"], "")
    assert as_column(["score", "deadline"]) == (["score", "deadline"], "")


def test_a_grid_has_every_combination_and_paths_that_move_together(write_sweep: Write) -> None:
    second = STAFF.replace(".1.", ".2.")
    parameters = {
        "rate": {"path": RATE, "low": 0.5, "high": 2, "steps": 3, "scale": "log"},
        "staff": {"paths": [STAFF, second], "values": [0.5, 2], "relative": True, "integer": True},
        "within": {"path": WITHIN, "values": ["1d", "48h"]},
    }
    made = load_sweep(write_sweep(parameters)).points
    rows = [tuple(point.values.values()) for point in made[:3]]
    assert rows == [(0.5, 0.5, "1d"), (0.5, 0.5, "48h"), (0.5, 2, "1d")]
    assert len(made) == 12 and made[4].values["rate"] == pytest.approx(1.0)
    arm = made[2].scenario.arms["trained_moderators"]
    assert [shift.staff for shift in arm.queues["moderators"].shifts] == [20, 120, 120]
    repetition = made[1].scenario.response.reactions.repetition
    assert repetition is not None and repetition.within == 172_800.0


def test_one_at_a_time_begins_with_the_scenario_itself(write_sweep: Write) -> None:
    parameters = {"rate": {"path": RATE, "values": [1, 2]}, "staff": {"path": STAFF, "low": 1, "high": 5}}
    sweep = load_sweep(write_sweep(parameters, design={"kind": "one_at_a_time"}))
    rows = [tuple(point.values.values()) for point in sweep.points]
    assert rows == [(None, None), (1, None), (2, None), (None, 1.0), (None, 5.0)]
    assert sweep.points[0].scenario.arms == {name: sweep.base.scenario.arms[name] for name in sweep.arms}


def test_a_drawn_design_has_its_range_and_unit(write_sweep: Write) -> None:
    parameters = {
        "within": {"path": WITHIN, "low": "1d", "high": "9d"},
        "staff": {"path": STAFF, "low": 1, "high": 40, "integer": True},
    }
    drawn = {"kind": "latin_hypercube", "points": 16, "seed": 3}
    made = load_sweep(write_sweep(parameters, design=drawn)).points
    numbers, unit = as_column([point.values["within"] for point in made])
    assert unit == "d" and all(1.0 <= float(each or 0) <= 9.0 for each in numbers) and len(set(numbers)) == 16
    assert all(isinstance(point.values["staff"], int) for point in made)


ARM = "trained_moderators"
ONE, RANGE = {"path": STAFF, "values": [1]}, {"path": STAFF, "low": 1, "high": 5}
STEPS = {"steps": 2}
SWEPT_TOO = {"path": LEAVE, "low": 0.1, "high": 0.2, "steps": 3}
MISTAKES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a path that is not there": (ONE | {"path": f"arms.{ARM}.alert_levle.risk"}, {}, "Did you mean 'alert_level'"),
    "a value out of range": (ONE | {"values": [0]}, {}, "staff: expected an integer >= 1"),
    "a rule of the whole": ({"path": LEAVE, "values": [0.95]}, {}, "the point with moved 0.95 is no valid scenario"),
    "a missing unit": ({"path": WITHIN, "values": [3]}, {}, "a number without a unit"),
    "two units": ({"path": WITHIN, "low": "1h", "high": "2d"} | STEPS, {}, "write both in one unit"),
    "an empty range": (RANGE | STEPS | {"low": 5}, {}, "expected more than low"),
    "a logarithm of nothing": (RANGE | STEPS | {"low": 0, "scale": "log"}, {}, "above 0"),
    "no values": ({"path": STAFF}, {}, "either values, or low and high"),
    "two ways to say where": (ONE | {"paths": [STAFF]}, {}, "exactly one of path and paths"),
    "a grid of a range": (RANGE, {}, "a grid needs values"),
    "the seed": (ONE | {"path": "seed"}, {}, "seed cannot be swept"),
    "a factor on nothing": (ONE | {"path": f"arms.{ARM}.mode", "relative": True}, {}, "states no number"),
    "a factor with a unit": ({"path": WITHIN, "values": ["2h"], "relative": True}, {}, "plain numbers as factors"),
    "an unknown key": ({"path": STAFF, "valeus": [1]}, {}, "Did you mean 'values'"),
    "a list for a drawn design": (ONE, {"design": {"kind": "latin_hypercube", "points": 4}}, "needs a range"),
    "a base that is no power of 2": (RANGE, {"design": {"kind": "sobol", "base": 12}}, "expected a power of 2"),
    "one parameter for indices": (RANGE, {"design": {"kind": "sobol", "base": 4}}, "at least 2"),
    "an unknown design": (ONE, {"design": {"kind": "gird"}}, "Did you mean 'grid'"),
    "an unknown arm": (ONE, {"arms": ["trained_moderator"]}, f"Did you mean '{ARM}'"),
    "an arm left out": (ONE, {"arms": ["grooming_alerts"]}, "is not simulated"),
    "an unknown metric": (ONE, {"outputs": [{"metric": "arrets", "arm": ARM}]}, "Did you mean 'arrests'"),
    "an unknown desk": (ONE, {"outputs": [{"metric": "desk_entered[mods]", "arm": ARM}]}, "has no desk 'mods'"),
    "no way to be better": (ONE, {"best": {"metric": "alerts"}}, "neither better high nor low"),
    "a value given twice": (ONE | {"values": [1, 2, 1.0]}, {}, "expected each value once, got 1.0 after 1"),
    "a value given twice, with unit": ({"path": WITHIN, "values": ["1d", "1.0d"]}, {}, "got '1.0d' after '1d'"),
    "one path twice": ({"paths": [STAFF, STAFF], "values": [1]}, {}, "staff is moved by moved already"),
    "the comparator": (ONE | {"path": "comparator", "values": ["a"]}, {}, "comparator cannot be swept"),
    "what no arm depends on": (ONE | {"path": "title", "values": ["a"]}, {}, "It changes no number"),
    "an arm that nobody lives": (ONE | {"path": "arms.grooming_alerts.mode"}, {}, "an arm that is not simulated"),
    "a detector without an arm": (
        ONE | {"path": "detectors.keyword.use", "values": ["text_model"]},
        {},
        "no simulated arm acts on the detector 'keyword'; allowed: text_model",
    ),
    "a factor on a list": (
        ONE | {"path": STAFF.removesuffix(".1.staff"), "relative": True},
        {},
        "states no number here",
    ),
    "half a person": (ONE | {"values": [1.5]}, {}, "For whole numbers of a range state integer: true"),
    "too many points": (RANGE | {"steps": 10_000}, {"design": {"kind": "grid"}}, "at most 20,000"),
    "the seed under set": (ONE, {"set": {"seed": 3}}, "State it at the sweep's top level"),
    "costs without prices": (ONE, {"set": {"prices": None}, "best": {"metric": "cost_society"}}, "only with prices"),
    "harm without weights": (ONE, {"best": {"metric": "weighted_harm"}}, "only with harm_weights"),
    "no desk at all": (ONE, {"outputs": [{"metric": "desk_entered", "arm": ARM}]}, "write desk_entered[desk]"),
    "an empty stratum": (ONE, {"outputs": [{"metric": "alerts_lost[", "arm": ARM}]}, "Did you mean 'alerts_lost'"),
    "no such scenario": (ONE, {"scenario": "bsae.yaml"}, "Did you mean 'base.yaml'"),
}


@pytest.mark.parametrize(("swept", "more", "said"), list(MISTAKES.values()), ids=list(MISTAKES))
def test_mistakes_are_named_with_file_and_line(
    write_sweep: Write, swept: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    both = {"moved": swept, "too": SWEPT_TOO} if said == "at most 20,000" else {"moved": swept}
    file = write_sweep(both, **more)
    with pytest.raises((UsageError, UsageErrors)) as caught:
        load_sweep(file)
    text = str(caught.value)
    assert said in text
    assert text.startswith(f"{file}:") and text.removeprefix(f"{file}:").partition(":")[0].isdecimal()


@pytest.mark.parametrize(("first", "second"), [(STAFF, QUEUE), (QUEUE, STAFF), (STAFF, STAFF)])
def test_two_parameters_never_move_one_path_or_a_part_of_it(write_sweep: Write, first: str, second: str) -> None:
    file = write_sweep({"a": {"path": first, "values": [1]}, "b": {"path": second, "values": [2]}})
    with pytest.raises(UsageError, match="is moved by a already"):
        load_sweep(file)


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ({"kind": "sobol", "base": 4096}, "20,480"),
        ({"kind": "sobol", "base": 4096, "second_order": True}, "32,768"),
        ({"kind": "one_at_a_time"}, "20,001"),
    ],
)
def test_points_are_counted_before_any_is_made(
    write_sweep: Write, monkeypatch: pytest.MonkeyPatch, kind: dict[str, Any], count: str
) -> None:
    monkeypatch.setattr(points, "design_values", lambda spec: pytest.fail("points were made"))
    ranges = {name: {"path": path, "low": 1, "high": 5} for name, path in zip("abc", (STAFF, LEAVE, RATE), strict=True)}
    listed = {"a": {"path": STAFF, "values": list(range(1, 20_001))}}
    more = ranges if kind["kind"] == "sobol" else listed
    with pytest.raises(UsageError, match=f"{count} points; allowed: at most 20,000"):
        load_sweep(write_sweep(more, design=kind))


def test_without_salib_a_drawn_design_says_what_to_install(write_sweep: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UsageError, match="pip install 'simharness\\[sensitivity\\]'"):
        design.salib("sample.sobol")


@pytest.mark.parametrize("file", sorted(SWEEPS.glob("*.yaml")), ids=lambda path: str(path.stem))
def test_sweeps_that_come_along_load(file: Path) -> None:
    sweep = load_sweep(file)
    assert len(sweep.points) == {"thresholds_staffing": 400, "assumptions": 25}[file.stem]
