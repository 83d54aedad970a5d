"""The plugin for pytest: bars of scenarios and suites as items, and the fixture ``simulated`` (docs/pytest.md).

Every session of pytest on a machine with simharness imports this module, so nothing heavy is imported before there is a
file to collect or a fixture to make.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from simharness.errors import NotComparable, SimharnessError
from simharness.suites.failure import ExpectationWarning, NotHeld, properties, said
from simharness.suites.junit_xml import as_xunit2, named

if TYPE_CHECKING:
    from simharness.suites.items import Item
    from simharness.suites.loading import RunOptions
    from simharness.suites.session import Session
    from simharness.suites.simulated import Simulate
    from simharness.suites.suite import Plan, Planned

SUFFIXES = (".yaml", ".yml")
_TOP_LEVEL = re.compile(rb"""^["']?(suite|runs|cases|expect|extends|world)["']?[ \t]*:(?=\s|$)""", re.MULTILINE)
_SESSION = pytest.StashKey["Session"]()
_RUN = pytest.StashKey[str]()  # of the controller of several processes: which session it is


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("simharness", "simharness: bars of scenarios and suites as tests")
    group.addoption("--simharness-scale", metavar="SCALE", help="smoke, ci, full or a number, for every run")
    group.addoption("--simharness-replications", metavar="N", type=int, help="replications of every run")
    group.addoption(
        "--simharness-base", metavar="FILE|RUN", help="what scenarios with a bar `vs base` are held against"
    )
    group.addoption("--simharness-results", metavar="DIR", help="folder to write runs into, to be continued or read")
    group.addoption(
        "--simharness-jobs", metavar="N", type=int, help="processes of a run (default: the CPUs; 1 under pytest-xdist)"
    )


# -- files --


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix not in SUFFIXES or not is_ours(file_path):
        return None
    return ExpectationFile.from_parent(parent, path=file_path)


def is_ours(path: Path) -> bool:
    """Whether a file is a suite, or a scenario with bars of its own, by its top-level keys; it is not parsed."""
    try:
        keys = set(_TOP_LEVEL.findall(path.read_bytes().removeprefix(b"\xef\xbb\xbf")))
    except OSError:
        return False
    suite = b"suite" in keys and bool(keys & {b"runs", b"cases"})
    return suite or (b"expect" in keys and bool(keys & {b"extends", b"world"}))


class ExpectationFile(pytest.File):
    """A suite, or a scenario with bars of its own."""

    def collect(self) -> Iterator[pytest.Collector | pytest.Item]:
        try:
            plan = _plan(self.path, self.config)
            for planned in plan.runs:
                yield PlannedRun.from_parent(self, name=planned.name, planned=planned)
            if plan.cases:
                yield Cases.from_parent(self, name="cases", files=plan.cases)
        except SimharnessError as error:
            raise self.CollectError(str(error)) from None
        if not plan.runs and not plan.cases:
            yield NothingChecked.from_parent(self, name="nothing checked")


class PlannedRun(pytest.Collector):
    """One run, made when the first of its items is."""

    def __init__(self, *, planned: Planned, **given: Any) -> None:
        super().__init__(**given)
        self.planned = planned
        for tag in planned.tags:
            self.config.addinivalue_line("markers", f"{tag}: a tag of a suite of simharness")
            self.add_marker(tag)

    def collect(self) -> Iterator[pytest.Item]:
        for item in self.planned.items:
            yield ExpectationItem.from_parent(self, name=item.name, planned=self.planned, item=item)
        if not any(item.expectation.severity == "fail" for item in self.planned.items):
            yield NothingChecked.from_parent(self, name="nothing checked")


class Cases(pytest.Collector):
    """Promoted cases of a suite, read again together when the first of them is."""

    def __init__(self, *, files: tuple[Path, ...], **given: Any) -> None:
        super().__init__(**given)
        self.files = files

    def collect(self) -> Iterator[pytest.Item]:
        for file in self.files:
            yield CaseItem.from_parent(self, name=os.path.relpath(file, self.path.parent), file=file)


# -- items --


class _Said(pytest.Item):
    """An item that fails in its own words, without a traceback."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        return str(excinfo.value) if isinstance(excinfo.value, NotHeld) else super().repr_failure(excinfo)


class ExpectationItem(_Said):
    """One bar on one number: an expectation, of one arm or detector and one stratum."""

    def __init__(self, *, planned: Planned, item: Item, **given: Any) -> None:
        super().__init__(**given)
        self.planned, self.item = planned, item

    def runtest(self) -> None:
        from simharness.suites.judging import NOTHING_CHECKED

        checked = _session(self.config).checked(self.planned)
        found = next(each for each in checked["expectations"] if each["name"] == self.item.name)
        self.user_properties += named(properties(found, checked))
        text = said(found)
        whole = f"{text}\n  at {self.item.file}:{self.item.line}; again: {checked['command']}"
        if checked["incomplete"]:
            raise NotHeld(f"incomplete: a detector failed in {checked['run']}, so no bar of it is a pass\n{whole}")
        if found["counts_as"] == "skipped" and checked["exit_code"] != NOTHING_CHECKED:
            pytest.skip(text)
        if found["counts_as"] == "skipped":
            raise NotHeld(f"nothing was checked: no bar of this run was looked at\n{whole}")
        if found["counts_as"] == "held":
            return
        if found["severity"] == "warn":
            self.warn(ExpectationWarning(whole))
            return
        raise NotHeld(whole)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.item.line - 1, self.name


class CaseItem(_Said):
    """One promoted case, which the detector must not miss again."""

    def __init__(self, *, file: Path, **given: Any) -> None:
        super().__init__(**given)
        self.file = file

    def runtest(self) -> None:
        cases = [each for each in self.session.items if isinstance(each, CaseItem)]
        together = [each.file for each in cases if each.parent is self.parent]
        found = _session(self.config).replayed(together)[str(self.file)]
        if found["outcome"] != "fixed":
            why = f"\n  why: {found['problem']}" if found["problem"] else ""
            raise NotHeld(f"{found['outcome']}: {found['sentence']}{why}\n  again: simharness replay {self.file}")


class NothingChecked(_Said):
    """Stands where there is nothing that could fail: what checks nothing is no pass."""

    def runtest(self) -> None:
        raise NotHeld(
            f"nothing was checked: {self.parent.nodeid if self.parent else self.name} has no bar that can fail\n"
            "  Write one under expect, for example: recall[NAME] >= 0.5 (a bar of severity warn cannot fail)"
        )


# -- what is asked for --


@pytest.fixture(scope="session")
def simulated(pytestconfig: pytest.Config) -> Simulate:
    """``simulated(scenario, **overrides)``: run a scenario, once per session, and look at what came of it.

    See ``simharness.suites.simulated.Simulate``.
    """
    from simharness.suites.simulated import Simulate

    return Simulate(_session(pytestconfig), pytestconfig.rootpath)


def _plan(path: Path, config: pytest.Config) -> Plan:
    from simharness.suites.suite import is_suite, plan_file

    shown, options, base = Path(os.path.relpath(path)), _options(config), config.getoption("simharness_base")
    try:
        return plan_file(shown, options)
    except NotComparable:
        if base is None or is_suite(shown):  # the runs of a suite name their own
            raise
        return plan_file(shown, options, base)


def _options(config: pytest.Config) -> RunOptions:
    from simharness.suites.loading import RunOptions, parse_scale

    scale = config.getoption("simharness_scale")
    replications = config.getoption("simharness_replications")
    return RunOptions(replications=replications, scale=None if scale is None else parse_scale(scale))


def _session(config: pytest.Config) -> Session:
    from simharness.suites.session import Session

    if _SESSION not in config.stash:
        worker = getattr(config, "workerinput", None)
        jobs = config.getoption("simharness_jobs") or (1 if worker else os.cpu_count() or 1)
        notes = _notes(config, worker["testrunuid"]) if worker else None
        config.stash[_SESSION] = Session(_results(config), jobs, notes)
    return config.stash[_SESSION]


def _results(config: pytest.Config) -> Path:
    """Where runs are written: as the option says, or in pytest's cache, so that a later session continues them."""
    chosen, cache = config.getoption("simharness_results"), getattr(config, "cache", None)
    if chosen is not None:
        return Path(chosen).absolute()
    if cache is not None:
        return Path(cache.mkdir("simharness"))
    return Path(tempfile.gettempdir()) / f"simharness-pytest-{os.getuid()}"  # with -p no:cacheprovider


# -- several processes (pytest-xdist) and JUnit --


def _notes(config: pytest.Config, run: str) -> Path:
    """What the processes of one session tell each other."""
    return _results(config) / ".sessions" / run


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Before each process of pytest-xdist is started: whatever an earlier session of the same name left is not ours."""
    if _RUN not in node.config.stash:
        node.config.stash[_RUN] = node.workerinput["testrunuid"]
        shutil.rmtree(_notes(node.config, node.config.stash[_RUN]), ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _RUN in session.config.stash:
        shutil.rmtree(_notes(session.config, session.config.stash[_RUN]), ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """After JUnit is written: as its schema wants it."""
    path = config.getoption("xmlpath", None)
    if path and config.getini("junit_family") == "xunit2" and not hasattr(config, "workerinput"):
        as_xunit2(Path(os.path.expanduser(os.path.expandvars(path))))
