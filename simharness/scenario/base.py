"""What every part of a scenario shares: strictness, evidence, and delays with units."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from simharness.distributions import Constant, Exponential, Gamma, LogNormal, Weibull
from simharness.units import Duration

Evidence = Literal["measured", "reported", "derived", "fitted", "assumed"]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Factor = Annotated[float, Field(ge=0.0)]
Age = Annotated[int, Field(ge=0, le=17)]
Weights = Annotated[dict[str, Annotated[float, Field(ge=0.0)]], Field(min_length=1)]

SHARE_TOLERANCE = 1e-6


class Model(BaseModel):
    """Frozen, and an unknown key is an error: a misspelt parameter must never be ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Sourced(Model):
    """A block of numbers with where they come from. A block nested in it may say something else of its own."""

    evidence: Evidence = Field(description="how well founded the numbers of this block are")
    source: str = Field(min_length=3, description="who printed the numbers, or why they were assumed")


class Parameter(Sourced):
    """One number with its own evidence."""

    value: float


class ProbabilityParameter(Sourced):
    """One probability with its own evidence."""

    value: Probability


class ExponentialDelay(Model):
    kind: Literal["exponential"]
    mean: Duration

    def distribution(self) -> Exponential:
        return Exponential(self.mean)


class LogNormalDelay(Model):
    kind: Literal["lognormal"]
    median: Duration
    sigma: Positive = Field(description="standard deviation of the logarithm")

    def distribution(self) -> LogNormal:
        return LogNormal(self.median, self.sigma)


class WeibullDelay(Model):
    kind: Literal["weibull"]
    scale: Duration
    shape: Positive

    def distribution(self) -> Weibull:
        return Weibull(self.scale, self.shape)


class GammaDelay(Model):
    kind: Literal["gamma"]
    mean: Duration
    shape: Positive

    def distribution(self) -> Gamma:
        return Gamma(self.shape, self.mean / self.shape)


class ConstantDelay(Model):
    kind: Literal["constant"]
    value: Duration

    def distribution(self) -> Constant:
        return Constant(self.value)


Delay = Annotated[
    ExponentialDelay | LogNormalDelay | WeibullDelay | GammaDelay | ConstantDelay, Field(discriminator="kind")
]


class DelayedEvent(Sourced):
    probability: Probability
    delay: Delay


def require_shares(where: str, shares: dict[str, float]) -> None:
    """Raise ValueError unless the shares sum to one; ``where`` is the dotted path inside the model being validated."""
    total = sum(shares.values())
    if abs(total - 1.0) > SHARE_TOLERANCE:
        raise ValueError(f"at {where}: expected shares that sum to 1, got a sum of {total:.6g}")


def require_known(where: str, names: object, known: object, what: str) -> None:
    """Raise ValueError naming the first of ``names`` that is not among the ``known``."""
    allowed = list(known)  # type: ignore[call-overload]
    for name in names:  # type: ignore[attr-defined]
        if name not in allowed:
            raise ValueError(f"at {where}.{name}: unknown {what} {name!r}; known: {', '.join(allowed)}")
