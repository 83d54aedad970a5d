"""The command: exit codes, what is shown and what not; on results that are made up here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simharness.commands import replay as command
from simharness.hunt.records import Found
from simharness.hunt.replay import Outcome, Replayed

Main = Callable[..., tuple[int, str, str]]
Set = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch, found: Callable[..., Found]) -> Set:
    """``outcomes(*names)``: what comes of the cases; gives back the questions asked."""

    def prepare(*names: Outcome) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def replay(paths: Any, **how: Any) -> list[Replayed]:
            how["notify"]("case", len(names), len(names))
            asked.append({"paths": paths, "scenario": how["scenario"], "detector": how["detector"]})
            judgement = found(2, None).judgement
            return [
                Replayed(
                    Path(f"cases/{number}.json"),
                    f"{number}",
                    name,
                    None if name == "failed" else judgement,
                    "Missed when risk acts are 31 minutes apart.",
                    {"failed": "its process ended", "says nothing": "the bound is late"}.get(name),
                )
                for number, name in enumerate(names)
            ]

        monkeypatch.setattr(command, "replay_cases", replay)
        return asked

    return prepare


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["fixed", "fixed"], 0),
        (["fixed", "missed"], 1),
        (["fixed", "failed", "missed", "says nothing"], 3),
        (["fixed", "says nothing"], 4),
        (["says nothing", "missed"], 1),
        ([], 5),
    ],
)
def test_exit_codes(main: Main, outcomes: Set, names: list[Outcome], code: int) -> None:
    outcomes(*names)
    assert main("replay", "cases")[0] == code


def test_what_is_shown(main: Main, outcomes: Set) -> None:
    asked = outcomes("fixed", "missed", "says nothing", "failed")
    _, out, _ = main("replay", "cases", "more")
    assert asked == [{"paths": (Path("cases"), Path("more")), "scenario": None, "detector": None}]
    for words in ("FIXED  cases/0.json", "MISSED  cases/1.json", "SAYS NOTHING  cases/2.json", "FAILED  cases/3.json"):
        assert words in out
    assert out.count("Found as: Missed when risk acts are 31 minutes apart.") == 4
    assert "Now: the bound is late" in out and "Now: its process ended" in out
    assert out.count("HARM") == 1
    assert out.endswith("1 failed, 1 missed, 1 says nothing, 1 fixed\n")
    assert main("replay", "cases", "--verbose")[1].count("HARM") == 3


def test_nothing_is_no_pass(main: Main, outcomes: Set) -> None:
    outcomes()
    assert "No case found: nothing was checked." in main("replay", "cases")[1]


def test_json_lines(main: Main, outcomes: Set) -> None:
    outcomes("missed", "failed")
    _, out, err = main("replay", "cases", "--json")
    missed, failed = map(json.loads, out.splitlines())
    assert (missed["outcome"], missed["harm"], missed["bound_alert"], missed["detector_alert"]) == (
        "missed",
        7,
        2,
        None,
    )
    assert (failed["outcome"], failed["harm"], failed["problem"]) == ("failed", None, "its process ended")
    assert all(each["type"] == "replay" and each["synthetic"] for each in (missed, failed))
    assert "MISSED" in err and "cases: 2/2" in err


def test_another_detector(main: Main, outcomes: Set) -> None:
    asked = outcomes("fixed")
    main("replay", "cases", "--scenario", "x.yaml", "--detector", "length_only")
    assert asked[0]["scenario"] == Path("x.yaml")
    scenario = Path(__file__).parents[3] / "scenarios" / "england_wales_2017.yaml"
    loaded, name = asked[0]["detector"](scenario, ("scale=0.5",))
    assert (name, loaded.scenario.scale) == ("length_only", 0.5)
    main("replay", "cases", "--detector", "detectors.never:Never")
    added, name = asked[1]["detector"](scenario, ())
    assert (name, added.scenario.detectors[name].use) == ("Never", "detectors.never:Never")


def test_no_such_case(main: Main, tmp_path: Path) -> None:
    code, _, err = main("replay", tmp_path / "gone.json")
    assert code == 2
    assert "gone.json: no such file" in err
    assert main("replay", tmp_path)[0] == 5
