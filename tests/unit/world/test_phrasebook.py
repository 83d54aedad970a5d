from __future__ import annotations

import time
from collections import Counter
from itertools import product
from string import Formatter
from typing import Any

import numpy as np
import pytest

from simharness.errors import UsageError
from simharness.streams import uniform
from simharness.world import phrasebook
from simharness.world.acts import ACT_INDEX, ACTS, BENIGN_ACTS, RISK_ACTS, WITHHELD_ACTS
from simharness.world.phrasebook import (
    BENIGN_PHRASES,
    ENDINGS,
    MIDDLES,
    OPENINGS,
    RISK_PHRASES,
    VOCABULARY_SIZE,
    Phrasebook,
    build_phrasebook,
    surrogate_vocabulary,
)
from simharness.world.smalltalk import SLOTS, TEMPLATES, common_words, expansions, small_talk_words

ALL_WORDS = ["".join(parts) for parts in product(OPENINGS, MIDDLES, ENDINGS)]


def book(seed: int = 3, rendering: Any = "surrogate", edition: Any = "use", **dials: float) -> Phrasebook:
    return build_phrasebook(
        seed, rendering, edition=edition, **{"overlap": 0.0, "drift": 0.0, "obfuscation": 0.0} | dials
    )


def risk_words(made: Phrasebook) -> list[list[str]]:
    return [text.split() for act in RISK_ACTS for text in made.phrases_of(act.name)]


def test_acts_have_a_stable_order_and_unique_names_and_glosses() -> None:
    assert (len(BENIGN_ACTS), len(RISK_ACTS), len(WITHHELD_ACTS)) == (24, 14, 2)
    assert [ACT_INDEX[act.name] for act in ACTS] == list(range(40))
    assert len({act.gloss for act in ACTS}) == 40
    assert ACTS[0].name == "greets" and ACTS[24].name == "asks_age" and ACTS[39].gloss == "[threat withheld]"


@pytest.mark.parametrize(("rendering", "per_risk_act"), [("surrogate", RISK_PHRASES), ("gloss", 1)])
def test_phrases_of_an_act_are_contiguous(rendering: Any, per_risk_act: int) -> None:
    made = book(rendering=rendering)
    sizes = {"benign": BENIGN_PHRASES, "risk": per_risk_act, "withheld": 1}
    assert made.count.tolist() == [sizes[act.kind] for act in ACTS]
    assert made.first[0] == 0 and np.array_equal(made.first[1:], np.cumsum(made.count)[:-1])
    assert made.act_of.tolist() == [i for i, act in enumerate(ACTS) for _ in range(sizes[act.kind])]
    assert len(made.texts) == made.act_of.size <= 8000
    assert made.phrases_of("greets") == made.texts[:BENIGN_PHRASES]
    with pytest.raises(ValueError, match="read-only"):
        made.first[0] = 1


def test_glosses_and_withheld_tokens_are_exact_whatever_the_dials() -> None:
    gloss = book(rendering="gloss", overlap=1.0, drift=1.0, obfuscation=1.0)
    assert [gloss.phrases_of(act.name) for act in RISK_ACTS] == [(act.gloss,) for act in RISK_ACTS]
    for made in (gloss, book(overlap=1.0, drift=1.0, obfuscation=1.0)):
        assert made.texts[-2:] == ("[sexual content withheld]", "[threat withheld]")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "dials", [{}, {"overlap": 0.5, "obfuscation": 0.5}, {"overlap": 1.0, "drift": 1.0, "obfuscation": 1.0}]
)
def test_no_text_belongs_to_two_phrases(seed: int, dials: dict[str, float]) -> None:
    texts = book(seed, **dials).texts
    assert len(set(texts)) == len(texts)


