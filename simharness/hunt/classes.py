"""What a miss hangs on: one feature of a trajectory is taken away at a time, and the rest is judged again.

A feature by which the detector alerts in time once it is taken away belongs to the miss. Where nothing does so by
itself, either the detector takes no notice of what is said, or it needs more of it than the bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from simharness.hunt.records import Judgement, Reader, Sender, Step, Trajectory
from simharness.hunt.trajectory import HARM, messages_of, small_talk
from simharness.units import format_duration
from simharness.world.acts import ACT_INDEX, ACTS

Judge = Callable[[Trajectory], Judgement]
Change = Callable[[Trajectory], Trajectory]

SHORT_S, LONG_S = 60.0, 3600.0  # gaps that are in nobody's way
CLEAR = 2.0  # log-odds above its level: the bound would have alerted at about a seventh of the odds it did
BEFORE = Step("says_goodbye", "initiator", SHORT_S, 60)  # small talk that comes before everything
HEARD = 0.25  # share of what evidence does elsewhere below which it counts as hardly heard; texts differ a little too
GAPS, PACE, LENGTH, WEIGHT, START = "gaps", "pace", "length", "weight", "start"
MOVE, BESIDE = "move", "beside"
INITIATOR: Sender = "initiator"  # the party of whom nothing is read
CHILD: Sender = "child"
ACTS_UNREAD, EVIDENCE = "acts", "evidence"  # where nothing undoes the miss


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Takes misses apart. ``evidence``: acts that tell something, by who can send them."""

    judge: Judge
    evidence: Sequence[tuple[str, Sender]]

    def features_of(self, trajectory: Trajectory) -> frozenset[str]:
        """The features that a clear miss hangs on; empty for what is none, or where several are each enough."""
        if not self._missed(trajectory) or all(small_talk(step.act) for step in evidence_of(trajectory)):
            return frozenset()
        if found := self._undoing(trajectory, _TAKEN_AWAY):
            forgets = LENGTH not in found or self._hears_more(_length(trajectory), trajectory)
            return found if forgets else found - {LENGTH} | {WEIGHT}
        plain = _plain(trajectory)
        if not self._missed(plain):  # other features each hide it, or it needs them to be seen at all
            return frozenset()
        if deaf := [sender for sender in (INITIATOR, CHILD) if self._deaf_to(plain, sender)]:
            return frozenset(deaf)
        added = {name: change for name, change in _ADDED.items() if self._hears_more(change(plain), plain)}
        if found := self._undoing(plain, added):
            return found
        # What it takes no notice of at first it may read later, and still need more of it.
        later = not self._rises(plain) and self._rises(_start(plain))
        return frozenset({START if later else EVIDENCE if self._rises(plain) else ACTS_UNREAD})

    def _missed(self, trajectory: Trajectory) -> bool:
        judged = self.judge(trajectory)
        return judged.missed and judged.harm is not None and clearly(judged.bound, judged.harm)

    def _undoing(self, trajectory: Trajectory, changes: Mapping[str, Change]) -> frozenset[str]:
        return frozenset(name for name, change in changes.items() if self._in_time(change(trajectory)))

    def _in_time(self, trajectory: Trajectory) -> bool:
        """Whether the detector alerts before the harm."""
        judged = self.judge(trajectory)
        return judged.detector.alert is not None and judged.harm is not None and judged.detector.alert < judged.harm

    def _deaf_to(self, plain: Trajectory, sender: Sender) -> bool:
        """Whether nothing that one party sends changes anything, and something does that the other sends."""
        if all(step.sender != sender for step in evidence_of(plain)) or not self._unheard(plain, sender):
            return False
        unheard = {(act, by): self._unheard(_said_instead(plain, act, by), by) for act, by in self.evidence}
        return all(same for (_, by), same in unheard.items() if by == sender) and not all(unheard.values())

    def _unheard(self, said: Trajectory, sender: Sender) -> bool:
        """Whether the detector reads it as if one party had sent small talk instead."""
        return self._before(said) == self._before(_hush(said, sender))

    def _rises(self, said: Trajectory) -> bool:
        """Whether the evidence brings the detector's risk higher than small talk would."""
        quiet = _hush(_hush(said, "initiator"), "child")
        return max(self._before(said), default=-inf) > max(self._before(quiet), default=-inf)

    def _hears_more(self, one: Trajectory, other: Trajectory) -> bool:
        """Whether the first or the last pieces of the evidence, the same in both, hardly count for it in the other."""
        number = len(evidence_of(other))
        parts = [*(range(cut) for cut in range(1, number + 1)), *(range(cut, number) for cut in range(1, number))]
        least = HEARD * self._weight(one, range(number))  # a part that tells nothing is no loss
        telling = [(part, told) for part in parts if (told := self._weight(one, part)) > least]
        return any(self._weight(other, part) < HEARD * told for part, told in telling)

    def _weight(self, said: Trajectory, part: range) -> float:
        """How far some of the evidence, by its places in it, moves the detector's risk after the last of it."""
        evidence = evidence_of(said)
        places = [place for place, step in enumerate(said.steps) if step in evidence]
        hushed = {places[number] for number in part}
        quiet = (replace(step, act=BEFORE.act) if place in hushed else step for place, step in enumerate(said.steps))
        until = sum(step.times for step in said.steps[: places[-1] + 1])
        risks = [self._so_far(each, until) for each in (said, replace(said, steps=tuple(quiet)))]
        return abs(risks[0][-1] - risks[1][-1]) if all(risks) else 0.0

    def _before(self, trajectory: Trajectory) -> list[float]:
        judged = self.judge(trajectory)
        assert judged.harm is not None
        return before_harm(judged.detector, judged.harm)

    def _so_far(self, trajectory: Trajectory, messages: int) -> list[float]:
        return before_harm(self.judge(trajectory).detector, messages + 1)


