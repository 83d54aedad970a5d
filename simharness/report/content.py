"""What every report says, in order, before anything is laid out: read from ``summary.json`` and the manifest alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simharness.errors import UsageError
from simharness.records import SCHEMA_VERSION
from simharness.report.cost_tables import cost_tables
from simharness.report.early_table import early_table
from simharness.report.expectations import Found, expectations_table, verdict_lines
from simharness.report.faults import fault_lines, faults_table
from simharness.report.harm_tables import harm_tables
from simharness.report.response_tables import (
    answers_table,
    backlog_table,
    desks_table,
    harms_table,
    lost_table,
    police_table,
)
from simharness.report.tables import Table, arms_tables, budget_table, detectors_table, recorded_table
from simharness.report.verdict import verdict
from simharness.report.wording import BANNER, NOT_APPLICABLE, counted, number
from simharness.store import SUMMARY, RunFolder


@dataclass(frozen=True, slots=True)
class Facts:
    """Which run this is. ``digest`` is None until a cell has finished."""

    path: str
    name: str  # <scenario>/<run id>
    digest: str | None
    version: str
    git_revision: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """A report's parts, in the order they are shown."""

    banner: tuple[str, ...]
    title: str
    description: str
    verdict: tuple[str, ...]
    tables: tuple[Table, ...]
    assumptions: tuple[tuple[str, str, str], ...]  # path, evidence, source
    assumptions_line: str
    notes: tuple[str, ...]
    run: tuple[tuple[str, str], ...]  # name, value


def read_run(folder: RunFolder) -> tuple[dict[str, Any], Facts]:
    """A run's summary and facts. Raises UsageError where there is no summary yet, or it cannot be read."""
    manifest = folder.read_manifest()
    path = folder.path / SUMMARY
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _nothing_yet(folder, manifest) from None
    except (OSError, ValueError) as error:
        hint = "Run the scenario again: finished cells are kept, and the summary is written anew."
        raise UsageError(str(path), f"cannot be read: {error}", hint=hint) from error
    if summary.get("replications") == 0:
        raise _nothing_yet(folder, manifest)
    if summary.get("schema_version") != SCHEMA_VERSION:
        found = f"schema_version is {summary.get('schema_version')}"
        raise UsageError(str(path), found, allowed=str(SCHEMA_VERSION), hint="Run the scenario again.")
    version = manifest.get("versions", {}).get("simharness", "unknown")
    name = f"{folder.scenario}/{folder.run_id}"
    return summary, Facts(str(folder.path), name, manifest.get("digest"), version, manifest.get("git_revision"))


def _nothing_yet(folder: RunFolder, manifest: Mapping[str, Any]) -> UsageError:
    problem = f"no replication has finished yet (status: {manifest['status']}), so there is nothing to report"
    return UsageError(str(folder.path), problem, hint="Give the run's own command again to continue it.")


def compose(summary: Mapping[str, Any], facts: Facts, expected: Found | None = None) -> Report:
    """The whole report of one run. ``expected``: what its bars came to, which is then said first."""
    scenario = summary["scenario"]
    blocks = summary["assumed"]
    return Report(
        banner=_banner(summary),
        title=scenario["title"],
        description=scenario["description"],
        verdict=(*verdict(summary), *(verdict_lines(expected, summary["replications"]) if expected else ())),
        tables=(*((expectations_table(expected),) if expected else ()), *_tables(summary)),
        assumptions=tuple((block["path"], block["evidence"], block["source"]) for block in blocks),
        assumptions_line=_assumptions(blocks),
        notes=(summary["weighting"], summary["censoring"], _intervals(summary["replications"]), *_precision(summary)),
        run=_run(summary, facts),
    )


def _tables(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """First what changes for people, then how the response worked, then what it rests on."""
    return (
        *arms_tables(summary),
        *harm_tables(summary),
        harms_table(summary),
        *lost_table(summary),
        *desks_table(summary),
        *backlog_table(summary),
        police_table(summary),
        *answers_table(summary),
        detectors_table(summary),
        *early_table(summary),
        *budget_table(summary),
        *cost_tables(summary),
        *recorded_table(summary),
        *faults_table(summary),
    )


def _banner(summary: Mapping[str, Any]) -> tuple[str, ...]:
    lines = [BANNER]
    scale = summary["scenario"]["scale"]
    if scale != 1:
        size = (
            f"{number(scale, 'share')} of the population, not of all of it" if scale < 1 else f"{scale:g} populations"
        )
        lines.append(f"Scale {scale:g}: counts are of {size}.")
    done, asked = summary["replications"], summary["replications_asked"]
    if summary["status"] != "complete":
        lines.append(f"Status {summary['status']}: {done} of {counted(asked, 'replication')} finished.")
    lines += fault_lines(summary)
    if done < 10:
        lines.append(f"Only {counted(done, 'replication')}: intervals are wide and unsteady; use 10 or more.")
    return tuple(lines)


def _assumptions(blocks: Sequence[Mapping[str, str]]) -> str:
    assumed = sum(block["evidence"] == "assumed" for block in blocks)
    fitted = len(blocks) - assumed
    return (
        f"{counted(assumed, 'block')} of the scenario's numbers {'is' if assumed == 1 else 'are'} assumed and {fitted} "
        "fitted to recorded figures. They are there to be varied; what follows from them is no finding about the world."
    )


def _intervals(replications: int) -> str:
    return (
        f"Intervals are 95 %, over {counted(replications, 'replication')}; differences are paired (every arm lives "
        "through the same children, offenders and messages). They hold the chance of one simulated period to the next, "
        "not the doubt about the assumptions."
    )


def _precision(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """How many replications there are and why; nothing where their number was simply stated."""
    found = summary.get("precision")
    if found is None:
        return ()
    reached = "reached" if found["reached"] else "not reached"
    width = found["half_width"]
    shown = NOT_APPLICABLE if width is None else f"{width:.4g}"
    looks = ", ".join(str(look["replications"]) for look in found["looks"]) or "none yet"
    return (
        f"Precision asked for: {found['metric']} of {found['name']} within {found['wanted']:.4g}; {reached} with "
        f"{shown} (half-width of the {100 * found['level']:.4g} % interval) at {found['replications']} replications. "
        f"Looks taken: {looks}; planned: {', '.join(map(str, found['planned']))}. {found['rule']}",
    )


def _run(summary: Mapping[str, Any], facts: Facts) -> tuple[tuple[str, str], ...]:
    scenario = summary["scenario"]
    rows = [
        ("run", facts.name),
        ("digest", facts.digest or "none yet"),
        ("seed", str(scenario["seed"])),
        ("replications", f"{summary['replications']} of {summary['replications_asked']}"),
        ("scale", f"{scenario['scale']:g}"),
        ("status", summary["status"]),
        ("simharness", facts.version + (f", git {facts.git_revision}" if facts.git_revision else "")),
    ]
    return tuple(rows)
