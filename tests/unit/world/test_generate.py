from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri

from simharness.errors import UsageError
from simharness.records import ConversationBatch
from simharness.scenario.load import Loaded
from simharness.streams import uniform
from simharness.world import generate
from simharness.world.clock import DAY_S
from simharness.world.contacts import BENIGN_BIT, OCCASION_BITS, Contacts, poisson_contacts
from simharness.world.generate import Batch, World
from simharness.world.messages import ADULT
from simharness.world.model import WorldModel, build_model

SEED = 2024
MANY = np.arange(15_000, dtype=np.uint64)
Make = Callable[..., WorldModel]


@pytest.fixture(scope="module")
def world(model: WorldModel) -> World:
    return World(model, SEED)


@pytest.fixture(scope="module")
def grooming(world: World) -> Contacts:
    """Contacts of many offenders: about 50,000."""
    return world.grooming_contacts(MANY)


@pytest.fixture(scope="module")
def benign(world: World) -> Contacts:
    """About 43,000 harmless contacts."""
    blocks = list(world.benign_contacts(fraction=0.04))
    return Contacts(*(np.concatenate([getattr(b, name) for b in blocks]) for name in Contacts.__slots__))


def near(found: NDArray[np.bool_], share: float, extra: float = 0.0) -> None:
    """``found`` is true in a share of rows, within four standard errors (``extra``: further variance per p (1 - p))."""
    assert abs(found.mean() - share) <= 4 * np.sqrt(share * (1 - share) * (1 / found.size + extra))


def test_ids_order_and_truth_of_grooming_contacts(world: World, grooming: Contacts) -> None:
    assert np.array_equal(grooming.conversation >> np.uint64(OCCASION_BITS), grooming.initiator.astype(np.uint64))
    assert np.unique(grooming.conversation).size == len(grooming)
    same = np.diff(grooming.initiator) == 0
    assert np.all(np.diff(grooming.initiator) >= 0) and np.all(np.diff(grooming.start)[same] > 0)
    assert grooming.start.min() >= 0 and grooming.start.max() < world.model.horizon
    assert grooming.kind.max() < world.model.grammar.grooming
    for column in (grooming.kind, grooming.declared_adult):  # an offender's own, so equal in all their contacts
        assert np.array_equal(column[1:][same], column[:-1][same])


def test_offenders_in_the_scenario_are_the_first_so_many(world: World, grooming: Contacts) -> None:
    default = world.grooming_contacts()
    count = round(world.model.scenario.world.offenders.count.value * world.model.scenario.scale)
    assert 0 < default.initiator.max() < count < MANY.size
    first = grooming.take(grooming.initiator < count)
    for name in Contacts.__slots__:
        assert np.array_equal(getattr(default, name), getattr(first, name)), name


def test_number_of_grooming_contacts(world: World, grooming: Contacts) -> None:
    # Poisson mixed over log-normal rates of mean one: Var = m + m**2 (exp(sigma**2) - 1) an offender
    # (Johnson, Kemp & Kotz 2005, section 8.3.2).
    settings = world.model.scenario.world.offenders
    mean = settings.contact_rate.value * DAY_S * world.model.scenario.period.days
    variance = mean + mean**2 * (np.exp(settings.heterogeneity.value**2) - 1)
    assert abs(len(grooming) / MANY.size - mean) < 4 * np.sqrt(variance / MANY.size)
    count = np.bincount(grooming.initiator, minlength=MANY.size)
    assert count.var() > 2 * mean  # far from one rate for all


def test_victims_are_in_the_stated_groups(world: World, grooming: Contacts) -> None:
    for group in world.model.scenario.world.victims.groups:
        inside = (grooming.girl == (group.sex == "girl")) & (grooming.age >= group.youngest)
        near(inside & (grooming.age <= group.oldest), group.share)
    sex, age, force = world.model.children.cells(grooming.child)
    assert np.array_equal(sex == 0, grooming.girl)
    assert np.array_equal(age, grooming.age) and np.array_equal(force, grooming.force)


