"""Open second: the arrow. Scenario -> world -> scores -> response -> outcomes -> metrics -> report, in one short
file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from threadpoolctl import threadpool_limits

from simharness.detection.faults import Fault
from simharness.detection.levels import calibrate_levels
from simharness.detection.protocol import Detector
from simharness.detection.registry import source_of
from simharness.detection.scoring import build_detectors, prepare
from simharness.errors import causes
from simharness.metrics.cell import cell_rows
from simharness.metrics.estimates import per_replication
from simharness.metrics.precision import replications_needed, require_known_metric, require_measured
from simharness.metrics.rows import Row
from simharness.metrics.summary import summary
from simharness.outcomes.cell import Prepared, run_cell
from simharness.outcomes.tables import SYNTHETIC, cell_tables
from simharness.parallel import Interrupted, run_cells
from simharness.provenance import combine, file_digest, git_revision, source_digest, table_digest, text_digest, versions
from simharness.scenario.load import Loaded, deciding, located, resolved
from simharness.scenario.model import Scenario
from simharness.store import METRICS as METRICS_FILE
from simharness.store import POPULATION, RESOLVED_SCENARIO, SUMMARY, RunFolder, RunStatus
from simharness.world.generate import DEFAULT_BATCH
from simharness.world.model import WorldModel, build_model

Notify = Callable[[str, int, int], None]  # (what, cells done, cells in all)
OnCell = Callable[[int, str], None]  # (replication, digest), also for cells that an earlier run finished


@dataclass(frozen=True, slots=True)
class Finished:
    """What one cell leaves behind: the digest of its tables and the files they are in."""

    digest: str
    files: list[str]
    faults: tuple[Fault, ...]


def run_scenario(
    loaded: Loaded,
    root: Path,
    *,
    jobs: int = 1,
    batch_size: int = DEFAULT_BATCH,
    notify: Notify | None = None,
    on_cell: OnCell | None = None,
) -> RunFolder:
    """Run every replication of a scenario into its run folder and summarise it; continues what was begun before.

    Where the scenario asks for a precision, rounds of replications follow until it is reached (metrics/precision.py).
    A cell in which a detector failed is kept without the arms that act on it, and is run again when the run is
    continued. Raises UsageError before anything runs, DetectorFailed or RunIncomplete when a cell cannot finish,
    Interrupted.
    """
    scenario, tell, hand_over = loaded.scenario, notify or _silent, on_cell or _unheard
    with located(loaded):
        detectors = build_detectors(scenario.detectors, loaded.folder)
        model = build_model(scenario.one_nation(), loaded.folder)
        require_known_metric(scenario)
    provenance = provenance_of(loaded, detectors)
    with RunFolder.open(root, scenario.name, provenance["key"]) as folder:
        before, failing = folder.finished_cells(), folder.faults()
        provenance |= _bars(folder, scenario, begun=bool(before))
        kept = {cell for cell in before if not _lost(failing[cell])}
        folder.write_manifest("running", provenance)
        folder.write_yaml(RESOLVED_SCENARIO, resolved(scenario))
        folder.write_text(POPULATION, population_of(loaded))
        try:
            cells = _cells(loaded, folder, kept)
            tell("prepare", len(kept.intersection(cells)), len(cells))
            for cell in sorted(kept.intersection(cells)):
                hand_over(cell, before[cell])
            prepared: Prepared | None = None
            while todo := [cell for cell in cells if cell not in kept]:
                prepared = prepared or prepare_cells(model, detectors, batch_size)
                done = partial(_note_finished, folder, tell, hand_over, len(cells))
                run_cells(partial(finish_cell, prepared, folder.path), todo, jobs, done)
                kept.update(todo)
                cells = _cells(loaded, folder, kept)
        except BaseException as error:
            stopped = any(isinstance(each, Interrupted | KeyboardInterrupt) for each in causes(error))
            status: RunStatus = "partial" if stopped else "failed"
            if folder.finished_cells():
                summarise(folder, scenario, status, provenance)
                error.add_note(f"  What is finished can be read with: simharness report {folder.path}")
            else:
                folder.write_manifest(status, provenance)
            raise
        incomplete = any(map(_lost, folder.faults().values()))
        summarise(folder, scenario, "partial" if incomplete else "complete", provenance)
    return folder


def prepare_cells(model: WorldModel, detectors: Mapping[str, Detector], batch_size: int = DEFAULT_BATCH) -> Prepared:
    """What every cell needs: detectors trained and alert levels set. Trains the detectors it is given."""
    with threadpool_limits(limits=1):  # training on more threads adds up in another order
        faults: list[Fault] = []
        scorers = prepare(model, detectors, faults)
        levels = calibrate_levels(model, scorers, faults)
        faults += [fault for scorer in scorers.values() for fault in scorer.guard.faults()]
        ready = {name: scorer for name, scorer in scorers.items() if name in levels}
        return Prepared(model, ready, levels, batch_size, tuple(faults))


def finish_cell(prepared: Prepared, path: Path, replication: int) -> Finished:
    """Run one cell and write its tables; runs in a worker process."""
    cell, folder, model = run_cell(prepared, replication), RunFolder.at(path), prepared.model
    tables = cell_tables(model, cell) | {("metrics", ""): rows_table(cell_rows(model, cell))}
    files = [folder.write_cell_table(kind, replication, table, arm or None) for (kind, arm), table in tables.items()]
    digest = combine({f"{kind}/{arm}": table_digest(table) for (kind, arm), table in tables.items()})
    return Finished(digest, files, cell.faults)


def rows_table(rows: list[Row]) -> pa.Table:
    """Tidy rows as an Arrow table."""
    columns = {column.name: [getattr(row, column.name) for row in rows] for column in fields(Row)}
    table = pa.table(columns, schema=pa.schema(_ROW_TYPES))
    return table.replace_schema_metadata(SYNTHETIC)


def summarise(folder: RunFolder, scenario: Scenario, status: RunStatus, provenance: Mapping[str, Any]) -> None:
    """Write metrics, summary and manifest from the finished cells that the run needs."""
    cells = folder.finished_cells()
    rows = _rows(folder, scenario, set(cells))
    needed = replications_needed(scenario, rows)
    rows = [row for row in rows if row.replication < needed]
    cells = {cell: digest for cell, digest in cells.items() if cell < needed * scenario.nations}
    faults = {cell: found for cell, found in folder.faults().items() if cell in cells}
    folder.write_table(METRICS_FILE, rows_table(rows))
    digest = combine({str(cell): digest for cell, digest in cells.items()})
    folder.write_json(SUMMARY, summary(scenario, rows, status, faults))
    folder.write_manifest(status, {**provenance, "digest": digest, "cells": {str(c): d for c, d in cells.items()}})


def _rows(folder: RunFolder, scenario: Scenario, cells: set[int]) -> list[Row]:
    """Rows by replication of the finished cells named."""
    if not cells:
        return []
    rows = [Row(**row) for row in folder.read_table("metrics").to_pylist()]
    return per_replication([row for row in rows if row.replication in cells], scenario.nations)


def _cells(loaded: Loaded, folder: RunFolder, kept: set[int]) -> range:
    """The cells that the run needs, as far as those it has tell."""
    scenario = loaded.scenario
    rows = _rows(folder, scenario, kept) if scenario.precision is not None else []
    with located(loaded):
        require_measured(scenario, rows)
    return range(replications_needed(scenario, rows) * scenario.nations)


def provenance_of(loaded: Loaded, detectors: Mapping[str, Detector]) -> dict[str, Any]:
    """What made the results: everything here but the git revision decides the run's id."""
    scenario = loaded.scenario
    # A detector may say which packages its scores depend on: another version of them is another run.
    packages = {name for detector in detectors.values() for name in getattr(detector, "distributions", ())}
    used = versions(sorted(packages))
    parts = {
        "scenario": text_digest(json.dumps(deciding(scenario), sort_keys=True)),
        "data": text_digest(population_of(loaded)),
        "simharness": source_digest([Path(__file__).parent]),
        "detectors": combine({name: _made_of(detector) for name, detector in detectors.items()}),
        "versions": text_digest(json.dumps(used, sort_keys=True)),
    }
    return {
        "synthetic": True,
        "scenario": scenario.name,
        "seed": scenario.seed,
        "scale": scenario.scale,
        "replications": scenario.replications,
        "hashes": parts,
        "key": combine(parts),
        "versions": used,
        "git_revision": git_revision(Path(__file__).parent),
    }


