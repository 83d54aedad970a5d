"""Bars to begin with: what a finished run holds, with room."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simharness.compare import ARM, DEFAULTS, DETECTOR
from simharness.errors import UsageError
from simharness.known_run import known_of
from simharness.metrics.catalogue import METRICS
from simharness.metrics.strata import measured_whole
from simharness.report.wording import phrase
from simharness.scenario.expect import BASE
from simharness.scenario.tree import Branch, Position, did_you_mean
from simharness.store import RunFolder
from simharness.suites.items import Item, items_of
from simharness.suites.judging import Judged, judge
from simharness.suites.loading import model_of
from simharness.suites.running import loaded_run

DIGITS = 3  # of a bar: no more are meant
_NOWHERE = Position("expect", 0)
Target = tuple[str, str, str]  # arm or detector, its name, metric


@dataclass(frozen=True, slots=True)
class Written:
    """``lines``: sentences with what the run has now; ``left_out``: what could not carry a bar, and why."""

    lines: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be expected of: short lists where empty."""

    metrics: Sequence[str] = ()
    arms: Sequence[str] = ()
    detectors: Sequence[str] = ()


def write_bars(folder: RunFolder, wanted: Wanted, margin: float, *, versus_base: bool = False) -> Written:
    """Bars that the run holds: the worse end of each interval, moved on by ``margin`` (a share of the estimate).

    ``versus_base``: not worse than a base by more than the margin, for what has a base to be worse than. Raises
    UsageError for an unknown metric, arm or detector, and where nothing at all can carry a bar.
    """
    # Held against 0 first: what is judged is then found as it will be when the bar is looked at.
    now = _judged(folder, [f"{metric}[{kind}/{name}] >= 0" for kind, name, metric in _targets(folder, wanted)])
    found = _versus(now, margin) if versus_base else _numbers(folder, now, margin)
    if not found.lines:
        raise UsageError(str(folder.path), "nothing in it can carry a bar", hint="\n  ".join(found.left_out) or None)
    return found


def _numbers(folder: RunFolder, now: Sequence[Judged], margin: float) -> Written:
    left_out: list[str] = []
    bars: list[tuple[str, str]] = []
    for each in now:
        bar = _bar(each, margin)
        if isinstance(bar, str):
            left_out.append(f"{each.item.key} of {each.item.of}: {bar}")
        else:
            bars.append((f"{_subject(each.item)}] {bar[0]} {_plain(bar[1])}", _now(each)))
    held = _judged(folder, [sentence for sentence, _ in bars])
    for (sentence, _), each in zip(bars, held, strict=True):
        if each.outcome != "held":
            left_out.append(f"{sentence}: {each.outcome}: {each.why}")
    kept = tuple(line for line, each in zip(bars, held, strict=True) if each.outcome == "held")
    return Written(kept, tuple(left_out))


def _versus(now: Sequence[Judged], margin: float) -> Written:
    lines, left_out = [], []
    for each in now:
        if each.found.estimate:
            lines.append((f"{_subject(each.item)} vs {BASE}] not_worse {100.0 * margin:g}%", _now(each)))
        else:
            why = "undefined" if each.found.estimate is None else "0 now, and a share of nothing is no margin"
            left_out.append(f"{each.item.key} of {each.item.of}: {why}")
    return Written(tuple(lines), tuple(left_out))


def _bar(each: Judged, margin: float) -> tuple[str, float] | str:
    """Operator and value, or why there is none."""
    found, metric = each.found, METRICS[each.item.subject, each.item.metric]
    if found.estimate is None:
        return "undefined"
    if found.low is None or found.high is None:
        return f"{found.n} replications carry no interval"
    room = margin * abs(found.estimate)
    if metric.better == "lower":
        return "<=", _rounded(found.high + room, up=True)
    bar = _rounded(found.low - room, up=False)
    if bar <= 0.0 and not metric.signed:
        return "its interval, with room, comes down to 0, which nothing could miss"
    return ">=", bar


def _rounded(value: float, *, up: bool) -> float:
    """To three digits, away from what the run has, so that it still holds."""
    if value == 0.0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) + 1 - DIGITS)
    steps = math.ceil(value / unit - 1e-9) if up else math.floor(value / unit + 1e-9)
    return float(f"{steps * unit:.{DIGITS}g}")


def _subject(item: Item) -> str:
    """The item's own sentence up to the bracket that ends its subject."""
    return item.name.rpartition("]")[0]


def _plain(value: float) -> str:
    """Without an exponent: 3170, 0.000812."""
    places = 0 if value == 0.0 else max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{places}f}"


def _now(each: Judged) -> str:
    found = each.found
    estimate = {"estimate": found.estimate, "low": found.low, "high": found.high, "n": found.n, "method": found.method}
    unit = "" if each.unit == "share" else each.unit
    return f"now {phrase(estimate | {'unit': each.unit}, unit)}, n {found.n}"


def _judged(folder: RunFolder, sentences: Sequence[str]) -> list[Judged]:
    bars = Branch(_NOWHERE, [Branch(_NOWHERE, sentence) for sentence in sentences])
    loaded = loaded_run(folder, bars)
    return judge(items_of(loaded, model_of(loaded), base=False), known_of(folder))


def _targets(folder: RunFolder, wanted: Wanted) -> Iterator[Target]:
    """Every arm and detector with each of its metrics that has a better direction and is measured as a whole."""
    scenario = loaded_run(folder).scenario
    every = not wanted.arms and not wanted.detectors
    for kind, given, known in (
        (ARM, wanted.arms, list(scenario.arms)),
        (DETECTOR, wanted.detectors, list(scenario.detectors)),
    ):
        _require_known(f"--{kind}", given, known)
        for name in known if every else given:
            for metric in wanted.metrics or DEFAULTS[kind]:
                described = METRICS.get((kind, metric))
                if described is not None and described.better is not None and measured_whole(kind, metric):
                    yield kind, name, metric
    _require_metrics(wanted.metrics)


def _require_metrics(metrics: Sequence[str]) -> None:
    known = sorted({name for (kind, name), each in METRICS.items() if each.better and measured_whole(kind, name)})
    _require_known("--metric", metrics, known)


def _require_known(option: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            allowed, hint = ", ".join(known), did_you_mean(name, known)
            raise UsageError(f"{option} {name}", "nothing can be expected of it", allowed=allowed, hint=hint)
