"""The tables of a cell: null for never, names for codes, marked synthetic, columns as the records say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from simharness.outcomes.cell import Cell
from simharness.outcomes.tables import (
    actions_table,
    alerts_table,
    conversations_table,
    decisions_table,
    outcomes_table,
)
from simharness.records import SCHEMA_VERSION, Action, Alert, Decision, Outcome, Truth
from simharness.response.arm import ArmResult
from simharness.response.coverage import Regulation
from simharness.response.desk import Ticket
from simharness.response.log import (
    ACTIONS,
    CLEARED,
    DROPPED,
    EFFECTS,
    ENDED,
    EXPIRED,
    REASONS,
    SHADOW,
    TAKEN,
    VERDICTS,
    WAITING,
    ArmLog,
)
from simharness.scenario.policy import POLICE, RECIPIENTS
from simharness.world.contacts import LINK_SHIFT
from simharness.world.generate import REASONS as ENDINGS
from simharness.world.generate import World
from simharness.world.model import WorldModel

INF = np.inf
CODES = pa.dictionary(pa.int32(), pa.string())
OF_ARM: tuple[Callable[[ArmResult], pa.Table], ...] = (alerts_table, decisions_table, actions_table)


@pytest.fixture
def result() -> ArmResult:
    """Three alerts: one expired, one decided, one turned away; and one lost before it came to a desk."""
    log = ArmLog()
    moderators, police = log.desk("moderators"), log.desk(POLICE)
    for conversation, raised, right, risk in ((7, 5.0, True, 0.5), (1 << 63, 6.0, False, 0.25), (8, 7.0, True, 0.75)):
        log.alert(conversation, raised, right, risk)
    log.drop(log.alert(9, 8.0, True, 1.0), "over_budget")
    read = Ticket(None, (0.0,), 6.0, claims=2, started_s=7.0, claimed_s=8.0)
    log.stay(1, moderators, read, 9.0, CLEARED, worked=1.5)
    log.stay(0, moderators, Ticket(None, (0.0,), 5.0), 25.0, EXPIRED)
    log.stay(2, moderators, Ticket(None, (0.0,), 7.0), 7.0, DROPPED, "queue_full")
    log.stay(1, police, Ticket(None, (0.0,), 9.0), np.nan, WAITING)
    log.action(1, "alert_child", 9.0, ENDED)
    log.action(1, "share_signal", 9.0, SHADOW)
    log.action(1, "refer_police", 9.0, TAKEN)
    outcomes = np.array([[1.0, 2.0, INF, INF], [INF] * 4, [INF] * 4])
    recorded, cut, start = np.array([3.0, INF, INF]), np.array([4.0, -INF, INF]), np.array([0.5, 1.5, INF])
    return ArmResult(outcomes, recorded, cut, start, log, Regulation(), np.array([6.0, 7.0, INF]))


@pytest.fixture
def cell(model: WorldModel, result: ArmResult) -> Cell:
    """The third conversation is one that could take the place of the first."""
    contacts = replace(
        World(model, 5).grooming_contacts().take(slice(0, 3)),
        conversation=np.array([7, 8, 7 + (1 << LINK_SHIFT)], np.uint64),
        girl=np.array([True, False, True]),
        start=np.array([0.0, 16 * 3600.0, 0.0]),
    )
    never = np.full(3, INF)
    offence = np.array([60.0, INF, 60.0])
    truth = Truth(
        np.array([4, 5, 6], np.int32), offence, never, never, never, never, never, np.array([0, 1, 5], np.uint8)
    )
    return Cell(0, 1, contacts, truth, 2, {}, {"only": result})


def test_never_is_null_and_a_contact_never_made_is_said(cell: Cell, result: ArmResult) -> None:
    table = outcomes_table(cell, result)
    assert table.to_pydict() == {
        "conversation": [7, 8, 7 + (1 << LINK_SHIFT)],
        "start_s": [0.5, 1.5, None],
        "offence_s": [1.0, None, None],
        "repeat_s": [2.0, None, None],
        "meeting_s": [None] * 3,
        "contact_s": [None] * 3,
        "recorded_s": [3.0, None, None],
        "cut_s": [4.0, None, None],
        "never_made": [False, True, False],
        "closed_s": [6.0, None, None],  # what a contact never made would have ended is nothing
    }


def test_alerts_by_hand(result: ArmResult) -> None:
    rows = [tuple(row.values()) for row in alerts_table(result).to_pylist()]
    assert rows == [
        (0, 7, 5.0, True, 0.5, None),
        (1, 1 << 63, 6.0, False, 0.25, None),
        (2, 8, 7.0, True, 0.75, None),
        (3, 9, 8.0, True, 1.0, "over_budget"),
    ]


def test_decisions_by_hand(result: ArmResult) -> None:
    rows = [tuple(row.values()) for row in decisions_table(result).to_pylist()]
    assert rows == [
        (1, "moderators", 6.0, 7.0, 8.0, 9.0, "cleared", None, 2, 1.5),
        (0, "moderators", 5.0, None, None, 25.0, "expired", None, 0, 0.0),
        (2, "moderators", 7.0, None, None, 7.0, "dropped", "queue_full", 0, 0.0),
        (1, "police", 9.0, None, None, None, "waiting", None, 0, 0.0),
    ]


def test_actions_by_hand(result: ArmResult) -> None:
    rows = [tuple(row.values()) for row in actions_table(result).to_pylist()]
    assert rows == [
        (1, "alert_child", "child", 9.0, "ended"),
        (1, "share_signal", "other platforms", 9.0, "shadow"),
        (1, "refer_police", "police", 9.0, "taken"),
    ]


@pytest.mark.parametrize(
    ("table", "record", "types"),
    [
        (alerts_table, Alert, [pa.int64(), pa.uint64(), pa.float64(), pa.bool_(), pa.float32(), CODES]),
        (
            decisions_table,
            Decision,
            [pa.int64(), CODES, *[pa.float64()] * 4, CODES, CODES, pa.int32(), pa.float64()],
        ),
        (actions_table, Action, [pa.int64(), CODES, CODES, pa.float64(), CODES]),
    ],
)
def test_columns_and_types_are_the_records(
    result: ArmResult, table: Callable[[ArmResult], pa.Table], record: Any, types: list[pa.DataType]
) -> None:
    """Also for an arm in which nothing happened."""
    for one in (result, replace(result, log=ArmLog())):
        schema = table(one).schema
        assert schema.names == [column.name for column in fields(record)] and schema.types == types


def test_outcomes_have_the_columns_and_types_of_the_record(cell: Cell, result: ArmResult) -> None:
    schema = outcomes_table(cell, result).schema
    assert schema.names == [column.name for column in fields(Outcome)]
    assert schema.types == [pa.uint64(), *[pa.float64()] * 7, pa.bool_(), pa.float64()]


def test_codes_are_told_by_every_name_there_is(result: ArmResult) -> None:
    """A name that a run did not need is still in the file, so that runs can be read side by side."""
    names = {
        (alerts_table, "dropped_reason"): REASONS,
        (decisions_table, "desk"): tuple(result.log.desks),
        (decisions_table, "verdict"): VERDICTS,
        (decisions_table, "dropped_reason"): REASONS,
        (actions_table, "action"): ACTIONS,
        (actions_table, "recipient"): tuple(dict.fromkeys(RECIPIENTS.values())),
        (actions_table, "effect"): EFFECTS,
    }
    for (table, column), known in names.items():
        assert tuple(table(result)[column].chunk(0).dictionary.to_pylist()) == known


def test_conversations(model: WorldModel, cell: Cell) -> None:
    table = conversations_table(model, cell).to_pydict()
    assert table["substitute"] == [0, 0, 1]
    # Waking from 07:30, 15 hours a day; a substitute has no times of its own.
    assert table["start_s"] == [27000.0, 86400.0 + 30600.0, None]
    assert table["offence_s"] == [27060.0, None, None] and table["closed_s"] == [None] * 3
    assert table["sex"] == ["girl", "boy", "girl"] and table["messages"] == [4, 5, 6]
    assert table["reason"] == [ENDINGS[0], ENDINGS[1], ENDINGS[5]] == ["censored", ENDINGS[1], "adult"]
    assert set(table["platform"]) <= set(model.platforms) and set(table["force"]) <= set(model.children.forces)
    assert set(table["offender_type"]) <= set(model.scenario.world.offenders.types)
    assert set(table["pacing"]) <= set(model.scenario.world.pacing)


def test_every_table_is_marked_synthetic(model: WorldModel, cell: Cell, result: ArmResult) -> None:
    tables = [conversations_table(model, cell), outcomes_table(cell, result), *(made(result) for made in OF_ARM)]
    version = str(SCHEMA_VERSION).encode()
    for table in tables:
        assert table.schema.metadata == {b"synthetic": b"true", b"schema_version": version}
