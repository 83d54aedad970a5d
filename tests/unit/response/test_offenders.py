"""What offenders do about what is done, by hand: accounts, restrictions, noticing, other children."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simharness.distributions import Exponential
from simharness.world.messages import NEVER

Run = Callable[..., Any]
Block = Callable[..., dict[str, Any]]
ASSUMED = {"evidence": "assumed", "source": "test"}
ONE = {"start": 10, "crossing": 30, "offence": 40, "repeat": 70, "meeting": 90, "contact": 120, "closed": 100}
QUIET = ONE | {"crossing": NEVER}
PLANNED = QUIET | {"start": 50, "offence": 60, "repeat": 80, "closed": 150}
SILENT = {"law": "none"}
CHILD = SILENT | {"on_alert": ["alert_child"]}
SUSPENDS = SILENT | {"on_alert": ["suspend_account"]}
RESTRICTS = SILENT | {"on_alert": ["restrict_messaging"]}
NATURAL, NOTHING = [40, 70, 90, 120], [NEVER] * 4
NOT_AGAIN = {"suspension_recontact": {"probability": 0.0}}
BACK = {"new_account": {"probability": 1.0, "delay": "25h"}}


def effects(ran: Any) -> list[tuple[float, str]]:
    return [(at, effect) for _, _, at, effect in ran.actions]


# -- suspension --------------------------------------------------------------------------------------------------------


def test_a_suspension_ends_all_the_account_s_conversations_on_its_platform(run: Run) -> None:
    rows = [
        ONE,
        QUIET,
        QUIET | {"platform": 1},  # another platform's account
        QUIET | {"offender": 1},
        PLANNED,
        QUIET | {"closed": 25},  # over
    ]
    ran = run(SUSPENDS, rows, suspension_displaces=0.0, **NOT_AGAIN)
    assert ran.cut == [30, 30, NEVER, NEVER, -NEVER, NEVER]
    assert [ran.hours(row)[0] for row in range(6)] == [NEVER, NEVER, 40, 40, NEVER, 40]


def test_a_suspended_offender_goes_on_elsewhere(run: Run) -> None:
    ran = run(SUSPENDS, [ONE, QUIET])
    assert ran.hours() == [45, 75, 95, 125] == ran.hours(1) and ran.cut == [NEVER] * 2


def test_where_to_is_drawn_anew_each_time(toy: Run, code: Block) -> None:
    """Of three platforms, twice: half end where they began, a quarter on each of the others."""
    n = 400
    policy = CHILD | {"code": code(facebook=1, instagram=1, snapchat=1)}
    sim = toy(policy, [ONE | {"offender": row} for row in range(n)], alert_child={"block": 1.0},
              rescan=lambda row, after, platform: [32.0] if after < 32 else [])  # fmt: skip
    sim.given.membership[:, 2] = True
    sim.run()
    assert (sim.state.moves == 2).all()
    for platform, share in ((0, 0.5), (1, 0.25), (2, 0.25)):
        found = (sim.state.platform == platform).mean()
        assert found == pytest.approx(share, abs=4 * (share * (1 - share) / n) ** 0.5)


def test_an_account_is_suspended_once(run: Run, queue: Block) -> None:
    """Alerted on twice before the first was read: the second finds the account gone."""
    policy = SILENT | {"on_alert": ["queue.a"], "queues": {"a": queue("suspend_account")}}
    ran = run(policy, [ONE | {"crossing": [30, 30.5]}], **NOT_AGAIN)
    assert effects(ran) == [(31, "taken"), (32, "repeated")] and ran.cut == [31]


def test_the_message_that_ends_a_conversation_can_cost_the_account(run: Run) -> None:
    """Nothing is left to tell the child, but the offender has other contacts, and the police have an offence."""
    rows = [ONE | {"crossing": 100}, PLANNED | {"start": 110, "offence": 140}]
    policy = {"on_alert": ["alert_child", "suspend_account", "refer_police"]}
    ran = run(policy, rows, alert_child={"leave": 1.0}, suspension_displaces=0.0, **NOT_AGAIN)
    assert effects(ran) == [(100, "ended"), (100, "taken"), (100, "taken")]
    assert ran.hours(1) == NOTHING and ran.cut[1] == -NEVER and ran.recorded[0] == 101


def test_a_planned_contact_is_made_elsewhere_at_its_own_time(run: Run, code: Block) -> None:
    """And alerted on there, at 65, if that platform is covered."""
    rows = [ONE, PLANNED | {"crossing": 65}]
    for covered, seen in ((code(facebook=1), []), (code(facebook=1, instagram=1), [(1, 65)])):
        ran = run(SUSPENDS | {"code": covered}, rows, **NOT_AGAIN)
        assert ran.hours(1)[0] == 60 and ran.alerts == [(0, 30), *seen]


def test_every_displacement_is_decided_anew(run: Run) -> None:
    """Two suspensions in a row, each displaces with probability one half: a quarter is left, not a half."""
    pairs = 300
    rows: list[dict[str, float]] = []
    for offender in range(pairs):
        rows.append({"offender": offender, "crossing": 1, "closed": 100})
        rows.append({"offender": offender, "crossing": 2, "closed": 100, "platform": 1})
        rows.append({"offender": offender, "start": 50, "offence": 60, "closed": 100})
    ran = run(SUSPENDS, rows, suspension_displaces=0.5, **NOT_AGAIN)
    share = np.isfinite(ran.result.outcomes[2::3, 0]).mean()
    assert share == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / pairs) ** 0.5)


def test_a_new_account_carries_on_where_it_was(run: Run) -> None:
    """Suspended at 30, back at 55: what was running is 25 hours late, a contact of 50 is lost, one of 56 is not."""
    rows = [ONE, PLANNED, PLANNED | {"start": 56, "offence": 66}]
    ran = run(SUSPENDS, rows, suspension_displaces=0.0, **NOT_AGAIN, **BACK)
    assert ran.hours() == [65, 95, 115, 145] and ran.cut == [NEVER, -NEVER, NEVER]
    assert ran.hours(2)[0] == 66 and ran.counts["new_accounts"] == 1


def test_a_new_account_is_read_from_where_it_begins(run: Run) -> None:
    """And may be suspended in its turn: another account, another draw, another 25 hours."""
    asked: list[tuple[float, int]] = []

    def rescan(row: int, after: float, platform: int) -> list[float]:
        asked.append((round(after, 4), platform))
        return [time for time in (35.0, 80.0) if time > after]

    ran = run(SUSPENDS, [ONE], rescan=rescan, **NOT_AGAIN, **BACK)
    assert ran.alerts == [(0, 30), (0, 60), (0, 130)] and asked == [(30, 0), (35, 0), (80, 0)]
    assert [effect for _, effect in effects(ran)] == ["taken"] * 3 and ran.counts["new_accounts"] == 3
    assert ran.hours()[0] == 40 + 50


def test_every_new_account_is_decided_anew(run: Run) -> None:
    """Suspended at 30 and, of those who came back, at 60: a quarter has a third account, not a half."""
    n = 400
    rows = [ONE | {"offender": row} for row in range(n)]
    half = {"new_account": {"probability": 0.5, "delay": "25h"}}
    ran = run(SUSPENDS, rows, rescan=lambda row, after, platform: [35.0] if after < 35 else [], **NOT_AGAIN, **half)
    assert np.isinf(ran.cut).mean() == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / n) ** 0.5)
    both = [ONE | {"offender": row // 2, "platform": row % 2} for row in range(2 * n)]
    back = np.isinf(run(SUSPENDS, both, **NOT_AGAIN, **half).cut)
    assert (back[::2] & back[1::2]).mean() == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / n) ** 0.5)


def test_when_a_new_account_comes_is_not_whether(toy: Run) -> None:
    """Exponential with a mean of 25 hours also among the half who come back."""
    rows = [ONE | {"offender": row} for row in range(800)]
    sim = toy(SUSPENDS, rows, days=90, **NOT_AGAIN, new_account={"probability": 0.5, "delay": "25h"})
    sim.offenders.returning = Exponential(25 * 3600.0)
    late = sim.run().outcomes[:, 0] / 3600 - 40
    late = late[np.isfinite(late)]
    assert late.mean() == pytest.approx(25, abs=4 * 25 / late.size**0.5)


def test_who_goes_elsewhere_does_not_wait_for_a_new_account(run: Run) -> None:
    assert run(SUSPENDS, [ONE], **BACK).hours()[0] == 45


def test_a_new_account_that_comes_after_the_period_does_not_count(run: Run) -> None:
    ran = run(SUSPENDS, [ONE], days=2, **NOT_AGAIN, **BACK)
    assert ran.cut == [NEVER] and ran.counts["new_accounts"] == 0  # the end of the period ends no conversation for good


def test_an_arrested_offender_makes_no_new_account(run: Run, queue: Block) -> None:
    """Reported with the offence at 40, arrested at 90, the account suspended at 95.5."""
    policy = {"on_alert": ["queue.a"], "queues": {"a": queue("suspend_account")}}
    row = ONE | {"crossing": 80, "reported": 40}
    slow = queue("suspend_account")
    slow["tiers"]["readers"]["service"]["value"] = "15.5h"
    ran = run(policy | {"queues": {"a": slow}}, [row], safeguarding={"low": "500h", "medium": "500h"}, **BACK)
    assert ran.counts["arrests"] == 1 and effects(ran) == [(95.5, "taken")] and ran.counts["new_accounts"] == 0
    assert ran.cut == [90]


# -- signals -----------------------------------------------------------------------------------------------------------

SHARES = SILENT | {"on_alert": ["share_signal"]}
SIGNAL = {"signal_sharing": {"probability": 1.0, "delay": "4h"}}


def test_a_signal_suspends_the_same_person_s_accounts_elsewhere(run: Run, code: Block) -> None:
    """Only where the code is kept, and not on the platform it comes from."""
    rows = [ONE, QUIET | {"platform": 1}, QUIET | {"platform": 3}, QUIET | {"platform": 1, "offender": 1}]
    ran = run(SHARES, rows, **SIGNAL, **NOT_AGAIN)
    assert ran.cut == [NEVER, 34, NEVER, NEVER] and ran.counts["signals_matched"] == 1
    ran = run(SHARES | {"code": code(facebook=1)}, rows, **SIGNAL, **NOT_AGAIN)
    assert ran.cut == [NEVER] * 4 and ran.counts["signals_matched"] == 0


def test_signals_find_their_share(run: Run, code: Block) -> None:
    """Half of accounts where half of conversations are covered: a quarter."""
    n = 600
    rows = [ONE | {"offender": row} for row in range(n)] + [
        QUIET | {"offender": row, "platform": 1} for row in range(n)
    ]
    policy = SHARES | {"code": code(facebook=1, instagram=0.5)}
    ran = run(policy, rows, signal_sharing={"probability": 0.5, "delay": "4h"}, **NOT_AGAIN)
    share = ran.counts["signals_matched"] / n
    assert share == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / n) ** 0.5)
    assert np.isfinite(ran.cut[n:]).mean() == share


def test_every_platform_and_every_alert_is_a_chance_of_its_own_to_be_found(run: Run, code: Block) -> None:
    """Half on each: on both a quarter. Two alerts: a quarter is found by neither."""
    n = 400
    covered = SHARES | {"code": code(facebook=1, instagram=1, snapchat=1)}
    quiet = [QUIET | {"offender": row % n, "platform": 1 + row // n} for row in range(2 * n)]
    half = {"signal_sharing": {"probability": 0.5, "delay": "4h"}}
    within = 4 * (0.25 * 0.75 / n) ** 0.5
    once = np.isfinite(run(covered, [ONE | {"offender": row} for row in range(n)] + quiet, **half, **NOT_AGAIN).cut)
    assert (once[n : 2 * n] & once[2 * n :]).mean() == pytest.approx(0.25, abs=within)
    twice = [ONE | {"offender": row, "crossing": [20, 30]} for row in range(n)]
    found = np.isfinite(run(covered, twice + quiet[:n], **half, **NOT_AGAIN).cut[n:])
    assert found.mean() == pytest.approx(0.75, abs=within)


def test_an_account_that_is_gone_is_not_found_again(run: Run) -> None:
    """Two alerts, ten hours apart, each shared: the second finds an account only if there is a new one by then."""
    rows = [ONE | {"crossing": [20, 30]}, QUIET | {"platform": 1}]
    assert run(SHARES, rows, **SIGNAL, **NOT_AGAIN).counts["signals_matched"] == 1
    for delay, found in (("5h", 2), ("15h", 1)):
        back = {"probability": 1.0, "delay": delay}
        assert run(SHARES, rows, **SIGNAL, **NOT_AGAIN, new_account=back).counts["signals_matched"] == found


def test_wrong_signals_are_counted(run: Run, false_alerts: Run) -> None:
    """Each account once, however many alerts there are on it."""
    again = {"trigger": {"cooldown": "1h"}}
    assert run(SHARES | again, [], false=false_alerts([1, 2], same=True), **SIGNAL).counts["wrong_suspensions"] == 1
    ran = run(SHARES, [], false=false_alerts([1, 2]), **SIGNAL)
    assert ran.counts["wrong_suspensions"] == 2 and ran.counts["signals_matched"] == 0
    ran = run(SUSPENDS, [], false=false_alerts([1, 2]))
    assert ran.counts["wrong_suspensions"] == 2
    ran = run(SUSPENDS | again, [], false=false_alerts([1, 2], same=True))
    assert ran.counts["wrong_suspensions"] == 1 and effects(ran) == [(1, "taken"), (2, "repeated")]


# -- restriction -------------------------------------------------------------------------------------------------------


def restricted(run: Run, rows: Any, moves: float = 0.0, **more: Any) -> Any:
    return run(RESTRICTS, rows, restriction={"lasts": "20h", "moves": moves}, **more)


def test_a_restriction_makes_conversations_wait(run: Run) -> None:
    """All of the account's, not those elsewhere; contacts planned meanwhile are made elsewhere or not at all."""
    rows = [
        ONE,
        QUIET,
        QUIET | {"platform": 1},
        QUIET | {"offender": 1},
        PLANNED | {"start": 49},
        PLANNED | {"start": 51},
    ]
    ran = restricted(run, rows, suspension_displaces=0.0)
    assert [ran.hours(row)[0] for row in range(6)] == [60, 60, 40, 40, NEVER, 60]
    assert ran.cut == [NEVER, NEVER, NEVER, NEVER, -NEVER, NEVER]
    assert restricted(run, rows).hours(4)[0] == 60


