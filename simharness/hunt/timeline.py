"""A judged trajectory as a table for the terminal: one row a step, the risk of both readers side by side.

Acts are shown by their glosses alone. Marks are words, so that nothing depends on colours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simharness.hunt.case import finite, gap_text, level_of
from simharness.hunt.records import Judgement, Reader, Step, Trajectory
from simharness.report.wording import counted
from simharness.world.acts import ACT_INDEX, ACTS

SYNTHETIC = "SYNTHETIC: every conversation here is simulated. Acts and times are searched, never wording."
INDENT = 2  # columns, below a case's heading
ALERT, HARM = "ALERT", "HARM"
_BAR = len(ALERT)  # characters; the mark takes the place of the full bar
_ROOM = 66  # from this width on there is room for numbers of messages and for bars


@dataclass(frozen=True, slots=True)
class _Row:
    """One step: its messages ``first`` to ``last`` (from 1), and waking seconds from the first message to the last."""

    step: Step
    first: int
    last: int
    elapsed_s: float


def timeline(judgement: Judgement, width: int) -> Group:
    """The conversation looked at, for a console so many columns wide."""
    trajectory, roomy = judgement.trajectory, width >= _ROOM
    table = Table(box=SIMPLE, show_edge=False, padding=(0, 1, 0, 0))
    for name in ("#", "after")[not roomy :]:
        table.add_column(name, justify="right", no_wrap=True)
    for name, least in (("from", None), ("message", None), ("bound", _BAR), ("detector", _BAR)):
        table.add_column(name, overflow="fold", no_wrap=name == "from", min_width=least)
    for place, row in enumerate(_rows(trajectory)):
        if place == trajectory.moved_at:
            table.add_row(*([""] * (2 + roomy)), Text("(moves to another platform)", style="italic"))
        table.add_row(*_cells(row, judgement, roomy))
    parts: list[RenderableType] = [table, Text(), *(Text(note, style="dim") for note in _notes(judgement, roomy))]
    return Group(*parts)


def _rows(trajectory: Trajectory) -> Iterator[_Row]:
    message, elapsed = 0, 0.0
    for step in trajectory.steps:
        # The gap before the first message of all counts for nothing.
        elapsed += step.gap_s * (step.times if message else step.times - 1)
        yield _Row(step, message + 1, message + step.times, elapsed)
        message += step.times


def _cells(row: _Row, judgement: Judgement, roomy: bool) -> list[Text]:
    step = row.step
    number = f"{row.first}" if row.first == row.last else f"{row.first}-{row.last}"
    what = Text(ACTS[ACT_INDEX[step.act]].gloss + (f" x {step.times}" if step.times > 1 else ""))
    if judgement.harm is not None and row.first <= judgement.harm <= row.last:
        what.append(f" {HARM}", style="bold red")
    heard = [_heard(reader, row, roomy) for reader in (judgement.bound, judgement.detector)]
    return [*[Text(number)] * roomy, Text(f"+{gap_text(float(round(row.elapsed_s)))}"), Text(step.sender), what, *heard]


def _heard(reader: Reader, row: _Row, bars: bool) -> Text:
    """The risk after a step, and ALERT where one of its messages is the first to reach the level."""
    risk, alerts = finite(reader.risk[row.last - 1]), reader.alert is not None and row.first <= reader.alert <= row.last
    number = "-" if risk is None else f"{risk:.3g}"
    if alerts:
        return Text(f"{ALERT} {number}", style="bold yellow")
    return Text(f"{_bar(reader, risk)} {number}" if bars else number)


def _bar(reader: Reader, risk: float | None) -> str:
    """Full from the level on, empty at the lowest risk of the conversation."""
    level, lowest = level_of(reader), min((each for each in map(finite, reader.risk) if each is not None), default=0.0)
    if risk is None or level is None:
        filled = 0
    else:
        filled = _BAR if risk >= level else int(_BAR * (risk - lowest) / (level - lowest))
    return "#" * filled + "." * (_BAR - filled)


def _notes(judgement: Judgement, roomy: bool) -> Iterator[str]:
    for name, reader in (("bound", judgement.bound), ("detector", judgement.detector)):
        who = name if reader is judgement.bound else f"{name} {reader.name}"
        level, when = level_of(reader), "never" if reader.alert is None else f"at message {reader.alert}"
        if level is None:
            yield f"{who}: cannot alert; no level of its risk gives so few false alerts."
        else:
            yield f"{who}: alerts from a risk of {level:.3g} on; here {when}."
    if roomy:
        yield "Bars: full at that level, empty at the lowest risk of this conversation."
    yield "After: waking time since the first message, nights left out."
    if beside := judgement.trajectory.beside:
        others = counted(beside, "other conversation")
        yield f"Beside it: {others} with the same steps, each begun ten minutes before the next; this is the last."
