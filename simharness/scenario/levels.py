"""How a scenario states a level of risk."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from simharness.scenario.base import Model


class AlertLevel(Model):
    """Where an alert is raised: a risk, or the risk that gives this many false alerts on a calibration world."""

    risk: float | None = Field(None, description="running risk, on the detector's own scale")
    false_alerts_per_1000_child_months: Annotated[float, Field(gt=0.0)] | None = Field(
        None, description="rate, on a calibration world"
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.risk is None) == (self.false_alerts_per_1000_child_months is None):
            raise ValueError("expected exactly one of risk and false_alerts_per_1000_child_months")
        return self
