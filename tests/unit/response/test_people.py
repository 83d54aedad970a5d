"""Children and guardians who are told, by hand."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, factorial
from typing import Any

import numpy as np
import pytest

from simharness.response.arm import ArmSimulation
from simharness.response.log import TAKEN
from simharness.world.messages import NEVER

Run = Callable[..., Any]
Block = Callable[..., dict[str, Any]]
ONE = {"start": 10, "crossing": 30, "offence": 40, "repeat": 70, "meeting": 90, "contact": 120, "closed": 100}
SILENT = {"law": "none"}
CHILD = SILENT | {"on_alert": ["alert_child"]}
LEAVES, BLOCKS, TELLS = {"leave": 1.0}, {"block": 1.0}, {"tell": 1.0}
GUARDIAN = {"probability": 1.0, "delay": "5h", "ends_contact": 1.0, "reports": 0.0}
NATURAL, NOTHING = [40, 70, 90, 120], [NEVER] * 4


@pytest.mark.parametrize(("answer", "expected", "cut"), [
    ({}, NATURAL, NEVER),
    (LEAVES, NOTHING, 30),
    (TELLS, NOTHING, 30),
    (BLOCKS, [45, 75, 95, 125], NEVER),  # contacted again elsewhere five hours later
])  # fmt: skip
def test_what_an_alerted_child_does(run: Run, answer: Any, expected: list[float], cut: float) -> None:
    ran = run(CHILD, [ONE], alert_child=answer)
    assert ran.hours() == expected and ran.cut == [cut]
    assert ran.actions == [(0, "alert_child", 30, "taken")] and ran.counts["children_wrongly_alarmed"] == 0


@pytest.mark.parametrize("action", ["nudge_child", "suggest_block", "alert_child"])
def test_every_message_to_the_child_has_answers_of_its_own(run: Run, action: str) -> None:
    """The other messages would change nothing."""
    nobody = {"leave": 0.0, "block": 0.0, "tell": 0.0}
    answers = {name: nobody for name in ("nudge_child", "suggest_block", "alert_child")} | {action: nobody | LEAVES}
    for told in answers:
        ran = run(SILENT | {"on_alert": [told]}, [ONE], **answers)
        assert ran.cut == [30 if told == action else NEVER]


def test_a_block_ends_it_when_the_child_is_not_contacted_again(run: Run) -> None:
    assert run(CHILD, [ONE], alert_child=BLOCKS, block_recontacted={"probability": 0.0}).hours() == NOTHING


def test_a_block_ends_it_when_there_is_nowhere_else(toy: Callable[..., ArmSimulation]) -> None:
    sim = toy(CHILD, [ONE], alert_child=BLOCKS)
    sim.given.membership[0] = [True, *[False] * (sim.given.membership.shape[1] - 1)]
    assert not np.isfinite(sim.run().outcomes).any()


def test_half_of_those_who_block_are_contacted_again(run: Run) -> None:
    n = 600
    rows = [ONE | {"offender": row} for row in range(n)]
    ran = run(CHILD, rows, alert_child=BLOCKS, block_recontacted={"probability": 0.5})
    again = np.isfinite(ran.result.outcomes[:, 0]).mean()
    assert again == pytest.approx(0.5, abs=4 * (0.25 / n) ** 0.5)


def test_every_block_is_decided_anew(run: Run) -> None:
    """Alerted on again elsewhere and blocked again: a quarter goes on, not a half."""
    n = 400
    rows = [ONE | {"offender": row} for row in range(n)]
    again = run(CHILD, rows, rescan=lambda row, after, platform: [50.0] if after < 50 else [],
                alert_child=BLOCKS, block_recontacted={"probability": 0.5})  # fmt: skip
    assert np.isinf(again.cut).mean() == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / n) ** 0.5)


def test_events_before_an_action_stay(run: Run) -> None:
    late = ONE | {"crossing": 80}
    assert run(CHILD, [late], alert_child=LEAVES).hours() == [40, 70, NEVER, NEVER]
    assert run(CHILD, [late], alert_child=BLOCKS).hours() == [40, 70, 95, 125]


def test_a_child_who_tells_does_so_to_the_police(run: Run) -> None:
    row = ONE | {"crossing": 50}
    ran = run({"on_alert": ["alert_child"]}, [row], alert_child=TELLS)
    assert ran.recorded == [50] and ran.cut == [50]
    assert run({"on_alert": ["alert_child"]}, [ONE], alert_child=TELLS).recorded == [NEVER]  # before any offence
    ran = run({"on_alert": ["alert_child"]}, [ONE | {"crossing": 40}], alert_child=TELLS)
    assert ran.recorded == [NEVER] and ran.hours() == NOTHING  # nor of what leaving at this very moment prevents


def test_nobody_is_told_of_a_conversation_that_has_ended(run: Run, queue: Block, false_alerts: Run) -> None:
    """Read by 101: right and false alike. A false one may still be told at the very moment of its last message."""
    actions = ["alert_child", "alert_guardian"]
    policy = SILENT | {"on_alert": ["queue.a"], "queues": {"a": queue(*actions, specificity=0.0)}}
    ran = run(policy, [ONE | {"crossing": 99.5}], false=false_alerts([98], last=98.9), alert_guardian=GUARDIAN)
    assert [action[3] for action in ran.actions] == ["ended"] * 4
    assert not ran.counts["children_wrongly_alarmed"] and not ran.counts["guardians_wrongly_alarmed"]
    ran = run(policy, [ONE | {"crossing": 98.5}], false=false_alerts([97], last=98), alert_guardian=GUARDIAN)
    assert [action[3] for action in ran.actions] == ["taken"] * 4


def test_a_warning_is_not_answered_twice_within_a_time(run: Run) -> None:
    """At 30, and again not before 40; the last changes nothing, however many come. Another kind is another message."""
    policy = SILENT | {"on_alert": ["alert_child", "nudge_child"]}
    rows = [ONE | {"crossing": [30, 35, 39.9, 40, 45]}, ONE | {"crossing": 36}]
    ignored = {"leave": 0.0, "block": 0.0, "tell": 0.0}
    ran = run(policy, rows, nudge_child=ignored, repetition={"within": "10h"})
    taken = [(at, what) for _, what, at, effect in ran.actions if effect == "taken"]
    both = ["alert_child", "nudge_child"]
    assert taken == [(at, what) for at in (30, 36, 40) for what in both]
    assert {effect for *_, effect in ran.actions} == {"taken", "repeated"}


def test_a_false_warning_is_not_repeated_either(toy: Callable[..., ArmSimulation], false_alerts: Run) -> None:
    """Of three alerts on one harmless contact the child hears the first and the last; another contact's is new."""
    policy = CHILD | {"trigger": {"cooldown": "1h"}}
    for same, told in ((True, [1, 11]), (False, [1, 5, 11])):
        sim = toy(policy, [], false=false_alerts([1, 5, 11], same=same), repetition={"within": "10h"})
        sim.run()
        log = sim.log
        taken = [at / 3600 for at, effect in zip(log.action_at_s, log.action_effect, strict=True) if effect == TAKEN]
        assert taken == told and sim.families.told_falsely == len(told)


