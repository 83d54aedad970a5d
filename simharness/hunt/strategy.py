"""Trajectories for Hypothesis: acts that offenders and children can send, gaps, a move, and others beside.

Every trajectory ends with the harm. Shrinking leads to fewer steps, one minute between them, the acts that tell most,
no move and nobody beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from simharness.hunt.records import Judgement, Sender, Step, Trajectory
from simharness.hunt.trajectory import HARM, SENDERS
from simharness.scenario.model import Scenario
from simharness.world.acts import ACTS, BENIGN_ACTS, RISK_ACTS
from simharness.world.clock import DAY_S
from simharness.world.grammar import CompiledGrammar, compile_grammar
from simharness.world.model import WorldModel

_Sendable = tuple[str, Sender]
_SELDOM = 3  # of four
_PLACES = 2520  # places in lists that are shorter: a multiple of the usual lengths
_T = TypeVar("_T")

MINUTE_S = 60.0
GAPS_MIN = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 120, 180, 300, 480, 720, 1080, 1440, 2880, 4320, 7200, 10080)
TIMES = (1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 150)
_HARM = cast(_Sendable, HARM)
_LONG_S, _CROWD = DAY_S, 8  # what a conversation is disturbed with
PALETTE = 3  # different acts of evidence in one trajectory: more of a few tell more than a few of many
STRONG = 8  # acts that are taken three times as often as others
# Hypothesis puts small integers that it finds in loaded modules among its draws, so that what it tries would depend on
# who calls. Nobody writes integers such as these.
_NOBODYS = 0x5A17_3C29_E86B_D450_91F7


def trajectories(
    world: WorldModel | Scenario | None = None,
    *,
    steps: int = 10,
    talk: int = 12,
    longest_gap_s: float = 7 * DAY_S,
    times: int = 150,
    moves: bool = True,
    beside: int = 8,
) -> SearchStrategy[Trajectory]:
    """Trajectories with at most ``steps`` steps before the harm.

    ``world``: whose grammar says who can send which act in grooming conversations (None: anybody any act).
    ``talk``: so many acts of small talk, those that tell least; ``longest_gap_s``: waking seconds, at least a minute;
    ``times``: most messages of small talk in one step; ``moves``: whether some go on on another platform;
    ``beside``: most conversations alike that run beside it.
    """
    evidence, chat = sendable(world)
    made = _Made(
        [*evidence, *2 * evidence[:STRONG]],
        chat[: max(1, talk)],
        [MINUTE_S * gap for gap in GAPS_MIN if MINUTE_S * gap <= longest_gap_s] or [MINUTE_S],
        [run for run in TIMES if run <= times] or [1],
    )
    # Plain tuples of integers: to draw a trajectory takes longer than to judge it, and layers cost the most.
    step = st.tuples(_below(3), _below(_PLACES), _below(2 * len(made.gaps)), _below(len(made.runs)))
    return st.builds(
        made.trajectory,
        st.lists(_below(len(made.evidence)), min_size=1, max_size=PALETTE),
        st.lists(step, min_size=1, max_size=max(1, steps)),
        _below(2 * len(made.gaps)),
        st.tuples(_below(4 if moves else 1), _below(_PLACES)),
        st.tuples(_below(4 if beside else 1), _below(max(1, beside))),
    )


def disturbed(judged: Judgement) -> Iterator[Trajectory]:
    """What the detector alerts to in time, with one thing in its way: half-way to its alert a move, a long gap or much
    small talk, or many conversations beside it. Few have that by chance and, but for it, enough for its alert.
    """
    trajectory, alert = judged.trajectory, judged.detector.alert
    if judged.harm is None or judged.bound.alert is None or alert is None or alert >= judged.harm:
        return
    steps = [place for place, step in enumerate(trajectory.steps) for _ in range(step.times)]
    half = steps[alert // 2]
    if half:
        yield replace(trajectory, moved_at=half)
    before, now, after = trajectory.steps[:half], trajectory.steps[half], trajectory.steps[half + 1 :]
    yield replace(trajectory, steps=(*before, replace(now, gap_s=_LONG_S), *after))
    moved = None if trajectory.moved_at is None else trajectory.moved_at + (trajectory.moved_at > half)
    talk = Step("says_goodbye", "initiator", MINUTE_S, TIMES[-1])
    yield replace(trajectory, steps=(*before, talk, now, *after), moved_at=moved)
    yield replace(trajectory, beside=_CROWD)


@dataclass(frozen=True, slots=True)
class _Made:
    """Trajectories from the integers that are drawn for them, each ``_NOBODYS`` and more."""

    evidence: Sequence[_Sendable]
    talk: Sequence[_Sendable]
    gaps: Sequence[float]
    runs: Sequence[int]

    def trajectory(
        self,
        palette: Sequence[int],
        steps: Sequence[tuple[int, int, int, int]],
        last: int,
        move: tuple[int, int],
        beside: tuple[int, int],
    ) -> Trajectory:
        """Two steps of evidence to one of small talk; one in four moves, and one in four has others beside it."""
        acts = [_at(self.evidence, drawn) for drawn in palette]
        made = []
        for kind, sent, gap, run in steps:
            chats = kind - _NOBODYS == 2
            act, sender = _at(self.talk if chats else acts, sent)
            made.append(Step(act, sender, self._gap(gap), _at(self.runs, run) if chats else 1))
        made.append(Step(*_HARM, self._gap(last)))
        moved = 1 + (move[1] - _NOBODYS) % (len(made) - 1) if move[0] - _NOBODYS == _SELDOM else None
        others = 1 + beside[1] - _NOBODYS if beside[0] - _NOBODYS == _SELDOM else 0
        return Trajectory(tuple(made), moved, others)

    def _gap(self, drawn: int) -> float:
        """Half of them are the shortest."""
        return self.gaps[max(0, drawn - _NOBODYS - len(self.gaps))]


def sendable(world: WorldModel | Scenario | None) -> tuple[list[_Sendable], list[_Sendable]]:
    """Acts and senders of grooming conversations but for the harm itself: evidence, what tells most first and withheld
    acts last, and small talk, what tells least first.
    """
    if world is None:
        anybody: tuple[Sender, ...] = ("initiator", "child")
        return [(act.name, by) for by in anybody for act in RISK_ACTS], [(act.name, "initiator") for act in BENIGN_ACTS]
    grammar = world.grammar if isinstance(world, WorldModel) else _compiled(world)
    grooming, harmless = _shares(grammar)
    evidence, talk = [], []
    for place in np.flatnonzero(grooming).tolist():
        act, sender = ACTS[place // 2], place % 2
        name: _Sendable = (act.name, cast(Sender, next(by for by, number in SENDERS.items() if number == sender)))
        with np.errstate(divide="ignore"):
            tells = float(np.log(grooming[place]) - np.log(harmless[place]))
        if act.kind == "benign":
            talk.append((abs(tells), place, name))
        elif name != HARM:
            evidence.append((act.kind == "withheld", -tells, place, name))
    return [name for *_, name in sorted(evidence)], [name for *_, name in sorted(talk)]


def _compiled(scenario: Scenario) -> CompiledGrammar:
    world = scenario.world
    return compile_grammar(world.grammar, world.pacing, (*world.offenders.types, *world.benign.classes))


def _shares(grammar: CompiledGrammar) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of each act and sender, shape (acts * 2,), among messages of grooming and of harmless conversations, every
    chain counting as much as another.
    """
    visits = grammar.start @ np.linalg.inv(np.eye(len(grammar.step)) - grammar.step)  # an absorbing chain's, expected
    sent = visits @ grammar.emit[grammar.tables.emission]
    sent /= sent.sum(axis=1, keepdims=True)
    return sent[: grammar.grooming].mean(axis=0), sent[grammar.grooming :].mean(axis=0)


def _below(count: int) -> SearchStrategy[int]:
    """``count`` integers from ``_NOBODYS`` on, which is the simplest."""
    return st.integers(_NOBODYS, _NOBODYS + count - 1)


def _at(values: Sequence[_T], drawn: int) -> _T:
    return values[(drawn - _NOBODYS) % len(values)]
