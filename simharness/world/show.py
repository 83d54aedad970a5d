"""One conversation made again from its id, with made-up names, to be looked at. Nothing here is stored."""

from __future__ import annotations

import numpy as np

from simharness.errors import UsageError
from simharness.records import Account, Conversation, Message
from simharness.world.contacts import BENIGN_BIT, OCCASION_BITS, Contacts
from simharness.world.generate import World
from simharness.world.names import display_name, handle

_OFFENDERS = 1 << 40  # accounts of offenders and of harmless initiators are numbered apart from children's
_STRANGERS = 1 << 41


def show_conversation(world: World, conversation: int) -> Conversation:
    """The conversation with this id, message by message, exactly as detectors saw it.

    Raises UsageError where the world of this seed has no such conversation (or none sampled).
    """
    contacts = _contacts_of_owner(world, conversation)
    found = np.flatnonzero(contacts.conversation == conversation)
    if not found.size:
        raise UsageError(
            f"conversation {conversation}",
            "this world has no such conversation",
            hint="Take an id from a run's tables, and the replication it is listed under.",
        )
    contacts = contacts.take(found)
    view = next(world.batches(contacts)).view
    platform = world.model.platforms[int(contacts.platform[0])]
    initiator = int(contacts.initiator[0])
    other = _OFFENDERS + initiator if initiator >= 0 else _STRANGERS + (conversation & (BENIGN_BIT - 1))
    return Conversation(
        conversation,
        platform,
        _account(world.seed, other),
        _account(world.seed, int(contacts.child[0])),
        tuple(
            Message(conversation, index + 1, world.model.clock.wall(time), symbol & 1 == 0, view.text(index))
            for index, (time, symbol) in enumerate(zip(view.time_s.tolist(), view.symbol.tolist(), strict=True))
        ),
    )


def _contacts_of_owner(world: World, conversation: int) -> Contacts:
    """All contacts of the offender or the child whose number is in the id; nobody's where there is none."""
    owner = np.array([(conversation & (BENIGN_BIT - 1)) >> OCCASION_BITS], np.uint64)
    if conversation & BENIGN_BIT:
        return world.benign_contacts_of(owner[owner < world.model.children.total])
    return world.grooming_contacts(owner[owner < world.offenders])


def _account(seed: int, account: int) -> Account:
    return Account(account, handle(seed, account), display_name(seed, account))