def test_a_warning_about_another_account_is_new(run: Run) -> None:
    """Blocked at 30 and carried on elsewhere at 35: who writes there is, to the child, somebody else."""
    ran = run(CHILD, [ONE], rescan=lambda row, after, platform: [32.0] if after < 32 else [],
              alert_child=BLOCKS, repetition={"within": "10h"})  # fmt: skip
    assert [(at, effect) for *_, at, effect in ran.actions] == [(30, "taken"), (37, "taken")]


def test_a_warning_that_comes_too_late_is_not_called_a_repeated_one(run: Run, queue: Block) -> None:
    policy = SILENT | {"on_alert": ["alert_child", "queue.a"], "queues": {"a": queue("alert_child")}}
    ran = run(policy, [ONE | {"crossing": 99.5}], repetition={"within": "10h"})
    assert [(at, effect) for *_, at, effect in ran.actions] == [(99.5, "taken"), (100.5, "ended")]


def test_every_answer_is_a_draw_of_its_own(run: Run) -> None:
    """Leaving has the probability one half: of those told twice a quarter stays, not a half."""
    n = 400
    rows = [ONE | {"offender": row, "crossing": [20, 30]} for row in range(n)]
    stayed = np.isfinite(run(CHILD, rows, alert_child={"leave": 0.5}).result.outcomes[:, 0]).mean()
    assert stayed == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / n) ** 0.5)


