"""The same report on a terminal and as Markdown: order, width, colour, escaping."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from simharness.report.content import Report
from simharness.report.markdown import markdown
from simharness.report.terminal import console, show
from simharness.report.wording import BANNER

Compose = Callable[[dict[str, Any]], Report]
ORDER = (
    "SYNTHETIC",
    "Fast code would spare",
    "Alerts lost, of those raised",
    "What changes for children, against",
    "How early, and at what price",
    "Harms of acting",
    "Where alerts were lost",
    "Desks",
    "Protected in time:",
    "What offenders and platforms answered",
    "Every detector at",
    "Simulated against recorded",
    "Assumptions",
    "Notes",
    "d" * 64,
)


def printed(report: Report, width: int) -> str:
    stream = io.StringIO()
    show(report, "results/made_up/0123456789ab", Console(file=stream, width=width, highlight=False))
    return stream.getvalue()


def in_order(text: str) -> bool:
    places = [text.find(part) for part in ORDER]
    return -1 not in places and places == sorted(places)


@pytest.mark.parametrize("width", [120, 80])
def test_terminal_order_and_width(summary: dict[str, Any], composed: Compose, width: int) -> None:
    text = printed(composed(summary), width)
    assert in_order(text)
    assert max(len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("width", [120, 80])
def test_no_number_is_broken_or_cut(summary: dict[str, Any], composed: Compose, width: int) -> None:
    text = printed(composed(summary), width)
    for whole in ("38.0 to 42.0 %", "1,200 to 1,270", "921 to 1,711", "19.1 to 19.5", "risk assessment"):
        assert whole in text, whole


def test_a_narrow_terminal_gets_the_columns_in_several_tables(summary: dict[str, Any], composed: Compose) -> None:
    assert "Detectors, continued" not in printed(composed(summary), 120)
    assert "Detectors, continued" in printed(composed(summary), 60)


def test_the_widest_usual_numbers_leave_the_detectors_in_one_table(summary: dict[str, Any], composed: Compose) -> None:
    for metrics in summary["estimates"]["detectors"].values():
        for estimate in metrics.values():
            if estimate["estimate"] is not None and estimate["unit"] == "share":
                estimate.update(estimate=0.9996, low=0.9731, high=1.0)
        metrics["false_alert_rate"].update(estimate=14612.3, low=14512.3, high=14712.3)
    text = printed(composed(summary), 120)
    assert "97.3 to 100.0 %" in text and "14,512 to 14,712" in text
    assert "continued" not in text


def test_names_take_the_room_that_is_left(summary: dict[str, Any], composed: Compose) -> None:
    """In a table of few columns a long name stands on one line; in one that needs the room it is wrapped."""
    title = "A code with a rather long name"
    summary["arms"]["fast"]["title"] = title
    lines = printed(composed(summary), 120).splitlines()
    assert any(line.startswith(f"{title} ") and "7.0" in line for line in lines)  # what offenders answered
    assert any(line.startswith("A code with") and title not in line for line in lines)  # harms of acting


def test_desks_stand_close_together(summary: dict[str, Any], composed: Compose) -> None:
    lines = printed(composed(summary), 120).splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("  moderators"))
    assert lines[first + 1].startswith("Slow code")


def test_the_terminal_counts_assumptions_and_says_where_they_are(summary: dict[str, Any], composed: Compose) -> None:
    text = " ".join(printed(composed(summary), 120).split())
    assert "Each is listed with its source in summary.md" in text
    assert "a plain waking day" not in text


def test_a_stream_that_is_no_terminal_is_120_wide_and_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    made = console(io.StringIO())
    assert (made.width, made.color_system) == (120, None)


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert console(io.StringIO()).no_color


def test_markdown_order_banner_and_full_assumptions(summary: dict[str, Any], composed: Compose) -> None:
    text = markdown(composed(summary))
    assert text.startswith(f"> **{BANNER}**")
    assert in_order(text)
    assert "| world.day | assumed | a plain waking day \\| guessed |" in text


def test_markdown_tables_have_as_many_cells_as_columns(summary: dict[str, Any], composed: Compose) -> None:
    blocks = markdown(composed(summary)).split("\n\n")
    grids = [block.replace("\\|", "").splitlines() for block in blocks if block.startswith("|")]
    # two of arms, harms, lost, desks, police, answers, detectors, early detection, recorded, assumptions, run
    assert len(grids) == 12
    for lines in grids:
        assert len({line.count("|") for line in lines}) == 1, lines[0]


def test_markdown_shows_a_scenarios_text_as_it_is_written(summary: dict[str, Any], composed: Compose) -> None:
    summary["scenario"]["title"] = "<b>bold</b> [a](b) *c*"
    assert "# \\<b\\>bold\\</b\\> \\[a\\](b) \\*c\\*" in markdown(composed(summary))


def test_the_same_run_gives_the_same_bytes(summary: dict[str, Any], composed: Compose) -> None:
    assert markdown(composed(summary)) == markdown(composed(summary))
