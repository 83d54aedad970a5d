"""THE BOUND: the exact Bayes filter, the best any reader of the text can do. Not a detector anyone could deploy.

input: phrases and senders so far, and the grammar that generated them (never the truth) · score: posterior log-odds of
grooming · direction: higher is riskier · source: forward recursion of a hidden Markov model (Rabiner 1989, section
III.A) over all classes of conversation at once, with the scenario's base rates as prior
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from simharness.detection.protocol import TrainingSet
from simharness.records import ConversationBatch
from simharness.streams import compiled
from simharness.world.clock import DAY_S
from simharness.world.model import WorldModel
from simharness.world.phrasebook import Phrasebook

LEAST = 1e-300  # a posterior nearer to certainty than this is certainty: log-odds stay finite
SMALLEST = 5e-324  # floats above 0: LEAST of what nothing else is likelier than may be none of them


class FilterTables(NamedTuple):
    """What the filter reads: the chains of all classes side by side, S states, the grooming ones first."""

    start: NDArray[np.float64]  # (S,) prior of the class times where its chain starts
    stay: NDArray[np.float64]  # (S,) probability of staying
    onward: NDArray[np.float64]  # (S,) probability of going to the state with the next number
    source: NDArray[np.int64]  # every other step: from, to, probability
    target: NDArray[np.int64]
    move: NDArray[np.float64]
    emit: NDArray[np.float64]  # (act * 2 + sender, S); one act more, at the end: a text that is hidden
    act_of: NDArray[np.int64]  # (texts + 1,); the last text is the hidden one; -1: says nothing new
    grooming: int  # how many states are grooming


class BayesBound:
    """The exact Bayes filter: the bound, labelled as such. ``prior_log_odds`` replaces the scenario's base rate."""

    privileged = True  # told the grammar; the registry's other detectors are not

    def __init__(self, prior_log_odds: float | None = None) -> None:
        self.prior_log_odds = prior_log_odds
        self.filter: FilterTables | None = None

    def fit(self, training: TrainingSet) -> Self:
        """Take the grammar of the scenario. Raises RuntimeError if it was withheld."""
        if training.model is None:
            raise RuntimeError("bayes_bound needs the grammar: it must be declared privileged")
        self.filter = filter_tables(training.model, self.prior_log_odds)
        return self

    def risk(self, batch: ConversationBatch) -> NDArray[np.float32]:
        """Posterior log-odds of grooming after each message, given phrases and senders so far."""
        if self.filter is None:
            raise RuntimeError("bayes_bound must be fitted before it is asked for risk")
        out = np.empty(batch.symbol.size, np.float32)
        seen_from = batch.first if batch.first.size else np.ones(len(batch), np.int32)
        posterior_log_odds(batch.symbol, batch.begin, batch.end, seen_from, self.filter, out)
        return out


def class_prior(model: WorldModel) -> NDArray[np.float64]:
    """Expected share of each class among all contacts of the period, shape (chains,), summing to one."""
    world, days = model.scenario.world, model.scenario.period.days
    offenders, benign = world.offenders, world.benign
    per_type = offenders.count.value * model.scenario.scale * offenders.contact_rate.value * DAY_S * days
    per_class = model.children.total * benign.contact_rate * DAY_S * days
    shares = [per_type * kind.share for kind in offenders.types.values()]
    weights = np.array([*shares, *(per_class * kind.share for kind in benign.classes.values())])
    return np.asarray(weights / weights.sum())


