"""When a run is precise enough: looks at stated numbers of replications, each at a level that pays for all of them.

Stopping at the first plain 95 % interval that looks narrow enough stops where chance has made the spread look small,
so that interval covers less than 95 %. Here every one of K planned looks uses an interval of level 1 - 0.05 / K
(Bonferroni, an equal spending of the error over the looks): all K cover together with at least 95 %, so the one that
stops the run does, whatever decided between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from simharness.errors import UsageError
from simharness.metrics.catalogue import METRICS
from simharness.metrics.difference import enough
from simharness.metrics.estimates import by_subject, estimate_of
from simharness.metrics.intervals import EXPANDED, LEVEL
from simharness.metrics.rows import Row
from simharness.scenario.model import Scenario
from simharness.scenario.precision import Precision
from simharness.scenario.tree import did_you_mean

RULE = (
    "The run looks only at the planned numbers of replications, and each of K looks uses an interval of level "
    "1 - 0.05 / K (Bonferroni), so the interval that stops it covers with at least 95 % whatever the look. The "
    "bootstrap of a ratio has none before six replications."
)
_KEY = re.compile(r"([a-z0-9_]+)(\[[^\[\]]+\])?")


@dataclass(frozen=True, slots=True)
class Look:
    """One look. ``half_width``: the longer side of the interval, in the metric's unit; None where there is none, or all
    values are equal, which says nothing of their spread, or a bootstrap has too few replications.
    """

    replications: int
    half_width: float | None


def require_known_metric(scenario: Scenario) -> None:
    """Raise UsageError where ``precision`` names a metric that is not in the catalogue."""
    precision = scenario.precision
    if precision is None:
        return
    kind, _ = precision.subject
    known = [metric for subject, metric in METRICS if subject == kind]
    match = _KEY.fullmatch(precision.metric)
    if match is None or match[1] not in known:
        name = match[1] if match else precision.metric
        hint = did_you_mean(name, known)
        allowed = f"a metric of {_an(kind)}, or metric[stratum]; see: simharness list metrics"
        raise UsageError("precision.metric", f"unknown metric {precision.metric!r}", allowed=allowed, hint=hint)


def require_measured(scenario: Scenario, rows: Sequence[Row]) -> None:
    """Raise UsageError where the rows of finished replications hold no such stratum: no look would ever find it."""
    precision = scenario.precision
    if precision is None:
        return
    metrics = by_subject(rows).get(precision.subject, {})
    if metrics and estimate_of(precision.subject[0], precision.metric, metrics) is None:
        base = METRICS[precision.subject[0], precision.metric.partition("[")[0]]
        strata = [key for key in metrics if key.partition("[")[0] == (base.numerator or base.name)]
        names = [base.name + key.removeprefix(base.numerator or base.name) for key in strata]
        said = f"{precision.metric!r} of {precision.subject[1]} is not measured in this scenario"
        allowed = ", ".join(names) or "a metric that is"
        raise UsageError("precision.metric", said, allowed=allowed, hint=did_you_mean(precision.metric, names))


def looks_taken(scenario: Scenario, rows: Iterable[Row]) -> list[Look]:
    """The looks whose replications have all finished, up to the first that is narrow enough.

    ``rows``: of replications, not of single nations. The same rows give the same looks, so a run that is continued
    takes those that it would have taken at once. A replication without the arm or detector does not count.
    """
    precision = scenario.precision
    assert precision is not None
    planned, rows = precision.looks(scenario.replications), list(rows)
    finished = {row.replication for row in rows}
    taken: list[Look] = []
    for replications in planned:
        if not finished.issuperset(range(replications)) or (taken and _enough(precision, taken[-1])):
            break
        found = _estimate(scenario, rows, replications)
        taken.append(Look(replications, None if found is None else half_width(found)))
    return taken


def replications_needed(scenario: Scenario, rows: Iterable[Row]) -> int:
    """How many replications the run is to have, as far as its finished ones tell."""
    precision = scenario.precision
    if precision is None:
        return scenario.replications
    planned, taken = precision.looks(scenario.replications), looks_taken(scenario, rows)
    if taken and (_enough(precision, taken[-1]) or len(taken) == len(planned)):
        return taken[-1].replications
    return planned[len(taken)]


def precision_reached(scenario: Scenario, rows: Sequence[Row]) -> dict[str, Any] | None:
    """What ``summary.json`` says of the precision that was asked for; None where none was."""
    precision = scenario.precision
    if precision is None:
        return None
    taken, planned = looks_taken(scenario, rows), precision.looks(scenario.replications)
    found = _estimate(scenario, rows, taken[-1].replications) if taken else None
    kind, name = precision.subject
    return {
        "metric": precision.metric,
        "subject": kind,
        "name": name,
        "wanted": precision.half_width,
        "reached": bool(taken) and _enough(precision, taken[-1]),
        "half_width": taken[-1].half_width if taken else None,
        "level": level_of_look(len(planned)),
        "interval": found,
        "looks": [asdict(look) for look in taken],
        "planned": list(planned),
        "replications": taken[-1].replications if taken else 0,
        "rule": RULE,
    }


def level_of_look(looks: int, level: float = LEVEL) -> float:
    """Level of the interval at each of ``looks`` planned looks, so that all of them cover with ``level`` at least."""
    return 1.0 - (1.0 - level) / looks


def half_width(found: dict[str, Any]) -> float | None:
    """The longer side of an estimate's interval; None where there is no interval, or one of no width.

    None as well of a ratio's bootstrap from fewer than six replications: no resample leaves the range of so few values,
    and the true one lies outside it too often, whatever the level.
    """
    if found["low"] is None or found["high"] is None or found["low"] == found["high"]:
        return None
    if found["method"] == EXPANDED and not enough(found["n"]):
        return None
    return float(max(found["high"] - found["estimate"], found["estimate"] - found["low"]))


def _estimate(scenario: Scenario, rows: Iterable[Row], replications: int) -> dict[str, Any] | None:
    precision = scenario.precision
    assert precision is not None
    metrics = by_subject(row for row in rows if row.replication < replications).get(precision.subject, {})
    level = level_of_look(len(precision.looks(scenario.replications)))
    return estimate_of(precision.subject[0], precision.metric, metrics, level)


def _enough(precision: Precision, look: Look) -> bool:
    return look.half_width is not None and look.half_width <= precision.half_width


def _an(kind: str) -> str:
    return "an arm" if kind == "arm" else "a detector"
