"""The police by hand: what the law lets them record, when, how urgent it is, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simharness.response.arm import ArmSimulation
from simharness.scenario.policy import POLICE
from simharness.world.messages import NEVER

H = 3600.0
Run = Callable[..., Any]
Toy = Callable[..., ArmSimulation]
ALONE = {"detector": None}
REPORTED = {"start": 10, "offence": 40, "repeat": 90, "meeting": 100, "contact": 130, "reported": 60, "closed": 150}
ALERTED = REPORTED | {"reported": NEVER, "crossing": 50}
REFERS = {"on_alert": ["refer_police"]}
CHILD = {"on_alert": ["alert_child"]}
FEW = 1e-6  # of a million inhabitants: one in every force
WAITS = {"lasts": "20h", "moves": 0.0}


def ran(run: Run, arm: dict[str, Any], rows: list[dict[str, Any]], **more: Any) -> tuple[list[float], list[float]]:
    """Hours at which offences were recorded and conversations cut."""
    done = run(arm, rows, **more)
    return done.recorded, done.cut


# -- reports -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("law", "recorded", "cut"), [
    ("none", NEVER, NEVER),
    ("communication", 60, 80),  # recorded with the report, at medium risk: protected 20 hours after
    ("meeting", 100, 110),  # the report waits for an attempt to meet, which is high risk: 10 hours
])  # fmt: skip
def test_what_each_law_lets_them_do(run: Run, law: str, recorded: float, cut: float) -> None:
    assert ran(run, ALONE | {"law": law}, [REPORTED]) == ([recorded], [cut])


def test_a_report_before_the_offence_waits_for_it(run: Run) -> None:
    """Until 40, if it comes to that; the police do not act on a report of nothing."""
    assert ran(run, ALONE, [REPORTED | {"reported": 20}]) == ([40], [60])
    assert ran(run, ALONE, [REPORTED | {"reported": 20, "offence": NEVER}]) == ([NEVER], [NEVER])
    assert ran(run, ALONE | {"law": "meeting"}, [REPORTED | {"meeting": NEVER}]) == ([NEVER], [NEVER])


def test_what_comes_after_the_period_does_not_come(run: Run) -> None:
    assert ran(run, ALONE | {"law": "meeting"}, [REPORTED], days=4) == ([NEVER], [NEVER])
    assert ran(run, ALONE, [REPORTED], days=3) == ([60], [NEVER])


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_forces_record_their_share(run: Run, rate: float) -> None:
    n = 800
    recorded, _ = ran(run, ALONE, [REPORTED | {"offender": row} for row in range(n)], recording=rate)
    share = np.isfinite(recorded).mean()
    assert share == pytest.approx(rate, abs=4 * (rate * (1 - rate) / n) ** 0.5)


def test_a_force_has_a_recording_rate_of_its_own(toy: Toy) -> None:
    sim = toy(ALONE, [REPORTED, REPORTED | {"force": 1, "offender": 1}])
    sim.police.recording_rate[1] = 0.0
    assert list(np.isfinite(sim.run().recorded)) == [True, False]


def test_what_has_been_prevented_is_not_recorded(run: Run) -> None:
    """The child left at 30, before the offence; somebody tells the police all the same."""
    row = REPORTED | {"crossing": 30}
    assert ran(run, CHILD, [row], alert_child={"leave": 1.0}) == ([NEVER], [30])
    assert ran(run, CHILD, [row | {"crossing": 50}], alert_child={"leave": 1.0}) == ([60], [50])


def test_a_report_moves_with_its_conversation(run: Run) -> None:
    row = REPORTED | {"crossing": 30, "repeat": NEVER, "meeting": NEVER, "contact": NEVER}
    assert ran(run, CHILD, [row], alert_child={"block": 1.0})[0] == [65]
    hurries = {"notices": 1.0, "speeds_up": 1.0, "goes_silent": 0.0, "moves": 0.0, "tempo": 0.5, "silence": "15h"}
    assert ran(run, CHILD, [row], tipped_off=hurries)[0] == [45]


@pytest.mark.parametrize(("reacts", "recorded"), [
    ({"alert_child": {"block": 1.0}}, 45),  # carried on five hours later
    ({"tipped_off": {"speeds_up": 1.0, "goes_silent": 0.0}}, 35),  # the offence of 40 comes five hours sooner
    ({"tipped_off": {"speeds_up": 0.0, "goes_silent": 1.0}}, 55),
])  # fmt: skip
def test_a_report_that_waits_follows_its_conversation(run: Run, reacts: Any, recorded: float) -> None:
    """Reported at 20, waiting for the offence of 40, when the child is told at 30."""
    if "tipped_off" in reacts:
        reacts = {"tipped_off": {"notices": 1.0, "moves": 0.0, "tempo": 0.5, "silence": "15h"} | reacts["tipped_off"]}
    row = REPORTED | {"reported": 20, "crossing": 30}
    assert ran(run, CHILD, [row], **reacts)[0] == [recorded]


def test_an_offence_is_recorded_once(run: Run) -> None:
    done = run(REFERS, [REPORTED | {"crossing": 59.5}])
    assert done.recorded == [60] and done.cut == [80]  # the referral, read by 60.5, finds it recorded
    assert done.log.numbers[done.log.desks.index(POLICE)].worked_s == 2 * H  # one reading, one investigation
    assert sum(done.counts[f"triaged.{risk}"] for risk in ("high", "medium", "low")) == 1


# -- referrals ---------------------------------------------------------------------------------------------------------


def test_a_referral_is_read_and_acted_on(run: Run) -> None:
    """Raised at 50, read until 51, recorded whatever the force's rate, and protected at 71."""
    done = run(REFERS, [ALERTED], recording=0.0)
    assert (done.recorded, done.cut) == ([51], [71])
    assert done.stays == [(0, POLICE, 50, 51, "confirmed")]
    assert done.counts["referrals"] == 1 and done.counts["wrong_referrals"] == 0
    assert done.log.numbers[done.log.desks.index(POLICE)].worked_s == 2 * H


