"""What a relation says, and where two results that should be the same first differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from simharness.selftest.context import Context

Result = Literal["holds", "broken", "not applicable", "failed"]
Tables = Mapping[tuple[str, str], pa.Table]  # by kind and arm, as ``outcomes.tables.cell_tables`` gives them


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a relation first fails. ``subject``: the arm or detector, "" for the world itself."""

    subject: str
    what: str  # a table and its column, or a number
    row: str  # of a table: which; "" for a number
    got: str
    expected: str


@dataclass(frozen=True, slots=True)
class Held:
    """The relation holds. ``seen``: on how much."""

    compared: str
    seen: str


@dataclass(frozen=True, slots=True)
class Broken:
    compared: str
    at: Difference


@dataclass(frozen=True, slots=True)
class NotApplicable:
    why: str


Outcome = Held | Broken | NotApplicable
Relation = Callable[[Context], Outcome]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one relation. ``title``: what must hold; ``seen``: on how much, why not, or what failed."""

    relation: str
    title: str
    result: Result
    compared: str
    seen: str
    at: Difference | None = None


def outcome_of(compared: str, seen: str, at: Difference | None) -> Outcome:
    """Held where there is no difference."""
    return Held(compared, seen) if at is None else Broken(compared, at)


def differing_tables(got: Tables, expected: Tables) -> Difference | None:
    """The first difference between the tables of two cells, in the order of the second."""
    for kind, arm in expected:
        if (kind, arm) not in got:
            return Difference(arm, kind, "", "no such table", "one")
        found = differing(arm, kind, got[kind, arm], expected[kind, arm])
        if found is not None:
            return found
    more = [key for key in got if key not in expected]
    return Difference(more[0][1], more[0][0], "", "a table", "none") if more else None


def differing(subject: str, kind: str, got: pa.Table, expected: pa.Table) -> Difference | None:
    """The first value, column by column, in which two tables of one kind differ. Named by its first column's value."""
    if got.equals(expected):
        return None
    if got.num_rows != expected.num_rows:
        return Difference(subject, f"{kind}: rows", "", str(got.num_rows), str(expected.num_rows))
    names = expected.column(0).to_pylist()
    for column in expected.column_names:
        pairs = zip(got[column].to_pylist(), expected[column].to_pylist(), strict=True)
        for row, (one, other) in enumerate(pairs):
            if not same(one, other):
                where = f"{expected.column_names[0]} {names[row]}"
                return Difference(subject, f"{kind}.{column}", where, shown(one), shown(other))
    return None  # only the numbers that stand for names differ


def same(one: Any, other: Any) -> bool:
    """Equal, or both not a number."""
    return bool(one == other or (one != one and other != other))


def shown(value: Any) -> str:
    """A value of a table in words."""
    return "none" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
