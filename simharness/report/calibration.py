"""A calibration as tables and sentences, from what its calibration.json holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simharness.report.tables import Cell, Table
from simharness.report.wording import BANNER, NOT_APPLICABLE, counted, interval_lines, number, point

TITLE = "Calibration of {scenario}"
_ROLES = {
    "fitted": "parameters were tuned to it",
    "held out": "left out of this fit as asked",
    "check": "neither tuned to nor stated by a parameter",
}
_DIGITS = 4


def banner(found: Mapping[str, Any]) -> tuple[str, ...]:
    """The standing note, and what the numbers rest on."""
    rests = (
        f"Scale {found['scale']:g}, {counted(found['evaluations'], 'parameter vector')} simulated with "
        f"{found['replications']} replications each, seed {found['seed']} (never fitted)."
    )
    return (BANNER, rests)


def tables(found: Mapping[str, Any]) -> list[Table]:
    """Parameters, fitted figures, and checks where there are any."""
    made = [_parameters(found), _figures("Figures fitted", found["figures"], ())]
    if found["checks"]:
        note = (
            "None of these was looked at by the fit. Their interval is for one period, with what the parameters leave "
            "open; one of more days than the period continues it, with the same rates."
        )
        made.append(_figures("Checks", found["checks"], (note,)))
    return made


def notes(found: Mapping[str, Any]) -> list[str]:
    """What the intervals mean, how well the parameters can be told apart, and every doubt."""
    condition, error = found["condition_index"], found["emulator_error"]
    index = NOT_APPLICABLE if condition is None else f"{condition:.3g}"
    wrong = NOT_APPLICABLE if error is None else f"{error:.2g}"
    judged = (
        f"Condition index {index} (above 30: parameters trade off). Log-likelihood by the emulator is off by "
        f"{wrong} (root mean square, points near the best left out one by one; an interval ends at a loss of 1.92)."
    )
    return [found["meaning"], judged, *(f"Warning: {said}" for said in found["warnings"])]


def _parameters(found: Mapping[str, Any]) -> Table:
    rows = tuple(_parameter(row) for row in found["parameters"])
    columns = ("parameter", "estimate", "95 % profile interval", "bounds", "in the file", "evidence")
    return Table("Parameters", columns, rows, ())


def _parameter(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    unit = row["unit"]

    def shown(value: float) -> str:
        return f"{value:.{_DIGITS}g}{unit}"

    low, high = (shown(row[end]) for end in ("low", "high"))
    touched = tuple(f"at the {end} bound" for end in row["touches"])
    return (
        (row["path"],),
        (shown(row["estimate"]),),
        (f"{low} to {high}", *touched),
        (shown(row["bounds"][0]), f"to {shown(row['bounds'][1])}"),  # in two lines, to leave room for the path
        (shown(row["start"]),),
        (row["evidence"],),
    )


def _figures(title: str, rows: list[Mapping[str, Any]], more: tuple[str, ...]) -> Table:
    columns = ("figure", "role", "days", "simulated mean", "95 % interval of one period", "recorded", "agrees")
    roles = dict.fromkeys(row["role"] for row in rows)
    said = tuple(f"{role}: {_ROLES[role]}." for role in roles)
    return Table(title, columns, tuple(_figure(row) for row in rows), (*said, *more))


def _figure(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    unit = row["unit"]
    simulated, one_period = ({**row[key], "unit": unit} for key in ("simulated", "one_period"))
    recorded = number(row["recorded"], unit, 0 if float(row["recorded"]).is_integer() else None)
    return (
        (row["title"],),
        (row["role"],),
        (str(row["days"]),),
        (point(simulated),),
        interval_lines(one_period) or (NOT_APPLICABLE,),
        (recorded if unit == "share" else f"{recorded} {unit}",),
        ({True: "yes", False: "no", None: NOT_APPLICABLE}[row["agrees"]],),
    )
