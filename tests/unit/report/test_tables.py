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
    lead, alerts, before, false, late, hours = price.rows[2][1:]
    assert lead == ("13.0", "12.0 to 14.0")
    assert alerts == ("50", "40 to 60") or alerts == ("50.0", "40.0 to 60.0")
    assert false == ("0.32", "0.29 to 0.35")
    assert before == ("20.0 %", "10.0 to 30.0 %")
    assert late == ("3.0", "2.0 to 4.0")
    assert hours == ("1,234", "1,200 to 1,270")


def test_an_arm_that_never_acts_has_no_lead(summary: dict[str, Any]) -> None:
    summary["estimates"]["arms"]["slow"]["lead_time_days"].update(estimate=None, low=None, high=None, n=0)
    _, price = arms_tables(summary)
    assert price.rows[1][1] == ("n/a", "no such case")
    assert "both act in the period, at different times" in price.notes[0]


def test_detectors_name_the_main_stage_and_the_bound(summary: dict[str, Any]) -> None:
    table = detectors_table(summary)
    words, bound, never = table.rows
    assert words[5] == ("risk assessment", "80.0 %", "70.0 to 90.0 %")
    assert words[6] == ("47.2", "46.8 to 47.6", "over: 19.3", "19.1 to 19.5")
    assert bound[0] == ("bayes_bound", BOUND_LABEL)
    assert bound[6] == ("47.2", "46.8 to 47.6", "over: (bound)")
    for place in (2, 4, 5):
        assert never[place] == ("n/a", "no alert")
    assert never[6] == ("47.2", "46.8 to 47.6", "over: n/a", "unmatched")
    assert any("No alert at this level from: never" in note for note in table.notes)


def test_recall_stands_above_the_recall_before_an_offence(summary: dict[str, Any]) -> None:
    table = detectors_table(summary)
    assert table.columns[1] == "recall; before offence"
    assert table.rows[0][1] == ("37.0 %", "36.0 to 38.0 %", "before: 18.5 %", "9.2 to 37.0 %")


def test_a_recall_of_nothing_has_an_upper_end_and_counts_no_replications(summary: dict[str, Any]) -> None:
    # The n of an exact interval is of trials: 7 conversations over all 10 replications are not "in 7 of 10".
    assert detectors_table(summary).rows[2][1] == ("0.0 %", "0.0 to 41.0 %", "before: 0.0 %", "0.0 to 41.0 %")


def test_every_detector_shows_the_false_alerts_it_really_gave(summary: dict[str, Any]) -> None:
    summary["estimates"]["detectors"]["words"]["false_alert_rate"].update(estimate=14612.3, low=14612.3, high=14612.3)
    table = detectors_table(summary)
    assert table.columns[3] == "false alerts /1,000 child-months"
    assert table.rows[0][3] == ("14,612", "in each of 10")
    assert table.rows[1][3] == ("0.97", "0.95 to 0.99")
    assert "unless the scenario states another for it" in table.notes[0]


def test_a_stage_without_an_alert_is_not_the_main_one(summary: dict[str, Any]) -> None:
    metrics = summary["estimates"]["detectors"]["words"]
    del metrics["stage_at_alert[risk_assessment]"]
    assert detectors_table(summary).rows[0][5] == ("friendship", "20.0 %", "10.0 to 30.0 %", "in 7 of 10")


def test_one_replication_breaks_the_missing_interval_in_two_lines(summary: dict[str, Any]) -> None:
    summary["replications"] = 1
    for metric in (
        summary["estimates"]["detectors"]["words"]["precision"],
        summary["estimates"]["arms"]["fast"]["offences_prevented"],
        summary["estimates"]["arms"]["police"]["offences"],
        summary["recorded"][0]["one_period"],
    ):
        metric.update(low=None, high=None, n=1)
    unknown = ("no interval", "one replication")
    harm = arms_tables(summary)[0]
    assert detectors_table(summary).rows[0][2] == ("20.0 %", *unknown)
    assert harm.rows[2][1][:3] == ("400", *unknown)
    assert harm.rows[0][1] == ("1,000 happen", *unknown)
    assert recorded_table(summary)[0].rows[0][3] == unknown


def test_recorded_figures_with_their_roles_counted(summary: dict[str, Any]) -> None:
    (table,) = recorded_table(summary)
    offences, share = table.rows
    assert offences == (
        ("Offences recorded",),
        ("fitted",),
        ("1,316",),
        ("921 to 1,711",),
        ("1,316 offences",),
        ("yes",),
    )
    assert share[4:] == (("68.0 %",), ("yes", "within 2.0 points"))
    notes = " ".join(table.notes)
    assert "where none is stated, the figure inside the interval for one period" in notes
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


def test_a_check_of_more_days_than_the_run_checks_nothing(summary: dict[str, Any]) -> None:
    figure = summary["recorded"][0]
    assert "more days" not in " ".join(recorded_table(summary)[0].notes)
    figure.update(role="check", days=363, agrees=None)
    for key in ("simulated", "one_period"):
        figure[key].update(estimate=None, low=None, high=None, n=0)
    (table,) = recorded_table(summary)
    assert table.rows[0][2:] == (("n/a",), ("n/a",), ("1,316 offences",), ("n/a",))
    notes = " ".join(table.notes)
    assert "more days than this run's period" in notes and "does not validate the model" in notes


def test_no_figures_no_table(summary: dict[str, Any]) -> None:
    summary["recorded"] = []
    assert recorded_table(summary) == ()
