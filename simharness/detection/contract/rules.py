"""The rules themselves. Each feeds a detector something, looks at what comes out, and says what was expected instead.

A rule is a function of the trial; it gives back None where it holds, or a :class:`Broken` that names the problem. An
answer that cannot be used at all (DetectorFailed) is told by whoever runs the rules.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.detection.contract import samples as fed
from simharness.detection.contract.probe import (
    EVENTS,
    MESSAGES,
    Floats,
    Probe,
)
from simharness.detection.rows import first_messages, place_of, take_rows
from simharness.records import ConversationBatch
from simharness.streams import uniform

TOLERANCE = 1e-4  # of the spread of all scores: the last bits of sums may differ, and no more
CUTS = (1, 2, 9, 30)
_GROWTH_BYTES = 24e6
_WRONG_WAY = -4.0  # standard errors of the rank sum


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that does not hold."""

    problem: str
    fed: str
    got: str
    expected: str


@dataclass(slots=True)
class Trial:
    """One detector on trial: the trained probe, how to make and train it again, and what it is fed."""

    probe: Probe
    again: Callable[[], Probe]
    samples: fed.Samples
    risk: Floats  # of ``samples.batch``, asked once

    @property
    def batch(self) -> ConversationBatch:
        return self.samples.batch


Rule = Callable[[Trial], Broken | None]


def past_only(trial: Trial) -> Broken | None:
    """Only the past: cut off the future, or scramble it, and the same numbers come out."""
    if trial.probe.reads == MESSAGES:
        return _each_text_by_itself(trial)
    batch, place = trial.batch, place_of(trial.batch)
    for cut in CUTS:
        past = place < cut
        futures: dict[str, tuple[ConversationBatch, Any]] = {
            "cut off after": (first_messages(batch, cut), slice(None)),
            "changed after": (_scrambled(batch, past), past),
        }
        for how, (other, kept) in futures.items():
            given = trial.probe.risk(other)[kept]
            where = _differs(trial.risk[past], given, trial.risk)
            if where is not None:
                message = int(np.flatnonzero(past)[where])
                return _leak(trial, message, trial.risk[past][where], given[where], f"{how} {cut}")
    return None


def _leak(trial: Trial, message: int, whole: float, other: float, how: str) -> Broken:
    row = int(np.searchsorted(trial.batch.end, message, side="right"))
    number = message - trial.batch.begin[row] + 1
    return Broken(
        "it sees the future: what comes after a message changes the number it gives for that message",
        f"{len(trial.batch)} conversations whole, and the same with everything {how} message(s)",
        f"message {number} of conversation {row + 1}: {whole:g} with what follows, {other:g} otherwise",
        "the same number both times: no platform has the next message yet",
    )


def _each_text_by_itself(trial: Trial) -> Broken | None:
    texts = [trial.batch.text(message) for message in range(trial.batch.symbol.size)]
    order = np.argsort(uniform(1, "contract.order", np.arange(len(texts))), kind="stable")
    given = np.empty(len(texts), np.float32)
    given[order] = trial.probe.score([texts[i] for i in order])
    where = _differs(trial.risk, given, trial.risk)
    if where is None:
        return None
    return Broken(
        "a text's score depends on the texts before or after it in the list, so it may see the next message",
        f"{len(texts)} texts, and the same in another order",
        f"text {where + 1}: {trial.risk[where]:g} at first, {given[where]:g} in another order",
        "the same number: score(texts) judges each text by itself; give risk(batch) instead to judge conversations",
    )


def repeated_texts(trial: Trial) -> Broken | None:
    """A text that is sent twice has a score each time, and the same one."""
    if trial.probe.reads != MESSAGES:
        return None
    texts = [f"{trial.batch.text(message)} {message}" for message in range(24)]  # which it has not met before
    whole = [*texts, *texts[::-1], *texts]
    given = trial.probe.score(whole)
    twice = np.concatenate([given[:24], given[:24][::-1], given[:24]])
    where = _differs(twice, given, trial.risk)
    if where is None:
        return None
    return Broken(
        "scores are keyed by text: a text that is sent again gets another score than the first time",
        f"{len(texts)} texts three times over in one list",
        f"text {where + 1}: {given[where]:g}, and {twice[where]:g} where it stood first",
        "one score for each place in the list, the same for the same text",
    )


