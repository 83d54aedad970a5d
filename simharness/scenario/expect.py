"""What a scenario expects of its results: bars, as short sentences or as mappings, read by a small grammar.

    expectation := METRIC [ "[" subject { "," stratum } "]" ] [ "." bound ] op value
    subject     := NAME [ "vs" against ]            NAME, "*", "arm/NAME" or "detector/NAME"
    against     := NAME | "base" | "base/NAME"      another of the run, or one of the base run
    stratum     := DIMENSION "=" VALUE | STRATUM    age=12-15, age=*, moderators, p10; a VALUE may hold a comma
    bound       := "ci_low" | "ci_high" | "estimate"
    op          := ">=" | ">" | "<=" | "<" | "==" | "not_worse"
    value       := number | number "%" (only after not_worse: of the other side's estimate)

Nothing is evaluated as code. Which metrics, arms and strata there are is checked in ``suites/items.py``.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from simharness.scenario.base import Model
from simharness.scenario.tree import did_you_mean

Op = Literal[">=", ">", "<=", "<", "==", "not_worse"]
Bound = Literal["ci_low", "ci_high", "estimate"]
OPS: tuple[Op, ...] = (">=", ">", "<=", "<", "==", "not_worse")
BOUNDS: tuple[Bound, ...] = ("ci_low", "ci_high", "estimate")
BASE, EACH, STRATUM = "base", "*", "stratum"
NUMBER = r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
EXAMPLE = "recall[text_model, age=12-15] >= 0.5"

_TERM = re.compile(
    r"(?P<metric>[a-z0-9_]+) *(?:\[(?P<inside>[^\[\]]*)\])? *(?:\. *(?P<bound>\w+))? *"
    r"(?P<op>[<>=!]++|not_worse) *(?P<value>\S.*)",
    re.IGNORECASE,
)


class Expectation(Model):
    """One bar: a metric of an arm or detector, or the difference between two, held against a number by its interval."""

    metric: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] = Field(description="see: simharness list metrics")
    of: str | None = Field(None, description="an arm or a detector; * or nothing: each of them")
    policy: str | None = Field(None, description="an arm; instead of `of`")
    detector: str | None = Field(None, description="a detector; instead of `of`")
    versus: str | None = Field(
        None,
        description="the difference from another arm or detector, from the same of the base run (base), or base/NAME",
    )
    where: dict[str, str] | None = Field(
        None,
        description="one part of the whole: {age: 12-15}, or {stratum: NAME}; * for each",
        max_length=1,
        min_length=1,
    )
    bound: Bound | None = Field(
        None, description="the bound of the 95 % interval that must keep the bar; the one nearer to it if absent"
    )
    op: Op = Field(description="not_worse: in the metric's better direction, by no more than the value")
    value: float | Annotated[str, Field(pattern=rf"^{NUMBER} *%$")] = Field(
        description="in the metric's unit (a share from 0 to 1); after not_worse also 10% of the other side's estimate"
    )
    severity: Literal["fail", "warn"] = Field("fail", description="warn: shown, never the reason to fail")
    on_missing: Literal["fail", "inconclusive", "skip"] = Field(
        "fail", description="what an undefined metric counts as; skipping every one is no pass"
    )

    @model_validator(mode="before")
    @classmethod
    def _parsed(cls, given: Any) -> Any:
        return parse_expectation(given) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _fits(self) -> Self:
        subjects = [name for name in ("of", "policy", "detector") if getattr(self, name) is not None]
        if len(subjects) > 1:
            raise ValueError(f"at {subjects[1]}: expected one of of, policy and detector, got {' and '.join(subjects)}")
        if isinstance(self.value, str) and self.op != "not_worse":
            raise ValueError(
                f"at value: expected a number in the metric's unit (a share from 0 to 1), got {self.value!r}\n"
                "A percentage stands only after not_worse, and is of the other side's estimate."
            )
        if self.op == "not_worse":
            self._fits_margin()
        if self.op == "==" and self.bound is not None:
            raise ValueError("at bound: nothing to say of a bound with ==: leave it out")
        return self

    def _fits_margin(self) -> None:
        if self.versus is None:
            raise ValueError(
                "at versus: not_worse needs another side to be held against\n"
                "Write metric[NAME vs base] not_worse 0.02, or name another arm or detector after vs."
            )
        if self.bound is not None:
            raise ValueError("at bound: not_worse is always held by the worse bound: leave it out")
        if not 0.0 <= self.margin < math.inf:
            raise ValueError(f"at value: expected how much worse does not matter, from 0 on, got {self.value}")

    @property
    def subject(self) -> str:
        """Whose metric it is, as ``arm/NAME``, ``detector/NAME``, NAME or ``*``."""
        if self.policy is not None:
            return self.policy if self.policy == EACH else f"arm/{self.policy}"
        if self.detector is not None:
            return self.detector if self.detector == EACH else f"detector/{self.detector}"
        return self.of or EACH

    @property
    def relative(self) -> bool:
        """Whether the value is a share of the other side's estimate."""
        return isinstance(self.value, str)

    @property
    def margin(self) -> float:
        """The value as a number; of a percentage the share."""
        return float(self.value[:-1]) / 100.0 if isinstance(self.value, str) else self.value


def parse_expectation(text: str) -> dict[str, Any]:
    """The mapping that a sentence stands for. Raises ValueError saying which part is wrong and what is allowed."""
    found = _TERM.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"expected METRIC[SUBJECT] OP VALUE, got {text!r}\n"
            f"For example: {EXAMPLE}. Operators: {' '.join(OPS)}. In YAML, quote a sentence that contains ': ' or ' #'."
        )
    out: dict[str, Any] = {"metric": found["metric"], "op": _known("operator", found["op"], OPS)}
    if found["bound"] is not None:
        out["bound"] = _known("bound", found["bound"], BOUNDS)
    return out | _inside(found["inside"], text) | {"value": _value(found["value"].strip())}


def _known(what: str, given: str, allowed: tuple[str, ...]) -> str:
    if given not in allowed:
        hint = did_you_mean(given, allowed)
        raise ValueError(f"unknown {what} {given!r}; known: {', '.join(allowed)}" + (f"\n{hint}" if hint else ""))
    return given


def _inside(text: str | None, sentence: str) -> dict[str, Any]:
    """What stands between the brackets: the subject first, unless it is a stratum with its dimension."""
    if text is None:
        return {}
    parts = [part.strip() for part in text.split(",")]
    if "" in parts:
        raise ValueError(f"expected a name between the brackets, got {sentence!r}\nFor example: {EXAMPLE}.")
    out: dict[str, Any] = {}
    if "=" not in parts[0]:
        out["of"], _, against = (part.strip() for part in re.sub(r"\s+vs\s+", "\0", parts.pop(0)).partition("\0"))
        if against:
            out["versus"] = against
    if len(parts) > 1 and ("=" not in parts[0] or any("=" in part for part in parts[1:])):
        raise ValueError(f"expected one stratum, got {', '.join(parts)}; no metric is measured in two at once")
    if parts:
        dimension, equals, group = (part.strip() for part in ", ".join(parts).partition("="))
        out["where"] = {dimension: group} if equals else {STRATUM: dimension}
    return out


def _value(text: str) -> float | str:
    if re.fullmatch(rf"{NUMBER} *%", text):
        return text
    if not re.fullmatch(NUMBER, text) or math.isinf(float(text)):
        raise ValueError(f"expected a number, got {text!r}\nUnits are those of the metric: simharness list metrics.")
    return float(text)
