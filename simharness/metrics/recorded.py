"""Simulated against recorded: the figures police recording would have produced under the comparator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simharness.outcomes.cell import Cell
from simharness.scenario.model import DAY_S, RecordedFigure
from simharness.streams import uniform
from simharness.world.model import WorldModel

Number = float | None


def recorded_numbers(model: WorldModel, cell: Cell) -> list[Number]:
    """The simulated value of each of the scenario's recorded figures in one replication, in their order.

    None where it is undefined; so is a figure of more days than the period has.
    """
    scenario = model.scenario
    recorded_s = cell.arms[scenario.comparator].recorded
    method = uniform(cell.seed, "recording.method_known", cell.contacts.conversation)
    known = method < scenario.world.recording.method_known.value
    found: list[Number] = []
    for figure in scenario.recorded:
        days = figure.days or scenario.period.days
        recorded = np.isfinite(recorded_s) & (recorded_s < days * DAY_S)
        defined = days <= scenario.period.days
        found.append(_value(model, cell, figure, recorded, recorded & known) if defined else None)
    return found


def _value(
    model: WorldModel,
    cell: Cell,
    figure: RecordedFigure,
    recorded: NDArray[np.bool_],
    known: NDArray[np.bool_],
) -> Number:
    contacts = cell.contacts
    match figure.measure:
        case "offences":
            # At another scale than one, as if the whole population had been simulated: what the figure speaks of.
            return float((recorded & _in_areas(model, cell, figure)).sum() / model.scenario.scale)
        case "platform_share":
            numbers = [model.platforms.index(name) for name in figure.platforms or ()]
            return _share(np.isin(contacts.platform, numbers), known)
        case "group_share":
            within = (contacts.age >= (figure.youngest or 0)) & (contacts.age <= (figure.oldest or 17))
            if figure.sex is not None:
                within &= contacts.girl == (figure.sex == "girl")
            return _share(within, recorded)
        case "youngest_victim":
            return int(contacts.age[recorded].min()) if recorded.any() else None


def _in_areas(model: WorldModel, cell: Cell, figure: RecordedFigure) -> NDArray[np.bool_]:
    areas = model.children.forces if figure.areas is None else figure.areas
    return np.isin(cell.contacts.force, [model.children.forces.index(name) for name in areas])


def _share(within: NDArray[np.bool_], of: NDArray[np.bool_]) -> Number:
    return float((within & of).sum() / of.sum()) if of.any() else None
