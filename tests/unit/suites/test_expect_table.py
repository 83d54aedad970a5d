"""The table for people: a word for each outcome, every number with unit and interval, and the verdict first."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from simharness.report.expectations import (
    MEANS,
    bar_words,
    expectations_table,
    found_words,
    mark,
    sentence,
    verdict_lines,
)
from simharness.report.markdown import section
from simharness.report.terminal import show_tables
from simharness.suites.items import Item
from simharness.suites.judging import Judged, as_json

DELAYS = {"detector/keyword": {"delay": (8.0, 9.0, 10.0, 11.0, 12.0), "grooming": [9] * 5}}
HALF = {"detector/keyword": {"detected": (3, 5, 4, 6, 2, 5), "grooming": (10,) * 6}}
NONE = {"detector/keyword": {"delay": [None], "grooming": [1]}}
TEN = "10.0 messages (95 % interval 8.0 to 12.0)"
Judge = Callable[..., Judged]


def found(*items: Any, **more: Any) -> dict[str, Any]:
    whole = {"expectations": items, "exit_code": 0, "incomplete": False, "bars_set_before_the_run": True}
    return whole | {"replications": 5} | more


@pytest.mark.parametrize(
    ("outcome", "severity", "on_missing", "words"),
    [
        ("held", "fail", "fail", "held"),
        ("held", "warn", "fail", "held"),
        ("missed", "fail", "fail", "MISSED"),
        ("missed", "warn", "fail", "warning: missed"),
        ("inconclusive", "fail", "fail", "INCONCLUSIVE"),
        ("failed", "fail", "fail", "FAILED"),
        ("failed", "warn", "fail", "FAILED"),
        ("undefined", "fail", "fail", "UNDEFINED, counts as missed"),
        ("undefined", "fail", "inconclusive", "UNDEFINED, counts as inconclusive"),
        ("undefined", "fail", "skip", "undefined, counts as skipped"),
        ("undefined", "warn", "fail", "warning: undefined, counts as missed"),
    ],
)
def test_a_word_for_each_outcome(
    judged: Judge, bars: Callable[..., tuple[Item, ...]], outcome: Any, severity: str, on_missing: str, words: str
) -> None:
    wanted = {
        "metric": "delay",
        "of": "keyword",
        "op": "<=",
        "value": 5,
        "severity": severity,
        "on_missing": on_missing,
    }
    each = replace(judged("delay[keyword] <= 5", DELAYS), item=bars(wanted)[0], outcome=outcome)
    assert mark(as_json(each)) == words


@pytest.mark.parametrize(
    ("expectation", "numbers", "base", "number", "bar"),
    [
        ("delay[keyword] <= 11.25", DELAYS, None, TEN, "<= 11.25 messages"),
        ("delay[keyword].ci_low <= 9", DELAYS, None, TEN, "<= 9 messages, by ci_low"),
        ("recall[keyword] >= 0.1234", HALF, None, "41.7 % (95 % interval 26.7 to 55.2 %)", ">= 12.34 %"),
        ("recall[keyword vs base] >= -0.05", HALF, HALF, "0 points (in each of 6)", ">= -5 points"),
        (
            "recall[keyword vs base] not_worse 10%",
            HALF,
            {"detector/keyword": {"detected": (2, 4, 4, 5, 1, 5), "grooming": (10,) * 6}},
            "+6.7 points (95 % interval 0.0 to 10.0)",
            ">= -3.5 points",
        ),
        ("delay[keyword] <= 1", NONE, None, "n/a", "<= 1 messages"),
    ],
)  # fmt: skip
def test_numbers_have_units_and_intervals(
    judged: Judge, expectation: str, numbers: Any, base: Any, number: str, bar: str
) -> None:
    each = as_json(judged(expectation, numbers, base))
    assert (found_words(each), bar_words(each)) == (number, bar)
    assert sentence(each).startswith(f"{expectation}: {mark(each)}: found {number}, bar {bar}")


def test_the_verdict_counts_bars_and_says_what_the_code_means(judged: Judge) -> None:
    items = [as_json(judged(f"delay[keyword] <= {bar}", DELAYS)) for bar in (100, 50, 20, 10, 5)]
    items.append(
        as_json(judged({"metric": "delay", "of": "keyword", "op": "<=", "value": 4, "severity": "warn"}, DELAYS))
    )
    (line,) = verdict_lines(found(*items, exit_code=1))
    assert line == (
        "Expectations: 3 of 5 bars held; 1 missed; 1 inconclusive; 1 warning: exit code 1 (a bar was missed)."
    )
    assert verdict_lines(found(exit_code=5)) == (
        "Expectations: no bar that could fail: exit code 5 (nothing that could fail was checked).",
    )
    assert "no bar that could fail; 1 warning: exit code 5" in verdict_lines(found(items[-1], exit_code=5))[0]


def test_what_to_know_before_trusting_it(judged: Judge) -> None:
    item = as_json(judged("delay[keyword] <= 100", DELAYS))
    assert len(verdict_lines(found(item), 5)) == 1
    for before, words in ((False, "are not those that were there"), (None, "may not have been there")):
        assert words in verdict_lines(found(item, bars_set_before_the_run=before))[1]
    assert "is not complete" in verdict_lines(found(item, incomplete=True, exit_code=3))[1]
    assert "when 5 replications had finished, and there are 6 now" in verdict_lines(found(item), 6)[1]


def test_every_exit_code_of_a_judged_run_has_its_words() -> None:
    assert set(MEANS) == {0, 1, 3, 4, 5}


@pytest.fixture
def table_items(judged: Judge) -> list[dict[str, Any]]:
    rate = {"arm/mandatory_code": {"children_wrongly_alarmed": [400] * 6, "child_months": [1.0] * 6}}
    return [
        as_json(each)
        for each in (
            judged("delay[keyword].estimate <= 100", DELAYS),
            judged("recall[keyword vs text_model] >= 0.5", HALF | {"detector/text_model": HALF["detector/keyword"]}),
            judged("children_wrongly_alarmed_per_1000_child_months[mandatory_code] <= 2", rate),
            judged("delay[keyword] <= 11", DELAYS),
        )
    ]


def test_a_row_for_each_item_and_a_note_for_each_why(table_items: list[dict[str, Any]]) -> None:
    table = expectations_table(found(*table_items))
    assert table.rows[0] == (
        ("delay", "[keyword]", "messages"),
        ("held",),
        ("10.0", "8.0 to 12.0"),
        ("<= 100", "estimate", "5 of 5 alone"),
    )
    assert table.rows[1] == (
        ("recall", "[keyword", "vs text_model]"),
        ("MISSED",),
        ("0 points", "in each of 6"),
        (">= 50 points", "0 of 6 alone"),
    )
    assert [note.partition(":")[0] for note in table.notes] == [
        "By the estimate alone",
        "The interval straddles the bar",
        "k of n alone",
    ]
    assert table.notes[1].endswith("delay[keyword] <= 11.")


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_a_terminal_and_cuts_no_name(table_items: list[dict[str, Any]], width: int) -> None:
    stream = io.StringIO()
    table = expectations_table(found(*table_items))
    show_tables(["SYNTHETIC"], "A run", [table], Console(file=stream, width=width, highlight=False))
    text = stream.getvalue()
    assert max(map(len, text.splitlines())) <= width and "…" not in text and "continued" not in text
    assert "children_wrongly_alarmed_per_1000_child_months" in "".join(
        line[:46].split(" ")[0] for line in text.splitlines()
    )


def test_markdown_opens_no_tag(table_items: list[dict[str, Any]]) -> None:
    text = "\n".join(section(expectations_table(found(*table_items))))
    assert "\\[keyword\\]" in text and "\\<= 100" in text
