"""The tables of one cell, as Arrow tables marked synthetic. Times in wall seconds since the period's first midnight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simharness.outcomes.cell import Cell
from simharness.records import LADDER
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
    """What every grooming conversation came to under one arm. ``never_made``: an action kept the contact from
    happening.
    """
    return _table(
        {
            "conversation": cell.contacts.conversation,
            **{f"{rung}_s": _never_null(arm.outcomes[:, place]) for place, rung in enumerate(LADDER)},
            "recorded_s": _never_null(arm.recorded),
            "cut_s": _never_null(arm.cut),
            "never_made": arm.cut == -np.inf,
        }
    )


def alerts_table(arm: ArmResult) -> pa.Table:
    """Alerts of one arm. False ones are at full volume: several stand for one sampled conversation and share its id."""
    log = arm.log
    return _table(
        {
            "alert": np.arange(len(log.alert_right)),
            "conversation": np.array(log.alert_conversation, np.uint64),
            "raised_s": np.array(log.alert_raised_s, np.float64),
            "right": np.array(log.alert_right, np.int8) == 1,
        }
    )


def decisions_table(arm: ArmResult) -> pa.Table:
    """Readings of alerts by people in one arm."""
    log = arm.log
    return _table(
        {
            "alert": np.array(log.decision_alert, np.int64),
            "desk": _named(np.array(log.decision_desk, np.int8), DESKS),
            "started_s": np.array(log.decision_started_s, np.float64),
            "ended_s": np.array(log.decision_ended_s, np.float64),
            "verdict": _named(np.array(log.decision_verdict, np.int8), VERDICTS),
        }
    )


def _table(columns: Mapping[str, Any]) -> pa.Table:
    return pa.table(dict(columns)).replace_schema_metadata(SYNTHETIC)


def _named(codes: NDArray[Any], names: tuple[str, ...]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.asarray(codes, np.int32)), pa.array(names, pa.string()))


def _never_null(times: NDArray[np.float64]) -> pa.Array:
    return pa.array(times, mask=~np.isfinite(times))
