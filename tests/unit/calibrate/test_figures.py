"""Which figures are fitted and which are checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simharness.calibrate.figures import Choice, choose, link_of
from simharness.errors import UsageError
from simharness.scenario.load import Loaded
from simharness.scenario.model import RecordedFigure, Scenario


@pytest.fixture
def scenario(with_figures: Callable[..., Loaded]) -> Scenario:
    rows = [
        ("All", "fitted", 9, ""),
        ("All of Wales", "input", 3, ""),
        ("Later", "check", 8, ""),
        ("North", "fitted", 2, ""),
    ]
    return with_figures(*rows).scenario


def test_by_their_roles(scenario: Scenario) -> None:
    assert choose(scenario) == Choice((0, 3), (2,), ())


def test_added_and_held_out_by_part_of_a_title(scenario: Scenario) -> None:
    """A whole title means that figure, even where it is part of another's; upper case does not matter."""
    found = choose(scenario, ["wales"], ["nOR"])
    assert found == Choice((0, 1), (2, 3), (3,))
    assert [found.role(n) for n in (1, 2, 3)] == ["fitted", "check", "held out"]
    assert choose(scenario, ["all", "later"]) == Choice((0, 2, 3), (), ())
    assert choose(scenario, hold_out=["Later"]) == Choice((0, 3), (2,), ())  # a check needs no holding out


@pytest.mark.parametrize(
    ("add", "hold_out", "problem"),
    [
        (["l"], [], "means more than one figure; allowed: All; All of Wales; Later"),
        ([], ["Kent"], "no figure has this in its title; allowed: All; All of Wales; Later; North"),
        (["later"], ["LATER"], "'Later' is to be fitted and held out"),
        ([], ["All", "North"], "no figure to fit"),
    ],
)
def test_refused(scenario: Scenario, add: list[str], hold_out: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        choose(scenario, add, hold_out)


def test_the_youngest_victim_has_no_smooth_likelihood(flagship: Loaded) -> None:
    with pytest.raises(UsageError, match=r"Youngest victim.*cannot be fitted"):
        choose(flagship.scenario, ["youngest"])


def test_counts_are_linear_in_logarithms_and_shares_in_log_odds(flagship: Loaded) -> None:
    links = {figure.measure: link_of(figure) for figure in flagship.scenario.recorded}
    assert links["offences"] == "log" and links["group_share"] == links["platform_share"] == "logit"
    assert {figure.days for figure in flagship.scenario.recorded if figure.role == "check"} == {363, 728}
    assert RecordedFigure.model_fields["days"].default is None
