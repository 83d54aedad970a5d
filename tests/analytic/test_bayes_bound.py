"""The bound is the exact filter: against brute force, against Bayes' rule by hand, and against what comes true.

And the delay of the simplest detector there is, one without memory, which is geometric.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from math import log
from types import SimpleNamespace as Made
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.bayes_bound import BayesBound, class_prior, filter_tables
from simharness.detection.encryption import hide
from simharness.detection.protocol import TrainingSet
from simharness.detection.scoring import bind
from simharness.detection.training import training_set
from simharness.records import ConversationBatch
from simharness.scenario.detector import Aggregator, DetectorSpec
from simharness.streams import uniform
from simharness.world.contacts import BENIGN_BIT, Contacts
from simharness.world.generate import World
from simharness.world.model import WorldModel

Matrix = list[list[Fraction]]
# Nobody ends a conversation from outside and the period never cuts one short: a conversation is its Markov chain alone.
UNDISTURBED = (
    "world.natural_course.child_tells.by_stage={}",
    "world.natural_course.third_party_notices.probability=0",
    "period.end=2067-09-30",
)


@pytest.fixture(scope="session")
def undisturbed(make_model: Callable[..., WorldModel]) -> WorldModel:
    return make_model(*UNDISTURBED)


def filtered(model: WorldModel, prior_log_odds: float | None) -> BayesBound:
    """The bound, ready: what ``fit`` would make of it, without a training world."""
    bound = BayesBound(prior_log_odds)
    bound.filter = filter_tables(model, prior_log_odds)
    return bound


def contacts_of(kind: NDArray[np.uint8], model: WorldModel) -> Contacts:
    """One conversation of each given class, all begun at the first moment of the period."""
    n, number = kind.size, np.arange(kind.size)
    harmless = kind >= model.grammar.grooming
    return Contacts(
        conversation=number.astype(np.uint64) | np.where(harmless, np.uint64(BENIGN_BIT), np.uint64(0)),
        initiator=np.where(harmless, -1, number),
        child=number % model.children.total,
        kind=kind.astype(np.uint8),
        regime=(number % len(model.grammar.regimes)).astype(np.uint8),
        platform=np.zeros(n, np.uint8),
        start=np.zeros(n),
        declared_adult=np.zeros(n, np.bool_),
        new_contacts_7d=np.zeros(n, np.float32),
        girl=np.ones(n, np.bool_),
        age=np.full(n, 13, np.uint8),
        force=np.zeros(n, np.uint8),
    )


def brute_force(
    model: WorldModel, prior: NDArray[np.float64], symbols: Sequence[NDArray[np.uint16]]
) -> NDArray[np.float64]:
    """Log-odds after every message: the forward algorithm in log space over (phrase, sender), Rabiner 1989, III.A.

    Every phrase has its own column, and every class its own prior: nothing cancels and nothing is rescaled. Two columns
    more, at the end, are hidden messages: all that is known is who sent them.
    """
    grammar, book = model.grammar, model.phrasebooks["use"]
    number = np.arange(2 * len(book.texts))
    act = book.act_of[number >> 1].astype(np.int64)
    by_phrase = grammar.emit[:, act * 2 + (number & 1)] / book.count[act]
    np.testing.assert_allclose(by_phrase.sum(axis=1), 1.0, rtol=1e-12)
    by_phrase = np.column_stack([by_phrase, by_phrase[:, 0::2].sum(axis=1), by_phrase[:, 1::2].sum(axis=1)])
    with np.errstate(divide="ignore"):
        emit = np.log(by_phrase[grammar.tables.emission])
        step = np.log(grammar.step)
        start = np.log((prior[:, None] * grammar.start).sum(axis=0))
    grooming = grammar.chain_of_state < grammar.grooming

    def total(logs: NDArray[np.float64]) -> NDArray[np.float64]:
        top = np.maximum(logs.max(axis=0), -1e9)  # -1e9 stands for "impossible", which has no finite logarithm
        with np.errstate(divide="ignore"):
            return np.asarray(top + np.log(np.exp(logs - top).sum(axis=0)))

    out = []
    for conversation in symbols:
        forward = start + emit[:, conversation[0]]
        for place, symbol in enumerate(conversation):
            if place:
                forward = total(forward[:, None] + step) + emit[:, symbol]
            out.append(float(total(forward[grooming]) - total(forward[~grooming])))
    return np.array(out)


@pytest.mark.parametrize("hidden", [(), (3,), (0, 1, 2, 3)], ids=["all read", "some hidden", "all hidden"])
@pytest.mark.parametrize("prior_log_odds", [None, 0.7])
def test_filter_is_the_forward_algorithm_over_phrases(
    prior_log_odds: float | None, hidden: tuple[int, ...], model: WorldModel
) -> None:
    world = World(model, 12, batch_size=100)
    groups = [world.grooming_contacts(np.arange(60, dtype=np.uint64)), next(world.benign_contacts(0.001))]
    prior = class_prior(model)
    if prior_log_odds is not None:
        grooming = np.arange(prior.size) < model.grammar.grooming
        share = 1 / (1 + np.exp(-prior_log_odds))
        prior = prior * np.where(grooming, share / prior[grooming].sum(), (1 - share) / prior[~grooming].sum())
    bound, conversations = filtered(model, prior_log_odds), 0
    for contacts in groups:
        view = hide(next(world.batches(contacts)).view, np.isin(np.arange(4), hidden))
        symbols = [view.symbol[begin:end] for begin, end in zip(view.begin, view.end, strict=True)]
        expected = brute_force(model, prior, symbols)
        certain, found = np.isinf(expected), bound.risk(view)
        assert (found[certain] > 600).all() and certain.mean() < 0.1
        if len(hidden) == 4:  # who sent it tells a little, and never proves anything
            assert not certain.any() and expected.std() > 0.05
        else:
            assert np.abs(expected[~certain]).max() > 5.0
        # The bound is written as float32: half a unit in the last place is 6e-8 of its size.
        np.testing.assert_allclose(found[~certain], expected[~certain], rtol=1e-7, atol=1e-5)
        conversations += len(view)
    assert conversations == 200


def test_prior_is_the_share_of_contacts(make_model: Callable[..., WorldModel]) -> None:
    model = make_model(
        "world.offenders.count.value=5000",
        "world.offenders.contact_rate.value=0.03/day",
        "world.benign.contact_rate=2/day",
    )
    world, days = model.scenario.world, 181
    grooming = 5000 * 0.02 * 0.03 * days  # a fiftieth of the offenders at this scale
    harmless = model.children.total * 2 * days
    expected = [grooming * kind.share for kind in world.offenders.types.values()]
    expected += [harmless * kind.share for kind in world.benign.classes.values()]
    np.testing.assert_allclose(class_prior(model), np.array(expected) / (grooming + harmless), rtol=1e-12)
    for stated, log_odds in ((None, log(grooming / harmless)), (1.5, 1.5)):
        tables = filter_tables(model, stated)
        start, split = tables.start, tables.grooming
        assert log(start[:split].sum() / start[split:].sum()) == pytest.approx(log_odds, rel=1e-9)


# A toy of three states: grooming 0 -> 1, harmless 2. Three texts, each an act of its own; the third is never sent.
def tenths(*rows: Sequence[int]) -> Matrix:
    return [[Fraction(entry, 10) for entry in row] for row in rows]


START = [Fraction(1, 5), Fraction(1, 20), Fraction(3, 4)]  # one contact in four is grooming
STEP = tenths([7, 2, 0], [0, 9, 0], [0, 0, 8])
EMIT = tenths([5, 1, 6], [2, 2, 2], [2, 6, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0])  # (act * 2 + sender, state)


def toy(
    symbols: Sequence[int],
    step: Matrix = STEP,
    emit: Matrix = EMIT,
    grooming_start: Sequence[float] = (0.8, 0.2),
    offenders: int = 1,
) -> NDArray[np.float32]:
    """The bound on one conversation of a hand-made chain: grooming states, then one harmless state.

    For one contact of each of ``offenders`` there is one of each of three children.
    """
    split = len(grooming_start)
    start = np.zeros((2, split + 1))
    start[0, :split], start[1, split] = grooming_start, 1.0
    share = {"only": Made(share=1.0)}
    world = Made(
        offenders=Made(count=Made(value=offenders), contact_rate=Made(value=1.0), types=share),
        benign=Made(contact_rate=1.0, classes=share),
    )
    grammar = Made(
        grooming=1,
        start=start,
        step=np.array(step, np.float64),
        emit=np.array(emit, np.float64).T,
        tables=Made(emission=np.arange(split + 1)),
        chain_of_state=np.repeat([0, 1], [split, 1]),
    )
    model: Any = Made(
        grammar=grammar,
        phrasebooks={"use": Made(act_of=np.arange(3, dtype=np.uint8), follows=np.empty(0, np.int64))},
        scenario=Made(world=world, period=Made(days=1), scale=1.0),
        children=Made(total=3),
    )
    batch = ConversationBatch(
        texts=("a", "b", "c"),
        symbol=np.array(symbols, np.uint16),
        time_s=np.zeros(len(symbols)),
        begin=np.zeros(1, np.int64),
        end=np.array([len(symbols)]),
        platform=np.zeros(1, np.uint8),
        declared_adult=np.zeros(1, np.bool_),
        new_contacts_7d=np.zeros(1, np.float32),
    )
    return filtered(model, None).risk(batch)


def test_filter_on_two_states_is_bayes_rule_by_hand() -> None:
    emit = [[row[1], row[2]] for row in EMIT]
    # Prior odds 1/3; likelihood ratios of the four symbols 1/6, 1, 6 and 1; going on at all is worth 9/8 a message.
    on = 9 / 8
    odds = np.array([1 / 3 * 6, 1 / 3 * on, 1 / 3 * on**2, 1 / 3 * on**3 * 6, 1 / 3 * on**4 * 6])
    found = toy([2, 0, 1, 2, 3], tenths([9, 0], [0, 8]), emit, grooming_start=(1.0,))
    np.testing.assert_allclose(found, np.log(odds), rtol=1e-6, atol=1e-7)


def test_filter_is_the_sum_over_all_hidden_paths() -> None:
    """Every path of states written out, in exact fractions."""
    symbols = [0, 2, 1, 2, 3, 0]
    back = tenths([6, 2, 0], [1, 8, 0], [0, 0, 8])  # a second chain, which also returns
    for step in (STEP, back):
        found = toy(symbols, step)
        for length in range(1, len(symbols) + 1):
            weight = [Fraction(0), Fraction(0)]
            for path in product(range(3), repeat=length):
                chance = START[path[0]] * EMIT[symbols[0]][path[0]]
                for place in range(1, length):
                    chance *= step[path[place - 1]][path[place]] * EMIT[symbols[place]][path[place]]
                weight[path[-1] == 2] += chance
            assert found[length - 1] == pytest.approx(log(weight[0] / weight[1]), rel=1e-6, abs=1e-6)


def test_filter_on_hidden_texts_is_the_sum_over_all_hidden_paths_and_acts() -> None:
    """A hidden message may have been any act of its sender: symbols 6 (the one who made contact) and 7 (the child)."""
    symbols = [6, 2, 7, 7, 1, 6, 6, 0]
    acts = {**{symbol: [symbol] for symbol in range(6)}, 6: [0, 2, 4], 7: [1, 3, 5]}
    found = toy(symbols)
    for length in range(1, len(symbols) + 1):
        weight = [Fraction(0), Fraction(0)]
        for path in product(range(3), repeat=length):
            chance = START[path[0]]
            for place, symbol in enumerate(symbols[:length]):
                chance *= STEP[path[place - 1]][path[place]] if place else 1
                chance *= sum((EMIT[act][path[place]] for act in acts[symbol]), Fraction(0))
            weight[path[-1] == 2] += chance
        assert found[length - 1] == pytest.approx(log(weight[0] / weight[1]), rel=1e-6, abs=1e-6)


def test_a_text_nobody_sends_leaves_the_log_odds() -> None:
    found = toy([4, 2, 5])
    assert found[0] == pytest.approx(log(1 / 3), rel=1e-6)
    assert found[1] > found[0] and found[2] == found[1]


def test_certainty_stays_finite() -> None:
    proof = [*EMIT[:2], [Fraction(1, 2), Fraction(1, 2), Fraction(0)], *EMIT[3:]]
    found = toy([0, 2, 0], emit=proof)
    assert np.isfinite(found).all() and found[1] > 600 and found[2] > 600
    assert (toy([0, 0], offenders=0) < -600).all()


def test_the_bound_must_be_told_the_grammar(model: WorldModel) -> None:
    empty = np.empty(0, np.int64)
    nothing = ConversationBatch((), np.empty(0, np.uint16), np.empty(0), empty, empty, empty, empty, empty)  # type: ignore[arg-type]
    told = TrainingSet((), empty, empty, nothing, np.empty(0, np.bool_), 1, {}, model)
    bound = BayesBound()
    with pytest.raises(RuntimeError, match="must be fitted"):
        bound.risk(nothing)
    with pytest.raises(RuntimeError, match="must be declared privileged"):
        bound.fit(TrainingSet((), empty, empty, nothing, np.empty(0, np.bool_), 1, {}))
    assert bound.fit(told).filter is not None


def class_by_class(model: WorldModel, conversations: int) -> NDArray[np.uint8]:
    """Half grooming, half harmless, and within each half the classes in the filter's own shares."""
    prior = class_prior(model)
    grooming = np.arange(prior.size) < model.grammar.grooming
    shares = prior / np.where(grooming, prior[grooming].sum(), prior[~grooming].sum()) / 2
    edges = np.round(np.cumsum(shares) * conversations).astype(np.int64)
    return np.repeat(np.arange(prior.size, dtype=np.uint8), np.diff(edges, prepend=0))


