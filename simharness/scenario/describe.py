"""What a model accepts, in words: pydantic's core schemas, and values, as the user would say them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from simharness.scenario.tree import Step

Schema = Mapping[str, Any]

UNKNOWN: Schema = {"type": "unknown"}
_BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_SHOWN = 60  # characters of a value in a message
LIMITS = {*_BOUNDS, "multiple_of", "min_length", "max_length", "pattern"}
_NAMES = {"int": "an integer", "float": "a number", "decimal": "a number", "bool": "true or false", "none": "null",
          "date": "a date (YYYY-MM-DD)", "datetime": "a date and time", "model-fields": "a mapping",
          "typed-dict": "a mapping", "dataclass-args": "a mapping", "tagged-union": "a mapping"}  # fmt: skip
_SIZED = {"str": ("text", "character"), "list": ("a list", "item"), "set": ("a list", "item"),
          "frozenset": ("a list", "item"), "dict": ("a mapping", "key")}  # fmt: skip


class Schemas:
    """The schemas of one model, whose references can be followed once the schema that defines them has been seen."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def plain(self, schema: Schema) -> Schema:
        """`schema` without the wrappers (models, defaults, validators, references) that add no step to a location."""
        return self.layers(schema)[-1]

    def layers(self, schema: Schema) -> list[Schema]:
        """`schema`, then each it wraps, inwards."""
        found = [schema]
        while True:
            outer = found[-1]
            if outer["type"] == "definitions":
                self.definitions.update({d["ref"]: d for d in outer["definitions"]})
            inner = outer.get("schema") or outer.get("python_schema") or outer.get("lax_schema")
            if outer["type"] == "definition-ref":
                inner = self.definitions.get(outer["schema_ref"], UNKNOWN)
            if not isinstance(inner, Mapping):
                return found
            found.append(inner)

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
        if choices := choices_of(schema):
            return one_of(choices)
        limits = [f"{sign} {_plain_number(schema[key])}" for key, sign in _BOUNDS.items() if key in schema]
        limits += [f"a multiple of {schema['multiple_of']}"] if "multiple_of" in schema else []
        return " ".join([_NAMES[kind], " and ".join(limits)]).strip() if kind in _NAMES else None


def fields_of(schema: Schema) -> dict[Step, Schema]:
    """The schema of each key of a model, by the name the user writes."""
    fields = schema.get("fields", {})
    pairs = fields.items() if isinstance(fields, Mapping) else ((field["name"], field) for field in fields)
    named = {}
    for name, field in pairs:
        alias = field.get("validation_alias")
        named[alias if isinstance(alias, str) else name] = field["schema"]
    return named


def items_of(schema: Schema, step: Step) -> Schema | None:
    """The schema of item `step` of a list, a tuple or a mapping with free keys; None for any other schema."""
    items = schema.get("values_schema") or schema.get("items_schema")
    if isinstance(items, list):  # a tuple; only a fixed one says which schema an index has
        fixed = isinstance(step, int) and step < len(items) and "variadic_item_index" not in schema
        return items[int(step)] if fixed else (items[0] if len(items) == 1 else UNKNOWN)
    return items if isinstance(items, Mapping) else None


def choices_of(schema: Schema) -> tuple[object, ...]:
    """The values of a closed list, none for a schema that is not one."""
    values = schema.get("expected") if schema["type"] == "literal" else schema.get("members")
    return tuple(v.value if isinstance(v, Enum) else v for v in values or ())


def one_of(choices: Sequence[object]) -> str:
    """``one of a, b``, or the only choice."""
    return shown(choices[0]) if len(choices) == 1 else f"one of {listed(choices)}"


def listed(choices: Sequence[object]) -> str | None:
    """``a, b``; None for no choice, as `UsageError.allowed` wants it."""
    return ", ".join(c if isinstance(c, str) else shown(c) for c in choices) or None


def shown(value: object) -> str:
    """`value` as the user would know it again: scalars shortened, containers by their size."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Mapping):
        return f"a mapping of {_counted(len(value), 'key')}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"a list of {_counted(len(value), 'item')}"
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


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
