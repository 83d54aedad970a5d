"""How the parts of an arm work together, in toys worked by hand: hours, certain reactions, a clock that never stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simharness.response.arm import ArmSimulation
from simharness.scenario.policy import POLICE, RECIPIENTS
from simharness.world.clock import Clock
from simharness.world.messages import NEVER

H = 3600.0
Run = Callable[..., Any]
Toy = Callable[..., ArmSimulation]
Block = Callable[..., dict[str, Any]]
ASSUMED = {"evidence": "assumed", "source": "test"}
ONE = {"start": 10, "crossing": 30, "offence": 40, "repeat": 70, "meeting": 90, "contact": 120, "closed": 100}
REPORTED = ONE | {"reported": 60}
SILENT = {"law": "none"}  # the police do nothing, so that only the platform acts
CHILD = SILENT | {"on_alert": ["alert_child"]}
LEAVES, BLOCKS = {"leave": 1.0}, {"block": 1.0}
NATURAL, NOTHING = [40, 70, 90, 120], [NEVER] * 4
EVERYTHING: dict[str, Any] = {  # every action has an effect
    "alert_child": LEAVES,
    "nudge_child": LEAVES | {"block": 0.0, "tell": 0.0},
    "suggest_block": LEAVES | {"block": 0.0, "tell": 0.0},
    "alert_guardian": {"probability": 1.0, "delay": "5h", "ends_contact": 1.0, "reports": 1.0},
    "restriction": {"lasts": "20h", "moves": 0.0},
    "signal_sharing": {"probability": 1.0, "delay": "4h"},
}


def test_an_arm_that_does_nothing_is_the_natural_course(run: Run) -> None:
    ran = run({"law": "none", "detector": None}, [ONE, {}, ONE])
    assert ran.hours() == NATURAL == ran.hours(2) and ran.hours(1) == NOTHING
    assert np.isinf(ran.recorded).all() and np.isinf(ran.cut).all() and not ran.alerts
    assert ran.start == [10, 0, 10]


def test_the_own_end_of_a_conversation_stands_beside_its_cut(run: Run) -> None:
    """In its own course at hour 100, also where the arm has cut it before; without an end in the period, never."""
    assert (run(CHILD, [ONE], alert_child=LEAVES).result.closed / H).tolist() == [100]
    assert np.isinf(run(CHILD, [ONE | {"closed": NEVER}], alert_child=LEAVES).result.closed).all()


def test_an_alert_nothing_is_done_about(run: Run) -> None:
    ran = run(SILENT, [ONE, ONE | {"crossing": NEVER}])
    assert ran.alerts == [(0, 30)] and not ran.stays and not ran.actions and ran.hours() == NATURAL
    assert ran.log.alert_risk[0] == 5.0


def test_actions_are_taken_in_the_order_listed(run: Run) -> None:
    """A child who has left is not told again; the account is gone before the signal, which goes out all the same."""
    actions = ["nudge_child", "alert_child", "suspend_account", "suspend_account", "share_signal"]
    ran = run(SILENT | {"on_alert": actions}, [ONE], **EVERYTHING)
    assert [what for _, what, _, _ in ran.actions] == actions
    assert [effect for *_, effect in ran.actions] == ["taken", "ended", "taken", "repeated", "taken"]
    assert ran.cut == [30]


@pytest.mark.parametrize("action", list(RECIPIENTS))
def test_in_shadow_every_action_is_logged_and_none_is_taken(run: Run, false_alerts: Run, action: str) -> None:
    """The same alerts; the police go on as without the arm."""
    policy = {"on_alert": [action]}
    given = {"false": false_alerts([7]), **EVERYTHING}
    alone = run({"detector": None}, [REPORTED])
    ran = run(policy | {"mode": "shadow"}, [REPORTED], **given)
    assert ran.alerts == [(-1, 7), (0, 30)]
    assert ran.actions == [(0, action, 7, "shadow"), (1, action, 30, "shadow")]
    assert (ran.hours(), ran.cut, ran.recorded) == (alone.hours(), alone.cut, alone.recorded) and ran.cut == [80]
    changed = {name for name, count in ran.counts.items() if count} - {f"{action}.shadow"}
    assert changed == {name for name, count in alone.counts.items() if count}
    live = run(policy, [REPORTED], **given)
    assert [effect for *_, effect in live.actions] == ["taken"] * 2


def test_in_shadow_people_read_as_they_would(run: Run, queue: Block, false_alerts: Run) -> None:
    """The desks, the budget and failures work; what readers decide on is logged."""
    queues = {"a": queue("queue.b", "alert_child"), "b": queue("refer_police")}
    policy = SILENT | {"mode": "shadow", "on_alert": ["queue.a"], "queues": queues, "trigger": {"budget_per_day": 1}}
    ran = run(policy, [ONE | {"crossing": [30, 31]}], false=false_alerts([7]), alert_child=LEAVES)
    assert ran.stays == [(0, "a", 7, 8, "cleared"), (1, "a", 30, 31, "confirmed"), (1, "b", 31, 32, "confirmed")]
    assert ran.dropped == ["", "", "over_budget"] and ran.hours() == NATURAL
    assert ran.actions == [(1, "alert_child", 31, "shadow"), (1, "refer_police", 32, "shadow")]
    assert ran.counts["benign_read"] == 1


def test_a_case_goes_from_desk_to_desk(run: Run, queue: Block, false_alerts: Run) -> None:
    """Confirmed by one, cleared by the other, which leads to an action of its own."""
    second = queue(sensitivity=0.0, on_cleared=["nudge_child"])
    policy = {"on_alert": ["queue.a"], "queues": {"a": queue("queue.b", "refer_police"), "b": second}}
    ran = run(policy, [ONE], false=false_alerts([29.5]), nudge_child=EVERYTHING["nudge_child"])
    assert ran.stays == [
        (0, "a", 29.5, 30.5, "cleared"),
        (1, "a", 30.5, 31.5, "confirmed"),  # waits for the one reader
        (1, "b", 31.5, 32.5, "cleared"),
        (1, POLICE, 31.5, 32.5, "confirmed"),
    ]
    assert [(what, at) for _, what, at, _ in ran.actions] == [("refer_police", 31.5), ("nudge_child", 32.5)]
    assert ran.cut == [32.5]


@pytest.mark.parametrize("order", [["queue.a", "queue.b"], ["queue.b", "queue.a"]])
def test_an_alert_enters_a_queue_once_however_many_ways_lead_there(run: Run, queue: Block, order: list[str]) -> None:
    ran = run(SILENT | {"on_alert": order, "queues": {"a": queue("queue.b"), "b": queue()}}, [ONE])
    assert sorted(ran.stays) == [(0, "a", 30, 31, "confirmed"), (0, "b", 30, 31, "confirmed")]


def test_a_review_that_misses_does_nothing(run: Run, queue: Block) -> None:
    policy = SILENT | {"on_alert": ["queue.a"], "queues": {"a": queue("alert_child", sensitivity=0.0)}}
    ran = run(policy, [ONE], alert_child=LEAVES)
    assert ran.stays == [(0, "a", 30, 31, "cleared")] and ran.hours() == NATURAL


def test_an_alert_on_a_conversation_that_ended_is_dropped_where_the_queue_does_so(run: Run, queue: Block) -> None:
    """All wait for the one reader; the second conversation is over at 31 (the account is suspended then), as the third
    is by itself before.
    """
    dropping = queue("suspend_account", drop_when_ended=True)
    policy = SILENT | {"on_alert": ["queue.a"], "queues": {"a": dropping}}
    closed = ONE | {"offender": 1, "crossing": 30.6, "closed": 30.8}
    ran = run(policy, [ONE, ONE | {"crossing": 30.5}, closed], suspension_recontact={"probability": 0.0})
    stays = [(stay[0], stay[3], stay[4]) for stay in ran.stays]
    assert stays == [(0, 31, "confirmed"), (1, 31, "dropped"), (2, 30.8, "dropped")]


def test_what_false_alerts_cost(run: Run, queue: Block, false_alerts: Run) -> None:
    reads = queue("suspend_account", "restrict_messaging", "refer_police", specificity=0.0)
    policy = {"on_alert": ["alert_child", "queue.a"], "queues": {"a": reads}}
    ran = run(policy, [], false=false_alerts([1, 5]), restriction=EVERYTHING["restriction"])
    assert ran.alerts == [(-1, 1), (-2, 5)]
    costs = ("children_wrongly_alarmed", "benign_read", "wrong_suspensions", "wrong_restrictions", "wrong_referrals")
    assert [ran.counts[cost] for cost in costs] == [2] * 5
    assert ran.stays[-1] == (1, POLICE, 6, 7, "cleared") and ran.counts["arrests"] == 0


def test_everything_ends_with_the_period(run: Run, queue: Block) -> None:
    """Two days: what would be read, done or recorded at 48 hours or later is not."""
    policy = {"on_alert": ["queue.a"], "queues": {"a": queue("alert_child")}}
    ran = run(policy, [ONE | {"crossing": 47, "offence": 20, "reported": 48}], days=2, alert_child=LEAVES)
    assert ran.stays[0][4] == "waiting" and not ran.actions and ran.cut == [NEVER] and ran.recorded == [NEVER]
    assert ran.hours() == [20, NEVER, NEVER, NEVER]


# -- moved conversations -----------------------------------------------------------------------------------------------


def test_the_message_that_alerts_has_been_sent_even_if_it_is_the_offence(toy: Toy) -> None:
    """By the flagship's clock, on which a sixth of all times round down on the way from waking to wall and back."""
    clock = Clock(7.5 * H, 15 * H)
    rows = [{"offender": n, "crossing": 0.1 + 1.37 * n, "offence": 0.1 + 1.37 * n, "closed": 500.0} for n in range(150)]
    asked: dict[int, float] = {}

    def rescan(row: int, after: float, platform: int) -> list[float]:
        asked.setdefault(row, after)
        return []

    sim = toy(CHILD, rows, rescan=rescan, clock=clock, alert_child=BLOCKS)
    natural = clock.wall(sim.given.truth.offence)
    assert np.array_equal(sim.run().outcomes[:, 0], natural)
    assert len(asked) == 150 and all(after > rows[row]["crossing"] for row, after in asked.items())


