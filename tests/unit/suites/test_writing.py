"""Bars written from a run: they hold in it, with the room that was asked for; and finished runs judged again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from simharness.errors import NotComparable, UsageError
from simharness.known_run import known_of
from simharness.metrics.estimates import by_subject, estimate_of
from simharness.run import run_scenario
from simharness.scenario.load import Loaded, load_scenario
from simharness.scenario.yaml_text import put_block
from simharness.store import POPULATION, RunFolder
from simharness.suites.running import base_run, judged, loaded_run, run_again, worst
from simharness.suites.writing import Wanted, _plain, _rounded, write_bars

SMALL = ("training={grooming: 60, benign: 300, calibration: 3000}", "sampling.benign_fraction=0.01")
TINY = (*SMALL, "matched_budget=null", "recorded=[]", "replications=6")
Main = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(load: Callable[..., Loaded], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Six replications of a two-hundredth of the flagship."""
    return RunFolder.at(run_scenario(load(*TINY, scale=0.005), tmp_path_factory.mktemp("runs")).path)


def test_bars_hold_in_the_run_they_are_from(folder: RunFolder, tmp_path: Path, main: Main) -> None:
    code, out, _ = main("expect", "--from", folder.path, "--arm", "grooming_alerts", "--detector", "text_model")
    assert code == 0
    bars = YAML(typ="safe").load(out)["expect"]
    assert {bar.partition("[")[0] for bar in bars} >= {"offences", "human_hours", "recall"}
    assert all("# now " in line and ", n " in line for line in out.splitlines()[1:])
    (tmp_path / "bars.yaml").write_text(out, encoding="utf-8")
    planned = run_again(folder, tmp_path / "bars.yaml", "again", base=False)
    gated = judged(planned, folder, None).gated
    assert (gated.code, len(gated.judged), gated.bars_before) == (0, len(bars), False)


def test_the_margin_is_of_the_estimate_beyond_the_interval(folder: RunFolder) -> None:
    wanted = Wanted(metrics=("offences", "recall"), arms=("grooming_alerts",), detectors=("text_model",))
    bars = {}
    for margin in (0.0, 0.5):
        for sentence, _ in write_bars(folder, wanted, margin).lines:
            bars.setdefault(sentence.partition("[")[0], []).append(float(sentence.rpartition("= ")[2]))
    planned = run_again(folder, None, "", base=False)
    assert planned.items == ()
    series = by_subject(known_of(folder).rows)
    offences = estimate_of("arm", "offences", series["arm", "grooming_alerts"])
    assert offences is not None
    assert bars["offences"][0] == pytest.approx(offences["high"], rel=0.01) and bars["offences"][0] >= offences["high"]
    assert bars["offences"][1] == pytest.approx(offences["high"] + 0.5 * offences["estimate"], rel=0.01)
    assert len(bars["recall"]) < 2 or bars["recall"][1] < bars["recall"][0]


def test_what_cannot_carry_a_bar_is_left_out_and_said(folder: RunFolder) -> None:
    found = write_bars(folder, Wanted(detectors=("never", "text_model")), 0.1)
    assert any(line == "precision of never: undefined" for line in found.left_out)
    assert any(line.startswith("recall of never: ") and "nothing could miss" in line for line in found.left_out)
    with pytest.raises(UsageError, match="nothing in it can carry a bar"):
        write_bars(folder, Wanted(metrics=("precision",), detectors=("never",)), 0.1)


def test_too_few_replications_carry_no_bar_of_a_ratio(load: Callable[..., Loaded], tmp_path: Path) -> None:
    few = run_scenario(load(*TINY, "replications=3", scale=0.005), tmp_path)
    wanted = Wanted(metrics=("offences", "recall"), arms=("no_intervention",), detectors=("text_model",))
    found = write_bars(few, wanted, 0.1)
    assert [sentence.partition("[")[0] for sentence, _ in found.lines] == ["offences"]
    assert [line for line in found.left_out if "recall" in line and "inconclusive: 3 replications can carry" in line]


def test_not_worse_than_a_base(folder: RunFolder) -> None:
    found = write_bars(folder, Wanted(metrics=("recall",), detectors=("never", "text_model")), 0.05, versus_base=True)
    assert [sentence for sentence, _ in found.lines] == ["recall[text_model vs base] not_worse 5%"]
    assert len(found.left_out) == 1


@pytest.mark.parametrize(
    "wanted", [Wanted(metrics=("recal",)), Wanted(arms=("grooming_alert",)), Wanted(detectors=("text_modle",))]
)
def test_what_there_is_not_is_refused(folder: RunFolder, wanted: Wanted) -> None:
    with pytest.raises(UsageError, match="nothing can be expected of it") as caught:
        write_bars(folder, wanted, 0.1)
    assert caught.value.hint is not None and "Did you mean" in caught.value.hint


