"""``simharness validate`` and ``schema`` of what is expected, in scenarios and suites."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simharness.commands.json_schema import scenario_schema, suite_schema
from simharness.scenario.expect import EXAMPLE, Expectation
from simharness.suites.spec import RunSpec, SuiteSpec

ROOT = Path(__file__).parents[3]
Main = Callable[..., tuple[int, str, str]]


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[[str], Path]:
    """``scenario(bar)``: the flagship with one bar."""

    def made(bar: str) -> Path:
        table = ROOT / "scenarios" / "data" / "police_force_areas.csv"
        text = f"extends: {ROOT}/scenarios/england_wales_2017.yaml\nworld: {{population: {{table: {table}}}}}\n"
        (tmp_path / "mine.yaml").write_text(f"{text}expect:\n  - {bar}\n", encoding="utf-8")
        return tmp_path / "mine.yaml"

    return made


def test_a_bar_that_means_nothing_is_a_problem(main: Main, scenario: Callable[[str], Path]) -> None:
    code, _, err = main("validate", scenario("recall[text_modle] >= 0.1"))
    assert (code, "mine.yaml:4: expect.0" in err, "Did you mean 'text_model'?" in err) == (2, True, True)
    # Which base there will be is not known yet.
    assert main("validate", scenario("recall[text_model vs base] not_worse 0.1"))[0] == 0


def test_suites_are_looked_at(main: Main, tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(
        "suite: a\ntitle: b\nruns:\n  - name: c\n    scenario: d.yaml\n", encoding="utf-8"
    )
    smoke = ROOT / "scenarios" / "suites" / "smoke.yaml"
    code, out, err = main("validate", smoke, tmp_path / "suite.yaml")
    assert (code, f"{smoke}: ok" in out, "suite.yaml:5: runs.0.scenario" in err) == (2, True, True)


def test_an_expectation_may_be_a_sentence_to_an_editor() -> None:
    for schema in (scenario_schema(), suite_schema()):
        sentence, mapping = schema["definitions"]["Expectation"]["anyOf"]
        assert (sentence["type"], sentence["examples"]) == ("string", [EXAMPLE])
        assert set(mapping["properties"]) == set(Expectation.model_fields)


def test_the_schema_of_suites(main: Main, tmp_path: Path) -> None:
    assert main("schema", "--suite", "-o", tmp_path / "suite.json")[0] == 0
    schema: dict[str, Any] = json.loads((tmp_path / "suite.json").read_text("utf-8"))
    assert schema == suite_schema()
    assert set(schema["properties"]) == set(SuiteSpec.model_fields)
    assert schema["required"] == ["suite", "title"]
    assert set(schema["definitions"]["RunSpec"]["properties"]) == set(RunSpec.model_fields)
    assert "required" not in schema["definitions"]["RunSpec"]
