"""What a report says of detectors that did not answer."""

from __future__ import annotations

import io
import re
from typing import Any, get_args

import pytest

from simharness.detection.faults import FAULT_KINDS, Effect
from simharness.report.faults import _EFFECTS, KINDS, fault_lines, faults_table
from simharness.report.markdown import section
from simharness.report.terminal import console, show_tables


def fault(effect: Effect = "failed", **more: Any) -> dict[str, Any]:
    return {
        "detector": "mine",
        "kind": "exception",
        "effect": effect,
        "times": 1,
        "unscored": 0,
        "first": "raised KeyError: 'x' (mine.py:3)",
        "replications": [1],
        "arms": ["alerts"],
    } | more


def lines(*faults: dict[str, Any], asked: int = 10) -> list[str]:
    return list(fault_lines({"replications_asked": asked, "faults": list(faults)}))


def test_every_kind_and_effect_has_words() -> None:
    assert set(KINDS) == set(FAULT_KINDS) and set(_EFFECTS) == set(get_args(Effect))
    assert len(set(KINDS.values())) == len(KINDS)


def test_nothing_is_said_where_nothing_failed() -> None:
    assert lines() == [] and faults_table({"faults": []}) == ()
    assert list(fault_lines({"replications_asked": 10})) == [] and faults_table({}) == ()  # a run of an older version


def test_the_banner_names_detector_kind_replications_and_arms() -> None:
    assert lines(fault()) == [
        "Detector mine, in 1 of 10 replications: raised an exception; no result of it there, nor of the arms alerts."
    ]
    assert lines(fault(kind="hang", arms=["a", "b"], replications=[0, 2, 5])) == [
        "Detector mine, in 3 of 10 replications: gave no answer in time; no result of it there, nor of the arms a, b."
    ]
    assert lines(fault(kind="crash", arms=[], replications=[0]), asked=1) == [
        "Detector mine, in 1 of 1 replication: its process ended; no result of it there."
    ]


def test_abstentions_are_said_and_what_was_mended_by_asking_again_is_not() -> None:
    said = "Detector mine, in 1 of 10 replications: gave infinite numbers; what it did not score counts as not scored."
    assert lines(fault("abstained", kind="infinite"), fault("retried", kind="hang")) == [said]


def test_the_table_lists_every_fault() -> None:
    given = [
        fault(),
        fault("abstained", kind="nan", times=1234, unscored=56_789),
        fault("retried", replications=[0, 1]),
    ]
    (table,) = faults_table({"faults": given})
    assert [len(row) for row in table.rows] == [len(table.columns)] * 3
    assert [tuple("".join(cell) for cell in row) for row in table.rows] == [
        ("mine", "raised an exception", "no result there", "1", "1", "-", "raised KeyError: 'x' (mine.py:3)"),
        ("mine", "gave numbers that are none", "counts as not scored", "1", "1,234", "56,789", given[1]["first"]),
        ("mine", "raised an exception", "answered when asked again", "2", "1", "-", given[2]["first"]),
    ]
    assert table.notes and "counts in each replication" in table.notes[0]


@pytest.mark.parametrize("said", ["raised KeyError: [bold]x[/bold] [link]", "raised E: <b>x</b> | y *z* `a` [t](u)"])
def test_nothing_a_detector_said_is_taken_for_markup(said: str) -> None:
    (table,) = faults_table({"faults": [fault(first=said)]})
    stream = io.StringIO()
    show_tables((), "faults", [table], console(stream))
    assert said in stream.getvalue()
    (row,) = (line for line in "\n".join(section(table)).splitlines() if line.startswith("| mine"))
    escaped = re.sub(r"([][|<>*`_])", r"\\\1", said)
    assert f"| {escaped} |" in row


def test_a_long_message_keeps_within_the_terminal() -> None:
    (table,) = faults_table({"faults": [fault(first="raised ValueError: " + "one two three " * 30 + "\nand a line")]})
    stream = io.StringIO()
    show_tables((), "faults", [table], console(stream))
    assert max(map(len, stream.getvalue().splitlines())) <= 120
    assert stream.getvalue().count("three") == 30 and "and a line" in stream.getvalue()
    assert stream.getvalue().count("detector ") == 2 and "…" not in stream.getvalue()  # in both parts, the name whole
