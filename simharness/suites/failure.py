"""What is said of a bar that did not hold, to whoever ran it under pytest, whose every session imports this module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ExpectationWarning(UserWarning):
    """A bar of severity warn did not hold."""


class NotHeld(AssertionError):  # noqa: N818 - what came of a bar, no fault of the program
    """A bar did not hold, or nothing tells whether it does; its text is all there is to be said."""


def said(found: Mapping[str, Any]) -> str:
    """One item of ``expectations.json`` in a few lines: what came of it, the number, the bar, and why."""
    from simharness.report.wording import number, phrase

    unit, bar = found["unit"], found["bar"]
    has = "undefined" if found["estimate"] is None else phrase(found, "" if unit == "share" else unit)
    against = f" less {found['versus']}{' of the base run' if found['in_base'] else ''}" if found["versus"] else ""
    held = "undefined" if bar is None else f"{found['op']} {number(bar, unit)}"
    lines = [f"{found['outcome']}: {found['name']}", f"  {found['metric']} of {found['of']}{against}: {has}"]
    lines += [f"  bar: {held}; n = {found['n']}{_held_in(found)}"]
    lines += [f"  why: {found['why']}"] if found["why"] else []
    return "\n".join(lines)


def properties(found: Mapping[str, Any], checked: Mapping[str, Any]) -> dict[str, str]:
    """What JUnit carries of an item, by name. ``checked``: what ``expectations.json`` holds."""

    def text(value: object) -> str:
        return "undefined" if value is None else str(value)

    return {
        "outcome": found["outcome"],
        "value": text(found["estimate"]),
        "interval": f"{text(found['low'])} to {text(found['high'])}",
        "bar": f"{found['op']} {text(found['bar'])}",
        "unit": found["unit"],
        "n": text(found["n"]),
        "held_in": f"{text(found['held_in'])} of {text(found['of_replications'])}",
        "run": checked["run"],
        "seed": text(checked["seed"]),
        "command": checked["command"],
    }


def _held_in(found: Mapping[str, Any]) -> str:
    if found["held_in"] is None:
        return ""
    return f"; held in {found['held_in']} of {found['of_replications']} replications by themselves"
