"""Is the pacing of the synthetic conversations like that of a real corpus? Six distributions, side by side.

Times of both sides are wall seconds. Only harmless synthetic conversations are held against a corpus, and of a labelled
corpus only conversations without a predator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp, wasserstein_distance

from simharness.corpora.records import CorpusConversation
from simharness.detection.training import benign_sample
from simharness.streams import derive_seed
from simharness.world.generate import World
from simharness.world.model import WorldModel

SESSION_GAP_S = 1800.0  # a session ends where nobody writes for longer than half an hour
QUANTILES = (0.1, 0.5, 0.9)
_CONVERSATIONS = 512  # of the corpus, measured at a time
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pacing:
    """One value for each gap, session, run, conversation or message there is; shapes differ."""

    gaps_s: Floats  # between a message and the next, seconds
    session_messages: Floats
    run_messages: Floats  # in a row by one author
    alternation: Floats  # share of steps to the next message at which the author changes; a conversation of two or more
    words: Floats  # of a message
    messages: Floats  # of a conversation


@dataclass(frozen=True, slots=True)
class Compared:
    """One distribution of both sides. Quantiles and distances are None where a side is empty."""

    name: str
    unit: str
    distance_unit: str
    corpus: tuple[float, ...] | None  # quantiles of QUANTILES
    synthetic: tuple[float, ...] | None
    n_corpus: int
    n_synthetic: int
    kolmogorov_smirnov: float | None
    wasserstein: float | None


_ROWS = (
    ("gaps_s", "gap between messages", "s", "powers of ten"),
    ("session_messages", "messages a session", "messages", "messages"),
    ("run_messages", "messages in a row by one author", "messages", "messages"),
    ("alternation", "share of messages that change the author", "share", "share"),
    ("words", "words a message", "words", "words"),
    ("messages", "messages a conversation", "messages", "messages"),
)


def compare(corpus: Pacing, synthetic: Pacing) -> list[Compared]:
    """Every distribution of both sides with two distances: the two-sample Kolmogorov-Smirnov statistic, and the
    1-Wasserstein distance in ``distance_unit`` (gaps on a log scale, since they span many powers of ten).
    """
    return [_compared(name, title, unit, scale, corpus, synthetic) for name, title, unit, scale in _ROWS]


def _compared(name: str, title: str, unit: str, scale: str, corpus: Pacing, synthetic: Pacing) -> Compared:
    ours, theirs = getattr(synthetic, name), getattr(corpus, name)
    ks = earth = None
    if ours.size and theirs.size:
        a, b = (np.log10(1.0 + side) if name == "gaps_s" else side for side in (theirs, ours))
        ks, earth = float(ks_2samp(a, b, method="asymp").statistic), float(wasserstein_distance(a, b))
    return Compared(title, unit, scale, _quantiles(theirs), _quantiles(ours), theirs.size, ours.size, ks, earth)


def _quantiles(values: Floats) -> tuple[float, ...] | None:
    return tuple(np.quantile(values, QUANTILES).tolist()) if values.size else None


def corpus_pacing(conversations: Iterable[CorpusConversation]) -> tuple[Pacing, int]:
    """Pacing of a corpus, and how many of its conversations were left out because a predator takes part."""
    parts, left_out, pending = [_EMPTY], 0, list[CorpusConversation]()
    for conversation in conversations:
        if conversation.predators:
            left_out += 1
        elif len(conversation):
            pending.append(conversation)
        if len(pending) == _CONVERSATIONS:
            parts.append(_of_corpus(pending))
            pending = []
    if pending:
        parts.append(_of_corpus(pending))
    return _joined(parts), left_out


def _of_corpus(conversations: list[CorpusConversation]) -> Pacing:
    end = np.cumsum([len(each) for each in conversations], dtype=np.int64)
    begin = np.concatenate([np.zeros(1, np.int64), end[:-1]])
    times = [np.full(len(c), np.nan) if c.times_s is None else np.array(c.times_s) for c in conversations]
    authors = np.concatenate([np.array(each.authors, np.int64) for each in conversations])
    words = np.array([len(text.split()) for each in conversations for text in each.texts], np.float64)
    return measure(np.concatenate(times), authors, words, begin, end)


def synthetic_pacing(model: WorldModel, conversations: int) -> Pacing:
    """Pacing of about so many harmless conversations of a world of its own seed."""
    world = World(model, derive_seed(model.scenario.seed, "pacing"))
    words = np.array([len(text.split()) for text in model.phrasebooks["use"].texts], np.float64)
    return _joined([_EMPTY, *_of_world(world, words, conversations)])


def _of_world(world: World, words: Floats, conversations: int) -> Iterator[Pacing]:
    for batch in world.batches(benign_sample(world, conversations)):
        view = batch.view
        sent = view.end > view.begin
        wall = world.model.clock.wall(view.time_s)
        yield measure(wall, view.symbol & 1, words[view.symbol >> 1], view.begin[sent], view.end[sent])


def measure(
    time_s: Floats, author: NDArray[Any], words: Floats, begin: NDArray[np.int64], end: NDArray[np.int64]
) -> Pacing:
    """Pacing of conversations that own messages [begin, end), none empty, one after the other from 0.

    Where a time is nan the gaps and the sessions of its conversation are left out.
    """
    lengths = end - begin
    starts = np.zeros(time_s.size, np.bool_)
    starts[begin] = True
    inner = np.flatnonzero(~starts)  # messages that have one before them
    gaps = time_s[inner] - time_s[inner - 1]
    changed = author[inner] != author[inner - 1]
    turn = starts.copy()
    turn[inner] = changed
    pause = starts.copy()
    pause[inner] = gaps > SESSION_GAP_S
    timed = ~np.repeat(np.isnan(np.add.reduceat(time_s, begin)), lengths)
    steps = np.add.reduceat(turn.astype(np.int64), begin) - 1
    long = lengths > 1
    return Pacing(
        gaps_s=gaps[timed[inner]],
        session_messages=_run_lengths(pause[timed]),
        run_messages=_run_lengths(turn),
        alternation=steps[long] / (lengths[long] - 1),
        words=words.astype(np.float64),
        messages=lengths.astype(np.float64),
    )


def _run_lengths(first: NDArray[np.bool_]) -> Floats:
    """Lengths of the runs whose first elements are marked."""
    return np.diff(np.append(np.flatnonzero(first), first.size)).astype(np.float64)


def _joined(parts: list[Pacing]) -> Pacing:
    return Pacing(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Pacing)))


_EMPTY = Pacing(*(np.empty(0),) * 6)