@pytest.mark.parametrize(
    ("value", "up", "rounded", "shown"),
    [(3164.2, True, 3170.0, "3170"), (0.30712, False, 0.307, "0.307"), (-0.38951, False, -0.39, "-0.390"),
     (0.0, True, 0.0, "0"), (2.5, True, 2.5, "2.50"), (0.00081249, False, 0.000812, "0.000812")],
)  # fmt: skip
def test_bars_are_rounded_away_from_what_there_is(value: float, up: bool, rounded: float, shown: str) -> None:
    assert _rounded(value, up=up) == pytest.approx(rounded)
    assert _plain(_rounded(value, up=up)) == shown


def test_a_block_goes_into_a_scenario_and_nothing_else_changes(
    folder: RunFolder, main: Main, tmp_path: Path, flagship: Loaded
) -> None:
    mine = tmp_path / "mine.yaml"
    table = (flagship.folder / flagship.scenario.world.population.table).resolve()
    extends = f"extends: {flagship.folder.resolve()}/england_wales_2017.yaml"
    own = f"# mine\n{extends}\nworld: {{population: {{table: {table}}}}}"
    mine.write_text(own, encoding="utf-8")
    words = ("expect", "--from", folder.path, "--metric", "recall", "--detector", "text_model", "--into", mine)
    assert main(*words)[0] == 0
    assert mine.read_text("utf-8").startswith(own + "\n\nexpect:\n  - recall[text_model] >= ")
    assert load_scenario(mine).scenario.expect is not None
    once = mine.read_bytes()
    code, _, err = main(*words)
    assert (code, "is there already" in err, mine.read_bytes()) == (2, True, once)
    assert main(*words, "--margin", "50%", "--force")[0] == 0
    assert mine.read_bytes() != once and mine.read_text("utf-8").startswith(own)
    assert main(*words, "--margin", "0.5", "--force")[0] == 2
    assert main("expect", "--from", folder.path, "--force")[0] == 2


def test_a_file_that_does_not_fit_stays_as_it_was(folder: RunFolder, main: Main, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("name: no scenario\n", encoding="utf-8")
    assert main("expect", "--from", folder.path, "--detector", "text_model", "--into", other)[0] == 2
    assert other.read_text("utf-8") == "name: no scenario\n"
    other.write_text("suite: a\ntitle: b\n", encoding="utf-8")
    code, _, err = main("expect", "--from", folder.path, "--detector", "text_model", "--into", other)
    assert (code, "is a suite" in err) == (2, True)


def test_a_block_is_replaced_between_its_neighbours(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1  # one\nexpect:\n  - x\n  # of x\n\n# of b\nb: 2\n", encoding="utf-8")
    put_block(file, "expect", "expect:\n  - y\n", replace=True)
    assert file.read_text("utf-8") == "a: 1  # one\nexpect:\n  - y\n\n# of b\nb: 2\n"
    file.write_text("{a: 1}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot take a block"):
        put_block(file, "expect", "expect: []\n", replace=False)


# -- a finished run again --


def test_a_run_is_made_ready_from_its_folder_alone(folder: RunFolder, load: Callable[..., Loaded]) -> None:
    again = loaded_run(folder)
    before = load(*TINY, scale=0.005)
    assert again.scenario.arms == before.scenario.arms
    table = (before.folder / before.scenario.world.population.table).read_text("utf-8")
    assert (folder.path / POPULATION).read_text("utf-8") == table


def test_check_judges_again(folder: RunFolder, main: Main, tmp_path: Path) -> None:
    assert main("check", folder.path)[0] == 5
    bars = tmp_path / "bars.yaml"
    bars.write_text("expect:\n  - recall[never] >= 0.9\n", encoding="utf-8")
    code, out, _ = main("check", folder.path, "--expect", bars, "-o", tmp_path / "x.xml")
    assert (code, "MISSED" in out, "proves little" in " ".join(out.split())) == (1, True, True)
    assert "recall[never]" in (tmp_path / "x.xml").read_text("utf-8")
    bars.write_text("expect:\n  - recall[text_model vs base] not_worse 0.01\n", encoding="utf-8")
    assert main("check", folder.path, "--expect", bars)[0] == 6
    assert main("check", folder.path, "--expect", bars, "--base", "nowhere")[0] == 6
    assert main("check", folder.path, "--expect", bars, "--base", folder.path)[0] == 0
    assert main("check", folder.path, "--expect", bars, "-o", tmp_path / "folder")[0] == 2
    bars.write_text("a: 1\n", encoding="utf-8")
    assert main("check", folder.path, "--expect", bars)[0] == 2


def test_a_base_that_is_not_there_is_not_comparable(tmp_path: Path) -> None:
    with pytest.raises(NotComparable, match="no runs here"):
        base_run("latest", tmp_path)


@pytest.mark.parametrize(
    ("codes", "code"), [([], 5), ([0, 0], 0), ([0, 5], 5), ([5, 4], 4), ([4, 1, 5], 1), ([1, 3, 4], 3)]
)
def test_the_worst_of_several(codes: list[int], code: int) -> None:
    assert worst(codes) == code