def deterministic(trial: Trial) -> Broken | None:
    """Asked again, and made and trained again with the same seed, it says the same."""
    return _same(trial, trial.probe.risk(trial.batch), "asked twice") or _same(
        trial, trial.again().risk(trial.batch), "made and trained again from the same training set and seed"
    )


def order_of_conversations(trial: Trial) -> Broken | None:
    """Which conversations come first, or with which others, makes no difference."""
    if trial.probe.reads == EVENTS:
        return _same(trial, trial.probe.risk(trial.batch, chunk=61), "handed the stream in smaller pieces")
    order = np.argsort(uniform(2, "contract.rows", np.arange(len(trial.batch))), kind="stable")
    shuffled, source = take_rows(trial.batch, order)
    given = np.empty_like(trial.risk)
    given[source] = trial.probe.risk(shuffled)
    found = _same(trial, given, "handed the same conversations in another order")
    if found is not None:
        return found
    given = np.empty_like(trial.risk)
    for part in np.array_split(np.arange(len(trial.batch)), 7):
        some, source = take_rows(trial.batch, part)
        given[source] = trial.probe.risk(some)
    return _same(trial, given, "handed the same conversations in seven smaller batches")


def renamed(trial: Trial) -> Broken | None:
    """A name is a name: conversations may be called, and texts numbered, in any way."""
    batch = trial.batch
    keys = (uniform(3, "contract.key", batch.key) * 2.0**52).astype(np.uint64)
    found = _same(trial, trial.probe.risk(replace(batch, key=keys)), "handed the same under other ids")
    told_numbers = getattr(trial.probe.detector, "privileged", False)  # the grammar numbers the texts
    if found is not None or trial.probe.reads == MESSAGES or told_numbers:
        return found
    order = np.argsort(uniform(4, "contract.texts", np.arange(len(batch.texts))), kind="stable")
    texts = tuple(batch.texts[i] for i in order)
    number = np.argsort(order)[batch.symbol >> 1]
    symbol = (number * 2 + (batch.symbol & 1)).astype(np.uint16)
    given = trial.probe.risk(replace(batch, texts=texts, symbol=symbol))
    return _same(trial, given, "handed the same texts under other numbers (texts and symbol renumbered)")


def odd_input(trial: Trial) -> Broken | None:
    """No conversation, one message, a very long conversation, texts empty, huge or foreign: all are answered."""
    for make in (fed.empty, fed.single, fed.odd):
        trial.probe.risk(make(trial.batch))
    if trial.probe.reads != MESSAGES:
        trial.probe.risk(fed.very_long(trial.batch))
    return None


def direction(trial: Trial) -> Broken | None:
    """Risk is on the side it is said to be: grooming conversations do not rank below harmless ones."""
    z, share = rank_sum(trial)
    if z is None or z > _WRONG_WAY:
        return None
    return Broken(
        "it looks the wrong way round: harmless conversations get the riskier numbers",
        f"{fed.GROOMING} grooming and {fed.HARMLESS} harmless conversations of a synthetic world",
        f"a grooming conversation's mean is above a harmless one's in {100 * share:.0f} % of pairs",
        "50 % or more; declare direction = 'lower' if low scores are the risky ones",
    )


def rank_sum(trial: Trial) -> tuple[float | None, float]:
    """Standardised Wilcoxon rank sum of the mean number by conversation (Mann and Whitney 1947, ties averaged), and the
    share of pairs in which grooming is above; None where no two differ. The mean, because of a detector that is the
    wrong way round the highest number says little.
    """
    from scipy.stats import rankdata

    sign = -1.0 if trial.probe.declared.direction == "lower" else 1.0
    heard = ~np.isnan(trial.risk)
    total = np.add.reduceat(np.where(heard, sign * trial.risk.astype(np.float64), 0.0), trial.batch.begin)
    mean = total / np.maximum(1, np.add.reduceat(heard.astype(np.int64), trial.batch.begin))
    ranks, label = rankdata(mean), trial.samples.grooming
    n, m = int(label.sum()), int((~label).sum())
    u = ranks[label].sum() - n * (n + 1) / 2
    counts = np.unique(mean, return_counts=True)[1].astype(float)
    ties = (counts**3 - counts).sum() / ((n + m) * (n + m - 1))
    variance = n * m / 12 * (n + m + 1 - ties)
    return (None if variance <= 0 else float((u - n * m / 2) / np.sqrt(variance))), float(u / (n * m))