def test_posterior_is_calibrated(undisturbed: WorldModel) -> None:
    """Of the conversations given a probability p after k messages, a share p is grooming (Dawid 1982, JASA 77).

    The sample holds each class in the share the filter takes as its prior, and the filter knows, as its reader does,
    that the conversation has come to k messages.
    """
    began = time.perf_counter()
    kind = class_by_class(undisturbed, 200_000)
    bound, world = filtered(undisturbed, prior_log_odds=0.0), World(undisturbed, 77)
    seen: dict[int, list[NDArray[np.float64]]] = {10: [], 25: []}
    for batch in world.batches(contacts_of(kind, undisturbed)):
        risk, view = bound.risk(batch.view), batch.view
        assert (batch.truth.closed < np.inf).all(), "a conversation was cut short"
        for k, columns in seen.items():
            rows = view.end - view.begin >= k
            probability = 1.0 / (1.0 + np.exp(-risk[view.begin[rows] + k - 1].astype(np.float64)))
            columns.append(np.stack([probability, batch.contacts.kind[rows] < undisturbed.grammar.grooming]))
    for columns in seen.values():
        probability, grooming = np.concatenate(columns, axis=1)
        error = np.sqrt((probability * (1 - probability)).sum()) / probability.size
        assert abs(probability.mean() - grooming.mean()) < 4 * error
        for tenth in np.array_split(np.argsort(probability), 10):
            p, share = probability[tenth], grooming[tenth].mean()
            assert np.sqrt((p * (1 - p)).sum()) / tenth.size < 0.005, "too few to tell 2 points"
            assert abs(p.mean() - share) < 0.02
        assert probability.std() > 0.2, "it says next to nothing, so being right about it means nothing"
    assert time.perf_counter() - began < 40.0


