"""``simharness expect``: an ``expect:`` block that a run holds with room, printed or put into a scenario."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from simharness.commands.compare import parse_margin
from simharness.errors import SimharnessError, UsageError
from simharness.scenario.load import load_scenario
from simharness.scenario.yaml_text import put_block, read_text
from simharness.store import find_run
from simharness.suites.items import items_of
from simharness.suites.loading import model_of
from simharness.suites.suite import is_suite
from simharness.suites.writing import Wanted, Written, write_bars

KEY = "expect"


def expect(
    source: str,
    *,
    margin: str,
    metrics: Sequence[str],
    arms: Sequence[str],
    detectors: Sequence[str],
    vs_base: bool,
    into: Path | None,
    force: bool,
    results: Path,
) -> None:
    """Print the block, or put it into a file; what cannot carry a bar is said on stderr.

    Raises UsageError for an unknown run, metric, arm or detector, a margin that is none, and a file that has a block
    already (unless ``force``) or cannot take it.
    """
    if force and into is None:
        raise UsageError("--force", "goes with --into FILE")
    found = write_bars(find_run(results, source), Wanted(metrics, arms, detectors), _share(margin), versus_base=vs_base)
    for line in found.left_out:
        print(f"left out: {line}", file=sys.stderr)
    text = block(found)
    if into is None:
        sys.stdout.write(text)
        return
    _put(into, text, force=force)
    print(f"{into}: {len(found.lines)} bars under {KEY}")


def block(found: Written) -> str:
    """The YAML text."""
    lines = [f"  - {_quoted(sentence)}  # {now}" for sentence, now in found.lines]
    return "\n".join([f"{KEY}:", *lines]) + "\n"


def _put(file: Path, text: str, *, force: bool) -> None:
    """Into a scenario, which must then still be one whose bars mean something; otherwise it stays as it was."""
    if is_suite(file):
        hint = "Print the block without --into, and put it under one of the suite's runs."
        raise UsageError(str(file), "is a suite, whose runs have bars of their own", hint=hint)
    before = read_text(file, str(file))
    put_block(file, KEY, text, replace=force)
    try:
        loaded = load_scenario(file)
        items_of(loaded, model_of(loaded), base=True)
    except SimharnessError:
        file.write_bytes(before.encode())
        raise


def _share(margin: str) -> float:
    """The margin as a share of the estimate. Raises UsageError."""
    _, found = parse_margin(f"margin={margin}")
    if not found.relative:
        raise UsageError(f"--margin {margin}", "not a share of the estimate", allowed="a percentage, such as 10%")
    return found.value


def _quoted(sentence: str) -> str:
    """Quoted where YAML would read it otherwise."""
    return f'"{sentence}"' if ": " in sentence or " #" in sentence else sentence