def test_a_restricted_conversation_may_go_on_elsewhere(run: Run) -> None:
    ran = restricted(run, [ONE | {"crossing": [30, 60]}], moves=1.0)
    assert ran.hours() == [45, 75, 95, 125]
    assert ran.alerts == [(0, 30)]  # on instagram nothing but what the rescan finds


def test_a_restriction_is_not_repeated_while_it_lasts(run: Run) -> None:
    """From 30 to 50; the other conversation's messages of 31 and 45 come at 51 and, held up once more, at 85."""
    ran = restricted(run, [ONE, QUIET | {"crossing": [31, 45], "start": 0}])
    assert effects(ran) == [(30, "taken"), (51, "taken"), (85, "taken")]
    assert ran.hours() == [80, 130, 150, 180]  # the offence of 40 waits twice, what comes after 45 three times


def test_every_restriction_is_answered_anew(run: Run) -> None:
    """Restricted at 20 and, of those who waited, again at 50: a quarter waits twice, so that 40 becomes 80."""
    n = 400
    ran = restricted(run, [ONE | {"offender": row, "crossing": [20, 30]} for row in range(n)], moves=0.5)
    twice = np.isclose(ran.result.outcomes[:, 0], 80 * 3600).mean()
    assert twice == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / n) ** 0.5)


