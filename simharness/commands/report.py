"""``simharness report``: the report of a run again, from its summary alone."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

from simharness.errors import UsageError
from simharness.report.content import compose, read_run
from simharness.report.expectations import read_expectations
from simharness.report.headline import headline, put_into
from simharness.report.markdown import markdown
from simharness.report.terminal import console, show
from simharness.store import RunFolder, find_run
from simharness.suites.junit import junit

HEADLINE = "headline"
JUNIT = "junit"
_SUFFIXES = {".md": "md", ".json": "json", ".xml": JUNIT}


def report(run: str, kind: str | None, output: Path | None, results: Path, into: Path | None = None) -> None:
    """Print or write one run's report; ``into``: put its main numbers between the markers of a page.

    Raises UsageError for an unknown run, a file that cannot be written, or a page without markers.
    """
    folder = find_run(results, run)
    if into is not None:
        if kind != HEADLINE or output is not None:
            raise UsageError(
                "--into", "goes with --format headline and without -o", allowed="--format headline --into FILE"
            )
        page, newline = _page(into)
        write_file(into, put_into(page, _text(folder, kind), str(into)), newline)
        return
    kind = kind or (_SUFFIXES.get(output.suffix, "terminal") if output else "terminal")
    if kind == "terminal" and output is None:
        summary, facts = read_run(folder)
        show(compose(summary, facts, read_expectations(folder)), facts.path, console(sys.stdout))
        return
    text = _text(folder, kind)
    if output is None:
        sys.stdout.write(text)
        return
    write_file(output, text)


def write_file(output: Path, text: str, newline: str = "\n") -> None:
    """Write a file the user asked for. Raises UsageError where that cannot be done."""
    try:
        output.write_text(text, encoding="utf-8", newline=newline)
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise UsageError(str(output), problem, hint="Choose another file with --output FILE.") from error


def _page(path: Path) -> tuple[str, str]:
    """A page's text, and how its lines end: they are left as they were."""
    try:
        raw = path.read_bytes()
        return raw.decode("utf-8").replace("\r\n", "\n"), "\r\n" if b"\r\n" in raw else "\n"
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(str(path), f"cannot be read: {why}", allowed="a page of text") from error


def _text(folder: RunFolder, kind: str) -> str:
    summary, facts = read_run(folder)
    expected = read_expectations(folder)
    if kind == "json":
        return (
            json.dumps(summary | ({"expectations": expected} if expected else {}), indent=2, ensure_ascii=False) + "\n"
        )
    if kind == JUNIT:
        if expected is None:
            hint = "Hold the run against its bars first: simharness check RUN."
            raise UsageError(str(folder.path), "was never held against any expectation", hint=hint)
        return junit({summary["scenario"]["name"]: expected}, "simharness")
    if kind == HEADLINE:
        return headline(summary)
    composed = compose(summary, facts, expected)
    if kind == "md":
        return markdown(composed)
    plain = io.StringIO()
    show(composed, facts.path, console(plain))
    return plain.getvalue()
