"""Every item held against what a run came to: by the interval, by the estimate only if that was asked for."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from simharness.errors import NotComparable
from simharness.metrics.catalogue import METRICS
from simharness.metrics.difference import Counts, counts_of, difference, same_throughout, supported
from simharness.metrics.estimates import Values, by_subject, estimate_of
from simharness.metrics.intervals import Interval
from simharness.metrics.sampled import NOTHING_SEEN, not_ruled_out
from simharness.pairing import Known, require_same_size, why_unpaired
from simharness.records import LADDER
from simharness.scenario.tree import did_you_mean
from simharness.suites.items import ARM, Item

Outcome = Literal["held", "missed", "inconclusive", "undefined", "failed"]
PASSED, MISSED, INCOMPLETE, INCONCLUSIVE, NOTHING_CHECKED = 0, 1, 3, 4, 5  # exit codes
Series = Mapping[tuple[str, str], Mapping[str, Values]]
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one item.

    ``op`` and ``bar``: what the number is held against, in the metric's unit (of not_worse what it comes to; None where
    a percentage is of nothing). ``held_in`` of ``of`` replications with a value keep the bar by themselves. ``why``:
    in words, where it did not hold or was decided otherwise than by the interval alone.
    """

    item: Item
    outcome: Outcome
    found: Interval
    unit: str
    op: str
    bar: float | None
    paired: bool | None  # None: not a difference
    held_in: int | None = None
    of: int | None = None
    why: str = ""

    @property
    def counts_as(self) -> Literal["held", "missed", "inconclusive", "failed", "skipped"]:
        """The outcome after ``on_missing``."""
        if self.outcome != "undefined":
            return self.outcome
        return {"fail": "missed", "inconclusive": "inconclusive", "skip": "skipped"}[  # type: ignore[return-value]
            self.item.expectation.on_missing
        ]


def judge(items: Sequence[Item], run: Known, base: Known | None = None, lost: Sequence[str] = ()) -> list[Judged]:
    """Every item in order. ``lost``: detectors that failed, by name: what rests on one is failed, whatever there is.

    Raises NotComparable where the base run cannot be held against this one, or has no such arm or detector.
    """
    series = by_subject(run.rows)
    other = by_subject(base.rows) if base is not None else {}
    paired = True
    if base is not None and any(item.in_base for item in items):
        require_same_size(base, run)
        paired = not why_unpaired(base, run)
    nobody = _nobody(series)
    return [_judged(item, series, other if item.in_base else series, paired, lost, nobody, run, base) for item in items]


def exit_code(judged: Sequence[Judged], *, incomplete: bool = False) -> int:
    """0 all held, 1 one missed, 3 incomplete, 4 one is open, 5 nothing that could fail was looked at; 3 wins over 1, 1
    over 4, 4 over 5.
    """
    decided = [each.counts_as for each in judged if each.item.expectation.severity == "fail"]
    if incomplete or any(each.outcome == "failed" for each in judged):
        return INCOMPLETE
    if "missed" in decided:
        return MISSED
    if "inconclusive" in decided:
        return INCONCLUSIVE
    return PASSED if "held" in decided else NOTHING_CHECKED


def as_json(each: Judged) -> dict[str, Any]:
    """One item as it stands in ``expectations.json`` (docs/run_folder.md)."""
    wanted = each.item.expectation
    return {
        "name": each.item.name,
        "file": each.item.file,
        "line": each.item.line,
        "subject": each.item.subject,
        "of": each.item.of,
        "metric": each.item.key,
        "versus": each.item.versus,
        "in_base": each.item.in_base,
        "severity": wanted.severity,
        "on_missing": wanted.on_missing,
        "outcome": each.outcome,
        "counts_as": each.counts_as,
        "op": each.op,
        "bar": each.bar,
        "bound": wanted.bound,
        "unit": each.unit,
        **asdict(each.found),
        "paired": each.paired,
        "held_in": each.held_in,
        "of_replications": each.of,
        "why": each.why,
    }


