from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest

from simharness.errors import UsageError
from simharness.scenario.source import inherit, override, read_tree
from simharness.scenario.tree import Position, Tree, positioned


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tree(text: str, name: str = "a.yaml") -> Tree:
    Path(name).write_text(text, encoding="utf-8")
    return read_tree(Path(name))


def error(text: str | bytes) -> str:
    Path("a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        read_tree(Path("a.yaml"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.yaml:1: the file is empty.\n  'simharness init' writes a scenario to start from."),
        ("# only\n", "a.yaml:1: the file is empty.\n  'simharness init' writes a scenario to start from."),
        ("# x\n- a\n", "a.yaml:2: expected a mapping of keys to values at the top level."),
        (b"a: 1\nb: \xff\n", "a.yaml:2: not UTF-8 text.\n  Save the file as UTF-8."),
    ],
)
def test_a_file_without_a_mapping_is_refused(text: str | bytes, message: str) -> None:
    assert error(text) == message


def test_missing_file_offers_a_near_name_and_a_folder_is_refused() -> None:
    Path("baseline.yaml").touch()
    with pytest.raises(UsageError) as caught:
        read_tree(Path("base_line.yaml"))
    assert str(caught.value) == "base_line.yaml: no such file 'base_line.yaml'.\n  Did you mean 'baseline.yaml'?"
    with pytest.raises(UsageError, match=r"^\.: cannot read"):
        read_tree(Path("."))


def test_extends_merges_deeply_and_keeps_the_file_of_each_value() -> None:
    Path("sub").mkdir()
    Path("base.yaml").write_text("q: {staff: 1, hours: 8}\nlist: [1, 2, 3]\ngone: {x: 1}\nkept: null\n")
    read = tree("extends: ../base.yaml\nq:\n  staff: 2\nlist: [9]\ngone: null\nabsent: null\n", "sub/a.yaml")
    assert read.data == {"q": {"staff": 2, "hours": 8}, "list": [9], "kept": None, "absent": None}
    assert read.positions == {
        (): Position("sub/a.yaml", 1),
        ("q",): Position("sub/a.yaml", 2),
        ("q", "staff"): Position("sub/a.yaml", 3),
        ("q", "hours"): Position("sub/../base.yaml", 1),
        ("list",): Position("sub/a.yaml", 4),
        ("list", 0): Position("sub/a.yaml", 4),
        ("kept",): Position("sub/../base.yaml", 4),
        ("absent",): Position("sub/a.yaml", 6),
    }


def test_extends_list_last_wins_chains_and_shared_bases_are_allowed() -> None:
    tree("x: 0\ny: 0\nz: 0\n", "root.yaml")
    tree("extends: root.yaml\nx: 1\ny: 1\n", "b.yaml")
    tree("extends: root.yaml\nx: 2\n", "c.yaml")
    assert tree("extends: [b.yaml, c.yaml]\n").data == {"x": 2, "y": 0, "z": 0}


def test_extends_circle_shows_the_chain() -> None:
    Path("b.yaml").write_text("x: 1\nextends: [c.yaml]\n")
    Path("c.yaml").write_text("extends: a.yaml\n")
    expected = "c.yaml:1: extends: circular: a.yaml -> b.yaml -> c.yaml -> a.yaml.\n  Remove one extends."
    assert error("extends: b.yaml\n") == expected


def test_extends_circle_is_seen_through_another_spelling_of_the_path() -> None:
    Path("sub").mkdir()
    assert error("extends: sub/../a.yaml\n").startswith("a.yaml:1: extends: circular: a.yaml -> sub/../a.yaml.")


def test_extends_missing_base_shows_the_chain() -> None:
    Path("base.yaml").write_text("x: 1\nextends: nowhere.yaml\n")
    expected = "base.yaml:2: extends: no such file 'nowhere.yaml' (a.yaml -> base.yaml -> nowhere.yaml)."
    assert error("extends: base.yaml\n") == expected
    assert error("x: 1\nextends: 3\n") == "a.yaml:2: extends: expected a file name or a list of file names."


ARMS = """\
arms:
  early: {extends: base, queue: {staff: 3}, law: null}
  earlier:
    extends: early
    title: E
  base:
    law: meeting
    queue: {staff: 1, hours: 8}
"""


