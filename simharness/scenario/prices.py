"""What things cost and who bears it: a price list, and three perspectives on it."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from simharness.scenario.base import Factor, Model, Sourced, require_known

Item = Literal[
    "reviewer_hour",
    "officer_hour",
    "detector_per_1000_child_months",
    "alert",
    "referral",
    "child_wrongly_alarmed",
    "account_wrongly_suspended",
    "offence",
    "meeting_attempt",
    "contact_abuse",
]
ITEMS: tuple[str, ...] = get_args(Item)
Perspective = Literal["platform", "police", "society"]
PERSPECTIVES: tuple[Perspective, ...] = get_args(Perspective)


class Price(Sourced):
    """One item's price: of an hour, of 1,000 child-months that a detector reads, or of one of whatever is named."""

    price: Factor = Field(description="currency units each")


class Willingness(Sourced):
    """What averting one attempt to meet a child may cost: assumed values at which arms are ranked."""

    per_meeting_averted: Annotated[list[Factor], Field(min_length=1)] = Field(description="currency units, ascending")

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if sorted(set(self.per_meeting_averted)) != self.per_meeting_averted:
            raise ValueError("at per_meeting_averted: expected ascending values, each once")
        return self


class Perspectives(Model):
    """Which items each bears. The same item may be borne in several: perspectives are views, and do not add up."""

    platform: list[Item] = Field(default_factory=list)
    police: list[Item] = Field(default_factory=list)
    society: list[Item] = Field(default_factory=list)


class Prices(Model):
    """The price list of a scenario."""

    currency: Annotated[str, Field(min_length=1)] = Field(description="as it is to be shown, for example GBP")
    year: Annotated[int, Field(ge=1900, le=2200)] = Field(description="of the prices")
    items: dict[Item, Price] = Field(min_length=1)
    perspectives: Perspectives
    willingness: Willingness

    @model_validator(mode="after")
    def _priced(self) -> Self:
        for name in PERSPECTIVES:
            borne = getattr(self.perspectives, name)
            require_known(f"perspectives.{name}", borne, self.items, "item of the price list")
            if len(set(borne)) < len(borne):
                raise ValueError(f"at perspectives.{name}: an item is named twice")
        return self
