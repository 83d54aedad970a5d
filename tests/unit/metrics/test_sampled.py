"""What is not ruled out where no harmless conversation of the sample was counted."""

from __future__ import annotations

import math
from typing import Any

import pytest
from scipy.stats import poisson

from simharness.metrics.intervals import Interval
from simharness.metrics.sampled import NOTHING_SEEN, not_ruled_out

ARM = {"detector": "mine", "mode": "live", "on_alert": ["suspend_account"], "queues": {}}
Series = dict[tuple[str, str], dict[str, dict[int, float | None]]]


def found(key: str, values: dict[str, list[float | None]], arm: dict[str, Any] | None = None, **more: Any) -> Any:
    """Of an arm or detector x; each sampled conversation stands for a hundred."""
    subject = more.get("subject", "arm")
    series: Series = {(subject, "x"): {name: dict(enumerate(each)) for name, each in values.items()}}
    series["arm", "other"] = {"child_months": {0: 2.0, 1: 3.0}}
    scenario = {"sampling": {"benign_fraction": 0.01}, "arms": {"x": ARM | (arm or {})}}
    return not_ruled_out(subject, "x", key, series, scenario, **({"level": more["level"]} if "level" in more else {}))


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_the_limit_is_poissons_exact_one(level: float) -> None:
    """With a mean of the limit, nothing at all would be seen with probability (1 - level) / 2 (Garwood 1936)."""
    high = found("false_alerts", {"false_alerts": [0.0, 0.0]}, level=level).high
    conversations = high * 2 * 0.01  # of two replications, each conversation standing for a hundred
    assert poisson.pmf(0, conversations) == pytest.approx((1 - level) / 2)


MOST = -math.log(0.025) * 100
SUSPENDED = {"wrong_suspensions": [0.0, 0.0], "child_months": [1.0, 1.5]}


@pytest.mark.parametrize(
    ("subject", "key", "values", "high"),
    [
        ("arm", "false_alerts", {"false_alerts": [0.0, 0.0]}, MOST / 2),
        ("arm", "false_alerts", {"false_alerts": [0.0, None]}, MOST),
        ("arm", "alerts_in_thousands", {"alerts_in_thousands": [0.0, 0.0]}, MOST / 2000),
        ("arm", "wrong_suspensions_per_1000_child_months", SUSPENDED, MOST / 2.5),
        ("detector", "false_alert_rate", {"false_alert_rate": [0.0, 0.0]}, MOST / 5),
        ("arm", "alerts_lost[expired]", {"alerts_lost[expired]": [0.0, 0.0], "alerts": [0.0, 0.0]}, MOST / 2),
    ],
)  # fmt: skip
def test_what_it_is_divided_by(subject: str, key: str, values: Any, high: float) -> None:
    got = found(key, values, subject=subject)
    assert got.method == NOTHING_SEEN and (got.estimate, got.low) == (0.0, 0.0)
    assert got.high == pytest.approx(high)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("false_alerts", {"false_alerts": [0.0, 100.0]}),
        ("false_alerts", {"false_alerts": [None, None]}),
        ("false_alerts", {}),
        ("offences", {"offences": [0.0, 0.0]}),
        ("harm_prevented", {"children_protected": [0.0, 0.0], "children_harmed_comparator": [5.0, 5.0]}),
        ("alerts_lost", {"alerts_lost": [0.0, 0.0], "alerts": [0.0, 300.0]}),
        ("alerts_lost_share", {"alerts_lost": [0.0, 0.0], "alerts": [0.0, 0.0]}),
    ],
)
def test_where_it_says_nothing(key: str, values: Any) -> None:
    assert found(key, values) is None


@pytest.mark.parametrize(
    ("name", "change", "any_at_all"),
    [
        ("false_alerts", {}, True),
        ("false_alerts", {"detector": None}, False),
        ("false_alerts", {"mode": "shadow"}, True),
        ("wrong_suspensions", {}, True),
        ("wrong_suspensions", {"mode": "shadow"}, False),
        ("wrong_suspensions", {"on_alert": ["share_signal"]}, True),
        ("wrong_suspensions", {"on_alert": ["alert_child"]}, False),
        ("wrong_suspensions", {"on_alert": ["queue.q"], "queues": {"q": {"on_confirmed": ["suspend_account"]}}}, True),
        ("wrong_suspensions", {"on_alert": ["queue.q"], "queues": {"q": {"on_cleared": ["suspend_account"]}}}, True),
        ("benign_read", {}, False),
        ("benign_read", {"on_alert": ["queue.q"], "queues": {"q": {}}}, True),
        ("benign_read", {"on_alert": ["queue.q"], "queues": {"q": {}}, "mode": "shadow"}, True),
        ("children_wrongly_alarmed", {"on_alert": ["nudge_child"]}, True),
        ("guardians_wrongly_alarmed", {"on_alert": ["nudge_child"]}, False),
    ],
)
def test_what_an_arm_cannot_do_it_has_not_done(name: str, change: dict[str, Any], any_at_all: bool) -> None:
    got = found(name, {name: [0.0, 0.0]}, change)
    assert got is not None and (got.high > 0) == any_at_all


def test_of_alerts_that_were_all_right_some_may_be_false() -> None:
    right = {"detected": [10.0, 20.0], "alerted": [10.0, 20.0]}
    got = found("precision", right, subject="detector")
    assert got == Interval(1.0, pytest.approx(30 / (30 + MOST)), 1.0, 2, NOTHING_SEEN)
    assert found("precision", right | {"alerted": [10.0, 120.0]}, subject="detector") is None
    assert found("precision", {"detected": [0.0], "alerted": [0.0]}, subject="detector") is None
    assert found("recall", {"detected": [5.0], "grooming": [5.0]}, subject="detector") is None
