"""What readers get of a trajectory, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simharness.errors import UsageError
from simharness.hunt.records import Step, Trajectory
from simharness.hunt.trajectory import harm_of, messages_of, require_sound, send
from simharness.world.acts import ACT_INDEX, ACTS
from simharness.world.model import WorldModel

HARM = Step("sexual", "initiator", 60.0)
TALK = Step("school", "child", 120.0, 3)
PRIVATE = Step("asks_private", "initiator", 600.0)


def test_steps_become_messages_in_order_of_time(model: WorldModel) -> None:
    batch = send(Trajectory((PRIVATE, TALK, HARM)), model.phrasebooks["use"], 0, 1).batch
    acts = model.phrasebooks["use"].act_of[batch.symbol >> 1]
    assert [ACTS[act].name for act in acts] == ["asks_private", "school", "school", "school", "sexual"]
    assert (batch.symbol & 1).tolist() == [0, 1, 1, 1, 0]
    assert batch.time_s.tolist() == [0.0, 120.0, 240.0, 360.0, 420.0]  # the first gap counts for nothing
    assert (batch.begin.tolist(), batch.end.tolist(), batch.platform.tolist()) == ([0], [5], [0])
    assert not batch.moved.size


def test_an_act_takes_another_phrase_each_time_until_all_are_used(model: WorldModel) -> None:
    book = model.phrasebooks["use"]
    count = int(book.count[ACT_INDEX["asks_private"]])
    symbols = send(Trajectory((PRIVATE,) * (count + 1)), book, 0, 0).batch.symbol
    assert len(set(symbols[:count].tolist())) == count
    assert symbols[count] == symbols[0]
    assert np.abs(np.diff(symbols[:3].astype(int))).min() > 2  # spread over them, not neighbours


def test_others_beside_begin_ten_minutes_apart_and_the_last_is_looked_at(model: WorldModel) -> None:
    sent = send(Trajectory((PRIVATE, HARM), beside=2), model.phrasebooks["use"], 0, 1)
    assert sent.batch.time_s.tolist() == [0.0, 60.0, 600.0, 660.0, 1200.0, 1260.0]
    assert sent.looked_at == slice(4, 6)
    events, order = sent.events(model.clock)
    assert len({*events.account.tolist(), *events.child.tolist()}) == 6  # accounts of their own
    assert order.tolist() == [0, 1, 2, 3, 4, 5]
    assert events.time_s[0] == model.clock.begins_s  # wall seconds


def test_a_move_is_told_to_readers_of_either_kind(model: WorldModel) -> None:
    sent = send(Trajectory((PRIVATE, TALK, PRIVATE, HARM), moved_at=2), model.phrasebooks["use"], 3, 1)
    assert sent.batch.moved.tolist() == [4]
    assert sent.batch.platform.tolist() == [3]
    events, _ = sent.events(model.clock)
    assert events.platform.tolist() == [3, 3, 3, 3, 1, 1]
    assert events.number.tolist() == [1, 2, 3, 4, 5, 6]


def test_harm_is_the_first_offence_of_the_one_who_made_contact() -> None:
    theirs = Step("sexual", "child", 60.0)
    assert harm_of(Trajectory((theirs, TALK, HARM, HARM))) == 5
    assert harm_of(Trajectory((theirs, TALK))) is None
    assert [step.times for step in messages_of(Trajectory((TALK,)))] == [1, 1, 1]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (Trajectory(()), "steps"),
        (Trajectory((Step("waves", "initiator", 60.0),)), "steps.0.act"),
        (Trajectory((HARM, Step("school", "police", 60.0))), "steps.1.sender"),  # type: ignore[arg-type]
        (Trajectory((Step("school", "child", -1.0),)), "steps.0.gap_s"),
        (Trajectory((Step("school", "child", float("nan")),)), "steps.0.gap_s"),
        (Trajectory((Step("school", "child", 60.0, 0),)), "steps.0.times"),
        (Trajectory((Step("asks_age", "child", 60.0, 2),)), "steps.0.times"),
        (Trajectory((HARM, HARM), moved_at=0), "moved_at"),
        (Trajectory((HARM, HARM), moved_at=2), "moved_at"),
        (Trajectory((HARM,), beside=-1), "beside"),
    ],
)
def test_what_cannot_be_sent_is_refused(wrong: Trajectory, where: str) -> None:
    with pytest.raises(UsageError) as error:
        require_sound(wrong)
    assert error.value.where == where
