"""What an arm does about an alert, in toys worked by hand: hours, certain reactions, a clock that never stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simharness.response.arm import ArmResult, ArmSimulation
from simharness.response.false_alerts import FalseAlerts
from simharness.response.log import CLEARED, CONFIRMED, EXPIRED, REFERRAL, REVIEW
from simharness.world.clock import Clock
from simharness.world.messages import NEVER

H = 3600.0
Toy = Callable[..., ArmSimulation]
Block = Callable[..., dict[str, Any]]
ASSUMED = {"evidence": "assumed", "source": "test"}
ONE = {"start": 10, "crossing": 30, "offence": 40, "repeat": 70, "meeting": 90, "contact": 120, "closed": 100}
SILENT = {"law": "none"}  # the police do nothing, so that only the platform acts
LEAVES = {"leave": 1.0, "block": 0.0, "tell": 0.0}
BLOCKS = {"leave": 0.0, "block": 1.0, "tell": 0.0}
TELLS = {"leave": 0.0, "block": 0.0, "tell": 1.0}
IGNORES = {"leave": 0.0, "block": 0.0, "tell": 0.0}


def hours(result: ArmResult, row: int = 0) -> list[float]:
    return [round(time / H, 6) for time in result.outcomes[row]]


def alerts(result: ArmResult) -> list[tuple[int, float, bool]]:
    """(row, hour, right) of each alert; false ones count from 0 too."""
    log = result.log
    rows = [
        (conversation & (1 << 32) - 1) - 100 * right
        for conversation, right in zip(log.alert_conversation, log.alert_right, strict=True)
    ]
    return [
        (row, round(at / H, 6), bool(right))
        for row, at, right in zip(rows, log.alert_raised_s, log.alert_right, strict=True)
    ]


def decisions(result: ArmResult) -> list[tuple[int, int, float, float, int]]:
    """(alert, desk, begun, ended, verdict), hours."""
    log = result.log
    columns = (
        log.decision_alert,
        log.decision_desk,
        log.decision_started_s,
        log.decision_ended_s,
        log.decision_verdict,
    )
    return [(a, d, round(b / H, 6), round(e / H, 6), v) for a, d, b, e, v in zip(*columns, strict=True)]


def test_an_arm_that_does_nothing_is_the_natural_course(toy: Toy) -> None:
    result = toy({"law": "none", "detector": None}, [ONE, {}, ONE]).run()
    assert hours(result) == [40, 70, 90, 120] == hours(result, 2) and hours(result, 1) == [NEVER] * 4
    assert np.isinf(result.recorded).all() and np.isinf(result.cut).all() and not alerts(result)


def test_an_alert_nothing_is_done_about(toy: Toy) -> None:
    result = toy(SILENT, [ONE, ONE | {"crossing": NEVER}]).run()
    assert alerts(result) == [(0, 30, True)] and not decisions(result)
    assert hours(result) == [40, 70, 90, 120]


def test_crossings_after_the_period_raise_no_alert(toy: Toy) -> None:
    assert not alerts(toy(SILENT, [ONE | {"crossing": 48.0}], days=2).run())
    assert alerts(toy(SILENT, [ONE | {"crossing": 47.99}], days=2).run())


@pytest.mark.parametrize(("answer", "expected", "cut"), [
    (IGNORES, [40, 70, 90, 120], NEVER),
    (LEAVES, [NEVER] * 4, 30),
    (TELLS, [NEVER] * 4, 30),
    (BLOCKS, [45, 75, 95, 125], NEVER),  # contacted again elsewhere five hours later
])  # fmt: skip
def test_what_an_alerted_child_does(toy: Toy, answer: Any, expected: list[float], cut: float) -> None:
    result = toy(SILENT | {"on_alert": ["alert_child"]}, [ONE], alert_child=answer).run()
    assert hours(result) == expected and result.cut[0] / H == cut
    assert result.log.counts["children_wrongly_alarmed"] == 0


def test_a_block_ends_it_when_the_child_is_not_contacted_again(toy: Toy) -> None:
    never = {"probability": 0.0, "delay": "5h"}
    on_alert = SILENT | {"on_alert": ["alert_child"]}
    assert hours(toy(on_alert, [ONE], alert_child=BLOCKS, block_recontacted=never).run()) == [NEVER] * 4


def test_a_block_ends_it_when_there_is_nowhere_else(toy: Toy) -> None:
    sim = toy(SILENT | {"on_alert": ["alert_child"]}, [ONE], alert_child=BLOCKS)
    sim.given.membership[0] = [True, *[False] * (sim.given.membership.shape[1] - 1)]
    assert hours(sim.run()) == [NEVER] * 4


def test_events_before_an_action_stay(toy: Toy) -> None:
    late = ONE | {"crossing": 80}
    on_alert = SILENT | {"on_alert": ["alert_child"]}
    assert hours(toy(on_alert, [late], alert_child=LEAVES).run()) == [40, 70, NEVER, NEVER]
    assert hours(toy(on_alert, [late], alert_child=BLOCKS).run()) == [40, 70, 95, 125]


def test_the_message_that_alerts_has_been_sent_even_if_it_is_the_offence(toy: Toy) -> None:
    """By the flagship's clock, on which a sixth of all times round down on the way from waking to wall and back."""
    clock = Clock(7.5 * H, 15 * H)
    rows = [{"offender": n, "crossing": 0.1 + 1.37 * n, "offence": 0.1 + 1.37 * n, "closed": 500.0} for n in range(150)]
    asked: dict[int, float] = {}
    on_alert = SILENT | {"on_alert": ["alert_child"]}
    sim = toy(
        on_alert, rows, rescan=lambda row, after: asked.setdefault(row, after) * NEVER, clock=clock, alert_child=BLOCKS
    )
    natural = clock.wall(sim.given.truth.offence)
    assert np.array_equal(sim.run().outcomes[:, 0], natural)
    assert len(asked) == 150 and all(after > rows[row]["crossing"] for row, after in asked.items())


