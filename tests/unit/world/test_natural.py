from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from simharness.errors import UsageErrors
from simharness.scenario.base import DelayedEvent
from simharness.scenario.course import ChildTells, NaturalCourse
from simharness.scenario.load import Loaded
from simharness.streams import uniform
from simharness.world.clock import DAY_S, Clock
from simharness.world.contacts import Contacts
from simharness.world.messages import ADULT, CENSORED, NEVER, Output, new_output
from simharness.world.natural import Disclosure, age_factors, delayed, disclosure, stage_hazards, truth_of

CLOCK = Clock(0.0, DAY_S / 2)  # half a day awake, so a waking span is half the wall span
SEED = 5


def event(probability: float, days: float = 2.0, delay: dict[str, Any] | None = None) -> DelayedEvent:
    delay = delay or {"kind": "constant", "value": f"{days}d"}
    return DelayedEvent.model_validate(
        {"evidence": "assumed", "source": "test", "probability": probability, "delay": delay}
    )


def course(flagship: Loaded, **changes: Any) -> NaturalCourse:
    return flagship.scenario.world.natural_course.model_copy(update=changes)


def output(**columns: list[float]) -> Output:
    """One conversation a column entry: three messages each, nothing happens unless stated."""
    n = len(next(iter(columns.values())))
    out = new_output(n, 3 * n)
    for name in ("offence", "repeat", "meeting", "closed", "told"):
        getattr(out, name)[:] = columns.get(name, [NEVER] * n)
    out.begin[:], out.end[:], out.reason[:] = np.arange(n) * 3, np.arange(n) * 3 + 3, CENSORED
    return out


def known(n: int, **columns: Any) -> Disclosure:
    default: dict[str, Any] = {"tells_at_hazard": NEVER, "notices_at": NEVER, "ends": False, "reports": True}
    return Disclosure(*(np.asarray(np.broadcast_to(columns.get(name, value), n)) for name, value in default.items()))


def test_delays_are_drawn_and_turned_into_waking_time() -> None:
    ids = np.arange(4000, dtype=np.uint64)
    found = delayed(SEED, "test.delay", ids, event(0.3), CLOCK)
    happens = uniform(SEED, "test.delay", ids) < 0.3
    assert set(found[happens]) == {DAY_S} and set(found[~happens]) == {NEVER}  # two days: one waking day and one more
    assert abs(happens.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / ids.size)
    assert np.isinf(delayed(SEED, "test.delay", ids, event(0.0), CLOCK)).all()
    assert np.isfinite(delayed(SEED, "test.delay", ids, event(1.0), CLOCK)).all()


def test_whether_and_when_are_separate_draws() -> None:
    ids = np.arange(4000, dtype=np.uint64)
    spread = event(0.5, delay={"kind": "lognormal", "median": "10d", "sigma": 1.0})
    delays = delayed(SEED, "test.delay", ids, spread, CLOCK)
    median = np.median(delays[np.isfinite(delays)])
    # Had they shared a draw, only the shorter half of the delays would ever happen. SE: 1.2533 sigma / sqrt(n).
    assert abs(np.log(median / (10 * CLOCK.lasts_s))) < 4 * 1.2533 / np.sqrt(np.isfinite(delays).sum())


def tells(**changes: Any) -> ChildTells:
    block = {"evidence": "assumed", "source": "test", "by_stage": {"friendship": "0.1/day"}, "after_end": 0.5}
    return ChildTells.model_validate(block | changes)


def contacts(n: int) -> Contacts:
    """Children of 7 to 17 in turn; every tenth conversation is harmless."""
    number, zeros = np.arange(n), np.zeros(n, np.uint8)
    initiator = np.where(number % 10 == 9, -1, number)
    age, start, no = (7 + number % 11).astype(np.uint8), np.linspace(0, 1e6, n), zeros.astype(bool)
    recent = zeros.astype(np.float32)
    return Contacts(number.astype(np.uint64), initiator, number, zeros, zeros, zeros, start, no, recent, no, age, zeros)


