"""Who meets whom: the contacts of offenders, the harmless ones, and those that may take a contact's place.

What belongs to an offender (type, declared age, rate) is drawn by offender number; everything else by conversation id:

    bit 63      harmless
    bits 60-62  link: 0 for an offender's own contact, 1 to 3 for the substitutes that may follow it
    bits 20-59  number of the offender, or of the child for harmless contacts
    bits 0-19   occasion
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simharness.streams import uniform
from simharness.world.clock import DAY_S
from simharness.world.contacts import (
    BENIGN_BIT,
    LINK_SHIFT,
    LINKS,
    OCCASION_BITS,
    WEEK_DAYS,
    Contacts,
    poisson_contacts,
    recent_contacts,
)
from simharness.world.model import WorldModel
from simharness.world.population import GIRL, choose_platform

_OFFENDERS = 1 << LINK_SHIFT - OCCASION_BITS


@dataclass(frozen=True, slots=True)
class _Accounts:
    """The accounts that make contact, one row a contact: the columns a substitute has from its original."""

    initiator: NDArray[np.int64]
    kind: NDArray[np.uint8]
    declared_adult: NDArray[np.bool_]
    new_contacts_7d: NDArray[np.float32]


def grooming_contacts(model: WorldModel, seed: int, offenders: NDArray[np.uint64]) -> Contacts:
    """Every contact within the period of the offenders given by number. Raises ValueError from number 2**40 on."""
    if offenders.size and offenders.max() >= _OFFENDERS:
        raise ValueError(f"offenders: expected numbers below {_OFFENDERS} (2**40), got {offenders.max()}")
    settings, clock = model.scenario.world.offenders, model.clock
    sigma = settings.heterogeneity.value
    spread = np.exp(sigma * ndtri(uniform(seed, "offender.rate", offenders)) - sigma * sigma / 2)
    rates = settings.contact_rate.value * (DAY_S / clock.lasts_s) * spread
    week = WEEK_DAYS * clock.lasts_s
    # A week of run-up, so that "contacts in the last seven days" is right from the first day on.
    row, occasion, time = poisson_contacts(seed, "offender.contact", offenders, rates, -week, model.horizon)
    recent = recent_contacts(row, time, week)
    within = time >= 0.0
    row, occasion, time, recent = row[within], occasion[within], time[within], recent[within]
    conversation = offenders[row] << np.uint64(OCCASION_BITS) | occasion.astype(np.uint64)
    types = _pick(seed, "offender.type", offenders, [kind.share for kind in settings.types.values()])[row]
    adults = (uniform(seed, "offender.declared_adult", offenders) < settings.declared_adult.value)[row]
    accounts = _Accounts(offenders[row].astype(np.int64), types, adults, recent)
    return _approached(model, seed, conversation, time, accounts)


def substitute_contacts(model: WorldModel, seed: int, contacts: Contacts, link: int) -> Contacts:
    """The contact that may take the place of each of ``contacts``, which are offenders' own; same order and length.

    Child, platform and pacing are drawn anew; offender, type, declared age and recent contacts are the original's.
    All start at 0.0: whoever lets one happen knows when, and on the waking clock a conversation is the same whenever
    it begins, so its times are shifted by that. Raises ValueError for a link outside 1 to 3 or any other contact.
    """
    if not 1 <= link <= LINKS:
        raise ValueError(f"link: expected 1 to {LINKS}, got {link}")
    if np.any(contacts.conversation >> np.uint64(LINK_SHIFT)):
        raise ValueError("contacts: expected offenders' own contacts, got harmless ones or substitutes among them")
    conversation = contacts.conversation | np.uint64(link << LINK_SHIFT)
    accounts = _Accounts(contacts.initiator, contacts.kind, contacts.declared_adult, contacts.new_contacts_7d)
    return _approached(model, seed, conversation, np.zeros(len(contacts)), accounts)


def benign_contacts(model: WorldModel, seed: int, children: NDArray[np.uint64], share: float) -> Contacts:
    """A share of the harmless contacts within the period of the children given by id."""
    settings = model.scenario.world.benign
    rates = np.full(children.size, settings.contact_rate * (DAY_S / model.clock.lasts_s) * share)
    row, occasion, time = poisson_contacts(seed, "child.contact", children, rates, 0.0, model.horizon)
    conversation = np.uint64(BENIGN_BIT) | children[row] << np.uint64(OCCASION_BITS) | occasion.astype(np.uint64)
    classes = list(settings.classes.values())
    kind = _pick(seed, "benign.class", conversation, [c.share for c in classes])
    draw = uniform(seed, "benign.declared_adult", conversation)
    mean = np.array([c.new_contacts_7d for c in classes])[kind]
    # Geometric on 0, 1, 2, ... by inverse CDF: over-dispersed, as counts of contacts are.
    others = np.floor(np.log(uniform(seed, "benign.new_contacts", conversation)) / np.log(mean / (1 + mean)))
    accounts = _Accounts(
        np.full(row.size, -1, np.int64),
        kind + np.uint8(model.grammar.grooming),
        draw < np.array([c.declared_adult for c in classes])[kind],
        others.astype(np.float32),
    )
    regime = _regime(model, seed, conversation, kind, [c.pacing for c in classes])
    child, preference = children[row].astype(np.int64), model.benign_preference
    return _contacts(
        model, seed, conversation, child, time, accounts, regime, stream="benign.platform", preference=preference
    )


def _approached(
    model: WorldModel,
    seed: int,
    conversation: NDArray[np.uint64],
    start: NDArray[np.float64],
    accounts: _Accounts,
) -> Contacts:
    """Contacts of offenders: child, pacing and platform drawn by conversation."""
    pacing = [kind.pacing for kind in model.scenario.world.offenders.types.values()]
    child, regime = _targets(model, seed, conversation), _regime(model, seed, conversation, accounts.kind, pacing)
    preference = model.offender_preference
    return _contacts(
        model, seed, conversation, child, start, accounts, regime, stream="offender.platform", preference=preference
    )


def _contacts(
    model: WorldModel,
    seed: int,
    conversation: NDArray[np.uint64],
    child: NDArray[np.int64],
    start: NDArray[np.float64],
    accounts: _Accounts,
    regime: NDArray[np.uint8],
    *,
    stream: str,
    preference: NDArray[np.float64],
) -> Contacts:
    sex, age, force = model.children.cells(child)
    age_index = age.astype(np.int64) - model.children.youngest
    return Contacts(
        conversation=conversation,
        initiator=accounts.initiator,
        child=child,
        kind=accounts.kind,
        regime=regime,
        platform=choose_platform(seed, stream, conversation, child, age_index, model.membership, preference),
        start=start,
        declared_adult=accounts.declared_adult,
        new_contacts_7d=accounts.new_contacts_7d,
        girl=sex == GIRL,
        age=age,
        force=force,
    )


def _targets(model: WorldModel, seed: int, conversation: NDArray[np.uint64]) -> NDArray[np.int64]:
    groups = model.scenario.world.victims.groups
    group = _pick(seed, "offender.group", conversation, [g.share for g in groups])
    ranges = np.array([model.children.id_range(g.sex, g.youngest, g.oldest) for g in groups])
    low, high = ranges[group, 0], ranges[group, 1]
    place = np.floor(uniform(seed, "offender.child", conversation) * (high - low))
    return np.asarray(low + place, np.int64)


def _regime(
    model: WorldModel,
    seed: int,
    conversation: NDArray[np.uint64],
    kind: NDArray[np.uint8],
    pacing: list[dict[str, float]],
) -> NDArray[np.uint8]:
    regimes = model.grammar.regimes
    shares = np.array([[shares.get(name, 0.0) for name in regimes] for shares in pacing])
    cumulative = np.cumsum(shares, axis=1)[kind]
    draw = uniform(seed, "conversation.pacing", conversation)
    picked = np.minimum((draw[:, None] >= cumulative).sum(axis=1), len(regimes) - 1)
    return np.asarray(picked, np.uint8)


def _pick(seed: int, stream: str, entity: NDArray[np.uint64], shares: list[float]) -> NDArray[np.uint8]:
    """Inverse CDF of a few outcomes: the number of the outcome, shape as ``entity``."""
    edges = np.cumsum(shares)[:-1]
    return np.searchsorted(edges, uniform(seed, stream, entity), side="right").astype(np.uint8)
