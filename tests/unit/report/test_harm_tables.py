"""The tables of harm, cell by cell, from a summary written by hand."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from simharness.records import LADDER
from simharness.report.content import Report
from simharness.report.harm_tables import harm_tables
from simharness.report.markdown import markdown
from simharness.report.tables import Table
from simharness.report.terminal import show

UNITS = ("children", "offenders")


def estimate(value: float | None, unit: str, half: float = 1.0, n: int = 10) -> dict[str, Any]:
    low, high = (None, None) if value is None else (value - half, value + half)
    return {"estimate": value, "low": low, "high": high, "n": n, "method": "student-t", "unit": unit}


def of_arm(size: float) -> dict[str, Any]:
    made = {
        "harm_free_days": estimate(70.0 + size, "days"),
        "harm_free_days_gained": estimate(size, "days"),
        "incidence_offence[30d]": estimate(0.3, "share", 0.01),
        "incidence_meeting[90d]": estimate(0.05, "share", 0.01),
        "lead_time_days[p25]": estimate(4.0, "days"),
        "lead_time_days[p75]": estimate(40.0, "days", 2.0),
        "weighted_harm_averted": estimate(77.0, "weighted harm"),
    }
    for place, rung in enumerate(LADDER):
        made[f"{rung}s_made_worse"] = estimate(3.0 + place, "conversations")
        made[f"{rung}s_averted"] = estimate(size - place, "conversations")
        for number, unit in enumerate(UNITS):
            for change in ("prevented", "made_worse"):
                made[f"{rung}_{unit}_{change}"] = estimate(10.0 * (number + 1) + place, unit)
    return made


def needed(value: float | None, reason: str | None) -> dict[str, Any]:
    return {**estimate(value, "alerts"), "reason": reason}


def pair(arm: str, over: str, verdict: str) -> dict[str, Any]:
    rungs = {rung: estimate(-9.0 - place, "children") for place, rung in enumerate(LADDER)}
    return {"arm": arm, "over": over, "verdict": verdict, "rungs": rungs}


def worst(group: str, too_small: list[str]) -> dict[str, Any]:
    share, less = estimate(0.25, "share", 0.05), estimate(-0.1, "share", 0.02)
    return {
        "group": group,
        "share": share,
        "difference": less,
        "looked_at": ["x", "y"],
        "too_small": too_small,
        "fewest": 10.0,
    }


@pytest.fixture
def harmed(summary: dict[str, Any]) -> dict[str, Any]:
    for name, size in (("police", 0.0), ("slow", 5.0), ("fast", 8.0)):
        summary["estimates"]["arms"][name] |= of_arm(size)
    summary["estimates"]["arms"]["fast"]["children_harmed"].update(estimate=500.0)
    unclear = "the interval of the events averted holds 0, or lies below it"
    return summary | {
        "curves": {},
        "alerts_per_averted": {
            "slow": {"offence": needed(None, unclear), "meeting": needed(None, "raises no alerts")},
            "fast": {"offence": needed(7.0, None), "meeting": needed(14.0, None)},
        },
        "dominance": [
            pair("fast", "police", "dominates"),
            pair("slow", "police", "unclear"),
            pair("fast", "slow", "crossing"),
        ],
        "subgroups": {
            "slow": {"sex": worst("girl", [])},
            "fast": {
                "age": worst("7-11", ["16-17"]),
                "force": worst("North", ["A", "B", "C"]),
                "offender_type": worst("intimacy_seeking", []),
            },
        },
        "harm_weights": None,
    }


def table(summary: dict[str, Any], title: str) -> Table:
    return next(each for each in harm_tables(summary) if each.title.startswith(title))


def test_a_run_without_these_measures_has_none_of_the_tables(summary: dict[str, Any]) -> None:
    assert harm_tables(summary) == ()


def test_every_row_has_a_cell_a_column(harmed: dict[str, Any]) -> None:
    for each in harm_tables(harmed):
        assert each.rows and all(len(row) == len(each.columns) for row in each.rows), each.title


def test_time_free_of_harm(harmed: dict[str, Any]) -> None:
    police, slow, _ = table(harmed, "Time free of harm").rows
    assert slow[1:] == (
        ("75.0", "74.0 to 76.0"),
        ("30.0 %", "29.0 to 31.0 %"),
        ("5.0 %", "4.0 to 6.0 %"),
        ("5.0", "4.0 to 6.0"),
        ("4.0 (3.0 to 5.0)", "40.0 (38.0 to 42.0)"),
    )
    assert police[4:] == (("(comparator)",), ("-",))


def test_what_nobody_was_watched_for_is_undefined_and_says_so(harmed: dict[str, Any]) -> None:
    metrics = harmed["estimates"]["arms"]["slow"]
    for name in ("harm_free_days", "harm_free_days_gained", "incidence_meeting[90d]"):
        metrics[name] = estimate(None, "days", n=0)
    for name in ("lead_time_days[p25]", "lead_time_days[p75]"):
        metrics[name] = estimate(None, "days", n=0)
    row = table(harmed, "Time free of harm").rows[1]
    assert row[1] == row[3] == row[4] == ("n/a", "not watched so long") and row[5] == ("n/a", "no such case")


def test_units_stand_below_one_another(harmed: dict[str, Any]) -> None:
    """Prevented: 100 conversations of the first summary, children 10, offenders 20; a meeting attempt counts 2 more."""
    found = table(harmed, "Conversations, children and offenders")
    assert [row[0] for row in found.rows] == [("Slow code",), ("Fast code",)]
    _, unit, prevented, worse, meetings, _ = found.rows[0]
    assert unit == ("conversations", "children", "offenders")
    assert prevented == ("100 (90 to 110)", "10.0 (9.0 to 11.0)", "20.0 (19.0 to 21.0)")
    assert worse[0] == "3.0 (2.0 to 4.0)" and meetings[1] == "12.0 (11.0 to 13.0)"


def test_alerts_needed_or_why_not(harmed: dict[str, Any]) -> None:
    slow, fast = table(harmed, "Harm averted, net").rows
    assert fast[1:] == (("8.0", "7.0 to 9.0"), ("7.0", "6.0 to 8.0"), ("6.0", "5.0 to 7.0"), ("14.0", "13.0 to 15.0"))
    assert (slow[2], slow[4]) == (("n/a", "not clearly above 0"), ("n/a", "raises no alerts"))


def test_weights_are_shown_with_the_word_assumed(harmed: dict[str, Any]) -> None:
    assert "assumed" not in " ".join(table(harmed, "Harm averted, net").notes)
    harmed["harm_weights"] = {
        "evidence": "assumed",
        "source": "guessed",
        "offence": 1,
        "repeat": 2,
        "meeting": 4,
        "contact": 10.5,
    }
    found = table(harmed, "Harm averted, net")
    assert "assumed" in found.columns[-1] and found.rows[0][-1] == ("77.0", "76.0 to 78.0")
    assert (
        "with assumed weights: an offence 1, a repeat 2, a meeting attempt 4, contact abuse 10.5 (guessed)"
        in found.notes[1]
    )


def test_the_ranking_names_what_it_is_held_against(harmed: dict[str, Any]) -> None:
    found = table(harmed, "Ranking for every weighting")
    assert [(row[0][-1].strip(), row[1][0]) for row in found.rows] == [
        ("against the comparator", "fewer, at no rung more"),
        ("against the comparator", "not settled"),
        ("against the next arm", "fewer at one rung, more at another"),
    ]
    assert found.rows[0][5] == ("-12.0", "-13.0 to -11.0")
    assert "holds for every weighting of the rungs that never falls" in found.notes[0]


def test_the_worst_subgroups_are_of_the_arm_with_the_fewest_harmed(harmed: dict[str, Any]) -> None:
    found = table(harmed, "Worst subgroup")
    assert found.title == "Worst subgroup under: Fast code"
    age, force, kind = found.rows
    assert age == (
        ("age, years",),
        ("7-11",),
        ("25.0 %", "20.0 to 30.0 %"),
        ("-10.0", "-12.0 to -8.0"),
        ("2", "too small: 16-17"),
    )
    assert force[4] == ("2", "too small: 3") and kind[0] == ("type of offender",) and kind[1] == ("intimacy seeking",)
    assert "Bonferroni" in found.notes[0]
    harmed["subgroups"] = {"slow": {}, "fast": {}}
    assert not [each for each in harm_tables(harmed) if each.title.startswith("Worst")]


@pytest.mark.parametrize("width", [120, 80])
def test_they_fit_the_page(harmed: dict[str, Any], composed: Callable[[dict[str, Any]], Report], width: int) -> None:
    harmed["harm_weights"] = {"evidence": "assumed", "source": "guessed", **dict.fromkeys(LADDER, 1.0)}
    stream, report = io.StringIO(), composed(harmed)
    show(report, "results", Console(file=stream, width=width, highlight=False))
    text = stream.getvalue()
    assert max(len(line) for line in text.splitlines()) <= width and "40.0 (38.0 to 42.0)" in text
    if width == 120:
        assert "Harm averted, net, continued" not in text and "Conversations, children and offenders, c" not in text
    places = [
        markdown(report).find(title)
        for title in ("How early", "Time free", "Harm averted", "Ranking", "Worst", "Harms of")
    ]
    assert -1 not in places and places == sorted(places)
