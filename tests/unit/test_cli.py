"""The command line: exit codes, messages, what goes to stdout and what to stderr. One small run serves many tests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import click
import pyarrow.parquet as pq
import pytest

from simharness import cli
from simharness.commands.json_schema import DIALECT, scenario_schema
from simharness.errors import RunIncomplete, UsageError
from simharness.records import SCHEMA_VERSION
from simharness.response.log import ACTIONS, EFFECTS, VERDICTS
from simharness.response.log import REASONS as LOST
from simharness.scenario.policy import RECIPIENTS
from simharness.world.generate import REASONS

ROOT = Path(__file__).parents[2]
FLAGSHIP = ROOT / "scenarios" / "england_wales_2017.yaml"
QUICK = ("--set", "training={grooming: 100, benign: 400, calibration: 5000}", "--scale", "0.01", "--jobs", "1")
HEAVY = ("numpy", "numba", "pyarrow", "scipy", "sklearn", "pandas", "simpy", "pydantic")

Main = Callable[..., tuple[int, str, str]]


def spawn(*words: object, **more: Any) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIMHARNESS")}
    return subprocess.Popen(
        [sys.executable, "-m", "simharness.cli", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **more,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], str]:
    """Results folder, stdout lines and stderr of one small run with ``--json``."""
    results = tmp_path_factory.mktemp("cli") / "results"
    process = spawn("run", FLAGSHIP, *QUICK, "--replications", 2, "--json", "-o", results)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return results, out.splitlines(), err


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[[str], Path]:
    """``scenario(text)``: a scenario that extends the flagship by ``text``."""

    def made(text: str) -> Path:
        table = ROOT / "scenarios" / "data" / "police_force_areas.csv"
        file = tmp_path / "mine.yaml"
        if "population:" not in text:
            text += f"\nworld: {{population: {{table: {table}}}}}" if "world:" not in text else ""
        file.write_text(f"extends: {FLAGSHIP}\n{text}\n", encoding="utf-8")
        return file

    return made


# -- help stays light --


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["report", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from simharness.cli import main; code = main(sys.argv[1:]); "
        f"print(sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "[]")
    assert done.stdout.startswith(("Usage: simharness", "simharness 0"))


def test_every_option_has_an_environment_mirror(main: Main) -> None:
    for name, command in cli.commands.commands.items():
        options = [p for p in command.params if isinstance(p, click.Option) and p.name != "help"]
        _, shown, _ = main(name, "--help")
        for parameter in options:
            option = max(parameter.opts, key=len).lstrip("-")
            mirror = f"SIMHARNESS_{name}_{option}".replace("-", "_").upper()
            assert mirror in shown.replace("\n", "").replace(" ", "")


def test_a_mirror_is_read(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMHARNESS_RUN_SCALE", "nonsense")
    code, _, err = main("run", FLAGSHIP)
    assert code == 2
    assert "--scale nonsense" in err


# -- a run --


def test_json_lines_are_cells_then_the_summary(finished: tuple[Path, list[str], str]) -> None:
    _, lines, _ = finished
    *cells, summary = map(json.loads, lines)
    assert [(cell["type"], cell["cell"], cell["synthetic"]) for cell in cells] == [("cell", 0, True), ("cell", 1, True)]
    assert (summary["type"], summary["replications"], summary["status"]) == ("summary", 2, "complete")


def test_human_text_goes_to_stderr_beside_json(finished: tuple[Path, list[str], str]) -> None:
    _, _, err = finished
    assert "cells: 1/2 (50 %)" in err
    assert "SYNTHETIC" in err
    assert "\x1b" not in err


def test_the_run_leaves_a_page_in_its_folder(finished: tuple[Path, list[str], str]) -> None:
    (page,) = finished[0].glob("*/*/summary.md")
    assert page.read_text(encoding="utf-8").startswith("> **SYNTHETIC")


def test_the_same_command_again_reads_what_is_there(main: Main, finished: tuple[Path, list[str], str]) -> None:
    results, lines, _ = finished
    again = main("run", FLAGSHIP, *QUICK, "--replications", 2, "--json", "-o", results)
    assert again[0] == 0
    assert again[1].splitlines() == lines
    assert "all cells were finished before: 2/2" in again[2]


def test_report_in_every_format(main: Main, finished: tuple[Path, list[str], str], tmp_path: Path) -> None:
    results = finished[0]
    (folder,) = results.glob("*/*/")
    code, terminal, _ = main("report", "latest", "--results", results)
    assert code == 0
    for title in ("What changes for children", "Harms of acting", "Desks", "Police", "Detectors"):
        assert f"\n{title}" in terminal, title
    _, page, _ = main("report", folder.name, "--format", "md", "--results", results)
    assert page == (folder / "summary.md").read_text(encoding="utf-8")
    _, text, _ = main("report", folder, "--format", "json")
    assert json.loads(text)["synthetic"] is True
    target = tmp_path / "out.md"
    assert main("report", folder, "-o", target)[:2] == (0, "")
    assert target.read_text(encoding="utf-8") == page


def test_lists(main: Main, finished: tuple[Path, list[str], str]) -> None:
    runs = main("list", "runs", "--results", finished[0])[1]
    assert runs.split()[0] == "england_wales_2017"
    assert runs.split()[2] == "complete"
    assert "keyword" in main("list", "detectors")[1]
    assert "children_protected" in main("list", "metrics")[1]
    assert "England and Wales" in main("list", "scenarios", "--scenarios", FLAGSHIP.parent)[1]


def test_empty_lists_say_so_on_stderr(main: Main, tmp_path: Path) -> None:
    assert main("list", "runs", "--results", tmp_path) == (0, "", f"No runs in {tmp_path}.\n")


def test_ctrl_c_ends_with_130_and_a_valid_partial_run(main: Main, tmp_path: Path) -> None:
    process = spawn("run", FLAGSHIP, *QUICK, "--replications", 400, "-o", tmp_path, start_new_session=True)
    assert process.stderr is not None
    while not process.stderr.readline().startswith("cells:"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "give the same command again to continue" in err
    assert "Traceback" not in err
    assert "simharness report" in err
    code, report, _ = main("report", "latest", "--results", tmp_path)
    assert code == 0
    assert "Status partial" in report


def test_ctrl_c_before_the_first_cell(main: Main, tmp_path: Path) -> None:
    slow = ("--set", "training={grooming: 100, benign: 400, calibration: 3000000}", "--scale", "0.01")
    process = spawn("run", FLAGSHIP, *slow, "-o", tmp_path, start_new_session=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("training")
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert "partial" in main("list", "runs", "--results", tmp_path)[1]
    code, _, err = main("report", "latest", "--results", tmp_path)
    assert (code, "no replication has finished yet" in err) == (2, True)


def test_an_added_detector_is_measured_beside_the_others(main: Main, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "class Mine:\n    '''Abstains.'''\n    def score(self, texts):\n        return [0.0] * len(texts)\n",
        encoding="utf-8",
    )
    added = ("--detector", f"{tmp_path}/mine.py:Mine", "--detector", "never")
    code, out, err = main("run", FLAGSHIP, *QUICK, "--replications", 1, "--json", *added, "-o", tmp_path / "results")
    assert code == 0, err
    names = list(json.loads(out.splitlines()[-1])["estimates"]["detectors"])
    assert {"Mine", "never_2", "never", "keyword"} <= set(names)


def section(name: str) -> str:
    """One section of the page on the run's folder."""
    text = (ROOT / "docs" / "run_folder.md").read_text(encoding="utf-8")
    return re.split(r"\n#+ ", text.split(f"# {name}\n", 1)[1])[0]


