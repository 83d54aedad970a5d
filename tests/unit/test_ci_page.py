"""docs/ci.md shows the files that ``simharness init`` writes, and commands, options and exit codes that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from simharness import cli
from simharness.errors import NotComparable, UsageError
from simharness.parallel import Interrupted
from simharness.scenario.load import load_scenario
from simharness.suites import judging
from simharness.suites.items import items_of
from simharness.world.model import build_model

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", PAGE, re.M | re.S)
TEMPLATES = ROOT / "simharness" / "templates"


def given() -> list[str]:
    """Every command the page gives: steps of its files, and code in its sentences."""
    text = "\n".join(block for _, _, block in BLOCKS)
    lines = re.findall(r"^ *- (?:run: )?(simharness .*?)(?:  #.*)?$", text, re.M)
    sentences = re.sub(r"^```.*?^```$", "", PAGE, flags=re.M | re.S)
    return [*lines, *re.findall(r"`(simharness [^`]*)`", sentences)]


@pytest.mark.parametrize("name", ["simharness.yml", "simharness.gitlab-ci.yml"])
def test_the_files_shown_are_those_written(name: str) -> None:
    template = (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")
    assert [text for _, _, text in BLOCKS].count(template) == 1


def test_every_yaml_block_is_yaml() -> None:
    assert len([YAML(typ="safe").load(text) for language, _, text in BLOCKS if language == "yaml"]) == len(BLOCKS) == 5


@pytest.mark.parametrize("line", sorted(set(given())))
def test_every_command_is_one_with_these_options(line: str) -> None:
    _, name, *words = shlex.split(line)
    command = cli.commands.commands[name]
    known = {option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known


def test_the_exit_codes_are_those_there_are() -> None:
    table = PAGE.split("## What an exit code does to a job")[1]
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.M)}
    judged = {judging.PASSED, judging.MISSED, judging.INCOMPLETE, judging.INCONCLUSIVE, judging.NOTHING_CHECKED}
    assert codes == judged | {UsageError.exit_code, NotComparable.exit_code, Interrupted.exit_code}


def test_the_scenario_held_against_main_is_one(tmp_path: Path, main: Callable[..., tuple[int, str, str]]) -> None:
    assert main("init", tmp_path)[0] == 0
    ((name, text),) = [(name, text) for _, name, text in BLOCKS if name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    loaded = load_scenario(tmp_path / name, scale=0.02)
    items = items_of(loaded, build_model(loaded.scenario, loaded.folder), base=True)
    assert len(items) == 2 and all(item.in_base for item in items)


def test_nothing_that_is_linked_to_is_missing() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", PAGE)
    assert {"expectations.md", "suites.md", "hunt.md"} <= set(links)
    assert [link for link in links if not (ROOT / "docs" / link).is_file()] == []
