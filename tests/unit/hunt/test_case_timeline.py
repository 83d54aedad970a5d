"""The timeline: what stands in each row, at every width, with words for marks."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from simharness.hunt.records import Found, Judgement, Step
from simharness.hunt.timeline import timeline

Make = Callable[..., Found]


def lines(judgement: Judgement, width: int = 100) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(timeline(judgement, width))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def cells(line: str) -> list[str]:
    return [part.strip() for part in line.split("  ") if part.strip()]


def test_one_row_a_step(found: Make) -> None:
    head, _, *rows = lines(found().judgement)
    assert cells(head) == ["#", "after", "from", "message", "bound", "detector"]
    assert [cells(row) for row in rows[:4]] == [
        ["1", "+0min", "initiator", "[asks how old]", "..... -4", "..... -"],
        ["2", "+31min", "initiator", "[asks which area]", "ALERT -1.5", "..... 0.1"],
        ["3-6", "+35min", "child", "[small talk: games] x 4", "##### 8.5", "..... 0.5"],
        ["7", "+1h 6min", "initiator", "[sexual content withheld] HARM", "##### 11", "..... 0.6"],
    ]


def test_what_stands_below(found: Make) -> None:
    notes = "\n".join(lines(found().judgement))
    assert "bound: alerts from a risk of -1.5 on; here at message 2.\n" in notes
    assert "detector slow: alerts from a risk of 3 on; here never.\n" in notes
    assert "Bars: full" in notes and "Beside it" not in notes and "moves" not in notes


def test_a_bar_grows_to_the_level(found: Make) -> None:
    judgement = found(bound=5).judgement  # as if 6 were the level: from -4 by 2.5 a message
    judgement = replace(judgement, bound=replace(judgement.bound, level=6.0))
    *_, first, second, run, last = lines(judgement)[2:6]
    assert [cells(row)[4] for row in (first, second, run, last)] == ["..... -4", "#.... -1.5", "ALERT 8.5", "##### 11"]


def test_the_first_gap_counts_for_nothing(found: Make) -> None:
    trajectory = replace(found().judgement.trajectory, steps=(Step("games", "child", 120.0, 3),))
    assert "+4min" in lines(replace(found().judgement, trajectory=trajectory))[2]


def test_a_move_and_others_beside(found: Make) -> None:
    trajectory = replace(found().judgement.trajectory, moved_at=2, beside=3)
    shown = lines(replace(found().judgement, trajectory=trajectory))
    assert shown[4].strip() == "(moves to another platform)" and shown[5].startswith("3-6")
    assert "Beside it: 3 other conversations with the same steps" in " ".join(shown)


def test_a_level_that_is_never_reached(found: Make) -> None:
    shown = lines(found(level=float(np.finfo(np.float32).max)).judgement)
    assert "detector slow: cannot alert" in "\n".join(shown)
    assert cells(shown[5])[-1] == "..... 0.6"


@pytest.mark.parametrize("width", [120, 80, 66, 65, 40])
def test_every_width(found: Make, width: int) -> None:
    shown = lines(found().judgement, width)
    words = " ".join(" ".join(shown).split())
    assert max(map(len, shown)) <= width
    assert "ALERT" in words and "HARM" in words and "+1h 6min" in words and "\u2026" not in words
    assert ("Bars:" in words) == ("#####" in words) == (width >= 66)


def test_no_colour_where_there_is_none(found: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    Console(file=stream, width=100, force_terminal=True).print(timeline(found().judgement, 100))
    assert "\x1b[3" not in stream.getvalue() and "ALERT" in stream.getvalue()