def test_a_repeated_sentence_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck_at_first(seed: int, stream: str, entity: Any, occasion: Any = 0) -> Any:
        draws = uniform(seed, stream, entity, occasion)
        return np.full_like(draws, 0.5) if occasion == 0 and stream == "phrasebook.word" else draws

    monkeypatch.setattr("simharness.world.phrasebook.uniform", stuck_at_first)
    phrases = book().phrases_of("asks_age")
    assert len(set(phrases)) == RISK_PHRASES
    assert len(set(phrases[0].split())) == 1  # the first of a kind stands as drawn, its repeats do not


def test_without_drift_and_noise_the_editions_are_identical() -> None:
    assert book(edition="training", overlap=0.4).texts == book(edition="use", overlap=0.4).texts


def test_the_training_edition_ignores_drift_and_noise() -> None:
    assert book(edition="training", drift=1.0, obfuscation=1.0).texts == book().texts


def test_it_is_a_pure_function_of_its_arguments() -> None:
    first, other, again = (book(seed, overlap=0.3, drift=0.3, obfuscation=0.3).texts for seed in (3, 4, 3))
    assert first == again != other


def test_risk_phrases_have_three_to_seven_words_of_their_act_only() -> None:
    made = book()
    assert {len(words) for words in risk_words(made)} == {3, 4, 5, 6, 7}
    for act in RISK_ACTS:
        used = {word for text in made.phrases_of(act.name) for word in text.split()}
        assert used == set(surrogate_vocabulary(3, act.name, 0.0, "use"))  # 80 sentences use each of the 40 words


def test_no_two_acts_and_no_two_editions_share_a_replaced_word() -> None:
    for drift in (0.0, 0.5, 1.0):
        words = [w for act in RISK_ACTS for w in surrogate_vocabulary(3, act.name, drift, "use")]
        assert len(set(words)) == len(RISK_ACTS) * VOCABULARY_SIZE
    trained = {w for act in RISK_ACTS for w in surrogate_vocabulary(3, act.name, 1.0, "training")}
    assert trained.isdisjoint(words)


def test_drift_is_the_exact_share_of_words_that_differ_and_is_nested() -> None:
    trained = surrogate_vocabulary(3, "asks_age", 0.5, "training")
    changed = {}
    for drift in (0.0, 0.1, 0.5, 1.0):
        used = surrogate_vocabulary(3, "asks_age", drift, "use")
        changed[drift] = {i for i in range(VOCABULARY_SIZE) if used[i] != trained[i]}
    assert [len(positions) for positions in changed.values()] == [0, 4, 20, 40]
    assert changed[0.1] < changed[0.5] < changed[1.0]


def test_an_id_is_the_same_sentence_in_both_editions() -> None:
    trained, used = book(edition="training", drift=0.5, overlap=0.3), book(edition="use", drift=0.5, overlap=0.3)
    for act in RISK_ACTS:
        old, new = (surrogate_vocabulary(3, act.name, 0.5, edition) for edition in ("training", "use"))
        translate = dict(zip(old, new, strict=True))
        for before, after in zip(trained.phrases_of(act.name), used.phrases_of(act.name), strict=True):
            assert [translate.get(word, word) for word in before.split()] == after.split()
    assert trained.texts[: 24 * BENIGN_PHRASES] == used.texts[: 24 * BENIGN_PHRASES]


def test_overlap_is_the_share_of_places_beyond_the_one_kept() -> None:
    common = set(common_words())
    assert all(common.isdisjoint(words) for words in risk_words(book(overlap=0.0)))
    assert all(sum(w not in common for w in words) == 1 for words in risk_words(book(overlap=1.0)))
    sentences = risk_words(book(overlap=0.3))
    places = sum(len(words) - 1 for words in sentences)
    share = sum(w in common for words in sentences for w in words) / places
    assert share == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / places) ** 0.5)
    assert all(any(w not in common for w in words) for words in sentences)


