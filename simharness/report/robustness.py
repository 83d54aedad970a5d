"""The robustness table laid out: a row a dial, a column a detector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simharness.report.markdown import section
from simharness.report.tables import Cell, Table
from simharness.report.wording import BANNER, NOT_APPLICABLE, interval, point

_TABLES = (
    ("early", "Offences alerted on before they happen, % of offences"),
    ("loss", "Loss of it against the base world, in percentage points"),
    ("loss_beyond_bound", "Loss beyond what the bound loses under the same dial, in percentage points"),
    ("detected", "Grooming conversations alerted on at all, before an offence or after it, %"),
    ("false_alerts", "False alerts seen per 1,000 child-months"),
)
_BASE_TOO = ("early", "detected", "false_alerts")


def tables(found: Mapping[str, Any]) -> tuple[Table, ...]:
    """One table for each number; ``found`` as ``simharness.robustness`` gives it."""
    return tuple(_table(found, key, title) for key, title in _TABLES)


def notes(found: Mapping[str, Any]) -> tuple[str, ...]:
    """What the tables rest on, and where each detector is weakest."""
    titles, rate = _titles(found), found["false_alerts_per_1000_child_months"]
    worst = [
        f"{detector}: {titles[dial] if dial else 'none costs it anything'}" for detector, dial in found["worst"].items()
    ]
    return (
        BANNER,
        f"Detectors are trained without stress; alert levels are set under each dial, at {rate:.2g} false alerts per "
        f"1,000 child-months. Intervals are Student-t 95 % over {found['replications']} paired replications; a loss "
        "below 0 is a gain.",
        "The strength of every dial is assumed. The bound is told the grammar of each dial; no detector is.",
        f"Worst dial of each detector: {'; '.join(worst)}.",
    )


def page(found: Mapping[str, Any]) -> str:
    """The whole as Markdown."""
    parts = ["# Robustness", *notes(found), *(part for table in tables(found) for part in section(table))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(found: Mapping[str, Any], key: str, title: str) -> Table:
    rows = {(row["dial"], row["detector"]): row for row in found["rows"]}
    detectors = [name for name in found["worst"] if key != "loss_beyond_bound" or not _bound(found, name)]
    dials = [name for name in _titles(found) if key in _BASE_TOO or name != found["base"]]
    body = tuple(((_titles(found)[dial],), *(_cell(rows[dial, name][key]) for name in detectors)) for dial in dials)
    columns = ("", *(f"{name} (bound)" if _bound(found, name) else name for name in detectors))
    return Table(title, columns, body, dense=True)


def _cell(estimate: Mapping[str, Any] | None) -> Cell:
    if estimate is None or estimate["estimate"] is None:
        return (NOT_APPLICABLE,)
    between = interval(estimate)
    return (f"{point(estimate)} ({between})" if between else point(estimate),)


def _bound(found: Mapping[str, Any], detector: str) -> bool:
    return any(row["bound"] for row in found["rows"] if row["detector"] == detector)


def _titles(found: Mapping[str, Any]) -> dict[str, str]:
    return {dial["name"]: dial["title"] for dial in found["dials"]}
