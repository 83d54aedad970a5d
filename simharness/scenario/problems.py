"""What is wrong with a scenario, in the user's terms: file, line, path, the value, what is allowed, the nearest name.

pydantic reports by its own walk: every branch of a union, tags and validator names mixed into the location. Here its
errors are walked again beside the model's core schema, which tells data steps from noise and knows the keys and limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from simharness.errors import UsageError, UsageErrors
from simharness.scenario.describe import (
    LIMITS,
    UNKNOWN,
    Schema,
    Schemas,
    choices_of,
    fields_of,
    items_of,
    listed,
    one_of,
    shown,
)
from simharness.scenario.tree import KeyPath, Position, Step, Tree, did_you_mean, position_of, positioned, steps_of

M = TypeVar("M", bound=BaseModel)


def check(model: type[M], tree: Tree) -> M:
    """`tree` as a `model`. Raises UsageErrors, one UsageError per problem, in the order of file and line."""
    try:
        return model.model_validate(tree.data)
    except ValidationError as error:
        failures = [_Failure(tuple(e["loc"]), e) for e in error.errors(include_url=False)]
        problems = _Walk(tree).visit(model.__pydantic_core_schema__, (), failures)
    causes: dict[tuple[object, ...], _Problem] = {}
    for problem in problems:
        if not _explained(problem, problems):
            causes.setdefault(_cause(problem, position_of(tree, problem.path)), problem)
    ordered = sorted(causes.values(), key=lambda p: _order(position_of(tree, p.path)))
    raise UsageErrors(
        UsageError(positioned(tree, p.path), p.text, allowed=listed(p.allowed), hint=p.hint) for p in ordered
    ) from None


class _Kind(Enum):
    VALUE = auto()  # wrong type or out of range
    CHOICE = auto()  # not one of a closed list
    RULE = auto()  # a validator's own words: the value had the right shape
    MISSING = auto()
    EXTRA = auto()


@dataclass(frozen=True, slots=True)
class _Failure:
    """One of pydantic's errors, with the part of its location that is still to be walked."""

    rest: KeyPath
    error: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Problem:
    kind: _Kind
    path: KeyPath
    text: str
    allowed: tuple[object, ...] = ()
    hint: str | None = None
    name: Step | None = None  # the key that is missing or unknown
    expected: str | None = None
    value: object = None


class _Walk:
    """Follows errors and schema together and returns what to tell, one problem per cause."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.schemas = Schemas()

    def visit(self, schema: Schema, path: KeyPath, failures: Sequence[_Failure]) -> list[_Problem]:
        schema = self.schemas.plain(schema)
        found = [self.leaf(schema, path, f.error) for f in failures if not f.rest]
        groups: dict[Step, list[_Failure]] = {}
        for failure in failures:
            if failure.rest:
                groups.setdefault(failure.rest[0], []).append(_Failure(failure.rest[1:], failure.error))
        if schema["type"] == "union" and groups:
            return found + self.best_branch(schema, path, list(groups.values()))
        for step, group in groups.items():
            if schema["type"] == "tagged-union":
                found += self.visit(schema["choices"].get(step, UNKNOWN), path, group)
            else:
                found += self.member(schema, path, step, group)
        return found

    def member(self, schema: Schema, path: KeyPath, step: Step, group: Sequence[_Failure]) -> list[_Problem]:
        """The problems of one key or item of a container."""
        fields, inside = fields_of(schema), (*path, step)
        found, deeper = [], []
        for failure in group:
            kind = failure.error["type"]
            if failure.rest == ("[key]",):
                keys = self.schemas.plain(schema.get("keys_schema", UNKNOWN))
                found.append(self.bad_key(keys, inside, failure.error))
            elif failure.rest or kind not in ("missing", "extra_forbidden"):
                deeper.append(failure)
            elif kind == "extra_forbidden":
                found.append(_unknown_key(inside, fields))
            elif schema["type"] == "tuple":
                found.append(self.mismatch(schema, path, failure.error))
            else:
                expected = self.schemas.describe(fields.get(step, UNKNOWN))
                allowed = (expected,) if expected else ()
                found.append(_Problem(_Kind.MISSING, path, f"missing key '{step}'", allowed, name=step))
        if deeper:
            child = fields.get(step) or items_of(schema, step)
            # Without a schema a step that is not in the data is the name of a branch or of a validator.
            known = child is not None or inside in self.tree.positions
            found += self.visit(child or UNKNOWN, inside if known else path, deeper)
        return found

    def bad_key(self, keys: Schema, path: KeyPath, error: Mapping[str, Any]) -> _Problem:
        problem = self.leaf(keys, path, error)
        if problem.kind is _Kind.CHOICE:
            return _unknown_key(path, problem.allowed)
        return replace(problem, kind=_Kind.EXTRA, text=f"bad key: {problem.text}")

    def leaf(self, schema: Schema, path: KeyPath, error: Mapping[str, Any]) -> _Problem:
        kind, discriminator = error["type"], schema.get("discriminator")
        if kind in ("value_error", "assertion_error"):
            return self.rule(path, str(error["ctx"]["error"]))
        if kind in ("union_tag_invalid", "union_tag_not_found") and isinstance(discriminator, str):
            tags = tuple(schema["choices"])
            if kind == "union_tag_invalid":
                return _unknown_value((*path, discriminator), error["ctx"]["tag"], tags)
            return _Problem(_Kind.MISSING, path, f"missing key '{discriminator}'", tags, name=discriminator)
        choices = choices_of(schema)
        if choices and kind in ("literal_error", "enum"):
            return _unknown_value(path, error["input"], choices)
        return self.mismatch(schema, path, error)

    def mismatch(self, schema: Schema, path: KeyPath, error: Mapping[str, Any]) -> _Problem:
        message, value = str(error["msg"]).rstrip("."), error["input"]
        said = message.removeprefix("Input should be ")
        expected = self.schemas.describe(schema) or (said if said != message else None)
        if not (LIMITS & set(error.get("ctx", ()))) <= set(schema):
            # The limit was set by a validator around this schema, so that only pydantic's words name it.
            expected = said if said != message else None
        got = f"got {shown(value)}"
        written = self.written(path)
        if isinstance(written, str) and written != value:  # a validator turned "25h" into seconds before the check
            got = f"got {shown(written)} (read as {shown(value)})"
        text = f"expected {expected}, {got}" if expected else f"{message}, {got}"
        return _Problem(_Kind.VALUE, path, text, expected=expected, value=value)

    def written(self, path: KeyPath) -> object:
        value: Any = self.tree.data
        for step in path if path in self.tree.positions else ():
            value = value[step]
        return value

    def rule(self, path: KeyPath, text: str) -> _Problem:
        """A validator's ValueError; ``at a.b: ...`` moves it to a path below the model, further lines are the hint."""
        text, _, hint = text.partition("\n")
        if moved := re.match("at (.+?): ", text):
            place = steps_of(self.tree, moved[1], path)
            # A path with a blank is a path only if the data has it; otherwise these are words ("at least one: ...").
            if " " not in moved[1] or place in self.tree.positions:
                path, text = place, text[moved.end() :]
        return _Problem(_Kind.RULE, path, text.removesuffix("."), hint=hint.strip() or None)

    def best_branch(self, schema: Schema, path: KeyPath, groups: Sequence[Sequence[_Failure]]) -> list[_Problem]:
        """The problems of the branch the user most likely meant. All failed, and pydantic reports them in order."""
        choices = [c[0] if isinstance(c, tuple) else c for c in schema["choices"]]
        schemas = choices if len(choices) == len(groups) else [UNKNOWN] * len(groups)
        branches = [self.visit(s, path, group) for s, group in zip(schemas, groups, strict=True)]
        shapeless = [b for b in branches if any(p.path == path and p.kind in (_Kind.VALUE, _Kind.CHOICE) for p in b)]
        fitting = [b for b in branches if b not in shapeless]
        if not fitting:
            return _alternatives(path, branches)
        best = min(fitting, key=lambda b: (_wrong_tag(b, path) is not None, _strange_keys(b), len(b)))
        tags = [tag for b in fitting if (tag := _wrong_tag(b, path))]
        if len(tags) == len(fitting) and len({tag.path for tag in tags}) == 1:
            return [_unknown_value(tags[0].path, tags[0].value, _union(tag.allowed for tag in tags))]
        others = [p.expected or one_of(p.allowed) for b in shapeless for p in b if p.expected or p.allowed]
        if [p.kind for p in best] == [_Kind.RULE] and best[0].path == path and others and not best[0].hint:
            return [replace(best[0], hint=f"Also accepted: {' or '.join(dict.fromkeys(others))}.")]
        return best