def test_a_wrong_referral_costs_a_reading(run: Run, false_alerts: Run) -> None:
    done = run(REFERS, [], false=false_alerts([1, 5]))
    assert done.stays == [(0, POLICE, 1, 2, "cleared"), (1, POLICE, 5, 6, "cleared")]
    assert done.counts["wrong_referrals"] == 2 == done.counts["referrals"] and done.counts["arrests"] == 0


def test_an_alert_is_referred_once(run: Run, queue: Run, false_alerts: Run) -> None:
    """At once, and again when it is confirmed; the next alert on the same conversation is another."""
    policy = {"on_alert": ["refer_police", "queue.a"], "queues": {"a": queue("refer_police", specificity=0.0)}}
    done = run(policy, [ALERTED | {"crossing": [50, 55]}], false=false_alerts([7]))
    assert [(alert, at, effect) for alert, _, at, effect in done.actions] == [
        (0, 7, "taken"),
        (0, 8, "repeated"),
        (1, 50, "taken"),
        (1, 51, "repeated"),
        (2, 55, "taken"),
        (2, 56, "repeated"),
    ]
    assert [alert for alert, desk, *_ in done.stays if desk == POLICE] == [0, 1, 2]
    assert (done.counts["referrals"], done.counts["wrong_referrals"]) == (3, 1)


def test_referrals_wait_for_the_desk(run: Run) -> None:
    """An hour and two; the wait for an investigator is another matter."""
    rows = [ALERTED | {"offender": row} for row in range(3)]
    assert ran(run, REFERS, rows, desk=FEW) == ([51, 52, 53], [71, 72, 73])
    log = run(REFERS, rows, desk=FEW, investigators=FEW, effort={"time": "9h"}).log
    assert log.numbers[log.desks.index(POLICE)].waited_s == 3 * H


