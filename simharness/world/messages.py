"""The message kernel: conversations of a batch, message by message, and the truth about each.

Message k of a conversation takes one Philox block, addressed by (seed, "message", conversation, k): its four words
decide the step of the chain, the act with its sender, the phrase, and the gap before it. Blocks are computed sixteen
at a time, which lets the compiler use vector registers: the draws then cost about 2 ns a message and the table
look-ups the rest. Nothing is stored between batches; any conversation can be made again, identically, from its row of
contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simharness.streams import compiled, philox, stream_id

LANES = 16
CENSORED = 0  # the period ended first; reasons 1.. are END_REASONS in order, and the last is ADULT
ADULT = 5
NEVER = np.inf
_GAP_SHIFT = np.uint32(20)  # the top 12 of 32 bits pick one of 4,096 gaps


class Output(NamedTuple):
    """Buffers of one batch. Messages are flat; conversation i owns [begin[i], end[i])."""

    symbol: NDArray[np.uint16]  # phrase * 2 + sender (0: the one who made contact)
    time: NDArray[np.float64]  # waking seconds since the period began
    stage: NDArray[np.uint8]  # truth
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    offence: NDArray[np.float64]  # first sexual communication by the initiator; inf: never
    repeat: NDArray[np.float64]
    meeting: NDArray[np.float64]
    closed: NDArray[np.float64]  # when the conversation ended; inf: it was still open at the end of the period
    reason: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Rules:
    """Scalars of the kernel: which symbols are truth events, and the two spans (waking seconds)."""

    sexual: int  # act numbers
    meeting: int
    repeat_after: float
    horizon: float


def new_output(conversations: int, messages: int) -> Output:
    """Empty buffers for at most so many conversations and messages."""
    return Output(
        symbol=np.empty(messages, np.uint16),
        time=np.empty(messages),
        stage=np.empty(messages, np.uint8),
        begin=np.empty(conversations, np.int64),
        end=np.empty(conversations, np.int64),
        offence=np.empty(conversations),
        repeat=np.empty(conversations),
        meeting=np.empty(conversations),
        closed=np.empty(conversations),
        reason=np.empty(conversations, np.uint8),
    )


MESSAGE_STREAM = stream_id("message")


@compiled(inline="always")
def _blocks(seed: Any, entity: Any, first: Any, words: Any) -> Any:
    for lane in range(LANES):
        w0, w1, w2, w3 = philox(
            np.uint32(first + np.uint32(lane)),
            np.uint32(MESSAGE_STREAM),
            np.uint32(entity),
            np.uint32(entity >> np.uint64(32)),
            np.uint32(seed),
            np.uint32(seed >> np.uint64(32)),
        )
        words[0, lane] = w0
        words[1, lane] = w1
        words[2, lane] = w2
        words[3, lane] = w3


@compiled()
def generate(
    tables: Any, phrase_first: Any, phrase_count: Any, seed: Any, contacts: Any, stops: Any, rules: Any, out: Any
) -> Any:
    """Fill ``out`` with conversations; return how many fitted (fewer than asked for when the message buffer is full).

    ``contacts`` = (conversation, kind, regime, start) arrays; ``stops`` = (delay from the offence, time) at which an
    adult ends the conversation, inf for never; ``rules`` = (sexual, meeting, repeat_after, horizon).
    """
    conversation, kind, regime, start = contacts
    stop_after_offence, stop_at = stops
    sexual, meeting, repeat_after, horizon = rules
    words = np.empty((4, LANES), np.uint32)
    states = tables.stage.shape[0]
    capacity = out.symbol.shape[0]
    position = 0
    for i in range(conversation.shape[0]):
        out.begin[i] = position
        offence = repeat = attempt = closed = NEVER
        reason = CENSORED
        time = start[i]
        stop = stop_at[i]
        state = 0
        first = np.uint32(0)
        open_ = True
        while open_:
            if position + LANES > capacity:
                return i
            _blocks(seed, conversation[i], first, words)
            for lane in range(LANES):
                word = words[0, lane]
                column = word >> np.uint32(28)
                low = np.uint32(word << np.uint32(4))
                if first == 0 and lane == 0:
                    slot = kind[i] * 16 + column
                    state = tables.start_own[slot] if low < tables.start_threshold[slot] else tables.start_other[slot]
                else:
                    slot = state * 16 + column
                    state = tables.step_own[slot] if low < tables.step_threshold[slot] else tables.step_other[slot]
                    if state >= states:
                        closed = time
                        reason = state - states + 1
                        open_ = False
                        break
                    time += tables.gaps[regime[i], words[3, lane] >> _GAP_SHIFT]
                if min(time, stop) >= horizon:  # whichever comes first, it lies beyond the period
                    open_ = False
                    break
                if time > stop:
                    closed = stop
                    reason = ADULT
                    open_ = False
                    break
                word = words[1, lane]
                slot = tables.emission[state] * 128 + (word >> np.uint32(25))
                low = np.uint32(word << np.uint32(7))
                act_sender = tables.emit_own[slot] if low < tables.emit_threshold[slot] else tables.emit_other[slot]
                act = act_sender >> 1
                phrase = phrase_first[act] + ((np.uint64(words[2, lane]) * phrase_count[act]) >> np.uint64(32))
                out.symbol[position] = (phrase << np.uint64(1)) | np.uint64(act_sender & 1)
                out.time[position] = time
                out.stage[position] = tables.stage[state]
                position += 1
                if act_sender == sexual * 2:
                    if offence == NEVER:
                        offence = time
                        stop = min(stop, offence + stop_after_offence[i])
                    elif repeat == NEVER and time >= offence + repeat_after:
                        repeat = time
                elif act_sender == meeting * 2 and attempt == NEVER and tables.approach[state]:
                    attempt = time
            first += np.uint32(LANES)
        out.end[i] = position
        out.offence[i] = offence
        out.repeat[i] = repeat
        out.meeting[i] = attempt
        out.closed[i] = closed
        out.reason[i] = reason
    return conversation.shape[0]
