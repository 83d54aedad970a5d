"""A queue of alerts by hand, in hours: who is read first, what is lost, merged, read twice, and what is measured.

In every test nothing is lost from the books: what entered is decided, expired, merged, dropped or waiting, once each.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import simpy
from numpy.typing import NDArray

from simharness.response.cases import Case
from simharness.response.draws import Draws
from simharness.response.log import REASONS, VERDICTS, ArmLog, DeskNumbers
from simharness.response.review import QueueGiven, ReviewQueue
from simharness.scenario.failures import Failures
from simharness.scenario.queues import Queue

ASSUMED = {"evidence": "assumed", "source": "test"}
H = 3600.0
MONDAY = date(2024, 1, 1)
NOBODY = object()


@dataclass(frozen=True)
class Alert:
    at: float
    right: bool = True
    risk: float = 1.0
    pace: float = 1.0
    account: Hashable = NOBODY  # one of its own
    ends: float = math.inf


@dataclass(frozen=True)
class Stay:
    """Times in hours; nan: not yet."""

    verdict: str
    started: float
    claimed: float
    ended: float
    reason: str
    claims: int
    worked: float


def tier(hours: float = 1.0, sensitivity: float = 1.0, specificity: float = 1.0) -> dict[str, Any]:
    service = {"kind": "constant", "value": f"{hours}h"}
    return ASSUMED | {"service": service, "sensitivity": sensitivity, "specificity": specificity}


def shift(begins: float, ends: float, staff: int = 1, tier: str | None = None) -> dict[str, Any]:
    return {"begins": f"{begins}h", "ends": f"{ends}h", "staff": staff, "tier": tier}


class Sim:
    """Stands in for an arm: one queue, alerts at given times, conversations that end at given times."""

    def __init__(
        self,
        alerts: Sequence[Alert],
        *,
        until: float = 1000,
        scale: float = 1.0,
        failures: dict[str, Any] | None = None,
        draws: Callable[[str, int, int], float] | None = None,
        given: QueueGiven | None = None,
        **queue: Any,
    ) -> None:
        known = {"tiers": {"any": tier()}, "shifts": [shift(0, 24)], "expires": "1000h"}
        settings = Queue.model_validate(ASSUMED | known | {"on_confirmed": ["yes"], "on_cleared": ["no"]} | queue)
        self.env = simpy.Environment()
        self.log = ArmLog()
        fails = Failures.model_validate(ASSUMED | failures) if failures else None
        self.arm = SimpleNamespace(queues={"other": settings, "desk": settings}, failures=fails)
        period = SimpleNamespace(start=MONDAY)
        self.model = SimpleNamespace(scenario=SimpleNamespace(scale=scale, period=period))
        self.alerts = alerts
        self.done: list[tuple[str, int, float]] = []  # (action, alert, hour)
        self.draws: Draws = Draws(1, np.arange(len(alerts), dtype=np.uint64)) if draws is None else Given(draws)
        given = given or QueueGiven(math.inf, lambda risk: risk)
        self.queue = ReviewQueue(self, "desk", 1, given)  # type: ignore[arg-type]
        self.env.process(self._source())  # type: ignore[arg-type]
        self.env.run(until=until * H)
        self.queue.close()
        self._books()

    def _source(self) -> Iterator[Any]:
        for row, alert in enumerate(self.alerts):
            if alert.at * H > self.env.now:
                yield self.env.timeout(alert.at * H - self.env.now)
            number = self.log.alert(row, self.env.now, alert.right, alert.risk)
            account = row if alert.account is NOBODY else alert.account
            self.queue.enter(Case(number, row, alert.right, 0, 0, 0, account, alert.risk, alert.pace, self.draws))

    def act(self, actions: Sequence[str], case: Case, *, handed_over: bool = False) -> None:
        assert handed_over
        self.done += [(action, case.alert, self.env.now / H) for action in actions]

    def ended_s(self, case: Case) -> float:
        return self.alerts[case.row].ends * H

    def _books(self) -> None:
        log = self.log
        assert sorted(log.stay_alert) == list(range(len(log.alert_right)))
        decided = sum(VERDICTS[verdict] in ("confirmed", "cleared") for verdict in log.stay_verdict)
        counts = Counter(VERDICTS[verdict] for verdict in log.stay_verdict)
        lost = counts["expired"] + counts["merged"] + counts["dropped"] + counts["waiting"]
        assert len(log.alert_right) == decided + lost
        acted = decided + counts["merged"]
        assert len(self.done) == len({alert for _, alert, _ in self.done}) == acted
        for alert, stay in zip(self.alerts, self.stays, strict=False):
            assert not stay.ended < alert.at - 1e-9 and not stay.started < alert.at - 1e-9
            assert (stay.verdict == "waiting") == math.isnan(stay.ended)
            assert (stay.reason == "") == (stay.verdict != "dropped")
        assert self.numbers.worked_s == pytest.approx(sum(log.stay_worked_s))
        right = np.array(log.alert_right, bool)[np.array(log.stay_alert, int)]
        assert self.numbers.exposed_s == pytest.approx(np.array(log.stay_worked_s)[right].sum())

    @property
    def numbers(self) -> DeskNumbers:
        return self.log.numbers[0]

    @property
    def stays(self) -> list[Stay]:
        """In order of alerts."""
        log = self.log
        found = [
            Stay(VERDICTS[verdict], started / H, claimed / H, ended / H, REASONS[reason], claims, worked / H)
            for verdict, started, claimed, ended, reason, claims, worked in zip(
                log.stay_verdict,
                log.stay_started_s,
                log.stay_claimed_s,
                log.stay_ended_s,
                log.stay_reason,
                log.stay_claims,
                log.stay_worked_s,
                strict=True,
            )
        ]
        return [found[place] for place in np.argsort(log.stay_alert, kind="stable")]

    def started(self) -> list[float]:
        return [stay.started for stay in self.stays]

    def verdicts(self) -> list[str]:
        return [stay.reason or stay.verdict for stay in self.stays]


class Given(Draws):
    """Uniforms given by (stream, row, number of the draw within this queue)."""

    def __init__(self, uniform: Callable[[str, int, int], float]) -> None:
        super().__init__(1, np.arange(100, dtype=np.uint64))
        self.given = uniform

    def uniform(self, stream: str, row: int, occasion: int = 0) -> float:
        return self.given(stream, row, occasion - 32)  # this queue is the second of two, each with 32 draws


def of(**streams: float) -> Callable[[str, int, int], float]:
    """The same uniform for everybody, by the last part of the stream's name; 0.5 for others."""
    return lambda stream, row, number: streams.get(stream.split(".")[1], 0.5)


