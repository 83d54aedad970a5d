"""Weights of the rungs of harm: optional, one each, none below 0, and sourced."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simharness.errors import UsageError, UsageErrors
from simharness.records import LADDER
from simharness.scenario.load import Loaded

GIVEN = "evidence: assumed, source: test, offence: 1, repeat: 2, meeting: 4"


def test_weights_by_rung_mildest_first(load: Callable[..., Loaded]) -> None:
    weights = load(f"harm_weights={{{GIVEN}, contact: 10}}").scenario.harm_weights
    assert weights is not None and list(weights.by_rung().items()) == list(zip(LADDER, (1, 2, 4, 10), strict=True))


def test_the_flagship_rests_on_no_weights(flagship: Loaded) -> None:
    assert flagship.scenario.harm_weights is None


@pytest.mark.parametrize(
    ("given", "where"),
    [
        (f"{GIVEN}, contact: -1", "harm_weights.contact"),
        (GIVEN, "harm_weights: missing key 'contact'"),
        (f"{GIVEN}, contact: 10, other: 1", "harm_weights.other"),
        ("offence: 1, repeat: 2, meeting: 4, contact: 10", "harm_weights: missing key 'evidence'"),
    ],
)
def test_weights_that_say_too_little_or_too_much_are_refused(
    load: Callable[..., Loaded], given: str, where: str
) -> None:
    with pytest.raises((UsageError, UsageErrors), match=where):
        load(f"harm_weights={{{given}}}")