def filter_tables(model: WorldModel, prior_log_odds: float | None = None) -> FilterTables:
    """The filter of a scenario. ``prior_log_odds`` replaces the base rate of grooming that the scenario implies.

    Phrases are drawn the same way in every class once the act is known, so they cancel and the filter reads acts. Of a
    hidden message it reads the sender: the likelihood is summed over all acts. The second message of a phrase sent in
    two is certain once the first is known, and no step of the chain.
    """
    grammar = model.grammar
    prior = class_prior(model)
    grooming = np.arange(prior.size) < grammar.grooming
    if prior_log_odds is not None:
        odds = 1.0 / (1.0 + np.exp(-prior_log_odds))
        prior = np.where(grooming, odds * prior / prior[grooming].sum(), (1 - odds) * prior / prior[~grooming].sum())
    # The next sub-state of a stage has the next number: those steps are one shifted vector, the rest a short list.
    onward = np.append(np.diag(grammar.step, 1), 0.0)
    jumps = grammar.step - np.diag(np.diag(grammar.step)) - np.diag(onward[:-1], 1)
    source, target = np.nonzero(jumps)
    emit = grammar.emit[grammar.tables.emission].T
    acts = emit.shape[0] // 2
    hidden = emit.reshape(acts, 2, -1).sum(axis=0)  # what is left to see is who sent it
    return FilterTables(
        prior @ grammar.start,
        np.ascontiguousarray(np.diag(grammar.step)),
        onward,
        source.astype(np.int64),
        target.astype(np.int64),
        jumps[source, target],
        np.vstack([emit, hidden]),
        np.append(_acts_of_texts(model.phrasebooks["use"]), acts),
        int(grooming[grammar.chain_of_state].sum()),
    )


def _acts_of_texts(book: Phrasebook) -> NDArray[np.int64]:
    acts = book.act_of.astype(np.int64)
    acts[book.follows[book.follows >= 0]] = -1
    return acts


@compiled(inline="always", fastmath={"reassoc", "contract"})
def _step(belief: Any, ahead: Any, tables: FilterTables) -> None:
    """Where the chains are one message later."""
    stay, onward, source, target, move = tables.stay, tables.onward, tables.source, tables.target, tables.move
    ahead[0] = belief[0] * stay[0]
    for s in range(1, belief.shape[0]):
        ahead[s] = belief[s] * stay[s] + belief[s - 1] * onward[s - 1]
    for e in range(source.shape[0]):
        ahead[target[e]] += belief[source[e]] * move[e]


@compiled(fastmath={"reassoc", "contract"})
def posterior_log_odds(symbol: Any, begin: Any, end: Any, seen_from: Any, tables: FilterTables, out: Any) -> None:
    """Forward recursion over a batch of messages. A text no class can send leaves the posterior as it was.

    ``seen_from``: number of each conversation's first message here; of those before it is known only that they were
    sent, and each is taken for a step of the chain.
    """
    start, emit, act_of, split = tables.start, tables.emit, tables.act_of, tables.grooming
    states = start.shape[0]
    prior = np.float32(np.log(max(start[:split].sum(), LEAST)) - np.log(max(start[split:].sum(), LEAST)))
    belief = np.empty(states)
    ahead = np.empty(states)
    for i in range(begin.shape[0]):
        log_odds = prior
        for s in range(states):
            ahead[s] = start[s]
        for _ in range(seen_from[i] - 1):
            scale = 1.0 / ahead.sum()
            for s in range(states):
                belief[s] = ahead[s] * scale
            _step(belief, ahead, tables)
        begun = False
        for j in range(begin[i], end[i]):
            act = act_of[symbol[j] >> 1]
            if act < 0:
                out[j] = log_odds
                continue
            if begun:
                _step(belief, ahead, tables)
            begun = True
            row = emit[act * 2 + (symbol[j] & 1)]
            grooming = 0.0
            benign = 0.0
            for s in range(split):
                belief[s] = ahead[s] * row[s]
                grooming += belief[s]
            for s in range(split, states):
                belief[s] = ahead[s] * row[s]
                benign += belief[s]
            total = grooming + benign
            if total > 0.0:
                floor = max(LEAST * total, SMALLEST)
                log_odds = np.float32(np.log(max(grooming, floor) / max(benign, floor)))
                scale = 1.0 / total
                for s in range(states):
                    belief[s] *= scale
            else:
                for s in range(states):
                    belief[s] = ahead[s]
            out[j] = log_odds