def at(*hours: float, **same: Any) -> list[Alert]:
    return [Alert(hour, **same) for hour in hours]


def verdict_of(stay: Stay) -> tuple[str, float]:
    return stay.reason or stay.verdict, stay.ended


# -- order -------------------------------------------------------------------------------------------------------------

BUSY = Alert(0, risk=0.5)  # in hand while the others come


def test_first_come() -> None:
    alerts = [BUSY, Alert(0.5, risk=0.1), Alert(0.6, risk=0.9), Alert(0.7, risk=0.5)]
    assert Sim(alerts).started() == [0, 1, 2, 3]


def test_score_and_of_equal_scores_the_first() -> None:
    alerts = [BUSY, Alert(0.5, risk=0.5), Alert(0.6, risk=0.9), Alert(0.7, risk=0.5), Alert(0.8, risk=0.6)]
    assert Sim(alerts, priority="score").started() == [0, 3, 1, 4, 2]


def test_deadline() -> None:
    """Ten hours for all, two for the urgent: these go first, but not before what came nine hours ago."""
    level = {"target": "10h", "urgent_target": "2h", "urgent_above": {"risk": 0.7}}
    alerts = [Alert(0, risk=0.5), Alert(0.2), Alert(8, risk=0.1), Alert(10, risk=0.7), Alert(10.1, risk=0.6)]
    shifts = [shift(12, 24)]
    given = QueueGiven(0.7, lambda risk: risk)
    sim = Sim(alerts, priority="deadline", service_level=level, shifts=shifts, given=given)
    # Deadlines: 10, 2.2, 18, 12, 20.1.
    assert sim.started() == [13, 12, 15, 14, 16]


