"""A scenario's results for a team's own tests: run once, looked at by name, held against bars."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from simharness.errors import UsageError
from simharness.metrics.intervals import Interval
from simharness.metrics.rows import Row
from simharness.report.content import read_run
from simharness.scenario.base import Model
from simharness.scenario.expect import EXAMPLE, Expectation
from simharness.scenario.load import Loaded
from simharness.scenario.problems import check
from simharness.scenario.tree import Branch, Position, Tree, tree_of
from simharness.store import METRICS, RunFolder
from simharness.suites.failure import ExpectationWarning, said
from simharness.suites.gate import judged_of
from simharness.suites.items import Item, items_of
from simharness.suites.judging import NOTHING_CHECKED, PASSED, Judged, as_json, exit_code
from simharness.suites.loading import RunOptions, load_asked, model_of, parse_scale
from simharness.suites.running import base_run
from simharness.suites.session import Session
from simharness.suites.suite import SUFFIXES
from simharness.world.model import WorldModel

Bar = str | Mapping[str, Any]  # as under `expect:` in a scenario


class Simulated:
    """One finished run. ``folder``: where it is (docs/run_folder.md); ``base``: the run it is held against, or None."""

    def __init__(self, loaded: Loaded, folder: Path, base: Path | None = None) -> None:
        self.loaded, self.folder, self.base = loaded, folder, base

    def __repr__(self) -> str:
        return f"<run {self.folder}>"

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` holds."""
        return read_run(RunFolder.at(self.folder))[0]

    @cached_property
    def rows(self) -> list[Row]:
        """Every metric of every replication, in tidy form."""
        return [Row(**row) for row in pq.ParquetFile(self.folder / METRICS).read().to_pylist()]

    @property
    def incomplete(self) -> bool:
        """Whether a detector failed, so that what rests on it is missing."""
        return bool(self.summary["status"] != "complete")

    def estimate(
        self, metric: str, of: str | None = None, where: Mapping[str, str] | None = None, versus: str | None = None
    ) -> Interval:
        """A metric of an arm or detector over the replications, in the metric's unit; None where it is undefined.

        ``where``: a stratum, ``{"age": "12-15"}``; ``versus``: the difference from another, or from ``base``. Raises
        UsageError for what is not there, with the nearest name.
        """
        given = {"metric": metric, "of": of, "where": where, "versus": versus, "op": ">=", "value": 0.0}
        return self.check({name: value for name, value in given.items() if value is not None}).found

    def check(self, bar: Bar) -> Judged:
        """What comes of a bar on one number. Raises UsageError for what is not there, or where it means several."""
        judged = self.judged(bar)
        if len(judged) != 1:
            names = ", ".join(each.item.name for each in judged)
            hint = "Name one arm or detector and one stratum, or use judged(...)."
            raise UsageError(_shown(bar), f"means {len(judged)} numbers: {names}", hint=hint)
        return judged[0]

    def judged(self, *bars: Bar) -> tuple[Judged, ...]:
        """What comes of every number that the bars mean. Raises UsageErrors, NotComparable."""
        return self._judged(bars)[0]

    def expect(self, *bars: Bar) -> None:
        """Raise AssertionError, naming each bar that did not hold with its numbers; UsageError where there are none.

        What is inconclusive, undefined or of an incomplete run does not hold. Of severity warn it is only warned of.
        """
        __tracebackhide__ = True
        if not bars:
            raise UsageError("expect", "no bar is given, so nothing would be checked", hint=f"For example: {EXAMPLE!r}")
        judged, incomplete = self._judged(bars)
        found = [as_json(each) for each in judged if each.counts_as != "held"]
        light = [each for each in found if each["severity"] == "warn" and each["outcome"] != "failed"]
        for each in light:
            warnings.warn(said(each), ExpectationWarning, stacklevel=2)
        code = exit_code(judged, incomplete=incomplete)
        if code == PASSED:
            return
        lines = [said(each) for each in found if each not in light]
        if incomplete:
            lines.insert(0, "incomplete: a detector failed, so no bar of this run is a pass")
        if code == NOTHING_CHECKED:
            lines.insert(0, "nothing was checked: no bar that can fail was looked at")
        raise AssertionError("\n".join([*lines, f"in {self.folder}"]))

    def _judged(self, bars: Sequence[Bar]) -> tuple[tuple[Judged, ...], bool]:
        """Every number judged, and whether this run, or the base where it is needed, is incomplete."""
        base = None if self.base is None else RunFolder.at(self.base)
        return judged_of(RunFolder.at(self.folder), self._items(bars), base)

    def _items(self, bars: Sequence[Bar]) -> tuple[Item, ...]:
        tree = _tree(bars)
        wanted = check(_Bars, tree).expect
        scenario = self.loaded.scenario.model_copy(update={"expect": wanted})
        return items_of(Loaded(scenario, tree, self.loaded.folder), self._model, base=self.base is not None)

    @cached_property
    def _model(self) -> WorldModel:
        return model_of(self.loaded)