def _judged(
    item: Item,
    series: Series,
    other: Series,
    paired: bool,
    lost: Sequence[str],
    nobody: bool,
    run: Known,
    base: Known | None,
) -> Judged:
    unit = METRICS[item.subject, item.metric].unit
    empty = Judged(item, "undefined", _NONE, unit, item.expectation.op, _stated(item), None)
    needed = (
        _detector_of(item.subject, item.of, run),
        _detector_of(item.subject, item.versus, base if item.in_base else run),
    )
    if gone := [name for name in needed if name in lost]:
        return replace(empty, outcome="failed", why=f"the detector {gone[0]} failed in a replication")
    if item.versus is not None and item.in_base:
        _require_there(item, other, base)
    values = series.get((item.subject, item.of))
    against = None if item.versus is None else other.get((item.subject, item.versus))
    if values is None or (item.versus is not None and against is None):
        return replace(empty, why="no replication has results of it")
    if nobody:
        return replace(empty, why="no grooming conversation in any replication: nothing was put to the test")
    found, pairs, bar = _measured(item, values, against, paired or not item.in_base)
    found = _unseen(item, series, other, run, base if item.in_base else run) or found
    whole = replace(
        empty, found=found, bar=bar, op=_op(item), paired=None if against is None else paired or not item.in_base
    )
    return _decided(whole, pairs)


def _measured(
    item: Item, values: Mapping[str, Values], against: Mapping[str, Values] | None, paired: bool
) -> tuple[Interval, list[float | None], float | None]:
    """The number with its interval, its value in each replication, and the bar."""
    metric, stratum = METRICS[item.subject, item.metric], item.key.removeprefix(item.metric)
    lived = {number for each in values.values() for number in each}
    if against is None:
        estimate = estimate_of(item.subject, item.key, values)
        found = Interval(**{k: v for k, v in estimate.items() if k != "unit"}) if estimate else _NONE
        return found, list(counts_of(metric, stratum, values, sorted(lived)).each), _stated(item)
    theirs = {number for each in against.values() for number in each}
    both = (lived & theirs, lived & theirs) if paired else (lived, theirs)
    ours, base = (
        counts_of(metric, stratum, each, sorted(of)) for each, of in zip((values, against), both, strict=True)
    )
    return _difference(ours, base, paired), _each(ours, base, paired), _bar(item, against)


def _difference(ours: Counts, base: Counts, paired: bool) -> Interval:
    if paired and same_throughout(ours, base, paired=True):  # nothing tells the two apart: no chance in that
        return Interval(0.0, 0.0, 0.0, len(ours.each), _SAME)
    return difference(ours, base, paired=paired)


def _each(ours: Counts, base: Counts, paired: bool) -> list[float | None]:
    """The difference in each replication; none where they are not pairs."""
    if not paired:
        return []
    pairs = zip(ours.each, base.each, strict=True)
    return [None if one is None or other is None else one - other for one, other in pairs]


def _unseen(item: Item, series: Series, other: Series, run: Known, against: Known | None) -> Interval | None:
    """The interval where, on either side, none of the sampled harmless conversations was counted; None if one was."""
    ours = not_ruled_out(item.subject, item.of, item.key, series, run.scenario)
    if item.versus is None or ours is None:
        return ours
    assert against is not None
    theirs = not_ruled_out(item.subject, item.versus, item.key, other, against.scenario)
    if theirs is None:
        return None
    assert ours.low is not None and ours.high is not None and theirs.low is not None and theirs.high is not None
    return Interval(0.0, ours.low - theirs.high, ours.high - theirs.low, min(ours.n, theirs.n), NOTHING_SEEN)


