"""One replication's world: contacts, and their conversations in batches of messages with the truth beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simharness.records import ConversationBatch, Truth
from simharness.scenario.world import END_REASONS
from simharness.world import meet
from simharness.world.contacts import Contacts, conversation_keys
from simharness.world.messages import ADULT, LANES, NEVER, Output, generate, new_output
from simharness.world.model import Edition, WorldModel
from simharness.world.natural import Disclosure, disclosure, truth_of
from simharness.world.stress import in_full, moves

REASONS = ("censored", *END_REASONS, "adult")  # names of Truth.reason
DEFAULT_BATCH = 2_000  # conversations: their messages and scores stay in the second-level cache
CHILD_BLOCK = 1 << 18  # children whose contacts are enumerated at once: bounds memory at any scale
_MESSAGES_A_CONVERSATION = 128
_Adults = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]  # see ``messages.generate``


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
        if offenders is None:
            offenders = np.arange(self.offenders, dtype=np.uint64)
        return meet.grooming_contacts(self.model, self.seed, offenders)

    def substitute_contacts(self, contacts: Contacts, link: int) -> Contacts:
        """The contact with another child that may take the place of each of ``contacts``, the offenders' own.

        Link 1 replaces the contact itself, link 2 its replacement, and so on to 3. All start at 0.0: see
        :func:`simharness.world.meet.substitute_contacts`.
        """
        return meet.substitute_contacts(self.model, self.seed, contacts, link)

    def benign_contacts(self, fraction: float | None = None) -> Iterator[Contacts]:
        """Sampled harmless contacts, children in order, in blocks of bounded size; weight 1 / fraction each."""
        total = self.model.children.total
        for first in range(0, total, CHILD_BLOCK):
            yield self.benign_contacts_of(np.arange(first, min(first + CHILD_BLOCK, total), dtype=np.uint64), fraction)

    def benign_contacts_of(self, children: NDArray[np.uint64], fraction: float | None = None) -> Contacts:
        """Sampled harmless contacts of the children given by id."""
        share = self.model.scenario.sampling.benign_fraction if fraction is None else fraction
        return meet.benign_contacts(self.model, self.seed, children, share)

    def batches(self, contacts: Contacts, buffers: Output | None = None) -> Iterator[Batch]:
        """Generate the conversations of contacts in order; the split into batches never changes a message."""
        out = buffers or new_output(self.batch_size, self.batch_size * _MESSAGES_A_CONVERSATION)
        known = disclosure(self.seed, contacts, self.model.scenario.world.natural_course, self.model.clock)
        done = 0
        while done < len(contacts):
            rows = slice(done, min(done + min(self.batch_size, out.begin.size), len(contacts)))
            part, part_known = contacts.take(rows), known.take(rows)
            adults = part_known.tells_at_hazard, part_known.notices_at, part_known.ends
            fitted = self._generate(part, adults, out)
            if fitted == 0:  # one conversation longer than the whole buffer
                out = new_output(self.batch_size, 2 * out.symbol.size + LANES)
                continue
            yield self._batch(part.take(slice(0, fitted)), part_known.take(slice(0, fitted)), out)
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
        self._generate(part, (np.full(1, NEVER), ended, np.ones(1, np.bool_)), out)
        out, moved = self._sent(part, out)
        used = slice(int(np.searchsorted(out.time[: out.end[0]], after, side="right")), int(out.end[0]))
        end = np.array([used.stop - used.start])
        view = self._view(part, out.symbol[used], out.time[used], np.zeros(1, np.int64), end)
        # Who moved before the first of these messages is somewhere new from that message on.
        moved = np.where(moved > used.start, moved - used.start, end) if moved.size else moved
        return replace(view, first=np.array([used.start + 1], np.int32), moved=moved)

    def _generate(self, contacts: Contacts, adults: _Adults, out: Output) -> int:
        book = self.model.phrasebooks[self.edition]
        return int(
            generate(
                self.model.grammar.tables,
                book.first.astype(np.uint64),
                book.count.astype(np.uint64),
                np.uint64(self.seed),
                (contacts.conversation, contacts.kind, contacts.regime, contacts.start),
                adults,
                self.model.rules,
                out,
            )
        )

    def _sent(self, contacts: Contacts, out: Output) -> tuple[Output, NDArray[np.int64]]:
        """What the kernel wrote, as it is sent under stress, and where conversations moved; empty where none does."""
        stress, n = self.model.scenario.stress, len(contacts)
        moved = np.empty(0, np.int64)
        if stress is None:
            return out, moved
        if stress.early_move is not None:
            begin, end = out.begin[:n], out.end[:n]
            moved = begin + moves(self.seed, contacts.conversation, end - begin, stress.early_move)
        follows = self.model.phrasebooks[self.edition].follows
        if not follows.size:
            return out, moved
        full, place = in_full(out, n, follows, stress.pause, self.model.horizon)
        return full, place[moved]

    def _batch(self, contacts: Contacts, known: Disclosure, out: Output) -> Batch:
        n, course = len(contacts), self.model.scenario.world.natural_course
        out, moved = self._sent(contacts, out)
        used = int(out.end[n - 1])
        view = self._view(contacts, out.symbol[:used], out.time[:used], out.begin[:n], out.end[:n])
        view = replace(view, moved=moved)
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
        key = conversation_keys(self.seed, contacts.conversation)
        return ConversationBatch(texts, symbol, time, begin, end, contacts.platform, adult, recent, key)
