"""Detectors that gave no answer, or none that could be used: what a reader must know before the first number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simharness.report.tables import Table
from simharness.report.wording import counted

KINDS = {
    "exception": "raised an exception",
    "hang": "gave no answer in time",
    "nan": "gave numbers that are none",
    "infinite": "gave infinite numbers",
    "wrong_length": "gave another number of scores than asked",
    "out_of_range": "gave scores outside its range",
    "crash": "its process ended",
    "http_status": "answered with an HTTP error",
    "cut_off": "the connection ended within an answer",
    "garbage": "gave an answer that cannot be read",
    "unreachable": "could not be reached",
    "missing": "had no score",
}
_EFFECTS = {
    "failed": "no result there",
    "abstained": "counts as not scored",
    "retried": "answered when asked again",
}


def fault_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Lines for the banner: what is missing from this report, and what it was not scored."""
    asked = summary["replications_asked"]
    for fault in summary.get("faults", []):
        where = f"in {len(fault['replications'])} of {counted(asked, 'replication')}"
        said = f"Detector {fault['detector']}, {where}: {KINDS[fault['kind']]}"
        if fault["effect"] == "failed":
            arms = ", ".join(fault["arms"])
            yield f"{said}; no result of it there" + (f", nor of the arms {arms}." if arms else ".")
        elif fault["effect"] == "abstained":
            yield f"{said}; what it did not score counts as not scored."


def faults_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """Every fault by detector and kind; nothing where there was none."""
    rows = [
        (
            (fault["detector"],),
            (KINDS[fault["kind"]],),
            (_EFFECTS[fault["effect"]],),
            (str(len(fault["replications"])),),
            (f"{fault['times']:,}",),
            (f"{fault['unscored']:,}" if fault["effect"] == "abstained" else "-",),
            (fault["first"],),
        )
        for fault in summary.get("faults", [])
    ]
    columns = ("detector", "what happened", "effect", "replications", "times", "not scored", "said the first time")
    note = (
        "What went wrong while preparing (learning, scoring the phrasebook, setting levels) counts in each replication."
    )
    return (Table("Detectors that did not answer", columns, tuple(rows), (note,)),) if rows else ()