def documented(name: str) -> dict[str, str]:
    """Column or key to type, of one section."""
    rows = (line.split(" | ") for line in section(name).splitlines() if line.startswith("| `"))
    return {name: row[1] for row in rows for name in re.findall(r"`(\w+)`", row[0])}


def test_the_documented_tables_are_the_real_ones(finished: tuple[Path, list[str], str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder,) = finished[0].glob("*/*/")
    files = [*(sorted(path.glob("*.parquet"))[0] for path in (folder / "tables").iterdir()), folder / "metrics.parquet"]
    assert len(files) == 7
    for file in files:
        schema = pq.read_schema(file)
        types = {f.name: "text" if pa.types.is_dictionary(f.type) else str(f.type) for f in schema}
        assert types == documented("metrics" if file.parent == folder else file.parent.name), file
        assert schema.metadata[b"synthetic"] == b"true"


@pytest.mark.parametrize("name", ["manifest.json", "summary.json"])
def test_the_documented_keys_are_the_real_ones(finished: tuple[Path, list[str], str], name: str) -> None:
    (file,) = finished[0].glob(f"*/*/{name}")
    assert set(json.loads(file.read_text(encoding="utf-8"))) == set(documented(name))


def test_the_documented_version_is_the_real_one() -> None:
    text = (ROOT / "docs" / "run_folder.md").read_text(encoding="utf-8")
    assert f"This is schema version {SCHEMA_VERSION}." in text
    assert text.count(f"| `schema_version` | integer | {SCHEMA_VERSION} |") == 2


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("decisions", "verdict", VERDICTS),
        ("actions", "action", ACTIONS),
        ("actions", "recipient", tuple(RECIPIENTS.values())),
        ("actions", "effect", EFFECTS),
        ("conversations", "reason", REASONS),
    ],
)
def test_every_value_of_a_text_column_is_documented(table: str, column: str, values: tuple[str, ...]) -> None:
    body = section(table)
    meaning = next(line for line in body.splitlines() if line.startswith(f"| `{column}` | "))
    assert {f"`{value}`" for value in values} <= set(re.findall(r"`[^`]+`", meaning))


