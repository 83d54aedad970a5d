"""What was expected of a run, laid out: verdict lines, a table of every item, and each item as one sentence.

Everything is read from what ``expectations.json`` holds (docs/run_folder.md, ``suites.gate.gated_json``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from simharness.errors import UsageError
from simharness.records import SCHEMA_VERSION
from simharness.report.tables import Cell, Table
from simharness.report.wording import NOT_APPLICABLE, SHARE, counted, interval_lines, phrase, point
from simharness.store import RunFolder

EXPECTATIONS = "expectations.json"
Found = Mapping[str, Any]  # what that file holds
Each = Mapping[str, Any]  # one of its items

MEANS = {
    0: "every bar held",
    1: "a bar was missed",
    3: "something is not complete",
    4: "a bar is undecided",
    5: "nothing that could fail was checked",
}
_COLUMNS = ("expectation", "outcome", "found", "bar")
_ALONE = "k of n alone: the bar held in k of n replications, each by itself."
_WITH_NUMBER = (_PERCENT, _POINTS) = ("%", "points")  # units that are written behind the number
_ENDS = ("estimate", "low", "high")


def read_expectations(folder: RunFolder) -> Found | None:
    """What a run's bars came to; None where it was never held against any. Raises UsageError for a damaged file."""
    path = folder.path / EXPECTATIONS
    hint = "Hold the run against its bars again: simharness check RUN."
    try:
        found: Found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(str(path), f"cannot be read: {error}", hint=hint) from error
    version = found.get("schema_version") if isinstance(found, Mapping) else None
    if version != SCHEMA_VERSION:
        raise UsageError(str(path), f"schema_version is {version}", allowed=str(SCHEMA_VERSION), hint=hint)
    return found


def verdict_lines(found: Found, replications: int | None = None) -> tuple[str, ...]:
    """What the bars came to, and what to know before trusting that. ``replications``: those the run has now."""
    lines = [_verdict(found)]
    if found["incomplete"]:
        lines.append("The run, or the base it is held against, is not complete: give the command again to continue it.")
    if found["expectations"] and not found["bars_set_before_the_run"]:
        known = found["bars_set_before_the_run"] is not None
        when = "are not those that were there" if known else "may not have been there"
        lines.append(f"The bars {when} when the run was begun: a bar set after the results are known proves little.")
    if replications is not None and replications != found["replications"]:
        then = counted(found["replications"], "replication")
        lines.append(
            f"The bars were looked at when {then} had finished, and there are {replications} now: check again."
        )
    return tuple(lines)


def expectations_table(found: Found, title: str = "Expectations") -> Table:
    """Every item in order, with why where it did not hold or was decided otherwise than by its interval alone."""
    items = found["expectations"]
    reasons = dict.fromkeys(each["why"] for each in items if each["why"])
    notes = (f"{why}: {'; '.join(each['name'] for each in items if each['why'] == why)}." for why in reasons)
    alone = [_ALONE] if any(each["of_replications"] is not None for each in items) else []
    return Table(title, _COLUMNS, tuple(map(_row, items)), (*map(_begun, notes), *alone))


def mark(each: Each) -> str:
    """One word or two for what came of an item: held, MISSED, INCONCLUSIVE, FAILED, UNDEFINED or warning."""
    outcome, counts = each["outcome"], each["counts_as"]
    if outcome == "held":
        return "held"
    word = f"{outcome}, counts as {counts}" if outcome == "undefined" else outcome
    if each["severity"] == "warn" and outcome != "failed":  # a failed detector leaves the whole run incomplete
        return f"warning: {word}"
    return word if counts == "skipped" else word.replace(outcome, outcome.upper())


def fails(each: Each) -> bool:
    """Whether an item alone keeps the exit code from being 0."""
    return each["outcome"] == "failed" or (each["severity"] == "fail" and each["counts_as"] not in ("held", "skipped"))


def warns(each: Each) -> bool:
    """Whether an item is shown as a warning: it did not hold, and is no reason to fail."""
    return each["severity"] == "warn" and each["outcome"] not in ("held", "failed")


