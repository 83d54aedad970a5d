"""The tables of one cell, as Arrow tables marked synthetic. Times in wall seconds since the period's first midnight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simharness.outcomes.cell import Cell
from simharness.records import LADDER, Alert, Decision, Outcome
from simharness.response.arm import ArmResult
from simharness.response.log import DESKS, VERDICTS
from simharness.world.generate import REASONS
from simharness.world.model import WorldModel

SYNTHETIC = {b"synthetic": b"true", b"schema_version": b"1"}


def conversations_table(model: WorldModel, cell: Cell) -> pa.Table:
    """Every grooming conversation with its natural course: what happens if nobody acts."""
    contacts, truth, clock = cell.contacts, cell.truth, model.clock
    return _table(
        {
            "conversation": contacts.conversation,
            "offender": contacts.initiator,
            "offender_type": _named(contacts.kind, model.grammar.kinds),
            "child": contacts.child,
            "age": contacts.age,
            "sex": _named(np.where(contacts.girl, 0, 1), ("girl", "boy")),
            "force": _named(contacts.force, model.children.forces),
            "platform": _named(contacts.platform, model.platforms),
            "pacing": _named(contacts.regime, model.grammar.regimes),
            "messages": truth.messages,
            "start_s": clock.wall(contacts.start),
            **{f"{rung}_s": _never_null(clock.wall(getattr(truth, rung))) for rung in LADDER},
            "reported_s": _never_null(clock.wall(truth.reported)),
            "closed_s": _never_null(clock.wall(truth.closed)),
            "reason": _named(truth.reason, REASONS),
        }
    )


def outcomes_table(cell: Cell, arm: ArmResult) -> pa.Table:
    """What every grooming conversation came to under one arm (:class:`Outcome`)."""
    rungs = [_never_null(arm.outcomes[:, place]) for place in range(len(LADDER))]
    recorded, cut = _never_null(arm.recorded), _never_null(arm.cut)
    return _rows(Outcome, cell.contacts.conversation, *rungs, recorded, cut, arm.cut == -np.inf)


def alerts_table(arm: ArmResult) -> pa.Table:
    """Alerts of one arm (:class:`Alert`). False ones are at full volume: several share a sampled conversation's id."""
    log = arm.log
    conversation, raised = np.array(log.alert_conversation, np.uint64), np.array(log.alert_raised_s, np.float64)
    return _rows(Alert, np.arange(raised.size), conversation, raised, np.array(log.alert_right, np.int8) == 1)


def decisions_table(arm: ArmResult) -> pa.Table:
    """Readings of alerts by people in one arm (:class:`Decision`)."""
    log = arm.log
    return _rows(
        Decision,
        np.array(log.decision_alert, np.int64),
        _named(np.array(log.decision_desk, np.int8), DESKS),
        np.array(log.decision_started_s, np.float64),
        np.array(log.decision_ended_s, np.float64),
        _named(np.array(log.decision_verdict, np.int8), VERDICTS),
    )


def _rows(record: type[Alert | Decision | Outcome], *columns: Any) -> pa.Table:
    return _table(dict(zip((column.name for column in fields(record)), columns, strict=True)))


def _table(columns: Mapping[str, Any]) -> pa.Table:
    return pa.table(dict(columns)).replace_schema_metadata(SYNTHETIC)


def _named(codes: NDArray[Any], names: tuple[str, ...]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.asarray(codes, np.int32)), pa.array(names, pa.string()))


def _never_null(times: NDArray[np.float64]) -> pa.Array:
    return pa.array(times, mask=~np.isfinite(times))
