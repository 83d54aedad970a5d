"""Conversations as absorbing Markov chains, against their closed forms.

Kemeny & Snell, "Finite Markov Chains" (1960), chapter III: with Q the steps among the living states, R the steps to the
ends and N = (I - Q)**-1 the fundamental matrix, the number of messages until the end has mean t = N 1 (theorem 3.3.5),
second moment (2 N - I) t, and the ends have probabilities B = N R (theorem 3.3.7). Time: Wald's identities (Wald 1944,
"On cumulative sums of random variables") for a random number of independent gaps. Tolerances: four standard errors;
SE(sample variance) = sqrt((m4 - variance**2) / n) with the sample's own m4 (Cramer 1946, section 27.4).

A child tells at a hazard: at one rate in every stage and after the end, the time of telling is exponential (Cox & Oakes
1984, "Analysis of Survival Data", section 2.2); at any rates, the hazard used up by then is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from simharness.scenario.world import END_REASONS, Grammar, PacingRegime
from simharness.world.contacts import Contacts
from simharness.world.generate import World
from simharness.world.grammar import CompiledGrammar, compile_grammar
from simharness.world.messages import Output, new_output
from simharness.world.model import WorldModel

Floats = NDArray[np.float64]
N = 20_000

# Three stages of mean 3, 5 and 2 messages, one geometric sub-state each. Written out by hand: a stage of mean d goes on
# with probability 1/d, and then along its shares.
STAGES = {
    "first": (3.0, {"second": 0.5, "third": 0.2, "end.fades": 0.3}),
    "second": (5.0, {"first": 0.25, "third": 0.25, "second": 0.1, "end.leaves": 0.2, "end.blocks": 0.2}),
    "third": (2.0, {"second": 0.3, "end.concludes": 0.7}),
}
Q = np.array(
    [
        [2 / 3, 0.5 / 3, 0.2 / 3],
        [0.25 / 5, 4 / 5 + 0.1 / 5, 0.25 / 5],
        [0.0, 0.3 / 2, 1 / 2],
    ]
)
R = np.array([[0.3 / 3, 0, 0, 0], [0, 0.2 / 5, 0.2 / 5, 0], [0, 0, 0, 0.7 / 2]])
START = np.array([0.7, 0.0, 0.3])
FUNDAMENTAL = np.linalg.inv(np.eye(3) - Q)
STEPS = FUNDAMENTAL @ np.ones(3)
MEAN = float(START @ STEPS)
VARIANCE = float(START @ (2 * FUNDAMENTAL - np.eye(3)) @ STEPS) - MEAN**2


class Case(NamedTuple):
    compiled: CompiledGrammar
    out: Output

    @property
    def length(self) -> NDArray[np.int64]:
        return self.out.end - self.out.begin


@pytest.fixture(scope="module", params=[0.0, 0.2], ids=["one_rate", "sessions"])
def case(
    request: pytest.FixtureRequest, small_grammar: Callable[..., Grammar], simulate: Callable[..., Output]
) -> Case:
    sourced = {"evidence": "assumed", "source": "test"}
    pacing = sourced | {"in_session": "60s", "session_ends": request.param, "between_sessions": "5min"}
    stages = {
        name: {"emits": "talk", "dwell": dwell, "phases": 1, "next": onward} for name, (dwell, onward) in STAGES.items()
    }
    chain = {"start": {"first": 0.7, "third": 0.3}, "stages": stages}
    regimes = {"only": PacingRegime.model_validate(pacing)}
    compiled = compile_grammar(small_grammar({"adaptable": chain}), regimes, ("adaptable",))
    return Case(compiled, simulate(compiled, N, start=1000.0, seed=3, messages=500_000))


def variance_within(sample: Floats, expected: float) -> bool:
    fourth = np.mean((sample - sample.mean()) ** 4)
    return bool(abs(sample.var(ddof=1) - expected) < 4 * np.sqrt((fourth - expected**2) / sample.size))


def test_messages_until_the_end(case: Case) -> None:
    assert abs(case.length.mean() - MEAN) < 4 * np.sqrt(VARIANCE / N)
    assert variance_within(case.length.astype(float), VARIANCE)


def test_messages_in_each_stage(case: Case) -> None:
    # Visits to state j from i: mean N, second moment N (2 N_dg - I) (theorem 3.3.3).
    owner = np.repeat(np.arange(N), case.length)
    second = FUNDAMENTAL @ (2 * np.diag(np.diag(FUNDAMENTAL)) - np.eye(3))
    for state, name in enumerate(STAGES):
        number = case.compiled.stage_names.index(name)
        visits = np.bincount(owner[case.out.stage == number], minlength=N)
        mean = START @ FUNDAMENTAL[:, state]
        assert abs(visits.mean() - mean) < 4 * np.sqrt((START @ second[:, state] - mean**2) / N)


def test_how_conversations_end(case: Case) -> None:
    ends = START @ FUNDAMENTAL @ R
    assert ends.sum() == pytest.approx(1.0)
    found = np.bincount(case.out.reason, minlength=6) / N
    assert found[0] == 0 == found[5]  # nothing cuts them short here
    for number in range(len(END_REASONS)):
        share = ends[number]
        assert abs(found[number + 1] - share) < 4 * np.sqrt(share * (1 - share) / N)


def test_time_until_the_end(case: Case) -> None:
    # A gap before every message but the first: S = sum of K = messages - 1 gaps; E S = E K E g (Wald) and
    # Var S = E K Var g + Var K (E g)**2, as the gaps are independent of the steps.
    gaps = case.compiled.tables.gaps[0]
    lasted = case.out.closed - 1000.0
    variance = (MEAN - 1) * gaps.var() + VARIANCE * gaps.mean() ** 2
    assert abs(lasted.mean() - (MEAN - 1) * gaps.mean()) < 4 * np.sqrt(variance / N)
    assert variance_within(lasted, float(variance))
    assert np.array_equal(case.out.closed, case.out.time[case.out.end - 1])


def test_compiled_matrices_are_those_written_here(case: Case) -> None:
    np.testing.assert_allclose(case.compiled.step, Q, atol=1e-15)
    np.testing.assert_allclose(case.compiled.ending, R, atol=1e-15)
    np.testing.assert_allclose(case.compiled.start, START[None, :], atol=1e-15)


LONGEST = 2000


def lengths(grammar: CompiledGrammar, shares: dict[str, float]) -> Floats:
    """Probability of each number of messages from 1 of a mixture of chains: phase-type (Neuts 1981, chapter 2)."""
    here = sum(share * grammar.start[grammar.kind(name)] for name, share in shares.items())
    found = np.empty(LONGEST)
    for place in range(LONGEST):
        found[place] = (here @ grammar.ending).sum()
        here = here @ grammar.step
    return found


def area(positive: Floats, negative: Floats) -> float:
    """P(a positive is longer) + P(equal) / 2: the area under the ROC curve of length alone."""
    shorter = np.concatenate([[0.0], np.cumsum(negative)[:-1]])
    return float(positive @ (shorter + negative / 2))


def test_area_by_hand() -> None:
    # A positive of 3 is longer than 0.75 of the negatives; ties: 1 with 1 and 3 with 3.
    longer, ties = 0.5 * 0.75, 0.5 * 0.5 + 0.5 * 0.25
    assert area(np.array([0.5, 0, 0.5]), np.array([0.5, 0.25, 0.25])) == longer + ties / 2


def flagship_lengths(model: WorldModel) -> tuple[Floats, Floats]:
    world = model.scenario.world
    types = {name: kind.share for name, kind in world.offenders.types.items()}
    classes = {name: kind.share for name, kind in world.benign.classes.items()}
    return lengths(model.grammar, types), lengths(model.grammar, classes)


def test_length_alone_is_no_evidence(model: WorldModel) -> None:
    grooming, benign = flagship_lengths(model)
    assert min(grooming.sum(), benign.sum()) > 1 - 1e-6
    assert 0.45 < area(grooming, benign) < 0.55


def test_lengths_of_the_flagship_as_generated(model: WorldModel, simulate: Callable[..., Output]) -> None:
    # The exact lengths that rule rests on are the ones the kernel makes, class by class.
    world: Any = model.scenario.world
    number, n = np.arange(1, LONGEST + 1), 3000
    for name in (*world.offenders.types, *world.benign.classes):
        law = lengths(model.grammar, {name: 1.0})
        out = simulate(model.grammar, n, kind=model.grammar.kind(name), seed=8)
        mean = law @ number
        assert abs((out.end - out.begin).mean() - mean) < 4 * np.sqrt((law @ number**2 - mean**2) / n), name


STAGE_NAMES = ("friendship", "relationship", "risk_assessment", "exclusivity", "sexual", "approach")
TELLS = "world.natural_course.child_tells"
UNSTOPPED = (
    "world.natural_course.third_party_notices.probability=0",
    "world.natural_course.adult_ends_contact.value=0",
)


def telling(model: WorldModel, left_days: int) -> tuple[Contacts, Output, Floats]:
    """Contacts that began so many days before the period's end, or earlier, with the wall days until each was told."""
    world, day = World(model, 12), model.clock.lasts_s
    contacts = world.grooming_contacts(np.arange(6000, dtype=np.uint64))
    contacts = contacts.take(contacts.start < model.horizon - left_days * day)
    world = World(model, 12, batch_size=len(contacts))  # one batch, so that its buffers are all there is
    out = new_output(len(contacts), 200 * len(contacts))
    assert [len(batch.contacts) for batch in world.batches(contacts, out)] == [len(contacts)]
    return contacts, out, (out.told - contacts.start) / day


