"""Price arithmetic and the table of costs against effects, worked by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from simharness.errors import UsageError, UsageErrors
from simharness.metrics.cost_effectiveness import cost_effectiveness
from simharness.metrics.cost_numbers import amounts, cost_numbers, costs, covered_share
from simharness.metrics.metric import MONEY
from simharness.metrics.rows import Row
from simharness.scenario.load import Loaded
from simharness.scenario.prices import ITEMS, Prices
from simharness.world.model import WorldModel

BASE, FAST, SHADOW = "police_communication_offence", "grooming_alerts", "trained_moderators"
SOURCED = {"evidence": "assumed", "source": "test"}
COUNTS = {
    "review_hours": 2.0,
    "police_hours": 3.0,
    "alerts": 5.0,
    "referrals": 4.0,
    "children_wrongly_alarmed": 1.0,
    "wrong_suspensions": 2.0,
    "offences": 6.0,
    "meetings": 7.0,
    "contacts": 1.0,
    "child_months": 10.0,
}


def priced(**prices: float) -> dict[str, Any]:
    return {name: {"price": price, **SOURCED} for name, price in prices.items()}


PRICES = Prices.model_validate(
    {
        "currency": "GBP",
        "year": 2017,
        "items": priced(**{name: float(10**place) for place, name in enumerate(ITEMS)}),
        "perspectives": {"platform": ["reviewer_hour", "detector_per_1000_child_months", "alert"], "society": ITEMS},
        "willingness": {"per_meeting_averted": [0, 100], **SOURCED},
    }
)


@pytest.fixture
def world(model: WorldModel) -> Any:
    """The flagship's model with the prices of this file: 1 an hour of a reviewer, 10 of an officer, 100, 1000, ..."""
    scenario = model.scenario.model_copy(update={"prices": PRICES})
    return SimpleNamespace(scenario=scenario, platforms=model.platforms)


def test_every_item_is_counted_by_a_number_of_its_own(world: Any) -> None:
    """The code covers 0.9 of the contacts on three platforms with 0.7 of them: 6.3 of 10 thousand child-months."""
    found = amounts(world, SimpleNamespace(seed=1), FAST, COUNTS)  # type: ignore[arg-type]
    assert set(found) == set(ITEMS)
    assert [found[item] for item in ITEMS] == pytest.approx([2.0, 3.0, 6.3, 5.0, 4.0, 1.0, 2.0, 6.0, 7.0, 1.0])
    assert covered_share(world, world.scenario.arms[BASE], 1) == 0.0


def test_costs_by_hand() -> None:
    """Platform: 2 x 1 + 6 x 100 + 5 x 1000; the police bear nothing; society every item once."""
    of = dict(zip(ITEMS, (2.0, 3.0, 6.0, 5.0, 4.0, 1.0, 2.0, 6.0, 7.0, 1.0), strict=True))
    assert costs(PRICES, of) == {"platform": 5602.0, "police": 0.0, "society": 1_762_145_632.0}


def test_the_extra_cost_is_over_the_comparator_in_the_same_replication(world: Any) -> None:
    numbers = {BASE: dict.fromkeys(COUNTS, 0.0), FAST: COUNTS}
    numbers[BASE] |= {"child_months": 10.0, "police_hours": 2.0, "review_hours": 1.0}
    found = cost_numbers(world, SimpleNamespace(seed=1), FAST, numbers)  # type: ignore[arg-type]
    assert found["cost_platform"] == pytest.approx(2 + 630 + 5000)
    assert found["extra_cost_platform"] == pytest.approx(2 + 630 + 5000 - 1)
    base = cost_numbers(world, SimpleNamespace(seed=1), BASE, numbers)  # type: ignore[arg-type]
    assert (base["cost_society"], base["extra_cost_society"]) == (21.0, 0.0)


def test_without_a_price_list_nothing_is_counted(world: Any, flagship: Loaded) -> None:
    none = SimpleNamespace(scenario=world.scenario.model_copy(update={"prices": None}))
    assert cost_numbers(none, SimpleNamespace(seed=1), FAST, {}) == {}  # type: ignore[arg-type]
    assert cost_effectiveness(none.scenario, []) is None


def rows(arm: str, meetings: list[float], cost: list[float], base: list[float], base_cost: list[float]) -> list[Row]:
    given = {
        "meetings": (meetings, "conversations"),
        "meetings_comparator": (base, "conversations"),
        "cost_platform": (cost, MONEY),
        "extra_cost_platform": ([own - other for own, other in zip(cost, base_cost, strict=True)], MONEY),
        "cost_society": (cost, MONEY),
        "extra_cost_society": ([own - other for own, other in zip(cost, base_cost, strict=True)], MONEY),
    }
    return [
        Row(name, arm, "", "", place, value, unit)
        for name, (values, unit) in given.items()
        for place, value in enumerate(values)
    ]


