"""The case file: what it looks like, that it comes back as it was, and what is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simharness.errors import UsageError, UsageErrors
from simharness.hunt.case import Case, case_of, case_text, finite, gap_text, placed, read_case, write_case
from simharness.hunt.records import Found, Judgement, Reader, Step, Trajectory
from simharness.hunt.trajectory import harm_of
from simharness.units import parse_duration

Make = Callable[..., Found]
TEXT = """{
  "schema_version": 1,
  "synthetic": true,
  "sentence": "Missed when risk acts are 31 minutes apart.",
  "features": ["gaps"],
  "scenario": {"name": "small", "file": "scenarios/small.yaml", "set": ["scale=0.01"]},
  "policy": null,
  "detector": {"level": 3.0, "alert": null, "name": "slow", "use": "slow.py:Slow", "folder": "."},
  "bound": {"level": -1.5, "alert": 2},
  "harm": 7,
  "moved_at": null,
  "beside": 0,
  "steps": [
    {"after": "1min", "from": "initiator", "act": "asks_age", "times": 1, "bound": -4.0, "detector": null},
    {"after": "31min", "from": "initiator", "act": "asks_area", "times": 1, "bound": -1.5, "detector": 0.1},
    {"after": "1min", "from": "child", "act": "games", "times": 4, "bound": 8.5, "detector": 0.5},
    {"after": "31min", "from": "initiator", "act": "sexual", "times": 1, "bound": 11.0, "detector": 0.6}
  ],
  "found_by": {"seed": 3, "examples": 120, "versions": {"simharness": "0.1.0"}},
  "replay": "simharness replay cases/one.json"
}
"""


def case(found: Found, **detector: Any) -> Case:
    scenario = {"name": "small", "file": "scenarios/small.yaml", "set": ("scale=0.01",)}
    detector = detector or {"name": "slow", "use": "slow.py:Slow", "folder": "."}
    return case_of(found, scenario, None, detector, 3, {"simharness": "0.1.0"})


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """``written(old=new, ...)``: the case above with parts of its text replaced, as a file."""

    def write(*changes: tuple[str, str]) -> Path:
        text = TEXT
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (tmp_path / "one.json").write_text(text, encoding="utf-8")
        return tmp_path / "one.json"

    return write


def test_what_it_looks_like(found: Make) -> None:
    assert case_text(placed(case(found()), Path("cases/one.json"))) == TEXT


def test_round_trip(written: Callable[..., Path], found: Make) -> None:
    path = written()
    assert read_case(path) == placed(case(found()), Path("cases/one.json"))
    assert case_text(read_case(path)) == TEXT
    assert read_case(path).trajectory == found().judgement.trajectory


STEPS = st.builds(
    Step, st.sampled_from(["games", "music"]), st.sampled_from(["initiator", "child"]), st.floats(0, 1e6), st.just(3)
) | st.builds(Step, st.just("asks_age"), st.just("child"), st.integers(0, 10**6).map(float))
HARMFUL = Step("sexual", "initiator", 60.0)


@settings(deadline=None, max_examples=50)
@given(st.lists(STEPS, min_size=1, max_size=6), st.integers(0, 8), st.booleans())
def test_every_trajectory_comes_back(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], beside: int, moves: bool
) -> None:
    trajectory = Trajectory((*steps, HARMFUL), len(steps) if moves else None, beside)
    made = case(_found(trajectory))
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(case_text(made), encoding="utf-8")
    assert read_case(path) == made
    assert read_case(path).trajectory == trajectory


def _found(trajectory: Trajectory) -> Found:
    risk = tuple(float(np.float32(1 / (place + 3))) for place in range(sum(step.times for step in trajectory.steps)))
    readers = Reader("bayes_bound", risk, 0.3, 1), Reader("slow", risk, 0.9, None)
    return Found(Judgement(trajectory, harm_of(trajectory), *readers), (), "Missed.", 1)


@settings(deadline=None)
@given(st.floats(0, 1e8) | st.integers(0, 10**7).map(float))
def test_gaps_are_exact(seconds: float) -> None:
    assert parse_duration(gap_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60, "1min"), (1860, "31min"), (3600, "1h"), (93_900, "26h 5min"), (90, "1min 30s"), (0, "0min"), (0.5, "0.5 s")],
)
def test_gaps_read_well(seconds: float, text: str) -> None:
    assert gap_text(float(seconds)) == text


def test_risks_are_short_and_the_same_32_bits() -> None:
    assert finite(float(np.float32(0.1))) == 0.1
    assert np.float32(finite(float(np.float32(1 / 3))) or 0.0) == np.float32(1 / 3)
    assert [finite(each) for each in (None, float("nan"), float("-inf"))] == [None, None, None]


def test_a_level_that_is_never_reached_is_null(found: Make) -> None:
    assert case(found(level=float(np.finfo(np.float32).max))).detector.level is None
    assert case(found(level=3.4e38)).detector.level == 3.4e38


def test_names_go_by_class_and_what_is_judged(found: Make) -> None:
    one = case(found())
    name = one.file_name
    assert name.startswith("gaps-") and len(name) == len("gaps-01234567.json")
    assert case(found(bound=3, detector=7, level=9.0)).file_name == name
    assert one.model_copy(update={"sentence": "other", "replay": "x"}).file_name == name
    assert case(found(features=())).file_name.startswith("other-")
    assert case(found(features=("gaps", "Two Words"))).file_name.startswith("gaps-two-words-")
    changed = replace(found().judgement.trajectory, beside=1)
    others = [
        case(found(trajectory=changed)),
        case(found(), name="quick"),
        one.model_copy(update={"policy": "x"}),
        one.model_copy(update={"scenario": one.scenario.model_copy(update={"set": ()})}),
    ]
    assert len({name, *(other.file_name for other in others)}) == 5


BAD = [
    (('"beside": 0', '"besides": 0'), ":12: besides: unknown key", "Did you mean 'beside'?"),
    (('"act": "asks_area"', '"act": "asks_are"'), ":15: steps.1.act: unknown act 'asks_are'", "'asks_area'?"),
    (('"act": "sexual"', '"act": "threat"'), ":13: steps: no harm", "'sexual' from the initiator"),
    (('"harm": 7', '"harm": 6'), ":10: harm: expected 7", "got 6"),
    (('"moved_at": null', '"moved_at": 5'), ":11: moved_at: expected a step from 2 to 4", "got 5"),
    (('"moved_at": null', '"moved_at": 1'), ":11: moved_at: expected", "got 1"),
    (('"act": "games"', '"act": "asks_feelings"'), ":16: steps.2.times: expected 1, got 4", "small talk"),
    (('"file": "scenarios', '"file": "/srv'), ":6: scenario.file: expected a path relative", "got '/srv/small.yaml'"),
    (('"folder": "."', '"folder": "/srv"'), ":8: detector.folder: expected a path relative", "got '/srv'"),
    (('"after": "31min", "from": "initiator", "act": "sexual"', '"after": 31, "from": "initiator", "act": "sexual"'),
     ":17: steps.3.after: expected a duration", "without a unit"),
    (('"from": "child"', '"from": "children"'), ":16: steps.2.from: unknown value 'children'", "Did you mean 'child'?"),
    (('"beside": 0', '"beside": -1'), ":12: beside: expected", "got -1"),
    (('"alert": 2', '"alert": 8'), ":9: bound.alert: expected a message from 1 to 7", "got 8"),
    (('"schema_version": 1', '"schema_version": 2'), ":2: schema_version: unknown value 2", "allowed: 1"),
    (('"synthetic": true', '"synthetic": false'), ":3: synthetic: unknown value", "true"),
    (('"level": -1.5', '"level": "high"'), ":9: bound.level: expected", "got 'high'"),
    (('"beside": 0,', '"beside": 0, "beside": 1,'), ":12: beside: duplicate key", "Keep one"),
    (('"beside": 0,', '"beside": 0'), ":13: not valid JSON", "delimiter"),
    (('"beside": 0,', 'beside: 0,'), ":12: not valid JSON", "double quotes"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "where", "what"), BAD, ids=[each[1] for each in BAD])
def test_what_is_refused(written: Callable[..., Path], change: tuple[str, str], where: str, what: str) -> None:
    path = written(change)
    with pytest.raises((UsageError, UsageErrors)) as raised:
        read_case(path)
    assert f"{path}{where}" in str(raised.value)
    assert what in str(raised.value)


def test_every_problem_is_told_at_once(written: Callable[..., Path]) -> None:
    path = written(('"act": "asks_area"', '"act": "x"'), ('"name": "small", ', ""))
    with pytest.raises(UsageErrors) as raised:
        read_case(path)
    assert "missing key 'name'" in str(raised.value) and "unknown act 'x'" in str(raised.value)


def test_what_is_no_case(tmp_path: Path, written: Callable[..., Path]) -> None:
    written()
    with pytest.raises(UsageError, match=r"no such file.*\n  Did you mean 'one.json'"):
        read_case(tmp_path / "ome.json")
    for text in ("", "[]", "3"):
        (tmp_path / "two.json").write_text(text)
        with pytest.raises(UsageError, match=r"two.json:1: (not valid JSON|expected an object)"):
            read_case(tmp_path / "two.json")


def test_a_case_that_is_there_is_left_alone(tmp_path: Path, found: Make) -> None:
    path = tmp_path / "deep" / "one.json"
    write_case(path, case(found()))
    os.utime(path, ns=(1, 1))
    write_case(path, case(found()))
    assert path.stat().st_mtime_ns == 1
    write_case(path, case(found(bound=3)))
    assert json.loads(path.read_text())["bound"]["alert"] == 3
    assert [each.name for each in path.parent.iterdir()] == ["one.json"]


def test_a_case_that_cannot_be_written(tmp_path: Path, found: Make) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"one\.json: cannot be written: "):
        write_case(tmp_path / "file" / "one.json", case(found()))