def exponential(sample: Floats) -> bool:
    """Mean 1 and variance 1 within four standard errors (m4 = 9), and Kolmogorov's distance below its 0.1 % point."""
    n = sample.size
    law, place = 1 - np.exp(-np.sort(sample)), np.arange(n + 1) / n
    distance = max(np.max(place[1:] - law), np.max(law - place[:-1]))
    moments = abs(sample.mean() - 1) < 4 / np.sqrt(n) and abs(sample.var(ddof=1) - 1) < 4 * np.sqrt(8 / n)
    return bool(moments and distance < 1.95 / np.sqrt(n))


def test_telling_at_one_hazard_is_exponential(make_model: Callable[..., WorldModel]) -> None:
    rates = ", ".join(f"{name}: 0.8/day" for name in STAGE_NAMES)
    band = "{youngest: 12, oldest: 13, factor: 2.5}"
    model = make_model(*UNSTOPPED, f"{TELLS}.by_stage={{{rates}}}", f"{TELLS}.by_age=[{band}]", f"{TELLS}.after_end=1")
    contacts, out, days = telling(model, 60)  # a child who has not told after 60 days: e**-48
    assert len(contacts) > 5000
    told, ended = out.told, out.closed
    assert 0.2 < np.mean(told > ended) < 0.8  # many of either kind
    in_band = (contacts.age == 12) | (contacts.age == 13)
    for mine, rate in ((in_band, 2.0), (~in_band, 0.8)):
        assert mine.sum() > 1000 and exponential(days[mine] * rate)


def test_hazard_used_up_at_the_telling_is_exponential(make_model: Callable[..., WorldModel]) -> None:
    hazards = dict(zip(STAGE_NAMES, (0.3, 0.5, 1.0, 0.7, 4.0, 2.0), strict=True))
    rates = ", ".join(f"{name}: {rate}/day" for name, rate in hazards.items())
    model = make_model(*UNSTOPPED, f"{TELLS}.by_stage={{{rates}}}", f"{TELLS}.by_age=[]", f"{TELLS}.after_end=0.6")
    _, out, _ = telling(model, 120)  # e**-21 at the least
    rate = np.array([hazards.get(name, np.nan) for name in model.grammar.stage_names])
    used = np.empty(out.told.size)
    for i, (begin, end) in enumerate(zip(out.begin, out.end, strict=True)):
        # From each message to the next, or to the end of time after the last: the part before the telling.
        times = np.append(out.time[begin:end], np.inf)
        spans = np.diff(np.minimum(times, out.told[i]))
        spans[-1] *= 0.6  # an end falls on the last message
        used[i] = spans @ rate[out.stage[begin:end]] / model.clock.lasts_s
    assert used.size > 5000 and np.mean(out.told > out.closed) > 0.2 and exponential(used)
