"""The same quantities in other units.

The arithmetic here is its own: units and forms are written down once more, so that a wrong factor in the reading of
scenario files (``units.py``) cannot cancel out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from simharness.outcomes.cell import Prepared
from simharness.outcomes.tables import cell_tables
from simharness.scenario.load import resolved
from simharness.scenario.model import Scenario
from simharness.scenario.problems import check
from simharness.scenario.tree import Tree
from simharness.selftest.context import Context, live
from simharness.selftest.findings import Difference, NotApplicable, Outcome, differing_tables, outcome_of
from simharness.world.model import build_model

_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PER = _SECONDS | {"hour": 3600.0, "day": 86400.0, "week": 604800.0, "month": 30.4375 * 86400.0, "year": 365.25 * 86400}
_NUMBER = r"([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
_PART = re.compile(rf"{_NUMBER} *(min|w|d|h|s) *")
_RATE = re.compile(rf"{_NUMBER} */ *({'|'.join(sorted(_PER, key=len, reverse=True))})")
_PROSE = ("title", "description", "source", "options")  # keys below which nothing is a quantity
_NEAR = 4  # neighbouring floats that are tried for a number that comes to exactly the same


def time_unit(context: Context) -> Outcome:
    """Two days are 48 hours: every duration and rate written in another unit is the same run, digest for digest."""
    rewritten: list[str] = []
    tree = Tree(_in_other_units(context.loaded.tree.data, rewritten), context.loaded.tree.positions)
    if not rewritten:
        return NotApplicable("no duration or rate of the file is the same number in another unit, to the last bit")
    other = check(Scenario, tree)
    compared = f"{len(rewritten)} durations and rates in another unit, such as {rewritten[0]}"
    found = _value(other, context.loaded.scenario)
    if found is not None:
        return outcome_of(compared, "", found)
    model = build_model(other.one_nation(), context.loaded.folder)
    changed = Prepared(model, context.prepared.scorers, context.prepared.levels)
    for replication in context.worlds:
        got, expected = live(changed, replication), context.cell(replication)
        found = differing_tables(cell_tables(model, got), cell_tables(context.prepared.model, expected))
        if found is not None:
            return outcome_of(compared, "", found)
    return outcome_of(compared, f"all tables of {len(context.worlds)} worlds are equal", None)


def _in_other_units(data: Any, rewritten: list[str]) -> Any:
    """The tree with every quantity in another unit; each is noted in ``rewritten``."""
    if isinstance(data, dict):
        return {key: one if key in _PROSE else _in_other_units(one, rewritten) for key, one in data.items()}
    if isinstance(data, list):
        return [_in_other_units(one, rewritten) for one in data]
    other = in_another_unit(data) if isinstance(data, str) else None
    if other is None:
        return data
    rewritten.append(f"{data} as {other}")
    return other


def in_another_unit(text: str) -> str | None:
    """The same duration or rate in another unit, exact to the last bit; None if it is neither or there is none."""
    rate = _RATE.fullmatch(text)
    if rate is not None:
        per_second = float(rate[1]) / _PER[rate[2]]
        units = [unit for unit in ("week", "day", "h", "min", "s") if _PER[unit] != _PER[rate[2]]]
        found = (_exact(per_second * _PER[unit], per_second, 1.0 / _PER[unit], unit) for unit in units)
        return _shortest(f"{number}/{unit}" for number, unit in filter(None, found))
    parts = list(_parts(text))
    if not parts:
        return None
    seconds = sum(number * _SECONDS[unit] for number, unit in parts)
    units = [unit for unit in ("w", "d", "h", "min", "s") if len(parts) > 1 or unit != parts[0][1]]
    found = (_exact(seconds / _SECONDS[unit], seconds, _SECONDS[unit], unit) for unit in units)
    return _shortest(f"{number} {unit}" for number, unit in filter(None, found))


def _shortest(texts: Iterable[str]) -> str | None:
    return min(texts, key=len, default=None)


def _parts(text: str) -> Iterator[tuple[float, str]]:
    """The numbers and units that a duration consists of; none where it is something else."""
    parts = list(_PART.finditer(text))
    if "".join(part[0] for part in parts) == text:
        yield from ((float(part[1]), part[2]) for part in parts)


def _exact(number: float, wanted: float, size: float, unit: str) -> tuple[str, str] | None:
    """The number near this one that comes to exactly ``wanted`` in a unit, with the unit."""
    low = high = number
    for _ in range(_NEAR):
        for candidate in (low, high):
            back = candidate * size if size >= 1.0 else candidate / _PER[unit]
            if back == wanted:
                return repr(candidate), unit
        low, high = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
    return None


def _value(got: Scenario, expected: Scenario) -> Difference | None:
    """The first value in which two scenarios differ."""
    one, other = (dict(_leaves(resolved(scenario), "")) for scenario in (got, expected))
    for path, value in other.items():
        if one.get(path) != value:
            return Difference("", "scenario", path, str(one.get(path)), str(value))
    return None


def _leaves(data: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _leaves(value, f"{path}.{key}".lstrip("."))
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield from _leaves(value, f"{path}.{place}")
    else:
        yield path, data
