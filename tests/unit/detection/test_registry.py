"""Detectors are found by name, package or file; every failure says which detector, what is wrong and what to do."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from simharness.detection import registry
from simharness.detection.protocol import ConversationDetector, MessageDetector
from simharness.detection.registry import build, card, make, registered
from simharness.errors import UsageError

POINTS = [
    EntryPoint("never", "detectors.never:Never", registry.GROUP),
    EntryPoint("keyword", "detectors.keyword:Keyword", registry.GROUP),
    EntryPoint("broken", "detectors.no_such_module:Thing", registry.GROUP),
    EntryPoint("elsewhere", "detectors.always:Always", "some.other.group"),
]
OWN = """
from __future__ import annotations
from dataclasses import dataclass

NUMBER = 3

@dataclass
class Flat:
    level: float = 0.25

    def score(self, texts):
        return [self.level for _ in texts]

class Silent:
    pass
"""


@pytest.fixture(autouse=True)
def points(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry of this test, whatever is installed."""
    monkeypatch.setattr(registry, "entry_points", lambda group: [point for point in POINTS if point.group == group])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


def problem(spec: str, options: dict[str, Any] | None = None, folder: Path | None = None) -> str:
    """What the user reads; every message begins with where the name stands and holds the name itself."""
    with pytest.raises(UsageError) as caught:
        build(spec, options or {}, "detectors.mine", folder)
    error, text = caught.value, str(caught.value)
    assert text.startswith("detectors.mine: ") and spec.partition(":")[0] in text
    assert error.allowed or error.hint, f"says neither what is allowed nor what to do next: {text}"
    return text


def test_registered_are_those_of_the_group_by_name() -> None:
    assert list(registered()) == ["broken", "keyword", "never"]
    assert card("never") == "Never alerts: the floor."


def test_built_by_name_package_or_file(folder: Path) -> None:
    assert type(build("never", {})).__name__ == "Never"
    known = build("keyword", {"coverage": 0.25})
    assert type(known).__name__ == "Keyword" and known.coverage == 0.25  # type: ignore[union-attr]
    assert isinstance(build("detectors.keyword:Keyword", {}), MessageDetector)
    assert isinstance(build("detectors.length_only:LengthOnly", {}), ConversationDetector)
    own = build("own.py:Flat", {"level": 2.0}, folder=folder).score(("a", "b"))  # type: ignore[union-attr]
    assert own.values.tolist() == [2.0, 2.0]


def test_a_file_is_looked_for_from_the_scenario_before_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = folder / "here"
    (here / "sub").mkdir(parents=True)
    (here / "own.py").write_text(OWN.replace("0.25", "0.5"))
    (here / "only_here.py").write_text(OWN.replace("0.25", "0.75"))
    monkeypatch.chdir(here)

    def level(spec: str, start: Path | None) -> float:
        return make(spec, {}, "here", start).level  # type: ignore[union-attr, no-any-return]

    assert level("own.py:Flat", folder) == 0.25
    assert level("own.py:Flat", None) == 0.5
    assert level("../own.py:Flat", here) == 0.25
    assert level("only_here.py:Flat", folder) == 0.75
    assert level(f"{folder / 'own.py'}:Flat", here) == 0.25


def test_two_files_of_one_name_do_not_mix(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "own.py").write_text(OWN.replace("0.25", "0.5"))
    first, second = (make(spec, {}, "here", folder) for spec in ("own.py:Flat", "sub/own.py:Flat"))
    assert (first.level, second.level) == (0.25, 0.5)  # type: ignore[union-attr]
    assert type(first) is not type(second)


@pytest.mark.parametrize("spec", ["keywrod", "keywrods"])
def test_unknown_name(spec: str) -> None:
    text = problem(spec)
    assert f"unknown detector {spec!r}" in text
    ways = "process:COMMAND, scores:FILE, sklearn:ESTIMATOR, or a URL"
    assert f"allowed: broken, keyword, never, package:Object, file.py:Object, {ways}" in text


def test_a_near_miss_is_suggested() -> None:
    assert "Did you mean 'keyword'?" in problem("keywrod")
    assert "Did you mean" not in problem("zzzzzzzz")


def test_with_nothing_registered_the_other_two_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [])
    assert "allowed: package:Object, file.py:Object, process:COMMAND" in problem("keyword")


def test_a_file_that_is_not_there(folder: Path) -> None:
    text = problem("lost/own.py:Flat", folder=folder)
    assert "the detector's file lost/own.py does not exist" in text and "scenario's folder" in text


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("broken", "ModuleNotFoundError: No module named 'detectors.no_such_module'"),
        ("detectors.no_such_module:Thing", "ModuleNotFoundError"),
        ("detectors.keyword:Missing", "AttributeError: module 'detectors.keyword' has no attribute 'Missing'"),
        (":Thing", "ValueError: Empty module name"),
        ("own.py:Missing", "AttributeError"),
        ("raises.py:Thing", "ZeroDivisionError: division by zero"),
        ("syntax.py:Thing", "SyntaxError"),
    ],
)
def test_what_cannot_be_imported(spec: str, why: str, folder: Path) -> None:
    (folder / "raises.py").write_text("1 / 0\n")
    (folder / "syntax.py").write_text("def\n")
    text = problem(spec, folder=folder)
    assert f"{spec} cannot be imported: {why}" in text


def test_a_file_that_failed_can_be_corrected_and_tried_again(folder: Path) -> None:
    (folder / "late.py").write_text("1 / 0\n")
    problem("late.py:Flat", folder=folder)
    (folder / "late.py").write_text(OWN + "\n# longer than what failed\n")
    assert isinstance(build("late.py:Flat", {}, folder=folder), MessageDetector)


def test_what_makes_no_detector(folder: Path) -> None:
    assert "own.py:NUMBER is a int, not a class or function" in problem("own.py:NUMBER", folder=folder)
    text = problem("own.py:Silent", folder=folder)
    assert "makes a Silent, which is no detector" in text
    assert "allowed: an object with score(texts), risk(batch) or watch(events)" in text


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"coverage": 3.0}, "ValueError: coverage: expected a share from 0 to 1, got 3.0"),
        ({"covrage": 0.5}, "TypeError"),
    ],
)
def test_wrong_options(options: dict[str, Any], why: str) -> None:
    text = problem("keyword", options)
    assert f"keyword cannot be made with options {options!r}" in text and why in text


def test_where_is_the_option_unless_said() -> None:
    with pytest.raises(UsageError, match=r"^--detector: "):
        build("nothing_of_the_kind", {})


def test_only_the_bound_is_told_the_grammar(folder: Path) -> None:
    (folder / "curious.py").write_text(OWN.replace("level: float = 0.25", "level: float = 0.25\n    privileged = True"))
    text = problem("curious.py:Flat", folder=folder)
    assert "declares privileged = True, but only the bound may be told the grammar" in text


def test_scores_are_read_before_anything_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = EntryPoint("scores", "simharness.detection.ways.scores:scores", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [scores])
    (folder / "verdicts.jsonl").write_text('{"conversation": 1, "message": 1, "score": "high"}\n')
    with pytest.raises(UsageError, match=r"verdicts\.jsonl"):
        build("scores:verdicts.jsonl", {}, "detectors.mine", folder)
