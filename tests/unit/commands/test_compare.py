"""The command: how sides and margins are written, exit codes, what is printed; on run folders written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simharness.commands.compare import Side, parse_margin, parse_side
from simharness.compare import Margin
from simharness.errors import UsageError
from simharness.metrics.rows import Row
from simharness.run import rows_table
from simharness.store import METRICS, RESOLVED_SCENARIO, RunFolder

Main = Callable[..., tuple[int, str, str]]
HASHES = {"data": "t", "simharness": "c"}
HARMED = (100.0, 90.0, 95.0, 105.0, 99.0, 101.0)
WORSE = (110.0, 101.0, 105.0, 116.0, 109.0, 111.0)


def rows(arm: str, metric: str, values: tuple[float, ...]) -> list[Row]:
    return [Row(metric, arm, "", "", place, value, "") for place, value in enumerate(values)]


def detector(name: str, found: tuple[float, ...]) -> list[Row]:
    return [
        Row(metric, "", name, "", place, value, "")
        for place, each in enumerate(found)
        for metric, value in (("detected", each), ("grooming", 50.0))
    ]


RUN = [
    *rows("a", "children_harmed", HARMED),
    *rows("b", "children_harmed", WORSE),
    *rows("a", "alerts", HARMED),
    *rows("b", "alerts", WORSE),
    *detector("words", (10.0, 11, 9, 12, 10, 12)),
    *detector("model", (20.0, 22, 19, 25, 20, 23)),
]


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """``made(run_id, rows=RUN, status=..., schema=..., at=..., **settings)``: a run's folder below results."""

    def write(
        run_id: str,
        given: list[Row] = RUN,
        *,
        status: str = "complete",
        schema: int = 2,
        at: str = "1",
        **settings: Any,
    ) -> Path:
        path = tmp_path / "results" / "made_up" / run_id
        path.mkdir(parents=True)
        folder = RunFolder.at(path)
        scenario = {"seed": 1, "scale": 1.0, "period": {"start": "2017-04-03"}, "world": {"x": 1}, "sampling": {}}
        folder.write_yaml(RESOLVED_SCENARIO, scenario | {"comparator": "a"} | settings)
        folder.write_table(METRICS, rows_table(given))
        manifest = {"schema_version": schema, "status": status, "updated_at": at, "digest": "d", "hashes": HASHES}
        folder.write_json("manifest.json", manifest)
        summary = {"schema_version": schema, "replications": 6, "replications_asked": 6}
        folder.write_json("summary.json", summary)
        return path

    return write


@pytest.fixture
def compare(main: Main, tmp_path: Path) -> Main:
    return lambda *words: main("compare", *words, "--results", tmp_path / "results")