def test_value_of_time() -> None:
    """Probability of being right times pace: 0.1 x 10, 0.9 x 2, 0.5 x 1."""
    alerts = [BUSY, Alert(0.5, risk=0.2, pace=10), Alert(0.6, risk=0.8, pace=2), Alert(0.7, risk=0.9, pace=1)]
    worth = {0.5: 0.5, 0.2: 0.1, 0.8: 0.9, 0.9: 0.5}
    given = QueueGiven(math.inf, worth.__getitem__)
    assert Sim(alerts, priority="value_of_time", given=given).started() == [0, 2, 1, 3]


def test_ageing() -> None:
    alerts = [Alert(0), Alert(0.5, risk=0.1), *at(0.6, 0.7, 0.8, 0.9, risk=0.9)]
    assert Sim(alerts, priority="score").started() == [0, 5, 1, 2, 3, 4]
    assert Sim(alerts, priority="score", ageing="150min").started() == [0, 3, 1, 2, 4, 5]
    assert Sim(alerts, priority="score", ageing="0s").started() == [0, 1, 2, 3, 4, 5]


def test_stamped_late() -> None:
    """Alert 1 is not seen as urgent for six hours; what is stamped goes before it, and its stamp is of then."""
    alerts = [BUSY, Alert(0.5, risk=0.9), *at(0.6, 2, 4, 5.5, 6.5, risk=0.2)]
    late = {"restamped_late": {"share": 0.5, "delay": "6h"}}

    def draw(stream: str, row: int, number: int) -> float:
        return 0.4 if stream == "failure.restamped" and row == 1 else 0.6

    sim = Sim(alerts, priority="score", failures=late, draws=draw, tiers={"any": tier(2)})
    assert sim.started() == [0, 8, 2, 4, 6, 10, 12]
    by_time = Sim(alerts, failures=late, draws=draw, tiers={"any": tier(2)})
    assert by_time.started() == [0, 10, 2, 4, 6, 8, 12]  # as if it had come at half past six


def test_stamped_late_is_read_all_the_same_where_nobody_else_waits() -> None:
    sim = Sim(at(1), failures={"restamped_late": {"share": 1.0, "delay": "6h"}})
    assert sim.stays == [Stay("confirmed", 1, 1, 2, "", 1, 1)]


# -- verdicts ----------------------------------------------------------------------------------------------------------


def test_right_and_wrong() -> None:
    """Sensitivity 0.8, specificity 0.7: the same uniform confirms below 0.8, or below 0.3 what is a false alert."""
    alerts = [Alert(0), Alert(1), Alert(2, right=False), Alert(3, right=False)]
    drawn = [0.79, 0.81, 0.29, 0.31]
    sim = Sim(alerts, tiers={"any": tier(1, 0.8, 0.7)}, draws=lambda stream, row, number: drawn[row])
    assert sim.verdicts() == ["confirmed", "cleared", "confirmed", "cleared"]
    assert sim.done == [("yes", 0, 1), ("no", 1, 2), ("yes", 2, 3), ("no", 3, 4)]
    assert sim.log.counts["benign_read"] == 2
    assert (sim.numbers.worked_s, sim.numbers.exposed_s, sim.numbers.waited_s) == (4 * H, 2 * H, 0)


def test_the_better_reader_is_asked_and_their_own_skill_counts() -> None:
    tiers = {"expert": tier(2, 1.0), "novice": tier(1, 0.0)}
    shifts = [shift(0, 24, tier="novice"), shift(0, 24, tier="expert")]
    sim = Sim(at(0, 0.5), tiers=tiers, shifts=shifts)
    assert [(stay.verdict, stay.ended) for stay in sim.stays] == [("confirmed", 2), ("cleared", 1.5)]


