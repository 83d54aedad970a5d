"""The police by hand: what the law lets them record, when, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simharness.response.arm import ArmSimulation
from simharness.response.log import CONFIRMED, REFERRAL
from simharness.world.messages import NEVER

H = 3600.0
Toy = Callable[..., ArmSimulation]
ALONE = {"detector": None}
REPORTED = {"start": 10, "offence": 40, "repeat": 90, "meeting": 100, "contact": 130, "reported": 60, "closed": 150}
REFERS = {"on_alert": ["refer_police"]}


def ran(toy: Toy, arm: dict[str, Any], rows: list[dict[str, float]], **more: Any) -> tuple[list[float], list[float]]:
    """Hours at which offences were recorded and conversations cut."""
    result = toy(arm, rows, **more).run()
    return list(result.recorded / H), list(result.cut / H)


@pytest.mark.parametrize(("law", "recorded", "cut"), [
    ("none", NEVER, NEVER),
    ("communication", 60, 80),  # recorded with the report; protected 20 hours after
    ("meeting", 100, 120),  # the report waits for an attempt to meet
])  # fmt: skip
def test_what_each_law_lets_them_do(toy: Toy, law: str, recorded: float, cut: float) -> None:
    assert ran(toy, ALONE | {"law": law}, [REPORTED]) == ([recorded], [cut])


def test_a_report_before_the_offence_waits_for_it(toy: Toy) -> None:
    """Until 40, if it comes to that; the police do not act on a report of nothing."""
    assert ran(toy, ALONE, [REPORTED | {"reported": 20}]) == ([40], [60])
    assert ran(toy, ALONE, [REPORTED | {"reported": 20, "offence": NEVER}]) == ([NEVER], [NEVER])
    assert ran(toy, ALONE | {"law": "meeting"}, [REPORTED | {"meeting": NEVER}]) == ([NEVER], [NEVER])


def test_what_comes_after_the_period_does_not_come(toy: Toy) -> None:
    assert ran(toy, ALONE | {"law": "meeting"}, [REPORTED], days=4) == ([NEVER], [NEVER])
    assert ran(toy, ALONE, [REPORTED], days=3) == ([60], [NEVER])


def test_a_force_that_records_nothing(toy: Toy) -> None:
    assert ran(toy, ALONE, [REPORTED], recording=0.0) == ([NEVER], [NEVER])


def test_forces_record_their_share(toy: Toy) -> None:
    n = 800
    recorded, _ = ran(toy, ALONE, [REPORTED | {"offender": row} for row in range(n)], recording=0.3)
    share = np.isfinite(recorded).mean()
    assert share == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / n) ** 0.5)


def test_an_arrest_ends_everything_of_that_offender_and_nothing_else(toy: Toy) -> None:
    """Recorded at 60, arrested at 110."""
    rows = [
        REPORTED,
        REPORTED | {"reported": NEVER, "contact": 200},
        REPORTED | {"reported": NEVER, "start": 115, "offence": 140},
        REPORTED | {"reported": NEVER, "offender": 1},
    ]
    sim = toy(ALONE, rows)
    result = sim.run()
    assert list(result.cut / H) == [80, 110, -NEVER, NEVER]
    assert list(result.outcomes[1] / H) == [40, 90, 100, NEVER]
    assert result.log.counts["arrests"] == 1


def test_an_offender_is_arrested_once(toy: Toy) -> None:
    result = toy(ALONE, [REPORTED, REPORTED | {"reported": 65}, REPORTED | {"offender": 1, "reported": 70}]).run()
    assert result.log.counts["arrests"] == 2  # offenders, not conversations
    assert np.isfinite(result.recorded).all()


def test_one_team_takes_one_case_at_a_time(toy: Toy) -> None:
    """One investigator; an hour of work takes three of the calendar. Children wait for a free team to protect them."""
    rows = [REPORTED | {"offender": row, "reported": 60 + row} for row in range(3)]
    recorded, cut = ran(toy, ALONE, rows, investigators=1e-6)
    assert recorded == [60, 61, 62] and cut == [80, 83, 86]


def test_forces_do_not_share_their_teams_or_desks(toy: Toy) -> None:
    rows = [REPORTED | {"offender": row, "force": row} for row in range(3)]
    assert ran(toy, ALONE, rows, investigators=1e-6) == ([60] * 3, [80] * 3)
    asked = [row | {"reported": NEVER, "crossing": 50} for row in rows]
    assert ran(toy, REFERS, asked, desk=1e-6) == ([53] * 3, [63] * 3)


def test_a_referral_is_read_and_acted_on(toy: Toy) -> None:
    """Raised at 50, read until 53, recorded whatever the force's rate; urgent, so protected at 63."""
    row = REPORTED | {"reported": NEVER, "crossing": 50}
    result = toy(REFERS, [row], recording=0.0).run()
    assert (result.recorded[0] / H, result.cut[0] / H) == (53, 63)
    log = result.log
    assert list(log.decision_desk) == [REFERRAL] and list(log.decision_verdict) == [CONFIRMED]
    assert log.counts["referrals"] == 1 and log.counts["wrong_referrals"] == 0
    assert log.seconds["police"] == 2 * H  # the reading and the investigation


