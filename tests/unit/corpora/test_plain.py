"""CSV and JSON lines: the same conversations from both, and errors with file and line that show no text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simharness.corpora.labels import Labels
from simharness.corpora.plain import read_csv, read_jsonl
from simharness.corpora.records import CorpusConversation
from simharness.corpora.source import open_corpus
from simharness.errors import UsageError

SECRET = "velmo tarin sedda"
CSV = """conversation,author,text,time,label,more
c1,ann,"mulo, ""venzo""
tarin",2020-01-31T12:00:00Z,1,x
c1,bob,,2020-01-31T13:00:30+01:00,0,x
c2,bob,lu,2020-01-31T12:00:00,0,x
"""
ROWS = [
    {"conversation": "c1", "author": "ann", "text": 'mulo, "venzo"\ntarin', "time": 1580472000, "label": True},
    {"conversation": "c1", "author": "bob", "text": "", "time": 1580472030.0, "label": 0},
    {"conversation": "c2", "author": "bob", "text": "lu", "time": "2020-01-31T12:00:00", "label": "false"},
]


def saved(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def jsonl(folder: Path, rows: list[dict[str, Any]]) -> Path:
    return saved(folder, "a.jsonl", "\n\n".join(json.dumps(row) for row in rows))


def test_both_layouts_give_the_same(tmp_path: Path) -> None:
    expected = [
        CorpusConversation("c1", (0, 1), ('mulo, "venzo"\ntarin', ""), (0.0, 30.0), frozenset({0})),
        CorpusConversation("c2", (1,), ("lu",), (0.0,), frozenset()),
    ]
    assert list(read_csv(saved(tmp_path, "a.csv", CSV))) == expected
    assert list(read_csv(saved(tmp_path, "a.csv", b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode()))) == [
        CorpusConversation("c1", (0, 1), ('mulo, "venzo"\r\ntarin', ""), (0.0, 30.0), frozenset({0})),
        expected[1],
    ]
    assert list(read_jsonl(jsonl(tmp_path, ROWS))) == expected


def test_without_times_and_labels(tmp_path: Path) -> None:
    (one,) = read_csv(saved(tmp_path, "a.csv", "Author,Conversation,text\nann,1,x\nann,1,y\n"))
    assert one == CorpusConversation("1", (0, 0), ("x", "y"), None, None)
    rows = [{"conversation": 1, "author": 7, "text": "x", "time": 1}, {"conversation": 1, "author": 7, "text": "y"}]
    (one,) = read_jsonl(jsonl(tmp_path, rows))
    assert one == CorpusConversation("1", (0, 0), ("x", "y"), None, None)  # not all of its times are known


def test_a_file_of_labels(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.csv", "conversation,author,text\n1,ann,x\n2,bob,y\n")
    names = saved(tmp_path, "names.txt", "bob\n")
    assert [each.predators for each in open_corpus(str(path), names).conversations] == [frozenset(), frozenset({1})]
    both = saved(tmp_path, "b.csv", "conversation,author,text,label\n1,bob,x,1\n")
    with pytest.raises(UsageError, match=r"b\.csv:2: a label, and a file of labels"):
        list(read_csv(both, Labels(names)))


def test_a_huge_text(tmp_path: Path) -> None:
    huge = "mulo " * 300_000
    (one,) = read_jsonl(jsonl(tmp_path, [{"conversation": 1, "author": "a", "text": huge}]))
    assert one.texts == (huge,)
    path = saved(tmp_path, "a.csv", f"conversation,author,text\n1,a,{huge}\n")
    with pytest.raises(UsageError, match=r"a\.csv:2: this row cannot be read as (?s:.*)131,072"):
        list(read_csv(path))


HEAD = "conversation,author,text,time,label\n"
GOOD = "1,a,x,5,1\n"


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (f"{SECRET},b,c\n", 1, "no column conversation, author, text"),
        ("", 1, "no column conversation"),
        (f"{HEAD}{GOOD}1,a,{SECRET}\n", 3, "3 fields under a header of 5"),
        (f'{HEAD}{GOOD}1,a,"{SECRET}\n', 3, "cannot be read as CSV"),
        (f'{HEAD}{GOOD}1,a,"{SECRET}"x,5,1\n', 3, "cannot be read as CSV"),
        (f"{HEAD}{GOOD}1,a,x,{SECRET},1\n", 3, "this time cannot be read"),
        (f"{HEAD}{GOOD}1,a,x,nan,1\n", 3, "this time cannot be read"),
        (f"{HEAD}{GOOD}1,a,x,4,1\n", 3, "a time before"),
        (f"{HEAD}{GOOD}1,a,x,6,{SECRET}\n", 3, "this label cannot be read"),
        (f"{HEAD}{GOOD}1,a,x,6,\n", 3, "only some messages have a label"),
        (f"{HEAD}{GOOD}1,,{SECRET},6,1\n", 3, "no author"),
        (f"{HEAD}{GOOD}2,a,x,6,1\n1,a,{SECRET},7,1\n", 4, "a conversation that ended further up"),
        (HEAD.encode() + b"1,a,\xff" + SECRET.encode(), 2, "not UTF-8"),
        (f"{HEAD}{GOOD}".encode("utf-16"), 1, "not UTF-8"),
    ],
)
def test_bad_csv(
    tmp_path: Path, content: str | bytes, line: int, problem: str, require_silent: Callable[[BaseException], None]
) -> None:
    fails(read_csv(saved(tmp_path, "bad.csv", content)), f"bad.csv:{line}: ", problem, require_silent)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (f'{{"conversation": 1, "author": "a", "text": "{SECRET}"', "no JSON object"),
        (f'["{SECRET}"]', "no JSON object"),
        ("[" * 100_000, "no JSON object"),
        ('{"conversation": 1, "author": "a", "text": 5}', "no text"),
        ('{"conversation": 1, "author": "a"}', "no text"),
        (f'{{"conversation": 1.5, "author": "a", "text": "{SECRET}"}}', "no conversation"),
        (f'{{"conversation": 1, "author": null, "text": "{SECRET}"}}', "no author"),
        ('{"conversation": 1, "author": "a", "text": "x", "time": true}', "this time cannot be read"),
        ('{"conversation": 1, "author": "a", "text": "x", "time": Infinity}', "this time cannot be read"),
        (f'{{"conversation": 1, "author": "a", "text": "x", "time": "{SECRET}"}}', "this time cannot be read"),
        (b'{"conversation": 1, "author": "a", "text": "\xff"}', "not UTF-8"),
    ],
)
def test_bad_json_lines(
    tmp_path: Path, row: str | bytes, problem: str, require_silent: Callable[[BaseException], None]
) -> None:
    raw = row if isinstance(row, bytes) else row.encode()
    path = saved(tmp_path, "bad.jsonl", b'{"conversation": 1, "author": "a", "text": "x"}\n' + raw)
    fails(read_jsonl(path), "bad.jsonl:2: ", problem, require_silent)


def fails(
    reader: Iterator[CorpusConversation], where: str, problem: str, require_silent: Callable[[BaseException], None]
) -> None:
    with pytest.raises(UsageError) as caught:
        list(reader)
    assert where in str(caught.value) and problem in str(caught.value)
    require_silent(caught.value)


@pytest.mark.parametrize(
    ("source", "given", "problem"),
    [
        ("corpus.txt", {}, "no corpus of this kind; allowed: chitchat, or a file ending in .xml, .csv, .jsonl"),
        ("none.csv", {}, "none.csv: cannot be read"),
        ("chitchat", {"labels": Path("x")}, "--labels: chitchat needs no labels"),
        ("a.csv", {"times": Path("x")}, "--times: only the PAN-2012 layout"),
    ],
)
def test_sources_that_are_none(source: str, given: dict[str, Path], problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_corpus(source, **given)
    assert problem in str(caught.value)
