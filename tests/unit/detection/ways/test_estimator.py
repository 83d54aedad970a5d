"""scikit-learn by name: the same scores as our own pipeline, row by row, and every way to name it wrongly."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skops import io
from threadpoolctl import threadpool_limits

from detectors.text_model import TextModel
from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import MessageDetector, Trainable, TrainingSet
from simharness.detection.training import training_set
from simharness.detection.ways.estimator import Estimator
from simharness.errors import UsageError
from simharness.world.model import WorldModel

TFIDF = "sklearn.feature_extraction.text.TfidfVectorizer"
WORDS = {TFIDF: {"token_pattern": r"\S+", "ngram_range": [1, 2], "sublinear_tf": True}}
LOGISTIC = "sklearn.linear_model.LogisticRegression"
BAYES = "sklearn.naive_bayes.ComplementNB"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a run."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="module")
def world(model: WorldModel) -> TrainingSet:
    """The flagship's training world."""
    return training_set(model)


@pytest.fixture(scope="module")
def small(world: TrainingSet) -> TrainingSet:
    """Every twelfth text of it."""
    counts = {"positive": world.positive[::12], "negative": world.negative[::12]}
    return replace(world, texts=world.texts[::12], **counts)


def trained(training: TrainingSet, *steps: Any, **options: Any) -> Estimator:
    return Estimator(pipeline=list(steps), **options).fit(training)


def test_the_pipeline_of_text_model_gives_its_scores(world: TrainingSet) -> None:
    detector = trained(world, WORDS, {LOGISTIC: {"C": 10.0, "max_iter": 500}})
    assert isinstance(detector, MessageDetector) and isinstance(detector, Trainable)
    np.testing.assert_array_equal(detector.score(world.texts), TextModel().fit(world).score(world.texts))
    assert detector.direction == "higher" and detector.range is None and detector.method == "decision_function"


