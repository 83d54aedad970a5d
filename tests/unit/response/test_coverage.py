"""What a code covers, by platform and over time: stated steps, audits, and contacts it moves or prevents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simharness.response.coverage import Coverage, Regulation
from simharness.scenario.code import Code
from simharness.world.clock import DAY_S
from simharness.world.messages import NEVER

Run = Callable[..., Any]
Block = Callable[..., dict[str, Any]]
PLATFORMS = ("facebook", "instagram", "snapchat", "other")
START = dt.date(2017, 4, 3)
ASSUMED = {"evidence": "assumed", "source": "test"}
SHARES = {"facebook": 0.8, "other": 0.4}
ONE = {"start": 10, "crossing": 30, "offence": 40, "repeat": 70, "meeting": 90, "contact": 120, "closed": 100}
SILENT = {"law": "none"}
NOTHING, NATURAL = [NEVER] * 4, [40, 70, 90, 120]


def coverage(shares: dict[str, Any] = SHARES, *, days: int = 180, seed: int = 3, **more: Any) -> Coverage:
    blocks = {name: ASSUMED | block for name, block in more.items()}
    code = Code.model_validate(ASSUMED | {"coverage": shares} | blocks)
    return Coverage(code, PLATFORMS, seed, START, days * DAY_S)


def shares(found: Coverage, platform: int, *days: float) -> list[float]:
    return [round(share, 6) for share in found.share_of(np.array(platform), np.array(days) * DAY_S).tolist()]


def steps(*stated: tuple[int, float]) -> list[dict[str, Any]]:
    """(day of the period, share) as the scenario states them."""
    return [{"since": str(START + dt.timedelta(day)), "share": share} for day, share in stated]


# -- as stated -----------------------------------------------------------------------------------------------


def test_a_share_without_a_day_holds_throughout() -> None:
    found = coverage()
    assert [found.share(platform, 1e7) for platform in range(4)] == [0.8, 0.0, 0.0, 0.4]
    assert [found.ever(platform) for platform in range(4)] == [True, False, False, True]
    assert found.prevented == 0.0 == found.displaced and found.regulation == Regulation(0, 0, 0)
    assert found.share_of(np.array([[0], [3]]), np.array([0.0, 1e7])).tolist() == [[0.8, 0.8], [0.4, 0.4]]


def test_steps_begin_on_their_days() -> None:
    found = coverage({"facebook": steps((10, 0.5), (20, 0.9), (30, 0.2))})
    assert shares(found, 0, 0, 9.99, 10, 19.99, 20, 29.99, 30, 100) == [0, 0, 0.5, 0.5, 0.9, 0.9, 0.2, 0.2]


def test_what_was_stated_before_the_period_holds_at_its_beginning() -> None:
    found = coverage({"facebook": steps((-40, 0.1), (-10, 0.3), (5, 0.6)), "other": steps((0, 0.7))})
    assert shares(found, 0, 0, 4.99, 5) == [0.3, 0.3, 0.6] and shares(found, 3, 0) == [0.7]


@pytest.mark.parametrize(("draw", "asked", "since"), [
    (0.4, 0, 10), (0.4, 15, 15), (0.6, 0, 20), (0.6, 12, 20), (0.95, 0, NEVER),
    (0.4, 40, NEVER), (0.1, 40, 40), (0.5, 0, 20),  # half-open: a share of one half reaches uniforms below it
])  # fmt: skip
def test_when_a_conversation_is_first_covered(draw: float, asked: float, since: float) -> None:
    found = coverage({"facebook": steps((10, 0.5), (20, 0.9), (30, 0.2))})
    assert found.covered_from(0, draw, asked * DAY_S) == since * DAY_S
    assert found.covered_from(1, draw, asked * DAY_S) == np.inf


# -- audits --------------------------------------------------------------------------------------------------


def test_each_audit_closes_its_share_of_what_is_missing() -> None:
    """interval 30 d, closes 0.4: missing 0.2 -> 0.12 -> 0.072, and 0.6 -> 0.36 -> 0.216."""
    found = coverage(audits={"interval": "30d", "closes": 0.4})
    assert shares(found, 0, 0, 29.99, 30, 59.99, 60) == [0.8, 0.8, 0.88, 0.88, 0.928]
    assert shares(found, 3, 0, 29.99, 30, 59.99, 60) == [0.4, 0.4, 0.64, 0.64, 0.784]
    assert shares(found, 1, 0, 29.99, 30, 59.99, 60) == [0, 0, 0.4, 0.4, 0.64]
    # 180 days: the sixth would fall on the period's end. Four platforms, all with something missing.
    assert found.regulation == Regulation(audits=5 * 4, found=5 * 4, sanctions=0)


def test_what_is_detected_is_put_right_after_a_while() -> None:
    found = coverage({"facebook": 0.0}, days=80, audits={"interval": "30d", "closes": 0.5, "remedy": "10d"})
    assert shares(found, 0, 30, 39.99, 40, 69.99, 70) == [0, 0, 0.5, 0.5, 0.75]


def test_from_the_second_detection_on_a_sanction_closes_more() -> None:
    """closes 0.5, sanction 0.6: missing 1 -> 0.5 -> 0.5 * 0.5 * 0.4 = 0.1 -> 0.02."""
    sanction = ASSUMED | {"closes": 0.6}
    found = coverage({}, days=100, audits={"interval": "30d", "closes": 0.5, "sanction": sanction})
    assert shares(found, 2, 30, 60, 90) == [0.5, 0.9, 0.98]
    assert found.regulation == Regulation(audits=3 * 4, found=3 * 4, sanctions=2 * 4)


def test_where_nothing_is_missing_nothing_is_found() -> None:
    everything = dict.fromkeys(PLATFORMS, 1.0)
    found = coverage(everything, audits={"interval": "30d", "closes": 0.5})
    assert found.regulation == Regulation(audits=20, found=0, sanctions=0)
    found = coverage({}, audits={"interval": "30d", "closes": 1.0})  # put right once and for all
    assert found.regulation == Regulation(audits=20, found=4, sanctions=0)


def test_audits_detect_their_share() -> None:
    """Each audit of each platform in each replication is a draw of its own."""
    detects, runs = 0.3, 100
    found = [coverage({}, seed=seed, audits={"interval": "30d", "closes": 0.1, "detects": detects}).regulation
             for seed in range(runs)]  # fmt: skip
    share = sum(one.found for one in found) / (20 * runs)
    assert share == pytest.approx(detects, abs=4 * (detects * (1 - detects) / (20 * runs)) ** 0.5)
    assert len({one.found for one in found}) > 5


def test_what_an_audit_put_right_stays_right() -> None:
    """A later statement names what a platform does of itself: half of what that leaves out is closed."""
    found = coverage({"facebook": steps((0, 0.2), (40, 0.6))}, days=50, audits={"interval": "30d", "closes": 0.5})
    assert shares(found, 0, 29.99, 30, 39.99, 40) == [0.2, 0.6, 0.6, 0.8]


def test_a_period_shorter_than_the_interval_has_no_audit() -> None:
    found = coverage(days=29, audits={"interval": "30d", "closes": 0.5})
    assert found.regulation == Regulation(0, 0, 0) and shares(found, 0, 28) == [0.8]


def test_audits_act_within_an_arm(run: Run, code: Block) -> None:
    """Nothing is covered before hour 48; from then on all is, and what goes on is read afresh."""
    audits = code(facebook=0) | {"audits": ASSUMED | {"interval": "2d", "closes": 1.0}}
    rows = [ONE | {"crossing": 47.9}, ONE | {"start": 48.1, "crossing": 55}]
    ran = run(SILENT | {"code": audits}, rows, rescan=lambda row, after, platform: [90.0] if after == 48 else [])
    assert ran.alerts == [(1, 55), (0, 90)]
    assert ran.result.regulation == Regulation(audits=14 * 4, found=4, sanctions=0)


# -- contacts that are not made, or made elsewhere -------------------------------------------------------------


def safer(code: Block, prevented: float, **shares: Any) -> dict[str, Any]:
    return code(**shares) | {"safer_defaults": ASSUMED | {"prevented": prevented}}


def avoided(code: Block, share: float, **shares: Any) -> dict[str, Any]:
    return code(**shares) | {"displacement": ASSUMED | {"share": share}}


@pytest.mark.parametrize("detector", ["keyword", None])
def test_safer_defaults_keep_covered_contacts_from_being_made(run: Run, code: Block, detector: str | None) -> None:
    rows = [ONE, ONE | {"platform": 3}]
    ran = run(SILENT | {"detector": detector, "code": safer(code, 1.0, facebook=1)}, rows)
    assert ran.cut == [-NEVER, NEVER] and not ran.alerts
    assert ran.hours() == NOTHING and ran.hours(1) == NATURAL


def test_safer_defaults_are_a_share_of_what_is_covered_when_the_contact_begins(run: Run, code: Block) -> None:
    """0.5 of 0.6 of those on facebook; on instagram 0.5, but only of what begins from hour 48 on."""
    n = 500
    later = [{"since": str(START + dt.timedelta(2)), "share": 1.0}]
    rows = [ONE | {"offender": row, "platform": platform, "start": start, "crossing": NEVER}
            for platform, start in ((0, 10), (1, 10), (1, 48)) for row in range(n)]  # fmt: skip
    ran = run(SILENT | {"code": safer(code, 0.5, facebook=0.6, instagram=later)}, rows)
    never = [(np.array(ran.cut[part * n : (part + 1) * n]) == -NEVER).mean() for part in range(3)]
    for found, expected in zip(never, (0.3, 0.0, 0.5), strict=True):
        assert found == pytest.approx(expected, abs=4 * (expected * (1 - expected) / n) ** 0.5)


@pytest.mark.parametrize(("covered", "share", "alerts", "moved"), [
    ({"facebook": 1}, 1.0, [], 1),  # made on instagram at its own times, unseen
    ({"facebook": 1}, 0.0, [(0, 30)], 0),
    ({"facebook": 1, "instagram": 1}, 1.0, [(0, 30)], 0),  # nowhere to go
])  # fmt: skip
def test_contacts_are_displaced_to_platforms_outside_the_code(
    run: Run, code: Block, covered: Any, share: float, alerts: Any, moved: int
) -> None:
    ran = run(SILENT | {"code": avoided(code, share, **covered)}, [ONE])
    assert ran.hours() == NATURAL and ran.alerts == alerts and ran.counts["contacts_displaced"] == moved


def test_displacement_is_a_share_of_what_is_covered(run: Run, code: Block) -> None:
    n = 600
    ran = run(SILENT | {"code": avoided(code, 0.5, facebook=0.6)}, [ONE | {"offender": row} for row in range(n)])
    assert ran.counts["contacts_displaced"] / n == pytest.approx(0.3, abs=4 * (0.21 / n) ** 0.5)


def test_what_is_displaced_is_beyond_safer_defaults(run: Run, code: Block) -> None:
    both = avoided(code, 1.0, facebook=1) | {"safer_defaults": ASSUMED | {"prevented": 1.0}}
    assert run(SILENT | {"code": both}, [ONE]).cut == [NEVER]


def test_a_platform_covered_later_reads_what_was_displaced_to_it(run: Run, code: Block) -> None:
    """Instagram joins at hour 48: a contact displaced there is read afresh from then on."""
    later = [{"since": str(START + dt.timedelta(2)), "share": 1.0}]
    asked: list[tuple[float, int]] = []

    def rescan(row: int, after: float, platform: int) -> list[float]:
        asked.append((after, platform))
        return [60.0]

    ran = run(SILENT | {"code": avoided(code, 1.0, facebook=1, instagram=later)}, [ONE], rescan=rescan)
    assert asked == [(48, 1)] and ran.alerts == [(0, 60)]


def test_in_shadow_the_code_changes_no_contact(run: Run, code: Block) -> None:
    both = avoided(code, 1.0, facebook=1) | {"safer_defaults": ASSUMED | {"prevented": 1.0}}
    ran = run(SILENT | {"code": both, "mode": "shadow"}, [ONE])
    assert ran.cut == [NEVER] and ran.hours() == NATURAL and ran.alerts == [(0, 30)]
    assert ran.counts["contacts_displaced"] == 0


def test_in_shadow_the_code_changes_no_substitute_either(run: Run, code: Block) -> None:
    """The police act all the same: recorded at 40, protected at 60, another child contacted at 84."""
    both = avoided(code, 1.0, facebook=1) | {"safer_defaults": ASSUMED | {"prevented": 1.0}}
    turns = {"substitution": {"probability": 1.0, "delay": "24h"}, "arrest": {"delay": "500h"}}
    row = ONE | {"crossing": NEVER, "reported": 40}
    ran = run({"code": both, "mode": "shadow"}, [row], substitutes=[{"offence": 30, "closed": 60}], days=20, **turns)
    assert ran.start[1] == 84 and ran.cut == [60, NEVER] and ran.hours(1)[0] == 114
    assert ran.counts["contacts_displaced"] == 0


def test_contacts_displaced_by_a_suspension_may_not_be_made_there_either(run: Run, toy: Run, code: Block) -> None:
    """Half of contacts are kept from being made where they are covered: on facebook all are, on instagram half."""
    rows = [ONE | {"platform": 1}, ONE | {"platform": 1, "start": 50, "crossing": NEVER, "offence": 60}]
    policy = SILENT | {"on_alert": ["suspend_account"], "code": safer(code, 0.5, facebook=1, instagram=0.5)}
    kept = made = 0
    for seed in range(60):
        sim = toy(policy, rows, seed=seed)
        result = sim.run()
        on_instagram = sim.draws.uniform("code.safer_defaults", 1, 1) < 0.5
        on_instagram &= sim.draws.uniform("code.covered", 1, 1) < 0.5
        if len(result.log.alert_right) and not on_instagram:  # it was planned there, and then displaced
            prevented = sim.draws.uniform("code.safer_defaults", 1, 0) < 0.5
            assert (result.cut[1] == -np.inf) == prevented
            kept, made = kept + prevented, made + (not prevented)
    assert kept >= 3 and made >= 3
