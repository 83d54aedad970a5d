"""YAML 1.2 text: read into branches that know their lines, and changed in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from simharness.errors import UsageError
from simharness.scenario.tree import Branch, KeyPath, Position, Step, did_you_mean, dotted


def parse(text: str, file: str, inline: bool = False) -> Branch | None:
    """The root of a YAML text, None where there is nothing in it. `inline`: `file` is an option, and its value `text`.

    Raises UsageError, naming file and line, for a text that is not YAML 1.2, repeats a key, or has a key or a tag of
    another kind than scenarios have.
    """
    return _Parser(file, inline).parse(text)


def read_text(path: Path, where: str, via: str = "") -> str:
    """The text of a UTF-8 file. Raises UsageError at `where`; `via` says how the reader came by `path`."""
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


def set_values(path: Path, values: Mapping[str, str | float]) -> None:
    """Write `values` over the scalars at their dotted paths in a YAML file; not a byte of the rest changes.

    Keys of mappings only, and scalars on one line that no alias shares. Raises UsageError for any other path and for
    one that is not in this file, which then stays as it was.
    """
    text = read_text(path, str(path))
    root = _Parser(str(path)).compose(text)
    changes = [(_scalar_at(root, name, str(path)), str(value)) for name, value in values.items()]
    # From the end, so that a change moves none of those to come, though they stand on the same line.
    for node, value in sorted(changes, key=lambda change: -change[0].start_mark.index):
        text = text[: node.start_mark.index] + value + text[node.end_mark.index :]
    path.write_bytes(text.encode())


def put_block(path: Path, key: str, block: str, *, replace: bool) -> None:
    """Put ``block``, the lines of top-level ``key``, at the end of a YAML file, or with ``replace`` where the key is.

    Not a byte of the rest changes.

    Raises UsageError, and leaves the file as it was, where the key is there and is not to be replaced, or the file is
    not a mapping in block style.
    """
    text = read_text(path, str(path))
    root = _Parser(str(path)).compose(text)
    if not isinstance(root, MappingNode) or root.flow_style:
        raise UsageError(str(path), "cannot take a block", allowed="keys and values, a line each")
    for place, (name, _) in enumerate(root.value):
        if name.value != key:
            continue
        if not replace:
            where = f"{path}:{name.start_mark.line + 1}: {key}"
            raise UsageError(where, "is there already", hint="Remove it, or replace it with --force.")
        after = root.value[place + 1][0].start_mark.line if place + 1 < len(root.value) else None
        path.write_bytes(_with_lines(text, name.start_mark.line, after, block).encode())
        return
    path.write_bytes((text + ("" if text.endswith("\n") else "\n") + "\n" + block).encode())


def _with_lines(text: str, begin: int, end: int | None, block: str) -> str:
    """The text with other lines from ``begin`` up to ``end``; blank lines and comments before ``end`` stay with it."""
    lines = text.splitlines(keepends=True)
    end = len(lines) if end is None else end
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return "".join([*lines[:begin], block, *lines[end:]])


def _scalar_at(root: Node | None, name: str, where: str) -> ScalarNode:
    key, node = None, root
    for step in name.split("."):
        pairs = node.value if isinstance(node, MappingNode) else []
        key, node = next((pair for pair in pairs if pair[0].value == step), (None, None))
    if key is None or node is None:
        hint = "Write it into this file, or run the command on the file that holds it."
        raise UsageError(where, f"{name} is not in this file", hint=hint)
    one_line = node.start_mark.index < node.end_mark.index and node.start_mark.line == node.end_mark.line
    if not isinstance(node, ScalarNode) or node.anchor is not None or not one_line:
        where = f"{where}:{key.start_mark.line + 1}: {name}"
        raise UsageError(where, "cannot be replaced", allowed="a value on one line, without anchor or alias")
    return node


class _Parser:
    """One YAML text to nodes or branches."""

    def __init__(self, file: str, inline: bool = False) -> None:
        self.file, self.inline = file, inline
        self.yaml = YAML(typ="safe", pure=True)
        self.open: list[Node] = []

    def at(self, line: int) -> Position:
        return Position(self.file, 0 if self.inline else line + 1)

    def parse(self, text: str) -> Branch | None:
        with self.told(text):
            root = self.yaml.compose(text)
            found = None if root is None else self.branch(root, self.at(root.start_mark.line), ())
        return found

    def compose(self, text: str) -> Node | None:
        with self.told(text):
            root: Node | None = self.yaml.compose(text)
        return root

    @contextmanager
    def told(self, text: str) -> Iterator[None]:
        """Say what is wrong with `text` as a UsageError."""
        try:
            yield
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

    def branch(self, node: Node, position: Position, path: KeyPath) -> Branch:
        if isinstance(node, ScalarNode):
            return Branch(position, self.scalar(node, path))
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
        return Branch(position, value)

    def mapping(self, node: MappingNode, path: KeyPath) -> dict[Step, Branch]:
        found: dict[Step, Branch] = {}
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
