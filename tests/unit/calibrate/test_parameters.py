"""Fitted numbers: read from the command line, moved in the file's unit, put back exactly."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from simharness.calibrate.parameters import CONTACT_RATE, Parameter, behind, stated, with_values
from simharness.errors import UsageError, UsageErrors
from simharness.scenario.load import Loaded

DAY = 86_400.0


def test_a_rate_in_the_unit_of_the_file(flagship: Loaded) -> None:
    """0.14 a week are 0.02 a day, in which the file has it."""
    found = stated(flagship, f"{CONTACT_RATE}=0.14/week..0.05/day:log")
    assert (found.path, found.unit, found.log) == (CONTACT_RATE, "/day", True)
    assert (found.low, found.high, found.start) == pytest.approx((0.02, 0.05, 0.025731))
    assert found.position(0.02) == pytest.approx(math.log(0.02))
    assert found.value(found.position(0.03)) == pytest.approx(0.03)
    assert found.value(99.0) == found.high and found.value(-99.0) == found.low
    assert with_values(flagship, [found], [0.03]).world.offenders.contact_rate.value == pytest.approx(0.03 / DAY)


def test_a_plain_number_on_a_linear_scale(flagship: Loaded) -> None:
    found = stated(flagship, "world.recording.rate.value=0.1..0.9")
    assert (found.unit, found.log, found.start) == ("", False, 0.3)
    assert found.position(0.5) == pytest.approx(1.0) and found.value(0.5) == pytest.approx(0.3)
    assert found.written(0.123456) == 0.123456 and found.written(0.123456, 3) == 0.123
    assert with_values(flagship, [found], [0.5]).world.recording.rate.value == 0.5
    assert flagship.scenario.world.recording.rate.value == 0.3


def test_a_duration_and_a_list(flagship: Loaded) -> None:
    found = stated(flagship, "response.police.safeguarding.high.median=24h..30d")
    assert found.unit == "d" and (found.low, found.high) == (1.0, 30.0)
    assert found.written(2.5) == "2.5d"
    with pytest.raises(UsageErrors, match="shares that sum to 1"):
        shares = stated(flagship, "world.victims.groups.0.share=0.1..0.9")
        with_values(flagship, [shares], [0.5])


def test_outside_its_bounds_the_search_begins_in_their_middle(flagship: Loaded) -> None:
    assert stated(flagship, "world.recording.rate.value=0.4..0.9:log").start == pytest.approx(0.6)
    assert stated(flagship, "world.recording.rate.value=0.4..0.9").start == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seed=1..9", "seed is never fitted"),
        ("replications=1..9", "replications is never fitted"),
        ("scale=0.1..0.9", "scale is never fitted"),
        ("sampling.benign_fraction=0.1..0.9", "sampling is never fitted"),
        ("training.grooming=100..900", "training is never fitted"),
        ("recorded.0.value=1..9", "recorded is never fitted"),
        ("world.offenders.contact_rat.value=1..9", "Did you mean 'contact_rate'"),
        ("world.recording.rate=0.1..0.9", "Did you mean 'world.recording.rate.value'"),
        ("world.recording.rate.value.more=0.1..0.9", "has nothing inside"),
        ("period.start=1..9", "is not a number"),
        ("title=1..9", "is not a number"),
        ("world.recording.rate.value=0.9..0.1", "allowed: LOW below HIGH"),
        ("world.recording.rate.value=0..0.1:log", "above 0 on a logarithmic scale"),
        ("world.recording.rate.value=0.1", "not readable; allowed: PATH=LOW"),
        ("world.recording.rate.value=0.1/day..0.9", "'0.1/day' is not a number; allowed: PATH=LOW"),
        (f"{CONTACT_RATE}=0.01..0.05/day", "a number without a unit"),
    ],
)
def test_refused(flagship: Loaded, text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        stated(flagship, text)


def test_those_behind_figures(flagship: Loaded) -> None:
    """The contact rate of the total, recording rates of single areas; shares have none."""
    found = behind(flagship, flagship.scenario.recorded)
    assert [one.path for one in found] == [
        CONTACT_RATE,
        *(f"world.recording.forces.{name}.value" for name in ("South Wales", "North Wales", "Gwent", "Dyfed-Powys")),
    ]
    assert (found[0].low, found[0].high) == pytest.approx((0.0025731, 0.25731)) and found[0].unit == "/day"
    assert (found[1].low, found[1].high, found[1].log) == (pytest.approx(0.0834), 1.0, True)


def test_an_area_without_a_rate_of_its_own(with_figures: Callable[..., Loaded]) -> None:
    loaded = with_figures(("Kent", "fitted", 9, ", areas: [Kent]"))
    with pytest.raises(UsageError, match=r"unknown path 'world.recording.forces.Kent'"):
        behind(loaded, loaded.scenario.recorded)
    zero = with_figures(("Gwent", "fitted", 9, ", areas: [Gwent]"), sets=["world.recording.forces.Gwent.value=0"])
    with pytest.raises(UsageError, match="is 0"):
        behind(zero, zero.scenario.recorded)


def test_exact_values_come_back(flagship: Loaded) -> None:
    rate = Parameter(CONTACT_RATE, 0.001, 1.0, True, 0.02, "/day")
    for value in (0.1 + 0.2, 1 / 3, 1e-3):
        assert float(str(rate.written(value)).removesuffix("/day")) == value
