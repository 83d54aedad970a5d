"""What a detector did in one replication: at the level it is measured at, against the bound at the same rate of false
alerts, and against the others at the same number of alerts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simharness.detection.levels import contacts_per_1000_child_months
from simharness.outcomes.readings import Reading
from simharness.world.grammar import CompiledGrammar
from simharness.world.model import WorldModel

Number = float | None


def detector_numbers(model: WorldModel, readings: Mapping[str, Reading], name: str) -> dict[str, Number]:
    """Every metric of one detector in one replication, at the level it is measured at; None where undefined."""
    reading = readings[name]
    level = reading.levels.measured
    detected = int(reading.alerted[level])
    false = float(reading.false[level]) / model.scenario.sampling.benign_fraction
    numbers: dict[str, Number] = {
        "detected": detected,
        "grooming": reading.grooming,
        "in_time": int(reading.in_time[level]),
        "offences": reading.offences,
        "alerted": detected + false,
        "delay": float(reading.delay[level] / reading.grooming) if reading.grooming else None,
        "delay_over_bound": delay_over_bound(model, reading, bound_of(readings)),
        "false_alert_rate": false_alert_rate(model, reading),
    }
    return numbers | budget_numbers(model, readings, name)


def budget_numbers(model: WorldModel, readings: Mapping[str, Reading], name: str) -> dict[str, Number]:
    """Metrics at the scenario's matched budget of alerts, and against its baseline; empty if it states none."""
    matched = model.scenario.matched_budget
    if matched is None:
        return {}
    own, baseline = (
        recall_at_budget(model, readings[detector], matched.alerts_per_1000_child_months)
        if detector in readings  # the baseline may have failed
        else None
        for detector in (name, matched.baseline)
    )
    over = None if own is None or baseline is None else own - baseline
    return {"recall_before_offence_at_budget": own, "recall_before_offence_over_baseline": over}


def recall_at_budget(model: WorldModel, reading: Reading, budget: float) -> Number:
    """Share of offences alerted on before they happen, at ``budget`` alerts per 1,000 child-months, right and false.

    Both counts are interpolated between the levels of the ladder, as if a share of the time had gone by either level.
    Undefined without an offence, or where no level of the ladder raised so few alerts, or so many.
    """
    ladder = reading.levels.ladder
    right = reading.alerted[ladder] / (model.child_months / 1000.0)
    alerts = right + false_alert_rates(model, reading)
    if not reading.offences or not alerts[0] <= budget <= alerts[-1]:
        return None
    return float(np.interp(budget, alerts, reading.in_time[ladder]) / reading.offences)


def stage_shares(reading: Reading, grammar: CompiledGrammar) -> dict[str, Number]:
    """Share of alerts on grooming conversations raised in each stage; empty where there was no alert."""
    total = int(reading.at_stage.sum())
    if not total:
        return {}
    return {grammar.stage_names[stage]: int(reading.at_stage[stage]) / total for stage in grammar.grooming_stages}


def bound_of(readings: Mapping[str, Reading]) -> Reading | None:
    """The reading of the bound: the one detector that is told the grammar; None if the scenario has none."""
    return next((reading for reading in readings.values() if reading.scorer.privileged), None)


def false_alert_rate(model: WorldModel, reading: Reading) -> float:
    """False alerts per 1,000 child-months at the level it is measured at."""
    share = reading.false[reading.levels.measured] / max(1, reading.benign)
    return float(share * contacts_per_1000_child_months(model))


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
    rate = false_alert_rate(model, reading)
    rates = false_alert_rates(model, bound)
    seen = rates > 0
    if rate <= 0 or not seen.any() or not rates[seen].min() <= rate <= rates[seen].max():
        return None
    if reading is bound:  # of several levels with one rate, the interpolation may pick another than its own
        return 0.0
    order = np.argsort(rates[seen], kind="stable")
    delays = bound.delay[bound.levels.ladder][seen][order] / bound.grooming
    matched = np.interp(np.log(rate), np.log(rates[seen][order]), delays)
    return float(reading.delay[reading.levels.measured] / reading.grooming - matched)
