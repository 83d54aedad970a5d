"""What a calibration says: ``calibration.json`` and the profile table (docs/calibration.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import stdtrit

from simharness.calibrate.emulator import Point, fit_emulator
from simharness.calibrate.figures import Choice, link_of
from simharness.calibrate.identified import Identified, identified, warnings
from simharness.calibrate.likelihood import log_likelihood, moments
from simharness.calibrate.parameters import Parameter
from simharness.calibrate.profile import LEVEL, Box, profile_at
from simharness.calibrate.search import STEP, Found, Target, whitened
from simharness.calibrate.trace import Evaluation
from simharness.metrics.estimates import within
from simharness.metrics.intervals import Interval, mean_interval
from simharness.metrics.summary import agrees, unit_of
from simharness.outcomes.tables import SYNTHETIC
from simharness.records import SCHEMA_VERSION
from simharness.scenario.model import Scenario

Array = NDArray[np.float64]

GRID = 21  # values of a parameter in the profile table, besides the ends of its interval
METHOD = (
    "maximum synthetic likelihood (Wood 2010) on replications with common random numbers; 95 % profile intervals "
    "(Venzon & Moolgavkar 1988) by a local emulator, their ends simulated"
)
MEANING = (
    "An interval is what the fitted figures leave open if the model and every other number in it are right, the "
    "assumed ones too. Only products are identified, such as contacts times reporting times recording: another assumed "
    "factor would move the estimate, not the fit."
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """All that was found. ``at_fit`` and ``at_checks``: figures at the estimate, (replications, figures), in the period
    of the fit and in the longest one a check speaks of; ``trace``: the evaluations of the fit.
    """

    scenario: Scenario
    parameters: tuple[Parameter, ...]
    choice: Choice
    found: Found
    target: Target
    trace: Sequence[Evaluation]
    at_fit: Array
    at_checks: Array
    evaluations: int


def contents(fitted: Fitted, made: Mapping[str, Any]) -> dict[str, Any]:
    """What ``calibration.json`` holds; ``made``: what made it."""
    found, names = fitted.found, [parameter.path for parameter in fitted.parameters]
    known = _identified(fitted)
    parameters = [_parameter(fitted, place) for place in range(len(names))]
    figures = [_figure(fitted, known, place) for place in fitted.choice.fitted]
    said = [*_doubts(fitted, parameters, figures), *warnings(known, names)]
    near = found.errors[np.isfinite(found.errors)]
    level = log_likelihood(fitted.target.recorded, found.emulator.moments(found.best))
    return {
        "schema_version": SCHEMA_VERSION,
        "synthetic": True,
        **made,
        "method": METHOD,
        "meaning": MEANING,
        "level": LEVEL,
        "parameters": parameters,
        "figures": figures,
        "checks": [_figure(fitted, known, place) for place in fitted.choice.checks],
        "log_likelihood": level,
        "condition_index": known.condition,
        "correlations": [[float(f"{value:.6g}") for value in row] for row in known.correlation.tolist()],
        "emulator_error": float(np.sqrt(np.mean(near**2))) if near.size else None,
        "evaluations": fitted.evaluations,
        "simulated_replications": fitted.evaluations * len(fitted.at_fit),
        "converged": found.converged,
        "verified": found.verified,
        "warnings": said,
    }


def profile_table(fitted: Fitted) -> pa.Table:
    """Profile log-likelihood by parameter: emulated on a grid around each interval, and at its ends."""
    rows: dict[str, list[Any]] = {"parameter": [], "value": [], "log_likelihood": []}
    rows |= {parameter.path: [] for parameter in fitted.parameters}
    found = fitted.found
    low, high = _bounds(fitted.parameters)
    box = Box(low, high, np.full(len(low), STEP))

    def level(at: Array) -> float:
        return found.emulator.log_likelihood(at, fitted.target.recorded)

    for place, parameter in enumerate(fitted.parameters):
        ends = found.ends[place]
        beyond = 0.25 * (ends.high - ends.low)
        grid = np.linspace(max(low[place], ends.low - beyond), min(high[place], ends.high + beyond), GRID)
        for position in np.unique(np.r_[grid, ends.low, found.best[place], ends.high]):
            top, at = profile_at(level, found.best, box, place, float(position))
            rows["parameter"].append(parameter.path)
            rows["value"].append(parameter.value(float(position)))
            rows["log_likelihood"].append(top)
            for other, value in zip(fitted.parameters, at, strict=True):
                rows[other.path].append(other.value(float(value)))
    return pa.table(rows).replace_schema_metadata(SYNTHETIC)


def _bounds(parameters: Sequence[Parameter]) -> tuple[Array, Array]:
    low, high = (np.array([one.position(getattr(one, end)) for one in parameters]) for end in ("low", "high"))
    return low, high


def _identified(fitted: Fitted) -> Identified:
    low, high = _bounds(fitted.parameters)
    return identified(whitened(fitted.found.emulator, fitted.found.best), high - low)


def _parameter(fitted: Fitted, place: int) -> dict[str, Any]:
    parameter, found = fitted.parameters[place], fitted.found
    ends = found.ends[place]
    touched = [name for name, hit in (("low", ends.touches_low), ("high", ends.touches_high)) if hit]
    return {
        "path": parameter.path,
        "unit": parameter.unit,
        "estimate": parameter.value(float(found.best[place])),
        "low": parameter.value(ends.low),
        "high": parameter.value(ends.high),
        "start": parameter.start,
        "bounds": [parameter.low, parameter.high],
        "search": "log" if parameter.log else "linear",
        "touches": touched,
        "simulated_losses": found.losses[place].tolist(),
        "emulated_losses": found.emulated[place].tolist(),
        "loss_errors": found.loss_errors[place].tolist(),
        "evidence": "fitted",
    }


def _figure(fitted: Fitted, known: Identified, place: int) -> dict[str, Any]:
    figure, role = fitted.scenario.recorded[place], fitted.choice.role(place)
    values = (fitted.at_fit if role == "fitted" else fitted.at_checks)[:, place]
    one_period = _one_period(fitted, known, place, values, role != "fitted")
    simulated, one_period = (within(each, unit_of(figure)) for each in (mean_interval(values), one_period))
    return {
        "title": figure.title,
        "role": role,
        "unit": unit_of(figure),
        "days": figure.days or fitted.scenario.period.days,
        "recorded": figure.value,
        "simulated": asdict(simulated),
        "one_period": asdict(one_period),
        "agrees": agrees(figure, simulated, one_period),
        "tolerance": figure.tolerance,
        "evidence": figure.evidence,
        "source": figure.source,
    }


def _one_period(fitted: Fitted, known: Identified, place: int, values: Array, uncertain: bool) -> Interval:
    """Student-t interval of one further period; for a check, with what the parameters leave open (delta method)."""
    figure, scale = fitted.scenario.recorded[place], fitted.scenario.one_nation().scale
    method = "student-t prediction" + (" with parameters" if uncertain else "")
    defined = values[np.isfinite(values)]
    count = len(defined)
    if count < 2:
        return Interval(float(defined[0]) if count else None, None, None, count, method)
    scale = 1.0 if figure.measure == "youngest_victim" else scale  # an extreme is no sum over the population
    mean, variance = float(defined.mean()), float(defined.var(ddof=1)) * scale * (1.0 + 1.0 / (scale * count))
    if uncertain:
        variance += _from_parameters(fitted, known, place, mean)
    half = float(stdtrit(count - 1, (1.0 + LEVEL) / 2.0)) * variance**0.5
    return Interval(mean, mean - half, mean + half, count, method)


def _from_parameters(fitted: Fitted, known: Identified, place: int, mean: float) -> float:
    """Variance of a figure's mean because the parameters are estimates.

    A count over more days than were fitted is taken to change by the same share as over these.
    """
    figure = fitted.scenario.recorded[place]
    columns = [one.figures[:, [place]] for one in fitted.trace]
    if figure.measure == "youngest_victim" or not all(np.isfinite(column).all() for column in columns):
        return 0.0
    positions = [
        np.array([parameter.position(value) for parameter, value in zip(fitted.parameters, one.values, strict=True)])
        for one in fitted.trace
    ]
    scale, floor = fitted.scenario.one_nation().scale, np.array([1e-3])
    none = np.empty(0)
    points = [Point(at, moments(column, floor, scale), none) for at, column in zip(positions, columns, strict=True)]
    link = link_of(figure)
    emulator = fit_emulator(points, fitted.found.best, (link,), fitted.target.offset)
    change = emulator.gradient(fitted.found.best)[0]
    if link == "log":
        change = change * mean / float(emulator.moments(fitted.found.best).mean[0])
    return float(change @ known.covariance @ change)


def _doubts(fitted: Fitted, parameters: list[dict[str, Any]], figures: list[dict[str, Any]]) -> list[str]:
    """Why the result may not be what it seems, one sentence each."""
    said = []
    if not fitted.found.converged:
        said.append("The search did not settle: the estimate may be off. Begin from other values or narrower bounds.")
    if not fitted.found.verified:
        said.append("An end of an interval was not confirmed by simulation: see simulated_losses and emulated_losses.")
    for one in parameters:
        if len(one["touches"]) == 2:
            said.append(f"{one['path']} could be anything between its bounds.")
        elif one["touches"]:
            said.append(f"{one['path']}: its interval ends at the {one['touches'][0]} bound, not by the figures.")
    for one in figures:
        if one["agrees"] is False:
            said.append(f"{one['title']}: fitted, and still not reached.")
    for place in fitted.choice.held_out:
        title = fitted.scenario.recorded[place].title
        said.append(f"{title} is held out of this fit only: the file's values may have been fitted to it before.")
    return said
