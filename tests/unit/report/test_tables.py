"""What the tables say, cell by cell."""

from __future__ import annotations

from typing import Any

from simharness.report.tables import arms_tables, detectors_table, recorded_table
from simharness.report.wording import BOUND_LABEL


def test_every_arm_has_a_row_in_both_tables(summary: dict[str, Any]) -> None:
    harm, price = arms_tables(summary)
    for table in (harm, price):
        assert [row[0] for row in table.rows] == [("Police alone", "(comparator)"), ("Slow code",), ("Fast code",)]
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_prevented_events_as_count_and_share_with_intervals(summary: dict[str, Any]) -> None:
    harm, _ = arms_tables(summary)
    assert harm.rows[2][1] == ("400", "380 to 420", "40.0 %", "38.0 to 42.0 %")
    assert harm.rows[2][4:] == (("400", "380 to 420"), ("12.0", "11.0 to 13.0"))


def test_the_comparator_counts_what_happens_and_is_not_compared_with_itself(summary: dict[str, Any]) -> None:
    harm, price = arms_tables(summary)
    assert harm.rows[0][1] == ("1,000 happen", "990 to 1,010")
    assert price.rows[0][1] == ("is compared", "with itself")


def test_the_price(summary: dict[str, Any]) -> None:
    _, price = arms_tables(summary)
    lead, alerts, false, wrong, hours = price.rows[2][1:]
    assert lead == ("13.0", "12.0 to 14.0")
    assert alerts == ("50", "40 to 60") or alerts == ("50.0", "40.0 to 60.0")
    assert false == ("0.32", "0.29 to 0.35")
    assert wrong == ("0", "in each of 10")
    assert hours == ("1,234", "1,200 to 1,270")


def test_an_arm_that_never_acts_has_no_lead(summary: dict[str, Any]) -> None:
    summary["estimates"]["arms"]["slow"]["lead_time_days"].update(estimate=None, low=None, high=None, n=0)
    _, price = arms_tables(summary)
    assert price.rows[1][1] == ("n/a", "both never act")


def test_detectors_name_the_main_stage_and_the_bound(summary: dict[str, Any]) -> None:
    table = detectors_table(summary)
    words, bound, never = table.rows
    assert words[5] == ("risk assessment", "80.0 %", "70.0 to 90.0 %")
    assert words[7] == ("19.3", "19.1 to 19.5")
    assert bound[0] == ("bayes_bound", BOUND_LABEL)
    assert bound[7] == ("is the", "bound")
    assert never[1] == ("0.0 %", "in each of 10")
    assert never[3:6] == (("n/a", "no alert"),) * 3
    assert never[7] == ("n/a", "unmatched")
    assert any("No alert at this level from: never" in note for note in table.notes)


def test_recorded_figures_with_their_roles_counted(summary: dict[str, Any]) -> None:
    (table,) = recorded_table(summary)
    offences, share = table.rows
    assert offences == (
        ("Offences recorded",),
        ("fitted",),
        ("1,316", "1,184 to 1,448"),
        ("921 to 1,711",),
        ("1,316 offences",),
        ("yes",),
    )
    assert share[4:] == (("68.0 %",), ("yes", "within 2.0 points"))
    notes = " ".join(table.notes)
    assert "fitted (1): a parameter was tuned" in notes
    assert "input (1)" in notes
    assert "check (0)" in notes
    assert "does not validate the model" in notes


def test_with_a_figure_to_check_the_warning_goes(summary: dict[str, Any]) -> None:
    summary["recorded"][0]["role"] = "check"
    assert "does not validate" not in " ".join(recorded_table(summary)[0].notes)


def test_at_another_scale_the_table_says_that_offences_are_scaled(summary: dict[str, Any]) -> None:
    assert "divided by the scale" not in " ".join(recorded_table(summary)[0].notes)
    summary["scenario"]["scale"] = 0.02
    assert "divided by the scale (0.02)" in " ".join(recorded_table(summary)[0].notes)


def test_undefined_agreement_is_not_a_no(summary: dict[str, Any]) -> None:
    summary["recorded"][0]["agrees"] = None
    assert recorded_table(summary)[0].rows[0][5] == ("n/a",)


def test_no_figures_no_table(summary: dict[str, Any]) -> None:
    summary["recorded"] = []
    assert recorded_table(summary) == ()
