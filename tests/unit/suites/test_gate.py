"""A finished run held against its bars: what the file in its folder says, and what leaves it incomplete."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from simharness.errors import NotComparable, UsageError
from simharness.report.expectations import EXPECTATIONS, read_expectations
from simharness.store import METRICS, SUMMARY, RunFolder
from simharness.suites.gate import gate, gated_json
from simharness.suites.items import Item

Bars = Callable[..., tuple[Item, ...]]
Finished = Callable[..., RunFolder]
WORDS = {"detector/keyword": {"delay": [8.0, 9.0, 10.0], "grooming": [9, 9, 9]}}
SLOWER = {"detector/keyword": {"delay": [9.0, 10.0, 11.1], "grooming": [9, 9, 9]}}


def gated(folder: RunFolder, items: tuple[Item, ...], **more: Any) -> Any:
    return gate(folder, items, command="simharness run made_up.yaml", expect="bars", **more)


def test_what_is_written_is_what_came_of_it(bars: Bars, finished: Finished) -> None:
    folder = finished(WORDS, manifest={"expect_before": "bars"})
    found = gated(folder, bars("delay[keyword] <= 100", "delay[keyword] >= 100"))
    assert [each.outcome for each in found.judged] == ["held", "missed"]
    assert (found.code, found.run, found.base, found.replications, found.seed) == (
        1,
        "made_up/0123456789ab",
        None,
        3,
        2017,
    )
    assert (found.bars_before, found.incomplete) == (True, False)
    written = json.loads((folder.path / EXPECTATIONS).read_text(encoding="utf-8"))
    assert written == gated_json(found) == read_expectations(folder)
    assert written["synthetic"] and written["exit_code"] == 1 and len(written["expectations"]) == 2


@pytest.mark.parametrize(
    ("manifest", "before"),
    [
        ({"expect_before": "bars"}, True),
        ({"expect_before": "others"}, False),
        ({"expect_before": None}, False),
        ({}, None),
    ],
)
def test_whether_the_bars_were_there_before(
    bars: Bars, finished: Finished, manifest: dict[str, Any], before: bool | None
) -> None:
    assert gated(finished(WORDS, manifest=manifest), bars("delay[keyword] <= 100")).bars_before is before


@pytest.mark.parametrize("status", ["partial", "failed", "running"])
def test_an_incomplete_run_never_passes(bars: Bars, finished: Finished, status: str) -> None:
    found = gated(finished(WORDS, status=status), bars("delay[keyword] <= 100"))
    assert (found.incomplete, found.code, found.judged[0].outcome) == (True, 3, "held")


def test_a_failed_detector_leaves_its_items_failed(bars: Bars, finished: Finished) -> None:
    folder = finished(WORDS, status="partial", failed=["keyword"])
    found = gated(folder, bars("delay[keyword] <= 100"))
    assert (found.judged[0].outcome, found.code) == ("failed", 3)


def test_no_bar_at_all_is_no_pass(finished: Finished) -> None:
    assert gated(finished(WORDS), ()).code == 5


def test_against_a_base(bars: Bars, finished: Finished) -> None:
    base, run = finished(WORDS, "aaaaaaaaaaaa"), finished(SLOWER, "bbbbbbbbbbbb")
    found = gated(run, bars("delay[keyword vs base] not_worse 2"), base=base)
    assert (found.code, found.base, found.judged[0].paired) == (0, "made_up/aaaaaaaaaaaa", True)
    assert found.judged[0].found.estimate == pytest.approx(3.1 / 3)


def test_an_incomplete_base_proves_nothing(bars: Bars, finished: Finished) -> None:
    base, run = finished(WORDS, "aaaaaaaaaaaa", status="partial"), finished(SLOWER, "bbbbbbbbbbbb")
    assert gated(run, bars("delay[keyword vs base] not_worse 2"), base=base).code == 3
    assert gated(run, bars("delay[keyword] <= 100"), base=base).code == 0  # nothing is held against it
    failing = finished(WORDS, "cccccccccccc", status="partial", failed=["keyword"])
    assert gated(run, bars("delay[keyword vs base] not_worse 2"), base=failing).judged[0].outcome == "failed"


def test_runs_of_another_size_are_not_comparable(bars: Bars, finished: Finished) -> None:
    base, run = finished(WORDS, "aaaaaaaaaaaa", scale=0.5), finished(SLOWER, "bbbbbbbbbbbb")
    with pytest.raises(NotComparable, match="scale"):
        gated(run, bars("delay[keyword vs base] not_worse 2"), base=base)
    assert not (run.path / EXPECTATIONS).exists()


def test_without_results_there_is_nothing_to_judge(bars: Bars, finished: Finished) -> None:
    folder = finished(WORDS)
    (folder.path / SUMMARY).unlink()
    with pytest.raises(UsageError, match="nothing to report"):
        gated(folder, bars("delay[keyword] <= 100"))
    folder = finished(WORDS, "dddddddddddd")
    (folder.path / METRICS).unlink()
    with pytest.raises(NotComparable, match="cannot be read"):
        gated(folder, bars("delay[keyword] <= 100"))


def test_reading_it_back(finished: Finished) -> None:
    folder = finished(WORDS)
    assert read_expectations(folder) is None
    for text, words in (("{", "cannot be read"), ("[]", "schema_version is None"), ('{"schema_version": 1}', "is 1")):
        (folder.path / EXPECTATIONS).write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=words):
            read_expectations(folder)
