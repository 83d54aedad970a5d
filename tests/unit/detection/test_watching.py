"""Watchers of event streams and aggregators over accounts, held against the events one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from simharness.detection.aggregators import running_risk
from simharness.detection.answers import Declared
from simharness.detection.faults import DetectorFailed
from simharness.detection.guard import Guard
from simharness.detection.levels import UNREACHABLE, calibrate_levels
from simharness.detection.numbered import Numbered
from simharness.detection.scoring import Scorer, bind, build_detector
from simharness.detection.training import benign_sample, benign_share, calibration_world, grooming_sample
from simharness.detection.triggers import Signal, alarms
from simharness.detection.watching import Watched, afresh, watched
from simharness.errors import UsageError
from simharness.records import ConversationBatch, EventBatch
from simharness.scenario.detector import Aggregator, DetectorSpec
from simharness.world import events as events_module
from simharness.world.accounts import account_keys, child_keys
from simharness.world.contacts import Contacts, concatenate
from simharness.world.generate import Batch, World
from simharness.world.model import WorldModel

Kind = Literal["last", "max", "mean", "ewma", "top_k", "cusum", "s_of_n"]
Floats = NDArray[np.float32]
Whole = Callable[[World, Contacts], Batch]
SEED, SCALE = 11, 0.005
SMALL = ("training={grooming: 60, benign: 300, calibration: 2400}", "sampling.benign_fraction=0.01")
MOVING = "stress={evidence: assumed, source: test, early_move: {share: 0.5, after: 8}}"
OPEN = np.zeros(4, np.bool_)


class Counter:
    """Messages of the conversation so far. It remembers by name alone."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}

    def watch(self, events: EventBatch) -> list[float]:
        return [self.one(*event) for event in zip(*self.columns(events), strict=True)]

    def columns(self, events: EventBatch) -> list[list[Any]]:
        return [events.conversation.tolist()]

    def one(self, conversation: int) -> float:
        self.seen[conversation] = self.seen.get(conversation, 0) + 1
        return float(self.seen[conversation])


class Counts:
    """The same of whole conversations."""

    def risk(self, batch: ConversationBatch) -> Floats:
        return np.concatenate([np.arange(1.0, e - b + 1) for b, e in zip(batch.begin, batch.end, strict=True)])


class Acquaintances(Counter):
    """Conversations that the account has had so far, this one included."""

    def columns(self, events: EventBatch) -> list[list[Any]]:
        return [events.account.tolist(), events.conversation.tolist()]

    def one(self, account: int, conversation: int) -> float:  # type: ignore[override]
        self.known: dict[int, set[int]] = getattr(self, "known", {})
        self.known.setdefault(account, set()).add(conversation)
        return float(len(self.known[account]))


class Hours(Counter):
    """Time of day, in hours."""

    def columns(self, events: EventBatch) -> list[list[Any]]:
        return [(events.time_s % 86_400 / 3600).tolist()]

    def one(self, hour: float) -> float:
        return hour


class Everything(Counter):
    """Messages of anybody so far: what another one sends counts."""

    def one(self, conversation: int) -> float:
        return super().one(0)


class Unread(Counter):
    """Messages of the account so far whose text it could not see."""

    def columns(self, events: EventBatch) -> list[list[Any]]:
        return [events.account.tolist(), [events.texts[each >> 1] == "" for each in events.symbol.tolist()]]

    def one(self, account: int, hidden: bool) -> float:  # type: ignore[override]
        self.seen[account] = self.seen.get(account, 0) + hidden
        return float(self.seen[account])


class Lengths:
    """A message's letters over ten; some texts it has no opinion of."""

    abstains = True

    def score(self, texts: tuple[str, ...]) -> list[float | None]:
        return [None if len(text) % 5 == 0 else len(text) / 10 for text in texts]


class LengthsOfMessages:
    """The same scores from whole conversations."""

    abstains = aggregated = True

    def risk(self, batch: ConversationBatch) -> Floats:
        scores = np.array(Lengths().score(batch.texts), object).astype(np.float32)
        return scores[batch.symbol >> 1]


