from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from simharness.errors import UsageError
from simharness.scenario.load import Loaded
from simharness.scenario.world import Platform, Population
from simharness.streams import uniform
from simharness.world.population import (
    Children,
    choose_platform,
    load_children,
    membership_by_age,
    solve_preference,
)

HEADER = "force,nation,all_ages,age_00_04,age_05_09,age_10_14,age_15_19\n"
TINY = HEADER + "North,England,1000,0,50,100,0\nSouth,Wales,300,0,25,15,0\n"  # per year: 10 and 20, 5 and 3
PER_YEAR = {8: (10, 5), 9: (10, 5), 10: (20, 3), 11: (20, 3)}


def settings(youngest: int = 8, oldest: int = 11, girls: float = 0.5) -> Population:
    share = {"evidence": "assumed", "source": "test", "value": girls}
    block = {"evidence": "assumed", "source": "test", "table": "table.csv", "girls_share": share}
    return Population.model_validate(block | {"youngest": youngest, "oldest": oldest})


def children(tmp_path: Path, text: str = TINY, scale: float = 1.0, **ages: float) -> Children:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return load_children(settings(**ages), path, scale)  # type: ignore[arg-type]


def platform(*bands: tuple[int, int, float]) -> Platform:
    membership = [{"youngest": low, "oldest": high, "share": share} for low, high, share in bands]
    return Platform.model_validate({"evidence": "assumed", "source": "test", "membership": membership})


@pytest.mark.parametrize("scale", [0.01, 0.02, 0.37, 1.0, 3.0])
def test_totals_at_any_scale_miss_by_less_than_one(tmp_path: Path, scale: float) -> None:
    made = children(tmp_path, scale=scale, girls=0.488)
    assert abs(made.total - 76 * scale) < 1
    for (sex, share), low, high in product((("girl", 0.488), ("boy", 0.512)), range(8, 12), range(8, 12)):
        if low <= high:
            expected = share * scale * sum(sum(PER_YEAR[age]) for age in range(low, high + 1))
            begin, end = made.id_range(sex, low, high)
            assert abs(end - begin - expected) < 1


def test_every_force_has_the_nation_of_the_table(flagship: Loaded) -> None:
    population = flagship.scenario.world.population
    made = load_children(population, flagship.folder / population.table, 1.0)
    welsh = {force for force, nation in zip(made.forces, made.nations, strict=True) if nation == "Wales"}
    assert welsh == {"South Wales", "North Wales", "Gwent", "Dyfed-Powys"} and set(made.nations) == {"England", "Wales"}


def test_the_flagship_counts_its_table(flagship: Loaded) -> None:
    population = flagship.scenario.world.population
    made = load_children(population, flagship.folder / population.table, 1.0)
    with (flagship.folder / population.table).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    bands = np.array([row[4:7] for row in rows], dtype=np.int64).sum(axis=0)
    expected = bands @ np.array([3, 5, 3]) / 5  # 7 to 9, 10 to 14, 15 to 17
    assert abs(made.total - expected) < 1
    assert len(made.forces) == len(rows) and made.inhabitants.sum() == sum(int(row[2]) for row in rows)


def test_cells_against_a_list_of_every_child(tmp_path: Path) -> None:
    made = children(tmp_path, scale=2.0)  # twice, so that half of every cell is a whole number
    listed = [
        (sex, age, force)
        for sex, age, force in product((0, 1), range(8, 12), (0, 1))
        for _ in range(PER_YEAR[age][force])
    ]
    sex, age, force = made.cells(np.arange(made.total))
    assert list(zip(sex.tolist(), age.tolist(), force.tolist(), strict=True)) == listed
    assert made.per_year().tolist() == [30.0, 30.0, 46.0, 46.0]
    assert made.inhabitants.tolist() == [2000, 600] and made.forces == ("North", "South")
    for number, name in enumerate(("girl", "boy")):
        for low, high in ((8, 8), (8, 11), (9, 10), (0, 9), (11, 17)):
            ids = [i for i, (s, a, _) in enumerate(listed) if s == number and low <= a <= high]
            assert made.id_range(name, low, high) == (ids[0], ids[-1] + 1)
    for low, high in ((0, 7), (12, 17)):
        begin, end = made.id_range("boy", low, high)
        assert begin == end


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (TINY.replace("300", "3OO"), "table.csv:3: all_ages: got '3OO'; allowed: a whole number"),
        (TINY.replace("North,England,1000", "\nNorth,England,-5"), "table.csv:3: all_ages: got '-5'"),
        (TINY.replace("25", "²"), "table.csv:3: age_05_09"),
        (TINY.replace("nation", "country"), "table.csv:2: nation: got None; allowed: columns force, nation, all_ages"),
        (HEADER, "table.csv: the population table has no rows; allowed: one row a force area"),
    ],
)
def test_a_bad_table_names_file_and_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        children(tmp_path, text)
    assert says in str(caught.value)


