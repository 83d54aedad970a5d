"""A planned run carried out: its base first, then the run, then the bars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from simharness.errors import NotComparable, UsageError
from simharness.known_run import known_of
from simharness.run import Notify, OnCell, expect_digest, run_scenario
from simharness.scenario.load import Loaded, load_scenario, resolved
from simharness.scenario.source import read_tree
from simharness.scenario.tree import Branch, Tree, branch_of
from simharness.store import POPULATION, RESOLVED_SCENARIO, RunFolder, find_run
from simharness.suites.changes import grafted
from simharness.suites.gate import Gated, gate
from simharness.suites.items import items_of
from simharness.suites.judging import INCOMPLETE, INCONCLUSIVE, MISSED, NOTHING_CHECKED, PASSED
from simharness.suites.loading import model_of
from simharness.suites.suite import Planned, require_comparable
from simharness.world.generate import DEFAULT_BATCH

_WORST_FIRST = (INCOMPLETE, MISSED, INCONCLUSIVE, NOTHING_CHECKED, PASSED)


@dataclass(frozen=True, slots=True)
class Done:
    """A run that has been carried out and held against its bars."""

    planned: Planned
    folder: RunFolder
    gated: Gated


def run_planned(
    planned: Planned,
    results: Path,
    *,
    jobs: int = 1,
    notify: Notify | None = None,
    batch_size: int = DEFAULT_BATCH,
    on_cell: OnCell | None = None,
) -> Done:
    """Run a base that is a scenario, then the run itself (or continue or read either), and judge every item.

    ``expectations.json`` is left in the run's folder. Raises what ``run_scenario`` raises, and NotComparable where the
    base is missing or cannot be held against it: before the run, if that can be known.
    """
    base = None
    if isinstance(planned.base, Loaded):
        base = _at(run_scenario(planned.base, results, jobs=jobs, batch_size=batch_size, notify=notify))
    elif planned.base is not None:
        base = base_run(planned.base, results)
        require_base(planned, base)
    done = run_scenario(planned.loaded, results, jobs=jobs, batch_size=batch_size, notify=notify, on_cell=on_cell)
    return judged(planned, _at(done), base)


def judged(planned: Planned, folder: RunFolder, base: RunFolder | None) -> Done:
    """A finished run held against its bars. Raises NotComparable where the base cannot be."""
    digest = expect_digest(planned.loaded.scenario) or ""
    return Done(planned, folder, gate(folder, planned.items, base=base, command=planned.command, expect=digest))


def run_again(folder: RunFolder, expect: Path | None, command: str, *, base: bool) -> Planned:
    """A finished run with its own bars, or with those of another file, to be judged again.

    Raises UsageError or UsageErrors where its folder or the file cannot be read, or an expectation means nothing.
    """
    file = folder.path / RESOLVED_SCENARIO if expect is None else expect
    loaded = loaded_run(folder, None if expect is None else _bars_of(expect))
    items = items_of(loaded, model_of(loaded), base=base)
    return Planned("", loaded.scenario.name, loaded, items, None, (), file, 1, command)


def loaded_run(folder: RunFolder, bars: Branch | None = None) -> Loaded:
    """The scenario of a run, from its folder alone; with other bars if given. Raises UsageError or UsageErrors."""
    if not (folder.path / POPULATION).is_file():
        hint = "Run the scenario again: finished cells are kept."
        raise UsageError(str(folder.path), f"has no {POPULATION}, so its scenario cannot be made ready", hint=hint)

    def edit(tree: Tree) -> Tree:
        return tree if bars is None else grafted(tree, ("expect",), bars)

    return load_scenario(folder.path / RESOLVED_SCENARIO, [f"world.population.table={POPULATION}"], edit=edit)


def _bars_of(file: Path) -> Branch:
    """What a scenario's file, or one of nothing else, expects. Raises UsageError."""
    bars: Branch | None = branch_of(read_tree(file)).value.get("expect")
    if bars is None:
        raise UsageError(str(file), "expects nothing", hint="Write a list of bars under the key expect.")
    return bars


def base_run(name: str, results: Path) -> RunFolder:
    """The run that is a base, as a path, an id or ``latest``. Raises NotComparable where there is none."""
    try:
        return find_run(results, name)
    except UsageError as error:
        raise NotComparable(f"--base {name}: {error}") from error


def require_base(planned: Planned, base: RunFolder) -> None:
    """Raise NotComparable where a run that is a base has no results, another size, or not what it is needed for."""
    known = known_of(base)
    held = [item for item in planned.items if item.in_base]
    require_comparable(held, resolved(planned.loaded.scenario), known.name, known.scenario)


def worst(codes: Iterable[int]) -> int:
    """The exit code of several: 3 wins over 1, 1 over 4, 4 over 5; 5 where there are none."""
    found = set(codes) or {NOTHING_CHECKED}
    return next(code for code in _WORST_FIRST if code in found)


def _at(folder: RunFolder) -> RunFolder:
    """At the path itself: the folder given back still holds the name of the lock it has released."""
    return RunFolder.at(folder.path)