def test_referrals_are_recorded_at_their_own_rate(run: Run) -> None:
    n = 600
    recorded, _ = ran(run, REFERS, [ALERTED | {"offender": row} for row in range(n)], referral_recorded=0.7)
    assert np.isfinite(recorded).mean() == pytest.approx(0.7, abs=4 * (0.21 / n) ** 0.5)


def test_whether_a_referral_is_recorded_is_another_draw_than_of_a_report(run: Run) -> None:
    """Reported at 60, and what was not recorded then is read again at 71: three quarters."""
    n = 600
    rows = [REPORTED | {"offender": row, "crossing": 70} for row in range(n)]
    recorded, _ = ran(run, REFERS, rows, recording=0.5, referral_recorded=0.5)
    assert np.isfinite(recorded).mean() == pytest.approx(0.75, abs=4 * (0.25 * 0.75 / n) ** 0.5)


def test_before_an_offence_they_may_protect_and_record_nothing(run: Run) -> None:
    row = ALERTED | {"crossing": 10}
    assert ran(run, REFERS, [row]) == ([NEVER], [31])
    assert ran(run, REFERS, [row], acts_before_offence=0.0) == ([NEVER], [NEVER])


def test_every_referral_before_an_offence_is_decided_anew(run: Run) -> None:
    """Each is acted on with probability one half: of conversations referred twice a quarter goes on."""
    n = 600
    rows = [ALERTED | {"offender": row, "crossing": [11, 12], "closed": 500} for row in range(n)]
    _, cut = ran(run, REFERS, rows, acts_before_offence=0.5)
    assert np.isinf(cut).mean() == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / n) ** 0.5)


def test_without_a_law_a_referral_leads_to_nothing(run: Run) -> None:
    assert ran(run, REFERS | {"law": "none"}, [ALERTED]) == ([NEVER], [NEVER])


def test_under_the_older_law_only_the_meeting_is_an_offence(run: Run) -> None:
    meeting = REFERS | {"law": "meeting"}
    assert ran(run, meeting, [ALERTED], acts_before_offence=0.0) == ([NEVER], [NEVER])
    assert ran(run, meeting, [ALERTED | {"crossing": 110}]) == ([111], [121])


# -- triage and targets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("changes", "risk", "protected"), [
    ({"age": 11}, "high", 70),  # young
    ({"age": 12}, "medium", 80),  # still being written to
    ({"reported": 99.9}, "medium", 119.9),
    ({"reported": 100}, "high", 110),  # a meeting attempt
    ({"meeting": NEVER, "contact": 55}, "high", 70),  # contact abuse
    ({"closed": 59}, "low", 90),  # over, and no evidence but the report
])  # fmt: skip
def test_triage(run: Run, changes: dict[str, float], risk: str, protected: float) -> None:
    done = run(ALONE, [REPORTED | changes], triage={"young": 11})
    assert done.counts[f"triaged.{risk}"] == 1 and done.cut == [protected]


def test_a_referral_comes_with_the_evidence(run: Run) -> None:
    """Medium although the conversation is over."""
    done = run(REFERS, [ALERTED | {"crossing": 50, "closed": 50}])
    assert done.counts["triaged.medium"] == 1 and done.cut == [71]


def test_targets_met_and_due(run: Run) -> None:
    """Twenty hours to protect. Recorded at 60 and due at 79 or 80; what is due after the period is not counted."""
    for target, due, met in (("19h", 1, 0), ("20h", 1, 1), ("59h", 1, 1), ("60h", 0, 0)):
        triage = {"young": 0, "targets": {"high": "1h", "medium": target, "low": "1h"}}
        done = run(ALONE, [REPORTED], triage=triage, days=5)
        counts = [done.counts[f"safeguarding_{what}.medium"] for what in ("due", "met")]
        assert counts == [due, met] and not done.counts["safeguarding_due.high"]


