"""When the child tells an adult: the kernel by hand, on a conversation in which nothing is left to chance.

Messages at 0, 10 and 20 s in a first stage, at 30 and 40 s in a second, and then it ends. The hazard is 1/64 a second
in the first stage, so 30/64 by the message at 30 s; 1/8 in the second, so 30/64 + 10/8 by the end; half of it, 1/16,
afterwards. All are binary fractions: times are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from simharness.scenario.world import END_REASONS, Grammar, PacingRegime
from simharness.world.acts import ACT_INDEX, ACTS
from simharness.world.grammar import CompiledGrammar, compile_grammar
from simharness.world.messages import ADULT, CENSORED, LANES, NEVER, Rules, generate, new_output

FADES = END_REASONS.index("fades") + 1
BY_30, BY_40 = 30 / 64, 30 / 64 + 10 / 8  # cumulative hazard
FOREVER = 1e9


class Found(NamedTuple):
    told: float
    closed: float
    reason: int
    times: list[float]


@pytest.fixture(scope="module")
def sure(small_grammar: Callable[..., Grammar]) -> CompiledGrammar:
    pace = {"evidence": "assumed", "source": "test", "in_session": "10s", "session_ends": 0, "between_sessions": "10s"}
    stages = {
        "first": {"emits": "talk", "dwell": 3, "phases": 3, "next": {"second": 1}},
        "second": {"emits": "talk", "dwell": 2, "phases": 2, "next": {"end.fades": 1}},
    }
    grammar = small_grammar({"adaptable": {"start": {"first": 1}, "stages": stages}})
    return compile_grammar(grammar, {"only": PacingRegime.model_validate(pace)}, ("adaptable",))


def found(
    sure: CompiledGrammar,
    tells_at_hazard: float,
    ends: bool,
    notices_at: float = NEVER,
    *,
    hazard: tuple[float, float] = (1 / 64, 1 / 8),
    after_end: float = 0.5,
    horizon: float = FOREVER,
    start: float = 0.0,
) -> Found:
    """What the kernel makes of the one conversation."""
    tables = sure.tables._replace(gaps=np.full_like(sure.tables.gaps, 10.0))
    contacts = (np.zeros(1, np.uint64), np.zeros(1, np.uint8), np.zeros(1, np.uint8), np.full(1, start))
    adults = np.full(1, tells_at_hazard), np.full(1, notices_at), np.full(1, ends)
    rules = Rules(ACT_INDEX["sexual"], ACT_INDEX["suggests_meeting"], 1.0, horizon, np.array(hazard), after_end)
    number, out = np.arange(len(ACTS), dtype=np.uint64), new_output(1, 2 * LANES)
    assert generate(tables, number, np.ones_like(number), np.uint64(1), contacts, adults, rules, out) == 1
    return Found(float(out.told[0]), float(out.closed[0]), int(out.reason[0]), out.time[: out.end[0]].tolist())


ALL = [0.0, 10.0, 20.0, 30.0, 40.0]


@pytest.mark.parametrize(
    ("tells_at_hazard", "told", "sent"),
    [
        (5 / 64, 5.0, 1),  # inside the first gap
        (10 / 64, 10.0, 2),  # exactly at a message, which is still sent
        (15 / 64, 15.0, 2),
        (BY_30, 30.0, 4),  # exactly where the hazard changes
        (BY_30 + 3 / 8, 33.0, 4),  # inside a gap, at the hazard of the stage of the message before it
    ],
)
def test_telling_within_the_conversation(sure: CompiledGrammar, tells_at_hazard: float, told: float, sent: int) -> None:
    assert found(sure, tells_at_hazard, ends=True) == (told, told, ADULT, ALL[:sent])
    assert found(sure, tells_at_hazard, ends=False) == (told, 40.0, FADES, ALL)


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize(
    ("tells_at_hazard", "after_end", "told"),
    [
        (BY_40, 0.5, 40.0),  # with the last message: the conversation has ended by itself all the same
        (BY_40, 0.0, 40.0),
        (BY_40 + 1.0, 0.5, 56.0),
        (BY_40 + 1.0, 1.0, 48.0),
        (BY_40 + 1.0, 0.0, NEVER),
        (NEVER, 0.5, NEVER),
    ],
)
def test_telling_after_the_end(
    sure: CompiledGrammar, tells_at_hazard: float, after_end: float, told: float, ends: bool
) -> None:
    assert found(sure, tells_at_hazard, ends, after_end=after_end) == (told, 40.0, FADES, ALL)


@pytest.mark.parametrize(
    ("tells_at_hazard", "notices_at", "told", "closed", "sent"),
    [
        (15 / 64, 12.0, NEVER, 12.0, 2),  # the adult knows already
        (15 / 64, 17.0, 15.0, 15.0, 2),
        (15 / 64, 15.0, 15.0, 15.0, 2),
        (BY_30, 12.0, NEVER, 12.0, 2),  # not after the end either
        (NEVER, 12.0, NEVER, 12.0, 2),
    ],
)
def test_an_adult_who_notices_and_ends_it(
    sure: CompiledGrammar, tells_at_hazard: float, notices_at: float, told: float, closed: float, sent: int
) -> None:
    assert found(sure, tells_at_hazard, True, notices_at) == (told, closed, ADULT, ALL[:sent])


def test_an_adult_who_notices_and_lets_it_go_on(sure: CompiledGrammar) -> None:
    assert found(sure, 15 / 64, False, 12.0) == (15.0, 40.0, FADES, ALL)
    assert found(sure, BY_40 + 1.0, False, 12.0) == (56.0, 40.0, FADES, ALL)


@pytest.mark.parametrize(
    ("tells_at_hazard", "horizon", "expected"),
    [
        (BY_40 + 1.0, 56.0, Found(NEVER, 40.0, FADES, ALL)),  # at the period's end is not within it
        (BY_40 + 1.0, 57.0, Found(56.0, 40.0, FADES, ALL)),
        (BY_30 + 3 / 8, 33.0, Found(NEVER, NEVER, CENSORED, ALL[:4])),
        (BY_30 + 3 / 8, 34.0, Found(33.0, 33.0, ADULT, ALL[:4])),  # before a message that falls outside
    ],
)
def test_telling_and_the_end_of_the_period(
    sure: CompiledGrammar, tells_at_hazard: float, horizon: float, expected: Found
) -> None:
    assert found(sure, tells_at_hazard, True, horizon=horizon) == expected


def test_a_stage_without_hazard(sure: CompiledGrammar) -> None:
    assert found(sure, BY_30, False, hazard=(1 / 64, 0.0)).told == 30.0
    assert found(sure, BY_30 + 1e-6, False, hazard=(1 / 64, 0.0)).told == NEVER  # nor after it, at any factor
    assert found(sure, 3 / 8, True, hazard=(0.0, 1 / 8)) == (33.0, 33.0, ADULT, ALL[:4])
    assert found(sure, 1e-6, True, hazard=(0.0, 0.0)) == (NEVER, 40.0, FADES, ALL)


def test_a_child_tells_once(sure: CompiledGrammar) -> None:
    assert found(sure, 0.0, False).told == 0.0
    assert found(sure, 1 / 64, False, hazard=(1 / 64, 4.0), after_end=100.0).told == 1.0


def test_hazard_counts_from_the_first_message(sure: CompiledGrammar) -> None:
    assert found(sure, 15 / 64, True, start=4096.0) == (4111.0, 4111.0, ADULT, [4096.0, 4106.0])
    assert found(sure, BY_30 + 3 / 8, True, start=4096.0).told == 4129.0
    assert found(sure, BY_40 + 1.0, True, start=4096.0).told == 4152.0
