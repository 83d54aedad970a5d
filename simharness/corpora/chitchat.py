"""The Chit-Chat Challenge corpus of the optional package ``chitchat-dataset`` (MIT), read where it is installed.

Version 0.9.0 holds 7,168 conversations with 258,145 messages of 1,315 people. 3,150 of them are an opening that nobody
answered; a tenth last for more than an hour. People were paid to chat with strangers and are adults as far
as is known; nothing in it is grooming, so every conversation is labelled as without predators.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from simharness.corpora.records import AuthorNumbers, CorpusConversation
from simharness.errors import UsageError

PACKAGE, FILE = "chitchat_dataset", "dataset.json"
NOTE = (
    "chitchat: strangers paid to chat with one another, with ratings; 44 % of its conversations are an opening that "
    "nobody answered. No message of it is grooming: alerts on it are false."
)


def read_chitchat() -> Iterator[CorpusConversation]:
    """Every conversation of the installed package, in its order; none has a predator.

    Raises UsageError where the package is missing or its file has another form.
    """
    path = installed_file()
    problem = None
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        problem = "cannot be read"
    if problem or not isinstance(data, dict):
        raise _unknown_form(path, "cannot be read")
    numbers = AuthorNumbers()
    for place, key in enumerate(data, start=1):
        found = _conversation(key, data[key], numbers)
        if found is None:
            raise _unknown_form(path, f"conversation {place} is not in the form of version 0.9.0")
        yield found


def installed_file() -> Path:
    """Where the package keeps its data. Raises UsageError where it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise UsageError(
            "chitchat",
            "the package chitchat-dataset is not installed",
            hint="Install it with: pip install chitchat-dataset (or simharness[corpora]).",
        )
    return Path(spec.origin).with_name(FILE)


def _conversation(key: str, value: Any, numbers: AuthorNumbers) -> CorpusConversation | None:
    """None where it has another form: what the parser would raise could quote it."""
    try:
        # A list of turns, each a list of what one person sent in it.
        messages = [message for turn in value["messages"] for message in turn]
        times = [datetime.fromisoformat(message["timestamp"]).timestamp() for message in messages]
        authors = tuple(numbers[message["sender"]] for message in messages)
        texts = tuple(message["text"] for message in messages)
    except (TypeError, KeyError, ValueError, AttributeError):
        return None
    if not all(isinstance(text, str) for text in texts) or times != sorted(times):
        return None
    return CorpusConversation(key, authors, texts, tuple(time - times[0] for time in times), frozenset())


def _unknown_form(path: Path, problem: str) -> UsageError:
    return UsageError(str(path), problem, hint="Install chitchat-dataset 0.9.0.")