def test_what_false_alerts_do_to_children(run: Run, false_alerts: Run) -> None:
    """A child is wrongly alarmed once by one contact, however often it is told."""
    policy = SILENT | {"on_alert": ["alert_child", "nudge_child", "alert_guardian"]}
    policy |= {"trigger": {"cooldown": "1h"}}
    given = {"alert_child": {"leave": 0.5, "block": 0.5}, "alert_guardian": GUARDIAN}
    nudge = {"leave": 0.0, "block": 0.0, "tell": 1.0}
    ran = run(policy, [], false=false_alerts([1, 5]), nudge_child=nudge, **given)
    counted = ("children_wrongly_alarmed", "guardians_wrongly_alarmed", "benign_contacts_ended")
    assert [ran.counts[count] for count in counted] == [2, 2, 2]
    ran = run(policy, [], false=false_alerts([1, 5], same=True), nudge_child=nudge, **given)
    assert [ran.counts[count] for count in counted] == [1, 1, 1]


# -- habituation -------------------------------------------------------------------------------------------------------


def readiness(toy: Callable[..., ArmSimulation], told: float, loses: float, n: int = 1) -> list[float]:
    """What ``told`` false alerts to each child on average have left to n children."""
    sim = toy(CHILD, [ONE | {"child": row} for row in range(n)], habituation=loses)
    sim.families.told_falsely = round(told * sim.families.children)
    return [sim.families._readiness(row) for row in range(n)]


def test_without_false_alerts_nobody_is_used_to_them(toy: Callable[..., ArmSimulation]) -> None:
    assert readiness(toy, 0.0, 0.5, 20) == [1.0] * 20
    assert readiness(toy, 3.0, 0.0, 20) == [1.0] * 20


def test_a_child_s_false_alerts_are_a_poisson_draw(toy: Callable[..., ArmSimulation]) -> None:
    """P(k) = m^k e^-m / k! with m = 0.8, each of the first four within four standard errors; each alert halves."""
    n, mean = 4000, 0.8
    found = np.log2(readiness(toy, mean, 0.5, n))
    for had in range(4):
        share = mean**had * exp(-mean) / factorial(had)
        assert (found == -had).mean() == pytest.approx(share, abs=4 * (share * (1 - share) / n) ** 0.5)


