"""Numbers with units as they stand in scenarios: "24h", "0.1/day", 3. Between two of one unit lies another of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

Scalar = bool | int | float | str
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-z/][A-Za-z/ ]*)\s*")


def quantity(value: Scalar) -> tuple[float, str]:
    """A value as its number and its unit ("" for a plain number). Raises ValueError for what has no single number."""
    if isinstance(value, bool):
        raise ValueError(f"expected a number, with its unit if it has one, got {str(value).lower()}")
    if isinstance(value, int | float):
        return float(value), ""
    match = _QUANTITY.fullmatch(value)
    if match is None:
        raise ValueError(f"expected one number with its unit, such as 24h or 0.1/day, got {value!r}")
    return float(match[1]), match[2].strip()


def plain(value: Scalar) -> object:
    """What two ways to write one value have in common: number and unit, or else the value as it stands."""
    try:
        return quantity(value)
    except ValueError:
        return value if isinstance(value, str) else repr(value)


def written(number: float, unit: str, integer: bool = False) -> Scalar:
    """A number with its unit as a scenario has it; ``integer``: rounded to a whole one, halves to the even one."""
    plain: int | float = round(number) if integer else float(number)
    return f"{plain!r}{unit}" if unit else plain


def common_unit(low: Scalar, high: Scalar) -> tuple[float, float, str]:
    """Both numbers and the unit they share. Raises ValueError where they have two."""
    (first, unit), (second, other) = quantity(low), quantity(high)
    if unit != other:
        raise ValueError(f"at high: expected the unit of low ({low}), got {high}: write both in one unit")
    return first, second, unit


def times(stated: Scalar, factor: float, integer: bool = False) -> Scalar:
    """What a scenario states, times a factor, in its own unit. Raises ValueError where it states no number."""
    number, unit = quantity(stated)
    return written(number * factor, unit, integer)


def between(low: float, high: float, share: float, scale: str) -> float:
    """The number at ``share`` (0 to 1) of the way from low to high; ``log``: of the way between their logarithms.

    The two ends are met exactly.
    """
    if share in (0.0, 1.0):
        return high if share else low
    if scale == "log":
        return float(np.exp(np.log(low) + share * (np.log(high) - np.log(low))))
    return float(low + share * (high - low))


def as_column(values: Sequence[Scalar | None]) -> tuple[list[float | str | None], str]:
    """Values as a column and its unit: numbers where all that are stated have one unit, else texts (unit "")."""
    stated = [value for value in values if value is not None]
    try:
        found = [quantity(value) for value in stated]
    except ValueError:
        found = []
    units = {unit for _, unit in found}
    if len(units) != 1:
        return [None if value is None else str(value) for value in values], ""
    return [None if value is None else quantity(value)[0] for value in values], units.pop()