@pytest.mark.parametrize(
    "steps",
    [
        [WORDS, LOGISTIC],
        [WORDS, BAYES],
        [WORDS, {"sklearn.ensemble.RandomForestClassifier": {"n_estimators": 10, "max_depth": 5, "n_jobs": 2}}],
        [WORDS, {"sklearn.decomposition.TruncatedSVD": {"n_components": 20}}, LOGISTIC],
        [WORDS, {"sklearn.neural_network.MLPClassifier": {"hidden_layer_sizes": [8], "max_iter": 3}}],
        [WORDS, {"sklearn.calibration.CalibratedClassifierCV": {"estimator": {BAYES: {}}, "cv": 2}}],
    ],
    ids=["logistic", "bayes", "forest", "svd", "mlp", "calibrated"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_score_does_not_depend_on_what_is_asked_beside_it(small: TrainingSet, steps: list[Any]) -> None:
    detector, texts = trained(small, *steps), small.texts[:60]
    together = detector.score(texts)
    assert together.dtype == np.float32 and together.shape == (60,)
    assert np.unique(together).size > 5
    np.testing.assert_array_equal(together, np.concatenate([detector.score([text]) for text in texts]))
    np.testing.assert_array_equal(together[10:17], detector.score(texts[10:17]))
    np.testing.assert_array_equal(together, trained(small, *steps).score(texts))  # the same seed, the same model
    assert detector.score([]).shape == (0,)


@pytest.mark.parametrize(
    ("kind", "method", "rows"),
    [(KNeighborsClassifier, "predict_proba", [1, 1, 1, 1]), (LogisticRegression, "decision_function", [4])],
)
def test_only_what_is_exact_by_row_is_asked_many_texts_at_once(
    training: TrainingSet, monkeypatch: pytest.MonkeyPatch, kind: Any, method: str, rows: list[int]
) -> None:
    steps = {"KNeighborsClassifier": "sklearn.neighbors.KNeighborsClassifier", "LogisticRegression": LOGISTIC}
    parameters = {"n_neighbors": 1} if kind is KNeighborsClassifier else {}
    detector = trained(training, WORDS, {steps[kind.__name__]: parameters})
    asked, plain = [], getattr(kind, method)

    def counted(self: Any, given: Any) -> Any:
        asked.append(given.shape[0])
        return plain(self, given)

    monkeypatch.setattr(kind, method, counted)
    detector.score(training.texts)
    assert asked == rows


def auc(score: np.ndarray[Any, Any], training: TrainingSet) -> float:
    """The probability that a grooming message scores above a harmless one, ties counting half."""
    order = np.unique(score, return_inverse=True)[1]
    positive, negative = (np.bincount(order, counts) for counts in (training.positive, training.negative))
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / positive.sum() / negative.sum())


def test_probabilities_are_of_grooming(world: TrainingSet) -> None:
    detector = trained(world, WORDS, LOGISTIC, method="predict_proba")
    score = detector.score(world.texts)
    assert detector.range == (0.0, 1.0) and score.min() >= 0 and score.max() <= 1
    assert auc(score, world) > 0.6
    assert auc(trained(world, WORDS, BAYES).score(world.texts), world) > 0.6  # has nothing but probabilities


def test_without_sample_weight_rows_are_given_as_often_as_they_weigh(training: TrainingSet) -> None:
    neighbours = {"sklearn.neighbors.KNeighborsClassifier": {"n_neighbors": 1}}
    detector = trained(training, WORDS, neighbours)
    assert detector.pipeline is not None
    # 30, 5, 20 and 0 of 55 by four texts: 2.18, 0.36, 1.45, 0; 0, 40, 2 and 60 of 102: 0, 1.57, 0.08, 2.35
    assert detector.pipeline[-1].n_samples_fit_ == (2 + 0 + 1 + 0) + (0 + 2 + 0 + 2)
    assert detector.score(training.texts).tolist() == [1.0, 0.0, 1.0, 0.0]


def test_finders_of_outliers_learn_the_harmless_and_lower_is_riskier(training: TrainingSet) -> None:
    detector = trained(training, WORDS, {"sklearn.svm.OneClassSVM": {"nu": 0.5}})
    assert detector.direction == "lower" and detector.method == "decision_function"
    score = detector.score(training.texts)
    assert max(score[0], score[2]) < min(score[1], score[3])


def test_a_random_state_that_is_given_stays(training: TrainingSet) -> None:
    one = trained(training, WORDS, {"sklearn.linear_model.SGDClassifier": {"random_state": 5}})
    other = trained(training, WORDS, "sklearn.linear_model.SGDClassifier")
    assert one.pipeline is not None and other.pipeline is not None
    assert one.pipeline[-1].random_state == 5
    assert isinstance(other.pipeline[-1].random_state, int)


def test_a_union_of_vectorisers_takes_texts(training: TrainingSet) -> None:
    union = [["words", {TFIDF: {}}], ["letters", {TFIDF: {"analyzer": "char", "ngram_range": [2, 3]}}]]
    detector = trained(training, {"sklearn.pipeline.FeatureUnion": {"transformer_list": union}}, LOGISTIC)
    score = detector.score(training.texts)
    assert score[0] > score[1] and score[2] > score[3]


def test_a_copy_scores_the_same(training: TrainingSet) -> None:
    detector = trained(training, WORDS, BAYES)
    copy = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(copy.score(training.texts), detector.score(training.texts))


def test_a_single_estimator_that_takes_texts() -> None:
    with pytest.raises(UsageError, match="does not take texts") as caught:
        Estimator(estimator=LOGISTIC, parameters={"C": 2.0})
    assert TFIDF in str(caught.value)


def test_kept_and_loaded_again(training: TrainingSet, tmp_path: Path) -> None:
    kept = Estimator(pipeline=[WORDS, LOGISTIC], keep="model.skops")
    kept.folder = tmp_path
    kept.fit(training)
    assert [path.name for path in tmp_path.iterdir()] == ["model.skops"]
    loaded = Estimator(model="model.skops", method="predict_proba")
    loaded.folder = tmp_path
    assert loaded.range == (0.0, 1.0) and loaded.sources == (tmp_path / "model.skops",)
    before = loaded.score(training.texts)
    probability = 1 / (1 + np.exp(-kept.score(training.texts).astype(float)))
    np.testing.assert_allclose(before, probability, rtol=1e-6)
    swapped = replace(training, positive=training.negative, negative=training.positive)
    np.testing.assert_array_equal(loaded.fit(swapped).score(training.texts), before)  # it is not trained again
    copy = pickle.loads(pickle.dumps(loaded))
    np.testing.assert_array_equal(copy.score(training.texts), before)


@pytest.mark.parametrize("method", ["decision_function", "predict_proba"])
def test_the_column_of_the_positive_class(tmp_path: Path, method: str) -> None:
    pipeline = make_pipeline(CountVectorizer(), LogisticRegression()).fit(["velmo", "sedda"], ["grooming", "harmless"])
    io.dump(pipeline, tmp_path / "m.skops")
    scores = {}
    for positive in ("grooming", "harmless"):
        detector = Estimator(model="m.skops", positive=positive, method=method)
        detector.folder = tmp_path
        scores[positive] = detector.score(["velmo", "sedda"])
    assert scores["grooming"][0] > scores["grooming"][1]
    assert scores["harmless"][0] < scores["harmless"][1]
    wrong = Estimator(model="m.skops")
    with pytest.raises(UsageError, match="no class 1; allowed: 'grooming', 'harmless'"):
        wrong.folder = tmp_path


def planted(*_: Any) -> None:
    raise AssertionError("code of a model file was run")


class Planted:
    """Of no package that is trusted."""


@pytest.mark.parametrize("foreign", [planted, Planted])
def test_types_from_elsewhere_are_refused_by_name(tmp_path: Path, foreign: Any) -> None:
    pipeline = make_pipeline(FunctionTransformer(foreign), TfidfVectorizer(), LogisticRegression())
    io.dump(pipeline, tmp_path / "m.skops")
    detector = Estimator(model="m.skops")
    with pytest.raises(UsageError, match=rf"{foreign.__name__}; allowed: classes of numpy, scipy, sklearn"):
        detector.folder = tmp_path


def test_functions_of_trusted_packages_are_refused(tmp_path: Path) -> None:
    pipeline = make_pipeline(FunctionTransformer(io.dump), TfidfVectorizer(), LogisticRegression())
    pipeline.steps[0][1].func = np.testing.assert_array_equal
    io.dump(pipeline, tmp_path / "m.skops")
    detector = Estimator(model="m.skops")
    with pytest.raises(UsageError, match="assert_array_equal"):
        detector.folder = tmp_path


def test_files_that_are_no_models_are_refused(tmp_path: Path) -> None:
    io.dump(LogisticRegression(), tmp_path / "other.skops")
    (tmp_path / "torn.skops").write_bytes(b"PK\x03\x04 velmo")
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(LogisticRegression()))
    for name, says in {
        "other.skops": "holds a LogisticRegression",
        "torn.skops": "no skops file",
        "model.pkl": "no skops file",
        "none.skops": "there is no file",
    }.items():
        detector = Estimator(model=name)
        with pytest.raises(UsageError, match=says):
            detector.folder = tmp_path


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "allowed: one"),
        ({"pipeline": [TFIDF, BAYES], "model": "m.skops"}, "pipeline and model"),
        ({"pipeline": [TFIDF, BAYES], "parameters": {}}, "belong to estimator"),
        ({"pipeline": []}, "a list of estimators"),
        ({"pipeline": [TFIDF, {BAYES: {}, LOGISTIC: {}}]}, "pipeline.1"),
        ({"pipeline": [TFIDF, {BAYES: {"alfa": 1.0}}]}, "Did you mean 'alpha'?"),
        ({"pipeline": [TFIDF, {BAYES: {"alfa": 1.0}}]}, "alpha, class_prior, fit_prior, force_alpha, norm"),
        ({"pipeline": [TFIDF, {BAYES: {"alpha": "high"}}]}, "'alpha' parameter"),
        ({"pipeline": [TFIDF, {BAYES: [1]}]}, "a mapping of names to values"),
        ({"pipeline": [TFIDF, "sklearn.naive_bayes.ComplementNBB"]}, f"Did you mean '{BAYES}'?"),
        ({"pipeline": [TFIDF, "sklearn.bayes.ComplementNB"]}, f"Did you mean '{BAYES}'?"),
        ({"pipeline": [TFIDF, "ComplementNB"]}, f"Did you mean '{BAYES}'?"),
        ({"pipeline": [TFIDF, "no_such_package.Model"]}, "no installed package"),
        ({"pipeline": [TFIDF, "child_of_the_folder.Model"]}, "no installed package"),
        ({"pipeline": [TFIDF, "sklearn.metrics.accuracy_score"]}, "no scikit-learn estimator"),
        ({"pipeline": [TFIDF, "numpy.ndarray"]}, "no scikit-learn estimator"),
        ({"pipeline": [TFIDF, "os; import sys.Model"]}, "dotted name"),
        ({"pipeline": [LOGISTIC]}, "does not take texts"),
        ({"pipeline": [TFIDF, "sklearn.preprocessing.MaxAbsScaler"]}, "no classifier"),
        ({"pipeline": [TFIDF, "sklearn.linear_model.Ridge"]}, "no classifier"),
        ({"pipeline": [TFIDF, BAYES], "method": "decision_function"}, "allowed: predict_proba"),
        ({"pipeline": [TFIDF, BAYES], "method": "predict"}, "auto, decision_function, predict_proba"),
        ({"model": "m.skops", "keep": "k.skops"}, "nothing to keep"),
    ],
)
def test_what_cannot_be_made_is_refused(
    options: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "child_of_the_folder.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError) as caught:
        Estimator(**options)
    assert says in str(caught.value)
    assert "child_of_the_folder" not in sys.modules


def test_a_folder_to_keep_in_has_to_be_there(tmp_path: Path) -> None:
    detector = Estimator(pipeline=[TFIDF, BAYES], keep="none/model.skops")
    with pytest.raises(UsageError, match="there is no folder"):
        detector.folder = tmp_path


def test_failures_of_scikit_learn_quote_nothing(training: TrainingSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(self: Any, rows: Any, label: Any, sample_weight: Any = None) -> None:
        raise ValueError("cannot convert 'velmo tarin'")

    monkeypatch.setattr(ComplementNB, "fit", fit)
    with pytest.raises(DetectorFailed, match="TfidfVectorizer and ComplementNB: ValueError when trained") as caught:
        trained(training, TFIDF, BAYES)
    assert caught.value.kind == "exception"
    assert "velmo" not in str(caught.value)
    with pytest.raises(DetectorFailed, match="before it was trained"):
        Estimator(pipeline=[TFIDF, BAYES]).score(["velmo"])


def test_training_needs_both_classes(training: TrainingSet) -> None:
    with pytest.raises(UsageError, match="one of the two classes"):
        trained(replace(training, positive=np.zeros(4, np.int64)), TFIDF, BAYES)
