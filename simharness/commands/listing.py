"""``simharness list``: detectors, scenarios, metrics or runs, one a line in aligned columns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from simharness.detection.registry import card, registered
from simharness.errors import UsageError
from simharness.metrics.catalogue import METRICS
from simharness.scenario.source import read_tree
from simharness.store import list_runs

Rows = list[Sequence[str]]


def show(what: str, results: Path, scenarios: Path) -> None:
    """Print one list; a hint goes to stderr where it is empty."""
    lists: dict[str, Callable[[], Rows]] = {
        "detectors": _detectors,
        "scenarios": lambda: _scenarios(scenarios),
        "metrics": _metrics,
        "runs": lambda: _runs(results),
    }
    rows = lists[what]()
    if not rows:
        where = f" in {scenarios if what == 'scenarios' else results}" if what in ("scenarios", "runs") else ""
        print(f"No {what}{where}.", file=sys.stderr)
        return
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _detectors() -> Rows:
    rows: Rows = []
    for name in registered():
        try:
            rows.append((name, card(name)))
        except Exception as error:  # another package's detector must not hide the rest
            rows.append((name, f"cannot be imported: {type(error).__name__}: {error}"))
    return rows


def _scenarios(folder: Path) -> Rows:
    rows: Rows = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            data = read_tree(file).data
            rows.append((str(file), str(data.get("title", "no title"))))
        except UsageError as error:
            rows.append((str(file), f"cannot be read: {error.where}: {error.problem}"))
    return rows


def _metrics() -> Rows:
    return [(metric.subject, metric.name, metric.unit, metric.title) for metric in METRICS.values()]


def _runs(results: Path) -> Rows:
    return [(run.scenario, run.run_id, run.status, run.updated_at, str(run.path)) for run in list_runs(results)]