def test_the_message_that_ends_a_conversation_can_be_alerted_on(toy: Toy, review: Block) -> None:
    """Nothing is left to end, but the offender has other contacts, and the police have an offence."""
    rows = [
        ONE | {"crossing": 100, "closed": 100},
        ONE | {"start": 110, "offence": 140, "crossing": NEVER, "closed": 150},
    ]
    never = {"probability": 0.0, "delay": "5h"}
    policy = {"on_alert": ["alert_child", "suspend_account", "refer_police"]}
    result = toy(policy, rows, alert_child=LEAVES, suspension_recontact=never, suspension_displaces=0.0).run()
    assert alerts(result) == [(0, 100, True)]
    assert hours(result, 1) == [NEVER] * 4 and result.cut[1] == -np.inf
    assert result.recorded[0] == 103 * H  # an hour's work by the calendar of officers, three


# -- moved conversations -----------------------------------------------------------------------------------------------


def messages(*times: float) -> Callable[[int, float], float]:
    """A detector that alerts on each of these messages (hours, natural course)."""
    return lambda row, after: min((time for time in times if time > after), default=NEVER)


def test_a_moved_conversation_is_scored_afresh_on_its_new_platform(toy: Toy) -> None:
    result = toy(SILENT | {"on_alert": ["alert_child"]}, [ONE], rescan=messages(20, 30, 50), alert_child=BLOCKS).run()
    # Blocked at 30, carried on at 35; the message of 50 comes at 55, is alerted on, blocked, and carried on at 60.
    assert alerts(result) == [(0, 30, True), (0, 55, True)]
    assert hours(result) == [45, 80, 100, 130]


def test_a_platform_that_is_not_covered_raises_no_second_alert(toy: Toy, code: Block) -> None:
    policy = SILENT | {"on_alert": ["alert_child"], "code": code(facebook=1)}
    result = toy(policy, [ONE], rescan=messages(50), alert_child=BLOCKS).run()
    assert alerts(result) == [(0, 30, True)] and hours(result) == [45, 75, 95, 125]


