"""Silent failures of the detector and between desks, by hand. Those within a queue are in test_review.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simharness.response.arm import ArmSimulation
from simharness.world.messages import NEVER

Run = Callable[..., Any]
Toy = Callable[..., ArmSimulation]
Block = Callable[..., dict[str, Any]]
ASSUMED = {"evidence": "assumed", "source": "test"}
ONE = {"start": 10, "crossing": 30, "offence": 40, "repeat": 70, "meeting": 90, "contact": 120, "closed": 100}
SILENT = {"law": "none"}
WAITS = {"lasts": "20h", "moves": 0.0}


def failing(*actions: str, **failures: Any) -> dict[str, Any]:
    return SILENT | {"on_alert": list(actions), "failures": ASSUMED | failures}


def outages(*spans: tuple[float, float]) -> dict[str, Any]:
    """From and to, hours."""
    return {"outages": [{"begins": f"{begins}h", "lasts": f"{ends - begins}h"} for begins, ends in spans]}


class Reader:
    """A rescan that notes where it was asked to begin, and sees the messages at these hours."""

    def __init__(self, *times: float) -> None:
        self.times = times
        self.asked: list[tuple[int, float]] = []

    def __call__(self, row: int, after: float, platform: int) -> list[float]:
        self.asked.append((row, round(after, 4)))
        return [time for time in self.times if time > after]


# -- outages -----------------------------------------------------------------------------------------------------------


def test_alarms_in_an_outage_are_lost_and_what_goes_on_is_read_afresh(run: Run) -> None:
    rows = [
        ONE | {"crossing": [20, 30, 55]},  # 30 is lost; the alarm of 55 needed what was read before
        ONE | {"start": 40, "crossing": 45},  # begun after the outage
        ONE | {"crossing": 24.9, "closed": 24.95},  # over before it
        ONE | {"start": 30, "crossing": 34},  # begun within it
        ONE | {"crossing": 25, "closed": 30},  # an outage is half-open
    ]
    read = Reader(34, 60, 70)
    ran = run(failing(**outages((25, 35))), rows, rescan=read)
    assert read.asked == [(0, 35), (3, 35)]
    assert sorted(ran.alerts) == [(0, 20), (0, 60), (0, 70), (1, 45), (2, 24.9), (3, 60), (3, 70)]


def test_outages_need_not_be_in_order_nor_apart(run: Run) -> None:
    """Down from 20 to 30 and from 25 to 40, stated in either order; the message of 35 is not read."""
    for spans in ([(20, 30), (25, 40)], [(25, 40), (20, 30)], [(20, 40), (22, 24)]):
        read = Reader(23, 27, 35, 50)
        ran = run(failing(**outages(*spans)), [ONE | {"crossing": [15, 21, 35, 39]}], rescan=read)
        assert ran.alerts == [(0, 15), (0, 50)] and read.asked[-1] == (0, 40)


def test_a_conversation_held_up_into_an_outage_is_not_read_in_it(run: Run) -> None:
    """Restricted at 20 for 20 hours: the alarm of 30 comes at 50, in an outage, at whose end (55) it has come to 35."""
    read = Reader(30, 34, 60)
    policy = failing("restrict_messaging", **outages((45, 55)))
    ran = run(policy, [ONE | {"crossing": [20, 30]}], rescan=read, restriction=WAITS)
    assert ran.alerts == [(0, 20), (0, 80)] and read.asked == [(0, 35)]


def test_an_outage_in_a_break_forgets_no_message(run: Run) -> None:
    """Held up at 20; the detector comes back at 26, when the line lies at 6: the messages up to 20 have been sent."""
    read = Reader(15, 25)
    policy = failing("restrict_messaging", **outages((24, 26)))
    ran = run(policy, [ONE | {"crossing": 20}], rescan=read, restriction=WAITS)
    assert read.asked == [(0, 20)] and ran.alerts[:2] == [(0, 20), (0, 45)]


def test_a_move_within_an_outage(run: Run) -> None:
    """Blocked at 30, read by 31 by a person; on the new platform the detector is down until 40: natural hour 35."""
    read = Reader(33, 50)
    policy = failing("alert_child", **outages((30.5, 40)))
    ran = run(policy, [ONE], rescan=read, alert_child={"block": 1.0})
    assert read.asked[:2] == [(0, 30), (0, 35)] and ran.alerts == [(0, 30), (0, 55)]


def test_what_has_ended_or_is_not_covered_is_not_read_after_an_outage(run: Run, code: Block) -> None:
    read = Reader(50)
    rows = [ONE | {"crossing": 20}, ONE | {"platform": 1, "crossing": NEVER}]
    policy = failing("alert_child", **outages((25, 35))) | {"code": code(facebook=1)}
    ran = run(policy, rows, rescan=read, alert_child={"leave": 1.0})
    assert ran.alerts == [(0, 20)] and read.asked == []


def test_an_outage_before_the_code_reaches_a_conversation(run: Run, code: Block) -> None:
    steps = [{"since": "2017-04-05", "share": 1.0}]  # hour 48
    read = Reader(40, 60)
    ran = run(failing(**outages((30, 35))) | {"code": code(facebook=steps)}, [ONE], rescan=read)
    assert read.asked == [(0, 48)] and ran.alerts == [(0, 60)]


def test_false_alerts_in_an_outage_are_lost(run: Run, false_alerts: Run) -> None:
    ran = run(failing(**outages((25, 35), (50, 51))), [], false=false_alerts([24.9, 25, 34.9, 35, 50.5]))
    assert ran.alerts == [(-1, 24.9), (-4, 35)]


def test_an_outage_to_the_end_of_the_period(run: Run) -> None:
    assert run(failing(**outages((25, 900))), [ONE | {"crossing": [20, 30]}]).alerts == [(0, 20)]


# -- latency -----------------------------------------------------------------------------------------------------------

SLOW = {"latency": {"kind": "constant", "value": "6h"}}


def test_alerts_come_late(run: Run, false_alerts: Run) -> None:
    ran = run(failing("alert_child", **SLOW), [ONE], false=false_alerts([7]), alert_child={"leave": 1.0})
    assert ran.alerts == [(-1, 13), (0, 36)] and ran.cut == [36]


def test_an_alert_that_comes_too_late_tells_nobody(run: Run, false_alerts: Run) -> None:
    given = {"false": false_alerts([7], last=12), "alert_child": {"leave": 1.0}}
    ran = run(failing("alert_child", **SLOW), [ONE | {"crossing": 95}], **given)
    assert ran.alerts == [(-1, 13), (0, 101)] and [effect for *_, effect in ran.actions] == ["ended", "ended"]
    assert run(failing(**SLOW), [ONE | {"crossing": 43}], days=2).alerts == []  # at 49: after the period


def test_an_alert_late_after_a_move_is_on_the_account_that_raised_it(run: Run) -> None:
    """Crossed at 30 and 33; suspended at 36 and carried on elsewhere: what is raised at 39 finds that account gone."""
    ran = run(failing("suspend_account", **SLOW), [ONE | {"crossing": [30, 33]}])
    assert ran.alerts == [(0, 36), (0, 39)] and [effect for *_, effect in ran.actions] == ["taken", "repeated"]


def test_every_conversation_has_a_latency_of_its_own(run: Run, false_alerts: Run) -> None:
    """Exponential with a mean of five hours, right and false alike: within four standard errors."""
    n, mean = 600, 5.0
    slow = {"latency": {"kind": "exponential", "mean": f"{mean}h"}}
    rows = [ONE | {"offender": row} for row in range(n)]
    ran = run(failing(**slow), rows, false=false_alerts([1.0] * n))
    late: dict[bool, list[float]] = {True: [], False: []}
    for row, at in ran.alerts:
        late[row >= 0].append(at - (30 if row >= 0 else 1))
    for found in late.values():
        assert len(set(found)) > 0.98 * n and np.mean(found) == pytest.approx(mean, abs=4 * mean / n**0.5)
    assert len(set(late[True]) & set(late[False])) < 0.1 * n


# -- duplicates --------------------------------------------------------------------------------------------------------


def test_every_alert_may_be_raised_twice(run: Run, false_alerts: Run, queue: Block) -> None:
    """And is then read twice; a child is wrongly alarmed once all the same."""
    policy = failing("queue.a", "alert_child", duplicates=1.0) | {"queues": {"a": queue()}}
    ran = run(policy, [ONE | {"crossing": [30, 35]}], false=false_alerts([7]))
    assert ran.alerts == [(-1, 7), (-1, 7), (0, 30), (0, 30), (0, 35), (0, 35)]
    assert [(stay[0], stay[3]) for stay in ran.stays] == [(0, 8), (1, 9), (2, 31), (3, 32), (4, 36), (5, 37)]
    assert ran.counts["children_wrongly_alarmed"] == 1 == ran.counts["benign_read"]


def test_duplicates_are_a_share(run: Run, false_alerts: Run) -> None:
    n = 800
    rows = [ONE | {"offender": row} for row in range(n)]
    ran = run(failing(duplicates=0.3), rows, false=false_alerts([1.0] * n))
    right = sum(row >= 0 for row, _ in ran.alerts)
    for found in (right, len(ran.alerts) - right):
        assert found / n - 1 == pytest.approx(0.3, abs=4 * (0.21 / n) ** 0.5)


def test_every_alert_of_a_conversation_is_duplicated_or_not_by_itself(run: Run) -> None:
    n = 400
    ran = run(failing(duplicates=0.5), [ONE | {"crossing": np.linspace(11, 99, n).tolist()}])
    assert len(ran.alerts) / n - 1 == pytest.approx(0.5, abs=4 * (0.25 / n) ** 0.5)
    at = [time for _, time in ran.alerts]
    assert len(set(at)) == n  # nothing is lost


# -- text alone --------------------------------------------------------------------------------------------------------


def test_cases_of_text_alone_are_lost_between_desks(run: Run, queue: Block, false_alerts: Run) -> None:
    """The first queue is no hand-over; the second is, and so are the police, from a queue or at once."""
    queues = {"a": queue("queue.b", specificity=0.0), "b": queue("refer_police", "nudge_child", specificity=0.0)}
    policy = failing("queue.a", text_only_dropped=1.0) | {"queues": queues}
    ran = run(policy, [ONE], false=false_alerts([7]))
    assert [stay[:2] for stay in ran.stays] == [(0, "a"), (1, "a")] and ran.dropped == ["text_only"] * 2
    nudge = {"leave": 0.0, "block": 0.0, "tell": 0.0}
    policy = failing("queue.b", "refer_police", text_only_dropped=1.0) | {"queues": {"b": queues["b"]}}
    ran = run(policy, [ONE], nudge_child=nudge)
    assert ran.counts["referrals"] == 0 and ran.dropped == ["text_only"]
    assert [(what, effect) for _, what, _, effect in ran.actions] == [("nudge_child", "taken")]  # no other desk


def test_a_case_that_is_not_of_text_alone_arrives_everywhere(run: Run, queue: Block) -> None:
    """What it consists of is one draw a case: either it is lost at the first hand-over, or never."""
    n = 300
    queues = {"a": queue("queue.b", expires="900h"), "b": queue("queue.c"), "c": queue("refer_police")}
    for one in queues.values():
        one["tiers"]["readers"]["service"]["value"] = "1min"
    policy = failing("queue.a", text_only_dropped=0.4) | {"queues": queues}
    ran = run(policy, [ONE | {"offender": row} for row in range(n)])
    by_desk = {desk: sum(stay[1] == desk for stay in ran.stays) for desk in ("a", "b", "c", "police")}
    assert by_desk["a"] == n and by_desk["b"] == by_desk["c"] == by_desk["police"] == ran.counts["referrals"]
    assert by_desk["b"] / n == pytest.approx(0.6, abs=4 * (0.24 / n) ** 0.5)
    assert ran.dropped.count("text_only") == n - by_desk["b"]


def test_every_alert_on_a_conversation_is_of_text_alone_or_not_by_itself(run: Run) -> None:
    n = 400
    policy = failing("refer_police", text_only_dropped=0.4)
    ran = run(policy, [ONE | {"crossing": np.linspace(11, 99, n).tolist()}])
    assert ran.dropped.count("text_only") / n == pytest.approx(0.4, abs=4 * (0.24 / n) ** 0.5)
    assert ran.counts["referrals"] == ran.dropped.count("")


def test_without_failures_nothing_fails(run: Run, queue: Block, false_alerts: Run) -> None:
    policy = SILENT | {"on_alert": ["queue.a"], "queues": {"a": queue("refer_police")}}
    for failures in (None, ASSUMED):
        ran = run(policy | {"failures": failures}, [ONE], false=false_alerts([7]))
        assert ran.alerts == [(-1, 7), (0, 30)] and ran.dropped == ["", ""] and ran.counts["referrals"] == 1