def scorer_of(detector: Any, on_error: str = "fail", texts: tuple[str, ...] = (), **aggregator: Any) -> Scorer:
    settings = Aggregator(**({"kind": "last"} | aggregator))
    spec = DetectorSpec(use="mine", aggregator=settings, on_error=on_error)  # type: ignore[arg-type]
    return bind("mine", spec, detector, texts)


def open_table(scorer: Scorer) -> Numbered:
    assert isinstance(scorer.watched, Watched)
    return scorer.watched.tables[()]


@pytest.fixture(scope="module")
def world(make_model: Callable[..., WorldModel]) -> World:
    return World(make_model(*SMALL, scale=SCALE), SEED)


@pytest.fixture(scope="module")
def moving(make_model: Callable[..., WorldModel]) -> World:
    """Half of the conversations move, after eight messages on average."""
    return World(make_model(*SMALL, MOVING, scale=SCALE), SEED)


@pytest.fixture(scope="module")
def planned(world: World) -> list[Contacts]:
    return [world.grooming_contacts(), *world.benign_contacts()]


@pytest.fixture(scope="module")
def substitutes(world: World, planned: list[Contacts]) -> list[Contacts]:
    return [world.substitute_contacts(planned[0], 1), world.substitute_contacts(planned[0], 2)]


@pytest.fixture(scope="module")
def known(world: World, planned: list[Contacts], whole: Whole) -> ConversationBatch:
    return whole(world, concatenate(planned)).view


@pytest.fixture(scope="module")
def others(world: World, substitutes: list[Contacts], whole: Whole) -> ConversationBatch:
    return whole(world, concatenate(substitutes)).view


Event = tuple[float, int, int, int, int, int]  # wall time, conversation, number, account, row, message


def by_hand(world: World, contacts: Contacts, view: ConversationBatch, share: float) -> list[Event]:
    """Every message in order of wall time, one by one."""
    accounts = account_keys(world.model, world.seed, contacts, share).tolist()
    found = []
    for row in range(len(view)):
        for message in range(view.begin[row], view.end[row]):
            wall = world.model.clock.wall(float(view.time_s[message]))
            number = int(message - view.begin[row] + 1)
            found.append((wall, int(view.key[row]), number, accounts[row], row, message))
    return sorted(found)


