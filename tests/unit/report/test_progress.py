"""Progress without a terminal: one line per 5 % or 30 seconds, and a sign of life in between."""

from __future__ import annotations

import io

from simharness.report.progress import Lines, progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_one_line_per_five_percent() -> None:
    stream, clock = io.StringIO(), Clock()
    lines = Lines(stream, clock)
    lines.notify("prepare", 0, 1000)
    for done in range(1, 1001):
        lines.notify("cell", done, 1000)
    told = stream.getvalue().splitlines()
    assert told[0] == "training detectors and setting alert levels: 0/1000 (0 %), 0 s"
    assert told[1:3] == ["cells: 50/1000 (5 %), 0 s", "cells: 100/1000 (10 %), 0 s"]
    assert told[-1] == "cells: 1000/1000 (100 %), 0 s"
    assert len(told) == 21


def test_one_line_after_thirty_seconds_whatever_was_done() -> None:
    stream, clock = io.StringIO(), Clock()
    lines = Lines(stream, clock)
    lines.notify("prepare", 0, 1000)
    clock.now += 29.0
    lines.notify("cell", 1, 1000)
    assert len(stream.getvalue().splitlines()) == 1
    clock.now += 1.0
    lines.notify("cell", 2, 1000)
    assert stream.getvalue().splitlines()[1:] == ["cells: 2/1000 (0 %), 30 s"]


def test_a_long_replication_gives_a_sign_of_life() -> None:
    stream, clock = io.StringIO(), Clock()
    lines = Lines(stream, clock)
    lines.notify("cell", 1, 4)
    lines.beat()
    clock.now += 31.0
    lines.beat()
    assert stream.getvalue().splitlines() == ["cells: 1/4 (25 %), 0 s", "cells: 1/4 (25 %), 31 s"]


def test_what_was_finished_before_is_not_called_training() -> None:
    stream = io.StringIO()
    with progress(stream) as notify:
        notify("prepare", 3, 3)
    assert stream.getvalue().startswith("all cells were finished before: 3/3 (100 %)")


def test_a_bar_only_on_a_terminal() -> None:
    stream = io.StringIO()
    with progress(stream) as notify:
        notify("cell", 1, 2)
    assert "\x1b" not in stream.getvalue()


def test_the_bar_takes_the_same_notices() -> None:
    stream = io.StringIO()
    with progress(stream, live=True) as notify:
        notify("prepare", 0, 2)
        notify("cell", 2, 2)
    assert "training" not in stream.getvalue()