def test_a_restriction_holds_for_later_decisions_too(run: Run, queue: Block) -> None:
    policy = SILENT | {"on_alert": ["queue.a"], "queues": {"a": queue("restrict_messaging")}}
    ran = run(policy, [ONE | {"crossing": [25, 25.5]}], restriction={"lasts": "20h", "moves": 0.0})
    assert effects(ran) == [(26, "taken"), (27, "repeated")] and ran.hours()[0] == 60


def test_wrong_restrictions_are_counted(run: Run, false_alerts: Run) -> None:
    assert restricted(run, [], false=false_alerts([1, 2])).counts["wrong_restrictions"] == 2
    again = RESTRICTS | {"trigger": {"cooldown": "1h"}}
    ran = run(again, [], false=false_alerts([1, 2], same=True), restriction={"lasts": "20h", "moves": 0.0})
    assert ran.counts["wrong_restrictions"] == 1


# -- noticing ----------------------------------------------------------------------------------------------------------

NOTICES = {"notices": 1.0, "speeds_up": 0.0, "goes_silent": 0.0, "moves": 0.0, "tempo": 0.5, "silence": "15h"}


def noticed(run: Run, row: dict[str, Any] = ONE, answer: dict[str, float] | None = None, **shares: float) -> Any:
    return run(CHILD, [row], tipped_off=NOTICES | shares, alert_child=answer or {})