def test_a_child_is_as_ready_in_every_conversation(toy: Callable[..., ArmSimulation]) -> None:
    sim = toy(CHILD, [ONE | {"child": row // 2} for row in range(60)], habituation=0.5)
    sim.families.told_falsely = sim.families.children
    left = [sim.families._readiness(row) for row in range(60)]
    assert left[::2] == left[1::2] and len(set(left)) > 2


def test_more_false_alerts_never_leave_more(toy: Callable[..., ArmSimulation]) -> None:
    left = np.array([readiness(toy, told, 0.3, 50) for told in (0.0, 0.2, 0.5, 1.0, 3.0, 1000.0)])
    assert (np.diff(left, axis=0) <= 0.0).all()
    assert (left[-1] == 0.7**64).all()


def test_habituation_takes_away_its_share_of_the_answers(toy: Callable[..., ArmSimulation]) -> None:
    """Everybody leaves when told (m = 0); with every alert taking all readiness, only those without one do: e^-m."""
    n, mean = 1500, 0.7
    rows = [ONE | {"offender": row, "child": row} for row in range(n)]
    for loses, expected in ((1.0, exp(-mean)), (0.5, exp(-mean / 2))):  # E[(1 - loses)^k] = exp(-loses m)
        sim = toy(CHILD, rows, alert_child={"leave": 1.0}, habituation=loses)
        sim.families.told_falsely = round(mean * sim.families.children)
        left = np.isfinite(sim.run().cut).mean()
        assert left == pytest.approx(expected, abs=4 * (expected * (1 - expected) / n) ** 0.5)


def test_false_alerts_count_as_they_are_told(toy: Callable[..., ArmSimulation], false_alerts: Run) -> None:
    """Every message, not every alert; in shadow nobody is told anything."""
    policy = SILENT | {"on_alert": ["alert_child", "nudge_child"]}
    nudge = {"leave": 0.0, "block": 0.0, "tell": 0.0}
    for mode, told in (("live", 6), ("shadow", 0)):
        sim = toy(policy | {"mode": mode}, [], false=false_alerts([1, 2, 3]), nudge_child=nudge, habituation=0.3)
        sim.run()
        assert sim.families.told_falsely == told


# -- guardians ---------------------------------------------------------------------------------------------------------


def guardian(run: Run, row: dict[str, Any], law: str = "none", **changes: Any) -> Any:
    return run({"law": law, "on_alert": ["alert_guardian"]}, [row], alert_guardian=GUARDIAN | changes)


def test_a_guardian_ends_it_after_a_while(run: Run) -> None:
    assert guardian(run, ONE | {"crossing": 34}).cut == [39]
    assert guardian(run, ONE | {"crossing": 36}).hours() == [40, NEVER, NEVER, NEVER]
    assert guardian(run, ONE, probability=0.0).cut == [NEVER] == guardian(run, ONE, ends_contact=0.0).cut


def test_a_guardian_is_told_once(run: Run) -> None:
    ran = guardian(run, ONE | {"crossing": [30, 32, 40]})
    effects = [(at, effect) for *_, at, effect in ran.actions]
    assert effects == [(30, "taken"), (32, "repeated")] and ran.cut == [35]


def test_a_guardian_reports(run: Run) -> None:
    """At 41, when there is an offence; at 35 there is none, but the report waits if the contact goes on."""
    late = ONE | {"crossing": 36}
    assert guardian(run, late, law="communication", reports=1.0).recorded == [41]
    assert guardian(run, late, law="communication").recorded == [NEVER]
    assert guardian(run, ONE, law="communication", reports=1.0).recorded == [NEVER]
    assert guardian(run, ONE, law="communication", reports=1.0, ends_contact=0.0).recorded == [40]


def test_a_guardian_s_answers_are_draws_of_their_own(run: Run) -> None:
    """Half take it up; of these half end it and half report it, whether or not they end it."""
    n, half = 800, {"probability": 0.5, "delay": "5h", "ends_contact": 0.5, "reports": 0.5}
    rows = [ONE | {"crossing": 50, "offender": row} for row in range(n)]
    policy = {"on_alert": ["alert_guardian"]}
    ran = run(policy, rows, alert_guardian=half, safeguarding={"high": "900h", "medium": "900h", "low": "900h"})
    ends, reports = np.array(ran.cut) == 55, np.isfinite(ran.recorded)
    for both, share in ((ends, 0.25), (reports, 0.25), (ends & reports, 0.125)):
        assert both.mean() == pytest.approx(share, abs=4 * (share * (1 - share) / n) ** 0.5)


def test_a_guardian_of_a_conversation_that_has_ended_meanwhile_ends_nothing(run: Run) -> None:
    """Not even what would follow from it later: contact abuse at 120 was prepared by then."""
    ran = guardian(run, ONE | {"crossing": 98})
    assert ran.cut == [NEVER] and ran.hours() == NATURAL
