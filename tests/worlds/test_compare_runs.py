"""Comparisons of real runs: what pairs where, and that what was not touched is exactly the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from simharness.cli import main
from simharness.run import run_scenario
from simharness.scenario.load import Loaded
from simharness.store import MANIFEST, RunFolder

SMALL = ("training={grooming: 60, benign: 300, calibration: 3000}", "sampling.benign_fraction=0.01", "replications=2")
ARMS = ("police_communication_offence", "voluntary_code", "grooming_alerts")
SLOWER = "arms.grooming_alerts.alert_level={false_alerts_per_1000_child_months: 2}"
Words = Callable[..., tuple[int, dict[str, Any], list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def made(load: Callable[..., Loaded], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., RunFolder]:
    """``made(*assignments, **changes)``: a run of two detectors and three arms over a two-hundredth of the flagship."""
    root = tmp_path_factory.mktemp("compared")

    def run(*assignments: str, scale: float = 0.005, **changes: Any) -> RunFolder:
        loaded = load(*SMALL, *assignments, scale=scale, **changes)
        kept = {name: loaded.scenario.arms[name] for name in ARMS}
        specs = {name: loaded.scenario.detectors[name] for name in ("text_model", "keyword")}
        update = {"arms": kept, "detectors": specs}
        return run_scenario(replace(loaded, scenario=loaded.scenario.model_copy(update=update)), root)

    return run


@pytest.fixture(scope="module")
def base(made: Callable[..., RunFolder]) -> RunFolder:
    return made()


@pytest.fixture
def compared(capsys: pytest.CaptureFixture[str]) -> Words:
    """``compared(*words)``: exit code, what was compared, and the metrics."""

    def run(*words: object) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
        capsys.readouterr()
        code = main(["compare", *map(str, words), "--json"])
        head, *metrics = map(json.loads, capsys.readouterr().out.splitlines() or ["{}"])
        return code, head, metrics

    return run


def test_a_run_against_itself_is_the_same_in_everything(compared: Words, base: RunFolder) -> None:
    code, head, metrics = compared(base.path, base.path, "--all")
    assert (code, head["paired"], head["compared"], head["settings"]) == (0, True, 0, [])
    assert {each["candidate"] for each in metrics} == {*ARMS, "text_model", "keyword"} and len(metrics) > 200
    # What no replication defines tells nothing: it is undefined, and everything else the same.
    assert {each["verdict"] for each in metrics if each["difference"]["estimate"] is not None} == {"same"}
    assert {each["verdict"] for each in metrics if each["difference"]["estimate"] is None} <= {None}


def test_one_arm_changed_leaves_the_others_exactly_the_same(
    compared: Words, made: Callable[..., RunFolder], base: RunFolder
) -> None:
    other = made(SLOWER)
    code, head, metrics = compared(base.path, other.path, "--all")
    assert (code, head["paired"]) == (0, True)
    assert [path for path, _, _ in head["settings"]] == [
        "arms.grooming_alerts.alert_level.false_alerts_per_1000_child_months"
    ]
    differing = {each["candidate"] for each in metrics if each["verdict"] not in ("same", None)}
    assert differing == {"grooming_alerts"}
    alerts = next(each for each in metrics if (each["candidate"], each["metric"]) == ("grooming_alerts", "alerts"))
    assert alerts["difference"]["estimate"] > 0


def test_another_seed_is_unpaired_and_says_so(compared: Words, made: Callable[..., RunFolder], base: RunFolder) -> None:
    code, head, metrics = compared(base.path, made("seed=2018").path)
    assert (code, head["paired"], head["why_unpaired"]) == (0, False, ["seed 2017 against 2018"])
    assert {each["difference"]["method"] for each in metrics if each["metric"] == "offences"} == {"welch"}


def test_another_scale_is_refused(compared: Words, made: Callable[..., RunFolder], base: RunFolder) -> None:
    assert compared(base.path, made(scale=0.006).path)[0] == 6


@pytest.mark.parametrize("same_worlds", [True, False])
def test_of_another_version_the_worlds_themselves_are_looked_at(
    compared: Words, made: Callable[..., RunFolder], base: RunFolder, same_worlds: bool
) -> None:
    """As if made by other code, from the same settings: pairs if the same children were contacted alike."""
    other = made(SLOWER if same_worlds else "seed=2018")
    manifest = other.path / MANIFEST
    before = manifest.read_text(encoding="utf-8")
    resolved = other.path / "scenario.resolved.yaml"
    kept = resolved.read_text(encoding="utf-8")
    try:
        manifest.write_text(json.dumps(json.loads(before) | {"hashes": {"data": _data(base), "simharness": "newer"}}))
        resolved.write_text(kept.replace("seed: 2018", "seed: 2017"), encoding="utf-8")
        _, head, _ = compared(base.path, other.path)
    finally:
        manifest.write_text(before, encoding="utf-8")
        resolved.write_text(kept, encoding="utf-8")
    assert head["paired"] is same_worlds


def _data(folder: RunFolder) -> str:
    return str(folder.read_manifest()["hashes"]["data"])