def test_hazards_of_a_wall_day_are_spread_over_its_waking_part() -> None:
    block = tells(by_stage={"approach": "2/day", "friendship": "0.1/day"})
    found = stage_hazards(block, ("friendship", "lasting", "approach"), CLOCK)
    np.testing.assert_allclose(found * CLOCK.lasts_s, [0.1, 0.0, 2.0], rtol=1e-15)


def test_factors_by_age() -> None:
    bands = [{"youngest": 7, "oldest": 11, "factor": 1.5}, {"youngest": 13, "oldest": 13, "factor": 0}]
    found = age_factors(tells(by_age=bands), np.array([6, 7, 11, 12, 13, 14], np.uint8))
    assert found.tolist() == [1.0, 1.5, 1.5, 1.0, 0.0, 1.0]
    assert set(age_factors(tells(), np.arange(18, dtype=np.uint8))) == {1.0}


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("by_stage={friendhip: 1/day}", "by_stage.friendhip: unknown stage of a grooming conversation"),
        (
            "by_stage={lasting: 1/day}",
            "by_stage.lasting: unknown stage of a grooming conversation 'lasting'",
        ),
        ("by_stage={friendship: 0.1}", "by_stage.friendship: expected a rate, got 0.1"),
        (
            "by_age=[{youngest: 7, oldest: 11, factor: 1}, {youngest: 11, oldest: 12, factor: 2}]",
            "by_age.1: ages 11 to 12 overlap those of by_age.0 (7 to 11)",
        ),
        (
            "by_age=[{youngest: 12, oldest: 12, factor: 1}, {youngest: 7, oldest: 17, factor: 2}]",
            "by_age.1: ages 7 to 17 overlap those of by_age.0 (12 to 12)",
        ),
        (
            "by_age=[{youngest: 12, oldest: 11, factor: 1}]",
            "by_age.0.youngest: expected at most oldest (11)",
        ),
        ("by_age=[{youngest: 7, oldest: 11, factor: -1}]", "by_age.0.factor: expected a number >= 0"),
        ("after_end=-0.5", "after_end: expected a number >= 0"),
    ],
)
def test_hazards_that_cannot_be(load: Callable[..., Loaded], assignment: str, says: str) -> None:
    with pytest.raises(UsageErrors) as caught:
        load(f"world.natural_course.child_tells.{assignment}")
    assert f"world.natural_course.child_tells.{says}" in str(caught.value)


def test_bands_of_age_may_touch() -> None:
    bands = [{"youngest": 12, "oldest": 17, "factor": 1}, {"youngest": 7, "oldest": 11, "factor": 2}]
    for order in (bands, bands[::-1]):
        assert len(tells(by_age=order).by_age) == 2


def test_disclosure_follows_the_course(flagship: Loaded) -> None:
    some = contacts(6000)
    grooming = some.initiator >= 0
    bands = [{"youngest": 7, "oldest": 11, "factor": 1.3}, {"youngest": 13, "oldest": 13, "factor": 0}]
    rules = course(flagship, child_tells=tells(by_age=bands), third_party_notices=event(1.0, days=4.0))
    found = disclosure(SEED, some, rules, CLOCK)
    draw = -np.log(uniform(SEED, "child.tells", some.conversation))
    for members, factor in ((some.age <= 11, 1.3), ((some.age == 12) | (some.age > 13), 1.0)):
        mine = members & grooming
        np.testing.assert_allclose(found.tells_at_hazard[mine] * factor, draw[mine])
    assert np.isinf(found.tells_at_hazard[(some.age == 13) | ~grooming]).all()
    np.testing.assert_allclose(found.notices_at[grooming], some.start[grooming] + 2 * DAY_S)
    assert np.isinf(found.notices_at[~grooming]).all()
    for drawn, share in ((found.ends, rules.adult_ends_contact.value), (found.reports, rules.reported_to_police.value)):
        assert abs(drawn.mean() - share) < 4 * np.sqrt(share * (1 - share) / len(some))
    both = (found.ends & found.reports).mean()  # independent choices
    expected = rules.adult_ends_contact.value * rules.reported_to_police.value
    assert abs(both - expected) < 4 * np.sqrt(expected * (1 - expected) / len(some))