def test_a_crossing_of_the_old_generation_never_raises_an_alert(toy: Toy, review: Block) -> None:
    """Two contacts of one offender. The suspension after the first alert moves the second before its own crossing."""
    rows = [ONE, ONE | {"crossing": 50}]
    policy = SILENT | {"on_alert": ["suspend_account"]}
    result = toy(policy, rows).run()
    assert alerts(result) == [(0, 30, True)]  # at 50 the second is elsewhere, its risk begun anew
    # With its own new crossing (50 + 5), which moves it and, being there too, the first once more.
    result = toy(policy, rows, rescan=lambda row, after: 50.0 if row == 1 and after < 50 else NEVER).run()
    assert alerts(result) == [(0, 30, True), (1, 55, True)]
    assert hours(result) == [45, 80, 100, 130] == hours(result, 1)


def test_a_move_in_the_break_after_a_move_forgets_no_message(toy: Toy, review: Block) -> None:
    """Alerted at 30, blocked, the alert confirmed at 31, blocked again: the messages up to 30 stay in the past."""
    asked = []

    def rescan(row: int, after: float) -> float:
        asked.append(round(after, 3))
        return 27.0 if after < 27 else NEVER  # 31 - 5 = 26 would see this message a second time

    policy = SILENT | {"on_alert": ["alert_child", "review"], "review": review(), "on_confirmed": ["alert_child"]}
    result = toy(policy, [ONE], rescan=rescan, alert_child=BLOCKS).run()
    assert asked == [30, 30] and alerts(result) == [(0, 30, True)]
    assert hours(result) == [50, 80, 100, 130]


def test_a_report_moves_with_its_conversation(toy: Toy) -> None:
    row = ONE | {"reported": 60}
    told = toy({"on_alert": ["alert_child"]}, [row], alert_child=BLOCKS).run()
    assert told.recorded[0] == 65 * H
    assert toy({}, [row]).run().recorded[0] == 60 * H


def test_whether_the_new_platform_is_covered_is_decided_anew(toy: Toy, code: Block) -> None:
    """Half of each platform's conversations are covered: so are half of those that were covered before they moved."""
    n = 600
    policy = SILENT | {"on_alert": ["alert_child"], "code": code(facebook=0.5, instagram=0.5)}
    rows = [ONE | {"offender": row, "platform": row % 2} for row in range(n)]
    sim = toy(policy, rows, rescan=messages(50), alert_child=BLOCKS)
    result = sim.run()
    again = sum(at == 55 for _, at, _ in alerts(result))
    first = len(alerts(result)) - again
    assert first / n == pytest.approx(0.5, abs=4 * (0.25 / n) ** 0.5)
    assert again / first == pytest.approx(0.5, abs=4 * (0.25 / first) ** 0.5)


# -- suspension and displacement --------------------------------------------------------------------------------------


def test_a_suspension_ends_all_the_account_s_conversations_on_its_platform(toy: Toy) -> None:
    rows = [
        ONE,
        ONE | {"crossing": NEVER},
        ONE | {"crossing": NEVER, "platform": 1},  # another platform's account
        ONE | {"crossing": NEVER, "offender": 1},
        ONE | {"crossing": NEVER, "start": 50, "offence": 60},  # planned
        ONE | {"crossing": NEVER, "closed": 25},  # over
    ]
    never = {"probability": 0.0, "delay": "5h"}
    policy = SILENT | {"on_alert": ["suspend_account"]}
    result = toy(policy, rows, suspension_recontact=never, suspension_displaces=0.0).run()
    assert list(result.cut / H) == [30, 30, NEVER, NEVER, -NEVER, NEVER]
    assert [hours(result, row)[0] for row in range(6)] == [NEVER, NEVER, 40, 40, NEVER, 40]


def test_a_planned_contact_is_made_elsewhere_at_its_own_time(toy: Toy, code: Block) -> None:
    rows = [ONE, ONE | {"crossing": 55, "start": 50, "offence": 60, "closed": 150}]
    policy = SILENT | {"on_alert": ["suspend_account"], "code": code(facebook=1)}
    never = {"probability": 0.0, "delay": "5h"}
    result = toy(policy, rows, suspension_recontact=never).run()
    assert hours(result, 1)[0] == 60 and alerts(result) == [(0, 30, True)]  # instagram is not covered
    policy |= {"code": code(facebook=1, instagram=1)}
    assert alerts(toy(policy, rows, suspension_recontact=never).run()) == [(0, 30, True), (1, 55, True)]


