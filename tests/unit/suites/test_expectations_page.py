"""docs/expectations.md: every example of it is an expectation of the flagship, and every table is what happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from simharness.errors import NotComparable, SimharnessError, UsageError
from simharness.report.expectations import MEANS
from simharness.scenario import expect
from simharness.scenario.expect import Expectation
from simharness.scenario.load import load_scenario
from simharness.suites import judging
from simharness.suites.items import Item, items_of
from simharness.suites.judging import Judged
from simharness.world.model import WorldModel

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "expectations.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)


def table(heading: str) -> list[list[str]]:
    """Cells of the first table under a heading."""
    rows = re.search(r"(?:^\|.*\n)+", PAGE.split(f"## {heading}\n", 1)[1], re.M)
    assert rows is not None
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[0].splitlines()[2:]]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_one_of_the_flagship(example: str, tmp_path: Path, model: WorldModel) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"extends: {ROOT / 'scenarios' / 'england_wales_2017.yaml'}\n{example}", encoding="utf-8")
    items = items_of(loaded := load_scenario(file), model, base=True)
    assert loaded.scenario.expect is not None
    assert len(loaded.scenario.expect) == len(YAML(typ="safe").load(example)["expect"]) <= len(items)


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == 3


def test_the_grammar_is_that_of_the_code() -> None:
    assert expect.__doc__ is not None
    shown = re.search(r"^expectation :=.*?(?=^```)", PAGE, re.M | re.S)
    assert shown is not None
    lines = [line.strip() for line in expect.__doc__.splitlines() if ":=" in line]
    assert shown[0].splitlines() == lines


def test_every_key_is_on_the_page() -> None:
    keys = {name for row in table("Grammar") for name in re.findall(r"`(\w+)`", row[0])}
    assert keys == set(Expectation.model_fields)


@pytest.mark.parametrize(("interval", "bar", "outcome"), table("How a bar is judged"))
def test_bars_are_judged_as_the_table_says(
    judged: Callable[..., Judged], interval: str, bar: str, outcome: str
) -> None:
    found = judged(f"delay[keyword] {bar.strip('`')}", {"detector/keyword": {"delay": (8, 9, 10, 11, 12.0)}})
    assert f"{found.found.low:.1f} to {found.found.high:.1f}" == interval
    assert found.outcome == outcome


def test_the_number_of_replications_that_decides(judged: Callable[..., Judged]) -> None:
    assert "fewer than six" in PAGE
    outcomes = [judged("delay[keyword] <= 9", {"detector/keyword": {"delay": [9.0] * n}}).outcome for n in (5, 6)]
    assert outcomes == ["inconclusive", "held"]


def test_exit_codes() -> None:
    said = {int(code): meaning for code, meaning in table("Exit codes")}
    assert set(said) == {0, 1, 2, 3, 4, 5, 6}
    for code, words in MEANS.items():
        assert said[code].startswith(words), code
    codes = (judging.PASSED, judging.MISSED, judging.INCOMPLETE, judging.INCONCLUSIVE, judging.NOTHING_CHECKED)
    assert codes == (0, 1, 3, 4, 5) == tuple(MEANS)
    assert (UsageError.exit_code, SimharnessError.exit_code, NotComparable.exit_code) == (2, 2, 6)


def test_a_base_without_what_is_asked_for_ends_with_6(bars: Callable[..., tuple[Item, ...]]) -> None:
    with pytest.raises(NotComparable):
        bars("recall[text_model vs base/keyword] >= 0", base=False)


def test_junit_elements_are_those_written() -> None:
    source = (ROOT / "simharness" / "suites" / "junit.py").read_text(encoding="utf-8")
    elements: set[Any] = set(re.findall(r'`<(\w+) type="([\w ]+)">`', PAGE))
    assert len(elements) == 7
    for _, kind in elements - {("failure", "missed"), ("failure", "inconclusive"), ("error", "failed")}:
        assert f'"{kind}"' in source
