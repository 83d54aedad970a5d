"""``simharness sweep``: run a declared design over a scenario's parameters, or say what it would take."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

from rich.text import Text

from simharness.report.progress import progress
from simharness.report.sweep_tables import sweep_banner, sweep_notes, sweep_tables
from simharness.report.terminal import console, show_tables
from simharness.report.wording import counted
from simharness.suites.loading import parse_scale
from simharness.sweeping.engine import run_sweep
from simharness.sweeping.groups import groups_of, lives_in, units_of
from simharness.sweeping.living import live_unit, prepare_group
from simharness.sweeping.points import Point, Sweep, load_sweep
from simharness.sweeping.results import RESULTS_JSON
from simharness.units import format_duration

MEASURED_SCALE = 0.1  # at most, of the unit that is measured: seconds, where a whole one may take minutes


def sweep(
    file: Path,
    *,
    output: Path,
    jobs: int,
    plan: bool,
    as_json: bool,
    seed: int | None,
    replications: int | None,
    scale: str | None,
) -> None:
    """Run or continue a sweep and report it; with ``plan`` only say what there is to do. Raises what it raises."""
    changes = {"seed": seed, "replications": replications, "scale": None if scale is None else parse_scale(scale)}
    loaded = load_sweep(file, **changes)
    if plan:
        found = plan_of(loaded, jobs)
        print(json.dumps(found)) if as_json else _show_plan(loaded, found)
        return
    with progress(sys.stderr) as notify:
        folder = run_sweep(loaded, output, jobs=jobs, notify=notify)
    results = json.loads((folder.path / RESULTS_JSON).read_text(encoding="utf-8"))
    target = console(sys.stderr if as_json else sys.stdout)
    show_tables(sweep_banner(results), results["title"], sweep_tables(results), target)
    for note in (*sweep_notes(results), f"folder  {folder.path}"):
        target.print(Text(note))
    if as_json:
        print(json.dumps({"type": "sweep", "sweep": folder.path.name, **results}), flush=True)


def plan_of(loaded: Sweep, jobs: int) -> dict[str, Any]:
    """What a sweep takes: points, worlds, readings, lives and seconds of wall time (an estimate from a small unit)."""
    groups = groups_of(loaded.points)
    units = units_of(groups)
    cells = {place: group.scenario.replications * group.scenario.nations for place, group in enumerate(groups)}
    lives = sum(len(lives_in(groups[unit.group], unit.points)) for unit in units)
    setup_s, each_s = _measured(loaded)
    work = (len(units) + lives) * each_s
    prepared = len(groups) * setup_s
    aside = prepared / min(jobs, len(groups)) if len(groups) >= 2 * jobs else prepared
    return {
        "points": len(loaded.points),
        "replications": loaded.base.scenario.replications,
        "groups": len(groups),
        "worlds": sum(cells.values()),
        "readings": len(units),
        "arm_lives": lives,
        "arm_lives_if_each_point_ran_alone": sum(len(p.scenario.arms) * p.scenario.replications for p in loaded.points),
        "seconds": aside + work / min(jobs, len(units)),
    }


def _measured(loaded: Sweep) -> tuple[float, float]:
    """Processor seconds to make a group ready, and for one reading or one life (they cost about the same); scaled up
    from a small unit with the first, the middle and the last point.
    """
    points, share = loaded.points, min(1.0, MEASURED_SCALE / loaded.base.scenario.scale)
    chosen = {point.number: _shrunk(point, share) for point in (points[0], points[len(points) // 2], points[-1])}
    began = process_time()
    ready = prepare_group(groups_of(list(chosen.values()))[0], loaded.base.folder)
    setup_s = process_time() - began
    unit = units_of([ready.group])[0]
    live_unit(ready, unit, frozenset())  # compiles
    began = process_time()
    live_unit(ready, unit, frozenset())
    return setup_s, (process_time() - began) / share / (len(lives_in(ready.group, unit.points)) + 1)


def _shrunk(point: Point, share: float) -> Point:
    scenario = point.scenario
    return replace(point, scenario=scenario.model_copy(update={"scale": scenario.scale * share}))


def _show_plan(loaded: Sweep, found: dict[str, Any]) -> None:
    alone = found["arm_lives_if_each_point_ran_alone"]
    print(f"Plan: {loaded.spec.title}")
    print(f"  points           {found['points']:,}, {found['replications']:,} replications each")
    groups = counted(found["groups"], "group")
    print(f"  worlds           {found['worlds']:,}, in {groups} of points that one reading serves")
    print(f"  readings         {found['readings']:,}")
    print(f"  arms lived       {found['arm_lives']:,} (each point by itself: {alone:,})")
    print(f"  wall time        about {format_duration(found['seconds'])} (estimate, from a small part run here)")
