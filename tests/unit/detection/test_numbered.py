"""Numbers by conversation and message: by hand, and what becomes of what is not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simharness.detection.numbered import NOT_THERE, Numbered
from simharness.records import ConversationBatch

ROWS = [(50, 2, 0.2), (9, 1, 1.1), (50, 1, 0.1), (9, 2, np.nan), (50, 3, 0.3), (70, 1, 7.0)]


def table(rows: list[tuple[int, int, float]]) -> tuple[Numbered, list[int]]:
    key, number, value = (np.array(column) for column in zip(*rows, strict=True))
    made, differs = Numbered.of(key.astype(np.uint64), number.astype(np.int32), value.astype(np.float32))
    return made, differs.tolist()


def asked(keys: list[int], lengths: list[int], first: list[int] | None = None) -> ConversationBatch:
    n, end = len(keys), np.cumsum(lengths)
    messages = int(end[-1]) if n else 0
    return ConversationBatch(
        texts=("a",),
        symbol=np.zeros(messages, np.uint16),
        time_s=np.arange(float(messages)),
        begin=(end - lengths).astype(np.int64),
        end=end.astype(np.int64),
        platform=np.zeros(n, np.uint8),
        declared_adult=np.zeros(n, np.bool_),
        new_contacts_7d=np.zeros(n, np.float32),
        key=np.array(keys, np.uint64),
        first=np.array(first or [], np.int32),
    )


def test_rows_in_any_order_make_one_table() -> None:
    made, differs = table(ROWS)
    assert made.keys.tolist() == [9, 50, 70] and made.first.tolist() == [0, 2, 5, 6] and not differs
    assert np.array_equal(made.score, np.array([1.1, np.nan, 0.1, 0.2, 0.3, 7.0], np.float32), equal_nan=True)
    assert made.score.dtype == np.float32
    for order in ([5, 4, 3, 2, 1, 0], [2, 0, 4, 3, 1, 5]):
        other, _ = table([ROWS[row] for row in order])
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(made, other, strict=True))


def test_rows_that_say_otherwise_are_named_and_equal_ones_are_not() -> None:
    again = [*ROWS, (9, 2, np.nan), (70, 1, 7.0), (50, 2, 0.25), (9, 1, np.nan)]
    made, differs = table(again)
    assert differs == [0, 1]
    assert np.array_equal(made.score[:4], np.array([np.nan, np.nan, 0.1, 0.25], np.float32), equal_nan=True)


def test_each_message_gets_its_own_score_and_no_other() -> None:
    made, _ = table(ROWS)
    out, row = made.look_up(asked([70, 50, 9], [1, 3, 2]))
    assert np.array_equal(out, np.array([7.0, 0.1, 0.2, 0.3, 1.1, np.nan], np.float32), equal_nan=True)
    assert row.tolist() == [0, 1, 1, 1, 2, 2]
    part, _ = made.look_up(asked([50, 9, 50], [2, 1, 1], first=[2, 2, 1]))
    assert np.array_equal(part, np.array([0.2, 0.3, np.nan, 0.1], np.float32), equal_nan=True)


@pytest.mark.parametrize("key", [0, 8, 10, 51, 69, 71, 2**52 - 1])
def test_an_unknown_conversation_has_no_score(key: int) -> None:
    """Neither that of the conversation before it in the table nor of the one after."""
    out, row = table(ROWS)[0].look_up(asked([9, key, 70], [2, 2, 1]))
    assert out[2] == out[3] == NOT_THERE and row.tolist() == [0, 0, 1, 1, 2]
    assert out[0] == np.float32(1.1) and out[4] == 7.0


def test_a_message_beyond_the_last_is_not_the_first_of_the_next() -> None:
    made, _ = table(ROWS)
    out, _ = made.look_up(asked([9, 50, 70], [3, 4, 2]))
    assert np.flatnonzero(np.isinf(out)).tolist() == [2, 6, 8] and out[7] == 7.0
    late, _ = made.look_up(asked([9, 50], [1, 1], first=[3, 40]))
    assert np.isinf(late).all()


def test_a_message_that_no_row_names_is_not_there() -> None:
    made, _ = table([(9, 3, 0.5), (50, 1, 1.0)])
    assert made.look_up(asked([9], [3]))[0].tolist() == [np.inf, np.inf, 0.5]


def test_an_empty_table_and_an_empty_batch() -> None:
    none = Numbered.of(np.empty(0, np.uint64), np.empty(0, np.int32), np.empty(0, np.float32))[0]
    out, row = none.look_up(asked([9, 50], [2, 1]))
    assert out.tolist() == [np.inf] * 3 and row.tolist() == [0, 0, 1]
    for made in (none, table(ROWS)[0]):
        assert [found.size for found in made.look_up(asked([], []))] == [0, 0]


def test_conversations_in_another_place_of_the_batch() -> None:
    batch = asked([9, 50], [2, 3])
    turned = replace(batch, begin=np.array([3, 0]), end=np.array([5, 3]))
    out, row = table(ROWS)[0].look_up(turned)
    assert np.array_equal(out, np.array([0.1, 0.2, 0.3, 1.1, np.nan], np.float32), equal_nan=True)
    assert row.tolist() == [1, 1, 1, 0, 0]
