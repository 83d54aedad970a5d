"""Alias tables: a choice among weighted outcomes from one 32-bit word, in constant time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

WORDS = 2**32  # how many values a word has
_MAX_COLUMN_BITS = 20


def alias_table(weights: NDArray[np.float64], columns: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Alias table (Vose 1991, IEEE Trans. Softw. Eng. 17(9), 972-975) read with one 32-bit word; see `alias_pick`.

    `weights` has shape (n,), n <= `columns`, a power of two from 2 to 2**20; missing weights count as zero. Returns
    threshold and alias, both of shape (columns,). The 2**32 words are first shared out as whole numbers (largest
    remainder), then Vose's algorithm runs on integers: every outcome has exactly its number of words, within one word
    (2**-32) of its weight's share, and a weight of zero has none. A column that is never left has itself as alias.
    Raises ValueError for weights that are negative, not finite or all zero, and for wrong columns.
    """
    weights = np.asarray(weights, np.float64)
    check_weights("alias_table: weights", weights)
    bits = int(columns).bit_length() - 1
    if columns != 1 << max(bits, 0) or not 1 <= bits <= _MAX_COLUMN_BITS or weights.size > columns:
        raise ValueError(
            f"alias_table: columns: expected a power of two from 2 to 2**{_MAX_COLUMN_BITS}, "
            f"at least the {weights.size} weights, got {columns!r}"
        )
    count, capacity = _words_each(weights, columns), WORDS >> bits
    threshold, alias = np.full(columns, WORDS - 1, np.uint32), np.arange(columns, dtype=np.int64)
    small = [k for k in range(columns) if count[k] < capacity]
    large = [k for k in range(columns) if count[k] > capacity]
    while small:  # the columns left hold capacity words on average, so one too small means one too large
        short, donor = small.pop(), large[-1]
        threshold[short], alias[short] = count[short] << bits, donor
        count[donor] -= capacity - count[short]
        if count[donor] <= capacity:
            large.pop()
        if count[donor] < capacity:
            small.append(donor)
    return threshold, alias


def alias_pick(threshold: NDArray[np.uint32], alias: NDArray[np.int64], words: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Outcome of each 32-bit word, in the shape of `words`: the vectorised twin of the kernels' look-up.

    The top b = log2(columns) bits are the column, the rest, moved to the top, is compared with its threshold.
    """
    bits = len(threshold).bit_length() - 1
    words = np.asarray(words, np.uint32)
    column = (words >> np.uint32(32 - bits)).astype(np.int64)
    return np.where((words << np.uint32(bits)) < threshold[column], column, alias[column])


def check_weights(name: str, weights: NDArray[np.float64]) -> None:
    """Raise ValueError unless `weights` is a row of finite numbers >= 0 with one > 0; `name` stands first."""
    if weights.ndim != 1 or not weights.size:
        raise ValueError(f"{name}: expected a row of at least one number, got shape {weights.shape}")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        bad = weights[~(np.isfinite(weights) & (weights >= 0))][0]
        raise ValueError(f"{name}: expected finite numbers >= 0, got {float(bad)!r}")
    if not weights.any():
        raise ValueError(f"{name}: expected at least one number > 0, got all zero")


def _words_each(weights: NDArray[np.float64], columns: int) -> NDArray[np.int64]:
    """2**32 words shared out by weight, shape (columns,), rounded by largest remainder; zero weight, no word."""
    relative = weights / weights.max()  # first to at most 1, so that the sum of huge weights is finite
    share = relative / math.fsum(relative) * WORDS
    count = np.zeros(columns, np.int64)
    count[: weights.size] = np.floor(share)
    remainder = np.where(weights > 0, share - np.floor(share), -1.0)
    # Rounding in `share` is far below one word in all (2**20 weights at most), so 0 <= left <= positive weights.
    left = WORDS - int(count.sum())
    count[np.argsort(-remainder, kind="stable")[:left]] += 1
    return count
