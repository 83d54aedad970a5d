"""What every registered detector makes of a platform whose texts are hidden: nothing, or what is left to see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simharness.detection.encryption import hide
from simharness.detection.registry import registered
from simharness.detection.scoring import Scorer
from simharness.detection.triggers import Alarms, Signal, alarms
from simharness.records import ConversationBatch
from simharness.streams import uniform
from simharness.world.model import WorldModel

# Read single texts: nothing is left for them.
MESSAGES = ("keyword", "text_model", "never", "always", "profanity", "sentiment")
NOT_RUN = ("sentence_embedding", "roblox_sentinel")  # read single texts as well; their packages are not installed here
WAYS = ("http", "process", "scores", "sklearn")  # ways in for detectors that are not ours
READS_NO_TEXT = ("behaviour", "length_only")
every = pytest.mark.parametrize("name", [*MESSAGES, *READS_NO_TEXT, "bayes_bound"])
COLUMNS = ("row", "time", "risk", "pace", "last")


def other_texts(batch: ConversationBatch) -> ConversationBatch:
    """The same conversations with every text replaced by some other one."""
    draw = uniform(9, "test.other_texts", np.arange(batch.symbol.size))
    text = (draw * len(batch.texts)).astype(np.uint16)
    assert (text != batch.symbol >> 1).mean() > 0.9
    return replace(batch, symbol=(text << np.uint16(1)) | (batch.symbol & np.uint16(1)))


def signal_of(scorer: Scorer, batch: ConversationBatch, hidden: tuple[bool, ...]) -> Signal:
    """A trigger that half of the conversations reach if their texts are hidden, and rearms often."""
    mask = np.array(hidden)
    masked = batch if scorer.table is not None else hide(batch, np.ones_like(mask))
    peaks = scorer.peaks(masked)
    level = np.median(peaks[np.isfinite(peaks)]) if np.isfinite(peaks).any() else 0.0
    return Signal(np.float32(level), np.float32(level), 1, 1, None, 16, mask)


def same(left: Alarms, right: Alarms) -> bool:
    return all(np.array_equal(getattr(left, column), getattr(right, column)) for column in COLUMNS)


def test_no_registered_detector_is_left_out(scorers: dict[str, Scorer]) -> None:
    run = {*MESSAGES, *READS_NO_TEXT, "bayes_bound"}
    assert set(scorers) == run and set(registered()) == run | {*NOT_RUN, *WAYS}


@every
def test_hidden_texts_are_not_read(name: str, scorers: dict[str, Scorer], grooming: ConversationBatch) -> None:
    scorer = scorers[name]
    signal = signal_of(scorer, grooming, (True,) * 4)
    raised = alarms(scorer, signal, grooming)
    assert same(alarms(scorer, signal, other_texts(grooming)), raised)
    if name in MESSAGES:
        assert scorer.table is not None and len(raised) == 0
        lowest = replace(signal, level=np.finfo(np.float32).min, rearm=None, at_most=1)
        assert len(alarms(scorer, lowest, grooming)) == 0
        return
    assert scorer.table is None and len(grooming) > np.unique(raised.row).size > len(grooming) // 4
    masked = scorer.risk(hide(grooming, signal.hidden))
    assert np.array_equal(scorer.risk(hide(other_texts(grooming), signal.hidden)), masked, equal_nan=True)
    assert np.isfinite(masked).any(), "the empty text silences it"


@every
def test_platforms_that_can_be_read_are_read_as_ever(
    name: str, scorers: dict[str, Scorer], small: WorldModel, grooming: ConversationBatch
) -> None:
    scorer = scorers[name]
    assert small.platforms[3] == "other" and np.unique(grooming.platform).size == 4
    dark = signal_of(scorer, grooming, (False, False, False, True))
    mixed = alarms(scorer, dark, grooming)
    open_ = alarms(scorer, replace(dark, hidden=np.zeros(4, np.bool_)), grooming)
    closed = alarms(scorer, replace(dark, hidden=np.ones(4, np.bool_)), grooming)
    hidden = grooming.platform == 3
    assert same(mixed.take(~hidden[mixed.row]), open_.take(~hidden[open_.row]))
    assert same(mixed.take(hidden[mixed.row]), closed.take(hidden[closed.row]))
    if name in READS_NO_TEXT:
        assert len(mixed) and same(mixed, open_)
    elif name != "never":
        assert not same(mixed, open_), "hiding the texts changed nothing"


@pytest.mark.parametrize("name", [*READS_NO_TEXT, "bayes_bound"])
def test_only_the_past_of_a_hidden_conversation_is_read(
    name: str, scorers: dict[str, Scorer], grooming: ConversationBatch
) -> None:
    scorer, hidden = scorers[name], np.ones(4, np.bool_)
    place = np.arange(grooming.symbol.size) - np.repeat(grooming.begin, grooming.end - grooming.begin)
    late, draw = place >= 12, uniform(8, "test.future", np.arange(place.size))
    scrambled = replace(
        grooming,
        symbol=np.where(late & (draw < 0.5), grooming.symbol ^ np.uint16(1), grooming.symbol).astype(np.uint16),
        time_s=np.where(late, grooming.time_s + 1e6 * draw, grooming.time_s),
    )
    masked = [scorer.risk(hide(each, hidden)) for each in (grooming, scrambled)]
    assert np.array_equal(masked[0][~late], masked[1][~late], equal_nan=True)
    if name != "length_only":
        assert not np.array_equal(masked[0], masked[1], equal_nan=True)