def _decided(whole: Judged, values: Sequence[float | None]) -> Judged:
    found, bar, op = whole.found, whole.bar, whole.op
    if found.estimate is None:
        return replace(
            whole, outcome="undefined", why="undefined in every replication: divided by nothing, or none to count"
        )
    if bar is None:
        return replace(whole, outcome="undefined", why="the bar is a share of an estimate that is undefined")
    defined = [value for value in values if value is not None]
    if defined:
        whole = replace(whole, held_in=sum(_holds(op, value, bar) for value in defined), of=len(defined))
    bound = whole.item.expectation.bound
    if bound == "estimate":
        return replace(
            whole, outcome="held" if _holds(op, found.estimate, bar) else "missed", why="by the estimate alone"
        )
    certain = found.method in (_SAME, NOTHING_SEEN)
    if found.low is None or found.high is None or not (certain or supported(found)):
        few = f"{found.n} replication{'s' if found.n != 1 else ''} can carry no interval to decide by"
        return replace(whole, outcome="inconclusive", why=f"{few}: run more")
    whole = replace(whole, **_by_interval(op, bound, found.low, found.high, bar))
    return replace(whole, why=_ONLY_SAMPLED) if found.method == NOTHING_SEEN and found.low != found.high else whole


def _by_interval(op: str, bound: str | None, low: float, high: float, bar: float) -> dict[str, Any]:
    """Held where the bound that was asked for keeps the bar; missed where the whole interval fails it; else open."""
    if op == "==":
        if low == high == bar:
            return {"outcome": "held"}
        return {"outcome": "inconclusive", "why": _STRADDLES} if low <= bar <= high else {"outcome": "missed"}
    strict, lenient = (low, high) if op in (">=", ">") else (high, low)
    asked = {None: strict, "ci_low": low, "ci_high": high}[bound]
    if _holds(op, asked, bar):
        return {"outcome": "held"}
    return {"outcome": "inconclusive", "why": _STRADDLES} if _holds(op, lenient, bar) else {"outcome": "missed"}


def _holds(op: str, value: float, bar: float) -> bool:
    return value == bar if op == "==" else _COMPARE[op](value, bar)


def _op(item: Item) -> str:
    if item.expectation.op != "not_worse":
        return item.expectation.op
    return ">=" if METRICS[item.subject, item.metric].better == "higher" else "<="


def _stated(item: Item) -> float | None:
    return None if item.expectation.relative or item.expectation.op == "not_worse" else item.expectation.margin


def _bar(item: Item, against: Mapping[str, Values]) -> float | None:
    """The bar of a difference; of not_worse the margin on the worse side."""
    wanted = item.expectation
    if wanted.op != "not_worse":
        return wanted.margin
    margin = wanted.margin
    if wanted.relative:
        estimate = estimate_of(item.subject, item.key, against)
        if estimate is None or estimate["estimate"] is None:
            return None
        margin *= abs(estimate["estimate"])
    return -margin if _op(item) == ">=" else margin


def _nobody(series: Series) -> bool:
    """Whether no replication has a single grooming conversation, by the count of every detector and every arm."""
    counts = [
        value for (subject, _), each in series.items() for value in each.get(_GROOMING[subject == ARM], {}).values()
    ]
    return bool(counts) and not any(counts)


def _detector_of(subject: str, name: str | None, run: Known | None) -> str | None:
    """The detector that a subject's results rest on."""
    if name is None or run is None or subject != ARM:
        return name
    arm = (run.scenario.get("arms") or {}).get(name) or {}
    return arm.get("detector")


def _require_there(item: Item, other: Series, base: Known | None) -> None:
    names = [name for subject, name in other if subject == item.subject]
    if base is None or item.versus not in names:
        said = base.name if base is not None else "nothing"
        hint = did_you_mean(item.versus, names)
        raise NotComparable(
            f"{item.file}:{item.line}: {item.name}: the base run ({said}) has no results of {item.subject} "
            f"{item.versus!r}; it has: {', '.join(names)}." + (f"\n  {hint}" if hint else "")
        )


_GROOMING = ("grooming", f"at_risk[{LADDER[0]}:0d]")  # counted by detectors, and by arms
_SAME = "same in every replication"
_ONLY_SAMPLED = (
    "none was counted in the sample of harmless conversations, each of which stands for many: the bound is that of "
    "Poisson's distribution"
)
_NONE = Interval(None, None, None, 0, "none")
_STRADDLES = "the interval straddles the bar: run more replications, or set another bar"