@pytest.mark.parametrize(("shares", "expected", "platform"), [
    ({"speeds_up": 1.0}, [35, 50, 60, 75], 0),  # every gap from 30 on is halved
    ({"goes_silent": 1.0}, [55, 85, 105, 135], 0),
    ({"moves": 1.0}, [45, 75, 95, 125], 1),  # as long as after a suspension
    ({}, NATURAL, 0),  # the rest carry on
    ({"speeds_up": 1.0, "notices": 0.0}, NATURAL, 0),
])  # fmt: skip
def test_what_an_offender_does_who_notices(
    toy: Run, run: Run, shares: Any, expected: list[float], platform: int
) -> None:
    ran = noticed(run, **shares)
    assert ran.hours() == expected and ran.counts["tipped_off"] == (shares.get("notices", 1.0) > 0)
    assert ran.cut == [NEVER]


@pytest.mark.parametrize(("answer", "expected"), [
    ({"leave": 1.0}, NOTHING), ({"tell": 1.0}, NOTHING), ({"block": 1.0}, [45, 75, 95, 125]),
])  # fmt: skip
def test_only_a_child_who_did_nothing_is_noticed(run: Run, answer: Any, expected: list[float]) -> None:
    ran = noticed(run, answer=answer, speeds_up=1.0)
    assert ran.hours() == expected and ran.counts["tipped_off"] == 0


