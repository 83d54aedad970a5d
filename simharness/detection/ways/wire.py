"""The JSON that detectors outside Python speak, protocol 1: made and read here and nowhere else.

A request is one JSON object and has one answer, with the same ``id``. On a process's stdin and stdout each is one line
ended by a newline; over HTTP a request is the body of a POST and the answer the body of a 200. Requests are plain ASCII
(other characters are escaped), so they read the same in any locale; answers are UTF-8.

What is read (``reads``), and its answer:

- texts: ``{"id": 1, "texts": ["...", "..."]}`` -> ``{"id": 1, "scores": [0.25, null]}``
- conversations: ``{"id": 1, "conversations": [{"conversation": 17, "platform": 0, "declared_adult": true,
  "new_contacts_7d": 2.0, "first": 1, "messages": [{"time_s": 12.5, "from": "initiator", "text": "..."}]}]}`` ->
  ``{"id": 1, "scores": [[0.25]]}``: a list for each conversation with one score for each of its messages, given what
  came up to that message. ``from`` is ``initiator`` (who made contact) or ``recipient``; ``platform`` a number;
  ``first`` the number of the first message seen; ``time_s`` seconds of the waking day, which leave the night out.
- events: ``{"id": 1, "stream": "name", "events": [{"conversation": 17, "number": 1, "account": 5, "recipient": 9,
  "time_s": 12.5, "platform": 0, "from": "initiator", "declared_adult": true, "text": "..."}]}`` ->
  ``{"id": 1, "scores": [0.25]}``. Events come in order of time, over requests, too: what was seen is to be kept as long
  as ``stream`` is the same, and forgotten when it changes. ``time_s`` counts from the first midnight.

A score is a finite number of at most 3.4e38; null abstains. NaN, Infinity, strings and true or false are faults.
Instead of scores ``{"id": 1, "error": "..."}`` says that the detector failed. Other keys of an answer are ignored.

Training, if the options ask for it, comes before anything else, as requests with the id 0, each answered by
``{"id": 0, "ok": true}``. The first is ``{"id": 0, "train": {"part": 1, "of": 1, "seed": 7, "texts": ["..."],
"positive": [3], "negative": [120], "vocabulary": {"act": ["..."]}}}``: how often each text was sent in grooming and in
harmless conversations. For reads other than texts, further parts hold the conversations, laid out as above, with their
labels: ``{"id": 0, "train": {"part": 2, "of": 3, "conversations": [...], "grooming": [true, false]}}``. A part may
come twice; the training is complete with the answer to the last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from simharness.detection.faults import DetectorFailed
from simharness.detection.protocol import TrainingSet
from simharness.records import ConversationBatch, EventBatch

PROTOCOL = 1
Reads = Literal["texts", "conversations", "events"]
Scores = NDArray[np.float32]

_SENDERS = ("initiator", "recipient")
_LARGEST = float(np.finfo(np.float32).max)
_NUMBERS = {int, float, type(None)}  # bool is not among them: json gives exact types


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its ``body``, how it is spoken of (``what``), and how many scores its answer has to hold.

    ``expected``: scores; a tuple: scores of each conversation; None: a confirmation.
    """

    number: int
    body: bytes
    what: str
    expected: int | tuple[int, ...] | None


def text_request(number: int, texts: Sequence[str]) -> Request:
    """A request for one score a text."""
    return _request(number, {"texts": list(texts)}, f"{len(texts)} texts", len(texts))


def conversation_request(number: int, batch: ConversationBatch, rows: range) -> Request:
    """A request for one score a message of some conversations of a batch."""
    conversations = _conversations(batch, rows)
    lengths = tuple(len(each["messages"]) for each in conversations)
    what = f"{len(rows)} conversations with {sum(lengths)} messages"
    return _request(number, {"conversations": conversations}, what, lengths)


def event_request(number: int, stream: str, events: EventBatch, rows: range) -> Request:
    """A request for one score an event of a stretch of a stream."""
    part = slice(rows.start, rows.stop)
    columns = {
        "conversation": events.conversation[part].tolist(),
        "number": events.number[part].tolist(),
        "account": events.account[part].tolist(),
        "recipient": events.child[part].tolist(),
        "time_s": events.time_s[part].tolist(),
        "platform": events.platform[part].tolist(),
        "from": [_SENDERS[symbol & 1] for symbol in events.symbol[part].tolist()],
        "declared_adult": events.declared_adult[part].tolist(),
        "text": [events.texts[symbol >> 1] for symbol in events.symbol[part].tolist()],
    }
    listed = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return _request(number, {"stream": stream, "events": listed}, f"{len(rows)} events", len(rows))


def training_requests(training: TrainingSet, reads: Reads, batch: int) -> Iterator[Request]:
    """The parts of a training set, with at most ``batch`` conversations each."""
    starts = range(0, 0 if reads == "texts" else len(training.batch), batch)
    parts = 1 + len(starts)

    def part(number: int, content: Mapping[str, Any]) -> Request:
        body = {"train": {"part": number, "of": parts, **content}}
        return _request(0, body, f"training, part {number} of {parts}", None)

    words = {act: list(words) for act, words in training.vocabulary.items()}
    counts = {"positive": training.positive.tolist(), "negative": training.negative.tolist()}
    yield part(1, {"seed": training.seed, "texts": list(training.texts), **counts, "vocabulary": words})
    for place, start in enumerate(starts):
        rows = range(start, min(start + batch, len(training.batch)))
        labels = training.grooming[rows.start : rows.stop].tolist()
        yield part(2 + place, {"conversations": _conversations(training.batch, rows), "grooming": labels})


