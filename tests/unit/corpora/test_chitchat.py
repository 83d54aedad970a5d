"""The real corpus where it is installed, its form where it is not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from simharness.corpora.chitchat import PACKAGE, read_chitchat
from simharness.corpora.source import open_corpus
from simharness.errors import UsageError

SECRET = "velmo tarin sedda"


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason="chitchat-dataset is not installed (extra: corpora)")
def test_the_counts_of_the_real_corpus() -> None:
    conversations = messages = unanswered = long = 0
    authors: set[int] = set()
    for each in open_corpus("chitchat").conversations:
        conversations, messages = conversations + 1, messages + len(each)
        authors.update(each.authors)
        unanswered += len(set(each.authors)) == 1
        assert each.times_s is not None and each.times_s[0] == 0.0 and each.predators == frozenset()
        long += each.times_s[-1] > 3600.0
    assert (conversations, messages, len(authors), unanswered) == (7_168, 258_145, 1_315, 3_150)
    assert 0.09 < long / conversations < 0.11


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A package of the name with this data. Its code must not run."""

    def put(data: str) -> None:
        folder = tmp_path / PACKAGE
        folder.mkdir()
        (folder / "__init__.py").write_text("raise RuntimeError('it was imported')", encoding="utf-8")
        (folder / "dataset.json").write_text(data, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, PACKAGE, raising=False)

    return put


def message(sender: Any, second: int, text: Any) -> dict[str, Any]:
    return {"sender": sender, "timestamp": f"2018-04-19T19:57:{second:02d}Z", "text": text}


def test_turns_become_messages(installed: Callable[[str], None]) -> None:
    turns = [[message("a", 1, "mulo"), message("a", 4, "")], [message("b", 4, "venzo")]]
    installed(json.dumps({"c": {"messages": turns}}))
    (found,) = read_chitchat()
    assert (found.texts, found.authors, found.times_s) == (("mulo", "", "venzo"), (0, 0, 1), (0.0, 3.0, 3.0))


@pytest.mark.parametrize(
    "data",
    [
        f'{{"c": "{SECRET}',
        "[]",
        json.dumps({"c": {"chat": []}}),
        json.dumps({"c": {"messages": [[message("a", 1, 5)]]}}),
        json.dumps({"c": {"messages": [[{"sender": "a", "timestamp": SECRET, "text": SECRET}]]}}),
        json.dumps({"c": {"messages": [[message(["x"], 1, SECRET)]]}}),
        json.dumps({"c": {"messages": [[message("a", 5, SECRET), message("a", 4, SECRET)]]}}),
    ],
)
def test_another_form_is_refused(
    installed: Callable[[str], None], data: str, require_silent: Callable[[BaseException], None]
) -> None:
    installed(data)
    with pytest.raises(UsageError, match=r"Install chitchat-dataset 0\.9\.0") as caught:
        list(read_chitchat())
    require_silent(caught.value)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simharness.corpora.chitchat.find_spec", lambda name: None)
    with pytest.raises(
        UsageError, match=r"not installed[^+]*pip install chitchat-dataset \(or simharness\[corpora\]\)"
    ):
        open_corpus("chitchat")
