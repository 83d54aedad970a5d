from __future__ import annotations

from simharness.scenario.tree import Branch, Position, Tree, branch_of, did_you_mean, positioned, steps_of, tree_of


def at(line: int) -> Position:
    return Position("a.yaml", line)


TREE = Tree(
    {"a": {"b": [1]}, 7: None},
    {(): at(2), ("a",): at(2), ("a", "b"): at(3), ("a", "b", 0): at(3), (7,): at(4)},
)


def test_a_branch_carries_every_value_with_its_position() -> None:
    items = Branch(at(3), [Branch(at(3), 1)])
    root = Branch(at(2), {"a": Branch(at(2), {"b": items}), 7: Branch(at(4), None)})
    assert branch_of(TREE) == root
    assert tree_of(root) == TREE


def test_positioned_falls_back_to_the_nearest_parent() -> None:
    assert positioned(TREE, ()) == "a.yaml:2"
    assert positioned(TREE, "a.b.0") == "a.yaml:3: a.b.0"
    assert positioned(TREE, "7") == "a.yaml:4: 7"
    assert positioned(TREE, ("a", "b", 4, "x")) == "a.yaml:3: a.b.4.x"


def test_numbers_are_items_or_keys_where_the_tree_has_them() -> None:
    assert steps_of(TREE, "a.b.0") == ("a", "b", 0)
    assert steps_of(TREE, "0", ("a", "b")) == ("a", "b", 0)
    assert steps_of(TREE, "7") == (7,)
    assert steps_of(TREE, "a.0") == ("a", "0")


def test_an_option_has_no_line() -> None:
    assert str(Position("--set a=1", 0)) == "--set a=1"


def test_did_you_mean() -> None:
    assert did_you_mean("Staf", ["queue", "staff"]) == "Did you mean 'staff'?"
    assert did_you_mean("zzz", ["queue", "staff"]) is None
