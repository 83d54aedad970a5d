"""What an arm costs in one replication, from the scenario's price list."""

from __future__ import annotations

from collections.abc import Mapping

from simharness.outcomes.cell import Cell
from simharness.response.coverage import Coverage
from simharness.scenario.policy import Arm
from simharness.scenario.prices import PERSPECTIVES, Prices
from simharness.world.model import WorldModel

Number = float | None
# Items that are counted by a metric of the arm. Events of the ladder are conversations in which they happen.
COUNTED_BY = {
    "reviewer_hour": "review_hours",
    "officer_hour": "police_hours",
    "alert": "alerts",
    "referral": "referrals",
    "child_wrongly_alarmed": "children_wrongly_alarmed",
    "account_wrongly_suspended": "wrong_suspensions",
    "offence": "offences",
    "meeting_attempt": "meetings",
    "contact_abuse": "contacts",
}
DETECTOR = "detector_per_1000_child_months"


def cost_numbers(
    model: WorldModel, cell: Cell, name: str, numbers: Mapping[str, Mapping[str, Number]]
) -> dict[str, Number]:
    """``cost_<perspective>`` of an arm, and ``extra_cost_<perspective>`` over the comparator; empty without prices.

    ``numbers``: every arm's metrics in this replication, in the catalogue's units.
    """
    prices = model.scenario.prices
    if prices is None:
        return {}
    own, base = (amounts(model, cell, arm, numbers[arm]) for arm in (name, model.scenario.comparator))
    whole = costs(prices, own)
    # Of the differences in amounts: the difference of two large sums is rounded as these are.
    extra = costs(prices, {item: own[item] - base[item] for item in own})
    found: dict[str, Number] = {f"cost_{each}": whole[each] for each in PERSPECTIVES}
    return found | {f"extra_cost_{each}": extra[each] for each in PERSPECTIVES}


def costs(prices: Prices, amounts: Mapping[str, float]) -> dict[str, float]:
    """Cost in currency units by perspective: price times amount, over the items that it bears."""
    return {
        name: float(sum(prices.items[item].price * amounts[item] for item in getattr(prices.perspectives, name)))
        for name in PERSPECTIVES
    }


def amounts(model: WorldModel, cell: Cell, name: str, numbers: Mapping[str, Number]) -> dict[str, float]:
    """How many units of every item an arm took in one replication; by item."""
    found = {item: float(numbers[metric] or 0.0) for item, metric in COUNTED_BY.items()}
    months = float(numbers["child_months"] or 0.0)
    return found | {DETECTOR: months * covered_share(model, model.scenario.arms[name], cell.seed)}


def covered_share(model: WorldModel, arm: Arm, seed: int) -> float:
    """Share of child-months that an arm's detector reads: of harmless contacts, those its code covers over the period.

    0 without a detector. ``seed``: the replication's, for audits.
    """
    if arm.detector is None:
        return 0.0
    assert arm.code is not None
    scenario = model.scenario
    covered = Coverage(arm.code, model.platforms, seed, scenario.period.start, scenario.horizon_s)
    shares = covered.mean_shares(scenario.period.days).tolist()
    weights = scenario.world.benign.platforms
    return float(sum(weights.get(name, 0.0) * share for name, share in zip(model.platforms, shares, strict=True)))
