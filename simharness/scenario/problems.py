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
from simharness.scenario.source import KeyPath, Position, Step, Tree, did_you_mean, position_of, positioned, steps_of

__all__ = ["check", "did_you_mean", "positioned"]

M = TypeVar("M", bound=BaseModel)
Schema = Mapping[str, Any]

_UNKNOWN: Schema = {"type": "unknown"}
_BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_SHOWN = 60  # characters of a value in a message
_LIMITS = {*_BOUNDS, "multiple_of", "min_length", "max_length", "pattern"}
_NAMES = {"int": "an integer", "float": "a number", "decimal": "a number", "bool": "true or false", "none": "null",
          "date": "a date (YYYY-MM-DD)", "datetime": "a date and time", "model-fields": "a mapping",
          "typed-dict": "a mapping", "dataclass-args": "a mapping", "tagged-union": "a mapping"}  # fmt: skip
_SIZED = {"str": ("text", "character"), "list": ("a list", "item"), "set": ("a list", "item"),
          "frozenset": ("a list", "item"), "dict": ("a mapping", "key")}  # fmt: skip


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
        UsageError(positioned(tree, p.path), p.text, allowed=_listed(p.allowed), hint=p.hint) for p in ordered
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
        self.definitions: dict[str, Schema] = {}

    def visit(self, schema: Schema, path: KeyPath, failures: Sequence[_Failure]) -> list[_Problem]:
        schema = self.plain(schema)
        found = [self.leaf(schema, path, f.error) for f in failures if not f.rest]
        groups: dict[Step, list[_Failure]] = {}
        for failure in failures:
            if failure.rest:
                groups.setdefault(failure.rest[0], []).append(_Failure(failure.rest[1:], failure.error))
        if schema["type"] == "union" and groups:
            return found + self.best_branch(schema, path, list(groups.values()))
        for step, group in groups.items():
            if schema["type"] == "tagged-union":
                found += self.visit(schema["choices"].get(step, _UNKNOWN), path, group)
            else:
                found += self.member(schema, path, step, group)
        return found

    def plain(self, schema: Schema) -> Schema:
        """`schema` without the wrappers (models, defaults, validators, references) that add no step to a location."""
        return self.layers(schema)[-1]

    def layers(self, schema: Schema) -> list[Schema]:
        found = [schema]
        while True:
            outer = found[-1]
            if outer["type"] == "definitions":
                self.definitions.update({d["ref"]: d for d in outer["definitions"]})
            inner = outer.get("schema") or outer.get("python_schema") or outer.get("lax_schema")
            if outer["type"] == "definition-ref":
                inner = self.definitions.get(outer["schema_ref"], _UNKNOWN)
            if not isinstance(inner, Mapping):
                return found
            found.append(inner)

    def member(self, schema: Schema, path: KeyPath, step: Step, group: Sequence[_Failure]) -> list[_Problem]:
        """The problems of one key or item of a container."""
        fields, inside = _fields(schema), (*path, step)
        found, deeper = [], []
        for failure in group:
            kind = failure.error["type"]
            if failure.rest == ("[key]",):
                found.append(self.bad_key(self.plain(schema.get("keys_schema", _UNKNOWN)), inside, failure.error))
            elif failure.rest or kind not in ("missing", "extra_forbidden"):
                deeper.append(failure)
            elif kind == "extra_forbidden":
                found.append(_unknown_key(inside, fields))
            elif schema["type"] == "tuple":
                found.append(self.mismatch(schema, path, failure.error))
            else:
                expected = self.describe(fields.get(step, _UNKNOWN))
                allowed = (expected,) if expected else ()
                found.append(_Problem(_Kind.MISSING, path, f"missing key '{step}'", allowed, name=step))
        if deeper:
            child = fields.get(step) or _items(schema, step)
            # Without a schema a step that is not in the data is the name of a branch or of a validator.
            known = child is not None or inside in self.tree.positions
            found += self.visit(child or _UNKNOWN, inside if known else path, deeper)
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
        choices = _choices(schema)
        if choices and kind in ("literal_error", "enum"):
            return _unknown_value(path, error["input"], choices)
        return self.mismatch(schema, path, error)

    def mismatch(self, schema: Schema, path: KeyPath, error: Mapping[str, Any]) -> _Problem:
        message, value = str(error["msg"]).rstrip("."), error["input"]
        said = message.removeprefix("Input should be ")
        expected = self.describe(schema) or (said if said != message else None)
        if not (_LIMITS & set(error.get("ctx", ()))) <= set(schema):
            # The limit was set by a validator around this schema, so that only pydantic's words name it.
            expected = said if said != message else None
        got = f"got {_shown(value)}"
        written = self.written(path)
        if isinstance(written, str) and written != value:  # a validator turned "25h" into seconds before the check
            got = f"got {_shown(written)} (read as {_shown(value)})"
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
        schemas = choices if len(choices) == len(groups) else [_UNKNOWN] * len(groups)
        branches = [self.visit(s, path, group) for s, group in zip(schemas, groups, strict=True)]
        shapeless = [b for b in branches if any(p.path == path and p.kind in (_Kind.VALUE, _Kind.CHOICE) for p in b)]
        fitting = [b for b in branches if b not in shapeless]
        if not fitting:
            return _alternatives(path, branches)
        best = min(fitting, key=lambda b: (_wrong_tag(b, path) is not None, _strange_keys(b), len(b)))
        tags = [tag for b in fitting if (tag := _wrong_tag(b, path))]
        if len(tags) == len(fitting) and len({tag.path for tag in tags}) == 1:
            return [_unknown_value(tags[0].path, tags[0].value, _union(tag.allowed for tag in tags))]
        others = [p.expected or _one_of(p.allowed) for b in shapeless for p in b if p.expected or p.allowed]
        if [p.kind for p in best] == [_Kind.RULE] and best[0].path == path and others and not best[0].hint:
            return [replace(best[0], hint=f"Also accepted: {' or '.join(dict.fromkeys(others))}.")]
        return best

    def describe(self, schema: Schema) -> str | None:
        """What `schema` accepts, for "expected ..."; None where only a validator knows."""
        layers = self.layers(schema)
        if any(layer["type"] in ("function-before", "function-wrap") for layer in layers):
            return None
        schema, kind = layers[-1], layers[-1]["type"]
        if kind == "union":
            parts = [self.describe(c[0] if isinstance(c, tuple) else c) for c in schema["choices"]]
            return " or ".join(dict.fromkeys(p for p in parts if p)) if all(parts) else None
        if kind == "tuple":
            sizes = len(schema["items_schema"])
            return "a list" if "variadic_item_index" in schema else f"a list of {_counted(sizes, 'item')}"
        if kind in _SIZED:
            return _sized(schema, *_SIZED[kind])
        if choices := _choices(schema):
            return _one_of(choices)
        limits = [f"{sign} {_plain_number(schema[key])}" for key, sign in _BOUNDS.items() if key in schema]
        limits += [f"a multiple of {schema['multiple_of']}"] if "multiple_of" in schema else []
        return " ".join([_NAMES[kind], " and ".join(limits)]).strip() if kind in _NAMES else None


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
    accepted = [p.expected or _one_of(p.allowed) if p.expected or p.allowed else "" for p in heads]
    text = " or ".join(dict.fromkeys(part for part in accepted if part))
    if not text:
        return list(branches[0])
    return [replace(heads[0], kind=_Kind.VALUE, text=f"expected {text}, got {_shown(heads[0].value)}", expected=text)]


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
    return _Problem(_Kind.CHOICE, path, f"unknown value {_shown(value)}", choices, hint, value=value)


