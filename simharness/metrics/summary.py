"""From tidy rows of all replications to estimates with intervals: what ``summary.json`` holds and reports show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from simharness.metrics.catalogue import HOURS, METRICS, Metric
from simharness.metrics.intervals import (
    Interval,
    clopper_pearson,
    mean_interval,
    median_interval,
    prediction_interval,
    ratio_interval,
)
from simharness.metrics.rows import Row
from simharness.records import SCHEMA_VERSION
from simharness.scenario.model import RecordedFigure, Scenario

Values = dict[int, float | None]  # replication -> value
RECORDED = "recorded"  # the metric name under which rows of recorded figures are kept; stratum: place in the scenario


def per_replication(rows: Iterable[Row], nations: int) -> list[Row]:
    """Rows of cells as rows of replications: counts of nations side by side add up, everything else is averaged.

    A replication of which not every nation has finished is left out; so is, of one arm or detector, a replication in
    which it is missing from any nation, because a detector failed there.
    """
    groups: dict[Row, list[float | None]] = defaultdict(list)
    finished: dict[tuple[int, str, str], set[int]] = defaultdict(set)
    for row in rows:
        finished[row.replication // nations, row.arm, row.detector].add(row.replication)
        groups[replace(row, replication=row.replication // nations, value=None)].append(row.value)
    combined = []
    for row, values in groups.items():
        if len(finished[row.replication, row.arm, row.detector]) == nations:
            defined = [value for value in values if value is not None]
            adds = row.metric != RECORDED and METRICS["arm" if row.arm else "detector", row.metric].adds
            total = sum(defined) / (1 if adds else len(defined)) if defined else None
            combined.append(replace(row, value=total))
    return combined


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
        "replications_asked": scenario.replications,
        "comparator": scenario.comparator,
        "arms": described,
        "matched_budget": scenario.matched_budget and scenario.matched_budget.model_dump(),
        "weighting": (
            f"Every grooming conversation is simulated. Harmless ones are sampled (fraction "
            f"{scenario.sampling.benign_fraction:g}); each stands for {weight:g}, and queues see all of them."
        ),
        "censoring": "Contacts begin within the period; what happens after its end is not counted.",
        "estimates": estimates(rows),
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


def estimates(rows: Iterable[Row]) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """``{"arms": {arm: {metric: estimate}}, "detectors": {...}}``; strata other than the whole as
    ``metric[stratum]``.
    """
    series = by_subject(rows)
    out: dict[str, dict[str, dict[str, dict[str, Any]]]] = {"arms": {}, "detectors": {}}
    for (subject, name), metrics in series.items():
        if subject in ("arm", "detector"):
            shown = out[f"{subject}s"].setdefault(name, {})
            for key, values in metrics.items():
                metric = METRICS[subject, key.partition("[")[0]]
                shown[key] = estimate(metric, values, metrics)
            _add_ratios(subject, metrics, shown)
    return out


def by_subject(rows: Iterable[Row]) -> dict[tuple[str, str], dict[str, Values]]:
    """``(subject, name) -> metric[stratum] -> replication -> value``."""
    series: dict[tuple[str, str], dict[str, Values]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        subject = "recorded" if row.metric == RECORDED else "arm" if row.arm else "detector"
        key = f"{row.metric}[{row.stratum}]" if row.stratum else row.metric
        series[subject, row.arm or row.detector][key][row.replication] = row.value
    return series


def estimate(metric: Metric, values: Values, others: Mapping[str, Values]) -> dict[str, Any]:
    """One metric's estimate over replications, as plain JSON values."""
    ordered = [values[replication] for replication in sorted(values)]
    interval = median_interval(ordered) if metric.estimator == "median" else mean_interval(ordered)
    if not metric.signed:
        interval = _within(interval, metric.unit)
    return {**asdict(interval), "unit": metric.unit}


def _within(interval: Interval, unit: str) -> Interval:
    """Student-t knows no bounds: a count or a rate is never below 0, and a share never above 1."""
    if interval.low is None or interval.high is None:
        return interval
    high = min(1.0, interval.high) if unit == "share" else interval.high
    return replace(interval, low=max(0.0, interval.low), high=high)


def _add_ratios(subject: str, metrics: Mapping[str, Values], shown: dict[str, dict[str, Any]]) -> None:
    """Ratios of the whole, and of every stratum that both counts have."""
    for metric in METRICS.values():
        if metric.subject != subject or metric.estimator != "ratio":
            continue
        assert metric.numerator and metric.denominator
        for key in [key for key in metrics if key.partition("[")[0] == metric.numerator]:
            stratum = key.removeprefix(metric.numerator)
            over, under = metrics[key], metrics.get(metric.denominator + stratum)
            if under is None:
                continue
            replications = sorted(over)
            interval = _ratio(metric, [over[r] for r in replications], [under[r] for r in replications])
            shown[metric.name + stratum] = {**asdict(interval), "unit": metric.unit}


def _ratio(metric: Metric, over: list[float | None], under: list[float | None]) -> Interval:
    """Bootstrap over replications; where nothing was ever counted, that says nothing, and Clopper-Pearson does."""
    total = sum(value or 0.0 for value in under)
    assert metric.denominator is not None
    below = METRICS[metric.subject, metric.denominator]
    counted = not below.weighted and below.unit != HOURS  # neither a weighted count nor a time is a number of trials
    if metric.unit == "share" and counted and total > 0 and not any(over):
        return clopper_pearson(0, round(total))
    return ratio_interval(over, under)


def recorded_rows(scenario: Scenario, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The table of simulated against recorded figures. ``agrees``: None if undefined.

    ``one_period`` is the interval for a single further period, which is what a recorded figure is.
    """
    series = by_subject(rows)
    found = next((metrics for (subject, _), metrics in series.items() if subject == "recorded"), {})
    return [_recorded(figure, found.get(f"{RECORDED}[{place}]", {})) for place, figure in enumerate(scenario.recorded)]


def _recorded(figure: RecordedFigure, values: Values) -> dict[str, Any]:
    ordered = [values[replication] for replication in sorted(values)]
    unit = {"platform_share": "share", "group_share": "share", "youngest_victim": "years"}.get(
        figure.measure, "offences"
    )
    simulated, one_period = (_within(found, unit) for found in (mean_interval(ordered), prediction_interval(ordered)))
    return {
        "title": figure.title,
        "role": figure.role,
        "recorded": figure.value,
        "simulated": asdict(simulated),
        "one_period": asdict(one_period),
        "agrees": _agrees(figure, simulated, one_period),
        "tolerance": figure.tolerance,
        "unit": unit,
        "evidence": figure.evidence,
        "source": figure.source,
    }


def _agrees(figure: RecordedFigure, simulated: Interval, one_period: Interval) -> bool | None:
    """A recorded figure is one period that happened, so it is held against the interval for one further period."""
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
