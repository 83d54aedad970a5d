"""Two runs, or two arms or detectors, held against each other: in which metrics, with which intervals, what verdicts.

Pure: it takes tidy rows and what is known of the runs, and gives plain data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from simharness.errors import UsageError
from simharness.metrics.catalogue import METRICS
from simharness.metrics.difference import WORSE, Counts, counts_of, difference, same_throughout, times_better, verdict
from simharness.metrics.estimates import Values, by_subject, estimates
from simharness.metrics.intervals import LEVEL
from simharness.metrics.rows import Row
from simharness.pairing import Known, differences, require_same_size, why_unpaired
from simharness.scenario.tree import did_you_mean

ARM, DETECTOR = "arm", "detector"
DEFAULTS = {
    ARM: (
        "children_harmed",
        "offences",
        "meetings",
        "contacts",
        "children_made_worse",
        "false_alerts_per_1000_child_months",
        "wrong_referrals",
        "human_hours",
        "benign_read",
        "lead_time_days",
    ),
    DETECTOR: (
        "recall",
        "recall_before_offence",
        "precision",
        "false_alert_rate",
        "messages_to_alert",
        "delay_over_bound",
    ),
}
PASSED, REGRESSED, INCONCLUSIVE, NOTHING_CHECKED = 0, 1, 4, 5  # exit codes of a gate
_NAMED = 10  # strata named in an error
_KEY = re.compile(r"(?P<name>\w+)(?P<stratum>\[[^\[\]]+\])?")

Pair = tuple[str, str, str]  # subject (arm or detector), its name in the base run, its name in the candidate run
Series = Mapping[tuple[str, str], Mapping[str, Values]]


@dataclass(frozen=True, slots=True)
class Margin:
    """How much worse does not matter: in the metric's unit, or as a share of the base's estimate."""

    value: float
    relative: bool = False


def compare(
    base: Known,
    candidate: Known,
    pairs: Sequence[Pair],
    *,
    metrics: Sequence[str] = (),
    every: bool = False,
    margins: Mapping[str, Margin] | None = None,
    level: float = LEVEL,
) -> dict[str, Any]:
    """Every pair in every metric asked for (``metrics``, or ``every`` one, or a short list), as plain JSON values.

    Intervals are simultaneous at ``level`` over all comparisons but those in which no replication tells the two sides
    apart: these cannot be called different by chance (Tarone 1990, Biometrics 46, 515-522). Raises NotComparable where
    the runs differ in size or period, UsageError for an unknown metric, a stratum that neither has, or a
    margin that nothing is held to.
    """
    require_same_size(base, candidate)
    reasons = why_unpaired(base, candidate)
    margins = margins or {}
    series = by_subject(base.rows), by_subject(candidate.rows)
    keys = {pair: _keys(pair, series, metrics, every) for pair in pairs}
    _require_known(metrics, margins, {pair[0] for pair in pairs}, {key for shown in keys.values() for key in shown})
    _require_strata(metrics, series, pairs)
    sides = [_Sides.of(pair, keys[pair], series, (base.rows, candidate.rows), paired=not reasons) for pair in pairs]
    compared = sum(each.told_apart(key) for each in sides for key in each.keys)
    return {
        "paired": not reasons,
        "why_unpaired": reasons,
        "settings": [list(each) for each in differences(base.scenario, candidate.scenario)],
        "level": level,
        "compared": compared,
        "level_of_each": 1.0 - (1.0 - level) / max(1, compared),
        "comparisons": [
            each.compared(key, margins.get(key), level, max(1, compared)) for each in sides for key in each.keys
        ],
    }


def gate(comparisons: Sequence[Mapping[str, Any]], lost: Sequence[str] = ()) -> tuple[int, list[str]]:
    """Exit code of a check on regressions, and what decides it: metrics, or what was ``lost``.

    1 if any metric is worse (beyond its margin, where it has one), else 4 if one with a margin is unclear or undefined,
    or if an arm or detector was ``lost``: the candidate should have results of it and has none. Else 5 if there was
    nothing that could have been worse, else 0.
    """
    held = [each for each in comparisons if each["better"] is not None]
    worse = [each for each in held if each["verdict"] == WORSE]
    unsettled = [each for each in held if each["margin_given"] and each["verdict"] in (None, "unclear")]
    if worse or unsettled or lost:
        deciding = [f"{each['candidate']} {each['metric']}" for each in worse or unsettled]
        return (REGRESSED, deciding) if worse else (INCONCLUSIVE, [*deciding, *lost])
    return (PASSED if any(each["verdict"] is not None for each in held) else NOTHING_CHECKED), []


@dataclass(frozen=True, slots=True)
class _Sides:
    """One pair: the values of base and candidate by metric, and the replications of each that are compared."""

    subject: str
    names: tuple[str, str]
    keys: list[str]
    values: tuple[Mapping[str, Values], Mapping[str, Values]]
    replications: tuple[list[int], list[int]]
    estimates: tuple[Mapping[str, Any], Mapping[str, Any]]
    paired: bool

    @classmethod
    def of(
        cls,
        pair: Pair,
        keys: list[str],
        series: tuple[Series, Series],
        rows: tuple[Sequence[Row], Sequence[Row]],
        *,
        paired: bool,
    ) -> _Sides:
        subject, *names = pair
        values = [found[subject, name] for found, name in zip(series, names, strict=True)]
        lived = [{number for each in metrics.values() for number in each} for metrics in values]
        if paired:
            lived = [lived[0] & lived[1]] * 2
        wanted = {column for key in keys for column in _columns(subject, key)}
        given = zip(rows, names, lived, strict=True)
        base, candidate = (_estimates(each, subject, name, wanted, numbers) for each, name, numbers in given)
        first, second = (sorted(numbers) for numbers in lived)
        return cls(
            subject, (pair[1], pair[2]), keys, (values[0], values[1]), (first, second), (base, candidate), paired
        )

    def counts(self, key: str) -> tuple[Counts, Counts]:
        """Candidate and base."""
        name, stratum = _split(key)
        sides = zip(self.values, self.replications, strict=True)
        base, candidate = (counts_of(METRICS[self.subject, name], stratum, *each) for each in sides)
        return candidate, base

    def told_apart(self, key: str) -> bool:
        """Whether there is a difference that chance could have made."""
        candidate, base = self.counts(key)
        if same_throughout(candidate, base, paired=self.paired):
            return False
        return difference(candidate, base, paired=self.paired).low is not None

    def compared(self, key: str, margin: Margin | None, level: float, compared: int) -> dict[str, Any]:
        """One metric, with an interval that is one of ``compared`` simultaneous ones."""
        metric, counts = METRICS[self.subject, _split(key)[0]], self.counts(key)
        same = same_throughout(*counts, paired=self.paired)
        found = difference(*counts, paired=self.paired, level=level, compared=compared)
        base, candidate = (side.get(key) for side in self.estimates)
        allowed = _allowed(margin, base)
        times = times_better(*counts, metric.better) if self.paired and metric.better else None
        return {
            "subject": self.subject,
            "base": self.names[0],
            "candidate": self.names[1],
            "metric": key,
            "title": metric.title,
            "unit": metric.unit,
            "better": metric.better,
            "base_estimate": base,
            "candidate_estimate": candidate,
            "difference": asdict(found),
            "same_throughout": same,
            "better_in": times and {"times": times[0], "of": times[1]},
            "margin_given": margin is not None,
            "margin": allowed,
            "verdict": "same" if same else verdict(found, metric.better, margin=allowed, level=level),
        }


def _allowed(margin: Margin | None, base: Mapping[str, Any] | None) -> float | None:
    """A margin in the metric's unit; None where there is none, or it is a share of what is undefined."""
    if margin is None:
        return None
    if not margin.relative:
        return margin.value
    estimate = None if base is None else base["estimate"]
    return None if estimate is None else margin.value * abs(estimate)