def _fields(schema: Schema) -> dict[Step, Schema]:
    """The schema of each key of a model, by the name the user writes."""
    fields = schema.get("fields", {})
    pairs = fields.items() if isinstance(fields, Mapping) else ((field["name"], field) for field in fields)
    named = {}
    for name, field in pairs:
        alias = field.get("validation_alias")
        named[alias if isinstance(alias, str) else name] = field["schema"]
    return named


def _items(schema: Schema, step: Step) -> Schema | None:
    items = schema.get("values_schema") or schema.get("items_schema")
    if isinstance(items, list):  # a tuple; only a fixed one says which schema an index has
        fixed = isinstance(step, int) and step < len(items) and "variadic_item_index" not in schema
        return items[int(step)] if fixed else (items[0] if len(items) == 1 else _UNKNOWN)
    return items if isinstance(items, Mapping) else None


def _choices(schema: Schema) -> tuple[object, ...]:
    values = schema.get("expected") if schema["type"] == "literal" else schema.get("members")
    return tuple(v.value if isinstance(v, Enum) else v for v in values or ())


def _sized(schema: Schema, noun: str, unit: str) -> str:
    low, high = schema.get("min_length"), schema.get("max_length")
    text = noun
    if low is not None and high is not None:
        text += f" of {low} to {high} {unit}s"
    elif low is not None or high is not None:
        text += f" of at least {_counted(low, unit)}" if low is not None else f" of at most {_counted(high, unit)}"
    return f"{text} matching {schema['pattern']}" if "pattern" in schema else text


def _plain_number(limit: Any) -> str:
    return str(int(limit)) if isinstance(limit, float) and limit.is_integer() else str(limit)


def _counted(count: Any, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _one_of(choices: Sequence[object]) -> str:
    return _shown(choices[0]) if len(choices) == 1 else f"one of {_listed(choices)}"


def _listed(choices: Sequence[object]) -> str | None:
    return ", ".join(c if isinstance(c, str) else _shown(c) for c in choices) or None


def _union(parts: Iterable[Iterable[object]]) -> tuple[object, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part))


def _shown(value: object) -> str:
    """`value` as the user would know it again: scalars shortened, containers by their size."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Mapping):
        return f"a mapping of {_counted(len(value), 'key')}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"a list of {_counted(len(value), 'item')}"
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
