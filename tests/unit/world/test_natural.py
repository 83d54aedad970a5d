from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from simharness.scenario.base import DelayedEvent
from simharness.scenario.load import Loaded
from simharness.scenario.world import NaturalCourse
from simharness.streams import uniform
from simharness.world.clock import DAY_S, Clock
from simharness.world.messages import ADULT, CENSORED, NEVER, Output, new_output
from simharness.world.natural import Disclosure, delayed, disclosure, truth_of

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
    for name in ("offence", "repeat", "meeting", "closed"):
        getattr(out, name)[:] = columns.get(name, [NEVER] * n)
    out.begin[:], out.end[:], out.reason[:] = np.arange(n) * 3, np.arange(n) * 3 + 3, CENSORED
    return out


def known(n: int, **columns: Any) -> Disclosure:
    default: dict[str, Any] = {"tells_after": NEVER, "notices_at": NEVER, "ends": False, "reports": True}
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


def test_disclosure_follows_the_course(flagship: Loaded) -> None:
    ids, start = np.arange(6000, dtype=np.uint64), np.linspace(0, 1e6, 6000)
    rules = course(flagship, child_tells=event(1.0), third_party_notices=event(1.0, days=4.0))
    found = disclosure(SEED, ids, start, rules, CLOCK)
    assert set(found.tells_after) == {DAY_S}
    np.testing.assert_allclose(found.notices_at, start + 2 * DAY_S)
    for drawn, share in ((found.ends, rules.adult_ends_contact.value), (found.reports, rules.reported_to_police.value)):
        assert abs(drawn.mean() - share) < 4 * np.sqrt(share * (1 - share) / ids.size)
    both = (found.ends & found.reports).mean()  # independent choices
    expected = rules.adult_ends_contact.value * rules.reported_to_police.value
    assert abs(both - expected) < 4 * np.sqrt(expected * (1 - expected) / ids.size)


def test_only_an_adult_who_ends_the_contact_stops_it() -> None:
    after, at = known(3, tells_after=5.0, notices_at=[7.0, 8.0, 9.0], ends=[True, False, True]).stops
    assert after.tolist() == [5.0, NEVER, 5.0] and at.tolist() == [7.0, NEVER, 9.0]


def truth(flagship: Loaded, out: Output, who: Disclosure, horizon: float = 100.0, contact: float = 0.0) -> Any:
    ids = np.arange(out.begin.size, dtype=np.uint64)
    return truth_of(SEED, ids, out, who, course(flagship, contact_abuse=event(contact, 20 / DAY_S)), CLOCK, horizon)


@pytest.mark.parametrize(
    ("offence", "tells_after", "notices_at", "closed", "reported"),
    [
        (10.0, 5.0, NEVER, 12.0, 15.0),  # a child may tell when the conversation is long over
        (NEVER, 5.0, NEVER, 12.0, NEVER),  # no offence, nothing to tell
        (NEVER, 5.0, 12.0, 12.0, 12.0),  # somebody notices while it lasts, with or without an offence
        (NEVER, 5.0, 12.1, 12.0, NEVER),  # nothing is left to notice
        (10.0, 5.0, 11.0, 12.0, 11.0),  # whoever is first
        (10.0, 1.0, 11.5, 12.0, 11.0),
        (10.0, 5.0, 90.0, NEVER, 15.0),
        (NEVER, 5.0, 99.0, NEVER, 99.0),  # still going on
        (96.0, 5.0, NEVER, 97.0, NEVER),  # after the period
        (10.0, NEVER, NEVER, 12.0, NEVER),
    ],
)
def test_who_reports_when(
    flagship: Loaded, offence: float, tells_after: float, notices_at: float, closed: float, reported: float
) -> None:
    out = output(offence=[offence], closed=[closed])
    who = known(1, tells_after=tells_after, notices_at=notices_at)
    assert truth(flagship, out, who).reported[0] == reported
    silent = known(1, tells_after=tells_after, notices_at=notices_at, reports=False)
    assert truth(flagship, out, silent).reported[0] == NEVER


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