def test_a_case_nobody_takes_up_misses_its_target(run: Run) -> None:
    """One investigator, at work for longer than the period from 60 on; for the others it lasts to its end."""
    triage = {"young": 0, "targets": {"high": "1h", "medium": "24h", "low": "1h"}}
    rows = [REPORTED | {"offender": row, "reported": 60 + row} for row in range(3)]
    done = run(ALONE, rows, triage=triage, investigators=FEW, effort={"time": "1000h"})
    assert done.cut == [80, NEVER, NEVER]
    assert (done.counts["safeguarding_due.medium"], done.counts["safeguarding_met.medium"]) == (3, 1)
    cases = zip(done.log.case_risk, done.log.case_s, done.log.case_protected, strict=True)
    assert list(cases) == [(1, 20 * H, 1), (1, (720 - 61) * H, 0), (1, (720 - 62) * H, 0)]


# -- investigation -----------------------------------------------------------------------------------------------------


def test_one_team_takes_one_case_at_a_time(run: Run) -> None:
    """One investigator, three hours a case. Children wait for somebody free to protect them."""
    rows = [REPORTED | {"offender": row, "reported": 60 + row} for row in range(3)]
    assert ran(run, ALONE, rows, investigators=FEW, effort={"time": "3h"}) == ([60, 61, 62], [80, 83, 86])


def test_high_risk_goes_first(run: Run) -> None:
    """All wait from 61 on; the youngest child before the others, the closed conversation last."""
    rows = [
        REPORTED,
        REPORTED | {"offender": 1, "reported": 61, "closed": 50},
        REPORTED | {"offender": 2, "reported": 61.5},
        REPORTED | {"offender": 3, "reported": 62, "age": 5},
    ]
    _, cut = ran(run, ALONE, rows, investigators=FEW, effort={"time": "3h"}, triage={"young": 11})
    assert cut == [80, 69 + 30, 66 + 20, 63 + 10]


def test_forces_do_not_share_their_teams_or_desks(run: Run) -> None:
    rows = [REPORTED | {"offender": row, "force": row} for row in range(3)]
    assert ran(run, ALONE, rows, investigators=FEW) == ([60] * 3, [80] * 3)
    asked = [ALERTED | {"offender": row, "force": row} for row in range(3)]
    assert ran(run, REFERS, asked, desk=FEW) == ([51] * 3, [71] * 3)


def test_a_force_s_delays_and_staff_may_differ(toy: Toy, model: Any) -> None:
    slow, quick = model.children.forces[0], model.children.forces[1]
    rows = [REPORTED | {"offender": row, "force": row, "closed": 500} for row in range(2)]
    sim = toy(ALONE, rows, forces={slow: {"delay": 2.0, "staff": 0.5}, quick: {"delay": 0.5, "staff": 3.0}},
              investigators=100.0, charge={"probability": 1.0, "delay": "100h"}, days=10)  # fmt: skip
    staff = [desk.groups[0].staff for desk in sim.police.teams[:3]]
    sizes = model.children.inhabitants[:3]
    expected = [max(1, round(100 * size / 1e6 * by)) for size, by in zip(sizes, (0.5, 3, 1), strict=True)]
    assert staff == expected
    result = sim.run()
    assert list(result.cut / H) == [60 + 2 * 20, 60 + 20 / 2]
    assert result.log.counts["charges"] == 1  # at 110; the other at 260, after the period


def test_officers_work_by_day_and_weekday(run: Run) -> None:
    """The period begins on a Monday. Eight to four: work is handed back at four, and goes on where it was at eight."""
    hours = {"begins": "8h", "ends": "16h", "days": ["mon", "tue", "wed", "thu", "fri"]}
    rows = [ALERTED | {"offender": row, "crossing": at, "closed": 999} for row, at in enumerate((50, 60, 111.5, 130))]
    done = run(REFERS, rows, working_time=hours, referral_effort={"time": "2h"}, desk=FEW)
    friday, monday = 4 * 24, 7 * 24
    assert done.stays == [
        (0, POLICE, 56, 58, "confirmed"),  # Wednesday at eight
        (1, POLICE, 60, 62, "confirmed"),
        (2, POLICE, monday + 8, monday + 9.5, "confirmed"),  # begun on Friday at half past three
        (3, POLICE, monday + 9.5, monday + 11.5, "confirmed"),  # raised on Saturday
    ]
    assert done.log.stay_started_s[2] == (friday + 15.5) * H and done.log.stay_claims[2] == 2


