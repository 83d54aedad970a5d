"""Survival curves against lifelines, and the closed forms of competing exponential times."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time

from simharness.metrics.survival import aalen_johansen, kaplan_meier, restricted_mean, value_at
from simharness.streams import uniform

N = 300


def watched(seed: int, n: int = N, decimals: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Times to two causes (hazards 0.3 and 0.1 a day) and to censoring (0.2); the earliest, and which it was."""
    who = np.arange(n)
    causes = [-np.log(uniform(seed, f"test.cause.{k}", who)) / rate for k, rate in enumerate((0.2, 0.3, 0.1))]
    first = np.stack(causes)
    lasted = first.min(axis=0)
    return (lasted if decimals is None else np.round(lasted, decimals)), first.argmin(axis=0)


@pytest.mark.parametrize("decimals", [None, 1])
def test_kaplan_meier_and_greenwood_as_in_lifelines(decimals: int | None) -> None:
    lasted, cause = watched(1, decimals=decimals)  # also with many ties
    found = kaplan_meier(lasted, cause > 0)
    fitted = KaplanMeierFitter().fit(lasted, cause > 0)
    np.testing.assert_allclose(found.survival, fitted.predict(found.times).to_numpy(), rtol=0, atol=1e-9)
    table = fitted.event_table.loc[found.times]
    assert np.array_equal(found.at_risk, table["at_risk"]) and np.array_equal(found.events, table["observed"])
    ours = (found.variance / found.survival**2)[:-1]  # lifelines keeps Greenwood's sum
    theirs = fitted._cumulative_sq_.loc[found.times].to_numpy().ravel()[:-1]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("tau", [0.5, 2.0, 6.0])
def test_restricted_mean_as_in_lifelines(tau: float) -> None:
    lasted, cause = watched(2)
    found = kaplan_meier(lasted, cause > 0)
    expected = restricted_mean_survival_time(KaplanMeierFitter().fit(lasted, cause > 0), t=tau)
    assert restricted_mean(found.times, found.survival, tau) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("cause", [1, 2])
def test_aalen_johansen_as_in_lifelines_without_ties(cause: int) -> None:
    lasted, why = watched(3)
    found = aalen_johansen(lasted, why)
    theirs = AalenJohansenFitter(calculate_variance=False).fit(lasted, why, event_of_interest=cause)
    expected = theirs.cumulative_density_
    ours = value_at(found.times, found.incidence[cause - 1], expected.index.to_numpy(), 0.0)
    np.testing.assert_allclose(ours, expected.to_numpy().ravel(), rtol=0, atol=1e-9)


def test_competing_exponential_times() -> None:
    """Hazards a and b: the incidence of the first is a / (a + b) (1 - exp(-(a + b) t)) (Kalbfleisch & Prentice 2002,
    8.2); to five standard errors of 40,000.
    """
    found = aalen_johansen(*watched(4, 40_000))
    for cause, rate in ((1, 0.3), (2, 0.1)):
        for t in (0.5, 2.0, 5.0):
            expected = rate / 0.4 * (1 - np.exp(-0.4 * t))
            assert value_at(found.times, found.incidence[cause - 1], [t], 0.0)[0] == pytest.approx(expected, abs=0.02)


def test_censoring_ends_instead_would_overstate_harm() -> None:
    """Why ends compete: 1 - Kaplan-Meier of harm alone tends to 1, the incidence only to its share, 3 in 4."""
    lasted, cause = watched(5, 4_000)
    alone = kaplan_meier(lasted, cause == 1)
    both = aalen_johansen(lasted, cause)
    assert 1 - alone.survival[-1] > 0.9 and both.incidence[0, -1] == pytest.approx(0.75, abs=0.05)
