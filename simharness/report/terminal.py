"""The report on a terminal: rich tables that fit 120 columns and wrap below."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO

from rich.box import SIMPLE
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table as RichTable
from rich.text import Text

from simharness.report.content import Report
from simharness.report.tables import Table

WIDTH = 120  # where the output is no terminal, so that a log reads like one
_GAP = 2  # blanks between two columns
_LABEL = (12, 44)  # least and most room for the names of rows


def console(stream: IO[str]) -> Console:
    """A console on a stream: the terminal's own width, or COLUMNS, or 120. NO_COLOR is honoured."""
    own_width = stream.isatty() or "COLUMNS" in os.environ
    return Console(file=stream, width=None if own_width else WIDTH, highlight=False)


def show(report: Report, path: str, target: Console) -> None:
    """Print a report; ``path`` is the run's folder."""
    target.print(_whole(report, path, target.width))


def show_tables(banner: Sequence[str], title: str, tables: Sequence[Table], target: Console) -> None:
    """Print tables that are no run's report, under a banner and a title."""
    parts: list[RenderableType] = [_banner(banner), Text(title, style="bold"), Text()]
    target.print(Group(*parts, *(part for table in tables for part in _with_notes(table, target.width))))


def _whole(report: Report, path: str, width: int) -> Group:
    parts: list[RenderableType] = [
        _banner(report.banner),
        Text(report.title, style="bold"),
        Text(report.description),
        Text(),
        *(Padding(Text(sentence), (0, 0, 1, 0)) for sentence in report.verdict),
    ]
    for table in report.tables:
        parts += _with_notes(table, width)
    where = "Each is listed with its source in summary.md and scenario.resolved.yaml in the run's folder."
    parts += [Text("Assumptions", style="bold"), Text(f"{report.assumptions_line} {where}"), Text()]
    parts += [Text("Notes", style="bold"), *(Text(note) for note in report.notes), Text()]
    return Group(*parts, _facts(report, path))


def _banner(lines: Sequence[str]) -> Panel:
    return Panel(Text("\n".join(lines)), style="bold yellow")


def _with_notes(table: Table, width: int) -> list[RenderableType]:
    notes = (Padding(Text(note, style="dim"), (0, 0, 0, 2)) for note in table.notes)
    return [*in_parts(table, width), *notes, Text()]


def in_parts(table: Table, width: int) -> list[RenderableType]:
    """The table, in several with the same rows where its columns do not fit side by side."""
    needed = [_needed(table, place) for place in range(len(table.columns))]
    least, most = _LABEL
    width -= _GAP - 1  # behind the names
    fewest = len(_parts(needed, width - least))
    # As much room for names as leaves the columns in so few parts.
    wide = range(min(needed[0], most), least, -1)
    label = next((label for label in wide if len(_parts(needed, width - label)) == fewest), least)
    groups = _parts(needed, width - label)
    room = width - label - _GAP  # a column that needs more wraps, and takes nothing from the names
    parts = [_part(table, group, label, room, "" if n == 0 else ", continued") for n, group in enumerate(groups)]
    return [line for part in parts for line in (part, Text())]


def _parts(needed: list[int], width: int) -> list[list[int]]:
    """Places of the columns, in parts that are no wider than this."""
    groups: list[list[int]] = []
    room = 0
    for place in range(1, len(needed)):
        if not groups or needed[place] + _GAP > room:
            groups.append([])
            room = width
        groups[-1].append(place)
        room -= needed[place] + _GAP
    return groups


def _needed(table: Table, place: int) -> int:
    """Characters a column needs so that no number and no word is broken."""
    words = [len(word) for word in table.columns[place].split()]
    return max([*words, *(len(line) for row in table.rows for line in row[place])])


def _part(table: Table, places: list[int], label: int, room: int, suffix: str) -> RichTable:
    laid_out = RichTable(
        title=table.title + suffix,
        title_justify="left",
        title_style="bold",
        box=SIMPLE,
        show_edge=False,
        padding=(0, _GAP - 1, 0, 0),
    )
    laid_out.add_column(table.columns[0], width=label, overflow="fold")  # a name cut short names nothing
    for place in places:
        laid_out.add_column(table.columns[place], width=min(_needed(table, place), room))
    for row in table.rows:
        cells = (row[0], *(row[place] for place in places))
        laid_out.add_row(*(Text("\n".join(lines)) for lines in cells), end_section=not table.dense)
    return laid_out


def _facts(report: Report, path: str) -> RichTable:
    facts = RichTable.grid(padding=(0, 2))
    for name, value in (*report.run, ("folder", path)):
        facts.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    return facts
