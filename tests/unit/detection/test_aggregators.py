"""Every kernel against its definition in plain Python, recomputed from scratch for every prefix of a conversation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simharness.detection.aggregators import first_crossings, highest, running_risk
from simharness.records import ConversationBatch
from simharness.scenario.detector import Aggregator

UNTOUCHED = np.float32(12345.0)  # a message no conversation owns keeps it
Conversations = list[list[float]]

# Multiples of 1/64 add up exactly in float32, so most references can be held to equality.
scores = st.one_of(st.integers(-512, 512).map(lambda n: n / 64), st.just(math.nan))
batches = st.lists(st.lists(scores, max_size=24), max_size=6)
KINDS = [
    Aggregator(kind="last"),
    Aggregator(kind="max"),
    Aggregator(kind="mean"),
    Aggregator(kind="ewma", half_life=0.5),
    Aggregator(kind="ewma", half_life=7.0),
    Aggregator(kind="top_k", k=1),
    Aggregator(kind="top_k", k=3),
    Aggregator(kind="cusum", reference=0.25),
    Aggregator(kind="cusum", reference=-1.0),
    Aggregator(kind="s_of_n", threshold=0.5, n=1),
    Aggregator(kind="s_of_n", threshold=-1.0, n=4),
]


def batch_of(lengths: Sequence[int], unowned: int = 0) -> ConversationBatch:
    """Conversations of these lengths one after the other, and ``unowned`` messages after each."""
    end = np.cumsum(np.asarray(lengths, np.int64) + unowned) - unowned
    begin = end - np.asarray(lengths, np.int64)
    messages, n = int(sum(lengths)) + unowned * len(lengths), len(lengths)
    return ConversationBatch(
        ("word",),
        np.zeros(messages, np.uint16),
        np.zeros(messages),
        begin,
        end,
        np.zeros(n, np.uint8),
        np.zeros(n, np.bool_),
        np.zeros(n, np.float32),
    )


def definition(aggregator: Aggregator, prefix: Sequence[float]) -> float:
    """The running risk after the messages of ``prefix``, as the aggregator's documentation defines it."""
    seen = [score for score in prefix if not math.isnan(score)]
    zero = {"ewma": 0.0, "cusum": 0.0, "s_of_n": 0.0}.get(aggregator.kind, -math.inf)
    decay = 0.5 ** (1.0 / aggregator.half_life)
    reference, k = aggregator.reference, aggregator.k
    of_seen: dict[str, Callable[[], float]] = {
        "last": lambda: seen[-1],
        "max": lambda: max(seen),
        "mean": lambda: math.fsum(seen) / len(seen),
        "ewma": lambda: math.fsum((1 - decay) * decay**age * score for age, score in enumerate(reversed(seen))),
        "top_k": lambda: math.fsum(sorted(seen)[-k:]) / min(k, len(seen)),
        # Page 1954: the largest sum of score less reference over any run of messages that ends here.
        "cusum": lambda: max(0.0, *(math.fsum(s - reference for s in seen[first:]) for first in range(len(seen)))),
        "s_of_n": lambda: sum(score >= aggregator.threshold for score in seen[-aggregator.n :]),
    }
    return of_seen[aggregator.kind]() if seen else zero


def risk_of(aggregator: Aggregator, conversations: Conversations, unowned: int = 1) -> list[NDArray[np.float32]]:
    """The kernel's running risk, one array per conversation; the messages in between hold what must not be read."""
    batch = batch_of([len(conversation) for conversation in conversations], unowned)
    flat = np.full(batch.symbol.size, 99.0, np.float32)
    for row, conversation in enumerate(conversations):
        flat[batch.begin[row] : batch.end[row]] = conversation
    out = np.full(flat.size, UNTOUCHED)
    assert running_risk(aggregator, flat, batch, out) is out
    owned = np.zeros(flat.size, np.bool_)
    for begin, end in zip(batch.begin, batch.end, strict=True):
        owned[begin:end] = True
    assert (out[~owned] == UNTOUCHED).all()
    return [out[begin:end] for begin, end in zip(batch.begin, batch.end, strict=True)]