def test_an_investigation_begun_protects_though_the_work_goes_on_another_day(run: Run) -> None:
    """Begun at three with three hours of work; the child is protected twenty hours after the beginning, once."""
    hours = {"begins": "8h", "ends": "16h"}
    rows = [REPORTED | {"reported": 63}, REPORTED | {"offender": 1, "reported": 64}]
    triage = {"young": 0, "targets": {"high": "1h", "medium": "20h", "low": "1h"}}
    done = run(ALONE, rows, working_time=hours, investigators=FEW, effort={"time": "3h"}, triage=triage)
    assert done.cut == [83, 82 + 20]  # the second is begun at 82, after the first's two hours of the next day
    assert done.counts["arrests"] == 2
    assert (done.counts["safeguarding_due.medium"], done.counts["safeguarding_met.medium"]) == (2, 1)


def test_a_charge_comes_after_recording(run: Run) -> None:
    for probability, hour, expected in ((1.0, "100h", 1), (1.0, "700h", 0), (0.0, "100h", 0)):
        done = run(ALONE, [REPORTED], charge={"probability": probability, "delay": hour})
        assert done.counts["charges"] == expected
    n = 500
    rows = [REPORTED | {"offender": row} for row in range(n)]
    charged = run(ALONE, rows, charge={"probability": 0.2}).counts["charges"] / n
    assert charged == pytest.approx(0.2, abs=4 * (0.16 / n) ** 0.5)


# -- arrest ------------------------------------------------------------------------------------------------------------


def test_an_arrest_ends_everything_of_that_offender_and_nothing_else(run: Run) -> None:
    """Recorded at 60, arrested at 110."""
    rows = [
        REPORTED,
        REPORTED | {"reported": NEVER, "contact": 200},
        REPORTED | {"reported": NEVER, "start": 115, "offence": 140},
        REPORTED | {"reported": NEVER, "offender": 1},
    ]
    done = run(ALONE, rows)
    assert done.cut == [80, 110, -NEVER, NEVER] and done.hours(1) == [40, 90, 100, NEVER]
    assert done.counts["arrests"] == 1


def test_an_offender_is_arrested_once(run: Run) -> None:
    done = run(ALONE, [REPORTED, REPORTED | {"reported": 65}, REPORTED | {"offender": 1, "reported": 70}])
    assert done.counts["arrests"] == 2 and np.isfinite(done.recorded).all()  # offenders, not conversations


def test_an_arrested_offender_sends_nothing(run: Run) -> None:
    """Held up from 105 on, so that everything was to come later; arrested at 110."""
    rows = [REPORTED, REPORTED | {"reported": NEVER, "crossing": [105, 108, 120], "meeting": 112, "closed": 300}]
    done = run({"on_alert": ["restrict_messaging"]}, rows, restriction=WAITS)
    assert done.alerts == [(1, 105)] and done.hours(1) == [40, 90, NEVER, NEVER] and done.cut[1] == 110


def test_what_waits_at_the_end_is_written_down(toy: Toy) -> None:
    """Two days; the desk's one reader has 40 hours of work on the first of two referrals."""
    rows = [ALERTED | {"offender": row, "crossing": 20 + row, "offence": 15} for row in range(2)]
    sim = toy(REFERS, rows, desk=FEW, referral_effort={"time": "40h"}, days=2)
    log = sim.run().log
    assert list(log.stay_worked_s) == [28 * H, 0.0] and np.isnan(log.stay_ended_s).all()
    numbers = log.numbers[log.desks.index(POLICE)]
    assert numbers.worked_s == 28 * H
    forces = len(sim.police.desks)
    staff = forces + sum(desk.groups[0].staff for desk in sim.police.teams)
    assert numbers.duty_s == pytest.approx(staff * 48 * H)
