"""The PAN-2012 layout: what is in it is read, what is wrong with it is said without showing it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from simharness.corpora.labels import Labels
from simharness.corpora.pan import read_pan
from simharness.errors import UsageError

SECRET = "velmo tarin sedda"
TWO = {
    "c1": [("ann", "23:58", "mulo &amp; &lt;tarin&gt;"), ("bob", "23:58", ""), ("ann", "00:03", "venzo")],
    "c2": [("cai", "09:00", "mulo"), ("bob", "08:59", "mulo"), ("cai", "09:00", "mulo")],
}


def side(folder: Path, rows: list[tuple[str, int, float]]) -> Path:
    path = folder / "times.jsonl"
    lines = [json.dumps({"conversation": key, "line": line, "time": time}) for key, line, time in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_texts_authors_and_times(write_xml: Callable[..., Path]) -> None:
    first, second = read_pan(write_xml(TWO))
    assert (first.key, first.texts, first.authors) == ("c1", ("mulo & <tarin>", "", "venzo"), (0, 1, 0))
    assert first.times_s == (0.0, 0.0, 300.0)  # past midnight
    assert second.authors == (2, 1, 2)  # an author keeps the number
    assert second.times_s == (0.0, 86_340.0, 86_400.0)
    assert first.predators is None and repr(first) == "<3 messages by 2 authors>"


def test_a_second_midnight(write_xml: Callable[..., Path]) -> None:
    (found,) = read_pan(write_xml({"c": [("a", "23:00", "x"), ("b", "01:00", "y"), ("a", "00:30", "z")]}))
    assert found.times_s == (0.0, 7_200.0, 91_800.0)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings(write_xml: Callable[..., Path], encoding: str) -> None:
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    head = f'<?xml version="1.0" encoding="{declared}"?>'
    (found,) = read_pan(write_xml({"c": [("a", "10:00", "caf\u00e9 mulo")]}, head=head, encoding=encoding))
    assert found.texts == ("caf\u00e9 mulo",)


def test_empty_conversations_single_authors_and_missing_times(write_xml: Callable[..., Path]) -> None:
    path = write_xml({"none": [], "one": [("a", "10:00", "mulo")] * 3, "some": [("a", "10:00", "x"), ("b", None, "y")]})
    none, one, some = read_pan(path)
    assert len(none) == 0 and none.times_s == ()
    assert one.authors == (0, 0, 0) and one.times_s == (0.0, 0.0, 0.0)
    assert some.times_s is None


def test_a_huge_text_and_many_blocks(write_xml: Callable[..., Path]) -> None:
    huge = "mulo " * 400_000
    path = write_xml({"c": [("a", "10:00", huge), ("b", "10:01", "x")], **{f"d{n}": TWO["c1"] for n in range(2000)}})
    found = list(read_pan(path))
    assert len(found) == 2001 and found[0].texts == (huge, "x") and found[-1].texts[0] == "mulo & <tarin>"


def test_it_is_read_as_a_stream(write_xml: Callable[..., Path]) -> None:
    path = write_xml({f"c{n}": TWO["c1"] for n in range(3000)})
    path.write_text(path.read_text(encoding="utf-8") + "</more>", encoding="utf-8")
    reader = read_pan(path)
    assert next(reader).key == "c0"  # before what is wrong at the end is seen
    with pytest.raises(UsageError, match="not well-formed"):
        list(reader)


# --- labels ---


def test_labels_by_author_and_by_line(write_xml: Callable[..., Path], tmp_path: Path) -> None:
    path, names = write_xml(TWO), tmp_path / "labels.txt"
    names.write_text("\ufeffcai\n\nnobody\n", encoding="utf-8")
    assert [each.predators for each in read_pan(path, Labels(names))] == [frozenset(), frozenset({2})]
    names.write_text("c1\t2\nc1\t99\n", encoding="utf-8")
    assert [each.predators for each in read_pan(path, Labels(names))] == [frozenset({1}), frozenset()]


@pytest.mark.parametrize("line", ["two words", "c1\tx", "c1\t1\t2", f"{SECRET}\t{SECRET}"])
def test_a_line_that_is_no_label(tmp_path: Path, line: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(f"ann\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"labels\.txt:2: this line is no label") as caught:
        Labels(path)
    assert SECRET not in str(caught.value)


def test_labels_of_another_corpus_are_refused(write_xml: Callable[..., Path], tmp_path: Path) -> None:
    names = tmp_path / "labels.txt"
    names.write_text("somebody\n", encoding="utf-8")
    with pytest.raises(UsageError, match="nothing that is labelled here occurs"):
        list(read_pan(write_xml(TWO), Labels(names)))


# --- absolute times ---


def test_times_from_the_side_file(write_xml: Callable[..., Path], tmp_path: Path) -> None:
    rows = [("c1", 1, 100.5), ("c1", 2, 160.0), ("c1", 3, 90_000.0)]
    first, second = read_pan(write_xml(TWO), times=side(tmp_path, rows))
    assert first.times_s == (0.0, 59.5, 89_899.5)
    assert second.times_s is None  # nothing on it


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("c1", 1, 1.0), ("c1", 3, 2.0)], ":2: this is not the next message"),
        ([("c1", 1, 1.0), ("c1", 2, 2.0)], "this is not the next message"),
        ([("c2", 1, 1.0), ("c1", 1, 2.0)], ":2: this is not the next message"),
        ([("c1", 1, 5.0), ("c1", 2, 4.0)], ":2: a time before"),
        ([("c9", 1, 5.0)], ":1: no conversation of the XML is left"),
        ([("c1", "1", 5.0)], ":1: this line does not say"),
    ],
)
def test_times_that_do_not_fit(
    write_xml: Callable[..., Path], tmp_path: Path, rows: list[tuple[str, int, float]], problem: str
) -> None:
    with pytest.raises(UsageError) as caught:
        list(read_pan(write_xml(TWO), times=side(tmp_path, rows)))
    assert problem in str(caught.value)


# --- what is wrong ---


def broken(body: str, root: str = "conversations") -> str:
    return f"<{root}>\n{body}\n</{root}>"


MESSAGE = f'<message line="1"><author>a</author><time>10:00</time><text>{SECRET}</text></message>'


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (broken("", "chats"), 1, "outermost element is not <conversations>"),
        (broken(MESSAGE), 2, "<message> in the wrong place"),
        (broken(f"<conversation>{MESSAGE}</conversation>"), 2, "<conversation> without the attribute id"),
        (broken('<conversation id="c"><conversation id="d"/></conversation>'), 2, "<conversation> in the wrong place"),
        (broken(f'<conversation id="c">\n{MESSAGE.replace("10:00", SECRET)}</conversation>'), 3, "<time>"),
        (broken(f'<conversation id="c">\n{MESSAGE.replace("10:00", "24:00")}</conversation>'), 3, "<time>"),
        (broken(f'<conversation id="c">{MESSAGE.replace("author", "writer")}</conversation>'), 2, "without <author>"),
        (broken(f'<conversation id="c">{MESSAGE.replace("text", "body")}</conversation>'), 2, "without <text>"),
        (
            broken(f'<conversation id="c">{MESSAGE.replace(chr(34) + "1", chr(34) + "x")}</conversation>'),
            2,
            "no number",
        ),
        (broken(f'<conversation id="c">{MESSAGE.replace("<time>", "<text>x</text><time>")}</conversation>'), 2, "two"),
        (f"<conversations>\n<conversation id='c'>{SECRET}</wrong>", 2, "not well-formed XML (mismatched tag)"),
        (f"<conversations>\n{SECRET} & more", 2, "not well-formed XML"),
        ("", 1, "not well-formed XML (no element found)"),
        (f'<?xml version="1.0" encoding="shift_jis"?>\n<conversations>{SECRET}', 1, "encoding that it declares"),
        (f'<?xml version="1.0" encoding="nonsense"?>\n<conversations>{SECRET}', 1, "encoding that it declares"),
    ],
)
def test_malformed_files(
    tmp_path: Path, content: str, line: int, problem: str, require_silent: Callable[[BaseException], None]
) -> None:
    path = tmp_path / "bad.xml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        list(read_pan(path))
    assert str(caught.value).startswith(f"{path}:{line}: ") and problem in str(caught.value)
    require_silent(caught.value)


LAUGHS = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
OUTSIDE = '<!DOCTYPE conversations SYSTEM "file:///etc/hostname">'
INSIDE = '<!DOCTYPE conversations [<!ENTITY e SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    "head", [f'<!DOCTYPE conversations [<!ENTITY e0 "{SECRET}">{LAUGHS}]>', OUTSIDE, INSIDE, "<!DOCTYPE conversations>"]
)
def test_hostile_files_are_refused_where_they_begin(
    write_xml: Callable[..., Path], head: str, require_silent: Callable[[BaseException], None]
) -> None:
    path = write_xml({"c": [("a", "10:00", "&e9;" if "e9" in head else "x")]}, head=f"<?xml version='1.0'?>\n{head}\n")
    with pytest.raises(UsageError, match=r":2: a document type declaration is refused") as caught:
        list(read_pan(path))
    require_silent(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        list(read_pan(tmp_path / "none.xml"))