MEETINGS, COST = [20.0, 22.0, 24.0], [5.0, 6.0, 7.0]


@pytest.fixture
def given() -> list[Row]:
    """The fast arm averts 10, 11 and 12 for 100, 110 and 120 more; the other nothing, for 30 more."""
    made = rows(BASE, MEETINGS, COST, MEETINGS, COST)
    made += rows(FAST, [10.0, 11.0, 12.0], [105.0, 116.0, 127.0], MEETINGS, COST)
    return made + rows(SHADOW, MEETINGS, [35.0, 36.0, 37.0], MEETINGS, COST)


def test_arms_against_the_comparator_by_hand(world: Any, given: list[Row]) -> None:
    found = cost_effectiveness(world.scenario, given)
    assert found is not None and (found["currency"], found["year"], found["replications"]) == ("GBP", 2017, 3)
    assert found["evidence"] == ["assumed"] and found["willingness"] == [0.0, 100.0]
    assert list(found["perspectives"]) == ["platform", "society"]  # the police bear nothing
    view = found["perspectives"]["platform"]
    assert view["items"] == ["reviewer_hour", "detector_per_1000_child_months", "alert"]
    fast, shadow, base = (view["arms"][name] for name in (FAST, SHADOW, BASE))
    assert [each["status"] for each in (base, fast, shadow)] == ["frontier", "frontier", "dominated"]
    assert [each["comparator"] for each in (base, fast, shadow)] == [True, False, False]
    assert fast["averted"]["estimate"] == 11.0 and fast["extra_cost"]["estimate"] == 110.0
    whole, step = fast["cost_per_meeting_averted"], fast["icer"]
    assert (whole["estimate"], whole["low"], whole["high"], whole["reason"]) == (10.0, 10.0, 10.0, None)
    assert step["against"] == BASE and step["estimate"] == 10.0
    assert base["icer"] is None and base["cost_per_meeting_averted"] is None
    # Worth 0 the cheapest is best; worth 100, ten for 1,000 beat nothing.
    assert view["acceptability"] == {BASE: [1.0, 0.0], FAST: [0.0, 1.0], SHADOW: [0.0, 0.0]}
    json.dumps(found, allow_nan=False)


def test_nothing_averted_has_no_cost_for_each(world: Any, given: list[Row]) -> None:
    found = cost_effectiveness(world.scenario, given)
    assert found is not None
    none = found["perspectives"]["society"]["arms"][SHADOW]["cost_per_meeting_averted"]
    assert (none["estimate"], none["low"], none["high"], none["reason"]) == (None, None, None, "nothing is gained")


def test_only_replications_that_every_arm_has(world: Any, given: list[Row]) -> None:
    fewer = [row for row in given if (row.arm, row.replication) != (FAST, 1)]
    found = cost_effectiveness(world.scenario, fewer)
    assert found is not None and found["replications"] == 2
    assert found["perspectives"]["platform"]["arms"][SHADOW]["averted"]["n"] == 2
    one = cost_effectiveness(world.scenario, [row for row in given if row.replication == 0])
    assert one is not None and one["perspectives"]["platform"]["acceptability"] is None
    empty = cost_effectiveness(world.scenario, [])
    assert empty is not None and empty["perspectives"] == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("prices.perspectives.police=[officer_hour, officer_hour]", "named twice"),
        ("prices.willingness.per_meeting_averted=[10, 5]", "ascending"),
        ("prices.items.alert.price=-1", ">= 0"),
        ("prices.perspectives.police=[oficer_hour]", "officer_hour"),
    ],
)
def test_a_price_list_that_makes_no_sense_is_refused(load: Callable[..., Loaded], change: str, said: str) -> None:
    with pytest.raises((UsageError, UsageErrors), match=said):
        load(change)


def test_an_item_without_a_price_is_refused() -> None:
    block = PRICES.model_dump() | {"items": priced(alert=1.0)}
    with pytest.raises(ValueError, match="unknown item of the price list 'reviewer_hour'; known: alert"):
        Prices.model_validate(block)


def test_no_price_of_the_flagship_looks_like_a_fact(flagship: Loaded) -> None:
    prices = flagship.scenario.prices
    assert prices is not None and set(prices.items) == set(ITEMS)
    assert {item.evidence for item in prices.items.values()} | {prices.willingness.evidence} == {"assumed"}
