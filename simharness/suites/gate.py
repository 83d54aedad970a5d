"""A finished run held against its bars: what is judged, what it comes to, and the file it leaves in the folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from simharness.known_run import known_of, lived
from simharness.records import SCHEMA_VERSION
from simharness.report.content import read_run
from simharness.report.expectations import EXPECTATIONS
from simharness.store import RunFolder
from simharness.suites.items import Item
from simharness.suites.judging import Judged, as_json, exit_code, judge


@dataclass(frozen=True, slots=True)
class Gated:
    """What the bars of one run came to.

    ``run`` and ``base``: ``<scenario>/<run id>``. ``bars_before``: whether the bars are those that were there when the
    run was begun; None: not known. ``command``: what a person gives to see the same again. ``incomplete``: the run, or
    a base that it is held against, is not complete, a failed detector being enough.
    """

    run: str
    base: str | None
    judged: tuple[Judged, ...]
    code: int
    bars_before: bool | None
    command: str
    replications: int
    seed: int
    incomplete: bool


def gate(
    folder: RunFolder, items: Sequence[Item], *, base: RunFolder | None = None, command: str, expect: str
) -> Gated:
    """Judge every item and write ``expectations.json``.

    ``expect``: digest of the bars the items come from (``run.expect_digest``). Raises UsageError where the run has no
    results, NotComparable where the base cannot be held against it.
    """
    summary, facts = read_run(folder)
    judged, incomplete = judged_of(folder, items, base)
    manifest = folder.read_manifest()
    found = Gated(
        facts.name,
        read_run(base)[1].name if base is not None else None,
        judged,
        exit_code(judged, incomplete=incomplete),
        manifest["expect_before"] == expect if "expect_before" in manifest else None,
        command,
        summary["replications"],
        summary["scenario"]["seed"],
        incomplete,
    )
    folder.write_json(EXPECTATIONS, gated_json(found))
    return found


def judged_of(
    folder: RunFolder, items: Sequence[Item], base: RunFolder | None = None
) -> tuple[tuple[Judged, ...], bool]:
    """Every item judged, and whether a run that was looked at is incomplete; nothing is written.

    Raises UsageError where the run has no results, NotComparable where the base cannot be held against it.
    """
    looked_at = [read_run(folder)[0]]
    run, against = known_of(folder), known_of(base) if base is not None else None
    if against is not None and base is not None and run.code != against.code:
        run, against = replace(run, lived=lived(folder)), replace(against, lived=lived(base))
    if base is not None and any(item.in_base for item in items):
        looked_at.append(read_run(base)[0])
    judged = tuple(judge(items, run, against, _lost(looked_at)))
    return judged, any(each["status"] != "complete" for each in looked_at)


def gated_json(found: Gated) -> dict[str, Any]:
    """What ``expectations.json`` holds (docs/run_folder.md)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "synthetic": True,
        "run": found.run,
        "base": found.base,
        "exit_code": found.code,
        "incomplete": found.incomplete,
        "bars_set_before_the_run": found.bars_before,
        "replications": found.replications,
        "seed": found.seed,
        "command": found.command,
        "expectations": [as_json(each) for each in found.judged],
    }


def _lost(summaries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Detectors that failed in any of the runs."""
    return [fault["detector"] for each in summaries for fault in each["faults"] if fault["effect"] == "failed"]
