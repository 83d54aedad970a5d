"""A Ctrl-C that Python drops is remembered.

An exception inside a callback (of the garbage collector, of a lock that goes away, of ctypes) is printed and forgotten,
and so is a KeyboardInterrupt that happens to arrive there: the command would go on as if nobody had asked it to stop.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_seen = False


@contextmanager
def remembered() -> Iterator[None]:
    """Within it every Ctrl-C raises KeyboardInterrupt as usual, and :func:`pending` is true from then on."""
    global _seen  # noqa: PLW0603 - a process has one SIGINT
    _seen = False
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield  # somebody else's to handle
        return
    signal.signal(signal.SIGINT, _handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pending() -> bool:
    """Whether Ctrl-C was given since :func:`remembered` was entered, whatever became of its exception."""
    return _seen


def _handle(number: int, frame: FrameType | None) -> None:
    global _seen  # noqa: PLW0603
    _seen = True
    raise KeyboardInterrupt
