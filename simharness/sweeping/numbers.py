"""A sweep's numbers: what every point came to in every replication, and estimates of what was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from simharness.errors import UsageError
from simharness.metrics.estimates import estimate_of, per_replication
from simharness.metrics.intervals import paired_difference
from simharness.metrics.rows import Row
from simharness.outcomes.tables import SYNTHETIC
from simharness.scenario.tree import did_you_mean, positioned
from simharness.sweeping.asked import asked_metrics, metric_of
from simharness.sweeping.points import Sweep
from simharness.sweeping.spec import SweepSpec
from simharness.sweeping.values import as_column

Number = float | None
Series = Mapping[int, Number]  # replication -> value


@dataclass(frozen=True, slots=True)
class Numbers:
    """``rows[point]``: tidy rows of every replication; ``series[point][arm, metric or metric[stratum]]``."""

    rows: Mapping[int, list[Row]]
    series: Mapping[int, Mapping[tuple[str, str], Series]]

    def values(self, point: int, arm: str, name: str) -> list[Number]:
        """A metric of an arm, replication by replication; of a ratio, that of each. None where undefined."""
        own = self.series[point]
        metric = metric_of(name)
        if metric.estimator != "ratio":
            found = own.get((arm, name), {})
            return [found[replication] for replication in sorted(found)]
        assert metric.numerator is not None and metric.denominator is not None
        over, under = (own.get((arm, part + _stratum(name)), {}) for part in (metric.numerator, metric.denominator))
        return [_share(over[replication], under.get(replication)) for replication in sorted(over)]

    def estimate(self, point: int, arm: str, name: str) -> dict[str, Any]:
        """A metric's estimate over replications, exactly as a run of the point's scenario has it."""
        own = {key: dict(series) for (of, key), series in self.series[point].items() if of == arm}
        found, unit = estimate_of("arm", name, own), metric_of(name).unit
        return found or {"estimate": None, "low": None, "high": None, "n": 0, "method": "none", "unit": unit}

    def difference(self, point: int, arm: str, name: str, other: tuple[int, str]) -> dict[str, Any]:
        """The paired difference from the same metric of another (point, arm), over the replications both have."""
        values, against = self.values(point, arm, name), self.values(*other, name)
        both = min(len(values), len(against))
        return asdict(paired_difference(values[:both], against[:both])) | {"unit": metric_of(name).unit}


def numbers_of(sweep: Sweep, table: pa.Table) -> Numbers:
    """Numbers of the points whose rows are in ``table``, cells of several nations put together as in a run."""
    cells: dict[int, list[Row]] = {point.number: [] for point in sweep.points}
    for row in table.to_pylist():
        number = row.pop("point")
        cells[number].append(Row(detector="", **row))
    rows = {point.number: per_replication(cells[point.number], point.scenario.nations) for point in sweep.points}
    return Numbers(rows, {number: series_of(found) for number, found in rows.items()})


def sweep_table(sweep: Sweep, numbers: Numbers) -> pa.Table:
    """``sweep.parquet``: the points' parameters beside each of their rows. Units of parameters are in its metadata."""
    columns, metadata = {}, dict(SYNTHETIC)
    for name in sweep.spec.parameters:
        column, unit = as_column([point.values[name] for point in sweep.points])
        columns[name] = column
        metadata[f"unit of {name}".encode()] = unit.encode()
    every = [(point.number, row) for point in sweep.points for row in numbers.rows[point.number]]
    table = {"point": pa.array([number for number, _ in every], pa.int32())}
    table |= {name: pa.array([column[number] for number, _ in every]) for name, column in columns.items()}
    for name, kind in (("arm", pa.string()), ("metric", pa.string()), ("stratum", pa.string())):
        table[name] = pa.array([getattr(row, name) for _, row in every], kind)
    table["replication"] = pa.array([row.replication for _, row in every], pa.int32())
    table["value"] = pa.array([row.value for _, row in every], pa.float64())
    table["unit"] = pa.array([row.unit for _, row in every], pa.string())
    return pa.table(table).replace_schema_metadata(metadata)


def asked_strata(spec: SweepSpec) -> frozenset[str]:
    """Every ``metric[stratum]`` that the outputs, the best arm or the frontier ask for; of ratios, their two parts."""
    parts: set[str] = set()
    for _, _, name in asked_metrics(spec):
        metric = metric_of(name)
        parts |= {part + _stratum(name) for part in (metric.name, metric.numerator, metric.denominator) if part}
    return frozenset(part for part in parts if "[" in part)


def require_rows(sweep: Sweep, table: pa.Table) -> None:
    """Raise UsageError for a metric asked for that no row has, of its arm or (best) of any, once rows are there."""
    found = {(row["arm"], row["metric"], row["stratum"]) for row in table.to_pylist()}
    for path, arm, name in asked_metrics(sweep.spec):
        metric, stratum = metric_of(name), _stratum(name).strip("[]")
        arms = sweep.arms if arm is None else [arm]
        if not found & {(each, metric.numerator or metric.name, stratum) for each in arms}:
            hint = did_you_mean(stratum, sorted({each for _, _, each in found if each}))
            of = arm or "any arm"
            raise UsageError(positioned(sweep.tree, path), f"no row of {of} is {name!r}", hint=hint)


def series_of(rows: Iterable[Row]) -> dict[tuple[str, str], dict[int, Number]]:
    found: dict[tuple[str, str], dict[int, Number]] = {}
    for row in rows:
        name = f"{row.metric}[{row.stratum}]" if row.stratum else row.metric
        found.setdefault((row.arm, name), {})[row.replication] = row.value
    return found


def _stratum(name: str) -> str:
    """ "[x]" of "metric[x]"; empty for a metric of the whole."""
    return name[name.index("[") :] if "[" in name else ""


def _share(over: Number, under: Number) -> Number:
    return over / under if over is not None and under else None