def lines(out: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    head, *metrics = map(json.loads, out.splitlines())
    return head, metrics


def test_sides() -> None:
    assert parse_side("latest") == Side("latest", None, None)
    assert parse_side("0123:a") == Side("0123", "arm", "a")
    assert parse_side(":a") == Side("latest", "arm", "a")
    assert parse_side("results/x/0123:detector/words") == Side("results/x/0123", "detector", "words")
    for bad in ("latest:", ":detector/"):
        with pytest.raises(UsageError, match="names no arm"):
            parse_side(bad)


def test_a_folder_with_a_colon_in_its_name_is_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    (folder / "manifest.json").touch()
    assert parse_side(str(folder)) == Side(str(folder), None, None)


def test_margins() -> None:
    assert parse_margin("recall=0.05") == ("recall", Margin(0.05))
    assert parse_margin("alerts[x]=10%") == ("alerts[x]", Margin(0.1, relative=True))
    for bad in ("recall", "recall=", "recall=x", "recall=-1", "=1", "recall=inf", "recall=nan"):
        with pytest.raises(UsageError, match="not a margin"):
            parse_margin(bad)


def test_a_run_against_itself(compare: Main, made: Callable[..., Path]) -> None:
    made("aaaa")
    code, out, err = compare("aaaa", "latest", "--json", "--all", "--fail-on-regression")
    head, metrics = lines(out)
    assert (code, head["paired"], head["compared"], head["type"], head["synthetic"]) == (0, True, 0, "comparison", True)
    assert len(metrics) == 10 and {each["verdict"] for each in metrics} == {"same"}
    assert all(each["type"] == "metric" and each["synthetic"] for each in metrics)
    assert "The same in every replication: 2 arms (a, b) and 2 detectors (words, model)." in " ".join(err.split())
    assert "Paired" in err and "SYNTHETIC" in err and "compare: nothing is worse" in err and "Arm a" not in err


def test_arms_of_the_latest_run(compare: Main, made: Callable[..., Path]) -> None:
    made("aaaa")
    code, out, _ = compare(":a", ":b", "--metric", "children_harmed", "--metric", "alerts")
    assert code == 0
    assert "Arm b against a" in out and "children, lower is better" in out
    verdicts = [line.split()[-1] for line in out.splitlines() if line.startswith(("children_harmed", "alerts"))]
    assert [word for word in verdicts if word.isalpha()] == ["worse", "higher"]
    assert "+10.3" in out and "6 pairs" in out and "better in 0" in out
    words = " ".join(out.split())
    assert "2 of 2 comparisons differ" in words and "each at 97.5 % (Bonferroni)" in words
    assert max(map(len, out.splitlines())) <= 120


def test_detectors(compare: Main, made: Callable[..., Path]) -> None:
    made("aaaa")
    code, out, _ = compare(":detector/words", ":detector/model", "--metric", "recall")
    assert code == 0
    assert "Detector model against words" in out and "+21.7 points" in out and "better" in out


def test_a_name_on_one_side_is_meant_on_both(compare: Main, made: Callable[..., Path]) -> None:
    made("aaaa", at="1")
    made("bbbb", [*rows("a", "children_harmed", WORSE), *rows("b", "children_harmed", WORSE)], at="2")
    for sides in (("aaaa:a", "bbbb"), ("aaaa", "bbbb:a")):
        _, metrics = lines(compare(*sides, "--json", "--metric", "children_harmed")[1])
        assert [(each["base"], each["candidate"], each["verdict"]) for each in metrics] == [("a", "a", "worse")]


def test_another_seed_is_said_to_be_unpaired(compare: Main, made: Callable[..., Path]) -> None:
    made("aaaa")
    made("bbbb", seed=2)
    code, out, _ = compare("aaaa", "bbbb")
    assert code == 0
    assert "Not paired, so intervals are wider: seed 1 against 2." in out
    assert "on each side" in out


def test_what_to_know_is_said_first(compare: Main, made: Callable[..., Path]) -> None:
    made("aaaa", scale=0.5)
    made("bbbb", RUN[:6] + RUN[12:18], status="partial", scale=0.5, comparator="b", response={"staff": 2})
    text = " ".join(compare("aaaa", "bbbb", "--metric", "alerts")[1].replace("│", " ").split())
    for said in (
        "Settings that differ, base against candidate: comparator a against b, response differs.",
        "The runs have different comparators",
        "Scale 0.5: counts are of that much of the population.",
        "Only in the base: b, words, model.",
        "The candidate run is partial",
        "Only 6 replications",
    ):
        assert said in text, said


@pytest.mark.parametrize(
    ("words", "expected", "said"),
    [
        ((":a", ":b"), 1, "compare: worse: b children_harmed"),
        ((":b", ":a"), 0, "compare: nothing is worse"),
        ((":a", ":b", "--margin", "children_harmed=11"), 0, "compare: nothing is worse"),
        ((":a", ":b", "--margin", "children_harmed=20%"), 0, "compare: nothing is worse"),
        ((":a", ":b", "--margin", "children_harmed=10"), 4, "not settled within its margin: b children_harmed"),
        ((":a", ":b", "--margin", "children_harmed=5%"), 1, "compare: worse: b children_harmed"),
        ((":a", ":b", "--metric", "alerts"), 5, "nothing that could have been worse was compared"),
    ],
)
def test_the_gate_s_exit_codes(
    compare: Main, made: Callable[..., Path], words: tuple[str, ...], expected: int, said: str
) -> None:
    made("aaaa")
    code, _, err = compare(*words, "--fail-on-regression")
    assert (code, said in err) == (expected, True), err
    assert compare(*words)[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((":a", ":bb"), "made_up/aaaa has no results of arm 'bb'"),
        ((":a", ":detector/words"), "an arm cannot be compared with a detector"),
        ((":a", ":b", "--metric", "nonsense"), "unknown metric"),
        ((":a", ":b", "--margin", "alerts"), "not a margin"),
        ((":a", ":b", "--all", "--metric", "alerts"), "given together with --metric"),
        ((":a", ":b", "--level", "95"), "a number between 0 and 1"),
        (("aaaa", "zzzz"), "no run 'zzzz'"),
    ],
)
def test_usage_is_exit_code_2(compare: Main, made: Callable[..., Path], words: tuple[str, ...], said: str) -> None:
    made("aaaa")
    code, out, err = compare(*words)
    assert (code, out, said in err) == (2, "", True), err


def test_a_missing_or_unlike_base_is_exit_code_6(compare: Main, made: Callable[..., Path]) -> None:
    code, _, err = compare("latest", "latest")
    assert (code, "the base run is missing" in err) == (6, True)
    made("aaaa")
    made("bbbb", scale=0.1)
    made("cccc", [*rows("other", "alerts", HARMED)])
    made("dddd", schema=1)
    for words, said in (
        (("zzzz", "aaaa"), "no run 'zzzz'"),
        (("aaaa", "bbbb"), "scale 1.0 against 0.1"),
        (("aaaa", "cccc"), "no arm or detector of the same name"),
        (("dddd", "aaaa"), "schema_version is 1"),
        (("aaaa", "dddd"), "schema_version is 1"),
    ):
        code, out, err = compare(*words)
        assert (code, out, said in err) == (6, "", True), err


