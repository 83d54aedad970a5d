"""Any scikit-learn estimator or pipeline as a detector of single messages, named in a scenario and trained there.

Trained as ``detectors/text_model.py`` is: every text of the training world once as grooming and once as harmless, with
the weight of how often it was sent, both classes weighing the same. An estimator that takes no ``sample_weight`` is
given each row as many times as its weight, rounded; one that finds outliers is given the harmless texts alone, and
lower scores are riskier. The score is ``decision_function`` where there is one, else the probability of grooming.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import is_classifier, is_outlier_detector
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import has_fit_parameter

from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import TrainingSet
from simharness.detection.ways.model_file import load_model, save_model
from simharness.detection.ways.named import make, pipeline_of
from simharness.errors import UsageError
from simharness.streams import derive_seed

METHODS = ("decision_function", "predict_proba")
# Their score of a row of a sparse matrix is the same whatever rows are beside it. That of others (products of dense
# matrices, neighbours, kernels) may differ in its last bits, so they are asked for one text at a time.
_BY_ROW = (
    LogisticRegression,
    LinearSVC,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
    BernoulliNB,
    ComplementNB,
    MultinomialNB,
    DecisionTreeClassifier,
    ExtraTreesClassifier,
    RandomForestClassifier,
)


class Estimator:
    """Any scikit-learn estimator or pipeline, trained on the scenario's texts or loaded from a skops file.

    Exactly one of ``pipeline`` (a list of NAME or {NAME: {parameters}}), ``estimator`` (a name, with ``parameters``)
    and ``model`` (a file to load; it is not trained again). ``method``: auto, decision_function or predict_proba.
    ``positive``: the class of a loaded model that is grooming. ``keep``: a file to save the trained model to.
    Raises UsageError.
    """

    abstains = False

    def __init__(
        self,
        estimator: str | None = None,
        parameters: dict[str, Any] | None = None,
        pipeline: list[Any] | None = None,
        method: str = "auto",
        model: str | None = None,
        keep: str | None = None,
        positive: int | str | bool = 1,
    ) -> None:
        ways = {"estimator": estimator, "pipeline": pipeline, "model": model}
        given = [name for name, value in ways.items() if value is not None]
        if len(given) != 1:
            raise UsageError("options", f"got {' and '.join(given) or 'none'} of {', '.join(ways)}", allowed="one")
        if parameters is not None and estimator is None:
            raise UsageError("parameters", "belong to estimator, which is not given")
        if method not in ("auto", *METHODS):
            raise UsageError("method", f"got {method!r}", allowed=", ".join(("auto", *METHODS)))
        if model is not None and keep is not None:
            raise UsageError("keep", "a model that is loaded is not trained, so there is nothing to keep")
        self.method, self.model, self.keep, self.positive = method, model, keep, positive
        self.range: tuple[float, float] | None = None
        self.direction: Literal["higher", "lower"] = "higher"
        self.pipeline: Pipeline | None = None
        self._folder = Path()
        self._fitted = False
        if estimator is not None:
            make(estimator, parameters, "estimator")  # its own errors first, without a place in a list
            self._use(pipeline_of([{estimator: parameters}]))
        elif pipeline is not None:
            self._use(pipeline_of(pipeline))

    @property
    def folder(self) -> Path:
        """Where the files of ``model`` and ``keep`` begin. Raises UsageError when set to where they cannot be."""
        return self._folder

    @folder.setter
    def folder(self, folder: Path) -> None:
        self._folder = folder
        if self.keep is not None and not (folder / self.keep).parent.is_dir():
            raise UsageError("keep", f"there is no folder {(folder / self.keep).parent}")
        self._load()

    @property
    def sources(self) -> tuple[Path, ...]:
        """The file of a loaded model."""
        return () if self.model is None else (self._folder / self.model,)

    def fit(self, training: TrainingSet) -> Self:
        """Learn from the texts and how often they were sent; a loaded model stays as it is.

        Raises DetectorFailed where scikit-learn fails, UsageError without messages of both classes.
        """
        if self.model is not None:
            self._load()
            return self
        assert self.pipeline is not None
        if not training.positive.any() or not training.negative.any():
            raise UsageError("training", "has no messages of one of the two classes", hint="Raise training.grooming.")
        _seed(self.pipeline, derive_seed(training.seed, "estimator.random_state") % 2**32)
        texts, label, weight = _rows(training, harmless_only=is_outlier_detector(self.pipeline))
        name, last = self.pipeline.steps[-1]
        if has_fit_parameter(last, "sample_weight"):
            extra = {f"{name}__sample_weight": weight}
        else:
            times = np.rint(weight).astype(np.int64)
            texts, label, extra = (
                [t for t, n in zip(texts, times, strict=True) for _ in range(n)],
                label.repeat(times),
                {},
            )
        self._run("trained", len(texts), lambda: self._pipeline().fit(texts, label, **extra))
        self._fitted = True
        if self.keep is not None:
            save_model(self.pipeline, self._folder / self.keep)
        return self

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One number per text, shape (n,), the same whatever texts are asked beside it. Raises DetectorFailed."""
        self._load()
        if not self._fitted:
            raise DetectorFailed("exception", "asked for scores before it was trained; expected fit(training) first")
        asked = list(texts)
        return self._run("asked", len(asked), lambda: self._scores(asked)) if asked else np.empty(0, np.float32)

    def _scores(self, texts: list[str]) -> NDArray[np.float32]:
        pipeline = self._pipeline()
        rows = pipeline[:-1].transform(texts) if len(pipeline) > 1 else texts
        last = pipeline.steps[-1][1]
        if issparse(rows) and isinstance(last, _BY_ROW):
            return self._risk(getattr(last, self.method)(rows))
        alone = [getattr(pipeline, self.method)([text]) for text in texts]
        return self._risk(np.concatenate(alone))

    def _risk(self, found: Any) -> NDArray[np.float32]:
        """One number per text from what the method gave: a column for each class, or for two classes a signed one."""
        values = np.asarray(found)
        if self.direction == "lower":
            return values.astype(np.float32)
        classes = self._pipeline().classes_.tolist()
        place = classes.index(self.positive)
        if values.ndim == 1:
            return (values if place == 1 else -values).astype(np.float32)
        return values[:, place].astype(np.float32)

    def _use(self, pipeline: Any) -> None:
        outliers = is_outlier_detector(pipeline)
        if not outliers and not is_classifier(pipeline):
            raise UsageError(
                "pipeline", "its last step is no classifier and finds no outliers", allowed="one that does"
            )
        available = [name for name in METHODS if hasattr(pipeline, name)]
        wanted = available if self.method == "auto" else [name for name in available if name == self.method]
        if not wanted or (outliers and wanted[0] != METHODS[0]):
            raise UsageError(
                "method",
                f"{self.method} is not to be had from {type(pipeline.steps[-1][1]).__name__}",
                allowed=", ".join(available) or "an estimator with " + " or ".join(METHODS),
            )
        self.method = wanted[0]
        self.direction = "lower" if outliers else "higher"
        self.range = (0.0, 1.0) if self.method == "predict_proba" else None
        # Cells run side by side already, and forests add up in the order in which their threads end.
        several = [name for name, value in pipeline.get_params().items() if name.endswith("n_jobs") and value]
        self.pipeline = pipeline.set_params(**dict.fromkeys(several, 1))

    def _load(self) -> None:
        if self.model is None or self._fitted:
            return
        pipeline = load_model(self._folder / self.model)
        self._use(pipeline)
        if self.direction == "higher" and self.positive not in pipeline.classes_.tolist():
            known = ", ".join(map(repr, pipeline.classes_.tolist()))
            raise UsageError("positive", f"the model has no class {self.positive!r}", allowed=known)
        self._fitted = True

    def _pipeline(self) -> Pipeline:
        assert self.pipeline is not None
        return self.pipeline

    def _run(self, what: str, texts: int, action: Any) -> Any:
        try:
            return action()
        except Exception as error:
            steps = " and ".join(type(step).__name__ for _, step in self._pipeline().steps)
            told = f"{steps}: {type(error).__name__} when {what} with {texts} texts"
            problem = f"{told}; what it said is not shown because it may quote them"
            raise DetectorFailed("exception", problem) from None


def _rows(training: TrainingSet, harmless_only: bool) -> tuple[list[str], NDArray[np.int64], NDArray[np.float64]]:
    """Texts, labels and weights. Each class weighs as many rows as there are texts: no base rate is learnt."""
    count = len(training.texts)
    groups = (training.negative,) if harmless_only else (training.positive, training.negative)
    weight = np.concatenate([group / group.sum() * count for group in groups])
    return list(training.texts) * len(groups), np.repeat([1, 0][-len(groups) :], count), weight


def _seed(pipeline: Pipeline, seed: int) -> None:
    """Set every random state that the options leave open: otherwise each run would draw another."""
    found = pipeline.get_params()
    free = [name for name, value in found.items() if name.endswith("random_state") and value is None]
    pipeline.set_params(**dict.fromkeys(free, seed))
