"""One replication's world: contacts, and their conversations in batches of messages with the truth beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simharness.records import ConversationBatch, Truth
from simharness.scenario.world import END_REASONS
from simharness.streams import uniform
from simharness.world.clock import DAY_S
from simharness.world.contacts import BENIGN_BIT, OCCASION_BITS, WEEK_DAYS, Contacts, poisson_contacts, recent_contacts
from simharness.world.messages import ADULT, LANES, NEVER, Output, generate, new_output
from simharness.world.model import Edition, WorldModel
from simharness.world.natural import Disclosure, disclosure, truth_of
from simharness.world.population import GIRL, choose_platform

REASONS = ("censored", *END_REASONS, "adult")  # names of Truth.reason
DEFAULT_BATCH = 2_000  # conversations: their messages and scores stay in the second-level cache
CHILD_BLOCK = 1 << 18  # children whose contacts are enumerated at once: bounds memory at any scale
_MESSAGES_A_CONVERSATION = 128


@dataclass(frozen=True, slots=True)
class Batch:
    """Contacts with what a platform sees of them and what really happened; equal length.

    ``view`` lives in buffers that the next batch overwrites: use it and drop it, as the pipeline does.
    """

    contacts: Contacts
    view: ConversationBatch
    truth: Truth
    stage: NDArray[np.uint8]  # truth: stage number of each message of the view


@dataclass(frozen=True, slots=True)
class World:
    """The world of one seed. ``edition``: which wording its phrases have (training worlds speak the older one)."""

    model: WorldModel
    seed: int
    edition: Edition = "use"
    batch_size: int = DEFAULT_BATCH

    @property
    def offenders(self) -> int:
        """How many offenders there are, numbered from 0."""
        scenario = self.model.scenario
        return round(scenario.world.offenders.count.value * scenario.scale)

    def grooming_contacts(self, offenders: NDArray[np.uint64] | None = None) -> Contacts:
        """Every contact of every offender (or of those given by number) within the period."""
        model, settings = self.model, self.model.scenario.world.offenders
        clock = model.clock
        if offenders is None:
            offenders = np.arange(self.offenders, dtype=np.uint64)
        sigma = settings.heterogeneity.value
        spread = np.exp(sigma * ndtri(uniform(self.seed, "offender.rate", offenders)) - sigma * sigma / 2)
        rates = settings.contact_rate.value * (DAY_S / clock.lasts_s) * spread
        week = WEEK_DAYS * clock.lasts_s
        # A week of run-up, so that "contacts in the last seven days" is right from the first day on.
        row, occasion, time = poisson_contacts(self.seed, "offender.contact", offenders, rates, -week, model.horizon)
        recent = recent_contacts(row, time, week)
        within = time >= 0.0
        row, occasion, time, recent = row[within], occasion[within], time[within], recent[within]
        conversation = offenders[row] << np.uint64(OCCASION_BITS) | occasion.astype(np.uint64)
        child = self._targets(conversation)
        types = _pick(self.seed, "offender.type", offenders, [kind.share for kind in settings.types.values()])[row]
        adults = (uniform(self.seed, "offender.declared_adult", offenders) < settings.declared_adult.value)[row]
        pacing = [kind.pacing for kind in settings.types.values()]
        return self._contacts(
            conversation,
            child,
            time,
            initiator=offenders[row].astype(np.int64),
            kind=types,
            regime=self._regime(conversation, types, pacing),
            stream="offender.platform",
            preference=model.offender_preference,
            declared_adult=adults,
            recent=recent,
        )

    def benign_contacts(self, fraction: float | None = None) -> Iterator[Contacts]:
        """Sampled harmless contacts, children in order, in blocks of bounded size; weight 1 / fraction each."""
        total = self.model.children.total
        for first in range(0, total, CHILD_BLOCK):
            yield self.benign_contacts_of(np.arange(first, min(first + CHILD_BLOCK, total), dtype=np.uint64), fraction)

    def benign_contacts_of(self, children: NDArray[np.uint64], fraction: float | None = None) -> Contacts:
        """Sampled harmless contacts of the children given by id."""
        model, settings = self.model, self.model.scenario.world.benign
        share = model.scenario.sampling.benign_fraction if fraction is None else fraction
        rates = np.full(children.size, settings.contact_rate * (DAY_S / model.clock.lasts_s) * share)
        row, occasion, time = poisson_contacts(self.seed, "child.contact", children, rates, 0.0, model.horizon)
        conversation = np.uint64(BENIGN_BIT) | children[row] << np.uint64(OCCASION_BITS) | occasion.astype(np.uint64)
        classes = list(settings.classes.values())
        kind = _pick(self.seed, "benign.class", conversation, [c.share for c in classes])
        draw = uniform(self.seed, "benign.declared_adult", conversation)
        mean = np.array([c.new_contacts_7d for c in classes])[kind]
        # Geometric on 0, 1, 2, ... by inverse CDF: over-dispersed, as counts of contacts are.
        others = np.floor(np.log(uniform(self.seed, "benign.new_contacts", conversation)) / np.log(mean / (1 + mean)))
        return self._contacts(
            conversation,
            children[row].astype(np.int64),
            time,
            initiator=np.full(row.size, -1, np.int64),
            kind=kind + np.uint8(model.grammar.grooming),
            regime=self._regime(conversation, kind, [c.pacing for c in classes]),
            stream="benign.platform",
            preference=model.benign_preference,
            declared_adult=draw < np.array([c.declared_adult for c in classes])[kind],
            recent=others.astype(np.float32),
        )

    def batches(self, contacts: Contacts, buffers: Output | None = None) -> Iterator[Batch]:
        """Generate the conversations of contacts in order; the split into batches never changes a message."""
        out = buffers or new_output(self.batch_size, self.batch_size * _MESSAGES_A_CONVERSATION)
        known = self._disclosure(contacts)
        done = 0
        while done < len(contacts):
            rows = slice(done, min(done + min(self.batch_size, out.begin.size), len(contacts)))
            part, part_known = contacts.take(rows), _take(known, rows)
            fitted = self._generate(part, part_known.stops, out)
            if fitted == 0:  # one conversation longer than the whole buffer
                out = new_output(self.batch_size, 2 * out.symbol.size + LANES)
                continue
            yield self._batch(part.take(slice(0, fitted)), _take(part_known, slice(0, fitted)), out)
            done += fitted

    def messages_of(self, contacts: Contacts, truth: Truth, row: int, after: float = -np.inf) -> ConversationBatch:
        """One conversation made again by itself: its messages later than a time (waking seconds), the same as in its
        batch.

        Takes from ``truth`` when an adult ended it, instead of drawing again who came to know.
        """
        part = contacts.take(slice(row, row + 1))
        ended = np.array([truth.closed[row] if truth.reason[row] == ADULT else NEVER])
        size = int(truth.messages[row]) + LANES
        out = new_output(1, size)
        self._generate(part, (np.full(1, NEVER), ended), out)
        used = slice(int(np.searchsorted(out.time[: out.end[0]], after, side="right")), int(out.end[0]))
        return self._view(
            part, out.symbol[used], out.time[used], np.zeros(1, np.int64), np.array([used.stop - used.start])
        )

    def _generate(self, contacts: Contacts, stops: tuple[NDArray[np.float64], NDArray[np.float64]], out: Output) -> int:
        book, rules = self.model.phrasebooks[self.edition], self.model.rules
        return int(
            generate(
                self.model.grammar.tables,
                book.first.astype(np.uint64),
                book.count.astype(np.uint64),
                np.uint64(self.seed),
                (contacts.conversation, contacts.kind, contacts.regime, contacts.start),
                stops,
                (rules.sexual, rules.meeting, rules.repeat_after, rules.horizon),
                out,
            )
        )

    def _batch(self, contacts: Contacts, known: Disclosure, out: Output) -> Batch:
        n, course = len(contacts), self.model.scenario.world.natural_course
        used = int(out.end[n - 1])
        view = self._view(contacts, out.symbol[:used], out.time[:used], out.begin[:n], out.end[:n])
        clock, horizon = self.model.clock, self.model.horizon
        truth = truth_of(self.seed, contacts.conversation, out, known, course, clock, horizon)
        return Batch(contacts, view, truth, out.stage[:used])

    def _view(
        self,
        contacts: Contacts,
        symbol: NDArray[np.uint16],
        time: NDArray[np.float64],
        begin: NDArray[np.int64],
        end: NDArray[np.int64],
    ) -> ConversationBatch:
        texts = self.model.phrasebooks[self.edition].texts
        adult, recent = contacts.declared_adult, contacts.new_contacts_7d
        return ConversationBatch(texts, symbol, time, begin, end, contacts.platform, adult, recent)

    def _disclosure(self, contacts: Contacts) -> Disclosure:
        """Draws for grooming conversations; nobody needs to find out about a harmless one."""
        course, clock = self.model.scenario.world.natural_course, self.model.clock
        harmless = contacts.initiator < 0
        if harmless.all():
            never, no = np.full(len(contacts), NEVER), np.zeros(len(contacts), np.bool_)
            return Disclosure(never, never, no, no)
        drawn = disclosure(self.seed, contacts.conversation, contacts.start, course, clock)
        return replace(
            drawn,
            tells_after=np.where(harmless, NEVER, drawn.tells_after),
            notices_at=np.where(harmless, NEVER, drawn.notices_at),
        )

    def _targets(self, conversation: NDArray[np.uint64]) -> NDArray[np.int64]:
        groups = self.model.scenario.world.victims.groups
        group = _pick(self.seed, "offender.group", conversation, [g.share for g in groups])
        ranges = np.array([self.model.children.id_range(g.sex, g.youngest, g.oldest) for g in groups])
        low, high = ranges[group, 0], ranges[group, 1]
        place = np.floor(uniform(self.seed, "offender.child", conversation) * (high - low))
        return np.asarray(low + place, np.int64)

    def _regime(
        self, conversation: NDArray[np.uint64], kind: NDArray[np.uint8], pacing: list[dict[str, float]]
    ) -> NDArray[np.uint8]:
        regimes = self.model.grammar.regimes
        shares = np.array([[shares.get(name, 0.0) for name in regimes] for shares in pacing])
        cumulative = np.cumsum(shares, axis=1)[kind]
        draw = uniform(self.seed, "conversation.pacing", conversation)
        picked = np.minimum((draw[:, None] >= cumulative).sum(axis=1), len(regimes) - 1)
        return np.asarray(picked, np.uint8)

    def _contacts(
        self,
        conversation: NDArray[np.uint64],
        child: NDArray[np.int64],
        start: NDArray[np.float64],
        *,
        initiator: NDArray[np.int64],
        kind: NDArray[np.uint8],
        regime: NDArray[np.uint8],
        stream: str,
        preference: NDArray[np.float64],
        declared_adult: NDArray[np.bool_],
        recent: NDArray[np.float32],
    ) -> Contacts:
        sex, age, force = self.model.children.cells(child)
        age_index = age.astype(np.int64) - self.model.children.youngest
        platform = choose_platform(self.seed, stream, conversation, child, age_index, self.model.membership, preference)
        return Contacts(
            conversation,
            initiator,
            child,
            kind,
            regime,
            platform,
            start,
            declared_adult,
            recent,
            sex == GIRL,
            age,
            force,
        )


def _pick(seed: int, stream: str, entity: NDArray[np.uint64], shares: list[float]) -> NDArray[np.uint8]:
    """Inverse CDF of a few outcomes: the number of the outcome, shape as ``entity``."""
    edges = np.cumsum(shares)[:-1]
    return np.searchsorted(edges, uniform(seed, stream, entity), side="right").astype(np.uint8)


def _take(known: Disclosure, rows: slice) -> Disclosure:
    return Disclosure(known.tells_after[rows], known.notices_at[rows], known.ends[rows], known.reports[rows])
