"""Which metrics are said to count harmless conversations is what a world of nothing else counts, in both directions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simharness.detection.scoring import build_detectors
from simharness.metrics.catalogue import METRICS
from simharness.metrics.cell import cell_rows
from simharness.metrics.estimates import RECORDED
from simharness.metrics.metric import HOURS, MONEY
from simharness.metrics.sampled import COUNTED, HANDLED
from simharness.outcomes.cell import run_cell
from simharness.run import prepare_cells
from simharness.scenario.load import Loaded
from simharness.world.model import build_model

NOBODY = "world.offenders.contact_rate.value=0.0000001/day"
# Every action on every alert; several alerts on a conversation; more of them than a queue of slow readers takes.
BUSY = (
    "arms.trained_moderators.on_alert=[nudge_child, alert_child, alert_guardian, restrict_messaging, suspend_account,"
    " share_signal, refer_police, queue.moderators]",
    "arms.trained_moderators.trigger={cooldown: 1min}",
    "arms.trained_moderators.queues.moderators.tiers.trained.service.median=30h",
    "arms.trained_moderators.queues.moderators.capacity=20",
    "arms.mandatory_code.queues.moderators.shifts=[{begins: 9h, ends: 10h, staff: 1}]",
    "arms.mandatory_code.queues.moderators.expires=1h",
)
# Counted in such a world, and neither conversations nor alerts: time, money, and what is there whatever anybody says.
OTHER = {"child_months", "audits", "audits_found", "sanctions", "longest_silence_days", "net_benefit", "brier"}
OTHER |= {"calibration_reliability", "desk_backlog", "desk_backlog_largest", "desk_wait_hours", "desk_wait_hours_p95"}


@pytest.fixture(scope="module")
def counted(load: Callable[..., Loaded]) -> set[tuple[str, str]]:
    """Subject and name of every metric that is not 0 somewhere in a world without offenders."""
    training = ("training.grooming=60", "training.benign=300", "training.calibration=3000")
    loaded = load(*training, NOBODY, "sampling.benign_fraction=0.003", *BUSY)
    model = build_model(loaded.scenario, loaded.folder)
    rows = cell_rows(
        model, run_cell(prepare_cells(model, build_detectors(loaded.scenario.detectors, loaded.folder)), 0)
    )
    assert not any(row.value for row in rows if row.metric == "grooming")
    return {("arm" if row.arm else "detector", row.metric) for row in rows if row.value and row.metric != RECORDED}


def test_all_that_a_world_of_harmless_conversations_counts_is_said_to_be_sampled(counted: set[tuple[str, str]]) -> None:
    said = set(COUNTED) | HANDLED
    unsaid = {each for each in counted - said if METRICS[each].unit not in (HOURS, MONEY) and each[1] not in OTHER}
    assert unsaid == set()


def test_nothing_else_is_said_to_be_sampled(counted: set[tuple[str, str]]) -> None:
    assert (set(COUNTED) | HANDLED) - counted == set()
    assert all(each in METRICS and METRICS[each].estimator != "ratio" for each in {*COUNTED, *HANDLED})