def test_hurrying_twice_multiplies(run: Run) -> None:
    """At 30 the rest is halved; the message of 60 comes at 45, after which a quarter is left of each gap."""
    ran = noticed(run, ONE | {"crossing": [30, 60]}, speeds_up=1.0)
    assert ran.alerts == [(0, 30), (0, 45)] and ran.hours() == [35, 47.5, 52.5, 60]
    assert ran.counts["tipped_off"] == 2


@pytest.mark.parametrize(("notices", "speeds_up"), [(0.5, 1.0), (1.0, 0.5)])
def test_every_occasion_is_noticed_or_not_and_answered_by_itself(run: Run, notices: float, speeds_up: float) -> None:
    """The offence of 40 comes at 30 after the first, at 27.5 after both: a quarter hurry twice."""
    n = 400
    rows = [ONE | {"offender": row, "crossing": [20, 30]} for row in range(n)]
    tipped = NOTICES | {"notices": notices, "speeds_up": speeds_up}
    both = np.isclose(run(CHILD, rows, tipped_off=tipped).result.outcomes[:, 0], 27.5 * 3600).mean()
    assert both == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / n) ** 0.5)


@pytest.mark.parametrize(("policy", "reacts", "stream"), [
    (CHILD, {"tipped_off": NOTICES | {"goes_silent": 1.0}}, "offender.silent"),
    (CHILD, {"tipped_off": NOTICES | {"moves": 1.0}}, "offender.moves.delay"),
    (CHILD, {"alert_child": {"block": 1.0}}, "child.block.delay"),
    (RESTRICTS, {"restriction": {"lasts": "20h", "moves": 1.0}}, "offender.restricted.delay"),
    (SUSPENDS, {}, "offender.suspended.delay"),
])  # fmt: skip
def test_how_long_it_takes_is_drawn_anew_each_time(toy: Run, policy: Any, reacts: Any, stream: str) -> None:
    """Alerted on at 20, and once more: at 30, or on the platform it has moved to."""
    sim = toy(policy, [ONE | {"crossing": [20, 30]}], rescan=lambda row, after, platform: [32.0] if after < 32 else [],
              **reacts)  # fmt: skip
    asked, delay = [], sim.draws.delay

    def noting(of: str, distribution: Any, row: int, occasion: int = 0) -> float:
        asked.append((of, occasion))
        return float(delay(of, distribution, row, occasion))

    sim.draws.delay = noting
    sim.run()
    assert asked == [(stream, 0), (stream, 1)]


