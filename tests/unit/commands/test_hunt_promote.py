"""The command: cases with their paths rewritten, what is refused, and that nothing is written then."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simharness.hunt.case import Case, case_of, placed, read_case, write_case
from simharness.hunt.records import Found
from simharness.hunt.replay import detector_folder, scenario_file

Main = Callable[..., tuple[int, str, str]]
SUITE = Path("scenarios/suites/cases")


@pytest.fixture
def written(found: Callable[..., Found], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """``written(name, ...)``: a case in results/ as hunt writes it from here, with scenario and detector files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "small.yaml").touch()
    (tmp_path / "slow.py").touch()

    def write(file_name: str, *, file: str = "scenarios/small.yaml", sentence: str = "", **detector: Any) -> Path:
        scenario = {"name": "small", "file": file, "set": ()}
        detector = detector or {"name": "Slow", "use": "slow.py:Slow", "folder": "."}
        path = Path("results") / file_name
        case = case_of(found(), scenario, None, detector, 0, {})
        write_case(path, placed(case.model_copy(update={"sentence": sentence or case.sentence}), path))
        return path

    return write


def test_paths_begin_at_the_new_place(main: Main, written: Callable[..., Path]) -> None:
    old = written("gaps-1.json")
    code, out, _ = main("promote", old)
    assert code == 0
    new, before = read_case(SUITE / "gaps-1.json"), read_case(old)
    assert (new.scenario.file, new.detector.folder) == ("../../small.yaml", "../../..")
    assert new.replay == "simharness replay scenarios/suites/cases/gaps-1.json"
    assert _without_places(new) == _without_places(before)
    assert scenario_file(SUITE / "gaps-1.json", new).samefile("scenarios/small.yaml")
    assert detector_folder(SUITE / "gaps-1.json", new.detector).samefile(".")
    assert "git add scenarios/suites/cases/gaps-1.json" in out
    assert "`cases: cases`" in out and "simharness replay scenarios/suites/cases\n" in out


def _without_places(case: Case) -> Case:
    scenario = case.scenario.model_copy(update={"file": ""})
    detector = case.detector.model_copy(update={"folder": ""})
    return case.model_copy(update={"scenario": scenario, "detector": detector, "replay": ""})


def test_a_promoted_case_can_be_promoted_on(main: Main, written: Callable[..., Path]) -> None:
    main("promote", written("a.json"))
    assert main("promote", SUITE / "a.json", "--into", "other")[0] == 0
    case = read_case(Path("other/a.json"))
    assert (case.scenario.file, case.detector.folder) == ("../scenarios/small.yaml", "..")


def test_a_detector_without_a_folder(main: Main, written: Callable[..., Path]) -> None:
    main("promote", written("a.json", name="keyword"))
    assert read_case(SUITE / "a.json").detector.folder is None


def test_the_same_case_twice_is_left_alone(main: Main, written: Callable[..., Path]) -> None:
    old = written("a.json")
    main("promote", old)
    os.utime(SUITE / "a.json", ns=(1, 1))
    assert main("promote", old)[0] == 0
    assert (SUITE / "a.json").stat().st_mtime_ns == 1


def test_another_case_of_that_name_is_refused(main: Main, written: Callable[..., Path]) -> None:
    main("promote", written("a.json"))
    before = (SUITE / "a.json").read_bytes()
    code, _, err = main("promote", written("b.json"), written("a.json", sentence="Missed otherwise."))
    assert code == 2
    assert "scenarios/suites/cases/a.json: a case of this name with other content is there" in err
    assert (SUITE / "a.json").read_bytes() == before and not (SUITE / "b.json").exists()
    code, _, err = main("promote", written("c.json"), written("deep/c.json", sentence="Missed otherwise."))
    assert (code, "c.json: a case of this name" in err, (SUITE / "c.json").exists()) == (2, True, False)


def test_what_cannot_be_read_or_found_is_refused(main: Main, written: Callable[..., Path]) -> None:
    good, bad = written("a.json"), written("b.json")
    bad.write_text("{")
    lost = written("c.json", file="gone.yaml")
    code, _, err = main("promote", good, bad, lost)
    assert code == 2
    assert "b.json:1: not valid JSON" in err and "c.json: scenario.file: no such file 'gone.yaml'" in err
    assert not SUITE.exists()
