"""The interval at which a run stops covers the true value, and what the rule is for: a plain one would not.

Made-up replications with a known mean, by addressed draws, stopped by the rule itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import beta, binom, norm

from simharness.metrics.estimates import estimate_of
from simharness.metrics.intervals import mean_interval, ratio_interval
from simharness.metrics.precision import precision_reached
from simharness.metrics.rows import Row
from simharness.scenario.load import Loaded
from simharness.scenario.model import Scenario
from simharness.streams import uniform

ARM = "grooming_alerts"
TRIALS = 150
MEAN, SD = 100.0, 10.0
SHARE, COUNT = 0.3, 60  # of a ratio: its true value, and what it is a share of in each replication
RATIO = "safeguarding_met_share[high]"


@pytest.fixture
def asked(load: Callable[..., Loaded]) -> Callable[..., Scenario]:
    def made(metric: str, wanted: float, replications: int, at_most: int) -> Scenario:
        block = f"precision={{metric: '{metric}', arm: {ARM}, half_width: {wanted}, at_most: {at_most}}}"
        return load(block, replications=replications).scenario

    return made


def draws(stream: str, at_most: int) -> NDArray[np.float64]:
    """Uniform, (trials, replications)."""
    trial, replication = np.meshgrid(np.arange(TRIALS), np.arange(at_most), indexing="ij")
    return uniform(5, stream, trial, replication)


def rows(metric: str, values: Sequence[float], stratum: str = "") -> Iterator[Row]:
    return (Row(metric, ARM, "", stratum, place, value, "x") for place, value in enumerate(values))


def test_of_normal_values(asked: Callable[..., Scenario]) -> None:
    """Half-width asked for: 4, which a plain interval of 24 values reaches on average; looks at 3, 5, 8 ... 40."""
    scenario = asked("offences", 4.0, 3, 40)
    assert scenario.precision is not None
    planned = scenario.precision.looks(3)
    covered, plainly = 0, 0
    for values in MEAN + SD * norm.ppf(draws("test normal", 40)):
        found = precision_reached(scenario, list(rows("offences", values)))
        assert found is not None
        covered += found["interval"]["low"] <= MEAN <= found["interval"]["high"]
        plain = [mean_interval(values[:look]) for look in planned]
        stopped = next((one for one in plain if one.high - one.low <= 8.0), plain[-1])  # type: ignore[operator]
        plainly += stopped.low <= MEAN <= stopped.high  # type: ignore[operator]
    assert covered / TRIALS >= 0.95
    assert plainly / TRIALS < 0.93  # and more than it seems to be: the looks are few


def test_of_a_ratio(asked: Callable[..., Scenario]) -> None:
    """A share that varies between replications, beta(6, 14), from three of them on: there a bootstrap covers little."""
    scenario, covered, plainly = asked(RATIO, 0.05, 3, 30), 0, 0
    assert scenario.precision is not None
    shares = beta.ppf(draws("test share", 30), 6, 14)
    for counts in binom.ppf(draws("test count", 30), COUNT, shares):
        given = [*rows("safeguarding_met", counts, "high"), *rows("safeguarding_due", [COUNT] * 30, "high")]
        found = precision_reached(scenario, given)
        assert found is not None and [look["half_width"] is None for look in found["looks"]][:3] == [True, True, False]
        covered += found["interval"]["low"] <= SHARE <= found["interval"]["high"]
        plain = [ratio_interval(counts[:look], [COUNT] * look) for look in scenario.precision.looks(3)]
        stopped = next((one for one in plain if one.high - one.low <= 0.1), plain[-1])  # type: ignore[operator]
        plainly += stopped.low <= SHARE <= stopped.high  # type: ignore[operator]
    assert covered / TRIALS >= 0.95
    assert plainly / TRIALS < 0.90


def test_a_ratio_at_a_higher_level_is_wider_by_as_much_as_student_s_t() -> None:
    """t(0.9975; 7) = 4.029 against t(0.975; 7) = 2.365 (Fisher & Yates, table III)."""
    over, under = (5.0, 6, 4, 7, 5, 6, 8, 4), (10.0, 11, 9, 12, 10, 12, 14, 9)
    series = {"safeguarding_met[high]": dict(enumerate(over)), "safeguarding_due[high]": dict(enumerate(under))}
    plain, wide = (estimate_of("arm", RATIO, series, level) for level in (0.95, 0.995))
    assert plain is not None and wide is not None
    for end in ("low", "high"):
        moved = (wide[end] - wide["estimate"]) / (plain[end] - plain["estimate"])
        assert moved == pytest.approx(4.029 / 2.365, rel=1e-3)