def test_types_pacing_and_accounts(world: World, grooming: Contacts) -> None:
    settings = world.model.scenario.world.offenders
    _, first = np.unique(grooming.initiator, return_index=True)
    near(grooming.declared_adult[first], settings.declared_adult.value)
    for number, kind in enumerate(settings.types.values()):
        near(grooming.kind[first] == number, kind.share)
        regime = grooming.regime[grooming.kind == number]
        for name, share in kind.pacing.items():
            near(regime == world.model.grammar.regimes.index(name), share)


def test_platforms_are_in_the_stated_shares(world: World, grooming: Contacts, benign: Contacts) -> None:
    settings, children = world.model.scenario.world, world.model.children
    # Which children are on which platform is itself drawn once: a further variance of one over the children reached.
    sizes = [np.subtract(*children.id_range(g.sex, g.youngest, g.oldest)[::-1]) for g in settings.victims.groups]
    reach = sum(g.share**2 / size for g, size in zip(settings.victims.groups, sizes, strict=True))
    for number, name in enumerate(world.model.platforms):
        near(grooming.platform == number, settings.offenders.platforms.shares[name], reach)
        near(benign.platform == number, settings.benign.platforms[name], 1 / children.total)


def test_recent_contacts_include_the_week_before_the_period(world: World, grooming: Contacts) -> None:
    week = 7 * world.model.clock.lasts_s
    busy = np.argsort(np.bincount(grooming.initiator))[-20:].astype(np.uint64)
    some = grooming.take(np.isin(grooming.initiator, busy.astype(np.int64)))
    settings = world.model.scenario.world.offenders
    drawn = uniform(SEED, "offender.rate", busy)
    sigma = settings.heterogeneity.value
    rates = np.exp(sigma * ndtri(drawn) - sigma**2 / 2) * settings.contact_rate.value * DAY_S
    row, _, time = poisson_contacts(
        SEED, "offender.contact", busy, rates / world.model.clock.lasts_s, -week, world.model.horizon
    )
    early = 0
    for offender, start, recent in zip(some.initiator, some.start, some.new_contacts_7d, strict=True):
        times = time[busy[row] == np.uint64(offender)]
        assert recent == ((times >= start - week) & (times < start - 1e-3)).sum()
        early += (times < 0).sum()
    assert early > 0


def test_ids_order_and_truth_of_harmless_contacts(world: World, benign: Contacts) -> None:
    assert np.all(benign.conversation >> np.uint64(63) == 1) and np.all(benign.initiator == -1)
    child = (benign.conversation & np.uint64(BENIGN_BIT - 1)) >> np.uint64(OCCASION_BITS)
    assert np.array_equal(child.astype(np.int64), benign.child)
    assert np.unique(benign.conversation).size == len(benign) and np.all(np.diff(benign.child) >= 0)
    assert benign.start.min() >= 0 and benign.start.max() < world.model.horizon
    assert benign.kind.min() == world.model.grammar.grooming


def test_harmless_contacts_follow_their_rates(world: World, benign: Contacts) -> None:
    settings, model = world.model.scenario.world.benign, world.model
    mean = 0.04 * settings.contact_rate * DAY_S * model.scenario.period.days * model.children.total
    assert abs(len(benign) - mean) < 4 * np.sqrt(mean)
    for number, kind in enumerate(settings.classes.values(), start=model.grammar.grooming):
        mine = benign.kind == number
        near(mine, kind.share)
        near(benign.declared_adult[mine], kind.declared_adult)
        others, m = benign.new_contacts_7d[mine], kind.new_contacts_7d
        # Geometric on 0, 1, ...: variance m + m**2 (Johnson, Kemp & Kotz 2005, section 5.2); P(0) = 1 / (1 + m).
        assert abs(others.mean() - m) < 4 * np.sqrt((m + m * m) / mine.sum())
        near(others == 0, 1 / (1 + m))
    whole_range = model.children.per_year() / model.children.total
    for age, share in enumerate(whole_range, start=model.children.youngest):
        near(benign.age == age, float(share))


