"""Substitute contacts: what they have from their original, what is drawn anew, and that no two share an id."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simharness.world.contacts import LINK_SHIFT, OCCASION_BITS, Contacts
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel

SEED = 99
MANY = np.arange(6000, dtype=np.uint64)
LINKS = (1, 2, 3)
COPIED = ("initiator", "kind", "declared_adult", "new_contacts_7d")


@pytest.fixture(scope="module")
def world(model: WorldModel) -> World:
    return World(model, SEED)


@pytest.fixture(scope="module")
def own(world: World) -> Contacts:
    """Offenders' own contacts: about 20,000."""
    return world.grooming_contacts(MANY)


@pytest.mark.parametrize("link", LINKS)
def test_a_substitute_is_of_the_same_offender(world: World, own: Contacts, link: int) -> None:
    found = world.substitute_contacts(own, link)
    assert np.array_equal(found.conversation & np.uint64((1 << LINK_SHIFT) - 1), own.conversation)
    assert set(found.conversation >> np.uint64(LINK_SHIFT)) == {link}
    for name in COPIED:
        assert np.array_equal(getattr(found, name), getattr(own, name)), name
    assert found.start.tolist() == [0.0] * len(own)


def test_a_substitute_is_another_child_drawn_alike(world: World, own: Contacts) -> None:
    links = [own, *(world.substitute_contacts(own, link) for link in LINKS)]
    scenario = world.model.scenario.world
    platforms = sum(share**2 for share in scenario.offenders.platforms.shares.values())
    for number, one in enumerate(links):
        for other in links[:number]:  # by chance one of some ten thousand children of the group
            assert np.mean(one.child == other.child) < 0.005
            # Independent draws agree as often as two strangers do (and a little for the children's memberships).
            assert abs(np.mean(one.platform == other.platform) - platforms) < 0.02
            for kind, settings in enumerate(scenario.offenders.types.values()):
                agree = (one.regime == other.regime)[one.kind == kind]
                expected = sum(share**2 for share in settings.pacing.values())
                assert abs(agree.mean() - expected) <= 4 * np.sqrt(expected * (1 - expected) / agree.size)
        sex, age, force = world.model.children.cells(one.child)
        assert np.array_equal(sex == 0, one.girl) and np.array_equal(age, one.age)
        assert np.array_equal(force, one.force)
        for group in scenario.victims.groups:
            inside = (one.girl == (group.sex == "girl")) & (one.age >= group.youngest) & (one.age <= group.oldest)
            assert abs(inside.mean() - group.share) <= 4 * np.sqrt(group.share * (1 - group.share) / len(one))
        for kind, settings in enumerate(scenario.offenders.types.values()):
            for name, share in settings.pacing.items():
                regime = one.regime[one.kind == kind] == world.model.grammar.regimes.index(name)
                assert abs(regime.mean() - share) <= 4 * np.sqrt(share * (1 - share) / regime.size)


def test_no_two_conversations_share_an_id(world: World, own: Contacts) -> None:
    every = [own, *(world.substitute_contacts(own, link) for link in LINKS), *world.benign_contacts()]
    ids = np.concatenate([contacts.conversation for contacts in every])
    assert np.unique(ids).size == ids.size


def test_a_substitute_does_not_depend_on_its_company(world: World, own: Contacts) -> None:
    together, rows = world.substitute_contacts(own, 2), [7, 3]
    alone = world.substitute_contacts(own.take(rows), 2)
    for name in Contacts.__slots__:
        assert np.array_equal(getattr(alone, name), getattr(together, name)[rows]), name
    for row in (own.take(slice(0, 0)), world.substitute_contacts(own.take(slice(0, 0)), 1)):
        assert len(row) == 0


def test_conversations_of_substitutes(world: World, own: Contacts, whole: Callable[[World, Contacts], Batch]) -> None:
    original = own.take(slice(0, 200))
    substitutes = world.substitute_contacts(original, 1)
    first, batch = whole(world, original), whole(world, substitutes)
    view, truth = batch.view, batch.truth
    assert np.array_equal(view.time_s[view.begin], np.zeros(200)) and np.isfinite(truth.offence).any()
    assert np.mean(truth.messages == first.truth.messages) < 0.2  # not the same conversation over again
    for row in range(50):
        mine = slice(view.begin[row], view.end[row])
        again = world.messages_of(substitutes, truth, row)
        assert np.array_equal(again.symbol, view.symbol[mine]) and np.array_equal(again.time_s, view.time_s[mine])


@pytest.mark.parametrize("link", [0, 4, -1])
def test_links_that_cannot_be(world: World, own: Contacts, link: int) -> None:
    with pytest.raises(ValueError, match=f"link: expected 1 to 3, got {link}"):
        world.substitute_contacts(own, link)


def test_only_an_offenders_own_contact_has_substitutes(world: World, own: Contacts) -> None:
    harmless = next(iter(world.benign_contacts())).take(slice(0, 5))
    for contacts in (harmless, world.substitute_contacts(own.take(slice(0, 5)), 1)):
        with pytest.raises(ValueError, match="expected offenders' own contacts"):
            world.substitute_contacts(contacts, 2)


def test_offenders_numbered_too_high_would_collide(world: World) -> None:
    last = (1 << LINK_SHIFT - OCCASION_BITS) - 1
    assert not np.any(world.grooming_contacts(np.array([last], np.uint64)).conversation >> np.uint64(LINK_SHIFT))
    with pytest.raises(ValueError, match=r"expected numbers below 1099511627776 \(2\*\*40\), got 1099511627776"):
        world.grooming_contacts(np.array([3, last + 1], np.uint64))
