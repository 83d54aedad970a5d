"""From a declared design to its points: one value of every parameter a point. Seeded, and equal wherever it is made."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.errors import UsageError
from simharness.sweeping.spec import Grid, LatinHypercube, OneAtATime, Sobol, SweepSpec, Swept
from simharness.sweeping.values import Scalar, between, common_unit, written

LISTED = ("grid", "one_at_a_time")  # designs of listed values; the others draw theirs
MOST_POINTS = 20_000  # each a whole scenario: some 75 kB and 2 ms, before anything runs
Values = dict[str, Scalar | None]  # parameter -> value; None: as the scenario states it


def design_values(spec: SweepSpec) -> list[Values]:
    """The points of a sweep, in a fixed order: a grid's last parameter moves fastest, one_at_a_time begins with the
    scenario as it is.

    Raises UsageError where SALib is needed and not installed.
    """
    match spec.design:
        case Grid():
            columns = {name: listed(swept) for name, swept in spec.parameters.items()}
            return [dict(zip(columns, row, strict=True)) for row in product(*columns.values())]
        case OneAtATime():
            nothing: Values = dict.fromkeys(spec.parameters)
            moved = [nothing | {name: value} for name, swept in spec.parameters.items() for value in listed(swept)]
            return [nothing, *moved]
        case design:
            return [_placed(spec.parameters, row) for row in shares(design, len(spec.parameters))]


def require_few(spec: SweepSpec, where: str) -> None:
    """Raise UsageError, before any is made, for more points than there may be."""
    sizes, count = [len(listed(each)) for each in spec.parameters.values() if spec.design.kind in LISTED], 0
    match spec.design:
        case Grid():
            count = prod(sizes)
        case OneAtATime():
            count = 1 + sum(sizes)
        case LatinHypercube():
            count = spec.design.points
        case Sobol():
            each = len(spec.parameters) * (2 if spec.design.second_order else 1) + 2
            count = spec.design.base * each
    if count > MOST_POINTS:
        hint = "Take fewer values or points, or a latin_hypercube design."
        raise UsageError(where, f"{count:,} points", allowed=f"at most {MOST_POINTS:,}", hint=hint)


def listed(swept: Swept) -> list[Scalar]:
    """A parameter's values: as listed, or ``steps`` (else both ends) of its range, evenly spaced on its scale."""
    if swept.values is not None:
        return list(swept.values)
    steps = swept.steps or 2
    found = [_value(swept, place / (steps - 1)) for place in range(steps)]
    return list(dict.fromkeys(found))  # whole numbers may repeat


def shares(design: LatinHypercube | Sobol, parameters: int) -> NDArray[np.float64]:
    """Points in the unit cube, shape (points, parameters).

    McKay, Beckman & Conover 1979 (Technometrics 21, 239-245); Saltelli 2002 (Comput. Phys. Commun. 145, 280-297). SALib
    draws from a generator of its own for a seed of at least 1, so nothing else's randomness matters or is touched.
    """
    problem: dict[str, Any] = unit_problem([f"x{place}" for place in range(parameters)])
    if isinstance(design, LatinHypercube):
        return np.asarray(salib("sample.latin").sample(problem, design.points, seed=design.seed), np.float64)
    saltelli = salib("sample.sobol").sample
    found = saltelli(problem, design.base, calc_second_order=design.second_order, seed=design.seed)
    return np.asarray(found, np.float64)


def unit_problem(names: list[str]) -> dict[str, Any]:
    """SALib's description of parameters that each go from 0 to 1."""
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def salib(module: str) -> Any:
    """A module of SALib. Raises UsageError where it is not installed."""
    from importlib import import_module

    try:
        return import_module(f"SALib.{module}")
    except ImportError as error:
        raise UsageError(
            "design.kind",
            "this design needs the package SALib, which is not installed",
            hint="Install it with: pip install 'simharness[sensitivity]'; grid and one_at_a_time do without.",
        ) from error


def _placed(parameters: Mapping[str, Swept], row: NDArray[np.float64]) -> Values:
    return {name: _value(swept, share) for (name, swept), share in zip(parameters.items(), row.tolist(), strict=True)}


def _value(swept: Swept, share: float) -> Scalar:
    assert swept.low is not None and swept.high is not None
    low, high, unit = common_unit(swept.low, swept.high)
    return written(between(low, high, share, swept.scale), unit, swept.integer)
