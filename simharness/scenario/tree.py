"""A document as plain data, the position of every key path in it, and how paths and names are told to the user."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Step = str | int
KeyPath = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a value was written. `line` counts from 1; 0 means `file` is not a file but an option as typed."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Tree:
    """A document as plain dicts, lists and scalars, and the position of every key path; ``()`` is the root."""

    data: dict[Any, Any]
    positions: dict[KeyPath, Position]


@dataclass(frozen=True, slots=True)
class Branch:
    """A value that carries its position, so that merging needs no paths."""

    position: Position
    value: Any  # dict[Step, Branch] | list[Branch] | scalar


def branch_of(tree: Tree) -> Branch:
    """The root of `tree`, with all that is below it."""

    def placed(value: Any, path: KeyPath) -> Branch:
        if isinstance(value, dict):
            value = {key: placed(inner, (*path, key)) for key, inner in value.items()}
        elif isinstance(value, list):
            value = [placed(inner, (*path, i)) for i, inner in enumerate(value)]
        return Branch(tree.positions[path], value)

    return placed(tree.data, ())


def tree_of(root: Branch) -> Tree:
    """The document below `root`, which holds a dict."""
    positions: dict[KeyPath, Position] = {}

    def plain(branch: Branch, path: KeyPath) -> Any:
        positions[path] = branch.position
        if isinstance(branch.value, dict):
            return {key: plain(value, (*path, key)) for key, value in branch.value.items()}
        if isinstance(branch.value, list):
            return [plain(value, (*path, i)) for i, value in enumerate(branch.value)]
        return branch.value

    return Tree(plain(root, ()), positions)


def did_you_mean(name: object, candidates: Iterable[object]) -> str | None:
    """A question naming the candidate most like `name`, or None if none is near."""
    known = {str(candidate).lower(): str(candidate) for candidate in candidates}
    near = difflib.get_close_matches(str(name).lower(), known, n=1)
    return f"Did you mean '{known[near[0]]}'?" if near else None


def dotted(path: Iterable[Step]) -> str:
    """`path` as the user writes it after ``--set``: ``arms.early.queues.0.staff``."""
    return ".".join(str(step) for step in path)


def position_of(tree: Tree, path: Sequence[Step]) -> Position:
    """The position of `path`, or of its nearest parent that exists."""
    return next(tree.positions[at] for n in range(len(path), -1, -1) if (at := tuple(path[:n])) in tree.positions)


def positioned(tree: Tree, path: str | Sequence[Step]) -> str:
    """``file:line: dotted.path`` for the `where` of a UsageError, ``file:line`` for the root; `path` may be dotted."""
    steps = steps_of(tree, path) if isinstance(path, str) else tuple(path)
    position = str(position_of(tree, steps))
    return f"{position}: {dotted(steps)}" if steps else position


def steps_of(tree: Tree, text: str, root: KeyPath = ()) -> KeyPath:
    """The path of dotted `text` below `root`, with numbers for list items and number keys where the tree has them."""
    path = root
    for word in text.split("."):
        number = int(word) if word.isdecimal() else None
        path = (*path, number) if number is not None and (*path, number) in tree.positions else (*path, word)
    return path
