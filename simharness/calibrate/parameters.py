"""What is fitted: numbers of a scenario by dotted path, in the unit of the file, between stated bounds."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simharness.errors import UsageError
from simharness.scenario.load import Loaded
from simharness.scenario.model import RecordedFigure, Scenario
from simharness.scenario.problems import check
from simharness.scenario.tree import KeyPath, Tree, did_you_mean, dotted, positioned, steps_of
from simharness.units import DURATION_UNITS, RATE_UNITS, parse_duration, parse_rate

CONTACT_RATE = "world.offenders.contact_rate.value"
RECORDING_RATE = "world.recording.forces.{}.value"
FOLD = 10.0  # bounds that nobody stated: a tenth to ten times the value in the file
# The seed is luck, not a parameter; the rest says how exactly a run looks, or is what is fitted to.
REFUSED = ("seed", "replications", "scale", "sampling", "training", "matched_budget", "recorded", "detectors")
_FORM = "PATH=LOW..HIGH or PATH=LOW..HIGH:log"
_WORDS = re.compile(r"(?P<path>[^=]+)=(?P<low>.+?)\.\.(?P<high>.+?)(?P<log>:log)?")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One fitted number. ``low``, ``high`` and ``start`` are in ``unit``: "" , "/day", "d", ... as in the file.

    The search goes by position: the logarithm of the value, or where not ``log`` twice its share of the bounds.
    """

    path: str
    low: float
    high: float
    log: bool
    start: float
    unit: str = ""

    def position(self, value: float) -> float:
        return math.log(value) if self.log else 2.0 * (value - self.low) / (self.high - self.low)

    def value(self, position: float) -> float:
        free = math.exp(position) if self.log else self.low + 0.5 * position * (self.high - self.low)
        return min(max(free, self.low), self.high)  # a bound comes back as itself, not as its rounded logarithm

    def written(self, value: float, digits: int | None = None) -> str | float:
        """The value as it stands in a scenario file, exact or with so many digits."""
        number = value if digits is None else float(f"{value:.{digits}g}")
        return f"{number!r}{self.unit}" if self.unit else number


def stated(loaded: Loaded, text: str) -> Parameter:
    """The parameter of one ``--fit PATH=LOW..HIGH[:log]``. Raises UsageError."""
    where = f"--fit {text}"
    words = _WORDS.fullmatch(text)
    if words is None:
        raise UsageError(where, "not readable", allowed=_FORM)
    path = words["path"].strip()
    found, unit = _number_at(loaded, path, where)
    low, high = (_in_unit(words[end], unit, where) for end in ("low", "high"))
    if not low < high:
        raise UsageError(where, f"LOW is {low:g}{unit}, HIGH is {high:g}{unit}", allowed="LOW below HIGH")
    log = words["log"] is not None
    if log and low <= 0.0:
        raise UsageError(where, f"LOW is {low:g}{unit}", allowed="above 0 on a logarithmic scale")
    middle = math.sqrt(low * high) if log else 0.5 * (low + high)
    return Parameter(path, low, high, log, found if low <= found <= high else middle, unit)


def behind(loaded: Loaded, figures: Sequence[RecordedFigure]) -> list[Parameter]:
    """The parameters behind figures of offences: the contact rate of all of them, the recording rate of one area.

    Other figures have none. Raises UsageError for one that the scenario does not state, or states as 0.
    """
    found: dict[str, Parameter] = {}
    for figure in figures:
        if figure.measure != "offences" or (figure.areas is not None and len(figure.areas) != 1):
            continue
        path = CONTACT_RATE if figure.areas is None else RECORDING_RATE.format(figure.areas[0])
        where = f"recorded: {figure.title}"
        start, unit = _number_at(loaded, path, where)
        if start <= 0.0:
            problem = f"the parameter behind it, {path}, is 0"
            raise UsageError(where, problem, hint=f"Say between what: --fit '{path}=LOW..HIGH'")
        high = start * FOLD if figure.areas is None else 1.0
        found[path] = Parameter(path, start / FOLD, high, True, start, unit)
    return list(found.values())


def with_values(loaded: Loaded, parameters: Sequence[Parameter], values: Sequence[float]) -> Scenario:
    """The scenario with these values (in the parameters' units). Raises UsageErrors where one is not allowed."""
    data = copy.deepcopy(loaded.tree.data)
    for parameter, value in zip(parameters, values, strict=True):
        *way, last = steps_of(loaded.tree, parameter.path)
        holder: Any = data
        for step in way:
            holder = holder[step]
        holder[last] = parameter.written(value)
    return check(Scenario, Tree(data, loaded.tree.positions))


def _number_at(loaded: Loaded, path: str, where: str) -> tuple[float, str]:
    """The number at a path in the file's unit, and that unit."""
    steps = steps_of(loaded.tree, path)
    if steps[0] in REFUSED:
        raise UsageError(where, f"{steps[0]} is never fitted", allowed="a number of the world, the response or an arm")
    value = _value_at(loaded.tree.data, steps, where)
    number, unit = _parsed(value)
    if number is None:
        inside = isinstance(value, Mapping) and "value" in value
        hint = f"Did you mean '{path}.value'?" if inside else None
        raise UsageError(where, f"{positioned(loaded.tree, steps)} is not a number", hint=hint)
    return number, unit


def _value_at(data: Any, steps: KeyPath, where: str) -> Any:
    for n, step in enumerate(steps):
        names = list(data) if isinstance(data, Mapping) else list(range(len(data))) if isinstance(data, list) else []
        if step not in names:
            hint = did_you_mean(step, names) if names else f"'{dotted(steps[:n])}' has nothing inside."
            allowed = ", ".join(map(str, names)) or None
            raise UsageError(where, f"unknown path '{dotted(steps[: n + 1])}'", allowed=allowed, hint=hint)
        data = data[step]
    return data


def _parsed(value: Any) -> tuple[float | None, str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value), ""
    for parse, units, slash in ((parse_rate, RATE_UNITS, "/"), (parse_duration, DURATION_UNITS, "")):
        try:
            seconds = parse(value)
        except ValueError:
            continue
        unit = re.findall(r"[a-z]+", re.sub(r"[0-9][eE]", "", str(value)))[0]  # the first: the largest of a duration
        return (seconds * units[unit] if slash else seconds / units[unit]), slash + unit
    return None, ""


def _in_unit(text: str, unit: str, where: str) -> float:
    """A bound as a number in ``unit``, whatever unit it was given in."""
    try:
        if unit.startswith("/"):
            return parse_rate(text.strip()) * RATE_UNITS[unit[1:]]
        if unit:
            return parse_duration(text.strip()) / DURATION_UNITS[unit]
    except ValueError as error:
        raise UsageError(where, str(error)) from None
    try:
        return float(text)
    except ValueError:
        raise UsageError(where, f"{text!r} is not a number", allowed=_FORM) from None