def population_of(loaded: Loaded) -> str:
    """The text of the population's table."""
    return (loaded.folder / loaded.scenario.world.population.table).read_text(encoding="utf-8")


def _bars(folder: RunFolder, scenario: Scenario, *, begun: bool) -> dict[str, Any]:
    """Digests of what is expected: now, and when the first cell was begun (a bar set before the run is a bar)."""
    now = expect_digest(scenario)
    return {"expect": now, "expect_before": folder.read_manifest().get("expect_before") if begun else now}


def expect_digest(scenario: Scenario) -> str | None:
    """Digest of the bars of a scenario; None where it has none."""
    expect = resolved(scenario).get("expect")
    return None if expect is None else text_digest(json.dumps(expect, sort_keys=True))


def _made_of(detector: Detector) -> str:
    """Digest of a detector's code, and of the files (``sources``) that its scores come from."""
    files = {str(path): file_digest(path) for path in getattr(detector, "sources", ())}
    return combine({"source": text_digest(source_of(detector)), **files})


def _note_finished(folder: RunFolder, tell: Notify, hand_over: OnCell, total: int, cell: int, result: Finished) -> None:
    folder.finish_cell(cell, result.digest, result.files, faults=[asdict(fault) for fault in result.faults])
    tell("cell", len(folder.finished_cells()), total)
    hand_over(cell, result.digest)


def _lost(faults: list[dict[str, Any]]) -> bool:
    """Whether one of a cell's faults left a detector, and the arms that act on it, without a result."""
    return any(fault["effect"] == "failed" for fault in faults)


def _silent(what: str, done: int, total: int) -> None:
    pass


def _unheard(cell: int, digest: str) -> None:
    pass


_ROW_TYPES = {
    "metric": pa.string(),
    "arm": pa.string(),
    "detector": pa.string(),
    "stratum": pa.string(),
    "replication": pa.int32(),
    "value": pa.float64(),
    "unit": pa.string(),
}
