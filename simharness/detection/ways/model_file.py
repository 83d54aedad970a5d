"""Trained scikit-learn pipelines in files of skops, which builds only what is trusted by name: nothing is unpickled."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline
from skops import io

from simharness.errors import UsageError

TRUSTED = ("numpy", "scipy", "sklearn")  # packages whose classes a file may name; their functions are refused


def save_model(pipeline: Pipeline, path: Path) -> None:
    """Write a fitted pipeline, aside first, so that no half file is left."""
    aside = path.with_name(path.name + ".part")
    io.dump(pipeline, aside)
    os.replace(aside, path)


def load_model(path: Path) -> Any:
    """A fitted pipeline from a file. Raises UsageError, by name for anything but classes of ``TRUSTED``."""
    if not path.is_file():
        raise UsageError("model", f"there is no file {path}", hint="Give the path from the scenario's folder.")
    try:
        named = io.get_untrusted_types(file=path)
        refused = [each for each in named if not _is_trusted_class(each)]
        if refused:
            raise UsageError(
                "model",
                f"{path} names {', '.join(refused)}",
                allowed="classes of " + ", ".join(TRUSTED),
                hint="Save a pipeline that is made of these alone.",
            )
        found = io.load(path, trusted=named)
    except UsageError:
        raise
    except Exception as error:  # skops names no errors of its own: a torn file can be any
        raise UsageError("model", f"{path} is no skops file that can be read: {type(error).__name__}") from None
    if not isinstance(found, Pipeline):
        raise UsageError(
            "model", f"{path} holds a {type(found).__name__}", allowed="a fitted Pipeline that takes texts"
        )
    return found


def _is_trusted_class(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    if module.partition(".")[0] not in TRUSTED:
        return False
    try:
        return isinstance(getattr(importlib.import_module(module), attribute, None), type)
    except ImportError:
        return False
