"""Requests to the letter, and answers that do not keep to the protocol."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import TrainingSet
from simharness.detection.ways.wire import (
    Request,
    conversation_request,
    event_request,
    read_answer,
    text_request,
    training_requests,
)
from simharness.records import ConversationBatch, EventBatch


def body(request: Request) -> Any:
    return json.loads(request.body)


def test_texts_are_sent_in_order_and_in_plain_characters() -> None:
    request = text_request(3, ["velmo\n", "\u00fc \ud800"])
    assert body(request) == {"id": 3, "texts": ["velmo\n", "\u00fc \ud800"]}
    assert request.body.isascii() and b"\n" not in request.body
    assert request.expected == 2


def test_conversations_are_sent_as_documented(conversations: ConversationBatch) -> None:
    request = conversation_request(1, conversations, range(1, 3))
    assert body(request)["conversations"] == [
        {
            "conversation": 2**52 - 1,
            "platform": 1,
            "declared_adult": False,
            "new_contacts_7d": 0.0,
            "first": 1,
            "messages": [],
        },
        {
            "conversation": 13,
            "platform": 2,
            "declared_adult": False,
            "new_contacts_7d": 1.0,
            "first": 4,
            "messages": [
                {"time_s": 4.0, "from": "initiator", "text": "homework then dinner"},
                {"time_s": 5.0, "from": "recipient", "text": "velmo tarin"},
            ],
        },
    ]
    assert request.expected == (0, 2)


def test_a_batch_made_by_hand_needs_no_keys(conversations: ConversationBatch) -> None:
    bare = replace(conversations, key=np.empty(0, np.uint64), first=np.empty(0, np.int32))
    sent = body(conversation_request(1, bare, range(3)))["conversations"]
    assert [(each["conversation"], each["first"]) for each in sent] == [(0, 1), (1, 1), (2, 1)]


def test_events_are_sent_as_documented(events: EventBatch) -> None:
    request = event_request(4, "a", events, range(1, 3))
    sent = body(request)
    assert sent["stream"] == "a"
    assert sent["events"][0] == {
        "conversation": 12,
        "number": 1,
        "account": 6,
        "recipient": 8,
        "time_s": 2.0,
        "platform": 1,
        "from": "recipient",
        "declared_adult": False,
        "text": "the football was good",
    }
    assert len(sent["events"]) == request.expected == 2


def test_training_is_one_part_for_texts_and_bounded_parts_for_conversations(training: TrainingSet) -> None:
    (only,) = training_requests(training, "texts", 2)
    assert body(only) == {
        "id": 0,
        "train": {
            "part": 1,
            "of": 1,
            "seed": 7,
            "texts": list(training.texts),
            "positive": [30, 5, 20, 0],
            "negative": [0, 40, 2, 60],
            "vocabulary": {"asks_age": ["velmo", "sedda"], "asks_area": ["tarin velmo"]},
        },
    }
    parts = [body(each)["train"] for each in training_requests(training, "conversations", 2)]
    assert [(part["part"], part["of"]) for part in parts] == [(1, 3), (2, 3), (3, 3)]
    assert [part["grooming"] for part in parts[1:]] == [[True, False], [True]]
    assert [len(part["conversations"]) for part in parts[1:]] == [2, 1]


def test_scores_and_abstentions_are_read() -> None:
    request = text_request(5, ["a", "b", "c"])
    found = read_answer(request, b'{"scores": [1, null, -0.25], "id": 5, "model": "x"}')
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([1, np.nan, -0.25], np.float32))


def test_lists_of_scores_are_joined_in_order(conversations: ConversationBatch) -> None:
    request = conversation_request(1, conversations, range(3))
    found = read_answer(request, b'{"id": 1, "scores": [[1, 2, 3], [], [null, 5]]}')
    np.testing.assert_array_equal(found, np.array([1, 2, 3, np.nan, 5], np.float32))


def fault(request: Request, answer: str | bytes) -> DetectorFailed:
    with pytest.raises(DetectorFailed) as caught:
        read_answer(request, answer if isinstance(answer, bytes) else answer.encode())
    return caught.value


TEXTS = ["velmo tarin", "sedda"]
BAD = {
    '{"id": 9, "scores": [NaN, 1]}': "nan",
    '{"id": 9, "scores": [1, Infinity]}': "infinite",
    '{"id": 9, "scores": [1, -Infinity]}': "infinite",
    '{"id": 9, "scores": [1, 1e999]}': "infinite",
    '{"id": 9, "scores": [1, -1e39]}': "infinite",
    '{"id": 9, "scores": [1, 1' + "0" * 400 + "]}": "infinite",
    '{"id": 9, "scores": [1, 1' + "0" * 5000 + "]}": "garbage",
    '{"id": 9, "scores": []}': "wrong_length",
    '{"id": 9, "scores": [1, 2, 3]}': "wrong_length",
    '{"id": 9, "scores": [1, "velmo tarin"]}': "garbage",
    '{"id": 9, "scores": [1, true]}': "garbage",
    '{"id": 9, "scores": [1, [2]]}': "garbage",
    '{"id": 9, "scores": "velmo tarin"}': "garbage",
    '{"id": 9, "scores": null}': "garbage",
    '{"id": 9, "risk": [1, 1]}': "garbage",
    '{"id": 8, "scores": [1, 1]}': "garbage",
    '{"id": "9", "scores": [1, 1]}': "garbage",
    '{"scores": [1, 1]}': "garbage",
    '["velmo tarin"]': "garbage",
    "velmo tarin": "garbage",
    '{"id": 9, "scores": [1, 1]} velmo': "garbage",
    "": "garbage",
    "[" * 100_000: "garbage",
    '{"id": 9, "error": "velmo tarin"}': "exception",
    '{"id": 9, "error": {"velmo tarin": 1}, "scores": [1, 1]}': "exception",
    '{"error": "velmo tarin"}': "exception",
    '{"id": 8, "error": "velmo tarin"}': "garbage",
}


@pytest.mark.parametrize(("answer", "kind"), BAD.items(), ids=[f"{n}-{kind}" for n, kind in enumerate(BAD.values())])
def test_a_bad_answer_has_its_name_and_is_not_quoted(answer: str, kind: str) -> None:
    found = fault(text_request(9, TEXTS), answer)
    assert found.kind == kind
    assert "request 9 (2 texts)" in str(found)
    assert "velmo" not in str(found) and "sedda" not in str(found)
    assert len(str(found)) < 300


def test_bytes_that_are_no_text_are_garbage() -> None:
    assert fault(text_request(9, TEXTS), b'{"id": 9, "scores": [1, 1], "\xff": 1}').kind == "garbage"


def test_true_is_not_the_number_one() -> None:
    assert fault(text_request(1, ["a"]), '{"id": true, "scores": [1]}').kind == "garbage"


@pytest.mark.parametrize("scores", ["[[1, 2, 3], [1, 2]]", "[[1, 2, 3], [1], [1, 2]]", "[[1, 2], [], [1, 2, 3]]"])
def test_every_conversation_has_a_list_of_its_own_length(scores: str, conversations: ConversationBatch) -> None:
    request = conversation_request(1, conversations, range(3))
    assert fault(request, f'{{"id": 1, "scores": {scores}}}').kind == "wrong_length"


def test_a_flat_list_is_no_answer_for_conversations(conversations: ConversationBatch) -> None:
    assert fault(conversation_request(1, conversations, range(3)), '{"id": 1, "scores": [1, 2, 3]}').kind == "garbage"


def test_training_has_to_be_confirmed(training: TrainingSet) -> None:
    (request,) = training_requests(training, "texts", 2)
    assert read_answer(request, b'{"id": 0, "ok": true}').size == 0
    assert fault(request, '{"id": 0, "ok": 1}').kind == "garbage"
    assert fault(request, '{"id": 0, "scores": []}').kind == "garbage"