def assert_expected(result: Simulated, *bars: Bar) -> None:
    """``result.expect(*bars)``, for those who like their assertions as functions."""
    __tracebackhide__ = True
    result.expect(*bars)


class Simulate:
    """What the fixture ``simulated`` is: a function that runs a scenario, each content once per session.

    ``rootdir``: where relative paths begin that are not there from the working directory.
    """

    def __init__(self, session: Session, rootdir: Path) -> None:
        self._session, self._rootdir = session, rootdir

    def __call__(
        self,
        scenario: str | Path | Loaded,
        *,
        seed: int | None = None,
        scale: str | float | None = None,
        replications: int | None = None,
        set: Mapping[str, Any] | Sequence[str] = (),
        detectors: Sequence[str] = (),
        base: str | Path | Loaded | None = None,
    ) -> Simulated:
        """Run a scenario with what is said about it, and its base with the same.

        ``scenario``: a file, or one already loaded, of which nothing more can be said. ``scale``: smoke, ci, full or a
        number. ``set``: ``{"training.benign": 500}`` or a list of ``a.b=c``. ``detectors``: more of them, as after
        --detector. ``base``: a file, a folder of a run, or a loaded scenario. The scenario's own bars are not looked
        at. Raises UsageError or UsageErrors with file and line, NotHeld where it could not be run, NotComparable.
        """
        size = None if scale is None else parse_scale(str(scale))
        options = RunOptions(seed, replications, size, _assignments(set), tuple(detectors))
        loaded = self._loaded(scenario, options)
        against = None if base is None else self._base(base, options)
        return Simulated(loaded, self._session.run(loaded), against)

    def _loaded(self, scenario: str | Path | Loaded, options: RunOptions) -> Loaded:
        if not isinstance(scenario, Loaded):
            return load_asked(self._path(scenario), options)
        if options != RunOptions():
            name = scenario.scenario.name
            raise UsageError(f"simulated({name})", "nothing can be set in a scenario already loaded", allowed="a file")
        return scenario

    def _base(self, base: str | Path | Loaded, options: RunOptions) -> Path:
        if isinstance(base, Loaded):
            return self._session.run(base)
        if self._path(base).suffix in SUFFIXES:
            return self._session.run(load_asked(self._path(base), options))
        return base_run(str(self._path(base)), self._session.results).path

    def _path(self, given: str | Path) -> Path:
        there = self._rootdir / given
        return Path(os.path.relpath(there)) if not Path(given).exists() and there.exists() else Path(given)


class _Bars(Model):
    expect: list[Expectation]


def _tree(bars: Sequence[Bar]) -> Tree:
    """The bars as a document in which each says itself where it stands."""

    def branch(value: Any, at: Position) -> Branch:
        if isinstance(value, Mapping):
            return Branch(at, {name: branch(inner, at) for name, inner in value.items()})
        return Branch(at, value)

    each = [branch(bar, Position(_shown(bar), 0)) for bar in bars]
    here = Position("expect", 0)
    return tree_of(Branch(here, {"expect": Branch(here, each)}))


def _shown(bar: Bar) -> str:
    return repr(bar) if isinstance(bar, str) else repr(dict(bar))


def _assignments(given: Mapping[str, Any] | Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, Mapping):
        return tuple(f"{name}={json.dumps(value)}" for name, value in given.items())
    return tuple(given)
