"""Coverage, draws and false alerts at full volume."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simharness.distributions import LogNormal
from simharness.response.coverage import Coverage
from simharness.response.draws import Draws
from simharness.response.false_alerts import at_full_volume, no_false_alerts
from simharness.scenario.response import Code
from simharness.streams import uniform
from simharness.world.clock import DAY_S

PLATFORMS = ("facebook", "instagram", "snapchat", "other")
ASSUMED = {"evidence": "assumed", "source": "test"}
DELAY = LogNormal(600.0, 0.6)


def coverage(**more: Any) -> Coverage:
    shares = {"coverage": {"facebook": 0.8, "other": 0.4}}
    return Coverage(Code.model_validate(ASSUMED | shares | more), PLATFORMS)


def test_without_audits_coverage_stays() -> None:
    found = coverage()
    assert [float(found.share(platform, 1e7)) for platform in range(4)] == [0.8, 0.0, 0.0, 0.4]
    assert found.prevented == 0.0


def test_each_audit_closes_its_share_of_what_is_missing() -> None:
    """interval 30 d, closes 0.4: missing 0.2 -> 0.12 -> 0.072, and 0.6 -> 0.36 -> 0.216."""
    found = coverage(audits=ASSUMED | {"interval": "30d", "closes": 0.4})
    at = np.array([0.0, 30 * DAY_S - 1, 30 * DAY_S, 60 * DAY_S - 1, 60 * DAY_S])
    assert found.share(0, at) == pytest.approx([0.8, 0.8, 0.88, 0.88, 0.928])
    assert found.share(3, at) == pytest.approx([0.4, 0.4, 0.64, 0.64, 0.784])
    assert found.share(1, at) == pytest.approx([0.0, 0.0, 0.4, 0.4, 0.64])
    assert found.share(np.array([0, 3]), np.array([0.0, 60 * DAY_S])) == pytest.approx([0.8, 0.784])


def test_safer_defaults_are_read() -> None:
    assert coverage(safer_defaults=ASSUMED | {"prevented": 0.3}).prevented == 0.3


def test_a_draw_is_the_same_whether_drawn_for_all_or_for_one() -> None:
    ids = np.array([7, 1 << 63, 99], np.uint64)
    draws, shifted = Draws(5, ids), Draws(5, ids[:2], np.array([2, 0], np.uint32))
    for row in range(3):
        assert draws.uniform("a", row) == uniform(5, "a", int(ids[row]))
        assert draws.uniform("a", row, 2) == uniform(5, "a", int(ids[row]), 2)
    assert shifted.uniform("a", 0) == draws.uniform("a", 0, 2)  # its own first occasion is the third of the address
    assert shifted.uniform("a", 0, 1) == draws.uniform("a", 0, 3)
    assert shifted.uniform("a", 1) == draws.uniform("a", 1)


def test_draws_differ_by_stream_row_occasion_and_seed() -> None:
    ids = np.arange(50, dtype=np.uint64)
    one, other = Draws(5, ids), Draws(6, ids)
    found = {
        draws.uniform(stream, row, n) for draws in (one, other) for stream in "ab" for row in ids for n in range(3)
    }
    assert len(found) == 2 * 2 * 50 * 3 and all(0 < value < 1 for value in found)


def test_delays_are_inverse_cdfs_of_the_same_uniforms() -> None:
    draws = Draws(5, np.arange(4, dtype=np.uint64))
    for row in range(4):
        for occasion in range(3):
            expected = float(DELAY.quantile(draws.uniform("x", row, occasion)))
            assert draws.delay("x", DELAY, row, occasion) == pytest.approx(expected, rel=1e-12)
    assert draws.delay("x", LogNormal(60.0, 0.6), 0) == pytest.approx(draws.delay("x", DELAY, 0) / 10)


@pytest.mark.parametrize("weight", [1.0, 250.0, 3.25])
def test_false_alerts_at_full_volume(make_contacts: Callable[..., Any], weight: float) -> None:
    n = 400
    contacts, _, _ = make_contacts([{"platform": row % 4, "force": row % 7} for row in range(n)])
    time = uniform(3, "test.time", np.arange(n)) * 20 * DAY_S
    alerts = at_full_volume(8, contacts, time, weight, days=20)
    rows = (alerts.conversation - np.uint64(100)).astype(np.int64)
    copies = np.bincount(rows, minlength=n)
    assert set(copies) == {int(weight), int(weight) + (weight % 1 > 0)}
    # A whole number each, or one more with the rest of the weight as probability: within four standard errors.
    rest = weight % 1
    assert copies.mean() == pytest.approx(weight, abs=4 * (rest * (1 - rest) / n) ** 0.5 + 1e-12)
    assert len(set(zip(rows, alerts.copy, strict=True))) == len(alerts) == copies.sum()
    np.testing.assert_allclose(alerts.time_s % DAY_S, time[rows] % DAY_S, atol=1e-6)
    assert alerts.time_s.min() >= 0 and alerts.time_s.max() < 20 * DAY_S
    assert np.array_equal(alerts.platform, contacts.platform[rows])
    assert np.array_equal(alerts.force, contacts.force[rows])


def test_copies_fall_on_days_of_their_own(make_contacts: Callable[..., Any]) -> None:
    contacts, _, _ = make_contacts([{}])
    alerts = at_full_volume(8, contacts, np.array([9.5 * DAY_S]), 4000.0, days=20)
    days = np.bincount((alerts.time_s // DAY_S).astype(int), minlength=20)
    # Chi-squared with 19 degrees of freedom: mean 19, standard deviation 6.2.
    assert ((days - 200) ** 2 / 200).sum() < 19 + 4 * 6.2


def test_one_more_sampled_alert_leaves_the_others(make_contacts: Callable[..., Any]) -> None:
    contacts, _, _ = make_contacts([{}, {}, {}])
    time = np.array([1.0, 2.0, 3.0]) * DAY_S
    all_, fewer = (
        at_full_volume(8, contacts, time, 2.5, 20),
        at_full_volume(8, contacts.take([0, 2]), time[[0, 2]], 2.5, 20),
    )
    kept = all_.conversation != 101
    for name in ("conversation", "copy", "time_s"):
        assert np.array_equal(getattr(all_, name)[kept], getattr(fewer, name))


def test_no_false_alerts() -> None:
    assert len(no_false_alerts()) == 0