def test_shares_of_those_who_notice(run: Run) -> None:
    n = 900
    rows = [ONE | {"offender": row} for row in range(n)]
    tipped = {"notices": 0.8, "speeds_up": 0.25, "goes_silent": 0.25, "moves": 0.25, "tempo": 0.5, "silence": "15h"}
    ran = run(CHILD, rows, tipped_off=tipped)
    first = ran.result.outcomes[:, 0] / 3600
    for hour, share in ((35, 0.2), (55, 0.2), (45, 0.2), (40, 0.4)):
        assert np.isclose(first, hour).mean() == pytest.approx(share, abs=4 * (share * (1 - share) / n) ** 0.5)


# -- another child -----------------------------------------------------------------------------------------------------

OTHER = {"crossing": 20, "offence": 30, "repeat": 50, "closed": 60}  # told from the moment it is brought about
TURNS = {"substitution": {"probability": 1.0, "delay": "24h"}, "alert_child": {"leave": 1.0}}


def test_an_offender_turns_to_another_child(run: Run) -> None:
    """Ended at 30, the other contacted at 54; alerted on at 74, and ended before its offence of 84."""
    ran = run(CHILD, [ONE], substitutes=[OTHER], **TURNS)
    assert ran.start == [10, 54] and ran.alerts == [(0, 30), (1, 74)] and ran.cut == [30, 74]
    ran = run(CHILD, [ONE], substitutes=[OTHER | {"crossing": NEVER}], **TURNS)
    assert ran.hours(1) == [84, 104, NEVER, NEVER] and ran.cut == [30, NEVER]


def test_only_a_conversation_that_an_action_ended_is_replaced(run: Run) -> None:
    """Not one that went on elsewhere, was never ended, or was over already; nor without the reaction."""
    for changes in (
        {"alert_child": {"block": 1.0}},
        {"alert_child": {}},
        {"substitution": {"probability": 0.0, "delay": "24h"}},
    ):
        ran = run(CHILD, [ONE], substitutes=[OTHER], **TURNS | changes)
        assert ran.start == [10, NEVER] and ran.cut[1] == NEVER and ran.hours(1) == NOTHING
    assert run(CHILD, [ONE | {"crossing": 100}], substitutes=[OTHER], **TURNS).start[1] == NEVER
    without = {"alert_child": TURNS["alert_child"]}
    assert run(CHILD, [ONE], substitutes=[OTHER], **without).start[1] == NEVER