def test_nobody_finds_out_about_harmless_conversations(flagship: Loaded) -> None:
    some = contacts(100)
    found = disclosure(SEED, some.take(some.initiator < 0), course(flagship), CLOCK)
    assert np.isinf(found.tells_at_hazard).all() and np.isinf(found.notices_at).all()
    assert not found.ends.any() and not found.reports.any() and found.ends.size == 10


def test_rows_of_a_disclosure() -> None:
    some = known(4, tells_at_hazard=[1.0, 2.0, 3.0, 4.0], ends=[True, False, True, False]).take(slice(1, 3))
    assert some.tells_at_hazard.tolist() == [2.0, 3.0] and some.ends.tolist() == [False, True]
    assert some.notices_at.size == some.reports.size == 2


def truth(flagship: Loaded, out: Output, who: Disclosure, horizon: float = 100.0, contact: float = 0.0) -> Any:
    ids = np.arange(out.begin.size, dtype=np.uint64)
    return truth_of(SEED, ids, out, who, course(flagship, contact_abuse=event(contact, 20 / DAY_S)), CLOCK, horizon)


@pytest.mark.parametrize(
    ("told", "notices_at", "closed", "reported"),
    [
        (15.0, NEVER, 12.0, 15.0),  # a child may tell when the conversation is long over, with or without an offence
        (NEVER, 12.0, 12.0, 12.0),  # somebody notices while it lasts
        (NEVER, 12.1, 12.0, NEVER),  # nothing is left to notice
        (15.0, 11.0, 12.0, 11.0),  # whoever is first
        (11.0, 11.5, 12.0, 11.0),
        (15.0, 90.0, NEVER, 15.0),
        (NEVER, 99.0, NEVER, 99.0),  # still going on
        (NEVER, 100.0, NEVER, NEVER),  # after the period
        (NEVER, NEVER, 12.0, NEVER),
    ],
)
def test_who_reports_when(flagship: Loaded, told: float, notices_at: float, closed: float, reported: float) -> None:
    out = output(told=[told], closed=[closed])
    assert truth(flagship, out, known(1, notices_at=notices_at)).reported[0] == reported
    assert truth(flagship, out, known(1, notices_at=notices_at, reports=False)).reported[0] == NEVER


def test_contact_abuse_follows_an_attempt_to_meet(flagship: Loaded) -> None:
    out = output(meeting=[10.0, NEVER, 95.0], closed=[11.0, 11.0, 96.0])
    assert truth(flagship, out, known(3), contact=1.0).contact.tolist() == [20.0, NEVER, NEVER]  # 20 s are 10 awake
    assert np.isinf(truth(flagship, out, known(3), contact=0.0).contact).all()


def test_what_falls_at_or_after_the_horizon_never_happens(flagship: Loaded) -> None:
    out = output(offence=[99.0], repeat=[100.0], meeting=[99.5], closed=[100.5])
    found = truth(flagship, out, known(1))
    assert (found.offence[0], found.repeat[0], found.meeting[0], found.closed[0]) == (99.0, NEVER, 99.5, NEVER)


def test_truth_is_a_copy_of_the_buffers(flagship: Loaded) -> None:
    out = output(offence=[9.0, 1.0], closed=[10.0, 11.0])
    out.reason[:] = [ADULT, 1]
    found = truth(flagship, out, known(2))
    for column in out:
        column[:] = 0
    assert found.messages.tolist() == [3, 3] and found.offence.tolist() == [9.0, 1.0]
    assert found.closed.tolist() == [10.0, 11.0] and found.reason.tolist() == [ADULT, 1]
    assert {getattr(found, field.name).shape for field in fields(found)} == {(2,)}
