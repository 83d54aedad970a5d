"""The power of the gate, reduced: made-up counts against a closed form, and one small trial of the benchmark itself.

A paired Student interval of R differences, mean d and standard error s, keeps a margin M where its worse bound does:
(d + M) / s >= t[0.975, R - 1]. With normal differences the left side is noncentral t with R - 1 degrees of freedom and
noncentrality (true d + M) / (true s) (Johnson & Welch 1940, Biometrika 31, 362-389), so how often a gate stops a change
is known exactly. Draws are addressed: the figures are the same every time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit
from scipy.stats import nct

from benchmarks.gate_power import ARM, DETECTOR, GATE, as_runs, items, judged, load, simulate
from simharness.metrics.rows import Row
from simharness.pairing import Known
from simharness.scenario.load import Loaded, load_scenario, resolved
from simharness.streams import uniform
from simharness.suites.items import Item, items_of
from simharness.suites.judging import INCONCLUSIVE, MISSED, PASSED, exit_code, judge
from simharness.world.model import build_model

REPLICATIONS, TRIALS = 16, 2000
MEETINGS, PREVENTED, SPREAD = 300.0, 66.0, 8.0  # a replication; SPREAD of the paired difference, likewise
SHARE, MARGIN = "meetings_prevented_share", 0.03
SMALL: dict[str, Any] = {"scale": 0.02, "training": "{grooming: 300, benign: 1200, calibration: 20000}"}
Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def small() -> Loaded:
    return load(1, **SMALL)


@pytest.fixture(scope="module")
def asked(small: Loaded) -> Callable[[str], tuple[Item, ...]]:
    """``asked(sentence)``: the items of one expectation."""
    model = build_model(small.scenario, small.folder)

    def made(sentence: str) -> tuple[Item, ...]:
        return items_of(load_scenario(GATE, [f"expect=['{sentence}']"], **SMALL), model, base=True)

    return made


def normal(stream: int, trials: int) -> Array:
    """Standard normal values, shape (trials, replications)."""
    return ndtri(uniform(60 + stream, "test.gate", np.arange(trials)[:, None], np.arange(REPLICATIONS)[None, :]))


def known(scenario: Mapping[str, Any], prevented: Array) -> Known:
    """A run in which so many meetings were prevented in each replication, of as many as in every other."""
    rows = []
    for replication, value in enumerate(prevented.tolist()):
        rows.append(Row("meetings_prevented", ARM, "", "", replication, value, "conversations"))
        rows.append(Row("meetings_comparator", ARM, "", "", replication, MEETINGS, "conversations"))
        rows.append(Row("grooming", "", DETECTOR, "", replication, 1000.0, "conversations"))
    return Known("made up", "", scenario, rows)


def codes(small: Loaded, wanted: Sequence[Item], change: float, trials: int) -> Array:
    """Exit code of each trial, where the run prevents ``change`` more meetings a replication than its base."""
    base = PREVENTED + 10.0 * normal(0, trials)
    run = base + change + SPREAD * normal(1, trials)
    scenario = {name: resolved(small.scenario)[name] for name in ("scale", "period", "seed", "arms", "sampling")}
    pairs = ((known(scenario, run[trial]), known(scenario, base[trial])) for trial in range(trials))
    return np.array([exit_code(judge(wanted, one, other)) for one, other in pairs])


def stopped_exactly(change: float, margin: float, probability: float = 0.975) -> float:
    """The share of trials in which the worse bound of a paired Student interval does not keep the margin.

    Both in counts a replication. ``probability`` 0.025: in which the better bound does not, so that it is missed.
    """
    freedom, error = REPLICATIONS - 1, SPREAD / REPLICATIONS**0.5
    return float(nct.cdf(stdtrit(freedom, probability), freedom, (change + margin) / error))


def agrees(found: float, exact: float, trials: int) -> bool:
    """Within three and a half binomial standard errors."""
    return abs(found - exact) <= 3.5 * (exact * (1.0 - exact) / trials) ** 0.5 + 0.5 / trials


@pytest.mark.parametrize(("change", "margin"), [(0.0, 7.5), (-3.0, 7.5), (-15.0, 7.5)])
def test_a_count_is_stopped_as_often_as_the_closed_form_says(
    small: Loaded, asked: Callable[[str], tuple[Item, ...]], change: float, margin: float
) -> None:
    found = codes(small, asked(f"meetings_prevented[{ARM} vs base] not_worse {margin}"), change, TRIALS)
    assert agrees(float((found != PASSED).mean()), stopped_exactly(change, margin), TRIALS)
    assert agrees(float((found == MISSED).mean()), stopped_exactly(change, margin, 0.025), TRIALS)
    assert set(found) <= {PASSED, MISSED, INCONCLUSIVE}


def test_a_share_is_stopped_as_often_as_the_count_it_is_of(
    small: Loaded, asked: Callable[[str], tuple[Item, ...]]
) -> None:
    """The bootstrap of a ratio is no Student interval, but with one denominator throughout it should do as well."""
    wanted, trials = asked(f"{SHARE}[{ARM} vs base] not_worse {MARGIN}"), 400
    null = float((codes(small, wanted, 0.0, trials) != PASSED).mean())
    worse = float((codes(small, wanted, -2.0 * MARGIN * MEETINGS, trials) != PASSED).mean())
    assert abs(null - stopped_exactly(0.0, MARGIN * MEETINGS)) < 0.02
    assert worse >= 0.99


def test_the_rule_for_choosing_replications(small: Loaded) -> None:
    """A half-width of half the margin stops one change of equal worth in fifty, of two thirds one in seven."""
    t = float(stdtrit(REPLICATIONS - 1, 0.975))
    half = t * SPREAD / REPLICATIONS**0.5
    assert stopped_exactly(0.0, half / 0.5) == pytest.approx(0.02, abs=0.01)
    assert stopped_exactly(0.0, half * 1.5) == pytest.approx(1 / 7, abs=0.02)
    assert stopped_exactly(-2.0 * half / 0.5, half / 0.5) > 0.999  # a regression of twice the margin


def test_a_small_trial_of_the_benchmark(tmp_path: Path) -> None:
    """Lived through side by side it comes to what three runs come to; most of the detector gone is stopped."""
    share, wanted = 0.9, items(SMALL)
    beside = simulate(share, SMALL | {"replications": 6}, seed=3)
    alone = as_runs(tmp_path, share, SMALL | {"replications": 2}, seed=3)
    assert judged(wanted, beside, 2) == judged(wanted, alone, 2)
    found = judged(wanted, beside, 6)
    assert found["worse"][0] == MISSED and found["worse"][1].found.estimate < -0.1
    assert found["none"][0] == PASSED and found["none"][1].found.low == found["none"][1].found.high == 0.0
    assert found["as good"][1].found.estimate != 0.0
