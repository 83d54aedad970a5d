"""Cells on processes: every result once, one thread each, and three ways of ending early without losing work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import simharness.parallel
from simharness.errors import RunIncomplete, UsageError
from simharness.parallel import Interrupted, run_cells

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0

# `work` functions are made inside tests: those are pickled by value, so workers need not import this file.


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_result_arrives_once_in_the_parent(jobs: int) -> None:
    got: dict[int, tuple[int, int]] = {}
    run_cells(lambda cell: (cell * cell, os.getpid()), [3, 1, 4, 15, 9], jobs, got.__setitem__)
    assert {cell: square for cell, (square, _) in got.items()} == {3: 9, 1: 1, 4: 16, 15: 225, 9: 81}
    assert all((pid == os.getpid()) == (jobs == 1) for _, pid in got.values())


def test_results_arrive_as_they_complete(tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    def work(cell: int) -> int:
        deadline = time.monotonic() + 30
        while cell == 0 and not gate.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        return cell

    order: list[int] = []

    def on_done(cell: int, result: int) -> None:
        order.append(cell)
        if cell == 2:
            gate.touch()

    run_cells(work, [0, 1, 2], 2, on_done)
    assert order == [1, 2, 0]


def test_no_cells_and_no_jobs() -> None:
    run_cells(lambda cell: cell, [], 2, lambda cell, result: pytest.fail("nothing was to be done"))
    with pytest.raises(UsageError, match="--jobs: got 0"):
        run_cells(lambda cell: cell, [1], 0, lambda cell, result: None)


@pytest.mark.parametrize("jobs", [1, 2])
def test_numeric_libraries_get_one_thread(jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    def work(cell: int) -> tuple[list[int], str]:
        np.ones((2, 2)) @ np.ones((2, 2))  # loads the library in a worker
        return [pool["num_threads"] for pool in threadpool_info()], os.environ["OMP_NUM_THREADS"]

    got: dict[int, tuple[list[int], str]] = {}
    run_cells(work, [0, 1], jobs, got.__setitem__)
    for threads, variable in got.values():
        assert set(threads) == {1}
        assert variable == "1"
    assert os.environ["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_keeps_its_type_and_names_its_cell(jobs: int) -> None:
    def work(cell: int) -> int:
        if cell == 1:
            raise UsageError("detector", "got a word", allowed="a number", hint="Return a number.")
        return cell

    got: dict[int, int] = {}
    with pytest.raises(UsageError, match=r"detector: got a word; allowed: a number\.\n  Return a number\.") as caught:
        run_cells(work, [0, 1, 2, 3, 4, 5, 6, 7], jobs, got.__setitem__)
    notes = "".join(caught.value.__notes__)
    assert "while running cell 1" in notes
    assert jobs == 1 or "in work" in notes  # the worker's own traceback
    assert 0 in got


def test_an_error_that_cannot_be_pickled_does_not_break_the_pool() -> None:
    def work(cell: int) -> int:
        class AwkwardError(Exception):
            def __init__(self, one: int, two: int) -> None:
                super().__init__(f"{one} and {two}")

        raise AwkwardError(1, 2)

    with pytest.raises(RuntimeError, match="AwkwardError: 1 and 2"):
        run_cells(work, [0, 1], 2, lambda cell, result: None)


def test_cells_beside_a_failed_one_are_kept(tmp_path: Path) -> None:
    failing = tmp_path / "failing"

    def work(cell: int) -> int:
        if cell == 1:
            failing.touch()
            raise ValueError("broken")
        deadline = time.monotonic() + 30
        while not failing.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        return cell

    got: dict[int, int] = {}
    with pytest.raises(ValueError, match="broken"):
        run_cells(work, [0, 1, 2, 3, 4, 5], 2, got.__setitem__)
    assert 0 in got
    assert not {4, 5} & set(got)


def test_a_killed_worker_is_incomplete_and_names_the_cell() -> None:
    def work(cell: int) -> int:
        if cell == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return cell

    with pytest.raises(RunIncomplete, match=r"killed while running .*cell 2\b.*memory") as caught:
        run_cells(work, [0, 1, 2], 2, lambda cell, result: None)
    assert caught.value.exit_code == 3
    got: list[int] = []
    run_cells(lambda cell: cell, [0, 1], 2, lambda cell, result: got.append(cell))
    assert sorted(got) == [0, 1]  # the next run gets new workers


class Stubborn:
    """Pickles here and cannot be unpickled anywhere, like a detector whose module a worker does not have."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return __import__, ("no_such_module_anywhere",)

    def __call__(self, cell: int) -> int:
        return cell


