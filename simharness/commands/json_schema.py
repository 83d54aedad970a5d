"""The JSON Schema of scenario files and suites in draft-07, which is what editors read; pydantic writes 2020-12."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simharness.scenario.expect import EXAMPLE
from simharness.scenario.model import Scenario
from simharness.suites.spec import SuiteSpec

DIALECT = "http://json-schema.org/draft-07/schema#"
_LOCAL, _DRAFT_07_LOCAL = "#/$defs/", "#/definitions/"


def scenario_schema() -> dict[str, Any]:
    """Draft-07 schema of a scenario file as it is written, that is before ``extends`` is followed.

    A file may leave out whatever the file or arm it extends says, so no key is required here; ``simharness validate``
    checks the merged scenario in full.
    """
    schema: dict[str, Any] = _converted(Scenario.model_json_schema())
    text = {"type": "string"}
    files = {
        "description": "file or files whose values this one changes; paths from this file",
        "anyOf": [text, {"type": "array", "items": text}],
    }
    schema["properties"] = {"extends": files, **schema["properties"]}
    _allow_sentences(schema)
    arm = schema["definitions"]["Arm"]
    arm["properties"] = {
        "extends": {"description": "the arm whose values this one changes", **text},
        **arm["properties"],
    }
    return {"$schema": DIALECT, **schema}


def suite_schema() -> dict[str, Any]:
    """Draft-07 schema of a suite's file."""
    schema: dict[str, Any] = _converted(SuiteSpec.model_json_schema())
    _allow_sentences(schema)
    return {"$schema": DIALECT, **schema, "required": ["suite", "title"]}


def _allow_sentences(schema: dict[str, Any]) -> None:
    """An expectation may be a sentence, which pydantic's own schema of the mapping behind it does not know."""
    mapping = schema["definitions"]["Expectation"]
    sentence = {"type": "string", "description": "METRIC[SUBJECT] OP VALUE", "examples": [EXAMPLE]}
    schema["definitions"]["Expectation"] = {"description": mapping.pop("description"), "anyOf": [sentence, mapping]}


def _converted(node: Any) -> Any:
    if isinstance(node, list):
        return [_converted(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    found: dict[str, Any] = {}
    for key, value in node.items():
        found |= _keyword(key, value)
    if "prefixItems" in node and "items" in node:
        found["additionalItems"] = _converted(node["items"])
    if "$ref" in found and len(found) > 1:  # draft-07 ignores whatever stands beside a $ref
        found["allOf"] = [{"$ref": found.pop("$ref")}]
    return found


def _keyword(key: str, value: Any) -> dict[str, Any]:
    match key:
        case "properties" | "$defs":  # here the keys are names of the scenario's, not keywords
            inner = {name: _converted(schema) for name, schema in value.items()}
            return {"definitions" if key == "$defs" else key: inner}
        case "$ref":
            return {key: value.replace(_LOCAL, _DRAFT_07_LOCAL)}
        case "prefixItems":
            return {"items": _converted(value)}
        case "oneOf":  # without required keys several branches may fit what a file says
            return {"anyOf": _converted(value)}
        case "discriminator" | "required":
            return {}
        case "default" | "const" | "enum" | "examples":
            return {key: value}
        case _:
            return {key: _converted(value)}
