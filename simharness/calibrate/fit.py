"""Open first: parameters fitted to recorded figures by maximum synthetic likelihood, with profile intervals and checks.

A vector of parameters is judged by the figures of replications simulated with it (``likelihood.py``); the search goes
by an emulator and simulates wherever it matters (``search.py``). Figures that are held out, or whose role is check, are
predicted at the estimate and never looked at before. The seed of a run is never fitted: replications have their own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import simharness
from simharness.calibrate.contents import Fitted, contents, profile_table
from simharness.calibrate.emulator import Point
from simharness.calibrate.figures import Choice, choose, link_of
from simharness.calibrate.likelihood import log_likelihood, moments
from simharness.calibrate.parameters import Parameter, behind, stated, with_values
from simharness.calibrate.search import Target, search
from simharness.calibrate.trace import Evaluation, Trace
from simharness.errors import UsageError
from simharness.provenance import combine, git_revision, source_digest, text_digest, versions
from simharness.scenario.load import Loaded, deciding, located
from simharness.scenario.model import RecordedFigure
from simharness.scenario.yaml_text import set_values
from simharness.store import RunFolder

Array = NDArray[np.float64]

CALIBRATION, PROFILE, PREFIX = "calibration.json", "profile.parquet", "calibration-"
FLOOR = {"offences": 0.5, "platform_share": 0.003, "group_share": 0.003}  # what rounding leaves open in a figure
DIGITS = 5  # of a value written into a scenario
Notify = Callable[[int, str], None]  # (evaluations done, why the last was made)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What ``calibration.json`` holds, the profile, and the folder both are in; None where nothing was kept."""

    parameters: tuple[Parameter, ...]
    contents: dict[str, Any]
    profile: pa.Table
    folder: Path | None


def calibrate(
    loaded: Loaded,
    root: Path | None = None,
    *,
    fit: Sequence[str] = (),
    figures: Sequence[str] = (),
    hold_out: Sequence[str] = (),
    replications: int = 40,
    jobs: int = 1,
    notify: Notify | None = None,
) -> Calibration:
    """Fit parameters to a scenario's recorded figures; ``root``: folder of results, None to keep nothing.

    ``fit``: ``PATH=LOW..HIGH[:log]`` each, or those behind the fitted figures; ``figures`` and ``hold_out``: parts of
    titles to fit besides, and to check only. The same call again continues one that was interrupted.

    Raises UsageError or UsageErrors for what cannot be fitted: see ``choose``, ``stated``, ``behind``; fewer figures
    than parameters, too few replications for so many figures, or a comparator that alerts.
    """
    choice = choose(loaded.scenario, figures, hold_out)
    chosen = [loaded.scenario.recorded[place] for place in choice.fitted]
    parameters = tuple(stated(loaded, text) for text in fit) or tuple(behind(loaded, chosen))
    _require_possible(loaded, parameters, chosen, replications)
    made = _provenance(loaded, parameters, choice, replications)
    fitting = partial(_fitted, loaded, parameters, choice, replications, jobs=jobs, notify=notify)
    with threadpool_limits(limits=1):  # a sum split over threads rounds differently
        if root is None:
            found = fitting(None)
            return Calibration(parameters, contents(found, made), profile_table(found), None)
        with RunFolder.open(root, loaded.scenario.name, made["key"], PREFIX) as folder:
            found = fitting(folder)
            said, profile = contents(found, made), profile_table(found)
            folder.write_table(PROFILE, profile)
            folder.write_json(CALIBRATION, said)
    return Calibration(parameters, said, profile, folder.path)


def write_back(path: Path, calibration: Calibration) -> None:
    """Put the estimates into the scenario's own file, leaving its comments and layout as they are."""
    rows = zip(calibration.parameters, calibration.contents["parameters"], strict=True)
    set_values(path, {parameter.path: parameter.written(row["estimate"], DIGITS) for parameter, row in rows})


