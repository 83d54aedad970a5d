from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import nbinom

from simharness.scenario.load import Loaded
from simharness.scenario.world import END_REASONS, Emission, Grammar, PacingRegime
from simharness.world.acts import ACT_INDEX, ACTS, WITHHELD_ACTS
from simharness.world.grammar import (
    CHILD,
    EMIT_COLUMNS,
    GAP_BINS,
    INITIATOR,
    STEP_COLUMNS,
    CompiledGrammar,
    _alias_rows,
    compile_grammar,
    emission_weights,
    gap_table,
)
from simharness.world.messages import Output
from simharness.world.model import WorldModel

Make = Callable[..., Grammar]


def regime(inside: str = "60s", ends: float = 0.0, between: str = "10h") -> PacingRegime:
    parts = {"in_session": inside, "session_ends": ends, "between_sessions": between}
    return PacingRegime.model_validate({"evidence": "assumed", "source": "test"} | parts)


PACING = {"steady": regime()}


def talk(share: float, initiator: dict[str, float], child: dict[str, float]) -> Emission:
    given = {"initiator_share": share, "initiator": initiator, "child": child}
    return Emission.model_validate({"evidence": "assumed", "source": "test"} | given)


def two_stages() -> dict[str, Any]:
    first = {"emits": "talk", "dwell": 4, "phases": 2, "next": {"second": 0.5, "first": 0.2, "end.fades": 0.3}}
    second = {"emits": "talk", "dwell": 5, "phases": 1, "next": {"first": 0.4, "end.blocks": 0.6}}
    return {"start": {"first": 0.75, "second": 0.25}, "stages": {"first": first, "second": second}}