def test_every_displacement_is_decided_anew(toy: Toy) -> None:
    """Two suspensions in a row, each displaces with probability one half: a quarter is left, not a half."""
    pairs = 300
    rows: list[dict[str, float]] = []
    for offender in range(pairs):
        rows.append({"offender": offender, "crossing": 1, "closed": 100})
        rows.append({"offender": offender, "crossing": 2, "closed": 100, "platform": 1})
        rows.append({"offender": offender, "start": 50, "offence": 60, "closed": 100})
    policy = SILENT | {"on_alert": ["suspend_account"]}
    result = toy(policy, rows, suspension_displaces=0.5, suspension_recontact={"probability": 0.0, "delay": "1h"}).run()
    share = np.isfinite(result.outcomes[2::3, 0]).mean()
    assert share == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / pairs) ** 0.5)


# -- review -----------------------------------------------------------------------------------------------------------


def test_a_review_takes_its_time_and_confirms(toy: Toy, review: Block) -> None:
    policy = SILENT | {"on_alert": ["review"], "review": review(), "on_confirmed": ["alert_child"]}
    result = toy(policy, [ONE], alert_child=LEAVES).run()
    assert decisions(result) == [(0, REVIEW, 30, 31, CONFIRMED)]
    assert result.cut[0] == 31 * H and result.log.seconds["review"] == H


def test_a_review_that_misses_does_nothing(toy: Toy, review: Block) -> None:
    policy = SILENT | {"on_alert": ["review"], "review": review(sensitivity=0.0), "on_confirmed": ["alert_child"]}
    result = toy(policy, [ONE], alert_child=LEAVES).run()
    assert decisions(result) == [(0, REVIEW, 30, 31, CLEARED)] and hours(result) == [40, 70, 90, 120]


def test_alerts_wait_their_turn_and_expire_unread(
    toy: Toy, review: Block, false_alerts: Callable[..., FalseAlerts]
) -> None:
    """One reviewer, an hour each, alerts at 1.0, 1.1, 1.2 and 1.3; dropped after a wait of more than 1.8 hours."""
    policy = SILENT | {"on_alert": ["review"], "review": review(expires="1.8h")}
    result = toy(policy, [ONE], false=false_alerts([1.0, 1.1, 1.2, 1.3])).run()
    assert decisions(result) == [
        (0, REVIEW, 1.0, 2.0, CLEARED),
        (1, REVIEW, 2.0, 3.0, CLEARED),
        (2, REVIEW, 3.0, 4.0, CLEARED),  # waited exactly 1.8 h
        (3, REVIEW, 4.0, 4.0, EXPIRED),
        (4, REVIEW, 30, 31, CONFIRMED),
    ]
    assert result.log.seconds["review"] == pytest.approx(4 * H)
    assert result.log.counts["benign_read"] == 3  # the expired one was never read


def test_reviews_keep_to_the_shifts(toy: Toy, review: Block, false_alerts: Callable[..., FalseAlerts]) -> None:
    shifts = [{"begins": "9h", "ends": "17h", "staff": 1}]
    policy = SILENT | {"on_alert": ["review"], "review": review(shifts=shifts)}
    result = toy(policy, [], false=false_alerts([3, 16.5, 16.6, 23])).run()
    assert [(begun, ended) for _, _, begun, ended, _ in decisions(result)] == [
        (9, 10),
        (16.5, 17.5),
        (33, 34),
        (34, 35),
    ]


@pytest.mark.parametrize(("scale", "begun"), [(1.0, [1, 1, 1, 1, 2]), (0.5, [1, 1, 2, 2, 3]), (0.01, [1, 2, 3, 4, 5])])
def test_staff_follows_the_scale(
    toy: Toy, review: Block, false_alerts: Callable[..., FalseAlerts], scale: float, begun: list[float]
) -> None:
    policy = SILENT | {"on_alert": ["review"], "review": review(shifts=[{"begins": "0h", "ends": "24h", "staff": 4}])}
    result = toy(policy, [], false=false_alerts([1.0] * 5), scale=scale).run()
    assert [one[2] for one in decisions(result)] == begun


# -- false alerts and coverage ----------------------------------------------------------------------------------------