def test_protecting_a_child_whose_conversation_is_over_costs_no_other(run: Run) -> None:
    ran = run({}, [QUIET | {"reported": 40, "closed": 45}], substitutes=[OTHER], arrest={"delay": "500h"}, **TURNS)
    assert ran.cut == [60, NEVER] and ran.start[1] == NEVER


def test_a_contact_that_was_never_made_is_not_replaced(run: Run) -> None:
    ran = run(SUSPENDS, [ONE, PLANNED], substitutes=[OTHER | {"platform": 1}] * 2, suspension_displaces=0.0,
              substitution=TURNS["substitution"], **NOT_AGAIN)  # fmt: skip
    assert ran.start == [10, 50, 54, NEVER] and ran.cut == [30, -NEVER, 74, NEVER]


@pytest.mark.parametrize(("displaces", "start", "cut", "alerts"), [(1.0, 54, 74, 2), (0.0, 54, -NEVER, 1)])
def test_a_suspended_offender_turns_to_another_child_elsewhere(
    run: Run, displaces: float, start: float, cut: float, alerts: int
) -> None:
    """The substitute was meant for the platform on which the account is gone; a new one is there from 55 on."""
    given = {"suspension_displaces": displaces, "substitution": TURNS["substitution"]}
    ran = run(SUSPENDS, [ONE], substitutes=[OTHER], **given, **NOT_AGAIN)
    assert ran.start[1] == start and ran.cut == [30, cut] and len(ran.alerts) == alerts


def test_a_substitute_after_the_new_account_is_made_as_meant(run: Run) -> None:
    """Protected long after the account came back, so that the other is contacted with the new one."""
    given = {"suspension_displaces": 0.0, "substitution": TURNS["substitution"], "arrest": {"delay": "500h"}}
    policy = {"on_alert": ["suspend_account"]}
    row = ONE | {"reported": 66}
    ran = run(policy, [row], substitutes=[OTHER | {"crossing": NEVER}], **given, **NOT_AGAIN, **BACK)
    # Suspended at 30, back at 55 with everything 25 hours late: reported at 91, protected 20 hours after.
    assert ran.recorded[0] == 91 and ran.cut == [111, 591] and ran.start[1] == 135 and ran.hours(1)[0] == 165


def test_a_restricted_offender_cannot_turn_to_another_child_there(run: Run) -> None:
    policy = SILENT | {"on_alert": ["restrict_messaging", "alert_child"]}
    for lasts, cut in (("23h", NEVER), ("25h", -NEVER)):  # the other would be contacted 24 hours after
        ran = run(policy, [ONE], substitutes=[OTHER | {"crossing": NEVER}], suspension_displaces=0.0,
                  restriction={"lasts": lasts, "moves": 0.0}, **TURNS)  # fmt: skip
        assert ran.cut == [30, cut]


def test_a_new_account_is_not_restricted(run: Run) -> None:
    """Restricted at 30 for long, suspended with it, back at 55; protected at 45, so that another child comes at 69."""
    row = ONE | {"offence": 20, "reported": 25}
    ran = run({"on_alert": ["restrict_messaging", "suspend_account"]}, [row], substitutes=[OTHER | {"crossing": NEVER}],
              suspension_displaces=0.0, restriction={"lasts": "400h", "moves": 0.0}, arrest={"delay": "500h"},
              substitution=TURNS["substitution"], **NOT_AGAIN, **BACK)  # fmt: skip
    assert ran.cut[0] == 45 and ran.start[1] == 69 and ran.hours(1)[0] == 99


