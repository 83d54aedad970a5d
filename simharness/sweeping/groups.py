"""What points share: the world that is read once, the detectors that read it, and the arms that are lived through once.

Everything is told apart by its content, never by its name. A key holds all of a scenario but what its stage is known
not to look at, so that a part of a scenario nobody thought of is in it: at worst something is made again needlessly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simharness.provenance import text_digest
from simharness.scenario.detector import DetectorSpec
from simharness.scenario.load import deciding
from simharness.scenario.model import Scenario
from simharness.scenario.policy import Arm
from simharness.sweeping.points import Point

# Parts of a scenario that neither its worlds nor detectors' scores come from. ``detectors`` have keys of their own.
_NOT_READ = (
    *("name", "title", "description", "replications", "recorded", "matched_budget"),
    *("arms", "comparator", "response", "detectors", "harm_weights", "precision", "prices"),
)
LIVES = 32  # arms lived through in one unit of work, at most: reading its world costs about as much as half of one


@dataclass(frozen=True, slots=True)
class Life:
    """One arm under one response: lived through once a replication, whichever points it belongs to."""

    level: str | None  # under which its alert levels are set in the group's scenario; None: it has no detector
    arm: Arm  # with its detector under the group's name
    point: int  # one of the points it belongs to, whose response block it is lived through under


@dataclass(frozen=True, slots=True)
class Group:
    """Points that one reading of a world serves.

    ``scenario``: its detectors are all that any point uses, its arms one for each alert signal that any point raises.
    """

    key: str
    scenario: Scenario
    points: tuple[Point, ...]
    lives: Mapping[str, Life]  # by key
    arms: Mapping[int, Mapping[str, str]]  # point -> arm -> key of its life


@dataclass(frozen=True, slots=True)
class Unit:
    """What one worker does at a time: some of a group's points in one cell (a replication, or one nation of it)."""

    number: int
    group: int
    cell: int
    points: tuple[int, ...]


def reading_key(scenario: Scenario) -> str:
    """Digest of all that a reading of the scenario's worlds depends on, apart from the detectors themselves."""
    whole: dict[str, Any] = {name: part for name, part in deciding(scenario).items() if name not in _NOT_READ}
    whole["world"] = {name: part for name, part in whole["world"].items() if name != "recording"}
    substitution = scenario.response.reactions.substitution
    whole["links"] = substitution.links if substitution else 0  # conversations that may take another's place are read
    # Alert levels are then set beside grooming conversations of the past, which a detector of streams may notice.
    whole["values_time"] = any(arm.values_time for arm in scenario.arms.values())
    return _digest(whole)


def detector_key(scenario: Scenario, name: str) -> str:
    """Digest of all that a scenario says about one detector."""
    return _digest(scenario.detectors[name].model_dump(mode="json"))


def signal_key(scenario: Scenario, arm: Arm) -> str:
    """Digest of all that an arm's alerts depend on before anybody acts, and of what its queues are given with them."""
    assert arm.detector is not None
    said = arm.model_dump(mode="json", include={"alert_level", "trigger", "encrypted"})
    urgent = {name: queue.service_level and queue.service_level.urgent_above for name, queue in arm.queues.items()}
    queues = {name: level and level.model_dump(mode="json") for name, level in urgent.items()}
    valued = arm.values_time
    return _digest([detector_key(scenario, arm.detector), said, queues, valued])


def life_key(scenario: Scenario, arm: Arm) -> str:
    """Digest of all that becomes of an arm in a world that has been read."""
    signal = signal_key(scenario, arm) if arm.detector is not None else None
    response, recording = scenario.response, scenario.world.recording
    parts = [each.model_dump(mode="json") for each in (arm, response, recording)]
    return _digest([signal, *parts])


def rest_key(scenario: Scenario) -> str:
    """Digest of all that a scenario says beside its arms."""
    return _digest({name: part for name, part in deciding(scenario).items() if name != "arms"})


def groups_of(points: Sequence[Point]) -> list[Group]:
    """The groups, in the order of their first points."""
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(reading_key(point.scenario), []).append(point)
    return [_group(key, members) for key, members in found.items()]


def units_of(groups: Sequence[Group], most: int = LIVES) -> list[Unit]:
    """Every unit of work, cell by cell, in an order that does not depend on the number of processes."""
    units: list[Unit] = []
    for place, group in enumerate(groups):
        cells = group.scenario.replications * group.scenario.nations
        for cell in range(cells):
            for points in _slices(group, most):
                units.append(Unit(len(units), place, cell, points))
    return units


def lives_in(group: Group, points: Sequence[int]) -> dict[str, Life]:
    """The lives that these points need, by key."""
    return {key: group.lives[key] for point in points for key in group.arms[point].values()}


def _slices(group: Group, most: int) -> list[tuple[int, ...]]:
    """The group's points in runs that need at most ``most`` lives each, or one point where that alone needs more."""
    slices: list[list[int]] = [[]]
    for point in group.points:
        longer = [*slices[-1], point.number]
        if len(slices[-1]) and len(lives_in(group, longer)) > most:
            slices.append([point.number])
        else:
            slices[-1] = longer
    return [tuple(points) for points in slices]


def _group(key: str, points: Sequence[Point]) -> Group:
    detectors: dict[str, str] = {}  # key -> name in the group
    levels: dict[str, str] = {}
    specs, signals, lives = dict[str, DetectorSpec](), dict[str, Arm](), dict[str, Life]()
    arms: dict[int, dict[str, str]] = {point.number: {} for point in points}
    for point in points:
        scenario = point.scenario
        for name, arm in scenario.arms.items():
            renamed, level = arm, None
            if arm.detector is not None:
                detector = _named(detectors, detector_key(scenario, arm.detector), arm.detector)
                specs[detector] = scenario.detectors[arm.detector]
                renamed = arm.model_copy(update={"detector": detector})
                level = _named(levels, signal_key(scenario, arm), name)
                signals.setdefault(level, renamed)
            life = life_key(scenario, arm)
            lives.setdefault(life, Life(level, renamed, point.number))
            arms[point.number][name] = life
    wide = points[0].scenario.model_copy(update={"detectors": specs, "arms": signals})
    return Group(key, wide, tuple(points), lives, arms)


def _named(names: dict[str, str], key: str, name: str) -> str:
    """A name for what a key stands for: its own if that is free, else with a number behind it."""
    if key not in names:
        taken, number, free = set(names.values()), 2, name
        while free in taken:
            free, number = f"{name}~{number}", number + 1
        names[key] = free
    return names[key]


def _digest(value: Any) -> str:
    return text_digest(json.dumps(value, sort_keys=True))
