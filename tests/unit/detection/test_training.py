"""The training world is another world, its counts are those of its messages, and it keeps the grammar to itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray

from simharness.detection.protocol import TrainingSet
from simharness.detection.scoring import Scorer
from simharness.detection.training import benign_sample, fit, sample_contacts, training_set
from simharness.records import ConversationBatch, Truth
from simharness.streams import derive_seed
from simharness.world.acts import ACT_INDEX, RISK_ACTS
from simharness.world.generate import World
from simharness.world.model import WorldModel


class Pupil:
    """Remembers what it was taught with."""

    def __init__(self) -> None:
        self.taught: TrainingSet | None = None

    def fit(self, training: TrainingSet) -> None:
        self.taught = training

    def score(self, texts: tuple[str, ...]) -> NDArray[np.float32]:
        return np.zeros(len(texts), np.float32)


class PrivilegedPupil(Pupil):
    privileged = True


def test_sizes_are_those_asked_for(training: TrainingSet) -> None:
    assert training.grooming.sum() == 300
    # Harmless contacts are a Poisson sample: the standard deviation is the square root of the mean.
    assert abs((~training.grooming).sum() - 2400) < 5 * np.sqrt(2400)
    assert len(training.batch) == training.grooming.size


def test_heavy_tailed_rates_leave_no_class_short(make_model: Callable[..., WorldModel]) -> None:
    model = make_model("world.offenders.heterogeneity.value=3")
    for seed in range(3):
        grooming, harmless = sample_contacts(World(model, seed), 500, 100)
        assert len(grooming) == 500 and (grooming.initiator >= 0).all() and (harmless.initiator < 0).all()


def test_counts_add_up_to_the_messages_of_each_class(training: TrainingSet) -> None:
    batch, texts = training.batch, len(training.texts)
    assert batch.texts == training.texts
    assert batch.begin[0] == 0 and batch.end[-1] == batch.symbol.size
    assert np.array_equal(batch.begin[1:], batch.end[:-1])
    for label, counted in ((True, training.positive), (False, training.negative)):
        rows = np.flatnonzero(training.grooming == label)
        sent = np.concatenate([batch.symbol[batch.begin[i] : batch.end[i]] for i in rows])
        assert np.array_equal(np.bincount(sent >> 1, minlength=texts), counted)
    assert training.positive.sum() + training.negative.sum() == batch.symbol.size


def test_conversations_are_whole_and_labelled(training: TrainingSet, small: WorldModel) -> None:
    world = World(small, training.seed, "training")
    for contacts, rows in zip(sample_contacts(world, 300, 2400), (slice(0, 300), slice(300, None)), strict=True):
        done, batches = 0, 0
        begin, end = training.batch.begin[rows], training.batch.end[rows]
        assert np.array_equal(training.batch.declared_adult[rows], contacts.declared_adult)
        assert np.array_equal(training.batch.new_contacts_7d[rows], contacts.new_contacts_7d)
        for batch in world.batches(contacts):
            here = slice(int(begin[done]), int(end[done + len(batch.view) - 1]))
            assert np.array_equal(training.batch.symbol[here], batch.view.symbol)
            assert np.array_equal(training.batch.time_s[here], batch.view.time_s)
            done, batches = done + len(batch.view), batches + 1
        assert done == len(contacts) == begin.size
    assert batches > 1, "a world writes each batch over the last: one batch would not show that it was kept"


def test_it_is_not_the_world_of_the_run(training: TrainingSet, small: WorldModel) -> None:
    seed = small.scenario.seed
    assert training.seed == derive_seed(seed, "training")
    others = {seed, derive_seed(seed, "calibration"), *(derive_seed(seed, "replication", i) for i in range(5))}
    assert training.seed not in others
    run = World(small, seed)
    contacts, _ = sample_contacts(run, 300, 50)
    symbols = np.concatenate([batch.view.symbol.copy() for batch in run.batches(contacts)])
    n = min(symbols.size, training.batch.symbol.size)
    assert np.mean(symbols[:n] == training.batch.symbol[:n]) < 0.05


def test_it_speaks_the_older_edition(training: TrainingSet, small: WorldModel) -> None:
    now = small.phrasebooks["use"]
    assert training.texts == small.phrasebooks["training"].texts != now.texts
    risky = np.isin(now.act_of, [ACT_INDEX[act.name] for act in RISK_ACTS])
    changed = np.array([old != new for old, new in zip(training.texts, now.texts, strict=True)])
    assert not changed[~risky].any() and 0.1 < changed[risky].mean() < 1.0


def test_vocabulary_is_what_an_author_of_then_could_know(training: TrainingSet, small: WorldModel) -> None:
    assert list(training.vocabulary) == [act.name for act in RISK_ACTS]
    book = small.phrasebooks["training"]
    for act, words in training.vocabulary.items():
        assert all(set(words) & set(text.split()) for text in book.phrases_of(act)), act


def test_vocabulary_of_glosses_is_the_glosses(make_model: Callable[..., WorldModel]) -> None:
    model = make_model("training={grooming: 50, benign: 50, calibration: 3000}", "world.phrasebook.rendering=gloss")
    assert training_set(model).vocabulary == {act.name: (act.gloss,) for act in RISK_ACTS}


def test_it_is_the_same_every_time(training: TrainingSet, small: WorldModel) -> None:
    again = training_set(small)
    assert np.array_equal(again.positive, training.positive) and np.array_equal(again.grooming, training.grooming)
    for column in fields(ConversationBatch):
        assert np.array_equal(getattr(again.batch, column.name), getattr(training.batch, column.name)), column.name


@pytest.mark.parametrize("wanted", [200, 4000])
def test_benign_sample_is_spread_over_all_children(wanted: int, small: WorldModel) -> None:
    sample = benign_sample(World(small, 9), wanted)
    assert abs(len(sample) - wanted) < 5 * np.sqrt(wanted)
    assert np.isin(sample.conversation, benign_sample(World(small, 10), wanted).conversation).mean() < 0.5
    middle = sample.child.mean() / small.children.total
    assert abs(middle - 0.5) < 5 * np.sqrt(1 / 12 / wanted)


def test_only_the_privileged_are_told_the_grammar(training: TrainingSet, small: WorldModel) -> None:
    plain, privileged = Pupil(), PrivilegedPupil()
    fit(plain, training, small)
    fit(privileged, training, small)
    assert plain.taught is training and training.model is None
    assert privileged.taught is not None and privileged.taught.model is small


def test_of_the_built_in_detectors_only_the_bound_is_privileged(scorers: dict[str, Scorer]) -> None:
    assert [name for name, s in scorers.items() if getattr(s.detector, "privileged", False)] == ["bayes_bound"]


def test_a_detector_that_does_not_learn_is_left_alone(
    training: TrainingSet, small: WorldModel, scorers: dict[str, Scorer]
) -> None:
    fit(scorers["length_only"].detector, training, small)
    assert not hasattr(scorers["length_only"].detector, "fit")


def test_what_a_detector_sees_holds_no_truth() -> None:
    seen = {column.name for column in fields(ConversationBatch)}
    assert not seen & {column.name for column in fields(Truth)} and "kind" not in seen and "stage" not in seen
    assert {column.name for column in fields(TrainingSet)} == {
        "texts", "positive", "negative", "batch", "grooming", "seed", "vocabulary", "model",
    }  # fmt: skip