def test_what_cannot_be_read_or_used(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.csv: the population table cannot be read: No such file"):
        load_children(settings(), tmp_path / "gone.csv", 1.0)
    (tmp_path / "latin.csv").write_bytes((HEADER + "Zürich,England,1,1,1,1,1\n").encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.csv: the population table cannot be read: 'utf-8'"):
        load_children(settings(), tmp_path / "latin.csv", 1.0)
    with pytest.raises(UsageError, match=r"no child is left at scale 0\.001"):
        children(tmp_path, scale=0.001)
    with pytest.raises(UsageError, match="bands for ages 5 to 19 only; allowed: ages 5 to 17"):
        children(tmp_path, youngest=4)


def test_membership_by_age(tmp_path: Path) -> None:
    made = children(tmp_path)
    platforms = {
        "a": platform((5, 8, 0.2), (10, 17, 0.6)),
        "below": platform((3, 5, 0.9)),
        "above": platform((12, 17, 1)),
    }
    assert membership_by_age(platforms, made).tolist() == [[0.2, 0.0, 0.6, 0.6], [0.0] * 4, [0.0] * 4]


def reached(
    preference: NDArray[np.float64], membership: NDArray[np.float64], weights: NDArray[np.float64]
) -> list[float]:
    """Shares of contacts by exact enumeration of who is on what."""
    shares = np.zeros(len(preference))
    for age, weight in enumerate(weights / weights.sum()):
        for on in product((0, 1), repeat=len(preference)):
            mask = np.array(on)
            chance = np.prod(np.where(mask == 1, membership[:, age], 1 - membership[:, age]))
            if mask @ preference > 0:
                shares += weight * chance * mask * preference / (mask @ preference)
    return [float(share) for share in shares]


def test_preference_of_two_platforms_by_hand() -> None:
    # Half of the children are on the first: 0.5 a / (a + b) = 0.3 gives a = 0.6.
    found = solve_preference(np.array([0.3, 0.7]), np.array([[0.5], [1.0]]), np.ones(1))
    np.testing.assert_allclose(found, [0.6, 0.4], atol=1e-8)


MEMBERSHIP = np.array([[0.25, 0.7, 0.85], [0.2, 0.6, 0.75], [0.0, 0.6, 0.4], [1.0, 1.0, 1.0]])
AGES = np.array([1.0, 2.0, 0.5])
SHARES = np.array([0.3, 0.2, 0.1, 0.4])


def test_preference_reaches_the_shares_exactly() -> None:
    found = solve_preference(SHARES, MEMBERSHIP, AGES)
    np.testing.assert_allclose(reached(found, MEMBERSHIP, AGES), SHARES, atol=1e-9)
    nothing = solve_preference(np.array([0.0, 0.2, 0.1, 0.7]), MEMBERSHIP, AGES)
    np.testing.assert_allclose(reached(nothing, MEMBERSHIP, AGES), [0.0, 0.2, 0.1, 0.7], atol=1e-9)


def test_preference_allows_shares_that_were_rounded() -> None:
    thirds = np.full(3, 0.3333333)  # sums to 0.9999999, which a scenario may
    found = solve_preference(thirds, np.array([[0.9], [0.9], [1.0]]), np.ones(1))
    np.testing.assert_allclose(reached(found, np.array([[0.9], [0.9], [1.0]]), np.ones(1)), [1 / 3] * 3, atol=1e-9)


def test_preference_that_cannot_be_reached() -> None:
    with pytest.raises(ValueError, match=r"shares \[0.6, 0.4\] cannot be reached .* nearest \[0.5, 0.5\]"):
        solve_preference(np.array([0.6, 0.4]), np.array([[0.5], [1.0]]), np.ones(1))
    with pytest.raises(ValueError, match="cannot be reached"):  # nobody prefers the only platform some are on
        solve_preference(np.array([1.0, 0.0]), np.array([[0.5], [1.0]]), np.ones(1))


def test_chosen_platforms_are_the_child_s_own_and_in_the_stated_shares() -> None:
    n = 40_000
    contact = np.arange(n, dtype=np.uint64)
    child = contact.astype(np.int64) + 7
    age = np.searchsorted(np.cumsum(AGES / AGES.sum())[:-1], uniform(5, "test.age", contact), side="right")
    preference = solve_preference(SHARES, MEMBERSHIP, AGES)
    chosen = choose_platform(5, "test.platform", contact, child, age, MEMBERSHIP, preference)
    on = np.stack(
        [uniform(5, f"child.member.{i}", child.astype(np.uint64)) < row[age] for i, row in enumerate(MEMBERSHIP)]
    )
    assert on[chosen, np.arange(n)].all()
    found = np.bincount(chosen, minlength=4) / n
    assert np.all(np.abs(found - SHARES) < 4 * np.sqrt(SHARES * (1 - SHARES) / n))