def test_a_crossing_planned_before_a_move_never_raises_an_alert(run: Run) -> None:
    """Two contacts of one offender. The suspension after the first alert moves the second before its own crossing."""
    rows, policy = [ONE, ONE | {"crossing": 50}], SILENT | {"on_alert": ["suspend_account"]}
    assert run(policy, rows).alerts == [(0, 30)]  # at 50 the second is elsewhere, its risk begun anew
    # With its own new crossing (50 + 5), which moves it and, being there too, the first once more.
    ran = run(policy, rows, rescan=lambda row, after, platform: [50.0] if row == 1 and after < 50 else [])
    assert ran.alerts == [(0, 30), (1, 55)] and ran.hours() == [45, 80, 100, 130] == ran.hours(1)


def test_a_move_in_the_break_after_a_move_forgets_no_message(run: Run, queue: Block) -> None:
    """Alerted at 30, blocked, the alert confirmed at 31, blocked again: the messages up to 30 stay in the past."""
    asked = []

    def rescan(row: int, after: float, platform: int) -> list[float]:
        asked.append(round(after, 3))
        return [27.0] if after < 27 else []  # 31 - 5 = 26 would see this message a second time

    policy = SILENT | {"on_alert": ["alert_child", "queue.a"], "queues": {"a": queue("alert_child")}}
    ran = run(policy, [ONE], rescan=rescan, alert_child=BLOCKS)
    assert asked == [30, 30] and ran.alerts == [(0, 30)] and ran.hours() == [50, 80, 100, 130]


