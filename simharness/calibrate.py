"""Fit assumed parameters to recorded figures: the contact rate to the total, recording rates to single force areas.

Recorded offences are proportional to the contact rate times the recording rate (but for the little that arrests
change), so each parameter is scaled by recorded over simulated until nothing moves, on replications of their own seed
stream: the seed of a run is never fitted. Only the product of contacts, reporting and recording is identified; what
is not fitted stays assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simharness.errors import UsageError
from simharness.metrics.recorded import recorded_numbers
from simharness.outcomes.cell import run_comparator
from simharness.parallel import run_cells
from simharness.scenario.load import Loaded
from simharness.scenario.model import RecordedFigure, Scenario
from simharness.scenario.yaml_text import set_values
from simharness.streams import derive_seed
from simharness.world.model import build_model

ROUNDS = (
    0.25,
    0.25,
    0.25,
    1.0,
    1.0,
)  # share of the replications in each round: the last decide, the first need not be exact
CONTACT_RATE = "world.offenders.contact_rate.value"


@dataclass(frozen=True, slots=True)
class Fit:
    """One fitted parameter: where it is in the scenario, its value, and how close the simulation comes."""

    path: str
    value: float
    title: str
    recorded: float
    simulated: float
    standard_error: float


def calibrate(
    loaded: Loaded, *, replications: int = 120, jobs: int = 1, notify: Callable[[int, int], None] | None = None
) -> list[Fit]:
    """Fit the parameters behind every recorded figure with the role ``fitted``.

    Raises UsageError where there is none, where a figure is not a number of offences of one area or all, or where a
    recording rate above one would be needed.
    """
    scenario = loaded.scenario
    places = [place for place, figure in enumerate(scenario.recorded) if figure.role == "fitted"]
    paths = {place: _path(scenario.recorded[place]) for place in places}
    totals = [place for place, path in paths.items() if path == CONTACT_RATE]
    if len(totals) != 1:
        raise UsageError("recorded", f"{len(totals)} fitted figures without areas", allowed="exactly one: the total")
    if scenario.arms[scenario.comparator].detector is not None:
        raise UsageError(
            "comparator", "recorded figures are fitted to police alone", allowed="an arm without a detector"
        )
    for number, share in enumerate(ROUNDS):
        count = max(2, round(share * replications))
        simulated = _simulate(scenario, loaded.folder, count, jobs)[:, places]
        if notify:
            notify(number + 1, len(ROUNDS))
        means, errors = simulated.mean(axis=0), simulated.std(axis=0, ddof=1) / np.sqrt(count)
        fits = [
            Fit(paths[p], _value(scenario, paths[p]), scenario.recorded[p].title, scenario.recorded[p].value, m, e)
            for p, m, e in zip(places, means.tolist(), errors.tolist(), strict=True)
        ]
        if number + 1 < len(ROUNDS):
            scenario = _scaled(scenario, fits)
    _require_reached(fits)
    return fits


def write_back(path: Path, fits: list[Fit]) -> None:
    """Put fitted values into the scenario's own file, leaving its comments and layout as they are."""
    set_values(path, {fit.path: written(fit) for fit in fits})


def _path(figure: RecordedFigure) -> str:
    if figure.measure != "offences" or (figure.areas is not None and len(figure.areas) != 1):
        raise UsageError(
            f"recorded: {figure.title}", "this figure cannot be fitted", allowed="offences of one area, or of all"
        )
    return CONTACT_RATE if figure.areas is None else f"world.recording.forces.{figure.areas[0]}.value"


def _value(scenario: Scenario, path: str) -> float:
    if path == CONTACT_RATE:
        return scenario.world.offenders.contact_rate.value
    return scenario.world.recording.forces[path.split(".")[3]].value


def written(fit: Fit) -> str | float:
    """A fitted value as it stands in a scenario file, with its unit."""
    return f"{fit.value * 86400:.5g}/day" if fit.path == CONTACT_RATE else round(fit.value, 4)


def _scaled(scenario: Scenario, fits: list[Fit]) -> Scenario:
    """Scale the contact rate by what the rest of the country needs, and each area's recording rate by what is left."""
    areas = [fit for fit in fits if fit.path != CONTACT_RATE]
    total = next(fit for fit in fits if fit.path == CONTACT_RATE)
    rest = total.recorded - sum(fit.recorded for fit in areas)
    factor = rest / (total.simulated - sum(fit.simulated for fit in areas))
    world = scenario.world
    forces = dict(world.recording.forces)
    for fit in areas:
        name = fit.path.split(".")[3]
        # Where nothing was recorded at all, nothing says how far off the rate is: begin from the highest.
        rate = fit.value * fit.recorded / fit.simulated / factor if fit.simulated else 1.0
        forces[name] = forces[name].model_copy(update={"value": min(1.0, rate)})
    contact = world.offenders.contact_rate
    contact = contact.model_copy(update={"value": contact.value * factor})
    offenders = world.offenders.model_copy(update={"contact_rate": contact})
    recording = world.recording.model_copy(update={"forces": forces})
    return scenario.model_copy(
        update={"world": world.model_copy(update={"offenders": offenders, "recording": recording})}
    )


def _require_reached(fits: list[Fit]) -> None:
    for fit in fits:
        if fit.value >= 1.0 and fit.simulated < fit.recorded - 2 * fit.standard_error:
            raise UsageError(
                fit.path,
                f"{fit.title}: even a recording rate of 1 gives {fit.simulated:.1f}, recorded are {fit.recorded:g}",
                hint="Lower world.recording.rate, so that more contacts stand behind each recorded offence.",
            )


def _simulate(scenario: Scenario, folder: Path, count: int, jobs: int) -> NDArray[np.float64]:
    """Simulated values of all recorded figures, shape (replications, figures); nan where undefined."""
    found: dict[int, list[float | None]] = {}
    run_cells(partial(_replicate, scenario, folder), range(count), jobs, found.__setitem__)
    return np.array([found[cell] for cell in range(count)], np.float64)


def _replicate(scenario: Scenario, folder: Path, replication: int) -> list[float | None]:
    model = build_model(scenario, folder)
    cell = run_comparator(model, derive_seed(scenario.seed, "calibrate", replication))
    return recorded_numbers(model, cell)
