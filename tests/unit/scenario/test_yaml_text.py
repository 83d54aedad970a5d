"""YAML text read with the line of everything in it, and changed without touching anything else."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from simharness.errors import UsageError
from simharness.scenario.tree import Position, Tree, tree_of
from simharness.scenario.yaml_text import parse, read_text, set_values


def tree(text: str) -> Tree:
    root = parse(text, "a.yaml")
    assert root is not None
    return tree_of(root)


def test_values_and_positions() -> None:
    read = tree("# head\na: 1\nb:\n  c: [x, 2.5]\n  7:\n    - yes\n    - null\nday: 2017-04-03\n")
    assert read.data == {"a": 1, "b": {"c": ["x", 2.5], 7: ["yes", None]}, "day": dt.date(2017, 4, 3)}
    assert type(read.data["day"]) is dt.date
    assert {path: position.line for path, position in read.positions.items()} == {
        (): 2, ("a",): 2, ("b",): 3, ("b", "c"): 4, ("b", "c", 0): 4, ("b", "c", 1): 4,
        ("b", 7): 5, ("b", 7, 0): 6, ("b", 7, 1): 7, ("day",): 8,
    }  # fmt: skip
    assert {position.file for position in read.positions.values()} == {"a.yaml"}


def test_position_is_of_the_key_not_of_its_value() -> None:
    assert tree("a:\n\n  b: 1\n").positions["a",] == Position("a.yaml", 1)


def test_byte_order_mark_and_aliases_are_read() -> None:
    assert tree("\ufeffa: &x {k: 1}\nb: *x\n").data == {"a": {"k": 1}, "b": {"k": 1}}


def test_nothing_is_none() -> None:
    assert parse("", "a.yaml") is None
    assert parse("# only\n", "a.yaml") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3: a: duplicate key 'a', first on line 1.\n  Keep one."),
        ("a:\n  b: 1\n  b: 1\n", "a.yaml:3: a.b: duplicate key 'b', first on line 2.\n  Keep one."),
        ("a: 1\nb:\n\tc: 1\n", "a.yaml:3: a tab cannot stand here.\n  Indent with spaces."),
        ("a: 1\n b: 2\n", "a.yaml:2: not valid YAML: mapping values are not allowed here."),
        ("a: 1\nb: \x01\n", "a.yaml:2: not valid YAML: a control character."),
        ("a: 1\nb: !run x\n", "a.yaml:2: b: unknown tag '!run'."),
        ("a: 1\nb: !run {c: 1}\n", "a.yaml:2: b: unknown tag '!run'."),
        ("a: {true: 1}\n", "a.yaml:1: a: a key must be text or a whole number.\n  Put the key in quotes."),
        ("a: {b: 1}\nc:\n  <<: {d: 1}\n", "a.yaml:3: c: merge key '<<' is not YAML 1.2.\n  Use extends."),
        ("a: &x [*x]\n", "a.yaml:1: a.0: an alias inside the value it stands for."),
        ("d: 2017-13-01\n",
         "a.yaml:1: d: '2017-13-01' looks like a date or a number but is not: month must be in 1..12."),
    ],
)  # fmt: skip
def test_bad_text_names_file_and_line(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, "a.yaml")
    assert str(caught.value) == message


def test_an_option_is_its_own_place() -> None:
    with pytest.raises(UsageError) as caught:
        parse("{a: !run x}", "--set x", inline=True)
    assert str(caught.value) == "--set x: a: unknown tag '!run'."


COMMENTED = """\
# Rates, and where they come from.
world:   # two blanks too many
  offenders: {count: 180, "rate": 0.5/day,  # per offender
    sigma : 1.5}

  "quoted": 'x y'   # was 'x y'
  ages: {7: 0.1, 8: 0.2}
\x20
  long:
      0.25
# last \u00e9 line, no newline"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.yaml"


def written(path: Path, text: str, values: dict[str, str | float]) -> str:
    path.write_bytes(text.encode())
    set_values(path, values)
    return path.read_bytes().decode()