def sentence(found: Judgement, features: Iterable[str]) -> str:
    """A class of misses in words, with the numbers of its smallest member."""
    trajectory = found.trajectory
    parts = [_WORDS[name](trajectory) for name in _WORDS if name in features]
    return f"Missed {' and '.join(parts)}."


def clearly(bound: Reader, harm: int) -> bool:
    """Whether the bound is well above its level before the harm: what is missed by a hair is no blind spot."""
    return max(before_harm(bound, harm), default=-inf) >= bound.level + CLEAR


def before_harm(reader: Reader, harm: int) -> list[float]:
    """A reader's risk after each message before the harm, as far as it gave one."""
    return [risk for risk in reader.risk[: harm - 1] if risk is not None]


def evidence_of(trajectory: Trajectory) -> list[Step]:
    """The steps before the harm that are no small talk; all of them where small talk is all there is."""
    steps = [step for step in trajectory.steps if (step.act, step.sender) != HARM]
    return [step for step in steps if not small_talk(step.act)] or steps


def without(trajectory: Trajectory, places: Sequence[int]) -> Trajectory:
    """The trajectory without some of its steps; it moves with the step that follows, if any does."""
    steps = tuple(step for place, step in enumerate(trajectory.steps) if place not in places)
    moved = trajectory.moved_at
    if moved is not None:
        moved -= sum(place < moved for place in places)
        moved = moved if 0 < moved < len(steps) else None
    return replace(trajectory, steps=steps, moved_at=moved)


def waited(trajectory: Trajectory, places: Sequence[int]) -> Trajectory:
    """The trajectory without some of its steps, the others sent when they were."""
    steps, passed = list(trajectory.steps), 0.0
    for place, step in enumerate(steps):
        if place in places:
            passed += step.times * step.gap_s
        else:
            steps[place], passed = replace(step, gap_s=step.gap_s + passed), 0.0
    return without(replace(trajectory, steps=tuple(steps)), places)


# -- one feature taken away, or added --


def _gaps(trajectory: Trajectory) -> Trajectory:
    return _each(trajectory, lambda step: replace(step, gap_s=min(step.gap_s, SHORT_S)))


def _pace(trajectory: Trajectory) -> Trajectory:
    return _each(trajectory, lambda step: replace(step, gap_s=max(step.gap_s, LONG_S)))


def _length(trajectory: Trajectory) -> Trajectory:
    """Without its small talk, at the same times: how long it takes is another feature."""
    evidence = evidence_of(trajectory)
    return waited(
        trajectory, [n for n, step in enumerate(trajectory.steps) if small_talk(step.act) and step not in evidence]
    )


