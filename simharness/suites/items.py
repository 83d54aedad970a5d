"""From expectations to items: one for each arm or detector and stratum that is meant, all of them known to exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simharness.errors import NotComparable, UsageError, UsageErrors
from simharness.metrics.catalogue import METRICS
from simharness.metrics.strata import measured_whole, strata_of
from simharness.scenario.expect import BASE, EACH, STRATUM, Expectation
from simharness.scenario.load import Loaded
from simharness.scenario.model import Scenario
from simharness.scenario.tree import did_you_mean, position_of, positioned
from simharness.world.model import WorldModel

ARM, DETECTOR = "arm", "detector"
_NAMED = 12  # strata named in an error


@dataclass(frozen=True, slots=True)
class Item:
    """One bar on one number: a metric of one arm or detector, of the whole or one stratum.

    ``versus``: the other side's name where the number is a difference (this less that); ``in_base``: that other side is
    of the base run. ``key``: ``metric`` or ``metric[stratum]``. ``file`` and ``line``: where it was written.
    """

    name: str  # as it would be written for this one alone; no two of a scenario are alike
    file: str
    line: int
    expectation: Expectation
    subject: str  # arm or detector
    of: str
    key: str
    versus: str | None
    in_base: bool

    @property
    def metric(self) -> str:
        return self.expectation.metric


def items_of(loaded: Loaded, model: WorldModel, *, base: bool) -> tuple[Item, ...]:
    """Every item of a scenario's ``expect``, in order; none where it has no such key.

    ``base``: whether there is a base run to be held against. Raises UsageErrors naming every expectation of something
    that does not exist, NotComparable where a base is needed and there is none.
    """
    problems: list[UsageError] = []
    items: dict[str, Item] = {}
    for place, expectation in enumerate(loaded.scenario.expect or ()):
        where = positioned(loaded.tree, ("expect", place))
        at = position_of(loaded.tree, ("expect", place))
        try:
            for item in _expanded(model, expectation, where, at.file, at.line):
                if item.name in items:
                    hint = "Leave one of them out, or give it another bar."
                    raise UsageError(where, f"{item.name} is expected twice", hint=hint)
                items[item.name] = item
        except UsageError as error:
            problems.append(error)
    if problems:
        raise UsageErrors(problems)
    needing = [item for item in items.values() if item.in_base]
    if needing and not base:
        raise NotComparable(
            f"{needing[0].file}:{needing[0].line}: {needing[0].name} is held against a base run, and none was given.\n"
            "  Give one with --base, a scenario's file (run in the same job, with the same seed) or a run."
        )
    return tuple(items.values())


def _expanded(model: WorldModel, wanted: Expectation, where: str, file: str, line: int) -> Iterator[Item]:
    """One item for each subject and stratum of one expectation. Raises UsageError."""
    subjects = _subjects(model.scenario, wanted, where)
    if wanted.subject == EACH and wanted.where is not None:  # each that has the stratum; not every arm has every desk
        subjects = [each for each in subjects if _meant(model, wanted, *each)] or subjects
    for subject, of in subjects:
        versus, in_base = _versus(model.scenario, wanted, subject, of, where)
        if wanted.op == "not_worse" and METRICS[subject, wanted.metric].better is None:
            problem = f"{wanted.metric} is neither better higher nor better lower, so nothing is worse"
            raise UsageError(where, problem, hint="Use >= or <= instead of not_worse.")
        for stratum in _strata(model, wanted, subject, of, where):
            key = f"{wanted.metric}[{stratum}]" if stratum else wanted.metric
            name = _name(model.scenario, wanted, subject, of, stratum)
            yield Item(name, file, line, wanted, subject, of, key, versus, in_base)


def _subjects(scenario: Scenario, wanted: Expectation, where: str) -> list[tuple[str, str]]:
    kinds = [kind for kind in (ARM, DETECTOR) if (kind, wanted.metric) in METRICS]
    if not kinds:
        names = sorted({name for kind, name in METRICS if kind in (ARM, DETECTOR)})
        allowed = "a metric of simharness list metrics"
        hint = did_you_mean(wanted.metric, names)
        raise UsageError(where, f"unknown metric {wanted.metric!r}", allowed=allowed, hint=hint)
    known = [(kind, name) for kind in kinds for name in _names(scenario, kind)]
    if wanted.subject == EACH:
        kinds_said = [ARM] if wanted.policy else [DETECTOR] if wanted.detector else kinds
        if len(kinds_said) > 1:
            hint = "Write policy: '*' or detector: '*'."
            raise UsageError(where, f"{wanted.metric} is a metric of arms and of detectors", hint=hint)
        against = _plain(wanted.versus)
        return [(kind, name) for kind, name in known if kind in kinds_said and name != against]
    return [_one(wanted, wanted.subject, known, where)]


def _one(wanted: Expectation, name: str, known: Sequence[tuple[str, str]], where: str) -> tuple[str, str]:
    """The arm or detector of a name that may say which of the two it is."""
    kind, slash, rest = name.partition("/")
    found = [each for each in known if each[1] == name or (slash and each == (kind, rest))]
    if len(found) == 1:
        return found[0]
    kinds = " or ".join(dict.fromkeys(kind for kind, _ in known))
    if found:
        hint = f"Write arm/{name} or detector/{name}."
        raise UsageError(where, f"{name!r} is an arm and a detector, and {wanted.metric} a metric of both", hint=hint)
    names = [each for _, each in known]
    bare = rest if slash and kind in (ARM, DETECTOR) else name
    problem = f"unknown {kinds} {bare!r} of {wanted.metric}"
    raise UsageError(where, problem, allowed=", ".join(names), hint=did_you_mean(bare, names))


def _versus(scenario: Scenario, wanted: Expectation, subject: str, of: str, where: str) -> tuple[str | None, bool]:
    """Name of the other side, and whether it is of the base run, whose names are looked up when it is there."""
    if wanted.versus is None:
        return None, False
    if wanted.versus == BASE:
        return of, True
    if wanted.versus.startswith(f"{BASE}/"):
        return wanted.versus.removeprefix(f"{BASE}/"), True
    known = [(subject, name) for name in _names(scenario, subject)]
    found = _one(wanted, wanted.versus, known, where)[1]
    if found == of:
        raise UsageError(where, f"{of!r} is held against itself", hint="Name another after vs, or base.")
    return found, False


def _strata(model: WorldModel, wanted: Expectation, subject: str, of: str, where: str) -> list[str]:
    """The strata meant, "" for the whole."""
    known = strata_of(model, subject, of, wanted.metric)
    if wanted.where is None:
        if not measured_whole(subject, wanted.metric):
            raise UsageError(where, f"{wanted.metric} is only measured in parts", **_allowed(wanted, of, known, ""))
        return [""]
    found = _meant(model, wanted, subject, of)
    if not found:
        dimension, group = next(iter(wanted.where.items()))
        meant = group if dimension == STRATUM else f"{dimension}={group}"
        problem = f"{wanted.metric} of {of} has no stratum {meant!r}"
        raise UsageError(where, problem, **_allowed(wanted, of, known, meant))
    return found


def _meant(model: WorldModel, wanted: Expectation, subject: str, of: str) -> list[str]:
    """The strata of one subject that ``where`` means; empty if it has none of them."""
    assert wanted.where is not None
    known = strata_of(model, subject, of, wanted.metric)
    dimension, group = next(iter(wanted.where.items()))
    if group == EACH:
        return [each for each in known if dimension == STRATUM or each.startswith(f"{dimension}=")]
    stratum = group if dimension == STRATUM else f"{dimension}={group}"
    return [stratum] if stratum in known else []


def _allowed(wanted: Expectation, of: str, known: Sequence[str], meant: str) -> dict[str, str | None]:
    shown = ", ".join(known[:_NAMED]) + (", ..." if len(known) > _NAMED else "")
    hint = did_you_mean(meant, known) or (f"For example: {wanted.metric}[{of}, {known[0]}]." if known else None)
    return {"allowed": shown or "the whole: it is not measured in parts", "hint": hint}


def _name(scenario: Scenario, wanted: Expectation, subject: str, of: str, stratum: str) -> str:
    """The sentence of one item alone."""
    both = (ARM, wanted.metric) in METRICS and (DETECTOR, wanted.metric) in METRICS
    twice = both and of in scenario.arms and of in scenario.detectors
    inside = f"{subject}/{of}" if twice else of
    inside += f" vs {wanted.versus}" if wanted.versus else ""
    inside += f", {stratum}" if stratum else ""
    bound = f".{wanted.bound}" if wanted.bound else ""
    value = wanted.value if isinstance(wanted.value, str) else repr(wanted.value).removesuffix(".0")  # exactly
    return f"{wanted.metric}[{inside}]{bound} {wanted.op} {value}"


def _names(scenario: Scenario, kind: str) -> list[str]:
    return list(scenario.arms if kind == ARM else scenario.detectors)


def _plain(versus: str | None) -> str | None:
    """The name of another side of the same run: what "each" leaves out, because it cannot be held against itself."""
    if versus is None or versus == BASE or versus.startswith(f"{BASE}/"):
        return None
    kind, slash, rest = versus.partition("/")
    return rest if slash and kind in (ARM, DETECTOR) else versus
