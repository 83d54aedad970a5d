"""Effects of parameters against closed forms: the Ishigami function, additive grids, rank correlations, Pareto sets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from simharness.errors import UsageError
from simharness.sweeping.design import shares
from simharness.sweeping.effects import main_effects, rank_correlations, sobol_indices
from simharness.sweeping.frontier import pareto
from simharness.sweeping.spec import LatinHypercube, Sobol


def test_indices_of_the_ishigami_function() -> None:
    """Ishigami & Homma 1990; with a = 7, b = 0.1 (Sobol' & Levitan 1999): V = a2/8 + b pi4/5 + b2 pi8/18 + 1/2."""
    a, b, base = 7.0, 0.1, 1024
    x = (2.0 * shares(Sobol(kind="sobol", base=base, seed=1), 3) - 1.0) * math.pi
    y = np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0])
    first = (0.5 * (1 + b * math.pi**4 / 5) ** 2, a**2 / 8, 0.0)
    third = b**2 * math.pi**8 * 8 / 225  # of the first and the third together
    whole = first[0] + first[1] + third
    found = sobol_indices(y, 3, False, 1)
    assert [index.first.n for index in found] == [base] * 3
    for index, own, together in zip(found, first, (first[0] + third, first[1], third), strict=True):
        assert index.first.estimate == pytest.approx(own / whole, abs=0.03)
        assert index.total.estimate == pytest.approx(together / whole, abs=0.03)
        for each, truth in ((index.first, own / whole), (index.total, together / whole)):
            assert each.low is not None and each.high is not None
            assert each.low - 0.01 <= truth <= each.high + 0.01 and each.high - each.low < 0.4


def test_second_order_needs_its_own_points_and_gives_the_same_indices() -> None:
    x = shares(Sobol(kind="sobol", base=256, seed=3, second_order=True), 2)
    found = sobol_indices(x[:, 0] + 2.0 * x[:, 1], 2, True, 3)
    assert len(x) == 256 * 6
    assert [index.first.estimate for index in found] == pytest.approx([0.2, 0.8], abs=0.02)  # variances 1 to 4
    assert [index.total.estimate for index in found] == pytest.approx([0.2, 0.8], abs=0.02)


def test_indices_are_seeded_and_leave_the_global_generator_alone() -> None:
    state = np.random.get_state()[1].copy()  # type: ignore[union-attr]
    designs = [shares(Sobol(kind="sobol", base=8, seed=seed), 2) for seed in (1, 1, 2)]
    cubes = [shares(LatinHypercube(kind="latin_hypercube", points=10, seed=seed), 2) for seed in (1, 1, 2)]
    y = designs[0] @ [1.0, 3.0]
    indices = [sobol_indices(y, 2, False, 5) for _ in range(2)]
    for one, same, other in (designs, cubes):
        assert (one == same).all() and not (one == other).all()
    assert indices[0] == indices[1]
    assert (np.random.get_state()[1] == state).all()  # type: ignore[index]


def test_a_latin_hypercube_has_one_point_in_every_part() -> None:
    """McKay, Beckman & Conover 1979, section 2."""
    cube = shares(LatinHypercube(kind="latin_hypercube", points=20, seed=4), 3)
    assert (np.sort(np.floor(cube * 20), axis=0) == np.arange(20)[:, None]).all()


@pytest.mark.parametrize("values", [np.ones(8), np.array([1.0, np.nan, *range(6)])])
def test_what_does_not_vary_or_is_unknown_has_no_index(values: np.ndarray) -> None:
    assert all(each.first.estimate is None and each.total.low is None for each in sobol_indices(values, 2, False, 1))


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="a multiple of 4"):
        sobol_indices(np.ones(7), 2, False, 1)
    with pytest.raises(UsageError, match="at least 1"):
        sobol_indices(np.arange(8.0), 2, False, 0)
    with pytest.raises(UsageError):
        main_effects([[1, 2]], [1.0])
    with pytest.raises(UsageError):
        rank_correlations([[1.0], [2.0]], [1.0])
    with pytest.raises(UsageError):
        pareto([[1.0, 2.0]], ["higher"])


def test_main_effects_by_hand() -> None:
    """y = a + 2 b over a in {0, 2}, b in {0, 1, 2}: variances 1 and 4 * 2/3, nothing left. With a b: 11/3 of 5."""
    a, b = [0, 0, 0, 2, 2, 2], [0, 1, 2, 0, 1, 2]
    additive = [x + 2.0 * y for x, y in zip(a, b, strict=True)]
    assert main_effects([a, b], additive) == pytest.approx([3 / 11, 8 / 11])
    product = [float(x * y) for x, y in zip(a, b, strict=True)]  # 0 0 0 0 2 4: mean 1, total 14; a: 6, b: 4
    assert main_effects([a, b], product) == pytest.approx([6 / 14, 4 / 14])
    assert main_effects([a, b], [1.0] * 6) == [None, None]
    assert main_effects([a, b], [1.0, 2.0, 3.0, 4.0, 5.0, math.nan]) == [None, None]


def test_partial_rank_correlation_of_one_parameter_is_spearmans() -> None:
    x = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]])
    y = np.array([2.0, 1.0, 4.0, 3.0, 6.0, 5.0])
    (found,) = rank_correlations(x, y)
    r = float(spearmanr(x[:, 0], y).statistic)
    half = 1.959963984540054 / math.sqrt(6 - 1 - 2)
    assert found.estimate == pytest.approx(r)
    assert (found.low, found.high) == pytest.approx((math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)))


def test_partial_rank_correlation_takes_the_others_out() -> None:
    """By the recursion r12.3 = (r12 - r13 r23) / sqrt((1 - r13^2) (1 - r23^2)) of the rank correlations."""
    cube = shares(LatinHypercube(kind="latin_hypercube", points=40, seed=7), 2)
    y = np.exp(cube[:, 0]) - 0.5 * cube[:, 1] + 0.3 * np.sin(40.0 * cube[:, 0])
    r = [float(spearmanr(one, other).statistic) for one, other in ((cube[:, 0], y), (cube[:, 1], y), (*cube.T,))]
    by_hand = (r[0] - r[1] * r[2]) / math.sqrt((1 - r[1] ** 2) * (1 - r[2] ** 2))
    assert rank_correlations(cube, y)[0].estimate == pytest.approx(by_hand)
    gaps = np.append(y, np.nan)
    assert rank_correlations(np.vstack([cube, [0.5, 0.5]]), gaps) == rank_correlations(cube, y)
    assert rank_correlations(cube, np.ones(40))[0].estimate is None


def test_the_frontier_by_hand() -> None:
    points = [(3.0, 5.0), (3.0, 4.0), (1.0, 1.0), (2.0, 4.0), (3.0, 4.0), (9.0, math.nan)]
    assert pareto(points, ["higher", "lower"]).tolist() == [False, True, True, False, True, False]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_frontier_is_what_nothing_dominates(points: list[tuple[int, int]]) -> None:
    kept = pareto(points, ["lower", "higher"])
    for (a, b), stays in zip(points, kept, strict=True):
        beaten = any(c <= a and d >= b and (c, d) != (a, b) for c, d in points)
        assert bool(stays) is not beaten
    assert kept.any()