def _estimates(
    rows: Iterable[Row], subject: str, name: str, wanted: set[str], replications: set[int]
) -> Mapping[str, Any]:
    """One side's own estimates by metric, over the replications that are compared."""
    kept = (
        row
        for row in rows
        if (row.arm if subject == ARM else row.detector) == name
        and row.metric in wanted
        and row.replication in replications
    )
    return estimates(kept)[f"{subject}s"].get(name, {})


def _keys(pair: Pair, series: tuple[Series, Series], metrics: Sequence[str], every: bool) -> list[str]:
    """Metrics to show of a pair, as ``metric`` or ``metric[stratum]``."""
    subject, *names = pair
    if not every:
        asked = dict.fromkeys(metrics or DEFAULTS[subject])  # one named twice is one comparison
        return [key for key in asked if (subject, _split(key)[0]) in METRICS]
    known = {key for found, name in zip(series, names, strict=True) for key in found[subject, name]}
    keys = []
    for of, name in METRICS:
        if of == subject:
            first, *others = _columns(subject, name)
            strata = sorted(_split(key)[1] for key in known if _split(key)[0] == first)
            # A ratio of every stratum that both of its counts have.
            keys += [name + each for each in strata if all(other + each in known for other in others)]
    return keys


def _columns(subject: str, key: str) -> tuple[str, ...]:
    """The names under which a metric's values stand in the rows: its own, or those of a ratio's two counts."""
    metric = METRICS[subject, _split(key)[0]]
    if metric.numerator is None or metric.denominator is None:
        return (metric.name,)
    return metric.numerator, metric.denominator


