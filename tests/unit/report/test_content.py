"""Banner, assumptions, facts, and reading a run's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simharness.errors import UsageError
from simharness.report.content import Report, compose, read_run
from simharness.report.wording import BANNER
from simharness.store import RunFolder

Compose = Callable[[dict[str, Any]], Report]


def test_a_complete_run_at_full_scale_has_the_banner_alone(summary: dict[str, Any], composed: Compose) -> None:
    assert composed(summary).banner == (BANNER,)


def test_scale_status_and_few_replications_are_said_first(summary: dict[str, Any], composed: Compose) -> None:
    summary["scenario"]["scale"] = 0.02
    summary.update(status="partial", replications=3)
    assert composed(summary).banner[1:] == (
        "Scale 0.02: counts are of 2.0 % of the population, not of all of it.",
        "Status partial: 3 of 10 replications finished.",
        "Only 3 replications: intervals are wide and unsteady; use 10 or more.",
    )


def test_assumptions_are_counted_by_kind_and_listed(summary: dict[str, Any], composed: Compose) -> None:
    report = composed(summary)
    assert report.assumptions_line.startswith("1 block of the scenario's numbers is assumed and 1 fitted")
    assert report.assumptions[0] == ("world.day", "assumed", "a plain waking day | guessed")


def test_the_run_is_named_with_all_that_is_needed_to_make_it_again(summary: dict[str, Any], composed: Compose) -> None:
    facts = dict(composed(summary).run)
    assert facts["run"] == "made_up/0123456789ab"
    assert facts["digest"] == "d" * 64
    assert (facts["seed"], facts["replications"], facts["scale"]) == ("7", "10 of 10", "1")


def test_read_from_summary_and_manifest_alone(summary: dict[str, Any], made_run: Callable[..., Path]) -> None:
    folder = RunFolder.at(made_run(summary))
    found, facts = read_run(folder)
    assert found == summary
    assert facts.name == "made_up/0123456789ab"
    assert compose(found, facts).title == "A made-up place"


def test_a_run_without_a_summary_says_how_to_go_on(made_run: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match=r"no replication has finished yet \(status: running\)") as error:
        read_run(RunFolder.at(made_run(None, "running")))
    assert "command again" in str(error.value)


def test_a_summary_of_nothing_is_no_report(summary: dict[str, Any], made_run: Callable[..., Path]) -> None:
    summary.update(replications=0)
    with pytest.raises(UsageError, match="no replication has finished yet"):
        read_run(RunFolder.at(made_run(summary)))


def test_several_populations_side_by_side(summary: dict[str, Any], composed: Compose) -> None:
    summary["scenario"]["scale"] = 2.05
    assert composed(summary).banner[1] == "Scale 2.05: counts are of 2.05 populations."


@pytest.mark.parametrize("text", ["{", '{"schema_version": 99}'])
def test_a_damaged_or_strange_summary_is_refused(text: str, made_run: Callable[..., Path]) -> None:
    folder = made_run({})
    (folder / "summary.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"summary\.json"):
        read_run(RunFolder.at(folder))
