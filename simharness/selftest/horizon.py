"""A longer period."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simharness.outcomes.cell import Cell, Prepared, replication_seed
from simharness.outcomes.tables import outcomes_table
from simharness.records import LADDER
from simharness.response.arm import ArmResult
from simharness.selftest.context import Context, grooming_only, live
from simharness.selftest.findings import Difference, Outcome, differing, outcome_of
from simharness.world.generate import World
from simharness.world.model import build_model

DAYS = 28
_LATER = (*LADDER, "reported", "closed")


def horizon_extension(context: Context) -> Outcome:
    """What happens after a day cannot change what happened before it, in the natural course or under any arm.

    Without harmless traffic: false alerts are spread over the days of the period, so more days spread them otherwise.
    """
    scenario = context.scenario
    end = scenario.period.end + dt.timedelta(days=DAYS)
    longer = scenario.model_copy(update={"period": scenario.period.model_copy(update={"end": end})})
    short = grooming_only(context.prepared)
    long = grooming_only(replace(context.prepared, model=build_model(longer, context.loaded.folder)))
    compared, rows = f"the period, and the same with {DAYS} days more, up to the old end", 0
    for replication in context.worlds:
        found = _harmless(short, long, replication)
        one, other = live(short, replication), live(long, replication)
        rows += len(one.contacts)
        found = found or _before(short, one, other)
        if found is not None:
            return outcome_of(compared, "", found)
    arms = len(context.scenario.arms)
    return outcome_of(compared, f"{rows:,} conversations and their outcomes under {arms} arms are the same", None)


def _harmless(short: Prepared, long: Prepared, replication: int) -> Difference | None:
    """Who makes harmless contact, as many of them as the file samples."""
    seed = replication_seed(short.model.scenario, replication)
    share, horizon = 0.001, short.model.horizon
    for one, other in zip(
        World(short.model, seed).benign_contacts(share), World(long.model, seed).benign_contacts(share), strict=True
    ):
        kept = other.take(other.start < horizon)
        if not np.array_equal(one.conversation, kept.conversation):
            return Difference("", "harmless conversations before the old end", "", str(len(kept)), str(len(one)))
    return None


def _before(prepared: Prepared, short: Cell, long: Cell) -> Difference | None:
    """The first thing before the old end in which the two differ."""
    rows = np.flatnonzero(np.isin(long.contacts.conversation, short.contacts.conversation))
    planned = long.contacts.start[: long.planned] < prepared.model.horizon
    if not np.array_equal(long.contacts.conversation[rows], short.contacts.conversation) or planned.sum() != (
        short.planned
    ):
        return Difference("", "conversations before the old end", "", str(planned.sum()), str(short.planned))
    found = _natural(prepared.model.horizon, short, long, rows)
    for name, arm in short.arms.items():
        if found is not None:
            return found
        later = long.arms[name]
        kept = replace(
            later,
            **{part: getattr(later, part)[rows] for part in ("outcomes", "recorded", "cut", "start", "closed")},
        )
        end, begins = prepared.model.scenario.horizon_s, _starts(prepared, short)
        tables = [outcomes_table(short, until(one, end, begins)) for one in (kept, arm)]
        found = differing(name, "outcomes", *tables)
    return found


def _natural(horizon: float, short: Cell, long: Cell, rows: NDArray[np.int64]) -> Difference | None:
    for column in _LATER:
        early = getattr(long.truth, column)[rows]
        got, expected = np.where(early < horizon, early, np.inf), getattr(short.truth, column)
        at = np.flatnonzero(got != expected)
        if at.size:
            row = int(at[0])
            where = f"conversation {short.contacts.conversation[row]}"
            return Difference(
                "", f"natural course, {column}, waking s", where, f"{got[row]:.10g}", f"{expected[row]:.10g}"
            )
    return None


def _starts(prepared: Prepared, cell: Cell) -> NDArray[np.float64]:
    """When each contact is planned, wall seconds; inf for a substitute, which is not."""
    planned = np.arange(len(cell.contacts)) < cell.planned
    return np.where(planned, prepared.model.clock.wall(cell.contacts.start), np.inf)


def until(arm: ArmResult, end: float, start: NDArray[np.float64]) -> ArmResult:
    """What has happened in an arm earlier than ``end`` (wall s); ``start``: when each contact is planned."""

    def seen(times: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(times < end, times, np.inf)

    # When it was decided that a contact is never made is not kept, only that it was before its start.
    begins = np.where(np.isinf(start), arm.start, start)  # of a substitute: when it was brought about
    return replace(
        arm,
        outcomes=seen(arm.outcomes),
        recorded=seen(arm.recorded),
        cut=np.where(begins < end, seen(arm.cut), np.inf),
        start=seen(arm.start),
        closed=seen(arm.closed),
    )
