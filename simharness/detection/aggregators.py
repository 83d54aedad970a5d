"""Aggregators: from scores of single messages to a conversation's running risk. Compiled; one pass over a batch.

``scores`` has one number per message (nan abstains: the risk stays as it was), conversation i owns [begin[i], end[i]).
Each kernel writes the risk after every message into ``out`` (float32, shape of ``scores``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.records import ConversationBatch
from simharness.scenario.detector import Aggregator
from simharness.streams import compiled

NO_EVIDENCE = np.float32(-np.inf)  # before the first score, for aggregators that have no natural zero


@compiled()
def _last(scores: Any, begin: Any, end: Any, out: Any) -> None:
    for i in range(begin.shape[0]):
        risk = NO_EVIDENCE
        for j in range(begin[i], end[i]):
            if scores[j] == scores[j]:
                risk = scores[j]
            out[j] = risk


@compiled()
def _max(scores: Any, begin: Any, end: Any, out: Any) -> None:
    for i in range(begin.shape[0]):
        risk = NO_EVIDENCE
        for j in range(begin[i], end[i]):
            if scores[j] > risk:
                risk = scores[j]
            out[j] = risk


@compiled()
def _mean(scores: Any, begin: Any, end: Any, out: Any) -> None:
    for i in range(begin.shape[0]):
        total, count = 0.0, 0
        for j in range(begin[i], end[i]):
            if scores[j] == scores[j]:
                total += scores[j]
                count += 1
            out[j] = total / count if count else NO_EVIDENCE


@compiled()
def _ewma(scores: Any, begin: Any, end: Any, decay: Any, out: Any) -> None:
    keep, add = np.float32(decay), np.float32(1.0 - decay)
    for i in range(begin.shape[0]):
        risk = np.float32(0.0)
        for j in range(begin[i], end[i]):
            if scores[j] == scores[j]:
                risk = keep * risk + add * scores[j]
            out[j] = risk


@compiled()
def _top_k(scores: Any, begin: Any, end: Any, k: Any, out: Any) -> None:
    best = np.empty(k, np.float32)
    for i in range(begin.shape[0]):
        held = 0
        for j in range(begin[i], end[i]):
            score = scores[j]
            if score == score and (held < k or score > best[held - 1]):
                held = min(held + 1, k)
                place = held - 1
                while place > 0 and best[place - 1] < score:
                    best[place] = best[place - 1]
                    place -= 1
                best[place] = score
            total = np.float32(0.0)
            for place in range(held):
                total += best[place]
            out[j] = total / np.float32(held) if held else NO_EVIDENCE


@compiled()
def _cusum(scores: Any, begin: Any, end: Any, reference: Any, out: Any) -> None:
    reference = np.float32(reference)
    for i in range(begin.shape[0]):
        risk = np.float32(0.0)
        for j in range(begin[i], end[i]):
            if scores[j] == scores[j]:
                risk = max(np.float32(0.0), risk + (scores[j] - reference))
            out[j] = risk


@compiled()
def _s_of_n(scores: Any, begin: Any, end: Any, threshold: Any, n: Any, out: Any) -> None:
    window = np.zeros(n, np.bool_)
    for i in range(begin.shape[0]):
        window[:] = False
        hits, place = 0, 0
        for j in range(begin[i], end[i]):
            if scores[j] == scores[j]:
                hit = scores[j] >= threshold
                hits += int(hit) - int(window[place])
                window[place] = hit
                place = place + 1 if place + 1 < n else 0
            out[j] = hits


def running_risk(
    aggregator: Aggregator, scores: NDArray[np.float32], batch: ConversationBatch, out: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Running risk of a batch, written into ``out`` and returned.

    last, max, mean: of the scores so far. ewma: exponentially weighted mean from 0, ``half_life`` messages. top_k: mean
    of the k highest so far. cusum: Page 1954, one-sided sum of score less ``reference``, never below 0. s_of_n: how
    many of the last ``n`` scores are at or above ``threshold`` (what Vogt, Leser & Akbik 2021 compare with s).
    """
    begin, end = batch.begin, batch.end
    match aggregator.kind:
        case "last":
            _last(scores, begin, end, out)
        case "max":
            _max(scores, begin, end, out)
        case "mean":
            _mean(scores, begin, end, out)
        case "ewma":
            _ewma(scores, begin, end, 0.5 ** (1.0 / aggregator.half_life), out)
        case "top_k":
            _top_k(scores, begin, end, aggregator.k, out)
        case "cusum":
            _cusum(scores, begin, end, aggregator.reference, out)
        case "s_of_n":
            _s_of_n(scores, begin, end, aggregator.threshold, aggregator.n, out)
    return out


@compiled()
def first_crossings(risk: Any, begin: Any, end: Any, levels: Any, out: Any) -> None:
    """For ascending ``levels``: ``out[i, l]`` = place (from 0) where the risk of i first reaches level l; -1 never."""
    count = levels.shape[0]
    for i in range(begin.shape[0]):
        level = 0
        for j in range(begin[i], end[i]):
            if level < count and risk[j] >= levels[level]:
                while level < count and risk[j] >= levels[level]:
                    out[i, level] = j - begin[i]
                    level += 1
                if level == count:
                    break
        for unreached in range(level, count):
            out[i, unreached] = -1


@compiled()
def highest(risk: Any, begin: Any, end: Any, out: Any) -> None:
    """``out[i]`` = the highest running risk of conversation i; -inf where it never had one."""
    for i in range(begin.shape[0]):
        best = NO_EVIDENCE
        for j in range(begin[i], end[i]):
            if risk[j] > best:
                best = risk[j]
        out[i] = best
