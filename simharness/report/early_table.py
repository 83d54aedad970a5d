"""The table of early-detection measures: never one of earliness without the false alerts it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simharness.report.tables import Cell, Metrics, Table
from simharness.report.wording import BOUND, BOUND_LABEL, Estimate, cell

# Two numbers share a column, one below the other, so that the table fits a terminal of 120 columns.
_COLUMNS = (
    (("erde_5", "erde_50"), "ERDE_5; ERDE_50, x 1,000"),
    (("false_alert_rate",), "false alerts /1,000 child-months"),
    (("f_latency",), "F-latency (p = 0.0078)"),
    (("roc_area", "account_roc_area"), "ROC area; accounts"),
    (("pr_area", "account_pr_area"), "PR area; accounts"),
    (("brier",), "Brier score, x 1,000"),
)
_BY_1000 = ("erde_5", "erde_50", "brier")  # where one conversation in a thousand is grooming, they are small numbers
_SECOND = {"erde_50": "50", "account_roc_area": "accounts", "account_pr_area": "accounts"}
_LENGTH = {"roc_area": "length_roc_area", "pr_area": "length_pr_area"}
LENGTH_LABEL = ("length alone", "(baseline: reads nothing)")
_NOTES = (
    "ERDE, F-latency and false alerts at the level of the table above, messages of both sides counted; areas over all "
    "levels, of the highest risk. Harmless conversations at full volume; the share of grooming among all is what "
    "alerting on nobody costs in ERDE, and the PR area of chance.",
    "ERDE (0 best): a missed conversation costs 1, a false alert that share, a right one more the later it comes, half "
    "at message 5 or 50. F-latency (1 best) is F_1 less a penalty for lateness; p belongs to the data, and is the one "
    "that eRisk fixes (half at message 142).",
    "Accounts: an offender has the highest risk of its conversations, each harmless account one conversation here, so "
    "part of the difference from conversations is in that number. Brier score (0 best): of the probability after the "
    "last message.",
)


def early_table(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """Every detector, and the number of messages alone as baseline; nothing where there is no detector."""
    detectors, n = summary["estimates"]["detectors"], summary["replications"]
    if not detectors:
        return ()
    rows: list[tuple[Cell, ...]] = []
    for name, metrics in detectors.items():
        label: Cell = (name, BOUND_LABEL) if name == BOUND else (name,)
        rows.append((label, *(_stacked(keys, metrics, n) for keys, _ in _COLUMNS)))
    lengths = next(iter(detectors.values()))
    rows.append((LENGTH_LABEL, *(_of_length(keys[0], lengths, n) for keys, _ in _COLUMNS)))
    columns = ("detector", *(words for _, words in _COLUMNS))
    return (Table("Early-detection measures", columns, tuple(rows), _NOTES),)


def _stacked(keys: tuple[str, ...], metrics: Metrics, n: int) -> Cell:
    lines: list[str] = []
    for key in keys:
        first, *others = cell(key, _shown(key, metrics), n)
        lines += [f"{_SECOND[key]}: {first}" if key in _SECOND else first, *others]
    return tuple(lines)


def _shown(key: str, metrics: Metrics) -> Estimate | None:
    found = metrics.get(key)
    if found is None or key not in _BY_1000:
        return found
    ends = {end: None if found[end] is None else 1000.0 * found[end] for end in ("estimate", "low", "high")}
    return {**found, **ends, "unit": "per 1,000 conversations"}


def _of_length(key: str, metrics: Metrics, n: int) -> Cell:
    known = _LENGTH.get(key)
    return cell(known, metrics.get(known), n) if known else ("-",)
