"""From options to what they ask for, shared by the commands that load scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from simharness.detection.registry import registered
from simharness.errors import UsageError
from simharness.scenario.load import Loaded
from simharness.scenario.tree import did_you_mean
from simharness.suites.loading import RunOptions, load_asked, parse_scale


def load(
    scenario: Path,
    *,
    seed: int | None,
    replications: int | None,
    scale: str | None,
    assignments: Sequence[str],
    detectors: Sequence[str],
) -> Loaded:
    """The scenario with everything the options say about it. Raises UsageError or UsageErrors."""
    return load_asked(scenario, asked_of(seed, replications, scale, assignments, detectors))


def asked_of(
    seed: int | None,
    replications: int | None,
    scale: str | None,
    assignments: Sequence[str],
    detectors: Sequence[str],
    check: bool = True,
) -> RunOptions:
    """Options as they were typed. Raises UsageError for a scale there is not."""
    size = None if scale is None else parse_scale(scale)
    return RunOptions(seed, replications, size, tuple(assignments), tuple(detectors), check)


class Chosen(NamedTuple):
    """A scenario and the name of one of its detectors. ``added``: by its spec; otherwise it is the scenario's own."""

    loaded: Loaded
    name: str
    added: bool


def load_with(scenario: Path, assignments: Sequence[str], detector: str) -> Chosen:
    """A scenario, and its own detector of that name or else one added by its spec. Raises UsageError or UsageErrors."""

    def loaded(*detectors: str) -> Loaded:
        return load(scenario, seed=None, replications=None, scale=None, assignments=assignments, detectors=detectors)

    own = loaded()
    if detector in own.scenario.detectors:
        return Chosen(own, detector, added=False)
    names = [*own.scenario.detectors, *(name for name in registered() if name not in own.scenario.detectors)]
    if ":" not in detector and detector not in names:
        allowed, hint = f"{', '.join(names)}, package:Object, file.py:Object, ...", did_you_mean(detector, names)
        raise UsageError(f"--detector {detector}", "unknown detector", allowed=allowed, hint=hint)
    more = loaded(detector)
    name = next(name for name in more.scenario.detectors if name not in own.scenario.detectors)
    return Chosen(more, name, added=True)