def implied(own: NDArray[Any], other: NDArray[Any], threshold: NDArray[Any], columns: int, size: int) -> NDArray[Any]:
    """Exact probabilities of what the kernel's look-up gives, row by row, shape (rows, size).

    A word's top bits choose the column; what is left, moved to the top, is a multiple of ``columns`` below 2**32.
    """
    rows = own.size // columns
    left = 2**32 // columns
    kept = np.minimum(-(-threshold.astype(np.int64) // columns), left)  # how many of those multiples are below it
    found = np.zeros((rows, size))
    for row, column in np.ndindex(rows, columns):
        slot = row * columns + column
        found[row, own[slot]] += kept[slot] / 2**32
        found[row, other[slot]] += (left - kept[slot]) / 2**32
    return found


def test_matrices_by_hand(small_grammar: Make) -> None:
    made = compile_grammar(small_grammar({"adaptable": two_stages()}), PACING, ("adaptable",))
    # Two phases of four messages: each is left with probability 2/4; the last leads on.
    step = np.array([[0.5, 0.5, 0.0], [0.5 * 0.2, 0.5, 0.5 * 0.5], [0.2 * 0.4, 0.0, 0.8]])
    np.testing.assert_allclose(made.step, step, atol=1e-15)
    np.testing.assert_allclose(made.ending, [[0, 0, 0, 0], [0.15, 0, 0, 0], [0, 0, 0.12, 0]])
    assert made.start.tolist() == [[0.75, 0, 0.25]]
    assert made.stage_names == ("first", "second") and made.tables.stage.tolist() == [0, 0, 1]
    assert made.kinds == ("adaptable",) and made.kind("adaptable") == 0 and made.grooming == 1
    assert made.regimes == ("steady",) and made.chain_of_state.tolist() == [0, 0, 0]


def test_chains_are_numbered_as_used_and_never_mix(small_grammar: Make) -> None:
    approach = {"emits": "talk", "dwell": 1, "phases": 1, "next": {"end.concludes": 1.0}}
    other = {"start": {"approach": 1.0}, "stages": {"approach": approach}}
    grammar = small_grammar({"adaptable": two_stages(), "intimacy_seeking": two_stages()}, {"peers": other})
    made = compile_grammar(grammar, PACING, ("adaptable", "peers"))
    assert made.kinds == ("adaptable", "peers") and made.grooming == 1
    assert made.chain_of_state.tolist() == [0, 0, 0, 1]
    assert made.tables.approach.tolist() == [False, False, False, True]
    assert not made.step[:3, 3:].any() and not made.step[3:, :3].any()
    assert made.ending[3].tolist() == [0, 0, 0, 1] and END_REASONS[3] == "concludes"


def test_rows_sum_to_one(model: WorldModel) -> None:
    made = model.grammar
    np.testing.assert_allclose(made.step.sum(axis=1) + made.ending.sum(axis=1), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(made.start.sum(axis=1), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(made.emit.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert min(made.step.min(), made.ending.min(), made.start.min(), made.emit.min()) >= 0


def test_alias_tables_give_the_matrices(model: WorldModel) -> None:
    made: CompiledGrammar = model.grammar
    tables, states = made.tables, len(made.step)
    onward = np.hstack([made.step, made.ending])
    cases = [
        (made.start, implied(*tables[0:3], STEP_COLUMNS, states)),
        (onward, implied(*tables[3:6], STEP_COLUMNS, onward.shape[1])),
        (made.emit, implied(*tables[7:10], EMIT_COLUMNS, len(ACTS) * 2)),
    ]
    for expected, found in cases:
        assert np.abs(found - expected).max() <= 2.0**-31
        assert not found[expected == 0].any()  # what is impossible never happens


def test_too_many_outcomes_for_a_table() -> None:
    _alias_rows(np.ones((1, STEP_COLUMNS)), STEP_COLUMNS)
    with pytest.raises(ValueError, match="at most 16 outcomes fit one table, got 17: use fewer acts or stages"):
        _alias_rows(np.ones((1, STEP_COLUMNS + 1)), STEP_COLUMNS)


def test_emission_by_hand() -> None:
    found: Any = emission_weights(talk(0.6, {"school": 3, "games": 1}, {"games": 5}), "x")
    expected = np.zeros(len(ACTS) * 2)
    expected[ACT_INDEX["school"] * 2 + INITIATOR] = 0.6 * 0.75
    expected[ACT_INDEX["games"] * 2 + INITIATOR] = 0.6 * 0.25
    expected[ACT_INDEX["games"] * 2 + CHILD] = 0.4
    np.testing.assert_allclose(found, expected)


def test_emissions_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"emission 'x': unknown act 'sings'; known: greets, "):
        emission_weights(talk(0.5, {"sings": 1}, {"games": 1}), "x")
    with pytest.raises(ValueError, match=r"emission 'x': every act of one sender has weight 0"):
        emission_weights(talk(0.5, {"games": 1}, {"games": 0}), "x")


def test_background_is_mixed_into_every_emission(small_grammar: Make) -> None:
    school = {"initiator_share": 1.0, "initiator": {"school": 1.0}, "child": {"school": 1.0}}
    chain = two_stages()
    chain["stages"]["second"]["emits"] = "lessons"
    made = compile_grammar(
        small_grammar({"adaptable": chain}, emissions={"lessons": school}, background=0.2), PACING, ("adaptable",)
    )
    lessons, plain = made.emit[made.tables.emission[2]], made.emit[made.tables.emission[0]]
    greets, at_school = ACT_INDEX["greets"] * 2, ACT_INDEX["school"] * 2
    np.testing.assert_allclose(lessons[[at_school, at_school + 1, greets, greets + 1]], [0.8, 0.0, 0.1, 0.1])
    np.testing.assert_allclose(plain[[greets, greets + 1]], 0.5)


def test_the_flagship_s_background_reaches_every_stage(flagship: Loaded, model: WorldModel) -> None:
    background = flagship.scenario.world.grammar.background
    floor = background.share * emission_weights(background, "background")
    assert np.all(model.grammar.emit >= floor - 1e-15)
    never_said = [2 * ACT_INDEX[act.name] + sender for act in WITHHELD_ACTS for sender in (INITIATOR, CHILD)]
    assert not floor[never_said].any() and (floor[INITIATOR::2] > 0).sum() == len(ACTS) - len(WITHHELD_ACTS)


@pytest.mark.parametrize(("phases", "dwell"), [(1, 1.0), (1, 6.0), (2, 10.0), (4, 5.0)])
def test_dwell_is_negative_binomial(
    small_grammar: Make, simulate: Callable[..., Output], phases: int, dwell: float
) -> None:
    # Messages beyond the first ``phases`` count failures before so many successes: Johnson, Kemp & Kotz 2005, ch. 5.
    stage = {"emits": "talk", "dwell": dwell, "phases": phases, "next": {"end.fades": 1.0}}
    chain = {"start": {"only": 1.0}, "stages": {"only": stage}}
    made = compile_grammar(small_grammar({"adaptable": chain}), PACING, ("adaptable",))
    law = nbinom(phases, phases / dwell, loc=phases)
    here = made.start[0]
    for messages in range(1, 60):
        np.testing.assert_allclose((here @ made.ending).sum(), law.pmf(messages), rtol=0, atol=1e-14)
        here = here @ made.step
    assert law.mean() == pytest.approx(dwell)
    n = 5000
    out = simulate(made, n)
    length = out.end - out.begin
    assert abs(length.mean() - dwell) <= 4 * law.std() / np.sqrt(n)
    assert length.min() >= phases


def test_dwell_of_two_phases_by_hand(small_grammar: Make) -> None:
    # Dwell 4 in two phases, each left with probability 1/2: P(2) = 1/4, P(3) = 2/8, P(4) = 3/16.
    stage = {"emits": "talk", "dwell": 4, "phases": 2, "next": {"end.leaves": 1.0}}
    chain = {"start": {"only": 1.0}, "stages": {"only": stage}}
    made = compile_grammar(small_grammar({"adaptable": chain}), PACING, ("adaptable",))
    powers = [np.linalg.matrix_power(made.step, k) for k in range(4)]
    assert [float((made.start[0] @ power @ made.ending)[1]) for power in powers] == [0, 0.25, 0.25, 0.1875]


def test_a_name_is_either_grooming_or_harmless(small_grammar: Make) -> None:
    grammar = small_grammar({"adaptable": two_stages()}, {"adaptable": two_stages()})
    with pytest.raises(ValueError, match="chain 'adaptable' is both grooming and harmless"):
        compile_grammar(grammar, PACING, ("adaptable",))


@pytest.mark.parametrize(("ends", "mean"), [(0.0, 60.0), (1.0, 36_000.0), (0.05, 0.95 * 60 + 0.05 * 36_000)])
def test_gaps_have_the_mean_of_their_mixture(ends: float, mean: float) -> None:
    table = gap_table(regime(ends=ends))
    assert table.shape == (GAP_BINS,) and table.min() > 0
    # A mixture's parts get whole bins, so where that rounds, the table is scaled to the exact mean.
    assert table.mean() == pytest.approx(mean, rel=1e-9)