# -- watchers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [7, 2000])
def test_a_watcher_of_single_conversations_is_a_reader_of_them(
    world: World, planned: list[Contacts], substitutes: list[Contacts], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simharness.detection.watching.DEFAULT_EVENTS", 1000 if size == 7 else 1 << 15)
    seen = watched(scorer_of(Counter()), world, [planned, substitutes])
    plain = scorer_of(Counts())
    assert watched(plain, world, [planned]) is plain
    conversations = 0
    for batch in replace(world, batch_size=size).batches(concatenate([*planned, *substitutes])):
        assert np.array_equal(seen.risk(batch.view), plain.risk(batch.view))
        conversations += len(batch.view)
    assert conversations == sum(map(len, [*planned, *substitutes])) > 1000


def test_an_accounts_earlier_conversations_are_seen_and_no_later_one(
    world: World, planned: list[Contacts], known: ConversationBatch
) -> None:
    found = watched(scorer_of(Acquaintances()), world, [planned]).risk(known)
    contacts = concatenate(planned)
    met: dict[int, set[int]] = {}
    for _, conversation, _, account, _, message in by_hand(world, contacts, known, 0.01):
        met.setdefault(account, set()).add(conversation)
        assert found[message] == len(met[account])
    most = found[known.end - 1]
    for offenders in (True, False):
        assert (most[(contacts.initiator >= 0) == offenders] >= 3).any()
    # By hand from the contacts: a conversation's first message comes when it starts.
    account, first = account_keys(world.model, world.seed, contacts, 0.01), found[known.begin]
    for row in range(len(contacts)):
        same = (
            contacts.initiator == contacts.initiator[row] if contacts.initiator[row] >= 0 else account == account[row]
        )
        assert first[row] == (contacts.start[same] <= contacts.start[row]).sum()


def test_what_comes_later_changes_nothing(world: World, planned: list[Contacts], known: ConversationBatch) -> None:
    contacts = concatenate(planned)
    half = float(np.median(contacts.start))
    early = contacts.start < half
    some = contacts.take(early)
    for kind in (Acquaintances, Everything):
        everything = watched(scorer_of(kind()), world, [planned]).risk(known)
        table = watched(scorer_of(kind()), world, [[some]])
        rows = np.flatnonzero(early)
        part = replace(known, begin=known.begin[rows], end=known.end[rows], key=known.key[rows])
        part = replace(part, platform=known.platform[rows], moved=np.empty(0, np.int64))
        risk = table.risk(part)
        message = np.concatenate([np.arange(b, e) for b, e in zip(part.begin, part.end, strict=True)])
        past = message[known.time_s[message] < half]
        assert past.size > 1000 and np.array_equal(risk[past], everything[past])
        assert not np.array_equal(risk[message], everything[message])  # messages after the others began


def test_substitutes_are_a_stream_of_their_own(
    world: World,
    planned: list[Contacts],
    substitutes: list[Contacts],
    known: ConversationBatch,
    others: ConversationBatch,
) -> None:
    both = watched(scorer_of(Everything()), world, [planned, substitutes])
    for part, view in ((planned, known), (substitutes, others)):
        alone = watched(scorer_of(Everything()), world, [part])
        assert np.array_equal(both.risk(view), alone.risk(view))
        assert alone.risk(view).min() == 1.0  # nothing is remembered
    accounts = watched(scorer_of(Acquaintances()), world, [planned, substitutes])
    assert set(accounts.risk(others).tolist()) == {1.0}


def test_nothing_is_remembered_from_one_world_to_the_next(world: World, planned: list[Contacts]) -> None:
    detector = Everything()
    scorer = scorer_of(detector)
    one = watched(scorer, world, [planned])
    assert not detector.seen and scorer.watched is None
    again = watched(scorer, world, [planned])
    assert np.array_equal(open_table(again).score, open_table(one).score)


def test_a_message_costs_four_bytes_and_a_conversation_sixteen(
    world: World, planned: list[Contacts], known: ConversationBatch
) -> None:
    table = open_table(watched(scorer_of(Counter()), world, [planned]))
    assert (table.score.nbytes, table.keys.nbytes) == (4 * known.symbol.size, 8 * len(known))
    assert table.first.nbytes == 8 * (len(known) + 1)


def test_a_conversation_that_is_in_no_stream_is_an_error(
    world: World, planned: list[Contacts], known: ConversationBatch, others: ConversationBatch
) -> None:
    """No number is made up for it, nor taken from another one."""
    for seen in (
        watched(scorer_of(Counter()), world, [planned]),
        watched(scorer_of(Counter()), world, [[]]),
        watched(scorer_of(Lengths(), texts=known.texts, over="account"), world, [planned]),
    ):
        with pytest.raises(LookupError, match=f"{len(others)} of {len(others)} conversations"):
            seen.risk(others)


def test_a_world_without_anybody_is_no_error(world: World, planned: list[Contacts]) -> None:
    none = planned[0].take(slice(0, 0))
    for detector in (Counter(), Lengths()):
        seen = watched(scorer_of(detector, texts=("a",), over="account"), world, [[none], []])
        assert open_table(seen).score.size == 0


# -- reading from elsewhere on -----------------------------------------------------------------------------------------


def test_after_a_move_a_fresh_reader_reads_alone(moving: World, whole: Whole) -> None:
    """Whatever else is in the batch, and though the conversation has kept its name."""
    contacts = [moving.grooming_contacts(), *moving.benign_contacts()]
    view = whole(moving, concatenate(contacts)).view
    went = np.flatnonzero(view.moved < view.end)
    place = np.arange(view.symbol.size) - np.repeat(view.begin, view.end - view.begin)
    since = np.arange(view.symbol.size) - np.repeat(view.moved, view.end - view.begin)
    assert 300 < went.size < len(view) - 300
    for detector in (Everything(), Acquaintances(), Counter()):
        seen = watched(scorer_of(detector), moving, [contacts])
        risk = seen.risk(view)
        later = 1.0 if isinstance(detector, Acquaintances) else since[since >= 0] + 1.0
        assert np.array_equal(risk[since >= 0], np.broadcast_to(later, (since >= 0).sum()))
        if type(detector) is Counter:
            assert np.array_equal(risk[since < 0], place[since < 0] + 1.0)
    parts = [seen.risk(batch.view) for batch in replace(moving, batch_size=13).batches(concatenate(contacts))]
    assert np.array_equal(np.concatenate(parts), risk)


def test_what_is_sent_elsewhere_is_not_seen_here(moving: World, whole: Whole) -> None:
    """A reader here counts messages of the account up to each move; over an account they count no more either."""
    contacts = [moving.grooming_contacts(), *moving.benign_contacts()]
    view = whole(moving, concatenate(contacts)).view
    texts = moving.model.phrasebooks["use"].texts
    here = [event for event in by_hand(moving, concatenate(contacts), view, 0.01) if event[5] < view.moved[event[4]]]
    assert len(here) < 0.8 * view.symbol.size
    total = watched(scorer_of(Everything()), moving, [contacts]).risk(view)
    assert [total[event[5]] for event in here] == list(range(1, len(here) + 1))
    table = np.repeat(np.array(Lengths().score(texts), object).astype(np.float32), 2)
    highest = watched(scorer_of(Lengths(), texts=texts, kind="max", over="account"), moving, [contacts]).risk(view)
    best: dict[int, float] = {}
    for *_, account, _, message in here:
        score = float(table[view.symbol[message]])
        best[account] = max(best.get(account, -np.inf), score if score == score else -np.inf)
        assert highest[message] == np.float32(best[account])


def test_readers_of_the_rest_know_the_time_of_day(
    world: World, planned: list[Contacts], known: ConversationBatch, whole: Whole
) -> None:
    """Waking seconds leave the nights out; a watcher is given wall time, wherever it begins to read."""
    seen = watched(scorer_of(Hours()), world, [planned])
    hours = (world.model.clock.wall(known.time_s) % 86_400 / 3600).astype(np.float32)
    assert np.allclose(seen.risk(known), hours, atol=1e-3)
    late = replace(known, first=np.full(len(known), 2, np.int32))
    assert np.allclose(seen.risk(late), hours, atol=1e-3)
    assert np.allclose(afresh(seen).risk(known), hours, atol=1e-3)


def test_who_begins_afresh_looks_nothing_up(
    world: World, planned: list[Contacts], known: ConversationBatch, others: ConversationBatch, whole: Whole
) -> None:
    contacts = concatenate(planned)
    truth = whole(world, planned[0]).truth
    seen = watched(scorer_of(Acquaintances()), world, [planned])
    assert seen.risk(known).max() > 2 and set(afresh(seen).risk(known).tolist()) == {1.0}
    assert set(afresh(seen).risk(others).tolist()) == {1.0}  # of no stream
    rest = world.messages_of(contacts, truth, 3, float(known.time_s[known.begin[3]]))
    assert rest.first.tolist() == [2] and rest.symbol.size
    assert set(afresh(seen).risk(rest).tolist()) == {1.0} == set(seen.risk(rest).tolist())
    plain = scorer_of(Counts())
    assert afresh(plain) is plain


# -- aggregators over accounts -----------------------------------------------------------------------------------------


def test_every_kind_of_aggregator_runs_over_an_accounts_messages(
    world: World, planned: list[Contacts], known: ConversationBatch
) -> None:
    texts = world.model.phrasebooks["use"].texts
    of_account: dict[int, list[int]] = {}
    for *_, account, _, message in by_hand(world, concatenate(planned), known, 0.01):
        of_account.setdefault(account, []).append(message)
    assert max(map(len, of_account.values())) > 300
    empty = np.empty(0)
    for kind in get_args(Kind):
        scorer = scorer_of(Lengths(), texts=texts, kind=kind, over="account", half_life=3, k=4, reference=2, n=5)
        found = watched(scorer, world, [planned]).risk(known)
        for messages in of_account.values():
            scores = scorer.scores(known)[messages].copy()
            one, many = np.array([0]), np.array([len(messages)])
            batch = ConversationBatch(texts, known.symbol[messages], empty, one, many, empty, empty, empty)  # type: ignore[arg-type]
            expected = running_risk(scorer.aggregator, scores, batch, np.empty(len(messages), np.float32))
            assert np.array_equal(found[messages], expected), kind
        of_conversation = scorer_of(Lengths(), texts=texts, kind=kind, half_life=3, k=4, reference=2, n=5).risk(known)
        assert not np.array_equal(found, of_conversation)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_where_every_account_has_one_conversation_it_is_that_over_conversations(
    world: World, substitutes: list[Contacts], others: ConversationBatch, kind: str
) -> None:
    texts = world.model.phrasebooks["use"].texts
    plain = scorer_of(Lengths(), texts=texts, kind=kind)
    over = watched(scorer_of(Lengths(), texts=texts, kind=kind, over="account"), world, [substitutes])
    assert np.array_equal(over.risk(others), plain.risk(others))


def test_alarms_over_accounts_are_of_conversations(
    world: World, planned: list[Contacts], known: ConversationBatch
) -> None:
    """An account's second conversation alarms at its first message, if the first one has been enough."""
    texts = world.model.phrasebooks["use"].texts
    scorer = watched(scorer_of(Lengths(), texts=texts, kind="max", over="account"), world, [planned])
    level = np.float32(np.quantile(scorer.risk(known)[known.end - 1], 0.5))
    found = alarms(scorer, Signal(level, None, 1, 1, None, 1, OPEN), known)
    expected: dict[int, int] = {}
    risk = scorer.risk(known)
    for *_, row, message in by_hand(world, concatenate(planned), known, 0.01):
        if risk[message] >= level:
            expected.setdefault(row, message)
    assert found.row.tolist() == sorted(expected)
    assert found.time.tolist() == [known.time_s[expected[row]] for row in sorted(expected)]
    at_once = [row for row in expected if expected[row] == known.begin[row]]
    alone = scorer_of(Lengths(), texts=texts, kind="max").risk(known)
    assert any(alone[known.begin[row]] < level for row in at_once)


def test_scores_of_messages_from_whole_conversations_run_over_accounts_too(
    world: World, moving: World, whole: Whole, planned: list[Contacts], known: ConversationBatch
) -> None:
    texts = world.model.phrasebooks["use"].texts
    for place in (replace(world, batch_size=17), moving):
        contacts = [place.grooming_contacts(), *place.benign_contacts()]
        view = whole(place, concatenate(contacts)).view
        table, whole_ones = (
            watched(scorer_of(each, texts=texts, kind="ewma", over="account"), place, [contacts]).risk(view)
            for each in (Lengths(), LengthsOfMessages())
        )
        assert np.array_equal(table, whole_ones, equal_nan=True)


def test_a_detector_with_a_risk_of_its_own_has_nothing_to_run_over_accounts(tmp_path: Path) -> None:
    over = DetectorSpec(use="length_only", aggregator=Aggregator(kind="max", over="account"))
    with pytest.raises(UsageError, match="keeps its own running risk") as caught:
        build_detector(over, tmp_path, "detectors.mine")
    assert caught.value.where == "detectors.mine.aggregator.over"
    (tmp_path / "verdicts.jsonl").write_text('{"conversation": 1, "message": 1, "score": 0.5}\n')
    for use in ("keyword", "scores:verdicts.jsonl"):
        assert build_detector(over.model_copy(update={"use": use}), tmp_path, "detectors.mine") is not None


# -- hidden texts ------------------------------------------------------------------------------------------------------

DARK = np.array([True, False, False, True])


def test_what_a_watcher_is_shown_of_hidden_platforms(
    world: World, planned: list[Contacts], known: ConversationBatch
) -> None:
    contacts = concatenate(planned)
    seen = watched(scorer_of(Unread()), world, [planned], [OPEN, DARK, DARK.copy()])
    assert isinstance(seen.watched, Watched) and len(seen.watched.tables) == 2
    assert not seen.risk(known).any() and not seen.risk(known, OPEN).any()
    risk, unread = seen.risk(known, DARK), dict[int, int]()
    for *_, account, row, message in by_hand(world, contacts, known, 0.01):
        unread[account] = unread.get(account, 0) + bool(DARK[contacts.platform[row]])
        assert risk[message] == unread[account]
    assert (risk[known.begin][~DARK[contacts.platform]] > 0).any()  # counted on platforms that can be read
    rest = replace(known, first=np.full(len(known), 5, np.int32))
    length = known.end - known.begin
    assert np.array_equal(seen.risk(rest, DARK)[known.end - 1], length * DARK[contacts.platform])


@pytest.mark.parametrize("size", [3, 5000])
def test_alarms_see_no_hidden_text_however_conversations_are_batched(
    world: World, planned: list[Contacts], known: ConversationBatch, size: int
) -> None:
    signal = Signal(np.float32(30), None, 1, 1, None, 1, DARK)
    seen = watched(scorer_of(Unread()), world, [planned], [DARK])
    expected = {
        row: int(np.argmax(part >= 30))
        for row, part in enumerate(np.split(seen.risk(known, DARK), known.begin[1:]))
        if part.max() >= 30
    }
    found, before = {}, 0
    for batch in replace(world, batch_size=size).batches(concatenate(planned)):
        raised = alarms(seen, signal, batch.view, seen.risk(batch.view))
        for row, time in zip(raised.row.tolist(), raised.time.tolist(), strict=True):
            begin, end = batch.view.begin[row], batch.view.end[row]
            found[before + row] = int(np.flatnonzero(batch.view.time_s[begin:end] == time)[0])
        before += len(batch.view)
    assert found == expected and len(expected) > 20


def test_hidden_messages_do_not_count_for_their_account(
    world: World, planned: list[Contacts], known: ConversationBatch
) -> None:
    contacts, texts = concatenate(planned), world.model.phrasebooks["use"].texts
    scorer = scorer_of(Lengths(), texts=texts, kind="cusum", reference=0.0, over="account")
    seen = watched(scorer, world, [planned], [DARK])
    risk, total = seen.risk(known, DARK), dict[int, np.float32]()
    scores = scorer.scores(known).copy()
    for *_, account, row, message in by_hand(world, contacts, known, 0.01):
        counts = not DARK[contacts.platform[row]] and scores[message] == scores[message]
        total[account] = total.get(account, np.float32(0)) + (scores[message] if counts else np.float32(0))
        assert risk[message] == total[account]
    assert not np.array_equal(risk, seen.risk(known))
    signal = Signal(np.float32(40), None, 1, 1, None, 1, DARK)
    raised = alarms(seen, signal, known)
    readable = ~DARK[contacts.platform]
    expected = readable & (np.maximum.reduceat(risk, known.begin) >= 40)
    assert raised.row.tolist() == np.flatnonzero(expected).tolist() and expected.any()
    assert (np.maximum.reduceat(seen.risk(known), known.begin)[readable] >= 40).sum() > expected.sum()


# -- the calibration world ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("valued", [False, True])
def test_the_calibration_world_is_watched_as_it_was_sampled(
    world: World, valued: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts go by the share sampled there; grooming is among them where the worth of alerts is learnt."""
    asked: list[tuple[list[Contacts], float | None]] = []
    original = events_module.event_batches

    def noting(world: World, blocks: Any, size: int, share: float | None, **more: Any) -> Iterator[EventBatch]:
        asked.append((list(blocks), share))
        return original(world, blocks, size, share, **more)

    monkeypatch.setattr("simharness.detection.watching.event_batches", noting)
    scenario = world.model.scenario
    queues = scenario.arms["trained_moderators"].queues
    order = "value_of_time" if valued else "oldest_first"
    queues = {name: queue.model_copy(update={"priority": order}) for name, queue in queues.items()}
    arm = scenario.arms["trained_moderators"].model_copy(update={"detector": "mine", "queues": queues})
    specs = {"mine": DetectorSpec(use="mine")}
    model = replace(world.model, scenario=scenario.model_copy(update={"arms": {"only": arm}, "detectors": specs}))
    levels = calibrate_levels(model, {"mine": scorer_of(Acquaintances())})
    there, sizes = calibration_world(model), scenario.training
    share = benign_share(model, sizes.calibration)
    parts = [benign_sample(there, sizes.calibration), grooming_sample(there, sizes.grooming)]
    expected = np.concatenate([part.conversation for part in parts[: 1 + valued]])
    assert len(asked) == 1 and asked[0][1] == share != scenario.sampling.benign_fraction
    assert np.array_equal(concatenate(asked[0][0]).conversation, expected)
    assert ("only" in levels["mine"].worth) == valued
    accounts = np.unique(account_keys(model, there.seed, parts[0], share), return_counts=True)[1]
    reached = levels["mine"].risk[levels["mine"].risk < UNREACHABLE]
    assert 1 < reached.max() <= accounts.max()


# -- faults ------------------------------------------------------------------------------------------------------------


class Starts:
    """Cannot begin a stream so many times, and then counts as ever."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.counter = Counter()

    def begin(self) -> Counter:
        if self.failures:
            self.failures -= 1
            raise DetectorFailed("crash", "gone")
        return Counter()

    def watch(self, events: EventBatch) -> list[float]:
        raise AssertionError("begin was not asked")


def guarded(detector: Any, on_error: str) -> Scorer:
    spec = DetectorSpec(use="mine", on_error=on_error, retries=2)  # type: ignore[arg-type]
    return Scorer("mine", detector, spec.aggregator, None, Guard("mine", spec, Declared()))


def test_a_watcher_that_cannot_begin_is_a_fault_like_any_other(
    world: World, planned: list[Contacts], known: ConversationBatch
) -> None:
    failing = guarded(Starts(1), "fail")
    with pytest.raises(DetectorFailed) as caught:
        watched(failing, world, [planned])
    assert caught.value.detector == "mine"
    assert [(fault.effect, fault.kind) for fault in failing.guard.faults()] == [("failed", "crash")]
    silent = guarded(Starts(1), "abstain")
    assert np.isnan(watched(silent, world, [planned]).risk(known)).all()
    assert sum(fault.unscored for fault in silent.guard.faults()) == known.symbol.size
    again = guarded(Starts(1), "retry")
    assert np.array_equal(watched(again, world, [planned]).risk(known), scorer_of(Counts()).risk(known))
    assert [fault.effect for fault in again.guard.faults()] == ["retried"]


def test_to_retry_is_to_watch_the_whole_stream_again(
    world: World, planned: list[Contacts], known: ConversationBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simharness.detection.watching.DEFAULT_EVENTS", 10_000)
    left = iter([None])

    class Stumbles(Counter):
        """Fails once, at its second batch, whichever copy of it is asked."""

        def watch(self, events: EventBatch) -> list[float]:
            if self.seen and next(left, self) is None:
                raise DetectorFailed("exception", "stumbled")
            return super().watch(events)

    again = guarded(Stumbles(), "retry")
    assert np.array_equal(watched(again, world, [planned]).risk(known), scorer_of(Counts()).risk(known))
    assert [fault.effect for fault in again.guard.faults()] == ["retried"]


def test_children_of_a_stream_have_the_names_of_its_world(world: World, planned: list[Contacts]) -> None:
    """What a watcher is told of both sides is what the world calls them."""
    told: list[EventBatch] = []

    class Notes(Counter):
        def watch(self, events: EventBatch) -> list[float]:
            told.append(events)
            return super().watch(events)

    watched(scorer_of(Notes()), world, [planned])
    contacts = concatenate(planned)
    children = child_keys(world.seed, contacts.child)
    assert set(np.concatenate([each.child for each in told]).tolist()) == set(children.tolist())
    assert all((np.diff(each.time_s) >= 0).all() for each in told)