def read_answer(request: Request, answer: bytes) -> Scores:
    """The scores of an answer, nan where it abstains, shape (scores asked for,); () for a confirmation.

    Raises DetectorFailed, which never quotes the answer: it may repeat what was asked.
    """
    content = _content(request, answer)
    if request.expected is None:
        if content.get("ok") is not True:
            _garbage(request, "its answer does not say so", 'expected "ok": true')
        return np.empty(0, np.float32)
    if "scores" not in content:
        _garbage(request, "its answer has no key of that name", 'expected "scores"')
    scores = _list(request, content["scores"], "scores")
    if isinstance(request.expected, tuple):
        _same_length(request, len(scores), len(request.expected), "lists, one for each conversation")
        lists = [_list(request, each, "each entry of scores") for each in scores]
        for each, length in zip(lists, request.expected, strict=True):
            _same_length(request, len(each), length, "scores for one conversation, one for each message")
        scores = [score for each in lists for score in each]
    else:
        _same_length(request, len(scores), request.expected, "scores, one for each")
    return _floats(request, scores)


def _request(number: int, content: Mapping[str, Any], what: str, expected: int | tuple[int, ...] | None) -> Request:
    body = json.dumps({"id": number, **content}, allow_nan=False, separators=(",", ":")).encode("ascii")
    return Request(number, body, f"request {number} ({what})", expected)


def _conversations(batch: ConversationBatch, rows: range) -> list[dict[str, Any]]:
    keys = batch.key.tolist() if batch.key.size else list(range(len(batch)))
    first = batch.first.tolist() if batch.first.size else [1] * len(batch)
    return [
        {
            "conversation": keys[row],
            "platform": int(batch.platform[row]),
            "declared_adult": bool(batch.declared_adult[row]),
            "new_contacts_7d": float(batch.new_contacts_7d[row]),
            "first": first[row],
            "messages": _messages(batch, slice(int(batch.begin[row]), int(batch.end[row]))),
        }
        for row in rows
    ]


def _messages(batch: ConversationBatch, part: slice) -> list[dict[str, Any]]:
    return [
        {"time_s": time_s, "from": _SENDERS[symbol & 1], "text": batch.texts[symbol >> 1]}
        for time_s, symbol in zip(batch.time_s[part].tolist(), batch.symbol[part].tolist(), strict=True)
    ]


class _NotFinite(ValueError):  # noqa: N818 - caught before anybody sees it
    """A literal that JSON does not have."""


def _constant(literal: str) -> NoReturn:
    raise _NotFinite(literal)


_DECODER = json.JSONDecoder(parse_constant=_constant)


def _content(request: Request, answer: bytes) -> dict[str, Any]:
    try:
        content = _DECODER.decode(answer.decode("utf-8"))
    except _NotFinite as literal:
        kind: Literal["nan", "infinite"] = "nan" if str(literal) == "NaN" else "infinite"
        raise DetectorFailed(
            kind, f"{request.what}: the answer holds {literal}; expected finite numbers, or null to abstain"
        ) from None
    except (ValueError, RecursionError):  # bad UTF-8 and numbers of thousands of digits are ValueErrors, too
        _garbage(request, f"its {len(answer)} bytes cannot be read", "expected one JSON object")
    if not isinstance(content, dict):
        _garbage(request, f"it is a {_kind(content)}", "expected one JSON object")
    number = content.get("id")
    if (type(number) is int and number == request.number) or (number is None and "error" in content):
        if "error" not in content:
            return content
        told = content["error"]
        size = f" of {len(told)} characters" if isinstance(told, str) else ""
        raise DetectorFailed(
            "exception",
            f"{request.what}: it answered with an error of its own, a {_kind(told)}{size} that is not shown because it "
            "may quote what was asked; expected scores",
        )
    found = f"id is {number}" if type(number) is int else f"id is a {_kind(number)}"
    _garbage(request, f"its {found}", f"expected {request.number}, the request's own")


def _list(request: Request, value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        _garbage(request, f"{name} is a {_kind(value)}", "expected a list")
    return value


def _same_length(request: Request, found: int, expected: int, noun: str) -> None:
    if found != expected:
        raise DetectorFailed("wrong_length", f"{request.what}: got {found} where expected {expected} {noun}")


def _floats(request: Request, scores: list[Any]) -> Scores:
    odd = set(map(type, scores)) - _NUMBERS
    if odd:
        place = next(n for n, score in enumerate(scores) if type(score) not in _NUMBERS)
        _garbage(request, f"score {place + 1} is a {_kind(scores[place])}", "expected numbers, or null to abstain")
    try:
        values = np.array([np.nan if score is None else score for score in scores], np.float64)
        large = bool((np.abs(values) > _LARGEST).any())
    except OverflowError:  # an integer beyond any float
        large = True
    if large:
        raise DetectorFailed(
            "infinite", f"{request.what}: a score is beyond {_LARGEST:.2g}; expected finite numbers, or null to abstain"
        )
    return values.astype(np.float32)


def _garbage(request: Request, found: str, expected: str) -> NoReturn:
    raise DetectorFailed("garbage", f"{request.what}: the answer is unreadable: {found}; {expected}")


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "string", bool: "truth value", int: "number", float: "number"}
    return names.get(type(value), "null")