def sentence(each: Each) -> str:
    """An item in words: what was found with unit and interval, the bar, and why."""
    why = f"; {each['why']}" if each["why"] else ""
    return f"{each['name']}: {mark(each)}: found {found_words(each)}, bar {bar_words(each)}{why}"


def found_words(each: Each) -> str:
    """The number with unit and interval, as running text."""
    unit = _unit(each)
    if each["estimate"] is None:
        return NOT_APPLICABLE
    return _signed(each, phrase(_scaled(each), "" if unit == _PERCENT else unit))


def bar_words(each: Each) -> str:
    """What the number was held against, with the bound that was asked for."""
    unit = "" if _unit(each) in _WITH_NUMBER or each["bar"] is None else f" {each['unit']}"
    bound = f", by {each['bound']}" if each["bound"] else ""
    return f"{_limit(each)}{unit}{bound}"


def held_words(each: Each) -> str:
    """In how many replications the bar held by itself."""
    return "-" if each["of_replications"] is None else f"{each['held_in']} of {each['of_replications']}"


def _verdict(found: Found) -> str:
    items: Sequence[Each] = found["expectations"]
    bars = [each for each in items if each["severity"] == "fail"]
    held = sum(each["counts_as"] == "held" for each in bars)
    parts = [f"{held} of {counted(len(bars), 'bar')} held"] if bars else ["no bar that could fail"]
    for word in ("missed", "inconclusive", "failed", "skipped"):
        count = sum(each["counts_as"] == word for each in bars)
        parts += [f"{count} {word}"] if count else []
    warnings = sum(map(warns, items))
    parts += [counted(warnings, "warning")] if warnings else []
    code = found["exit_code"]
    return f"Expectations: {'; '.join(parts)}: exit code {code} ({MEANS[code]})."


def _row(each: Each) -> tuple[Cell, ...]:
    """The unit stands with the name, once for the number and the bar, so that the table fits 80 columns."""
    metric, bracket, rest = each["name"].partition("[")
    of, versus, other = (bracket + rest.rpartition("]")[0] + "]").partition(" vs ")
    unit, limit = _unit(each), _limit(each)
    scaled = _scaled(each)
    found = (_signed(each, point(scaled)), *interval_lines(scaled))
    return (
        (metric, of, *((f"vs {other}",) if versus else ()), *((unit,) if unit not in _WITH_NUMBER else ())),
        tuple(re.split(", |: |(?<=counts as) ", mark(each))),
        (f"{found[0]} {unit}", *found[1:]) if unit == _POINTS and each["estimate"] is not None else found,
        (limit, *((str(each["bound"]),) if each["bound"] else ()), *_times(each)),
    )


def _times(each: Each) -> Cell:
    return () if each["of_replications"] is None else (f"{held_words(each)} alone",)


def _limit(each: Each) -> str:
    """The bar with the unit where that is % or points."""
    if each["bar"] is None:
        return f"{each['op']} {NOT_APPLICABLE}"
    share = each["unit"] == SHARE
    digits = (
        4 if each["name"].endswith("%") else 10
    )  # a share of an estimate is as exact as that; a stated bar is exact
    return f"{each['op']} {each['bar'] * (100.0 if share else 1.0):,.{digits}g}" + (f" {_unit(each)}" if share else "")


def _unit(each: Each) -> str:
    """%, or points for a difference of shares; any other as it is."""
    if each["unit"] != SHARE:
        return str(each["unit"])
    return _PERCENT if each["versus"] is None else _POINTS


def _scaled(each: Each) -> dict[str, Any]:
    """The estimate for wording's functions; a difference of shares in percentage points."""
    if each["unit"] != SHARE or each["versus"] is None:
        return {**{key: each[key] for key in (*_ENDS, "n", "method")}, "unit": each["unit"]}
    ends = {key: None if each[key] is None else 100.0 * each[key] for key in _ENDS}
    return {**ends, "n": each["n"], "method": each["method"], "unit": ""}


def _begun(note: str) -> str:
    return note[0].upper() + note[1:]


def _signed(each: Each, words: str) -> str:
    """With the plus of a difference."""
    more = each["versus"] is not None and each["estimate"] is not None and each["estimate"] > 0
    return f"+{words}" if more else words
