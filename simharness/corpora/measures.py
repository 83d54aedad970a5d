"""Numbers of a detector on a corpus, each with a 95 % interval. Undefined is None, never 0.

Conversations are counted as independent; where one author is in many, intervals are too narrow. An alert names the
author of the message that raised it: who made contact is not known in a corpus, and the first message is often the
other's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from simharness.corpora.reading import CorpusReading, DetectorReading
from simharness.metrics.early import ERDE_ORDERS, erde_costs, f_beta
from simharness.metrics.intervals import LEVEL, RESAMPLES, Interval, clopper_pearson, mean_interval
from simharness.metrics.weighted import linearised_share
from simharness.streams import uniform

BETA = 0.5  # PAN-2012 ranks by F_0.5: a wrongly named author costs more than a missed one
Numbers = dict[str, dict[str, Any]]  # name -> estimate, low, high, n, method, unit


def corpus_numbers(reading: CorpusReading, name: str) -> Numbers:
    """Every number of one detector; those that need labels only where the corpus has them."""
    detector = reading.detectors[name]
    alerted = detector.place >= 0
    found = {
        "alerted_share": _with(clopper_pearson(int(alerted.sum()), alerted.size), "share"),
        "messages_to_alert": _with(median_interval(detector.place[alerted] + 1), "messages"),
        "abstained_share": _with(linearised_share(detector.unscored, reading.messages), "share"),
    }
    if reading.positive is None:
        return found
    return found | _by_conversation(reading.positive, detector) | _by_author(reading, detector)


def _by_conversation(positive: NDArray[np.bool_], detector: DetectorReading) -> Numbers:
    alerted = detector.place >= 0
    right, false = int((alerted & positive).sum()), int((alerted & ~positive).sum())
    false_alerts = clopper_pearson(false, int((~positive).sum()))
    found = {
        "recall": _with(clopper_pearson(right, int(positive.sum())), "share"),
        "precision": _with(clopper_pearson(right, right + false), "share"),
        "false_alerts_per_1000_conversations": _with(false_alerts, "per 1,000 harmless conversations", 1000.0),
    }
    for order in ERDE_ORDERS:
        cost = mean_interval(erde_costs(positive, detector.place + 1, order))
        found[f"erde_{order}"] = _with(cost, "cost from 0 to 1")
    return found


def _by_author(reading: CorpusReading, detector: DetectorReading) -> Numbers:
    named = frozenset(detector.named[detector.place >= 0].tolist())
    right = len(named & reading.predators)
    false, missed = len(named) - right, len(reading.predators) - right
    others = reading.authors - right - false - missed
    return {
        "author_recall": _with(clopper_pearson(right, right + missed), "share"),
        "author_precision": _with(clopper_pearson(right, right + false), "share"),
        "author_f_0.5": _with(f_interval(right, false, missed, others), "from 0 to 1"),
    }


def f_interval(right: int, false: int, missed: int, others: int) -> Interval:
    """F_0.5 with a percentile bootstrap over authors: their four counts are one multinomial draw a resample."""
    n, method = right + false + missed + others, "percentile bootstrap"
    estimate = f_beta(right, false, missed, BETA)
    if not estimate:  # undefined, or 0: of no right answer a bootstrap makes none
        return Interval(estimate, None, None, n, method)
    left, chance, drawn = np.full(RESAMPLES, n), 1.0, []
    for step, count in enumerate((right, false, missed)):
        share = min(1.0, count / n / chance) if chance > 0 else 0.0
        draws = uniform(0, "corpus.authors", np.arange(RESAMPLES), step)
        drawn.append(binom.ppf(draws, left, share).astype(np.int64))
        left, chance = left - drawn[-1], chance - count / n
    counts = zip(*(column.tolist() for column in drawn), strict=True)
    scores = [f_beta(hits, wrong, lost, BETA) for hits, wrong, lost in counts]
    low, high = np.quantile([score for score in scores if score is not None], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(estimate, float(low), float(high), n, method)


def median_interval(values: NDArray[Any]) -> Interval:
    """The median with the interval of two order statistics that binomial chances give (Conover 1999, section 3.2)."""
    n, method = values.size, "order statistics"
    if n == 0:
        return Interval(None, None, None, 0, method)
    ordered = np.sort(values).astype(np.float64)
    below = int(binom.ppf((1.0 - LEVEL) / 2.0, n, 0.5))
    if below == 0:  # too few to say
        return Interval(float(np.median(ordered)), None, None, n, method)
    return Interval(float(np.median(ordered)), float(ordered[below - 1]), float(ordered[n - below]), n, method)


def _with(interval: Interval, unit: str, factor: float = 1.0) -> dict[str, Any]:
    ends = {name: getattr(interval, name) for name in ("estimate", "low", "high")}
    scaled = {name: None if value is None else value * factor for name, value in ends.items()}
    return scaled | {"n": interval.n, "method": interval.method, "unit": unit}


def failures(reading: CorpusReading) -> Mapping[str, str]:
    """Detectors that did not finish, and why, in words without any text."""
    return {
        name: f"{found.failure.kind.replace('_', ' ')} ({found.failure.type})"
        for name, found in reading.detectors.items()
        if found.failure is not None
    }
