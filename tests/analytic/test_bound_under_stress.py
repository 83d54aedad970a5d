"""The bound under stress is still the exact filter: every dial, of the grammar and of messages, against brute force.

The brute force knows nothing of how the filter is built: it takes second messages out, and sums over every act that may
have been sent where nobody looked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.bayes_bound import BayesBound, class_prior, filter_tables
from simharness.records import ConversationBatch
from simharness.world.contacts import Contacts
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel

DIALS = {
    "slow_burn": "slow_burn: 3",
    "many_short": "many_short: 3",
    "one_hit": "one_hit: {history: 40}",
    "saturation": "saturation: 0.6",
    "switching": "switching: 0.4",
    "split": "split: 0.6",
    "repetition": "repetition: 0.4",
    "both": "split: 0.5, repetition: 0.4",
    "early_move": "early_move: {share: 0.7, after: 6}",
}
Sample = Callable[[str], tuple[WorldModel, ConversationBatch]]


@pytest.fixture(scope="module")
def sample(make_model: Callable[..., WorldModel], whole: Callable[[World, Contacts], Batch]) -> Sample:
    """Forty grooming conversations and as many harmless ones in the world of one dial."""

    def made(dial: str) -> tuple[WorldModel, ConversationBatch]:
        model = make_model(f"stress={{evidence: assumed, source: test, {DIALS[dial]}}}")
        world = World(model, 12)
        groups = [world.grooming_contacts().take(slice(0, 40)), next(world.benign_contacts(0.001)).take(slice(0, 40))]
        contacts = Contacts(*(np.concatenate([getattr(g, name) for g in groups]) for name in Contacts.__slots__))
        return model, whole(world, contacts).view

    return made


def filtered(model: WorldModel) -> BayesBound:
    bound = BayesBound()
    bound.filter = filter_tables(model)
    return bound


def brute_force(model: WorldModel, view: ConversationBatch) -> NDArray[np.float64]:
    """Log-odds after each message of a view whose conversations are read by platform; the forward algorithm in logs.

    Of what was sent before a conversation was seen, only the number of messages is known. No dial here both moves and
    splits, so that number is the number of steps.
    """
    grammar, book = model.grammar, model.phrasebooks["use"]
    spoken = int(book.count.sum())
    with np.errstate(divide="ignore"):
        by_phrase = np.log(grammar.emit[grammar.tables.emission])  # less the act's number of phrases, the same for all
        step, start = np.log(grammar.step), np.log(class_prior(model) @ grammar.start)
        grooming = grammar.chain_of_state < grammar.grooming

        def total(logs: NDArray[np.float64]) -> NDArray[np.float64]:
            top = np.maximum(logs.max(axis=0), -1e9)
            return np.asarray(top + np.log(np.exp(logs - top).sum(axis=0)))

        out = np.empty(view.symbol.size)
        for i in range(len(view)):
            forward = start
            for _ in range((int(view.first[i]) if view.first.size else 1) - 1):
                forward = total((forward + total(by_phrase.T))[:, None] + step)  # any act of either
            begun = False
            for j in range(view.begin[i], view.end[i]):
                text, sender = divmod(int(view.symbol[j]), 2)
                if text < spoken:
                    forward = total(forward[:, None] + step) if begun else forward
                    forward = forward + by_phrase[:, int(book.act_of[text]) * 2 + sender]
                    begun = True
                out[j] = total(forward[grooming]) - total(forward[~grooming])
    return out


@pytest.mark.parametrize("dial", DIALS)
def test_the_bound_is_exact_under_every_dial(dial: str, sample: Sample) -> None:
    model, view = sample(dial)
    found, seen = filtered(model).risk(view.by_platform()), view.by_platform()
    expected = brute_force(model, seen)
    certain = np.isinf(expected)
    assert (found[certain] > 600).all() and certain.mean() < 0.1
    np.testing.assert_allclose(found[~certain], expected[~certain], rtol=1e-6, atol=1e-5)
    assert (len(seen) > len(view)) == (dial == "early_move")
    assert (view.symbol >> 1 >= model.phrasebooks["use"].count.sum()).any() == (dial in ("split", "repetition", "both"))


@pytest.mark.parametrize("dial", ["split", "repetition"])
def test_a_second_message_says_nothing_new(dial: str, sample: Sample) -> None:
    model, view = sample(dial)
    risk = filtered(model).risk(view)
    second = np.flatnonzero(view.symbol >> 1 >= model.phrasebooks["use"].count.sum())
    assert second.size > 300 and np.array_equal(risk[second], risk[second - 1])


def test_a_text_that_begins_with_a_second_half_leaves_the_prior(sample: Sample) -> None:
    """A conversation found between the two halves of a phrase."""
    model, view = sample("split")
    second = int(np.flatnonzero(view.symbol >> 1 >= model.phrasebooks["use"].count.sum())[0])
    row = int(np.searchsorted(view.end, second, side="right"))
    one = np.array([row])
    rest = replace(
        view, begin=np.array([second]), end=view.end[one], platform=view.platform[one], first=np.empty(0, np.int32)
    )
    risk, tables = filtered(model).risk(rest), filter_tables(model)
    odds = tables.start[: tables.grooming].sum() / tables.start[tables.grooming :].sum()
    assert risk[second] == pytest.approx(np.log(odds), rel=1e-6)


def test_after_a_move_the_bound_is_calibrated(make_model: Callable[..., WorldModel]) -> None:
    """Of the second parts given a probability p after ten messages, a share p is grooming (Dawid 1982, JASA 77).

    Nobody ends these conversations from outside, nor does the period.
    """
    model = make_model(
        "world.natural_course.child_tells.by_stage={}",
        "world.natural_course.third_party_notices.probability=0",
        f"stress={{evidence: assumed, source: test, {DIALS['early_move']}}}",
    )
    world = World(replace(model, horizon=4000 * model.clock.lasts_s), 5)
    groups = [world.grooming_contacts(np.arange(1500, dtype=np.uint64)), next(world.benign_contacts(0.006))]
    bound, seen = BayesBound(), []
    bound.filter = filter_tables(model, float(np.log(len(groups[0]) / len(groups[1]))))
    for contacts in groups:
        for batch in world.batches(replace(contacts, start=np.zeros(len(contacts)))):
            view = batch.view.by_platform()
            later = np.flatnonzero((view.first > 1) & (view.end - view.begin >= 10))
            odds = bound.risk(view)[view.begin[later] + 9].astype(np.float64)
            seen.append(np.stack([1.0 / (1.0 + np.exp(-odds)), np.full(later.size, contacts is groups[0])]))
    probability, grooming = np.concatenate(seen, axis=1)
    assert probability.size > 4000 and probability.std() > 0.15
    for fifth in np.array_split(np.argsort(probability), 5):
        p, share = probability[fifth], grooming[fifth].mean()
        # A little more for offenders' types, whose share among so few offenders is not quite that of the prior.
        assert abs(p.mean() - share) < 4 * np.sqrt((p * (1 - p)).sum()) / fifth.size + 0.03
