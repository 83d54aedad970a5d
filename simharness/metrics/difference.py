"""One metric on two sides, a candidate and a base: their difference with its interval, and a verdict on it.

Differences are candidate less base. Replications are paired where both sides lived through the same worlds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from simharness.errors import UsageError
from simharness.metrics.intervals import (
    LEVEL,
    Interval,
    paired_difference,
    ratio_difference,
    unpaired_difference,
    widened,
)
from simharness.metrics.metric import Metric

Number = float | None
Verdict = Literal["better", "worse", "higher", "lower", "same", "not worse", "unclear"]
BETTER: Verdict = "better"
WORSE: Verdict = "worse"


@dataclass(frozen=True, slots=True)
class Counts:
    """One metric over a side's replications, in their order: one value each, or for a ratio what is divided by what."""

    over: tuple[Number, ...]
    under: tuple[Number, ...] | None = None

    @property
    def each(self) -> tuple[Number, ...]:
        """The metric's own value in each replication; None where undefined."""
        if self.under is None:
            return self.over
        pairs = zip(self.over, self.under, strict=True)
        return tuple(None if over is None or not under else over / under for over, under in pairs)


def counts_of(
    metric: Metric, stratum: str, series: Mapping[str, Mapping[int, Number]], replications: Iterable[int]
) -> Counts:
    """A metric's counts from the values of one arm or detector (``estimates.by_subject``).

    ``stratum`` as in ``metric[stratum]``, with its brackets, or empty. A replication without a value counts as
    undefined there.
    """
    chosen = list(replications)

    def column(name: str) -> tuple[Number, ...]:
        values = series.get(name + stratum, {})
        return tuple(values.get(replication) for replication in chosen)

    if metric.estimator != "ratio":
        return Counts(column(metric.name))
    assert metric.numerator and metric.denominator
    return Counts(column(metric.numerator), column(metric.denominator))


def difference(candidate: Counts, base: Counts, *, paired: bool, level: float = LEVEL, compared: int = 1) -> Interval:
    """Candidate less base with an interval that is one of ``compared`` simultaneous ones at ``level``.

    Means and medians: Student-t of the paired differences, or Welch. Ratios: bootstrap over replications. Simultaneous
    by Bonferroni's inequality, each at 1 - (1 - level) / compared (Dunn 1961, Journal of the American Statistical
    Association 56, 52-64), that of a ratio :func:`widened`.
    Raises UsageError unless 0 < level < 1, or for paired sides of different length.
    """
    if not 0.0 < level < 1.0:
        raise UsageError("level", f"got {level}", allowed="a number between 0 and 1, both excluded")
    own_level = 1.0 - (1.0 - level) / compared
    if candidate.under is None or base.under is None:
        between = paired_difference if paired else unpaired_difference
        return between(candidate.over, base.over, own_level)
    found = ratio_difference(candidate.over, candidate.under, base.over, base.under, level, paired=paired)
    return widened(found, level, own_level)


def same_throughout(candidate: Counts, base: Counts, *, paired: bool) -> bool:
    """Whether no replication tells the two apart: equal pair by pair or, unpaired, one value everywhere on both sides.

    What is undefined everywhere tells nothing, and is not the same.
    """
    values = {*candidate.each, *base.each}
    if values == {None} or not values:
        return False
    if paired:
        return candidate == base
    return len(values) == 1


def verdict(
    found: Interval, better: Literal["higher", "lower"] | None, *, margin: float | None = None, level: float = LEVEL
) -> Verdict | None:
    """What an interval of candidate less base says; None where the difference is undefined.

    Without a margin: better or worse (higher or lower where neither is better) as soon as the interval leaves out 0.
    With a margin, in the metric's unit, the whole interval within it is ``same`` (equivalence), beyond it on the worse
    side ``worse``, and no further than it on that side ``not worse`` (non-inferiority: Piaggio et al. 2012, JAMA 308,
    2594-2604, figure 1); better needs only to leave out 0. Everything else is unclear, and so is what too few
    replications support (:func:`enough`). Raises UsageError for a negative margin.
    """
    if margin is not None and not margin >= 0.0:
        raise UsageError("margin", f"got {margin}", allowed="a number >= 0")
    if found.estimate is None:
        return None
    if not supported(found, level):
        return "unclear"
    assert found.low is not None and found.high is not None
    low, high = (found.low, found.high) if better != "lower" else (-found.high, -found.low)
    if margin is not None and -margin <= low and high <= margin:
        return "same"
    beyond = margin or 0.0
    if low > (0.0 if better else beyond):
        return BETTER if better else "higher"
    if high < -beyond:
        return WORSE if better else "lower"
    return "not worse" if better and margin is not None and low >= -margin else "unclear"


def enough(n: int, level: float = LEVEL) -> bool:
    """Whether n replications support a verdict without an assumed distribution.

    Where none is assumed (a bootstrap, or differences that are all equal), n replications on one side of 0 are all
    there is to go by, and by chance alone they fall there with probability 2 ** (1 - n) (sign test: Arbuthnott 1710).
    """
    return 2.0 ** (1 - n) <= 1.0 - level


def supported(found: Interval, level: float = LEVEL) -> bool:
    """Whether an interval can carry a verdict: there is one, and either Student's distribution or enough replications
    are behind it.
    """
    return found.low is not None and found.high is not None and (_by_student(found) or enough(found.n, level))


def times_better(candidate: Counts, base: Counts, better: Literal["higher", "lower"]) -> tuple[int, int]:
    """In how many pairs of replications the candidate was better, and how many pairs are defined on both sides."""
    pairs = zip(candidate.each, base.each, strict=True)
    defined = [(ours, theirs) for ours, theirs in pairs if ours is not None and theirs is not None]
    return sum((ours > theirs) if better == "higher" else (ours < theirs) for ours, theirs in defined), len(defined)


def _by_student(found: Interval) -> bool:
    """Whether the interval rests on Student's distribution: not a bootstrap, and not differences that are all equal."""
    return "bootstrap" not in found.method and found.low != found.high
