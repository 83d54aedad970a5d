"""A Ctrl-C that arrives where Python drops exceptions still ends the command with 130."""

from __future__ import annotations

import gc
import os
import signal
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from simharness import cli
from simharness.interrupts import pending, remembered
from simharness.parallel import Interrupted, run_cells


class Thing:
    """Something that can be waited for to go away."""


def drop_a_ctrl_c() -> None:
    """Give a Ctrl-C inside a callback whose exceptions Python prints and forgets."""

    def callback(_: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # let the handler run in here
            pass

    thing = Thing()
    gone = weakref.ref(thing, callback)
    del thing
    gc.collect()
    assert gone() is None


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Python says of the dropped exception is not the test's to show."""
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)


def test_a_dropped_ctrl_c_is_remembered(quiet: None) -> None:
    with remembered():
        drop_a_ctrl_c()
        assert pending()
        with pytest.raises(Interrupted):
            run_cells(_never, range(2), 1, _no_result)
    with remembered():
        assert not pending()


def test_a_command_that_ends_well_in_spite_of_it_says_130(
    quiet: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(*_: Any, **__: Any) -> int:
        drop_a_ctrl_c()
        return 0

    monkeypatch.setattr(cli.commands, "main", work)
    assert cli.main([]) == 130
    assert "Interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 1])
def test_other_codes_are_as_they_were(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(cli.commands, "main", lambda *_, **__: code)
    assert cli.main([]) == code


def test_a_handler_of_somebody_else_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with remembered():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_usual_ctrl_c_still_raises() -> None:
    before: Callable[..., Any] | Any = signal.getsignal(signal.SIGINT)
    assert before is signal.default_int_handler
    with remembered(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass
    assert signal.getsignal(signal.SIGINT) is before


def _never(cell: int) -> int:
    raise AssertionError(f"cell {cell} was begun")


def _no_result(cell: int, result: int) -> None:
    raise AssertionError(f"cell {cell} is done: {result}")
