"""The message kernel against a plain re-statement of it in Python, and the properties batches rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from simharness.records import LADDER, Truth
from simharness.streams import philox_numpy, stream_id, uniform
from simharness.world.acts import ACT_INDEX
from simharness.world.contacts import Contacts
from simharness.world.generate import REASONS, Batch, World
from simharness.world.messages import ADULT, CENSORED, LANES, NEVER, new_output
from simharness.world.model import WorldModel
from simharness.world.natural import disclosure

Whole = Callable[[World, Contacts], Batch]
SEED = 77
# A short period, adults who often find out, and repeats soon after: every way to end and every event occurs.
EVENTFUL = (
    "period.end=2017-04-16",
    "world.offenders.contact_rate.value=0.02/day",
    "world.natural_course.child_tells.by_stage={friendship: 0.02/day, risk_assessment: 0.2/day, sexual: 2/day}",
    "world.natural_course.child_tells.by_age=[{youngest: 12, oldest: 13, factor: 3}]",
    "world.natural_course.child_tells.after_end=0.1",
    "world.natural_course.third_party_notices.probability=0.5",
    "world.natural_course.adult_ends_contact.value=0.7",
    "world.natural_course.repeat_after=1h",
)
HAZARD = {"friendship": 0.02, "risk_assessment": 0.2, "sexual": 2.0}  # a wall day, as above
OFFENDERS = np.arange(1200, dtype=np.uint64)


@pytest.fixture(scope="module")
def eventful(make_model: Callable[..., WorldModel]) -> World:
    return World(make_model(*EVENTFUL), SEED)


@pytest.fixture(scope="module")
def grooming(eventful: World) -> Contacts:
    return eventful.grooming_contacts(OFFENDERS)


class Told(NamedTuple):
    """One conversation as the reference tells it."""

    symbol: list[int]
    time: list[float]
    stage: list[int]
    offence: float
    repeat: float
    meeting: float
    closed: float
    reason: int
    told: float


def words_of(seed: int, conversation: int) -> Iterator[tuple[int, int, int, int]]:
    """The four words of message 0, 1, 2, ..."""
    for first in range(0, 1 << 20, 64):
        occasion = np.arange(first, first + 64, dtype=np.uint32)
        entity = np.full(64, conversation, np.uint64)
        for block in philox_numpy(seed, stream_id("message"), entity, occasion).T:
            yield int(block[0]), int(block[1]), int(block[2]), int(block[3])


def picked(own: Any, other: Any, threshold: Any, row: int, columns: int, word: int) -> int:
    """Walker's alias method: the word's leading bits are a column, the rest a fraction of it."""
    column, rest = divmod(word * columns, 2**32)
    slot = row * columns + column
    return int(own[slot] if rest < threshold[slot] else other[slot])


def reference(world: World, contact: Contacts) -> Told:
    """One conversation, message by message, from the description alone."""
    model, tables, book = world.model, world.model.grammar.tables, world.model.phrasebooks[world.edition]
    course, states = model.scenario.world.natural_course, len(tables.stage)
    ends, notices = False, NEVER
    patience = NEVER  # wall days at a hazard of 1/day: an exponential draw
    if contact.initiator[0] >= 0:
        known = disclosure(world.seed, contact, course, model.clock)
        ends, notices = bool(known.ends[0]), float(known.notices_at[0])
        patience = -np.log(uniform(world.seed, "child.tells", int(contact.conversation[0])))
        patience /= 3.0 if 12 <= contact.age[0] <= 13 else 1.0
    noticed = notices if ends else NEVER
    told = NEVER
    symbols: list[int] = []
    times: list[float] = []
    stages: list[int] = []
    offence = repeat = meeting = NEVER
    state, time = -1, float(contact.start[0])
    for step_word, emit_word, phrase_word, gap_word in words_of(world.seed, int(contact.conversation[0])):
        if state < 0:
            state = picked(*tables[0:3], int(contact.kind[0]), 16, step_word)
        else:
            state = picked(*tables[3:6], state, 16, step_word)
            hazard = HAZARD.get(model.grammar.stage_names[stages[-1]], 0.0) / model.clock.lasts_s
            if state >= states:
                if patience < NEVER and hazard > 0.0:
                    told = time + patience / (hazard * 0.1)
                told = told if told < model.horizon else NEVER
                return Told(symbols, times, stages, offence, repeat, meeting, time, state - states + 1, told)
            gap = tables.gaps[contact.regime[0], gap_word * 4096 >> 32]
            if patience < hazard * gap and time + patience / hazard < min(noticed, model.horizon):
                told, patience = time + patience / hazard, NEVER
            patience -= hazard * gap
            time += gap
        adult = min(noticed, told) if ends else NEVER
        if time > adult and adult < model.horizon:
            return Told(symbols, times, stages, offence, repeat, meeting, adult, ADULT, told)
        if time >= model.horizon:
            return Told(symbols, times, stages, offence, repeat, meeting, NEVER, CENSORED, told)
        act, sender = divmod(picked(*tables[7:10], int(tables.emission[state]), 128, emit_word), 2)
        phrase = int(book.first[act]) + (phrase_word * int(book.count[act]) >> 32)
        symbols.append(phrase * 2 + sender)
        times.append(time)
        stages.append(int(tables.stage[state]))
        if (act, sender) == (ACT_INDEX["sexual"], 0):
            if offence == NEVER:
                offence = time
            elif repeat == NEVER and time - offence >= 3600 * model.clock.lasts_s / 86_400:
                repeat = time
        if (act, sender) == (ACT_INDEX["suggests_meeting"], 0) and tables.approach[state]:
            meeting = min(meeting, time)
    raise AssertionError("a conversation of a million messages")


def told_of(world: World, contacts: Contacts) -> NDArray[np.float64]:
    """When each child tells an adult, as the kernel has it (waking seconds)."""
    out = new_output(world.batch_size, 200_000)
    return np.concatenate([out.told[: len(batch.contacts)].copy() for batch in world.batches(contacts, out)])


def compare(world: World, batch: Batch) -> NDArray[np.float64]:
    """Hold every conversation against the reference; when its children told."""
    found = told_of(world, batch.contacts)
    for i in range(len(batch.contacts)):
        told = reference(world, batch.contacts.take(slice(i, i + 1)))
        own = slice(batch.view.begin[i], batch.view.end[i])
        assert batch.view.symbol[own].tolist() == told.symbol
        assert batch.view.time_s[own].tolist() == told.time
        assert batch.stage[own].tolist() == told.stage
        assert batch.truth.messages[i] == len(told.symbol)
        for name in ("offence", "repeat", "meeting", "reason"):
            assert getattr(batch.truth, name)[i] == getattr(told, name), name
        # The reference adds hazards up gap by gap, the kernel stage by stage: equal but for rounding.
        assert batch.truth.closed[i] == pytest.approx(told.closed, rel=1e-9)
        assert found[i] == pytest.approx(told.told, rel=1e-9)
    return found


def test_grooming_equals_the_reference(eventful: World, grooming: Contacts, whole: Whole) -> None:
    batch = whole(eventful, grooming.take(slice(0, 600)))
    assert np.bincount(batch.truth.reason, minlength=len(REASONS)).min() >= 5  # every way to end is among them
    assert min(np.isfinite(getattr(batch.truth, event)).sum() for event in ("offence", "repeat", "meeting")) >= 5
    told, truth = compare(eventful, batch), batch.truth
    ways = {
        "while it goes on": (told < truth.closed) & np.isfinite(told),
        "and so ends it": (told == truth.closed) & (truth.reason == ADULT),
        "afterwards": (told > truth.closed) & np.isfinite(told),
        "before an offence": told < truth.offence,
    }
    for way, found in ways.items():
        assert found.sum() >= 5, way


def test_harmless_equals_the_reference(eventful: World, whole: Whole) -> None:
    contacts = next(iter(eventful.benign_contacts())).take(slice(0, 120))
    assert np.isinf(compare(eventful, whole(eventful, contacts))).all()


def same(one: Batch, two: Batch) -> None:
    assert np.array_equal(one.view.symbol, two.view.symbol) and np.array_equal(one.view.time_s, two.view.time_s)
    assert np.array_equal(one.stage, two.stage)
    assert np.array_equal(one.view.begin, two.view.begin) and np.array_equal(one.view.end, two.view.end)
    for field in fields(Truth):
        assert np.array_equal(getattr(one.truth, field.name), getattr(two.truth, field.name)), field.name


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_split_into_batches_changes_nothing(eventful: World, grooming: Contacts, whole: Whole, size: int) -> None:
    contacts = grooming.take(slice(0, 200))
    same(whole(replace(eventful, batch_size=size), contacts), whole(eventful, contacts))


def test_order_and_company_change_nothing(eventful: World, grooming: Contacts, whole: Whole) -> None:
    alone, backwards = whole(eventful, grooming.take([40])), whole(eventful, grooming.take(slice(40, 0, -1)))
    same(alone, replace(backwards, **first_of(backwards)))


def first_of(batch: Batch) -> dict[str, Any]:
    end = int(batch.view.end[0])
    view = replace(
        batch.view,
        symbol=batch.view.symbol[:end],
        time_s=batch.view.time_s[:end],
        begin=batch.view.begin[:1],
        end=batch.view.end[:1],
    )
    return {"view": view, "truth": batch.truth.take(slice(0, 1)), "stage": batch.stage[:end]}


@pytest.mark.parametrize(("conversations", "messages"), [(50, LANES), (50, 700), (3, 5000)])
def test_a_buffer_too_small_only_costs_batches(
    eventful: World, grooming: Contacts, whole: Whole, conversations: int, messages: int
) -> None:
    contacts = grooming.take(slice(0, 100))
    expected = whole(eventful, contacts)
    done = 0
    for batch in eventful.batches(contacts, new_output(conversations, messages)):
        assert 0 < len(batch.contacts) == len(batch.view) <= eventful.batch_size
        for i in range(len(batch.contacts)):
            mine, theirs = (slice(v.begin[j], v.end[j]) for v, j in ((batch.view, i), (expected.view, done + i)))
            assert np.array_equal(batch.view.symbol[mine], expected.view.symbol[theirs])
            assert np.array_equal(batch.view.time_s[mine], expected.view.time_s[theirs])
        assert np.array_equal(batch.truth.closed, expected.truth.closed[done : done + len(batch.contacts)])
        assert np.array_equal(batch.contacts.conversation, contacts.conversation[done : done + len(batch.contacts)])
        done += len(batch.contacts)
    assert done == len(contacts)


def test_one_conversation_made_again(eventful: World, grooming: Contacts, whole: Whole) -> None:
    contacts = grooming.take(slice(0, 100))
    batch = whole(eventful, contacts)
    assert (batch.truth.reason == ADULT).any()
    for row in range(len(contacts)):
        own = slice(batch.view.begin[row], batch.view.end[row])
        symbol, time = batch.view.symbol[own], batch.view.time_s[own]
        middle = time[time.size // 2]
        for after, kept in ((-np.inf, time >= 0), (middle, time > middle)):
            again = eventful.messages_of(contacts, batch.truth, row, after)
            assert again.symbol.tolist() == symbol[kept].tolist() and again.time_s.tolist() == time[kept].tolist()
            assert (again.begin.tolist(), again.end.tolist()) == ([0], [kept.sum()])
            assert again.platform.tolist() == [contacts.platform[row]]


def test_no_conversations_no_batches(eventful: World, grooming: Contacts) -> None:
    assert list(eventful.batches(grooming.take(slice(0, 0)))) == []


def test_a_longer_period_leaves_earlier_messages_as_they_are(
    eventful: World, grooming: Contacts, whole: Whole, make_model: Callable[..., WorldModel]
) -> None:
    longer = World(make_model("period.end=2017-05-31", *EVENTFUL[1:]), SEED)
    later = longer.grooming_contacts(OFFENDERS)
    kept = np.flatnonzero(later.start < eventful.model.horizon)
    for name in Contacts.__slots__:
        assert np.array_equal(getattr(later, name)[kept], getattr(grooming, name)), name
    short, long = whole(eventful, grooming), whole(longer, later.take(kept))
    horizon = eventful.model.horizon
    within = long.view.time_s < horizon
    assert np.array_equal(long.view.symbol[within], short.view.symbol)
    assert np.array_equal(long.view.time_s[within], short.view.time_s)
    for name in (*LADDER, "closed"):
        before, after = getattr(short.truth, name), getattr(long.truth, name)
        assert np.array_equal(before, np.where(after < horizon, after, NEVER)), name
    closed = np.isfinite(short.truth.closed)
    assert np.array_equal(short.truth.reason[closed], long.truth.reason[closed])
    assert (~closed).any() and set(short.truth.reason[~closed]) == {CENSORED}


def test_an_adult_who_would_come_too_late_does_not_end_it(eventful: World, grooming: Contacts, whole: Whole) -> None:
    # The next message and the adult both lie beyond the period: the conversation is open, not ended by an adult.
    course, clock = eventful.model.scenario.world.natural_course, eventful.model.clock
    known = disclosure(SEED, grooming, course, clock)
    truth, told = whole(eventful, grooming).truth, told_of(eventful, grooming)
    open_ = truth.reason == CENSORED
    late = open_ & known.ends & np.isfinite(known.notices_at)
    assert late.sum() >= 3 and known.notices_at[late].min() >= eventful.model.horizon
    assert np.array_equal(np.isinf(truth.closed), open_)
    stop, adult = np.minimum(known.notices_at, told), truth.reason == ADULT
    assert adult.any() and known.ends[adult].all() and np.array_equal(truth.closed[adult], stop[adult])
    assert not np.isfinite(told[open_ & known.ends]).any()


def test_a_conversation_is_the_same_whenever_it_begins(eventful: World, grooming: Contacts, whole: Whole) -> None:
    """On the waking clock: times are later by as much, up to rounding; what was said and why it ended is equal."""
    contacts = grooming.take(slice(0, 400))
    at_once = replace(contacts, start=np.zeros(len(contacts)))
    endless = World(replace(eventful.model, horizon=400 * eventful.model.clock.lasts_s), SEED)
    first = whole(endless, at_once)
    assert np.isfinite(first.truth.closed).all() and set(first.truth.reason) == {1, 2, 3, 4, ADULT}
    for day in (3.0, 0.7):
        by = day * eventful.model.clock.lasts_s
        later = whole(endless, replace(contacts, start=np.full(len(contacts), by)))
        for name in ("symbol", "begin", "end"):
            assert np.array_equal(getattr(first.view, name), getattr(later.view, name)), name
        assert np.array_equal(first.stage, later.stage)
        assert np.allclose(later.view.time_s, first.view.time_s + by, rtol=0, atol=1e-5)
        for name in (*LADDER, "reported", "closed"):
            then, now = getattr(first.truth, name), getattr(later.truth, name)
            assert np.isfinite(now).any() and np.allclose(now, then + by, rtol=0, atol=1e-5), name
        assert np.array_equal(first.truth.reason, later.truth.reason)