def _require_known(metrics: Sequence[str], margins: Mapping[str, Margin], subjects: set[str], shown: set[str]) -> None:
    names = [name for subject, name in METRICS if subject in subjects]
    for key in metrics:
        if _split(key)[0] not in names:
            of = " or ".join(f"{subject}s" for subject in sorted(subjects))
            allowed = f"a metric of {of}: see simharness list metrics"
            raise UsageError(f"--metric {key}", "unknown metric", allowed=allowed, hint=did_you_mean(key, names))
    for key in margins:
        if key not in shown:
            allowed = ", ".join(sorted(shown))
            hint = did_you_mean(key, shown) or f"Add --metric {key}, so that it is compared."
            raise UsageError(f"--margin {key}", "no such metric is compared", allowed=allowed, hint=hint)


def _require_strata(metrics: Sequence[str], series: tuple[Series, Series], pairs: Sequence[Pair]) -> None:
    """A stratum that neither run has is misspelt, and would pass every check unseen. Raises UsageError."""
    for key in metrics:
        name, stratum = _split(key)
        there: set[str] = set()
        for subject, *names in pairs:
            if stratum and (subject, name) in METRICS:
                first = _columns(subject, name)[0]
                for found, each in zip(series, names, strict=True):
                    there |= {_split(column)[1] for column in found[subject, each] if _split(column)[0] == first}
        strata = [f"{name}{each}" for each in sorted(there - {""})]
        if stratum and stratum not in there:
            shown = ", ".join(strata[:_NAMED]) + (", ..." if len(strata) > _NAMED else "")
            allowed = shown or f"{name} alone: neither run has parts of it"
            raise UsageError(f"--metric {key}", "no such stratum", allowed=allowed, hint=did_you_mean(key, strata))


def _split(key: str) -> tuple[str, str]:
    """Name and stratum, the latter with its brackets or empty. Raises UsageError."""
    found = _KEY.fullmatch(key)
    if found is None:
        raise UsageError(f"--metric {key}", "not a metric's name", allowed="name or name[stratum]")
    return found["name"], found["stratum"] or ""
