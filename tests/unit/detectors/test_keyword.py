"""A lexicon finds what its author knew, and only that."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from detectors.keyword import Keyword
from simharness.detection.protocol import TrainingSet
from simharness.streams import derive_seed
from simharness.world.acts import ACT_INDEX, ACTS, RISK_ACTS
from simharness.world.model import WorldModel
from simharness.world.phrasebook import Phrasebook, build_phrasebook, surrogate_vocabulary

SHARES = [0.0, 0.25, 0.5, 0.75, 1.0]
RISK = [ACT_INDEX[act.name] for act in RISK_ACTS]


def book(model: WorldModel, drift: float, obfuscation: float = 0.0) -> Phrasebook:
    """The phrasebook in use with these dials."""
    seed = derive_seed(model.scenario.seed, "phrasebook")
    return build_phrasebook(seed, "surrogate", overlap=0.25, drift=drift, obfuscation=obfuscation, edition="use")


def recall(detector: Keyword, made: Phrasebook) -> float:
    """Share of risk phrases hit; nothing else may be."""
    hit, risky = detector.score(made.texts), np.isin(made.act_of, RISK)
    assert set(hit.tolist()) <= {0.0, 1.0} and not hit[~risky].any()
    return float(hit[risky].mean())


def test_coverage_none_and_all(training: TrainingSet, small: WorldModel) -> None:
    as_known = book(small, drift=0.0)
    assert recall(Keyword(0.0).fit(training), as_known) == 0.0
    assert recall(Keyword(1.0).fit(training), as_known) == 1.0
    assert recall(Keyword(), as_known) == 0.0, "it knew words before it was trained"


def test_coverage_is_the_share_of_words_known(training: TrainingSet) -> None:
    total = sum(len(words) for words in training.vocabulary.values())
    known = [Keyword(share).fit(training).words for share in SHARES]
    for share, words in zip(SHARES, known, strict=True):
        assert abs(len(words) / total - share) <= 4 * math.sqrt(share * (1 - share) / total)
    # The same author with a longer list: comparing two coverages compares nothing but the added words.
    assert all(less < more for less, more in pairwise(known))


@pytest.mark.parametrize("dial", ["drift", "obfuscation"])
def test_words_that_change_are_missed(dial: str, training: TrainingSet, small: WorldModel) -> None:
    detector = Keyword(1.0).fit(training)
    found = [recall(detector, book(small, **{"drift": 0.0} | {dial: share})) for share in SHARES]
    assert found[0] == 1.0 and found[-1] == 0.0
    assert all(more > less for more, less in pairwise(found))


def test_hits_are_those_of_the_words_still_in_use(training: TrainingSet, small: WorldModel) -> None:
    detector, made = Keyword(0.6).fit(training), book(small, drift=0.5)
    hit = detector.score(made.texts)
    seed = derive_seed(small.scenario.seed, "phrasebook")
    for act in RISK_ACTS:
        now = surrogate_vocabulary(seed, act.name, 0.5, "use")
        then = training.vocabulary[act.name]
        listed = {new for new, old in zip(now, then, strict=True) if new == old and old in detector.words}
        first = int(made.first[ACT_INDEX[act.name]])
        for place, text in enumerate(made.phrases_of(act.name)):
            assert hit[first + place] == (not listed.isdisjoint(text.split()))


def test_words_match_whole_and_glosses_as_fragments(training: TrainingSet) -> None:
    listed = replace(training, vocabulary={"a": ("velmo",), "b": ("[asks how old]",)})
    detector = Keyword(1.0).fit(listed)
    texts = ("tarin velmo sedda", "velmos", "velmo", "so [asks how old] then", "[asks which area]", "how old", "")
    assert detector.score(texts).tolist() == [1, 0, 1, 1, 0, 0, 0]


def test_glosses_are_found_by_coverage(training: TrainingSet) -> None:
    glosses = {act.name: (act.gloss,) for act in RISK_ACTS}
    detector = Keyword(1.0).fit(replace(training, vocabulary=glosses))
    assert detector.score([act.gloss for act in ACTS]).tolist() == [float(act.kind == "risk") for act in ACTS]


@pytest.mark.parametrize("coverage", [-0.1, 1.1, math.nan])
def test_a_coverage_that_is_no_share_is_refused(coverage: float) -> None:
    with pytest.raises(ValueError, match="coverage: expected a share from 0 to 1, got"):
        Keyword(coverage)