def test_obfuscation_is_the_share_of_made_up_words_that_change() -> None:
    plain = risk_words(book(overlap=0.3))
    for share in (0.25, 1.0):
        noisy = risk_words(book(overlap=0.3, obfuscation=share))
        pairs = [(a, b) for x, y in zip(plain, noisy, strict=True) for a, b in zip(x, y, strict=True)]
        made_up = [(a, b) for a, b in pairs if a not in common_words()]
        assert all(a == b for a, b in pairs if a in common_words())
        changed = sum(a != b for a, b in made_up) / len(made_up)
        assert changed == pytest.approx(share, abs=4 * (share * (1 - share) / len(made_up)) ** 0.5)


@pytest.mark.parametrize(
    ("kind", "place", "digit", "expected"),
    [
        (0.1, 0.0, 0.5, "vvelmun"),
        (0.3, 0.99, 0.5, "velmunn"),
        (0.5, 0.7, 0.5, "vemlun"),
        (0.9, 0.0, 0.05, "v0elmun"),
        (0.9, 0.99, 0.99, "velmun9"),
    ],
)
def test_noise_by_hand(kind: float, place: float, digit: float, expected: str) -> None:
    assert phrasebook._with_noise("velmun", kind, place, digit) == expected


def test_words_split_one_way_and_no_noise_turns_one_into_another() -> None:
    assert len(set(ALL_WORDS)) == len(ALL_WORDS)
    assert small_talk_words().isdisjoint(ALL_WORDS)
    made_from: dict[str, set[str]] = {}
    for word in ALL_WORDS:
        made_from.setdefault(word, set()).add(word)
        for kind, place, digit in product((0.1, 0.5, 0.9), np.arange(0.5, len(word)) / len(word), (0.05, 0.15)):
            made_from.setdefault(phrasebook._with_noise(word, kind, float(place), digit), set()).add(word)
    assert all(len(origins) == 1 for origins in made_from.values())


def test_templates_cover_the_benign_acts_with_enough_distinct_texts() -> None:
    assert list(TEMPLATES) == [act.name for act in BENIGN_ACTS]
    assert all(len(expansions(act)) >= BENIGN_PHRASES for act in TEMPLATES)
    texts = Counter(text for act in TEMPLATES for text in expansions(act))
    assert set(texts.values()) == {1}
    used = {
        name for templates in TEMPLATES.values() for t in templates for _, name, _, _ in Formatter().parse(t) if name
    }
    assert used == set(SLOTS)


def test_benign_phrases_are_chosen_by_the_seed_from_the_act_s_own_texts() -> None:
    first, second = book(3), book(4)
    for act in TEMPLATES:
        assert set(first.phrases_of(act)) <= set(expansions(act))
    assert first.phrases_of("school") != second.phrases_of("school")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"overlap": 1.5}, r"phrasebook\.overlap: expected a share, got 1\.5; allowed: 0 to 1"),
        ({"drift": -0.1}, r"phrasebook\.drift"),
        ({"obfuscation": float("nan")}, r"phrasebook\.obfuscation: expected a share, got nan"),
        ({"rendering": "plain"}, r"phrasebook\.rendering: unknown name 'plain'; allowed: surrogate, gloss"),
        ({"edition": "test"}, r"phrasebook\.edition"),
    ],
)
def test_bad_arguments_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        book(**arguments)


def test_only_risk_acts_have_a_vocabulary_and_only_known_acts_have_phrases() -> None:
    with pytest.raises(UsageError, match=r"phrasebook\.act: unknown name 'school'"):
        surrogate_vocabulary(3, "school", 0.0, "use")
    with pytest.raises(UsageError, match=r"phrasebook\.act: unknown name 'gossip'"):
        book().phrases_of("gossip")


def test_it_is_built_in_under_a_third_of_a_second() -> None:
    book(obfuscation=1.0)  # the small talk is expanded once per process
    started = time.perf_counter()
    book(5, obfuscation=1.0)
    assert time.perf_counter() - started < 0.3