def restarted(trial: Trial) -> Broken | None:
    """Stopped and started again, or copied, it says the same: a run may be continued, and workers have a copy each."""
    detector = trial.probe.detector
    if hasattr(detector, "restart"):
        detector.restart()
        found = _same(trial, trial.probe.risk(trial.batch), "stopped and started again")
        if found is not None:
            return found
    if not hasattr(detector, "clone"):
        return None
    clone = replace(trial.probe, detector=detector.clone())
    try:
        return _same(trial, clone.risk(trial.batch), "asked of a copy of the trained detector")
    finally:
        clone.detector.close()


def memory(trial: Trial) -> Broken | None:
    """What it remembers does not grow with the stream."""
    rounds = trial.samples.rounds
    half = len(rounds) // 2
    for batch in rounds[:half]:
        trial.probe.risk(batch, fresh=False)
    pid = process_of(trial)
    if pid is None:
        return None
    before = _resident(pid)
    for batch in rounds[half:]:
        trial.probe.risk(batch, fresh=False)
    grown = _resident(pid) - before
    if grown <= _GROWTH_BYTES:
        return None
    messages = sum(batch.symbol.size for batch in rounds[half:])
    return Broken(
        "its memory grows with the stream",
        f"{messages:,} messages of conversations it had not seen, after as many to warm up",
        f"its process holds {grown / 1e6:.0f} MB more than before",
        f"no growth (up to {_GROWTH_BYTES / 1e6:.0f} MB is let pass): a platform never stops sending",
    )


def process_of(trial: Trial) -> int | None:
    """The process the detector lives in, if it is one of its own on this machine."""
    return getattr(trial.probe.detector, "pid", None)


def speed(trial: Trial) -> str:
    """How many messages a second it reads, in words."""
    started = time.perf_counter()
    trial.probe.risk(trial.batch)
    taken = max(time.perf_counter() - started, 1e-9)
    return f"{trial.batch.symbol.size / taken:,.0f} messages a second in one batch of {trial.batch.symbol.size:,}"


def _same(trial: Trial, given: Floats, how: str) -> Broken | None:
    where = _differs(trial.risk, given, trial.risk)
    if where is None:
        return None
    return Broken(
        f"it does not say the same when {how}",
        f"{len(trial.batch)} conversations of {trial.batch.symbol.size:,} messages, twice",
        f"message {where + 1}: {trial.risk[where]:g} the first time, {given[where]:g} when {how}",
        "the same number: otherwise no result could be had again",
    )


def _differs(expected: Floats, given: Floats, spread_of: Floats) -> int | None:
    """The first place where two answers differ by more than rounding; None if none does."""
    finite = spread_of[np.isfinite(spread_of)]
    spread = float(np.ptp(finite)) if finite.size else 0.0
    with np.errstate(invalid="ignore"):
        near = np.abs(expected - given) <= TOLERANCE * max(spread, 1e-6)
    same = near | (expected == given) | (np.isnan(expected) & np.isnan(given))
    return None if same.all() else int(np.flatnonzero(~same)[0])


def _scrambled(batch: ConversationBatch, past: NDArray[np.bool_]) -> ConversationBatch:
    draw = uniform(5, "contract.future", np.arange(past.size))
    other = (draw * 2 * len(batch.texts)).astype(np.uint16)
    symbol = np.where(past, batch.symbol, other).astype(np.uint16)
    return replace(batch, symbol=symbol, time_s=np.where(past, batch.time_s, batch.time_s + 1e6 * draw))


def _resident(pid: int) -> float:
    """Bytes of memory a process and its children hold."""
    total = 0.0
    for process in _family(pid):
        with_pages = Path(f"/proc/{process}/statm")
        if with_pages.exists():
            total += int(with_pages.read_text().split()[1]) * 4096.0
    return total


def _family(pid: int) -> Iterator[int]:
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if children.exists():
        for child in children.read_text().split():
            yield from _family(int(child))


RULES: dict[str, Rule] = {
    "past only": past_only,
    "repeated texts": repeated_texts,
    "deterministic": deterministic,
    "order and batches": order_of_conversations,
    "ids and numbers": renamed,
    "odd input": odd_input,
    "direction": direction,
    "restart and copy": restarted,
    "memory": memory,
}
