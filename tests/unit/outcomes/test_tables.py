"""The tables of a cell: null for never, names for codes, marked synthetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from simharness.outcomes.cell import Cell
from simharness.outcomes.tables import alerts_table, conversations_table, decisions_table, outcomes_table
from simharness.records import Alert, Decision, Truth
from simharness.response.arm import ArmResult
from simharness.response.log import CLEARED, EXPIRED, REFERRAL, REVIEW, ArmLog
from simharness.world.generate import REASONS, World
from simharness.world.model import WorldModel

INF = np.inf


@pytest.fixture
def result() -> ArmResult:
    log = ArmLog()
    log.alert(7, 5.0, True)
    log.alert(1 << 63, 6.0, False)
    log.decision(1, REVIEW, 8.0, 9.0, CLEARED)
    log.decision(0, REFERRAL, 9.0, 9.0, EXPIRED)
    outcomes = np.array([[1.0, 2.0, INF, INF], [INF] * 4, [INF] * 4])
    return ArmResult(outcomes, np.array([3.0, INF, INF]), np.array([4.0, -INF, INF]), log)


@pytest.fixture
def cell(model: WorldModel, result: ArmResult) -> Cell:
    contacts = replace(
        World(model, 5).grooming_contacts().take(slice(0, 3)),
        conversation=np.array([7, 8, 9], np.uint64),
        girl=np.array([True, False, True]),
        start=np.array([0.0, 3600.0, 16 * 3600.0]),
    )
    never = np.full(3, INF)
    offence = np.array([60.0, INF, INF])
    reasons = np.array([0, 1, 5], np.uint8)
    truth = Truth(np.array([4, 5, 6], np.int32), offence, never, never, never, never, never, reasons)
    return Cell(0, 1, contacts, truth, {}, {"only": result})


def test_never_is_null_and_a_contact_never_made_is_said(cell: Cell, result: ArmResult) -> None:
    table = outcomes_table(cell, result)
    assert table.to_pydict() == {
        "conversation": [7, 8, 9],
        "offence_s": [1.0, None, None],
        "repeat_s": [2.0, None, None],
        "meeting_s": [None] * 3,
        "contact_s": [None] * 3,
        "recorded_s": [3.0, None, None],
        "cut_s": [4.0, None, None],
        "never_made": [False, True, False],
    }


def test_alerts_and_decisions(result: ArmResult) -> None:
    assert alerts_table(result).to_pylist() == [
        {"alert": 0, "conversation": 7, "raised_s": 5.0, "right": True},
        {"alert": 1, "conversation": 1 << 63, "raised_s": 6.0, "right": False},
    ]
    assert decisions_table(result).to_pylist() == [
        {"alert": 1, "desk": "review", "started_s": 8.0, "ended_s": 9.0, "verdict": "cleared"},
        {"alert": 0, "desk": "referral", "started_s": 9.0, "ended_s": 9.0, "verdict": "expired"},
    ]
    assert set(alerts_table(result).column_names) == set(Alert.__slots__)
    assert set(decisions_table(result).column_names) == set(Decision.__slots__)


def test_conversations(model: WorldModel, cell: Cell) -> None:
    table = conversations_table(model, cell).to_pydict()
    assert table["start_s"] == [27000.0, 30600.0, 86400.0 + 30600.0]  # waking from 07:30, 15 hours a day
    assert table["offence_s"] == [27060.0, None, None] and table["closed_s"] == [None] * 3
    assert table["sex"] == ["girl", "boy", "girl"] and table["messages"] == [4, 5, 6]
    assert table["reason"] == [REASONS[0], REASONS[1], REASONS[5]] == ["censored", REASONS[1], "adult"]
    assert set(table["platform"]) <= set(model.platforms) and set(table["force"]) <= set(model.children.forces)
    assert set(table["offender_type"]) <= set(model.scenario.world.offenders.types)
    assert set(table["pacing"]) <= set(model.scenario.world.pacing)


def test_every_table_is_marked_synthetic(model: WorldModel, cell: Cell, result: ArmResult) -> None:
    tables: list[pa.Table] = [conversations_table(model, cell), outcomes_table(cell, result)]
    for table in [*tables, alerts_table(result), decisions_table(result)]:
        assert table.schema.metadata == {b"synthetic": b"true", b"schema_version": b"1"}


def test_an_arm_without_alerts_has_the_same_columns(result: ArmResult) -> None:
    empty = replace(result, log=ArmLog())
    assert alerts_table(empty).schema.equals(alerts_table(result).schema)
    assert decisions_table(empty).schema.equals(decisions_table(result).schema)
