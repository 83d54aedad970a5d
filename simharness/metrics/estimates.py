"""From tidy rows of all replications to estimates with intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from simharness.metrics.catalogue import METRICS
from simharness.metrics.intervals import (
    LEVEL,
    Interval,
    clopper_pearson,
    mean_interval,
    median_interval,
    ratio_interval,
    widened,
)
from simharness.metrics.metric import HOURS, UP_TO_1, Metric
from simharness.metrics.rows import Row

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


def estimate_of(subject: str, key: str, metrics: Mapping[str, Values], level: float = LEVEL) -> dict[str, Any] | None:
    """One metric by its key, ``metric`` or ``metric[stratum]``, counted or a ratio; None where it was not measured."""
    metric = METRICS[subject, key.partition("[")[0]]
    if metric.estimator != "ratio":
        return estimate(metric, metrics[key], metrics, level) if key in metrics else None
    assert metric.numerator and metric.denominator
    stratum = key.removeprefix(metric.name)
    over, under = metrics.get(metric.numerator + stratum), metrics.get(metric.denominator + stratum)
    if over is None or under is None:
        return None
    replications = sorted(over)
    interval = _ratio(metric, [over[r] for r in replications], [under[r] for r in replications], level)
    return {**asdict(interval), "unit": metric.unit}


def estimate(metric: Metric, values: Values, others: Mapping[str, Values], level: float = LEVEL) -> dict[str, Any]:
    """One metric's estimate over replications, as plain JSON values."""
    ordered = [values[replication] for replication in sorted(values)]
    interval = median_interval(ordered, level) if metric.estimator == "median" else mean_interval(ordered, level)
    if not metric.signed:
        interval = within(interval, metric.unit)
    return {**asdict(interval), "unit": metric.unit}


def within(interval: Interval, unit: str) -> Interval:
    """Student-t knows no bounds: a count or a rate is never below 0, and a share, a cost or an area never above 1."""
    if interval.low is None or interval.high is None:
        return interval
    high = min(1.0, interval.high) if unit == "share" or UP_TO_1 in unit else interval.high
    return replace(interval, low=max(0.0, interval.low), high=high)


def _add_ratios(subject: str, metrics: Mapping[str, Values], shown: dict[str, dict[str, Any]]) -> None:
    """Ratios of the whole, and of every stratum that both counts have."""
    for metric in METRICS.values():
        if metric.subject != subject or metric.estimator != "ratio":
            continue
        assert metric.numerator
        for key in [key for key in metrics if key.partition("[")[0] == metric.numerator]:
            name = metric.name + key.removeprefix(metric.numerator)
            if (found := estimate_of(subject, name, metrics)) is not None:
                shown[name] = found


def _ratio(metric: Metric, over: list[float | None], under: list[float | None], level: float) -> Interval:
    """Bootstrap over replications; where nothing was ever counted, that says nothing, and Clopper-Pearson does."""
    total = sum(value or 0.0 for value in under)
    assert metric.denominator is not None
    below = METRICS[metric.subject, metric.denominator]
    counted = not below.weighted and below.unit != HOURS  # neither a weighted count nor a time is a number of trials
    if metric.unit == "share" and counted and total > 0 and not any(over):
        return clopper_pearson(0, round(total), level)
    return widened(ratio_interval(over, under), LEVEL, level)
