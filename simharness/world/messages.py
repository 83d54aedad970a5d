"""The message kernel: conversations of a batch, message by message, and the truth about each.

Message k of a conversation takes one Philox block, addressed by (seed, "message", conversation, k): its four words
decide the step of the chain, the act with its sender, the phrase, and the gap before it. Blocks are computed sixteen
at a time, which lets the compiler use vector registers: the draws then cost about 2 ns a message and the table
look-ups the rest. Nothing is stored between batches; any conversation can be made again, identically, from its row of
contacts.
"""

from __future__ import annotations

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
    told: NDArray[np.float64]  # the child tells an adult, during the conversation or after it; inf: not in the period


class Rules(NamedTuple):
    """What the kernel goes by besides the grammar: the truth events, and the hazard of the child telling."""

    sexual: int  # act numbers
    meeting: int
    repeat_after: float  # waking seconds
    horizon: float
    hazard: NDArray[np.float64]  # (stages,): per waking second, while the latest message is of the stage
    after_end: float  # factor on the last stage's hazard once the conversation has ended


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
        told=np.empty(conversations),
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


@compiled(inline="always")
def _due(time: Any, left: Any, hazard: Any) -> Any:
    """When ``left`` of cumulative hazard is used up at a constant hazard from ``time`` on."""
    return time + left / hazard if hazard > 0.0 else NEVER


@compiled()
def generate(
    tables: Any, phrase_first: Any, phrase_count: Any, seed: Any, contacts: Any, adults: Any, rules: Any, out: Any
) -> Any:
    """Fill ``out`` with conversations; return how many fitted (fewer than asked for when the message buffer is full).

    ``contacts`` = (conversation, kind, regime, start) arrays; ``adults`` = (cumulative hazard at which the child tells
    one, when another notices, whether the one who knows ends the conversation) arrays, inf for never; ``rules``: Rules.
    """
    conversation, kind, regime, start = contacts
    tells_at_hazard, notices_at, ends = adults
    sexual, meeting, repeat_after, horizon = rules.sexual, rules.meeting, rules.repeat_after, rules.horizon
    words = np.empty((4, LANES), np.uint32)
    states = tables.stage.shape[0]
    capacity = out.symbol.shape[0]
    position = 0
    for i in range(conversation.shape[0]):
        out.begin[i] = position
        offence = repeat = attempt = closed = NEVER
        reason = CENSORED
        time = start[i]
        stop = notices_at[i] if ends[i] else NEVER
        # The hazard changes only with the stage, so what is kept is when the child tells if this stage goes on.
        told = tells = NEVER
        left, hazard, since = tells_at_hazard[i], 0.0, time
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
                        if told == NEVER:
                            told = _due(time, max(0.0, left - hazard * (time - since)), hazard * rules.after_end)
                        open_ = False
                        break
                    time += tables.gaps[regime[i], words[3, lane] >> _GAP_SHIFT]
                    if time >= tells:
                        if tells <= stop:
                            told = tells
                            if ends[i]:
                                stop = told
                        left = tells = NEVER  # a child tells once
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
                stage = tables.stage[state]
                out.stage[position] = stage
                position += 1
                if rules.hazard[stage] != hazard:
                    left = max(0.0, left - hazard * (time - since))  # rounding must not put the telling in the past
                    hazard, since = rules.hazard[stage], time
                    tells = _due(time, left, hazard)
                if act_sender == sexual * 2:
                    if offence == NEVER:
                        offence = time
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
        out.told[i] = told if told < horizon else NEVER
    return conversation.shape[0]
