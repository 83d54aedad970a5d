"""Finding a detector: a registered name (entry point of ``simharness.detectors``), package:Object, file.py:Object, or a
way in spelt out (process:COMMAND, scores:FILE, sklearn:Estimator, a URL).
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from cloudpickle import register_pickle_by_value

from simharness.detection.protocol import ConversationDetector, Detector, MessageDetector, StreamDetector
from simharness.detection.ways.isolated import Isolated, isolate
from simharness.errors import UsageError
from simharness.scenario.tree import did_you_mean

GROUP = "simharness.detectors"
_SPELT = {"process": "command", "scores": "file", "sklearn": "estimator"}  # way in -> the option after the colon
_WAYS = ("process:COMMAND", "scores:FILE", "sklearn:ESTIMATOR")
_ELSEWHERE = ("process", "http", "scores")
_OURS = ("detectors.", "simharness.")


def registered() -> dict[str, EntryPoint]:
    """Every registered detector by name, the project's own and those of installed packages."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def card(name: str) -> str:
    """The first line of a registered detector's docstring."""
    return (inspect.getdoc(registered()[name].load()) or "").partition("\n")[0]


def build(
    spec: str,
    options: Mapping[str, Any],
    where: str = "--detector",
    folder: Path | None = None,
    *,
    isolated: bool = False,
) -> Detector:
    """Make a detector from its spec and options. ``folder``: where relative paths begin (default: here).

    One that does not come with simharness is made in a process of its own (``ways.isolated``); with ``isolated`` each
    is, but for those that live elsewhere anyway. Raises UsageError,
    naming the object, where it cannot be found, imported or made, or is no detector.
    """
    spec, options = spelled_out(spec, options)
    if not _ours(spec) or (isolated and spec not in _ELSEWHERE):
        return cast(Detector, _isolated(spec, options, where, folder or Path()))
    detector = make(spec, options, where, folder)
    if hasattr(detector, "folder"):
        detector.folder = folder or Path()
    if hasattr(detector, "open"):
        detector.open()  # what is wrong with its files is found before anything runs
    return detector


def _isolated(spec: str, options: Mapping[str, Any], where: str, folder: Path) -> Isolated:
    detector = isolate(spec, options, where, folder)
    if detector.privileged and not _ours(spec):
        detector.close()
        problem = f"{spec} declares privileged = True, but only the bound may be told the grammar"
        raise UsageError(where, problem, hint="Remove the attribute: a detector learns from fit(training) alone.")
    return detector


def make(spec: str, options: Mapping[str, Any], where: str, folder: Path | None = None) -> Detector:
    """Make a detector in this process. Raises UsageError as :func:`build` does."""
    factory = _factory(spec, where, folder or Path())
    try:
        detector = factory(**options)
    except UsageError as error:  # it says itself what is wrong, a missing package for example, and what to do
        raise UsageError(where, f"{spec}: {error.problem}", allowed=error.allowed, hint=error.hint) from error
    except Exception as error:
        raise UsageError(
            where,
            f"{spec} cannot be made with options {dict(options)!r}: {type(error).__name__}: {error}",
            hint="Correct the detector's options.",
        ) from error
    if not isinstance(detector, MessageDetector | ConversationDetector | StreamDetector):
        raise UsageError(
            where,
            f"{spec} makes a {type(detector).__name__}, which is no detector",
            allowed="an object with score(texts), risk(batch) or watch(events)",
            hint="See docs/detectors.md.",
        )
    return detector


def source_of(detector: object) -> str:
    """What decides a detector's scores as far as it is known: what it says itself (``source``), or its source file."""
    own = getattr(detector, "source", None)
    if own is not None:
        return str(own)
    file = inspect.getsourcefile(type(detector))
    return Path(file).read_text("utf-8") if file else type(detector).__qualname__


def spelled_out(spec: str, options: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The registered name and options that ``process:COMMAND``, ``scores:FILE`` and so on mean; others as they are."""
    if spec.startswith(("http://", "https://")):
        return "http", {"url": spec, **options}
    way, colon, rest = spec.partition(":")
    if colon and way in _SPELT:
        return way, {_SPELT[way]: rest, **options}
    return spec, options


def _ours(spec: str) -> bool:
    """Whether a spec names what comes with simharness. An unknown name counts as such: it is refused at once."""
    point = registered().get(spec)
    if point is not None:
        return point.value.startswith(_OURS)
    return ":" not in spec or spec.startswith(_OURS)


def _factory(spec: str, where: str, folder: Path) -> Callable[..., Any]:
    names = registered()
    if spec in names:
        return _imported(spec, where, names[spec].load)
    module, colon, attribute = spec.rpartition(":")
    if not colon or not attribute.isidentifier():
        allowed = ", ".join([*names, "package:Object", "file.py:Object", *_WAYS, "or a URL"])
        raise UsageError(where, f"unknown detector {spec!r}", allowed=allowed, hint=did_you_mean(spec, names))
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