@pytest.mark.parametrize(
    ("name", "value", "old", "new"),
    [
        ("world.offenders.count", 9, "count: 180,", "count: 9,"),
        ("world.offenders.rate", "0.25123/day", '"rate": 0.5/day,  #', '"rate": 0.25123/day,  #'),
        ("world.offenders.sigma", 2.0, "sigma : 1.5}", "sigma : 2.0}"),
        ("world.quoted", r"\1", ": 'x y'   # was 'x y'", r": \1   # was 'x y'"),
        ("world.ages.7", 0.125, "7: 0.1,", "7: 0.125,"),
        ("world.long", 1e-7, "      0.25\n#", "      1e-07\n#"),
    ],
)
def test_only_the_value_changes(path: Path, name: str, value: str | float, old: str, new: str) -> None:
    assert COMMENTED.count(old) == 1
    assert written(path, COMMENTED, {name: value}) == COMMENTED.replace(old, new)


def test_several_values_on_one_line_in_any_order(path: Path) -> None:
    flow = "r: {a: 1, b: 2, c: {d: 3}}  # a: 1\ne: 5\n"
    changed = "r: {a: 1000, b: 7, c: {d: 33}}  # a: 1\ne: 0.25\n"
    values: dict[str, str | float] = {"r.b": 7, "e": 0.25, "r.a": 1000, "r.c.d": 33}
    assert written(path, flow, values) == changed
    assert written(path, flow, dict(reversed(values.items()))) == changed


@pytest.mark.parametrize("text", ["a: 1\r\nb: 2\r\n", "\ufeffa: 1\nb: 2\n", "# \u00e9\u00a0\U0001f600\na: 1\nb: 2"])
def test_line_ends_marks_and_odd_characters_stay(path: Path, text: str) -> None:
    assert written(path, text, {"b": 30, "a": 10}) == text.replace("a: 1", "a: 10").replace("b: 2", "b: 30")


def test_what_was_written_is_read_back(path: Path) -> None:
    values: dict[str, str | float] = {"world.offenders.rate": "0.3/day", "world.offenders.count": 12}
    read = tree(written(path, COMMENTED, values)).data
    assert read["world"]["offenders"] == {"count": 12, "rate": "0.3/day", "sigma": 1.5}
    assert (read["world"]["quoted"], read["world"]["long"]) == ("x y", 0.25)


@pytest.mark.parametrize("name", ["worlds", "world.offender", "world.offenders.count.value", "world.ages.9", ""])
def test_a_path_that_is_not_in_the_file_is_refused_and_nothing_written(path: Path, name: str) -> None:
    hint = "Write it into this file, or run the command on the file that holds it."
    path.write_text(COMMENTED)
    with pytest.raises(UsageError) as caught:
        set_values(path, {"world.offenders.count": 9, name: 1})
    assert str(caught.value) == f"{path}: {name} is not in this file.\n  {hint}"
    assert path.read_text() == COMMENTED


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a:\n  b: 1\n", 1),
        ("a: [1]\n", 1),
        ("a:\nb: 1\n", 1),
        ("a: |\n  text\n", 1),
        ("x: &n 1\na: *n\n", 2),
        ("x: 1\na: &n 1\nb: *n\n", 2),
    ],
    ids=["mapping", "list", "nothing", "block", "alias", "anchor"],
)
def test_what_is_not_a_value_on_one_line_is_refused(path: Path, text: str, line: int) -> None:
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        set_values(path, {"a": 1})
    allowed = "a value on one line, without anchor or alias"
    assert str(caught.value) == f"{path}:{line}: a: cannot be replaced; allowed: {allowed}."
    assert path.read_text() == text


def test_a_file_that_cannot_be_read_or_is_not_yaml_is_refused(path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        set_values(path, {"a": 1})
    path.write_text("a: [\n")
    with pytest.raises(UsageError, match="not valid YAML"):
        set_values(path, {"a": 1})
    path.write_bytes(b"a: 1\n# \xff\n")
    with pytest.raises(UsageError, match=":2: not UTF-8 text"):
        read_text(path, str(path))
