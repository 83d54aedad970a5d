"""What holds on average: over replications, at one level for all intervals of a relation together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simharness.outcomes.cell import Prepared
from simharness.response.coverage import Coverage
from simharness.response.people import Families
from simharness.scenario.load import Loaded
from simharness.selftest.context import Context
from simharness.selftest.first_message import backfires
from simharness.selftest.platforms import split
from simharness.selftest.relations import tried
from simharness.world.model import build_model


@pytest.fixture(scope="module")
def larger(context: Context, small: Callable[..., Loaded]) -> Callable[[], Context]:
    """Five times the population with the same detectors, at the same levels: so that averages tell something."""
    loaded = small(scale=0.05, replications=8)
    model = build_model(loaded.scenario, loaded.folder)
    return lambda: Context(loaded, Prepared(model, context.prepared.scorers, context.prepared.levels))


def test_both_hold(larger: Callable[[], Context]) -> None:
    assert tried("first_message_on_average", larger()).result == "holds"
    found = tried("split_platform", larger())
    assert found.result == "holds" and "6 totals the same over 8 replications" in found.seen


def test_warnings_that_come_too_early_are_found(larger: Callable[[], Context], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is warned in the first hour goes on, and does not listen later."""
    answer = Families._answer

    def later(self: Families, row: int, *given: Any) -> None:
        if self.sim.env.now > self.sim.state.start[row] + 3600.0:
            answer(self, row, *given)

    monkeypatch.setattr(Families, "_answer", later)
    found = tried("first_message_on_average", larger())
    assert found.result == "broken" and found.at is not None and found.at.got.startswith("+")


def test_a_half_that_is_not_covered_is_found(larger: Callable[[], Context], monkeypatch: pytest.MonkeyPatch) -> None:
    make, known = Coverage.__init__, larger().scenario.world.platforms

    def uncovered(self: Coverage, code: Any, platforms: Any, *given: Any) -> None:
        part = {name: share for name, share in code.coverage.items() if name in known}
        make(self, code.model_copy(update={"coverage": part}), platforms, *given)

    monkeypatch.setattr(Coverage, "__init__", uncovered)
    found = tried("split_platform", larger())
    assert found.result == "broken" and found.at is not None and found.at.what.startswith("right alerts")


def test_a_half_is_half_of_everything(context: Context) -> None:
    halved = split(context.scenario, "other")
    shares = halved.world.offenders.platforms.shares
    assert (
        shares["other"] == shares["other_second_half"] == context.scenario.world.offenders.platforms.shares["other"] / 2
    )
    assert sum(halved.world.benign.platforms.values()) == pytest.approx(1.0)
    assert all(arm.code.coverage["other_second_half"] == 0.5 for arm in [halved.arms["at_once"]] if arm.code)


def test_too_few_replications_are_no_average(context: Context, small: Callable[..., Loaded]) -> None:
    one = Context(small(replications=1), context.prepared)
    assert tried("first_message_on_average", one).result == "not applicable"
    found = tried("split_platform", Context(small(replications=2), context.prepared))
    assert found.result == "holds" and "exact part only" in found.seen


def test_where_warnings_backfire_earlier_need_not_be_better(small: Callable[..., Loaded]) -> None:
    plain = small().scenario.response.reactions
    never = small(
        "response.reactions.alert_child.leave=0",
        "response.reactions.alert_child.block=0",
        "response.reactions.alert_child.tell=0",
    )
    assert not backfires(plain) and backfires(never.scenario.response.reactions)
