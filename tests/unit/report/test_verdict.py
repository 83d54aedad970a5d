"""The verdict's sentences: who is best, by how much, at whose cost, and when that is not settled."""

from __future__ import annotations

from typing import Any

from simharness.report.verdict import verdict


def test_sentences_in_order(summary: dict[str, Any]) -> None:
    baseline, best, timing, price, others, lost = verdict(summary)
    assert price.startswith("Its price") and lost.startswith("Alerts lost")
    assert baseline == (
        "Police alone: in 181 days (3 April to 30 September 2017), 870 children "
        "(95 % interval 860 to 880) would come to harm (an offence or worse)."
    )
    assert best.startswith("Fast code would spare 400 children (95 % interval 380 to 420) at least one event")
    assert best.endswith("earlier for 12.0 (95 % interval 11.0 to 13.0).")
    assert "13.0 days (95 % interval 12.0 to 14.0) earlier (median)" in timing
    assert timing.startswith("Where both act, at different times, its first protective action")
    assert timing.endswith(
        "; of the conversations it acts on otherwise than the comparator, 80.0 % (95 % interval 75.0 to 85.0 %) are "
        "not reached by the comparator in the period."
    )
    assert others.endswith(": Slow code 100 (90 to 110), made worse 5.0 (4.0 to 6.0).")


def test_a_later_action_is_called_later(summary: dict[str, Any]) -> None:
    summary["estimates"]["arms"]["slow"]["children_protected"]["estimate"] = 900.0
    timing = verdict(summary)[2]
    assert "2.0 days (95 % interval 1.0 to 3.0) later" in timing


def test_no_lead_where_the_comparator_never_acts(summary: dict[str, Any]) -> None:
    lead = summary["estimates"]["arms"]["fast"]["lead_time_days"]
    lead.update(estimate=None, low=None, high=None, n=0)
    timing = verdict(summary)[2]
    assert "both it and the comparator act at different times, so no lead in days" in timing
    assert "0 days" not in timing


def test_meeting_intervals_leave_the_order_open(summary: dict[str, Any]) -> None:
    summary["estimates"]["arms"]["slow"]["children_protected"].update(estimate=390.0, low=370.0, high=410.0)
    assert verdict(summary)[-2] == (
        "Which of Fast code and Slow code spares more children is not settled: their intervals meet (380 against 410)."
    )


def test_an_interval_that_holds_none_is_said(summary: dict[str, Any]) -> None:
    summary["estimates"]["arms"]["fast"]["children_protected"].update(low=-94.0, high=900.0)
    sentences = verdict(summary)
    assert "Fast code would spare 400 children (95 % interval -94 to 900)" in sentences[1]
    assert sentences[-2].startswith("Whether Fast code spares any is not settled")


def test_an_arm_without_a_detector_is_named_only_if_it_surely_spares_somebody(summary: dict[str, Any]) -> None:
    arms = summary["arms"]
    arms["slow"]["detector"] = None
    assert "Slow code" in " ".join(verdict(summary))
    summary["estimates"]["arms"]["slow"]["children_protected"]["low"] = -1.0
    assert "Slow code" not in " ".join(verdict(summary))


def test_nobody_spared_is_not_dressed_up(summary: dict[str, Any]) -> None:
    for name in ("slow", "fast"):
        summary["estimates"]["arms"][name]["children_protected"].update(estimate=0.0, low=0.0, high=0.0)
    assert verdict(summary)[1] == "No other arm was seen to spare children an event."


def test_the_scale_is_part_of_the_baseline(summary: dict[str, Any]) -> None:
    summary["scenario"]["scale"] = 0.02
    assert verdict(summary)[0].endswith("would come to harm (an offence or worse) at scale 0.02.")
