"""Suites are planned in full before anything runs: what each run is, and every mistake with its file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simharness.errors import NotComparable, UsageError, UsageErrors
from simharness.scenario.load import Loaded
from simharness.suites.loading import RunOptions
from simharness.suites.suite import Plan, is_suite, plan_file

ROOT = Path(__file__).parents[3]
HEAD = "suite: mine\ntitle: Mine\nscale: 0.02\nreplications: 7\ntags: [slow]\nruns:\n"
RUN = f"  - name: first\n    scenario: {ROOT}/scenarios/moderator_capacity.yaml\n"
OTHER = RUN.replace("first", "second") + '    seed: 5\n    expect: ["recall[text_model] >= 0"]\n'

Planned = Callable[..., Plan]


@pytest.fixture
def plan(tmp_path: Path) -> Planned:
    """``plan(text, **options)``: a suite of these runs, planned."""

    def made(text: str, head: str = HEAD, **options: object) -> Plan:
        (tmp_path / "mine.yaml").write_text(head + text, encoding="utf-8")
        return plan_file(tmp_path / "mine.yaml", RunOptions(**options))  # type: ignore[arg-type]

    return made


def line_of(text: str, part: str, head: str = HEAD) -> int:
    """Where the last ``part`` stands."""
    return (head + text)[: (head + text).rindex(part)].count("\n") + 1


def test_which_file_is_a_suite(tmp_path: Path) -> None:
    texts = {"suite: a\nruns: []\n": True, "title: a\nsuite : b": True, "name: a\n# suite: b\nx: {suite: c}\n": False}
    for text, wanted in texts.items():
        (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
        assert is_suite(tmp_path / "a.yaml") is wanted, text
    assert not is_suite(tmp_path / "nowhere.yaml")
    assert not is_suite(ROOT / "scenarios" / "england_wales_2017.yaml")


def test_options_come_before_the_run_and_the_run_before_the_suite(plan: Planned) -> None:
    first, second = plan(RUN + OTHER).runs
    scenarios = [run.loaded.scenario for run in (first, second)]
    assert [(each.seed, each.replications, each.scale) for each in scenarios] == [(2017, 7, 0.02), (5, 7, 0.02)]
    (changed,) = plan(RUN + "    seed: 5\n", seed=9, replications=3, assignments=("training.benign=444",)).runs
    scenario = changed.loaded.scenario
    assert (scenario.seed, scenario.replications, scenario.training.benign) == (9, 3, 444)
    assert changed.command.endswith("mine.yaml --seed 9 --replications 3 --set training.benign=444")


def test_a_run_sets_values_takes_away_and_expects_more(plan: Planned) -> None:
    text = RUN + (
        "    set: {training.benign: 333, arms.few: null, world.offenders.count.value: 8000}\n"
        "    tags: [nightly]\n"
        '    expect:\n      - recall[text_model] >= 0.1\n      - {metric: offences, policy: "*", op: ">=", value: 1}\n'
    )
    (run,) = plan(text).runs
    scenario = run.loaded.scenario
    assert (scenario.training.benign, scenario.world.offenders.count.value) == (333, 8000.0)
    assert "few" not in scenario.arms and "few_merging" in scenario.arms
    assert (run.suite, run.name, run.tags, run.line) == (
        "mine",
        "first",
        ("slow", "nightly"),
        line_of(text, "- name: first"),
    )
    assert [item.name for item in run.items][:1] == ["recall[text_model] >= 0.1"]
    assert len(run.items) == 1 + len(scenario.arms)
    assert run.items[0].line == line_of(text, "- recall")


def test_the_scenarios_own_bars_come_first(plan: Planned, tmp_path: Path) -> None:
    capacity, table = ROOT / "scenarios" / "moderator_capacity.yaml", ROOT / "scenarios/data/police_force_areas.csv"
    own = f"extends: {capacity}\nworld: {{population: {{table: {table}}}}}\nexpect:\n  - recall[text_model] >= 0.2\n"
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    text = RUN.replace(f"{capacity}", "own.yaml") + "    expect:\n      - recall[text_model] >= 0.1\n"
    (run,) = plan(text).runs
    assert [(Path(item.file).name, item.line) for item in run.items] == [
        ("own.yaml", 4),
        ("mine.yaml", line_of(text, "- recall")),
    ]


def test_detectors_begin_at_the_suite(plan: Planned, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "class Own:\n    '''Own.'''\n    def score(self, texts):\n        return [1.0 for _ in texts]\n",
        encoding="utf-8",
    )
    (run,) = plan(RUN + '    detectors: ["own.py:Own"]\n    expect: ["recall[Own] >= 0"]\n').runs
    spec = run.loaded.scenario.detectors["Own"]
    assert (run.loaded.folder / str(spec.folder)).resolve() == tmp_path.resolve()


def test_a_base_is_the_run_changed_or_another_scenario(plan: Planned) -> None:
    expected = '    expect: ["recall[text_model vs base] not_worse 0.1"]\n'
    text = RUN + "    set: {training.benign: 333}\n    base: {set: {training.grooming: 111}}\n" + expected
    (run,) = plan(text).runs
    assert isinstance(run.base, Loaded)
    base = run.base.scenario
    assert (base.training.benign, base.training.grooming, base.seed, base.scale) == (333, 111, 2017, 0.02)
    assert (run.loaded.scenario.training.grooming, base.expect) == (3000, None)
    other = f"    base: {{scenario: {ROOT}/scenarios/displacement.yaml}}\n"
    (run,) = plan(RUN + "    set: {training.benign: 333}\n" + other + expected).runs
    assert isinstance(run.base, Loaded)
    assert (run.base.scenario.name, run.base.scenario.training.benign, run.base.scenario.replications) == (
        "displacement",
        12000,
        7,
    )


def test_a_base_that_is_another_run_of_the_suite_keeps_its_bars(plan: Planned) -> None:
    mine = RUN + '    base: {set: {training.benign: 333}}\n    expect: ["recall[text_model vs base] not_worse 0.1"]\n'
    theirs = (
        RUN.replace("first", "second") + '    set: {training.benign: 333}\n    expect: ["recall[text_model] >= 0"]\n'
    )
    first, second = plan(mine + theirs).runs
    assert first.base is second.loaded and second.loaded.scenario.expect is not None


@pytest.mark.parametrize(
    ("text", "part", "said"),
    [
        (RUN + "    sets: {}\n", "sets", "Did you mean 'set'?"),
        (RUN.replace("capacity", "capacty"), "scenario:", "Did you mean 'moderator_capacity.yaml'?"),
        (RUN + "    set: {training.bening: 5}\n", "set:", "training.bening"),
        (RUN + "    set: {scale: 0.1}\n", "set:", "a key of the run itself"),
        (RUN + '    expect: ["recal[text_model] >= 0"]\n', "expect:", "Did you mean 'recall'?"),
        (RUN + '    expect: ["recall[text_model] => 0"]\n', "expect:", "unknown operator"),
        (RUN + "    base: {}\n", "base:", "expected scenario, set or detectors"),
        (RUN + "    base: {set: {training.benign: 333}}\n", "- name: first", "no expectation is held against the base"),
        (RUN + "    detectors: [nosuch]\n", "detectors", "nosuch"),
        (RUN + RUN, "- name", "two runs are called 'first'"),
        (RUN + RUN.replace("first", "second"), "- name: second", "the same run as first"),
        ("  []\ncases: nowhere\n", "cases", "no such file or folder 'nowhere'"),
        ("  []\ncases: .\n", "cases", "no case in"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_line(plan: Planned, text: str, part: str, said: str) -> None:
    with pytest.raises((UsageError, UsageErrors)) as caught:
        plan(text)
    told = str(caught.value)
    assert said in told, told
    assert f"mine.yaml:{line_of(text, part)}: " in told, told


def test_all_runs_are_looked_at(plan: Planned) -> None:
    with pytest.raises(UsageErrors) as caught:
        plan(RUN + '    expect: ["recal[text_model] >= 0"]\n' + OTHER.replace("text_model", "text_modle"))
    assert len(caught.value.errors) == 2


def test_a_base_that_is_needed_or_of_another_size_is_not_comparable(plan: Planned, tmp_path: Path) -> None:
    expected = '    expect: ["recall[text_model vs base] not_worse 0.1"]\n'
    with pytest.raises(NotComparable, match="none was given"):
        plan(RUN + expected)
    with pytest.raises(NotComparable, match=r"period\.end"):
        plan(RUN + "    base: {set: {period.end: '2017-06-30'}}\n" + expected)
    with pytest.raises(UsageError, match="whose runs name their own"):
        plan_file(tmp_path / "mine.yaml", base="latest")


def test_without_checking_no_base_is_needed(plan: Planned) -> None:
    (run,) = plan(RUN + '    expect: ["recall[text_model vs base] not_worse 0.1"]\n', check=False).runs
    assert (run.items, run.base) == ((), None)


@pytest.mark.parametrize("name", ["smoke", "nightly"])
def test_the_suites_that_come_with_the_project(name: str) -> None:
    plan = plan_file(ROOT / "scenarios" / "suites" / f"{name}.yaml")
    assert plan.suite == name and all(run.items and name in run.tags for run in plan.runs)
    assert any(item.in_base for run in plan.runs for item in run.items)
    if name == "nightly":
        shipped = {path.stem for path in (ROOT / "scenarios").glob("*.yaml")}
        assert {run.loaded.scenario.name for run in plan.runs} == shipped
