"""Net benefit and decision curves, by hand."""

from __future__ import annotations

import pytest

from simharness.errors import UsageError
from simharness.metrics.net_benefit import at_budget, decision_curve, net_benefit, threshold_of


def test_net_benefit_by_hand() -> None:
    """Vickers & Elkin 2006: true positives less false ones at the odds of the threshold, for each subject."""
    assert net_benefit(30, 50, 1000, 0.2) == pytest.approx((30 - 50 * 0.25) / 1000)
    assert net_benefit(30, 0, 1000, 0.2) == 0.03 and net_benefit(0, 0, 1000, 0.5) == 0.0
    assert net_benefit(1, 1, 0, 0.5) is None
    for threshold in (0.0, 1.0):
        with pytest.raises(UsageError, match="between 0 and 1"):
            net_benefit(1, 1, 1, threshold)


def test_so_many_false_alerts_weigh_as_much_as_one_right() -> None:
    assert threshold_of(1) == 0.5 and threshold_of(100) == pytest.approx(1 / 101)
    assert net_benefit(1, 100, 1, threshold_of(100)) == pytest.approx(0.0)
    with pytest.raises(UsageError, match="above 0"):
        threshold_of(0)


KNOWN, GIVEN = [True, True, False, False, False], [0.9, 0.4, 0.4, 0.2, 0.1]


def test_a_curve_by_hand() -> None:
    curve = decision_curve(KNOWN, GIVEN, [0.05, 0.2, 0.4, 0.5, 0.95])
    assert curve is not None
    # Alerted on: all; four; three (at the threshold counts); one; nobody.
    assert curve.alert_on_risk == pytest.approx(
        [(2 - 3 / 19) / 5, (2 - 2 / 4) / 5, (2 - 1 * 2 / 3) / 5, 1 / 5, 0.0], abs=1e-12
    )
    assert curve.alert_on_all == pytest.approx([(2 - 3 * t / (1 - t)) / 5 for t in (0.05, 0.2, 0.4, 0.5, 0.95)])
    assert not curve.alert_on_none.any() and list(curve.threshold) == [0.05, 0.2, 0.4, 0.5, 0.95]
    assert curve.alert_on_risk[0] == pytest.approx(curve.alert_on_all[0])


def test_weights_count_in_full() -> None:
    weighted = decision_curve([True, False], [0.9, 0.8], [0.5], [1.0, 3.0])
    full = decision_curve([True, False, False, False], [0.9, 0.8, 0.8, 0.8], [0.5])
    assert weighted is not None and full is not None
    for curve in (weighted, full):
        assert curve.alert_on_risk == pytest.approx([(1 - 3) / 4])
    assert decision_curve([True], [0.9], [0.5]) is None


def test_at_a_budget_of_alerts() -> None:
    """The highest first; two share the second place, so half of each is taken."""
    for budget, right, false in ((0, 0, 0), (1, 1, 0), (2, 1.5, 0.5), (3, 2, 1), (99, 2, 3)):
        curve = at_budget(KNOWN, GIVEN, [0.2], budget)
        assert curve is not None
        assert curve.alert_on_risk == pytest.approx([(right - false / 4) / 5]), budget
        assert curve.alert_on_all == pytest.approx([(2 - 3 / 4) / 5]) and curve.alert_on_none.tolist() == [0.0]
    scaled = at_budget(KNOWN, [1000.0 * each - 7 for each in GIVEN], [0.2], 2)
    assert scaled is not None and scaled.alert_on_risk == pytest.approx([(1.5 - 0.5 / 4) / 5])
    assert at_budget([False], [1.0], [0.2], 1) is None
    with pytest.raises(UsageError, match="0 alerts or more"):
        at_budget(KNOWN, GIVEN, [0.2], -1)