def test_every_reason_for_loss_is_documented() -> None:
    body = section("decisions")
    for reason in LOST[1:]:
        assert f"`{reason}`" in body, reason


def test_a_column_that_may_be_null_says_so(finished: tuple[Path, list[str], str]) -> None:
    """Every column that has a null in this run is documented as one that can; times of never are said once for all."""
    (folder,) = finished[0].glob("*/*/")
    for path in (folder / "tables").iterdir():
        lines = {line.split("`")[1]: line for line in section(path.name).splitlines() if line.startswith("| `")}
        for file in path.glob("*.parquet"):
            table = pq.read_table(file)
            for name in table.column_names:
                if table[name].null_count and not name.endswith("_s"):
                    assert "null" in lines[name], (path.name, name)


def test_every_file_of_a_run_is_documented(finished: tuple[Path, list[str], str]) -> None:
    (folder,) = finished[0].glob("*/*/")
    text = (ROOT / "docs" / "run_folder.md").read_text(encoding="utf-8")
    for path in folder.iterdir():
        assert f"`{path.name}" in text


# -- bad input: exit 2, no traceback, where, the value, what is allowed, what next --

BAD_FILES = [
    ("unknown key", "replicationz: 3", "unknown key 'replicationz'", "Did you mean 'replications'?"),
    ("missing unit", "world: {day: {lasts: 15}}", "world.day.lasts", '"48h"'),
    ("negative rate", "world: {benign: {contact_rate: -1/day}}", "world.benign.contact_rate", "a number >= 0"),
    (
        "shares",
        "world: {offenders: {platforms: {shares: {facebook: 0.9}}}}",
        "world.offenders.platforms.shares",
        "sum to 1",
    ),
    ("detector", "detectors: {mine: {use: keywrod}}", "unknown detector 'keywrod'", "Did you mean 'keyword'?"),
    (
        "desk",
        "arms: {voluntary_code: {on_alert: [queue.police], queues: {moderators: null, police: {evidence: assumed, "
        "source: test, tiers: {all: {evidence: assumed, source: test, service: {kind: constant, value: 5min}, "
        "sensitivity: 1, specificity: 1}}, shifts: [{begins: 0h, ends: 24h, staff: 1}], expires: 1d}}}}",
        "queues.police",
        "choose another name",
    ),
    ("import", "detectors: {mine: {use: 'no_such_module:Thing'}}", "cannot be imported", "no_such_module"),
    ("file", "detectors: {mine: {use: 'missing.py:Thing'}}", "missing.py does not exist", "path"),
]