def test_what_false_alerts_cost(toy: Toy, review: Block, false_alerts: Callable[..., FalseAlerts]) -> None:
    policy = {
        "on_alert": ["alert_child", "review"],
        "review": review(specificity=0.0),
        "on_confirmed": ["suspend_account", "refer_police"],
    }
    result = toy(policy, [], false=false_alerts([1, 5])).run()
    assert alerts(result) == [(0, 1, False), (1, 5, False)]
    counts = result.log.counts
    for cost in ("children_wrongly_alarmed", "benign_read", "wrong_suspensions", "wrong_referrals"):
        assert counts[cost] == 2
    assert decisions(result)[-1] == (1, REFERRAL, 6, 9, CLEARED)
    assert result.log.seconds == {"review": 2 * H, "police": 2 * H}
    assert counts["arrests"] == 0


def test_only_covered_platforms_alert(toy: Toy, code: Block, false_alerts: Callable[..., FalseAlerts]) -> None:
    rows = [ONE, ONE | {"platform": 1}, ONE | {"platform": 3}]
    policy = SILENT | {"code": code(facebook=1)}
    assert [row for row, _, _ in alerts(toy(policy, rows).run())] == [0]
    assert not alerts(toy(policy, [], false=false_alerts([1, 2], platform=1)).run())
    assert len(alerts(toy(policy, [], false=false_alerts([1, 2], platform=0)).run())) == 2


def test_half_the_coverage_alerts_on_half(toy: Toy, code: Block, false_alerts: Callable[..., FalseAlerts]) -> None:
    n = 600
    policy = SILENT | {"code": code(facebook=0.5)}
    result = toy(policy, [{"crossing": 5, "closed": 9}] * n, false=false_alerts([1.0] * n)).run()
    within = 4 * (0.25 / n) ** 0.5
    for right in (True, False):
        assert sum(one[2] == right for one in alerts(result)) / n == pytest.approx(0.5, abs=within)


def test_audits_raise_coverage_during_the_period(toy: Toy, code: Block) -> None:
    audits = code(facebook=0) | {"audits": ASSUMED | {"interval": "2d", "closes": 1.0}}
    rows = [ONE | {"crossing": 47.9}, ONE | {"crossing": 48.1}]
    assert [row for row, _, _ in alerts(toy(SILENT | {"code": audits}, rows).run())] == [1]


def test_safer_defaults_keep_covered_contacts_from_being_made(toy: Toy, code: Block) -> None:
    rows = [ONE, ONE | {"platform": 3}]
    safer = code(facebook=1) | {"safer_defaults": ASSUMED | {"prevented": 1.0}}
    result = toy(SILENT | {"code": safer}, rows).run()
    assert list(result.cut) == [-np.inf, np.inf] and not alerts(result)
    assert hours(result) == [NEVER] * 4 and hours(result, 1) == [40, 70, 90, 120]


def test_safer_defaults_work_without_a_detector(toy: Toy, code: Block) -> None:
    safer = code(facebook=1) | {"safer_defaults": ASSUMED | {"prevented": 1.0}}
    result = toy({"law": "none", "detector": None, "code": safer}, [ONE]).run()
    assert result.cut[0] == -np.inf


def test_contacts_displaced_to_a_platform_with_safer_defaults_may_not_be_made(toy: Toy, code: Block) -> None:
    """Half of contacts are kept from being made where they are covered: on facebook all are, on instagram half."""
    rows = [ONE | {"platform": 1}, ONE | {"platform": 1, "start": 50, "crossing": NEVER, "offence": 60}]
    safer = code(facebook=1, instagram=0.5) | {"safer_defaults": ASSUMED | {"prevented": 0.5}}
    late = 0
    for seed in range(60):
        sim = toy(SILENT | {"on_alert": ["suspend_account"], "code": safer}, rows, seed=seed)
        result = sim.run()
        if alerts(result):
            kept = sim.draws.uniform("code.safer_defaults", 1) < 0.5
            assert (result.cut[1] == -np.inf) == kept
            late += kept and sim.draws.uniform("code.covered", 1, 1) >= 0.5  # on instagram it would have been made
    assert late >= 3
