"""The main numbers as one block, and its place in a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simharness.errors import UsageError
from simharness.report.headline import BEGIN, END, block_of, headline, put_into

Main = Callable[..., tuple[int, str, str]]
PAGE = f"# Title\n\n{BEGIN}\nold\n{END}\nafter\n"


def test_the_block(summary: dict[str, Any]) -> None:
    for name in ("slow", "fast"):
        summary["estimates"]["arms"][name]["contacts_prevented_share"]["estimate"] = 0.123
    banner, first, table, notes, assumed, command = headline(summary).rstrip("\n").split("\n\n")
    assert banner.startswith("**SYNTHETIC")
    assert first.startswith("Police alone: in 181 days")
    head, _, police, slow, fast = table.splitlines()
    assert head.count("|") == 9 and "meeting attempts prevented" in head
    assert (
        police
        == "| Police alone<br>(comparator) | - | - | - | - | - | 0.32<br>0.29 to 0.35 | 1,234<br>1,200 to 1,270 |"
    )
    assert slow.startswith("| Slow code | 100<br>90 to 110 | 5.0<br>4.0 to 6.0 | 10.0 %<br>9.0 to 11.0 % | 12.3 %<br>")
    assert "| -2.0<br>-3.0 to -1.0 |" in slow and fast.startswith("| Fast code | 400<br>")
    assert "95 % interval over 10 replications" in notes
    assert assumed.startswith("**Assumed:** 1 block of the scenario's numbers is assumed and 1 fitted")
    assert assumed.endswith("no finding about the world.")
    assert "`simharness run scenarios/made_up.yaml --seed 7 --scale 1 --replications 10`" in command


def test_what_is_assumed_is_named_only_where_it_is(summary: dict[str, Any]) -> None:
    named = ("the effect of a warning on a child", "the accuracy of reviewers", "the conversations themselves")
    assert not any(words in headline(summary) for words in named)
    paths = ("response.reactions.alert_child", "arms.x.queues.y.tiers.z", "world.grammar.grooming.adaptable")
    summary["assumed"] = [{"path": path, "evidence": "assumed", "source": "x"} for path in paths]
    assert f"3 blocks of the scenario's numbers (among them {', '.join(named)}) are assumed" in headline(summary)
    summary["assumed"] = [{"path": path, "evidence": "fitted", "source": "x"} for path in paths]
    assert not any(words in headline(summary) for words in named)


def test_an_unfinished_run_says_so(summary: dict[str, Any]) -> None:
    assert "Status" not in headline(summary)
    summary["status"] = "partial"
    assert headline(summary).endswith("Status partial.\n")


def test_an_arm_whose_detector_failed_has_no_row(summary: dict[str, Any]) -> None:
    del summary["estimates"]["arms"]["slow"]
    assert "Slow code" not in headline(summary)


def test_a_page_keeps_what_is_around_its_markers() -> None:
    made = put_into(PAGE, "new\nlines\n", "page.md")
    assert made == f"# Title\n\n{BEGIN}\nnew\nlines\n{END}\nafter\n"
    assert block_of(made, "page.md") == "new\nlines\n"
    assert put_into(made, "new\nlines\n", "page.md") == made


def test_what_is_missing_is_said(summary: dict[str, Any]) -> None:
    assert "Missing" not in headline(summary)
    fault = {"detector": "bad", "kind": "hang", "effect": "failed", "replications": [0, 1], "arms": ["slow"]}
    summary["faults"] = [fault | {"times": 2, "unscored": 0, "first": ""}]
    said = "**Missing:** Detector bad, in 2 of 10 replications: gave no answer in time; no result of it there, nor of "
    assert f"{said}the arms slow." in headline(summary)


def test_a_run_that_went_on_is_made_by_the_number_it_began_with(summary: dict[str, Any]) -> None:
    """Begun with the 10 it ended with, its looks would be others."""
    summary["precision"] = {"planned": [4, 6, 9, 14]}
    assert "--replications 4`" in headline(summary)


@pytest.mark.parametrize("page", [PAGE + PAGE, f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"])
def test_a_page_with_two_places_is_refused(page: str) -> None:
    with pytest.raises(UsageError, match="more than once"):
        put_into(page, "new\n", "page.md")


def test_the_ends_of_a_page_s_lines_stay(
    main: Main, made_run: Callable[..., Path], summary: dict[str, Any], tmp_path: Path
) -> None:
    run, page = made_run(summary), tmp_path / "page.md"
    for newline in ("\n", "\r\n"):
        page.write_text(PAGE, encoding="utf-8", newline=newline)
        assert main("report", run, "--format", "headline", "--into", page)[0] == 0
        written = page.read_bytes()
        assert written.count(b"\r\n") == (written.count(b"\n") if newline == "\r\n" else 0)
        assert written.endswith(b"after" + newline.encode())


def test_a_page_that_cannot_be_read_says_why(
    main: Main, made_run: Callable[..., Path], summary: dict[str, Any], tmp_path: Path
) -> None:
    run, binary = made_run(summary), tmp_path / "page.bin"
    binary.write_bytes(b"\xff\xfe")
    for page, said in ((binary, "cannot be read: not UTF-8"), (tmp_path, "cannot be read: Is a directory")):
        code, _, err = main("report", run, "--format", "headline", "--into", page)
        assert (code, said in err) == (2, True), err


@pytest.mark.parametrize("page", ["", f"{BEGIN} alone", f"{END} then {BEGIN}"])
def test_a_page_without_markers_is_refused(page: str) -> None:
    with pytest.raises(UsageError, match="has no place for the main numbers"):
        put_into(page, "new\n", "page.md")


def test_the_command_puts_it_into_a_page(
    main: Main, made_run: Callable[..., Path], summary: dict[str, Any], tmp_path: Path
) -> None:
    run, page = made_run(summary), tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    code, shown, _ = main("report", run, "--format", "headline")
    assert (code, shown) == (0, headline(summary))
    assert main("report", run, "--format", "headline", "--into", page)[:2] == (0, "")
    assert block_of(page.read_text(encoding="utf-8"), "page") == shown
    before = page.read_bytes()
    for words in (("--into", page), ("--format", "md", "--into", page)):
        code, _, err = main("report", run, *words)
        assert (code, "--format headline" in err) == (2, True)
    assert main("report", run, "--format", "headline", "--into", tmp_path / "none.md")[0] == 2
    assert page.read_bytes() == before