@pytest.mark.parametrize("aggregator", KINDS, ids=lambda aggregator: aggregator.kind)
@settings(deadline=None)  # the first call of a kernel may compile it
@given(conversations=batches)
def test_running_risk_is_its_definition_at_every_message(aggregator: Aggregator, conversations: Conversations) -> None:
    for conversation, risk in zip(conversations, risk_of(aggregator, conversations), strict=True):
        expected = [definition(aggregator, conversation[: place + 1]) for place in range(len(conversation))]
        # ewma carries a float32 rounding from message to message: half a unit in the last place each, of at most 8.
        tolerance = 24 * 2.0**-21 if aggregator.kind == "ewma" else 0.0
        np.testing.assert_allclose(risk, np.array(expected, np.float32), rtol=0.0, atol=tolerance)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("last", [1, 1, 5, 3, 2]),
        ("max", [1, 1, 5, 5, 5]),
        ("mean", [1, 1, 3, 3, 2.75]),
        ("ewma", [0.5, 0.5, 2.75, 2.875, 2.4375]),
        ("top_k", [1, 1, 3, 4, 4]),
        ("cusum", [0, 0, 3, 4, 4]),
        ("s_of_n", [0, 0, 1, 2, 2]),
    ],
)
def test_running_risk_by_hand(kind: str, expected: list[float]) -> None:
    settings = {"half_life": 1.0, "k": 2, "reference": 2.0, "threshold": 2.0, "n": 2}
    aggregator = Aggregator.model_validate({"kind": kind} | settings)
    assert risk_of(aggregator, [[1.0, math.nan, 5.0, 3.0, 2.0]])[0].tolist() == expected


def test_ewma_forgets_half_in_a_half_life() -> None:
    risk = risk_of(Aggregator(kind="ewma", half_life=4.0), [[8.0] + [0.0] * 8])[0]
    assert risk[4] == pytest.approx(risk[0] / 2, rel=1e-6) and risk[8] == pytest.approx(risk[0] / 4, rel=1e-6)


# Skepticism of early detection (Vogt, Leser & Akbik, ACL 2021): a warning once at least s of the last 10 predictions
# are positive, a prediction being positive at 0.5 or above; the queue begins all negative and the warning stays. The
# vectors were worked by hand from that rule: scores -> message (from 1) of the warning for each s; None: never.
SKEPTICISM = [
    ([0.1, 0.6, 0.7, 0.2, 0.9, 0.5, 0.4, 0.8] + [0.1] * 7, {1: 2, 2: 3, 3: 5, 4: 6}),
    ([0.9] + [0.1] * 10 + [0.9] + [0.1] * 8 + [0.9], {1: 1, 2: 21, 3: None}),
]


@pytest.mark.parametrize(("messages", "warnings"), SKEPTICISM)
def test_skepticism(messages: list[float], warnings: dict[int, int | None]) -> None:
    batch = batch_of([len(messages)])
    aggregator = Aggregator(kind="s_of_n", threshold=0.5, n=10)
    risk = running_risk(aggregator, np.array(messages, np.float32), batch, np.empty(len(messages), np.float32))
    levels = np.array(list(warnings), np.float32)
    out = np.empty((1, levels.size), np.int32)
    first_crossings(risk, batch.begin, batch.end, levels, out)
    assert [int(place) + 1 if place >= 0 else None for place in out[0]] == list(warnings.values())


risks = st.one_of(st.integers(-16, 16).map(lambda n: n / 8), st.sampled_from([math.nan, -math.inf]))
levels_of = st.lists(st.integers(-18, 18).map(lambda n: n / 8), max_size=6, unique=True).map(sorted)


@settings(deadline=None)
@given(conversations=st.lists(st.lists(risks, max_size=12), max_size=5), levels=levels_of)
def test_crossings_and_peaks_are_their_definition(conversations: Conversations, levels: list[float]) -> None:
    batch = batch_of([len(conversation) for conversation in conversations])
    flat = np.array([risk for conversation in conversations for risk in conversation], np.float32)
    crossed = np.full((len(conversations), len(levels)), 77, np.int32)
    first_crossings(flat, batch.begin, batch.end, np.array(levels, np.float32), crossed)
    peaks = np.full(len(conversations), UNTOUCHED)
    highest(flat, batch.begin, batch.end, peaks)
    for row, conversation in enumerate(conversations):
        expected = [next((place for place, r in enumerate(conversation) if r >= level), -1) for level in levels]
        assert crossed[row].tolist() == expected
        assert peaks[row] == max((r for r in conversation if not math.isnan(r)), default=-math.inf)
        # A level is crossed at all exactly if the peak reaches it: what calibration relies on.
        assert [place >= 0 for place in crossed[row]] == [peaks[row] >= level for level in levels]
    delay = np.where(crossed < 0, 10**6, crossed)
    assert (np.diff(delay, axis=1) >= 0).all(), "a higher level was crossed earlier than a lower one"
