"""What a miss hangs on, with readers whose answers are written down; and its smallest member."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simharness.hunt.classes import Anatomy, sentence, waited
from simharness.hunt.minimal import minimal
from simharness.hunt.records import Judgement, Reader, Step, Trajectory
from simharness.hunt.trajectory import harm_of, messages_of, small_talk

TELLS = Step("asks_private", "initiator", 60.0)
CHILDS = Step("asks_private", "child", 60.0)
TALK = Step("school", "child", 60.0, 40)
HARM = Step("sexual", "initiator", 60.0)
EVIDENCE = (("asks_private", "initiator"), ("asks_private", "child"))
Reads = Callable[[Trajectory], list[float]]


def messages(trajectory: Trajectory) -> list[Step]:
    return messages_of(trajectory)


def counting(trajectory: Trajectory) -> list[float]:
    """One for each risk act so far."""
    told, out = 0, []
    for step in messages(trajectory):
        told += not small_talk(step.act)
        out.append(float(told))
    return out


def judged_by(reads: Reads, level: float = 3.0) -> Callable[[Trajectory], Judgement]:
    def judge(trajectory: Trajectory) -> Judgement:
        def reader(name: str, risk: list[float], level: float) -> Reader:
            alert = next((n for n, value in enumerate(risk, 1) if value >= level), None)
            return Reader(name, tuple(risk), level, alert)

        bound = [3.0 * value for value in counting(trajectory)]
        return Judgement(
            trajectory, harm_of(trajectory), reader("bound", bound, 7.0), reader("d", reads(trajectory), level)
        )

    return judge


def hasty(trajectory: Trajectory) -> list[float]:
    """Forgets what was said more than half an hour before."""
    told, out = 0, []
    for step in messages(trajectory):
        told = (0 if step.gap_s > 1800 else told) + (not small_talk(step.act))
        out.append(float(told))
    return out


def forgetful(trajectory: Trajectory) -> list[float]:
    """Knows the last 20 messages."""
    told = [not small_talk(step.act) for step in messages(trajectory)]
    return [float(sum(told[max(0, n - 19) : n + 1])) for n in range(len(told))]


def settled(trajectory: Trajectory) -> list[float]:
    """Begins afresh where a conversation moves."""
    whole = counting(trajectory)
    if trajectory.moved_at is None:
        return whole
    before = sum(step.times for step in trajectory.steps[: trajectory.moved_at])
    return [value - (whole[before - 1] if n >= before else 0.0) for n, value in enumerate(whole)]


def busy(trajectory: Trajectory) -> list[float]:
    return [0.0 if trajectory.beside >= 3 else value for value in counting(trajectory)]


def late(trajectory: Trajectory) -> list[float]:
    return [0.0 if n < 10 else value for n, value in enumerate(counting(trajectory))]


def averse(trajectory: Trajectory) -> list[float]:
    """Small talk takes away a little, and nothing is forgotten."""
    told, out = 0.0, []
    for step in messages(trajectory):
        told += -0.01 if small_talk(step.act) else 1.0
        out.append(told)
    return out


def first_only(trajectory: Trajectory) -> list[float]:
    """Stops reading after 20 messages."""
    return [counting(trajectory)[min(n, 19)] for n in range(len(messages(trajectory)))]


def chatty(trajectory: Trajectory) -> list[float]:
    """Needs more evidence than the bound; small talk, and time, tell it a little."""
    risk, out = 0.0, []
    for step in messages(trajectory):
        risk += 0.1 if small_talk(step.act) else 0.5
        risk += step.gap_s / 3600
        out.append(risk)
    return out


def slow_typist(trajectory: Trajectory) -> list[float]:
    """Takes no notice of what comes within ten minutes."""
    told, out = 0, []
    for step in messages(trajectory):
        told += not small_talk(step.act) and step.gap_s >= 600
        out.append(float(told))
    return out


def deaf(trajectory: Trajectory) -> list[float]:
    """Hears the child alone."""
    told, out = 0, []
    for step in messages(trajectory):
        told += not small_talk(step.act) and step.sender == "child"
        out.append(float(told))
    return out


CASES = [
    (hasty, Trajectory((TELLS, TELLS, Step("asks_private", "initiator", 1860.0), HARM)), "gaps", "31 min"),
    (forgetful, Trajectory((TELLS, TELLS, TALK, TELLS, HARM)), "length", "40 messages of small talk"),
    (first_only, Trajectory((TALK, TELLS, TELLS, TELLS, HARM)), "length", "40 messages of small talk"),
    (averse, Trajectory((TELLS, TELLS, TALK, TELLS, HARM)), "weight", "40 messages of small talk outweigh the rest"),
    (
        averse,
        Trajectory((TELLS, TELLS, Step("school", "child", 60.0), TELLS, HARM)),
        "weight",
        "1 message of small talk outweighs",
    ),
    (settled, Trajectory((TELLS, TELLS, TELLS, HARM), moved_at=1), "move", "another platform"),
    (busy, Trajectory((TELLS, TELLS, TELLS, HARM), beside=3), "beside", "3 other conversations"),
    (late, Trajectory((TELLS, TELLS, TELLS, HARM)), "start", "first 3 messages"),
    (slow_typist, Trajectory((TELLS, TELLS, TELLS, TELLS, HARM)), "pace", "1 min apart"),
    (chatty, Trajectory((TELLS, TELLS, TELLS, HARM)), "evidence", "needs more"),
    (deaf, Trajectory((TELLS, TELLS, TELLS, HARM)), "initiator", "the one who made contact"),
    (lambda t: [0.0] * len(messages(t)), Trajectory((TELLS, TELLS, TELLS, HARM)), "acts", "3 x [asks to keep this"),
    (lambda t: [value / 2 for value in counting(t)], Trajectory((TELLS, TELLS, TELLS, HARM)), "evidence", "needs more"),
]


@pytest.mark.parametrize(("reads", "missed", "feature", "said"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_miss_hangs_on_what_undoes_it(reads: Reads, missed: Trajectory, feature: str, said: str) -> None:
    judge = judged_by(reads)
    assert judge(missed).missed
    assert Anatomy(judge, EVIDENCE).features_of(missed) == {feature}
    assert said in sentence(judge(missed), {feature})


def test_small_talk_is_taken_out_and_its_time_is_not() -> None:
    talked = Trajectory((TELLS, TALK, TELLS, HARM), moved_at=2)
    left = (TELLS, Step("asks_private", "initiator", 2460.0), HARM)
    assert waited(talked, [1]) == Trajectory(left, moved_at=1)
    assert waited(talked, [0, 1, 2]) == Trajectory((Step("sexual", "initiator", 2580.0),))


def test_two_features_that_are_both_needed_belong_together() -> None:
    both = judged_by(lambda t: hasty(t) if t.moved_at else counting(t))
    missed = Trajectory((TELLS, TELLS, Step("asks_private", "initiator", 1860.0), HARM), moved_at=1)
    features = Anatomy(both, EVIDENCE).features_of(missed)
    assert features == {"gaps", "move"}
    assert " and when " in sentence(both(missed), features)


def test_features_that_are_each_enough_are_not_told_apart() -> None:
    either = judged_by(lambda t: [0.0] * 4 if t.moved_at or t.beside else counting(t))
    assert not Anatomy(either, EVIDENCE).features_of(Trajectory((TELLS, TELLS, TELLS, HARM), moved_at=1, beside=1))


def test_what_is_missed_by_a_hair_and_what_is_not_missed_have_no_features() -> None:
    nothing = Anatomy(judged_by(lambda t: [0.0] * len(messages(t))), EVIDENCE)
    assert not nothing.features_of(Trajectory((TELLS, TELLS, HARM)))  # the bound does not alert either
    by_a_hair = judged_by(lambda t: [0.0] * len(messages(t)))

    def nearly(trajectory: Trajectory) -> Judgement:
        judged = by_a_hair(trajectory)
        bound = Reader("bound", judged.bound.risk, 7.5, judged.bound.alert)  # 9 - 7.5 < 2
        return Judgement(trajectory, judged.harm, bound, judged.detector)

    assert nearly(Trajectory((TELLS, TELLS, TELLS, HARM))).missed
    assert not Anatomy(nearly, EVIDENCE).features_of(Trajectory((TELLS, TELLS, TELLS, HARM)))
    assert not Anatomy(judged_by(counting), EVIDENCE).features_of(Trajectory((TELLS, TELLS, TELLS, HARM)))


def test_one_act_unread_is_not_a_party_unheard() -> None:
    def others(trajectory: Trajectory) -> list[float]:
        told = [step.act not in ("asks_private", "school", "says_goodbye") for step in messages(trajectory)]
        return [float(sum(told[: n + 1])) for n in range(len(told))]

    known = (*EVIDENCE, ("asks_age", "initiator"), ("asks_age", "child"))
    missed = Trajectory((TELLS, TELLS, TELLS, HARM))
    assert Anatomy(judged_by(others), known).features_of(missed) == {"acts"}


def test_the_smallest_member_shows_where_the_blind_spot_begins() -> None:
    anatomy = Anatomy(judged_by(hasty), EVIDENCE)
    week = Step("asks_private", "initiator", 604_800.0)
    wide = Trajectory((TALK, week, TALK, week, TALK, week, week, HARM), moved_at=3, beside=4)
    small = minimal(wide, lambda smaller: anatomy.features_of(smaller) == {"gaps"})
    assert small == Trajectory((TELLS, TELLS, Step("asks_private", "initiator", 1860.0), HARM)) or small == Trajectory(
        (TELLS, Step("asks_private", "initiator", 1860.0), TELLS, HARM)
    )
    long = Trajectory((TALK, TELLS, TELLS, TALK, TALK, TELLS, TALK, HARM), beside=2)
    anatomy = Anatomy(judged_by(forgetful), EVIDENCE)
    small = minimal(long, lambda smaller: anatomy.features_of(smaller) == {"length"})
    assert [step.act for step in small.steps] == ["asks_private", "asks_private", "school", "asks_private", "sexual"]
    assert small.steps[2].times == 18


def test_runs_are_lowered_past_places_that_do_not_hold() -> None:
    holds = (48, 49, 98, 99)
    missed = Trajectory((Step("school", "child", 60.0, 99), HARM))
    small = minimal(missed, lambda t: len(t.steps) == 2 and t.steps[0].times in holds)
    assert small.steps[0].times == 48
    moved = minimal(Trajectory((TELLS,) * 5, moved_at=4), lambda t: len(t.steps) == 5 and (t.moved_at or 0) >= 2)
    assert moved.moved_at == 2
