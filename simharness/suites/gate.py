"""A finished run held against its bars: what is judged, what it comes to, and the file it leaves in the folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from simharness.known_run import known_of, lived
from simharness.pairing import Known
from simharness.records import SCHEMA_VERSION
from simharness.report.content import read_run
from simharness.store import SUMMARY, RunFolder
from simharness.suites.items import Item
from simharness.suites.judging import Judged, as_json, exit_code, judge

EXPECTATIONS = "expectations.json"


@dataclass(frozen=True, slots=True)
class Gated:
    """What the bars of one run came to.

    ``run`` and ``base``: ``<scenario>/<run id>``. ``bars_before``: whether the bars are those that were there when the
    run was begun; None: not known. ``command``: what a person gives to see the same again.
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
    run, against = known_of(folder), known_of(base) if base is not None else None
    if against is not None and base is not None and run.code != against.code:
        run, against = replace(run, lived=lived(folder)), replace(against, lived=lived(base))
    judged = tuple(judge(items, run, against, _lost(summary, against, base)))
    incomplete = summary["status"] != "complete"
    before = folder.read_manifest().get("expect_before")
    found = Gated(
        facts.name,
        against.name if against is not None else None,
        judged,
        exit_code(judged, incomplete=incomplete),
        None if before is None else before == expect,
        command,
        summary["replications"],
        summary["scenario"]["seed"],
        incomplete,
    )
    folder.write_json(EXPECTATIONS, gated_json(found))
    return found


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


def _lost(summary: dict[str, Any], against: Known | None, base: RunFolder | None) -> list[str]:
    """Detectors that failed in the run, or in its base."""
    summaries = [summary]
    if against is not None and base is not None:
        summaries.append(json.loads((base.path / SUMMARY).read_text(encoding="utf-8")))
    return [fault["detector"] for each in summaries for fault in each["faults"] if fault["effect"] == "failed"]