def test_the_company_of_other_children_changes_nothing(
    world: World, benign: Contacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "CHILD_BLOCK", 10_007)
    some = np.array([5, 70_000, 154_000], np.uint64)
    alone, among = (
        world.benign_contacts_of(some, 1.0),
        world.benign_contacts_of(np.arange(154_001, dtype=np.uint64), 1.0),
    )
    among = among.take(np.isin(among.child, some.astype(np.int64)))
    assert len(alone) > 3 and np.array_equal(alone.conversation, among.conversation)
    assert np.array_equal(alone.start, among.start) and np.array_equal(alone.platform, among.platform)
    blocks = list(world.benign_contacts(fraction=0.04))
    assert len(blocks) == -(-world.model.children.total // 10_007)
    for name in Contacts.__slots__:
        assert np.array_equal(np.concatenate([getattr(b, name) for b in blocks]), getattr(benign, name)), name


def test_a_batch_shows_what_a_platform_sees(
    world: World, grooming: Contacts, whole: Callable[[World, Contacts], Batch]
) -> None:
    contacts = grooming.take(slice(0, 300))
    for batch in replace(world, batch_size=100).batches(contacts):
        view = batch.view
        assert len(batch.contacts) == len(view) == batch.truth.messages.size
        assert np.array_equal(view.platform, batch.contacts.platform)
        assert np.array_equal(view.new_contacts_7d, batch.contacts.new_contacts_7d)
        assert np.array_equal(view.declared_adult, batch.contacts.declared_adult)
        assert view.begin[0] == 0 and np.array_equal(view.begin[1:], view.end[:-1])
        assert view.end[-1] == view.symbol.size == view.time_s.size == batch.stage.size
        assert np.array_equal(view.end - view.begin, batch.truth.messages) and batch.truth.messages.min() >= 1
        assert np.array_equal(view.time_s[view.begin], batch.contacts.start)
        assert view.text(0) == view.texts[view.symbol[0] // 2]
    truths = {"kind", "stage", "truth", "initiator", "reason", "offence"}
    assert not truths & set(ConversationBatch.__slots__)


def test_nobody_is_told_of_a_harmless_conversation(make_model: Make, whole: Callable[[World, Contacts], Batch]) -> None:
    told = make_model(
        "world.natural_course.third_party_notices.probability=1",
        "world.natural_course.child_tells.by_stage={friendship: 5/day}",
    )
    world = World(told, SEED)
    truth = whole(world, next(iter(world.benign_contacts())).take(slice(0, 2000))).truth
    assert np.isinf(truth.reported).all() and not (truth.reason == ADULT).any() and np.isinf(truth.meeting).all()
    assert np.isfinite(whole(world, world.grooming_contacts()).truth.reported).any()


def test_a_world_without_offenders(make_model: Make) -> None:
    world = World(make_model("world.offenders.count.value=0"), SEED)
    contacts = world.grooming_contacts()
    assert len(contacts) == 0 and list(world.batches(contacts)) == []


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("world.recording.forces={Atlantis: {evidence: assumed, source: test, value: 1}}", "unknown force area 'Atlan"),
        ("world.platforms.other.membership=[{youngest: 7, oldest: 17, share: 0.9}]", "no platform has every child"),
        ("world.victims.groups=[{sex: girl, youngest: 3, oldest: 5, share: 1}]", "world.victims.groups.0: no child is"),
        ("world.benign.platforms={facebook: 1}", "cannot be reached with this membership"),
        ("world.grammar.emissions.approach.child={sings: 1}", "emission 'approach': unknown act 'sings'"),
    ],
)
def test_worlds_that_cannot_be(load: Callable[..., Loaded], assignment: str, says: str) -> None:
    loaded = load(assignment)
    with pytest.raises(UsageError) as caught:
        build_model(loaded.scenario, loaded.folder)
    assert says in str(caught.value)
