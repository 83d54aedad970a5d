from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, ks_2samp

from simharness.world.accounts import account_keys, child_keys
from simharness.world.contacts import Contacts, concatenate, conversation_keys
from simharness.world.generate import World
from simharness.world.model import WorldModel

SEED, SHARE = 2024, 0.04
Uint64s = NDArray[np.uint64]


@pytest.fixture(scope="module")
def world(model: WorldModel) -> World:
    return World(model, SEED)


@pytest.fixture(scope="module")
def grooming(world: World) -> Contacts:
    return world.grooming_contacts(np.arange(3000, dtype=np.uint64))


@pytest.fixture(scope="module")
def benign(world: World) -> Contacts:
    """About 43,000 harmless contacts."""
    return concatenate(list(world.benign_contacts(fraction=SHARE)))


@pytest.fixture(scope="module")
def keys(world: World, grooming: Contacts, benign: Contacts) -> tuple[Uint64s, Uint64s]:
    """Accounts of the grooming and of the harmless contacts."""
    return (
        account_keys(world.model, SEED, grooming, SHARE),
        account_keys(world.model, SEED, benign, SHARE),
    )


def sizes(key: Uint64s) -> NDArray[np.int64]:
    return np.unique(key, return_counts=True)[1]


def test_an_offender_is_one_account(grooming: Contacts, keys: tuple[Uint64s, Uint64s]) -> None:
    pairs = {(int(a), int(b)) for a, b in zip(grooming.initiator, keys[0], strict=True)}
    assert len(pairs) == np.unique(grooming.initiator).size == np.unique(keys[0]).size


def test_a_harmless_account_has_one_class_and_one_stated_age(benign: Contacts, keys: tuple[Uint64s, Uint64s]) -> None:
    """Otherwise contradictions would tell harmless accounts from offenders', who state one age."""
    stated = {(int(k), int(c), bool(a)) for k, c, a in zip(keys[1], benign.kind, benign.declared_adult, strict=True)}
    assert len(stated) == np.unique(keys[1]).size
    assert {adult for _, _, adult in stated} == {False, True}


@pytest.mark.parametrize("name", ["peers", "coach_or_teacher", "gaming_partner"])
def test_conversations_of_an_account_are_geometric(
    model: WorldModel, benign: Contacts, keys: tuple[Uint64s, Uint64s], name: str
) -> None:
    # Poisson of an exponential mean m, seen only where above 0: geometric on 1, 2, ... with mean 1 + m and variance
    # m (1 + m) (Johnson, Kemp & Kotz 2005, section 5.3).
    number = list(model.scenario.world.benign.classes).index(name)
    rows = (benign.kind == number + model.grammar.grooming) & (
        benign.declared_adult == (name == "coach_or_teacher")  # the larger group: the other is too small to tell
    )
    found = sizes(keys[1][rows])
    mean = model.scenario.world.benign.classes[name].new_contacts_7d * model.scenario.period.days / 7
    assert mean > 7
    variance = mean * (1 + mean)
    spread = 4 * np.sqrt(variance / found.size)  # further: the number of conversations itself is Poisson
    assert abs(found.mean() - (1 + mean)) < spread + 4 * (1 + mean) / np.sqrt(rows.sum())
    assert 0.6 * variance < found.var() < 1.5 * variance


def test_offenders_and_others_overlap_in_conversations(keys: tuple[Uint64s, Uint64s]) -> None:
    offenders, others = sizes(keys[0]), sizes(keys[1])
    for found in (offenders, others):
        assert found.var() > 2 * found.mean()  # over-dispersed
        assert np.mean(found == 1) > 0.05 and np.mean(found >= 10) > 0.05
    above = np.mean(offenders[:, None] > others) + np.mean(offenders[:, None] == others) / 2
    assert 0.15 < above < 0.85


def test_keys_have_one_look(world: World, grooming: Contacts, benign: Contacts, keys: tuple[Uint64s, Uint64s]) -> None:
    kinds = [np.unique(keys[0]), np.unique(keys[1]), np.unique(child_keys(SEED, benign.child))]
    for found in kinds:
        assert found.dtype == np.uint64 and found.max() < 2**52 and found.max() > 2**50
    for one in range(3):
        for other in range(one):
            assert ks_2samp(kinds[one], kinds[other]).pvalue > 1e-3
            assert np.intersect1d(kinds[one], kinds[other]).size == 0
            for bit in (0, 1, 20, 51):
                counts = [np.bincount((found >> np.uint64(bit) & np.uint64(1)).astype(int)) for found in kinds]
                assert chi2_contingency([counts[one], counts[other]]).pvalue > 1e-4
    assert np.intersect1d(keys[1], conversation_keys(SEED, benign.conversation)).size == 0


def test_a_conversation_keeps_its_account_whatever_else_there_is(
    world: World, grooming: Contacts, benign: Contacts, keys: tuple[Uint64s, Uint64s]
) -> None:
    some = np.arange(5, len(benign), 7)
    assert np.array_equal(account_keys(world.model, SEED, benign.take(some), SHARE), keys[1][some])
    mixed = account_keys(world.model, SEED, concatenate([benign.take(some), grooming]), SHARE)
    assert np.array_equal(mixed, np.concatenate([keys[1][some], keys[0]]))
    assert not np.intersect1d(account_keys(world.model, SEED + 1, grooming, SHARE), keys[0]).size


def test_a_larger_share_has_more_accounts_not_busier_ones(world: World, keys: tuple[Uint64s, Uint64s]) -> None:
    few = concatenate(list(world.benign_contacts(fraction=SHARE / 4)))
    found = sizes(account_keys(world.model, SEED, few, SHARE / 4))
    assert abs(found.size / sizes(keys[1]).size - 0.25) < 0.03
    assert abs(found.mean() / sizes(keys[1]).mean() - 1) < 0.1


def test_every_substitute_has_an_account_of_its_own(world: World, grooming: Contacts) -> None:
    links = concatenate([world.substitute_contacts(grooming, link) for link in (1, 2, 3)])
    found = account_keys(world.model, SEED, concatenate([grooming, links]), SHARE)
    assert np.unique(found).size == np.unique(grooming.initiator).size + len(links)


def test_a_class_that_meets_hardly_anybody_has_an_account_a_conversation(
    make_model: Callable[..., WorldModel],
) -> None:
    shy = make_model("world.benign.classes.family.new_contacts_7d=0.0001")
    world = World(shy, SEED)
    contacts = concatenate(list(world.benign_contacts(fraction=SHARE)))
    family = list(shy.scenario.world.benign.classes).index("family") + shy.grammar.grooming
    contacts = contacts.take(contacts.kind == family)
    assert sizes(account_keys(shy, SEED, contacts, SHARE)).mean() < 1.02


def test_one_expected_conversation_or_none_is_still_somebody_s(world: World, benign: Contacts) -> None:
    found = account_keys(world.model, SEED, benign.take(slice(0, 50)), 1e-9)
    groups = {(int(k), bool(a)) for k, a in zip(benign.kind[:50], benign.declared_adult[:50], strict=True)}
    assert np.unique(found).size == len(groups)


def test_children_keep_their_keys(benign: Contacts) -> None:
    child = benign.child
    assert np.array_equal(child_keys(SEED, child[::3]), child_keys(SEED, child)[::3])
    assert np.unique(child_keys(SEED, child)).size == np.unique(child).size
    moved = replace(benign, child=child + 1)
    assert not np.array_equal(child_keys(SEED, moved.child), child_keys(SEED, child))