def test_what_a_worker_cannot_load_is_not_called_killed() -> None:
    with pytest.raises(RunIncomplete, match="could not load") as caught:
        run_cells(Stubborn(), [0, 1], 2, lambda cell, result: None)
    message = str(caught.value)
    assert "No module named 'no_such_module_anywhere'" in message and "--jobs 1" in message
    assert "memory" not in message and "Traceback" not in message


def test_a_worker_that_breaks_before_the_next_task_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then joblib raises where tasks are handed over, not where results are taken; which it is, is a race."""

    def broken(pool: object, tasks: object) -> None:
        raise BrokenProcessPool("A task has failed to un-serialize.") from ModuleNotFoundError("No module named 'x'")

    monkeypatch.setattr(simharness.parallel.Parallel, "__call__", broken)
    with pytest.raises(RunIncomplete, match="could not load") as caught:
        run_cells(abs, [0, 1], 2, lambda cell, result: None)
    assert "No module named 'x'" in str(caught.value)


def test_an_error_while_storing_stops_the_workers() -> None:
    def refuse(cell: int, result: int) -> None:
        raise RunIncomplete("disk full")

    with pytest.raises(RunIncomplete, match="disk full"):
        run_cells(lambda cell: cell, [0, 1, 2, 3], 2, refuse)


# -- Ctrl-C, in a process group of its own as a terminal would have it --

SCRIPT = """
import sys, time
from pathlib import Path
from simharness.errors import SimharnessError
from simharness.parallel import run_cells
folder, jobs, quick = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])

def work(cell):
    (folder / f"started-{cell}").touch()
    deadline = time.monotonic() + 60
    while cell >= quick and not (folder / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return cell

try:
    run_cells(work, range(12), jobs, lambda cell, result: (folder / f"done-{cell}").touch())
except SimharnessError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    children: list[subprocess.Popen[str]] = []

    def run(jobs: int, quick: int = 0) -> subprocess.Popen[str]:
        (tmp_path / "script.py").write_text(SCRIPT)
        child = subprocess.Popen(
            [sys.executable, "script.py", str(tmp_path), str(jobs), str(quick)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        children.append(child)
        _wait(lambda: len(_names(tmp_path, "started")) == quick + jobs)
        return child

    yield run
    for child in children:
        if _alive(child.pid):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def _names(folder: Path, kind: str) -> set[str]:
    return {path.name.removeprefix(f"{kind}-") for path in folder.glob(f"{kind}-*")}


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _interrupt(child: subprocess.Popen[str]) -> None:
    """Ctrl-C, and wait for the notice that it was taken in."""
    os.killpg(child.pid, signal.SIGINT)
    assert child.stderr is not None
    while "Ctrl-C again" not in child.stderr.readline():
        assert child.poll() is None


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_interrupt_finishes_the_running_cells_only(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, jobs: int
) -> None:
    child = start(jobs)
    _interrupt(child)
    (tmp_path / "go").touch()
    out, _ = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == Interrupted.exit_code == 130
    assert _names(tmp_path, "started") == _names(tmp_path, "done") == {str(cell) for cell in range(jobs)}
    assert f"{jobs} of 12 cells are done" in out


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_second_interrupt_stops_at_once(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, jobs: int
) -> None:
    child = start(jobs)
    _interrupt(child)
    os.killpg(child.pid, signal.SIGINT)
    out, _ = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 130
    assert "stopped at once: 0 of 12 cells are done" in out
    assert _names(tmp_path, "done") == set()
    _wait(lambda: not _alive(child.pid))  # no worker is left behind


def test_one_interrupt_holds_back_cells_that_were_read_ahead(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    child = start(3, quick=4)  # cells 4, 5, 6 are running; joblib has taken 7 (or 7 and 8) from its input already
    _interrupt(child)
    (tmp_path / "go").touch()
    out, _ = child.communicate(timeout=PATIENCE_S)
    assert _names(tmp_path, "started") == _names(tmp_path, "done") == {str(cell) for cell in range(7)}
    assert "7 of 12 cells are done" in out


def test_the_handler_of_interrupts_is_put_back() -> None:
    def interrupt(cell: int, result: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match="1 of 3"):
        run_cells(lambda cell: cell, [0, 1, 2], 1, interrupt)
    assert signal.getsignal(signal.SIGINT) is before
