"""A sweep from its points to its results: units of work on processes, each written as it is finished, and resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from simharness.detection.scoring import build_detector, release
from simharness.errors import UsageError, causes
from simharness.parallel import Interrupted, run_cells
from simharness.provenance import combine, file_digest, table_digest, text_digest
from simharness.run import provenance_of
from simharness.scenario.load import deciding, located, resolved
from simharness.store import RESOLVED_SCENARIO, SWEEP, RunFolder, RunStatus
from simharness.sweeping.groups import Group, Unit, detector_key, groups_of, units_of
from simharness.sweeping.living import PreparedGroup, live_unit, prepare_group, rows_table
from simharness.sweeping.numbers import asked_strata, numbers_of, require_rows, sweep_table
from simharness.sweeping.points import Sweep
from simharness.sweeping.results import RESULTS_JSON, RESULTS_TABLE, results

TABLE = "points"
SPEC = "sweep.resolved.yaml"
Notify = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """What one unit leaves behind: the digest of its rows and the file they are in."""

    unit: int
    digest: str
    file: str


def run_sweep(sweep: Sweep, root: Path, *, jobs: int = 1, notify: Notify | None = None) -> RunFolder:
    """Run every unit of a sweep into its folder and write its results; continues what was begun before.

    Raises UsageError before anything runs, DetectorFailed or RunIncomplete where a unit cannot finish, Interrupted.
    """
    tell = notify or _silent
    groups = groups_of(sweep.points)
    units = units_of(groups)
    with located(sweep.base):
        provenance = provenance_of_sweep(sweep, groups)
    with RunFolder.open(root, sweep.base.scenario.name, provenance["key"], SWEEP) as folder:
        folder.write_manifest("running", provenance)
        folder.write_yaml(RESOLVED_SCENARIO, resolved(sweep.base.scenario))
        folder.write_yaml(SPEC, sweep.spec.model_dump(mode="json", exclude_none=True))
        before = folder.finished_cells()
        todo = [unit for unit in units if unit.number not in before]
        tell("prepare", len(units) - len(todo), len(units))
        try:
            if before:  # rows of a sweep that asked something else of the same points, or asked in vain
                require_rows(sweep, folder.read_table(TABLE))
            _run_units(sweep, folder, groups, todo, jobs, partial(_note, sweep, folder, tell, len(units)))
            summarise(sweep, folder)
        except BaseException as error:
            stopped = any(isinstance(each, Interrupted | KeyboardInterrupt) for each in causes(error))
            status: RunStatus = "partial" if stopped else "failed"
            folder.write_manifest(status, provenance)
            raise
        cells = {str(unit): digest for unit, digest in folder.finished_cells().items()}
        folder.write_manifest("complete", {**provenance, "digest": combine(cells), "units": cells})
    return RunFolder.at(folder.path)


def summarise(sweep: Sweep, folder: RunFolder) -> None:
    """Write ``sweep.parquet`` and ``sweep.json`` from the finished units."""
    numbers = numbers_of(sweep, folder.read_table(TABLE))
    folder.write_table(RESULTS_TABLE, sweep_table(sweep, numbers))
    folder.write_json(RESULTS_JSON, results(sweep, numbers))


def provenance_of_sweep(sweep: Sweep, groups: Sequence[Group]) -> dict[str, Any]:
    """What made a sweep's rows, as for a run: the scenario and every point, data, code, detectors' files, versions."""
    folder, built = sweep.base.folder, {}
    for group in groups:
        for name, spec in group.scenario.detectors.items():
            key = detector_key(group.scenario, name)
            if key not in built:
                built[key] = build_detector(spec, folder, f"detectors.{name}")
    provenance = provenance_of(sweep.base, built)
    for detector in built.values():
        release(detector)
    tables = {group.scenario.world.population.table for group in groups}
    try:
        data = {table: file_digest(folder / table) for table in tables}
    except OSError as error:
        raise UsageError("world.population.table", f"cannot be read: {error.strerror}") from error
    parts = {
        "run": provenance["key"],
        "points": text_digest(json.dumps([deciding(point.scenario) for point in sweep.points], sort_keys=True)),
        "tables": combine(data),
        "strata": text_digest(json.dumps(sorted(asked_strata(sweep.spec)))),
    }
    return provenance | {"sweep": sweep.spec.title, "hashes": provenance["hashes"] | parts, "key": combine(parts)}


def _run_units(
    sweep: Sweep,
    folder: RunFolder,
    groups: Sequence[Group],
    todo: Sequence[Unit],
    jobs: int,
    done: Callable[[list[Finished]], None],
) -> None:
    """Few groups are made ready here, and their units spread over the processes; of many, each is one process's."""
    strata, home = asked_strata(sweep.spec), sweep.base.folder
    by_group = {place: [unit for unit in todo if unit.group == place] for place in range(len(groups))}
    waiting = [place for place, units in by_group.items() if units]
    if len(waiting) >= 2 * jobs:
        whole = {place: (groups[place], by_group[place]) for place in waiting}
        work = partial(_finish_group, whole, home, strata, folder.path)
        run_cells(work, waiting, jobs, lambda _, found: done(found))
        return
    for place in waiting:
        with located(sweep.base):
            ready = prepare_group(groups[place], home)
        units = {unit.number: unit for unit in by_group[place]}
        run_cells(
            partial(_finish_unit, ready, units, strata, folder.path), list(units), jobs, lambda _, one: done([one])
        )


def _finish_group(
    whole: dict[int, tuple[Group, list[Unit]]], home: Path, strata: frozenset[str], path: Path, place: int
) -> list[Finished]:
    """All units of one group; runs in a worker process."""
    group, units = whole[place]
    ready, by_number = prepare_group(group, home), {unit.number: unit for unit in units}
    return [_finish_unit(ready, by_number, strata, path, number) for number in by_number]


def _finish_unit(
    ready: PreparedGroup, units: dict[int, Unit], strata: frozenset[str], path: Path, number: int
) -> Finished:
    """Live one unit and write its rows; runs in a worker process."""
    table = rows_table(live_unit(ready, units[number], strata))
    file = RunFolder.at(path).write_cell_table(TABLE, number, table)
    return Finished(number, table_digest(table), file)


def _note(sweep: Sweep, folder: RunFolder, tell: Notify, total: int, found: Sequence[Finished]) -> None:
    first = not folder.finished_cells()
    for each in found:
        folder.finish_cell(each.unit, each.digest, [each.file])
    if first:  # before hours are spent on rows that nobody has
        require_rows(sweep, folder.read_table(TABLE))
    tell("cell", len(folder.finished_cells()), total)


def _silent(what: str, done: int, total: int) -> None:
    pass
