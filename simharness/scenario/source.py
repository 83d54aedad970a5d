"""From files to one tree: what they extend, what their entries extend, and what options override.

The usual order is `read_tree` (follows ``extends:`` between files), `inherit` (``extends:`` between arms), `override`
(``--set``), then `problems.check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from simharness.errors import UsageError
from simharness.scenario.tree import (
    Branch,
    KeyPath,
    Position,
    Step,
    Tree,
    branch_of,
    did_you_mean,
    dotted,
    steps_of,
    tree_of,
)
from simharness.scenario.yaml_text import parse, read_text


def read_tree(path: Path) -> Tree:
    """Read a YAML 1.2 file and merge it over the files its top-level ``extends:`` names, the last named winning.

    Mappings merge key by key, anything else is replaced whole, and a null removes the key it meets (RFC 7396); a
    null that meets no key stays, so that a misspelt removal is still refused as an unknown key.
    Raises UsageError for a file that cannot be read, is not UTF-8 YAML holding one mapping, repeats a key, or
    extends itself.
    """
    return tree_of(_read(path, (), None))


def inherit(tree: Tree, section: str = "arms") -> Tree:
    """Merge each entry of mapping `section` over the entry its own ``extends:`` names, as `read_tree` merges files.

    Raises UsageError for an unknown name or a circle.
    """
    root = branch_of(tree)
    entries = root.value.get(section)
    if entries is None or not isinstance(entries.value, dict):
        return tree
    done: dict[Step, Branch] = {}

    def resolve(name: Step, chain: KeyPath) -> Branch:
        entry: Branch = entries.value[name]
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
    return tree_of(Branch(root.position, root.value | {section: Branch(entries.position, merged)}))


def override(tree: Tree, assignments: Sequence[str]) -> Tree:
    """Apply ``a.b=value`` in turn; the value is one YAML value, and every step but the last must exist.

    A list item is named by its index. Raises UsageError for an unknown path, a missing ``=`` or a bad value.
    """
    for assignment in assignments:
        tree = _assign(tree, assignment)
    return tree


def _read(path: Path, chain: tuple[Path, ...], link: Position | None) -> Branch:
    """The root of `path` merged over its bases; `chain` the files being read, `link` the ``extends`` that led here."""
    where = f"{link}: extends" if link else str(path)
    shown = " -> ".join(str(p) for p in (*chain, path))
    if path.resolve() in [p.resolve() for p in chain]:
        raise UsageError(where, f"circular: {shown}", hint="Remove one extends.")
    root = parse(read_text(path, where, f" ({shown})" if chain else ""), str(path))
    if root is None or root.value is None:
        raise UsageError(f"{path}:1", "the file is empty", hint="'simharness init' writes a scenario to start from.")
    if not isinstance(root.value, dict):
        raise UsageError(str(root.position), "expected a mapping of keys to values at the top level")
    if "extends" not in root.value:
        return root
    extends = root.value["extends"]
    merged = Branch(root.position, {})
    for base in extends.value if isinstance(extends.value, list) else [extends]:
        if not isinstance(base.value, str):
            raise UsageError(f"{base.position}: extends", "expected a file name or a list of file names")
        merged = _merge(merged, _read(path.parent / base.value, (*chain, path), base.position))
    return _merge(merged, _without_extends(root))


def _assign(tree: Tree, assignment: str) -> Tree:
    name, _, text = assignment.partition("=")
    where = f"--set {assignment}"
    if not name or not text.strip():
        raise UsageError(where, "expected NAME=VALUE", hint="For example: --set arms.early.staff=3")
    value = parse(text, where, inline=True)
    path = existing_path(tree, name, where)
    root = holder = branch_of(tree)
    for step in path[:-1]:
        holder = holder.value[step]
    holder.value[path[-1]] = value
    return tree_of(root)


def existing_path(tree: Tree, name: str, where: str) -> KeyPath:
    """The path of dotted `name`, of which every step but the last must exist, and that too in a list.

    Raises UsageError at `where`, naming the nearest step there is.
    """
    path, inside = steps_of(tree, name), tree.data
    for n, step in enumerate(path, start=1):
        names: list[Any] = list(inside) if isinstance(inside, dict) else []
        names = list(range(len(inside))) if isinstance(inside, list) else names
        if step not in names and (n < len(path) or not isinstance(inside, dict)):
            hint = did_you_mean(step, names) if names else f"'{dotted(path[: n - 1])}' has nothing inside."
            raise UsageError(where, f"unknown path '{dotted(path[:n])}'", allowed=_names(names), hint=hint)
        inside = inside[step] if n < len(path) else inside
    return path


def _names(names: Iterable[object]) -> str | None:
    return ", ".join(map(str, names)) or None


def _merge(base: Branch, over: Branch) -> Branch:
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    merged = dict(base.value)
    for key, branch in over.value.items():
        if branch.value is None and key in base.value:
            del merged[key]
        else:
            merged[key] = _merge(base.value[key], branch) if key in base.value else branch
    return Branch(over.position, merged)


def _without_extends(branch: Branch) -> Branch:
    return Branch(branch.position, {key: value for key, value in branch.value.items() if key != "extends"})
