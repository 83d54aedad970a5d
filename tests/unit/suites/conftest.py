"""Bars on the flagship scenario, and runs whose numbers are written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simharness.metrics.catalogue import METRICS
from simharness.metrics.rows import Row
from simharness.pairing import Known
from simharness.run import rows_table
from simharness.scenario.expect import Expectation
from simharness.scenario.load import Loaded, resolved
from simharness.store import METRICS as METRICS_FILE
from simharness.store import RESOLVED_SCENARIO, SUMMARY, RunFolder
from simharness.suites.items import Item, items_of
from simharness.suites.judging import Judged, judge
from simharness.world.model import WorldModel

Numbers = Mapping[str, Mapping[str, Sequence[float | None]]]  # "arm/name" -> metric[stratum] -> one value a replication


@pytest.fixture(scope="session")
def expecting(flagship: Loaded) -> Callable[..., Loaded]:
    """``expecting(*expectations)``: the flagship with these bars, as if they stood at its file's beginning."""

    def loaded(*expectations: Any) -> Loaded:
        expect = [Expectation.model_validate(each) for each in expectations]
        return replace(flagship, scenario=flagship.scenario.model_copy(update={"expect": expect}))

    return loaded


@pytest.fixture(scope="session")
def bars(expecting: Callable[..., Loaded], model: WorldModel) -> Callable[..., tuple[Item, ...]]:
    """``bars(*expectations, base=True)``: their items."""

    def items(*expectations: Any, base: bool = True) -> tuple[Item, ...]:
        return items_of(expecting(*expectations), model, base=base)

    return items


def rows_of(numbers: Numbers) -> list[Row]:
    rows = []
    for whose, metrics in numbers.items():
        subject, _, name = whose.partition("/")
        for key, values in metrics.items():
            metric, _, stratum = key.rstrip("]").partition("[")
            unit = METRICS[subject, metric].unit
            names = (name, "") if subject == "arm" else ("", name)
            rows += [Row(metric, *names, stratum, replication, value, unit) for replication, value in enumerate(values)]
    return rows


@pytest.fixture(scope="session")
def known(flagship: Loaded) -> Callable[..., Known]:
    """``known(numbers, **changes)``: a run of the flagship with these numbers and top-level settings."""

    def run(numbers: Numbers, **changes: Any) -> Known:
        return Known("made_up/0123456789ab", "d" * 64, {**resolved(flagship.scenario), **changes}, rows_of(numbers))

    return run


@pytest.fixture(scope="session")
def judged(bars: Callable[..., tuple[Item, ...]], known: Callable[..., Known]) -> Callable[..., Judged]:
    """``judged(expectation, numbers, base=None, lost=())``: what comes of one item."""

    def one(expectation: Any, numbers: Numbers, base: Numbers | None = None, lost: Sequence[str] = ()) -> Judged:
        held_against = None if base is None else known(base)
        (found,) = judge(bars(expectation), known(numbers), held_against, lost)
        return found

    return one


@pytest.fixture
def finished(tmp_path: Path, flagship: Loaded) -> Callable[..., RunFolder]:
    """``finished(numbers, id, status="complete", failed=(), manifest={})``: a run's folder with these numbers."""

    def folder(
        numbers: Numbers,
        run_id: str = "0123456789ab",
        *,
        status: Any = "complete",
        failed: Sequence[str] = (),
        manifest: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> RunFolder:
        made = RunFolder.at(tmp_path / "results" / "made_up" / run_id)
        replications = max(len(values) for metrics in numbers.values() for values in metrics.values())
        hashes = {"data": "same", "simharness": "same"}
        made.write_manifest(status, {"hashes": hashes, **(manifest or {})})
        whole = resolved(flagship.scenario)
        few = {name: whole[name] for name in ("seed", "scale", "period", "sampling", "arms")}  # all of it takes seconds
        made.write_yaml(RESOLVED_SCENARIO, few | changes)
        made.write_table(METRICS_FILE, rows_table(rows_of(numbers)))
        faults = [{"detector": name, "effect": "failed"} for name in failed]
        scenario = {"name": "made_up", "seed": 2017}
        made.write_json(
            SUMMARY,
            {
                "schema_version": 2,
                "status": status,
                "replications": replications,
                "scenario": scenario,
                "faults": faults,
            },
        )
        return made

    return folder
