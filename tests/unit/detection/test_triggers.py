"""Every kernel of the triggers against plain Python, over made-up risks; and every rule by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simharness.detection.encryption import hide
from simharness.detection.scoring import Scorer
from simharness.detection.triggers import Alarms, Signal, alarms, joined, no_alarms, sustained
from simharness.records import ConversationBatch
from simharness.scenario.detector import Aggregator

SEEN = np.zeros(3, np.bool_)  # three platforms, nothing hidden
ONCE = Signal(np.float32(2), None, 1, 1, None, 1, SEEN)
Told = list[list[tuple[float, float]]]  # conversations of (risk, seconds since the message before)
Row = tuple[int, float, float]  # conversation, time, risk


class Given(Scorer):
    """A reader of conversations that says what it was told, -inf too, and 9 about a text that is hidden."""

    def risk(self, batch: ConversationBatch, hidden: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        seen = batch if hidden is None else hide(batch, hidden)
        unread = np.array([seen.text(j) == "" for j in range(seen.symbol.size)], np.bool_)
        return np.where(unread, np.float32(9), cast(NDArray[np.float32], self.detector))


def batch_of(told: Told) -> tuple[Scorer, ConversationBatch]:
    """The conversations, the n-th on platform n modulo 3, and a scorer that gives their risks."""
    lengths = np.array([len(messages) for messages in told], np.int64)
    end = np.cumsum(lengths)
    gaps = [[gap for _, gap in messages] for messages in told]
    n = len(told)
    view = ConversationBatch(
        texts=("a",),
        symbol=np.zeros(int(lengths.sum()), np.uint16),
        time_s=np.concatenate([np.empty(0), *(np.cumsum(gap) for gap in gaps)]),
        begin=end - lengths,
        end=end,
        platform=(np.arange(n) % 3).astype(np.uint8),
        declared_adult=np.zeros(n, np.bool_),
        new_contacts_7d=np.zeros(n, np.float32),
    )
    risk = np.array([risk for messages in told for risk, _ in messages], np.float32)
    return Given("given", cast(Any, risk), Aggregator(kind="last"), None), view


def found(signal: Signal, told: Told) -> list[Row]:
    scorer, view = batch_of(told)
    raised = alarms(scorer, signal, view)
    return list(zip(raised.row.tolist(), raised.time.tolist(), raised.risk.tolist(), strict=True))


def window_of(risks: list[float], place: int, n: int) -> list[float]:
    return [risk for risk in risks[max(0, place - n + 1) : place + 1] if not np.isnan(risk)]


def sustained_by_hand(risks: list[float], s: int, n: int) -> list[float]:
    windows = [sorted(window_of(risks, place, n), reverse=True) for place in range(len(risks))]
    return [window[s - 1] if len(window) >= s else -np.inf for window in windows]


def alarms_by_hand(signal: Signal, told: Told) -> list[Row]:
    """The rules as they are written, from the messages of one conversation to its list of alarms."""
    rows: list[Row] = []
    for i, messages in enumerate(told):
        times = np.cumsum([gap for _, gap in messages]).tolist()
        risks = [risk for risk, _ in messages]
        if signal.n > 1:
            risks = sustained_by_hand(risks, signal.s, signal.n)
        raised: list[int] = []
        for j, risk in enumerate(risks):
            if not risk >= signal.level or len(raised) == signal.at_most:
                continue
            if raised and signal.rearm is None and signal.cooldown_s is None:
                continue
            if raised and signal.rearm is not None and not any(r < signal.rearm for r in risks[raised[-1] + 1 : j]):
                continue
            if raised and signal.cooldown_s is not None and times[j] < times[raised[-1]] + signal.cooldown_s:
                continue
            raised.append(j)
        rows += [(i, times[j], risks[j]) for j in raised]
    return rows


risks_of = st.one_of(st.integers(-2, 4).map(float), st.just(np.nan), st.just(-np.inf))
told_of = st.lists(st.lists(st.tuples(risks_of, st.sampled_from([0.0, 1.0, 2.0, 5.0])), max_size=25), max_size=5)


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    rearm = draw(st.none() | st.integers(-1, 4).map(np.float32))
    cooldown = draw(st.none() | st.sampled_from([1.0, 3.0, 7.0]))
    n = draw(st.integers(1, 6))
    s = draw(st.integers(1, n))
    at_most = 1 if rearm is None and cooldown is None else draw(st.integers(2, 6))
    return Signal(np.float32(draw(st.integers(-1, 4))), rearm, s, n, cooldown, at_most, SEEN)


@settings(deadline=None)  # the first example compiles
@given(told=told_of, s=st.integers(1, 7), more=st.integers(0, 6))
def test_sustained_risk_is_the_s_th_largest_of_the_last_n(told: Told, s: int, more: int) -> None:
    scorer, view = batch_of(told)
    result = sustained(scorer.risk(view), view, s, s + more)
    expected = [r for messages in told for r in sustained_by_hand([risk for risk, _ in messages], s, s + more)]
    assert result.dtype == np.float32 and result.tolist() == expected


@settings(deadline=None)  # the first example compiles
@given(told=told_of, s=st.integers(1, 4), more=st.integers(0, 4), level=st.integers(-2, 4))
def test_s_of_n_is_at_a_level_when_s_of_the_last_n_messages_were(told: Told, s: int, more: int, level: int) -> None:
    scorer, view = batch_of(told)
    reached = sustained(scorer.risk(view), view, s, s + more) >= level
    expected = []
    for messages in told:
        risks = [risk for risk, _ in messages]
        windows = [window_of(risks, place, s + more) for place in range(len(risks))]
        expected += [sum(risk >= level for risk in window) >= s for window in windows]
    assert reached.tolist() == expected


@settings(deadline=None)  # the first example compiles
@given(told=told_of, signal=signals())
def test_alarms_are_those_of_the_rules(told: Told, signal: Signal) -> None:
    assert found(signal, told) == alarms_by_hand(signal, told)


@settings(deadline=None)  # the first example compiles
@given(told=told_of, level=st.integers(-2, 4))
def test_the_plain_trigger_is_the_first_crossing(told: Told, level: int) -> None:
    scorer, view = batch_of(told)
    first = scorer.crossings(view, np.array([level], np.float32))[:, 0]
    rows = np.flatnonzero(first >= 0)
    raised = alarms(scorer, replace(ONCE, level=np.float32(level)), view)
    assert np.array_equal(raised.row, rows)
    assert np.array_equal(raised.time, view.time_s[view.begin[rows] + first[rows]])


@settings(deadline=None)  # the first example compiles
@given(told=told_of, other=told_of, signal=signals(), cut=st.integers(0, 25))
def test_no_alarm_depends_on_what_comes_later(told: Told, other: Told, signal: Signal, cut: int) -> None:
    """The first ``cut`` messages alone, or with another future: the same alarms on them."""
    futures = [other[i][cut:] if i < len(other) else [] for i in range(len(told))]
    past = [messages[:cut] for messages in told]
    alone = alarms(*_swap(signal, past))
    for rest in (futures, [messages[cut:] for messages in told]):
        # A second between, so that what comes later is told apart by its time.
        late = [[(risk, gap + 1.0) for risk, gap in messages] for messages in rest]
        whole = alarms(*_swap(signal, [seen + coming for seen, coming in zip(past, late, strict=True)]))
        ends = np.array([sum(gap for _, gap in messages) for messages in past])
        early = whole.take(whole.time <= ends[whole.row]) if told else whole
        for column in ("row", "time", "risk", "pace"):
            assert np.array_equal(getattr(early, column), getattr(alone, column)), column


def _swap(signal: Signal, told: Told) -> tuple[Scorer, Signal, ConversationBatch]:
    scorer, view = batch_of(told)
    return scorer, signal, view


@settings(deadline=None)  # the first example compiles
@given(told=told_of, signal=signals(), size=st.integers(1, 4))
def test_the_split_into_batches_does_not_matter(told: Told, signal: Signal, size: int) -> None:
    parts = [told[first : first + size] for first in range(0, len(told), size)]
    whole = alarms(*_swap(signal, told))
    together = joined([alarms(*_swap(signal, part)) for part in parts], [len(part) for part in parts])
    for column in ("row", "time", "risk", "pace", "last"):
        assert np.array_equal(getattr(together, column), getattr(whole, column)), column
        assert getattr(together, column).dtype == getattr(whole, column).dtype == getattr(no_alarms(), column).dtype


def talk(*risks: float, gap: float = 10.0) -> Told:
    """One conversation with a message every ``gap`` seconds, the first at ``gap``."""
    return [[(risk, gap) for risk in risks]]


def times(signal: Signal, told: Told) -> list[float]:
    return [time for _, time, _ in found(signal, told)]


@pytest.mark.parametrize(
    ("changes", "risks", "expected"),
    [
        ({}, (1, 2, 3, 0, 2), [20.0]),  # once
        ({}, (1, np.nan, -np.inf), []),
        ({"rearm": np.float32(1), "at_most": 9}, (2, 1, 2, 0.5, 2, 2), [10.0, 50.0]),  # 1 is not below 1
        ({"rearm": np.float32(1), "at_most": 9}, (2, np.nan, 2, 0, np.nan, 3), [10.0, 60.0]),  # nan is no evidence
        ({"rearm": np.float32(1), "at_most": 2}, (2, 0, 2, 0, 2), [10.0, 30.0]),
        ({"cooldown_s": 20.0, "at_most": 9}, (2, 2, 2, 2, 2), [10.0, 30.0, 50.0]),  # exactly at it: yes
        ({"cooldown_s": 20.5, "at_most": 9}, (2, 2, 2, 2, 2), [10.0, 40.0]),
        ({"cooldown_s": 20.0, "at_most": 2}, (2, 2, 2, 2, 2), [10.0, 30.0]),
        # Both: the risk fell at 20, but the time is up only at 40, where the risk is below the level; 50 is both.
        ({"rearm": np.float32(1), "cooldown_s": 30.0, "at_most": 9}, (2, 0, 2, 1.5, 2), [10.0, 50.0]),
        ({"s": 2, "n": 3}, (2, 0, 0, 2, 0, 2), [60.0]),
        ({"s": 2, "n": 3}, (2, np.nan, 2), [30.0]),
        ({"s": 1, "n": 3}, (0, 2), [20.0]),
    ],
)
def test_rules_by_hand(changes: dict[str, Any], risks: tuple[float, ...], expected: list[float]) -> None:
    assert times(replace(ONCE, **changes), talk(*risks)) == expected


def test_columns_by_hand() -> None:
    """Two messages within the first hour are two an hour; four in two hours too; the last message is the last."""
    told = [[(0.0, 50.0), (2.0, 600.0), (0.0, 3000.0), (2.0, 3600.0), (0.0, 40.0)], [(2.0, 7.0)]]
    raised = alarms(*_swap(replace(ONCE, rearm=np.float32(1), at_most=5), told))
    assert raised.row.tolist() == [0, 0, 1] and raised.time.tolist() == [650.0, 7250.0, 7.0]
    assert raised.pace.tolist() == [2.0, 2.0, 1.0]
    assert raised.last.tolist() == [7290.0, 7290.0, 7.0] and raised.risk.tolist() == [2.0, 2.0, 2.0]
    several = replace(ONCE, s=2, n=2)
    assert found(several, talk(0, 3, 2, 5)) == [(0, 30.0, 2.0)], "the sustained risk, not the running one"


def test_a_signal_is_plain_when_one_crossing_pass_is_all_it_needs() -> None:
    assert ONCE.plain and replace(ONCE, s=1, n=1).plain
    hidden = np.array([False, True, False])
    for changes in ({"n": 2}, {"at_most": 2, "cooldown_s": 1.0}, {"hidden": hidden}):
        assert not replace(ONCE, **changes).plain  # type: ignore[arg-type]


def test_alarms_of_nothing() -> None:
    assert len(no_alarms()) == len(joined([], [])) == len(alarms(*_swap(ONCE, []))) == 0
    assert len(alarms(*_swap(ONCE, [[]]))) == len(alarms(*_swap(ONCE, [[], []]))) == 0
    one = alarms(*_swap(ONCE, [[], [(2.0, 1.0)]]))
    assert joined([one, no_alarms(), one], [2, 3, 2]).row.tolist() == [1, 6]
    assert isinstance(one.take(slice(0, 0)), Alarms) and one.take(np.array([0])).row.tolist() == [1]


def test_hiding_takes_texts_and_nothing_else() -> None:
    _, view = batch_of([[(0, 1), (0, 1)], [(0, 1), (0, 1), (0, 1)], [(0, 1)]])
    view = replace(view, texts=("a", "b"), symbol=np.array([0, 1, 2, 3, 1, 3], np.uint16))
    masked = hide(view, np.array([False, True, False]))
    assert masked.texts == ("a", "b", "") and masked.symbol.tolist() == [0, 1, 4, 5, 5, 3]
    assert masked.symbol.dtype == np.uint16
    assert [masked.text(j) for j in range(6)] == ["a", "a", "", "", "", "b"]
    for column in ("time_s", "begin", "end", "platform", "declared_adult", "new_contacts_7d"):
        assert getattr(masked, column) is getattr(view, column)
    assert hide(view, SEEN) is view
    only = replace(view, platform=np.array([2, 2, 2], np.uint8))
    assert hide(only, np.array([True, True, False])) is only


def test_on_hidden_platforms_a_reader_of_messages_is_silent_and_others_read_what_is_left() -> None:
    told = [[(3.0, 1.0)], [(3.0, 1.0)], [(0.0, 1.0)], [(3.0, 1.0)]]  # platforms 0, 1, 2, 0
    scorer, view = batch_of(told)
    dark = replace(ONCE, level=np.float32(-5), hidden=np.array([False, True, True]))
    raised = alarms(scorer, dark, view)
    assert raised.row.tolist() == [0, 1, 2, 3] and raised.risk.tolist() == [3.0, 9.0, 9.0, 3.0]
    table = np.array([3.0, 3.0], np.float32)
    for kind in ("last", "ewma", "cusum", "s_of_n"):  # some of them begin at 0, which is above this level
        messages = Scorer("words", scorer.detector, Aggregator(kind=kind), table)  # type: ignore[arg-type]
        assert alarms(messages, dark, view).row.tolist() == [0, 3]
        risk = messages.risk(view)
        assert alarms(messages, dark, view, risk).row.tolist() == [0, 3] and not np.isnan(risk).any()
