"""What ``summary.json`` holds and reports show: the estimates of a run, what it rests on and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from simharness.metrics.cost_effectiveness import cost_effectiveness
from simharness.metrics.curves import curve_only
from simharness.metrics.estimates import RECORDED, Values, by_subject, estimates, within
from simharness.metrics.harm_summary import harm_summary
from simharness.metrics.intervals import Interval, mean_interval, prediction_interval
from simharness.metrics.precision import precision_reached, replications_needed
from simharness.metrics.rows import Row
from simharness.records import SCHEMA_VERSION
from simharness.scenario.model import RecordedFigure, Scenario


def summary(
    scenario: Scenario, rows: list[Row], status: str, faults: Mapping[int, Sequence[Mapping[str, Any]]] | None = None
) -> dict[str, Any]:
    """What ``summary.json`` holds: a versioned, documented schema (docs/run_folder.md).

    ``faults``: those of each cell's detectors, as they stand in ``status.jsonl``. An arm that no replication has a
    result of is not described.
    """
    alive = {row.arm for row in rows}
    failed = {fault["detector"] for cell in (faults or {}).values() for fault in cell if fault["effect"] == "failed"}
    described = {
        name: {"title": arm.title, "law": arm.law, "detector": arm.detector, "mode": arm.mode}
        for name, arm in scenario.arms.items()
        if name in alive or arm.detector not in failed
    }
    weight = 1.0 / scenario.sampling.benign_fraction
    return {
        "schema_version": SCHEMA_VERSION,
        "synthetic": True,
        "status": status,
        "scenario": {
            "name": scenario.name,
            "title": scenario.title,
            "description": scenario.description,
            "seed": scenario.seed,
            "scale": scenario.scale,
            "start": scenario.period.start.isoformat(),
            "end": scenario.period.end.isoformat(),
        },
        "replications": len({row.replication for row in rows}),
        "replications_asked": replications_needed(scenario, rows),
        "precision": precision_reached(scenario, rows),
        "comparator": scenario.comparator,
        "arms": described,
        "matched_budget": scenario.matched_budget and scenario.matched_budget.model_dump(),
        "weighting": (
            f"Every grooming conversation is simulated. Harmless ones are sampled (fraction "
            f"{scenario.sampling.benign_fraction:g}); each stands for {weight:g}, and queues see all of them."
        ),
        "censoring": "Contacts begin within the period; what happens after its end is not counted.",
        "estimates": estimates(row for row in rows if not curve_only(row)),
        **harm_summary(scenario, rows),
        "cost_effectiveness": cost_effectiveness(scenario, rows),
        "recorded": recorded_rows(scenario, rows),
        "faults": faults_by_detector(scenario, faults or {}),
        "assumed": assumed(scenario),
    }


def faults_by_detector(scenario: Scenario, cells: Mapping[int, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Faults added up over cells: one entry for each detector, kind and effect, with the arms that act on it."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for cell in sorted(cells):
        for fault in cells[cell]:
            key = fault["detector"], fault["kind"], fault["effect"]
            arms = [name for name, arm in scenario.arms.items() if arm.detector == fault["detector"]]
            entry = found.setdefault(key, {**fault, "times": 0, "unscored": 0, "replications": [], "arms": arms})
            entry["times"] += fault["times"]
            entry["unscored"] += fault["unscored"]
            if (replication := cell // scenario.nations) not in entry["replications"]:
                entry["replications"].append(replication)
    return list(found.values())


def recorded_rows(scenario: Scenario, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The table of simulated against recorded figures. ``agrees``: None if undefined.

    ``one_period`` is the interval for a single further period, which is what a recorded figure is.
    """
    series = by_subject(rows)
    found = next((metrics for (subject, _), metrics in series.items() if subject == "recorded"), {})
    return [_recorded(figure, found.get(f"{RECORDED}[{place}]", {})) for place, figure in enumerate(scenario.recorded)]


def unit_of(figure: RecordedFigure) -> str:
    """The unit of a recorded figure: offences, share or years."""
    return {"offences": "offences", "youngest_victim": "years"}.get(figure.measure, "share")


def _recorded(figure: RecordedFigure, values: Values) -> dict[str, Any]:
    ordered = [values[replication] for replication in sorted(values)]
    unit = unit_of(figure)
    simulated, one_period = (within(found, unit) for found in (mean_interval(ordered), prediction_interval(ordered)))
    return {
        "title": figure.title,
        "role": figure.role,
        "recorded": figure.value,
        "simulated": asdict(simulated),
        "one_period": asdict(one_period),
        "agrees": agrees(figure, simulated, one_period),
        "tolerance": figure.tolerance,
        "days": figure.days,
        "unit": unit,
        "evidence": figure.evidence,
        "source": figure.source,
    }


def agrees(figure: RecordedFigure, simulated: Interval, one_period: Interval) -> bool | None:
    """Whether a figure is met: its mean within the tolerance, or else the figure inside the interval of one period.

    A recorded figure is one period that happened, so it is held against the interval for one further period."""
    if simulated.estimate is None or one_period.low is None or one_period.high is None:
        return None
    if figure.tolerance is not None:
        return abs(simulated.estimate - figure.value) <= figure.tolerance
    return one_period.low <= figure.value <= one_period.high


def assumed(scenario: Scenario) -> list[dict[str, str]]:
    """Every block of the scenario whose evidence is ``assumed`` or ``fitted``: where it is, and why."""
    found: list[dict[str, str]] = []

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            if value.get("evidence") in ("assumed", "fitted"):
                found.append({"path": path, "evidence": value["evidence"], "source": value["source"]})
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else str(key))
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                walk(inner, f"{path}.{place}")

    walk(scenario.model_dump(mode="json"), "")
    return found
