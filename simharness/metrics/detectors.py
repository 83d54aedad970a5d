"""What a detector did in one replication, at the alert level of one false alert per 1,000 child-months, and the
bound.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simharness.detection.levels import REFERENCE, contacts_per_1000_child_months
from simharness.outcomes.readings import Reading
from simharness.world.model import WorldModel

Number = float | None


def detector_numbers(model: WorldModel, readings: Mapping[str, Reading], name: str) -> dict[str, Number]:
    """Every metric of one detector in one replication at the reference level; None where undefined."""
    reading = readings[name]
    level = reading.levels.ladder[REFERENCE]
    detected = int(reading.alerted[level])
    rate = false_alert_rates(model, reading)[REFERENCE]
    false = float(reading.false[level]) / model.scenario.sampling.benign_fraction
    messages = np.concatenate([np.empty(0, np.int32), *reading.messages])
    return {
        "detected": detected,
        "grooming": reading.grooming,
        "in_time": int(reading.in_time[level]),
        "offences": reading.offences,
        "precision": detected / (detected + false) if detected + false > 0 else None,
        "messages_to_alert": float(np.median(messages)) if messages.size else None,
        "delay": float(reading.delay[level] / reading.grooming) if reading.grooming else None,
        "delay_over_bound": delay_over_bound(model, reading, bound_of(readings)),
        "false_alert_rate": float(rate),
    }


def stage_shares(reading: Reading, stage_names: tuple[str, ...]) -> dict[str, Number]:
    """Share of alerts raised in each stage of grooming; empty where there was no alert.

    A stage without an alert has a share of 0: left out, its mean over replications would be of the others only.
    ``stage_names`` may go on with the stages of harmless conversations.
    """
    total = int(reading.at_stage.sum())
    return {name: int(count) / total for name, count in zip(stage_names, reading.at_stage, strict=False) if total}


def bound_of(readings: Mapping[str, Reading]) -> Reading | None:
    """The reading of the bound: the one detector that is told the grammar; None if the scenario has none."""
    return next((r for r in readings.values() if getattr(r.scorer.detector, "privileged", False)), None)


def false_alert_rates(model: WorldModel, reading: Reading) -> NDArray[np.float64]:
    """False alerts per 1,000 child-months seen at each rate of the ladder, shape (rates,)."""
    share = reading.false[reading.levels.ladder] / max(1, reading.benign)
    return np.asarray(share * contacts_per_1000_child_months(model))


def delay_over_bound(model: WorldModel, reading: Reading, bound: Reading | None) -> Number:
    """Mean messages before the alert, less the bound's at the false-alert rate this detector really had.

    The bound's delay is interpolated in the logarithm of its own observed rates. Undefined where the detector raised no
    false alert (its rate cannot be matched) or the rate lies outside what the bound was measured at.
    """
    if bound is None or not reading.grooming:
        return None
    rate = false_alert_rates(model, reading)[REFERENCE]
    rates = false_alert_rates(model, bound)
    seen = rates > 0
    if rate <= 0 or not seen.any() or not rates[seen].min() <= rate <= rates[seen].max():
        return None
    if reading is bound:  # of several levels with one rate, the interpolation may pick another than its own
        return 0.0
    order = np.argsort(rates[seen], kind="stable")
    delays = bound.delay[bound.levels.ladder][seen][order] / bound.grooming
    matched = np.interp(np.log(rate), np.log(rates[seen][order]), delays)
    return float(reading.delay[reading.levels.ladder[REFERENCE]] / reading.grooming - matched)