def test_what_a_guardian_ended_is_replaced(run: Run) -> None:
    """Told at 30, who ends it at 35; the other is contacted at 59."""
    told = {"probability": 1.0, "delay": "5h", "ends_contact": 1.0, "reports": 0.0}
    ran = run(SILENT | {"on_alert": ["alert_guardian"]}, [ONE], substitutes=[OTHER | {"crossing": NEVER}],
              alert_guardian=told, substitution=TURNS["substitution"])  # fmt: skip
    assert ran.cut == [35, NEVER] and ran.start[1] == 59


def test_the_police_s_protection_of_one_child_may_cost_another(run: Run) -> None:
    """Recorded at 40, protected at 60, the other contacted at 84, the offender arrested at 90, before its offence."""
    row = QUIET | {"reported": 40}
    ran = run({}, [row], substitutes=[OTHER], **TURNS)
    assert ran.cut == [60, 90] and ran.start[1] == 84 and ran.hours(1) == NOTHING


def test_an_arrested_offender_turns_to_nobody(run: Run) -> None:
    """Protected at 60, arrested at 90, so not at 110."""
    turns = {"substitution": {"probability": 1.0, "delay": "50h"}}
    ran = run({}, [QUIET | {"reported": 40}], substitutes=[OTHER], **turns)
    assert ran.cut == [60, NEVER] and ran.start[1] == NEVER and ran.hours(1) == NOTHING
    slow = run({}, [QUIET | {"reported": 40}], substitutes=[OTHER], arrest={"delay": "500h"}, **turns)
    assert slow.start[1] == 110 and slow.hours(1)[0] == 140


def test_a_chain_is_as_long_as_there_are_links(run: Run) -> None:
    """Two originals and two links: each link stands for the same original."""
    rows = [ONE, QUIET | {"offender": 1}]
    links = [OTHER, OTHER | {"offender": 1}, OTHER | {"crossing": 5}, OTHER | {"offender": 1}]
    ran = run(CHILD, rows, substitutes=links, **TURNS)
    assert ran.start == [10, 10, 54, NEVER, 98, NEVER] and ran.alerts == [(0, 30), (2, 74), (4, 103)]
    assert ran.cut == [30, NEVER, 74, NEVER, 103, NEVER]


def test_a_substitute_after_the_period_does_not_come_about(run: Run) -> None:
    ran = run(CHILD, [ONE], substitutes=[OTHER], days=2, **TURNS)
    assert ran.start[1] == NEVER and ran.cut == [30, NEVER]


def test_a_substitute_is_reported_and_recorded_as_any_other(run: Run) -> None:
    ran = run({"on_alert": ["alert_child"]}, [ONE], substitutes=[OTHER | {"crossing": NEVER, "reported": 40}], **TURNS)
    assert ran.recorded == [NEVER, 94] and ran.hours(1)[0] == 84


def test_a_substitute_keeps_to_the_code(run: Run, code: Block) -> None:
    """Made elsewhere where the code is avoided; kept from being made by safer defaults."""
    facebook = code(facebook=1)
    avoided = facebook | {"displacement": ASSUMED | {"share": 1.0}}
    row = ONE | {"platform": 1}  # where there is no code
    policy = {"law": "communication", "on_alert": ["alert_child"]}
    told = row | {"reported": 20, "offence": 15, "crossing": NEVER}
    ran = run(policy | {"code": avoided}, [told], substitutes=[OTHER], arrest={"delay": "500h"}, **TURNS)
    # Recorded at 20, protected at 40, the other contacted at 64, on instagram: no alert.
    assert ran.start[1] == 64 and not ran.alerts and ran.counts["contacts_displaced"] == 1 and ran.hours(1)[0] == 94
    safer = facebook | {"safer_defaults": ASSUMED | {"prevented": 1.0}}
    ran = run(policy | {"code": safer}, [told], substitutes=[OTHER], arrest={"delay": "500h"}, **TURNS)
    assert ran.hours(1) == NOTHING and ran.cut[1] == -NEVER and not ran.alerts
