"""docs/parameters.md names every parameter of the response with its unit, what is shipped, and its evidence."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML

from simharness.scenario.base import ConstantDelay, ExponentialDelay, GammaDelay, LogNormalDelay, WeibullDelay
from simharness.scenario.course import ChildTells
from simharness.scenario.levels import AlertLevel
from simharness.scenario.policy import Arm
from simharness.scenario.response import Response

ROOT = Path(__file__).parents[3]
DELAYS = (ExponentialDelay, LogNormalDelay, WeibullDelay, GammaDelay, ConstantDelay)
LEVEL = "a risk, or the risk that gives so many false alerts per 1,000 child-months on a calibration world"
UNITS = {
    "young": "years",
    "youngest": "years",
    "oldest": "years",
    "investigators": "per million",
    "desk": "per million",
}


class Parameter(NamedTuple):
    """One row of the page. ``value`` and ``evidence``: as shipped in scenarios/base; empty where nothing is."""

    path: str
    unit: str
    meaning: str
    value: str
    evidence: str


def parameters() -> list[Parameter]:
    """Every parameter of the response, in the order of the flow."""
    yaml = YAML(typ="safe", pure=True)
    course = yaml.load(ROOT / "scenarios/base/behaviour.yaml")["world"]["natural_course"]["child_tells"]
    response = yaml.load(ROOT / "scenarios/base/response.yaml")["response"]
    return [
        *walk(Arm, "arms.<name>", {}, ""),
        *walk(Response, "response", response, ""),
        *walk(ChildTells, "world.natural_course.child_tells", course, course["evidence"]),
    ]


def walk(
    model: type[BaseModel], path: str, data: Mapping[str, Any], evidence: str, said: str = ""
) -> Iterator[Parameter]:
    for name, field in model.model_fields.items():
        if name in ("evidence", "source"):
            continue
        place, value = f"{path}.{name}", data.get(name)
        inner, suffix = nested(field.annotation)
        meaning = field.description or said
        if inner is not None:
            below = value if isinstance(value, dict) else {}
            own = field.description or (inner.__doc__ or " ").splitlines()[0].rstrip(".")
            yield from walk(inner, place + suffix, below, below.get("evidence", evidence), own)
        if inner is None or "float" in str(field.annotation):  # a share, or steps of one
            shown = plain(value)
            yield Parameter(
                place + suffix.replace("[]", ""),
                unit(path, name, field),
                meaning or LEVEL,
                shown,
                evidence if shown else "",
            )


def nested(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The model inside an annotation, and how its place in a file is written."""
    suffix = ""
    if get_origin(annotation) in (list, dict):
        suffix = "[]" if get_origin(annotation) is list else ".<name>"
        annotation = get_args(annotation)[-1]
        if get_origin(annotation) not in (Union, types.UnionType):
            return nested(annotation)[0], suffix
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel) and part not in (*DELAYS, AlertLevel):
            return part, suffix
        if get_origin(part) is list:
            return nested(part)[0], suffix or "[]"
    return None, ""


def unit(path: str, name: str, field: FieldInfo) -> str:
    kind = f"{field.metadata}{field.annotation}"
    for sign, words in (
        ("parse_duration", "time"),
        ("parse_rate", "rate"),
        ("Delay", "distribution of time"),
        ("AlertLevel", "level of risk"),
        ("Literal", "one of a list"),
        ("datetime.date", "day"),
        ("le=1.0", "share"),
        ("Probability", "share"),
        ("Coverage", "share"),
        ("bool", "yes or no"),
        ("list[str]", "names"),
        ("str", "text"),
    ):
        if sign in kind:
            return words
    if "int" in kind:
        return UNITS.get(name, "count")
    return UNITS.get(path.rpartition(".")[2], "factor")


def plain(value: Any) -> str:
    """A value as it stands in a scenario, without braces."""
    if isinstance(value, dict):
        kind = f"{value['kind']}: " if "kind" in value else ""
        return kind + ", ".join(f"{key} {plain(one)}" for key, one in value.items() if key != "kind")
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    return "" if value is None else str(value)


def test_the_page_has_every_parameter_as_it_is() -> None:
    rows = [
        tuple(cell.strip().strip("`") for cell in line.strip("|").split("|"))
        for line in (ROOT / "docs/parameters.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert [row[0] for row in rows] == [one.path for one in parameters()]
    for row, one in zip(rows, parameters(), strict=True):
        assert row == tuple(one)


def test_every_parameter_says_what_it_is() -> None:
    for one in parameters():
        assert one.unit and len(one.meaning) > 3, one.path


@pytest.mark.parametrize(
    "path",
    [
        "arms.<name>.code.coverage.<name>",
        "arms.<name>.code.coverage.<name>.share",
        "arms.<name>.queues.<name>.tiers.<name>.service",
        "arms.<name>.failures.outages[].lasts",
        "response.reactions.tipped_off.tempo",
        "world.natural_course.child_tells.by_stage.<name>",
    ],
)
def test_the_walk_reaches_everywhere(path: str) -> None:
    assert path in {one.path for one in parameters()}


def test_what_is_shipped_says_its_evidence() -> None:
    assert not [one.path for one in parameters() if one.value and not one.evidence]