class Hits:
    """Scores each text by itself: a hit with probability ``chance``, drawn once for each phrase id."""

    def __init__(self, chance: float) -> None:
        self.chance = chance

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return (uniform(5, "test.hit", np.arange(len(texts))) < self.chance).astype(np.float32)


@pytest.mark.parametrize("chance", [0.5, 0.1])
def test_delay_of_a_detector_without_memory_is_geometric(chance: float, undisturbed: WorldModel) -> None:
    """Waiting for the first success (Feller vol. 1, VI.8): P(T = t) = p q^(t-1), mean 1/p, variance q/p^2.

    Peers talk alike in all their stages, so whether a message is a hit does not depend on those before it, nor on how
    long they go on. Of conversations with at least ``longest`` messages, min(T, longest) is a geometric number censored
    there, and its moments are sums over that distribution.
    """
    model, longest = undisturbed, 40
    grammar, book = model.grammar, model.phrasebooks["use"]
    peers = grammar.kind("peers")
    tables = np.unique(grammar.tables.emission[grammar.chain_of_state == peers])
    assert tables.size == 1
    detector = Hits(chance)
    hits = np.add.reduceat(detector.score(book.texts), book.first) / book.count  # share of the phrases of each act
    p = float(grammar.emit[tables[0]] @ np.repeat(hits, 2))
    scorer = bind("hits", DetectorSpec(use="test", aggregator=Aggregator(kind="last")), detector, book.texts)
    delays = []
    for batch in World(model, 78).batches(contacts_of(np.full(60_000, peers, np.uint8), model)):
        place = scorer.crossings(batch.view, np.array([0.5], np.float32))[:, 0]
        delay = np.minimum(np.where(place < 0, longest, place + 1), longest)
        delays.append(delay[batch.view.end - batch.view.begin >= longest])
    delay = np.concatenate(delays)
    t = np.arange(1, longest + 1)
    mass = np.where(t < longest, p * (1 - p) ** (t - 1), (1 - p) ** (longest - 1))
    mean = mass @ t
    variance, fourth = (mass @ (t - mean) ** power for power in (2, 4))
    if chance == 0.5:  # hardly anything is censored: Feller's own moments
        assert (mean, variance) == (pytest.approx(1 / p, rel=1e-6), pytest.approx((1 - p) / p**2, rel=1e-6))
    assert delay.size > 20_000 and abs(p - chance) < 0.05
    assert abs(delay.mean() - mean) < 4 * np.sqrt(variance / delay.size)
    assert abs(delay.var(ddof=1) - variance) < 4 * np.sqrt((fourth - variance**2) / delay.size)


def test_after_25_messages_the_bound_tells_most_conversations_apart(make_model: Callable[..., WorldModel]) -> None:
    """Calibration alone would not show it: the prior, repeated, is calibrated too."""
    model = make_model(*UNDISTURBED, "training={grooming: 50, benign: 50, calibration: 3000}")
    told = training_set(model)
    bound = filtered(model, 0.0)
    risk = bound.risk(told.batch)
    long = told.batch.end - told.batch.begin >= 25
    at = risk[told.batch.begin[long] + 24]
    grooming = told.grooming[long]
    wins = (at[grooming][:, None] > at[~grooming][None, :]).mean()
    assert wins > 0.8
