"""Silent failures of a scenario: what goes wrong in a response without anybody being told."""

from __future__ import annotations

from pydantic import Field

from simharness.scenario.base import Delay, Model, Probability, Sourced
from simharness.units import Duration


class Outage(Model):
    """A time in which the detector reads nothing. What it knew is lost: it then begins every conversation anew."""

    begins: Duration = Field(description="since the start of the period")
    lasts: Duration = Field(gt=0, description="time")


class Restamp(Model):
    """Alerts whose priority is stamped only after a delay; until then everything stamped goes before them."""

    share: Probability = Field(description="share of alerts")
    delay: Duration = Field(gt=0, description="time until the stamp")


class Failures(Sourced):
    text_only_dropped: Probability = Field(
        0.0, description="share of cases, consisting of text alone, that are lost on the way to another desk"
    )
    owner_missing: Probability = Field(0.0, description="share of alerts put into a queue that nobody owns")
    lock_expires_unseen: Probability = Field(0.0, description="share of expired claims that nobody takes up again")
    restamped_late: Restamp | None = None
    outages: list[Outage] = Field(default_factory=list)
    latency: Delay | None = Field(None, description="from the message that crosses the level to the alert")
    duplicates: Probability = Field(0.0, description="share of alerts raised a second time")
