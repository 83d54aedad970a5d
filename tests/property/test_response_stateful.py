"""Conservation on every path: random small policies, driven step by step, and counted after every step.

A queue, the police and everybody's reactions are the real ones; only the day is drawn: who alarms when, how much time
passes, which conversation ends, who is arrested.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from simharness.detection.triggers import no_alarms
from simharness.records import Truth
from simharness.response.arm import ArmInput, ArmSimulation
from simharness.response.desk import Desk, Group, Ticket
from simharness.response.false_alerts import FalseAlerts
from simharness.response.log import CLEARED, CONFIRMED, EXPIRED, MERGED, REASON, WAITING
from simharness.response.review import QueueGiven
from simharness.scenario.policy import POLICE, TO_QUEUE, Arm
from simharness.scenario.queues import WEEKDAYS, Hours
from simharness.scenario.response import Response
from simharness.world.clock import DAY_S, Clock
from simharness.world.contacts import Contacts
from simharness.world.model import WorldModel

ASSUMED = {"evidence": "assumed", "source": "test"}
HOUR_S = 3600.0
DAYS = 12
OFFENDERS, EACH = 3, 3  # offenders with so many conversations each, and as many substitutes
ROWS = OFFENDERS * EACH
FALSE = 6
NEAR = 1e-6  # relative: sums of floating-point seconds


@dataclass
class Watched:
    """One desk with everything that is done at it noted down, apart from the desk's own accounts."""

    desk: Desk
    tickets: dict[Ticket, float] = field(default_factory=dict)  # seconds waited in stretches that are over
    since: dict[Ticket, float] = field(default_factory=dict)  # waiting now, from when
    begun: dict[Ticket, tuple[Group, float]] = field(default_factory=dict)  # in hand, since when
    work: list[tuple[Ticket, Group, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        desk = self.desk
        wait, stop, claim, put_down = desk._wait, desk._stop_waiting, desk._claim, desk._put_down

        def waiting(ticket: Ticket) -> None:
            self.tickets.setdefault(ticket, 0.0)
            self.since[ticket] = desk.env.now
            wait(ticket)

        def stopping(ticket: Ticket, at: float) -> None:
            self.tickets[ticket] += at - self.since.pop(ticket)
            stop(ticket, at)

        def claiming(ticket: Ticket, group: Group) -> None:
            claim(ticket, group)
            if ticket.group is not None:
                self.begun[ticket] = group, desk.env.now

        def putting_down(ticket: Ticket, group: Group) -> None:
            self.work.append((ticket, *self.begun.pop(ticket), desk.env.now))
            put_down(ticket, group)

        desk._wait, desk._stop_waiting = waiting, stopping  # type: ignore[method-assign]
        desk._claim, desk._put_down = claiming, putting_down  # type: ignore[method-assign]

    def intervals(self) -> Iterator[tuple[Ticket, Group, float, float]]:
        """Every stretch of work so far, by whom and on what."""
        yield from self.work
        for ticket, (group, begun) in self.begun.items():
            yield ticket, group, begun, self.desk.env.now

    def check(self, first_weekday: int) -> None:
        now, worked = self.desk.env.now, Counter[Ticket]()
        in_hand: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
        for ticket, group, begins, ends in self.intervals():
            spans = on_duty(group.shift, first_weekday)
            assert any(span[0] <= begins and ends <= span[1] for span in spans)
            worked[ticket] += ends - begins
            in_hand[id(group)] += [(begins, 1), (ends, -1)]
        staff = {id(group): group.staff for group in self.desk.groups}
        for who, steps in in_hand.items():
            steps.sort()  # who puts one down takes up the next at the same moment
            assert max(np.cumsum([step for _, step in steps])) <= staff[who]
        for ticket in self.tickets:
            going_on = now - self.begun[ticket][1] if ticket in self.begun else 0.0
            assert ticket.worked_s + going_on == pytest.approx(worked[ticket], rel=NEAR, abs=1e-3)
        self.little(now)

    def little(self, now: float) -> None:
        """The number waiting, summed over time, is the time waited, summed over tickets: at every moment."""
        desk = self.desk
        area = desk.waited_area + desk.waiting * (now - desk._since)
        waited = sum(self.tickets.values()) + sum(now - since for since in self.since.values())
        assert area == pytest.approx(waited, rel=NEAR, abs=1e-3)
        assert desk.waiting == len(self.since) == sum(ticket.waiting_since < np.inf for ticket in self.tickets)

    def nobody_idles(self, may: Callable[[Ticket, Group], bool]) -> None:
        """While somebody who may take an alert is free, none waits."""
        for group in self.desk.groups:
            if group.free > 0:
                assert not any(may(ticket, group) for ticket in self.since)


def on_duty(shift: Hours, first_weekday: int) -> list[tuple[float, float]]:
    """The times of the period on which a shift is on duty, hour by hour of its own definition, touching ones joined."""
    length = (shift.ends - shift.begins) % DAY_S or DAY_S
    begins = [
        day * DAY_S + shift.begins for day in range(-1, DAYS) if WEEKDAYS[(first_weekday + day) % 7] in shift.days
    ]
    spans: list[tuple[float, float]] = []
    for begin in begins:
        if spans and begin <= spans[-1][1]:
            spans[-1] = spans[-1][0], begin + length
        else:
            spans.append((begin, begin + length))
    return spans


# -- a small day to draw ----------------------------------------------------------------------------------------------

chances = st.sampled_from([0.0, 0.5, 1.0])
spans = st.sampled_from(["30min", "2h", "9h", "40h"])
maybe = partial(st.one_of, st.none())
actions = st.lists(
    st.sampled_from(
        ["alert_child", "nudge_child", "alert_guardian", "suspend_account", "restrict_messaging", "refer_police"]
    ),
    max_size=2,
    unique=True,
)


def mapping(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """What is drawn as None is left out."""
    return st.fixed_dictionaries(values).map(lambda drawn: {k: v for k, v in drawn.items() if v is not None})


def block(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return mapping(**values).map(lambda drawn: ASSUMED | drawn)


def tier(hours: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return block(service=mapping(kind=st.just("constant"), value=hours), sensitivity=chances, specificity=chances)


@st.composite
def queues(draw: st.DrawFn, leads_to: list[str]) -> dict[str, Any]:
    tiers = draw(
        st.dictionaries(
            st.sampled_from(["trained", "untrained"]), tier(st.sampled_from(["0s", "20min", "5h"])), min_size=1
        )
    )
    shift = mapping(
        begins=st.sampled_from(["0h", "3h", "20h"]),
        ends=st.sampled_from(["3h", "9h", "24h"]),
        staff=st.integers(1, 2),
        tier=st.sampled_from(sorted(tiers)),
        days=maybe(st.lists(st.sampled_from(WEEKDAYS), min_size=3, unique=True)),
    )
    shifts = draw(st.lists(shift, min_size=1, max_size=3))
    known = sorted({one["tier"] for one in shifts})
    second = mapping(
        of=st.sampled_from(["confirmed", "cleared", "all"]), share=chances, tier=maybe(st.sampled_from(known))
    )
    queue = draw(
        block(
            priority=st.sampled_from(["first_come", "score", "deadline", "value_of_time"]),
            ageing=maybe(spans),
            expires=st.sampled_from(["1h", "12h", "90h"]),
            capacity=maybe(st.integers(1, 3)),
            claim=maybe(block(stalls=st.sampled_from([0.3, 0.7]), expires=spans)),
            merge_by_account=st.booleans(),
            drop_when_ended=st.booleans(),
            second_review=maybe(second),
            fatigue=maybe(block(accuracy_lost_per_hour=st.just(0.1), slower_per_hour=st.just(0.2))),
            on_confirmed=actions,
            on_cleared=actions,
        )
    )
    for place in ("on_confirmed", "on_cleared"):
        queue[place] = queue[place] + draw(st.lists(st.sampled_from(leads_to), max_size=1) if leads_to else st.just([]))
    return queue | {"tiers": tiers, "shifts": shifts, "service_level": {"target": "4h"}}


failures = block(
    text_only_dropped=chances,
    owner_missing=st.sampled_from([0.0, 0.3]),
    lock_expires_unseen=chances,
    restamped_late=maybe(mapping(share=chances, delay=spans)),
    latency=maybe(mapping(kind=st.just("constant"), value=spans)),
    duplicates=chances,
)


@st.composite
def policies(draw: st.DrawFn) -> Arm:
    """One queue, or two in sequence of which the second may also be reached at once."""
    second = draw(st.none() | queues([]))
    first = draw(queues(["queue.second"] if second else []))
    made = {"first": first} | ({"second": second} if second else {})
    on_alert = [*draw(actions), "queue.first"]
    if second and ("queue.second" not in first["on_confirmed"] + first["on_cleared"] or draw(st.booleans())):
        on_alert.append("queue.second")
    trigger = mapping(
        budget_per_day=maybe(st.integers(1, 4)),
        account=maybe(st.just({"conversations": 2, "within": "5d"})),
        cooldown=maybe(st.just("1h")),
    )
    policy = {
        "title": "random",
        "law": draw(st.sampled_from(["none", "communication"])),
        "detector": "text_model",
        "alert_level": {"risk": 1.0},
        "trigger": draw(trigger),
        "code": ASSUMED | {"coverage": {"facebook": 1.0, "instagram": 1.0}},
        "on_alert": draw(st.permutations(on_alert)),
        "queues": made,
        "failures": draw(maybe(failures)),
    }
    return Arm.model_validate(policy)


def response_of(base: Response) -> Response:
    """The scenario's, quick enough for a few days and sure enough to do something."""
    plain = base.model_dump(mode="json", exclude_none=True)
    police, reactions = plain["police"], plain["reactions"]
    soon = {"kind": "constant", "value": "6h"}
    for name in ("effort", "referral_effort"):
        police[name]["time"] = {"kind": "constant", "value": "90min"}
    police["arrest"]["delay"] = soon
    for risk in ("high", "medium", "low"):
        police["safeguarding"][risk] = soon
    for name in ("block_recontacted", "suspension_recontact", "new_account", "substitution", "alert_guardian"):
        reactions[name] |= {"probability": 0.5, "delay": soon}
    reactions["restriction"] |= {"lasts": "20h", "moves": 0.5}
    reactions["alert_child"] |= {"leave": 0.2, "block": 0.2, "tell": 0.2}
    reactions["tipped_off"] |= {"notices": 1.0, "silence": soon}
    return Response.model_validate(plain)


def world(model: WorldModel) -> tuple[WorldModel, ArmInput]:
    """A few offenders with a few conversations each, on a clock that never stops."""
    n, hour = 2 * ROWS, np.arange(2 * ROWS) % ROWS
    none = np.zeros(n, np.uint8)
    substitute = np.arange(n) >= ROWS
    start = np.where(substitute, 0.0, hour * 2 * HOUR_S)
    contacts = Contacts(
        np.arange(n, dtype=np.uint64) + np.uint64(100),
        np.arange(n, dtype=np.int64) % OFFENDERS,
        np.arange(n, dtype=np.int64),
        none,
        none,
        (np.arange(n) // OFFENDERS % 2).astype(np.uint8),
        start,
        none.astype(np.bool_),
        none.astype(np.float32),
        np.ones(n, np.bool_),
        np.full(n, 13, np.uint8),
        (np.arange(n) % 2).astype(np.uint8),
    )
    later = np.where(np.arange(n) % 2 == 0, np.inf, start + 100 * HOUR_S)
    ladder = [start + hours * HOUR_S for hours in (10, 40, 60, 80)]
    truth = Truth(np.full(n, 9, np.int32), *ladder, later, start + 150 * HOUR_S, none)
    place = np.zeros(FALSE, np.uint8)
    ids, copies = np.arange(FALSE, dtype=np.uint64) // np.uint64(2) + np.uint64(1 << 63), np.zeros(FALSE, np.uint32)
    never, last = np.full(FALSE, np.inf), np.arange(FALSE) * 24 * HOUR_S + 1.0
    risk = np.linspace(1.0, 3.0, FALSE).astype(np.float32)
    false = FalseAlerts(ids, copies, never, last, place, place, risk, np.ones(FALSE), risk)
    period = model.scenario.period
    period = period.model_copy(update={"end": period.start + timedelta(days=DAYS - 1)})
    known = {"period": period, "scale": 1.0, "response": response_of(model.scenario.response)}
    scenario = model.scenario.model_copy(update=known)
    member = np.zeros((n, len(model.platforms)), np.bool_)
    member[:, :3] = True
    queue = QueueGiven(2.0, lambda risk: min(1.0, risk / 3.0))
    known_queues = {"first": queue, "second": queue}
    what = ArmInput(contacts, truth, ROWS, no_alarms(), member, false, lambda row, natural, on: [], known_queues)
    return replace(model, scenario=scenario, clock=Clock(0.0, DAY_S), horizon=DAYS * DAY_S), what


class Days(RuleBasedStateMachine):
    """One arm, lived through rule by rule."""

    def __init__(self, model: WorldModel, what: ArmInput) -> None:
        super().__init__()
        self.model, self.what = model, what

    @initialize(arm=policies(), seed=st.integers(0, 3), hours=st.sampled_from([0, 20]))
    def begin(self, arm: Arm, seed: int, hours: int) -> None:
        """Before anybody writes, or when all conversations are going on."""
        sim = self.sim = ArmSimulation(self.model, seed, arm, self.what)
        self.desks = {name: Watched(queue.desk) for name, queue in sim.queues.items()}
        self.stations = [Watched(desk) for desk in (*sim.police.desks, *sim.police.teams) if desk.groups]
        self.weekday = sim.model.scenario.period.start.weekday()
        self.arrests: dict[int, float] = {}
        arrest = sim.police._arrested

        def arresting(row: int) -> None:
            self.arrests.setdefault(int(sim.contacts.initiator[row]), sim.env.now)
            arrest(row)

        sim.police._arrested = arresting  # type: ignore[method-assign]
        sim.env.process(sim._source(sim._stimuli()))
        sim.env.run(until=hours * HOUR_S + 1.0)

    # -- what can happen -----------------------------------------------------------------------------------------------
    @rule(rows=st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=4), risk=st.sampled_from([1.0, 1.5, 2.0, 3.0]))
    def right_alarms(self, rows: list[int], risk: float) -> None:
        """Several at a moment, or queues would seldom be longer than one and nothing would join what waits there."""
        sim = self.sim
        assert sim.watch is not None
        for row in rows:
            if sim.state.active(row, sim.env.now):
                sim.watch._crossed(row, int(sim.watch.plans[row]), risk, 1.0 + row)

    @rule(places=st.lists(st.integers(0, FALSE - 1), min_size=1, max_size=3))
    def false_alarms(self, places: list[int]) -> None:
        assert self.sim.watch is not None
        for place in places:
            self.sim.watch.false_alert(place)

    @rule(hours=st.sampled_from([0.25, 1, 3, 7, 24, 60]))
    def time_passes(self, hours: float) -> None:
        """Whole hours end on the very moments at which shifts change."""
        env = self.sim.env
        until = env.now + hours * HOUR_S if hours < 1 else (env.now // HOUR_S + hours) * HOUR_S
        if until < DAYS * DAY_S:
            env.run(until=until)

    @rule(row=st.integers(0, ROWS - 1))
    def conversation_ends(self, row: int) -> None:
        if self.sim.state.active(row, self.sim.env.now):
            self.sim.end(row)

    @rule(row=st.integers(0, 2 * ROWS - 1), found=st.sampled_from([False, False, True]))
    def offender_is_arrested(self, row: int, found: bool) -> None:
        """Seldom, or there is soon nobody left."""
        if found:
            self.sim.police._arrested(row)

    @rule(row=st.integers(0, ROWS - 1))
    def somebody_reports(self, row: int) -> None:
        self.sim.police.report(row)

    # -- what holds after each of them --------------------------------------------------------------------------------
    @invariant()
    def every_alert_is_in_one_place(self) -> None:
        """Entered = decided + expired + merged + dropped + here; and here is what the desk has, and who joined it."""
        log, left = self.sim.log, defaultdict[str, list[int]](list)
        for alert, desk in zip(log.stay_alert, log.stay_desk, strict=True):
            left[log.desks[desk]].append(alert)
        for name, queue in self.sim.queues.items():
            desk = queue.desk
            in_hand = [ticket for group in desk.groups for ticket in group.in_hand]
            tickets = [*self.desks[name].since, *desk.locked, *in_hand]
            assert queue.here == len(tickets) == desk.waiting + len(desk.locked) + desk.in_hand
            assert set(queue.merged) <= set(tickets) and set(queue.undecided.values()) <= set(tickets)
            here = [one.subject.alert for ticket in tickets for one in (ticket, *queue.merged.get(ticket, []))]
            known = Counter(left[name] + here)
            assert set(known.values()) <= {1} and known.keys() == self._led_to(name)
            assert queue.here <= queue.capacity

    def _led_to(self, name: str) -> set[int]:
        """The alerts that the policy has led to a queue, by what was decided about them so far."""
        sim, log, decided = self.sim, self.sim.log, dict[int, int]()
        led = set[int]()
        if TO_QUEUE + name in sim.arm.on_alert:
            led |= {alert for alert, reason in enumerate(log.alert_dropped) if reason != REASON["over_budget"]}
        for alert, desk, verdict in zip(log.stay_alert, log.stay_desk, log.stay_verdict, strict=True):
            if verdict != MERGED:
                decided[desk] = verdict  # and those merged with it follow it in the log
            if log.desks[desk] == POLICE or decided[desk] not in (CONFIRMED, CLEARED):
                continue
            queue = sim.arm.queues[log.desks[desk]]
            actions = queue.on_confirmed if decided[desk] == CONFIRMED else queue.on_cleared
            if TO_QUEUE + name in actions and log.alert_dropped[alert] != REASON["text_only"]:
                led.add(alert)
        return led

    @invariant()
    def nobody_works_outside_a_shift_and_little_holds(self) -> None:
        for watched in (*self.desks.values(), *self.stations):
            if watched.tickets:
                watched.check(self.weekday)

    @invariant()
    def nothing_waits_for_somebody_who_is_free(self) -> None:
        for watched in (*self.desks.values(), *self.stations):
            watched.nobody_idles(lambda ticket, group: ticket.tier in (-1, group.tier))

    @invariant()
    def an_arrested_offender_sends_nothing(self) -> None:
        sim, state = self.sim, self.sim.state
        arrested = np.array([self.arrests.get(int(offender), np.inf) for offender in sim.contacts.initiator])
        outcomes = state.outcomes(sim.horizon_s)
        assert np.all(np.isinf(outcomes) | (outcomes < arrested[:, None]))
        begun = np.isfinite(state.start) & (state.cut != -np.inf)
        assert np.all(state.start[begun] <= arrested[begun])
        assert not any(state.active(row, sim.env.now) for row in np.flatnonzero(np.isfinite(arrested)).tolist())

    @invariant()
    def nobody_is_told_of_a_conversation_that_is_over(self) -> None:
        sim, log = self.sim, self.sim.log
        for alert, kind, at, effect in zip(
            log.action_alert, log.action_kind, log.action_at_s, log.action_effect, strict=True
        ):
            if not log.alert_right[alert] or kind > 3:  # the first four speak to a child or a guardian
                continue
            row = log.alert_conversation[alert] - 100
            over = min(sim.state.cut[row], sim.state.wall[row, -1])
            assert over <= at if effect == 2 else sim.state.start[row] <= at <= over

    # -- the end -------------------------------------------------------------------------------------------------------
    def teardown(self) -> None:
        """The period ends: what is written down is what happened."""
        if not hasattr(self, "sim"):
            return
        sim, log = self.sim, self.sim.log
        sim.env.run(until=sim.horizon_s)
        work = {name: list(watched.intervals()) for name, watched in self.desks.items()}
        for queue in sim.queues.values():
            queue.close()
        sim.police.close()
        for place, (name, watched) in enumerate(self.desks.items()):
            stays = [row for row, desk in enumerate(log.stay_desk) if desk == place]
            assert {log.stay_alert[row] for row in stays} == self._led_to(name)
            worked = sum(ends - begins for _, _, begins, ends in work[name])
            assert log.numbers[place].worked_s == pytest.approx(worked, rel=NEAR, abs=1e-3)
            assert log.numbers[place].waited_s == pytest.approx(watched.desk.waited_area)
            duty = sum(
                group.staff
                * sum(
                    max(0.0, min(end, sim.horizon_s) - max(begin, 0.0))
                    for begin, end in on_duty(group.shift, self.weekday)
                )
                for group in watched.desk.groups
            )
            assert log.numbers[place].duty_s == pytest.approx(duty)
            for row in stays:
                entered, ended = log.stay_entered_s[row], log.stay_ended_s[row]
                assert np.isnan(ended) == (log.stay_verdict[row] == WAITING) and not ended < entered
                if log.stay_verdict[row] == EXPIRED:
                    assert ended == entered + sim.arm.queues[name].expires and log.stay_claims[row] == 0


def test_alerts_work_and_waiting_are_conserved_on_every_path(model: WorldModel) -> None:
    ready, what = world(model)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Days(ready, what),
        settings=settings(max_examples=150, stateful_step_count=30, deadline=None, derandomize=True, database=None),
    )
