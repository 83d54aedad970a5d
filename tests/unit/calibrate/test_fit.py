"""Calibration against simulators with known answers, and on the simulation itself where it is small."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq

from simharness.calibrate.fit import CALIBRATION, PROFILE, Calibration, calibrate, write_back
from simharness.calibrate.parameters import CONTACT_RATE
from simharness.calibrate.profile import CUT
from simharness.calibrate.trace import TRACE, simulate
from simharness.errors import UsageError, UsageErrors
from simharness.scenario.load import Loaded, load_scenario
from simharness.scenario.model import Scenario

WithFigures = Callable[..., Loaded]
Counted = Callable[..., list[int]]
RATE = 0.0267 / 86_400.0  # at which the made-up simulators count 1,316 in 181 days
AREA = "world.recording.forces.South Wales.value"
ALL = ("All", "fitted", 1316, "")
SOUTH = ("South", "fitted", 74, ", areas: [South Wales]")
YEAR = ("Year", "check", 3171, ", days: 363")


def made_up(scenario: Scenario, days: int) -> list[float]:
    """Means of the scenario's figures: proportional to contacts, days, and in South Wales to its recording rate.

    Figures that are one place up are counted over their own days, as the simulation does.
    """
    contacts = scenario.world.offenders.contact_rate.value / RATE
    recording = scenario.world.recording.forces["South Wales"].value / 0.8
    found = []
    for figure in scenario.recorded:
        share = min(figure.days or 181, days) / 181
        found.append(74.0 * contacts * recording * share if figure.areas else 1316.0 * contacts * share)
    return found


def values(found: Calibration) -> list[tuple[float, float, float]]:
    return [(row["estimate"], row["low"], row["high"]) for row in found.contents["parameters"]]


@pytest.mark.parametrize(("recorded", "start", "near"), [(1316.0, "0.004/day", 0.12), (20.0, "0.001/day", 0.25)])
def test_a_poisson_count_has_nearly_its_exact_interval(
    with_figures: WithFigures, counted: Counted, recorded: float, start: str, near: float
) -> None:
    """Likelihood-ratio interval of a Poisson mean: recorded log(m / recorded) - m + recorded = -1.92.

    The normal of the synthetic likelihood is a little off it where counts are small; ``near`` of half the width.
    """
    counted(made_up)
    loaded = with_figures(("All", "fitted", recorded, ""), sets=[f"world.offenders.contact_rate.value={start}"])
    found = calibrate(loaded, fit=[f"{CONTACT_RATE}=0.00001/day..0.5/day:log"], replications=200)

    def loss(mean: float) -> float:
        return recorded * math.log(mean / recorded) - mean + recorded + CUT

    exact = [recorded, brentq(loss, 0.01 * recorded, recorded), brentq(loss, recorded, 5 * recorded)]
    ((estimate, low, high),) = values(found)
    mean = [value / 0.0267 * 1316.0 for value in (estimate, low, high)]
    assert mean == pytest.approx(exact, abs=near * 0.5 * (exact[2] - exact[1]))
    assert found.contents["converged"] and found.contents["verified"] and not found.contents["warnings"]


def test_far_from_the_start_two_parameters_are_found(with_figures: WithFigures, counted: Counted) -> None:
    """Where recording in South Wales is 0.8 and contacts are 0.0267 a day, from five times fewer and half."""
    counted(made_up)
    loaded = with_figures(ALL, SOUTH, sets=["world.offenders.contact_rate.value=0.0053/day", f"{AREA}=0.4"])
    found = calibrate(loaded, replications=100)
    (contacts, low, high), (recording, least, most) = values(found)
    assert contacts == pytest.approx(0.0267, rel=0.02) and low < 0.0267 < high and (high - low) < 0.005
    assert recording == pytest.approx(0.8, rel=0.06) and 0.6 < least < 0.8 < most <= 1.0
    south = found.contents["parameters"][1]
    assert (south["evidence"], south["unit"], south["start"], south["touches"]) == ("fitted", "", 0.4, [])
    assert [row["agrees"] for row in found.contents["figures"]] == [True, True]


def test_a_figure_beyond_the_bounds_is_said_to_be_missed(with_figures: WithFigures, counted: Counted) -> None:
    counted(made_up)
    found = calibrate(with_figures(ALL, ("South", "fitted", 140, SOUTH[3])), replications=50)
    south = found.contents["parameters"][1]
    assert south["estimate"] == pytest.approx(1.0, rel=0.01) and south["high"] == 1.0 and south["touches"] == ["high"]
    assert f"{AREA}: its interval ends at the high bound, not by the figures." in found.contents["warnings"]
    assert "South: fitted, and still not reached." in found.contents["warnings"]


def test_checks_are_predicted_and_have_no_part_in_the_fit(with_figures: WithFigures, counted: Counted) -> None:
    """Another value of a check, or of a figure held out, changes no estimate in its last bit."""
    calls = counted(made_up)
    first = calibrate(with_figures(ALL, SOUTH, YEAR), hold_out=["south"], replications=50)
    other = calibrate(
        with_figures(ALL, ("South", "fitted", 999, SOUTH[3]), ("Year", "check", 2640, YEAR[3])),
        hold_out=["south"],
        replications=50,
    )
    assert values(first) == values(other) and len(values(first)) == 1
    assert first.profile.equals(other.profile)
    south, year = first.contents["checks"]
    assert (south["role"], year["role"]) == ("held out", "check")
    assert (south["agrees"], year["agrees"]) == (True, False)
    assert [row["agrees"] for row in other.contents["checks"]] == [False, True]
    assert any("South is held out of this fit only" in said for said in first.contents["warnings"])
    assert calls.count(363) == 2 and set(calls) == {181, 363}  # the longer period is lived through at the estimate only
    # A Poisson of 1316 x 363/181 = 2639, and a rate that is known to 1/sqrt(1316): 2639 (1 + 363/181) is the variance.
    sd = math.sqrt(2639 * (1 + 363 / 181))
    assert year["simulated"]["estimate"] == pytest.approx(2639, rel=0.01) and year["days"] == 363
    half = 0.5 * (year["one_period"]["high"] - year["one_period"]["low"])
    assert half == pytest.approx(2.01 * sd, rel=0.2)


def test_no_interval_of_a_count_goes_below_0(with_figures: WithFigures, counted: Counted) -> None:
    """A held-out count of which 2 are expected in a period: 2 - 2 sqrt(2) lies below 0, and no count does."""
    counted(lambda scenario, days: [*made_up(scenario, days)[:1], 2.0])
    found = calibrate(with_figures(ALL, ("South", "fitted", 3, SOUTH[3])), hold_out=["south"], replications=20)
    (few,) = found.contents["checks"]
    assert few["one_period"]["low"] == 0.0 and few["one_period"]["high"] > 4.0 and few["agrees"]


def test_a_longer_figure_can_be_fitted(with_figures: WithFigures, counted: Counted) -> None:
    calls = counted(made_up)
    found = calibrate(with_figures(("All", "check", 1316, ""), YEAR), figures=["year"], replications=50)
    assert set(calls) == {363}
    assert values(found)[0][0] == pytest.approx(0.0267 * 3171 / 2639, rel=0.02)
    assert found.contents["checks"][0]["agrees"] is False  # 1,581 in the first half


def test_parameters_of_which_only_the_product_shows_are_warned_of(with_figures: WithFigures, counted: Counted) -> None:
    def product(scenario: Scenario, days: int) -> list[float]:
        contacts = scenario.world.offenders.contact_rate.value / RATE
        both = contacts * scenario.world.recording.rate.value / 0.3
        return [1316.0 * both, 300.0 * both]

    counted(product)
    loaded = with_figures(ALL, ("North", "fitted", 310, ", areas: [Kent]"))
    fit = [f"{CONTACT_RATE}=0.01/day..0.06/day:log", "world.recording.rate.value=0.1..0.9:log"]
    found = calibrate(loaded, fit=fit, replications=60)
    assert found.contents["condition_index"] > 30
    (said,) = [text for text in found.contents["warnings"] if "trade off" in text]
    assert CONTACT_RATE in said and "world.recording.rate.value" in said
    assert found.contents["correlations"][0][1] < -0.9
    low, high = found.contents["parameters"][1]["low"], found.contents["parameters"][1]["high"]
    assert high / low > 4  # for all that the figures know


@pytest.mark.parametrize(
    ("figures", "options", "problem"),
    [
        ([ALL], {"fit": [f"{CONTACT_RATE}=0.01/day..0.1/day", f"{AREA}=0.1..1"]}, "2 parameters and 1 fitted figures"),
        ([ALL, SOUTH], {"fit": [f"{AREA}=0.1..1", f"{AREA}=0.2..1"]}, "given twice"),
        ([ALL], {"replications": 8}, "at least 10"),
        ([("Two", "fitted", 9, ", areas: [Gwent, Kent]")], {}, "no parameter stands behind"),
        ([("All", "check", 9, "")], {}, "no figure to fit"),
        ([ALL], {"fit": ["seed=1..2"]}, "seed is never fitted"),
    ],
)
def test_refused(with_figures: WithFigures, figures: list[Any], options: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        calibrate(with_figures(*figures), **options)


def test_a_comparator_that_alerts_is_refused(with_figures: WithFigures) -> None:
    with pytest.raises(UsageError, match="fitted to police alone"):
        calibrate(with_figures(ALL, sets=["comparator=voluntary_code"]))


def test_bounds_that_the_scenario_does_not_allow_are_refused_before_anything_runs(
    with_figures: WithFigures, counted: Counted
) -> None:
    calls = counted(made_up)
    with pytest.raises(UsageErrors, match=r"recording.rate.value: expected"):
        calibrate(with_figures(ALL), fit=["world.recording.rate.value=0.1..1.5"])
    assert calls == []


# -- what is kept -----------------------------------------------------------------------------------------------------


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    pass


def test_interrupted_and_continued_is_as_if_never_interrupted(
    with_figures: WithFigures, counted: Counted, tmp_path: Path
) -> None:
    calls = counted(made_up)
    loaded = with_figures(ALL, SOUTH, YEAR)

    def stop(done: int, purpose: str) -> None:
        if done == 5:
            raise Stopped

    whole = calibrate(loaded, tmp_path / "whole", replications=12)
    needed = len(calls)
    with pytest.raises(Stopped):
        calibrate(loaded, tmp_path / "broken", replications=12, notify=stop)
    assert len(calls) == needed + 5
    told: list[int] = []
    again = calibrate(loaded, tmp_path / "broken", replications=12, notify=lambda done, purpose: told.append(done))
    assert len(calls) == 2 * needed and told == list(range(6, needed + 1))
    assert again.contents == whole.contents
    assert whole.folder is not None and again.folder is not None and whole.folder.name == again.folder.name
    assert whole.folder.name.startswith("calibration-") and whole.folder.parent.name == "england_wales_2017"
    for name in (TRACE, PROFILE, CALIBRATION):
        assert (whole.folder / name).read_bytes() == (again.folder / name).read_bytes()
    calibrate(loaded, tmp_path / "whole", replications=12)
    assert len(calls) == 2 * needed  # all of it was there


def test_other_options_other_folder(with_figures: WithFigures, counted: Counted, tmp_path: Path) -> None:
    counted(made_up)
    first = calibrate(with_figures(ALL), tmp_path, replications=12)
    second = calibrate(with_figures(ALL), tmp_path, replications=14)
    third = calibrate(with_figures(ALL), tmp_path, replications=12, fit=[f"{CONTACT_RATE}=0.01/day..0.1/day"])
    assert len({one.folder for one in (first, second, third)}) == 3


def test_the_trace_and_the_profile(with_figures: WithFigures, counted: Counted, tmp_path: Path) -> None:
    counted(made_up)
    found = calibrate(with_figures(ALL, SOUTH, YEAR), tmp_path, replications=12)
    assert found.folder is not None
    trace = pq.read_table(found.folder / TRACE)
    assert trace.schema.metadata[b"synthetic"] == b"true"
    rows = trace.to_pylist()
    assert [row["evaluation"] for row in rows] == list(range(1, len(rows) + 1)) and rows[0]["purpose"] == "start"
    assert rows[0][CONTACT_RATE] == pytest.approx(0.025731) and len(rows) == found.contents["evaluations"]
    first = np.array(rows[0]["replications"]).reshape(12, 3)
    assert rows[0]["mean"] == pytest.approx(first.mean(axis=0).tolist())
    assert rows[0]["sd"] == pytest.approx(first.std(axis=0, ddof=1).tolist())
    assert rows[-1]["purpose"] == "check" and rows[-1]["days"] == 363 and rows[-1]["log_likelihood"] is None
    best = max(row["log_likelihood"] for row in rows if row["log_likelihood"] is not None)
    assert best == pytest.approx(found.contents["log_likelihood"], abs=0.3)
    profile = pq.read_table(found.folder / PROFILE).to_pylist()
    for place, parameter in enumerate((CONTACT_RATE, AREA)):
        own = {row["value"]: row for row in profile if row["parameter"] == parameter}
        estimate, low, _ = values(found)[place]
        assert own[estimate]["log_likelihood"] - own[low]["log_likelihood"] == pytest.approx(CUT, abs=1e-3)
        assert all(row[parameter] == value for value, row in own.items())


def test_estimates_go_into_the_file_and_nothing_else_changes(
    with_figures: WithFigures, counted: Counted, tmp_path: Path
) -> None:
    counted(made_up)
    loaded = with_figures(ALL)
    found = calibrate(loaded, replications=12)
    source = Path(loaded.tree.positions[("name",)].file)
    for extra in (source, *source.parent.glob("base/*.yaml"), *source.parent.glob("data/*.csv")):
        target = tmp_path / extra.relative_to(source.parent)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(extra.read_bytes())
    copy = tmp_path / source.name
    write_back(copy, found)
    pairs = zip(source.read_text().splitlines(), copy.read_text().splitlines(), strict=True)
    ((before, after),) = [pair for pair in pairs if len(set(pair)) == 2]
    assert before.strip() == "value: 0.025731/day" and after.startswith("      value: 0.02")
    written = load_scenario(copy).scenario.world.offenders.contact_rate.value
    assert written * 86_400 == pytest.approx(values(found)[0][0], rel=1e-4)


# -- the simulation itself --------------------------------------------------------------------------------------------

WALES = "[South Wales, North Wales, Gwent, Dyfed-Powys]"
TRUTH = {CONTACT_RATE: 0.03, "world.recording.rate.value": 0.25}


def test_known_parameters_are_recovered_from_figures_of_another_seed(with_figures: WithFigures) -> None:
    """The world in which the recording rate outside Wales is 0.25 and contacts are 0.03 a day is seen once, at full
    size and by its figures alone; the search begins at twice and half of that, in a fiftieth of it.
    """
    figures = [("All", "fitted", 1, ""), ("Wales", "fitted", 1, f", areas: {WALES}")]
    sets = [f"{CONTACT_RATE}=0.03/day", "world.recording.rate.value=0.25"]
    true = with_figures(*figures, sets=[*sets, "seed=32"])
    (seen,) = simulate(true.scenario, true.folder, 181, 1, 1)
    told = [(title, role, value, more) for (title, role, _, more), value in zip(figures, seen.tolist(), strict=True)]
    start = with_figures(*told, sets=[f"{CONTACT_RATE}=0.015/day", "world.recording.rate.value=0.5"], scale=0.02)
    fit = [f"{CONTACT_RATE}=0.005/day..0.2/day:log", "world.recording.rate.value=0.05..1:log"]
    found = calibrate(start, fit=fit, replications=10)
    for row in found.contents["parameters"]:
        assert row["low"] < TRUTH[row["path"]] < row["high"]
        assert row["high"] / row["low"] < 5 and not row["touches"]


def test_the_same_figures_for_any_number_of_processes(load: Callable[..., Loaded]) -> None:
    scenario, folder = load().scenario, load().folder

    def lived(jobs: int) -> NDArray[np.float64]:
        return simulate(scenario, folder, 100, 3, jobs)

    assert lived(1).tobytes() == lived(2).tobytes()


def test_figures_are_counted_over_their_own_days(load: Callable[..., Loaded]) -> None:
    """In a period of 200 days: 181 for those without days of their own, 200 for the year that does not fit in."""
    scenario, folder = load().scenario, load().folder
    titles: Sequence[str] = [figure.title for figure in scenario.recorded]
    own = simulate(scenario, folder, 181, 2, 1)
    longer = simulate(scenario, folder, 200, 2, 1)
    total, year = (
        titles.index("Offences recorded, England and Wales"),
        titles.index("Offences recorded in the first twelve months"),
    )
    assert own[:, total].tolist() == own[:, year].tolist() == longer[:, total].tolist()
    assert (longer[:, year] > own[:, year]).all()
