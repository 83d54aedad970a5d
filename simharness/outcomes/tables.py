"""The tables of one cell, as Arrow tables marked synthetic. Times in wall seconds since the period's first midnight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simharness.outcomes.cell import Cell
from simharness.records import LADDER, SCHEMA_VERSION, Action, Alert, Decision, Outcome
from simharness.response.arm import ArmResult
from simharness.response.log import ACTIONS, EFFECTS, VERDICTS
from simharness.response.log import REASONS as LOST
from simharness.scenario.policy import RECIPIENTS
from simharness.world.contacts import LINK_SHIFT
from simharness.world.generate import REASONS
from simharness.world.model import WorldModel

SYNTHETIC = {b"synthetic": b"true", b"schema_version": str(SCHEMA_VERSION).encode()}


def cell_tables(model: WorldModel, cell: Cell) -> dict[tuple[str, str], pa.Table]:
    """Every table of a cell by kind and arm: conversations (arm ""), and four kinds of every arm."""
    tables = {("conversations", ""): conversations_table(model, cell)}
    for name, arm in cell.arms.items():
        tables["outcomes", name] = outcomes_table(cell, arm)
        tables["alerts", name] = alerts_table(arm)
        tables["decisions", name] = decisions_table(arm)
        tables["actions", name] = actions_table(arm)
    return tables


def conversations_table(model: WorldModel, cell: Cell) -> pa.Table:
    """Every grooming conversation with its natural course: what happens if nobody acts.

    The times of a substitute, which is made only if an action brings it about, are left out.
    """
    contacts, truth, clock = cell.contacts, cell.truth, model.clock
    link = (contacts.conversation >> np.uint64(LINK_SHIFT)).astype(np.uint8)

    def planned(times: NDArray[np.float64]) -> pa.Array:
        return _never_null(np.where(link == 0, clock.wall(times), np.inf))

    return _table(
        {
            "conversation": contacts.conversation,
            "substitute": link,
            "offender": contacts.initiator,
            "offender_type": _named(contacts.kind, model.grammar.kinds),
            "child": contacts.child,
            "age": contacts.age,
            "sex": _named(np.where(contacts.girl, 0, 1), ("girl", "boy")),
            "force": _named(contacts.force, model.children.forces),
            "platform": _named(contacts.platform, model.platforms),
            "pacing": _named(contacts.regime, model.grammar.regimes),
            "messages": truth.messages,
            "start_s": planned(contacts.start),
            **{f"{rung}_s": planned(getattr(truth, rung)) for rung in LADDER},
            "reported_s": planned(truth.reported),
            "closed_s": planned(truth.closed),
            "reason": _named(truth.reason, REASONS),
        }
    )


def outcomes_table(cell: Cell, arm: ArmResult) -> pa.Table:
    """What every grooming conversation came to under one arm (:class:`Outcome`)."""
    rungs = [_never_null(arm.outcomes[:, place]) for place in range(len(LADDER))]
    times = (_never_null(arm.start), *rungs, _never_null(arm.recorded), _never_null(arm.cut))
    never_made = arm.cut == -np.inf
    closed = _never_null(np.where(never_made, np.inf, arm.closed))
    return _rows(Outcome, cell.contacts.conversation, *times, never_made, closed)


def alerts_table(arm: ArmResult) -> pa.Table:
    """Alerts of one arm (:class:`Alert`). False ones are at full volume: several share a sampled conversation's id."""
    log = arm.log
    return _rows(
        Alert,
        np.arange(len(log.alert_raised_s)),
        np.array(log.alert_conversation, np.uint64),
        np.array(log.alert_raised_s, np.float64),
        np.array(log.alert_right, np.int8) == 1,
        np.array(log.alert_risk, np.float32),
        _reasons(log.alert_dropped),
    )


def decisions_table(arm: ArmResult) -> pa.Table:
    """Every stay of an alert at a desk of one arm (:class:`Decision`)."""
    log = arm.log
    times = (log.stay_started_s, log.stay_claimed_s, log.stay_ended_s)
    return _rows(
        Decision,
        np.array(log.stay_alert, np.int64),
        _named(np.array(log.stay_desk, np.int8), tuple(log.desks)),
        np.array(log.stay_entered_s, np.float64),
        *(_never_null(np.array(column, np.float64)) for column in times),
        _named(np.array(log.stay_verdict, np.int8), VERDICTS),
        _reasons(log.stay_reason),
        np.array(log.stay_claims, np.int32),
        np.array(log.stay_worked_s, np.float64),
    )


def actions_table(arm: ArmResult) -> pa.Table:
    """Every action of one arm, taken or not (:class:`Action`)."""
    log = arm.log
    kind = np.array(log.action_kind, np.int8)
    recipients = tuple(dict.fromkeys(RECIPIENTS.values()))
    recipient = np.array([recipients.index(RECIPIENTS[action]) for action in ACTIONS])
    return _rows(
        Action,
        np.array(log.action_alert, np.int64),
        _named(kind, ACTIONS),
        _named(recipient[kind], recipients),
        np.array(log.action_at_s, np.float64),
        _named(np.array(log.action_effect, np.int8), EFFECTS),
    )


def _reasons(codes: Sequence[int]) -> pa.Array:
    numbers = np.array(codes, np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(numbers, mask=numbers == 0), pa.array(LOST, pa.string()))


def _rows(record: type[Alert | Decision | Action | Outcome], *columns: Any) -> pa.Table:
    return _table(dict(zip((column.name for column in fields(record)), columns, strict=True)))


def _table(columns: Mapping[str, Any]) -> pa.Table:
    return pa.table(dict(columns)).replace_schema_metadata(SYNTHETIC)


def _named(codes: NDArray[Any], names: tuple[str, ...]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.asarray(codes, np.int32)), pa.array(names, pa.string()))


def _never_null(times: NDArray[np.float64]) -> pa.Array:
    return pa.array(times, mask=~np.isfinite(times))