@pytest.mark.parametrize("command", ["run", "validate", "plan"])
@pytest.mark.parametrize(
    ("text", "problem", "help_"), [bad[1:] for bad in BAD_FILES], ids=[bad[0] for bad in BAD_FILES]
)
def test_bad_scenarios(
    main: Main, scenario: Callable[[str], Path], tmp_path: Path, command: str, text: str, problem: str, help_: str
) -> None:
    file = scenario(text)
    extra = ["-o", tmp_path / "results"] if command == "run" else []
    code, out, err = main(command, file, *extra)
    assert (code, out) == (2, "")
    assert f"{file}:2: " in err
    assert problem in err
    assert help_ in err
    assert "Traceback" not in err
    assert not (tmp_path / "results").exists()


def test_validate_names_the_problems_of_all_files(main: Main, scenario: Callable[[str], Path]) -> None:
    file = scenario("detectors: {a: {use: nonsense}, b: {use: 'missing.py:Thing'}}")
    code, out, err = main("validate", FLAGSHIP, file, "nowhere.yaml")
    assert code == 2
    assert out == f"{FLAGSHIP}: ok\n"
    for part in ("detectors.a: unknown detector 'nonsense'", "missing.py does not exist", "nowhere.yaml"):
        assert part in err


def test_problems_of_the_world_are_located_too(main: Main, scenario: Callable[[str], Path]) -> None:
    file = scenario("world: {population: {table: data/missing.csv}}")
    code, _, err = main("validate", file)
    assert code == 2
    assert "missing.csv" in err