def test_fatigue() -> None:
    """A tenth of accuracy and half an hour more each hour; it begins afresh the next day."""
    fatigue = ASSUMED | {"accuracy_lost_per_hour": 0.1, "slower_per_hour": 0.5}
    alerts = [Alert(0), Alert(10), Alert(11.5), Alert(13, right=False), Alert(20)]
    drawn = [0.999, 0.89, 0.7, 0.4, 0.99]
    sim = Sim(alerts, shifts=[shift(9, 19)], fatigue=fatigue, draws=lambda stream, row, number: drawn[row])
    # Begun at 9, 10, 11.5, 13.75 and 33: after 0, 1, 2.5, 4.75, 0 hours; 0.9 ** 2.5 = 0.768, 1 - 0.9 ** 4.75 = 0.394.
    assert [stay.ended for stay in sim.stays] == [10, 11.5, 13.75, 17.125, 34]
    assert sim.verdicts() == ["confirmed", "confirmed", "confirmed", "cleared", "confirmed"]
    drawn = [0.999, 0.91, 0.77, 0.39, 0.99]
    sim = Sim(alerts, shifts=[shift(9, 19)], fatigue=fatigue, draws=lambda stream, row, number: drawn[row])
    assert sim.verdicts() == ["confirmed", "cleared", "cleared", "confirmed", "confirmed"]


# -- second review -----------------------------------------------------------------------------------------------------


def second(of: str, share: float = 1.0, tier: str | None = None) -> dict[str, Any]:
    return {"second_review": {"of": of, "share": share, "tier": tier}}


@pytest.mark.parametrize(
    ("which", "read_twice"), [("confirmed", [True, False]), ("cleared", [False, True]), ("all", [True, True])]
)
def test_what_is_read_twice_and_whose_verdict_stands(which: str, read_twice: list[bool]) -> None:
    """The first reading confirms alert 0 and clears alert 1; a second one says the opposite."""

    def draw(stream: str, row: int, number: int) -> float:
        return 0.1 if (row == 0) == (number == 0) else 0.9

    sim = Sim(at(0, 10), tiers={"any": tier(1, 0.5)}, draws=draw, **second(which))
    first = ["confirmed", "cleared"]
    opposite = {"confirmed": "cleared", "cleared": "confirmed"}
    assert sim.verdicts() == [opposite[one] if twice else one for one, twice in zip(first, read_twice, strict=True)]
    assert [stay.claims for stay in sim.stays] == [1 + twice for twice in read_twice]
    assert [stay.worked for stay in sim.stays] == [1 + twice for twice in read_twice]
    assert [stay.started for stay in sim.stays] == [0, 10]
    assert len(sim.done) == 2  # only what the last one says is done


def test_a_share_is_read_twice() -> None:
    for drawn, claims in ((0.29, 2), (0.31, 1)):
        assert Sim(at(0), draws=of(second=drawn), **second("all", 0.3)).stays[0].claims == claims


def test_a_second_reading_takes_a_time_of_its_own() -> None:
    """Exponential with a mean of one hour: the median, then the upper decile."""
    service = {"kind": "exponential", "mean": "1h"}
    sim = Sim(at(0), draws=lambda stream, row, number: 0.9 if (stream, number) == ("review.time", 1) else 0.5,
              tiers={"any": tier() | {"service": service}}, **second("all"))  # fmt: skip
    assert sim.stays[0].worked == pytest.approx(math.log(2) + math.log(10))


def test_a_second_reading_by_a_tier() -> None:
    """By the expert alone, from nine on, who is twice as fast and finds what the other did not."""
    tiers = {"expert": tier(0.5, 1.0), "novice": tier(1, 0.0)}
    shifts = [shift(9, 17, tier="expert"), shift(0, 24, tier="novice")]
    sim = Sim(at(1, 2), tiers=tiers, shifts=shifts, **second("cleared", tier="expert"))
    assert sim.stays[0] == Stay("confirmed", 1, 9, 9.5, "", 2, 1.5)
    assert sim.stays[1] == Stay("confirmed", 2, 9.5, 10, "", 2, 1.5)


