"""JUnit (xunit2, as pytest writes it) of runs held against their bars: one testsuite a run, one testcase an item.

Whoever reads only this file sees a failure or an error exactly where the exit code is not 0.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree

from simharness.report.expectations import (
    MEANS,
    Each,
    Found,
    bar_words,
    fails,
    found_words,
    held_words,
    sentence,
    verdict_lines,
    warns,
)
from simharness.suites.judging import INCOMPLETE, NOTHING_CHECKED

_KINDS = ("failure", "error", "skipped")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2
_CASES = {"missed": ("failure", "missed"), "says nothing": ("failure", "inconclusive"), "failed": ("error", "failed")}
_BEFORE = {True: "before the run was begun", False: "after the run was begun", None: "not known when"}


class Replay(Protocol):
    """A regression case that was judged again. ``outcome``: fixed, missed, says nothing or failed."""

    @property
    def path(self) -> Path: ...
    @property
    def name(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def sentence(self) -> str: ...
    @property
    def problem(self) -> str | None: ...


def junit(
    runs: Mapping[str, Found],
    suite: str,
    *,
    cases: Sequence[Replay] = (),
    seconds: Mapping[str, float] | None = None,
) -> str:
    """The file's text. ``runs``: what each run's ``expectations.json`` holds, by a name that lasts: the scenario's, or
    the suite's name for the run, and not the run id, or no history of it could be kept.

    ``seconds``: how long each run took, if it is known; judging takes none. No run at all is an error too.
    """
    root = ElementTree.Element("testsuites", name=_clean(suite))
    for name, found in runs.items():
        _add_run(root, suite, name, found, (seconds or {}).get(name, 0.0))
    if cases:
        _add_cases(root, suite, cases)
    if not runs and not cases:
        part = ElementTree.SubElement(root, "testsuite", name=_clean(suite))
        _add(_case(part, suite, f"{suite}: anything"), "error", "nothing checked", "there is no run and no case")
        _count(part, 0.0)
    _total(root)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_run(root: ElementTree.Element, suite: str, name: str, found: Found, seconds: float) -> None:
    part = ElementTree.SubElement(root, "testsuite", name=_clean(name))
    properties = ElementTree.SubElement(part, "properties")
    for key, value in _facts(found):
        ElementTree.SubElement(properties, "property", name=key, value=_clean(value))
    classname = f"{suite}.{name}"
    for each in found["expectations"]:
        case = _case(part, classname, f"{name}: {each['name']}")
        _outcome(case, each)
        ElementTree.SubElement(case, "system-out").text = _clean(_details(each, found))
    # A file of items alone would pass where there are none, or where the run behind them is not whole.
    if found["exit_code"] == NOTHING_CHECKED:
        case = _case(part, classname, f"{name}: anything checked")
        _add(case, "error", "nothing checked", MEANS[NOTHING_CHECKED])
    if found["exit_code"] == INCOMPLETE and found["incomplete"]:
        _add(_case(part, classname, f"{name}: complete"), "error", "incomplete", " ".join(verdict_lines(found)))
    _count(part, seconds)


def _facts(found: Found) -> Iterator[tuple[str, str]]:
    yield "synthetic", "true"
    yield "run", found["run"]
    if found["base"] is not None:
        yield "base", found["base"]
    yield "seed", str(found["seed"])
    yield "replications", str(found["replications"])
    yield "bars set", _BEFORE[found["bars_set_before_the_run"]]
    yield "exit code", str(found["exit_code"])
    yield "command", found["command"]


def _outcome(case: ElementTree.Element, each: Each) -> None:
    """What a reader of the file is told: as the exit code has it, and a warning is seen but fails nothing."""
    if not fails(each):
        if warns(each):
            _add(case, "skipped", "warning", f"warning: {sentence(each)}")
        elif each["counts_as"] == "skipped":
            _add(case, "skipped", "undefined", sentence(each))
        return
    kind = "error" if each["outcome"] == "failed" else "failure"
    _add(case, kind, each["counts_as"], sentence(each))


def _details(each: Each, found: Found) -> str:
    """All there is to know of an item, a line each; numbers in full in the metric's unit."""
    lines = {
        "found": found_words(each),
        "bar": bar_words(each),
        **{key: _number(each[key]) for key in ("estimate", "low", "high")},
        "n": str(each["n"]),
        "method": each["method"],
        "unit": each["unit"],
        "held by itself in": f"{held_words(each)} replications"
        if each["of_replications"]
        else "not pairs, or undefined",
        "outcome": each["outcome"],
        "counts as": each["counts_as"],
        "severity": each["severity"],
        "why": each["why"] or "by the interval",
        "bars set": _BEFORE[found["bars_set_before_the_run"]],
        "seed": str(found["seed"]),
        "written at": f"{each['file']}:{each['line']}",
        "to see it again": found["command"],
    }
    return "\n".join(["", *(f"{name}: {value}" for name, value in lines.items()), ""])


def _add_cases(root: ElementTree.Element, suite: str, cases: Sequence[Replay]) -> None:
    part = ElementTree.SubElement(root, "testsuite", name="cases")
    often = Counter(each.name for each in cases)
    for each in cases:
        name = each.name if often[each.name] == 1 else f"{each.name} ({each.path.as_posix()})"
        case = _case(part, f"{suite}.cases", f"cases: {name}")
        if each.outcome != "fixed":
            kind, what = _CASES[each.outcome]
            _add(case, kind, what, each.problem or each.sentence)
        text = f"\n{each.sentence}\nto see it again: simharness replay {each.path.as_posix()}\n"
        ElementTree.SubElement(case, "system-out").text = _clean(text)
    _count(part, 0.0)


def _case(part: ElementTree.Element, classname: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(part, "testcase", classname=_clean(classname), name=_clean(name), time="0.000")


def _add(case: ElementTree.Element, kind: str, what: str, message: str) -> None:
    ElementTree.SubElement(case, kind, type=what, message=_clean(message)).text = _clean(message)


def _count(part: ElementTree.Element, seconds: float) -> None:
    failures, errors, skipped = (str(len(part.findall(f"testcase/{kind}"))) for kind in _KINDS)
    part.set("tests", str(len(part.findall("testcase"))))
    part.attrib.update(failures=failures, errors=errors, skipped=skipped, time=f"{seconds:.3f}")


def _total(root: ElementTree.Element) -> None:
    parts = root.findall("testsuite")
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(part.attrib[key]) for part in parts)))
    root.set("time", f"{sum(float(part.attrib['time']) for part in parts):.3f}")


def _number(value: float | None) -> str:
    return "undefined" if value is None else repr(float(value))


def _clean(text: str) -> str:
    """Without the characters that XML has none of."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
