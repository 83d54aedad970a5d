"""Alias tables, their words counted one by one."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simharness.alias import WORDS, alias_pick, alias_table


def words_of(threshold: NDArray[np.uint32], alias: NDArray[np.int64]) -> list[int]:
    """How many of the 2**32 words give each outcome: a column's own words are multiples of 2**b below the threshold."""
    columns = len(threshold)
    capacity = WORDS // columns
    words = [0] * columns
    for column in range(columns):
        own = -(-int(threshold[column]) // columns)
        words[column] += own
        words[int(alias[column])] += capacity - own
    return words


def test_hand_worked_alias_table() -> None:
    threshold, alias = alias_table(np.asarray([3.0, 1.0]), 2)
    # 2**31 words a column; outcome 1 has 2**30 of them, so half of column 1 goes to outcome 0.
    assert alias.tolist() == [0, 0]
    assert int(threshold[1]) == 2**31
    words = np.asarray([0, 2**31 - 1, 2**31, 2**31 + 2**30 - 1, 2**31 + 2**30, WORDS - 1], np.uint32)
    assert alias_pick(threshold, alias, words).tolist() == [0, 0, 1, 1, 0, 0]


@settings(max_examples=100, deadline=None)
@given(
    weights=st.lists(st.floats(0.0, 1e308), min_size=1, max_size=40).filter(any),
    spare=st.integers(0, 2),
)
def test_alias_table_gives_every_outcome_its_words(weights: list[float], spare: int) -> None:
    columns = 2 ** (max(1, (len(weights) - 1).bit_length()) + spare)
    threshold, alias = alias_table(np.asarray(weights), columns)
    words = words_of(threshold, alias)
    total = sum(Fraction(weight) for weight in weights)
    for weight, got in zip([*weights, *[0.0] * (columns - len(weights))], words, strict=True):
        assert abs(Fraction(got, WORDS) - Fraction(weight) / total) <= Fraction(1, 2**31)
        assert weight > 0 or got == 0
    assert sum(words) == WORDS
    assert threshold.dtype == np.uint32
    assert alias.dtype == np.int64


def test_a_column_that_keeps_all_its_words_is_its_own_alias() -> None:
    threshold, alias = alias_table(np.ones(8), 8)
    assert alias.tolist() == list(range(8))
    every_corner = np.asarray([k * 2**29 + offset for k in range(8) for offset in (0, 2**29 - 1)], np.uint32)
    assert alias_pick(threshold, alias, every_corner).tolist() == [k for k in range(8) for _ in range(2)]


def test_alias_pick_agrees_with_the_words_counted_in_the_table() -> None:
    threshold, alias = alias_table(np.asarray([1.0, 2.0, 0.0, 4.0, 0.5]), 8)
    words = (np.arange(2**16, dtype=np.uint64) * 2**16 + 7).astype(np.uint32)
    found = np.bincount(alias_pick(threshold, alias, words), minlength=8) * 2**16
    # A grid of one word in 2**16 misses each column's cut by less than one step.
    assert np.all(np.abs(found - words_of(threshold, alias)) <= 8 * 2**16)
    assert found[2] == found[5] == found[6] == found[7] == 0


@pytest.mark.parametrize(
    ("weights", "columns", "message"),
    [
        ([1.0, -0.1], 2, "expected finite numbers >= 0, got -0.1"),
        ([1.0, math.nan], 2, "got nan"),
        ([0.0, 0.0], 2, "got all zero"),
        ([], 2, "at least one number"),
        ([1.0, 1.0, 1.0], 2, "at least the 3 weights, got 2"),
        ([1.0, 1.0], 3, "power of two from 2 to"),
        ([1.0], 1, "power of two from 2 to"),
        ([1.0], 0, "power of two from 2 to"),
        ([1.0], -4, "power of two from 2 to"),
        ([1.0], 2**21, "power of two from 2 to"),
    ],
)
def test_alias_table_refuses(weights: list[float], columns: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        alias_table(np.asarray(weights), columns)