@pytest.mark.parametrize("value", ["nonsense", "0", "-1", "2000", "nan"])
def test_bad_scale(main: Main, value: str) -> None:
    code, _, err = main("plan", FLAGSHIP, "--scale", value)
    assert code == 2
    assert f"--scale {value}" in err
    assert "smoke, ci, full, or a number above 0" in err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--set", "worlds.day=1"), ("--set worlds.day=1", "unknown path 'worlds'", "Did you mean 'world'?")),
        (("--set", "seed"), ("--set seed", "NAME=VALUE")),
        (("--detector", "keywrod"), ("--detector keywrod", "Did you mean 'keyword'?")),
        (("--replications", "0"), ("--replications", "1<=x<=100000")),
        (("--jobs", "0"), ("--jobs", "x>=1")),
    ],
)
def test_bad_options(main: Main, words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    code, out, err = main("plan", FLAGSHIP, *words)
    assert (code, out, "Traceback" in err) == (2, "", False)
    for part in parts:
        assert part in err


def test_a_missing_scenario_names_the_nearest(main: Main) -> None:
    code, _, err = main("run", FLAGSHIP.with_name("england_wales.yaml"))
    assert code == 2
    assert "no such file" in err
    assert "Did you mean 'england_wales_2017.yaml'?" in err


def test_results_that_cannot_be_written(main: Main, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    code, _, err = main("run", FLAGSHIP, *QUICK, "-o", tmp_path / "taken")
    assert (code, "Traceback" in err) == (2, False)
    assert "cannot write the results here" in err
    assert "--output DIR" in err


def test_a_report_file_that_cannot_be_written(
    main: Main, finished: tuple[Path, list[str], str], tmp_path: Path
) -> None:
    code, _, err = main("report", "latest", "--results", finished[0], "-o", tmp_path / "no" / "out.md")
    assert (code, "cannot be written" in err) == (2, True)


def test_an_unknown_run_names_the_known_ones(main: Main, finished: tuple[Path, list[str], str]) -> None:
    code, _, err = main("report", "0123", "--results", finished[0])
    assert code == 2
    assert "no run '0123'" in err
    assert next(finished[0].glob("*/*/")).name in err


def test_no_runs_at_all(main: Main, tmp_path: Path) -> None:
    code, _, err = main("report", "latest", "--results", tmp_path)
    assert (code, "there are no runs here" in err) == (2, True)


# -- what main does with errors --


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def callback(**_: Any) -> None:
        raise error

    monkeypatch.setattr(cli.commands.commands["schema"], "callback", callback)


def test_deliberate_errors_keep_their_code_and_notes_but_no_traceback(
    main: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RunIncomplete("stopped")
    error.add_note("while running cell 3; in the worker:\nTraceback (most recent call last):")
    error.add_note("  read it with: simharness report")
    raising(monkeypatch, error)
    assert main("schema") == (3, "", "stopped\nwhile running cell 3\n  read it with: simharness report\n")
    raising(monkeypatch, UsageError("here", "wrong", hint="Do that."))
    assert main("schema")[::2] == (2, "here: wrong.\n  Do that.\n")


def test_unexpected_errors_keep_their_traceback_and_never_exit_1(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, ZeroDivisionError("by nothing"))
    code, _, err = main("schema")
    assert code == 70
    assert "Traceback" in err
    assert "by nothing" in err
    assert "report it to the project" in err


def test_ctrl_c_inside_a_kernel_is_no_internal_error(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    error = SystemError("a kernel returned a result with an exception set")
    error.__cause__ = KeyboardInterrupt()
    raising(monkeypatch, error)
    code, _, err = main("schema")
    assert (code, "Traceback" in err) == (130, False)


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (BrokenPipeError(32, "pipe"), 141), (click.FileError("x", "y"), 2)],
)
def test_other_endings(main: Main, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    kept = sys.stdout, sys.stderr
    raising(monkeypatch, error)
    try:
        assert cli.main(["schema"]) == code
    finally:
        sys.stdout, sys.stderr = kept


@pytest.mark.parametrize("words", [["nonsense"], ["run"], ["run", "a", "--nonsense"], ["list", "nonsense"]])
def test_usage_errors(main: Main, words: list[str]) -> None:
    code, out, err = main(*words)
    assert (code, out) == (2, "")
    assert "Error: " in err


# -- the schema --

KEYWORDS = {
    "$schema", "$ref", "title", "description", "default", "examples", "type", "enum", "const", "multipleOf", "maximum",
    "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "additionalItems", "items",
    "maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties", "properties", "patternProperties",
    "additionalProperties", "propertyNames", "format", "allOf", "anyOf", "oneOf", "not", "if", "then", "else",
    "definitions",
}  # fmt: skip
TYPES = {"null", "boolean", "object", "array", "number", "string", "integer"}


def schemas(node: Any) -> Any:
    """Every schema inside a schema, itself included."""
    if not isinstance(node, dict):
        return
    yield node
    for key in ("properties", "definitions"):
        for inner in node.get(key, {}).values():
            yield from schemas(inner)
    for key in ("items", "additionalProperties", "additionalItems", "propertyNames"):
        yield from schemas(node.get(key))
    for key in ("allOf", "anyOf"):
        for inner in node.get(key, []):
            yield from schemas(inner)


def test_the_schema_is_draft_07() -> None:
    schema = scenario_schema()
    assert schema["$schema"] == DIALECT
    found = list(schemas(schema))
    assert len(found) > 200
    for node in found:
        assert set(node) <= KEYWORDS
        assert "oneOf" not in node  # with nothing required, one file may fit several branches
        assert node.get("type", "object") in TYPES
        if "$ref" in node:
            assert set(node) == {"$ref"}
            assert node["$ref"].removeprefix("#/definitions/") in schema["definitions"]
    try:
        import jsonschema  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return
    jsonschema.Draft7Validator.check_schema(schema)


def test_extends_is_allowed_where_it_is_read() -> None:
    schema = scenario_schema()
    assert "extends" in schema["properties"]
    assert "extends" in schema["definitions"]["Arm"]["properties"]
    assert "required" not in schema


def test_the_flagships_keys_are_all_in_the_schema() -> None:
    from simharness.scenario.source import read_tree

    schema = scenario_schema()
    unknown = list(strange(schema, schema, read_tree(FLAGSHIP).data, ""))
    assert unknown == []
    assert list(strange(schema, schema, {"arms": {"a": {"extend": "b"}}}, "")) == [".arms.a.extend"]


def strange(schema: dict[str, Any], node: dict[str, Any], data: Any, path: str) -> Any:
    """Paths in ``data`` that no branch of the schema knows."""
    if "$ref" in node:
        yield from strange(schema, schema["definitions"][node["$ref"].rpartition("/")[2]], data, path)
        return
    branches = cast(list[dict[str, Any]], node.get("allOf") or node.get("anyOf"))
    if branches:
        found = [list(strange(schema, branch, data, path)) for branch in branches]
        yield from min(found, key=len)
        return
    if isinstance(data, dict):
        inner = node.get("additionalProperties", True)
        for key, value in data.items():
            if key in node.get("properties", {}):
                yield from strange(schema, node["properties"][key], value, f"{path}.{key}")
            elif inner is False:
                yield f"{path}.{key}"
            elif isinstance(inner, dict):
                yield from strange(schema, inner, value, f"{path}.{key}")
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield from strange(schema, node.get("items", {}), value, f"{path}.{place}")


def test_schema_to_a_file(main: Main, tmp_path: Path) -> None:
    target = tmp_path / "schema.json"
    assert main("schema", "-o", target)[0] == 0
    assert json.loads(target.read_text(encoding="utf-8")) == scenario_schema()


# -- a user's own detector --------------------------------------------------------------------------------------------

OWN = """
from __future__ import annotations

import numpy as np


class Turns:
    'Whole conversations: how many messages the one who made contact has sent.'

    def risk(self, batch):
        sent = 1 - (batch.symbol & 1).astype(np.int64)
        total = np.cumsum(sent)
        before = np.concatenate([[0], total])[batch.begin]
        return total - np.repeat(before, batch.end - batch.begin)
"""


def test_a_detector_in_a_file_is_measured_by_workers_too(main: Main, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    quick = [*QUICK[:-2], "--jobs", 2, "--replications", 2]
    more = ("--detector", f"{tmp_path / 'own.py'}:Turns", "-o", tmp_path / "results", "--json")
    code, out, err = main("run", FLAGSHIP, *quick, *more)
    assert code == 0, err
    detectors = json.loads(out.splitlines()[-1])["estimates"]["detectors"]
    added = next(metrics for name, metrics in detectors.items() if "turns" in name.lower())
    assert added["grooming"]["estimate"] > 0 and added["delay"]["estimate"] > 1.0


# -- commands about detectors -----------------------------------------------------------------------------------------

HELP = {
    ("init",): ("[DIR]", "nothing in it is overwritten"),
    ("check-detector",): ("SPEC", "exit code 1 if one is broken", "--scenario"),
    ("stream",): ("FILE", "--part", "--speed", "--envelope", "[plain|osprey]"),
    ("robustness",): ("[FOLDER or FILE]...", "--false-alerts"),
    ("corpus",): ("read", "pacing", "write-pan"),
    ("corpus", "read"): ("SOURCE", "--labels", "--times"),
    ("corpus", "pacing"): ("SOURCE", "--times"),
    ("corpus", "write-pan"): ("FILE DIR", "--edition"),
}


@pytest.mark.parametrize("words", HELP, ids=" ".join)
def test_help_of_commands_about_detectors(main: Main, words: tuple[str, ...]) -> None:
    code, out, err = main(*words, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: simharness {' '.join(words)}")
    for part in HELP[words]:
        assert " ".join(part.split()) in " ".join(out.split()), part


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("init", "one", "two"), ("unexpected extra argument",)),
        (("check-detector", "keywrod"), ("Did you mean 'keyword'?",)),
        (("stream", FLAGSHIP, "--part", "replication-10"), ("--part replication-10", "replication-0 to replication-9")),
        (("stream", FLAGSHIP, "--part", "trainin"), ("no such part", "Did you mean 'training'?")),
        (("stream", FLAGSHIP, "--speed", "fast"), ("--speed", "60x")),
        (("stream", FLAGSHIP, "--limit", "0"), ("--limit",)),
        (("stream", "nowhere.yaml"), ("no such file",)),
        (("robustness", "nowhere"), ("nowhere", "no such file")),
        (("robustness", FLAGSHIP), ("no scenario states any stress", "scenarios/stress")),
        (("robustness", FLAGSHIP, "-o", "out.txt"), ("unknown type of file", ".json, .md")),
        (("robustness", FLAGSHIP.parent / "stress", "--false-alerts", "-1"), ("--false-alerts",)),
        (("corpus", "read", "nowhere.xml", "--scenario", FLAGSHIP), ("nowhere.xml", "No such file")),
        (("corpus", "read", "nowhere.txt", "--scenario", FLAGSHIP), ("nowhere.txt", ".csv", "chitchat")),
        (("corpus", "pacing", "nowhere.csv", "--scenario", FLAGSHIP), ("nowhere.csv", "No such file")),
        (("corpus", "write-pan", "nowhere.yaml", "pan"), ("nowhere.yaml", "no such file")),
        (("corpus", "nonsense"), ("nonsense",)),
    ],
    ids=lambda words: " ".join(getattr(word, "name", word) for word in words) if isinstance(words, tuple) else "",
)
def test_mistakes_with_commands_about_detectors(
    main: Main,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[object, ...],
    parts: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = main(*words)
    assert (code, out) == (2, ""), err
    for part in parts:
        assert part in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_robustness_of_a_folder_without_scenarios(main: Main, tmp_path: Path) -> None:
    code, _, err = main("robustness", tmp_path)
    assert code == 2
    assert str(tmp_path) in err and "there is no scenario in this folder" in err


# -- show and calibrate -----------------------------------------------------------------------------------------------


def test_show_prints_the_conversation_of_an_id(main: Main, finished: tuple[Path, list[str], str]) -> None:
    """An id from a run's table, its replication and its scale are enough to see the conversation again."""
    folder = next((finished[0] / "england_wales_2017").iterdir())
    table = pq.read_table(folder / "tables" / "conversations" / "replication=0001.parquet")
    wanted, messages = table["conversation"][3].as_py(), table["messages"][3].as_py()
    code, out, _ = main("show", FLAGSHIP, wanted, "--replication", 1, "--scale", 0.01)
    assert code == 0 and f"SYNTHETIC conversation {wanted}" in out
    assert [int(number) for number in re.findall(r"^ +(\d+) ", out, re.MULTILINE)] == list(range(1, messages + 1))


def test_show_says_where_ids_come_from(main: Main) -> None:
    code, _, err = main("show", FLAGSHIP, 2**62, "--scale", 0.01)
    assert code == 2 and "no such conversation" in err and "tables" in err


def test_calibrate_prints_the_fit_and_writes_nothing_unasked(main: Main, tmp_path: Path) -> None:
    before = FLAGSHIP.read_bytes()
    fit = "world.offenders.contact_rate.value=0.01/day..0.1/day:log"
    areas = [word for name in ("South Wales", "North Wales", "Gwent", "Powys") for word in ("--hold-out", name)]
    small = ("--scale", 0.02, "--replications", 10, "--jobs", 1, "-o", tmp_path)
    code, _, err = main("calibrate", FLAGSHIP, "--hold-out", "Wales", *small)
    assert code == 2 and "England and Wales; Offences recorded, South Wales" in err  # which one is meant is not said
    code, out, err = main("calibrate", FLAGSHIP, "--fit", fit, *areas, *small)
    assert code == 0 and "world.offenders.contact_rate.value" in out and "Nothing was written" in out
    assert "first twelve months" in out and "held out" in out and "evaluation 1: start" in err
    assert FLAGSHIP.read_bytes() == before
    code, out, err = main("calibrate", FLAGSHIP, "--fit", fit, *areas, *small, "--json")
    found = json.loads(out)
    assert code == 0 and not err and found["synthetic"] is True and len(found["parameters"]) == 1  # all was there
    (folder,) = (tmp_path / "england_wales_2017").glob("calibration-*")
    assert found == json.loads((folder / "calibration.json").read_text())