def _explained(problem: _Problem, problems: Iterable[_Problem]) -> bool:
    """Whether a missing key is only another key of the same mapping misspelt, which says so itself."""
    return problem.kind is _Kind.MISSING and any(
        p.kind is _Kind.EXTRA and p.path[:-1] == problem.path and p.hint == did_you_mean(problem.name, [problem.name])
        for p in problems
    )


def _cause(problem: _Problem, position: Position) -> tuple[object, ...]:
    """The same for what several arms inherit from one, which is written once and told once."""
    match problem.path:
        case (str() as section, str(), *inside) if inside:
            return position, problem.text, section, *inside
    return position, problem.text, problem.path


def _order(position: Position) -> tuple[str, int]:
    return position.file, position.line


def _alternatives(path: KeyPath, branches: Sequence[Sequence[_Problem]]) -> list[_Problem]:
    """One problem for a value that fits no branch of a union, offering them all."""
    heads = [next(p for p in b if p.path == path) for b in branches]
    if all(p.kind is _Kind.CHOICE for p in heads):
        return [_unknown_value(path, heads[0].value, _union(p.allowed for p in heads))]
    accepted = [p.expected or one_of(p.allowed) if p.expected or p.allowed else "" for p in heads]
    text = " or ".join(dict.fromkeys(part for part in accepted if part))
    if not text:
        return list(branches[0])
    return [replace(heads[0], kind=_Kind.VALUE, text=f"expected {text}, got {shown(heads[0].value)}", expected=text)]


def _wrong_tag(branch: Iterable[_Problem], path: KeyPath) -> _Problem | None:
    """The problem of a key that can only have one value, as the key that tells the branches of a union apart."""
    tags = (p for p in branch if p.kind is _Kind.CHOICE and len(p.allowed) == 1 and p.path[:-1] == path)
    return next(tags, None)


def _strange_keys(branch: Iterable[_Problem]) -> int:
    return sum(p.kind in (_Kind.MISSING, _Kind.EXTRA) for p in branch)


def _unknown_key(path: KeyPath, known: Iterable[object]) -> _Problem:
    hint = did_you_mean(path[-1], known)
    allowed = () if hint else tuple(known)
    return _Problem(_Kind.EXTRA, path, f"unknown key '{path[-1]}'", allowed, hint, path[-1])


def _unknown_value(path: KeyPath, value: object, choices: tuple[object, ...]) -> _Problem:
    hint = did_you_mean(value, choices)
    return _Problem(_Kind.CHOICE, path, f"unknown value {shown(value)}", choices, hint, value=value)


def _union(parts: Iterable[Iterable[object]]) -> tuple[object, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part))