def test_nobody_is_lost_between_two_readings() -> None:
    """Neither expiry nor the end of the conversation: it has been read."""
    shifts = [shift(0, 24, tier="a"), shift(9, 17, tier="b")]
    rules: dict[str, Any] = {"expires": "3h", "drop_when_ended": True, "shifts": shifts}
    sim = Sim(at(1, ends=4), tiers={"a": tier(), "b": tier()}, **rules, **second("all", tier="b"))
    assert sim.stays == [Stay("confirmed", 1, 9, 10, "", 2, 2)]


# -- lost --------------------------------------------------------------------------------------------------------------


def test_what_waits_too_long_is_never_read() -> None:
    """Eight hours' patience: what came before one o'clock is gone by nine; what came at one is read just in time."""
    sim = Sim(at(0, 0.5, 1, 1.5), shifts=[shift(9, 17)], expires="8h")
    assert sim.verdicts() == ["expired", "expired", "confirmed", "expired"]
    assert [stay.ended for stay in sim.stays] == [8, 8.5, 10, 9.5]
    assert [stay.claims for stay in sim.stays] == [0, 0, 1, 0]
    assert sim.numbers.waited_s == (8 + 8 + 8 + 8) * H
    assert sim.numbers.exposed_s == sim.numbers.worked_s == 1 * H


def test_what_expires_leaves_its_place() -> None:
    """Two places. Alert 1 is turned away, and alert 3; what has expired takes none, noticed or not."""
    sim = Sim(at(0, 0.5, 0.6, 3.6, 9), tiers={"any": tier(8)}, expires="3h", capacity=2)
    assert sim.verdicts() == ["confirmed", "expired", "queue_full", "expired", "confirmed"]
    assert [stay.ended for stay in sim.stays] == [8, 3.5, 0.6, 6.6, 17]


def test_what_was_read_in_part_keeps_nobody_from_expiring() -> None:
    """Alert 0, handed back at five, does not expire and waits in front of those that do: these leave their places."""
    sim = Sim(at(16, 17.5, 30), shifts=[shift(9, 17)], tiers={"any": tier(4)}, expires="10h", capacity=2)
    assert sim.verdicts() == ["confirmed", "expired", "confirmed"]
    assert [stay.ended for stay in sim.stays] == [36, 27.5, 40]


def test_capacity() -> None:
    """Waiting and in hand together; whoever is turned away is so at once."""
    sim = Sim(at(0, 0.1, 0.2, 1.1, 1.2), capacity=2)
    assert [verdict_of(stay) for stay in sim.stays] == [
        ("confirmed", 1),
        ("confirmed", 2),
        ("queue_full", 0.2),
        ("confirmed", 3),
        ("queue_full", 1.2),
    ]


