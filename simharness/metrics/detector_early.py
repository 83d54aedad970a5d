"""Early-detection measures of one detector in one replication: conversations, and accounts, as subjects.

Harmless conversations are sampled and count at full volume: each stands for 1 / ``benign_fraction``. An offender's
account has the highest risk of its conversations; what is sampled of harmless traffic is conversations, so each
harmless account has one here, and precision over accounts is lower than if theirs were put together too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simharness.metrics.censored import median_time
from simharness.metrics.detectors import false_alert_rate
from simharness.metrics.early import ERISK_P, erde, f_beta, f_latency, latency_tp, speed
from simharness.metrics.net_benefit import net_benefit, threshold_of
from simharness.metrics.probability import brier, murphy, probability_of
from simharness.metrics.ranking import average_precision, highest_by, ranking, roc_area
from simharness.outcomes.readings import Reading
from simharness.outcomes.traces import Traces
from simharness.world.clock import DAY_S
from simharness.world.model import WorldModel

Number = float | None
WITHIN = (10, 50, 100)  # messages
FALSE_PER_OFFENCE = (10, 100, 1000)  # false alerts that weigh as much as one offence alerted on in time


@dataclass(frozen=True, slots=True)
class _Read:
    grooming: Traces
    harmless: Traces
    weight: float  # of a harmless conversation

    def both(self, column: str) -> NDArray[np.float64]:
        """A column of the grooming conversations and then of the harmless ones."""
        return np.concatenate([getattr(self.grooming, column), getattr(self.harmless, column)])

    @property
    def subjects(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Labels and weights in that order."""
        return _labelled(len(self.grooming), len(self.harmless), self.weight)


def early_numbers(model: WorldModel, reading: Reading) -> dict[str, Number]:
    """Every early-detection measure without a stratum, by name; None where undefined."""
    read = _read(model, reading)
    false = float((read.harmless.alert > 0).sum()) * read.weight
    months = model.child_months / 1000.0
    return {
        **_lateness(read, false),
        **_areas(read),
        **_accounts(read, false),
        "alerts_per_1000_child_months": int(reading.alerted[reading.levels.measured]) / months
        + false_alert_rate(model, reading),
        **_censored(model, read.grooming),
        **_calibration(reading, read),
    }


def early_strata(model: WorldModel, reading: Reading) -> Iterator[tuple[str, str, Number]]:
    """(metric, stratum, value): by stage, by messages, and by the weight of a false alert."""
    names = model.grammar.stage_names
    for stage in model.grammar.grooming_stages:
        yield "reached_stage", names[stage], int(reading.reached[stage])
        yield "alerted_before_stage", names[stage], int(reading.before[stage])
    alert = Traces.joined(reading.traces).alert
    for most in WITHIN:
        share = float(((alert > 0) & (alert <= most)).mean()) if alert.size else None
        yield "alerted_within", str(most), share
    in_time, false = float(reading.in_time[reading.levels.measured]), false_alert_rate(model, reading)
    months = model.child_months / 1000.0
    for count in FALSE_PER_OFFENCE:
        yield "net_benefit", str(count), net_benefit(in_time, false * months, months, threshold_of(count))


def length_areas(model: WorldModel, readings: Mapping[str, Reading]) -> dict[str, Number]:
    """How well the number of messages alone ranks conversations: the same whatever reads them, and shown with each."""
    for reading in readings.values():
        read = _read(model, reading)
        positive, weight = read.subjects
        found = ranking(positive, read.both("messages"), weight)
        return {"length_roc_area": roc_area(found), "length_pr_area": average_precision(found)}
    return {}


def _read(model: WorldModel, reading: Reading) -> _Read:
    weight = 1.0 / model.scenario.sampling.benign_fraction
    return _Read(Traces.joined(reading.traces), Traces.joined(reading.benign_traces), weight)


def _labelled(positives: int, negatives: int, weight: float) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    positive = np.arange(positives + negatives) < positives
    return positive, np.where(positive, 1.0, weight)


def _lateness(read: _Read, false: float) -> dict[str, Number]:
    """ERDE and F_latency. All that counts of harmless conversations is how many were alerted on: two subjects do."""
    alert, silent = read.grooming.alert, len(read.harmless) * read.weight - false
    positive = np.arange(alert.size + 2) < alert.size
    k, weight = np.append(alert, [1, 0]), np.append(np.ones(alert.size), [false, silent])
    return {
        "messages_to_alert": latency_tp(alert),
        "erde_5": erde(positive, k, 5, weight),
        "erde_50": erde(positive, k, 50, weight),
        "speed": speed(alert, ERISK_P),
        "f_latency": f_latency(positive, k, ERISK_P, weight),
    }


def _areas(read: _Read) -> dict[str, Number]:
    positive, weight = read.subjects
    of_conversations = ranking(positive, read.both("peak"), weight)
    _, offenders = highest_by(read.grooming.initiator, read.grooming.peak)
    positive, weight = _labelled(offenders.size, len(read.harmless), read.weight)
    of_accounts = ranking(positive, np.concatenate([offenders, read.harmless.peak]), weight)
    return {
        "roc_area": roc_area(of_conversations),
        "pr_area": average_precision(of_conversations),
        "account_roc_area": roc_area(of_accounts),
        "account_pr_area": average_precision(of_accounts),
    }


def _accounts(read: _Read, false: float) -> dict[str, Number]:
    grooming = read.grooming
    offenders = int(np.unique(grooming.initiator).size)
    detected = int(np.unique(grooming.initiator[grooming.alert > 0]).size)
    return {
        "offenders": offenders,
        "offenders_detected": detected,
        "accounts_alerted": detected + false,
        "account_f_half": f_beta(detected, false, offenders - detected, 0.5),
    }


def _censored(model: WorldModel, grooming: Traces) -> dict[str, Number]:
    happened = grooming.alert > 0
    messages = np.where(happened, grooming.alert, grooming.messages).astype(np.float64)
    days = (model.clock.wall(grooming.until) - model.clock.wall(grooming.start)) / DAY_S
    return {
        "messages_to_alert_censored": median_time(messages, happened),
        "days_to_alert_censored": median_time(days, happened),
    }


def _calibration(reading: Reading, read: _Read) -> dict[str, Number]:
    """Of the risk after the last message: the highest of a conversation's probabilities is not calibrated even where
    each of them is, because it is picked for being high.
    """
    given = _probabilities(reading, read.both("last"))
    if given is None:
        return {"brier": None, "calibration_reliability": None}
    positive, weight = read.subjects
    parts = murphy(positive, given, weight)
    return {
        "brier": brier(positive, given, weight),
        "calibration_reliability": None if parts is None else parts.reliability,
    }


def _probabilities(reading: Reading, last: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The last risk as a probability of grooming, nan where there is none; None for a detector that gives no such.

    The bound gives log-odds; any other says so by its declared range, from 0 to 1, of a risk that it keeps itself. A
    score of single messages is no probability of a conversation, whatever its range and its aggregator.
    """
    scorer = reading.scorer
    if scorer.privileged:
        return np.where(np.isneginf(last), np.nan, probability_of(last))
    if scorer.reads_texts or scorer.guard.declared.range != (0.0, 1.0) or scorer.guard.declared.direction == "lower":
        return None
    return np.where(np.isneginf(last), np.nan, last.astype(np.float64))
