"""scikit-learn estimators by their dotted names, as a scenario writes them: found, checked and made."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from importlib.metadata import packages_distributions
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.utils import all_estimators, get_tags

from simharness.errors import UsageError
from simharness.scenario.tree import did_you_mean

VECTORISER = "sklearn.feature_extraction.text.TfidfVectorizer"


def pipeline_of(steps: object) -> Pipeline:
    """The pipeline of a list of steps, each a name or ``{name: parameters}``. Raises UsageError."""
    if not isinstance(steps, list) or not steps:
        raise UsageError(
            "pipeline", f"got {steps!r}", allowed="a list of estimators, each NAME or {NAME: {parameters}}"
        )
    made = [_step(step, f"pipeline.{place}") for place, step in enumerate(steps)]
    if not _takes_texts(made[0]):
        first = type(made[0]).__name__
        raise UsageError(
            "pipeline.0",
            f"{first} does not take texts, and texts are all a message detector is given",
            allowed="a vectoriser of texts in the first place",
            hint=f"Put one before it: pipeline: [{VECTORISER}, ...].",
        )
    return make_pipeline(*made)


def make(name: object, parameters: object, where: str) -> Any:
    """An estimator from its dotted name and its parameters. Raises UsageError naming what is allowed.

    A list becomes a tuple where the parameter's default is one; ``{NAME: {parameters}}`` as a value is an estimator.
    """
    kind = _class(name, where)
    allowed = sorted(kind._get_param_names())
    given = {} if parameters is None else parameters
    if not isinstance(given, Mapping):
        raise UsageError(where, f"got {given!r} for the parameters of {name}", allowed="a mapping of names to values")
    for unknown in [each for each in given if each not in allowed]:
        raise UsageError(
            where,
            f"{kind.__name__} has no parameter {unknown!r}",
            allowed=", ".join(allowed) or "none",
            hint=did_you_mean(unknown, allowed),
        )
    values = {each: _value(value, f"{where}.{each}") for each, value in given.items()}
    defaults = {each: parameter.default for each, parameter in inspect.signature(kind.__init__).parameters.items()}
    for each, value in values.items():
        if isinstance(value, list) and isinstance(defaults.get(each), tuple):
            values[each] = tuple(value)
    try:
        estimator = kind(**values)
        if hasattr(estimator, "_parameter_constraints"):
            estimator._validate_params()  # what fit() asks first, asked before anything runs
    except (TypeError, ValueError) as error:
        raise UsageError(where, f"{kind.__name__} refuses its parameters: {error}") from None
    return estimator


def _step(step: object, where: str) -> Any:
    if isinstance(step, Mapping) and len(step) == 1:
        ((name, parameters),) = step.items()
        return make(name, parameters, where)
    return make(step, None, where)


def _value(value: object, where: str) -> Any:
    if isinstance(value, Mapping) and len(value) == 1 and "." in str(next(iter(value))):
        return _step(value, where)
    if isinstance(value, list):
        return [_value(each, where) for each in value]
    return value


def _class(name: object, where: str) -> Any:
    module_name, _, class_name = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    if not module_name or not all(part.isidentifier() for part in str(name).split(".")):
        raise UsageError(
            where, f"got {name!r}", allowed=f"the dotted name of an estimator, such as {VECTORISER}", hint=_near(name)
        )
    if module_name.partition(".")[0] not in packages_distributions():
        raise UsageError(
            where,
            f"{name}: no installed package has a module {module_name.partition('.')[0]!r}",
            hint=_near(name) or "Install the package into the environment simharness runs in.",
        )
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise UsageError(where, f"{name} cannot be imported: {error}", hint=_near(name)) from None
    if not inspect.isclass(found) or not issubclass(found, BaseEstimator):
        raise UsageError(where, f"{name} is no scikit-learn estimator", allowed="a class derived from BaseEstimator")
    return found


def _near(name: object) -> str | None:
    public = {_public(kind) for _, kind in all_estimators()}
    exact = [each for each in public if each.rpartition(".")[2] == str(name).rpartition(".")[2]]
    return f"Did you mean '{exact[0]}'?" if exact else did_you_mean(name, public)


def _public(kind: type) -> str:
    parts = kind.__module__.split(".")
    return ".".join([*(part for part in parts if not part.startswith("_")), kind.__name__])


def _takes_texts(step: Any) -> bool:
    if isinstance(step, FeatureUnion):
        transformers: Sequence[Any] = step.transformer_list
        return all(_takes_texts(transformer) for _, transformer in transformers)
    return bool(get_tags(step).input_tags.string)
