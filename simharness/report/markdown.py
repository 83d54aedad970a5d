"""The report as Markdown (``summary.md``), with every assumption in full. The same run always gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from simharness.report.content import Report
from simharness.report.tables import Table

_BREAK = "<br>"


def markdown(report: Report) -> str:
    """The whole report as one Markdown text."""
    parts = [
        "\n".join(f"> **{line}**" if place == 0 else f"> {line}" for place, line in enumerate(report.banner)),
        f"# {plain(report.title)}",
        plain(report.description),
        *(plain(sentence) for sentence in report.verdict),
        *(part for table in report.tables for part in section(table)),
        "## Assumptions",
        plain(report.assumptions_line),
        grid(("where", "evidence", "source"), [tuple((text,) for text in row) for row in report.assumptions]),
        "## Notes",
        _list(report.notes),
        "## Run",
        grid(("what", "value"), [((name,), (value,)) for name, value in report.run]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def section(table: Table) -> Iterable[str]:
    """A table under a heading of its own, with its notes."""
    yield f"## {plain(table.title)}"
    yield grid(table.columns, table.rows)
    if table.notes:
        yield _list(table.notes)


def grid(columns: Sequence[str], rows: Sequence[Sequence[Sequence[str]]]) -> str:
    """A table in Markdown; nothing where it has no row."""
    lines = [_row((column,) for column in columns), "|" + " --- |" * len(columns)]
    return "\n".join([*lines, *(_row(row) for row in rows)]) if rows else ""


def plain(text: str) -> str:
    """Text of a scenario is shown as it is written: nothing in it may open a tag, a link or a column."""
    for sign in ("\\", "|", "<", ">", "*", "_", "`", "[", "]"):
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())


def _row(cells: Iterable[Sequence[str]]) -> str:
    return "| " + " | ".join(_BREAK.join(plain(line) for line in lines) for lines in cells) + " |"


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {plain(line)}" for line in lines)
