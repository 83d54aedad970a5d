"""How a scenario names a detector: where it is, how its scores become running risk, what happens when it fails."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from simharness.scenario.base import Model
from simharness.scenario.levels import AlertLevel
from simharness.units import Duration


class Aggregator(Model):
    """How scores of single messages become a running risk of the conversation (see docs/glossary.md)."""

    kind: Literal["last", "max", "mean", "ewma", "top_k", "cusum", "s_of_n"]
    over: Literal["conversation", "account"] = Field(
        "conversation",
        description="whose messages in order of time: the conversation's, or all the account has had",
    )
    half_life: Annotated[float, Field(gt=0)] = Field(5.0, description="ewma: messages")
    k: Annotated[int, Field(ge=1, le=64)] = Field(3, description="top_k: how many of the highest scores are averaged")
    reference: float = Field(0.5, description="cusum: score that neither raises nor lowers the sum")
    threshold: float = Field(0.5, description="s_of_n: a score at or above it is a hit")
    n: Annotated[int, Field(ge=1, le=64)] = Field(10, description="s_of_n: window, messages")


class DetectorSpec(Model):
    use: str = Field(
        description="a registered name, package:Object, file.py:Object, process:COMMAND, scores:FILE, or a URL"
    )
    aggregator: Aggregator = Aggregator(kind="ewma", half_life=5.0)
    options: dict[str, Any] = Field(default_factory=dict)
    folder: str | None = Field(
        None, description="where its relative paths begin, from the scenario's folder; if absent, there"
    )
    alert_level: AlertLevel | None = Field(
        None, description="where it is measured; if absent, at 1 false alert per 1,000 child-months"
    )
    range: tuple[float, float] | None = Field(
        None, description="lowest and highest score it may give; if absent, what the detector itself declares, or any"
    )
    direction: Literal["higher", "lower"] | None = Field(
        None, description="which scores are riskier; if absent, what the detector itself declares, or higher"
    )
    timeout: Annotated[Duration, Field(gt=0)] = Field(
        60.0, description="for one answer, after which it counts as hanging"
    )
    training_timeout: Annotated[Duration, Field(gt=0)] = Field(600.0, description="for learning; then it hangs")
    on_error: Literal["fail", "abstain", "retry"] = Field(
        "fail",
        description="fail: its arms have no result in this replication; abstain: what it did not answer counts as no "
        "score; retry: ask again, then fail",
    )
    retries: Annotated[int, Field(ge=1, le=10)] = Field(3, description="retry: how often it is asked again")

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError(f"at range: expected the lowest score before the highest, got {list(self.range)}")
        return self
