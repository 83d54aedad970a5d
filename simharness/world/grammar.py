"""The grammar of a scenario compiled to tables: every class of conversation as a finite hidden Markov chain.

A stage lasts a number of geometric sub-states (phase-type dwell, Neuts 1981), so the semi-Markov process over stages
is a Markov chain over sub-states; each emits (sender, act). A step and an emission cost one alias-table look-up each
(Walker 1977; Vose 1991). The same chains as matrices give the exact Bayes filter and the closed forms of the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simharness.alias import alias_table
from simharness.distributions import Exponential, Mixture
from simharness.quantile_tables import quantile_table
from simharness.scenario.world import END_REASONS, Chain, Emission, Grammar, PacingRegime, Stage
from simharness.world.acts import ACT_INDEX, ACTS

STEP_COLUMNS = 16
EMIT_COLUMNS = 128
GAP_BINS = 4096
INITIATOR, CHILD = 0, 1
APPROACH_STAGE = "approach"  # a suggested meeting is an attempt only here: harmless plans to meet exist too


class Tables(NamedTuple):
    """What the message kernel reads. Chains, sub-states and emissions are numbered across all classes."""

    start_own: NDArray[np.int32]  # (chains * STEP_COLUMNS,): state of an alias column
    start_other: NDArray[np.int32]
    start_threshold: NDArray[np.uint32]
    step_own: NDArray[np.int32]  # (states * STEP_COLUMNS,): next state; states + r means ended for reason r
    step_other: NDArray[np.int32]
    step_threshold: NDArray[np.uint32]
    emission: NDArray[np.int32]  # (states,): emission table of a state
    emit_own: NDArray[np.int32]  # (emissions * EMIT_COLUMNS,): act * 2 + sender
    emit_other: NDArray[np.int32]
    emit_threshold: NDArray[np.uint32]
    stage: NDArray[np.uint8]  # (states,): stage number, see CompiledGrammar.stage_names
    approach: NDArray[np.bool_]  # (states,)
    gaps: NDArray[np.float64]  # (regimes, GAP_BINS): waking seconds between two messages


@dataclass(frozen=True, slots=True)
class CompiledGrammar:
    """Tables for generating, matrices for filtering; both from the same numbers."""

    kinds: tuple[str, ...]  # chains in order: offender types, then harmless classes
    grooming: int  # the first so many are grooming
    stage_names: tuple[str, ...]
    regimes: tuple[str, ...]
    tables: Tables
    start: NDArray[np.float64]  # (chains, states)
    step: NDArray[np.float64]  # (states, states); rows sum to one less the probability of ending
    ending: NDArray[np.float64]  # (states, reasons)
    emit: NDArray[np.float64]  # (emissions, acts * 2)
    chain_of_state: NDArray[np.int64]

    @property
    def grooming_stages(self) -> tuple[int, ...]:
        """Numbers of the stages that grooming conversations have."""
        return tuple(np.unique(self.tables.stage[self.chain_of_state < self.grooming]).tolist())

    def kind(self, name: str) -> int:
        """Number of the chain of an offender type or a harmless class."""
        return self.kinds.index(name)


def compile_grammar(grammar: Grammar, pacing: Mapping[str, PacingRegime], used: tuple[str, ...]) -> CompiledGrammar:
    """Compile the chains named in ``used`` (offender types first, then harmless classes)."""
    twice = [name for name in grammar.grooming if name in grammar.benign]
    if twice:
        raise ValueError(f"chain {twice[0]!r} is both grooming and harmless: give one another name")
    chains = {name: (grammar.grooming | grammar.benign)[name] for name in used}
    emissions = sorted({stage.emits for chain in chains.values() for stage in chain.stages.values()})
    stage_names = tuple(dict.fromkeys(stage for chain in chains.values() for stage in chain.stages))
    start, step, ending, layout = _matrices(chains)
    stated = np.stack([emission_weights(grammar.emissions[name], name) for name in emissions])
    background = grammar.background.share
    emit = (1.0 - background) * stated + background * emission_weights(grammar.background, "background")
    tables = Tables(
        *_alias_rows(start, STEP_COLUMNS),
        *_alias_rows(np.hstack([step, ending]), STEP_COLUMNS),
        np.array([emissions.index(stage.emits) for _, _, stage in layout], np.int32),
        *_alias_rows(emit, EMIT_COLUMNS),
        np.array([stage_names.index(name) for _, name, _ in layout], np.uint8),
        np.array([name == APPROACH_STAGE for _, name, _ in layout]),
        np.stack([gap_table(regime) for regime in pacing.values()]),
    )
    owner = np.array([chain for chain, _, _ in layout])
    grooming = sum(name in grammar.grooming for name in used)
    return CompiledGrammar(tuple(used), grooming, stage_names, tuple(pacing), tables, start, step, ending, emit, owner)


def gap_table(regime: PacingRegime) -> NDArray[np.float64]:
    """Gaps of a pacing regime, tabulated at equal probability with the exact mean (waking seconds)."""
    if regime.session_ends in (0.0, 1.0):
        only = regime.in_session if regime.session_ends == 0.0 else regime.between_sessions
        return quantile_table(Exponential(only), GAP_BINS)
    parts = (Exponential(regime.in_session), Exponential(regime.between_sessions))
    return quantile_table(Mixture((1.0 - regime.session_ends, regime.session_ends), parts), GAP_BINS)


def emission_weights(emission: Emission, name: str) -> NDArray[np.float64]:
    """Probability of each (act, sender) of one emission table, shape (acts * 2,). Raises ValueError on an unknown
    act.
    """
    weights = np.zeros(len(ACTS) * 2)
    shares = ((emission.initiator, emission.initiator_share), (emission.child, 1.0 - emission.initiator_share))
    for sender, (acts, share) in enumerate(shares):
        total = sum(acts.values())
        if total <= 0.0:
            raise ValueError(f"emission {name!r}: every act of one sender has weight 0; give at least one a weight")
        for act, weight in acts.items():
            if act not in ACT_INDEX:
                raise ValueError(f"emission {name!r}: unknown act {act!r}; known: {', '.join(ACT_INDEX)}")
            weights[ACT_INDEX[act] * 2 + sender] = share * weight / total
    return weights


def _matrices(
    chains: Mapping[str, Chain],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], list[tuple[int, str, Stage]]]:
    layout = [
        (number, name, stage)
        for number, chain in enumerate(chains.values())
        for name, stage in chain.stages.items()
        for _ in range(stage.phases)
    ]
    first: dict[tuple[int, str], int] = {}
    for state, (owner, name, _) in enumerate(layout):
        first.setdefault((owner, name), state)
    start = np.zeros((len(chains), len(layout)))
    step = np.zeros((len(layout), len(layout)))
    ending = np.zeros((len(layout), len(END_REASONS)))
    for number, chain in enumerate(chains.values()):
        for name, share in chain.start.items():
            start[number, first[number, name]] = share
    for state, (owner, name, stage) in enumerate(layout):
        advance = stage.phases / stage.dwell
        step[state, state] = 1.0 - advance
        if state + 1 < len(layout) and layout[state + 1][:2] == (owner, name):
            step[state, state + 1] = advance
            continue
        for target, share in stage.next.items():
            if target.startswith("end."):
                ending[state, END_REASONS.index(target.removeprefix("end."))] += advance * share
            else:
                step[state, first[owner, target]] += advance * share
    return start, step, ending, layout


def _alias_rows(
    weights: NDArray[np.float64], columns: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint32]]:
    """Alias tables over the non-zero entries of each row: what a column gives, what its alias gives, thresholds."""
    own = np.zeros((len(weights), columns), np.int32)
    other = np.zeros((len(weights), columns), np.int32)
    threshold = np.zeros((len(weights), columns), np.uint32)
    for number, row in enumerate(weights):
        outcomes = np.flatnonzero(row)
        if outcomes.size > columns:
            raise ValueError(f"at most {columns} outcomes fit one table, got {outcomes.size}: use fewer acts or stages")
        threshold[number], alias = alias_table(row[outcomes], columns)
        padded = np.pad(outcomes, (0, columns - outcomes.size))
        own[number], other[number] = padded, padded[alias]
    return own.ravel(), other.ravel(), threshold.ravel()
