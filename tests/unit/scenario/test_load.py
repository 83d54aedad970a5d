"""A scenario that extends one in another folder: files named there are found from there, whoever extends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from simharness.detection.registry import make, spelled_out
from simharness.errors import UsageError
from simharness.scenario.load import Loaded, load_scenario, resolved
from simharness.world.model import build_model

ROOT = Path(__file__).parents[3]
FLAGSHIP = ROOT / "scenarios" / "england_wales_2017.yaml"

BASE = f"""
extends: {FLAGSHIP}
name: base
title: Extended from elsewhere
scale: 0.01
world: {{population: {{table: children.csv}}}}
detectors:
  own: {{use: "own.py:Own"}}
  told: {{use: scores, options: {{file: told.csv, per: text}}}}
  lexicon: {{use: keyword, options: {{coverage: 0.5}}}}
  deeper: {{use: "own.py:Own", folder: deeper}}
arms:
  mandatory_code: {{detector: own}}
"""
OWN = "class Own:\n    def score(self, texts):\n        return [{number}.0 for _ in texts]\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A scenario in a folder of its own, with every file it names beside it."""
    folder = tmp_path / "shared"
    (folder / "deeper").mkdir(parents=True)
    (folder / "base.yaml").write_text(BASE)
    (folder / "own.py").write_text(OWN.format(number=1))
    (folder / "deeper" / "own.py").write_text(OWN.format(number=2))
    (folder / "told.csv").write_text("text,score\nhello,0.5\n")
    (folder / "children.csv").write_text((FLAGSHIP.parent / "data" / "police_force_areas.csv").read_text("utf-8"))
    return folder / "base.yaml"


@pytest.fixture
def extending(tmp_path: Path, base: Path) -> Path:
    """A scenario two folders away that extends it by nothing but a name."""
    folder = tmp_path / "team" / "trial"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("extends: ../../shared/base.yaml\nname: mine\n")
    return folder / "mine.yaml"


def scored(loaded: Loaded, name: str, *texts: str) -> list[float]:
    """What a detector of the scenario answers, made where the scenario says."""
    spec = loaded.scenario.detectors[name]
    folder = loaded.folder / (spec.folder or "")
    use, options = spelled_out(spec.use, spec.options)
    detector: Any = make(use, options, name, folder)  # not in a process of its own: to start one takes a second
    if hasattr(detector, "folder"):
        detector.folder = folder
    return [float(value) for value in detector.score(texts)]


def test_files_of_the_extended_scenario_are_found_from_its_folder(extending: Path) -> None:
    loaded = load_scenario(extending)
    assert loaded.folder == extending.parent
    assert loaded.scenario.world.population.table == "../../shared/children.csv"
    assert build_model(loaded.scenario, loaded.folder).children.total > 0
    assert scored(loaded, "own", "hello") == [1.0]
    assert scored(loaded, "told", "hello") == [0.5]
    assert loaded.scenario.arms["mandatory_code"].detector == "own"
    assert loaded.scenario.detectors["text_model"].folder is None  # names no file


def test_a_folder_that_the_extended_scenario_states_is_found_from_its_folder(extending: Path) -> None:
    loaded = load_scenario(extending)
    assert loaded.scenario.detectors["deeper"].folder == "../../shared/deeper"
    assert scored(loaded, "deeper", "hello") == [2.0]


def test_what_the_extending_scenario_states_itself_is_found_from_its_own_folder(extending: Path) -> None:
    (extending.parent / "own.py").write_text(OWN.format(number=3))
    (extending.parent / "sub").mkdir()
    (extending.parent / "sub" / "own.py").write_text(OWN.format(number=4))
    more = (
        'detectors: {own: {use: "own.py:Own"}, other: {use: "own.py:Own"}, deeper: {use: "own.py:Own", folder: sub}}\n'
    )
    extending.write_text(extending.read_text() + more)
    loaded = load_scenario(extending)
    assert [loaded.scenario.detectors[name].folder for name in ("own", "other", "deeper")] == [None, None, "sub"]
    assert scored(loaded, "own", "hello") == scored(loaded, "other", "hello") == [3.0]
    assert scored(loaded, "deeper", "hello") == [4.0]

    extending.write_text(extending.read_text().replace('own: {use: "own.py:Own"}, ', "own: {folder: sub}, "))
    assert scored(load_scenario(extending), "own", "hello") == [4.0]


def test_an_absolute_path_stays_what_it_names(extending: Path, base: Path) -> None:
    table = FLAGSHIP.parent / "data" / "police_force_areas.csv"
    base.write_text(BASE.replace("children.csv", str(table)))
    loaded = load_scenario(extending)
    assert (loaded.folder / loaded.scenario.world.population.table).resolve() == table.resolve()


def test_nothing_changes_in_the_same_folder(base: Path) -> None:
    beside = base.with_name("beside.yaml")
    beside.write_text("extends: base.yaml\nname: base\n")
    one, other = load_scenario(base), load_scenario(beside)
    assert one.scenario == other.scenario
    assert one.scenario.world.population.table == "children.csv"
    assert one.scenario.detectors["own"].folder is None


def test_what_an_option_says_is_found_from_the_scenario_that_is_run(extending: Path) -> None:
    table = FLAGSHIP.parent / "data" / "police_force_areas.csv"
    loaded = load_scenario(extending, [f"world.population.table={table}", "detectors.own.use=mine.py:Own"])
    assert loaded.scenario.world.population.table == str(table)
    assert loaded.scenario.detectors["own"].folder is None


def test_a_resolved_scenario_loads_again(extending: Path) -> None:
    loaded = load_scenario(extending)
    again = extending.with_name("again.yaml")
    with again.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(dict(resolved(loaded.scenario)), file)
    assert load_scenario(again).scenario == loaded.scenario
    assert scored(load_scenario(again), "deeper", "hello") == [2.0]


def test_a_file_that_is_not_there_is_told_where_it_was_named(extending: Path, base: Path) -> None:
    (base.parent / "children.csv").unlink()
    loaded = load_scenario(extending)
    with pytest.raises(UsageError, match=r"children\.csv"):
        build_model(loaded.scenario, loaded.folder)
