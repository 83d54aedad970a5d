"""Stress dials: what each does by hand and in numbers, and that without any nothing is what it was not before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from simharness.detection.training import training_set
from simharness.errors import UsageError
from simharness.records import Truth
from simharness.scenario.stress import EarlyMove, OneHit, Stress
from simharness.scenario.world import Grammar
from simharness.world.acts import ACT_INDEX, ACTS, RISK_ACTS
from simharness.world.contacts import Contacts
from simharness.world.generate import Batch, World
from simharness.world.grammar import emission_weights
from simharness.world.messages import new_output
from simharness.world.model import WorldModel
from simharness.world.phrasebook import RISK_PHRASES, Phrasebook, build_phrasebook
from simharness.world.stress import HISTORY, continued, in_full, moves, stages_before, stressed

Whole = Callable[[World, Contacts], Batch]
# Of the flagship at scale 0.02 and of the phrasebooks below, taken before there was any stress.
MESSAGES = "bfb565f3f7c99b61178f496c6671f2180078aac0281ec1a35079cfb7d9796438"
TEXTS = {
    ("surrogate", "training"): "50b8623f91372bcc4c9dd1674555aaa30a7536b4d59d49c18727050f7f1637b3",
    ("surrogate", "use"): "8e7464925692f85c2eda5aa301207bbdcbdba829ffd8781ba3f2369b2a60dc5b",
    ("gloss", "training"): "a6f206980aadccf0b84c4f9dd46c0dacb969e63e9ae164ec93a3f97979dc63c9",
    ("gloss", "use"): "a6f206980aadccf0b84c4f9dd46c0dacb969e63e9ae164ec93a3f97979dc63c9",
}
OFF = "stress={evidence: assumed, source: test, split: 0, slow_burn: 1}"


def dial(**dials: Any) -> Stress:
    return Stress(evidence="assumed", source="test", **dials)


def on(text: str) -> str:
    return f"stress={{evidence: assumed, source: test, {text}}}"


def book(rendering: Any = "surrogate", edition: Any = "use", switching: float = 0.0) -> Phrasebook:
    return build_phrasebook(
        5, rendering, overlap=0.25, drift=0.15, obfuscation=0.05, edition=edition, switching=switching
    )


# -- off -------------------------------------------------------------------------------------------------------------


def test_without_stress_every_message_is_what_it_was(make_model: Callable[..., WorldModel]) -> None:
    for assignments in ((), (OFF,)):
        made = make_model(*assignments)
        assert made.unstressed is None
        world, digest = World(made, 2017), hashlib.sha256()
        for contacts in (world.grooming_contacts(), next(world.benign_contacts(0.001))):
            for batch in world.batches(contacts):
                view, truth = batch.view, batch.truth
                assert view.by_platform() is view
                for column in (view.symbol, view.begin, view.end, batch.stage, truth.reason, truth.messages, view.key):
                    digest.update(np.ascontiguousarray(column).tobytes())
        assert digest.hexdigest() == MESSAGES


@pytest.mark.parametrize(("rendering", "edition"), TEXTS)
def test_without_stress_every_text_is_what_it_was(rendering: str, edition: str) -> None:
    texts = "\n".join(book(rendering, edition).texts)
    assert hashlib.sha256(texts.encode()).hexdigest() == TEXTS[rendering, edition]


def test_a_dial_is_on_when_it_is_not_where_it_is_when_off() -> None:
    assert not dial().on and not dial(split=0.0, slow_burn=1.0).on
    each = {"overlap": 0.0, "drift": 0.1, "obfuscation": 0.1, "split": 0.1, "repetition": 0.1, "switching": 0.1}
    each |= {"slow_burn": 2.0, "long_gaps": 2.0, "many_short": 2.0, "saturation": 0.2}
    for name, value in each.items():
        assert dial(**{name: value}).on, name
    assert dial(early_move=EarlyMove(share=0.5, after=3)).on and dial(one_hit=OneHit(history=9)).on


# -- texts -----------------------------------------------------------------------------------------------------------


def test_a_split_phrase_and_a_repeated_one_by_hand() -> None:
    texts = ("hello there you", "[asks how old]", "velmo tarin sedda", "velmo tarin", "velmo", "[threat withheld]")
    acts = [ACT_INDEX[name] for name in ("greets", "asks_age", "asks_age", "asks_age", "asks_age", "threat")]
    count = np.bincount(acts, minlength=len(ACTS))
    small = Phrasebook(texts, np.array(acts, np.uint8), np.cumsum(count) - count, count, "surrogate")
    split = continued(small, 1, split=1.0, repetition=0.0)
    assert split.texts == (*texts[:2], "velmo tarin", "velmo", *texts[4:], "sedda", "tarin")
    assert split.follows.tolist() == [-1, -1, 6, 7, -1, -1, -1, -1]
    assert split.act_of.tolist() == [*acts, acts[2], acts[3]]
    twice = continued(small, 1, split=0.0, repetition=1.0)
    assert twice.texts == texts + texts and twice.follows.tolist() == [6, 7, 8, 9, 10, 11] + 6 * [-1]
    both = continued(small, 1, split=1.0, repetition=1.0)  # nothing is both
    assert both.texts[-2:] == texts[-2:-1] + texts[-1:] and both.texts[6 + 2 : 6 + 4] == ("sedda", "tarin")


def test_shares_of_phrases_split_repeated_and_switched() -> None:
    plain = book()
    risk = np.array([act.kind == "risk" for act in ACTS])[plain.act_of]
    for share in (0.2, 0.7):
        split = continued(plain, 9, split=share, repetition=0.0).follows[: risk.size] >= 0
        assert not split[~risk].any()
        assert abs(split[risk].mean() - share) < 4 * np.sqrt(share * (1 - share) / risk.sum())
        twice = continued(plain, 9, split=0.0, repetition=share).follows[: risk.size] >= 0
        for group in (risk, ~risk):  # whether a phrase is repeated says nothing of what it is
            assert abs(twice[group].mean() - share) < 4 * np.sqrt(share * (1 - share) / group.sum())


def test_what_follows_completes_the_phrase() -> None:
    plain = book()
    made = continued(plain, 3, split=0.6, repetition=0.5)
    assert len(made.texts) * 2 < 2**16 and made.count is plain.count
    behind = np.flatnonzero(made.follows >= 0)
    assert made.follows[behind].tolist() == list(range(len(plain.texts), len(made.texts)))
    for phrase in range(len(plain.texts)):
        second = made.follows[phrase]
        if second >= 0 and made.texts[phrase] != plain.texts[phrase]:
            assert f"{made.texts[phrase]} {made.texts[second]}" == plain.texts[phrase]
        else:
            assert made.texts[phrase] == plain.texts[phrase]
            assert second < 0 or made.texts[second] == plain.texts[phrase]
    assert made.act_of[made.follows[behind]].tolist() == made.act_of[behind].tolist()


@pytest.mark.parametrize("rendering", ["surrogate", "gloss"])
def test_switching_writes_a_share_in_the_other_rendering(rendering: str) -> None:
    made, trained = book(rendering, switching=0.3), book(rendering, "training", switching=0.3)
    worded = book("surrogate")
    switched = 0
    for act in RISK_ACTS:
        phrases, own, other = made.phrases_of(act.name), worded.phrases_of(act.name), trained.phrases_of(act.name)
        assert len(phrases) == len(other) == RISK_PHRASES
        for text, words, training in zip(phrases, own, other, strict=True):
            assert text in (words, act.gloss)
            assert (training == act.gloss) == (rendering == "gloss")
            switched += (text == act.gloss) == (rendering == "surrogate")
    n = len(RISK_ACTS) * RISK_PHRASES
    assert abs(switched / n - 0.3) < 4 * np.sqrt(0.3 * 0.7 / n)
    assert made.texts[-2:] == ("[sexual content withheld]", "[threat withheld]")


def test_wording_dials_change_what_is_in_use_and_not_what_was_trained_on(
    make_model: Callable[..., WorldModel],
) -> None:
    plain = make_model()
    for text in ("drift: 0.8", "obfuscation: 0.8", "overlap: 0.9", "switching: 0.5", "split: 0.5", "repetition: 0.5"):
        made = make_model(on(text))
        assert made.unstressed is not None
        assert made.phrasebooks["use"].texts != plain.phrasebooks["use"].texts, text
        assert made.unstressed.phrasebooks["training"].texts == plain.phrasebooks["training"].texts


# -- messages --------------------------------------------------------------------------------------------------------


def test_the_second_message_by_hand() -> None:
    out = new_output(2, 8)._replace(
        symbol=np.array([2, 1, 4, 0, 3], np.uint16),  # phrases 1, 0, 2; 0, 1
        time=np.array([10.0, 14.0, 90.0, 50.0, 97.0]),
        stage=np.array([1, 1, 2, 3, 3], np.uint8),
        begin=np.array([0, 3]),
        end=np.array([3, 5]),
        closed=np.array([90.0, np.inf]),
    )
    follows = np.array([-1, 3, 4, -1, -1])
    full, place = in_full(out, 2, follows, pause=5.0, horizon=99.0)
    assert full.symbol.tolist() == [2, 6, 1, 4, 8, 0, 3, 7]
    # Half way to the next message; at the end of a conversation that is over; half way to the end of the period.
    assert full.time.tolist() == [10.0, 12.0, 14.0, 90.0, 90.0, 50.0, 97.0, 98.0]
    assert full.stage.tolist() == [1, 1, 1, 2, 2, 3, 3, 3]
    assert (full.begin.tolist(), full.end.tolist()) == ([0, 5], [5, 8])
    assert place.tolist() == [0, 2, 3, 5, 6, 8]
    assert in_full(out, 1, follows, pause=1.0, horizon=99.0)[0].time.tolist() == [10.0, 11.0, 14.0, 90.0, 90.0]


SENT = "split: 0.5, repetition: 0.3, early_move: {share: 0.6, after: 8}"


@pytest.fixture(scope="module")
def worlds(make_model: Callable[..., WorldModel]) -> tuple[World, World]:
    return World(make_model(), 31), World(make_model(on(SENT)), 31)


def test_truth_and_messages_stay_as_they_are(worlds: tuple[World, World], whole: Whole) -> None:
    plain, changed = worlds
    for contacts in (plain.grooming_contacts(), next(plain.benign_contacts(0.0005))):
        before, after = whole(plain, contacts), whole(changed, contacts)
        for column in fields(Truth)[1:]:
            assert np.array_equal(getattr(before.truth, column.name), getattr(after.truth, column.name)), column.name
        assert np.array_equal(after.truth.messages, after.view.end - after.view.begin)
        phrases = len(plain.model.phrasebooks["use"].texts)
        own = after.view.symbol >> 1 < phrases
        assert np.array_equal(after.view.symbol[own], before.view.symbol)
        assert np.array_equal(after.view.time_s[own], before.view.time_s)
        assert np.array_equal(after.stage[own], before.stage)
        assert 0.2 < (~own).sum() / own.sum() < 0.6
        follows, second = changed.model.phrasebooks["use"].follows, np.flatnonzero(~own)
        assert np.array_equal(follows[after.view.symbol[second - 1] >> 1], after.view.symbol[second] >> 1)
        assert np.array_equal(after.view.symbol[second - 1] & 1, after.view.symbol[second] & 1)
        inside = np.ones(own.size, np.bool_)
        inside[after.view.begin] = False
        assert (np.diff(after.view.time_s, prepend=0.0)[inside] >= 0.0).all()
        assert (after.view.time_s < plain.model.horizon).all()


def test_no_phrase_is_torn_apart_by_a_move(worlds: tuple[World, World], whole: Whole) -> None:
    plain, changed = worlds
    contacts = plain.grooming_contacts()
    view, phrases = whole(changed, contacts).view, len(plain.model.phrasebooks["use"].texts)
    gone = view.moved < view.end
    assert 0.3 < gone.mean() < 0.7 and (view.moved > view.begin).all()
    assert (view.symbol[view.moved[gone]] >> 1 < phrases).all()


def test_moves_are_geometric_and_say_nothing_of_the_class() -> None:
    n, rule = 40_000, EarlyMove(share=0.6, after=8.0)
    number, long = np.arange(n, dtype=np.uint64), np.full(n, 10_000)
    for entity in (number, number | np.uint64(1 << 63)):
        after = moves(3, entity, long, rule)
        gone = after < long
        assert abs(gone.mean() - 0.6) < 4 * np.sqrt(0.24 / n)
        assert after.min() == 1
        assert abs(after[gone].mean() - 8.0) < 4 * np.sqrt(8.0 * 7.0 / gone.sum())
        assert abs((after[gone] == 1).mean() - 1 / 8) < 4 * np.sqrt(7 / 64 / gone.sum())
    assert (moves(3, number, np.full(n, 5), rule) <= 5).all()
    at_once = moves(3, number, long, EarlyMove(share=1.0, after=1.0))
    assert (at_once == 1).all()


def test_batches_and_single_conversations_are_the_same(worlds: tuple[World, World], whole: Whole) -> None:
    changed = worlds[1]
    contacts = changed.grooming_contacts().take(slice(0, 60))
    expected = whole(changed, contacts)
    parts = whole(replace(changed, batch_size=7), contacts)
    for name in ("symbol", "time_s", "begin", "end", "moved"):
        assert np.array_equal(getattr(parts.view, name), getattr(expected.view, name)), name
    for row in range(len(contacts)):
        begin, end, moved = (int(getattr(expected.view, name)[row]) for name in ("begin", "end", "moved"))
        time = expected.view.time_s[begin:end]
        for after in (-np.inf, time[time.size // 2]):
            again = changed.messages_of(contacts, expected.truth, row, after)
            seen = int((time <= after).sum())
            assert again.symbol.tolist() == expected.view.symbol[begin + seen : end].tolist()
            assert again.first.tolist() == [seen + 1]
            left = moved - begin - seen
            assert again.moved.tolist() == [left if left > 0 else end - begin - seen]


# -- settings --------------------------------------------------------------------------------------------------------

TALK = {"initiator_share": 0.5, "initiator": {"greets": 3.0, "asks_age": 1.0}, "child": {"greets": 1.0}}
ACTING = {"initiator_share": 1.0, "initiator": {"sexual": 1.0, "greets": 1.0}, "child": {"greets": 1.0}}


@pytest.fixture
def grammar(small_grammar: Callable[..., Grammar]) -> Grammar:
    grooming = {
        "adaptable": {
            "start": {"first": 0.7, "second": 0.3},
            "stages": {
                "first": {"emits": "telling", "dwell": 10, "phases": 2, "next": {"second": 1.0}},
                "second": {"emits": "talk", "dwell": 3, "phases": 2, "next": {"third": 1.0}},
                "third": {"emits": "acting", "dwell": 20, "phases": 2, "next": {"end.fades": 1.0}},
            },
        }
    }
    stage = {"dwell": 9, "next": {"end.fades": 1.0}}
    benign = {"peers": {"start": {"only": 1.0}, "stages": {"only": {"emits": "talk", **stage}}}}
    return small_grammar(grooming, benign, {"telling": TALK, "acting": ACTING}, background=0.15)


def changed(load: Callable[..., Any], grammar: Grammar, **dials: Any) -> Any:
    scenario = load().scenario
    peers = {"peers": scenario.world.benign.classes["peers"].model_copy(update={"share": 1.0})}
    benign = scenario.world.benign.model_copy(update={"classes": peers})
    world = scenario.world.model_copy(update={"grammar": grammar, "benign": benign})
    return stressed(scenario.model_copy(update={"world": world, "stress": dial(**dials)})).world


def test_stages_before_the_offence(grammar: Grammar) -> None:
    assert stages_before(grammar.grooming["adaptable"], grammar) == ["first", "second"]
    assert stages_before(grammar.benign["peers"], grammar) == ["only"]


def test_slow_burn_by_hand(load: Callable[..., Any], grammar: Grammar) -> None:
    made = changed(load, grammar, slow_burn=4.0).grammar
    stages = made.grooming["adaptable"].stages
    assert [stage.dwell for stage in stages.values()] == [40.0, 12.0, 20.0]
    weights = emission_weights(made.emissions[stages["first"].emits], "first")
    # A quarter of what the one who made contact said was a question after age; now it is a sixteenth.
    assert weights[ACT_INDEX["asks_age"] * 2] == pytest.approx(0.5 / 16)
    assert weights[ACT_INDEX["greets"] * 2] == pytest.approx(0.5 * 15 / 16)
    assert stages["third"].emits == "acting" and made.benign == grammar.benign
    assert made.emissions["telling"] == grammar.emissions["telling"]  # others may speak so, too


def test_many_short_by_hand(load: Callable[..., Any], grammar: Grammar) -> None:
    world, before = changed(load, grammar, many_short=4.0), load().scenario.world
    assert [stage.dwell for stage in world.grammar.grooming["adaptable"].stages.values()] == [2.5, 2.0, 5.0]
    assert world.offenders.contact_rate.value == 4.0 * before.offenders.contact_rate.value
    assert world.grammar.benign == grammar.benign


def test_one_hit_by_hand(load: Callable[..., Any], grammar: Grammar) -> None:
    chain = changed(load, grammar, one_hit=OneHit(history=200)).grammar.grooming["adaptable"]
    assert chain.start == {HISTORY: 1.0} and list(chain.stages) == [HISTORY, "first", "second", "third"]
    history = chain.stages[HISTORY]
    assert (history.emits, history.dwell, history.next) == ("talk", 200.0, {"first": 0.7, "second": 0.3})
    assert [stage.dwell for stage in chain.stages.values()][1:] == [2.0, 2.0, 20.0]


def test_saturation_and_gaps_by_hand(load: Callable[..., Any], grammar: Grammar) -> None:
    assert changed(load, grammar, saturation=0.6).grammar.background.share == 0.6
    assert changed(load, grammar, saturation=0.1).grammar.background.share == 0.15
    before, after = load().scenario.world.pacing, changed(load, grammar, long_gaps=3.0).pacing
    assert all(after[name].between_sessions == 3.0 * before[name].between_sessions for name in before)
    assert all(after[name].in_session == before[name].in_session for name in before)


def test_a_dial_without_room_is_refused(load: Callable[..., Any], small_grammar: Callable[..., Grammar]) -> None:
    stage = {"emits": "telling", "dwell": 9, "next": {"end.fades": 1.0}}
    telling = {"telling": TALK | {"initiator": {"asks_age": 1.0}}}
    full = {"adaptable": {"start": {"s0": 1.0}, "stages": {f"s{n}": stage for n in range(8)}}}
    peers = {"peers": {"start": {"only": 1.0}, "stages": {"only": stage}}}
    made = small_grammar(full, peers, telling)
    with pytest.raises(UsageError, match="one_hit: chain 'adaptable' has no room"):
        changed(load, made, one_hit=OneHit(history=9))
    with pytest.raises(UsageError, match="slow_burn: emission 'telling' has no small talk"):
        changed(load, made, slow_burn=2.0)


def test_detectors_are_trained_without_stress(make_model: Callable[..., WorldModel]) -> None:
    small = "training={grooming: 60, benign: 60, calibration: 3000}"
    plain = training_set(make_model(small))
    for text in ("overlap: 0.9, switching: 0.5, split: 0.5", "slow_burn: 3, many_short: 2, saturation: 0.6"):
        told = training_set(make_model(small, on(text)))
        assert told.texts == plain.texts and np.array_equal(told.batch.symbol, plain.batch.symbol)
        assert told.vocabulary == plain.vocabulary
