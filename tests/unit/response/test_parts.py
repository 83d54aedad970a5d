"""Addressed draws, and false alerts at full volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import comb
from typing import Any

import numpy as np
import pytest

from simharness.detection.triggers import Alarms
from simharness.distributions import LogNormal
from simharness.response.draws import Draws
from simharness.response.false_alerts import FalseAlerts, at_full_volume, no_false_alerts, on_accounts
from simharness.streams import uniform
from simharness.world.clock import DAY_S, Clock
from simharness.world.contacts import Contacts

H = 3600.0
ALWAYS = Clock(0.0, DAY_S)
DELAY = LogNormal(600.0, 0.6)


def test_a_draw_is_the_same_whether_drawn_for_all_or_for_one() -> None:
    ids = np.array([7, 1 << 63, 99], np.uint64)
    draws, copies = Draws(5, ids), Draws(5, ids[:2], np.array([2, 0], np.uint32))
    for row in range(3):
        assert draws.uniform("a", row) == uniform(5, "a", int(ids[row]))
        assert draws.uniform("a", row, 2) == uniform(5, "a", int(ids[row]), 2 << 16)
    assert copies.uniform("a", 0) == uniform(5, "a", 7, 2)
    assert copies.uniform("a", 0, 3) == uniform(5, "a", 7, (3 << 16) + 2)
    assert copies.uniform("a", 1) == draws.uniform("a", 1)


def test_occasions_and_copies_never_share_a_draw() -> None:
    """Of one conversation: twelve copies, ten occasions."""
    draws = Draws(5, np.full(12, 7, np.uint64), np.arange(12, dtype=np.uint32))
    assert len({draws.uniform("a", copy, occasion) for copy in range(12) for occasion in range(10)}) == 120


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


def test_more_copies_than_addresses_are_refused() -> None:
    with pytest.raises(ValueError, match="65536"):
        Draws(5, np.arange(1, dtype=np.uint64), np.array([1 << 16], np.uint32))


# -- false alerts at full volume -------------------------------------------------------------------------------


def sampled(make_contacts: Callable[..., Any], rows: list[dict[str, Any]]) -> tuple[Contacts, Alarms]:
    contacts, _, alarms = make_contacts(rows)
    return contacts, alarms


@pytest.mark.parametrize("weight", [1.0, 250.0, 3.25])
def test_false_alerts_at_full_volume(make_contacts: Callable[..., Any], weight: float) -> None:
    n = 400
    time = uniform(3, "test.time", np.arange(n)) * 20 * 24
    rows = [{"platform": row % 4, "force": row % 7, "crossing": at, "risk": at} for row, at in enumerate(time)]
    contacts, alarms = sampled(make_contacts, rows)
    alerts = at_full_volume(8, contacts, alarms, ALWAYS, weight, days=20)
    rows_of = (alerts.conversation - np.uint64(100)).astype(np.int64)
    copies = np.bincount(rows_of, minlength=n)
    assert set(copies) == {int(weight), int(weight) + (weight % 1 > 0)}
    # A whole number each, or one more with the rest of the weight as probability: within four standard errors.
    rest = weight % 1
    assert copies.mean() == pytest.approx(weight, abs=4 * (rest * (1 - rest) / n) ** 0.5 + 1e-12)
    assert len(set(zip(rows_of, alerts.copy, strict=True))) == len(alerts) == copies.sum()
    np.testing.assert_allclose(alerts.time_s % DAY_S, (time[rows_of] * H) % DAY_S, atol=1e-6)
    assert alerts.time_s.min() >= 0 and alerts.time_s.max() < 20 * DAY_S
    assert np.array_equal(alerts.platform, contacts.platform[rows_of])
    assert np.array_equal(alerts.force, contacts.force[rows_of])
    assert np.array_equal(alerts.risk, time[rows_of].astype(np.float32))


def test_copies_fall_on_days_of_their_own(make_contacts: Callable[..., Any]) -> None:
    contacts, alarms = sampled(make_contacts, [{"crossing": 9.5 * 24}])
    alerts = at_full_volume(8, contacts, alarms, ALWAYS, 4000.0, days=20)
    days = np.bincount((alerts.time_s // DAY_S).astype(int), minlength=20)
    # Chi-squared with 19 degrees of freedom: mean 19, standard deviation 6.2.
    assert ((days - 200) ** 2 / 200).sum() < 19 + 4 * 6.2


def test_a_copy_keeps_its_alarms_apart_as_they_were(make_contacts: Callable[..., Any]) -> None:
    """Alarms at 10, 30 and 60 hours, the last message at 80; what falls after the period is left out."""
    contacts, alarms = sampled(make_contacts, [{}, {"crossing": [10, 30, 60], "closed": 80}])
    alerts = at_full_volume(8, contacts, alarms, ALWAYS, 200.0, days=6)
    full = 0
    for copy in range(200):
        time = alerts.time_s[alerts.copy == copy] / H
        assert time[0] % 24 == pytest.approx(10) and (alerts.last_s[alerts.copy == copy] / H - time[0] == 70).all()
        expected = time[0] + np.array([0, 20, 50])
        assert time.tolist() == expected[expected < 144].tolist()
        full += len(time) == 3
    assert 0 < full < 200


def test_copies_keep_their_time_of_day_on_a_clock_that_stops_at_night(make_contacts: Callable[..., Any]) -> None:
    """Waking days of 15 hours from half past seven: waking hour 32 is 09:30, 46 is 08:30 the day after."""
    contacts, alarms = sampled(make_contacts, [{"crossing": [32, 46], "closed": 47}])
    alerts = at_full_volume(8, contacts, alarms, Clock(7.5 * H, 15 * H), 50.0, days=9)
    for copy in range(50):
        time = alerts.time_s[alerts.copy == copy] / H
        assert time[0] % 24 == 9.5 and (time[1:] - time[0] == 23).all()
        assert (alerts.last_s[alerts.copy == copy] / H - time[0] == 24).all()


def test_one_more_sampled_alert_leaves_the_others(make_contacts: Callable[..., Any]) -> None:
    contacts, alarms = sampled(make_contacts, [{"crossing": 24 * day} for day in (1, 2, 3)])
    all_ = at_full_volume(8, contacts, alarms, ALWAYS, 2.5, 20)
    two = replace(alarms.take([0, 2]), row=np.array([0, 1]))
    fewer = at_full_volume(8, contacts.take([0, 2]), two, ALWAYS, 2.5, 20)
    kept = all_.conversation != 101
    for name in ("conversation", "copy", "time_s"):
        assert np.array_equal(getattr(all_, name)[kept], getattr(fewer, name))


def test_no_false_alerts() -> None:
    assert len(no_false_alerts()) == 0


# -- several conversations of one account ----------------------------------------------------------------------


def with_others(make_contacts: Callable[..., Any], others: float, n: int) -> FalseAlerts:
    """n alerts on accounts that have newly contacted so many other children in a week."""
    contacts, alarms = sampled(make_contacts, [{"crossing": 5.0} for _ in range(n)])
    known = replace(contacts, new_contacts_7d=np.full(n, others, np.float32))
    return at_full_volume(8, known, alarms, ALWAYS, 1.0, days=20)


@pytest.mark.parametrize(("others", "conversations", "days", "tried"), [
    (10, 2, 7, 10), (10, 3, 7, 10), (10, 3, 14, 20), (10, 2, 1, 1), (40, 4, 3.5, 20),
])  # fmt: skip
def test_false_alerts_that_remain_under_an_account_trigger(
    make_contacts: Callable[..., Any], others: float, conversations: int, days: float, tried: int
) -> None:
    """1 - sum over k < conversations - 1 of C(tried, k) p^k (1 - p)^(tried - k), with p the share alerted on."""
    n, p = 3000, 0.1
    alerts = with_others(make_contacts, others, n)
    stays = 1 - sum(comb(tried, k) * p**k * (1 - p) ** (tried - k) for k in range(conversations - 1))
    found = on_accounts(8, alerts, conversations, days * DAY_S, p).mean()
    assert found == pytest.approx(stays, abs=4 * (stays * (1 - stays) / n) ** 0.5)


def test_an_account_without_other_conversations_raises_no_alert(make_contacts: Callable[..., Any]) -> None:
    alerts = with_others(make_contacts, 0.0, 200)
    assert not on_accounts(8, alerts, 2, 7 * DAY_S, 0.9).any()
    assert on_accounts(8, with_others(make_contacts, 5.0, 200), 2, 7 * DAY_S, 1.0).all()


def test_asking_for_more_conversations_leaves_a_subset(make_contacts: Callable[..., Any]) -> None:
    alerts = with_others(make_contacts, 12.0, 500)
    kept = [on_accounts(8, alerts, k, 7 * DAY_S, 0.2) for k in (2, 3, 4)]
    assert (kept[1] <= kept[0]).all() and (kept[2] <= kept[1]).all() and kept[2].any() and not kept[0].all()