def test_help_says_how_sides_are_written(main: Main) -> None:
    code, text, _ = main("compare", "--help")
    assert code == 0
    for said in ("RUN:ARM", "RUN:detector/NAME", "--margin", "--fail-on-regression", "6 the base is missing"):
        assert said in " ".join(text.split()), said


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("metrics.parquet", "PAR1 and no more", "metrics.parquet: cannot be read: damaged"),
        ("metrics.parquet", None, "metrics.parquet: cannot be read: "),
        ("scenario.resolved.yaml", "seed: [1, 2", "scenario.resolved.yaml: cannot be read: damaged"),
        ("scenario.resolved.yaml", "", "scenario.resolved.yaml: cannot be read: damaged"),
        ("scenario.resolved.yaml", None, "scenario.resolved.yaml: cannot be read: No such file"),
        ("manifest.json", '{"schema_version": 2, "status": "complete"}', "manifest.json: cannot be read: damaged"),
        ("summary.json", "{", "summary.json: cannot be read"),
    ],
)
def test_a_damaged_run_is_not_comparable_and_says_which_file(
    compare: Main, made: Callable[..., Path], file: str, content: str | None, said: str
) -> None:
    damaged, _ = made("aaaa"), made("bbbb")
    (damaged / file).unlink()
    if content is not None:
        (damaged / file).write_text(content, encoding="utf-8")
    for words in (("aaaa", "bbbb"), ("bbbb", "aaaa")):
        code, out, err = compare(*words)
        assert (code, out, said in err) == (6, "", True), err
        assert "un the scenario again" in err


def test_damaged_worlds_are_not_comparable_either(compare: Main, made: Callable[..., Path]) -> None:
    """Of another version, only what its conversations were says whether they pair."""
    base, other = made("aaaa"), made("bbbb")
    manifest = other / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"simharness": "c"', '"simharness": "newer"'))
    torn = base / "tables" / "conversations" / "replication=0000.parquet"
    torn.parent.mkdir(parents=True)
    torn.write_text("PAR1", encoding="utf-8")
    code, _, err = compare("aaaa", "bbbb")
    assert (code, "replication=0000.parquet: cannot be read: damaged" in err) == (6, True), err


def test_a_stratum_that_is_nowhere_is_refused_and_passes_nothing(compare: Main, made: Callable[..., Path]) -> None:
    by_age = [Row("detected", "", "words", "age=12-15", place, 2.0, "") for place in range(6)]
    by_age += [Row("grooming", "", "words", "age=12-15", place, 9.0, "") for place in range(6)]
    made("aaaa", RUN + by_age)
    code, out, err = compare("aaaa", "aaaa", "--fail-on-regression", "--metric", "recall[age=1215]")
    assert (code, out) == (2, "")
    assert "no such stratum; allowed: recall[age=12-15]" in err and "Did you mean 'recall[age=12-15]'?" in err
    assert compare("aaaa", "aaaa", "--metric", "recall[age=12-15]")[0] == 0  # only one of the detectors has it
    assert "alerts alone: neither run has parts of it" in compare("aaaa", "aaaa", "--metric", "alerts[x]")[2]


def test_a_metric_named_twice_is_one_comparison(compare: Main, made: Callable[..., Path]) -> None:
    made("aaaa")
    asked = ("--metric", "children_harmed") * 2
    head, metrics = lines(compare(":a", ":b", "--json", *asked)[1])
    assert (len(metrics), head["compared"]) == (1, 1)


@pytest.mark.parametrize(("arms", "expected"), [({"a": {}, "b": {}}, 4), ({"a": {}}, 0)])
def test_an_arm_that_failed_in_the_candidate_is_no_pass(
    compare: Main, made: Callable[..., Path], arms: dict[str, Any], expected: int
) -> None:
    """Its detector failed in every replication; where the scenario has no such arm any more, it is not missed."""
    made("aaaa", arms={"a": {}, "b": {}})
    made("bbbb", RUN[:6] + RUN[12:18], arms=arms)
    code, _, err = compare("aaaa", "bbbb", "--fail-on-regression")
    assert (code, "arm b" in err) == (expected, expected == 4), err
    assert compare("aaaa:a", "bbbb", "--fail-on-regression")[0] == 0  # one was named, and it is there


def test_what_was_asked_for_and_is_undefined_is_said(compare: Main, made: Callable[..., Path]) -> None:
    made("aaaa")
    asked = ("--metric", "children_harmed", "--metric", "lead_time_days")
    code, _, err = compare(":a", ":a", "--fail-on-regression", *asked)
    assert (code, "undefined, so not checked: a lead_time_days" in err) == (0, True), err
    assert "undefined" not in compare(":a", ":a", "--fail-on-regression")[2]
