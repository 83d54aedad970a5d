"""Which account made contact, as a platform sees it.

An offender's contacts are one account. Harmless conversations are sampled one by one, but real people contact several
children too, and a stream of events in which only offenders have more than one conversation would give the label away.
So sampled harmless conversations are grouped: they stand for whole accounts, fewer than there are, not for single
conversations of many. An account that makes contact at all has made, on average, one contact and those of its class's
``new_contacts_7d`` a week over the period; the number is geometric, as the feature is.

What stays wrong: children of one account live anywhere, an account is on several platforms, and the feature
``new_contacts_7d`` of a harmless conversation is drawn by itself, not counted from its account.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simharness.streams import uniform
from simharness.world.clock import DAY_S
from simharness.world.contacts import BENIGN_BIT, LINK_SHIFT, WEEK_DAYS, Contacts
from simharness.world.model import WorldModel

# Whose account a key is drawn for; a child is its id, below 2**40.
_OFFENDER = 1 << 60  # and the offender's number
_GROUP = 2 << 60  # of a harmless account: and its group and number
_SUBSTITUTE = 4 << 60  # and the conversation's id, which has its link in bits 60 and 61
_GROUP_BITS = 40
_MOST = 10_000_000  # harmless accounts of a group: with more, two conversations would hardly ever share one


def child_keys(seed: int, child: NDArray[np.int64]) -> NDArray[np.uint64]:
    """What a platform calls the account of each child: integers below 2**52, shape (n,)."""
    return _keys(seed, child.astype(np.uint64))


def account_keys(model: WorldModel, seed: int, contacts: Contacts, share: float) -> NDArray[np.uint64]:
    """What a platform calls the account that made each contact: integers below 2**52, shape (n,).

    ``share``: of harmless contacts sampled. An account depends on it, the seed and its own conversation's id and
    columns, never on which other conversations there are. Substitutes have an account each.
    """
    owner = np.where(contacts.initiator >= 0, contacts.initiator.astype(np.uint64) | np.uint64(_OFFENDER), 0)
    owner = owner.astype(np.uint64)
    substitute = (contacts.conversation < BENIGN_BIT) & (contacts.conversation >> np.uint64(LINK_SHIFT) > 0)
    owner[substitute] = contacts.conversation[substitute] | np.uint64(_SUBSTITUTE)
    kind = contacts.kind.astype(np.int64) - model.grammar.grooming
    for number in range(len(model.scenario.world.benign.classes)):
        for adult in (False, True):  # an account states one age, so conversations that state different ones share none
            rows = np.flatnonzero((contacts.initiator < 0) & (kind == number) & (contacts.declared_adult == adult))
            if rows.size:
                owner[rows] = _shared(model, seed, contacts.conversation[rows], share, number, adult)
    return _keys(seed, owner)


def _shared(
    model: WorldModel, seed: int, conversation: NDArray[np.uint64], share: float, number: int, adult: bool
) -> NDArray[np.uint64]:
    """The account of each harmless conversation of one class and stated age, by inverse CDF over their weights."""
    group = np.uint64(_GROUP | (2 * number + adult) << _GROUP_BITS)
    account = group | np.arange(_accounts(model, share, number, adult), dtype=np.uint64)
    # Exponential weights: a Poisson count of exponential mean is geometric (Johnson, Kemp & Kotz 2005, section 5.3).
    ends = np.cumsum(-np.log(uniform(seed, "account.weight", account)))
    draw = uniform(seed, "account.of_conversation", conversation) * ends[-1]
    return np.asarray(account[np.searchsorted(ends[:-1], draw, side="right")], np.uint64)


def _accounts(model: WorldModel, share: float, number: int, adult: bool) -> int:
    """How many accounts a group has: those that no sampled conversation falls on are never seen.

    A geometric number of conversations with this mean is one more than it where there is any, so accounts that are
    seen have 1 + mean. From the expected number of conversations, so that one more child moves no other account.
    """
    benign, days = model.scenario.world.benign, model.scenario.period.days
    settings = list(benign.classes.values())[number]
    stated = settings.declared_adult if adult else 1.0 - settings.declared_adult
    expected = model.children.total * benign.contact_rate * DAY_S * days * share * settings.share * stated
    mean = settings.new_contacts_7d * days / WEEK_DAYS
    return int(min(max(1.0, np.rint(expected / mean)), _MOST))


def _keys(seed: int, owner: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.asarray(uniform(seed, "account.key", owner) * 2.0**52).astype(np.uint64)