def test_inherit_follows_chains_and_keeps_order_and_positions() -> None:
    read = inherit(tree(ARMS))
    assert list(read.data["arms"]) == ["early", "earlier", "base"]
    assert read.data["arms"]["early"] == {"queue": {"staff": 3, "hours": 8}}
    assert read.data["arms"]["earlier"] == {"queue": {"staff": 3, "hours": 8}, "title": "E"}
    assert read.positions["arms", "earlier", "queue", "hours"] == Position("a.yaml", 8)
    assert read.positions["arms", "earlier", "queue", "staff"] == Position("a.yaml", 2)
    assert read.positions["arms", "earlier"] == Position("a.yaml", 3)


def test_inherit_leaves_other_trees_alone() -> None:
    for text in ("a: 1\n", "arms: 3\n", "arms: {x: null}\n"):
        assert inherit(tree(text)) == tree(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arms:\n  base: {}\n  b:\n    extends: bass\n",
         "a.yaml:4: arms.b.extends: unknown name 'bass'; allowed: base.\n  Did you mean 'base'?"),
        ("arms:\n  a: {extends: b}\n  b: {extends: a}\n",
         "a.yaml:3: arms.b.extends: circular: a -> b -> a.\n  Remove one extends."),
        ("arms:\n  a: {extends: [b]}\n  b: {}\n",
         "a.yaml:2: arms.a.extends: expected the name of one other entry.\n  Write it as it stands in arms."),
    ],
)  # fmt: skip
def test_inherit_errors(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        inherit(tree(text))
    assert str(caught.value) == message


def test_override_sets_values_keys_and_items_without_touching_the_tree() -> None:
    read = tree("a:\n  b: [{c: 1}, 5]\n7: {x: 1}\n")
    new = override(read, ["a.b.0.c=48h", "a.b.1={d: [1, 2]}", "a.new=2017-04-03", "7.x=null", "a.url=p=q"])
    assert new.data == {
        "a": {"b": [{"c": "48h"}, {"d": [1, 2]}], "new": dt.date(2017, 4, 3), "url": "p=q"},
        7: {"x": None},
    }
    assert read.data == {"a": {"b": [{"c": 1}, 5]}, 7: {"x": 1}}
    assert positioned(new, "a.b.1.d.0") == "--set a.b.1={d: [1, 2]}: a.b.1.d.0"
    assert new.positions["a", "b", 0, "c"] == Position("--set a.b.0.c=48h", 0)
    assert new.positions["a", "b", 0] == Position("a.yaml", 2)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("arm.x=1", "unknown path 'arm'; allowed: arms, list, one.\n  Did you mean 'arms'?"),
        ("arms.erly.x=1", "unknown path 'arms.erly'; allowed: early.\n  Did you mean 'early'?"),
        ("list.2=1", "unknown path 'list.2'; allowed: 0, 1."),
        ("one.x=1", "unknown path 'one.x'.\n  'one' has nothing inside."),
        ("arms", "expected NAME=VALUE.\n  For example: --set arms.early.staff=3"),
        ("arms=", "expected NAME=VALUE.\n  For example: --set arms.early.staff=3"),
        ("one=[", "not valid YAML: while parsing a flow node, expected the node content, but found '<stream end>'."),
    ],
)
def test_override_errors(assignment: str, message: str) -> None:
    read = tree("arms: {early: {}}\nlist: [1, 2]\none: 1\n")
    with pytest.raises(UsageError) as caught:
        override(read, [assignment])
    assert str(caught.value) == f"--set {assignment}: {message}"


def test_a_long_file_is_read_within_a_second() -> None:
    block = "arm{}:\n  title: a title\n  shares: {{a: 0.25, b: 0.75}}\n  delay: {{kind: gamma, mean: 2d}}\n  note: x\n"
    text = "".join(block.format(i) for i in range(300))
    Path("a.yaml").write_text(text)
    start = time.process_time()
    read = read_tree(Path("a.yaml"))
    assert time.process_time() - start < 1.0
    assert read.positions["arm299", "note"].line == 1500
