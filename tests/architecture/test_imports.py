"""The arrow in code: imports go one way, no circle, no other randomness, no wall clock in the simulation.

Imports inside functions count; those under TYPE_CHECKING do not.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("simharness", "detectors")

# A module may import from its own group, and from any group of a line above its own; groups of one line stand side by
# side. Machinery (files, processes, provenance) knows nothing of the simulation, and the simulation nothing of it.
ORDER: tuple[dict[str, tuple[str, ...]], ...] = (
    {"foundations": ()},  # errors, units, streams, records, ...: whatever is not named below
    {"scenario": ("scenario",), "machinery": ("store", "provenance", "parallel")},
    {"world": ("world",)},
    {"detection": ("detection",)},
    {"response": ("response",), "detectors": ()},
    {"outcomes": ("outcomes",)},
    {"metrics": ("metrics",)},
    {"run": ("run",), "report": ("report",), "corpora": ("corpora",)},
    {
        "tools": (
            *("plan", "workload", "calibrate", "streaming", "pacing", "robustness", "pairing", "compare", "sweeping"),
            *("hunt", "known_run", "selftest", "suites"),
        )
    },
    {"commands": ("commands",)},
    {"cli": ("cli", "cli_checks", "cli_harness", "cli_hunt", "cli_options", "cli_runs", "cli_selftest")},
)
SIMULATION = ("world", "detection", "response", "outcomes", "metrics", "corpora")
WALL_CLOCK = ("store", "cli", "report", "plan", "commands")
# What waits for detectors that live elsewhere has deadlines; nothing of the simulation goes by them.
DEADLINES = (
    "simharness.detection.guard",
    "simharness.detection.host",
    "simharness.detection.ways.",
    "simharness.detection.contract.",
)
CLOCKS = re.compile(r"\b(datetime|date|Timestamp)\.(now|utcnow|today)$")  # not SimPy's env.now, which is simulated time
RANDOM_MODULES = {"random", "secrets", "uuid"}


@cache
def modules() -> dict[str, Path]:
    """Every module of the packages by dotted name; a package by its own name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield other
                yield from statements(other)
            continue
        yield node
        yield from statements(node)


def imported(source: str, known: frozenset[str]) -> set[str]:
    """Modules among ``known`` that a source imports."""
    found = set()
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "relative imports hide where they lead"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & known) or {node.module}
    return found & known


@cache
def graph() -> dict[str, set[str]]:
    known = frozenset(modules())
    return {name: imported(path.read_text(encoding="utf-8"), known) for name, path in modules().items()}


def group_of(module: str) -> tuple[int, str]:
    """Place in the order and name of a module's group."""
    package, _, rest = module.partition(".")
    if package == "detectors":
        return next((n, "detectors") for n, line in enumerate(ORDER) if "detectors" in line)
    part = rest.partition(".")[0]
    for n, line in enumerate(ORDER):
        for group, members in line.items():
            if part in members:
                return n, group
    return 0, "foundations"


def against_the_arrow(edges: dict[str, set[str]]) -> list[str]:
    found = []
    for module, targets in edges.items():
        place, group = group_of(module)
        for target in targets:
            target_place, target_group = group_of(target)
            machinery = target_group == "machinery" and group in (*SIMULATION, "scenario", "detectors")
            if machinery or (target_group != group and target_place >= place):
                found.append(f"{module} ({group}) imports {target} ({target_group})")
    return found


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import one another (strongly connected components of more than one, Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in edges.get(node, ()):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1 or node in edges.get(node, ()):
                found.append(sorted(component))

    for node in edges:
        if node not in index:
            visit(node)
    return found


def other_randomness(source: str) -> list[str]:
    """Uses of any generator but the addressed draws."""
    found = []
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute):
            names = [ast.unparse(node).replace("np.", "numpy.")]
        else:
            continue
        found += [
            n for n in names if n.partition(".")[0] in RANDOM_MODULES or n.startswith(("numpy.random", "os.urandom"))
        ]
    return found


def wall_clock(source: str) -> list[str]:
    """Uses of the time of day or of a timer."""
    found = []
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name == "time"]
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            found.append("time")
        elif isinstance(node, ast.Attribute) and CLOCKS.search(ast.unparse(node)):
            found.append(ast.unparse(node))
    return found


def part(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def test_imports_follow_the_arrow() -> None:
    assert against_the_arrow(graph()) == []


def test_there_is_no_circle() -> None:
    assert circles(graph()) == []


def test_the_simulation_has_no_other_randomness() -> None:
    found = {name: other_randomness(path.read_text("utf-8")) for name, path in modules().items()}
    assert {name: uses for name, uses in found.items() if uses} == {}


def test_only_the_outer_parts_look_at_the_clock() -> None:
    found = {
        name: wall_clock(path.read_text("utf-8"))
        for name, path in modules().items()
        if part(name) not in WALL_CLOCK and not name.startswith(DEADLINES)
    }
    assert {name: uses for name, uses in found.items() if uses} == {}


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_nothing_heavy_on_help(words: list[str]) -> None:
    heavy = ("numpy", "numba", "pyarrow", "scipy", "sklearn")
    code = (
        "import sys; from simharness.cli import main; main(sys.argv[1:]); "
        f"print(*sorted(set(sys.modules) & set({heavy!r})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""


# -- the checks themselves, seen to fail --


def test_the_graph_is_the_real_one() -> None:
    edges = graph()
    assert len(edges) > 50
    assert "simharness.run" in edges["simharness.commands.run"]
    assert "simharness.errors" in edges["simharness.world.population"]


@pytest.mark.parametrize(
    ("module", "target"),
    [
        ("simharness.world.model", "simharness.detection.scoring"),
        ("simharness.streams", "simharness.world.clock"),
        ("simharness.response.arm", "detectors.keyword"),
        ("detectors.keyword", "simharness.response.arm"),
        ("simharness.report.content", "simharness.run"),
        ("simharness.run", "simharness.cli"),
        ("simharness.outcomes.cell", "simharness.store"),
    ],
)
def test_a_step_back_is_found(module: str, target: str) -> None:
    assert len(against_the_arrow({module: {target}})) == 1


def test_steps_forward_are_allowed() -> None:
    allowed = {
        "simharness.cli": {"simharness.errors"},
        "simharness.run": {"simharness.store", "simharness.metrics.arms"},
    }
    assert against_the_arrow(allowed) == []


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b"}, "b": set()}) == []


def test_imports_inside_functions_count_and_typing_ones_do_not() -> None:
    known = frozenset({"simharness.run", "simharness.store", "simharness.errors"})
    source = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from simharness import run\n"
        "def f():\n    import simharness.store\n    from simharness.errors import UsageError\n"
    )
    assert imported(source, known) == {"simharness.store", "simharness.errors"}


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "from numpy.random import default_rng",
        "import numpy as np\nx = np.random.rand()",
        "import uuid",
    ],
)
def test_other_randomness_is_found(source: str) -> None:
    assert other_randomness(source)


@pytest.mark.parametrize(
    "source", ["import time", "from time import monotonic", "from datetime import datetime\nx = datetime.now()"]
)
def test_clocks_are_found(source: str) -> None:
    assert wall_clock(source)


def test_simulated_time_is_no_clock() -> None:
    assert wall_clock("def f(env):\n    return env.now") == []


def test_a_module_without_a_place_is_held_to_the_strictest_rule() -> None:
    assert len(against_the_arrow({"simharness.nowhere": {"simharness.scenario.model"}})) == 1
