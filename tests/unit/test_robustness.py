"""The robustness table: by hand on made-up numbers, and every file of scenarios/stress once, small."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from simharness.commands import robustness as command
from simharness.errors import UsageError
from simharness.metrics.intervals import mean_interval
from simharness.report.robustness import notes, page, tables
from simharness.report.terminal import console, in_parts
from simharness.robustness import Measured, robustness, table
from simharness.scenario.load import Loaded, load_scenario
from simharness.scenario.stress import Stress

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "scenarios" / "stress"
FILES = sorted(FOLDER.glob("*.yaml"))
SMALL = ("training={grooming: 60, benign: 100, calibration: 3000}", "sampling.benign_fraction=0.02")
ASKED = (
    "overlap drift obfuscation split slow_burn long_gaps early_move many_short one_hit repetition saturation switching"
)


@cache
def plain(path: Path) -> Loaded:
    return load_scenario(path)


@cache
def small(name: str, *assignments: str, replications: int = 2) -> Loaded:
    return load_scenario(FOLDER / f"{name}.yaml", [*SMALL, *assignments], scale=0.01, replications=replications)


@pytest.fixture(scope="module")
def base() -> Loaded:
    return small("base")


# -- files -----------------------------------------------------------------------------------------------------------


def test_there_is_a_file_for_every_dial() -> None:
    assert {path.stem for path in FILES} == {"base", *ASKED.split()}
    dials = set(Stress.model_fields) - {"evidence", "source", "pause"}
    assert dials == set(ASKED.split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_states_one_dial_and_its_evidence(path: Path) -> None:
    scenario = plain(path).scenario
    assert scenario.name == f"stress_{path.stem}" and scenario.description.endswith("?")
    if path.stem == "base":
        assert scenario.stress is None and list(scenario.arms) == [scenario.comparator]
        assert list(scenario.detectors) == ["keyword", "text_model", "behaviour", "bayes_bound"]
    else:
        assert scenario.stress is not None and scenario.stress.on and scenario.stress.evidence == "assumed"
        stated = scenario.stress.model_dump(exclude_defaults=True)
        assert list(stated) == ["evidence", "source", path.stem]


def test_all_of_them_run(base: Loaded) -> None:
    """Training, levels and one replication of each, and a table that says all of it."""
    dials = [small(path.stem, replications=1) for path in FILES if path.stem != "base"]
    told: list[tuple[int, int]] = []
    found = robustness(small("base", replications=1), dials, notify=lambda *now: told.append(now))
    assert told == [(n, 13) for n in range(1, 14)]
    assert len(found["rows"]) == 4 * 13 and len(found["dials"]) == 13
    assert json.loads(json.dumps(found)) == found
    bound = {row["dial"]: row for row in found["rows"] if row["bound"]}
    for row in found["rows"]:
        assert row["early"]["n"] == 1 and 0.0 <= row["early"]["estimate"] <= 1.0
        assert row["early"]["estimate"] <= bound[row["dial"]]["early"]["estimate"] + 0.1, row["dial"]
        assert (row["loss"] is None) == (row["dial"] == "stress_base")
    # What the bound reads is acts, so nothing that only changes how they are worded or sent costs it anything.
    for dial in ("drift", "obfuscation", "overlap", "switching", "split", "repetition"):
        assert bound[f"stress_{dial}"]["loss"]["estimate"] == 0.0, dial


# -- numbers ---------------------------------------------------------------------------------------------------------

READER = Measured(False, [0.5, 0.7, 0.6], [0.6, 0.8, 0.7], [1.0, 0.9, 1.1])
WORSE = Measured(False, [0.2, 0.5, None], [0.6, 0.8, 0.7], [1.0, 0.9, 1.1])
BOUND = Measured(True, [0.8, 0.9, 0.85], [0.9, 0.9, 0.9], [1.0, 1.0, 1.0])
LESS = Measured(True, [0.7, 0.9, 0.75], [0.9, 0.9, 0.9], [1.0, 1.0, 1.0])


def test_the_table_by_hand(base: Loaded) -> None:
    dial = small("split").scenario
    found = table(base.scenario, [dial], [{"reader": READER, "bound": BOUND}, {"reader": WORSE, "bound": LESS}], 1.0)
    rows = {(row["detector"], row["dial"]): row for row in found["rows"]}
    before, after = rows["reader", "stress_base"], rows["reader", "stress_split"]
    assert before["early"]["estimate"] == pytest.approx(0.6) and before["loss"] is before["loss_beyond_bound"] is None
    # Pairs: 30 and 20 points lost, the third undefined. The bound lost 10, 0 and 10.
    assert after["loss"]["estimate"] == pytest.approx(25.0) and after["loss"]["n"] == 2
    expected = mean_interval([30.0, 20.0])
    assert (after["loss"]["low"], after["loss"]["high"]) == pytest.approx((expected.low, expected.high))
    assert after["loss_beyond_bound"]["estimate"] == pytest.approx(20.0)  # 20 and 20: the same in both pairs
    assert after["loss_beyond_bound"]["low"] == pytest.approx(20.0)
    own = rows["bound", "stress_split"]
    assert own["loss"]["estimate"] == pytest.approx(20 / 3) and own["loss_beyond_bound"] is None
    assert found["worst"] == {"reader": "stress_split", "bound": "stress_split"}
    assert found["dials"][1]["stress"]["split"] == 0.5
    gained = table(base.scenario, [dial], [{"reader": WORSE}, {"reader": READER}], 1.0)
    assert gained["rows"][1]["loss"]["estimate"] == pytest.approx(-25.0) and gained["worst"] == {"reader": None}


def test_what_is_undefined_stays_undefined(base: Loaded) -> None:
    never = Measured(False, [None, None, None], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    found = table(base.scenario, [small("split").scenario], [{"reader": never}, {"reader": never}], 1.0)
    row = found["rows"][1]
    assert row["loss"]["estimate"] is None and row["loss"]["n"] == 0 and row["loss_beyond_bound"] is None
    assert found["worst"] == {"reader": None}
    assert "reader: none costs it anything" in "".join(notes(found))
    assert "n/a" in page(found)


def test_replications_are_paired_and_jobs_change_nothing(base: Loaded) -> None:
    """With the same seed of the scenario the world of a dial that changes only texts has the very same offences."""
    dial = small("drift")
    found = [robustness(base, [dial], jobs=jobs) for jobs in (1, 2)]
    assert found[0] == found[1]
    silent = next(row for row in found[0]["rows"] if row["detector"] == "behaviour" and row["dial"] == "stress_drift")
    assert (silent["loss"]["estimate"], silent["loss"]["high"]) == (0.0, 0.0)


def test_the_rate_is_one_that_detectors_are_measured_at(base: Loaded) -> None:
    few, many = (robustness(base, [], rate=rate)["rows"] for rate in (1.0, 32.0))
    assert all(a["early"]["estimate"] <= b["early"]["estimate"] for a, b in zip(few, many, strict=True))
    assert few != many
    with pytest.raises(UsageError, match=r"--false-alerts: no detector is measured at 3; allowed: 0.062"):
        robustness(base, [], rate=3.0)


def test_what_cannot_be_compared_is_refused(base: Loaded) -> None:
    for assignment in ("seed=1", "world.offenders.count.value=5", "detectors.behaviour.options={regularisation: 2}"):
        with pytest.raises(UsageError, match="differs from that of stress_base"):
            robustness(base, [small("split", assignment)])
    with pytest.raises(UsageError, match="two dials are named 'stress_split'"):
        robustness(base, [small("split"), small("split")])


# -- command ---------------------------------------------------------------------------------------------------------


def test_the_base_is_the_scenario_without_stress(tmp_path: Path) -> None:
    found, dials = command.base_and_dials(command.files([FOLDER]), plain)
    assert found.scenario.name == "stress_base" and len(dials) == 12
    beside, dials = command.base_and_dials([FOLDER / "split.yaml"], plain)
    assert beside.scenario.name == "stress_base" and len(dials) == 1
    with pytest.raises(UsageError, match="several scenarios have no stress"):
        command.base_and_dials([FOLDER / "base.yaml", ROOT / "scenarios" / "england_wales_2017.yaml"], plain)
    with pytest.raises(UsageError, match="no scenario states any stress"):
        command.base_and_dials([FOLDER / "base.yaml"], plain)
    with pytest.raises(UsageError, match="no scenario in this folder"):
        command.files([tmp_path])


def test_the_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("base", ""), ("split", "stress: {evidence: assumed, source: test, split: 0.5}\n")):
        settings = "training: {grooming: 60, benign: 100, calibration: 3000}\nscale: 0.01\n"
        extended = f"extends: {FOLDER / 'base.yaml'}\nname: {name}\ntitle: Title of {name}\n{settings}{text}"
        place = f"world: {{population: {{table: '{ROOT / 'scenarios/data/police_force_areas.csv'}'}}}}\n"
        (tmp_path / f"{name}.yaml").write_text(extended + place, encoding="utf-8")

    def run(output: Path | None, as_json: bool) -> str:
        command.robustness(
            [tmp_path], detectors=["length_only"], replications=2, seed=5, false_alerts=1.0, jobs=1, as_json=as_json,
            output=output,
        )  # fmt: skip
        return capsys.readouterr().out

    written = tmp_path / "out.json"
    shown = run(written, as_json=False)
    found = json.loads(written.read_text(encoding="utf-8"))
    assert (found["seed"], found["replications"], len(found["worst"])) == (5, 2, 5)
    for text in ("Title of split", "length_only", "bayes_bound (bound)", "SYNTHETIC", "assumed", "Worst dial of each"):
        assert text in " ".join(shown.split()), text
    assert json.loads(run(tmp_path / "out.md", as_json=True)) == found
    assert page(found) == (tmp_path / "out.md").read_text(encoding="utf-8")
    with pytest.raises(UsageError, match=r"unknown type of file; allowed: .json, .md"):
        run(tmp_path / "out.html", as_json=False)


def test_the_tables_fit_a_terminal(base: Loaded) -> None:
    dials = [plain(path).scenario for path in FILES if path.stem != "base"]
    names = {"keyword": READER, "text_model": READER, "behaviour": READER, "bayes_bound": BOUND}
    found = table(base.scenario, dials, [names] * 13, 1.0)
    stream = io.StringIO()
    target = console(stream)
    for each in tables(found):
        target.print(*in_parts(each, target.width), sep="\n")
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 120 and "continued" not in stream.getvalue()
    assert [len(each.rows) for each in tables(found)] == [13, 12, 12, 13, 13]


def test_every_dial_and_every_key_is_documented(base: Loaded) -> None:
    text = (ROOT / "docs" / "stress.md").read_text(encoding="utf-8")
    for name, field in Stress.model_fields.items():
        if name not in ("evidence", "source"):
            assert f"| `{name}" in text, name
            default = field.default
            assert default is None or f"| {default:g}" in text or f"{default:g}s" in text, name
    found: dict[str, Any] = table(base.scenario, [], [{"reader": READER}], 1.0)
    for key in (*found, *found["rows"][0], *found["dials"][0]):
        assert f"`{key}`" in text, key
