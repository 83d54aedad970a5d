"""Finding a detector: a registered name (entry point of ``simharness.detectors``), package:Object or file.py:Object."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from cloudpickle import register_pickle_by_value

from simharness.detection.protocol import ConversationDetector, Detector, MessageDetector
from simharness.errors import UsageError
from simharness.scenario.tree import did_you_mean

GROUP = "simharness.detectors"


def registered() -> dict[str, EntryPoint]:
    """Every registered detector by name, the project's own and those of installed packages."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def card(name: str) -> str:
    """The first line of a registered detector's docstring."""
    return (inspect.getdoc(registered()[name].load()) or "").partition("\n")[0]


def build(spec: str, options: Mapping[str, Any], where: str = "--detector", folder: Path | None = None) -> Detector:
    """Make a detector from its spec and options. ``folder``: where a relative ``file.py`` begins (default: here).

    Raises UsageError, naming the object, where it cannot be found, imported or made, or is no detector.
    """
    factory = _factory(spec, where, folder or Path())
    try:
        detector = factory(**options)
    except Exception as error:
        raise UsageError(
            where,
            f"{spec} cannot be made with options {dict(options)!r}: {type(error).__name__}: {error}",
            hint="Correct the detector's options.",
        ) from error
    if not isinstance(detector, MessageDetector | ConversationDetector):
        raise UsageError(
            where,
            f"{spec} makes a {type(detector).__name__}, which is no detector",
            allowed="an object with score(texts) or risk(batch)",
            hint="See 'Write your own detector' in README.md.",
        )
    return detector


def _factory(spec: str, where: str, folder: Path) -> Callable[..., Any]:
    names = registered()
    if spec in names:
        return _imported(spec, where, names[spec].load)
    module, colon, attribute = spec.rpartition(":")
    if not colon or not attribute.isidentifier():
        suggestion = did_you_mean(spec, names)
        raise UsageError(
            where,
            f"unknown detector {spec!r}",
            allowed=", ".join([*names, "package:Object", "or file.py:Object"]),
            hint=suggestion,
        )
    return _imported(spec, where, lambda: getattr(_module(module, where, folder), attribute))


def _imported(spec: str, where: str, load: Callable[[], Any]) -> Callable[..., Any]:
    try:
        factory = load()
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            where,
            f"{spec} cannot be imported: {type(error).__name__}: {error}",
            hint="Run python -c 'import ...' on it, or correct the name.",
        ) from error
    if not callable(factory):
        raise UsageError(
            where,
            f"{spec} is a {type(factory).__name__}, not a class or function that makes a detector",
            hint="Name the detector's class, or a function that returns one.",
        )
    return factory  # type: ignore[no-any-return]


def _module(name: str, where: str, folder: Path) -> Any:
    if not name.endswith(".py"):
        return importlib.import_module(name)
    path = (folder / name) if (folder / name).exists() else Path(name)
    location = importlib.util.spec_from_file_location(f"simharness_user_{path.stem}", path)
    if location is None or location.loader is None or not path.exists():
        raise UsageError(
            where, f"the detector's file {name} does not exist", hint="Give the path from the scenario's folder."
        )
    module = importlib.util.module_from_spec(location)
    sys.modules[module.__name__] = module  # dataclasses look their module up by name while the file still runs
    location.loader.exec_module(module)
    register_pickle_by_value(module)  # worker processes have no such module to import
    return module