def test_referrals_wait_for_the_desk(toy: Toy) -> None:
    rows = [REPORTED | {"offender": row, "reported": NEVER, "crossing": 50} for row in range(3)]
    assert ran(toy, REFERS, rows, desk=1e-6) == ([53, 56, 59], [63, 66, 69])


def test_referrals_go_before_reports_that_wait(toy: Toy) -> None:
    """One team busy from 60 to 63. The referral, read at 62.5, overtakes the report of 61."""
    rows = [
        REPORTED | {"offender": 0},
        REPORTED | {"offender": 1, "reported": 61},
        REPORTED | {"offender": 2, "reported": NEVER, "crossing": 59.5},
    ]
    assert ran(toy, REFERS, rows, investigators=1e-6) == ([60, 61, 62.5], [80, 86, 73])


def test_before_an_offence_they_may_protect_and_record_nothing(toy: Toy) -> None:
    row = REPORTED | {"reported": NEVER, "crossing": 20}
    assert ran(toy, REFERS, [row]) == ([NEVER], [33])
    assert ran(toy, REFERS, [row], acts_before_offence=0.0) == ([NEVER], [NEVER])


def test_without_a_law_a_referral_leads_to_nothing(toy: Toy) -> None:
    row = REPORTED | {"reported": NEVER, "crossing": 50}
    assert ran(toy, REFERS | {"law": "none"}, [row]) == ([NEVER], [NEVER])


def test_under_the_older_law_only_the_meeting_is_an_offence(toy: Toy) -> None:
    row = REPORTED | {"reported": NEVER, "crossing": 50}
    assert ran(toy, REFERS | {"law": "meeting"}, [row], acts_before_offence=0.0) == ([NEVER], [NEVER])
    assert ran(toy, REFERS | {"law": "meeting"}, [row | {"crossing": 110}])[0] == [113]


def test_an_offence_is_recorded_once(toy: Toy) -> None:
    result = toy(REFERS, [REPORTED | {"crossing": 59}]).run()
    assert result.recorded[0] == 60 * H and result.cut[0] == 80 * H
    assert result.log.seconds["police"] == 2 * H  # one reading, one investigation


def test_what_has_been_prevented_is_not_recorded(toy: Toy) -> None:
    """The child left at 30, before the offence; somebody tells the police all the same."""
    leaves = {"leave": 1.0, "block": 0.0, "tell": 0.0}
    row = REPORTED | {"crossing": 30}
    assert ran(toy, {"on_alert": ["alert_child"]}, [row], alert_child=leaves) == ([NEVER], [30])
    assert ran(toy, {"on_alert": ["alert_child"]}, [row | {"crossing": 50}], alert_child=leaves) == ([60], [50])


def test_a_child_who_tells_after_the_offence(toy: Toy) -> None:
    tells = {"leave": 0.0, "block": 0.0, "tell": 1.0}
    row = REPORTED | {"crossing": 50, "reported": NEVER}
    assert ran(toy, {"on_alert": ["alert_child"]}, [row], alert_child=tells) == ([50], [50])
    assert ran(toy, {"on_alert": ["alert_child"]}, [row | {"crossing": 30}], alert_child=tells) == ([NEVER], [30])


def test_a_report_that_waits_follows_the_move_of_its_conversation(toy: Toy) -> None:
    """Reported at 20, waiting for the offence of 40; blocked at 30 and carried on 5 hours later."""
    blocks = {"leave": 0.0, "block": 1.0, "tell": 0.0}
    row = REPORTED | {"reported": 20, "crossing": 30}
    assert ran(toy, {"on_alert": ["alert_child"]}, [row], alert_child=blocks)[0] == [45]