@pytest.mark.parametrize(("scale", "places"), [(0.5, 2), (0.01, 1), (1.0, 4)])
def test_capacity_and_staff_by_scale(scale: float, places: int) -> None:
    sim = Sim(at(*[0] * 6), capacity=4, shifts=[shift(0, 24, 2)], scale=scale)
    assert sim.verdicts().count("queue_full") == 6 - places
    assert sim.started().count(0) == max(1, places // 2)


def test_an_ended_conversation() -> None:
    """Dropped as of its end, if nobody has begun to read by then; at its last moment it is over."""
    alerts = [Alert(0, ends=0.5), Alert(0.1, ends=0.7), Alert(0.2, ends=1), Alert(0.3, ends=1.1), Alert(0.4, ends=0.3)]
    sim = Sim(alerts, drop_when_ended=True)
    assert [verdict_of(stay) for stay in sim.stays] == [
        ("confirmed", 1),
        ("conversation_ended", 0.7),
        ("conversation_ended", 1),
        ("confirmed", 2),
        ("conversation_ended", 0.4),  # it had ended when the alert came
    ]
    assert sim.numbers.waited_s == pytest.approx((0.6 + 0.8 + 0.7) * H)
    assert Sim(alerts).verdicts() == ["confirmed"] * 5


def test_expired_or_ended_whichever_comes_first() -> None:
    alerts = [Alert(1, ends=3), Alert(1, ends=7)]
    sim = Sim(alerts, shifts=[shift(9, 17)], expires="4h", drop_when_ended=True)
    assert [verdict_of(stay) for stay in sim.stays] == [("conversation_ended", 3), ("expired", 5)]


def test_nobody_s_alert() -> None:
    sim = Sim(at(0, 1), failures={"owner_missing": 0.4}, draws=lambda stream, row, number: [0.39, 0.41][row])
    assert [verdict_of(stay) for stay in sim.stays] == [("owner_missing", 0), ("confirmed", 2)]


# -- claims ------------------------------------------------------------------------------------------------------------


def stalls(*claims: tuple[int, int]) -> Callable[[str, int, int], float]:
    """Which claims (row, number from 1 on) come to nothing; nothing else fails."""
    return lambda stream, row, number: 0.1 if stream == "review.stalls" and (row, number) in claims else 0.6


CLAIM: dict[str, Any] = {"claim": ASSUMED | {"stalls": 0.5, "expires": "3h"}}


def test_a_claim_that_is_left() -> None:
    """Locked for three hours, twice; whoever left it takes the next one, and the last claim is what counts."""
    sim = Sim(at(0, 0.5), draws=stalls((0, 1), (0, 2)), service_level={"target": "4h"}, **CLAIM)
    assert sim.stays == [Stay("confirmed", 0, 6, 7, "", 3, 1), Stay("confirmed", 0.5, 0.5, 1.5, "", 1, 1)]
    assert (sim.numbers.within_target, sim.numbers.with_target) == (1, 2)
    assert sim.numbers.waited_s == 0


def test_a_lock_waits_for_nobody_but_its_own_time() -> None:
    """Free again at three while alert 1 is in hand until four: it has waited one hour."""
    sim = Sim(at(0, 0.5), tiers={"any": tier(3.5)}, draws=stalls((0, 1)), **CLAIM)
    assert sim.stays[0] == Stay("confirmed", 0, 4, 7.5, "", 2, 3.5)
    assert sim.numbers.waited_s == 1 * H


def test_a_lock_that_expires_unseen() -> None:
    def draw(stream: str, row: int, number: int) -> float:
        return 0.2 if stream == "failure.lock" and row == 0 else stalls((0, 1), (1, 1))(stream, row, number)

    sim = Sim(at(0, 10), failures={"lock_expires_unseen": 0.3}, draws=draw, service_level={"target": "9h"}, **CLAIM)
    assert [verdict_of(stay) for stay in sim.stays] == [("lock_expired", 3), ("confirmed", 14)]
    assert (sim.numbers.within_target, sim.numbers.with_target) == (1, 2)


def test_what_goes_on_after_a_shift_is_not_claimed_in_vain() -> None:
    sim = Sim(at(16), tiers={"any": tier(2)}, shifts=[shift(9, 17)], draws=stalls((0, 2)), **CLAIM)
    assert sim.stays == [Stay("confirmed", 16, 33, 34, "", 2, 2)]


def test_second_readings_are_claimed_too() -> None:
    sim = Sim(at(0), draws=stalls((0, 2)), **CLAIM, **second("all"))
    assert sim.stays == [Stay("confirmed", 0, 4, 5, "", 3, 2)]


# -- service level -----------------------------------------------------------------------------------------------------


def test_service_level() -> None:
    """Two hours, half an hour for the urgent; what is lost was not claimed in time, what still waits does not count."""
    level = {"target": "2h", "urgent_target": "30min", "urgent_above": {"risk": 0.8}}
    alerts = [*at(0, 0, 0, risk=0.5), Alert(2.5, risk=0.8), Alert(2.6, risk=0.8), *at(2.7, 2.7, risk=0.1)]
    given = QueueGiven(0.8, lambda risk: risk)
    sim = Sim(alerts, service_level=level, given=given, expires="3h", until=5.5)
    assert sim.started() == pytest.approx([0, 1, 2, 3, 4, 5, math.nan], nan_ok=True)
    assert sim.verdicts()[-2:] == ["waiting", "waiting"]
    # In time: at once, after one hour, after exactly two, urgent after exactly half an hour. Late: after 1.4 hours.
    assert (sim.numbers.within_target, sim.numbers.with_target) == (4, 5)
    later = Sim(alerts, service_level=level, given=given, expires="3h")
    assert (later.numbers.within_target, later.numbers.with_target) == (4, 7)  # read after 2.3 hours; expired
    assert (Sim(alerts).numbers.within_target, Sim(alerts).numbers.with_target) == (0, 0)


# -- one account -------------------------------------------------------------------------------------------------------

MERGED: dict[str, Any] = {"merge_by_account": True}


def test_alerts_on_one_account_share_a_verdict() -> None:
    """Alerts 1 and 3 join alert 0, which waits and is then in hand; 4 comes when that is decided, 2 is another's."""
    alerts = [Alert(8, account="a"), Alert(8.5, account="a"), Alert(9.2, account="b"), Alert(9.5, account="a")]
    sim = Sim([*alerts, Alert(10, account="a")], shifts=[shift(9, 17)], draws=of(verdict=0.9), **MERGED)
    assert [(stay.verdict, stay.ended, stay.claims) for stay in sim.stays] == [
        ("confirmed", 10, 1),
        ("merged", 10, 0),
        ("confirmed", 11, 1),
        ("merged", 10, 0),
        ("confirmed", 12, 1),
    ]
    assert [alert for _, alert, hour in sim.done if hour == 10] == [0, 1, 3]
    assert sim.numbers.worked_s == 3 * H


def test_followers_take_no_place_and_wait_for_a_second_reading() -> None:
    alerts = [Alert(0, account="a"), Alert(0.5, account="a"), Alert(1.5, account="a"), Alert(1.6, account="b")]
    sim = Sim(alerts, capacity=1, **MERGED, **second("all"))
    assert [verdict_of(stay) for stay in sim.stays] == [
        ("confirmed", 2),
        ("merged", 2),
        ("merged", 2),
        ("queue_full", 1.6),
    ]


def test_followers_are_lost_with_their_host() -> None:
    """Expired at six, which nobody notices: the one that comes at half past six waits for itself."""
    alerts = [Alert(2, account="a"), Alert(3, account="a"), Alert(6.5, account="a"), Alert(7, account="a")]
    sim = Sim(alerts, shifts=[shift(9, 17)], expires="4h", service_level={"target": "5h"}, **MERGED)
    assert [verdict_of(stay) for stay in sim.stays] == [
        ("expired", 6),
        ("host_lost", 6),
        ("confirmed", 10),
        ("merged", 10),
    ]
    assert (sim.numbers.within_target, sim.numbers.with_target) == (1, 2)  # not of those that joined


def test_nobody_joins_a_host_whose_conversation_has_ended() -> None:
    alerts = [Alert(2, account="a", ends=4), Alert(3, account="a"), Alert(5, account="a"), Alert(5.5, account="a")]
    sim = Sim(alerts, shifts=[shift(9, 17)], drop_when_ended=True, **MERGED)
    assert [verdict_of(stay) for stay in sim.stays] == [
        ("conversation_ended", 4),
        ("host_lost", 4),
        ("confirmed", 10),
        ("merged", 10),
    ]


def test_the_next_on_an_account_after_its_host_was_lost() -> None:
    def draw(stream: str, row: int, number: int) -> float:
        return 0.1 if stream == "failure.lock" else stalls((0, 1))(stream, row, number)

    alerts = [Alert(0, account="a"), Alert(1, account="a"), Alert(4, account="a")]
    sim = Sim(alerts, failures={"lock_expires_unseen": 0.3}, draws=draw, **MERGED, **CLAIM)
    assert [verdict_of(stay) for stay in sim.stays] == [("lock_expired", 3), ("host_lost", 3), ("confirmed", 5)]
    missing = Sim(
        alerts, failures={"owner_missing": 0.3}, draws=lambda stream, row, number: 0.2 if row == 0 else 0.6, **MERGED
    )
    assert missing.verdicts() == ["owner_missing", "confirmed", "confirmed"]


# -- the end of the period ---------------------------------------------------------------------------------------------


def test_the_end_of_the_period() -> None:
    """At ten: decided, locked, in hand, expired, waiting, joined to that one, its conversation ended, waiting."""
    alerts = [Alert(0), Alert(1, right=False), Alert(2), Alert(2.5), Alert(5.5, account="a"), Alert(5.6, account="a")]
    sim = Sim(
        [*alerts, Alert(8, ends=9.5), Alert(9)],
        tiers={"any": tier(6)},
        expires="7h",
        drop_when_ended=True,
        until=10,
        draws=stalls((1, 1)),
        claim=ASSUMED | {"stalls": 0.5, "expires": "9h"},
        **MERGED,
    )
    # At six alert 1 is claimed in vain, and alert 2 is taken up in its place.
    assert [verdict_of(stay) for stay in sim.stays] == [
        ("confirmed", 6),
        ("waiting", pytest.approx(math.nan, nan_ok=True)),
        ("waiting", pytest.approx(math.nan, nan_ok=True)),
        ("expired", 9.5),
        ("waiting", pytest.approx(math.nan, nan_ok=True)),
        ("waiting", pytest.approx(math.nan, nan_ok=True)),
        ("conversation_ended", 9.5),
        ("waiting", pytest.approx(math.nan, nan_ok=True)),
    ]
    assert [stay.claims for stay in sim.stays] == [1, 1, 1, 0, 0, 0, 0, 0]
    assert [stay.worked for stay in sim.stays] == [6, 0, 4, 0, 0, 0, 0, 0]
    assert sim.numbers.worked_s == sim.numbers.exposed_s == sim.numbers.duty_s == 10 * H
    assert sim.numbers.waited_s == pytest.approx((5 + 4 + 7 + 4.5 + 1.5 + 1) * H)  # the one that joined another: none


def test_what_expires_after_the_last_event_has_expired() -> None:
    sim = Sim(at(1, 2, 6), shifts=[shift(9, 17)], expires="3h", until=8)
    assert [verdict_of(stay)[0] for stay in sim.stays] == ["expired", "expired", "waiting"]
    assert sim.numbers.waited_s == (3 + 3 + 2) * H


# -- everything at once ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_lost_from_the_books(seed: int) -> None:
    """All rules and failures together, two hundred alerts; the books are kept in every test (see ``Sim``)."""
    draws: NDArray[np.float64] = np.random.default_rng(seed).random((200, 6))
    hours = np.cumsum(draws[:, 0] * 0.8)
    alerts = [
        Alert(hour, bool(right < 0.4), round(risk, 1), 1 + pace, int(account * 40), hour + 30 * ends)
        for hour, (_, right, risk, pace, account, ends) in zip(hours.tolist(), draws.tolist(), strict=True)
    ]
    failures = {
        "owner_missing": 0.05,
        "lock_expires_unseen": 0.3,
        "restamped_late": {"share": 0.3, "delay": "2h"},
    }
    sim = Sim(
        alerts,
        until=70,
        failures=failures,
        tiers={"a": tier(0.5, 0.9, 0.9), "b": tier(1, 0.7, 0.7)},
        shifts=[shift(22, 6, 2, "b"), shift(8, 16, 2, "a"), shift(12, 20, 1, "b")],
        priority="value_of_time",
        ageing="6h",
        service_level={"target": "4h"},
        expires="9h",
        capacity=14,
        drop_when_ended=True,
        fatigue=ASSUMED | {"accuracy_lost_per_hour": 0.02, "slower_per_hour": 0.05},
        **MERGED,
        **second("confirmed", 0.6, "a"),
        **CLAIM,
    )
    kinds = {*(stay.verdict for stay in sim.stays), *(stay.reason for stay in sim.stays)} - {""}
    assert kinds >= {"confirmed", "cleared", "merged", "dropped", "waiting", "queue_full", "host_lost"}
