"""``simharness check-detector``: which detector SPEC means, what is printed and what the exit code says.

Detectors here break the first rule, so that the others need not be tried; those are tried in tests/contract.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

FLAGSHIP = Path(__file__).parents[3] / "scenarios" / "england_wales_2017.yaml"
Main = Callable[..., tuple[int, str, str]]

STATED = """
class Stated:
    range = (0.0, 1.0)

    def __init__(self, answer={answer}):
        self.answer = answer

    def score(self, texts):
        return [self.answer for _ in texts]
"""


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a scenario and a detector; another detector of that name is in the current folder beside it."""
    folder, here = tmp_path / "team", tmp_path / "here"
    for each, answer in ((folder, 3), (here, 5)):
        each.mkdir()
        (each / "stated.py").write_text(STATED.format(answer=answer))
    detectors = 'detectors: {mine: {use: "stated.py:Stated", options: {answer: 7}}}'
    (folder / "scenario.yaml").write_text(f"extends: {FLAGSHIP}\n{detectors}\n")
    monkeypatch.chdir(here)
    return folder / "scenario.yaml"


def test_a_detector_of_the_scenario_keeps_its_options_and_folder(main: Main, team: Path) -> None:
    (team.parent / "stated.py").write_text(STATED.format(answer=3).replace("(0.0, 1.0)", "(0.0, 2.0)"))
    code, out, err = main("check-detector", "mine", "--scenario", team)
    assert code == 1
    assert "Contract of stated.py:Stated" in out and "BROKEN  answers" in out
    assert "outside the declared range 0 to 2 (such as 7)" in out
    for word in ("fed: ", "got: ", "expected: "):
        assert word in out
    assert err == "mine: refused, 1 of 1 rules broken: answers.\n"


def test_a_file_is_found_from_the_current_folder(main: Main, team: Path) -> None:
    code, out, _ = main("check-detector", "stated.py:Stated", "--scenario", team)
    assert code == 1 and "(such as 5)" in out
    code, out, _ = main("check-detector", "../team/stated.py:Stated")
    assert code == 1 and "(such as 3)" in out


def test_json_is_one_object(main: Main, team: Path) -> None:
    code, out, err = main("check-detector", "mine", "--scenario", team, "--json")
    assert code == 1 and "refused" in err
    found = json.loads(out)
    assert out.count("\n") == 1
    assert (found["type"], found["held"], found["detector"]) == ("contract", False, "stated.py:Stated")
    (finding,) = found["findings"]
    assert finding["rule"] == "answers" and set(finding["broken"]) == {"problem", "fed", "got", "expected"}


def test_json_of_a_detector_that_holds_the_contract(main: Main, team: Path) -> None:
    (team.parent / "stated.py").write_text(STATED.format(answer=3).replace("self.answer for _", "0.5 for _"))
    code, out, err = main("check-detector", "mine", "--scenario", team, "--json")
    found = json.loads(out)
    assert (code, err, found["held"]) == (0, "", True), found
    assert len(found["findings"]) > 5 and all(finding["broken"] is None for finding in found["findings"])
    assert found["notes"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("nonsense",), "unknown detector 'nonsense'"),
        (("keywrod",), "Did you mean 'keyword'?"),
        (("missing.py:Thing",), "missing.py does not exist"),
        (("stated.py:Other",), "Other"),
        (("keyword", "--scenario", "nowhere.yaml"), "no such file"),
        ((), "Missing argument 'SPEC'"),
    ],
)
def test_what_cannot_be_found_ends_with_2(main: Main, team: Path, words: tuple[str, ...], problem: str) -> None:
    code, out, err = main("check-detector", *words)
    assert (code, out) == (2, "")
    assert problem in err and "Traceback" not in err


def test_options_that_do_not_fit_are_named(main: Main, team: Path) -> None:
    team.write_text(team.read_text().replace("answer: 7", "reply: 7"))
    code, _, err = main("check-detector", "mine", "--scenario", team)
    assert code == 2 and "reply" in err and "options" in err