def test_whether_the_new_platform_is_covered_is_decided_anew(run: Run, code: Block) -> None:
    """Half of each platform's conversations are covered: so are half of those that were covered before they moved."""
    n = 600
    policy = CHILD | {"code": code(facebook=0.5, instagram=0.5)}
    rows = [ONE | {"offender": row, "platform": row % 2} for row in range(n)]
    ran = run(policy, rows, rescan=lambda row, after, platform: [50.0] if after < 50 else [], alert_child=BLOCKS)
    again = sum(at == 55 for _, at in ran.alerts)
    first = len(ran.alerts) - again
    assert first / n == pytest.approx(0.5, abs=4 * (0.25 / n) ** 0.5)
    assert again / first == pytest.approx(0.5, abs=4 * (0.25 / first) ** 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_draws_for_the_same_conversations_whatever_else_there_is(run: Run, seed: int) -> None:
    """Other offenders' conversations, in other rows, change nothing for this one."""
    half = {"alert_child": {"leave": 0.3, "block": 0.4}, "block_recontacted": {"probability": 0.5}}
    half |= {"substitution": {"probability": 0.5, "delay": "24h"}}
    rows = [ONE | {"offender": row} for row in range(40)]
    others = [{"offender": row, "closed": 50} for row in range(40)]
    many = run(CHILD, rows, substitutes=others, seed=seed, **half)
    few = run(CHILD, rows[:25], substitutes=others[:25], seed=seed, **half)
    assert np.array_equal(many.result.outcomes[:25], few.result.outcomes[:25])
    assert many.start[40:65] == few.start[25:] and 3 < np.isfinite(few.start[25:]).sum() < 20
    other = run(CHILD, rows, substitutes=others, seed=seed + 100, **half)
    assert not np.array_equal(many.result.outcomes, other.result.outcomes)
