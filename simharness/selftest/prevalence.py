"""Without offenders."""

from __future__ import annotations

from collections import Counter

import numpy as np

from simharness.outcomes.cell import Cell
from simharness.outcomes.readings import Reading
from simharness.outcomes.traces import Traces
from simharness.response.arm import ArmResult
from simharness.selftest.context import Context, live, under
from simharness.selftest.findings import Difference, Outcome, outcome_of

_Alert = tuple[int, float, float]  # conversation, when, risk


def zero_prevalence(context: Context) -> Outcome:
    """Where nobody offends there is no harm, no right alert and no arrest, and harmless traffic is what it was."""
    model = context.prepared.model
    offenders = model.scenario.world.offenders
    none = offenders.model_copy(update={"count": offenders.count.model_copy(update={"value": 0.0})})
    world = model.scenario.world.model_copy(update={"offenders": none})
    empty = under(context.prepared, model.scenario.model_copy(update={"world": world}))
    compared, false = "0 offenders against as many as there are", 0
    for replication in context.worlds:
        cell, before = live(empty, replication), context.cell(replication)
        false += sum(len(false_alerts(arm)) for arm in cell.arms.values())
        found = _something_happens(cell) or _harmless_changed(context, cell, before)
        if found is not None:
            return outcome_of(compared, "", found)
    return outcome_of(compared, f"no harm in {len(context.worlds)} worlds, and the same {false:,} false alerts", None)


def _something_happens(cell: Cell) -> Difference | None:
    if len(cell.contacts):
        return Difference("", "conversations", "", f"{len(cell.contacts)} grooming conversations", "0")
    for name, arm in cell.arms.items():
        counted = {
            "right alerts": sum(arm.log.alert_right),
            "arrests": arm.log.counts["arrests"],
            "offences recorded": len(arm.log.case_risk),
        }
        for what, count in counted.items():
            if count:
                return Difference(name, what, "", str(count), "0")
    return None


def _harmless_changed(context: Context, cell: Cell, before: Cell) -> Difference | None:
    for name, reading in before.readings.items():
        # A watcher of all events may hold what an offender wrote to a child against the next to write to it.
        if context.prepared.scorers[name].table is None and context.prepared.scorers[name].needs_stream:
            continue
        found = _reading_changed(name, cell.readings[name], reading)
        if found is not None:
            return found
        for arm_name, arm in context.arms().items():
            if arm.detector == name:
                got, expected = (false_alerts(one.arms[arm_name]) for one in (cell, before))
                if got != expected:
                    return _first(arm_name, got, expected)
    return None


def _reading_changed(name: str, got: Reading, expected: Reading) -> Difference | None:
    one, other = (Traces.joined(reading.benign_traces).alert for reading in (got, expected))
    if one.size != other.size:
        return Difference(name, "harmless conversations read", "", str(one.size), str(other.size))
    rows = np.flatnonzero(one != other)
    if not rows.size:
        return None
    row = int(rows[0])
    return Difference(name, "message alerted on", f"harmless conversation {row + 1}", str(one[row]), str(other[row]))


def false_alerts(arm: ArmResult) -> Counter[_Alert]:
    """Every false alert of an arm: conversation, time and risk. What became of it is left out."""
    log = arm.log
    rows = zip(log.alert_conversation, log.alert_raised_s, log.alert_risk, log.alert_right, strict=True)
    return Counter((conversation, at, risk) for conversation, at, risk, right in rows if not right)


def _first(arm: str, got: Counter[_Alert], expected: Counter[_Alert]) -> Difference:
    differing = (got - expected) + (expected - got)
    alert = min(differing, key=lambda one: (one[1], one[0]))
    where = f"conversation {alert[0]} at {alert[1]:.10g} s"
    return Difference(arm, "false alerts", where, f"{got[alert]} alert(s)", f"{expected[alert]}")
