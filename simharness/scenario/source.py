"""Scenario text: YAML 1.2 into plain data that remembers, for every key and item, the file and line it came from.

The usual order is `read_tree` (follows ``extends:`` between files), `inherit` (``extends:`` between arms), `override`
(``--set``), then `problems.check`.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import ConstructorError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from simharness.errors import UsageError

_PLAIN_SCALAR = re.compile(r"[^\s,}\]#]+")

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
class _Branch:
    """A value that carries its position, so that merging needs no paths."""

    position: Position
    value: Any  # dict[Step, _Branch] | list[_Branch] | scalar


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


def read_tree(path: Path) -> Tree:
    """Read a YAML 1.2 file and merge it over the files its top-level ``extends:`` names, the last named winning.

    Mappings merge key by key, anything else is replaced whole, and a null removes the key it meets (RFC 7396); a
    null that meets no key stays, so that a misspelt removal is still refused as an unknown key.
    Raises UsageError for a file that cannot be read, is not UTF-8 YAML holding one mapping, repeats a key, or
    extends itself.
    """
    return _flatten(_read(path, (), None))


def inherit(tree: Tree, section: str = "arms") -> Tree:
    """Merge each entry of mapping `section` over the entry its own ``extends:`` names, as `read_tree` merges files.

    Raises UsageError for an unknown name or a circle.
    """
    root = _branch(tree)
    entries = root.value.get(section)
    if entries is None or not isinstance(entries.value, dict):
        return tree
    done: dict[Step, _Branch] = {}

    def resolve(name: Step, chain: KeyPath) -> _Branch:
        entry: _Branch = entries.value[name]
        if name in done or not isinstance(entry.value, dict) or "extends" not in entry.value:
            return done.get(name, entry)
        link = entry.value["extends"]
        base, where = link.value, f"{link.position}: {section}.{name}.extends"
        if not isinstance(base, Step) or isinstance(base, bool):
            raise UsageError(where, "expected the name of one other entry", hint=f"Write it as it stands in {section}.")
        if base not in entries.value:
            others = [str(other) for other in entries.value if other != name]
            raise UsageError(where, f"unknown name '{base}'", allowed=_names(others), hint=did_you_mean(base, others))
        if base in (chain := (*chain, name)):
            raise UsageError(where, f"circular: {' -> '.join(map(str, (*chain, base)))}", hint="Remove one extends.")
        done[name] = _merge(resolve(base, chain), _without_extends(entry))
        return done[name]

    merged = {name: resolve(name, ()) for name in entries.value}
    return _flatten(_Branch(root.position, root.value | {section: _Branch(entries.position, merged)}))


def override(tree: Tree, assignments: Sequence[str]) -> Tree:
    """Apply ``a.b=value`` in turn; the value is one YAML value, and every step but the last must exist.

    A list item is named by its index. Raises UsageError for an unknown path, a missing ``=`` or a bad value.
    """
    for assignment in assignments:
        tree = _assign(tree, assignment)
    return tree


def write_yaml(target: Path | TextIO, data: Mapping[str, Any], header_comment: str = "") -> None:
    """Write plain `data` as YAML 1.2, keys in their order, below `header_comment`; a file appears whole or never."""
    if isinstance(target, Path):
        aside = target.with_name(f".{target.name}.part")
        with aside.open("w", encoding="utf-8", newline="\n") as stream:
            write_yaml(stream, data, header_comment)
        os.replace(aside, target)
        return
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width = False, 120
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    # Equal objects written twice would come out as anchors, which are hard to read and to edit.
    yaml.representer.ignore_aliases = lambda _: True
    target.writelines(f"# {line}".rstrip() + "\n" for line in header_comment.splitlines())
    yaml.dump(dict(data), target)


def set_values(path: Path, values: Mapping[str, Any]) -> None:
    """Replace plain scalars of a scenario file by dotted path; not a character of the rest changes. Raises
    UsageError.
    """
    text = _text(path, str(path), "")
    document, lines = YAML().load(text), text.splitlines(keepends=True)
    for dotted_path, value in values.items():
        parent = place = document
        for step in dotted_path.split("."):
            if not isinstance(place, CommentedMap) or step not in place:
                hint = "Write it into this file, or run the command on the file that holds it."
                raise UsageError(str(path), f"{dotted_path} is not in this file", hint=hint)
            parent, place = place, place[step]
        line, column = parent.lc.value(step)
        rest = _PLAIN_SCALAR.sub(str(value), lines[line][column:], count=1)
        lines[line] = lines[line][:column] + rest
    path.write_text("".join(lines), encoding="utf-8")


class _Parser:
    """One YAML text to branches. `inline` text is the value of an option: every position is the option itself."""

    def __init__(self, file: str, inline: bool = False) -> None:
        self.file, self.inline = file, inline
        self.yaml = YAML(typ="safe", pure=True)
        self.open: list[Node] = []

    def at(self, line: int) -> Position:
        return Position(self.file, 0 if self.inline else line + 1)

    def parse(self, text: str) -> _Branch | None:
        """The root, or None for a text with nothing in it."""
        try:
            root = self.yaml.compose(text)
            return None if root is None else self.branch(root, self.at(root.start_mark.line), ())
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = str(self.at(mark.line if mark else 0))
            if "'\\t'" in str(error.problem):
                raise UsageError(where, "a tab cannot stand here", hint="Indent with spaces.") from None
            what = ", ".join(part for part in (error.context, error.problem) if part)
            raise UsageError(where, f"not valid YAML: {what}") from None
        except YAMLError as error:  # the reader's own error, a character no YAML text may hold, has an offset only
            line = text.count("\n", 0, getattr(error, "position", 0))
            raise UsageError(str(self.at(line)), "not valid YAML: a control character") from None
        except RecursionError:
            raise UsageError(str(self.at(0)), "nested too deeply") from None

    def branch(self, node: Node, position: Position, path: KeyPath) -> _Branch:
        if isinstance(node, ScalarNode):
            return _Branch(position, self.scalar(node, path))
        if node in self.open:
            raise self.error(node, path, "an alias inside the value it stands for")
        if str(node.tag) not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            raise self.error(node, path, f"unknown tag '{node.tag}'")
        self.open.append(node)
        value: Any
        if isinstance(node, MappingNode):
            value = self.mapping(node, path)
        else:
            assert isinstance(node, SequenceNode)
            value = [self.branch(n, self.at(n.start_mark.line), (*path, i)) for i, n in enumerate(node.value)]
        self.open.pop()
        return _Branch(position, value)

    def mapping(self, node: MappingNode, path: KeyPath) -> dict[Step, _Branch]:
        found: dict[Step, _Branch] = {}
        for key_node, value_node in node.value:
            if str(key_node.tag) == "tag:yaml.org,2002:merge":
                raise self.error(key_node, path, "merge key '<<' is not YAML 1.2", "Use extends.")
            key = self.scalar(key_node, path) if isinstance(key_node, ScalarNode) else None
            if not isinstance(key, Step) or isinstance(key, bool):
                raise self.error(key_node, path, "a key must be text or a whole number", "Put the key in quotes.")
            if key in found:
                first = found[key].position.line
                raise self.error(key_node, (*path, key), f"duplicate key '{key}', first on line {first}", "Keep one.")
            found[key] = self.branch(value_node, self.at(key_node.start_mark.line), (*path, key))
        return found

    def scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        try:
            return self.yaml.constructor.construct_object(node)
        except ConstructorError:
            raise self.error(node, path, f"unknown tag '{node.tag}'") from None
        except ValueError as error:
            raise self.error(node, path, f"'{node.value}' looks like a date or a number but is not: {error}") from None

    def error(self, node: Node, path: KeyPath, problem: str, hint: str | None = None) -> UsageError:
        where = str(self.at(node.start_mark.line))
        return UsageError(f"{where}: {dotted(path)}" if path else where, problem, hint=hint)


def _read(path: Path, chain: tuple[Path, ...], link: Position | None) -> _Branch:
    """The root of `path` merged over its bases; `chain` the files being read, `link` the ``extends`` that led here."""
    where = f"{link}: extends" if link else str(path)
    shown = " -> ".join(str(p) for p in (*chain, path))
    if path.resolve() in [p.resolve() for p in chain]:
        raise UsageError(where, f"circular: {shown}", hint="Remove one extends.")
    root = _Parser(str(path)).parse(_text(path, where, f" ({shown})" if chain else ""))
    if root is None or root.value is None:
        raise UsageError(f"{path}:1", "the file is empty", hint="'simharness init' writes a scenario to start from.")
    if not isinstance(root.value, dict):
        raise UsageError(str(root.position), "expected a mapping of keys to values at the top level")
    if "extends" not in root.value:
        return root
    extends = root.value["extends"]
    merged = _Branch(root.position, {})
    for base in extends.value if isinstance(extends.value, list) else [extends]:
        if not isinstance(base.value, str):
            raise UsageError(f"{base.position}: extends", "expected a file name or a list of file names")
        merged = _merge(merged, _read(path.parent / base.value, (*chain, path), base.position))
    return _merge(merged, _without_extends(root))


def _text(path: Path, where: str, via: str) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        near = did_you_mean(path.name, (p.name for p in path.parent.glob("*.y*ml")))
        raise UsageError(where, f"no such file '{path}'{via}", hint=near) from None
    except OSError as error:
        raise UsageError(where, f"cannot read '{path}'{via}: {error.strerror}") from None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}", "not UTF-8 text", hint="Save the file as UTF-8.") from None


def _assign(tree: Tree, assignment: str) -> Tree:
    name, _, text = assignment.partition("=")
    where = f"--set {assignment}"
    if not name or not text.strip():
        raise UsageError(where, "expected NAME=VALUE", hint="For example: --set arms.early.staff=3")
    value = _Parser(where, inline=True).parse(text)
    path = steps_of(tree, name)
    root = holder = _branch(tree)
    for n, step in enumerate(path, start=1):
        inside = holder.value
        names = list(inside) if isinstance(inside, dict) else []
        names = list(range(len(inside))) if isinstance(inside, list) else names
        if step in names and n < len(path):
            holder = inside[step]
        elif step not in names and (n < len(path) or not isinstance(inside, dict)):
            hint = did_you_mean(step, names) if names else f"'{dotted(path[: n - 1])}' has nothing inside."
            raise UsageError(where, f"unknown path '{dotted(path[:n])}'", allowed=_names(names), hint=hint)
    holder.value[path[-1]] = value
    return _flatten(root)


def _names(names: Iterable[object]) -> str | None:
    return ", ".join(map(str, names)) or None


def _merge(base: _Branch, over: _Branch) -> _Branch:
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    merged = dict(base.value)
    for key, branch in over.value.items():
        if branch.value is None and key in base.value:
            del merged[key]
        else:
            merged[key] = _merge(base.value[key], branch) if key in base.value else branch
    return _Branch(over.position, merged)


def _without_extends(branch: _Branch) -> _Branch:
    return _Branch(branch.position, {key: value for key, value in branch.value.items() if key != "extends"})


def _branch(tree: Tree) -> _Branch:
    def placed(value: Any, path: KeyPath) -> _Branch:
        if isinstance(value, dict):
            value = {key: placed(inner, (*path, key)) for key, inner in value.items()}
        elif isinstance(value, list):
            value = [placed(inner, (*path, i)) for i, inner in enumerate(value)]
        return _Branch(tree.positions[path], value)

    return placed(tree.data, ())


def _flatten(root: _Branch) -> Tree:
    positions: dict[KeyPath, Position] = {}

    def plain(branch: _Branch, path: KeyPath) -> Any:
        positions[path] = branch.position
        if isinstance(branch.value, dict):
            return {key: plain(value, (*path, key)) for key, value in branch.value.items()}
        if isinstance(branch.value, list):
            return [plain(value, (*path, i)) for i, value in enumerate(branch.value)]
        return branch.value

    return Tree(plain(root, ()), positions)
