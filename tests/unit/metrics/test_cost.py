"""Cost against effect, worked by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simharness.errors import UsageError
from simharness.metrics.cost import Standing, acceptability, frontier, incremental_ratio, net_monetary_benefit


def test_a_frontier_by_hand() -> None:
    """Six programmes as in the textbook's worked tables (Drummond et al. 2015, ch. 4: dominance, then extended).

    (effect, cost): A (10, 20), B (15, 30), C (12, 40), D (20, 80), E (25, 60), F (30, 130). C costs more than B and
    does less, D than E. Of A, B, E, F: B - A is 10 / 5 = 2, E - B 30 / 10 = 3, F - E 70 / 5 = 14: ever dearer.
    """
    effects = {"A": 10.0, "B": 15.0, "C": 12.0, "D": 20.0, "E": 25.0, "F": 30.0}
    costs = {"A": 20.0, "B": 30.0, "C": 40.0, "D": 80.0, "E": 60.0, "F": 130.0}
    assert frontier(costs, effects) == {
        "A": Standing("frontier"),
        "B": Standing("frontier", 2.0, "A"),
        "C": Standing("dominated"),
        "D": Standing("dominated"),
        "E": Standing("frontier", 3.0, "B"),
        "F": Standing("frontier", 14.0, "E"),
    }


def test_extended_dominance_goes_back_more_than_one_step() -> None:
    """(effect, cost): A (0, 0), B (1, 10), C (2, 30), D (10, 40). C - B is 20 and D - C 1.25, so C goes; then D - B is
    30 / 9 = 3.3 < 10, the step to B, so B goes as well: half of A and half of D does 5 for 20. D - A is 4.
    """
    costs = {"C": 30.0, "A": 0.0, "D": 40.0, "B": 10.0}
    effects = {"C": 2.0, "A": 0.0, "D": 10.0, "B": 1.0}
    assert frontier(costs, effects) == {
        "C": Standing("extendedly dominated"),
        "A": Standing("frontier"),
        "D": Standing("frontier", 4.0, "A"),
        "B": Standing("extendedly dominated"),
    }


def test_a_mix_that_is_as_good_does_not_dominate() -> None:
    costs, effects = {"A": 0.0, "B": 5.0, "C": 10.0}, {"A": 0.0, "B": 1.0, "C": 2.0}
    assert [each.status for each in frontier(costs, effects).values()] == ["frontier"] * 3


def test_equals_stand_alike_and_equal_effect_at_more_cost_is_dominated() -> None:
    """A shadow arm does what the comparator does, and costs a detector more."""
    costs = {"comparator": 1.0, "twin": 1.0, "shadow": 2.0, "worse": 1.0}
    effects = {"comparator": 0.0, "twin": 0.0, "shadow": 0.0, "worse": -1.0}
    found = frontier(costs, effects)
    assert found["comparator"] == found["twin"] == Standing("frontier")
    assert found["shadow"] == found["worse"] == Standing("dominated")
    assert frontier({}, {}) == {}


def test_a_frontier_of_different_options_is_refused() -> None:
    with pytest.raises(UsageError, match="different options"):
        frontier({"A": 1.0}, {"B": 1.0})


amounts = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=7)


@given(points=amounts)
def test_the_frontier_is_what_somebody_would_choose(points: list[tuple[int, int]]) -> None:
    """An option on it has the highest net benefit at some willingness to pay; one off it at none (Stinnett & Mullahy
    1998): tried at every step of the frontier, between them and beyond both ends.
    """
    costs = {str(place): float(cost) for place, (cost, _) in enumerate(points)}
    effects = {str(place): float(effect) for place, (_, effect) in enumerate(points)}
    found = frontier(costs, effects)
    steps = sorted({each.icer for each in found.values() if each.icer is not None})
    tried = [0.0, *steps, *((a + b) / 2 for a, b in pairwise(steps)), (steps or [0.0])[-1] + 1.0]
    best: set[str] = set()
    for worth in tried:
        benefit = net_monetary_benefit(list(costs.values()), list(effects.values()), worth)
        best |= {name for name, each in zip(costs, benefit, strict=True) if each >= benefit.max() - 1e-9}
    on = {name for name, each in found.items() if each.status == "frontier"}
    assert on <= best
    for worth in tried[1:]:  # at no willingness above 0 is one off the frontier better than all on it
        benefit = dict(
            zip(costs, net_monetary_benefit(list(costs.values()), list(effects.values()), worth), strict=True)
        )
        assert max(benefit[name] for name in on) >= max(benefit.values()) - 1e-9


def test_net_benefit_by_hand() -> None:
    """2 averted at 300 each are worth 600, less 450."""
    assert net_monetary_benefit(450.0, 2.0, 300.0) == 150.0
    assert net_monetary_benefit([450.0, 0.0], [2.0, 0.0], 300.0).tolist() == [150.0, 0.0]


def test_an_incremental_ratio_where_something_is_surely_gained() -> None:
    found = incremental_ratio([100.0, 140.0, 120.0], [10.0, 12.0, 11.0])
    assert found.reason is None and found.ratio is not None
    assert found.ratio.estimate == pytest.approx(360 / 33)
    assert found.ratio.low is not None and found.ratio.low >= 10.0  # 100 / 10, the cheapest replication of all


@pytest.mark.parametrize(
    ("effects", "reason"),
    [
        ([0.0, 0.0, 0.0], "nothing is gained"),
        ([-5.0, -6.0, -7.0], "nothing is gained"),
        ([9.0, -2.0, 1.0], "the interval of what is gained includes 0"),
        ([9.0], "one replication: whether anything is gained is not known"),
        ([], "no replication"),
    ],
)
def test_without_a_sure_gain_there_is_no_ratio(effects: list[float], reason: str) -> None:
    found = incremental_ratio([100.0] * len(effects), effects)
    assert (found.ratio, found.reason) == (None, reason)


def test_acceptability_of_two_replications_by_hand() -> None:
    """Option a costs and does nothing; b costs 10 and averts 0 in one replication and 4 in the other.

    Resamples of two: b averts 0, 2 or 4 on average with probabilities 1/4, 1/2, 1/4. At 3 it is worth 0, 6, 12: better
    than nothing in the last alone; at 6 also in the middle; at 5 the middle is a draw, shared.
    """
    costs, effects = [[0.0, 0.0], [10.0, 10.0]], [[0.0, 0.0], [0.0, 4.0]]
    found = acceptability(costs, effects, [0.0, 3.0, 5.0, 6.0], resamples=4000)
    error = 4 * math.sqrt(0.25 * 0.75 / 4000)
    assert found.shape == (4, 2) and found.sum(axis=1) == pytest.approx(1.0)
    assert found[0].tolist() == [1.0, 0.0]
    assert found[1:, 1] == pytest.approx([0.25, 0.5, 0.75], abs=error)


def test_every_option_sees_the_same_resamples() -> None:
    """b is a with one more averted in every replication: it is best in every resample, however a varies."""
    effects = np.array([[1.0, 9.0, 4.0, 30.0]])
    found = acceptability(np.zeros((2, 4)), np.vstack([effects, effects + 1.0]), [1.0])
    assert found.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(("costs", "effects"), [([[1.0, 2.0]], [[1.0]]), ([[1.0]], [[1.0]]), ([1.0, 2.0], [1.0, 2.0])])
def test_acceptability_wants_replications(costs: list[float], effects: list[float]) -> None:
    with pytest.raises(UsageError, match="got shapes"):
        acceptability(costs, effects, [1.0])