def _fitted(
    loaded: Loaded,
    parameters: tuple[Parameter, ...],
    choice: Choice,
    replications: int,
    folder: RunFolder | None,
    *,
    jobs: int,
    notify: Notify | None,
) -> Fitted:
    scenario, fitted = loaded.scenario, list(choice.fitted)
    figures = [scenario.recorded[place] for place in fitted]
    scale = scenario.one_nation().scale
    recorded = np.array([figure.value for figure in figures])
    floor = np.array([FLOOR[figure.measure] for figure in figures])
    days = max(figure.days or scenario.period.days for figure in figures)
    days = max(days, scenario.period.days)

    def judged(one: Evaluation) -> float | None:
        return log_likelihood(recorded, moments(one.figures[:, fitted], floor, scale)) if one.days == days else None

    trace = Trace(loaded, parameters, replications, folder=folder, jobs=jobs, describe=judged, notify=notify)

    def evaluate(position: Array, purpose: str) -> Point:
        values = [one.value(float(at)) for one, at in zip(parameters, position, strict=True)]
        simulated = trace.evaluate(values, days, purpose).figures[:, fitted]
        if not np.isfinite(simulated).all():
            where = f"recorded: {figures[int(np.flatnonzero(~np.isfinite(simulated).all(axis=0))[0])].title}"
            hint = "Use a larger --scale, or narrower bounds."
            raise UsageError(where, "undefined in some replications, where nothing was recorded", hint=hint)
        rest = [moments(np.delete(simulated, n, axis=0), floor, scale) for n in range(replications)]
        without = np.array([log_likelihood(recorded, one) for one in rest])
        return Point(position, moments(simulated, floor, scale), without)

    start, low, high = (
        np.array([one.position(getattr(one, end)) for one in parameters]) for end in ("start", "low", "high")
    )
    target = Target(recorded, tuple(map(link_of, figures)), 0.5 / (scale * replications))
    found = search(evaluate, start, low, high, target)
    values = [one.value(float(at)) for one, at in zip(parameters, found.best, strict=True)]
    longest = max([days, *(scenario.recorded[place].days or 0 for place in choice.checks)])
    fit_values = trace.evaluate(values, days, "estimate").figures
    check_values = fit_values if longest == days else trace.evaluate(values, longest, "check").figures
    fit_trace = [one for one in trace.asked if one.days == days]
    return Fitted(scenario, parameters, choice, found, target, fit_trace, fit_values, check_values, len(trace.asked))


def _require_possible(
    loaded: Loaded, parameters: Sequence[Parameter], figures: Sequence[RecordedFigure], replications: int
) -> None:
    scenario = loaded.scenario
    if scenario.arms[scenario.comparator].detector is not None:
        problem = "recorded figures are fitted to police alone"
        raise UsageError("comparator", problem, allowed="an arm without a detector")
    paths = [parameter.path for parameter in parameters]
    if not paths:
        hint = "Name some: --fit PATH=LOW..HIGH"
        raise UsageError("recorded", "no parameter stands behind the fitted figures", hint=hint)
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise UsageError("--fit", f"{twice} is given twice", allowed="each parameter once")
    if len(figures) < len(paths):
        raise UsageError(
            "--fit",
            f"{len(paths)} parameters and {len(figures)} fitted figures: not identified",
            allowed="at least as many figures as parameters",
            hint="Fit fewer parameters, or add figures with --figure TITLE.",
        )
    least = max(10, 2 * len(figures))
    if replications < least:
        problem = f"{replications} replications are too few for the covariance of {len(figures)} figures"
        raise UsageError("--replications", problem, allowed=f"at least {least}")
    with located(loaded):
        for ends in ("low", "high", "start"):
            with_values(loaded, parameters, [getattr(parameter, ends) for parameter in parameters])


def _provenance(loaded: Loaded, parameters: Sequence[Parameter], choice: Choice, replications: int) -> dict[str, Any]:
    scenario, used = loaded.scenario, versions()
    asked = [[one.path, one.low, one.high, one.log, one.start, one.unit] for one in parameters]
    options = [asked, choice.fitted, choice.checks, replications]
    parts = {
        "scenario": text_digest(json.dumps(deciding(scenario), sort_keys=True)),
        "data": text_digest((loaded.folder / scenario.world.population.table).read_text(encoding="utf-8")),
        "simharness": source_digest([Path(simharness.__file__).parent]),
        "options": text_digest(json.dumps(options)),
        "versions": text_digest(json.dumps(used, sort_keys=True)),
    }
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "scale": scenario.scale,
        "replications": replications,
        "hashes": parts,
        "key": combine(parts),
        "versions": used,
        "git_revision": git_revision(Path(simharness.__file__).parent),
    }