def _start(trajectory: Trajectory) -> Trajectory:
    moved = None if trajectory.moved_at is None else trajectory.moved_at + 1
    return replace(trajectory, steps=(BEFORE, *trajectory.steps), moved_at=moved)


def _stay(trajectory: Trajectory) -> Trajectory:
    return replace(trajectory, moved_at=None)


def _alone(trajectory: Trajectory) -> Trajectory:
    return replace(trajectory, beside=0)


def _plain(trajectory: Trajectory) -> Trajectory:
    """Without anything but what is said."""
    return _alone(_stay(_length(_gaps(trajectory))))


def _each(trajectory: Trajectory, change: Callable[[Step], Step]) -> Trajectory:
    return replace(trajectory, steps=tuple(change(step) for step in trajectory.steps))


def _hush(trajectory: Trajectory, sender: Sender) -> Trajectory:
    """Small talk in place of one party's evidence."""
    evidence = [step for step in evidence_of(trajectory) if step.sender == sender]
    return _each(trajectory, lambda step: replace(step, act=BEFORE.act) if step in evidence else step)


def _said_instead(trajectory: Trajectory, act: str, sender: Sender) -> Trajectory:
    """Another act, and sender, in place of all the evidence."""
    evidence = evidence_of(trajectory)
    return _each(trajectory, lambda step: replace(step, act=act, sender=sender) if step in evidence else step)


_TAKEN_AWAY: dict[str, Change] = {GAPS: _gaps, LENGTH: _length, MOVE: _stay, BESIDE: _alone}
# More small talk and more time tell something themselves, so they are asked only where nothing else is the reason.
_ADDED: dict[str, Change] = {START: _start, PACE: _pace}


# -- in words --


def _gaps_said(trajectory: Trajectory) -> str:
    shortest = min(step.gap_s for step in trajectory.steps[1:] if step.gap_s > SHORT_S)
    return f"when messages are {format_duration(shortest)} or more apart"


def _pace_said(trajectory: Trajectory) -> str:
    return f"when messages come {format_duration(max(step.gap_s for step in trajectory.steps[1:]))} apart"


def _talk(trajectory: Trajectory) -> int:
    """Messages of small talk that are not the evidence."""
    evidence = evidence_of(trajectory)
    return sum(step.times for step in trajectory.steps if small_talk(step.act) and step not in evidence)


def _length_said(trajectory: Trajectory) -> str:
    talk = _talk(trajectory)
    return f"when {_counted(talk, 'message')} of small talk come{'s' * (talk == 1)} before the harm"


def _weight_said(trajectory: Trajectory) -> str:
    talk = _talk(trajectory)
    return f"when {_counted(talk, 'message')} of small talk outweigh{'s' * (talk == 1)} the rest"


def _start_said(trajectory: Trajectory) -> str:
    first = len(messages_of(trajectory)) - 1
    return f"when all there is to see is in the first {_counted(first, 'message')}"


def _beside_said(trajectory: Trajectory) -> str:
    others = trajectory.beside
    return f"when {_counted(others, 'other conversation')} alike began before it"


def _said(trajectory: Trajectory) -> str:
    """The acts of the evidence, by their glosses."""
    acts = Counter(step.act for step in evidence_of(trajectory))
    return " and ".join(f"{number} x {ACTS[ACT_INDEX[act]].gloss}" for act, number in acts.items())


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


_WORDS: dict[str, Callable[[Trajectory], str]] = {
    GAPS: _gaps_said,
    PACE: _pace_said,
    LENGTH: _length_said,
    WEIGHT: _weight_said,
    START: _start_said,
    MOVE: lambda trajectory: "when the conversation moves to another platform",
    BESIDE: _beside_said,
    INITIATOR: lambda trajectory: "because no notice is taken of what is sent by the one who made contact",
    CHILD: lambda trajectory: "because no notice is taken of what is sent by the child",
    ACTS_UNREAD: lambda trajectory: f"because its risk does not rise with {_said(trajectory)}",
    EVIDENCE: lambda trajectory: f"because it needs more than the bound, for which {_said(trajectory)} would do",
}
